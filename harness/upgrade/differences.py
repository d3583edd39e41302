"""What differs between two observations of one scenario.

Observations are aligned stream by stream (link, sender, type), in their order. What is missing on
one side, what is new, what has another value, another kind of value, another order or another count
is a ``Difference``; equal ones over many scenarios have one signature.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from harness import output_files
from harness.upgrade import fields
from harness.upgrade.associations import KIND
from harness.upgrade.blocks import rearranged, rows_rearranged
from harness.upgrade.given import Given
from harness.upgrade.names import Names
from harness.upgrade.observe import Observation, Seen
from harness.upgrade.placeholders import Volatile, general, kind_of

CLASSES: Final = ("verdict", "missing", "added", "type", "value", "order", "count", "latency")
"""Of differences, in the order of a report."""

_SHARED = re.compile(r"(?:MSH|MSA|EVN|PID|PV1|ORC)-|H\.|/(?!input|output)[^/]+\Z")
"""Paths that messages of many types have in common: headers, the patient, and the envelope."""

_PLACEHOLDER = re.compile(r"<([a-z]+)(?: \d+)?>")

ALIGNED_MAX: Final = 200
"""A longer stream is compared in its order only."""

NEVER_DRAWN: Final = frozenset({"MSH-7", "EVN-2", "MSH-10", "MSA-2", "H.3", "H.14"})
"""Fields that ascend by themselves: message times and ids."""

EXAMPLES_MAX: Final = 5
"""Scenarios that a signature names; the count says how many there are."""


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
        sender: who sent the message.
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
    sender: str = ""

    @property
    def scope(self) -> str:
        """Type of the message or name of the probe; of a header that all share, its sender."""
        shared = self.path and self.sender and _SHARED.match(self.path)
        return f"{self.sender} *" if shared else self.name

    @property
    def kind(self) -> str:
        """``message`` or ``probe``, as in an observation."""
        return "probe" if self.interface.startswith("sql ") else "message"

    @property
    def signature(self) -> str:
        """What approves and groups: everything but values, numbers and scenarios.

        What all messages of a sender begin with is one thing, whatever their types.
        """
        text = f"{self.cls}|{self.interface}|{self.scope}|{self.path}"
        return hashlib.sha256(output_files.utf8(text)).hexdigest()[:12]


@dataclass(slots=True)
class Signature:
    """Equal differences of a comparison: what one approval is about.

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


_Placed = tuple[int, Observation]


def _observed(before: Seen, after: Seen, volatile: Volatile) -> Iterator[Difference]:
    scenario = before.run.id
    old, new = _streams(before.observations), _streams(after.observations)
    moved = False
    values = _Values(before, after, volatile)
    pairs: list[tuple[int, Observation, Observation]] = []
    for stream in list(dict.fromkeys([*old, *new])):
        ours, theirs = old.get(stream, []), new.get(stream, [])
        if len(ours) != len(theirs):
            moved = True
            yield _unequal(ours, theirs, scenario)
        elif values.redrawn:
            theirs = values.aligned(ours, theirs)
        pairs += [(at, one, other) for (at, one), (_, other) in zip(ours, theirs, strict=False)]
    pairs.sort(key=lambda pair: pair[0])
    yield from values.differences(pairs)
    if not moved:
        yield from _order(before.observations, after.observations, scenario)


def _streams(seen: Sequence[Observation]) -> dict[tuple[str, str, str, str], list[_Placed]]:
    streams: dict[tuple[str, str, str, str], list[_Placed]] = {}
    for at, each in enumerate(seen):
        streams.setdefault(each.stream, []).append((at, each))
    return streams


def _unequal(ours: Sequence[_Placed], theirs: Sequence[_Placed], scenario: str) -> Difference:
    """A stream that is gone, new, or longer or shorter than it was."""
    if ours and theirs:
        at, each = (ours if len(ours) > len(theirs) else theirs)[min(len(ours), len(theirs))]
        return _whole("count", each, scenario, at, str(len(ours)), str(len(theirs)))
    at, each = (ours or theirs)[0]
    if ours:
        return _whole("missing", each, scenario, at, each.name, "")
    return _whole("added", each, scenario, at, "", each.name)


def _interface(each: Observation) -> str:
    return each.interface or f"sql {each.sender}"


def _whole(cls: str, each: Observation, scenario: str, at: int, old: str, new: str) -> Difference:
    return Difference(
        cls=cls, interface=_interface(each), name=each.name, path="", place=each.name,
        old=old, new=new, scenario=scenario, position=at,
    )  # fmt: skip


