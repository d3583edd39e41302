"""The simulated HL7 system: one message outstanding as a sender, a policy as a receiver."""

from __future__ import annotations

import pytest

from harness.clock import VirtualClock
from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.core import Message
from harness.wire.mllp import MllpCore
from simulators.feed.feed import ANSWER_S, Feed
from simulators.feed.policy import Policy, Rule
from tests.harness.link.parties import host
from tests.simulators.desk import ack, adt, gb, sends

PAYLOAD = adt("A01", "C1", "PID|1||P1^^^^PatientNO||测试甲")
CONN = "his-lis#HIS1"


def feed(*rules: Rule) -> Feed:
    return Feed("HIS", VirtualClock(), Policy(rules=list(rules)))


def send(one: Feed, ident: int = 1) -> list[act.Command]:
    args = {"link": "his-lis", "payload": PAYLOAD.hex()}
    return one.on_event(act.Commanded(name="send", args=args, ident=ident), 0.0)


def opened(one: Feed, conn: str = CONN) -> list[act.Command]:
    return one.on_event(act.Opened(conn=conn, link="his-lis"), 0.0)


def got(one: Feed, payload: bytes, conn: str = CONN) -> list[act.Command]:
    event = Message(payload=payload)
    return one.on_event(act.Received(conn=conn, link="his-lis", event=event), 1.0)


def over(outcome: str, detail: str = "", code: str = "", ident: int = 1) -> list[act.Command]:
    value = {"outcome": outcome, "detail": detail, "code": code}
    return [act.SetTimer(name="answer", at=None), act.Reply(ident=ident, value=value)]


SENT = [
    act.Send(conn=CONN, event=Message(payload=PAYLOAD)),
    act.SetTimer(name="answer", at=ANSWER_S),
]


# -- as a sender -----------------------------------------------------------------------------------


def test_it_connects_sends_and_tells_the_answer() -> None:
    one = feed()
    assert send(one) == [act.Open(link="his-lis", conn=CONN)]
    assert opened(one) == SENT
    assert got(one, ack("AA", "C1")) == over("ok", code="AA")

    assert send(one, 2) == SENT  # over the same connection
    assert got(one, ack("AE", "C1|不认识")) == over("failed", "不认识", "AE", 2)


def test_what_is_no_answer_to_it_is_waited_out() -> None:
    one = feed()
    send(one)
    opened(one)
    for other in (ack("AA", "C2"), b"NO HL7\r", b"", ack("CA", "C1")):
        assert got(one, other) == []

    assert got(one, ack("AA", "C1")) == over("ok", code="AA")
    assert got(one, ack("AA", "C1")) == []


def test_one_message_is_outstanding() -> None:
    one = feed()
    send(one)
    for _ in range(2):
        assert send(one, 2) == [act.Reply(ident=2, error="the message before is not answered yet")]
        opened(one)

    assert got(one, ack("AA", "C1")) == over("ok", code="AA")


def test_without_an_answer_the_outcome_is_unknown() -> None:
    one = feed()
    send(one)
    opened(one)
    assert one.on_event(act.TimerFired(name="answer"), 5.0) == over("unknown", "no answer")
    assert one.on_event(act.TimerFired(name="answer"), 5.0) == []
    send(one, 2)

    closed = act.Closed(conn=CONN, link="his-lis")
    assert one.on_event(closed, 6.0) == over("unknown", "closed before the answer", ident=2)
    assert one.on_event(closed, 6.0) == []


def test_a_refused_connection_is_a_failure() -> None:
    one = feed()
    send(one)
    refused = act.Refused(conn=CONN, link="his-lis", reason="refused")

    assert one.on_event(refused, 0.0) == over("failed", "refused")
    assert send(one, 2) == [act.Open(link="his-lis", conn="his-lis#HIS2")]


