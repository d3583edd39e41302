"""Every way to answer, what the sender did next, and a sender that does not wait."""

from __future__ import annotations

import pytest

from harness.clock import VirtualClock
from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.core import Message
from harness.wire.mllp import MllpCore
from simulators.feed.aftermath import Aftermath
from simulators.feed.burst import BURST_MAX, Burst
from simulators.feed.core import Bytes, FeedCore
from simulators.feed.feed import Feed
from simulators.feed.policy import PIECE_GAP_S, Policy, Rule
from tests.harness.link.parties import host
from tests.simulators.desk import adt, oru

ONE = oru("R1", "OBX|1|NM|K||4.1")
TWO = oru("R2", "OBX|1|NM|K||4.1", specimen="T2")


def feed(*rules: Rule) -> Feed:
    return Feed("HIS", VirtualClock(), Policy(rules=list(rules)))


def got(one: Feed, payload: bytes, conn: str = "in#1", now: float = 1.0) -> list[act.Command]:
    event = Message(payload=payload)
    return one.on_event(act.Received(conn=conn, link="lis-his", event=event), now)


def msa(command: act.Command) -> tuple[str, str, str]:
    """Connection, MSA-1 and MSA-2, cut by hand."""
    assert isinstance(command, act.Send)
    assert isinstance(command.event, Message)
    row = command.event.payload.decode("gb18030").split("\r")[1].split("|")
    return command.conn, row[1], row[2]


def bytes_of(command: act.Command) -> bytes:
    assert isinstance(command, act.Send)
    assert isinstance(command.event, Bytes)
    return command.event.data


# -- answers ---------------------------------------------------------------------------------------


def test_it_answers_and_hangs_up() -> None:
    answer, close = got(feed(Rule(action="close-after")), ONE)

    assert msa(answer) == ("in#1", "AA", "R1")
    assert close == act.Close(conn="in#1")


def test_a_reset_is_no_orderly_end() -> None:
    assert got(feed(Rule(action="reset")), ONE) == [act.Close(conn="in#1", reset=True)]


@pytest.mark.parametrize(
    ("action", "data"), [("free-text", b"ERROR 500\r\n"), ("empty", b"\x0b\x1c\r")]
)
def test_what_is_no_frame_goes_out_as_it_is(action: str, data: bytes) -> None:
    (sent,) = got(feed(Rule(action=action)), ONE)

    assert bytes_of(sent) == data


def test_an_answer_without_a_header() -> None:
    (sent,) = got(feed(Rule(action="bare", code="AE")), ONE)

    assert isinstance(sent, act.Send)
    assert sent.event == Message(payload=b"MSA|AE|R1\r")


def test_an_answer_comes_again_later() -> None:
    one = feed(Rule(action="again-later", delay_s=2.0))
    first, timer = got(one, ONE)

    assert msa(first) == ("in#1", "AA", "R1")
    assert timer == act.SetTimer(name="late 1", at=3.0)
    (second,) = one.on_event(act.TimerFired(name="late 1"), 3.0)
    assert msa(second) == ("in#1", "AA", "R1")


def test_a_split_answer_is_whole_in_the_end() -> None:
    one = feed(Rule(action="split"))
    timers = got(one, ONE)

    assert all(isinstance(timer, act.SetTimer) for timer in timers)
    times = [timer.at for timer in timers if isinstance(timer, act.SetTimer)]
    assert times == [pytest.approx(1.0 + index * PIECE_GAP_S) for index in range(len(timers))]
    names = [timer.name for timer in timers if isinstance(timer, act.SetTimer)]
    pieces = [bytes_of(*one.on_event(act.TimerFired(name=name), 2.0)) for name in names]
    assert {len(piece) for piece in pieces} == {1}
    core = MllpCore()
    for piece in pieces:
        core.receive(piece, 2.0)
    (message,) = core.events()
    assert isinstance(message, Message)
    assert b"\rMSA|AA|R1" in message.payload


def test_swapped_answers_wait_for_the_second_message() -> None:
    one = feed(Rule(action="swapped"))

    assert got(one, ONE, "in#1") == []
    assert [msa(each) for each in got(one, TWO, "in#2")] == [
        ("in#1", "AA", "R2"),
        ("in#2", "AA", "R1"),
    ]
    assert got(one, ONE, "in#1") == []  # a new pair


def test_the_answer_of_the_message_before() -> None:
    one = feed(Rule(action="answer-of-before"))

    assert [msa(each) for payload in (ONE, TWO) for each in got(one, payload)] == [
        ("in#1", "AA", "R1"),
        ("in#1", "AA", "R1"),
    ]


def test_a_core_that_sends_bytes_between_frames() -> None:
    core = FeedCore()
    core.send(Message(payload=b"A"), 0.0)
    core.send(Bytes(data=b"junk"), 0.0)

    assert core.data_to_send() == b"\x0bA\x1c\rjunk"


# -- what the sender did next ----------------------------------------------------------------------


