"""The relay: every byte passes unchanged, faults act on whole messages, ends pass on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.link import actor as act
from harness.link import relay as relay_module
from harness.link.pump import Pump
from harness.link.relay import HOLD_S, Relay, RelayCore, RelayUnit
from harness.wire.core import Core, Event, Message, Unit
from tests.harness.link.parties import Journal, Party, Sender, Tamper, acker, host, oru, raw_core


def framed(payload: bytes) -> bytes:
    return b"\x0b" + payload + b"\x1c\r"


def cut(*reads: bytes, eof: bool = True, wait: bool = False) -> list[tuple[bytes, bytes]]:
    core = RelayCore()
    for at, read in enumerate(reads):
        core.receive(read, float(at) * HOLD_S / 100)
    if wait:
        core.on_deadline(core.next_deadline() or 0.0)
    if eof:
        core.receive_eof(9.0)
    return [(unit.data, unit.payload) for unit in core.events() if isinstance(unit, RelayUnit)]


# -- the core ----------------------------------------------------------------------------------


def test_a_message_is_one_unit() -> None:
    assert cut(framed(b"MSH|1")) == [(framed(b"MSH|1"), b"MSH|1")]
    assert cut(framed(b"A") + framed(b"B")) == [(framed(b"A"), b"A"), (framed(b"B"), b"B")]


def test_junk_before_a_message_passes_with_it() -> None:
    assert cut(b"\x00junk" + framed(b"A")) == [(b"\x00junk" + framed(b"A"), b"A")]


def test_after_half_a_message_the_next_one_is_told_whole() -> None:
    stream = b"\x0bhalf" + framed(b"A")

    assert cut(stream) == [(stream, b"A")]


def test_an_end_without_a_start_is_no_message() -> None:
    assert cut(b"tail\x1c\r" + framed(b"A")) == [(b"tail\x1c\r", b""), (framed(b"A"), b"A")]


def test_a_rest_is_held_until_its_time() -> None:
    core = RelayCore()
    core.receive(b"\x0bunfinished", 1.0)

    assert core.events() == []
    assert core.next_deadline() == 1.0 + HOLD_S
    core.on_deadline(1.0 + HOLD_S / 2)
    assert core.events() == []
    core.on_deadline(1.0 + HOLD_S)
    assert core.events() == [RelayUnit(data=b"\x0bunfinished")]
    assert core.next_deadline() is None
    core.receive_eof(2.0)
    assert core.events() == []


def test_nothing_is_buffered_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module.limits, "MESSAGE_BYTES_MAX", 10)

    assert cut(b"\x0b" + b"x" * 10, eof=False) == [(b"\x0b" + b"x" * 10, b"")]


STREAM = b"\r\njunk" + framed(b"MSH|A\r") + b"\x0bhalf" + framed(b"B") + framed(b"") + b"\x1c\rrest"


@pytest.mark.parametrize("at", range(len(STREAM) + 1))
def test_a_stream_split_anywhere_gives_the_same_units(at: int) -> None:
    assert cut(STREAM[:at], STREAM[at:]) == cut(STREAM)


PIECES = st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"MSH|", b"x", b"\n", framed(b"A")])


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=12).map(b"".join), st.lists(st.integers(0, 40), max_size=5))
def test_no_byte_is_lost_added_or_moved(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(one, len(stream)) for one in cuts), len(stream)]
    reads = [stream[a:b] for a, b in itertools.pairwise(edges)]
    units = cut(*reads)

    assert b"".join(data for data, _ in units) == stream
    assert units == cut(stream)
    core = RelayCore()
    for data, payload in units:
        core.send(RelayUnit(data=data, payload=payload), 0.0)
    assert core.data_to_send() == stream
    assert core.data_to_send() == b""


def test_faults_see_messages_and_what_is_none() -> None:
    seen: list[Unit] = []
    core = RelayCore()
    core.mutator = lambda unit: [seen.append(unit) or unit.data]  # type: ignore[func-returns-value]
    core.send(RelayUnit(data=framed(b"A"), payload=b"A"), 0.0)
    core.send(RelayUnit(data=b"junk"), 0.0)
    core.send(Message(payload=b"as it is"), 0.0)
    core.send(Event(), 0.0)

    assert [(unit.kind, unit.payload) for unit in seen] == [("message", b"A"), ("raw", b"")]
    assert core.data_to_send() == framed(b"A") + b"junk" + b"as it is"
    assert isinstance(core, Core)


# -- the actor ---------------------------------------------------------------------------------


class Line:
    """A client, the relay and a server, all over memory; client and server raw."""

    def __init__(self, **fields: Any) -> None:
        self.pump = Pump()
        self.server, self.client = Party("S", core=raw_core), Party("C", core=raw_core)
        self.journal = Journal()
        server = host(self.server, self.pump.clock)
        self.relay = host(Relay(), self.pump.clock, watcher=self.journal, **fields)
        self.client_host = host(self.client, self.pump.clock)
        address = self.pump.add("S", server).listen("l")
        member = self.pump.add("relay", self.relay)
        member.routes["l"] = address
        self.pump.add("C", self.client_host).routes["l"] = member.listen("l")

    def run(self, seconds: float = 1.0) -> None:
        self.pump.wait(lambda: False, self.pump.clock.now() + seconds)

    def do(self, name: str, *commands: act.Command, seconds: float = 1.0) -> None:
        one = self.pump.members[name].host
        party: Any = one.actor
        before: Callable[..., Any] = party.react
        party.react = lambda event, now: (
            commands if isinstance(event, act.Commanded) else before(event, now)
        )
        self.pump.soon(lambda: one.command("do", {}, 0))
        self.run(seconds)

    def said(self, party: Party) -> bytes:
        return b"".join(party.payloads)


def test_two_actors_do_not_notice_the_relay() -> None:
    pump, lis = Pump(), acker()
    sender = Sender("AN", "lab", [oru(1), oru(2)])
    relay = pump.add("relay", host(Relay(), pump.clock))
    relay.routes["lab"] = pump.add("LIS", host(lis, pump.clock)).listen("lab")
    pump.add("AN", host(sender, pump.clock)).routes["lab"] = relay.listen("lab")

    assert pump.command("AN", "send", {}, 5) == ["ACK", "ACK"]
    assert lis.payloads == [oru(1), oru(2)]
    pump.wait(lambda: False, pump.clock.now() + 1)
    assert lis.of(act.Closed)[0].reason == ""


def test_bytes_pass_unchanged_in_both_directions() -> None:
    line = Line()
    line.do("C", act.Open(link="l", conn="c"), seconds=0.0)
    line.do("C", *(act.Send(conn="c", event=Message(payload=bytes([b]))) for b in STREAM))
    back = bytes(range(256))
    line.do("S", act.Send(conn="l#1", event=Message(payload=back)))

    assert line.said(line.server) == STREAM
    assert line.said(line.client) == back


def test_what_comes_before_the_far_side_is_there_waits_for_it() -> None:
    line = Line()
    line.client.react = lambda event, now: (
        [act.Send(conn="c", event=Message(payload=framed(b"early")))]
        if isinstance(event, act.Opened)
        else []
    )
    line.do("C", act.Open(link="l", conn="c"))

    assert line.said(line.server) == framed(b"early")


def test_what_waits_is_bounded_and_no_byte_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "_WAITING_MAX", 2)
    relay = Relay()
    assert relay.on_event(act.Opened(conn="l#1", link="l"), 0.0) == [
        act.Open(link="l", conn="l#1>")
    ]
    units = [RelayUnit(data=b"%d" % number) for number in range(3)]
    came = [relay.on_event(act.Received(conn="l#1", link="l", event=one), 0.0) for one in units]

    assert came == [[], [], [act.Close(conn="l#1", reset=True), act.Close(conn="l#1>")]]
    late = act.Received(conn="l#1", link="l", event=RelayUnit(data=b"late"))
    assert relay.on_event(late, 0.0) == []


@pytest.mark.parametrize("closer", ["C", "S"])
@pytest.mark.parametrize(("reset", "reason"), [(False, ""), (True, "reset")])
def test_ends_pass_on_after_the_bytes(closer: str, reset: bool, reason: str) -> None:
    line = Line()
    line.do("C", act.Open(link="l", conn="c"))
    conn = "c" if closer == "C" else "l#1"
    last = act.Send(conn=conn, event=Message(payload=b"\x0bhalf a message"))
    line.do(closer, last, act.Close(conn=conn, reset=reset))
    other = line.server if closer == "C" else line.client

    if not reset:
        assert line.said(other) == b"\x0bhalf a message"
    assert [event.reason for event in other.of(act.Closed)] == [reason]


def test_a_receiver_that_refuses_is_passed_on_as_an_end() -> None:
    line = Line()
    line.pump.remove("S")
    line.do("C", act.Open(link="l", conn="c"))

    assert [event.reason for event in line.client.of(act.Closed)] == ["reset"]


def test_a_fault_hits_one_whole_message() -> None:
    tap = Tamper(on_unit=lambda unit: [] if unit.payload == b"lost" else [unit.data])
    line = Line(tap=tap)
    line.do("C", act.Open(link="l", conn="c"))
    stream = b"junk" + framed(b"A") + framed(b"lost") + framed(b"B")
    line.do("C", *(act.Send(conn="c", event=Message(payload=bytes([b]))) for b in stream))

    assert line.said(line.server) == b"junk" + framed(b"A") + framed(b"B")


def test_a_link_is_cut_so_that_its_systems_connect_anew() -> None:
    line = Line()
    line.do("C", act.Open(link="l", conn="c"))

    assert line.pump.command("relay", "cut", {"link": "other"}, 1) is None
    line.run()
    assert not line.client.of(act.Closed)
    line.pump.command("relay", "cut", {"link": "l"}, 1)
    line.run()
    assert len(line.client.of(act.Closed)) == len(line.server.of(act.Closed)) == 1
    line.do("C", act.Open(link="l", conn="d"))
    line.do("C", act.Send(conn="d", event=Message(payload=b"x")), seconds=2.0)
    assert line.said(line.server) == b"x"


def test_the_relay_leaves_alone_what_is_not_its_own() -> None:
    relay = Relay()

    assert relay.on_event(act.Closed(conn="x", link="l"), 0.0) == []
    unit = RelayUnit(data=b"x")
    assert relay.on_event(act.Received(conn="x", link="l", event=unit), 0.0) == []
    assert relay.on_event(act.Started(), 0.0) == []
