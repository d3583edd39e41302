"""How long answers took, interface by interface and type by type, before and after.

Only runs on the real clock say anything: over memory the clock is virtual and every duration is
what the scenario made it. An answer belongs to the message whose id it names.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from harness.upgrade.differences import Difference
from harness.upgrade.observe import Observation, Seen
from harness.upgrade.shift import Shift, test

REAL: Final = frozenset({"tcp"})
"""Transports of runs on the real clock."""

Key = tuple[str, str, str]
"""Interface, who answers, and the type of the message that was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """One interface and type.

    Attributes:
        key: interface, who answers, type.
        medians: seconds before and after.
        shift: what the test says.
        high: seconds that 95 and 99 of 100 answers stay below, before and after.
    """

    key: Key
    medians: tuple[float, float]
    shift: Shift
    high: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))

    def as_json(self) -> dict[str, Any]:
        """For ``compare.json``; milliseconds."""
        interface, answers, name = self.key
        return {
            "interface": interface, "answers": answers, "name": name,
            "median_ms": [round(1000 * one, 3) for one in self.medians],
            "p95_ms": [round(1000 * one, 3) for one in self.high[0]],
            "p99_ms": [round(1000 * one, 3) for one in self.high[1]],
            "samples": list(self.shift.sizes), "p": self.shift.p,
            "delta": round(self.shift.delta, 3),
            "enough": self.shift.enough, "shift": self.shift.named,
        }  # fmt: skip


@dataclass(slots=True)
class Durations:
    """Collects them, scenario by scenario."""

    before: dict[Key, list[float]] = field(default_factory=dict)
    after: dict[Key, list[float]] = field(default_factory=dict)

    def add(self, before: Seen, after: Seen) -> None:
        """The answers of one scenario; nothing where either clock is not real."""
        if before.transport in REAL and after.transport in REAL:
            for side, seen in ((self.before, before), (self.after, after)):
                for key, seconds in _answers(seen):
                    side.setdefault(key, []).append(seconds)

    def compared(self) -> list[Latency]:
        """Every interface and type that both runs have answers of."""
        return [
            Latency(
                key=key,
                medians=(median(self.before[key]), median(self.after[key])),
                shift=test(self.before[key], self.after[key]),
                high=(
                    (percentile(self.before[key], 0.95), percentile(self.after[key], 0.95)),
                    (percentile(self.before[key], 0.99), percentile(self.after[key], 0.99)),
                ),
            )
            for key in sorted(self.before.keys() & self.after.keys())
        ]


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` of all do not exceed (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def shifts(latencies: Sequence[Latency]) -> list[Difference]:
    """The shifts that are named, as differences: an approval covers them like any other."""
    return [
        Difference(
            cls="latency", interface=one.key[0], name=one.key[2], path="", place=one.key[1],
            old=f"{1000 * one.medians[0]:.1f} ms", new=f"{1000 * one.medians[1]:.1f} ms",
            scenario="", position=0,
        )
        for one in latencies
        if one.shift.named
    ]  # fmt: skip


def _answers(seen: Seen) -> Iterator[tuple[Key, float]]:
    """Seconds from each message to the first answer that names its id."""
    asked: dict[tuple[str, str], Observation] = {}
    for one in seen.observations:
        if one.kind != "message":
            continue
        named = _corr(one).get("acknowledges")
        question = asked.pop((one.link, str(named)), None) if named else None
        if question is not None and question.sender != one.sender:
            if seen.judged(one):
                yield (one.interface, one.sender, question.name), one.at - question.at
        elif not named and one.record.get("id"):
            asked[one.link, str(one.record["id"])] = one  # sent again: timed from the last time


def _corr(one: Observation) -> Mapping[str, Any]:
    corr = one.record.get("corr")
    return corr if isinstance(corr, dict) else {}
