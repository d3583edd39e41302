"""What both drivers share: events one after the other, taps, watchers, ends of connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness.errors import HarnessError, PermitError
from harness.link import actor as act
from harness.link import host as host_module
from harness.link import lane
from harness.link.host import Host
from harness.link.lane import Lane
from harness.link.pump import Pump
from harness.link.tap import Connection, Delivery
from harness.wire.core import Core, Event, Message, RawCore
from tests.harness.link.parties import Journal, Party, Tamper, host, raw_core


class Pair:
    """A client and a server over memory, both with raw cores."""

    def __init__(self, **client_fields: Any) -> None:
        self.pump = Pump()
        self.server = Party("S", core=raw_core)
        self.client = Party("C", core=raw_core)
        self.server_journal, self.client_journal = Journal(), Journal()
        fields = {"watcher": self.client_journal} | client_fields
        server = host(self.server, self.pump.clock, watcher=self.server_journal)
        address = self.pump.add("S", server).listen("l")
        self.host: Host = host(self.client, self.pump.clock, **fields)
        self.pump.add("C", self.host).routes["l"] = address
        self.run()

    def run(self, seconds: float = 0.0) -> None:
        self.pump.wait(lambda: False, self.pump.clock.now() + seconds)

    def do(self, *commands: act.Command, seconds: float = 0.0) -> None:
        """Let the client do something."""
        self.client.react = lambda event, now: commands if isinstance(event, act.Commanded) else []
        self.pump.soon(lambda: self.host.command("do", {}, 0))
        self.run(seconds)

    def open(self) -> None:
        self.do(act.Open(link="l", conn="c"))
        assert self.client.of(act.Opened)


def say(text: bytes) -> act.Send:
    return act.Send(conn="c", event=Message(payload=text))


def test_watchers_see_both_sides_in_order() -> None:
    pair = Pair()
    pair.open()
    pair.do(say(b"x"), act.Close(conn="c"), act.Note(text="done"))

    assert pair.client_journal.lines == [
        "c opened", "c sends Message", "c > b'x'", "c closed by us", "C: done",
    ]  # fmt: skip
    assert pair.server_journal.lines == [
        "l#1 opened", "l#1 < b'x'", "l#1 gets Message", "l#1 closed by the peer",
    ]  # fmt: skip


def test_without_a_watcher_nothing_is_told() -> None:
    pair = Pair(watcher=None)
    pair.open()
    pair.do(say(b"x"), act.Note(text="nobody reads it"), act.Close(conn="c", reset=True))

    assert pair.server.payloads == [b"x"]
    assert pair.server.of(act.Closed)[0].reason == "reset"


def test_a_tap_may_refuse_our_connection() -> None:
    pair = Pair(tap=Tamper(may=lambda connection: not connection.client))
    pair.do(act.Open(link="l", conn="c"))

    assert pair.client.of(act.Refused) == [act.Refused(conn="c", link="l", reason="refused")]
    assert pair.client_journal.lines == ["c refused fault"]


def test_a_refusal_that_the_actor_does_not_wait_for_is_not_told() -> None:
    pair = Pair(tap=Tamper(may=lambda connection: False))
    pair.do(act.Open(link="l", conn="c"), act.Close(conn="c"))

    assert not pair.client.of(act.Refused)


def test_a_connection_that_was_closed_before_it_opened_is_never_told() -> None:
    pair = Pair()
    pair.do(act.Open(link="l", conn="c"), act.Close(conn="c"))

    assert not pair.client.of(act.Opened)
    assert [type(event).__name__ for _, event in pair.server.seen] == [
        "Started",
        "Opened",
        "Closed",
    ]


def test_a_failed_connection_that_was_closed_meanwhile_is_never_told() -> None:
    pair = Pair()
    pair.pump.members["C"].routes.clear()
    pair.do(act.Open(link="l", conn="c"), act.Close(conn="c"))
    pair.do(act.Open(link="l", conn="d"))

    assert pair.client.of(act.Refused) == [act.Refused(conn="d", link="l", reason="refused")]
    assert pair.client_journal.lines == ["d failed refused"]


def test_a_connection_id_is_used_once_at_a_time() -> None:
    pair = Pair()
    pair.open()

    with pytest.raises(HarnessError, match="opens c twice"):
        pair.do(act.Open(link="l", conn="c"))


def test_a_tap_refuses_an_accepted_connection() -> None:
    pair = Pair()
    pair.pump.members["S"].host.tap = Tamper(may=lambda connection: False)
    pair.do(act.Open(link="l", conn="c"))

    assert pair.client.of(act.Refused)
    assert not pair.server.of(act.Opened)
    assert pair.server_journal.lines == ["l#1 refused fault"]


def test_what_is_delayed_is_never_overtaken() -> None:
    delays = iter([2.0, 0.0, 1.0])
    tap = Tamper(out=lambda data: (Delivery(data=data, delay_s=next(delays)),))
    pair = Pair(tap=tap)
    pair.open()
    pair.do(say(b"1"))
    pair.do(say(b"2"))
    pair.do(say(b"3"), seconds=5)

    arrivals = [(now, event.event.payload) for now, event in pair.server.seen
                if isinstance(event, act.Received)]  # fmt: skip
    assert arrivals == [(2.0, b"1"), (2.0, b"2"), (3.0, b"3")]


def test_an_orderly_close_waits_for_what_is_delayed() -> None:
    pair = Pair(tap=Tamper(out=lambda data: (Delivery(data=data, delay_s=2.0),)))
    pair.open()
    pair.do(say(b"1"), act.Close(conn="c"))
    assert not pair.server.of(act.Closed)
    pair.run(3)

    assert pair.server.payloads == [b"1"]
    assert [now for now, event in pair.server.seen if isinstance(event, act.Closed)] == [2.0]
    assert pair.client_journal.lines[-2:] == ["c > b'1'", "c closed by us"]


def test_a_reset_does_not_wait() -> None:
    pair = Pair(tap=Tamper(out=lambda data: (Delivery(data=data, delay_s=2.0),)))
    pair.open()
    pair.do(say(b"1"), act.Close(conn="c", reset=True), seconds=3)

    assert not pair.server.payloads
    assert [now for now, event in pair.server.seen if isinstance(event, act.Closed)] == [0.0]


def test_the_end_of_the_peer_does_not_overtake_its_bytes() -> None:
    pair = Pair(tap=Tamper(into=lambda data: (Delivery(data=data, delay_s=2.0),)))
    pair.open()
    server = pair.pump.members["S"].host
    pair.server.react = lambda event, now: (
        [act.Send(conn="l#1", event=Message(payload=b"last")), act.Close(conn="l#1")]
        if isinstance(event, act.Commanded)
        else []
    )
    pair.pump.soon(lambda: server.command("do", {}, 0))
    pair.run(3)

    kinds = [(now, type(event).__name__) for now, event in pair.client.seen[-2:]]
    assert kinds == [(2.0, "Received"), (2.0, "Closed")]


@pytest.mark.parametrize(("how", "reason"), [("close", ""), ("reset", "reset")])
def test_a_fault_ends_a_connection_for_both_ends(how: str, reason: str) -> None:
    tap = Tamper(out=lambda data: (Delivery(data=data[:1]), Delivery(end=how)))
    pair = Pair(tap=tap)
    pair.open()
    pair.do(say(b"xyz"), say(b"more"))

    assert pair.server.payloads == [b"x"]
    assert pair.server.of(act.Closed) == [act.Closed(conn="l#1", link="l", reason=reason)]
    assert pair.client.of(act.Closed) == [act.Closed(conn="c", link="l", reason=reason)]
    assert pair.client_journal.lines[-1] == f"c closed by a fault: {how}"


def test_a_fault_on_what_comes_in_ends_the_connection() -> None:
    tap = Tamper(
        into=lambda data: (Delivery(data=data[:2]), Delivery(end="reset"), Delivery(data=b"z"))
    )
    pair = Pair(tap=tap)
    pair.open()
    server = pair.pump.members["S"].host
    pair.server.react = lambda event, now: (
        [act.Send(conn="l#1", event=Message(payload=b"last"))]
        if isinstance(event, act.Commanded)
        else []
    )
    pair.pump.soon(lambda: server.command("do", {}, 0))
    pair.run()

    assert pair.client.payloads == [b"la"]
    assert len(pair.client.of(act.Closed)) == 1
    assert pair.server.of(act.Closed)[0].reason == "reset"


def test_a_delayed_end_of_a_connection_that_the_actor_closed_is_not_told_to_it() -> None:
    tap = Tamper(out=lambda data: (Delivery(data=data, delay_s=1), Delivery(end="reset")))
    pair = Pair(tap=tap)
    pair.open()
    pair.do(say(b"x"), act.Close(conn="c"), seconds=3)

    assert not pair.client.of(act.Closed)
    assert pair.server.of(act.Closed)[0].reason == "reset"
    assert pair.client_journal.lines[-1] == "c closed by a fault: reset"


def test_bytes_that_come_after_the_end_are_dropped() -> None:
    tap = Tamper(into=lambda data: (Delivery(data=data, delay_s=1.0),))
    pair = Pair(tap=tap)
    pair.open()
    server = pair.pump.members["S"].host
    pair.server.react = lambda event, now: (
        [act.Send(conn="l#1", event=Message(payload=b"late"))]
        if isinstance(event, act.Commanded)
        else []
    )
    pair.pump.soon(lambda: server.command("do", {}, 0))
    pair.run()
    pair.do(act.Close(conn="c"), seconds=3)
    pair.host.received("c", b"even later")
    pair.host.eof("c")

    assert not pair.client.payloads


class Chatty(RawCore):
    """Reports an event of its own for each one that it is asked to send."""

    def send(self, event: Event, now: float) -> None:
        super().send(event, now)
        self._events.append(Message(payload=b"echo of " + event.payload))  # type: ignore[attr-defined]


def test_an_actor_is_never_called_while_its_commands_are_carried_out() -> None:
    running: list[str] = []
    order: list[str] = []

    def react(event: act.ActorEvent, now: float) -> Sequence[act.Command]:
        assert not running
        if isinstance(event, act.Received):
            order.append(event.event.payload.decode())  # type: ignore[attr-defined]
        if isinstance(event, act.Opened):

            def commands() -> Any:
                running.append("x")
                yield say(b"1")
                yield say(b"2")
                running.clear()

            return list(commands())
        return []

    pair = Pair()
    pair.client.core = Chatty
    pair.client.react = lambda event, now: (
        [act.Open(link="l", conn="c")] if isinstance(event, act.Commanded) else react(event, now)
    )
    pair.pump.soon(lambda: pair.host.command("go", {}, 0))
    pair.run()

    assert order == ["echo of 1", "echo of 2"]


def test_nothing_more_of_a_connection_reaches_the_actor_that_closed_it() -> None:
    class Two(RawCore):
        def receive(self, data: bytes, now: float) -> None:
            for at in range(len(data)):
                super().receive(data[at : at + 1], now)

    pair = Pair()
    pair.server.core = Two
    pair.server.react = lambda event, now: (
        [act.Close(conn=event.conn)] if isinstance(event, act.Received) else []
    )
    pair.open()
    pair.do(say(b"abc"))

    assert pair.server.payloads == [b"a"]
    assert not pair.server.of(act.Closed)
    assert pair.client.of(act.Closed)


def test_a_core_may_leave_bytes_behind_for_an_orderly_close() -> None:
    class Polite(RawCore):
        def receive(self, data: bytes, now: float) -> None:
            super().receive(data, now)
            self._out += b"\x06"

    pair = Pair()
    pair.server.core = Polite
    pair.server.react = lambda event, now: (
        [act.Close(conn=event.conn)] if isinstance(event, act.Received) else []
    )
    pair.open()
    pair.do(say(b"abc"))

    assert pair.client.payloads == [b"\x06"]


class Alarm(RawCore):
    """Wants to be called two seconds after each read, and says so."""

    at: float | None = None

    def receive(self, data: bytes, now: float) -> None:
        self.at = now + 2

    def next_deadline(self) -> float | None:
        return self.at

    def on_deadline(self, now: float) -> None:
        self.at = None
        self._events.append(Message(payload=b"%d" % now))


@pytest.mark.parametrize("closed", [False, True])
def test_the_deadline_of_a_core(closed: bool) -> None:
    pair = Pair()
    pair.server.core = Alarm
    pair.open()
    pair.do(say(b"x"))
    if closed:
        pair.do(act.Close(conn="c"))
        assert ("core", "l#1") not in pair.pump.members["S"].timers
    pair.run(5)
    pair.pump.members["S"].host.expired(("core", "gone"))

    assert pair.server.payloads == ([] if closed else [b"2"])


def test_an_actor_that_goes_in_a_circle_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "EVENTS_PER_CALL_MAX", 50)
    pair = Pair()
    pair.client.core = Chatty
    pair.open()
    pair.client.react = lambda event, now: (
        [say(b"again")] if isinstance(event, act.Received | act.Commanded) else []
    )
    with pytest.raises(HarnessError, match="C does not come to rest"):
        pair.host.command("go", {}, 0)

    # The host is usable again.
    pair.do(say(b"y"))
    assert pair.server.payloads[-1] == b"y"


def test_a_commit_without_a_store_is_an_error() -> None:
    pair = Pair()

    with pytest.raises(HarnessError, match="C has no store"):
        pair.do(act.Commit(statements=[]))


class Gate:
    """A guard that lets nothing through."""

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        raise PermitError(f"{connection.id} {protocol} {payload!r}")

    def opens(self, connection: Connection, host: str, port: int) -> None:
        raise PermitError(f"{host}:{port}")


def test_the_guard_is_asked_before_the_first_byte() -> None:
    pair = Pair(guard=Gate())
    pair.open()

    with pytest.raises(PermitError, match="c raw b'x'"):
        pair.do(say(b"x"))

    assert "c > b'x'" not in pair.client_journal.lines
    pair.run()
    assert not pair.server.payloads


def test_events_that_are_no_message_pass_the_guard() -> None:
    class Own(RawCore):
        def send(self, event: Event, now: float) -> None:
            self._out += b"own"

    pair = Pair(guard=Gate())
    pair.client.core = Own
    pair.open()
    pair.do(act.Send(conn="c", event=Event()))

    assert pair.server.payloads == [b"own"]


def test_a_dead_host_lets_nothing_happen() -> None:
    pair = Pair()
    pair.open()
    pair.host.power_off()
    pair.host.feed(act.TimerFired(name="x"))
    pair.host.opened("l", "d", client=True)
    pair.host.received("c", b"x")

    assert not pair.client.of(act.TimerFired)
    assert not pair.host.conns


def test_a_crash_among_several_events_ends_them_all() -> None:
    pair = Pair()
    pair.server.react = lambda event, now: [act.Crash()] if isinstance(event, act.Received) else []
    pair.open()
    server = pair.pump.members["S"].host
    server.feed(
        act.Received(conn="l#1", link="l", event=Message(payload=b"1")),
        act.Received(conn="l#1", link="l", event=Message(payload=b"2")),
    )
    pair.run()

    assert pair.server.payloads == [b"1"]
    assert pair.client.of(act.Closed)[0].reason == "reset"


def test_somebody_who_is_turned_away_is_told_to_the_watcher() -> None:
    pair = Pair()
    pair.host.turned_away("l", "bad certificate")

    assert pair.client_journal.lines == ["l#1 failed bad certificate"]


def test_a_lane_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "ACTIONS_MAX", 2)
    one = Lane()
    one.put(lambda: None, 0.0, 1.0)
    one.put(lambda: None, 0.0, 1.0)

    with pytest.raises(HarnessError, match="more than 2 deliveries"):
        one.put(lambda: None, 0.0, 1.0)


def test_a_lane_asks_once_to_be_called_again() -> None:
    asked: list[float] = []
    done: list[str] = []
    one = Lane()
    one.put(lambda: done.append("a"), 0.0, 1.0)
    one.put(lambda: done.append("b"), 0.0, 1.0)
    calls: list[Any] = []

    def later(at: float, action: Any) -> None:
        asked.append(at)
        calls.append(action)

    one.move(0.0, later)
    one.move(0.5, later)
    assert (asked, done) == ([1.0], [])
    one.move(1.2, later)  # the driver comes late, and somebody else moves the lane first
    assert done == ["a"]
    calls[0]()
    assert asked == [1.0, 2.0]
    calls[1]()
    assert done == ["a", "b"]


def test_cores_of_tests_are_cores() -> None:
    assert isinstance(Chatty(), Core)
    assert isinstance(Alarm(), Core)
