"""Mutants meet the scenarios in which they can happen, here or in other processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from harness.evidence.verdict import Verdict
from harness.faults.plan import keyed
from harness.scenario.binding import BoundScenario
from harness.scenario.runner import Prepare
from harness.selfcheck.crew import Crew, bound, chunks
from harness.selfcheck.mutants import Mutant, Outcome, on_links, on_store
from harness.selfcheck.progress import tracked
from harness.selfcheck.runs import Played, play

HANDED_OUT: Final = 5
"""Mutants that are handed out as one part; one that nothing notices meets many scenarios."""

TOGETHER_MAX: Final = 16
"""Altered fields of one message that go together where none of them is likely to be felt."""

ALONE_FIRST: Final = 6
"""Scenarios that each of them meets alone before: most that are felt at all are felt and caught
there, and what goes together then are fields that nobody reads."""

Tamper = Callable[[Sequence[Mutant]], tuple[Prepare, Sequence[Any]]]
"""Says how a world is tampered with, and who can tell which mutants changed anything."""

_TAMPERS: Final[Mapping[str, Tamper]] = {"link": on_links, "store": on_store}


@dataclass(frozen=True, slots=True)
class Meeting:
    """A mutant, and the scenarios that it meets, in order."""

    mutant: Mutant
    scenarios: tuple[str, ...]


def share(
    mutants: Sequence[Mutant],
    passed: Sequence[Played],
    where: str,
    crew: Crew | None,
    *,
    seed: int,
) -> list[Outcome]:
    """Apply each mutant to the scenarios in which it can happen, until one catches it.

    A mutant that leaves every store as it is without it was not felt by any system: nothing could
    be caught, and it is not counted.

    Args:
        mutants: to try.
        passed: scenarios that passed.
        where: ``link`` or ``store``.
        crew: plays; this process where there is none.
        seed: with which they were played.
    """
    stores = {one.bound.scenario.id: one.stores_hash for one in passed}
    parts = []
    for some in _parts(_meetings(mutants, passed, seed), where):
        known = {ident: stores[ident] for one in some for ident in one.scenarios}
        parts.append((tuple(some), known, where, seed))
    if crew is None:
        scenarios = {one.bound.scenario.id: one.bound for one in passed}
        found = [_Playing(scenarios, *part[1:]).met(part[0]) for part in parts]
    else:
        found = crew.each(_of_shipped, parts)
    by_mutant = {one.mutant: one for outcomes in found for one in outcomes}
    return [by_mutant[mutant] for mutant in mutants]


def _of_shipped(
    meetings: Sequence[Meeting], stores: Mapping[str, str], where: str, seed: int
) -> list[Outcome]:
    known = {one.scenario.id: one for one in bound(tuple(stores))}
    return _Playing(known, stores, where, seed).met(meetings)


def _meetings(mutants: Sequence[Mutant], passed: Sequence[Played], seed: int) -> list[Meeting]:
    found = []
    for mutant in mutants:
        fitting = [one.bound.scenario.id for one in passed if _fits(mutant, one)]
        order = sorted(fitting, key=partial(keyed, seed, mutant.name))
        found.append(Meeting(mutant, tuple(order)))
    return found


def _parts(meetings: Sequence[Meeting], where: str) -> list[Sequence[Meeting]]:
    """What is handed out as one: the altered fields of a message, which may go together."""
    fields: dict[str, list[Meeting]] = {}
    others: list[Meeting] = []
    for one in meetings:
        together = where == "link" and one.mutant.kind == "alter"
        (fields.setdefault(one.mutant.where, []) if together else others).append(one)
    of_fields = [part for some in fields.values() for part in chunks(some, TOGETHER_MAX)]
    return [*of_fields, *chunks(others, HANDED_OUT)]


@dataclass(slots=True)
class _Playing:
    """Where mutants meet scenarios.

    Args:
        scenarios: by id.
        stores: hash of what each leaves in the stores without a mutant.
        where: ``link`` or ``store``.
        seed: with which they were played.
    """

    scenarios: Mapping[str, BoundScenario]
    stores: Mapping[str, str]
    where: str
    seed: int

    def met(self, meetings: Sequence[Meeting]) -> list[Outcome]:
        """What became of the mutants of one part."""
        together = self.where == "link" and all(one.mutant.kind == "alter" for one in meetings)
        alone = ALONE_FIRST if together else None
        outcomes = []
        for one in tracked(f"{self.where}_mutants", meetings, lambda one: one.mutant.name):
            outcomes.append(Outcome(one.mutant))
            for ident in one.scenarios[:alone]:
                self._alone(outcomes[-1], ident)
        if together:
            left = [frozenset(one.scenarios[ALONE_FIRST:]) for one in meetings]
            for ident in meetings[0].scenarios:
                self._go_on([o for o, idents in zip(outcomes, left, strict=True)
                             if ident in idents and not o.caught_by], ident)  # fmt: skip
        return outcomes

    def _go_on(self, outcomes: Sequence[Outcome], ident: str) -> None:
        """What was felt before goes alone, until it is caught."""
        felt = [one for one in outcomes if one.felt_in]
        self._together([one for one in outcomes if not one.felt_in], ident)
        for one in felt:
            self._alone(one, ident)

    def _alone(self, outcome: Outcome, ident: str) -> None:
        if not outcome.caught_by:
            self._note([outcome], ident)

    def _together(self, outcomes: Sequence[Outcome], ident: str) -> None:
        """Of each what playing it alone would show; where something happens, they are parted.

        What happens to several only together is of none of them.
        """
        if not outcomes or self._note(outcomes, ident):
            return
        half = len(outcomes) // 2
        self._together(outcomes[:half], ident)
        self._together(outcomes[half:], ident)

    def _note(self, outcomes: Sequence[Outcome], ident: str) -> bool:
        """Play a scenario with mutants and note what came of it; False where that is not clear."""
        prepare, witnesses = _TAMPERS[self.where]([one.mutant for one in outcomes])
        (played,) = play([self.scenarios[ident]], seed=self.seed, prepare=prepare)
        applied = {mutant for witness in witnesses for mutant in witness.applied}
        felt = bool(applied) and played.stores_hash != self.stores[ident]
        caught = bool(applied) and played.conclusion.verdict is Verdict.FAIL
        if len(outcomes) > 1 and (felt or caught):
            return False
        for one in outcomes:
            if one.mutant in applied:
                one.applied_in.append(ident)
                one.felt_in += [ident] * felt
                one.caught_by += [ident] * caught
        return True


def _fits(mutant: Mutant, played: Played) -> bool:
    """Can this mutant happen in that scenario at all?"""
    link, _, kind = mutant.where.partition(" ")
    if link in {"LIS", "HIS"}:
        return bool(played.stores.get(link, {}).get(kind))
    if link == "analyzer-lis":
        return any(record.get("link") == link for record in played.records)
    return any(
        record["kind"] == "message" and record["link"] == link and record["type"] == kind
        for record in played.records
    )
