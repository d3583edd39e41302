"""From a trace to the verdict of its scenario."""

from __future__ import annotations

from typing import Any

import pytest

from harness.evidence.conclude import conclude, fault_states
from harness.evidence.expect import Wanted
from harness.evidence.verdict import Verdict
from tests.harness.evidence.journal import Journal, messages

SENTENCES = [
    {"kind": "given", "line": 3},
    {"kind": "when", "line": 4},
    {"kind": "then", "line": 5},
    {"kind": "then", "line": 6},
]


def scenario(*came: str, judged: int = 2, sentences: Any = SENTENCES) -> Journal:
    """Two sentences judge: C1 came, C2 came."""
    journal = Journal()
    journal.add("open", 0.0, sentences=sentences)
    for index in range(judged):
        ident = f"E{index + 1}"
        spec = messages(Wanted(key={"id": f"C{index + 1}"})).data()
        journal.add("expectation", 0.0, id=ident, sentence=index + 2, spec=spec)
    for msgid in came:
        journal.message(1.0, msgid=msgid)
    for index in range(judged):
        journal.close(5.0, ident=f"E{index + 1}")
    return journal


def fault(journal: Journal, *events: str, ident: str = "F1") -> None:
    for event in events:
        journal.add("fault", 1.0, id=ident, event=event, fault_class="lab-05", link="lab")


def test_all_judged_and_all_passed() -> None:
    conclusion = conclude(scenario("C1", "C2").records)

    assert conclusion.verdict is Verdict.PASS
    assert conclusion.reasons == ()
    assert [one.verdict for one in conclusion.judgements] == [Verdict.PASS, Verdict.PASS]


def test_one_failure_fails_and_names_its_sentence() -> None:
    conclusion = conclude(scenario("C1").records)

    assert conclusion.verdict is Verdict.FAIL
    assert [(one.sentence, one.message) for one in conclusion.findings] == [(3, "missing")]


def test_sentences_that_were_not_judged_are_named() -> None:
    conclusion = conclude(scenario("C1", judged=1).records)

    assert conclusion.verdict is Verdict.INCONCLUSIVE
    assert conclusion.reasons == ("not judged: line 6",)


def test_after_a_failure_nothing_else_needs_to_be_judged() -> None:
    conclusion = conclude(scenario(judged=1).records)

    assert (conclusion.verdict, conclusion.reasons) == (Verdict.FAIL, ())


def test_a_scenario_that_judges_nothing_is_never_green() -> None:
    conclusion = conclude(scenario(judged=0, sentences=SENTENCES[:2]).records)

    assert conclusion.verdict is Verdict.INCONCLUSIVE
    assert conclusion.reasons == ("the scenario judges nothing",)
    assert conclude([]).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("events", "verdict", "reasons"),
    [
        (["planned", "fired", "healed"], Verdict.PASS, ()),
        (["planned"], Verdict.INCONCLUSIVE, ("the planned fault F1 never fired",)),
        (["planned", "fired"], Verdict.INCONCLUSIVE, ("the fault F1 was not healed",)),
        (
            ["planned", "fired", "healed", "fired"],
            Verdict.INCONCLUSIVE,
            ("the fault F1 was not healed",),
        ),
    ],
)
def test_planned_faults_must_fire_and_heal(
    events: list[str], verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    journal = scenario("C1", "C2")
    fault(journal, *events)
    conclusion = conclude(journal.records)

    assert (conclusion.verdict, conclusion.reasons) == (verdict, reasons)


def test_a_failure_outweighs_faults_that_were_not_healed() -> None:
    journal = scenario("C1")
    fault(journal, "planned", "fired")

    assert conclude(journal.records).verdict is Verdict.FAIL


@pytest.mark.parametrize("verdict", ["blocked", "not-applicable", "error", "inconclusive"])
def test_a_stated_end_stands_as_it_is_said(verdict: str) -> None:
    journal = scenario(judged=0)
    journal.add("note", 1.0, verdict=verdict, text="the LIS could not be reached")
    fault(journal, "planned")
    conclusion = conclude(journal.records)

    assert conclusion.verdict == verdict
    assert conclusion.reasons == ("the LIS could not be reached",)


def test_a_failure_before_a_stated_block_is_a_failure() -> None:
    journal = scenario("C1")
    journal.add("note", 6.0, verdict="blocked")

    assert conclude(journal.records).verdict is Verdict.FAIL


def test_reasons_are_said_once() -> None:
    journal = scenario(judged=2)
    records = [record for record in journal.records if record["kind"] != "note"]
    conclusion = conclude(records)

    assert conclusion.verdict is Verdict.INCONCLUSIVE
    assert conclusion.reasons == ("the window was not watched to its end",)


def test_states_of_faults_in_the_order_of_planning() -> None:
    journal = Journal()
    fault(journal, "planned", ident="F2")
    fault(journal, "planned", "fired", "fired", "healed", ident="F1")
    states = [one.data() for one in fault_states(journal.records)]

    assert states == [
        {"id": "F2", "fault_class": "lab-05", "link": "lab", "planned": 1, "fired": 0, "healed": 0},
        {"id": "F1", "fault_class": "lab-05", "link": "lab", "planned": 1, "fired": 2, "healed": 1},
    ]
