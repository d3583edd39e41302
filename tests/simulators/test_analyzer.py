"""The simulated analyzer: one message after the other, repeated whole where the link gave up."""

from __future__ import annotations

from typing import Any

import pytest

from harness.link import actor as act
from harness.link.pump import Pump
from harness.model import Outcome
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, Delivered, SendFailed
from harness.wire.core import Message
from simulators.analyzer import analyzer as module
from simulators.analyzer.analyzer import LINK, RECONNECT_S, Analyzer
from tests.harness.link.parties import Party, host, raw_core

PAYLOAD = b"H|\\^&\rL|1|N\r"


def upload(one: Analyzer, ident: int = 1, payload: bytes = PAYLOAD) -> list[act.Command]:
    return one.on_event(
        act.Commanded(name="upload", args={"payload": payload.hex()}, ident=ident), 0.0
    )


def opened(one: Analyzer, number: int = 1) -> list[act.Command]:
    return one.on_event(act.Opened(conn=f"{LINK}#{number}", link=LINK), 0.0)


def got(one: Analyzer, event: Any, number: int = 1) -> list[act.Command]:
    return one.on_event(act.Received(conn=f"{LINK}#{number}", link=LINK, event=event), 0.0)


def closed(one: Analyzer, number: int = 1, reason: str = "reset") -> list[act.Command]:
    return one.on_event(act.Closed(conn=f"{LINK}#{number}", link=LINK, reason=reason), 2.0)


def refused(one: Analyzer, number: int) -> list[act.Command]:
    return one.on_event(act.Refused(conn=f"{LINK}#{number}", link=LINK, reason="refused"), 2.0)


def reply(outcome: str, detail: str = "", tries: int = 1, ident: int = 1) -> act.Reply:
    return act.Reply(ident=ident, value={"outcome": outcome, "detail": detail, "tries": tries})


SEND = act.Send(conn=f"{LINK}#1", event=Message(payload=PAYLOAD))
FAILURE = SendFailed(payload=PAYLOAD, outcome=Outcome.FAILED, reason="six-refusals")
AGAIN = act.SetTimer(name="connect", at=2.0 + RECONNECT_S)


def test_it_connects_sends_and_tells_the_outcome() -> None:
    one = Analyzer()
    assert upload(one) == [act.Open(link=LINK, conn=f"{LINK}#1")]
    assert opened(one) == [SEND]

    assert got(one, Delivered(payload=PAYLOAD)) == [reply("ok")]
    assert got(one, Delivered(payload=PAYLOAD)) == []


def test_one_message_after_the_other_over_the_same_connection() -> None:
    one = Analyzer()
    upload(one)
    assert upload(one, 2, b"second") == []
    assert opened(one) == [SEND]
    second = act.Send(conn=f"{LINK}#1", event=Message(payload=b"second"))
    assert got(one, Delivered(payload=PAYLOAD)) == [reply("ok"), second]

    assert got(one, Delivered(payload=PAYLOAD)) == [reply("ok", ident=2)]
    assert upload(one, 3) == [SEND]


def test_a_message_is_repeated_as_often_as_the_model_says() -> None:
    one = Analyzer(repeats=2)
    upload(one)
    opened(one)
    assert got(one, FAILURE) == [SEND]
    assert got(one, FAILURE) == [SEND]

    assert got(one, FAILURE) == [reply("failed", "six-refusals", 3)]
    assert got(one, FAILURE) == []


def test_a_lost_connection_keeps_the_message() -> None:
    one = Analyzer(repeats=1)
    upload(one)
    opened(one)
    lost = SendFailed(payload=PAYLOAD, outcome=Outcome.UNKNOWN, reason="connection-lost")
    assert got(one, lost) == []  # the end of the connection is told as well
    assert closed(one) == [AGAIN]
    assert one.on_event(act.TimerFired(name="connect"), 3.0) == [
        act.Open(link=LINK, conn=f"{LINK}#2")
    ]
    assert [type(command) for command in opened(one, 2)] == [act.Send]

    assert closed(one, 2, "") == [reply("unknown", "connection lost", 2)]


def test_an_idle_connection_that_ends_is_opened_when_it_is_needed() -> None:
    one = Analyzer()
    upload(one)
    opened(one)
    got(one, Delivered(payload=PAYLOAD))
    assert closed(one) == [AGAIN]
    assert one.on_event(act.TimerFired(name="connect"), 3.0) == []

    assert upload(one) == [act.Open(link=LINK, conn=f"{LINK}#2")]


