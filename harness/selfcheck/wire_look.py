"""Did a fault that says it fired truly happen? Read from what the link recorded beside it.

The fault's own record says what it meant to do. What is looked at here are the records of other
hands: the bytes that went over the connection, and the end of the connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from harness.evidence.line import unpack
from harness.evidence.trace import Record

AT_ONCE_S = 0.05
"""A unit that is not lost follows its fault within this; repeats of protocols come after 0.2 s."""

CHUNKS_MAX = 64 * 1024
"""Reads that one unit may come in: a message of 64 KiB, byte by byte."""

ENDS = frozenset({"closed", "refused", "failed"})


def happened(fired: Record, records: Sequence[Record]) -> bool:
    """Whether the link shows what a ``fired`` record says.

    Args:
        fired: a ``fault`` record with the event ``fired``.
        records: the trace that it is from.
    """
    later = [one for one in records if one["n"] > fired["n"]]
    if fired.get("action") == "pause":
        return _stood_still(fired, later)
    if fired.get("layer") == "process":
        return _lost_power(fired, later)
    if "before" not in fired:
        return False  # a simulator of ours says so itself: no other hand has seen it
    before, after = unpack(fired["before"]), unpack(fired["after"])
    if not before and not after:
        return any(_ended(fired, one) for one in later)
    if not after:
        return not any(
            unpack(one["raw"]).startswith(before)
            for one in _bytes(fired, later)
            if one["t"] <= fired["t"] + AT_ONCE_S
        )
    if before == after:
        return _travelled_otherwise(fired, before, later)
    seen = _stream(fired, later, max(len(before), len(after)))
    return seen.startswith(after) and (after.startswith(before) or not seen.startswith(before))


def _travelled_otherwise(fired: Record, data: bytes, later: Sequence[Record]) -> bool:
    """The bytes are the right ones: in pieces, late, or with a reset behind them."""
    if not _stream(fired, later, len(data)).startswith(data):
        return False
    first = next(_bytes(fired, later))
    if len(unpack(first["raw"])) < len(data) or first["t"] > fired["t"]:
        return True
    return any(_ended(fired, one) and "reset" in one.get("reason", "") for one in later)


def _bytes(fired: Record, later: Sequence[Record]) -> Iterator[Record]:
    """What the sender of the faulty unit sent from then on, on the same connection."""
    return (
        one
        for one in later
        if one["kind"] == "bytes"
        and one["conn"] == fired.get("conn")
        and one["frm"] == fired.get("frm")
    )


def _stream(fired: Record, later: Sequence[Record], length: int) -> bytes:
    seen = b""
    for one in islice(_bytes(fired, later), CHUNKS_MAX):
        seen += unpack(one["raw"])
        if len(seen) >= length:
            break
    return seen


def _ended(fired: Record, record: Record) -> bool:
    same = record.get("conn") == fired.get("conn")
    return record["kind"] == "link" and record["event"] in ENDS and same


_STILL = re.compile(r"(?P<role>\S+) stands still for (?P<s>[\d.]+) s")


def _stood_still(fired: Record, later: Sequence[Record]) -> bool:
    """The system sent nothing for so long, though something was sent to it."""
    said = _STILL.fullmatch(str(fired.get("detail", "")))
    if said is None:
        return False
    role, until = said["role"], fired["t"] + float(said["s"])
    seen = [
        one
        for one in later
        if one["kind"] == "bytes" and fired["t"] + AT_ONCE_S < one["t"] < until - AT_ONCE_S
    ]
    asked = any(one["kind"] == "bytes" and one["to"] == role for one in later)
    return asked and not any(one["frm"] == role for one in seen)


def _lost_power(fired: Record, later: Sequence[Record]) -> bool:
    """Connections of the system broke before it was said to be back."""
    for one in later:
        if one["kind"] == "fault" and one["id"] == fired["id"] and one["event"] == "healed":
            return False
        broke = one["kind"] == "link" and one["event"] in ENDS
        if broke and one.get("reason", "") in {"reset", "refused"}:
            return _names(fired, one)
    return False


def _names(fired: Record, link: Record) -> bool:
    """The system that lost its power is an end of that connection."""
    return bool({link["frm"], link["to"]} & {*str(fired.get("detail", "")).split()})
