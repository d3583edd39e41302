"""The account as items of a judge: nothing is said before the window is over."""

import pytest

from harness.evidence.account_items import KIND, entries, totals
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.judge import judge
from harness.evidence.match import Value
from harness.evidence.verdict import Verdict
from harness.model import Place
from tests.harness.evidence.test_account import Tape, oru, row

PLACE = Place(interface="LIS-ORU", protocol="hl7", path="")


@pytest.fixture
def tape():
    return Tape()


def expectation(path="lost", value="no", **where):
    check = Check(path=path, value=Value(expected=value), place=PLACE, fault_class="lost")
    select = Selector(kind=KIND, where={"link": "lis-his", "frm": "LIS"} | where)
    return Expectation(
        mode="always", select=select, wanted=[Wanted(key={}, checks=[check])], place=PLACE,
        limit_s=1.0,
    )  # fmt: skip


def judged(tape, wanted, *, closed_after=2.0):
    """Open at once, close after some seconds; None leaves the window open."""
    opened = tape.add("expectation", id="E1", sentence=0, spec=wanted.data())
    tape.records[-1]["t"] = 0.0
    if closed_after is not None:
        tape.add("note", window="E1", rests=[])
        tape.records[-1]["t"] = closed_after
    assert opened
    return judge(wanted, "E1", tape.records)


def lost(tape):
    """Sent, never on the wire."""
    tape.message(oru())


def test_a_clean_account_passes_and_rests_on_its_window(tape):
    """One right message less leaves the others right: only without the window nothing is known."""
    tape.send(oru())
    tape.answer()
    tape.look(row())

    result = judged(tape, expectation())

    assert (result.verdict, result.findings) == (Verdict.PASS, ())
    assert len(result.cited) == 1


def test_a_lost_message_fails_with_its_class_and_place(tape):
    lost(tape)

    result = judged(tape, expectation())

    assert result.verdict is Verdict.FAIL
    [finding] = result.findings
    assert (finding.place, finding.expected, finding.actual) == ("LIS-ORU hl7", "no", "yes")
    assert finding.fault_class == "lost"
    assert result.cited[0] == 1


@pytest.mark.parametrize("closed_after", [None, 0.5])
def test_before_the_end_of_the_window_nothing_is_said(tape, closed_after):
    lost(tape)

    assert judged(tape, expectation(), closed_after=closed_after).verdict is Verdict.INCONCLUSIVE


def test_an_account_without_messages_is_no_green(tape):
    tape.send(oru())

    assert judged(tape, expectation(frm="RIS")).verdict is Verdict.INCONCLUSIVE


def test_what_is_sent_behind_the_window_does_not_count(tape):
    tape.send(oru())
    tape.answer()
    wanted = expectation()
    assert judged(tape, wanted).verdict is Verdict.PASS
    tape.message(oru("C9"), ident="C9")

    assert judge(wanted, "E1", tape.records).verdict is Verdict.PASS


def test_outcomes(tape):
    tape.send(oru())
    tape.answer(code="AE")

    assert judged(tape, expectation("outcome", "ok")).verdict is Verdict.FAIL


def test_items_and_totals_say_the_same(tape):
    tape.send(oru())
    tape.answer()
    tape.look(row(), row())

    [entry] = entries(tape.records)
    told = totals(tape.records)

    assert (entry["duplicated"], entry["lost"], entry["effect"]) == ("yes", "no", "yes")
    assert entry["deliveries"] == "1"
    assert told["messages"] == 1
    assert told["words"] == {"duplicated": 1}
    assert told["states"]["effect seen"] == 1
    assert told["named"][0]["id"] == "C1"


def test_a_payload_that_is_not_there_is_not_looked_for(tape):
    tape.message(b"")
    tape.bytes(b"\x0bsomething\x1c\r")

    [entry] = entries(tape.records)

    assert entry["deliveries"] == "0"
