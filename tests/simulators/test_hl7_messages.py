"""Messages of HL7 instruments, field by field against the makers' and IHE's own numbers."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import pytest

from harness.clock import CHINA
from harness.model import Person
from harness.wire.hl7 import Hl7Message
from simulators.analyzer import hl7_messages, hl7_orders, law
from simulators.analyzer.model import known_models, load_model
from simulators.analyzer.model_hl7 import Hl7Section
from simulators.analyzer.upload import Result
from simulators.analyzer.upload import Tested as Specimen

TIME = datetime(2026, 1, 5, 8, 0, tzinfo=CHINA)
PERSON = Person(patient_id="MHTEST001", name="珅玘", sex="F", birth="19800229")
RESULTS = [
    Result(item="GLU", value="5.6", unit="mmol/L", flag="H"),
    Result(item="CRP", value="<0.5"),
]


def section(name: str, **changes: Any) -> Hl7Section:
    return load_model(name).hl7.model_copy(update=changes)


def sent(one: Hl7Section, specimen: Specimen) -> list[Hl7Message]:
    parts = hl7_messages.uploads(one, [specimen], first_id=41, time=TIME)
    return [Hl7Message.parse(part) for part in parts]


def fields(message: Hl7Message, *paths: str) -> list[str | None]:
    return [message.get(path) for path in paths]


def test_a_result_of_mindray() -> None:
    """The maker's manual: barcode in OBR-2, channel in OBX-3, no usable flag, raw value in 13."""
    specimen = Specimen(
        barcode="24000001", person=PERSON, results=RESULTS, number="7", rack="2", position="9"
    )
    (message,) = sent(section("mindray-bs"), specimen)

    assert message.header.type == "ORU^R01"
    assert fields(message, "MSH-10", "MSH-11", "MSH-12", "MSH-16") == ["41", "P", "2.3.1", "0"]
    assert fields(message, "PID-2", "PID-5", "PID-7", "PID-8") == [
        "MHTEST001", "珅玘", "19800229000000", "F",
    ]  # fmt: skip
    assert fields(message, "OBR-2", "OBR-3", "OBR-10.1", "OBR-10.2") == ["24000001", "7", "2", "9"]
    assert fields(message, "OBX[1]-2", "OBX[1]-3", "OBX[1]-5", "OBX[1]-8", "OBX[1]-13") == [
        "NM", "1", "5.60", "N", "5.60",
    ]  # fmt: skip
    assert fields(message, "OBX[2]-2", "OBX[2]-5", "OBX[2]-9") == ["ST", "-0x0fffffff", "<0.5"]


def test_a_control_of_mindray_has_no_obx() -> None:
    messages = sent(
        section("mindray-bs"), Specimen(barcode="LOT1", quality_control=True, results=RESULTS)
    )

    assert [message.count("OBX") for message in messages] == [0, 0]
    assert [message.get("MSH-16") for message in messages] == ["2", "2"]
    assert fields(messages[0], "OBR-2", "OBR-3", "OBR-14", "OBR-20") == ["1", "GLU", "LOT1", "5.60"]
    assert [message.get("MSH-10") for message in messages] == ["41", "42"]


def test_results_beyond_the_limit_are_split() -> None:
    many = [Result(item="GLU", value="5.6")] * 81
    messages = sent(section("mindray-bs"), Specimen(barcode="1", results=many))

    assert [message.count("OBX") for message in messages] == [80, 1]


