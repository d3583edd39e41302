"""Keys of messages, typed from HL7 2.5.1 chapters 2, 3, 4, 7 and LIS02-A2 §§6-10."""

from __future__ import annotations

import pytest

from harness.evidence import correlate
from harness.evidence.correlate import Summary

ORU = (
    b"MSH|^~\\&|LIS|LAB|HIS|WARD|20260105||ORU^R01^ORU_R01|C1|P|2.5.1\r"
    b"PID|1||P1^^^H~P2^^^G||Zhang^San\rORC|RE|PL1^HIS|F1\rOBR|1|PL2|S1^LIS|WBC\rSPM|1|^S9&LIS\r"
)


def test_keys_of_a_result() -> None:
    summary = correlate.hl7(ORU)

    assert (summary.type, summary.id) == ("ORU^R01", "C1")
    assert summary.corr == {"patient": "P1", "barcode": "S9", "placer": "PL2"}


def test_the_specimen_of_the_order_where_there_is_no_spm() -> None:
    without = ORU[: ORU.index(b"SPM")]

    assert correlate.hl7(without).corr["barcode"] == "S1"


def test_what_an_acknowledgement_answers() -> None:
    ack = b"MSH|^~\\&|HIS||LIS||20260105||ACK^R01|A1|P|2.5.1\rMSA|AE|C1|wrong\r"

    assert correlate.hl7(ack) == Summary(
        type="ACK^R01", id="A1", corr={"acknowledges": "C1", "code": "AE"}
    )


def test_other_separators() -> None:
    odd = b"MSH#@~\\&#A####20260105##ADT@A01@ADT_A01#C7#P#2.5.1\rPID#1##P8@@@H\r"

    assert correlate.hl7(odd) == Summary(type="ADT^A01", id="C7", corr={"patient": "P8"})


@pytest.mark.parametrize("payload", [b"", b"NO HL7", b"MSH"])
def test_no_message_at_all(payload: bytes) -> None:
    assert correlate.hl7(payload) == Summary(type="", id="", corr={})


def test_a_header_alone() -> None:
    assert correlate.hl7(b"MSH|^~\\&") == Summary(type="", id="", corr={})
    assert correlate.hl7(b"MSH|^~\\&|A\rPID|1\rOBR|1||\r") == Summary(type="", id="", corr={})


@pytest.mark.parametrize(
    ("records", "kind", "corr"),
    [
        (b"P|1|P7\rO|1|S1^R^5\rR|1|^^^K|4\rL|1\r", "result", {"patient": "P7", "barcode": "S1"}),
        (b"P|1\rO|1||^S2\rL|1\r", "order", {}),
        (b"Q|1|^S3||ALL\rL|1\r", "query", {"barcode": "S3"}),
        (b"p|1\ro|1|S4\rr|1\r", "result", {"barcode": "S4"}),
        (b"P|1\rO|1|^^\rO|2|S5\r", "order", {"barcode": "S5"}),
    ],
)
def test_keys_of_astm_messages(records: bytes, kind: str, corr: dict[str, str]) -> None:
    summary = correlate.astm(b"H|\\^&|M1||AN\r" + records)

    assert summary == Summary(type=f"astm {kind}", id="M1", corr=corr)


@pytest.mark.parametrize("payload", [b"", b"\r\r", b"H|"])
def test_no_astm_message_at_all(payload: bytes) -> None:
    assert correlate.astm(payload) == Summary(type="", id="", corr={})
