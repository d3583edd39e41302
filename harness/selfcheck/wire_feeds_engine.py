"""Fault classes that show where a system is restarted, upgraded or answers elsewhere.

Interface engines bring most of them: answers over a connection of their own, numbered messages,
and what a new version makes of old rules. ``wire_feeds.py`` says which row each function is for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from harness.digits import whole_number
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
        number = whole_number(one.one("MSH", 13))
        sender = (one.one("MSH", 3), one.one("MSH", 4))
        if not number:
            continue
        if sender in last and number > last[sender] + 1:
            return True
        last[sender] = number
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


_VALIDITY: Final = re.compile(rb"\x17\r(\d{12})Z\x17\r(\d{12})Z")
"""UTCTime of notBefore and notAfter, one behind the other (RFC 5280 §4.1.2.5, X.690 §11.8)."""

_NO_CERTIFICATE: Final = b"\x0b\x00\x00\x03\x00\x00\x00"
"""Certificate of TLS 1.2 with an empty list (RFC 5246 §7.4.2)."""

_OLD_GREETING: Final = re.compile(rb"\x16\x03[\x00-\x03]..\x01...\x03[\x01\x02]", re.DOTALL)
"""ClientHello whose version is TLS 1.0 or 1.1 (RFC 5246 §7.4.1.2)."""


def odd_certificate(story: Exchange) -> bool:
    """Certificates of one handshake that never held at one time, none at all, or an old version.

    Read from the records of TLS 1.2, where certificates still go over the wire in the clear.
    """
    for data in story.secured.values():
        times = [(found[1], found[2]) for found in _VALIDITY.finditer(data)]
        apart = any(after < begin for _, after in times for begin, _ in times)
        if apart or (times and _NO_CERTIFICATE in data) or _OLD_GREETING.match(data):
            return True
    return False
