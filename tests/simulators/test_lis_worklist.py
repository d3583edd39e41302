"""Questions of an analyzer, and what the LIS orders there (LIS02-A2 records Q, P, O and L)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.link import actor as act
from harness.wire.astm_link import Delivered, FrameReceived, MessageReceived, SendFailed
from harness.wire.core import Message
from tests.simulators.desk import Desk, Ward, adt, frame, mllp, oml, run, specimen

Open = Callable[..., Desk]

PERSON = "PID|1|P1|P1^^^^PatientNO||王珅||19800229|F"
LINK = "analyzer-lis"


@pytest.fixture
def open_lis(tmp_path: Path) -> Iterator[Open]:
    """A LIS with two tubes of one patient: T1 for K and GLU, T2 for ALT."""
    desks: list[Desk] = []

    def one(*defects: str, **driver: Any) -> Desk:
        desk = Desk("LIS", tmp_path, *defects)
        desk.hl7(adt("A01", "C1", PERSON, "PV1|1|I|W03^^12"))
        desk.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|S", "ORC|NW|O1", "OBR|2|O1|T1|GLU|S"))
        desk.hl7(oml("C3", "ORC|NW|O2", "OBR|1|O2|T2|ALT|R"))
        if driver:
            order(desk, "configure_analyzer", sender="SIM", **driver)
        desks.append(desk)
        return desk

    yield one
    for desk in desks:
        desk.store.close()


ITEMS = [{"channel": "101", "item": "K"}, {"channel": "102", "item": "GLU"}]


def order(desk: Desk, name: str, **args: Any) -> act.Reply:
    replies = [
        one
        for one in desk.give(act.Commanded(name=name, args=args, ident=1))
        if isinstance(one, act.Reply)
    ]
    assert len(replies) == 1
    return replies[0]


def heard(desk: Desk, payload: bytes, conn: str = "an#1") -> list[act.Command]:
    commands = desk.give(act.Received(conn=conn, link=LINK, event=MessageReceived(payload=payload)))
    end = FrameReceived(number=1, text=b"", last=True, hold=4)
    return commands + desk.give(act.Received(conn=conn, link=LINK, event=end))


def sent(commands: list[act.Command]) -> list[list[str]]:
    """Messages that go to the analyzer, as records."""
    return [
        one.event.payload.decode("gb18030").rstrip("\r").split("\r")
        for one in commands
        if isinstance(one, act.Send) and isinstance(one.event, Message)
    ]


def ask(desk: Desk, *queries: str) -> list[str]:
    """The records of the one answer to a question."""
    (records,) = sent(heard(desk, run(*queries)))
    return records


def ordered_in(records: list[str]) -> list[tuple[str, str, str]]:
    """Specimen, tests and action of every O record."""
    found = []
    for record in records:
        fields = record.split("|")
        if fields[0] == "O":
            codes = " ".join(one.split("^")[3] for one in fields[4].split("\\"))
            found.append((fields[2], codes, fields[11]))
    return found


def test_a_question_is_answered_with_patient_order_and_final_l(open_lis: Open) -> None:
    records = ask(open_lis(), "Q|1|^T1||ALL||||||||O")

    assert records == [
        "H|\\^&|||LIS|||||SIM||P|LIS02-A2|20260105080000",
        "P|1|P1|||王珅||19800229|F|||||||||||||||||W03",
        "O|1|T1||^^^GLU\\^^^K|S||||||N||||||||||||||Q",
        "L|1|F",
    ]


def test_the_answer_goes_out_after_the_frame_is_accepted_and_the_list_stored(
    open_lis: Open,
) -> None:
    lis = open_lis()
    commands = heard(lis, run("Q|1|^T1||ALL"))

    assert [type(one).__name__ for one in commands] == ["Commit", "Send", "Send"]
    assert type(commands[1].event).__name__ == "Accept"  # type: ignore[union-attr]
    assert lis.rows("SELECT barcode, item, channel, instrument, way, state FROM worklist") == [
        ("T1", "GLU", "GLU", "SIM", "query", "sent"),
        ("T1", "K", "K", "SIM", "query", "sent"),
    ]


@pytest.mark.parametrize("barcode", ["T9", "", "@", "t1"])
def test_without_an_order_the_answer_is_l_with_i(open_lis: Open, barcode: str) -> None:
    assert ask(open_lis(), f"Q|1|^{barcode}||ALL")[1:] == ["L|1|I"]


def test_a_question_that_is_taken_back_gets_no_answer(open_lis: Open) -> None:
    assert sent(heard(open_lis(), run("Q|1|^T1||ALL||||||||A"))) == []


def test_only_mapped_tests_by_their_channel(open_lis: Open) -> None:
    lis = open_lis(items=ITEMS[:1])

    assert ordered_in(ask(lis, "Q|1|^T1||ALL")) == [("T1", "101", "N")]
    assert ask(lis, "Q|1|^T2||ALL")[-1] == "L|1|I"


def test_what_is_done_anywhere_is_not_ordered_again_until_a_rerun_is_wanted(
    open_lis: Open,
) -> None:
    lis = open_lis()
    lis.astm(run(*specimen("T1", "K|4.1|||F", "GLU|5|||P")))
    assert ordered_in(ask(lis, "Q|1|^T1||ALL")) == [("T1", "GLU", "N")]

    assert not order(lis, "rerun", barcode="T1", item="K").error
    assert ordered_in(ask(lis, "Q|1|^T1||ALL"))[0] == ("T1", "GLU", "N")
    assert "K" in str(ordered_in(ask(lis, "Q|1|^T1||ALL")))
    lis.astm(run(*specimen("T1", "K|4.3|||F")))
    assert lis.rows("SELECT state FROM orders WHERE item = 'K'") == [("ordered",)]
    assert ordered_in(ask(lis, "Q|1|^T1||ALL")) == [("T1", "GLU", "N")]
    assert "no order" in order(lis, "rerun", barcode="T1", item="NA").error


def test_an_added_test_has_action_a_and_a_cancelled_one_is_gone(open_lis: Open) -> None:
    lis = open_lis()
    ask(lis, "Q|1|^T1||ALL")
    lis.hl7(oml("C5", "ORC|NW|O5", "OBR|1|O5|T1|CRP|R"))
    lis.hl7(oml("C6", "ORC|CA|O1", "OBR|1|O1|T1|K|S"))

    assert ordered_in(ask(lis, "Q|1|^T1||ALL")) == [("T1", "GLU", "N"), ("T1", "CRP", "A")]


def test_several_tubes_and_all(open_lis: Open) -> None:
    lis = open_lis()
    both = [("T1", "GLU K", "N"), ("T2", "ALT", "N")]

    assert ordered_in(ask(lis, "Q|1|^T1\\^T2||ALL")) == both
    assert ordered_in(ask(lis, "Q|1|ALL||ALL")) == both
    assert ordered_in(ask(lis, "Q|1|^T2||ALL", "Q|2|^T1||ALL")) == both[::-1]


def test_rack_and_position_go_back_and_padding_is_stripped(open_lis: Open) -> None:
    lis = open_lis(items=ITEMS, id_strip="blank", query_place="3.3", query_rack="4-6", echo="O.4")
    records = ask(lis, "Q|1|^^              T1^7^0012^3^^S1^SC||ALL")

    assert "O|1|T1|7^0012^3|^^^102\\^^^101|S||||||N||||||||||||||Q" in records
    assert "|TSDWN^REPLY|" in records[0]


def test_a_name_that_the_analyzer_cannot_show_is_left_out(open_lis: Open) -> None:
    lis = open_lis(encoding="ascii")

    assert "P|1|P1|||||19800229|F|||||||||||||||||W03" in ask(lis, "Q|1|^T1||ALL")


def test_the_number_of_specimens_in_an_answer_is_bounded(open_lis: Open) -> None:
    lis = open_lis(orders_max="1")

    assert ordered_in(ask(lis, "Q|1|^T1\\^T2||ALL")) == [("T1", "GLU K", "N")]


def test_a_patient_of_whom_little_is_known(open_lis: Open) -> None:
    lis = open_lis()
    lis.hl7(adt("A01", "C8", "PID|1|P8|P8^^^^PatientNO||甲"))
    lis.hl7(oml("C9", "ORC|NW|O8", "OBR|1|O8|T8|K|R").replace(b"|P1|P1^", b"|P8|P8^"))

    assert "P|1|P8|||甲||||||||||||||||||||" in ask(lis, "Q|1|^T8||ALL")


def test_a_flood_of_questions_costs_one_answer(open_lis: Open) -> None:
    lis = open_lis()

    assert len(ordered_in(ask(lis, *["Q|1|ALL||ALL"] * 500))) == 2
    assert ask(lis, "Q|1|" + "\\".join(f"^X{at}" for at in range(5000)))[1:] == ["L|1|I"]


# -- over the link ---------------------------------------------------------------------------------

ENQ, ACK, EOT = b"\x05", b"\x06", b"\x04"


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    """LIS and HIS; tube T1 is ordered."""
    one = Ward(tmp_path)
    one.connect("his-lis")
    one.say(mllp(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|S")))
    one.connect("analyzer-lis")
    yield one
    one.close()


def test_the_line_turns_round_for_the_answer(ward: Ward) -> None:
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, run("Q|1|^T1||ALL"))) == ACK
    assert ward.say(EOT) == ENQ
    heard = ward.say(ACK)
    while not heard.endswith(EOT):
        more = ward.say(ACK)
        assert more
        heard += more

    assert b"O|1|T1||^^^K|S" in heard
    assert b"L|1|F" in heard
    assert ward.rows("LIS", "SELECT item, state FROM worklist") == [("K", "taken")]


def test_the_analyzer_has_priority_when_both_bid(ward: Ward) -> None:
    """LIS01-A2 §8.2.7: the host waits 20 s, so the results come first and the answer after."""
    ward.say(ENQ)
    ward.say(frame(1, run("Q|1|^T1||ALL")))
    assert ward.say(EOT) == ENQ
    assert ward.say(ENQ) == b""  # contention
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, run(*specimen("T1", "K|4.1|||F")))) == ACK
    assert ward.say(EOT) == ENQ
    assert ward.rows("LIS", "SELECT value FROM results") == [("4.1",)]


# -- push ------------------------------------------------------------------------------------------


def pushed(desk: Desk) -> list[tuple[str, str, str]]:
    messages = sent(desk.timer("worklist"))
    return [one for records in messages for one in ordered_in(records)]


def test_orders_are_pushed_to_an_analyzer_that_is_there(open_lis: Open) -> None:
    lis = open_lis(push="1")
    assert pushed(lis) == []  # nobody has called yet
    assert act.SetTimer(name="worklist", at=0.0) in heard(lis, run())

    assert pushed(lis) == [("T1", "GLU K", "N"), ("T2", "ALT", "N")]
    assert pushed(lis) == []
    commands = lis.hl7(oml("C5", "ORC|NW|O5", "OBR|1|O5|T1|CRP|R"))
    assert commands[-1] == act.SetTimer(name="worklist", at=0.0)
    assert pushed(lis) == [("T1", "CRP", "A")]


def test_a_cancellation_goes_down_once(open_lis: Open) -> None:
    lis = open_lis(push="1")
    heard(lis, run())
    pushed(lis)
    lis.hl7(oml("C6", "ORC|CA|O1", "OBR|1|O1|T1|K|S"))

    assert pushed(lis) == [("T1", "K", "C")]
    assert pushed(lis) == []


def test_a_rerun_goes_down_again(open_lis: Open) -> None:
    lis = open_lis(push="1")
    heard(lis, run())
    pushed(lis)
    order(lis, "rerun", barcode="T2", item="ALT")

    assert [one[:2] for one in pushed(lis)] == [("T2", "ALT")]


def test_a_push_that_failed_goes_again_and_one_that_arrived_does_not(open_lis: Open) -> None:
    lis = open_lis(push="1")
    heard(lis, run())
    (send,) = [one for one in lis.timer("worklist") if isinstance(one, act.Send)]
    payload = send.event.payload  # type: ignore[attr-defined]
    failed = SendFailed(payload=payload, reason="enq-timeout", outcome="failed")  # type: ignore[arg-type]
    commands = lis.give(act.Received(conn="an#1", link=LINK, event=failed))

    assert act.SetTimer(name="worklist", at=10.0) in commands
    assert len(pushed(lis)) == 2
    lis.give(act.Received(conn="an#1", link=LINK, event=Delivered(payload=payload)))
    assert {row[0] for row in lis.rows("SELECT state FROM worklist")} == {"failed", "taken"}


def test_an_analyzer_that_is_gone_gets_nothing(open_lis: Open) -> None:
    lis = open_lis(push="1")
    heard(lis, run())
    lis.give(act.Closed(conn="an#1", link=LINK))

    assert pushed(lis) == []


# -- defects ---------------------------------------------------------------------------------------


def answer_of(lis: Desk) -> str:
    """A whole morning: done, cancelled, added, asked."""
    lis.astm(run(*specimen("T1", "101|4.1|||F")))
    lis.hl7(oml("C6", "ORC|CA|O2", "OBR|1|O2|T2|ALT|R"))
    first = sent(heard(lis, run("Q|1|^T1^7^8^9\\^T2||ALL")))
    lis.hl7(oml("C7", "ORC|NW|O7", "OBR|1|O7|T1|CRP|R", "ORC|NW|O7", "OBR|2|O7|T1|NA|R"))
    second = sent(heard(lis, run("Q|1|^T1^7^8^9||ALL")))
    third = sent(heard(lis, run("Q|1|^T9||ALL")))
    return "\n".join(record for one in (*first, *second, *third) for record in one)


@pytest.mark.parametrize(
    "defect",
    [
        "lis-answers-other-tube", "lis-orders-done-again", "lis-orders-first-test-only",
        "lis-orders-unmapped", "lis-silent-without-order", "lis-empty-order",
        "lis-orders-cancelled", "lis-ignores-add-on", "lis-orders-routine", "lis-forgets-rack",
        "lis-cuts-name-in-download", "lis-escapes-bytes",
    ],
)  # fmt: skip
def test_each_defect_of_an_answer_can_be_seen(open_lis: Open, defect: str) -> None:
    items = [*ITEMS, {"channel": "105", "item": "CRP"}, {"channel": "106", "item": "ALT"}]
    setting = {"items": items, "echo": "O.4", "query_rack": "3-5"}
    lis = open_lis(**setting)
    right = answer_of(lis)
    assert "O|1|T1|7^8^9|^^^102|S||||||N" in right
    lis.store.commit([(f"DELETE FROM {table}", ()) for table in
                      ("orders", "results", "worklist", "received", "patients")])  # fmt: skip

    assert answer_of(open_lis(defect, **setting)) != right


def test_the_first_tube_only(open_lis: Open) -> None:
    lis = open_lis("lis-answers-first-tube-only")

    assert ordered_in(ask(lis, "Q|1|^T1\\^T2||ALL")) == [("T1", "GLU K", "N")]


@pytest.mark.parametrize("defect", ["lis-no-push", "lis-cancel-stays-here"])
def test_defects_of_the_push(open_lis: Open, defect: str) -> None:
    lis = open_lis(defect, push="1")
    heard(lis, run())
    before = pushed(lis)
    lis.hl7(oml("C6", "ORC|CA|O1", "OBR|1|O1|T1|K|S"))

    assert pushed(lis) == []
    assert (before == []) == (defect == "lis-no-push")
