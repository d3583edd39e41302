"""The 危急值 loop between LIS and HIS, over links and virtual time, and what its log is worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.link import actor as act
from harness.wire.astm_link import FrameReceived, MessageReceived
from harness.wire.core import Message
from simulators.hospital import critical, critical_rules
from simulators.hospital.critical_rules import level
from tests.simulators.desk import Desk, Ward, adt, oml, run, specimen

PERSON = "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F"
RULES = [
    {"item": "K", "low": "2.8", "high": "6.2"},
    {"item": "PLT", "low": "30", "recheck": 1},
    {"item": "HIV", "texts": ["阳性"]},
]

Open = Callable[..., Ward]


@pytest.fixture
def open_ward(tmp_path: Path) -> Iterator[Open]:
    """LIS and HIS, one patient with tube T1, rules, and an analyzer that talks to the LIS."""
    wards: list[Ward] = []

    def one(*defects: str, **minutes: int) -> Ward:
        ward = Ward(tmp_path, *defects)
        wards.append(ward)
        order(ward, "HIS", "admit", patient_id="P1", name="测试甲", sex="F", birth="19800229",
              ward="W03", bed="12")  # fmt: skip
        items = "K,PLT,HIV"
        order(ward, "HIS", "order", patient_id="P1", placer="O1", barcode="T1", items=items)
        order(ward, "LIS", "critical_rules", rules=RULES, **minutes)
        ward.rest(5)
        return ward

    yield one
    for ward in wards:
        ward.close()


def order(ward: Ward, role: str, name: str, /, **args: Any) -> Any:
    return ward.pump.command(role, name, args, 5)


def upload(ward: Ward, *results: str) -> None:
    """Give the LIS a message behind the protocol, and let it be passed on."""
    actor, store = ward.actors["LIS"], ward.stores["LIS"]
    for event in (
        MessageReceived(payload=run(*specimen("T1", *results))),
        FrameReceived(number=1, text=b"", last=True, hold=1),
    ):
        received = act.Received(conn="an#1", link="analyzer-lis", event=event)
        for command in actor.on_event(received, ward.pump.clock.now()):
            if isinstance(command, act.Commit):
                store.commit(command.statements)
    order(ward, "LIS", "critical_rules", rules=RULES, **MINUTES)  # wakes the outbox
    ward.rest(5)


MINUTES = {"notify_minutes": 10, "receive_minutes": 15, "handle_minutes": 30}


def events(ward: Ward, columns: str = "item, level, state") -> list[tuple[Any, ...]]:
    return ward.rows("LIS", f"SELECT {columns} FROM critical_event ORDER BY detected_at, id")


def steps(ward: Ward) -> list[str]:
    return [row[0] for row in ward.rows("LIS", "SELECT step FROM critical_log ORDER BY id")]


def alarms(ward: Ward) -> list[tuple[Any, ...]]:
    columns = "item, value, level, state, ward, recipient, escalation"
    return ward.rows("HIS", f"SELECT {columns} FROM alarms ORDER BY id")


def test_the_whole_loop(open_ward: Open) -> None:
    ward = open_ward()
    upload(ward, "K|6.5|mmol/L|H|F")
    assert events(ward) == [("K", "HH", "notified")]
    assert alarms(ward) == [("K", "6.5", "HH", "notified", "W03", "nurse-station", 0)]

    ward.rest(120)
    order(ward, "HIS", "acknowledge", barcode="T1", item="K", by="王医生")
    ward.rest(180)
    assert events(ward, "state, received_by") == [("received", "王医生")]
    order(ward, "HIS", "handle", barcode="T1", item="K", by="王医生", note="静推葡萄糖酸钙")
    ward.rest(5)

    columns = "state, handled_by, note, escalations, notify_s, receive_s, handle_s"
    (row,) = events(ward, columns)
    assert row[:4] == ("closed", "王医生", "静推葡萄糖酸钙", 0)
    assert row[4] <= 5
    assert 115 <= row[5] <= 130
    assert 175 <= row[6] <= 190
    assert steps(ward) == ["detected", "notified", "received", "handled", "closed"]
    (times,) = events(ward, "detected_at, notified_at, received_at, handled_at, closed_at")
    assert list(times) == sorted(times)
    assert alarms(ward)[0][3] == "handled"


def test_the_alarm_of_the_result_itself_and_of_the_alert_are_one(open_ward: Open) -> None:
    ward = open_ward()
    upload(ward, "K|7.5|mmol/L|HH|F")

    assert [row[:4] for row in alarms(ward)] == [("K", "7.5", "HH", "notified")]
    assert ward.rows("HIS", "SELECT alert FROM alarms") == [("T1-K-1",)]


def test_nobody_answers_and_it_goes_up_step_by_step(open_ward: Open) -> None:
    ward = open_ward()
    upload(ward, "K|2.5|mmol/L|L|F")
    for number, who in enumerate(critical.RECIPIENTS[1:], 1):
        ward.rest(15 * 60)
        assert alarms(ward)[0][5:] == (who, number)
    ward.rest(60 * 60)

    assert events(ward, "state, escalations") == [("escalated", 3)]
    columns = "SELECT at FROM critical_log WHERE step = 'escalated' ORDER BY id LIMIT 1"
    assert events(ward, "escalated_at") == ward.rows("LIS", columns)  # the first one
    assert steps(ward) == ["detected", "notified", *["escalated"] * 3, "nobody-answers"]
    order(ward, "HIS", "acknowledge", barcode="T1", item="K", by="王医生")
    ward.rest(5)
    assert events(ward, "state") == [("received",)]
    ward.rest(31 * 60)
    assert steps(ward)[-1] == "handling-overdue"


def test_a_result_that_comes_again_raises_nothing(open_ward: Open) -> None:
    ward = open_ward()
    for status in ("F", "F", "R"):
        upload(ward, f"K|6.5|mmol/L|H|{status}")

    assert len(events(ward)) == len(alarms(ward)) == 1


def test_a_correction_takes_it_back(open_ward: Open) -> None:
    ward = open_ward()
    upload(ward, "K|6.5|mmol/L|H|F")
    upload(ward, "K|4.5|mmol/L|N|C")

    assert events(ward, "state, reason") == [("cancelled", "corrected")]
    assert alarms(ward)[0][3] == "cancelled"
    ward.rest(60 * 60)
    assert "escalated" not in steps(ward)


def test_a_correction_to_another_critical_value_begins_anew(open_ward: Open) -> None:
    ward = open_ward()
    upload(ward, "K|6.5|mmol/L|H|F")
    upload(ward, "K|2.1|mmol/L|L|C")

    assert events(ward) == [("K", "HH", "cancelled"), ("K", "LL", "notified")]
    assert [(row[1], row[3]) for row in alarms(ward)] == [("6.5", "cancelled"), ("2.1", "notified")]


@pytest.mark.parametrize(
    ("second", "state", "count"), [("12", "notified", 1), ("80", "refuted", 0)]
)
def test_a_recheck_confirms_or_refutes(
    open_ward: Open, second: str, state: str, count: int
) -> None:
    ward = open_ward()
    upload(ward, "PLT|10|10*9/L|L|F")
    assert events(ward) == [("PLT", "LL", "rechecking")]
    assert ward.rows("LIS", "SELECT state FROM orders WHERE item = 'PLT'") == [("rerun",)]
    assert alarms(ward) == []

    upload(ward, f"PLT|{second}|10*9/L||F")
    assert events(ward, "state") == [(state,)]
    assert len(alarms(ward)) == count


def test_text_preliminary_and_no_rule(open_ward: Open) -> None:
    ward = open_ward()
    upload(ward, "HIV|阳性|||F", "K|9.9|mmol/L|H|P", "NA|99|||F")

    assert events(ward) == [("HIV", "AA", "notified")]


def test_without_rules_nothing_happens(tmp_path: Path) -> None:
    lis = Desk("LIS", tmp_path)
    lis.hl7(adt("A01", "C1", PERSON))
    lis.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|R"))

    assert lis.astm(run(*specimen("T1", "K|9.9||HH|F"))) == ["Commit", "SetTimer", "Accept"]
    assert lis.rows("SELECT COUNT(*) FROM critical_event") == [(0,)]
    lis.store.close()


def test_indicators_come_from_the_log(open_ward: Open) -> None:
    ward = open_ward()
    assert order(ward, "LIS", "indicators")["notified_percent"] == ""
    upload(ward, "K|6.5|mmol/L|H|F", "HIV|阳性|||F")
    late = "UPDATE critical_event SET notify_s = 601 WHERE item = 'K'"
    others = (
        "INSERT INTO critical_event (id, state, notified_at, received_at, handled_at)"
        " VALUES ('x', 'sent', '', '', ''), ('y', 'refuted', '', '', '')"
    )
    ward.stores["LIS"].commit([(late, ()), (others, ())])

    assert order(ward, "LIS", "indicators") == {
        "due": 3, "notified": 2, "timely": 1, "received": 0, "handled": 0,
        "notified_percent": "66.67", "timely_percent": "33.33",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2.8", ""), ("2.79", "LL"), ("6.2", ""), ("6.21", "HH"), ("<2.8", "LL"), ("<2.9", ""),
     (">6.2", "HH"), (">6.1", ""), ("≥6.2", "HH"), ("10.5", "HH"), ("-1", "LL"), ("<9", ""),
     ("阳性", ""), ("", "")],
)  # fmt: skip
def test_limits_and_signs(value: str, expected: str) -> None:
    rule = {"low": "2.8", "high": "6.2", "texts": ""}

    assert level({"value": value, "flag": ""}, rule, set()) == expected


def test_what_the_lis_refuses_about_an_event(open_ward: Open, tmp_path: Path) -> None:
    ward = open_ward()
    upload(ward, "K|6.5|mmol/L|H|F")
    for text, code in (("ZCV|none|received|x", b"MSA|AE"), ("ZCV|T1-K-1|seen|x", b"MSA|AE"),
                       ("ZCV|T1-K-1|received|x", b"MSA|AA")):  # fmt: skip
        payload = oml(text[4:12], text).replace(b"OML^O21^OML_O21", b"ORA^R41^ORA_R41")
        answers = ward.actors["LIS"].on_event(_in(payload), 0.0)
        assert any(code in one.event.payload for one in answers if isinstance(one, act.Send))


def _in(payload: bytes) -> act.Received:
    return act.Received(conn="in#1", link="his-lis", event=Message(payload=payload))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"rules": [{"low": "1"}]}, "item"),
        ({"rules": [{"item": "K", "low": "x"}]}, "no number"),
        ({"rules": {}}, "list"),
        ({"receive_minutes": 0}, "receive_minutes"),
    ],
)
def test_rules_that_cannot_be(tmp_path: Path, args: dict[str, Any], said: str) -> None:
    lis = Desk("LIS", tmp_path)
    commands = lis.give(act.Commanded(name="critical_rules", args=args, ident=1))

    assert said in next(one.error for one in commands if isinstance(one, act.Reply))
    lis.store.close()


# -- defects ---------------------------------------------------------------------------------------


def test_told_to_nobody(open_ward: Open) -> None:
    ward = open_ward("lis-critical-not-notified")
    upload(ward, "K|6.5|mmol/L|H|F")

    assert events(ward) == [("K", "HH", "sent")]
    assert alarms(ward) == []


def test_raised_again_by_a_repeat(open_ward: Open) -> None:
    ward = open_ward("lis-critical-on-repeat")
    for _ in range(2):
        upload(ward, "K|6.5|mmol/L|H|F")

    assert len(events(ward)) == len(alarms(ward)) == 2


def test_no_escalation(open_ward: Open) -> None:
    ward = open_ward("lis-no-escalation")
    upload(ward, "K|6.5|mmol/L|H|F")
    ward.rest(60 * 60)

    assert events(ward, "state, escalated_at") == [("notified", "")]


def test_a_correction_that_keeps_the_alarm(open_ward: Open) -> None:
    ward = open_ward("lis-correction-keeps-alarm")
    upload(ward, "K|6.5|mmol/L|H|F")
    upload(ward, "K|4.5|mmol/L|N|C")

    assert events(ward, "state") == [("notified",)]


@pytest.mark.parametrize(
    ("defect", "value"),
    [("lis-critical-as-text", "10.5"), ("lis-critical-ignores-comparator", ">7")],
)
def test_limits_that_are_read_wrongly(defect: str, value: str) -> None:
    rule = {"low": "2.8", "high": "6.2", "texts": ""}

    assert level({"value": value, "flag": ""}, rule, {defect}) != "HH"


# -- whose rule ------------------------------------------------------------------------------------

SOME = [
    {"item": "K", "high": "6.2"},
    {"item": "K", "high": "7.5", "ward": "W03"},
    {"item": "K", "high": "6.5", "age_below": "28d"},
    {"item": "K", "high": "5.8", "sex": "F", "age_from": "18y", "age_below": "65y"},
]
"""Typed by hand: dialysis ward, newborn, women from 18 to 64."""


@pytest.mark.parametrize(("patient", "high"), [
    ({}, "6.2"),
    ({"sex": "F"}, "6.2"),  # of what is not known no condition holds
    ({"ward": "W03"}, "7.5"),
    ({"ward": "W30"}, "6.2"),
    ({"sex": "F", "birth": "20080105"}, "5.8"),  # eighteen today
    ({"sex": "F", "birth": "20080106"}, "6.2"),  # tomorrow
    ({"sex": "M", "birth": "19800229"}, "6.2"),
    ({"sex": "F", "birth": "19610106"}, "5.8"),  # sixty-five tomorrow
    ({"sex": "F", "birth": "19610105"}, "6.2"),  # today
    ({"birth": "20251209"}, "6.5"),  # 27 days old
    ({"birth": "20251208"}, "6.2"),  # 28 days old
    ({"birth": "20240000"}, "6.2"),  # no day of any calendar
    ({"birth": "19"}, "6.2"),
    ({"sex": "F", "birth": "19800229", "ward": "W03"}, "5.8"),  # more conditions go first
])  # fmt: skip
def test_the_rule_is_the_patient_s(tmp_path, patient, high):
    desk = Desk("LIS", tmp_path)
    desk.order("critical_rules", rules=json.dumps(SOME))

    rule = critical_rules.rule_of(desk.store, "K", patient, "20260105080000", set())

    assert rule is not None
    assert rule["high"] == high
    one_for_all = {"lis-critical-one-rule-for-all"}
    rule = critical_rules.rule_of(desk.store, "K", patient, "20260105080000", one_for_all)
    assert rule is not None
    assert rule["high"] == "6.2"


def test_an_item_without_a_general_rule_is_critical_for_some_only(tmp_path):
    desk = Desk("LIS", tmp_path)
    desk.order("critical_rules", rules=json.dumps(SOME[1:2]))

    found = [
        critical_rules.rule_of(desk.store, "K", {"ward": ward}, "20260105080000", set())
        for ward in ("W03", "W04")
    ]

    assert found[0] is not None
    assert found[1] is None


@pytest.mark.parametrize("age", ["18", "y", "18m", "1800y", "-1d", "１y"])
def test_what_is_no_age_is_refused(tmp_path, age):
    desk = Desk("LIS", tmp_path)

    rules = json.dumps([{"item": "K", "high": "6.2", "age_from": age}])
    assert "age" in desk.order("critical_rules", rules=rules).error
