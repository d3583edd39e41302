"""Acknowledgement policies: which rule takes which delivery."""

from __future__ import annotations

import pytest

from simulators.feed.policy import ANSWERS, AT_ONCE, Policy, Rule
from tests.simulators.desk import adt, oru

ADMISSION = adt("A01", "C1", "PID|1||P1^^^^PatientNO||测试甲")
RESULT = oru("R1", "OBX|1|NM|K||4.1")


def test_the_first_rule_that_takes_a_message_decides() -> None:
    policy = Policy(rules=[Rule(holds="ORU", code="AE"), Rule(holds="R01", code="AR")])

    assert policy.decide("in#1", RESULT).code == "AE"
    assert policy.decide("in#1", ADMISSION) == AT_ONCE
    assert Rule(action="answer", code="AA", delay_s=0.0) == AT_ONCE


def test_deliveries_are_counted_by_what_they_are_about() -> None:
    policy = Policy(rules=[Rule(occurrences=(1, 3), action="silence")])
    other = oru("R9", "OBX|1|NM|K||4.1", specimen="T2")
    actions = [policy.decide("in#1", one).action for one in (RESULT, RESULT, other, RESULT, RESULT)]

    assert actions == ["silence", "answer", "silence", "silence", "answer"]


def test_a_new_connection_goes_on_counting() -> None:
    policy = Policy(rules=[Rule(occurrences=(2,), action="silence")])

    assert policy.decide("in#1", RESULT).action == "answer"
    assert policy.decide("in#2", RESULT).action == "silence"


def test_where_one_rule_takes_all_nothing_is_kept() -> None:
    for policy in (Policy(), Policy(rules=[Rule(code="AE"), Rule(occurrences=(1,))])):
        first = policy.decide("in#1", RESULT)
        assert policy.decide("in#1", b"NO HL7") == first
        assert policy._seen == {}


def test_what_is_no_message_may_be_taken_too() -> None:
    policy = Policy(rules=[Rule(occurrences=(2,), code="AE")])

    assert [policy.decide("in#1", b"NO HL7").code for _ in range(3)] == ["AA", "AE", "AA"]


def test_an_action_that_does_not_exist() -> None:
    for action in ANSWERS:
        assert Rule(action=action).action == action
    with pytest.raises(ValueError, match="unknown action 'shout'"):
        Rule(action="shout")
