"""What the sentences of one scenario work with: the world of the scenario.

Steps prepare and act through it, and hand expectations to it. Everything that happens goes into
the trace; the verdict is then computed from the trace alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness import limits, people
from harness.clock import Clock
from harness.errors import HarnessError, InputError
from harness.evidence.expect import Ask, Expectation, Judgement, items_of
from harness.evidence.judge import judge
from harness.evidence.recorder import Recorder
from harness.evidence.slots import Slots
from harness.evidence.trace import Record, Trace
from harness.evidence.verdict import Verdict
from harness.faults.inject import Injector
from harness.faults.plan import Fault, Plan, keyed
from harness.link.actor import Actor
from harness.link.tap import Connection
from harness.model import Outcome, Person
from harness.permit import IdentityGuard, Permit
from harness.scenario.bench import Bench

QUIESCE_S = 3.0
"""How long the systems get to finish what a scenario began, before it is called left over."""


@dataclass(slots=True)
class OriginGuard:
    """Lets only our own people, and only permitted addresses, through."""

    identities: IdentityGuard
    permit: Permit

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        """Refuse a payload with an identity that is not ours."""
        self.identities.check({"mllp": "hl7"}.get(protocol, protocol), payload)

    def opens(self, connection: Connection, host: str, port: int) -> None:
        """Refuse a forbidden address."""
        self.permit.require_open(host, port)


@dataclass(slots=True)
class World:
    """One scenario's world.

    Args:
        scenario: its id.
        seed: its own seed; everything generated comes from it.
        bench: the systems and devices.
        trace: its journal.
        permit: what the profile allows.
    """

    scenario: str
    seed: int
    bench: Bench
    trace: Trace
    permit: Permit
    slots: Slots = field(default_factory=Slots)
    people: dict[str, Person] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    sentence: int = -1
    acted_at: int = 0
    guard: OriginGuard = field(init=False)
    injector: Injector = field(init=False)
    _idents: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _owners: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.guard = OriginGuard(IdentityGuard([]), self.permit)
        self.injector = Injector(Plan(self.seed, self.scenario), self.trace)
        self.bench.switch.watcher = Recorder(self.trace)
        self.bench.switch.tap = self.injector

    @property
    def clock(self) -> Clock:
        """Of the bench."""
        return self.bench.clock

    # -- preparing -----------------------------------------------------------------------------

    def draw(self, *about: object) -> float:
        """A number in [0, 1) that depends on the seed and on what it is for."""
        return keyed(self.seed, *about)

    def person(self, label: str, kind: str = "ordinary") -> Person:
        """A new generated person under a name of the scenario."""
        if label in self.people:
            raise InputError(f"the person {label} is prepared twice")
        person = people.generate(self.seed, len(self.people), kind=kind)
        self.people[label] = person
        self.guard.identities.allow(person)
        return person

    def known_person(self, label: str) -> Person:
        """A person that was prepared."""
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
        self._owners[label] = owner
        self.guard.identities.allow_specimen(barcode)
        return barcode

    def barcode(self, label: str) -> str:
        """The id of a specimen that was prepared."""
        return self.slots.get("specimen", label)

    def owner(self, label: str) -> Person:
        """Whose specimen it is."""
        self.barcode(label)
        return self.known_person(self._owners[label])

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
        """Bring in a device that we play."""
        if name not in self.state.setdefault("joined", set()):
            self.state["joined"].add(name)
            self.bench.join(name, actor, links, self.guard)

    def order(self, role: str, name: str, **args: str) -> Any:
        """What the user of a system does at its screen."""
        self.permit.require_write(f"{role} {name}")
        return self._commanded(role, name, args, lambda: self.bench.systems.order(role, name, args))

    def tell(self, device: str, name: str, timeout_s: float, **args: str) -> Any:
        """Command a device that we play, and wait until it is done."""
        self.permit.require_write(f"{device} {name}")
        return self._commanded(
            device, name, args, lambda: self.bench.driver.command(device, name, args, timeout_s)
        )

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
        self.trace.add(
            "command", role=role, name=name, args=shown, outcome=outcome, value=value
        )
        return value

    def run_until(self, satisfied: Any, timeout_s: float) -> bool:
        """Let things happen until ``satisfied()``, at most for the named time."""
        return self.bench.driver.wait(satisfied, self.clock.now() + timeout_s)

    # -- judging -------------------------------------------------------------------------------

    def expect(self, expectation: Expectation) -> Judgement:
        """Wait for an expectation within its limit, and put the judgement into the trace."""
        ident = f"E{next(self._idents)}"
        record = self.trace.add(
            "expectation",
            id=ident,
            sentence=self.sentence,
            limit_s=expectation.limit_s,
            spec=expectation.data(),
        )
        deadline = record["t"] + expectation.limit_s
        if expectation.mode != "eventually":
            self._watch(expectation, ident, deadline)
        elif expectation.ask is not None:
            self._poll(expectation, ident, deadline)
        else:
            self._await(expectation, ident, deadline)
        self._close(expectation, ident)
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

    def _await(self, expectation: Expectation, ident: str, deadline: float) -> None:
        """Messages: look at the trace whenever it grows."""
        good_at: float | None = None

        def held() -> bool:
            # Judged as if the window closed now, which tells whether anything is still missing.
            return self._as_closed(expectation, ident) is Verdict.PASS

        if self.bench.driver.wait(held, deadline):
            good_at = self.clock.now()
        if good_at is not None and expectation.exact and expectation.settle_s > 0:
            self.bench.driver.wait(lambda: not held(), good_at + expectation.settle_s)

    def _as_closed(self, expectation: Expectation, ident: str) -> Verdict:
        closing: Record = {"n": -1, "kind": "note", "window": ident, "rests": []}
        return judge(expectation, ident, [*self.trace.records, closing]).verdict

    def _poll(self, expectation: Expectation, ident: str, deadline: float) -> None:
        """A probe: ask until the answer is right and stays so, or until the limit."""
        good_since: float | None = None
        last_rows: object = None
        while True:
            now = self.clock.now()
            settled = good_since is not None and now - good_since >= expectation.settle_s
            over = now >= (deadline if good_since is None else deadline + expectation.settle_s)
            answer = self._look(expectation.ask, ident, last=settled or over, before=last_rows)
            last_rows = (answer["outcome"], answer["rows"])
            right = self._answer_is_right(expectation, answer)
            if over or (settled and right):
                return
            if right and expectation.settle_s == 0:
                return
            good_since = (good_since if good_since is not None else now) if right else None
            self.bench.driver.wait(lambda: False, min(now + limits.POLL_S, max(deadline, now)))
            if self.clock.now() <= now:
                self.bench.driver.wait(lambda: False, now + limits.POLL_S)

    def _answer_is_right(self, expectation: Expectation, answer: Record) -> bool:
        ident = "probe"
        records: list[Record] = [
            {"n": 1, "t": 0.0, "kind": "expectation", "id": ident},
            answer | {"n": 2, "t": expectation.settle_s + 1, "ask": ident, "last": True},
        ]
        if expectation.settle_s > 0:
            records.insert(1, answer | {"n": 1, "t": 0.0, "ask": ident})
        return judge(expectation, ident, records).verdict is Verdict.PASS

    def _look(self, ask: Ask | None, ident: str, *, last: bool, before: object = None) -> Record:
        """One look through a probe; an answer like the one before is not written again."""
        if ask is None:
            raise HarnessError("a look needs a probe")
        probe = self.bench.probes.get(ask.probe)
        if probe is None:
            raise InputError(f"the profile has no probe {ask.probe}")
        answer = probe.ask(ask.args)
        rows = [dict(row) for row in answer.rows]
        fields = {
            "probe": ask.probe,
            "role": probe.role,
            "args": dict(ask.args),
            "outcome": answer.outcome.value,
            "rows": rows,
            "error": answer.error,
            "ask": ident,
            "last": last,
        }
        if not last and before == (fields["outcome"], rows):
            return fields
        return self.trace.add("probe", **fields)

    def _watch(self, expectation: Expectation, ident: str, deadline: float) -> None:
        """``never`` and ``always``: watch until the limit, stop at the first thing unwanted."""
        last_rows: object = None
        while True:
            over = self.clock.now() >= deadline
            if expectation.ask is not None:
                answer = self._look(expectation.ask, ident, last=over, before=last_rows)
                last_rows = (answer["outcome"], answer["rows"])
                if items_of(answer, expectation.select):
                    break
            elif self._as_closed(expectation, ident) is Verdict.FAIL:
                break
            if over:
                break
            step = limits.POLL_S if expectation.ask is not None else expectation.limit_s
            self.bench.driver.wait(lambda: False, min(self.clock.now() + step, deadline))
        if expectation.control_ask is not None:
            self._look(expectation.control_ask, f"{ident}/control", last=True)

    def _close(self, expectation: Expectation, ident: str) -> None:
        closing: Record = {"n": -1, "kind": "note", "window": ident, "rests": []}
        judged = judge(expectation, ident, [*self.trace.records, closing])
        rests = [number for number in judged.cited if number > 0]
        self.trace.add("note", window=ident, rests=rests)

    # -- processes -----------------------------------------------------------------------------

    def kill(self, role: str, fault: Fault) -> None:
        """Cut the power of a system that we run."""
        self.bench.systems.kill(role)
        self.injector.process(fault, "fired", f"{role} killed")

    def restart(self, role: str, fault: Fault | None = None) -> None:
        """Start a system again."""
        self.bench.systems.restart(role)
        if fault is not None:
            self.injector.process(fault, "healed", f"{role} started again")

    # -- the end -------------------------------------------------------------------------------

    def quiesce(self) -> None:
        """Let the systems finish; what they still hold then is given up and said."""
        for role in ("LIS", "HIS"):
            if not self.bench.systems.running(role):
                self.bench.systems.restart(role)
        deadline = self.clock.now() + QUIESCE_S
        for role in ("LIS", "HIS"):
            while self.bench.systems.order(role, "pending", {}):
                if self.clock.now() >= deadline:
                    self.bench.systems.order(role, "abandon", {})
                    self.trace.add("note", text=f"{role} still held messages; they were given up")
                    break
                self.bench.driver.wait(lambda: False, self.clock.now() + limits.POLL_S)
