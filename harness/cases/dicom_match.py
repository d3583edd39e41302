"""Which recorded line of DICOM a message of a replay stands for, and which is nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.cases.dicom_about import KEYS, is_match
from harness.cases.kept import Line
from harness.cases.player import Heard
from harness.cases.slots import Slots
from harness.evidence.correlate import Summary

PROTOCOL: Final = "dicom"


@dataclass(slots=True)
class Match:
    """Finds the lines; each stands for one message where several are alike.

    Args:
        slots: of the replay.
    """

    slots: Slots
    _used: set[int] = field(default_factory=set)

    def alike(self, about: Summary, lines: Sequence[Line]) -> Line | None:
        """The recorded line that a message stands for: of its kind, about the same, not used yet.

        Of several answers to one query each stands for one. A request that comes again stands for
        each of those that are like it, and for the last one again.
        """
        match, kind = is_match(about.type), about.type.partition("^")[0]
        alike = [one for one in lines if one.kind.partition("^")[0] == kind
                 and one.protocol == PROTOCOL and is_match(one.kind) == match]  # fmt: skip
        each = match or kind in {"C-FIND-RSP", "C-MOVE-RSP", "C-GET-RSP"}
        used = self._used if each else set[int]()
        ranked = [(self._shared(one, about), one.number not in self._used, one)
                  for one in alike if one.number not in used]  # fmt: skip
        fitting = [one for one in ranked if one[0] is not None]
        found = max(fitting, key=_rank, default=(0, False, None))[2]
        if found is not None:
            self._used.add(found.number)
        return found

    def _shared(self, line: Line, about: Summary) -> int | None:
        """How many keys a line and a message have in common; None where they are of two matters."""
        theirs = {key: self.slots.text(value) for key, value in line.corr.items() if key in KEYS}
        shared = sum(about.corr.get(key) == value for key, value in theirs.items())
        other = any(about.corr.get(key, value) != value for key, value in theirs.items())
        return None if other and not shared else shared


def nearest(heard: Heard, lines: Sequence[Line], slots: Slots) -> Line | None:
    """The recorded line that is most like a message which stands for none."""

    def likeness(line: Line) -> tuple[bool, int]:
        same = line.kind.partition("^")[0] == heard.kind.partition("^")[0]
        shared = sum(heard.corr.get(key) == slots.text(value)
                     for key, value in line.corr.items())  # fmt: skip
        return same, shared

    return max((one for one in lines if one.protocol == PROTOCOL), key=likeness, default=None)


def _rank(one: tuple[int | None, bool, Line]) -> tuple[int, bool, int]:
    """The one that has most in common; of equal ones the first that is free, else the last."""
    shared, free, line = one
    return shared or 0, free, -line.number if free else line.number
