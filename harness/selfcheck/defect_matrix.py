"""Seeded defect × scenario: is each caught, by a scenario meant for it, at its true place?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from harness.evidence.verdict import Verdict
from harness.scenario.binding import BoundScenario
from harness.selfcheck import crew, runs
from harness.selfcheck.progress import tracked
from harness.selfcheck.runs import Played
from simulators.hospital.defects import DEFECTS, Defect
from simulators.hospital.switches import EVERYTHING, watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """What became of one defect.

    Attributes:
        defect: id.
        source: row of the fault catalogue.
        places: where it truly is.
        caught_by: scenarios that failed.
        intended: those of them that carry the requirement that it breaks.
        placed: those of the intended whose findings name a true place.
        seen_at: places that the intended scenarios named.
    """

    defect: str
    source: str
    places: tuple[str, ...]
    caught_by: tuple[str, ...]
    intended: tuple[str, ...]
    placed: tuple[str, ...]
    seen_at: tuple[str, ...]

    @property
    def caught(self) -> bool:
        """A scenario meant for it failed at the right place."""
        return bool(self.placed)

    def data(self) -> dict[str, Any]:
        """For ``selfcheck.json``."""
        return asdict(self) | {"caught": self.caught}


def matrix(
    scenarios: Sequence[BoundScenario], *, seed: int, intended_only: bool, slice_of: tuple[int, int]
) -> list[Catch]:
    """Run every defect.

    Args:
        scenarios: to choose from.
        seed: of the runs.
        intended_only: only the scenarios that carry the broken requirement.
        slice_of: ``(part, parts)``: every ``parts``-th defect, beginning with ``part``.

    A scenario in which no system asks for a defect plays to the letter as without it, and is not
    played again.
    """
    chosen = _chosen(slice_of)
    if intended_only:
        met = [_intended(scenarios, defect) for defect in chosen]
    else:
        asked = asked_in(tuple(one.scenario.id for one in scenarios), seed)
        met = [
            [one for one in scenarios if asked[one.scenario.id] & {defect.id, EVERYTHING}]
            for defect in chosen
        ]
    pairs = zip(chosen, met, strict=True)
    return [
        _catch(defect, some, seed=seed)
        for defect, some in tracked("defects", pairs, lambda pair: pair[0].id)
    ]


def _chosen(slice_of: tuple[int, int]) -> list[Defect]:
    part, parts = slice_of
    return [defect for index, defect in enumerate(DEFECTS) if index % parts == part]


def count(parts: Sequence[tuple[int, int]]) -> int:
    """How many defects these slices hold together."""
    return sum(len(_chosen(part)) for part in parts)


def _intended(scenarios: Sequence[BoundScenario], defect: Defect) -> list[BoundScenario]:
    return [one for one in scenarios if one.scenario.requirement == defect.requirement]


@lru_cache(maxsize=1)
def asked_in(idents: tuple[str, ...], seed: int) -> Mapping[str, frozenset[str]]:
    """The defects that the systems ask for in each of the shipped scenarios, without any defect."""
    found = {}
    for one in tracked("asked", crew.bound(idents), lambda one: one.scenario.id):
        with watched() as asked:
            runs.play([one], seed=seed, verdict_only=True)
        found[one.scenario.id] = frozenset(asked)
    return found


def begin(
    pool: Executor,
    idents: Sequence[str],
    *,
    seed: int,
    intended_only: bool,
    parts: Sequence[tuple[int, int]],
) -> list[Future[list[Catch]]]:
    """Run parts of the defects in other processes, against the shipped scenarios with these ids."""
    wanted = frozenset(idents)
    return [pool.submit(_of_shipped, wanted, seed, intended_only, part) for part in parts]


def collected(begun: Sequence[Future[list[Catch]]]) -> list[Catch]:
    """What became of them, in the order of the catalogue."""
    rounds = zip_longest(*(one.result() for one in begun))
    return [catch for found in rounds for catch in found if catch is not None]


def _of_shipped(
    idents: frozenset[str],
    seed: int,
    intended_only: bool,  # noqa: FBT001 - by position, as a pool hands it over
    slice_of: tuple[int, int],
) -> list[Catch]:
    chosen = [one for one in crew.shipped() if one.scenario.id in idents]
    return matrix(chosen, seed=seed, intended_only=intended_only, slice_of=slice_of)


def _catch(defect: Defect, scenarios: Sequence[BoundScenario], *, seed: int) -> Catch:
    played = runs.play(scenarios, seed=seed, defects=[defect.id], verdict_only=True)
    failed = [one for one in played if one.conclusion.verdict is Verdict.FAIL]
    intended = [one for one in failed if one.bound.scenario.requirement == defect.requirement]
    placed = [one for one in intended if _names(one, defect)]
    return Catch(
        defect=defect.id,
        source=defect.source,
        places=defect.places,
        caught_by=tuple(one.bound.scenario.id for one in failed),
        intended=tuple(one.bound.scenario.id for one in intended),
        placed=tuple(one.bound.scenario.id for one in placed),
        seen_at=tuple(
            dict.fromkeys(finding.place for one in intended for finding in one.conclusion.findings)
        ),
    )


def _names(played: Played, defect: Defect) -> bool:
    return any(finding.place in defect.places for finding in played.conclusion.findings)
