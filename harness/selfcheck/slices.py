"""What a quick check takes of everything; which part of it, the commit decides."""

from __future__ import annotations

from harness.faults.plan import keyed
from harness.i18n import tr
from harness.scenario import denominators
from harness.scenario.binding import BoundScenario
from harness.selfcheck import runs, seeds
from harness.selfcheck.revision import commits, slice_of

UNION_COMMITS = 20
"""Commits whose quick checks are added up."""

QUICK_SLICES = 8
"""A quick check takes one of so many slices of the defects, and of scenarios that take long; which
one, the commit decides."""

QUICK_HALVES = 2
"""A quick check plays one half of its scenarios with other seeds, and changes one half of its
traces; which one, the commit decides."""

QUICK_APART = 4
"""Of scenarios that need sockets, which wait in real time, it plays one of so many."""

WHOLE_IN_QUICK = ("lab", "feeds")
"""Pillars of which a quick check plays every scenario: what alters a message is felt there."""

QUICK_PARTS = 40
"""A quick check takes one part of the mutants and of the defects of PACS and RIS; which one, the
commit decides."""


def quick_scenarios(revision: str) -> list[BoundScenario]:
    """What a quick check plays for a commit."""
    known = denominators.load_denominators().requirements
    everything = runs.shipped()
    part = slice_of(revision, QUICK_SLICES)
    sliced = {one.scenario.id for one in everything[part::QUICK_SLICES]}
    return [
        one
        for one in everything
        if known[one.scenario.requirement].pillar in WHOLE_IN_QUICK or one.scenario.id in sliced
    ]


def part_of(revision: str, where: str, parts: int = QUICK_PARTS) -> int:
    """The part of something that a quick check takes for a commit.

    Each ``where`` is chosen for itself: what is a part of a part is another one with each commit,
    so that many commits together take everything.
    """
    return int(keyed(revision, where) * parts)


def union() -> str:
    """What the quick checks of the last commits took together."""
    last = commits(UNION_COMMITS)
    taken = {where: {part_of(one, where) for one in last} for where in ("link", "store")}
    seeds_taken = {seed for one in last for seed in seeds.of_commit(one)}
    return tr(
        "the last {commits} commits together: {seeds} of {all} seeds, {link} and {store} of"
        " {parts} parts of the mutants",
        commits=len(last),
        seeds=len(seeds_taken),
        all=len(seeds.WHOLE),
        link=len(taken["link"]),
        store=len(taken["store"]),
        parts=QUICK_PARTS,
    )
