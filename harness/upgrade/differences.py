"""What differs between two observations of one scenario.

Observations are aligned stream by stream (link, sender, type), in their order. What is missing on
one side, what is new, what has another value, another kind of value, another order or another count
is a ``Difference``; equal ones over many scenarios are one group with one signature.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from harness.upgrade.observe import Observation, Seen
from harness.upgrade.placeholders import Numbering, Volatile, canonical, general, kind_of

CLASSES: Final = ("verdict", "missing", "added", "type", "value", "order", "count")
"""Of differences, in the order of a report."""

_PLACEHOLDER = re.compile(r"<([a-z]+)(?: \d+)?>")

EXAMPLES_MAX: Final = 5
"""Scenarios that a group names; the count says how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that was otherwise.

    Attributes:
        cls: one of ``CLASSES``.
        interface: id of the interface, or ``sql ROLE`` for a probe.
        name: type of the message or name of the probe.
        path: general path; empty for a whole message.
        place: the path with its numbers.
        old: before.
        new: after.
        scenario: id of the scenario.
        position: place in the scenario's order: the first one is where a chain diverged.
    """

    cls: str
    interface: str
    name: str
    path: str
    place: str
    old: str
    new: str
    scenario: str
    position: int

    @property
    def signature(self) -> str:
        """What approves and groups: everything but values, numbers and scenarios."""
        text = f"{self.cls}|{self.interface}|{self.name}|{self.path}"
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


@dataclass(slots=True)
class Group:
    """Equal differences of a comparison.

    Attributes:
        first: the first of them.
        count: how many there are.
        scenarios: ids of up to ``EXAMPLES_MAX`` scenarios.
        changes: old and new values, with their counts.
    """

    first: Difference
    count: int = 0
    scenarios: list[str] = field(default_factory=list)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, difference: Difference) -> None:
        """One more of them."""
        self.count += 1
        self.changes[difference.old, difference.new] += 1
        if difference.scenario not in self.scenarios and len(self.scenarios) < EXAMPLES_MAX:
            self.scenarios.append(difference.scenario)


def compare(before: Seen, after: Seen, volatile: Volatile) -> Iterator[Difference]:
    """Differences of one scenario, where it diverged first.

    Args:
        before: the scenario in the run before.
        after: the same scenario in the run after.
        volatile: where values are new in each run.
    """
    where = before.run.id
    if before.run.verdict != after.run.verdict:
        yield Difference(
            cls="verdict", interface=before.run.interface, name="", path="", place=where,
            old=before.run.verdict.value, new=after.run.verdict.value, scenario=where, position=-1,
        )  # fmt: skip
    yield from sorted(_observed(before, after, volatile), key=lambda one: one.position)


def _observed(before: Seen, after: Seen, volatile: Volatile) -> Iterator[Difference]:
    scenario = before.run.id
    old, new = _streams(before.observations), _streams(after.observations)
    moved = False
    names = Numbering(), Numbering()
    canon = [
        {id(each): canonical(each, volatile, names[side]) for each in seen.observations}
        for side, seen in enumerate((before, after))
    ]
    for stream in list(dict.fromkeys([*old, *new])):
        ours, theirs = old.get(stream, []), new.get(stream, [])
        if len(ours) != len(theirs) and ours and theirs:
            at, each = (ours if len(ours) > len(theirs) else theirs)[min(len(ours), len(theirs))]
            yield _whole("count", each, scenario, at, str(len(ours)), str(len(theirs)))
            moved = True
        for one, other in zip_longest(ours, theirs):
            if one is None or other is None:
                if not (ours and theirs):  # else the count says it
                    at, each = one or other or ours[0]
                    cls = "missing" if other is None else "added"
                    yield _whole(cls, each, scenario, at, *_present(cls, each))
                    moved = True
                continue
            yield from _values(one, canon[0][id(one[1])], canon[1][id(other[1])], scenario)
    if not moved:
        yield from _order(before.observations, after.observations, scenario)


_Placed = tuple[int, Observation]


def _streams(seen: Sequence[Observation]) -> dict[tuple[str, str, str, str], list[_Placed]]:
    streams: dict[tuple[str, str, str, str], list[_Placed]] = {}
    for at, each in enumerate(seen):
        streams.setdefault(each.stream, []).append((at, each))
    return streams


def _present(cls: str, each: Observation) -> tuple[str, str]:
    return (each.name, "") if cls == "missing" else ("", each.name)


def _interface(each: Observation) -> str:
    return each.interface or f"sql {each.sender}"


def _whole(cls: str, each: Observation, scenario: str, at: int, old: str, new: str) -> Difference:
    return Difference(
        cls=cls, interface=_interface(each), name=each.name, path="", place=each.name,
        old=old, new=new, scenario=scenario, position=at,
    )  # fmt: skip


def _values(
    placed: _Placed, old: Mapping[str, str], new: Mapping[str, str], scenario: str
) -> Iterator[Difference]:
    at, each = placed
    for path in dict.fromkeys([*old, *new]):
        ours, theirs = old.get(path), new.get(path)
        if ours == theirs:
            continue
        if ours is None or theirs is None:
            cls = "added" if ours is None else "missing"
            if not (ours or theirs):
                continue  # an empty field at the end of a segment says nothing (HL7 2.5.1 §2.6.1)
        elif not ours or not theirs:
            cls = "missing" if ours else "added"
        else:
            cls = "value" if _kind(ours) == _kind(theirs) else "type"
        yield Difference(
            cls=cls, interface=_interface(each), name=each.name, path=general(path), place=path,
            old=ours or "", new=theirs or "", scenario=scenario, position=at,
        )  # fmt: skip


def _kind(value: str) -> str:
    placeholder = _PLACEHOLDER.fullmatch(value)
    return placeholder[1] if placeholder else kind_of(value)


def _order(
    before: Sequence[Observation], after: Sequence[Observation], scenario: str
) -> Iterator[Difference]:
    """Streams have equal lengths; do their messages still follow each other?

    Links are independent of each other, so order is looked at link by link; probes have none.
    """
    for link in dict.fromkeys(each.link for each in before if each.kind == "message"):
        old, new = (
            [each for each in side if each.link == link and each.kind == "message"]
            for side in (before, after)
        )
        for at, (one, other) in enumerate(zip(old, new, strict=False)):
            if one.stream != other.stream:
                yield _whole("order", one, scenario, at, one.name, other.name)
                break


def grouped(differences: Iterator[Difference]) -> dict[str, Group]:
    """Groups by signature, in the order of their first difference."""
    groups: dict[str, Group] = {}
    for each in differences:
        groups.setdefault(each.signature, Group(each)).add(each)
    return groups
