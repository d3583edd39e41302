"""Compare two runs: learn what is new each time, find what differs, apply approvals, conclude."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from harness.errors import InputError
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report.model import ScenarioRun
from harness.upgrade import approvals as approving
from harness.upgrade.approvals import Applied, Approval
from harness.upgrade.differences import Difference, Signature, compare, signatures
from harness.upgrade.latency import Durations, Latency, shifts
from harness.upgrade.observe import RunFolder
from harness.upgrade.placeholders import Volatile
from harness.upgrade.roots import Chain, Group, chain, groups
from harness.upgrade.severity import Severity, shipped

JUDGED = frozenset({Verdict.PASS, Verdict.FAIL})
"""Verdicts of scenarios that were carried out to their end."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of it.

    Attributes:
        signatures: equal differences, by signature.
        coverage: why less was compared than it seems; empty if nothing is missing.
        applied: the approvals.
        compared: scenarios that were compared.
        observations: messages and answers before and after.
        learned: places that equal runs differed at.
        chains: what differs, scenario by scenario.
        latencies: how long answers took, where both runs were on the real clock.
        severity: how bad a difference is, by interface.
        unstable: verdicts of the equal runs before, of scenarios that they do not agree on.
    """

    signatures: Mapping[str, Signature]
    coverage: Sequence[str]
    applied: Applied
    compared: int
    observations: tuple[int, int]
    learned: int
    chains: Sequence[Chain] = ()
    latencies: Sequence[Latency] = ()
    severity: Severity = field(default_factory=shipped)
    unstable: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def groups(self) -> list[Group]:
        """What nobody approved, gathered: a first divergence with all that follows from it."""
        return groups(self.chains, self.open_signatures)

    @property
    def open_signatures(self) -> list[str]:
        """Those that nobody approved."""
        return [key for key in self.signatures if key not in self.applied.approved]

    @property
    def verdict(self) -> Verdict:
        """Fail: a difference that nobody approved, or an approval that does not hold.

        Inconclusive: the two sides cover different things, or nothing was compared.
        """
        if self.open_signatures or self.applied.problems:
            return Verdict.FAIL
        if self.coverage or not self.compared or 0 in self.observations:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS


def run(
    before: RunFolder,
    after: RunFolder,
    noise: Sequence[RunFolder],
    approvals: Sequence[Approval],
    *,
    today: date,
    say: Say,
) -> Comparison:
    """Compare two finished runs.

    Args:
        before: the run before the upgrade.
        after: the run after it.
        noise: further runs of the system before, equal to ``before`` but for what is new each time.
        approvals: differences that are accepted.
        today: the day that approvals are measured by.
        say: is told how far it is.

    Raises:
        InputError: the runs are of different versions of the harness, or a trace is damaged.
    """
    for other in (after, *noise):
        _same_harness(before, other)
    pairs, coverage = _pairs(before, after)
    volatile = Volatile()
    for other in noise:
        say(tr("learning what is new in each run from {folder}", folder=other.path))
        for differing in _learn(before, other, volatile):
            coverage.append(differing)
    counts = [0, 0]
    chains: list[Chain] = []
    durations = Durations()
    found = signatures(_differences(before, after, pairs, volatile, counts, chains, durations, say))
    latencies = durations.compared()
    found |= signatures(iter(shifts(latencies)))
    first = {key: each.first for key, each in found.items()}
    return Comparison(
        signatures=found,
        coverage=coverage,
        applied=approving.apply(approvals, first, today),
        compared=len(pairs),
        observations=(counts[0], counts[1]),
        learned=len(volatile.learned),
        chains=[*chains, *(chain([one]) for one in shifts(latencies))],
        latencies=latencies,
        unstable=_unstable([before, *noise]),
    )


def _unstable(equal: Sequence[RunFolder]) -> dict[str, Sequence[str]]:
    """Scenarios that equal runs judge otherwise: what they say after the upgrade says little."""
    verdicts: dict[str, list[str]] = {}
    for folder in equal:
        for one in folder.run.scenarios:
            verdicts.setdefault(one.id, []).append(one.verdict.value)
    return {ident: found for ident, found in verdicts.items() if len(set(found)) > 1}


def _same_harness(before: RunFolder, other: RunFolder) -> None:
    ours, theirs = before.run.harness_version, other.run.harness_version
    if ours != theirs:
        raise InputError(
            tr("the runs are of two versions of the harness: {ours} and {theirs}",
               ours=ours, theirs=theirs),
            where=str(other.path),
            remedy=tr("run both with one version"),
        )  # fmt: skip


_Pair = tuple[ScenarioRun, ScenarioRun]


def _pairs(before: RunFolder, after: RunFolder) -> tuple[list[_Pair], list[str]]:
    """Scenarios that both runs carried out, and why there are not more."""
    old = {one.id: one for one in before.run.scenarios}
    new = {one.id: one for one in after.run.scenarios}
    coverage: list[str] = []
    pairs: list[_Pair] = []
    for ident in dict.fromkeys([*old, *new]):
        one, other = old.get(ident), new.get(ident)
        if one is None or other is None:
            side = tr("only after") if one is None else tr("only before")
            coverage.append(f"{ident}: {side}")
        elif one.verdict not in JUDGED or other.verdict not in JUDGED:
            if not (one.verdict is other.verdict is Verdict.NOT_APPLICABLE):
                coverage.append(f"{ident}: {one.verdict.value} → {other.verdict.value}")
        else:
            pairs.append((one, other))
    return pairs, coverage


def _learn(before: RunFolder, other: RunFolder, volatile: Volatile) -> Iterator[str]:
    """Take every value that differs between two equal runs for one that is new each time.

    A message more or less, or another order, is nothing that a placeholder can stand for: the
    baseline itself is not stable there, which is said.
    """
    pairs, _ = _pairs(before, other)
    for one, same in pairs:
        for left in compare(before.seen(one), other.seen(same), volatile):
            if left.path and left.cls in {"value", "type"}:
                volatile.learn((left.kind, left.name, left.path), (left.old, left.new))
            elif not left.path:
                yield tr("{scenario}: two equal runs differ in {what} of {name}",
                         scenario=one.id, what=left.cls, name=left.name or left.place)  # fmt: skip


def _differences(
    before: RunFolder,
    after: RunFolder,
    pairs: Sequence[_Pair],
    volatile: Volatile,
    counts: list[int],
    chains: list[Chain],
    durations: Durations,
    say: Say,
) -> Iterator[Difference]:
    for number, (one, other) in enumerate(pairs, 1):
        if number % 50 == 0 or number == len(pairs):
            say(tr("{number} of {count} scenarios compared", number=number, count=len(pairs)))
        seen, again = before.seen(one), after.seen(other)
        counts[0] += len(seen.observations)
        counts[1] += len(again.observations)
        durations.add(seen, again)
        found = list(compare(seen, again, volatile))
        if found:
            chains.append(chain(found))
        yield from found