def test_a_lis_that_is_not_there_is_given_up_after_some_attempts() -> None:
    one = Analyzer(repeats=2)
    upload(one)
    for number in (1, 2):
        assert refused(one, number) == [AGAIN]
        one.on_event(act.TimerFired(name="connect"), 3.0)

    assert refused(one, 3) == [reply("failed", "refused", 0)]
    # The next upload has as much patience as the first one had.
    assert upload(one, 2) == [act.Open(link=LINK, conn=f"{LINK}#4")]
    assert refused(one, 4) == [AGAIN]


def test_a_lis_that_was_there_is_waited_for_while_it_starts_anew() -> None:
    one = Analyzer(repeats=1)
    upload(one)
    opened(one)
    closed(one)
    for number in range(2, 2 + module.RECONNECTS_MAX):
        one.on_event(act.TimerFired(name="connect"), 3.0)
        assert refused(one, number) == [AGAIN]
    one.on_event(act.TimerFired(name="connect"), 3.0)

    assert refused(one, 2 + module.RECONNECTS_MAX) == [reply("failed", "refused", 1)]


def test_attempts_before_a_success_do_not_count() -> None:
    one = Analyzer(repeats=1)
    for number, ident in ((1, 1), (3, 2), (5, 3)):
        upload(one, ident)
        assert refused(one, number) == [AGAIN]
        one.on_event(act.TimerFired(name="connect"), 3.0)
        opened(one, number + 1)
        assert got(one, Delivered(payload=PAYLOAD), number + 1) == [reply("ok", ident=ident)]
        closed(one, number + 1)


def test_hanging_up() -> None:
    one = Analyzer()
    upload(one)
    opened(one)
    command = act.Commanded(name="hang-up", args={}, ident=9)
    assert one.on_event(command, 2.0) == [
        act.Close(conn=f"{LINK}#1"),
        act.Reply(ident=9),
        AGAIN,
    ]

    (again,) = one.on_event(act.TimerFired(name="connect"), 3.0)
    assert again == act.Open(link=LINK, conn=f"{LINK}#2")
    assert [type(command) for command in opened(one, 2)] == [act.Send]
    assert got(one, Delivered(payload=PAYLOAD), 2) == [reply("ok", tries=2)]


def test_commands_and_events_that_it_does_not_know() -> None:
    one = Analyzer()
    assert one.on_event(act.Commanded(name="dance", args={}, ident=4), 0.0) == [
        act.Reply(ident=4, error="unknown command dance")
    ]
    assert one.on_event(act.Started(), 0.0) == []
    assert opened(one, 7) == closed(one, 7) == []


def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 1)
    one = Analyzer()
    upload(one)

    assert upload(one, 2) == [act.Reply(ident=2, error="the instrument's memory is full")]


def test_the_bytes_of_an_upload_over_the_wire() -> None:
    """LIS01-A2 §8.2, §8.3: ENQ, one frame a record with its checksum, EOT."""
    heard: list[bytes] = []

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                heard.append(payload)
                if payload != b"\x04":
                    return [act.Send(conn=event.conn, event=Message(payload=b"\x06"))]
        return []

    pump = Pump()
    lis = Party("LIS", core=raw_core, react=react)
    address = pump.add("LIS", host(lis, pump.clock)).listen(LINK)
    one = Analyzer()
    assert isinstance(one.open_core(LINK, client=True), AstmLinkCore)
    pump.add("analyzer", host(one, pump.clock)).routes[LINK] = address
    order = {"payload": b"H|\\^&\rL|1|N\r".hex()}
    answer = pump.command("analyzer", "upload", order, 60)

    assert answer == {"outcome": "ok", "detail": "", "tries": 1}
    # In hexadecimal 31+48+7C+5C+5E+26+0D+03 = 1E5 and 32+4C+7C+31+7C+4E+0D+03 = 205.
    pump.wait(lambda: False, pump.clock.now() + 1)
    assert b"".join(heard) == (b"\x05\x021H|\\^&\r\x03E5\r\n\x022L|1|N\r\x0305\r\n\x04")


def test_nobody_answers_the_bid() -> None:
    """LIS01-A2 §8.2.5: 15 s for the reply to ENQ; then the whole is tried as the model says."""
    pump = Pump()
    silent = Party("LIS", core=raw_core)
    address = pump.add("LIS", host(silent, pump.clock)).listen(LINK)
    one = Analyzer(link_config=AstmLinkConfig(side="instrument"), repeats=1)
    pump.add("analyzer", host(one, pump.clock)).routes[LINK] = address
    answer = pump.command("analyzer", "upload", {"payload": PAYLOAD.hex()}, 600)

    assert answer["outcome"] == "failed"
    assert answer["tries"] == 2
    assert pump.clock.now() >= 30.0
