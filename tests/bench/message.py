"""The message that every figure is taken with: a laboratory report of 20 results, 3.7 kB."""

from __future__ import annotations

from typing import Final

OBX_COUNT: Final = 20

SB: Final = b"\x0b"
END: Final = b"\x1c\r"
"""The frame of MLLP, written here anew so that the bare programs import nothing of ours."""

_HEAD: Final = (
    "MSH|^~\\&|LIS|H0001|HIS|H0001|20260105080000||ORU^R01^ORU_R01|{control_id}|P|2.4|||AL|AL|CHN|UNICODE UTF-8",
    "PID|1|TEST0001|TEST0001^^^HIS^PatientNO||测试甲||19700101|F|||测试市样例区示范路1号^^测试市^^000000||00000000000",
    "PV1|1|I|内科病区^0101^01^测试医院||||D001^测试乙|||||||||||1|V0001",
    "ORC|RE|O260105001|B260105001||CM||||20260105073000|||D001^测试乙",
    "OBR|1|O260105001|B260105001|LAB001^常规检验组合^L|||20260105071500||||||||血清&静脉血|D001^测试乙||||||20260105075900||CH|F",
)
_RESULT: Final = (
    "OBX|{number}|NM|ITEM{number:02d}^检验项目第{number:02d}项^L^{number:05d}-1^Laboratory analyte No {number:02d}^LN||"
    "{value:.2f}|mmol/L|3.50-5.30|N|||F|||20260105075800|LAB^检验科|T01^测试丙^审核者"
)


def message(control_id: str = "M00000001") -> bytes:
    """ORU^R01 of 20 OBX in UTF-8 (HL7 2.4 §7.2.1)."""
    segments = [segment.format(control_id=control_id) for segment in _HEAD]
    segments += [
        _RESULT.format(number=number, value=3.5 + number / 20) for number in range(1, OBX_COUNT + 1)
    ]
    return "".join(f"{segment}\r" for segment in segments).encode()


def report_of(size: int) -> bytes:
    """A report with one OBX-5 of ``size`` bytes of base64."""
    head = message().partition(b"OBX|")[0]
    body = (b"TUVESEFSTkVTUyBCRU5DSA==" * (size // 24 + 1))[:size]
    return head + b"OBX|1|ED|PDF^report||LIS^AP^PDF^Base64^" + body + b"||||||F\r"
