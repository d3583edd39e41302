"""Persons in a scenario: builds the desk of a world; ids that a system minted replace ours.

A system under test that is worked by a person gives its own visit, barcode or patient number. What
a confirmed card captured stands for our value from then on, and may be sent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.clock import Clock
from harness.errors import Blocked
from harness.evidence.trace import Trace
from harness.i18n import tr
from harness.link.address import Address
from harness.link.host import Host
from harness.link.tap import Connection
from harness.model import Person
from harness.probes.carried import CarriedProbe
from harness.probes.person import PersonProbe
from harness.probes.probe import Probe
from harness.profile import Mode, Operators, Profile, Worker
from harness.scenario.bench import Bench, Member
from harness.site.asked import pose_of
from harness.site.attached import index, keep
from harness.site.board import LINK, Board, Page
from harness.site.cards import Form, read_forms
from harness.site.desk import Desk, Say
from harness.site.earlier import Earlier, Remember, nothing
from harness.site.keys import listen
from harness.site.route import Routes

CARRIED: Final = "carried"
"""Folder of a run with the questions and answers of its hand-carried probes."""


@dataclass(slots=True)
class Persons:
    """Of one run: who works where, and the page that shows the cards.

    Attributes:
        roles: systems that persons work at.
        forms: kinds of card.
        operators: of the profile.
        board: the open cards.
        say: shows a card on the terminal.
        routes: which way calls were seen to take.
        past: cards that were done in an earlier attempt of this run.
        address: of the page; empty over memory.
    """

    roles: frozenset[str]
    forms: Mapping[tuple[str, str], Form]
    operators: Operators
    board: Board
    say: Say
    routes: Routes
    past: Remember = nothing
    address: str = ""


def persons_of(profile: Profile, folder: Path, say: Say) -> Persons | None:
    """Who works by hand at this site; None where we run every system ourselves.

    Raises:
        InputError: the cards of the profile cannot be used.
    """
    roles = {
        role
        for role, system in profile.systems.items()
        if system.mode is not Mode.SIMULATED and system.worked_by is Worker.PERSON
    }
    if all(system.mode is Mode.SIMULATED for system in profile.systems.values()):
        return None
    own = profile.operator.cards
    board = Board(keep=lambda data: keep(folder, data))
    board.indexed = lambda card, one: index(folder, card, one, at=board.stamp())
    return Persons(
        roles=frozenset(roles),
        forms=read_forms(profile.file(own) if own else None),
        operators=profile.operator,
        board=board,
        say=say,
        routes=Routes(profile),
        past=Earlier(folder).find,
    )


def open_page(persons: Persons, bench: Bench) -> None:
    """Serve the page on this machine alone, for as long as the bench runs."""

    def unseen(link: str, conn: str, client: bool) -> Connection:  # noqa: FBT001 - by position
        return Connection(id=conn, link=link, interface="", local="", peer="", client=client)

    persons.board.stamp = lambda: bench.clock.wall().isoformat(timespec="seconds")
    member: Member = bench.driver.add(LINK, Host(Page(persons.board), bench.clock, unseen))
    persons.address = str(
        member.listen(LINK, Address(host="127.0.0.1", port=persons.operators.port))
    )
    listen(persons.board, sys.stdin, persons.say)


def ask_persons(persons: Persons, bench: Bench) -> bool:
    """Let probes that are a person's eyes ask at the board; whether there are any."""
    found = [probe for probe in bench.probes.values() if isinstance(probe, PersonProbe)]
    for probe in found:
        probe.pose = pose_of(persons.board, probe.role, persons.say)
    return bool(found)


def keep_carried(bench: Bench, folder: Path) -> None:
    """What is carried to a run lies in its folder, is encrypted with it, and goes with it."""
    for probe in bench.probes.values():
        if isinstance(probe, CarriedProbe):
            probe.kept = folder / CARRIED


@dataclass(slots=True)
class BenchEyes:
    """What the desk sees with."""

    bench: Bench

    @property
    def clock(self) -> Clock:
        """Of the bench."""
        return self.bench.clock

    @property
    def probes(self) -> Mapping[str, Probe]:
        """By name."""
        return self.bench.probes

    @property
    def watched(self) -> Mapping[str, Sequence[str]]:
        """Interfaces of each link that we see."""
        return self.bench.watched

    def hear(self) -> bool:
        """Take in what processes of ours noted; whether there are such."""
        for take in self.bench.ears:
            take()
        return bool(self.bench.ears)

    def wait(self, satisfied: Callable[[], bool], deadline: float) -> bool:
        """Let things happen."""
        return self.bench.driver.wait(satisfied, deadline)


def desk_of(
    persons: Persons, bench: Bench, trace: Trace, captured: Callable[[str, str, str], None]
) -> Desk:
    """The desk of one scenario."""
    eyes = BenchEyes(bench)
    return Desk(
        roles=persons.roles,
        forms=persons.forms,
        operators=persons.operators,
        board=persons.board,
        trace=trace,
        eyes=eyes,
        hear=eyes.hear,
        past=persons.past,
        say=persons.say,
        routes=persons.routes,
        captured=captured,
    )


def signed_subject(subjects: Sequence[Person], number: str) -> Person:
    """The patient of that number for whom the site has signed.

    Raises:
        Blocked: there is none.
    """
    subject = next((one for one in subjects if one.patient_id == number), None)
    if subject is None:
        raise Blocked(
            tr("nobody has signed for a test patient {number} here", number=number),
            remedy=tr("add the patient to the list, and sign it under [test_subjects]"),
        )
    return subject


def renumbered(people: dict[str, Person], ours: str, theirs: str) -> Person | None:
    """Give the person of our number the number that the system minted; None if nobody had it."""
    for label, person in people.items():
        if person.patient_id == ours:
            people[label] = replace(person, patient_id=theirs)
            return people[label]
    return None


def with_person(args: Mapping[str, str], people: Mapping[str, Person]) -> dict[str, Any]:
    """Arguments of a command with who it is about, for a person who must find the patient."""
    about = next((one for one in people.values() if one.patient_id == args.get("patient_id")), None)
    if about is None:
        return dict(args)
    known = {"name": about.name, "sex": about.sex, "birth": about.birth, "id_card": about.id_card}
    return known | dict(args)
