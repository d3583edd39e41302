"""Actors over memory and virtual time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import VirtualClock
from harness.errors import HarnessError
from harness.link import actor as act
from harness.link import pump as pump_module
from harness.link.pump import Pump
from harness.wire.core import Message
from tests.harness.link.parties import Journal, MemoryStore, Party, Sender, acker, host, oru


def wired(pump: Pump, receiver: Party, *senders: Sender, **fields: object) -> None:
    member = pump.add(receiver.role, host(receiver, pump.clock, **fields))
    address = member.listen("lab")
    for sender in senders:
        pump.add(sender.role, host(sender, pump.clock)).routes["lab"] = address


def test_two_actors_exchange_messages_over_mllp() -> None:
    pump, lis = Pump(), acker()
    sender = Sender("AN", "lab", [oru(1), oru(2), oru(3)])
    wired(pump, lis, sender)

    outcomes = pump.command("AN", "send", {}, 5)

    assert outcomes == ["ACK", "ACK", "ACK"]
    assert lis.payloads == [oru(1), oru(2), oru(3)]
    assert [type(event).__name__ for event in sender.events] == (
        ["Started", "Commanded", "Opened", "Received", "Received", "Received"]
    )


def test_both_ends_learn_of_an_orderly_end() -> None:
    pump, lis = Pump(), acker()
    sender = Sender("AN", "lab", [oru(1)])
    wired(pump, lis, sender)
    pump.command("AN", "send", {}, 5)

    pump.wait(lambda: bool(lis.of(act.Closed)), 1)

    assert lis.of(act.Closed) == [act.Closed(conn="lab#1", link="lab", reason="")]
    assert not [event for event in sender.events if isinstance(event, act.Closed)]


def test_a_timeout_of_thirty_seconds_takes_milliseconds() -> None:
    pump, silent = Pump(), Party("LIS")
    sender = Sender("AN", "lab", [oru(1), oru(2)], answer_s=30.0)
    wired(pump, silent, sender)

    began = time.process_time()
    outcomes = pump.command("AN", "send", {}, 100)

    assert time.process_time() - began < 0.1
    assert outcomes == ["timeout", "timeout"]
    assert sender.at == [30.0, 60.0]
    assert pump.clock.now() == 60.0


def traced_run() -> list[str]:
    pump, journal = Pump(), Journal()
    lis = acker()
    senders = [Sender(f"AN{i}", "lab", [oru(n, f"S{i}") for n in range(4)]) for i in range(3)]
    wired(pump, lis, *senders, watcher=journal)
    for sender in senders:
        pump.soon(lambda one=sender: pump.members[one.role].host.command("send", {}, 0))
    pump.wait(lambda: all(len(one.outcomes) == 4 for one in senders), 10)
    pump.wait(lambda: False, 11)
    return journal.lines


def test_the_same_schedule_gives_the_same_journal_twice() -> None:
    first = traced_run()

    assert len(first) == 3 * (1 + 4 * (1 + 1 + 1 + 1) + 1)  # opened, each < gets sends >, closed
    assert traced_run() == first


def test_refused_where_nobody_listens() -> None:
    pump = Pump()
    sender = Sender("AN", "lab", [oru(1)])
    pump.add("AN", host(sender, pump.clock))

    assert pump.command("AN", "send", {}, 5) == ["refused"]


def test_refused_where_the_listener_was_taken_away() -> None:
    pump = Pump()
    sender = Sender("AN", "lab", [oru(1)])
    wired(pump, acker(), sender)
    assert pump.remove("LIS") == []

    assert pump.command("AN", "send", {}, 5) == ["refused"]


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_a_commit(after: bool) -> None:
    pump, store = Pump(), MemoryStore()
    sender = Sender("AN", "lab", [oru(1), oru(2), oru(3)])
    wired(pump, acker(store=True), sender, store=store)
    pump.crash_at("LIS", 2, after=after)

    outcomes = pump.command("AN", "send", {}, 5)

    # The second message gets no answer; the third finds nobody.
    assert outcomes == ["ACK", "reset", "refused"]
    committed = [bytes.fromhex(values[0]) for _, values in store.committed]
    assert committed == [oru(1), oru(2)][: 2 if after else 1]
    assert not pump.members["LIS"].host.alive


def test_after_a_restart_the_store_is_all_that_is_left() -> None:
    pump, store = Pump(), MemoryStore()
    sender = Sender("AN", "lab", [oru(1), oru(2)])
    wired(pump, acker(store=True), sender, store=store)
    pump.crash_at("LIS", 2, after=True)
    assert pump.command("AN", "send", {}, 5) == ["ACK", "reset"]

    again = acker(store=True)
    pump.add("LIS", host(again, pump.clock, store=store)).listen("lab")
    sender.messages, sender.outcomes = [oru(3)], []

    assert pump.command("AN", "send", {}, 5) == ["ACK"]
    assert isinstance(again.seen[0][1], act.Started)
    assert [bytes.fromhex(values[0]) for _, values in store.committed] == [oru(1), oru(2), oru(3)]


def test_a_crash_command_resets_every_peer_and_silences_timers() -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Opened):
            return [act.SetTimer(name="later", at=now + 1)]
        if isinstance(event, act.Received):
            return [act.Crash(), act.Send(conn=event.conn, event=Message(payload=b"never"))]
        return []

    pump, lis = Pump(), Party("LIS", react=react)
    sender = Sender("AN", "lab", [oru(1)])
    wired(pump, lis, sender)

    assert pump.command("AN", "send", {}, 5) == ["reset"]

    pump.wait(lambda: False, 10)
    assert not lis.of(act.TimerFired)


@pytest.mark.parametrize(("reset", "reason"), [(True, "reset"), (False, "")])
def test_the_end_of_a_connection_reaches_the_peer_after_the_data(reset: bool, reason: str) -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Opened):
            return [
                act.Send(conn=event.conn, event=Message(payload=b"first")),
                act.Close(conn=event.conn, reset=reset),
            ]
        return []

    pump, lis, client = Pump(), Party("LIS", react=react), Party("AN")
    address = pump.add("LIS", host(lis, pump.clock)).listen("lab")
    member = pump.add("AN", host(client, pump.clock))
    member.routes["lab"] = address
    client.react = lambda event, now: (
        [act.Open(link="lab", conn="c")] if isinstance(event, act.Started) else []
    )
    pump.wait(lambda: bool(client.of(act.Closed)), 1)

    assert client.payloads == [b"first"]
    assert client.of(act.Closed) == [act.Closed(conn="c", link="lab", reason=reason)]


def test_a_send_to_a_connection_that_is_gone_is_swallowed() -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Closed):
            return [act.Send(conn=event.conn, event=Message(payload=b"late"))]
        return []

    pump, lis, journal = Pump(), Party("LIS", react=react), Journal()
    sender = Sender("AN", "lab", [])
    wired(pump, lis, sender, watcher=journal)
    pump.command("AN", "send", {}, 5)
    pump.wait(lambda: False, 1)

    assert lis.of(act.Closed)
    assert journal.lines == ["lab#1 opened", "lab#1 closed by the peer"]


def test_bytes_in_flight_to_an_end_that_is_gone_vanish() -> None:
    pump, lis = Pump(), Party("LIS")
    lis.react = lambda event, now: (
        [act.Close(conn=event.conn)] if isinstance(event, act.Opened) else []
    )
    sender = Sender("AN", "lab", [oru(1)])
    wired(pump, lis, sender)

    assert pump.command("AN", "send", {}, 5) == ["closed"]
    assert not lis.payloads


def test_only_the_latest_setting_of_a_timer_counts() -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Started):
            return [
                act.SetTimer(name="a", at=1.0),
                act.SetTimer(name="a", at=5.0),
                act.SetTimer(name="b", at=2.0),
                act.SetTimer(name="b", at=None),
                act.SetTimer(name="past", at=-1.0),
            ]
        return []

    pump, party = Pump(), Party(react=react)
    pump.add("A", host(party, pump.clock))
    pump.wait(lambda: False, 10)

    fired = [(now, event.name) for now, event in party.seen if isinstance(event, act.TimerFired)]
    assert fired == [(0.0, "past"), (5.0, "a")]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(min_value=0.0, max_value=1e5), min_size=1, max_size=8))
def test_a_timer_never_fires_before_its_time(times: list[float]) -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Started):
            return [act.SetTimer(name=f"{at!r} {i}", at=at) for i, at in enumerate(times)]
        return []

    pump, party = Pump(), Party(react=react)
    pump.clock.advance_to(0.1)
    pump.add("A", host(party, pump.clock))
    pump.wait(lambda: False, 2e5)

    fired = [(now, event.name) for now, event in party.seen if isinstance(event, act.TimerFired)]
    assert len(fired) == len(times)
    assert all(now == max(0.1, float(name.split()[0])) for now, name in fired)


def test_a_command_that_is_not_answered_or_refused() -> None:
    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Commanded) and event.name == "bad":
            return [act.Reply(ident=event.ident, error="not now")]
        return []

    pump = Pump()
    pump.add("A", host(Party(react=react), pump.clock))

    with pytest.raises(HarnessError, match="did not answer to go within 3 s"):
        pump.command("A", "go", {}, 3)
    with pytest.raises(HarnessError, match="refused bad: not now"):
        pump.command("A", "bad", {}, 3)


def test_a_name_that_exists_is_replaced() -> None:
    pump, first, second = Pump(), acker(), acker()
    sender = Sender("AN", "lab", [oru(1)])
    wired(pump, first)
    wired(pump, second, sender)

    assert pump.command("AN", "send", {}, 5) == ["ACK"]
    assert (first.payloads, second.payloads) == ([], [oru(1)])


def test_actors_that_never_rest_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "STEPS_MAX", 100)
    pump = Pump(VirtualClock())
    party = Party(react=lambda event, now: [act.SetTimer(name="again", at=now)])
    pump.add("A", host(party, pump.clock))

    with pytest.raises(HarnessError, match="do not come to rest"):
        pump.wait(lambda: False, 1)


def test_stop_ends_everything() -> None:
    pump, lis = Pump(), acker()
    wired(pump, lis, Sender("AN", "lab", [oru(1)]))

    assert pump.stop() == []
    assert not pump.members
    assert pump.wait(lambda: False, 1) is False
    assert not lis.seen
