"""What the built-in LIS makes of an instrument's message (LIS02-A2): rows, versions, an ORU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulators.desk import Desk, adt, gb, oml, run, specimen

Open = Callable[..., Desk]

PERSON = "PID|1|P1|P1^^^^PatientNO~190000198002290028^^^^IdentifyNO||测试甲||19800229|F"
OTHER = "PID|1|P2|P2^^^^PatientNO||测试乙||19790101|M"


@pytest.fixture
def open_lis(tmp_path: Path) -> Iterator[Open]:
    """A LIS that knows two people, each with one tube."""
    desks: list[Desk] = []

    def one(*defects: str) -> Desk:
        desk = Desk("LIS", tmp_path)
        desk.hl7(adt("A01", "C1", PERSON, "PV1|1|I|W03^^12"))
        desk.hl7(adt("A01", "C2", OTHER))
        desk.hl7(oml("C3", "ORC|NW|O1", "OBR|1|O1|T1|K|R", "ORC|NW|O1", "OBR|2|O1|T1|NA|R"))
        second = oml("C4", "ORC|NW|O2", "OBR|1|O2|0042|K|R")
        desk.hl7(second.replace(b"|P1|P1^", b"|P2|P2^"))
        desk.actor.defects.update(defects)
        desks.append(desk)
        return desk

    yield one
    for desk in desks:
        desk.store.close()


@pytest.fixture
def lis(open_lis: Open) -> Desk:
    return open_lis()


def results(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows(
        "SELECT barcode, patient_id, item, value, flag, status, version FROM results ORDER BY id"
    )


def test_each_field_is_stored_as_it_came(lis: Desk) -> None:
    assert lis.astm(run(*specimen("T1", "K|<0.50|mmol/L|LL|F"))) == ["Commit", "SetTimer", "Accept"]

    columns = "barcode, patient_id, item, value, unit, flag, status, tested_at, instrument, version"
    assert lis.rows(f"SELECT {columns} FROM results") == [
        ("T1", "P1", "K", "<0.50", "mmol/L", "LL", "F", "20260105070000", "SIM", 1)
    ]


def test_the_results_of_a_tube_go_on_in_one_message(lis: Desk) -> None:
    lis.astm(run(*specimen("T1", "K|4.10|mmol/L|N|F", "NA|阴性||A|F")))
    (payload,) = lis.outgoing()
    head, rest = payload.split(b"\r", 1)
    fields = head.split(b"|")
    control = fields[9].decode("ascii")

    assert lis.rows("SELECT control_id, kind, subject, state FROM outbox") == [
        (control, "ORU^R01", "T1", "pending")
    ]
    assert len(control) == 20
    assert head == gb(
        f"MSH|^~\\&|LIS|HOSPITAL|HIS|HOSPITAL|20260105080000||ORU^R01^ORU_R01|{control}|P|2.4"
        "|||||CHN|GB 18030-2000"
    ).rstrip(b"\r")
    assert rest == gb(
        f"""{PERSON}|||||
