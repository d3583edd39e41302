"""PACS and RIS in a whole self-check: slices of their defects, played in several processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from typing import Final

from harness.scenario.binding import BoundScenario
from harness.selfcheck import counting, imaging
from harness.selfcheck.defect_matrix import Catch
from harness.selfcheck.fault_classes import Row
from harness.selfcheck.runs import Played
from simulators.hospital.defects import IMAGING as DEFECTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process found of PACS and RIS.

    Attributes:
        catches: of its defects.
        clean: scenarios that it played without a defect.
        failures: of both.
        rows: of the catalogue, with what these plays showed of them.
        covers: by requirement and row the groups of scenarios that cover it.
    """

    catches: Sequence[Catch]
    clean: Sequence[str]
    failures: Sequence[str]
    rows: Sequence[Row] = ()
    covers: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def counting(self) -> tuple[set[str], list[str]]:
        """The groups that count, and the redundant ones.

        Of defects nothing follows here: each is played until the first scenario names its place.
        """
        groups = sorted({group for found in self.covers.values() for group in found})
        return counting.alone(self.covers, groups)


NOTHING: Final = Share(catches=(), clean=(), failures=())
"""Before anything was played."""


def begin(pool: Executor, *, seed: int, slices: Sequence[tuple[int, int]]) -> list[Future[Share]]:
    """Play slices of the defects in other processes, each with a PACS and a RIS of its own."""
    return [pool.submit(played, seed, one) for one in slices]


def played(seed: int, slice_of: tuple[int, int]) -> Share:
    """One slice: the scenarios that it needs without a defect, then each of its defects."""
    check = _sliced(seed, slice_of)
    check.run()
    clean = tuple(one.bound.scenario.id for one in check.clean)
    return Share(
        catches=check.catches,
        clean=clean,
        failures=check.failures,
        rows=imaging.table(check.clean, check.catches),
        covers=covers(check.clean),
    )


def covers(clean: Sequence[Played]) -> dict[str, frozenset[str]]:
    """By requirement and row of the catalogue the groups of scenarios that cover it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    groups = {one.bound.scenario.id: counting.group_of(one) for one in clean}
    for one in clean:
        found[f"requirement {one.bound.scenario.requirement}"].add(counting.group_of(one))
    for row, shown_in in imaging.provoked_in(clean).items():
        found[f"fault class {row}"] |= {groups[ident] for ident in shown_in}
    return {matter: frozenset(of) for matter, of in found.items()}


def plays(everything: Sequence[BoundScenario], slices: Sequence[tuple[int, int]]) -> int:
    """How many scenarios these slices play clean, and how many defects, together."""
    bound = [one for one in everything if one.scenario.interface in imaging.INTERFACES]
    return sum(_sliced(0, part).plays(bound) for part in slices)


def _sliced(seed: int, slice_of: tuple[int, int]) -> imaging.Check:
    return imaging.Check(quick=False, seed=seed, only=(), say=lambda _: None, slice_of=slice_of)


def collected(begun: Sequence[Future[Share]]) -> Share:
    """The slices together, defects in the order of the catalogue."""
    shares = [one.result() for one in begun]
    caught = {catch.defect: catch for share in shares for catch in share.catches}
    return Share(
        catches=[caught[one.id] for one in DEFECTS if one.id in caught],
        clean=sorted({ident for share in shares for ident in share.clean}),
        failures=list(dict.fromkeys(text for share in shares for text in share.failures)),
        rows=_together([share.rows for share in shares]),
        covers={
            matter: frozenset().union(*(share.covers.get(matter, ()) for share in shares))
            for matter in sorted({matter for share in shares for matter in share.covers})
        },
    )


def _together(slices: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows of the catalogue with what all slices showed of each."""
    return [
        replace(
            rows[0],
            provoked_in=tuple(dict.fromkeys(one for row in rows for one in row.provoked_in)),
            detected_by=tuple(dict.fromkeys(one for row in rows for one in row.detected_by)),
        )
        for rows in zip(*filter(None, slices), strict=True)
    ]
