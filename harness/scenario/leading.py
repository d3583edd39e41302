"""The first cards of a scenario, found without a system: its preparation is tried on paper.

The sentences before its first action only make people up and tell persons what to do. Everything
generated comes from the seed, so trying them gives the very cards that they will hand out. The
trial ends at the first thing that needs a system, a link, a fault or somebody's answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from harness.clock import Clock
from harness.evidence.expect import Expectation
from harness.evidence.trace import Trace
from harness.faults.plan import Fault
from harness.model import Person
from harness.permit import Permit
from harness.scenario.bench import Bench, Switch
from harness.scenario.binding import BoundScenario
from harness.scenario.named import filled
from harness.scenario.persons import Persons
from harness.scenario.sentence import StepKind
from harness.scenario.world import World
from harness.site.batch import TOKEN_CHARS_MIN
from harness.site.cards import HOLE, Form
from harness.site.strangers import SiteDoor

LEADING_MAX: Final = 20
"""Cards of one scenario before its first action; a scenario of more is no preparation."""


class NotYetError(BaseException):
    """What comes next needs its turn. No step may take it for something that it can mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One card that a scenario will hand out first."""

    role: str
    command: str
    args: Mapping[str, str]
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading:
    """What a scenario begins with.

    Attributes:
        cards: in the order in which it hands them out.
        names: of its people and specimens.
        door: lets in what speaks of them; None without persons.
    """

    cards: tuple[Lead, ...] = ()
    names: frozenset[str] = frozenset()
    door: SiteDoor | None = None


class NoBench:
    """A bench on paper: it has a clock and persons; anything else is not there yet."""

    def __init__(self, clock: Clock, persons: Persons, specs: Mapping[str, Any]) -> None:
        self.clock, self.persons, self.specs, self.switch = clock, persons, specs, Switch()

    def __getattr__(self, name: str) -> Any:
        raise NotYetError(name)


@dataclass(slots=True)
class Paper:
    """A desk on paper: writes down what would be handed out."""

    persons: Persons
    names: Any
    found: list[tuple[int, Lead]] = field(default_factory=list)
    sentence: int = 0

    @property
    def forms(self) -> Mapping[tuple[str, str], Form]:
        """As the desk has them."""
        return self.persons.forms

    def serves(self, role: str) -> bool:
        """As the desk."""
        return role in self.persons.roles

    def hand(self, role: str, command: str, args: Mapping[str, str]) -> None:
        """Write it down; a card that no name of the scenario proves waits for its turn."""
        form = self.persons.forms.get((role, command))
        if form is None or len(self.found) >= LEADING_MAX:
            raise NotYetError(command)
        if not _told_apart(form, args, self.names()):
            raise NotYetError(command)
        lead = Lead(role=role, command=command, args=dict(args), form=form)
        self.found.append((self.sentence, lead))

    def prove(self, interface: str, caller: str = "", writes: Sequence[str] = ()) -> None:
        """The desk proves the way before a card is handed out."""

    def finish(self, wait_s: float = 0.0) -> None:
        """Here persons would be waited for."""
        raise NotYetError

    def say(self, text: str) -> None:
        """Nobody is told anything."""

    def withdraw(self) -> None:
        """Nothing is open."""


class Trial(World):
    """A world on paper: a fault is planned when the scenario has its turn."""

    def plan(self, fault: Fault) -> Fault:
        """Not before."""
        raise NotYetError(fault.id)


def _told_apart(form: Form, args: Mapping[str, str], names: frozenset[str]) -> bool:
    """Whether what proves a card names somebody or something of its own scenario."""
    holes = {name for text in form.match.values() for name in HOLE.findall(text)}
    return any(args.get(name) in names for name in holes)


def leading(
    bound: BoundScenario,
    seed: int,
    persons: Persons,
    permit: Permit,
    *,
    clock: Clock,
    head: Mapping[str, Any],
    specs: Mapping[str, Any],
    subjects: Sequence[Person] = (),
) -> Leading:
    """The cards that a scenario hands out before anything else happens.

    A scenario whose first 那么 comes right after its cards has none: its limit counts from when the
    persons were done, and would be over long before its turn.

    Args:
        bound: the scenario.
        seed: of the scenario.
        persons: who works where.
        permit: of the profile.
        clock: tells the time of day.
        head: the record that opens its trace.
        specs: links by name.
        subjects: signed test patients.
    """
    bench = cast("Bench", NoBench(clock, persons, specs))
    trace = Trace(clock)
    trace.add("open", **head)
    world = Trial(bound.scenario.id, seed, bench, trace, permit, subjects)
    paper = Paper(persons, lambda: names_of(world))
    world.desk = cast("Any", paper)
    if not _tried(bound, world, paper) or not paper.found:
        return Leading()
    kinds = [step.sentence.kind for step in bound.steps]
    last = paper.found[-1][0]
    then = next((kind for kind in kinds[last + 1 :] if kind is not StepKind.GIVEN), StepKind.THEN)
    if then is StepKind.THEN:
        return Leading()
    door = bench.switch.door
    return Leading(
        cards=tuple(lead for _, lead in paper.found),
        names=names_of(world),
        door=door if isinstance(door, SiteDoor) else None,
    )


def names_of(world: World) -> frozenset[str]:
    """What the people and specimens of a world are called."""
    people = [text for one in world.people.values()
              for text in (one.name, one.id_card, one.patient_id)]  # fmt: skip
    tubes = [world.slots.get("specimen", label) for label in world.slots.names("specimen")]
    return frozenset(one for one in (*people, *tubes) if len(one) >= TOKEN_CHARS_MIN)


def _tried(bound: BoundScenario, world: World, paper: Paper) -> bool:
    """Try sentence by sentence; False where one cannot be carried out at all."""
    try:
        for index, step in enumerate(bound.steps):
            if step.sentence.kind is StepKind.THEN:
                break
            world.sentence = paper.sentence = index
            arguments = filled(world, step.arguments)
            words = filled(world, list(step.keywords.values()))
            keywords = dict(zip(step.keywords, words, strict=True))
            if isinstance(step.step.function(world, *arguments, **keywords), Expectation):
                break
    except NotYetError:
        pass
    except Exception:  # noqa: BLE001 - the scenario says it at its turn, with its place
        return False
    finally:
        for action in world.at_end:
            with contextlib.suppress(Exception, NotYetError):
                action()
    return True