def test_hanging_up_leaves_nobody_waiting() -> None:
    one = feed()
    send(one)
    opened(one)
    command = act.Commanded(name="hang-up", args={}, ident=8)

    assert one.on_event(command, 1.0) == [
        act.Close(conn=CONN),
        *over("unknown", "hung up before the answer"),
        act.Reply(ident=8),
    ]
    assert one.on_event(command, 1.0) == [act.Close(conn=""), act.Reply(ident=8)]


def test_commands_and_events_that_it_does_not_know() -> None:
    one = feed()
    command = act.Commanded(name="dance", args={}, ident=4)

    assert one.on_event(command, 0.0) == [act.Reply(ident=4, error="unknown command dance")]
    assert one.on_event(act.Started(), 0.0) == []
    assert one.on_event(act.TimerFired(name="late 7"), 0.0) == []
    assert isinstance(one.open_core("his-lis", client=True), MllpCore)


# -- as a receiver ---------------------------------------------------------------------------------


def answer(code: str, number: int, control: str = "C1") -> bytes:
    """Typed from HL7 2.4 §2.9.2: sender and receiver swapped, MSA-2 is their MSH-10."""
    return gb(
        f"MSH|^~\\&|LIS|HOSPITAL|HIS|HOSPITAL|20260105080000||ACK^A01^ACK|F{number:08d}|P|2.4"
        f"||||||GB 18030-2000\nMSA|{code}|{control}"
    )


def test_without_rules_it_acknowledges_at_once() -> None:
    one = feed()

    assert sends(got(one, PAYLOAD, "in#1")) == [answer("AA", 1)]
    assert sends(got(one, PAYLOAD, "in#2")) == [answer("AA", 2)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(code="AE"), [answer("AE", 1)]),
        (Rule(action="twice"), [answer("AA", 1), answer("AA", 2)]),
        (Rule(action="accept-first", code="AR"), [answer("CA", 1), answer("AR", 2)]),
        (Rule(action="foreign-id"), [answer("AA", 1, "OTHER")]),
        (Rule(action="garbage"), [b"NO HL7\r"]),
        (Rule(action="silence"), []),
    ],
    ids=lambda value: getattr(value, "action", ""),
)
def test_what_the_rule_makes_of_a_message(rule: Rule, expected: list[bytes]) -> None:
    assert sends(got(feed(rule), PAYLOAD, "in#1")) == expected


def test_answering_by_hanging_up() -> None:
    assert got(feed(Rule(action="close")), PAYLOAD, "in#1") == [act.Close(conn="in#1")]


def test_a_late_answer_goes_where_the_message_came_from() -> None:
    one = feed(Rule(delay_s=2.5))
    assert got(one, PAYLOAD, "in#1") == [act.SetTimer(name="late 1", at=3.5)]
    assert got(one, PAYLOAD, "in#2") == [act.SetTimer(name="late 2", at=3.5)]
    (command,) = one.on_event(act.TimerFired(name="late 2"), 3.5)

    assert isinstance(command, act.Send)
    assert command.conn == "in#2"
    assert one.on_event(act.TimerFired(name="late 2"), 3.5) == []


@pytest.mark.parametrize("payload", [b"", b"NO HL7\r", b"\0" * 9, b"\xff\xfe", b"MSH|", b"PID|1\r"])
@pytest.mark.parametrize("action", ["answer", "foreign-id", "twice", "accept-first"])
def test_it_has_an_answer_to_anything(payload: bytes, action: str) -> None:
    assert sends(got(feed(Rule(action=action)), payload, "in#1"))


def test_two_feeds_over_the_wire() -> None:
    pump = Pump()
    lis = Feed("LIS", pump.clock, Policy(rules=[Rule(code="AE")]))
    his = Feed("HIS", pump.clock)
    address = pump.add("LIS", host(lis, pump.clock)).listen("his-lis")
    pump.add("HIS", host(his, pump.clock)).routes["his-lis"] = address
    order = {"link": "his-lis", "payload": PAYLOAD.hex()}

    for _ in range(2):
        told = pump.command("HIS", "send", order, 10)
        assert told == {"outcome": "failed", "detail": "", "code": "AE"}