def test_haematology_with_modes_and_pictures() -> None:
    specimen = Specimen(
        barcode="24000001", person=PERSON, results=[Result(item="WBC", value="6.1")]
    )
    (message,) = sent(section("mindray-bc"), specimen)

    assert fields(message, "MSH-18", "PID-3.1", "PID-3.5", "OBR-3") == [
        "UNICODE", "MHTEST001", "MR", "24000001",
    ]  # fmt: skip
    assert [one.get("2") for one in message.segments("OBX")] == ["IS"] * 4 + ["ED"] * 2 + ["NM"]
    assert fields(message, "OBX[7]-3.1", "OBX[7]-3.3", "OBX[7]-5") == ["6690-2", "LN", "6.10"]
    picture = base64.b64decode(message.get("OBX[5]-5.5") or "", validate=True)
    assert (picture[:2], len(picture)) == (b"BM", 6144)
    assert (
        sent(section("mindray-bc"), Specimen(barcode="Q", quality_control=True, results=[]))[0].get(
            "MSH-11"
        )
        == "Q"
    )


def test_one_message_a_test_and_a_position_in_place_of_the_id() -> None:
    specimen = Specimen(barcode="24000001", results=RESULTS, rack="1", position="12")
    messages = sent(section("mindray-bs200"), specimen)

    assert [message.get("OBR-3") for message in messages] == ["1-12", "1-12"]
    assert [message.get("OBX-5") for message in messages] == ["5.600000", "<0.500000"]


def test_a_stream_of_snibe() -> None:
    specimen = Specimen(barcode="24000001", results=[Result(item="TSH", value="4.53")])
    (message,) = sent(section("snibe-maglumi-hl7"), specimen)

    assert message.header.type == "OUL^R22"
    assert fields(message, "MSH-15", "MSH-16", "OBX-2") == ["NE", "NE", ""]
    assert (message.raw_at("OBX-5"), message.raw_at("SPM-2")) == (b"4.53^", b"24000001^^")


def test_packed_results_and_a_chinese_model_name() -> None:
    results = [Result(item="CRP", value="5.6"), Result(item="PCT", value="0.12")]
    (message,) = sent(section("wondfo-finecare"), Specimen(barcode="1", results=results))

    assert message.values("OBX-5") == ["5.6", "0.12"]
    assert message.get("MSH-4") == "飞测免疫荧光检测仪"


def test_what_law_asks_of_a_result() -> None:
    """IHE LAW, LAB-29: null step for what was not ordered (LAW-005), MSH-21, OBX-29."""
    specimen = Specimen(barcode="24000001", person=PERSON, results=[
        Result(item="HBV-DNA", value="25600"), Result(item="GLU", value=""),
    ])  # fmt: skip
    one = section("roche-cobas-law")
    (message,) = sent(one, specimen)
    assert [segment.name for segment in message.segments()] == [
        "MSH", "PID", "SPM", "SAC", *["OBR", "ORC", "OBX", "TCD"] * 2,
    ]  # fmt: skip
    assert fields(message, "MSH-9.3", "MSH-21.1", "SPM-11", "ORC-1", "ORC-5") == [
        "OUL_R22", "LAB-29", "P", "SC", "CM",
    ]  # fmt: skip
    assert message.raw_at("OBR[1]-2") == b'""'
    assert fields(message, "OBX[1]-5", "OBX[1]-6", "OBX[1]-29") == [
        "256.00",
        "10*2.[IU]/mL",
        "RSLT",
    ]
    assert fields(message, "OBX[2]-2", "OBX[2]-5", "OBX[2]-11") == ["", "", "X"]
    assert message.get("MSH-7") == "20260105000000+0800"

    steps = {("24000001", "HBV"): "S1"}
    (ordered,) = law.results(one, [specimen], first_id=1, time=TIME, steps=steps)
    assert Hl7Message.parse(ordered).get("OBR[1]-2") == "S1"


def test_questions() -> None:
    asked = {
        name: Hl7Message.parse(
            hl7_messages.question(section(name), "24000001", control_id="9", time=TIME)
        )
        for name in ("mindray-bs", "mindray-bc", "roche-cobas-law")
    }
    assert fields(asked["mindray-bs"], "QRD-2", "QRD-4", "QRD-8", "QRF-6", "QRF-8") == [
        "R", "9", "24000001", "RCT", "ALL",
    ]  # fmt: skip
    assert fields(asked["mindray-bc"], "ORC-1", "ORC-3", "ORC-5") == ["RF", "24000001", "IP"]
    assert fields(asked["roche-cobas-law"], "QPD-1.1", "QPD-3", "RCP-3") == ["WOS", "24000001", "R"]


