"""Which scenarios count: those that alone catch or cover something.

An outline counts once. A scenario counts if a defect is caught by it and by no other, if no other
carries its requirement, if it alone provokes a class of faults, by a planned fault or by what its
messages show, or if it alone judges a class or cause of 单边账; the rest is named redundant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from harness.scenario.denominators import PILLARS, load_denominators
from harness.selfcheck.defect_matrix import Catch
from harness.selfcheck.ledger_rows import judged_rows
from harness.selfcheck.runs import Played
from harness.selfcheck.wire_classes import shown_classes


def group_of(played: Played) -> str:
    """The scenario, or the outline that it is a row of."""
    return played.bound.scenario.outline or played.bound.scenario.id


def counting(played: Sequence[Played], catches: Sequence[Catch]) -> tuple[set[str], list[str]]:
    """The groups that count, and the redundant ones in the order of the files.

    Args:
        played: every scenario on the clean hospital.
        catches: every defect against every scenario, not only against those meant for it.
    """
    groups = {one.bound.scenario.id: group_of(one) for one in played}
    matters: dict[str, set[str]] = defaultdict(set)
    for one in played:
        matters[f"requirement {one.bound.scenario.requirement}"].add(group_of(one))
        for fault in one.conclusion.faults:
            if fault.fired:
                matters[f"fault class {fault.fault_class}"].add(group_of(one))
        for shown in shown_classes(one.records):
            matters[f"fault class {shown}"].add(group_of(one))
        for row in judged_rows(one.records):
            matters[row].add(group_of(one))
    for catch in catches:
        matters[f"defect {catch.defect}"] |= {groups[ident] for ident in catch.caught_by}
    return alone(matters, dict.fromkeys(groups.values()))


def alone(
    matters: Mapping[str, Collection[str]], groups: Iterable[str]
) -> tuple[set[str], list[str]]:
    """Of some groups those that something depends on alone, and all others in their order."""
    found = {next(iter(of)) for of in matters.values() if len(of) == 1}
    return found, [group for group in groups if group not in found]


def by_pillar(played: Iterable[Played], groups: set[str]) -> dict[str, dict[str, int]]:
    """``counting`` by pillar of the scenario's requirement."""
    known = load_denominators().requirements
    found: dict[str, set[str]] = {pillar: set() for pillar in PILLARS}
    for one in played:
        if group_of(one) in groups:
            found[known[one.bound.scenario.requirement].pillar].add(group_of(one))
    return {pillar: {"counting": len(names)} for pillar, names in found.items()}