PV1|1|I|W03^^12
ORC|RE|O1
OBR|1|O1|T1|LAB|||||||||||||||||||||F
OBX|1|NM|K||4.10|mmol/L||N|||F|||20260105070000
OBX|2|ST|NA||阴性|||A|||F|||20260105070000"""
    )


def test_each_tube_of_a_message_belongs_to_its_own_patient(lis: Desk) -> None:
    payload = run(*specimen("T1", "K|4.1|||F"), *specimen("0042", "K|5.2|||F", patient="2"))
    lis.astm(payload)

    assert [row[:4] for row in results(lis)] == [
        ("T1", "P1", "K", "4.1"),
        ("0042", "P2", "K", "5.2"),
    ]
    assert [one.split(b"|PatientNO")[0].count(b"|P2^") for one in lis.outgoing()] == [0, 1]


def test_quality_control_stays_away_from_patients(lis: Desk) -> None:
    control = ("P|1", "O|1|T1||^^^K|R||||||Q", "R|1|^^^K|4.00|mmol/L||N||F||||20260105070000")
    lis.astm(run(*control))

    assert lis.rows(
        "SELECT lot, item, value, unit, tested_at, instrument FROM quality_control"
    ) == [("T1", "K", "4.00", "mmol/L", "20260105070000", "SIM")]
    assert results(lis) == lis.outgoing() == []


@pytest.mark.parametrize("barcode", ["T9", "42", "", "t1", " T1"])
def test_what_has_no_order_is_kept_apart(lis: Desk, barcode: str) -> None:
    """The specimen id is compared to the letter: 42 is not 0042."""
    lis.astm(run(*specimen(barcode, "K|4.1|||F")))

    assert lis.rows("SELECT barcode, item, value, reason, instrument FROM unmatched") == [
        (barcode, "K", "4.1", "no open order", "SIM")
    ]
    assert results(lis) == lis.outgoing() == []


def test_no_specimen_id_matches_no_order_without_one(lis: Desk) -> None:
    lis.hl7(oml("C5", "ORC|NW|O5", "OBR|1|O5||K|R"))
    lis.astm(run(*specimen("", "K|4.1|||F")))

    assert results(lis) == []


def test_a_cancelled_order_takes_no_results(lis: Desk) -> None:
    lis.hl7(oml("C5", "ORC|CA|O1", "OBR|1|O1|T1|K|R", "ORC|CA|O1", "OBR|2|O1|T1|NA|R"))
    lis.astm(run(*specimen("T1", "K|4.1|||F")))

    assert results(lis) == []
    assert lis.rows("SELECT COUNT(*) FROM unmatched") == [(1,)]


def test_the_result_names_the_order_that_is_open(lis: Desk) -> None:
    """The same tube was ordered, cancelled, and ordered again."""
    lis.hl7(oml("C5", "ORC|CA|O1", "OBR|1|O1|T1|K|R", "ORC|CA|O1", "OBR|2|O1|T1|NA|R"))
    lis.hl7(oml("C6", "ORC|NW|O9", "OBR|1|O9|T1|K|R"))
    lis.astm(run(*specimen("T1", "K|4.1|||F")))

    assert b"\rORC|RE|O9\r" in lis.outgoing()[0]


def test_a_message_sent_again_changes_nothing(lis: Desk) -> None:
    payload = run(*specimen("T1", "K|4.1|mmol/L|N|F"))
    lis.astm(payload)
    before = results(lis)

    assert lis.astm(payload) == ["Accept"]
    assert results(lis) == before
    assert len(lis.outgoing()) == 1


def test_a_result_that_the_instrument_marks_as_sent_before_changes_nothing(lis: Desk) -> None:
    """LIS02-A2 §9.9: R is "previously transmitted"."""
    lis.astm(run(*specimen("T1", "K|4.1|mmol/L|N|F")))

    assert lis.astm(run(*specimen("T1", "K|4.1|mmol/L|N|R"))) == ["Accept"]
    assert len(results(lis)) == 1


def test_preliminary_final_and_corrected_are_versions(lis: Desk) -> None:
    for value, status in (("4.1", "P"), ("4.1", "F"), ("4.3", "C")):
        lis.astm(run(*specimen("T1", f"K|{value}|mmol/L|N|{status}")))

    assert [row[3:] for row in results(lis)] == [
        ("4.1", "N", "P", 1),
        ("4.1", "N", "F", 2),
        ("4.3", "N", "C", 3),
    ]
    ids = [row[0] for row in lis.rows("SELECT control_id FROM outbox")]
    assert len(set(ids)) == 3


def test_two_results_of_one_item_in_one_message_are_two_versions(lis: Desk) -> None:
    lis.astm(run(*specimen("T1", "K|4.1|||F", "K|4.1|||F", "K|4.2|||C")))

    assert [row[3:] for row in results(lis)] == [("4.1", "", "F", 1), ("4.2", "", "C", 2)]


def test_an_order_for_somebody_unknown_is_reported_without_a_name(lis: Desk) -> None:
    order = oml("C7", "ORC|NW|O7", "OBR|1|O7|T7|K|R").replace(b"|P1|P1^", b"|P7|P7^")
    lis.hl7(order)
    lis.astm(run(*specimen("T7", "K|4.1|||F")))

    assert b"\rPID|1|P7|P7^^^^PatientNO\r" in lis.outgoing()[0].replace(b"|||||", b"")


def test_a_message_without_results_is_accepted_and_forgotten(lis: Desk) -> None:
    assert lis.astm(run()) == ["Accept"]
    assert lis.astm(b"garbage\r\xff\xfe\rL|1\r") == ["Accept"]
    assert lis.rows("SELECT COUNT(*) FROM unmatched") == [(0,)]


def test_escapes_and_a_bad_character_do_not_hide_a_result(lis: Desk) -> None:
    payload = run(*specimen("T1", "K|1&F&2|||F")).replace(b"P|1", b"P|1||||\x80\xff")
    lis.astm(payload)

    assert results(lis)[0][3] == "1|2"


# -- defects ---------------------------------------------------------------------------------------

ONE = run(*specimen("T1", "K|<0.5000001|mmol/L|HH|P"))


@pytest.mark.parametrize(
    ("defect", "column", "stored"),
    [
        ("", "value", "<0.5000001"),
        ("lis-drops-comparator", "value", "0.5000001"),
        ("lis-narrow-value-column", "value", "<0.50000"),
        ("lis-flattens-flags", "flag", "H"),
        ("lis-drops-unit", "unit", ""),
        ("lis-preliminary-as-final", "status", "F"),
        ("lis-own-time", "tested_at", "20260105080000"),
    ],
)
def test_defects_of_one_column(open_lis: Open, defect: str, column: str, stored: str) -> None:
    lis = open_lis(defect)
    lis.astm(ONE)

    assert lis.rows(f"SELECT {column} FROM results") == [(stored,)]


def test_reading_latin_1(open_lis: Open) -> None:
    lis = open_lis("lis-reads-latin-1")
    lis.astm(run(*specimen("T1", "K|阳性|||F")))

    assert lis.rows("SELECT value FROM results") == [("ÑôÐÔ",)]


def test_the_specimen_id_as_a_number(open_lis: Open) -> None:
    lis = open_lis("lis-barcode-as-number")
    lis.astm(run(*specimen("0042", "K|4.1|||F")))

    assert lis.rows("SELECT barcode FROM unmatched") == [("42",)]


@pytest.mark.parametrize(("barcode", "patient"), [("T1", "P1"), ("LOT9", "")])
def test_quality_control_as_a_patient(open_lis: Open, barcode: str, patient: str) -> None:
    lis = open_lis("lis-quality-control-as-patient")
    lis.astm(run("P|1", f"O|1|{barcode}||^^^K|R||||||Q", "R|1|^^^K|4.00|||N||F"))

    assert [row[:4] for row in results(lis)] == [(barcode, patient, "K", "4.00")]


def test_storing_what_came_before(open_lis: Open) -> None:
    lis = open_lis("lis-stores-repeats-of-results")
    for _ in range(2):
        lis.astm(ONE)

    assert [row[6] for row in results(lis)] == [1, 2]


def test_ignoring_corrections(open_lis: Open) -> None:
    lis = open_lis("lis-ignores-corrections")
    lis.astm(ONE)
    lis.astm(run(*specimen("T1", "K|9|||C")))

    assert len(results(lis)) == 1


def test_the_first_patient_for_all(open_lis: Open) -> None:
    lis = open_lis("lis-first-patient-for-all")
    lis.astm(run(*specimen("T1", "K|4.1|||F"), *specimen("0042", "K|5.2|||F")))

    assert [row[1] for row in results(lis)] == ["P1", "P1"]


def test_the_name_of_the_instrument(open_lis: Open) -> None:
    for defect, name in (("", "测试甲"), ("lis-takes-name-from-analyzer", "另一人")):
        lis = open_lis(*([defect] if defect else []))
        records = specimen("T1", f"K|{len(defect)}|||F")
        lis.astm(run("P|1||||另一人", *records[1:]))
        assert lis.rows("SELECT name FROM patients WHERE patient_id = 'P1'") == [(name,)]


def test_dropping_what_is_unmatched(open_lis: Open) -> None:
    lis = open_lis("lis-drops-unmatched")

    assert lis.astm(run(*specimen("T9", "K|4.1|||F"))) == ["Accept"]
    assert lis.rows("SELECT COUNT(*) FROM unmatched") == [(0,)]


def test_results_for_a_cancelled_order(open_lis: Open) -> None:
    lis = open_lis("lis-matches-cancelled")
    lis.hl7(oml("C5", "ORC|CA|O1", "OBR|1|O1|T1|K|R", "ORC|CA|O1", "OBR|2|O1|T1|NA|R"))
    lis.astm(ONE)

    assert len(results(lis)) == 1


@pytest.mark.parametrize(
    ("defect", "wrong", "right"),
    [
        ("lis-sends-first-result-only", b"", b"\rOBX|2|ST|NA||"),
        ("lis-sends-no-unit", b"||4.10|||N|", b"||4.10|mmol/L||N|"),
        ("lis-sends-no-flag", b"||4.10|mmol/L|||", b"||4.10|mmol/L||N|"),
        ("lis-declares-other-charset", "|测试甲|".encode(), "|测试甲|".encode("gb18030")),
        ("lis-shifts-birth", b"|19800229080000|F", b"|19800229|F"),
    ],
)
def test_defects_of_what_is_sent(open_lis: Open, defect: str, wrong: bytes, right: bytes) -> None:
    payload = run(*specimen("T1", "K|4.10|mmol/L|N|F", "NA|阴性||A|F"))
    lis = open_lis()
    lis.astm(payload)
    (good,) = lis.outgoing()
    assert right in good
    lis.store.commit([("DELETE FROM results", ()), ("DELETE FROM outbox", ())])
    lis.actor.defects.add(defect)
    lis.astm(payload)
    (bad,) = lis.outgoing()

    assert right not in bad
    assert wrong in bad
