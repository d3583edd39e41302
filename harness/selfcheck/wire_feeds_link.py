"""Fault classes of framing, connections, acknowledgements and order, as the wire shows them.

Each function looks for one row of the HL7 part of the catalogue; ``wire_feeds.py`` says which.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Final

from harness.evidence.line import unpack
from harness.selfcheck.wire_feeds_look import Exchange, Sent, same_line

BUFFER_BYTES: Final = 64 * 1024
LARGE_BYTES: Final = 256 * 1024
IDLE_S: Final = 5.0
LATE_S: Final = 0.35
AT_ONCE_S: Final = 0.1
CAP: Final = 10
"""Connections that the most copied engine serves."""

ERROR_CHARS: Final = 80
"""Room for an error text in MSA-3 (HL7 2.4 §2.16.8.3)."""

# -- framing ---------------------------------------------------------------------------------------


def several_on_one_line(story: Exchange) -> bool:
    """Three different messages of one sender over one connection."""
    ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in story.sent:
        ids[one.conn, one.frm].add(one.control_id)
    return any(len(some) > 2 for some in ids.values())


def answer_without_blocks(story: Exchange) -> bool:
    """An answer that begins with MSH on the wire, without SB."""
    return any(data.startswith(b"MSH") and b"\rMSA" in data for _, data in story.chunks)


def wrapped_twice(story: Exchange) -> bool:
    """SB SB, or EB CR EB CR."""
    return any(b"\x0b\x0bMSH" in data or b"\x1c\r\x1c\r" in data for _, data in story.chunks)


def other_end(story: Exchange) -> bool:
    """EB at the end of a read, with something else than CR behind it."""
    return any(re.search(rb"\x1c[^\r]\Z", data) for _, data in story.chunks)


def closes_each_time(story: Exchange) -> bool:
    """The receiver hung up right after its answer, and the next message came over another line."""
    for link in story.links:
        if link["event"] != "closed":
            continue
        before = [
            one for one in story.all if one.n < link["n"] and same_line(one.conn, link["conn"])
        ]
        after = [one for one in story.sent if one.n > link["n"] and one.frm == link["frm"]]
        if (
            before
            and after
            and before[-1].is_answer
            and link["t"] - before[-1].t < AT_ONCE_S
            and before[-1].one("MSA", 2) != after[0].control_id
            and not same_line(after[0].conn, link["conn"])
        ):
            return True
    return False


def after_a_pause(story: Exchange) -> bool:
    """A message over a line on which nothing went for a while."""
    last: dict[str, float] = {}
    for one in story.all:
        line = one.conn.rstrip(">")
        if not one.is_answer and one.t - last.get(line, one.t) >= IDLE_S:
            return True
        last[line] = one.t
    return False


def many_connections(story: Exchange) -> bool:
    """More than ``CAP`` connections of one link open at a time."""
    open_now: defaultdict[str, set[str]] = defaultdict(set)
    for one in story.links:
        lines = open_now[one["link"]]
        if one["event"] == "opened":
            lines.add(one["conn"].rstrip(">"))
        else:
            lines.discard(one["conn"].rstrip(">"))
        if len(lines) > CAP:
            return True
    return False


def above_buffer(story: Exchange) -> bool:
    """A message longer than a common buffer."""
    return any(len(one.raw) > BUFFER_BYTES for one in story.sent)


def very_large(story: Exchange) -> bool:
    """A message long enough to show a reader whose time grows faster than its input."""
    return any(len(one.raw) > LARGE_BYTES for one in story.sent)


def empty_line(story: Exchange) -> bool:
    """CR CR inside a message."""
    return any(b"\r\r" in one.raw for one in story.sent)


def half_frame_elsewhere(story: Exchange) -> bool:
    """A frame stands half sent on one line while a whole message goes over another."""
    half: set[str] = set()
    for record in story.line:
        line = record["conn"].rstrip(">")
        if record["kind"] == "link":
            half.discard(line)
            continue
        data = unpack(record["raw"])
        if line not in half and data.startswith(b"\x0b") and b"\x1c" not in data:
            half.add(line)
        elif line in half and b"\x1c" in data:
            half.discard(line)
        elif half - {line} and data.startswith(b"\x0bMSH") and b"\x1c\r" in data:
            return True
    return False


def again_and_again(story: Exchange) -> bool:
    """Two connections of one side in a row failed, or ended without any answer."""
    ends = 0
    for record in story.line:
        if record["kind"] == "bytes":
            ends = 0 if b"MSA|" in unpack(record["raw"]) else ends
        elif record["event"] != "opened" and not record["conn"].endswith(">"):
            ends += 1
        if ends > 1:
            return True
    return False


def commit_block(story: Exchange) -> bool:
    """SB ACK EB CR or SB NAK EB CR (MLLP release 2)."""
    return any(data in {b"\x0b\x06\x1c\r", b"\x0b\x15\x1c\r"} for _, data in story.chunks)


# -- acknowledgement -------------------------------------------------------------------------------


def _waiting(story: Exchange) -> list[tuple[Sent, Sent]]:
    """Answers with the message before them on their line."""
    last: dict[str, Sent] = {}
    found = []
    for one in story.all:
        line = one.conn.rstrip(">")
        if not one.is_answer:
            last[line] = one
        elif line in last and last[line].frm == one.to:
            found.append((one, last[line]))
    return found


def foreign_accept(story: Exchange) -> bool:
    """AA, but to none of the messages that wait on that line."""
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for one in story.all:
        ids = waiting[one.conn.rstrip(">")]
        if not one.is_answer:
            ids.append(one.control_id)
        elif one.one("MSA", 2) in ids:
            ids.remove(one.one("MSA", 2))
        elif ids and one.one("MSA", 1) == "AA":
            return True
    return False


def unknown_id(story: Exchange) -> bool:
    """MSA-2 names what nobody sent."""
    ids = {one.control_id for one in story.sent}
    return any(one.one("MSA", 2) not in ids for one in story.answers)


def late_answer(story: Exchange) -> bool:
    """An answer to a message came when a later one of that sender was on its way."""
    first = {(one.frm, one.control_id): one.n for one in reversed(story.sent)}
    return any(
        any(
            mine < n < answer.n
            for (frm, ident), n in first.items()
            if frm == answer.to and ident != answer.one("MSA", 2)
        )
        and _answered_before(story, answer)
        for answer in story.answers
        for mine in [first.get((answer.to, answer.one("MSA", 2)), answer.n)]
    )


def _answered_before(story: Exchange, answer: Sent) -> bool:
    about = answer.one("MSA", 2)
    return any(one.n < answer.n and one.one("MSA", 2) == about for one in story.answers)


def crossed_answers(story: Exchange) -> bool:
    """Messages of one sender stood unanswered on two open lines at a time."""
    waiting: dict[str, tuple[str, str]] = {}
    events = sorted(
        [(one.n, one) for one in story.all] + [(one["n"], one["conn"]) for one in story.ended],
        key=lambda pair: pair[0],
    )
    for _, event in events:
        if isinstance(event, str):
            waiting.pop(event.rstrip(">"), None)
        elif event.is_answer:
            waiting.pop(event.conn.rstrip(">"), None)
        else:
            waiting[event.conn.rstrip(">")] = (event.frm, event.control_id)
        senders = Counter(frm for frm, _ in {*waiting.values()})
        if any(count > 1 for count in senders.values()):
            return True
    return False


def malformed_answer(story: Exchange) -> bool:
    """A frame towards a waiting sender that is no message."""
    return any(
        re.search(rb"\x0b(?!MSH|\xef\xbb\xbf|\x0b|\x06|\x15)[^\x1c]*\x1c\r", data)
        for _, data in story.chunks
    )


def accept_then_apply(story: Exchange) -> bool:
    """CA and then AA to one message."""
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for one in story.answers:
        codes[one.one("MSA", 2)].append(one.one("MSA", 1))
    return any("CA" in some and "AA" in some for some in codes.values())


def cannot_be_processed(story: Exchange) -> bool:
    """A message without what its type must have."""
    return any(
        (one.kind == "ORU" and not one.one("OBR", 3))
        or (one.kind == "ADT" and not one.one("PID", 3))
        for one in story.sent
    )


def free_text(story: Exchange) -> bool:
    """Printable text without a frame, where an answer is waited for."""
    return any(re.fullmatch(rb"[A-Z]{4}[ -~]*[\r\n]*", data) for _, data in story.chunks)


def header_not_swapped(story: Exchange) -> bool:
    """An answer names the sender of the message as its own."""
    return any(
        answer.one("MSH", 3) == message.one("MSH", 3) != message.one("MSH", 5)
        for answer, message in _waiting(story)
    )


def other_type_or_version(story: Exchange) -> bool:
    """An answer without the event, or in another version than the message."""
    return any(
        answer.kind == "ACK"
        and (answer.event != message.event or answer.one("MSH", 12) != message.one("MSH", 12))
        for answer, message in _waiting(story)
    )


def no_last_end(story: Exchange) -> bool:
    """The last segment of an answer ends at EB."""
    return any(not one.raw.endswith(b"\r") for one in story.answers)


def same_answer_id(story: Exchange) -> bool:
    """Answers to different messages with one MSH-10."""
    about: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in story.answers:
        about[one.frm, one.control_id].add(one.one("MSA", 2))
    return any(len(some) > 1 for some in about.values())


def batch(story: Exchange) -> bool:
    """Several messages in one frame, between FHS or BHS and their ends."""
    return any(
        re.search(rb"\x0b(FHS|BHS)[^\x1c]*\rMSH[^\x1c]*\rMSH", data) for _, data in story.chunks
    )


def answer_takes_long(story: Exchange) -> bool:
    """An answer came later than a sender in a hurry waits."""
    return any(answer.t - message.t >= LATE_S for answer, message in _waiting(story))


def unsupported(story: Exchange) -> bool:
    """An event that does not exist, or a type that the receiver never takes."""
    return any(one.event == "A99" or (one.kind == "MDM" and one.to == "HIS") for one in story.sent)


def long_error(story: Exchange) -> bool:
    """An error text in Chinese, or longer than its field may be."""
    texts = [one.one("MSA", 3) for one in story.answers]
    return any(len(text) > ERROR_CHARS or not text.isascii() for text in texts)


def unusual_conditions(story: Exchange) -> bool:
    """MSH-15 or MSH-16 with something else than AL."""
    return any({one.one("MSH", 15), one.one("MSH", 16)} & {"NE", "ER", "SU"} for one in story.sent)


def refused_before_others(story: Exchange) -> bool:
    """A message was refused, and the sender had more to send."""
    return any(
        answer.one("MSA", 1) in {"AE", "AR"}
        and any(
            one.n > answer.n and one.frm == answer.to and one.control_id != answer.one("MSA", 2)
            for one in story.sent
        )
        for answer in story.answers
    )


# -- order -----------------------------------------------------------------------------------------


def resent_before_next(story: Exchange) -> bool:
    """A message had to come again, and another one about the same patient was behind it."""
    count = Counter((one.frm, one.control_id) for one in story.sent)
    again = {key for key, times in count.items() if times > 1}
    return any(
        first.patient == second.patient != "" and first.control_id != second.control_id
        for first in story.sent
        if (first.frm, first.control_id) in again
        for second in story.sent
        if second.n > first.n and second.frm == first.frm
    )


def _runs(story: Exchange) -> list[tuple[Sent, Sent]]:
    """Two messages about one patient of which the second did not wait for an answer."""
    return [
        (first, second)
        for first, second in pairwise(story.all)
        if not first.is_answer
        and not second.is_answer
        and first.conn == second.conn
        and first.patient == second.patient != ""
        and first.control_id != second.control_id
    ]


def without_waiting(story: Exchange) -> bool:
    """Two different messages about one patient, without waiting for an answer."""
    return bool(_runs(story))


def small_behind_large(story: Exchange) -> bool:
    """A message of less than a tenth right behind a large one, about one patient."""
    return any(len(first.raw) > 10 * len(second.raw) for first, second in _runs(story))


def one_id_two_contents(story: Exchange) -> bool:
    """One MSH-10 with two contents."""
    seen: dict[tuple[str, str], bytes] = {}
    return any(seen.setdefault((one.frm, one.control_id), one.raw) != one.raw for one in story.sent)


def again_over_new_line(story: Exchange) -> bool:
    """A message came again, byte for byte, over another connection."""
    seen: dict[bytes, str] = {}
    return any(seen.setdefault(one.raw, one.conn) != one.conn for one in story.sent)


def older_state(story: Exchange) -> bool:
    """A preliminary result of an item behind its final one."""
    final: set[tuple[str, str]] = set()
    for one in story.of("ORU"):
        specimen = one.one("OBR", 3)
        for item, status in zip(one.all("OBX", 3), one.all("OBX", 11), strict=True):
            if status == "P" and (specimen, item) in final:
                return True
            if status in {"F", "C"}:
                final.add((specimen, item))
    return False
