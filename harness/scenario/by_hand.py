"""How many cards a scenario will hand out, for the plan of a night: it is tried on paper, whole.

Every sentence before the judgements is carried out without a system; what a person does is counted,
what needs a system or an answer is left out. A sentence that cannot be tried because one before it
was left out counts the cards that ``fixtures/site/by-hand.toml`` lists for it.
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from harness import resources
from harness.clock import Clock
from harness.evidence.trace import Trace
from harness.model import Person
from harness.permit import Permit
from harness.scenario.bench import Bench
from harness.scenario.binding import BoundScenario
from harness.scenario.leading import NoBench, NotYetError, Paper, Trial
from harness.scenario.named import filled
from harness.scenario.persons import Persons
from harness.scenario.sentence import StepKind


@lru_cache(maxsize=1)
def listed() -> Mapping[str, Sequence[str]]:
    """The cards of each sentence that ships, as ``ROLE COMMAND``."""
    with resources.fixture("site", "by-hand.toml").open("rb") as file:
        cards: Mapping[str, Sequence[str]] = tomllib.load(file)["cards"]
    return cards


@dataclass(slots=True)
class _Count(Paper):
    """A desk that counts cards, and waits for nobody."""

    cards: int = 0

    def hand(self, role: str, command: str, args: Mapping[str, str]) -> None:
        """One more; where no card says how, the run would stop there."""
        if (role, command) not in self.persons.forms:
            raise NotYetError(command)
        self.cards += 1

    def finish(self, wait_s: float = 0.0) -> None:
        """Everything is done at once."""


def cards_of(
    bound: BoundScenario,
    seed: int,
    persons: Persons,
    permit: Permit,
    *,
    clock: Clock,
    head: Mapping[str, Any],
    specs: Mapping[str, Any],
    subjects: Sequence[Person] = (),
) -> int:
    """How many cards a scenario hands out to those who work at its systems.

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
    if not persons.roles:
        return 0
    trace = Trace(clock)
    trace.add("open", **head)
    bench = cast("Bench", NoBench(clock, persons, specs))
    world = Trial(bound.scenario.id, seed, bench, trace, permit, subjects)
    paper = _Count(persons, frozenset)
    world.desk = cast("Any", paper)
    world.guard.proves = _not_here
    total = 0
    for index, step in enumerate(bound.steps):
        if step.sentence.kind is StepKind.THEN:
            continue
        world.sentence = index
        paper.cards = 0
        try:
            arguments = filled(world, step.arguments)
            words = filled(world, list(step.keywords.values()))
            keywords = dict(zip(step.keywords, words, strict=True))
            step.step.function(world, *arguments, **keywords)
        except (Exception, NotYetError):  # noqa: BLE001 - it needs what is not on paper
            by_list = [one for one in listed().get(step.step.doc.id, ())
                       if one.partition(" ")[0] in persons.roles]  # fmt: skip
            paper.cards = max(paper.cards, len(by_list))
        total += paper.cards
    for action in world.at_end:
        with contextlib.suppress(Exception, NotYetError):
            action()
    return total


def _not_here() -> None:
    """Nothing on paper opens a connection."""
    raise NotYetError
