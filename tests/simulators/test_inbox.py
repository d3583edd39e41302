"""Receiving HL7: stored before it is acknowledged, once however often it comes, refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.link import actor as act
from harness.wire.core import Message
from simulators.hospital.inbox import BLOCKS_MAX
from tests.simulators.desk import Desk, ack, adt, gb, kinds, oml, oru, sends

PID = "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F"
ADMISSION = adt("A01", "C1", PID)

COUNT = "SELECT (SELECT COUNT(*) FROM patients) + (SELECT COUNT(*) FROM received)"


@pytest.fixture
def lis(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk("LIS", tmp_path)
    yield desk
    desk.store.close()


@pytest.fixture
def his(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk("HIS", tmp_path)
    yield desk
    desk.store.close()


def refused(
    code: str, error: str, text: str, control: str = "C1", kind: str = "ACK^A01^ACK"
) -> bytes:
    """An answer of the LIS, typed from HL7 2.4 §2.9.2 and §2.16.5."""
    return gb(
        f"MSH|^~\\&|LIS|HOSPITAL|HIS|HOSPITAL|20260105080000||{kind}|A{control}|P|2.4"
        f"||||||GB 18030-2000\nMSA|{code}|{control}|{text}\nERR|^^^{error}"
    )


def test_the_effect_is_stored_before_the_message_is_acknowledged(lis: Desk) -> None:
    commands = lis.hl7(ADMISSION, conn="in#4")

    assert kinds(commands) == ["Commit", "Send"]
    assert sends(commands) == [
        gb(
            "MSH|^~\\&|LIS|HOSPITAL|HIS|HOSPITAL|20260105080000||ACK^A01^ACK|AC1|P|2.4"
            "||||||GB 18030-2000\nMSA|AA|C1"
        )
    ]
    assert commands[1] == act.Send(conn="in#4", event=Message(payload=sends(commands)[0]))
    assert lis.rows("SELECT patient_id, name FROM patients") == [("P1", "测试甲")]


def test_the_same_message_again_is_answered_from_the_store(lis: Desk) -> None:
    first = lis.answer(ADMISSION)
    lis.store.commit([("UPDATE patients SET name = 'untouched'", ())])
    commands = lis.hl7(ADMISSION, conn="in#2")

    assert kinds(commands) == ["Send"]
    assert sends(commands) == [first]
    assert lis.rows("SELECT name FROM patients") == [("untouched",)]


def test_the_same_control_id_for_other_content_is_refused(lis: Desk) -> None:
    lis.hl7(ADMISSION)
    commands = lis.hl7(ADMISSION.replace(b"19800229", b"19800301"))

    assert kinds(commands) == ["Send"]
    assert sends(commands) == [refused("AE", "205", "control id used before for another message")]
    assert lis.rows("SELECT birth FROM patients") == [("19800229",)]


def test_senders_have_control_ids_of_their_own(lis: Desk) -> None:
    lis.hl7(ADMISSION)
    other = ADMISSION.replace(b"|HIS|HOSPITAL|", b"|HIS2|HOSPITAL|").replace(b"P1", b"P2")

    assert b"MSA|AA|C1" in lis.answer(other)
    assert lis.rows("SELECT patient_id FROM patients ORDER BY 1") == [("P1",), ("P2",)]


def test_what_was_refused_may_come_again_and_be_taken(lis: Desk) -> None:
    """Only what had an effect is remembered: the order may be known by then (HL7 2.4 §2.9.2)."""
    cancel = oml("C9", "ORC|CA|O1", "OBR|1|O1|T1|K|R")
    assert b"MSA|AE|C9|no order O1 K" in lis.answer(cancel)
    lis.hl7(oml("C8", "ORC|NW|O1", "OBR|1|O1|T1|K|R"))

    assert b"MSA|AA|C9" in lis.answer(cancel)
    assert lis.rows("SELECT state FROM orders") == [("cancelled",)]


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (adt("A99", "C1", PID), refused("AR", "201", "unsupported event A99", kind="ACK^A99^ACK")),
        (
            adt("A01", "C1", "PID|1||77^^^^Other||甲"),
            refused("AE", "101", "PID-3 has no PatientNO"),
        ),
        (
            adt("A01", "C1", 'PID|1||""^^^^PatientNO||甲'),
            refused("AE", "101", "PID-3 has no PatientNO"),
        ),
        (
            adt("A01", "C1", "PID|1||P1^^^^PatientNO||A\0B"),
            refused("AE", "102", "a NUL character stands in the message"),
        ),
        (adt("A01", "", PID), refused("AE", "101", "MSH-10 is empty", control="")),
        (
            adt("A01", "C1", PID).replace(b"ADT^A01^ADT_A01", b"MDM^T02^MDM_T02"),
            refused("AR", "200", "unsupported message MDM\\S\\T02", kind="ACK^T02^ACK"),
        ),
        (
            oml("C1", *["ORC|NW|O1", "OBR|1|O1|T1|K|R"] * (BLOCKS_MAX + 1)),
            refused(
                "AE", "207", f"more than {BLOCKS_MAX} ORC segments", kind="ACK^O21^ACK"
            ),
        ),
    ],
    ids=["event", "identifier", "null identifier", "NUL", "no control id", "type", "too many"],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_in_words_and_has_no_effect(
    lis: Desk, payload: bytes, answer: bytes
) -> None:
    commands = lis.hl7(payload)

    assert kinds(commands) == ["Send"]
    assert sends(commands) == [answer]
    assert lis.rows(COUNT) == [(0,)]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"NO HL7\r",
        b"\0" * 50,
        b"\xff\xfe\x80" * 40,
        b"PID|1|P1\r",
        "患者".encode("utf-16"),
        b"MSH",
        b"<xml/>",
    ],
)
def test_what_is_no_message_is_rejected_and_has_no_effect(lis: Desk, payload: bytes) -> None:
    commands = lis.hl7(payload)

    assert kinds(commands) == ["Send"]
    (answer,) = sends(commands)
    segments = answer.split(b"\r")
    assert segments[0].startswith(b"MSH|^~\\&|LIS|")
    assert segments[1][:8] in {b"MSA|AR||", b"MSA|AE||"}
    assert lis.rows(COUNT) == [(0,)]
    assert b"MSA|AA|C1" in lis.answer(ADMISSION)


def test_an_acknowledgement_is_never_acknowledged(lis: Desk) -> None:
    assert lis.hl7(ack("AA", "C1")) == []
    assert lis.hl7(ack("AR", "C1").replace(b"||ACK|", b"||ACK^A01^ACK|")) == []


def test_an_error_of_ours_is_answered_told_and_survived(
    lis: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("wrong in us")

    with monkeypatch.context() as patch:
        patch.setattr("simulators.hospital.adt.apply", broken)
        assert lis.answer(ADMISSION) == refused("AE", "207", "application error: ValueError")
    assert "ValueError: wrong in us" in capsys.readouterr().err
    assert lis.rows(COUNT) == [(0,)]

    assert b"MSA|AA|C1" in lis.answer(ADMISSION)


@pytest.mark.parametrize("charset", ["", "8859/1", "UNICODE UTF-8", "ASCII", "KOI-99", "GBK"])
@pytest.mark.parametrize("name", ["王".encode(), "王".encode("gb18030"), b"\x80\xff", b"\xa3"])
def test_a_refusal_can_be_written_whatever_the_character_set(
    lis: Desk, charset: str, name: bytes
) -> None:
    payload = adt("A01", "C1", "PID|1||||?").replace(b"GB 18030-2000", charset.encode())
    payload = payload.replace(b"?", name).replace(b"|HIS|", b"|" + name + b"|")
    answer = lis.answer(payload)

    assert b"\rMSA|AE|C1|PID-3 has no PatientNO\r" in answer
    assert answer.split(b"|")[4] == name


def test_text_is_read_in_the_declared_character_set(tmp_path: Path) -> None:
    for number, (codec, charset) in enumerate(
        [("gb18030", b"GB 18030-2000"), ("utf-8", b"UNICODE UTF-8"), ("gbk", b"GBK")]
    ):
        lis = Desk("LIS", tmp_path)
        text = adt("A01", f"C{number}", PID).decode("gb18030")
        lis.hl7(text.encode(codec).replace(b"GB 18030-2000", charset))
        assert lis.rows("SELECT name FROM patients") == [("测试甲",)]
        lis.store.close()


def test_the_his_takes_results_by_the_same_rules(his: Desk) -> None:
    result = oru("R1", "OBX|1|NM|K||4.10|mmol/L||N|||F|||20260105070000")
    assert kinds(his.hl7(result)) == ["Commit", "Send"]
    assert kinds(his.hl7(result)) == ["Send"]
    assert b"MSA|AE|R1|control id used" in his.answer(result.replace(b"4.10", b"4.20"))
    assert his.rows("SELECT value FROM results") == [("4.10",)]
    for bad, answer in (
        (oru("R2"), b"MSA|AE|R2|a result needs PID-3, OBR-3 and OBX\rERR|^^^101\r"),
        (oru("R3", "OBX|1", specimen=""), b"MSA|AE|R3|a result needs"),
        (adt("A01", "R4", PID), b"MSA|AR|R4|unsupported message ADT\\S\\A01\rERR|^^^200\r"),
    ):
        assert answer in his.answer(bad)
    assert his.rows("SELECT COUNT(*) FROM received") == [(1,)]


# -- defects ---------------------------------------------------------------------------------------


def test_acknowledging_before_storing(tmp_path: Path) -> None:
    lis = Desk("LIS", tmp_path, "lis-acknowledges-before-storing")

    assert kinds(lis.hl7(ADMISSION)) == ["Send", "Commit"]
    lis.store.close()


def test_a_wrong_msa_2(tmp_path: Path) -> None:
    lis = Desk("LIS", tmp_path, "lis-wrong-msa-2")

    assert lis.answer(ADMISSION).endswith(b"\rMSA|AA|1\r")
    lis.store.close()


def test_not_looking_at_the_character_set(tmp_path: Path) -> None:
    lis = Desk("LIS", tmp_path, "lis-ignores-msh-18")
    lis.hl7(ADMISSION)

    assert lis.rows("SELECT name FROM patients") == [("²âÊÔ¼×",)]
    lis.store.close()


def test_accepting_unknown_types(tmp_path: Path) -> None:
    lis = Desk("LIS", tmp_path, "lis-accepts-unknown-types")
    for payload in (adt("A99", "C1", PID), adt("A01", "C2", PID).replace(b"ADT^A01", b"MDM^T02")):
        assert b"\rMSA|AA|C" in lis.answer(payload)
    lis.store.close()
    his = Desk("HIS", tmp_path, "his-accepts-unknown-types")
    assert b"\rMSA|AA|C1\r" in his.answer(adt("A01", "C1", PID))
    his.store.close()


def test_storing_repeats(tmp_path: Path) -> None:
    his = Desk("HIS", tmp_path, "his-stores-repeats")
    result = oru("R1", "OBX|1|NM|K||4.10|mmol/L||N|||F|||20260105070000")
    for _ in range(2):
        assert b"\rMSA|AA|R1\r" in his.answer(result)

    assert his.rows("SELECT value, version FROM results") == [("4.10", 1), ("4.10", 2)]
    his.store.close()
