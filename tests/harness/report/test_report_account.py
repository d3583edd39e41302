"""The line of the message account among the details of a message."""

from harness.evidence.line import pack
from harness.report import account
from harness.report.account import account_lines

ORU = b"MSH|^~\\&|LIS||HIS||20260105||ORU^R01|C1|P|2.4\rPID|1||P1\r"
ACK = b"MSH|^~\\&|HIS||LIS||20260105||ACK^R01|A1|P|2.4\rMSA|AA|C1\r"


def records():
    way = {"link": "lis-his", "conn": "c", "frm": "LIS", "to": "HIS"}
    back = {"link": "lis-his", "conn": "c", "frm": "HIS", "to": "LIS"}
    return [
        {"n": 1, "kind": "message", "protocol": "hl7", "type": "ORU^R01", "id": "C1",
         "raw": pack(ORU), "corr": {"patient": "P1"}, **way},
        {"n": 2, "kind": "bytes", "raw": pack(b"\x0b" + ORU + b"\x1c\r"), **way},
        {"n": 3, "kind": "message", "protocol": "hl7", "type": "ACK^R01", "id": "A1",
         "raw": pack(ACK), "corr": {"acknowledges": "C1", "code": "AA"}, **back},
    ]  # fmt: skip


def test_a_message_has_a_line_and_its_answer_has_none():
    lines = account_lines(records())

    assert list(lines) == [1]
    assert "1" in lines[1]
    assert len(lines[1].split(",")) == 4  # sent, on the wire, accepted, applied


def test_a_lost_message_says_so():
    (whole,) = account_lines(records()).values()
    (lost,) = account_lines(records()[:1]).values()

    assert lost != whole
    assert "0" in lost


def test_a_long_trace_goes_without(monkeypatch):
    monkeypatch.setattr(account, "MESSAGES_MAX", 1)

    assert account_lines(records()) == {}
    assert account_lines([]) == {}
