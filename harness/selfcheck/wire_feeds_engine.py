"""Fault classes that show where a system is restarted, upgraded or answers elsewhere.

Interface engines bring most of them: answers over a connection of their own, numbered messages,
and what a new version makes of old rules. ``wire_feeds.py`` says which row each function is for.
"""

from __future__ import annotations

from collections import defaultdict

from harness.selfcheck.wire_feeds_look import Exchange, Sent


def second_connection(story: Exchange) -> bool:
    """An answer came over a connection of its own, opened by whoever answers."""
    conns: defaultdict[str, set[str]] = defaultdict(set)
    for one in story.sent:
        conns[one.control_id].add(one.conn.rstrip(">"))
    links = {one["conn"].rstrip(">"): one["link"] for one in story.links}
    return any(
        (lines := conns.get(answer.one("MSA", 2)))
        and links.get(answer.conn.rstrip(">")) not in {links.get(line) for line in lines}
        for answer in story.answers
    )


def number_missing(story: Exchange) -> bool:
    """MSH-13 went up by more than one."""
    last: dict[tuple[str, str], int] = {}
    for one in story.sent:
        number = one.one("MSH", 13)
        sender = (one.one("MSH", 3), one.one("MSH", 4))
        if not number.isascii() or not number.isdigit() or number == "0":
            continue
        if sender in last and int(number) > last[sender] + 1:
            return True
        last[sender] = int(number)
    return False


def _after_upgrade(story: Exchange) -> list[Sent]:
    """Messages behind the first upgrade of a system."""
    at = next((one["n"] for one in story.records
               if one["kind"] == "command" and one["name"] == "upgrade"), None)  # fmt: skip
    return [] if at is None else [one for one in story.sent if one.n > at]


def other_charset_after_upgrade(story: Exchange) -> bool:
    """After an upgrade one matter goes out in two character sets."""
    sets: defaultdict[str, set[str]] = defaultdict(set)
    for one in _after_upgrade(story):
        sets[one.control_id].add(one.declared)
    return any(len(some) > 1 for some in sets.values())


def all_kinds_after_upgrade(story: Exchange) -> bool:
    """After an upgrade at least three kinds of messages go through."""
    return len({(one.kind, one.event) for one in _after_upgrade(story)}) > 2


def back_after_restart(story: Exchange) -> bool:
    """A system was stopped and came back, and then took a message over a new connection."""
    for record in story.records:
        if record["kind"] != "fault" or record.get("layer") != "process":
            continue
        if record["event"] != "healed":
            continue
        role, at = record.get("detail", "").partition(" ")[0], record["n"]
        opened = {one["conn"].rstrip(">") for one in story.links
                  if one["n"] > at and one["event"] == "opened" and one["to"] == role}  # fmt: skip
        if any(one.conn.rstrip(">") in opened and one.to == role for one in story.sent):
            return True
    return False
