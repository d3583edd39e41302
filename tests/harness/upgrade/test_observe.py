"""What a scenario observed: DICOM data sets, lists inside messages, and questions that only wait."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from harness.evidence.line import pack
from harness.upgrade import archive, dicom
from harness.upgrade.observe import Observation, _observations


def pdv(context: int, control: int, data: bytes) -> bytes:
    item = (len(data) + 2).to_bytes(4, "big") + bytes((context, control)) + data
    return b"\x04\x00" + len(item).to_bytes(4, "big") + item


def element(group: int, number: int, data: bytes) -> bytes:
    return (
        group.to_bytes(2, "little") + number.to_bytes(2, "little")
        + len(data).to_bytes(4, "little") + data
    )  # fmt: skip


def command(field: int, *, data: bool) -> bytes:
    kind = b"\x00\x00" if data else b"\x01\x01"
    body = element(0, 0x0100, field.to_bytes(2, "little")) + element(0, 0x0800, kind)
    return element(0, 0, len(body).to_bytes(4, "little")) + body


def answer(**values: Any) -> bytes:
    """A data set as pydicom writes it, implicit little endian."""
    made = Dataset()
    made.SpecificCharacterSet = "GB18030"
    for name, value in values.items():
        setattr(made, name, value)
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    write_dataset(out, made)
    return bytes(out.getvalue())


def record(n: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"n": n, "t": float(n), "kind": kind, "conn": "m#1", "frm": "RIS", "link": "m",
            "interface": "RIS-MWL"} | more  # fmt: skip


def trace(*parts: bytes) -> list[dict[str, Any]]:
    shown = [record(1, "bytes", raw=pack(part)) for part in parts]
    said = {"protocol": "dicom", "type": "C-FIND-RSP", "raw": ""}
    return [*shown, record(2, "message", status="FF00", **said),
            record(3, "message", status="0000", **said)]  # fmt: skip


WORKLIST = answer(PatientName="TEST=张三", AccessionNumber="A1")
SENT = (
    pdv(1, 3, command(0x8020, data=True)), pdv(1, 2, WORKLIST),
    pdv(1, 3, command(0x8020, data=False)),
)  # fmt: skip


def test_answers_over_dicom_are_values_at_tags() -> None:
    found = list(_observations(trace(*SENT)))

    assert found[0].values["(0008,0050)"] == "A1"
    assert found[0].values["(0010,0010)"] == "TEST=张三"
    assert found[0].values["@status"] == "FF00"
    assert found[1].values == {"@status": "0000"}


def test_bytes_in_any_pieces_make_the_same_messages() -> None:
    whole = b"".join(SENT)
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]

    assert dicom.read(trace(*pieces)).data_sets == dicom.read(trace(*SENT)).data_sets


def test_pixels_are_compared_by_their_hash() -> None:
    one, other = (
        dicom._values(answer(PixelData=bytes([shade] * 8), BitsAllocated=8), explicit=False)
        for shade in (1, 2)
    )

    assert one["(7FE0,0010)"].startswith("8 bytes, SHA-256")
    assert one["(7FE0,0010)"] != other["(7FE0,0010)"]


def test_what_does_not_fit_the_messages_is_left_out_and_not_guessed() -> None:
    assert dicom.read(trace(SENT[0], SENT[1])).data_sets == {}


def link(conn: str, n: int) -> dict[str, Any]:
    return record(n, "link", conn=conn, frm="modality", to="RIS", event="opened")


def asked(conn: str, n: int) -> dict[str, Any]:
    return record(n, "message", conn=conn, frm="modality", protocol="dicom", type="C-FIND-RQ",
                  raw="")  # fmt: skip


def probe(n: int) -> dict[str, Any]:
    return record(n, "probe", role="RIS", probe="ris-worklist", outcome="ok", rows=[])


def test_questions_that_only_waited_say_nothing_of_the_system() -> None:
    records = [
        link("m#1", 1), asked("m#1", 2), probe(3),
        link("m#2", 4), asked("m#2", 5), link("m#3", 6), asked("m#3", 7), probe(8),
        record(9, "judgement", cited=[8]),
    ]  # fmt: skip

    kept = [each.record["conn"] for each in _observations(records) if each.kind == "message"]
    assert kept == ["m#3"]


def test_a_device_that_asks_is_not_taken_for_a_probe() -> None:
    records = [
        link("m#1", 1), asked("m#1", 2), record(3, "step"), probe(4),
        record(5, "judgement", cited=[]),
    ]  # fmt: skip

    assert [each.record["conn"] for each in _observations(records)] == ["m#1"]


def test_what_a_system_opens_while_a_look_waits_is_observed() -> None:
    records = [
        link("m#1", 1), asked("m#1", 2), record(3, "step"), probe(4),
        record(5, "link", conn="his-ris#1", frm="HIS", to="RIS", event="opened"),
        record(6, "message", conn="his-ris#1", frm="HIS", protocol="hl7", type="OMI^O23", raw=""),
        probe(7), link("m#2", 8), asked("m#2", 9), probe(10),
        record(11, "judgement", cited=[10]),
    ]  # fmt: skip

    kept = [each.record["conn"] for each in _observations(records) if each.kind == "message"]
    assert kept == ["m#1", "his-ris#1", "m#2"]


def packed(text: str) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("detail.txt", text)
    return base64.b64encode(out.getvalue()).decode()


def test_a_list_in_an_archive_is_taken_apart() -> None:
    assert archive.fields(packed("S1\t5.00\nS2\t6.00")) == [
        ("detail.txt[1].1", "S1"), ("detail.txt[1].2", "5.00"),
        ("detail.txt[2].1", "S2"), ("detail.txt[2].2", "6.00"),
    ]  # fmt: skip
    assert archive.fields("UEsDBBQ") is None
    assert archive.fields("5.00") is None


def test_every_value_of_a_json_body_is_seen_null_and_archives_too() -> None:
    body = {"input": {"rows": [{"a": 1.50, "b": None, "c": True}, {"a": 2}], "in": packed("S1")}}
    raw = json.dumps(body).replace("1.5", "1.50").encode()
    made = Observation("message", "HIS-YB", "his-yb", "HIS", "2207", 0.0,
                       {"protocol": "http", "raw": pack(raw)})  # fmt: skip

    assert made.values == {
        "/input/rows[1]/a": "1.50",
        "/input/rows[1]/b": "null",
        "/input/rows[1]/c": "true",
        "/input/rows[2]/a": "2",
        "/input/in!detail.txt[1].1": "S1",
    }


def test_a_json_body_in_gbk_is_read_and_its_character_set_told() -> None:
    raw = '{"name": "收费窗口"}'.encode("gb18030")
    made = Observation("message", "HIS-YB", "his-yb", "HIS", "2207", 0.0,
                       {"protocol": "http", "raw": pack(raw)})  # fmt: skip

    assert made.values == {"@charset": "gb18030", "/name": "收费窗口"}