def _by_connection(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Over DICOM each connection is a question of its own; other streams are one."""
    found: dict[str, list[_Placed]] = {}
    for at, each in placed:
        over_dicom = each.record.get("protocol") == "dicom"
        conn = str(each.record.get("conn", "")) if over_dicom else ""
        found.setdefault(conn, []).append((at, each))
    return list(found.values())


def _sorted_alike(ours: Sequence[_Placed], theirs: Sequence[_Placed]) -> bool:
    """Whether both ascend, or both descend, in the values of a field that is never the same."""
    for path in ours[0][1].values:
        if general(path) in NEVER_DRAWN:
            continue
        sides = [[one.values.get(path, "") for _, one in side] for side in (ours, theirs)]
        sides = [[value for value in side if value] for side in sides]  # the last answer has none
        if len(sides[0]) < 2 or any(len(set(side)) != len(side) for side in sides):
            continue
        for reverse in (False, True):
            if all(side == sorted(side, reverse=reverse) for side in sides):
                return True
    return False


class _Values:
    """Compares the values of paired observations of one scenario."""

    def __init__(self, before: Seen, after: Seen, volatile: Volatile) -> None:
        self._before = before
        self._after = after
        self._volatile = volatile
        self._names = Names()

    @property
    def redrawn(self) -> bool:
        """Whether the two runs drew their values from different seeds."""
        return self._before.run.seed != self._after.run.seed and bool(self._given.drawn)

    def aligned(self, ours: list[_Placed], theirs: list[_Placed]) -> list[_Placed]:
        """``theirs`` in the order of ``ours`` where a drawn value decides the order.

        A system that answers by ascending specimen id answers in another order for other ids. That
        is no difference where each message has its counterpart, and both runs ascend (or both
        descend) in one and the same field of what was drawn.
        """
        if not 1 < len(ours) <= ALIGNED_MAX or not self._before.judged(ours[0][1]):
            return theirs
        chunks, counterparts = _by_connection(ours), _by_connection(theirs)
        if [len(one) for one in chunks] != [len(one) for one in counterparts]:
            return theirs
        pairs = zip(chunks, counterparts, strict=True)
        return [each for one, other in pairs for each in self._aligned(one, other)]

    def _aligned(self, ours: list[_Placed], theirs: list[_Placed]) -> list[_Placed]:
        if len(ours) == 1:
            return theirs
        left, found = list(theirs), []
        for _, one in ours:
            twin = next((each for each in left if not self._differs(one, each[1])), None)
            if twin is None:
                return theirs
            left.remove(twin)
            found.append(twin)
        # Answers to one C-FIND come in no defined order (PS3.4 §C.4.1.1.3).
        free = ours[0][1].record.get("protocol") == "dicom"
        return found if free or (found != theirs and _sorted_alike(ours, theirs)) else theirs

    def _differs(self, one: Observation, other: Observation) -> bool:
        """Whether a value differs that is neither drawn nor new in each run."""
        stands = self._may_stand(one)
        return any(
            (old or new) and old != new and not stands(path, old or "", new or "")
            for path, old, new in fields.pairs(one, other, frozenset())
        )

    @cached_property
    def _given(self) -> Given:
        """Worked out where a value differs for the first time: equal runs never need it."""
        return Given(self._before.given(), self._after.given())

    def differences(
        self, pairs: Iterable[tuple[int, Observation, Observation]]
    ) -> Iterator[Difference]:
        open_segments = self._volatile.segments
        for at, one, other in pairs:
            if not self._before.judged(one):
                self._played(one, other)
                continue
            for path, old, new in self._pairs(one, other, open_segments):
                found = self._found(one, path, old, new)
                if found is not None:
                    cls, was, now = found
                    yield Difference(
                        cls=cls, interface=_interface(one), name=one.name, path=general(path),
                        place=path, old=was, new=now, scenario=self._before.run.id, position=at,
                        sender=one.sender if one.kind == "message" else "",
                    )  # fmt: skip

    def _played(self, one: Observation, other: Observation) -> None:
        """A message of ours: answers will name its id."""
        old, new = one.record.get("id"), other.record.get("id")
        if one.kind == "message" and old and new:
            self._names.differ(str(old), str(new), strict=True)

    def _pairs(
        self, one: Observation, other: Observation, open_segments: frozenset[str]
    ) -> Iterable[fields.Pair]:
        if one.name.startswith("astm") and self.redrawn and self._differs(one, other):
            found = rearranged(one.values, other.values, self._may_stand(one))
            if found is not None:
                return fields.of_values(one.values, found)
        if one.kind == "probe" and self.redrawn and self._differs(one, other):
            found = rows_rearranged(one.values, other.values, self._may_stand(one))
            if found is not None:
                return fields.of_values(one.values, found)
        return fields.pairs(one, other, open_segments)

    def _may_stand(self, one: Observation) -> Callable[[str, str, str], bool]:
        """Whether a value is drawn, or new in each run."""
        return lambda path, old, new: (
            bool(old and new)
            and (self._volatile.holds(one, path) or self._given.explains(old, new))
        )

    def _found(
        self, one: Observation, path: str, old: str | None, new: str | None
    ) -> tuple[str, str, str] | None:
        """Class, value before and value after of a difference; None where there is none."""
        if not old and not new:
            return None  # an empty field at the end of a segment says nothing (HL7 2.5.1 §2.6.1)
        if not old:
            return "added", "", new or ""
        if not new:
            return "missing", old, ""
        if self._volatile.holds(one, path):
            strict = self._volatile.standard(one, path)
            shown = self._names.differ(old, new, strict=strict)
            if shown is None or (not strict and self._given.explains(old, new)):
                return None
            return "value" if _kind(shown[0]) == _kind(shown[1]) else "type", *shown
        if old == new:
            return None
        if self._names.holds(old, new) or self._given.explains(old, new):
            return None
        # What is agreed on is a word or a number of ours: it has no kind of its own.
        same = one.kind == KIND or kind_of(old) == kind_of(new)
        return "value" if same else "type", old, new


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


def signatures(differences: Iterator[Difference]) -> dict[str, Signature]:
    """Equal differences by their signature, in the order of the first of each."""
    found: dict[str, Signature] = {}
    for each in differences:
        found.setdefault(each.signature, Signature(each)).add(each)
    return found
