"""Planned faults on their way: what is on the wire, and what the trace says was done."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.errors import HarnessError
from harness.evidence.trace import Trace, unpack
from harness.faults.catalogue import PROCESS_ACTIONS, UNIT_ACTIONS
from harness.faults.inject import Injector
from harness.faults.plan import Fault, Plan, Trigger
from harness.link import actor as act
from harness.link.address import Address
from harness.link.host import Host
from harness.link.tap import Connection, Delivery
from harness.link.threads import Threads
from harness.wire.core import Core, Message, Unit
from harness.wire.mllp import MllpCore
from tests.harness.link.parties import Party, Sender, acker, oru

CLIENT = Connection(id="lab#AN1", link="lab", interface="I", local="AN", peer="LIS", client=True)
SERVER = Connection(id="lab#1", link="lab", interface="I", local="LIS", peer="AN", client=False)


def fault(action: str, kind: str = "message", sender: str = "AN", **fields: Any) -> Fault:
    trigger = fields.pop("trigger", None) or Trigger(kind=kind, **fields.pop("when", {}))
    defaults = {"id": "F1", "fault_class": "hl7-1", "layer": "message", "link": "lab"}
    return Fault(action=action, sender=sender, trigger=trigger, **(defaults | fields))


def injector(*faults: Fault) -> Injector:
    one = Injector(Plan(7, "S"), Trace(VirtualClock()))
    for each in faults:
        one.add(each)
    return one


def events(one: Injector, ident: str = "F1") -> list[str]:
    return [r["event"] for r in one.trace.records if r["kind"] == "fault" and r["id"] == ident]


def framed(payload: bytes) -> bytes:
    return b"\x0b" + payload + b"\x1c\r"


def unit(number: int = 1, specimen: str = "S1") -> Unit:
    payload = oru(number, specimen)
    return Unit(kind="message", data=framed(payload), payload=payload)


def sent(one: Injector, piece: Unit, connection: Connection = CLIENT) -> list[Delivery]:
    """What the tap makes of one unit, all the way to the wire."""
    pieces = one.unit(connection, piece, 0.0)
    data = b"".join(pieces)
    return list(one.outgoing(connection, data, 0.0)) if data else []


def mllp(data: bytes) -> list[bytes]:
    """Payloads of the frames in a stream, read by the letter of HL7 2.5.1 appendix C."""
    return re.findall(rb"\x0b([^\x0b\x1c]*)\x1c\r", data)


# -- what is planned, fired and healed ---------------------------------------------------------


def test_a_fault_is_planned_fired_and_healed_in_the_trace() -> None:
    one = injector(fault("drop"))

    assert sent(one, unit()) == []
    planned, fired, healed = one.trace.records
    assert [r["event"] for r in (planned, fired, healed)] == ["planned", "fired", "healed"]
    assert (fired["frm"], fired["to"], fired["conn"]) == ("AN", "LIS", "lab#AN1")
    assert fired["identity"] == "ORU^R01|S1"
    assert (unpack(fired["before"]), unpack(fired["after"])) == (unit().data, b"")
    assert (fired["action"], fired["layer"], fired["fault_class"]) == ("drop", "message", "hl7-1")


def test_only_the_planned_occurrence_of_the_planned_matter_is_hit() -> None:
    one = injector(fault("drop", when={"holds": ("S2",), "occurrences": (2,)}))
    outcome = [bool(sent(one, unit(n, specimen))) for n, specimen in
               [(1, "S1"), (2, "S2"), (3, "S1"), (4, "S2"), (5, "S2")]]  # fmt: skip

    assert outcome == [True, True, True, False, True]
    assert events(one) == ["planned", "fired", "healed"]


def test_what_was_planned_and_never_came_by_stays_unfired() -> None:
    one = injector(fault("drop", when={"holds": ("S9",)}), fault("repeat", "frame", id="F2"))
    sent(one, unit())

    assert events(one) == events(one, "F2") == ["planned"]


def test_an_action_that_changes_nothing_did_not_happen() -> None:
    one = injector(
        fault("replace", parameters={"old": "ZZZ", "new": "Y"}),
        fault("bad-checksum", id="F2"),
        fault("slices", id="F3", parameters={"bytes": "100000"}),
    )

    assert sent(one, unit()) == [Delivery(data=unit().data)]
    assert [events(one, ident) for ident in ("F1", "F2", "F3")] == [["planned"]] * 3


def test_a_fault_that_stays_on_is_healed_by_the_scenario() -> None:
    lasting = fault("drop", until_healed=True, when={"occurrences": ()})
    one = injector(lasting)

    assert [sent(one, unit()), sent(one, unit())] == [[], []]
    assert events(one) == ["planned", "fired", "fired"]
    one.heal(lasting)
    assert sent(one, unit()) != []
    assert events(one) == ["planned", "fired", "fired", "healed"]


def test_unknown_actions_are_refused_when_planned() -> None:
    with pytest.raises(HarnessError, match="unknown fault action explode"):
        injector(fault("explode"))


def test_what_the_runtime_does_to_a_process_is_told_too() -> None:
    kill = fault("kill", layer="process")
    one = injector(kill)
    one.process(kill, "fired", "LIS killed")

    assert sent(one, unit()) == [Delivery(data=unit().data)]
    assert events(one) == ["planned", "fired"]
    assert one.trace.records[-1]["detail"] == "LIS killed"


# -- units -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "parameters", "seen"),
    [
        ("drop", {}, []),
        ("repeat", {}, [oru(1), oru(1)]),
        ("truncate", {}, []),
        ("replace", {"old": "WBC", "new": "RBC"}, [oru(1).replace(b"WBC", b"RBC")]),
        ("junk-before", {}, [oru(1)]),
        ("instead", {"bytes": "\x0bX\x1c\r"}, [b"X"]),
        ("without-start", {}, []),
        ("without-end", {}, []),
        ("double-wrapped", {}, [oru(1)]),
        ("line-feeds", {}, [oru(1).replace(b"\r", b"\r\n")]),
    ],
)
def test_unit_actions_on_the_wire(
    action: str, parameters: dict[str, str], seen: list[bytes]
) -> None:
    one = injector(fault(action, parameters=parameters))
    data = b"".join(delivery.data for delivery in sent(one, unit()))

    assert mllp(data) == seen
    assert data != unit().data
    assert unpack(one.trace.records[1]["after"]) == data
    assert sent(one, unit(2, "S1")) == [Delivery(data=unit(2, "S1").data)]


def test_one_unit_is_changed_once() -> None:
    one = injector(fault("drop"), fault("repeat", id="F2"))

    assert sent(one, unit()) == []
    assert events(one, "F2") == ["planned"]


def test_two_messages_swap_their_places() -> None:
    one = injector(fault("swap", when={"holds": ("S1",)}))

    assert sent(one, unit(1, "S1")) == []
    assert events(one) == ["planned"]
    (delivery,) = sent(one, unit(2, "S2"))
    assert mllp(delivery.data) == [oru(2, "S2"), oru(1, "S1")]
    assert events(one) == ["planned", "fired", "healed"]


def test_two_messages_are_glued_together() -> None:
    one = injector(fault("coalesce", when={"holds": ("S1",)}))

    assert sent(one, unit(1, "S1")) == []
    assert one.unit(CLIENT, unit(2, "S2"), 0.0) == [unit(1, "S1").data + unit(2, "S2").data]


def test_what_is_held_is_not_lost_to_the_next_fault_of_its_kind() -> None:
    one = injector(fault("swap", when={"occurrences": ()}))

    assert sent(one, unit(1, "S1")) == []
    (delivery,) = sent(one, unit(2, "S2"))
    assert mllp(delivery.data) == [oru(2, "S2"), oru(1, "S1")]


# -- on the way --------------------------------------------------------------------------------


def test_an_armed_fault_hits_the_bytes_of_its_unit() -> None:
    one = injector(fault("reset-in-the-middle"))
    first, second = sent(one, unit())

    assert unit().data.startswith(first.data)
    assert len(first.data) == len(unit().data) // 2
    assert second == Delivery(end="reset")
    assert events(one) == ["planned", "fired", "healed"]
    assert sent(one, unit(2, "S1")) == [Delivery(data=unit(2, "S1").data)]


def test_an_armed_fault_without_bytes_does_not_wait_for_those_of_another_unit() -> None:
    one = injector(fault("delay"), fault("drop", id="F2"))

    assert sent(one, unit(1)) == []
    assert sent(one, unit(2, "S1")) == [Delivery(data=unit(2, "S1").data)]
    assert (events(one), events(one, "F2")) == (["planned"], ["planned", "fired", "healed"])


def test_one_write_travels_one_way() -> None:
    one = injector(fault("delay"), fault("reset-after", id="F2"))

    assert sent(one, unit()) == [Delivery(data=unit().data, delay_s=1.0)]
    assert sent(one, unit(2, "S1")) == [Delivery(data=unit(2, "S1").data)]
    assert events(one, "F2") == ["planned"]


@pytest.mark.parametrize("action", ["half-open", "black-hole"])
def test_a_silent_connection_swallows_both_directions(action: str) -> None:
    silent = fault(action, until_healed=True)
    one = injector(silent)
    assert one.incoming(CLIENT, b"before", 0.0) == (Delivery(data=b"before"),)

    assert sent(one, unit()) == []
    assert one.incoming(CLIENT, b"anything", 0.0) == ()
    assert sent(one, unit(2, "S1")) == []
    other = Connection(id="lab#AN2", link="lab", interface="I", local="AN", peer="LIS", client=True)
    assert sent(one, unit(3, "S1"), other) == [Delivery(data=unit(3, "S1").data)]
    one.heal(silent)
    assert sent(one, unit(4, "S1")) == [Delivery(data=unit(4, "S1").data)]
    assert events(one) == ["planned", "fired", "healed"]


# -- replies -----------------------------------------------------------------------------------


def replied(one: Injector, *reads: bytes) -> list[bytes]:
    out = [one.incoming(CLIENT, read, 0.0) for read in reads]
    return [delivery.data for deliveries in out for delivery in deliveries]


def test_an_answer_is_lost_whole_in_however_many_reads_it_comes() -> None:
    one = injector(fault("drop", "reply", "LIS", when={"holds": ("S1",)}))
    sent(one, unit(1, "S1"))
    assert replied(one, b"\x0bMSH|", b"rest\x1c\r") == []
    sent(one, unit(1, "S1"))
    assert replied(one, b"again") == [b"again"]

    assert events(one) == ["planned", "fired", "healed"]
    fired = one.trace.records[1]
    assert (fired["frm"], fired["to"], fired["identity"]) == ("LIS", "AN", "reply|ORU^R01|S1")


def test_what_comes_before_we_sent_anything_is_no_answer() -> None:
    one = injector(fault("drop", "reply", "LIS"))

    assert replied(one, b"hello") == [b"hello"]
    assert events(one) == ["planned"]


@pytest.mark.parametrize(
    ("action", "parameters", "seen"),
    [
        ("repeat", {}, [b"A", b"A"]),
        ("instead", {"bytes": "\x15"}, [b"\x15"]),
        ("delay", {"delay_s": "2"}, [b"A"]),
        ("reset-after", {}, [b"A", b""]),
        ("black-hole", {}, []),
    ],
)
def test_actions_on_an_answer(action: str, parameters: dict[str, str], seen: list[bytes]) -> None:
    one = injector(fault(action, "reply", "LIS", parameters=parameters))
    sent(one, unit())

    assert replied(one, b"A") == seen
    assert events(one) == ["planned", "fired", "healed"]
    assert replied(one, b"later") == ([] if action == "black-hole" else [b"later"])


@pytest.mark.parametrize(
    "action", ["replace", "swap", "refuse", "kill", "lower-case-checksum", "slices"]
)
def test_actions_that_do_nothing_to_this_answer(action: str) -> None:
    one = injector(fault(action, "reply", "LIS", parameters={"old": "Z", "new": "Y"}))
    sent(one, unit())

    assert replied(one, b"A") == [b"A"]
    assert events(one) == ["planned"]


# -- connections -------------------------------------------------------------------------------


def test_refusing_connections() -> None:
    one = injector(fault("refuse", "connect", layer="transport"))

    assert [one.connects(CLIENT, 0.0) for _ in range(2)] == [False, True]
    assert events(one) == ["planned", "fired", "healed"]


def test_refusing_at_the_listening_end() -> None:
    one = injector(fault("refuse", "accept", layer="transport", when={"occurrences": (2,)}))

    assert [one.connects(SERVER, 0.0) for _ in range(3)] == [True, False, True]
    fired = one.trace.records[1]
    assert (fired["frm"], fired["to"]) == ("AN", "LIS")


def test_other_faults_do_not_refuse() -> None:
    one = injector(fault("drop", "connect"), fault("kill", "", id="F2", layer="process"))

    assert one.connects(CLIENT, 0.0)


def test_every_action_on_a_unit_can_be_planned_for_any_unit() -> None:
    parameters = {"old": "a", "new": "b", "bytes": "x"}
    for action in [*UNIT_ACTIONS, *PROCESS_ACTIONS]:
        one = injector(fault(action, "", parameters=parameters, when={"occurrences": ()}))
        for piece in (Unit(kind="enq", data=b"\x05"), unit(), Unit(kind="raw", data=b"\xff")):
            one.unit(CLIENT, piece, 0.0)


# -- over real TCP -----------------------------------------------------------------------------


class Bench:
    """A sender of ours with faults, against a raw listening socket."""

    def __init__(self) -> None:
        self.runtime = Threads()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(5)
        self.one = Injector(Plan(7, "S"), Trace(self.runtime.clock))

    def start(self, *faults: Fault, messages: int = 1, answer_s: float = 5.0) -> Sender:
        for each in faults:
            self.one.add(each)
        sender = Sender("AN", "lab", [oru(n, f"S{n}") for n in range(1, messages + 1)], answer_s)

        def describe(link: str, conn: str, client: bool) -> Connection:
            return Connection(
                id=conn, link=link, interface="I", local="AN", peer="LIS", client=client
            )

        host = Host(sender, self.runtime.clock, describe, tap=self.one)
        member = self.runtime.add("AN", host)
        port = self.listener.getsockname()[1]
        member.routes["lab"] = Address(host="127.0.0.1", port=port)
        member.run(lambda: host.command("send", {}, 1))
        return sender

    def accept(self) -> socket.socket:
        sock, _ = self.listener.accept()
        sock.settimeout(5)
        return sock

    def wait(self, sender: Sender, outcomes: int = 1) -> list[str]:
        enough = self.runtime.wait(
            lambda: len(sender.outcomes) >= outcomes, self.runtime.clock.now() + 5
        )
        assert enough
        return sender.outcomes


@pytest.fixture
def bench() -> Iterator[Bench]:
    one = Bench()
    yield one
    assert one.runtime.stop() == []
    assert one.runtime.errors == []
    one.listener.close()


def read_to(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := sock.recv(65536)):
        data += piece
    return data


def test_tcp_refuse(bench: Bench) -> None:
    sender = bench.start(fault("refuse", "connect", layer="transport"))

    assert bench.wait(sender) == ["refused"]
    bench.listener.settimeout(0.01)
    with pytest.raises(TimeoutError):
        bench.accept()
    assert events(bench.one) == ["planned", "fired", "healed"]


@pytest.mark.parametrize(
    ("action", "outcome"), [("reset-in-the-middle", "reset"), ("close-in-the-middle", "closed")]
)
def test_tcp_ends_in_the_middle(bench: Bench, action: str, outcome: str) -> None:
    sender = bench.start(fault(action, layer="transport"))
    with bench.accept() as sock:
        if action == "reset-in-the-middle":
            with pytest.raises(ConnectionResetError):
                while sock.recv(1):
                    pass
        else:
            assert read_to(sock, 10_000) == unit().data[: len(unit().data) // 2]

    assert bench.wait(sender) == [outcome]
    assert events(bench.one) == ["planned", "fired", "healed"]


@pytest.mark.parametrize("action", ["half-open", "black-hole"])
def test_tcp_silence(bench: Bench, action: str) -> None:
    sender = bench.start(fault(action, layer="transport"), answer_s=0.05)
    with bench.accept() as sock:
        sock.sendall(framed(b"ACK unasked"))
        assert bench.wait(sender) == ["timeout"]
        # The connection is there, and nothing but its end ever came over it.
        assert read_to(sock, 1) == b""


def test_tcp_delay(bench: Bench) -> None:
    began = time.monotonic()
    sender = bench.start(fault("delay", layer="transport", parameters={"delay_s": "0.05"}))
    with bench.accept() as sock:
        assert read_to(sock, len(unit().data)) == unit().data
        assert time.monotonic() - began >= 0.05
        sock.sendall(framed(b"ACK"))
        assert bench.wait(sender) == ["ACK"]


def test_tcp_slices_of_one_byte(bench: Bench) -> None:
    sender = bench.start(fault("slices", layer="transport"))
    with bench.accept() as sock:
        reads = []
        while sum(len(read) for read in reads) < len(unit().data):
            reads.append(sock.recv(65536))
        sock.sendall(framed(b"ACK"))
        assert bench.wait(sender) == ["ACK"]

    assert b"".join(reads) == unit().data
    assert len(reads) > len(unit().data) // 4  # a busy machine may glue some of them


def test_tcp_bandwidth(bench: Bench) -> None:
    began = time.monotonic()
    bench.start(fault("bandwidth", layer="transport", parameters={"baud": "19200"}))
    with bench.accept() as sock:
        assert read_to(sock, len(unit().data)) == unit().data

    assert time.monotonic() - began >= len(unit().data) * 10 / 19200


def pipelined(role: str, count: int) -> Party:
    """Sends several messages without waiting."""

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Commanded():
                return [act.Open(link="lab", conn="c")]
            case act.Opened():
                said = [Message(payload=oru(n, f"S{n}")) for n in range(1, count + 1)]
                return [act.Send(conn="c", event=one) for one in said]
        return []

    return Party(role, react=react)


@pytest.mark.parametrize(
    ("action", "order"),
    [("swap", [2, 1, 3]), ("coalesce", [1, 2, 3]), ("drop", [2, 3]), ("repeat", [1, 1, 2, 3])],
)
def test_tcp_order_of_messages(bench: Bench, action: str, order: list[int]) -> None:
    bench.one.add(fault(action, when={"holds": ("S1",)}))
    party = pipelined("AN", 3)

    def describe(link: str, conn: str, client: bool) -> Connection:
        return Connection(id=conn, link=link, interface="I", local="AN", peer="LIS", client=client)

    host = Host(party, bench.runtime.clock, describe, tap=bench.one)
    member = bench.runtime.add("AN", host)
    member.routes["lab"] = Address(host="127.0.0.1", port=bench.listener.getsockname()[1])
    member.run(lambda: host.command("go", {}, 1))
    with bench.accept() as sock:
        data = read_to(sock, sum(len(unit(n, f"S{n}").data) for n in order))

    assert mllp(data) == [oru(n, f"S{n}") for n in order]
    assert events(bench.one) == ["planned", "fired", "healed"]


def test_tcp_loss_of_an_answer(bench: Bench) -> None:
    lost = fault("drop", "reply", "LIS", when={"holds": ("S1",)})
    sender = bench.start(lost, messages=2, answer_s=0.05)
    with bench.accept() as sock:
        assert mllp(read_to(sock, len(unit().data))) == [oru(1, "S1")]
        sock.sendall(framed(b"ACK"))
        assert mllp(read_to(sock, len(unit().data))) == [oru(2, "S2")]
        sock.sendall(framed(b"ACK"))
        assert bench.wait(sender, 2) == ["timeout", "ACK"]

    assert events(bench.one) == ["planned", "fired", "healed"]


def test_the_faults_of_several_threads_are_recorded_whole() -> None:
    one = injector(fault("drop", when={"occurrences": ()}))
    lines = [
        Connection(id=f"lab#{n}", link="lab", interface="I", local="AN", peer="LIS", client=True)
        for n in range(4)
    ]

    def work(connection: Connection) -> None:
        for number in range(50):
            assert sent(one, unit(number, connection.id), connection) == []

    workers = [threading.Thread(target=work, args=(line,)) for line in lines]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert events(one).count("fired") == 200


def test_the_actors_of_this_file_are_those_of_the_drivers() -> None:
    core: Core = MllpCore()
    assert isinstance(core, Core)
    assert acker().role == "LIS"
