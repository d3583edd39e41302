"""The messages of the meetings: synthetic, in the dialect of the hospitals."""

from __future__ import annotations

from typing import Final

PATIENT: Final = "TEST0001"
NAME: Final = "測試錦頭質葉"
"""Four of these end in a delimiter byte in GBK: 5C, 5E, 7C, 7E."""

RESULTS: Final = 3

CHARSETS: Final = {"utf-8": "UNICODE UTF-8", "gbk": "GBK"}
"""MSH-18 as such senders write it."""


def text(control_id: str, encoding: str, *, size: int = 0) -> str:
    """ORU^R01 of three results (HL7 2.4 §7.2.1); ``size`` characters of report where given."""
    segments = [
        (
            f"MSH|^~\\&|LIS|H0001|HIS|H0001|20260105080000||ORU^R01^ORU_R01|{control_id}|P|2.4"
            f"|||AL|AL|CHN|{CHARSETS[encoding]}"
        ),
        f"PID|1||{PATIENT}^^^HIS^PatientNO||{NAME}||19700101|F",
        "OBR|1|O260105001|B260105001|LAB001^血常规^L|||20260105071500",
        "OBX|1|NM|WBC^白细胞^L||5.60|10*9/L|3.50-9.50|N|||F",
        "OBX|2|NM|HGB^血红蛋白^L||131|g/L|115-150|N|||F",
        f"OBX|3|ST|NOTE^备注^L||{'无异常' + 'A' * size}||||||F",
    ]
    return "".join(f"{segment}\r" for segment in segments)


def payload(control_id: str, encoding: str, *, size: int = 0) -> bytes:
    """The same as bytes."""
    return text(control_id, encoding, size=size).encode(encoding)
