"""``medharness plan``: scenarios in the order of a night, what fits, and when to go back.

Smoke comes first, then money and identity, then the rest. What does not fit into the budget is
listed as left out, never dropped silently.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness import input_files
from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from harness.night.wires import Wire, wiring
from harness.permit import Permit
from harness.profile import Profile, Worker
from harness.scenario.ahead import batches
from harness.scenario.binding import BoundScenario
from harness.scenario.by_hand import cards_of
from harness.scenario.files import shown
from harness.scenario.leading import Leading, leading
from harness.scenario.persons import persons_of
from harness.scenario.runner import scenario_facts, scenario_seed
from harness.scenario.stages import STAGES, stage_of
from harness.scenario.wiring import link_specs, subjects

SYSTEM_S: Final = 20.0
"""Seconds of a scenario that was never measured."""

PERSON_S: Final = 120.0
"""Seconds of one card that a person carries out: walk, find the screen, type, save."""

WAY_S: Final = 45.0
"""Of them, going there and finding the screen: a list at one workstation needs it once."""

ROLLBACK_S: Final = 1800.0
"""Seconds that going back takes where nobody said otherwise."""

FORMULA: Final = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One scenario of the night.

    Attributes:
        ident: of the scenario.
        name: its title.
        place: ``FILE:LINE``.
        stage: one of ``STAGES``.
        seconds: how long it will take, persons included.
        cards: that persons carry out.
        measured: the time comes from an earlier run.
        fits: within the budget.
    """

    ident: str
    name: str
    place: str
    stage: str
    seconds: float
    cards: int
    measured: bool
    fits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A point at which somebody decides whether to go back.

    Attributes:
        after: the stage that ends there.
        minute: of the night, by the estimates.
        criterion: what must hold to go on.
    """

    after: str
    minute: int
    criterion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Cards of several scenarios that come together at one workstation.

    Attributes:
        number: of the batch; its workstations are worked at side by side.
        stage: the latest of its scenarios.
        workstation: where the list is done.
        cards: how many.
        scenarios: ids, in the order of the run.
        saved_s: against each scenario having its card alone: all ways but one.
    """

    number: int
    stage: str
    workstation: str
    cards: int
    scenarios: tuple[str, ...]
    saved_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """The whole plan."""

    items: tuple[Item, ...]
    decisions: tuple[Decision, ...]
    wires: tuple[Wire, ...]
    people: tuple[str, ...]
    budget_s: float
    apart: tuple[str, ...] = ()
    batches: tuple[Together, ...] = ()


def stage_names() -> dict[str, str]:
    """The stages in the language in use."""
    return {
        STAGES[0]: tr("smoke"),
        STAGES[1]: tr("money and identity"),
        STAGES[2]: tr("rest"),
    }


def plan(
    bound: Sequence[BoundScenario],
    profile: Profile,
    budget_s: float,
    *,
    measured: Mapping[str, float] | None = None,
    rollback_s: float = ROLLBACK_S,
) -> Night:
    """Order the scenarios of a site for a night.

    Args:
        bound: scenarios.
        profile: of the site; scenarios of interfaces that it lacks are put apart.
        budget_s: seconds from the first scenario to the last, going back not included.
        measured: seconds by scenario id, of an earlier run.
        rollback_s: seconds that going back takes.

    Raises:
        InputError: nothing is left to plan, or the file of a device of ours cannot be read.
    """
    there = {name for end in profile.endpoints.values() for name in (end.interface, *end.also)}
    fitting = [one for one in bound if one.scenario.interface in there]
    if not fitting:
        raise InputError(tr("no scenario was chosen"), remedy=tr("look at --tags and PATH"))
    counted = _counting(profile)
    ordered = sorted(
        enumerate(fitting), key=lambda each: (STAGES.index(stage_of(each[1].scenario)), each[0])
    )
    items, spent = [], 0.0
    for _, one in ordered:
        item = _item(one, measured or {}, counted(one))
        fits = spent + item.seconds <= budget_s
        spent += item.seconds if fits else 0.0
        items.append(item if fits else _without(item))
    return Night(
        items=tuple(items),
        decisions=tuple(_decisions(items, budget_s, rollback_s)),
        wires=tuple(wiring(profile)),
        people=tuple(_people(profile)),
        budget_s=budget_s,
        apart=tuple(one.scenario.id for one in bound if one.scenario.interface not in there),
        batches=tuple(
            _together(
                [one for (_, one), item in zip(ordered, items, strict=True) if item.fits], profile
            )
        ),
    )


def _together(ordered: Sequence[BoundScenario], profile: Profile) -> list[Together]:
    """The batches of a night as a run of these scenarios would make them."""
    persons = persons_of(profile, Path(), lambda _: None)
    if persons is None or not persons.roles:
        return []
    clock = RealClock()
    permit = Permit(profile, clock.wall)
    specs = link_specs(profile)

    def leads(one: BoundScenario) -> Leading:
        scenario = one.scenario
        first = {"scenario": scenario_facts(scenario)}
        seed = scenario_seed(1, scenario.id)
        return leading(one, seed, persons, permit, clock=clock, head=first, specs=specs)

    moved = profile.operator.workstations
    found = []
    for number, batch in enumerate(batches(ordered, leads), 1):
        places: dict[str, list[str]] = {}
        for one, lead in batch:
            for card in lead.cards:
                place = moved.get(card.form.workstation, card.form.workstation)
                places.setdefault(place, []).append(one.scenario.id)
        stage = max(STAGES.index(stage_of(one.scenario)) for one, _ in batch)
        found += [
            Together(number=number, stage=STAGES[stage], workstation=place, cards=len(own),
                     scenarios=tuple(dict.fromkeys(own)), saved_s=WAY_S * (len(own) - 1))
            for place, own in places.items()
        ]  # fmt: skip
    return found


