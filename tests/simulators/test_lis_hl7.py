"""HL7 analyzers at the built-in LIS: the 2.3.1 dialect, OUL of IHE LAW, questions of both."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.link import actor as act
from harness.wire.core import Message
from tests.simulators.desk import Desk, Ward, adt, mllp, oml, sends

Open = Callable[..., Desk]

LINK = "analyzer-lis-hl7"


@pytest.fixture
def open_lis(tmp_path: Path) -> Iterator[Open]:
    """A LIS with tubes T1 (K, GLU) and T2 (ALT) of one patient."""
    desks: list[Desk] = []

    def one(*defects: str) -> Desk:
        desk = Desk("LIS", tmp_path, *defects)
        desk.hl7(adt("A01", "C1", "PID|1|P1|P1^^^^PatientNO||石珅||19800229|F", "PV1|1|I|W03^^12"))
        desk.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|S", "ORC|NW|O1", "OBR|2|O1|T1|GLU|S"))
        desk.hl7(oml("C3", "ORC|NW|O2", "OBR|1|O2|T2|ALT|R"))
        desks.append(desk)
        return desk

    yield one
    for desk in desks:
        desk.store.close()


def say(desk: Desk, payload: bytes, conn: str = "h#1") -> list[act.Command]:
    return desk.give(act.Received(conn=conn, link=LINK, event=Message(payload=payload)))


def answers(desk: Desk, payload: bytes) -> list[list[str]]:
    """What comes back, as segments."""
    return [one.decode("utf-8").rstrip("\r").split("\r") for one in sends(say(desk, payload))]


def text(*segments: str) -> bytes:
    return "".join(f"{one}\r" for one in segments).encode("utf-8")


def dialect(kind: str, control: str, *segments: str, about: str = "0") -> bytes:
    """A message of the 2.3.1 dialect: MSH-16 says what it is about."""
    head = f"MSH|^~\\&|BS|M1|||20260105070000||{kind}|{control}|P|2.3.1||||{about}||UNICODE UTF-8"
    return text(head, *segments)


def oru(control: str, *observations: str, barcode: str = "T1", about: str = "0") -> bytes:
    return dialect(
        "ORU^R01", control, "PID|1|||||||", f"OBR|1|{barcode}|17|BS^M1|N||20260105070000",
        *observations, about=about,
    )  # fmt: skip


K = "OBX|1|NM|K|钾|4.10|mmol/L|3.5-5.3|N|||F||4.1023|20260105070100|||0"


def results(desk: Desk) -> list[tuple[Any, ...]]:
    columns = "barcode, patient_id, item, value, unit, flag, status, tested_at, instrument"
    return desk.rows(f"SELECT {columns} FROM results ORDER BY id")


def test_a_result_is_stored_passed_on_and_then_answered(open_lis: Open) -> None:
    lis = open_lis()
    commands = say(lis, oru("1", K))

    assert [type(one).__name__ for one in commands] == ["Commit", "SetTimer", "Send"]
    assert results(lis) == [("T1", "P1", "K", "4.10", "mmol/L", "", "F", "20260105070100", "BS")]
    (answer,) = sends(commands)
    head, msa = answer.decode("utf-8").rstrip("\r").split("\r")
    fields = head.split("|")
    assert (fields[8], fields[11], fields[15], fields[17]) == (
        "ACK^R01", "2.3.1", "0", "UNICODE UTF-8",
    )  # fmt: skip
    assert msa == "MSA|AA|1|Message accepted|||0"
    assert b"\rOBX|1|NM|K||4.10|mmol/L|||||F|||20260105070100\r" in lis.outgoing()[0]


def test_the_number_that_means_no_value_points_to_obx_9(open_lis: Open) -> None:
    lis = open_lis()
    say(lis, oru("1", "OBX|1|NM|K||-0x0fffffff|||N|<2.0||F||-0x0fffffff|20260105070100"))

    assert results(lis)[0][3] == "<2.0"


def test_control_and_calibration_are_no_patient_s(open_lis: Open) -> None:
    lis = open_lis()
    control = (
        "OBR|1|K|K|BS^M1|0|20260105065000|20260105065000|20260105070000|||1|9|QCX|L77|"
        "20270101|0|H|4.0|0.1|4.05|mmol/L"
    )
    answers(lis, dialect("ORU^R01", "5", control, about="2"))
    answers(lis, oru("6", K, barcode="T1", about="1"))

    assert lis.rows("SELECT lot, item, value, unit, kind FROM quality_control") == [
        ("L77", "K", "4.05", "mmol/L", "control"),
        ("T1", "K", "4.10", "mmol/L", "calibration"),
    ]
    assert results(lis) == []


def test_a_control_id_that_begins_again_loses_nothing(open_lis: Open) -> None:
    lis = open_lis()
    say(lis, oru("1", K))
    say(lis, oru("1", K.replace("|K|", "|GLU|")))
    say(lis, oru("1", K))

    assert [row[2] for row in results(lis)] == ["K", "GLU"]


def test_a_burst_is_answered_message_by_message(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.connect(LINK)
    burst = b"".join(mllp(oru(str(at), K.replace("4.10", str(at)))) for at in range(12))
    heard = ward.say(burst)

    assert [f"MSA|AA|{at}|".encode() in heard for at in range(12)] == [True] * 12
    assert ward.rows("LIS", "SELECT COUNT(*) FROM unmatched") == [(12,)]
    ward.close()


def test_oul_by_specimen_with_note_and_image(open_lis: Open) -> None:
    lis = open_lis()
    image = bytes(range(256)) * 3
    payload = text(
        "MSH|^~\\&|X800|LAB|LIS|H|20260105070000+0800||OUL^R22^OUL_R22|77|P|2.5.1|||NE|AL||"
        "UNICODE UTF-8",
        "SPM|1|T1|||||||||P", "OBR|1|O1|||||||", "ORC|SC||||CM",
        "OBX|1|NM|K||4.1|mmol/L||H~A|||F|||||||X800|20260104230000+0000", "NTE|1|L|溶血",
        f"OBX|2|ED|GRAPH||^IM^BMP^Base64^{base64.b64encode(image).decode()}||||||F",
        "SPM|2|LOT1|||||||||Q", "OBR|2|", "OBX|1|NM|K||4.0|mmol/L|||||F",
    )  # fmt: skip
    (answer,) = answers(lis, payload)

    assert answer[0].split("|")[8] == "ACK^R22^ACK"
    assert answer[1].startswith("MSA|AA|77")
    assert [row[2:9] for row in results(lis)] == [
        ("K", "4.1", "mmol/L", "H", "F", "20260105070000", "X800")
    ]
    assert lis.rows("SELECT comment FROM results") == [("溶血",)]
    assert lis.rows("SELECT barcode, kind, name, size, sha256 FROM attachments") == [
        ("T1", "image", "GRAPH", 768, hashlib.sha256(image).hexdigest())
    ]
    assert lis.rows("SELECT lot, kind FROM quality_control") == [("LOT1", "control")]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("20260105070100+0800", "20260105070100"),
        ("20260104180100-0500", "20260105070100"),
        ("20260228230000.123+0530", "20260301013000"),
        ("20260105", "20260105"),
        ("20261305070100+0800", "20261305070100+0800"),
    ],
)
def test_times_are_civil_time_of_china(open_lis: Open, sent: str, stored: str) -> None:
    lis = open_lis()
    say(lis, oru("1", K.replace("20260105070100", sent)))

    assert results(lis)[0][7] == stored


# -- questions -------------------------------------------------------------------------------------


def qry(barcode: str) -> bytes:
    return dialect(
        "QRY^Q02", "9", f"QRD|20260105070000|R|D|3|||RD|{barcode}|OTH|||T|", "QRF|BS|||||RCT|COR|ALL||"
    )  # fmt: skip


def test_a_display_query_gets_qck_then_a_dsr(open_lis: Open) -> None:
    lis = open_lis()
    qck, dsr = answers(lis, qry("T1"))

    assert qck[0].split("|")[8] == "QCK^Q02"
    assert qck[1:] == ["MSA|AA|9|Message accepted|||0", "ERR|0", "QAK|SR|OK"]
    assert dsr[0].split("|")[8] == "DSR^Q03"
    lines = {one.split("|")[1]: one.split("|")[3] for one in dsr if one.startswith("DSP|")}
    picked = [lines[at] for at in ("1", "2", "3", "4", "5", "21", "24", "29", "30")]
    assert picked == ["P1", "12", "石珅", "19800229", "F", "T1", "Y", "GLU^^^", "K^^^"]
    assert dsr[-1] == "DSC|"
    assert lis.rows("SELECT item, instrument, way FROM worklist") == [
        ("GLU", "BS", "query"), ("K", "BS", "query"),
    ]  # fmt: skip


def test_of_several_specimens_the_next_waits_for_the_receipt(open_lis: Open) -> None:
    lis = open_lis()
    _, first = answers(lis, qry(""))
    ack = dialect("ACK^Q03", "10", "MSA|AA|9")
    (second,) = answers(lis, ack)

    assert [first[-1], second[-1]] == ["DSC|1", "DSC|"]
    assert "DSP|21||T2" in second
    assert answers(lis, ack) == []


def test_nothing_ordered_is_nf_and_no_dsr(open_lis: Open) -> None:
    (qck,) = answers(open_lis(), qry("T9"))

    assert qck[-1] == "QAK|SR|NF"


def qbp(query: str) -> bytes:
    return text(
        "MSH|^~\\&|X800|LAB|LIS|H|20260105070000||QBP^Q11^QBP_Q11|31|P|2.5.1|||NE|AL||UNICODE UTF-8",
        query, "RCP|I||R",
    )  # fmt: skip


def test_a_work_order_step_query_gets_rsp_then_oml(open_lis: Open) -> None:
    lis = open_lis()
    rsp, order = answers(lis, qbp("QPD|WOS^Work Order Step^IHELAW|tag7|T1"))

    assert rsp[0].split("|")[8] == "RSP^K11^RSP_K11"
    assert rsp[1:] == [
        "MSA|AA|31", "QAK|tag7|OK|WOS^Work Order Step^IHELAW",
        "QPD|WOS^Work Order Step^IHELAW|tag7|T1",
    ]  # fmt: skip
    assert order[0].split("|")[8] == "OML^O33^OML_O33"
    assert [one.split("|")[:3] for one in order if one.startswith("ORC")] == [
        ["ORC", "NW", "O1-GLU"], ["ORC", "NW", "O1-K"],
    ]  # fmt: skip
    assert [one.split("|")[4] for one in order if one.startswith("OBR")] == ["GLU", "K"]
    assert any(one.startswith("SPM|1|T1|") for one in order)


def test_no_work_is_an_order_with_dc(open_lis: Open) -> None:
    _, order = answers(open_lis(), qbp("QPD|WOS^Work Order Step^IHELAW|tag7|T9"))

    assert [one.split("|")[1] for one in order if one.startswith("ORC")] == ["DC"]


def test_all_work_comes_specimen_by_specimen(open_lis: Open) -> None:
    lis = open_lis()
    _, first = answers(lis, qbp("QPD|WOS_ALL^Work Order Step All^IHELAW|tag7"))
    orl = text("MSH|^~\\&|X800|LAB|LIS|H|20260105070000||ORL^O34^ORL_O42|32|P|2.5.1", "MSA|AA|x")
    (second,) = answers(lis, orl)

    assert any(one.startswith("SPM|1|T1|") for one in first)
    assert any(one.startswith("SPM|1|T2|") for one in second)
    assert answers(lis, orl) == []


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "start"),
    [
        (text("MSH|^~\\&|X|||||ORM", "PID|1"), "MSA|AE|"),
        (dialect("OMG^O19", "4"), "MSA|AR|4|unsupported message OMG"),
        (text("PID|1"), "MSA|AR|"),
        (b"\xff\xfe\x00", "MSA|AR|"),
    ],
)
def test_what_cannot_be_taken_is_answered(open_lis: Open, payload: bytes, start: str) -> None:
    (answer,) = answers(open_lis(), payload)

    assert answer[1].startswith(start)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(["ORU^R01", "OUL^R22", "QRY^Q02", "QBP^Q11", "ACK^Q03", "ORL^O34"]),
    version=st.sampled_from(["2.3.1", "2.5.1"]),
    segments=st.lists(
        st.builds(
            lambda name, fields: "|".join([name, *fields]),
            st.sampled_from(["PID", "OBR", "SPM", "OBX", "NTE", "QRD", "QRF", "QPD", "MSA"]),
            st.lists(
                st.sampled_from(["", "1", "ED", "T1", "K", "K^^x", "~", "\\", "2", "Q", "4.1"])
            ),
        ),
        max_size=8,
    ),
)
def test_no_message_trips_it(kind: str, version: str, segments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lis = Desk("LIS", Path(folder))
        lis.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|S"))
        payload = text(f"MSH|^~\\&|BS|M1|||20260105070000||{kind}|1|P|{version}", *segments)
        replies = answers(lis, payload)
        lis.store.close()

    assert "application error" not in str(replies)


def test_an_error_of_ours_is_told_and_survived(
    open_lis: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lis = open_lis()
    with monkeypatch.context() as patch:
        patch.setattr("simulators.hospital.lis_results.take", None)
        (answer,) = answers(lis, oru("1", K))
    assert answer[1].startswith("MSA|AE|1|application error")
    assert "LIS: Traceback" in capsys.readouterr().err

    say(lis, oru("1", K))
    assert len(results(lis)) == 1


def test_what_waits_does_not_outlive_its_connection(open_lis: Open) -> None:
    lis = open_lis()
    answers(lis, qry(""))
    lis.give(act.Closed(conn="h#1", link=LINK))

    assert answers(lis, dialect("ACK^Q03", "10", "MSA|AA|9")) == []


# -- defects ---------------------------------------------------------------------------------------


def test_digits_as_utc(open_lis: Open) -> None:
    lis = open_lis("lis-reads-digits-as-utc")
    say(lis, oru("1", K.replace("20260105070100", "20260105070100+0800")))

    assert results(lis)[0][7] == "20260105150100"


def test_dropping_reused_control_ids(open_lis: Open) -> None:
    lis = open_lis("lis-drops-reused-control-ids")
    say(lis, oru("1", K))
    (answer,) = answers(lis, oru("1", K.replace("|K|", "|GLU|")))

    assert answer[1].startswith("MSA|AA|1")
    assert [row[2] for row in results(lis)] == ["K"]


def test_answering_before_storing(open_lis: Open) -> None:
    commands = say(open_lis("lis-acknowledges-analyzer-first"), oru("1", K))

    assert [type(one).__name__ for one in commands] == ["Send", "Commit", "SetTimer"]
