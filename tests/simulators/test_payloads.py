"""Messages that we send in the place of a HIS or a LIS, compared with typed ones."""

from __future__ import annotations

import pytest

from harness import i18n
from harness.errors import InputError
from harness.model import Person
from simulators.analyzer.upload import Result
from simulators.feed import payloads
from tests.simulators.desk import gb

SOMEONE = Person(patient_id="MH1", name="测试甲", sex="F", birth="19800229")
TIME = "20260105080000"
PID = "PID|1|MH1|MH1^^^^PatientNO||测试甲||19800229|F"


def head(frm: str, to: str, kind: str) -> str:
    return f"MSH|^~\\&|{frm}|TEST|{to}|HOSPITAL|{TIME}||{kind}|C7|P|2.4|||||CHN|GB 18030-2000"


def test_a_result() -> None:
    rows = [
        Result(item="K", value="4.10", unit="mmol/L", flag="HH"),
        Result(item="CRP", value="<5|1", flag="N", status="P"),
    ]
    payload = payloads.result(SOMEONE, "T1", rows, control_id="C7", time=TIME)

    assert payload == gb(
        f"""{head("LIS", "HIS", "ORU^R01^ORU_R01")}
{PID}
ORC|RE|OT1
OBR|1|OT1|T1|LAB|||||||||||||||||||||F
OBX|1|ST|K||4.10|mmol/L||HH|||F|||{TIME}
OBX|2|ST|CRP||<5\\F\\1|||N|||P|||{TIME}"""
    )
    assert payloads.control_id_of(payload) == "C7"


@pytest.mark.parametrize(
    ("kind", "segments"),
    [
        ("登记", [head("HIS", "LIS", "ADT^A04^ADT_A01"), f"EVN|A04|{TIME}", PID]),
        ("不支持的事件", [head("HIS", "LIS", "ADT^A99^ADT_A01"), f"EVN|A99|{TIME}", PID]),
        (
            "没有患者号的登记",
            [
                head("HIS", "LIS", "ADT^A04^ADT_A01"),
                f"EVN|A04|{TIME}",
                "PID|1||||测试甲||19800229|F",
            ],
        ),
        (
            "不支持的申请控制码",
            [head("HIS", "LIS", "OML^O21^OML_O21"), PID, "ORC|HD|O1", "OBR|1|O1||K"],
        ),
    ],
)
def test_messages_for_a_lis(kind: str, segments: list[str]) -> None:
    assert payloads.to_lis(kind, SOMEONE, control_id="C7", time=TIME) == gb("\n".join(segments))


@pytest.mark.parametrize(
    ("kind", "segments"),
    [
        ("不支持的报文", [head("LIS", "HIS", "MDM^T02^MDM_T02"), f"EVN|T02|{TIME}", PID]),
        (
            "没有标本号的结果",
            [head("LIS", "HIS", "ORU^R01^ORU_R01"), PID, "OBR|1", "OBX|1|NM|K||4.0"],
        ),
    ],
)
def test_messages_for_a_his(kind: str, segments: list[str]) -> None:
    assert payloads.to_his(kind, SOMEONE, control_id="C7", time=TIME) == gb("\n".join(segments))


def test_a_kind_that_does_not_exist_names_those_that_do() -> None:
    i18n.use("en")
    with pytest.raises(InputError, match="no kind of message 登机; known: 登记、不支持的事件"):
        payloads.to_lis("登机", SOMEONE, control_id="C7", time=TIME)
    with pytest.raises(InputError, match="没有标本号的结果"):
        payloads.to_his("登记", SOMEONE, control_id="C7", time=TIME)
