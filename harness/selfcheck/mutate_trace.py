"""Oracle kill rate: recorded passing traces are changed where judgements looked, and judged again.

No system is needed: ``conclude`` reads nothing but records. A changed trace is killed if it no
longer passes. Two rules make mutants of the many traces in which one change can be made:

* a change of the course of things (lost, twice, late ...) is one mutant for each oracle, that is
  each step that judges, and is killed if every trace so changed is;
* a change of what a record says about patient, specimen, value, unit or meaning is one mutant for
  each field, and is killed if some oracle kills it, for an oracle about control ids leaves units to
  the one about units.

Every other field of what was cited is changed, too. Those are not part of the rate, but whatever an
oracle does not notice is listed under its name, whether another does or not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.evidence.conclude import conclude
from harness.evidence.expect import Judgement
from harness.evidence.trace import Record
from harness.evidence.verdict import Verdict
from harness.selfcheck.crew import Crew, bound, chunks
from harness.selfcheck.progress import tracked
from harness.selfcheck.runs import Played, play
from harness.selfcheck.trace_changes import CONTENT, changes, without


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleResult:
    """How well the judges notice.

    Attributes:
        mutants: how many there are.
        killed: those that were noticed.
        survivors: the others: change, target and field, and the oracles that looked.
        vacuous: judgements of passing scenarios that rest on nothing, or not on what they cite.
        traces: changed traces that were judged.
        left_alone: by oracle, every change of content that it does not notice.
    """

    mutants: int
    killed: int
    survivors: tuple[str, ...]
    vacuous: tuple[str, ...]
    traces: int = 0
    left_alone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """For ``selfcheck.json``."""
        return asdict(self)


@dataclass(slots=True)
class _Tally:
    """Changed traces of one mutant, by oracle: how many, and how many passed all the same."""

    tried: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)

    def killed(self, *, by_any: bool) -> bool:
        """Every changed trace was noticed; or, ``by_any``, one was."""
        noticed = self.tried.total() - self.passed.total()
        return noticed > 0 if by_any else noticed == self.tried.total()

    def survived_at(self) -> str:
        """The oracles that did not notice, with how many traces of how many."""
        parts = [
            f"{oracle} {count} of {self.tried[oracle]}"
            for oracle, count in sorted(self.passed.items())
            if count
        ]
        return ", ".join(parts)


@dataclass(slots=True)
class _Count:
    """What was tried on some scenarios; those of other scenarios add up with it."""

    mutants: defaultdict[str, _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    beside: defaultdict[str, _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    content: set[str] = field(default_factory=set)
    vacuous: list[str] = field(default_factory=list)

    def __getstate__(self) -> tuple[Any, ...]:
        return dict(self.mutants), dict(self.beside), self.content, self.vacuous

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        mutants, beside, self.content, self.vacuous = state
        self.mutants = defaultdict(_Tally, mutants)
        self.beside = defaultdict(_Tally, beside)

    def add(self, one: Played) -> None:
        """Change and judge one trace in every way."""
        judgements = _judgements(one)
        self.vacuous += _vacuous(one, judgements)
        for oracle, expectation, judgement in judgements:
            for change in changes(expectation, judgement, one.records):
                name = change.name if change.kind in CONTENT else f"{oracle} {change.name}"
                self.content |= {name} & {change.name}
                tally = (self.mutants if change.matters else self.beside)[name]
                tally.tried[oracle] += 1
                tally.passed[oracle] += _passes(change.records)

    def join(self, other: _Count) -> None:
        """Add what was tried on other scenarios."""
        for mine, theirs in ((self.mutants, other.mutants), (self.beside, other.beside)):
            for name, tally in theirs.items():
                mine[name].tried += tally.tried
                mine[name].passed += tally.passed
        self.content |= other.content
        self.vacuous += other.vacuous


def measure(played: Sequence[Played], crew: Crew | None = None, *, seed: int = 1) -> OracleResult:
    """Change and judge again every trace that passed; others are left out.

    Args:
        played: what passed.
        crew: plays and judges parts of it again; this process judges all where left out.
        seed: with which it was played.
    """
    if crew is None:
        return _concluded(_counted(played))
    idents = [one.bound.scenario.id for one in played]
    parts = [(tuple(some), seed) for some in chunks(idents)]
    whole = _Count()
    for one in crew.each(_of_shipped, parts):
        whole.join(one)
    return _concluded(whole)


def _of_shipped(idents: Sequence[str], seed: int) -> _Count:
    return _counted(play(bound(idents), seed=seed))


def _counted(played: Sequence[Played]) -> _Count:
    count = _Count()
    for one in tracked("traces", played, lambda one: one.bound.scenario.id):
        count.add(one)
    return count


def _concluded(count: _Count) -> OracleResult:
    mutants, beside, content = count.mutants, count.beside, count.content
    killed = {name for name, one in mutants.items() if one.killed(by_any=name in content)}
    return OracleResult(
        mutants=len(mutants),
        killed=len(killed),
        survivors=tuple(
            f"{name}: {mutants[name].survived_at()}" for name in sorted({*mutants} - killed)
        ),
        vacuous=tuple(count.vacuous),
        traces=sum(one.tried.total() for one in (*mutants.values(), *beside.values())),
        left_alone=_left_alone({name: mutants[name] for name in content & {*mutants}} | beside),
    )


def _left_alone(content: Mapping[str, _Tally]) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, tally in sorted(content.items()):
        for oracle, count in tally.passed.items():
            if count:
                found[oracle].append(name)
    return {oracle: tuple(names) for oracle, names in sorted(found.items())}


def _passes(records: Sequence[Record]) -> bool:
    return conclude(records).verdict is Verdict.PASS


def _judgements(played: Played) -> list[tuple[str, Record, Judgement]]:
    """Step id, ``expectation`` record and judgement, in the order of the trace.

    Judged again here: what is measured is the judge, not what the run wrote down about it.
    """
    conclusion = conclude(played.records)
    if conclusion.verdict is not Verdict.PASS:
        return []
    opened = [one for one in played.records if one["kind"] == "expectation"]
    return [
        (played.bound.steps[record["sentence"]].step.id, record, judgement)
        for record, judgement in zip(opened, conclusion.judgements, strict=True)
    ]


def _vacuous(played: Played, judgements: Sequence[tuple[str, Record, Judgement]]) -> Iterator[str]:
    """Judgements that would be the same without what they cite."""
    for oracle, expectation, judgement in judgements:
        name = f"{played.bound.scenario.id} {expectation['id']} {oracle}"
        if not judgement.cited:
            yield f"{name}: cites nothing"
        for number in judgement.cited:
            if _passes(without(played.records, number)):
                yield f"{name}: stands without record {number}"
