"""Admissions, updates, merges and orders as the built-in LIS takes them (HL7 2.4 §3.3, §4.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulators.hospital.adt import IDENTIFIERS_MAX
from tests.simulators.desk import Desk, adt, oml

FULL = (
    "PID|1|P1|P1^^^^PatientNO~190000198002290028^^^^IdentifyNO||测试甲||19800229|F|||||13900000000"
)
PLACE = "PV1|1|I|W03^^12"
WHOLE = (
    "P1",
    "测试甲",
    "F",
    "19800229",
    "190000198002290028",
    "W03",
    "12",
    "13900000000",
    "admitted",
)

Open = Callable[..., Desk]


@pytest.fixture
def open_lis(tmp_path: Path) -> Iterator[Open]:
    desks: list[Desk] = []

    def one(*defects: str) -> Desk:
        desks.append(Desk("LIS", tmp_path, *defects))
        return desks[-1]

    yield one
    for desk in desks:
        desk.store.close()


@pytest.fixture
def lis(open_lis: Open) -> Desk:
    return open_lis()


def patients(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows(
        "SELECT patient_id, name, sex, birth, id_card, ward, bed, phone, state FROM patients ORDER BY 1"
    )


def orders(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows(
        "SELECT placer, barcode, patient_id, item, priority, state FROM orders ORDER BY 1, 4"
    )


def told(desk: Desk, *payloads: bytes) -> None:
    for payload in payloads:
        assert b"\rMSA|AA|" in desk.answer(payload)


def test_an_admission_is_stored_field_by_field(lis: Desk) -> None:
    told(lis, adt("A01", "C1", FULL, PLACE))

    assert patients(lis) == [WHOLE]


@pytest.mark.parametrize(
    ("event", "state"),
    [("A01", "admitted"), ("A03", "discharged"), ("A04", "registered"), ("A13", "admitted")],
)
def test_events_have_states(lis: Desk, event: str, state: str) -> None:
    told(lis, adt(event, "C1", FULL))

    assert lis.rows("SELECT state FROM patients") == [(state,)]


def test_an_update_changes_no_state(lis: Desk) -> None:
    told(lis, adt("A01", "C1", FULL, PLACE), adt("A08", "C2", FULL.replace("甲", "乙"), PLACE))

    assert lis.rows("SELECT name, state FROM patients") == [("测试乙", "admitted")]


def test_an_absent_or_empty_field_leaves_what_is_known(lis: Desk) -> None:
    """HL7 2.4 §2.10.1.1: not present is not a change."""
    told(
        lis,
        adt("A01", "C1", FULL, PLACE),
        adt("A08", "C2", "PID|1||P1^^^^PatientNO||||||", "PV1|1|I"),
    )

    assert patients(lis) == [WHOLE]


def test_a_null_field_deletes_what_is_known(lis: Desk) -> None:
    """HL7 2.4 §2.7.3: two quotation marks."""
    null = 'PID|1||P1^^^^PatientNO||测试甲||19800229|F|||||""'
    told(lis, adt("A01", "C1", FULL, PLACE), adt("A08", "C2", null, 'PV1|1|I|""'))

    assert lis.rows("SELECT phone, ward, bed, name FROM patients") == [("", "", "12", "测试甲")]


def test_ignoring_the_null(open_lis: Open) -> None:
    lis = open_lis("lis-ignores-null")
    null = 'PID|1||P1^^^^PatientNO||测试甲||19800229|F|||||""'
    told(lis, adt("A01", "C1", FULL, PLACE), adt("A08", "C2", null))

    assert lis.rows("SELECT phone FROM patients") == [("13900000000",)]


@pytest.mark.parametrize(
    ("defect", "place"), [("", ("W09", "01")), ("lis-ignores-transfer", ("W03", "12"))]
)
def test_a_transfer_changes_the_place(open_lis: Open, defect: str, place: tuple[str, str]) -> None:
    lis = open_lis(defect)
    told(lis, adt("A01", "C1", FULL, PLACE), adt("A02", "C2", FULL, "PV1|1|I|W09^^01"))

    assert lis.rows("SELECT ward, bed FROM patients") == [place]


def test_identifiers_are_looked_for_up_to_a_limit(lis: Desk) -> None:
    many = "~".join(["1^^^^Other"] * IDENTIFIERS_MAX)

    assert b"MSA|AE|C1|PID-3" in lis.answer(adt("A01", "C1", f"PID|1||{many}~P1^^^^PatientNO||甲"))


# -- merge -----------------------------------------------------------------------------------------

SURVIVOR = "PID|1|P2|P2^^^^PatientNO||测试甲||19800229|F"
MERGE = adt("A40", "C5", SURVIVOR, "MRG|P1^^^^PatientNO")


def with_two(desk: Desk) -> None:
    told(desk, adt("A01", "C1", FULL), adt("A01", "C2", SURVIVOR))
    told(desk, oml("C3", "ORC|NW|O1", "OBR|1|O1|T1|K|R"))
    desk.store.commit([("INSERT INTO results (barcode, patient_id) VALUES ('T1', 'P1')", ())])


def test_what_the_retired_number_had_lives_on_under_the_survivor(lis: Desk) -> None:
    with_two(lis)
    told(lis, MERGE)

    assert orders(lis) == [("O1", "T1", "P2", "K", "R", "ordered")]
    assert lis.rows("SELECT patient_id FROM results") == [("P2",)]
    assert lis.rows("SELECT patient_id, state FROM patients ORDER BY 1") == [
        ("P1", "merged"),
        ("P2", "admitted"),
    ]


def test_forgetting_the_orders_of_a_merge(open_lis: Open) -> None:
    lis = open_lis("lis-merge-forgets-orders")
    with_two(lis)
    told(lis, MERGE)

    assert lis.rows("SELECT patient_id FROM orders") == [("P1",)]
    assert lis.rows("SELECT patient_id FROM results") == [("P2",)]


@pytest.mark.parametrize("mrg", ["MRG|", "MRG|P2^^^^PatientNO", "ZZZ|1"])
def test_a_merge_of_nobody_is_refused(lis: Desk, mrg: str) -> None:
    with_two(lis)
    answer = lis.answer(adt("A40", "C5", SURVIVOR, mrg))

    assert answer.endswith(b"\rMSA|AE|C5|MRG-1 names nobody to merge\rERR|^^^204\r")
    assert lis.rows("SELECT patient_id FROM orders") == [("P1",)]


BACK = adt("A40", "C6", "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F", "MRG|P2^^^^PatientNO")


def states(desk: Desk) -> dict[str, str]:
    return dict(desk.rows("SELECT patient_id, state FROM patients"))


def test_a_merge_the_other_way_round_brings_the_first_number_back(lis: Desk) -> None:
    with_two(lis)
    told(lis, MERGE)
    assert states(lis) == {"P1": "merged", "P2": "admitted"}
    told(lis, BACK)

    assert states(lis) == {"P1": "admitted", "P2": "merged"}
    assert lis.rows("SELECT patient_id FROM orders") == [("P1",)]
    assert lis.rows("SELECT patient_id FROM results") == [("P1",)]


def test_two_numbers_that_both_live_on_elsewhere_cannot_be_merged(lis: Desk) -> None:
    with_two(lis)
    third = "PID|1|P3|P3^^^^PatientNO||测试丙||19800229|F"
    told(lis, adt("A01", "C7", third), MERGE, adt("A40", "C8", third, "MRG|P2^^^^PatientNO"))
    answer = lis.answer(adt("A40", "C9", SURVIVOR, "MRG|P1^^^^PatientNO"))

    assert b"\rMSA|AE|C9|P1 and P2 were merged" in answer
    assert states(lis) == {"P1": "merged", "P2": "merged", "P3": "admitted"}


@pytest.mark.parametrize(
    "message",
    [adt("A08", "C7", FULL), adt("A01", "C7", FULL), oml("C7", "ORC|NW|O9", "OBR|1|O9|T9|K|R")],
)
def test_a_number_that_was_merged_away_is_no_patient_any_more(lis: Desk, message: bytes) -> None:
    with_two(lis)
    told(lis, MERGE)
    answer = lis.answer(message)

    assert b"\rMSA|AE|C7|P1 was merged into another number\rERR|^^^204\r" in answer
    assert states(lis)["P1"] == "merged"
    assert lis.rows("SELECT patient_id FROM orders") == [("P2",)]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("19880701", "19880701"),
        ("19880701000000+0900", "19880701"),  # 23:00 of the day before in Beijing
        ("198807012330-0500", "19880701"),
        ("19880701000000", "19880701"),
        ("1988", "1988"),
    ],
)
def test_a_day_of_birth_does_not_move_with_a_zone(open_lis: Open, written: str, day: str) -> None:
    message = adt("A01", "C1", FULL.replace("19800229", written))
    desk = open_lis()
    told(desk, message)
    assert desk.rows("SELECT birth FROM patients") == [(day,)]


def test_the_defect_moves_it(open_lis: Open) -> None:
    desk = open_lis("lis-moves-birth-by-zone")
    told(desk, adt("A01", "C1", FULL.replace("19800229", "19880701000000+0900")))

    assert desk.rows("SELECT birth FROM patients") == [("19880630",)]


# -- orders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("orc", "code"),
    [
        ("ORC|NW|O9||||", "AA"),
        ("ORC|NW|O9|||SC", "AA"),
        ("ORC|NW|O9|||CA", "AE"),
        ("ORC|NW|O9|||CM", "AE"),
        ("ORC|CA|O1|||CA", "AA"),
        ("ORC|CA|O1|||IP", "AE"),
        ("ORC|DC|O1|||DC", "AE"),
    ],
)
def test_an_order_whose_status_gainsays_its_control_is_refused(
    lis: Desk, orc: str, code: str
) -> None:
    with_two(lis)
    placer = orc.split("|")[2]
    answer = lis.answer(oml("C7", orc, f"OBR|1|{placer}|T1|K|R"))

    assert f"\rMSA|{code}|C7".encode() in answer
    assert (b"|103" in answer or b"^103" in answer) is (code == "AE")


TWO = ("ORC|NW|O1", "OBR|1|O1|T1|K|S", "ORC|NW|O1", "OBR|2|O1|T1|NA|S")


def test_every_item_of_an_order_is_stored(lis: Desk) -> None:
    told(lis, oml("C1", *TWO))

    assert orders(lis) == [
        ("O1", "T1", "P1", "K", "S", "ordered"),
        ("O1", "T1", "P1", "NA", "S", "ordered"),
    ]


def test_storing_the_first_item_only(open_lis: Open) -> None:
    lis = open_lis("lis-first-order-only")
    told(lis, oml("C1", *TWO))

    assert [row[3] for row in orders(lis)] == ["K"]


@pytest.mark.parametrize(
    ("defect", "state"), [("", "cancelled"), ("lis-ignores-cancel", "ordered")]
)
def test_a_cancellation_closes_its_item_alone(open_lis: Open, defect: str, state: str) -> None:
    lis = open_lis(defect)
    told(lis, oml("C1", *TWO), oml("C2", "ORC|CA|O1", "OBR|1|O1|T1|NA|S"))

    assert lis.rows("SELECT item, state FROM orders ORDER BY 1") == [
        ("K", "ordered"),
        ("NA", state),
    ]


@pytest.mark.parametrize(
    ("segments", "answer"),
    [
        (["ORC|CA|O7", "OBR|1|O7|T1|K|R"], b"MSA|AE|C1|no order O7 K\rERR|^^^204\r"),
        (["ORC|HD|O1", "OBR|1|O1|T1|K"], b"MSA|AE|C1|ORC-1 HD is not supported\rERR|^^^103\r"),
        (["OBR|1|O1|T1|K"], b"MSA|AE|C1|ORC-1  is not supported\rERR|^^^103\r"),
        (["ORC|NW|O1", "OBR|1||T1|K"], b"MSA|AE|C1|an order needs OBR-2 and OBR-4\rERR|^^^101\r"),
        (["ORC|NW|O1", "OBR|1|O1|T1|"], b"MSA|AE|C1|an order needs OBR-2 and OBR-4\rERR|^^^101\r"),
        (["ORC|NW|O1"], b"MSA|AE|C1|an order needs PID-3 and OBR\rERR|^^^101\r"),
    ],
    ids=["unknown", "control", "no control", "no placer", "no item", "no OBR"],
)  # fmt: skip
def test_an_order_that_cannot_be_carried_out_changes_nothing(
    lis: Desk, segments: list[str], answer: bytes
) -> None:
    assert lis.answer(oml("C1", *segments)).endswith(answer)
    assert orders(lis) == []


def test_one_bad_item_refuses_the_whole_order(lis: Desk) -> None:
    bad = oml("C1", *TWO, "ORC|CA|O7", "OBR|3|O7|T1|GLU|R")

    assert lis.answer(bad).endswith(b"MSA|AE|C1|no order O7 GLU\rERR|^^^204\r")
    assert orders(lis) == []
