"""Mutants meet the scenarios in which they can happen, here or in other processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

MUTANTS_TOGETHER: Final = 5
"""Mutants that are handed out together; one that nothing notices meets many scenarios."""

Tamper = Callable[[Mutant], tuple[Prepare, Sequence[Any]]]
"""Says how a world is tampered with, and who can tell whether anything was."""

_TAMPERS: Final[Mapping[str, Tamper]] = {"link": on_links, "store": on_store}


def run_mutants(
    mutants: Sequence[Mutant],
    passed: Sequence[Played],
    tamper: Tamper,
    *,
    seed: int,
) -> list[Outcome]:
    """Apply each mutant to the scenarios in which it can happen, until one catches it.

    A mutant that leaves every store as it is without it was not felt by any system: nothing could
    be caught, and it is not counted.
    """
    scenarios = {one.bound.scenario.id: one.bound for one in passed}
    stores = {one.bound.scenario.id: one.stores_hash for one in passed}
    return [
        _met(mutant, [scenarios[ident] for ident in meets], stores, tamper, seed)
        for mutant, meets in _meetings(mutants, passed, seed)
    ]


Meeting = tuple[Mutant, tuple[str, ...]]
"""A mutant, and the scenarios that it meets, in order."""


def share(
    mutants: Sequence[Mutant],
    passed: Sequence[Played],
    where: str,
    crew: Crew | None,
    *,
    seed: int,
) -> list[Outcome]:
    """As ``run_mutants``, by other processes.

    Args:
        mutants: to try.
        passed: scenarios that passed.
        where: ``link`` or ``store``.
        crew: plays; this process where there is none.
        seed: with which they were played.
    """
    if crew is None:
        return run_mutants(mutants, passed, _TAMPERS[where], seed=seed)
    stores = {one.bound.scenario.id: one.stores_hash for one in passed}
    parts = []
    for some in chunks(_meetings(mutants, passed, seed), MUTANTS_TOGETHER):
        known = {ident: stores[ident] for _, meets in some for ident in meets}
        parts.append((tuple(some), known, where, seed))
    found = crew.each(_of_shipped, parts)
    return [outcome for outcomes in found for outcome in outcomes]


def _of_shipped(
    meetings: Sequence[Meeting], stores: Mapping[str, str], where: str, seed: int
) -> list[Outcome]:
    tamper = _TAMPERS[where]
    known = {one.scenario.id: one for one in bound(tuple(stores))}
    return [
        _met(mutant, [known[ident] for ident in meets], stores, tamper, seed)
        for mutant, meets in tracked(f"{where}_mutants", meetings, lambda one: one[0].name)
    ]


def _meetings(mutants: Sequence[Mutant], passed: Sequence[Played], seed: int) -> list[Meeting]:
    found = []
    for mutant in mutants:
        fitting = [one.bound.scenario.id for one in passed if _fits(mutant, one)]
        order = sorted(fitting, key=partial(keyed, seed, mutant.name))
        found.append((mutant, tuple(order)))
    return found


def _met(
    mutant: Mutant,
    scenarios: Sequence[BoundScenario],
    stores: Mapping[str, str],
    tamper: Tamper,
    seed: int,
) -> Outcome:
    outcome = Outcome(mutant)
    for one in scenarios:
        prepare, witnesses = tamper(mutant)
        (played,) = play([one], seed=seed, prepare=prepare)
        if not any(witness.applied for witness in witnesses):
            continue
        ident = one.scenario.id
        outcome.applied_in.append(ident)
        if played.stores_hash != stores[ident]:
            outcome.felt_in.append(ident)
        if played.conclusion.verdict is Verdict.FAIL:
            outcome.caught_by.append(ident)
            break
    return outcome


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