def test_the_work_list_of_law() -> None:
    """LAB28-006: a step id that was used before is refused; LAW-004: what is done stays done."""
    work = law.WorkList()
    step = law.Step(step="S1", barcode="T", code="GLU")
    assert [work.take(code, step) for code in ("NW", "NW", "CA", "CA", "NW")] == [
        "OK", "UA", "CR", "UC", "UA",
    ]  # fmt: skip
    other = law.Step(step="S2", barcode="T", code="K")
    assert work.take("NW", other) == "OK"
    assert work.for_tube("T") == [other]
    work.done("S2")
    work.done("unknown")
    assert (work.take("CA", other), work.for_tube("T")) == ("UC", [])
    assert (work.take("DC", step), work.take("ZZ", step)) == ("OK", "UA")
    assert work.take("NW", law.Step(step="", barcode="T", code="K")) == "UA"


def test_orders_of_law() -> None:
    message = Hl7Message.parse(
        b"MSH|^~\\&|LIS||AN||20260105080000||OML^O33^OML_O33|5|P|2.5.1\r"
        b"PID|1||P1\rSPM|1|T1||SER\rSAC|||T1\rORC|NW||||||||20260105\r"
        b"TQ1|||||||||S\rOBR||S1||GLU^Glucose^99ROC\rORC|CA\rOBR||S2||K\r"
        b"SPM|2|T2\rORC|DC\r"
    )
    assert [(code, one.step, one.barcode, one.code, one.priority) for code, one in law.orders(message)] == [
        ("NW", "S1", "T1", "GLU", "S"), ("CA", "S2", "T1", "K", ""), ("DC", "", "T2", "", ""),
    ]  # fmt: skip


def test_a_display_of_mindray() -> None:
    message = Hl7Message.parse(
        "MSH|^~\\&|||||20260105080000||DSR^Q03|5|P|2.3.1||||||ASCII\rMSA|AA|9\r"
        "DSP|1||P1|||\rDSP|3||张伟|||\rDSP|21||24000001|||\rDSP|24||N|||\rDSP|26||serum|||\r"
        "DSP|29||1^^^|||\rDSP|30||99^^^|||\rDSP|x||1|||\rDSC|1|\r".encode("gb18030")
    )
    order = hl7_orders.display(message, section("mindray-bs"))

    assert {key: order[key] for key in ("patient", "name", "barcode", "codes", "tests", "more")} == {
        "patient": "P1", "name": "张伟", "barcode": "24000001",
        "codes": ["1", "99"], "tests": ["GLU"], "more": True,
    }  # fmt: skip


@pytest.mark.parametrize(("ends", "wanted"), [("cr-lf", b"\r\n"), ("none", b"")])
def test_segment_ends(ends: str, wanted: bytes) -> None:
    one = section("mindray-bs", segment_end=ends, dashes_in_time=True)
    (data,) = hl7_messages.uploads(one, [Specimen(barcode="1", results=[])], first_id=1, time=TIME)

    assert b"|ASCII" + wanted + b"PID|1" + wanted + b"OBR|" in data
    assert b"|20260105 08:00.00|" in data


def test_every_model_writes_every_kind() -> None:
    models = [load_model(name) for name in known_models()]
    kinds = ["patient", "quality-control", "calibration", "background"]
    for one in (model.hl7 for model in models if model.family == "hl7"):
        results = [Result(item=item, value="7.5") for item in one.channels]
        for kind in kinds:
            for message in sent(one, Specimen(barcode="24000001", results=results, kind=kind)):
                assert message.header.control_id
                assert message.encoding
