"""What the sentences of one scenario work with: the world of the scenario.

Steps prepare and act through it, and hand expectations to it. Everything that happens goes into
the trace; the verdict is then computed from the trace alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness import people
from harness.clock import Clock
from harness.errors import Blocked, HarnessError, InputError
from harness.evidence.expect import Expectation, Judgement
from harness.evidence.judge import judge
from harness.evidence.recorder import Recorder
from harness.evidence.slots import Slots
from harness.evidence.trace import Trace
from harness.evidence.verdict import Verdict
from harness.faults.inject import Injector
from harness.faults.plan import Fault, Plan, keyed
from harness.i18n import tr
from harness.identity import IdentityGuard
from harness.link.actor import Actor
from harness.model import Outcome, Person
from harness.permit import Permit
from harness.profile import Mode
from harness.scenario.bench import Bench
from harness.scenario.looks import Looks
from harness.scenario.origin import OriginGuard
from harness.scenario.persons import desk_of, renumbered, signed_subject, with_person
from harness.scenario.systems import Crash
from harness.scenario.waiting import Waiting
from harness.site.desk import Desk
from harness.site.strangers import Doorman, SiteDoor

QUIESCE_S = 3.0
"""How long the systems get to finish what a scenario began, before it is called left over."""


@dataclass(slots=True)
class World:
    """One scenario's world.

    Args:
        scenario: its id.
        seed: its own seed; everything generated comes from it.
        bench: the systems and devices.
        trace: its journal.
        permit: what the profile allows.
        subjects: signed test patients.
    """

    scenario: str
    seed: int
    bench: Bench
    trace: Trace
    permit: Permit
    subjects: Sequence[Person] = ()
    slots: Slots = field(default_factory=Slots)
    people: dict[str, Person] = field(default_factory=dict)
    signed: dict[str, Person] = field(default_factory=dict)
    """Signed test patients under the name that a sentence gave them."""
    state: dict[str, Any] = field(default_factory=dict)
    sentence: int = -1
    at_end: list[Callable[[], None]] = field(default_factory=list)
    captures: list[Callable[[str, str, str], None]] = field(default_factory=list)
    """Told of each id that a real system gave on a card: argument, our value, its value."""
    acted_at: int = 0
    guard: OriginGuard = field(init=False)
    injector: Injector = field(init=False)
    desk: Desk | None = field(init=False, default=None)
    _idents: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    owners: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.guard = OriginGuard(IdentityGuard([], subjects=self.subjects), self.permit, self.alarm)
        self.injector = Injector(Plan(self.seed, self.scenario), self.trace)
        self.bench.switch.watcher = Recorder(self.trace)
        self.bench.switch.tap = self.injector
        self.injector.on_process = self._strike
        if self.bench.persons is not None:
            self.desk = desk_of(self.bench.persons, self.bench, self.trace, self._captured)
            self.guard.proves = self._proven
            for subject in self.subjects:
                self.guard.identities.allow(subject)
            self.bench.switch.door = SiteDoor(
                self.permit.profile, self.guard.identities, self.bench.persons.routes, self.alarm
            )

    @property
    def clock(self) -> Clock:
        """Of the bench."""
        return self.bench.clock

    # -- preparing -----------------------------------------------------------------------------

    def draw(self, *about: object) -> float:
        """A number in [0, 1) that depends on the seed and on what it is for."""
        return keyed(self.seed, *about)

    def person(self, label: str, kind: str = "ordinary") -> Person:
        """A person under a name of the scenario: the signed test patient of it, or a new one."""
        if label in self.people:
            raise InputError(f"the person {label} is prepared twice")
        if label in self.signed and kind != "ordinary":
            raise InputError(tr("{label} is a signed test patient, whose name is what it is",
                                label=label))  # fmt: skip
        person = self.signed.get(label) or people.generate(self.seed, len(self.people), kind=kind)
        self.people[label] = person
        self.guard.identities.allow(person)
        return person

    def signed_person(self, label: str, number: str) -> None:
        """Let a name of the scenario mean a patient of the profile's signed list."""
        subject = signed_subject(self.subjects, number)
        if label in self.people or label in self.signed or subject in self.signed.values():
            raise InputError(f"the person {label} is prepared twice")
        self.signed[label] = subject

    def known_person(self, label: str) -> Person:
        """A person that was prepared."""
        if label not in self.people and label in self.signed:
            self.person(label)
        if label not in self.people:
            raise InputError(f"the person {label} was not prepared in this scenario")
        return self.people[label]

    def specimen(self, label: str, owner: str, barcode: str = "") -> str:
        """A fresh specimen id under a name of the scenario, for a person (or ``""`` for none)."""
        if barcode:
            self.slots.bind("specimen", label, barcode)
        else:
            barcode = self.slots.mint(
                "specimen", label, lambda index: people.barcode(self.seed, index)
            )
        self.owners[label] = owner
        self.guard.identities.allow_specimen(barcode)
        return barcode

    def barcode(self, label: str) -> str:
        """The id of a specimen that was prepared."""
        return self.slots.get("specimen", label)

    def owner(self, label: str) -> Person:
        """Whose specimen it is."""
        self.barcode(label)
        return self.known_person(self.owners[label])

    def plan(self, fault: Fault) -> Fault:
        """Plan a fault; refused where the profile does not permit any."""
        self.permit.require_fault()
        self.injector.add(fault)
        return fault

    def next_fault(self) -> str:
        """An id for the next planned fault."""
        return f"F{len(self.injector.plan.faults) + 1}"

    # -- acting --------------------------------------------------------------------------------

    def join(self, name: str, actor: Actor, *links: str) -> None:
        """Bring in a device that we play; once, under its name."""
        if name not in self.state.setdefault("joined", set()):
            self.state["joined"].add(name)
            self.bench.join(name, self.behind_doorman(actor), links, self.guard)

    def behind_doorman(self, actor: Actor) -> Actor:
        """At a site with real systems nobody of ours answers about a stranger."""
        if self.desk is None:
            return actor
        profile = self.permit.profile

        def protocol(link: str) -> str:
            end = profile.endpoints.get(link)
            if end is None or profile.mode(end.frm) is Mode.SIMULATED:
                return ""
            return str(end.protocol)

        mints = bool(profile.operator.mints)
        return Doorman(actor, self.guard.identities, protocol, self.alarm, mints=mints)

    def take_desk(self, desk: Desk) -> None:
        """Go on at a desk whose cards were handed out before this scenario had its turn."""
        desk.captured = self._captured
        self.desk = desk

    def alarm(self, text: str) -> None:
        """Something that a person must look at now: in the trace, and on the terminal."""
        self.trace.add("note", text=text, alarm=True)
        if self.desk is not None:
            self.desk.say(text)

    def stand_in(self, name: str, actor: Actor, link: str) -> None:
        """Play the listening role of a relayed link."""
        actor = self.behind_doorman(actor)
        self.bench.join(name, actor, (), self.guard, watched=False)
        self.bench.redirect(link, name)

    def order(self, role: str, name: str, /, **args: str) -> Any:
        """What the user of a system does at its screen; a person's card is done when it is seen."""
        self.permit.require_write(f"{role} {name}")
        if self.desk is not None and self.desk.serves(role):
            self.acted_at = self.acted_at or len(self.trace)
            self.desk.hand(role, name, with_person(args, self.people))
            return None
        self._proven(self._called_by(role))
        return self._commanded(role, name, args, lambda: self.bench.systems.order(role, name, args))

    def tell(self, device: str, name: str, timeout_s: float, /, **args: str) -> Any:
        """Command a device that we play, and wait until it is done."""
        self._proven()
        self.after_persons()
        self.permit.require_write(f"{device} {name}")
        return self._commanded(
            device, name, args, lambda: self.bench.driver.command(device, name, args, timeout_s)
        )

    def _proven(self, writes: Sequence[str] = ()) -> None:
        """Nothing of ours moves before a harmless call of each real caller has arrived.

        Args:
            writes: real systems that are written to besides those of the scenario's interface.

        Raises:
            Blocked: it did not.
        """
        if self.desk is not None:
            about = str(self.trace.records[0]["scenario"]["interface"])
            self.desk.prove(about, writes=writes)

    def _called_by(self, role: str) -> list[str]:
        """Real systems that a system of ours calls: what it is told may be written to them."""
        profile = self.permit.profile
        return [
            one.to
            for one in profile.endpoints.values()
            if one.frm == role and profile.mode(one.to) is Mode.REAL
        ]

    def _commanded(self, role: str, name: str, args: Mapping[str, str], act: Any) -> Any:
        self.acted_at = self.acted_at or len(self.trace)
        shown = {key: value for key, value in args.items() if key != "payload"}
        try:
            value = act()
        except HarnessError as error:
            self.trace.add(
                "command",
                role=role,
                name=name,
                args=shown,
                outcome=Outcome.UNKNOWN.value,
                value=error.message,
            )
            raise
        outcome = value.get("outcome", "ok") if isinstance(value, dict) else "ok"
        self.trace.add("command", role=role, name=name, args=shown, outcome=outcome, value=value)
        return value

    def run_until(self, satisfied: Any, timeout_s: float) -> bool:
        """Let things happen until ``satisfied()``, at most for the named time."""
        self.after_persons()
        return self.bench.driver.wait(satisfied, self.clock.now() + timeout_s)

    def poll(self, satisfied: Any, timeout_s: float) -> bool:
        """Like ``run_until`` for what no link tells of: ask again and again."""
        self.after_persons()
        deadline = self.clock.now() + timeout_s
        looks = Looks(self.bench)
        while not satisfied():
            if self.clock.now() >= deadline:
                return False
            looks.pause(deadline)
        return True

    def after_persons(self) -> None:
        """Go on when everything that persons were asked to do is seen to be done.

        Raises:
            Blocked: something was not.
        """
        if self.desk is not None:
            self.desk.finish()

    def _captured(self, name: str, ours: str, theirs: str) -> None:
        """A confirmed card gave an id of the system: it stands for ours from now on."""
        if name == "patient_id":
            person = renumbered(self.people, ours, theirs)
            if person is not None:
                self.guard.identities.confirm(person)
        elif name == "barcode":
            self.slots.rebind("specimen", ours, theirs)
            self.guard.identities.confirm_specimen(theirs)
        for take in self.captures:
            take(name, ours, theirs)
        self.state.setdefault("captured", {})[f"{name} {ours}"] = theirs

    # -- judging -------------------------------------------------------------------------------

    def expect(self, expectation: Expectation) -> Judgement:
        """Wait for an expectation within its limit, and put the judgement into the trace."""
        self.after_persons()
        return self._waited(expectation, f"E{next(self._idents)}")

    def seen(self, expectation: Expectation) -> None:
        """Wait until what a person does at a real system is seen to be done.

        It prepares, it does not judge: nothing of it counts for or against the system.

        Raises:
            Blocked: it was not seen within the limit.
        """
        ident = f"S{next(self._idents)}"
        judgement = self._waited(expectation, ident, completion=True)
        if judgement.verdict is not Verdict.PASS:
            raise Blocked(
                tr("the step was not seen to be done within {limit:g} s", limit=expectation.limit_s)
            )

    def _waited(self, expectation: Expectation, ident: str, **more: bool) -> Judgement:
        record = self.trace.add(
            "expectation",
            id=ident,
            sentence=self.sentence,
            limit_s=expectation.limit_s,
            spec=expectation.data(),
            **more,
        )
        Waiting(expectation, ident, self.bench, self.trace).until(record["t"])
        judgement = judge(expectation, ident, self.trace.records)
        self.trace.add(
            "judgement",
            expectation=ident,
            verdict=judgement.verdict.value,
            cited=list(judgement.cited),
            findings=[finding.data() for finding in judgement.findings],
            reasons=list(judgement.reasons),
        )
        return judgement

    # -- processes -----------------------------------------------------------------------------

    def crash_next_commit(self, role: str, fault: Fault, *, after: bool, number: int = 1) -> None:
        """Let a system lose its power at its next commit, or the ``number``-th; it comes back.

        What is under way is finished first, so that the next commit is one of the scenario.
        """
        self._finish_pending()
        crash = Crash(
            number=number,
            after=after,
            died=lambda: self.injector.process(fault, "fired", f"{role} lost its power"),
            back=lambda: self.injector.process(fault, "healed", f"{role} is back"),
        )
        self.bench.systems.crash_at(role, crash)

    def _strike(self, fault: Fault) -> None:
        """What a unit on its way brings upon a system: ``role``, and ``seconds`` of a pause."""
        role = fault.parameters["role"]
        if fault.action == "pause":
            seconds = float(fault.parameters["seconds"])
            self.bench.systems.pause(role, seconds)
            said = f"{role} stands still for {seconds:g} s"
            self.injector.process(fault, "fired", said)
            self.injector.process(fault, "healed", f"{role} goes on by itself")
            return
        crash = Crash(
            number=1,
            after=False,
            died=lambda: self.injector.process(fault, "fired", f"{role} lost its power"),
            back=lambda: self.injector.process(fault, "healed", f"{role} is back"),
        )
        self.bench.systems.cut_power(role, crash)

    # -- the end -------------------------------------------------------------------------------

    def quiesce(self) -> None:
        """Let the systems finish; what they still hold then is given up and said."""
        if self.desk is not None:
            self.desk.withdraw()
        self.bench.systems.settle()
        self.bench.systems.call_off()
        for role in self._finish_pending():
            self.bench.systems.order(role, "abandon", {})
            self.trace.add("note", text=f"{role} still held messages; they were given up")

    def _finish_pending(self) -> list[str]:
        """Wait until no system has a message to deliver; returns those that still do."""
        self.bench.systems.settle()
        deadline = self.clock.now() + QUIESCE_S
        left = list(self.bench.systems.hospital.roles)
        looks = Looks(self.bench)
        while True:
            left = [role for role in left if self.bench.systems.order(role, "pending", {})]
            if not left or self.clock.now() >= deadline:
                return left
            looks.pause(deadline)
