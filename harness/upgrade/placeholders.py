"""Values that may differ between two runs of one system, and what must hold of them all the same.

Times, control ids and serial numbers are new in each run. Such a value is compared by its kind and
by which other values it equals (``MSA-2`` is still the control id that was sent), never by nothing:
a field that is missing, or holds something of another kind, is a difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.upgrade.observe import Observation

_INDEX = re.compile(r"\[\d+\]")

VOLATILE: Final = (
    ("message", "MSH-7"),
    ("message", "EVN-2"),
    ("message", "MSH-10"),
    ("message", "MSA-2"),
    ("message", "H.14"),
    ("message", "H.3"),
)
"""What the standards themselves say is new each time: the time of the message and of its recording
(HL7 2.4 §3.4.1.2: the clock of the system by default), and its id."""

_KINDS: Final = (
    ("empty", re.compile(r"\Z")),
    ("time", re.compile(r"(?:19|20)\d{6}(?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?\Z")),
    (
        "time",
        re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\Z"),
    ),
    ("uid", re.compile(r"[0-2](?:\.\d+){3,}\Z")),
    ("hash", re.compile(r"[0-9A-Fa-f]{32,}\Z")),
    ("number", re.compile(r"-?\d+\Z")),
    ("decimal", re.compile(r"-?\d+\.\d+\Z")),
    ("serial", re.compile(r"[A-Za-z]*[-_]?[A-Za-z0-9]*\d[A-Za-z0-9-]*\Z")),
)
"""Kinds of values, the first that fits; what fits none is ``text``."""

Place = tuple[str, str, str]
"""Stream kind and name, and the path without the numbers of its segments."""


def general(path: str) -> str:
    """``OBX[3]-5`` as ``OBX-5``: what repeats in every segment is one difference.

    >>> general("OBX[3]-5.1")
    'OBX-5.1'
    """
    return _INDEX.sub("", path)


def kind_of(value: str) -> str:
    """What sort of value it is.

    >>> kind_of("20260105080000"), kind_of("M-17"), kind_of("张三")
    ('time', 'serial', 'text')
    """
    return next((name for name, pattern in _KINDS if pattern.match(value)), "text")


def place_of(observation: Observation, path: str) -> Place:
    """Where a value stands, whatever its segment's number."""
    return (observation.kind, observation.name, general(path))


@dataclass(slots=True)
class Volatile:
    """Where values are new in each run, and of which kinds they were seen there.

    Attributes:
        learned: places that differed between equal runs, with the kinds seen.
    """

    learned: dict[Place, set[str]] = field(default_factory=dict)

    def learn(self, place: Place, values: Iterable[str]) -> None:
        """Two equal runs differed here."""
        self.learned.setdefault(place, set()).update(kind_of(value) for value in values)

    def holds(self, observation: Observation, path: str) -> bool:
        """Whether a value at this place may be new."""
        place = place_of(observation, path)
        return (place[0], place[2]) in VOLATILE or place in self.learned

    @property
    def segments(self) -> frozenset[str]:
        """Names of HL7 segments that hold such values."""
        paths = [path for _, path in VOLATILE] + [path for _, _, path in self.learned]
        return frozenset(path.split("-", 1)[0] for path in paths)

    def standard(self, observation: Observation, path: str) -> bool:
        """Whether the standard itself says that the value is new each time."""
        return (observation.kind, general(path)) in VOLATILE
