"""The pure judge: an expectation and records in, a judgement out. Every trace is built by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.expect import Ask, Expectation, Selector, Wanted
from harness.evidence.judge import judge
from harness.evidence.verdict import Verdict
from tests.harness.evidence.journal import (
    Journal,
    check,
    messages,
    messages_of,
    row,
    rows,
    silence,
    wanted_row,
)

PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
MSGID = Wanted(key={"id": "C1"})


# -- eventually, over records ------------------------------------------------------------------


def test_a_message_that_came_is_a_pass_at_once() -> None:
    journal = Journal().begin()
    journal.message(1.0, "5.2", msgid="C0")
    n = journal.message(2.0, "5.2")

    judgement = journal.judged(messages(MSGID))

    assert (judgement.verdict, judgement.cited, judgement.final) == (PASS, (n,), True)


def test_a_message_that_did_not_come_fails_at_the_limit_and_not_before() -> None:
    journal = Journal().begin()
    journal.message(1.0, msgid="C1", where="another")
    expectation = messages(MSGID, classes={"missing": "lost"}, clause="§2.9")

    assert journal.judged(expectation).verdict is OPEN
    early = Journal([*journal.records])
    early.close(4.99)
    assert early.judged(expectation).reasons == ("the limit was not reached",)
    n = journal.close(5.0)
    judgement = journal.judged(expectation)

    assert (judgement.verdict, judgement.cited) == (FAIL, (n,))
    assert messages_of(judgement.findings) == [("missing", "id=C1", "(nothing)")]
    (finding,) = judgement.findings
    assert (finding.interface, finding.place) == ("LIS-ORU", "LIS-ORU hl7 OBX")
    assert (finding.fault_class, finding.clause) == ("lost", "§2.9")


def test_only_records_after_the_start_of_the_matter_count() -> None:
    journal = Journal().begin()
    journal.message(1.0)
    journal.close(5.0)

    assert journal.judged(messages(MSGID, since=1)).verdict is PASS
    assert journal.judged(messages(MSGID, since=2)).verdict is FAIL


def test_what_comes_after_the_window_does_not_count() -> None:
    journal = Journal().begin()
    journal.close(5.0)
    journal.message(5.1)

    assert journal.judged(messages(MSGID)).verdict is FAIL


def test_items_are_segments_where_that_is_asked() -> None:
    journal = Journal().begin()
    n = journal.message(1.0, "5.2", "6.3")
    journal.close(5.0)
    each = Selector(kind="message", where={"link": "lab"}, each="OBX", having={"OBX-3": "I2"})
    expectation = messages(
        Wanted(key={"OBX-3": "I2"}, checks=(check("OBX-5", "6.4"),)), select=each
    )

    judgement = journal.judged(expectation)

    assert judgement.cited == (n, n + 1)
    assert messages_of(judgement.findings) == [("differs", "6.4", "6.3")]
    assert judgement.findings[0].fault_class == "hl7-1"
    assert judgement.findings[0].clause == "§7.4.2"


def test_every_mismatch_is_told_at_once() -> None:
    journal = Journal().begin()
    journal.message(1.0, "1", "2", msgid="C1")
    journal.message(1.5, msgid="C3")
    journal.message(1.6, msgid="C1")
    journal.close(5.0)
    checks = (check("OBX[1]-5", "9"), check("OBX[2]-5", "9"), check("OBX[3]-5", "9"))
    expectation = messages(
        Wanted(key={"id": "C1"}, checks=checks), Wanted(key={"id": "C2"}), exact=True
    )

    judgement = journal.judged(expectation)

    assert messages_of(judgement.findings) == [
        ("differs", "9", "1"),
        ("differs", "9", "2"),
        ("absent", "9", "(absent)"),
        ("repeated", "(once)", "ORU^R01 C1"),
        ("missing", "id=C2", "(nothing)"),
        ("unwanted", "(nothing)", "ORU^R01 C3"),
    ]


def test_a_finding_about_long_values_is_short() -> None:
    journal = Journal().begin()
    journal.message(1.0, "x" * 9_000, msgid="C1")
    journal.close(5.0)
    expectation = messages(Wanted(key={"id": "C1"}, checks=(check("OBX[1]-5", "x" * 10_000),)))

    (finding,) = journal.judged(expectation).findings

    assert finding.expected.endswith("[8901-9100/10000]")
    assert finding.actual.endswith("[8901-9000/9000]")
    assert len(finding.expected) < 300


def test_of_several_candidates_the_best_is_judged() -> None:
    journal = Journal().begin()
    journal.message(1.0, "1", "1")
    n = journal.message(2.0, "5", "1")
    journal.close(5.0)
    checks = (check("OBX[1]-5", "5"), check("OBX[2]-5", "6"))

    judgement = journal.judged(messages(Wanted(key={"id": "C1"}, checks=checks)))

    assert messages_of(judgement.findings) == [("differs", "6", "1")]
    assert n in judgement.cited


def test_values_of_several_items_are_tied_together() -> None:
    journal = Journal().begin()
    journal.message(1.0, msgid="C1")
    journal.message(2.0, msgid="C1")
    tied = Wanted(key={"type": "ORU^R01"}, checks=(check("id", op="same", slot="id"),), times=2)
    assert journal.judged(messages(tied)).verdict is PASS

    other = Journal().begin()
    other.message(1.0, msgid="C1")
    other.message(2.0, msgid="C2")
    other.close(5.0)
    assert messages_of(other.judged(messages(tied)).findings) == [
        ("differs from the other", "C1", "C2")
    ]


@pytest.mark.parametrize(("came", "verdict"), [(1, FAIL), (2, PASS), (3, FAIL)])
def test_a_number_of_deliveries(came: int, verdict: Verdict) -> None:
    journal = Journal().begin()
    for number in range(came):
        journal.message(1.0 + number)
    journal.close(6.0)

    assert (
        journal.judged(messages(Wanted(key={"id": "C1"}, times=2), exact=True)).verdict is verdict
    )


def test_an_exact_answer_must_stay_for_its_settling_time() -> None:
    expectation = messages(MSGID, exact=True, settle_s=0.4)
    journal = Journal().begin()
    m = journal.message(1.0)
    assert journal.judged(expectation).reasons == ("the window was not watched to its end",)

    early = Journal([*journal.records])
    early.close(1.3)
    assert early.judged(expectation).reasons == (
        "the records were not watched for their whole settling time",
    )
    n = journal.close(1.4)
    assert (journal.judged(expectation).verdict, journal.judged(expectation).cited) == (
        PASS,
        (m, n),
    )


def test_what_is_too_much_fails_before_the_limit() -> None:
    journal = Journal().begin()
    first, second = journal.message(1.0), journal.message(1.2)
    end = journal.close(1.2)

    judgement = journal.judged(messages(MSGID, exact=True, settle_s=0.4))

    assert (judgement.verdict, judgement.cited) == (FAIL, (first, second, end))
    assert [one.message for one in judgement.findings] == ["repeated"]


def test_records_that_are_no_messages() -> None:
    journal = Journal().begin()
    n = journal.add("link", 1.0, event="closed", link="lab", reason="reset")
    select = Selector(kind="link", where={"link": "lab"})
    closed = Wanted(key={"event": "closed"}, checks=(check("reason", "reset"),))

    assert journal.judged(messages(closed, select=select)).cited == (n,)
    journal.add("violation", 2.0, code="mllp.bad-trailer")
    journal.add("command", 2.0)
    journal.close(5.0)
    nothing = messages(Wanted(key={"code": "x"}), select=Selector(kind="violation"), exact=True)
    assert messages_of(journal.judged(nothing).findings)[1] == (
        "unwanted", "(nothing)", "mllp.bad-trailer",
    )  # fmt: skip
    nothing = messages(Wanted(key={"code": "x"}), select=Selector(kind="command"), exact=True)
    assert messages_of(journal.judged(nothing).findings)[1][2] == "command"


# -- eventually, over probe answers ------------------------------------------------------------


def test_a_settled_answer_is_a_pass_that_rests_on_the_last_look() -> None:
    journal = Journal().begin()
    journal.look(0.0)
    journal.look(1.0, row("WBC"))
    n = journal.look(1.4, row("WBC"), last=True)
    journal.close(1.4, n)

    judgement = journal.judged(rows(wanted_row("WBC")))

    assert (judgement.verdict, judgement.cited, judgement.final) == (PASS, (n,), True)


def test_an_answer_without_settling_is_taken_at_once() -> None:
    journal = Journal().begin()
    n = journal.look(1.0, row("WBC"))

    assert journal.judged(rows(wanted_row("WBC"), settle_s=0.0)).cited == (n,)


def test_an_answer_that_did_not_stay_is_judged_by_its_last_look() -> None:
    journal = Journal().begin()
    journal.look(1.0, row("WBC"))
    journal.look(1.3, row("WBC"), row("WBC"))
    n = journal.look(5.0, row("WBC"), row("WBC"), last=True)

    judgement = journal.judged(rows(wanted_row("WBC")))

    assert (judgement.verdict, judgement.cited) == (FAIL, (n,))
    assert messages_of(judgement.findings) == [("repeated", "(once)", "item=WBC, value=5.2")]
    assert judgement.findings[0].fault_class == "twice"
    assert judgement.findings[0].place == "LIS-DB sql results"


def test_missing_wrong_and_invented_rows_are_told_together() -> None:
    journal = Journal().begin()
    n = journal.look(5.0, row("WBC", "5.3"), row("PLT", None), row("XXX"), last=True)
    expectation = rows(wanted_row("WBC"), wanted_row("HGB"), wanted_row("PLT"))

    judgement = journal.judged(expectation)

    assert judgement.cited == (n,)
    assert messages_of(judgement.findings) == [
        ("differs", "5.2", "5.3"),
        ("missing", "row.item=HGB", "(nothing)"),
        ("absent", "5.2", "(absent)"),
        ("unwanted", "(nothing)", "item=XXX, value=5.2"),
    ]


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        ([], "the probe results never answered"),
        ([{"error": "locked", "last": True}], "the probe results could not look: locked"),
        ([{"last": False}], "the last look, at the limit, is missing"),
        (
            [{"last": False}, {"error": "gone", "last": True}],
            "the last look, at the limit, is missing",
        ),
    ],
)
def test_what_was_not_read_is_inconclusive(looks: list[dict[str, Any]], reason: str) -> None:
    journal = Journal().begin()
    for at, look in enumerate(looks):
        journal.look(float(at), **look)
    journal.close(5.0)

    judgement = journal.judged(rows(wanted_row("WBC")))

    assert (judgement.verdict, judgement.reasons) == (OPEN, (reason,))


def test_a_right_answer_at_the_limit_that_had_no_time_to_settle() -> None:
    journal = Journal().begin()
    journal.look(1.0)
    journal.look(4.9, row("WBC"))
    journal.look(5.0, row("WBC"), last=True)

    judgement = journal.judged(rows(wanted_row("WBC")))

    assert judgement.reasons == ("the answer was not watched for its whole settling time",)


def test_answers_to_another_expectation_do_not_count() -> None:
    journal = Journal().begin()
    journal.look(1.0, row("WBC"), ask="E2")

    assert journal.judged(rows(wanted_row("WBC"), settle_s=0.0)).verdict is OPEN


# -- always ------------------------------------------------------------------------------------


ALWAYS = messages(Wanted(key={}, checks=(check("OBX-5", "5"),)), mode="always")


def test_always_passes_what_was_watched_to_the_limit() -> None:
    journal = Journal().begin()
    one, two = journal.message(1.0, "5"), journal.message(2.0, "5")
    assert journal.judged(ALWAYS).reasons == ("the window was not watched to its end",)
    end = journal.close(5.0)

    assert journal.judged(ALWAYS).cited == (one, two, end)
    assert journal.judged(ALWAYS).verdict is PASS


def test_always_fails_at_the_first_that_differs() -> None:
    journal = Journal().begin()
    journal.message(1.0, "5")
    bad = journal.message(2.0, "6")

    judgement = journal.judged(ALWAYS)

    assert (judgement.verdict, judgement.cited, judgement.final) == (FAIL, (bad,), True)
    assert messages_of(judgement.findings) == [("differs", "5", "6")]


def test_always_over_items_that_only_differ_from_each_other() -> None:
    journal = Journal().begin()
    one, two = journal.message(1.0, msgid="C1"), journal.message(2.0, msgid="C2")
    tied = messages(Wanted(key={}, checks=(check("id", op="same", slot="x"),)), mode="always")

    assert journal.judged(tied).cited == (one, two)


def test_always_over_nothing_is_inconclusive() -> None:
    journal = Journal().begin()
    journal.close(5.0)

    assert journal.judged(ALWAYS).reasons == ("nothing was there to judge",)


def test_always_stopped_early_is_inconclusive() -> None:
    journal = Journal().begin()
    journal.message(1.0, "5")
    journal.close(4.0)

    assert journal.judged(ALWAYS).verdict is OPEN


ALWAYS_ROWS = rows(Wanted(key={}, checks=(check("row.value", "5.2"),)), mode="always")


def test_always_over_answers_needs_the_look_at_the_limit() -> None:
    journal = Journal().begin()
    first = journal.look(1.0, row("WBC"))
    journal.close(5.0)
    assert journal.judged(ALWAYS_ROWS).reasons == ("the last look, at the limit, is missing",)

    journal = Journal().begin()
    first, last = journal.look(1.0, row("WBC")), journal.look(5.0, row("WBC"), last=True)
    end = journal.close(5.0)
    assert journal.judged(ALWAYS_ROWS).cited == (first, last, end)


def test_always_over_answers_fails_by_any_of_them() -> None:
    journal = Journal().begin()
    journal.look(1.0, row("WBC"))
    bad = journal.look(2.0, row("WBC", "9"))
    journal.look(5.0, row("WBC"), last=True)
    journal.close(5.0)

    assert (journal.judged(ALWAYS_ROWS).verdict, journal.judged(ALWAYS_ROWS).cited) == (
        FAIL,
        (bad,),
    )


# -- never -------------------------------------------------------------------------------------


def watched() -> Journal:
    journal = Journal().begin()
    journal.look(0.0)
    journal.look(5.0, last=True)
    return journal


def test_silence_with_its_control_is_a_pass() -> None:
    journal = watched()
    shown = journal.look(5.0, row("WBC"), last=True, ask="E1/control")
    end = journal.close(5.0)

    judgement = journal.judged(silence())

    assert (judgement.verdict, set(judgement.cited)) == (PASS, {3, shown, end})


def test_silence_without_the_control_proves_nothing() -> None:
    journal = watched()
    journal.look(5.0, last=True, ask="E1/control")
    journal.close(5.0)

    assert journal.judged(silence()).reasons == (
        "the positive control was not seen, so silence proves nothing",
    )


def test_anything_that_appears_fails_without_waiting() -> None:
    journal = Journal().begin()
    journal.look(0.0)
    bad = journal.look(1.0, row("WBC"), row("HGB"))

    judgement = journal.judged(silence())

    assert (judgement.verdict, judgement.cited, judgement.final) == (FAIL, (bad,), True)
    assert [one.message for one in judgement.findings] == ["unwanted", "unwanted"]
    assert judgement.findings[0].fault_class == "invented"


@pytest.mark.parametrize(
    ("looks", "closed", "reason"),
    [
        ([], 5.0, "the probe results never answered"),
        ([{"last": True, "error": "locked"}], 5.0, "the probe results could not look: locked"),
        ([{}], 5.0, "the last look, at the limit, is missing"),
        ([{"last": True}], 4.0, "the window was not watched to its end"),
        ([{"last": True}], None, "the window was not watched to its end"),
    ],
)
def test_silence_that_was_not_watched(
    looks: list[dict[str, Any]], closed: float | None, reason: str
) -> None:
    journal = Journal().begin()
    for look in looks:
        journal.look(5.0, **look)
    journal.look(5.0, row("WBC"), last=True, ask="E1/control")
    if closed is not None:
        journal.close(closed)

    assert journal.judged(silence()).reasons == (reason,)


def test_silence_on_a_link_with_a_message_as_control() -> None:
    unwanted = Selector(kind="message", where={"link": "lab"})
    control = Selector(kind="message", where={"link": "heartbeat"})
    expectation = messages(mode="never", select=unwanted, control=control)
    journal = Journal().begin()
    journal.message(1.0, where="heartbeat")
    late = journal.message(2.0, where="heartbeat")
    end = journal.close(5.0)

    assert journal.judged(expectation).cited == (end, late)
    journal = Journal().begin()
    journal.close(5.0)
    assert journal.judged(expectation).verdict is OPEN
    journal = Journal().begin()
    bad = journal.message(1.0)
    assert (journal.judged(expectation).verdict, journal.judged(expectation).cited) == (
        FAIL,
        (bad,),
    )


# -- the trace itself --------------------------------------------------------------------------


def test_an_expectation_that_is_not_in_the_trace() -> None:
    journal = Journal()
    journal.message(1.0)

    assert journal.judged(messages(MSGID)).reasons == (
        "the expectation itself is not in the trace",
    )


def test_what_the_live_judgement_rested_on_must_be_there() -> None:
    journal = Journal().begin()
    n = journal.message(1.0)
    journal.message(1.5)
    journal.close(2.0, n)
    assert journal.judged(messages(MSGID)).verdict is PASS

    without = [record for record in journal.records if record["n"] != n]
    assert judge(messages(MSGID), "E1", without).reasons == (
        "a record that the judgement rests on is missing",
    )


def test_a_question_about_closing_now_needs_no_time() -> None:
    journal = Journal().begin()
    journal.message(1.0)
    closing = {"n": -1, "kind": "note", "window": "E1", "rests": []}
    exact = messages(MSGID, exact=True, settle_s=0.4)

    assert judge(exact, "E1", [*journal.records, closing]).verdict is PASS
    assert (
        judge(messages(Wanted(key={"id": "X"})), "E1", [*journal.records, closing]).verdict is FAIL
    )


def _expectation(kind: str) -> Expectation:
    one = Wanted(key={"id": "C1"}, checks=(check("OBX[1]-5", "5"),))
    return {
        "eventually": messages(one),
        "exact": messages(one, exact=True, settle_s=0.4),
        "always": messages(Wanted(key={}, checks=(check("OBX[1]-5", "5"),)), mode="always"),
        "never": messages(
            mode="never",
            select=Selector(kind="message", where={"link": "other"}),
            control=Selector(kind="message", where={"link": "lab"}),
        ),
        "rows": rows(wanted_row("WBC")),
        "always rows": ALWAYS_ROWS,
        "no rows": silence(),
    }[kind]


MESSAGE = st.tuples(
    st.sampled_from(["lab", "other"]), st.sampled_from(["C1", "C2"]), st.sampled_from(["5", "6"])
)
LOOK = st.lists(
    st.builds(row, st.sampled_from(["WBC", "HGB"]), st.sampled_from(["5.2", "9"])), max_size=2
)


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(
        ["eventually", "exact", "always", "never", "rows", "always rows", "no rows"]
    ),
    said=st.lists(MESSAGE, max_size=4),
    looks=st.lists(LOOK, max_size=4),
)
def test_without_any_record_that_it_cites_a_pass_is_no_pass(
    kind: str, said: list[tuple[str, str, str]], looks: list[list[dict[str, str | None]]]
) -> None:
    expectation = _expectation(kind)
    journal = Journal().begin()
    for where, msgid, value in said:
        journal.message(1.0, value, msgid=msgid, where=where)
    for at, look in enumerate(looks):
        journal.look(1.0 + at, *look)
    journal.look(5.5, *(looks[-1] if looks else []), last=True)
    journal.look(5.5, row("WBC"), last=True, ask="E1/control")
    closing = {"n": -1, "kind": "note", "window": "E1", "rests": []}
    live = judge(expectation, "E1", [*journal.records, closing])
    journal.close(6.0, *(n for n in live.cited if n > 0))
    judgement = journal.judged(expectation)
    if judgement.verdict is not PASS:
        return

    assert judgement.cited
    for n in judgement.cited:
        without = [record for record in journal.records if record["n"] != n]
        assert judge(expectation, "E1", without).verdict is not PASS, (kind, n)


def test_the_probe_of_a_judgement_is_named_in_its_reason() -> None:
    expectation = rows(wanted_row("WBC"), ask=Ask(probe="results"))

    assert "results" in Journal().begin().judged(expectation).reasons[0]
