"""Patients of one ASTM message in another order, because a drawn value decides the order.

A system that lists what is to be done by ascending specimen id lists it otherwise for other ids.
Where every patient of one message has a counterpart in the other, and both messages ascend in one
and the same field, the second is read in the order of the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from harness.upgrade.placeholders import general

Block = list[tuple[str, str]]
"""Paths and values of one P record and of what follows it, in order."""

Same = Callable[[str, str, str], bool]
"""Whether two values at a path may stand for each other."""

_RECORD = re.compile(r"(\w+)\[(\d+)\](.*)")
_ROW = re.compile(r"row\[(\d+)\]\.(.*)", re.DOTALL)

SEQUENCE = "P.2"
"""Numbers the patients of a message by their place in it (ASTM E1394 §7.1.2)."""


def rearranged(
    old: Mapping[str, str], new: Mapping[str, str], same: Same
) -> Mapping[str, str] | None:
    """``new`` with its patients in the order of ``old``; None where that does not fit."""
    ours, theirs = _blocks(old), _blocks(new)
    if len(ours) != len(theirs) or len(ours) < 4:  # the header, two patients, the end
        return None
    left = theirs[1:-1]
    found: list[Block] = []
    for block in ours[1:-1]:
        twin = next((each for each in left if _alike(block, each, same)), None)
        if twin is None:
            return None
        left.remove(twin)
        found.append(twin)
    if found == theirs[1:-1] or not _ascend(ours[1:-1], theirs[1:-1]):
        return None
    return _joined([theirs[0], *found, theirs[-1]], theirs)


def _blocks(values: Mapping[str, str]) -> list[Block]:
    blocks: list[Block] = [[]]
    last = ""
    for path, value in values.items():
        record = path.split(".", 1)[0]
        if record != last and record[:2] in {"P[", "L["}:
            blocks.append([])
        last = record
        blocks[-1].append((path, value))
    return blocks


def _alike(one: Block, other: Block, same: Same) -> bool:
    return len(one) == len(other) and all(
        general(path) == general(twin)
        and (value == counterpart or general(path) == SEQUENCE or same(path, value, counterpart))
        for (path, value), (twin, counterpart) in zip(one, other, strict=True)
    )


def _ascend(ours: Sequence[Block], theirs: Sequence[Block]) -> bool:
    """Whether both ascend in a field, other than the sequence number, that is never the same."""
    for path in {general(path) for path, _ in ours[0]} - {SEQUENCE}:
        sides = [
            [next((value for at, value in block if general(at) == path), "") for block in side]
            for side in (ours, theirs)
        ]
        if all(len(set(side)) == len(side) and side == sorted(side) for side in sides):
            return True
    return False


def _joined(blocks: Sequence[Block], places: Sequence[Block]) -> Mapping[str, str]:
    """The blocks as one message again: records counted anew, sequence numbers by place."""
    counts: dict[str, int] = {}
    seen: dict[tuple[int, str], int] = {}
    values: dict[str, str] = {}
    for number, block in enumerate(blocks):
        sequence = next((value for at, value in places[number] if general(at) == SEQUENCE), "")
        for path, value in block:
            match = _RECORD.fullmatch(path)
            if match is None:
                values[path] = value
                continue
            kind, index, rest = match.groups()
            if (number, f"{kind}{index}") not in seen:
                counts[kind] = counts.get(kind, 0) + 1
                seen[number, f"{kind}{index}"] = counts[kind]
            at = f"{kind}[{seen[number, f'{kind}{index}']}]{rest}"
            values[at] = sequence if general(path) == SEQUENCE else value
    return values


def rows_rearranged(
    old: Mapping[str, str], new: Mapping[str, str], same: Same
) -> Mapping[str, str] | None:
    """``new``, an answer of a probe, with its rows in the order of ``old``; None where none fits.

    Rows come by ascending id, or in no order at all: each must have its counterpart.
    """
    ours, theirs = _rows(old), _rows(new)
    if len(ours) != len(theirs) or len(ours) < 2:
        return None
    left = list(theirs.values())
    values = {path: value for path, value in new.items() if not _ROW.fullmatch(path)}
    for number, row in ours.items():
        twin = next((each for each in left if _row_alike(row, each, same)), None)
        if twin is None:
            return None
        left.remove(twin)
        values |= {f"row[{number}].{column}": value for column, value in twin.items()}
    return values


def _rows(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    for path, value in values.items():
        if match := _ROW.fullmatch(path):
            rows.setdefault(match[1], {})[match[2]] = value
    return rows


def _row_alike(one: Mapping[str, str], other: Mapping[str, str], same: Same) -> bool:
    return one.keys() == other.keys() and all(
        value == other[column] or same(f"row.{column}", value, other[column])
        for column, value in one.items()
    )
