"""Fields of trace records, typed from HL7 2.5.1 §7.3.1 and LIS02-A2 §9."""

from __future__ import annotations

from typing import Any

import pytest

from harness.evidence.decode import count, dotted, field
from harness.evidence.trace import pack

HL7 = (
    b"MSH|^~\\&|AN|LAB|LIS|LAB|20260105||ORU^R01^ORU_R01|C1|P|2.5.1\r"
    b"PID|1||P1\rOBR|1|||S1\rOBX|1|NM|WBC||5.2|10*9/L\rOBX|2|NM|HGB||\r"
)
ASTM = (
    "H|\\^&|||仪器|||||||P|LIS2-A2|20260105\rP|1||P1||张^三\rO|1|S1\r"
    "R|1|^^^WBC|5.2|10*9/L\rR|2|^^^HGB|\rL|1|N\r"
).encode("gb18030")


def message(protocol: str, raw: bytes, **fields: Any) -> dict[str, Any]:
    return {"n": 1, "kind": "message", "protocol": protocol, "raw": pack(raw)} | fields


@pytest.mark.parametrize(
    ("path", "value"),
    [("MSH-10", "C1"), ("OBX[1]-5", "5.2"), ("OBX[2]-5", ""), ("OBX[3]-5", None), ("ZZZ-1", None)],
)
def test_hl7_fields(path: str, value: str | None) -> None:
    assert field(message("hl7", HL7), path) == value


@pytest.mark.parametrize(
    ("path", "value"),
    [("P.6", "张^三"), ("O.3", "S1"), ("R[1].4", "5.2"), ("R[2].4", ""), ("R[3].4", None)],
)
def test_astm_fields_in_the_encoding_of_the_record(path: str, value: str | None) -> None:
    record = message("astm", ASTM, encoding="gb18030")

    assert field(record, path) == value


def test_counts_of_segments_and_records() -> None:
    assert count(message("hl7", HL7), "OBX") == 2
    assert count(message("hl7", HL7), "SPM") == 0
    assert count(message("astm", ASTM, encoding="gb18030"), "R") == 2
    assert count(message("astm", b"R|1|^^^K|4.1\r"), "R") == 1
    assert count(message("dicom", b""), "R") == 0


def test_damaged_messages_have_no_fields() -> None:
    assert field(message("hl7", b"NO HL7"), "MSH-10") is None
    assert count(message("hl7", b""), "OBX") == 0


def test_other_protocols_are_read_from_the_record() -> None:
    record = message("dicom", b"", corr={"accession": "A1"}, status=0)

    assert field(record, "corr.accession") == "A1"
    assert field(record, "status") == "0"
    assert field(record, "corr.patient") is None
    assert dotted(record, "status.deeper") is None
