"""HL7 messages that we send in the place of a HIS or a LIS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from harness.errors import InputError
from harness.i18n import tr
from harness.model import Person
from harness.wire.hl7 import header
from harness.wire.hl7_build import Rep, build, header_row

VERSION, CHARSET, CODEC = "2.4", "GB 18030-2000", "gb18030"


_Make = Callable[[Person, str, str], bytes]


class ResultRow(Protocol):
    """One result, whoever measured it."""

    @property
    def item(self) -> str:
        """Code of the item."""
        ...

    @property
    def value(self) -> str:
        """As it is written."""
        ...

    @property
    def unit(self) -> str:
        """Unit or empty."""
        ...

    @property
    def flag(self) -> str:
        """Abnormal flag."""
        ...

    @property
    def status(self) -> str:
        """Result status (HL7 table 0085)."""
        ...


def control_id_of(payload: bytes) -> str:
    """MSH-10 of a message that we built."""
    return header(payload).control_id


def _head(frm: str, to: str, kind: str, structure: str, control_id: str, time: str) -> list[Any]:
    return list(
        header_row(
            type=kind,
            structure=structure,
            control_id=control_id,
            time=time,
            sending_app=frm,
            sending_facility="TEST",
            receiving_app=to,
            receiving_facility="HOSPITAL",
            version=VERSION,
            country="CHN",
            charset=CHARSET,
        )
    )


def _person(person: Person) -> list[Any]:
    identifiers = Rep([[person.patient_id, "", "", "", "PatientNO"]])
    return ["PID", "1", person.patient_id, identifiers, None, person.name, None, person.birth,
            person.sex]  # fmt: skip


def result(
    person: Person, barcode: str, rows: Sequence[ResultRow], *, control_id: str, time: str
) -> bytes:
    """ORU^R01 of one specimen (HL7 2.4 §7.2.1)."""
    segments = [
        _head("LIS", "HIS", "ORU^R01", "ORU_R01", control_id, time),
        _person(person),
        ["ORC", "RE", f"O{barcode}"],
        ["OBR", "1", f"O{barcode}", barcode, ["LAB"], *[None] * 20, "F"],
    ]
    for number, row in enumerate(rows, 1):
        segments.append(
            ["OBX", str(number), "ST", [row.item], None, row.value, row.unit or None, None,
             row.flag, None, None, row.status, None, None, time]
        )  # fmt: skip
    return build(segments, encoding=CODEC)


def _unsupported_event(person: Person, control_id: str, time: str) -> bytes:
    """ADT^A99: no such event exists."""
    return build(
        [
            _head("HIS", "LIS", "ADT^A99", "ADT_A01", control_id, time),
            ["EVN", "A99", time],
            _person(person),
        ],
        encoding=CODEC,
    )


def _registration(person: Person, control_id: str, time: str) -> bytes:
    """ADT^A04 as it should be."""
    return build(
        [
            _head("HIS", "LIS", "ADT^A04", "ADT_A01", control_id, time),
            ["EVN", "A04", time],
            _person(person),
        ],
        encoding=CODEC,
    )


def _no_patient_number(person: Person, control_id: str, time: str) -> bytes:
    """ADT^A04 without any identifier in PID-3."""
    patient = _person(person)
    patient[2] = patient[3] = None
    return build(
        [
            _head("HIS", "LIS", "ADT^A04", "ADT_A01", control_id, time),
            ["EVN", "A04", time],
            patient,
        ],
        encoding=CODEC,
    )


def _unsupported_control(person: Person, control_id: str, time: str) -> bytes:
    """OML^O21 with an order control that the site does not use."""
    return build(
        [
            _head("HIS", "LIS", "OML^O21", "OML_O21", control_id, time),
            _person(person),
            ["ORC", "HD", "O1"],
            ["OBR", "1", "O1", None, ["K"]],
        ],
        encoding=CODEC,
    )


CONTROL_TEXT = "暂停执行并等待医生进一步通知，恢复执行时另行告知检验科与护士站"
"""An order control that no table has: in Chinese, and longer than most refusals."""


CONTROLS: Final = ("DC", "HD", "RL", "RP", "SC", "SN", "XO", "UA")
"""Order controls of HL7 table 0119 beside NW and CA; none of them is agreed on with the LIS."""


def _control(code: str) -> _Make:
    """OML^O21 with one of them, and the order status of a hold (HL7 2.4 §4.5.1)."""

    def make(person: Person, control_id: str, time: str) -> bytes:
        return build(
            [
                _head("HIS", "LIS", "OML^O21", "OML_O21", control_id, time),
                _person(person),
                ["ORC", code, "O1", None, None, "HD"],
                ["OBR", "1", "O1", None, ["K"]],
            ],
            encoding=CODEC,
        )

    return make


def _chinese_control(person: Person, control_id: str, time: str) -> bytes:
    """OML^O21 with an order control in Chinese: a refusal that repeats it has to write it."""
    return build(
        [
            _head("HIS", "LIS", "OML^O21", "OML_O21", control_id, time),
            _person(person),
            ["ORC", CONTROL_TEXT, "O1"],
            ["OBR", "1", "O1", None, ["K"]],
        ],
        encoding=CODEC,
    )


def _unsupported_message(person: Person, control_id: str, time: str) -> bytes:
    """A message type that a HIS does not take from a LIS."""
    return build(
        [
            _head("LIS", "HIS", "MDM^T02", "MDM_T02", control_id, time),
            ["EVN", "T02", time],
            _person(person),
        ],
        encoding=CODEC,
    )


def _no_specimen(person: Person, control_id: str, time: str) -> bytes:
    """ORU^R01 whose OBR says nothing of a specimen."""
    return build(
        [
            _head("LIS", "HIS", "ORU^R01", "ORU_R01", control_id, time),
            _person(person),
            ["OBR", "1"],
            ["OBX", "1", "NM", ["K"], None, "4.0"],
        ],
        encoding=CODEC,
    )


TO_LIS: Mapping[str, _Make] = {
    "登记": _registration,
    "不支持的事件": _unsupported_event,
    "没有患者号的登记": _no_patient_number,
    "不支持的申请控制码": _unsupported_control,
    "中文的申请控制码": _chinese_control,
    **{f"申请控制码{code}": _control(code) for code in CONTROLS},
}
TO_HIS: Mapping[str, _Make] = {
    "不支持的报文": _unsupported_message,
    "没有标本号的结果": _no_specimen,
}


def to_lis(kind: str, person: Person, *, control_id: str, time: str) -> bytes:
    """A message of a named kind for a LIS."""
    return _special(TO_LIS, kind)(person, control_id, time)


def to_his(kind: str, person: Person, *, control_id: str, time: str) -> bytes:
    """A message of a named kind for a HIS."""
    return _special(TO_HIS, kind)(person, control_id, time)


def _special(kinds: Mapping[str, _Make], kind: str) -> _Make:
    if kind not in kinds:
        known = "、".join(kinds)
        raise InputError(tr("no kind of message {kind}; known: {known}", kind=kind, known=known))
    return kinds[kind]