def _counting(profile: Profile) -> Callable[[BoundScenario], int]:
    """Tells how many cards a scenario hands out at this site."""
    persons = persons_of(profile, Path(), lambda _: None)
    clock = RealClock()
    permit, specs = Permit(profile, clock.wall), link_specs(profile)

    def counted(one: BoundScenario) -> int:
        if persons is None:
            return 0
        scenario = one.scenario
        seed, first = scenario_seed(1, scenario.id), {"scenario": scenario_facts(scenario)}
        return cards_of(one, seed, persons, permit, clock=clock, head=first, specs=specs,
                        subjects=subjects(profile))  # fmt: skip

    return counted


def _item(one: BoundScenario, measured: Mapping[str, float], cards: int) -> Item:
    scenario = one.scenario
    known = measured.get(scenario.id)
    return Item(
        ident=scenario.id,
        name=scenario.name,
        place=f"{shown(scenario.file)}:{scenario.row_line or scenario.line}",
        stage=stage_of(scenario),
        seconds=round((SYSTEM_S if known is None else known) + cards * PERSON_S, 1),
        cards=cards,
        measured=known is not None,
    )


def _without(item: Item) -> Item:
    return replace(item, fits=False)


def _decisions(items: Sequence[Item], budget_s: float, rollback_s: float) -> list[Decision]:
    """After each stage, and the last moment at which going back is still in time."""
    criteria = {
        STAGES[0]: tr("every smoke scenario passed; otherwise go back at once"),
        STAGES[1]: tr("no scenario about money or identity failed or is open; otherwise go back"),
        STAGES[2]: tr("every failure has an owner who accepts it in writing; otherwise go back"),
    }
    found, spent = [], 0.0
    for stage in STAGES:
        own = [one for one in items if one.stage == stage and one.fits]
        spent += sum(one.seconds for one in own)
        if own:
            found.append(Decision(after=stage, minute=_minutes(spent), criterion=criteria[stage]))
    latest = max(0.0, budget_s - rollback_s)
    last = tr("the last moment to go back: it takes {minutes} min", minutes=_minutes(rollback_s))
    found.append(Decision(after="", minute=int(latest // 60), criterion=last))
    return found


def _minutes(seconds: float) -> int:
    return int(-(-seconds // 60))


def _people(profile: Profile) -> list[str]:
    """Who must be there: an operator for each system that is worked by hand, and who decides."""
    found = [
        tr("operator of {role}", role=role)
        for role, system in profile.systems.items()
        if system.worked_by is Worker.PERSON
    ]
    found += [tr("DBA of {role}", role=one.role) for one in profile.probes.values()
              if one.kind == "carried"]  # fmt: skip
    found += [tr("who looks at {role}", role=one.role) for one in profile.probes.values()
              if one.kind == "person"]  # fmt: skip
    return [*dict.fromkeys(found), tr("engineer at this harness"), tr("who decides to go back")]


@dataclass(frozen=True, slots=True)
class _Took:
    """What is read of a scenario of a run."""

    id: str
    seconds: float = 0.0


def measured_of(folder: Path) -> dict[str, float]:
    """Seconds by scenario of an earlier run.

    Raises:
        InputError: no run folder.
    """
    path = folder / "run.json"
    if not path.is_file():
        raise InputError(tr("not a run folder: {folder}", folder=folder))
    data = input_files.shaped(dict[str, Any], input_files.json_of(path), str(path))
    rows = input_files.shaped(list[_Took], data.get("scenarios"), f"{path} scenarios")
    return {one.id: one.seconds for one in rows if one.seconds}


def write(night: Night, out: Path) -> list[Path]:
    """``night.csv``, ``batches.csv``, ``decisions.csv``, ``wiring.csv``; none is written over.

    Raises:
        InputError: the wiring sheet is there already: old values stand in it.
    """
    out.mkdir(parents=True, exist_ok=True)
    sheet = out / "wiring.csv"
    if sheet.exists():
        raise InputError(
            tr("the file exists already"), where=str(sheet), remedy=tr("choose another name")
        )
    order = [("stage", "scenario", "name", "place", "minutes", "cards", "fits")]
    order += [
        (one.stage, one.ident, one.name, one.place, f"{one.seconds / 60:.1f}", str(one.cards),
         "yes" if one.fits else "no")
        for one in night.items
    ]  # fmt: skip
    points = [("after", "minute", "criterion", "decided_by", "decision")]
    points += [(one.after, str(one.minute), one.criterion, "", "") for one in night.decisions]
    wires = [("endpoint", "system", "setting", "before", "during", "restored")]
    wires += [(one.endpoint, one.system, one.setting, one.before, one.during, one.restored)
              for one in night.wires]  # fmt: skip
    tables: dict[str, list[tuple[str, ...]]] = {
        "night.csv": list(order), "batches.csv": _batch_rows(night),
        "decisions.csv": list(points), "wiring.csv": list(wires),
    }  # fmt: skip
    return [_table(out / name, rows) for name, rows in tables.items()]


def _batch_rows(night: Night) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("batch", "stage", "workstation", "cards", "scenarios", "minutes_saved")
    ]
    return rows + [
        (str(one.number), one.stage, one.workstation, str(one.cards), " ".join(one.scenarios),
         f"{one.saved_s / 60:.1f}")
        for one in night.batches
    ]  # fmt: skip


def _table(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    text = io.StringIO()
    marked = [[f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row] for row in rows]
    csv.writer(text).writerows(marked)
    path.write_bytes(text.getvalue().encode("utf-8-sig"))
    return path
