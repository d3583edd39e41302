"""The built-in HIS: what its users do, the messages that come of it, results and alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.wire.mllp import MllpCore
from tests.simulators.desk import Desk, gb, oru

Open = Callable[..., Desk]

PERSON = {
    "patient_id": "P1", "name": "测试甲乙", "sex": "F", "birth": "19800229",
    "id_card": "190000198002290028", "ward": "W03", "bed": "12", "phone": "13900000000",
}  # fmt: skip
PID = (
    "PID|1|P1|P1^^^^PatientNO~190000198002290028^^^^IdentifyNO||测试甲乙||19800229|F"
    "|||||13900000000"
)
PV1 = "PV1|1|I|W03^^12"
TUBE = {"patient_id": "P1", "placer": "O1", "barcode": "T1"}


@pytest.fixture
def open_his(tmp_path: Path) -> Iterator[Open]:
    desks: list[Desk] = []

    def one(*defects: str) -> Desk:
        desks.append(Desk("HIS", tmp_path, *defects))
        return desks[-1]

    yield one
    for desk in desks:
        desk.store.close()


@pytest.fixture
def his(open_his: Open) -> Desk:
    return open_his()


def sent(desk: Desk) -> tuple[str, bytes]:
    """MSH-9 of the newest message, and everything behind its header."""
    head, rest = desk.outgoing()[-1].split(b"\r", 1)
    return head.split(b"|")[8].decode("ascii"), rest


def done(desk: Desk, command: str, **args: str) -> tuple[str, bytes]:
    assert desk.order(command, **args).error == ""
    return sent(desk)


# -- what its users do -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "event", "state"),
    [
        ("register", "A04", "registered"),
        ("admit", "A01", "admitted"),
        ("discharge", "A03", "discharged"),
    ],
)
def test_a_person_is_stored_and_told_to_the_lis(
    his: Desk, command: str, event: str, state: str
) -> None:
    kind, rest = done(his, command, **PERSON)

    assert kind == f"ADT^{event}^ADT_A01"
    assert rest == gb(f"EVN|{event}|20260105080000\n{PID}\n{PV1}")
    assert his.rows("SELECT name, phone, state FROM patients") == [
        ("测试甲乙", "13900000000", state)
    ]


def test_the_header_is_that_of_the_dialect(his: Desk) -> None:
    done(his, "admit", **PERSON)
    fields = his.outgoing()[0].split(b"\r")[0].split(b"|")
    control = fields[9].decode("ascii")

    assert "|".join(field.decode("ascii") for field in fields) == (
        f"MSH|^~\\&|HIS|HOSPITAL|LIS|HOSPITAL|20260105080000||ADT^A01^ADT_A01|{control}|P|2.4"
        "|||||CHN|GB 18030-2000"
    )
    assert his.rows("SELECT control_id, kind, subject FROM outbox") == [
        (control, "ADT^A01", "P1A01")
    ]


def test_an_update_tells_all_that_is_known(his: Desk) -> None:
    done(his, "admit", **PERSON)
    kind, rest = done(his, "transfer", patient_id="P1", ward="W09", bed="01")
    assert kind == "ADT^A02^ADT_A01"
    assert rest.endswith(gb(f"{PID}\nPV1|1|I|W09^^01"))
    kind, rest = done(his, "update", patient_id="P1", phone='""')

    assert kind == "ADT^A08^ADT_A01"
    assert b'|F|||||""\r' in rest
    assert his.rows("SELECT ward, phone, state FROM patients") == [("W09", "", "admitted")]


def test_a_merge_moves_what_the_retired_number_had(his: Desk) -> None:
    done(his, "admit", **PERSON)
    done(his, "admit", **PERSON | {"patient_id": "P2"})
    done(his, "order", **TUBE, items="K")
    his.hl7(oru("R1", "OBX|1|NM|K||7.1|mmol/L||HH|||F"))
    kind, rest = done(his, "merge", patient_id="P2", retired="P1")

    assert kind == "ADT^A40^ADT_A39"
    assert rest.endswith(b"\rMRG|P1^^^^PatientNO\r")
    for table in ("orders", "results", "alarms"):
        assert his.rows(f"SELECT patient_id FROM {table}") == [("P2",)]
    assert his.rows("SELECT patient_id, state FROM patients ORDER BY 1") == [
        ("P1", "merged"),
        ("P2", "admitted"),
    ]


def test_an_order_has_an_item_a_segment_pair(his: Desk) -> None:
    done(his, "admit", **PERSON)
    kind, rest = done(his, "order", **TUBE, items="K,NA", priority="S")

    assert kind == "OML^O21^OML_O21"
    assert rest == gb(f"{PID}\n{PV1}\nORC|NW|O1\nOBR|1|O1|T1|K|S\nORC|NW|O1\nOBR|2|O1|T1|NA|S")
    assert his.rows("SELECT placer, barcode, item, priority, state FROM orders ORDER BY 3") == [
        ("O1", "T1", "K", "S", "ordered"),
        ("O1", "T1", "NA", "S", "ordered"),
    ]


def test_a_cancellation_names_what_it_cancels(his: Desk) -> None:
    done(his, "admit", **PERSON)
    done(his, "order", **TUBE, items="K,NA")
    _, rest = done(his, "cancel", **TUBE, items="NA")

    assert rest.endswith(b"\rORC|CA|O1\rOBR|1|O1|T1|NA|R\r")
    assert his.rows("SELECT item, state FROM orders ORDER BY 1") == [
        ("K", "ordered"),
        ("NA", "cancelled"),
    ]


@pytest.mark.parametrize(
    ("command", "args", "error"),
    [
        ("dance", {}, "the HIS knows no command dance"),
        ("admit", {}, "admit: missing 'patient_id'"),
        ("order", {"patient_id": "P1"}, "order: missing 'items'"),
        ("merge", {"patient_id": "P1"}, "merge: missing 'retired'"),
        ("acknowledge", {"by": "甲"}, "acknowledge: missing 'barcode'"),
        ("admit", {"patient_id": "P1", "x": "1", "y": "2"}, "admit: a patient has no x, y"),
        ("admit", PERSON | {"name": "\ud800"}, "admit: "),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    his: Desk, command: str, args: dict[str, str], error: str
) -> None:
    reply = his.order(command, **args)

    assert reply.error.startswith(error)
    assert (
        his.rows("SELECT COUNT(*) FROM patients")
        == his.rows("SELECT COUNT(*) FROM outbox")
        == [(0,)]
    )


def test_both_links_are_mllp(his: Desk) -> None:
    for link, client in (("his-lis", True), ("lis-his", False)):
        assert isinstance(his.actor.open_core(link, client=client), MllpCore)


# -- results ---------------------------------------------------------------------------------------


def results(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows(
        "SELECT barcode, patient_id, item, value, unit, flag, status, tested_at, version"
        " FROM results ORDER BY id"
    )


def obx(number: int, item: str, value: str, flag: str = "N", status: str = "F") -> str:
    return f"OBX|{number}|NM|{item}||{value}|mmol/L||{flag}|||{status}|||20260105070000"


def took(desk: Desk, *payloads: bytes) -> None:
    for payload in payloads:
        assert b"\rMSA|AA|" in desk.answer(payload)


def test_each_result_is_stored_field_by_field(his: Desk) -> None:
    took(his, oru("R1", obx(1, "K", "4.10"), obx(2, "NA", "139")))

    assert results(his) == [
        ("T1", "P1", "K", "4.10", "mmol/L", "N", "F", "20260105070000", 1),
        ("T1", "P1", "NA", "139", "mmol/L", "N", "F", "20260105070000", 1),
    ]


def test_a_late_preliminary_result_does_not_replace_the_final_one(his: Desk) -> None:
    took(his, oru("R1", obx(1, "K", "4.1")), oru("R2", obx(1, "K", "4.0", status="P")))
    assert [row[3] for row in results(his)] == ["4.1"]
    took(his, oru("R3", obx(1, "K", "4.2", status="C")), oru("R4", obx(1, "K", "4.0", status="P")))

    assert [(row[3], row[6], row[8]) for row in results(his)] == [("4.1", "F", 1), ("4.2", "C", 2)]


def test_one_item_twice_in_a_message_is_two_versions(his: Desk) -> None:
    took(
        his,
        oru("R1", obx(1, "K", "4.1"), obx(2, "K", "4.2", status="C"), obx(3, "K", "4", status="P")),
    )

    assert [(row[3], row[8]) for row in results(his)] == [("4.1", 1), ("4.2", 2)]


@pytest.mark.parametrize("flag", ["HH", "LL"])
def test_a_critical_value_alarms_the_ward_until_a_doctor_confirms(his: Desk, flag: str) -> None:
    done(his, "admit", **PERSON)
    took(his, oru("R1", obx(1, "K", "7.1", flag=flag), obx(2, "NA", "139")))
    columns = "barcode, patient_id, item, value, level, state, ward, acknowledged_by"
    assert his.rows(f"SELECT {columns} FROM alarms") == [
        ("T1", "P1", "K", "7.1", flag, "notified", "W03", "")
    ]
    assert his.order("acknowledge", barcode="T1", item="NA", by="王医生").error == ""
    assert his.rows("SELECT state FROM alarms") == [("notified",)]
    assert his.order("acknowledge", barcode="T1", item="K", by="王医生").error == ""
    assert his.order("acknowledge", barcode="T1", item="K", by="李医生").error == ""

    assert his.rows("SELECT state, acknowledged_by FROM alarms") == [("acknowledged", "王医生")]


@pytest.mark.parametrize("flag", ["H", "L", "N", "A", ""])
def test_other_flags_alarm_nobody(his: Desk, flag: str) -> None:
    took(his, oru("R1", obx(1, "K", "5.4", flag=flag)))

    assert his.rows("SELECT COUNT(*) FROM alarms") == [(0,)]


# -- defects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "wrong"),
    [
        ("his-loses-id-card", "PID|1|P1|P1^^^^PatientNO||测试甲乙||19800229|F|||||13900000000"),
        ("his-cuts-name", PID.replace("测试甲乙", "测试")),
        ("his-shifts-birth", PID.replace("|19800229|", "|19800202|")),
        ("his-wrong-sex", PID.replace("|F|", "|2|")),
    ],
)
def test_defects_of_a_person(open_his: Open, defect: str, wrong: str) -> None:
    his = open_his(defect)
    _, rest = done(his, "admit", **PERSON)

    assert rest == gb(f"EVN|A01|20260105080000\n{wrong}\n{PV1}")
    assert his.rows("SELECT name, birth FROM patients") == [("测试甲乙", "19800229")]


@pytest.mark.parametrize("birth", ["", '""', "1980"])
def test_a_birth_that_is_no_day_is_not_shifted(open_his: Open, birth: str) -> None:
    his = open_his("his-shifts-birth")
    _, rest = done(his, "admit", **PERSON | {"birth": birth})

    assert f"||{birth}|F|".encode() in rest


def test_a_deleted_field_as_empty(open_his: Open) -> None:
    his = open_his("his-no-null")
    done(his, "admit", **PERSON)
    _, rest = done(his, "update", patient_id="P1", phone='""')

    assert b'""' not in rest


@pytest.mark.parametrize(
    ("defect", "command", "wrong"),
    [
        ("his-sends-first-item-only", "order", "ORC|NW|O1\nOBR|1|O1|T1|K|S"),
        ("his-routine-for-all", "order", "ORC|NW|O1\nOBR|1|O1|T1|K|R\nORC|NW|O1\nOBR|2|O1|T1|NA|R"),
        ("his-cancel-as-new", "cancel", "ORC|NW|O1\nOBR|1|O1|T1|K|S\nORC|NW|O1\nOBR|2|O1|T1|NA|S"),
    ],
)
def test_defects_of_an_order(open_his: Open, defect: str, command: str, wrong: str) -> None:
    his = open_his(defect)
    done(his, "admit", **PERSON)
    _, rest = done(his, command, **TUBE, items="K,NA", priority="S")

    assert rest == gb(f"{PID}\n{PV1}\n{wrong}")
    assert his.rows("SELECT COUNT(*) FROM orders WHERE priority = 'S'") == [(2,)]


@pytest.mark.parametrize(
    ("defect", "stored"),
    [
        ("his-reads-first-obx-only", [("4.10", "mmol/L")]),
        ("his-drops-unit", [("4.10", ""), ("140", ""), ("<5.0", "")]),
        ("his-rounds-values", [("4.1", "mmol/L"), ("140", "mmol/L"), ("<5.0", "mmol/L")]),
    ],
)
def test_defects_of_a_result(open_his: Open, defect: str, stored: list[tuple[str, str]]) -> None:
    his = open_his(defect)
    took(his, oru("R1", obx(1, "K", "4.10"), obx(2, "NA", "140"), obx(3, "CRP", "<5.0")))

    assert his.rows("SELECT value, unit FROM results ORDER BY id") == stored


def test_not_looking_at_the_character_set(open_his: Open) -> None:
    his = open_his("his-ignores-msh-18")
    took(his, oru("R1", obx(1, "K", "阳性")))

    assert his.rows("SELECT value FROM results") == [("ÑôÐÔ",)]


@pytest.mark.parametrize(
    ("defect", "values"),
    [("his-downgrades-final", ["4.1", "4.0", "4.2"]), ("his-ignores-corrections", ["4.1"])],
)
def test_defects_of_versions(open_his: Open, defect: str, values: list[str]) -> None:
    his = open_his(defect)
    took(his, oru("R1", obx(1, "K", "4.1")), oru("R2", obx(1, "K", "4.0", status="P")))
    took(his, oru("R3", obx(1, "K", "4.2", status="C")))

    assert [row[3] for row in results(his)] == values


@pytest.mark.parametrize(
    ("defect", "states"),
    [
        ("his-misses-low-critical", [("HH", "notified")]),
        ("his-alarm-closes-itself", [("HH", "acknowledged"), ("LL", "acknowledged")]),
    ],
)
def test_defects_of_alarms(open_his: Open, defect: str, states: list[tuple[str, str]]) -> None:
    his = open_his(defect)
    took(his, oru("R1", obx(1, "K", "7.1", flag="HH"), obx(2, "NA", "101", flag="LL")))

    assert his.rows("SELECT level, state FROM alarms ORDER BY level") == states
