"""Batches across scenarios: the first cards of several are handed out together, before their turn.

Whoever sits at a workstation gets one list for all of them and does it in any order. Each scenario
keeps its own journal, into which goes what speaks of its people and nothing else; its verdict comes
about in its turn, as it would alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.errors import HarnessError
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Trace
from harness.i18n import tr
from harness.scenario.bench import Bench
from harness.scenario.binding import BoundScenario
from harness.scenario.leading import Leading
from harness.scenario.persons import Persons, desk_of
from harness.scenario.stages import STAGES, stage_of
from harness.scenario.world import World
from harness.site.batch import Batch, Begun, Doors, Parted, apart
from harness.site.cards import Card

BATCH_MAX: Final = 20
"""Scenarios of a batch: a list that fits one page, and a journal that waits for no hour."""


def batches(
    queue: Sequence[BoundScenario], leads: Callable[[BoundScenario], Leading]
) -> list[list[tuple[BoundScenario, Leading]]]:
    """Which scenarios of a queue have their first cards handed out together, in its order."""
    found: list[list[tuple[BoundScenario, Leading]]] = []
    taken: set[str] = set()
    for index, one in enumerate(queue):
        if one.scenario.id in taken:
            continue
        batch = joined(queue[index:], leads, skip=taken)
        if batch:
            found.append(batch)
            taken |= {each.scenario.id for each, _ in batch}
    return found


def joined(
    queue: Sequence[BoundScenario],
    leads: Callable[[BoundScenario], Leading],
    *,
    skip: set[str],
) -> list[tuple[BoundScenario, Leading]]:
    """The batch that the first scenario of a queue begins; empty where it would be alone.

    Nothing of a later stage joins: somebody may decide to go back before it. Two scenarios whose
    people or specimens could be taken for one another do not stand in one batch.
    """
    first = queue[0]
    stage = STAGES.index(stage_of(first.scenario))
    batch: list[tuple[BoundScenario, Leading]] = []
    for one in queue:
        if one.scenario.id in skip or STAGES.index(stage_of(one.scenario)) > stage:
            continue
        found = leads(one)
        if found.cards and all(apart(found.names, other.names) for _, other in batch):
            batch.append((one, found))
        elif one is first:
            return []
        if len(batch) == BATCH_MAX:
            break
    return batch if len(batch) > 1 else []


@dataclass(slots=True)
class Ahead:
    """Scenarios of a run that were begun before their turn.

    Args:
        leads: the first cards of a scenario; none where it cannot be begun.
        opened: opens the journal of a scenario.
        queue: what is to run, in order.
    """

    leads: Callable[[BoundScenario], Leading]
    opened: Callable[[BoundScenario], Trace]
    queue: Sequence[BoundScenario] = ()
    parted: Parted = field(default_factory=Parted)
    _considered: set[str] = field(default_factory=set)
    _found: dict[str, Leading] = field(default_factory=dict)

    def begin(self, bound: BoundScenario, bench: Bench) -> None:
        """Hand out the cards of the batch that a scenario begins, and wait for them.

        A scenario whose cards cannot be handed out now is left to its turn, which says why.
        """
        ident = bound.scenario.id
        if bench.persons is None or not bench.persons.roles or ident in self._considered:
            return
        at = next((number for number, one in enumerate(self.queue) if one is bound), None)
        if at is None:
            return
        batch = joined(self.queue[at:], self._known, skip=self._considered)
        self._considered |= {ident, *(one.scenario.id for one, _ in batch)}
        if not batch:
            return
        begun = [one for one in (self._opened(bench, *each) for each in batch) if one is not None]
        self._work(bench, begun)

    def _known(self, bound: BoundScenario) -> Leading:
        ident = bound.scenario.id
        if ident not in self._found:
            self._found[ident] = self.leads(bound)
        return self._found[ident]

    def _opened(self, bench: Bench, bound: BoundScenario, lead: Leading) -> Begun | None:
        """A scenario with its journal; the way of its calls is proven before any card goes out."""
        persons: Persons = bench.persons
        trace = self.opened(bound)
        recorder = Recorder(trace)
        desk = desk_of(persons, bench, trace, lambda _name, _ours, _theirs: None)
        one = Begun(ident=bound.scenario.id, names=lead.names, trace=trace, desk=desk,
                    recorder=recorder, door=lead.door)  # fmt: skip
        if one.door is not None:
            one.door.alarm = None
        self.parted.begun.append(one)
        bench.switch.watcher = self.parted.around(recorder)
        bench.switch.door = Doors(None, self.parted, lambda text: self._shout(persons, text))
        try:
            for interface in sorted({card.form.interface for card in lead.cards} - {""}):
                desk.prove(interface)
            desk.say = lambda _: None  # shown together, by workstation
            for card in lead.cards:
                desk.lead(card.role, card.command, card.args)
        except HarnessError as error:
            self._let_go(one, str(error))
            return None
        finally:
            desk.say = persons.say
        return one

    def _let_go(self, one: Begun, why: str) -> None:
        """Its turn says what is wrong; what was handed out is taken back."""
        self.parted.begun = [other for other in self.parted.begun if other is not one]
        one.trace.add("note", text=why)
        one.desk.withdraw()
        one.trace.close()

    def _work(self, bench: Bench, begun: Sequence[Begun]) -> None:
        """Show the cards by workstation, and wait until all are seen to be done."""
        persons: Persons = bench.persons
        cards = [card for one in begun for card in one.desk.listed()]
        self._show(persons, cards, len(begun))
        bench.switch.watcher = self.parted.around(None)
        self.parted.nobodys = 0
        wait_s = persons.operators.wait_s
        batch = Batch([one.desk for one in begun], bench.clock, bench.driver.wait, wait_s)
        whole = batch.finish()
        told = tr("{count} scenarios had their cards together; {messages} messages meanwhile were"
                  " of none of them", count=len(begun), messages=self.parted.nobodys)  # fmt: skip
        for one in begun:
            one.trace.add("note", text=told)
            if not whole:
                one.desk.too_late()
        for card in cards:
            if card.seen:
                persons.board.drop(card)

    def _show(self, persons: Persons, cards: Sequence[Card], scenarios: int) -> None:
        places = {card.workstation: [one for one in cards if one.workstation == card.workstation]
                  for card in cards}  # fmt: skip
        for place, own in places.items():
            persons.say(tr("▶▶ {workstation}: {cards} cards of {scenarios} scenarios, in any order",
                           workstation=place, cards=len(own), scenarios=scenarios))  # fmt: skip
            for card in own:
                persons.say(persons.board.text(card))

    def _shout(self, persons: Persons, text: str) -> None:
        """A stranger while it is nobody's turn: in the journal of the first that waits."""
        for one in self.parted.begun[:1]:
            one.trace.add("note", text=text, alarm=True)
        persons.say(text)

    # -- its turn ------------------------------------------------------------------------------

    def trace_of(self, ident: str) -> Trace | None:
        """The journal of a scenario that was begun."""
        return next((one.trace for one in self.parted.begun if one.ident == ident), None)

    def adopt(self, world: World) -> None:
        """A scenario has its turn: it finds its cards; the others go on waiting."""
        for one in [each for each in self.parted.begun if each.ident == world.scenario]:
            self.parted.begun = [other for other in self.parted.begun if other is not one]
            world.take_desk(one.desk)
        if self.parted.begun:
            self._stand(world.bench)

    def _stand(self, bench: Bench) -> None:
        switch = bench.switch
        switch.watcher = self.parted.around(switch.watcher)
        switch.door = Doors(switch.door, self.parted)

    def between(self, bench: Bench) -> None:
        """Between two turns what comes late still belongs to those that wait."""
        if self.parted.begun:
            bench.switch.watcher = self.parted.around(None)

    def drop(self, ident: str) -> None:
        """A scenario has its turn, and nothing to work with: its cards are taken back."""
        for one in [each for each in self.parted.begun if each.ident == ident]:
            self.parted.begun = [other for other in self.parted.begun if other is not one]
            one.desk.withdraw()

    def close(self) -> None:
        """The run ends: what waits has no verdict, and runs again when the run goes on."""
        for one in list(self.parted.begun):
            self.drop(one.ident)
            one.trace.close()
        self._considered.clear()
