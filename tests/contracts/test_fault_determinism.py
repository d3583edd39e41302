"""The same seed gives the same faults, however the threads of eight connections happen to run.

Eight senders exchange messages with one receiver over TCP. Faults are drawn with probability 0.5,
and a shim delays every delivery by 0 to 3 ms of true chance. What happened to each business
identity must be the same in every run. The same test with decisions keyed by arrival order gives
different results: so it can fail.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from harness.evidence.trace import Trace
from harness.faults.inject import Injector
from harness.faults.plan import Fault, Plan, Trigger, keyed
from harness.link import actor as act
from harness.link.host import Host
from harness.link.tap import Connection, Delivery
from harness.link.threads import Threads
from harness.wire.core import Core, Message, Unit
from harness.wire.mllp import MllpCore

SENDERS = 8
MATTERS = 4
RUNS = 200
SECONDS = 40.0

Outcome = frozenset[tuple[str, tuple[str, ...], int, int]]
"""For each matter: the faults that fired on it, how often it arrived, how often it was answered."""


@dataclass
class Jitter:
    """A tap around the injector that lets every delivery wait by chance."""

    inner: Injector
    chance: random.Random = field(default_factory=random.SystemRandom)

    def connects(self, connection: Connection, now: float) -> bool:
        return self.inner.connects(connection, now)

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        return self.inner.unit(connection, unit, now)

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        return self._late(self.inner.outgoing(connection, data, now))

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        return self._late(self.inner.incoming(connection, data, now))

    def _late(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        return [
            Delivery(data=one.data, delay_s=one.delay_s + self.chance.random() * 0.003, end=one.end)
            for one in deliveries
        ]


def message(matter: str) -> bytes:
    """A result of a specimen, with a control id that no other run has."""
    control = uuid.uuid4().hex[:20]
    return (
        f"MSH|^~\\&|AN||LIS||20260105||ORU^R01^ORU_R01|{control}|P|2.5.1\r"
        f"PID|1||P1\rOBR|1||{matter}\rOBX|1|NM|K||4.1\r"
    ).encode("ascii")


def matter_of(payload: bytes) -> str:
    found = re.search(rb"OBR\|1\|\|([^|\r]+)", payload)
    assert found is not None
    return found[1].decode("ascii")


@dataclass
class Sender:
    """Sends its matters and a farewell; the answer to the farewell shows that all arrived."""

    number: int
    answered: Counter[str] = field(default_factory=Counter)
    asked: dict[str, str] = field(default_factory=dict)
    done: bool = False
    role: str = "AN"

    def open_core(self, link: str, *, client: bool) -> Core:
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Commanded():
                return [act.Open(link="lab", conn=f"c{self.number}")]
            case act.Opened():
                matters = [f"S{self.number}-{index}" for index in range(MATTERS)]
                return [self._send(matter) for matter in [*matters, f"END{self.number}"]]
            case act.Received(event=Message(payload=payload)):
                control = payload.rpartition(b"MSA|AA|")[2].strip(b"\r").decode("ascii")
                matter = self.asked[control]
                self.answered[matter] += 1
                self.done = self.done or matter.startswith("END")
        return []

    def _send(self, matter: str) -> act.Send:
        payload = message(matter)
        self.asked[payload.split(b"|")[9].decode("ascii")] = matter
        return act.Send(conn=f"c{self.number}", event=Message(payload=payload))


@dataclass
class Receiver:
    """Answers every message that arrives."""

    arrived: Counter[str] = field(default_factory=Counter)
    role: str = "LIS"

    def open_core(self, link: str, *, client: bool) -> Core:
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                self.arrived[matter_of(payload)] += 1
                control = payload.split(b"|")[9]
                ack = b"MSH|^~\\&|LIS||AN||20260105||ACK^R01^ACK|%b|P|2.5.1\rMSA|AA|%b\r" % (
                    uuid.uuid4().hex[:20].encode("ascii"),
                    control,
                )
                return [act.Send(conn=event.conn, event=Message(payload=ack))]
        return []


def describe(link: str, conn: str, client: bool) -> Connection:
    local, peer = ("AN", "LIS") if client else ("LIS", "AN")
    return Connection(id=conn, link=link, interface="I", local=local, peer=peer, client=client)


def faults() -> list[Fault]:
    half = {"probability": 0.5, "occurrences": ()}
    common = {"fault_class": "hl7-37", "layer": "message", "link": "lab"}
    return [
        Fault(id="loss", action="drop", sender="AN", **common,
              trigger=Trigger(kind="message", holds=("|S",), **half)),
        Fault(id="echo", action="repeat", sender="AN", **common,
              trigger=Trigger(kind="message", holds=("|S",), **half)),
        Fault(id="deaf", action="drop", sender="LIS", **common,
              trigger=Trigger(kind="message", holds=("ACK|", "|S"), **half)),
    ]  # fmt: skip


def one_run(plan: Plan) -> Outcome:
    runtime = Threads()
    injector = Injector(plan, Trace(runtime.clock))
    for fault in faults():
        injector.add(fault)
    tap = Jitter(injector)
    receiver = Receiver()
    address = runtime.add("LIS", Host(receiver, runtime.clock, describe, tap=tap)).listen("lab")
    senders = [Sender(number) for number in range(SENDERS)]
    for sender in senders:
        host = Host(sender, runtime.clock, describe, tap=tap)
        member = runtime.add(f"AN{sender.number}", host)
        member.routes["lab"] = address
        member.run(lambda host=host: host.command("go", {}, 0))
    over = runtime.wait(lambda: all(one.done for one in senders), runtime.clock.now() + 10)
    assert runtime.stop() == []
    assert over
    assert runtime.errors == []
    fired: dict[str, list[str]] = {}
    for record in injector.trace.records:
        if record["event"] == "fired":
            fired.setdefault(record["identity"].rpartition("|")[2], []).append(record["id"])
    matters = [f"S{n}-{index}" for n in range(SENDERS) for index in range(MATTERS)]
    return frozenset(
        (
            matter,
            tuple(sorted(fired.get(matter, []))),
            receiver.arrived[matter],
            senders[int(matter[1])].answered[matter],
        )
        for matter in matters
    )


class ByArrival(Plan):
    """What must not be: decisions in the order in which threads happen to come by."""

    def _drawn(self, fault: Fault, identity: str, occurrence: int) -> bool:
        arrival = self._counts.setdefault(("", "", "", ""), 0) + 1
        self._counts["", "", "", ""] = arrival
        draw = keyed(self.seed, self.scenario, fault.link, fault.sender, arrival, fault.id)
        return draw < fault.trigger.probability


@pytest.mark.slow
@pytest.mark.untraced
def test_two_hundred_runs_are_one() -> None:
    began = time.monotonic()
    outcomes = {one_run(Plan(20260105, "determinism")) for _ in range(RUNS)}

    assert len(outcomes) == 1
    (outcome,) = outcomes
    kinds = {fired for _, fired, _, _ in outcome}
    assert {(), ("loss",), ("deaf",)} < kinds  # the run is not an empty one
    assert {arrived for _, _, arrived, _ in outcome} >= {0, 1, 2}
    assert {answered for _, _, _, answered in outcome} >= {0, 1, 2}
    assert len({one_run(Plan(seed, "determinism")) for seed in range(5)}) == 5
    assert time.monotonic() - began < SECONDS


@pytest.mark.slow
def test_decisions_by_arrival_order_would_be_found() -> None:
    outcomes = {one_run(ByArrival(20260105, "determinism")) for _ in range(20)}

    assert len(outcomes) > 1
