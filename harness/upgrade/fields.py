"""Pairs of values of two messages that may differ, without building trees of what is equal.

Equal segments of an HL7 message hold equal values, so only the others are looked into, and those
whose values are new each time. A message whose separators, character set or sequence of segments
differ is compared as a whole, and so are the other protocols.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from harness.upgrade.observe import Observation, Values

Pair = tuple[str, str | None, str | None]
"""Path, value before and after; None for a field that is not there."""

SETTLED: Final = frozenset(
    f"MSH-{number}" for number in (3, 4, 5, 6, 9, 11, 12, 13, 15, 16, 17, 18)
) | {"MSA-1", "MSA-3"}
"""Fields of headers that hold no new ids or times: equal ones need no second look."""

MARKS: Final = b"^~\\&"


def pairs(one: Observation, other: Observation, open_segments: AbstractSet[str]) -> Iterator[Pair]:
    """What is to be compared of two observations, at least everything in which they differ.

    Args:
        one: before.
        other: after.
        open_segments: names of segments that are always looked into.
    """
    quick = _segments(one, other, open_segments)
    if quick is not None:
        yield from quick
        return
    yield from of_values(one.values, other.values)


def of_values(old: Values, new: Values) -> Iterator[Pair]:
    """Every path of either side.

    A field without parts and one whose first part is all that it had are one place: ``K`` that
    became ``K^^L`` has something added, and nothing removed (HL7 2.5.1 §2.10.5).
    """
    ours, theirs = _one_part(old, new), _one_part(new, old)
    for path in dict.fromkeys([*ours, *theirs]):
        yield path, ours.get(path), theirs.get(path)


def _one_part(values: Values, others: Values) -> Values:
    """The same, with a value at its first part where the other side has parts."""
    moved = [path for path in values if path not in others and f"{path}.1" in others]
    if not moved:
        return values
    renamed = {path: f"{path}.1" for path in moved if f"{path}.1" not in values}
    return {renamed.get(path, path): value for path, value in values.items()}


def _segments(
    one: Observation, other: Observation, open_segments: AbstractSet[str]
) -> list[Pair] | None:
    """The pairs of segments that differ or are open; None where only whole trees will do."""
    if one.kind != "message" or not one.record["protocol"] == other.record["protocol"] == "hl7":
        return None
    old, new = one.raw.split(b"\r"), other.raw.split(b"\r")
    if len(old) != len(new) or not _same_writing(old[0], new[0]):
        return None
    counts: dict[bytes, int] = {}
    found: list[Pair] = []
    for ours, theirs in zip(old, new, strict=True):
        name = ours[:3]
        if name != theirs[:3]:
            return None
        counts[name] = counts.get(name, 0) + 1
        if ours == theirs and name.decode("latin-1") not in open_segments:
            continue
        inside = _fields(ours, theirs, counts[name])
        if inside is None:
            return None
        found += inside
    return found


def _same_writing(old: bytes, new: bytes) -> bool:
    """Separators as recommended, and one character set."""
    if not (old[:3] == b"MSH" and old[:8] == new[:8] and old[3:8] == b"|" + MARKS):
        return False
    return old.split(b"|")[17:18] == new.split(b"|")[17:18]


def _fields(ours: bytes, theirs: bytes, number: int) -> list[Pair] | None:
    """Pairs of the fields of one segment; None where a field that differs has parts."""
    if not (ours.isascii() and theirs.isascii()) or ours[3:4] not in {b"|", b""}:
        return None  # a byte of a Chinese character may look like a separator
    old, new = ours.decode("ascii").split("|"), theirs.decode("ascii").split("|")
    if len(old) != len(new):
        return None
    name = old[0]
    first = 1 if name == "MSH" else 0  # MSH-1 is the separator itself (HL7 2.5.1 §2.15.9.1)
    found: list[Pair] = []
    for at in range(1 + first, len(old)):
        if old[at] == new[at] and f"{name}-{at + first}" in SETTLED:
            continue
        if any(mark in old[at] or mark in new[at] for mark in "^~\\&"):
            if old[at] != new[at]:
                return None
            continue
        found.append((f"{name}[{number}]-{at + first}[1]", old[at], new[at]))
    return found
