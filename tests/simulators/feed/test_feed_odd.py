"""Answers as peers are known to write them, and a sender with many connections."""

from __future__ import annotations

import ssl

import pytest

from harness.clock import VirtualClock
from harness.link import actor as act
from harness.wire.core import Message
from simulators.feed.aftermath import AT_ONCE, PAUSE_S, Aftermath
from simulators.feed.core import Bytes
from simulators.feed.feed import CUT_S, Feed
from simulators.feed.parallel import CONNECTIONS_MAX, Parallel
from simulators.feed.policy import Policy, Rule
from tests.simulators.desk import oru

ONE = oru("R1", "OBX|1|NM|K||4.1")
TWO = oru("R2", "OBX|1|NM|K||4.1", specimen="T2")


def written(action: str) -> bytes:
    """What goes out for a message of the LIS, with its frame where it has one."""
    feed = Feed("HIS", VirtualClock(), Policy(rules=[Rule(action=action)]))
    event = act.Received(conn="in#1", link="lis-his", event=Message(payload=ONE))
    (sent,) = feed.on_event(event, 1.0)
    assert isinstance(sent, act.Send)
    if isinstance(sent.event, Bytes):
        return sent.event.data
    assert isinstance(sent.event, Message)
    return b"\x0b%b\x1c\r" % sent.event.payload


def fields(action: str, number: int) -> str:
    return written(action).decode("latin-1").split("\r")[0].split("|")[number - 1]


def test_shapes_of_frames() -> None:
    plain = written("answer")
    assert plain[:4] == b"\x0bMSH"
    assert written("unframed") == plain[1:-2]
    assert written("odd-trailer") == plain[:-1] + b"\0"
    assert written("commit-block") == b"\x0b\x06\x1c\r"
    assert written("no-final-return") == plain[:-3] + b"\x1c\r"


def test_shapes_of_headers() -> None:
    assert [fields("not-swapped", n) for n in (3, 4, 5, 6)] == [
        fields("answer", n) for n in (5, 6, 3, 4)
    ]
    assert (fields("answer", 12), fields("other-version", 12)) == ("2.4", "2.3")
    assert fields("answer", 9).startswith("ACK^R01")
    assert fields("no-trigger", 9) == "ACK"
    assert fields("same-id", 10) == "1"


@pytest.mark.parametrize(("seconds", "told"), [(PAUSE_S / 2, True), (PAUSE_S * 2, False)])
def test_a_sender_without_a_pause_is_told_of(seconds: float, told: bool) -> None:
    aftermath = Aftermath()
    aftermath.answered("in#1", "X", ONE, "close", 1.0)
    (reaction,) = aftermath.delivered("in#2", "X", ONE, 1.0 + seconds)

    assert reaction.text == "X: close: sent again"
    assert (f"X: {AT_ONCE}" in reaction.texts) is told


# -- many connections ------------------------------------------------------------------------------


def begun(**more: str) -> tuple[Parallel, list[str]]:
    sender = Parallel("HIS")
    args = {"link": "his-lis", "payload": f"{ONE.hex()},{TWO.hex()}"} | more
    commands = sender.on_event(act.Commanded(ident=7, name="parallel", args=args), 0.0)
    return sender, [one.conn for one in commands if isinstance(one, act.Open)]


def opened(sender: Parallel, names: list[str]) -> list[act.Command]:
    found = [sender.on_event(act.Opened(conn=name, link="his-lis"), 0.0) for name in names]
    assert not any(found[:-1])
    return found[-1]


def answer(sender: Parallel, conn: str, about: str, code: str = "AA") -> list[act.Command]:
    ack = f"MSH|^~\\&|LIS||HIS||1||ACK|A|P|2.4\rMSA|{code}|{about}\r".encode()
    event = act.Received(conn=conn, link="his-lis", event=Message(payload=ack))
    return sender.on_event(event, 1.0)


def value(commands: list[act.Command]) -> dict[str, object]:
    (reply,) = [one for one in commands if isinstance(one, act.Reply)]
    assert isinstance(reply.value, dict)
    return reply.value


def test_all_are_open_before_anything_is_sent_and_each_answer_counts_once() -> None:
    sender, names = begun()
    sends = opened(sender, names)

    assert [one.conn for one in sends if isinstance(one, act.Send)] == names
    assert answer(sender, names[0], "R1") == []
    assert value(answer(sender, names[1], "R2")) == {"outcome": "ok", "own": 2, "foreign": 0}


def test_an_answer_that_went_astray_is_foreign() -> None:
    sender, names = begun()
    opened(sender, names)
    answer(sender, names[1], "R1")
    answer(sender, names[1], "R2", code="AE")
    late = sender.on_event(act.TimerFired(name="answers"), 5.0)

    assert value(late) == {"outcome": "unknown", "own": 0, "foreign": 2}
    assert sender.on_event(act.TimerFired(name="answers"), 6.0) == []


def test_one_of_them_stops_in_mid_frame() -> None:
    sender, names = begun(half="yes")
    first, second = opened(sender, names)

    assert isinstance(first, act.Send)
    assert isinstance(second, act.Send)
    assert first.event == Bytes(data=b"\x0b" + ONE[: len(ONE) // 2])
    assert second.event == Message(payload=TWO)
    assert value(answer(sender, names[1], "R2"))["own"] == 1


def test_what_it_does_not_do() -> None:
    sender, _ = begun()
    again = act.Commanded(ident=8, name="parallel", args={"link": "x", "payload": ONE.hex()})
    many = act.Commanded(
        ident=9, name="parallel",
        args={"link": "x", "payload": ",".join([ONE.hex()] * (CONNECTIONS_MAX + 1))},
    )  # fmt: skip
    other = act.Commanded(ident=10, name="sing", args={})

    for event, asker in ((again, sender), (many, Parallel("HIS")), (other, Parallel("HIS"))):
        (reply,) = asker.on_event(event, 0.0)
        assert isinstance(reply, act.Reply)
        assert reply.error


def test_half_a_message_is_cut_off_when_hands_are_shaken_and_not_before() -> None:
    """However slow the handshake is: a connection that ends before it carried nothing."""
    feed = Feed("HIS", VirtualClock(), tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    args = {"link": "his-lis", "payload": ONE.hex()}
    (opened,) = feed.on_event(act.Commanded(ident="1", name="cut", args=args), 0.0)
    assert isinstance(opened, act.Open)
    core = feed.open_core("his-lis", client=True)
    sent, timer = feed.on_event(act.Opened(conn=opened.conn, link="his-lis"), 0.0)
    assert isinstance(sent, act.Send)
    assert isinstance(timer, act.SetTimer)

    (again,) = feed.on_event(act.TimerFired(name="cut"), 1.0)
    assert again == act.SetTimer(name="cut", at=1.0 + CUT_S)
    core._ready = True  # type: ignore[attr-defined]  # as after a handshake
    close, *_ = feed.on_event(act.TimerFired(name="cut"), 2.0)
    assert close == act.Close(conn=opened.conn)