def texts(commands: list[act.Command]) -> list[str]:
    return [each.text for each in commands if isinstance(each, act.Note)]


def test_reactions_are_noted_and_can_be_asked_for() -> None:
    one = feed(Rule(occurrences=(1,), action="silence"), Rule(occurrences=(2,), code="AE"))
    changed = ONE.replace(b"4.1", b"4.2")
    renamed = ONE.replace(b"|R1|", b"|R9|")

    told = [
        texts(got(one, payload, now=now))
        for now, payload in enumerate((ONE, ONE, changed, renamed, TWO))
    ]

    about = "ORU^R01|T1"
    assert told == [
        [],
        [f"{about}: silence: sent again"],
        [f"{about}: answer AE: sent again with other content"],
        [f"{about}: answer AA: sent again with another control id"],
        [f"{about}: answer AA: went on"],
    ]
    (reply,) = one.on_event(act.Commanded(name="observed", args={}, ident=3), 9.0)
    assert isinstance(reply, act.Reply)
    assert reply.value[0] == {
        "identity": about, "answer": "silence", "reaction": "sent again", "seconds": 1,
        "same_connection": True,
    }  # fmt: skip


def test_hanging_up_is_a_reaction_and_what_follows_one_too() -> None:
    one = feed(Rule(occurrences=(1,), action="garbage"))
    got(one, ONE)
    closed = act.Closed(conn="in#1", link="lis-his")

    assert texts(one.on_event(closed, 2.0)) == ["ORU^R01|T1: garbage: hung up"]
    assert texts(got(one, ONE, "in#2")) == ["ORU^R01|T1: garbage: sent again"]
    assert [each.same_connection for each in one.aftermath.reactions] == [True, False]


def test_an_observer_is_told_in_place_of_the_journal() -> None:
    heard: list[str] = []
    rules = Policy(rules=[Rule(occurrences=(1,), action="silence")])
    one = Feed("HIS", VirtualClock(), rules, observer=heard.append)

    assert [texts(got(one, ONE)) for _ in range(2)] == [[], []]
    assert heard == ["ORU^R01|T1: silence: sent again"]


def test_without_a_script_nothing_is_observed() -> None:
    one = feed(Rule(code="AE"))
    got(one, ONE)
    got(one, ONE)

    assert one.aftermath == Aftermath()


# -- a burst ---------------------------------------------------------------------------------------


def payloads(count: int) -> str:
    rows = (adt("A04", f"B{n}", f"PID|1||P{n}^^^^PatientNO||甲") for n in range(count))
    return ",".join(row.hex() for row in rows)


def test_a_burst_goes_out_at_once_and_counts_its_answers() -> None:
    pump = Pump()
    receiver = Feed("LIS", pump.clock, Policy(rules=[Rule(action="twice", code="AE")]))
    address = pump.add("LIS", host(receiver, pump.clock)).listen("his-lis")
    sender = Burst("HIS")
    pump.add("HIS", host(sender, pump.clock)).routes["his-lis"] = address
    order = {"link": "his-lis", "payload": payloads(3)}

    for _ in range(2):  # each burst has a connection of its own
        told = pump.command("HIS", "burst", order, 10)
        assert told["outcome"] == "ok"
        assert {ident: codes[0] for ident, codes in told["answers"].items()} == {
            "B0": "AE", "B1": "AE", "B2": "AE",
        }  # fmt: skip


def test_a_burst_without_answers_is_unknown() -> None:
    pump = Pump()
    receiver = Feed("LIS", pump.clock, Policy(rules=[Rule(action="silence")]))
    address = pump.add("LIS", host(receiver, pump.clock)).listen("his-lis")
    pump.add("HIS", host(Burst("HIS"), pump.clock)).routes["his-lis"] = address

    told = pump.command("HIS", "burst", {"link": "his-lis", "payload": payloads(1)}, 10)

    assert told == {"outcome": "unknown", "answers": {"B0": []}}


def test_a_burst_that_nobody_takes_or_that_is_too_large() -> None:
    one = Burst("HIS")

    def order(count: int, name: str = "burst") -> list[act.Command]:
        args = {"link": "his-lis", "payload": payloads(count)}
        return one.on_event(act.Commanded(name=name, args=args, ident=1), 0.0)

    assert order(BURST_MAX + 1) == [act.Reply(ident=1, error=f"at most {BURST_MAX} messages")]
    assert order(1, "dance") == [act.Reply(ident=1, error="unknown command dance")]
    assert order(1) == [act.Open(link="his-lis", conn="his-lis#HIS-burst1")]
    assert order(1) == [act.Reply(ident=1, error="the burst before is not over")]
    refused = act.Refused(conn="his-lis#HIS-burst1", link="his-lis", reason="refused")
    *_, reply = one.on_event(refused, 0.0)
    assert isinstance(reply, act.Reply)
    assert reply.value["outcome"] == "unknown"
    assert one.on_event(refused, 0.0) == []
