"""One matter written in many ways: what a receiver has to read alike, and what to tell apart.

Rationale and row of the HL7 fault catalogue stand at each way. The bytes are made by ``build``
where the standard has a form, and edited by hand where the point is that it has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.model import Person
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import FieldSpec, Raw, Rep, build, header_row
from harness.wire.hl7_encoding import BOM
from harness.wire.hl7_escape import STANDARD, Delimiters
from simulators.feed.payloads import CHARSET, CODEC, VERSION, ResultRow

NULL: Final = '""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a message is written.

    Attributes:
        charset: MSH-18.
        codec: what the text is really in.
        delimiters: MSH-1 and MSH-2.
        version: MSH-12.
        conditions: MSH-15 and MSH-16, when an answer is wanted (HL7 table 0155).
        identifiers: types of PID-3 in their order.
        beside: PID-14, the field beside the phone that is read.
        extra: segments behind PID.
        born: written behind the day of birth in PID-7.
        edit: what is done to the bytes at the end.
    """

    charset: str = CHARSET
    codec: str = CODEC
    delimiters: Delimiters = STANDARD
    version: str = VERSION
    conditions: str = ""
    identifiers: Sequence[str] = ("PatientNO",)
    beside: str = ""
    born: str = ""
    extra: Sequence[Sequence[FieldSpec]] = ()
    edit: Callable[[bytes], bytes] = field(default=lambda data: data)


def _visit_first(data: bytes) -> bytes:
    """PV1 in front of PID."""
    rows = data.split(b"\r")
    visits = [row for row in rows if row.startswith(b"PV1")]
    others = [row for row in rows if not row.startswith(b"PV1")]
    at = next(number for number, row in enumerate(others) if row.startswith(b"PID"))
    return b"\r".join([*others[:at], *visits, *others[at:]])


def _without_card_number(data: bytes) -> bytes:
    """The type of the identity card stays, the number goes."""
    return re.sub(rb"~[0-9]{17}[0-9X]\^", b"~^", data)


def _with_zone(data: bytes) -> bytes:
    """MSH-7 and EVN-2 with milliseconds and the zone of Beijing."""
    return re.sub(rb"(?<=\|)([0-9]{14})(?=[|\r])", rb"\1.120+0800", data)


_TIME: Final = re.compile(rb"(?<=\|)([0-9]{8})([0-9]{6})(?=[|\r])")
"""A time to the second that fills a field: MSH-7 and EVN-2."""


def _with_times(to: bytes) -> Callable[[bytes], bytes]:
    """Every such time written otherwise; ``to`` is what ``re.sub`` puts there."""
    return lambda data: _TIME.sub(to, data)


MANY: Final = 2_000
"""Repetitions of one field: more than any table holds, few enough for a limit of seconds."""

PLAIN_GB: Final = (("PD1", None, None, ["北京市第一医院"]),)
"""Text that is no UTF-8 where it is written in GB 18030. Some names are both (钱萍颖 is also ǮƼӱ),
and whoever reads such a name alone cannot know; a message has more Chinese text than a name."""

WAYS: Mapping[str, Way] = {
    "标准": Way(),
    "GBK编码": Way(charset="GBK", codec="gbk"),  # hl7-53: the name that Chinese senders use
    "UTF-8编码": Way(charset="UNICODE UTF-8", codec="utf-8"),  # hl7-54, 58
    "字节顺序标记": Way(  # hl7-60: written by Windows tools
        charset="UNICODE UTF-8", codec="utf-8", edit=lambda data: BOM + data
    ),
    "自定义分隔符": Way(  # hl7-74: HL7 2.5.1 §2.5.4 lets the header choose
        delimiters=Delimiters(field="$", component="%", repetition="~", escape="\\")
    ),
    "第五个分隔符": Way(delimiters=Delimiters(truncation="#")),  # hl7-73: 2.7, seen before it
    "回车换行": Way(edit=lambda data: data.replace(b"\r", b"\r\n")),  # hl7-70
    "换行": Way(edit=lambda data: data.replace(b"\r", b"\n")),  # hl7-70
    "空行": Way(edit=lambda data: data.replace(b"\r", b"\r\r")),  # hl7-15
    "缺末尾回车": Way(edit=lambda data: data.removesuffix(b"\r")),
    "患者号在后": Way(identifiers=("IdentifyNO", "PatientNO")),  # hl7-78, 79
    "自定义段": Way(extra=(("ZPI", "1", "A"),)),  # hl7-80
    "声明与编码不符": Way(charset="UNICODE UTF-8", extra=PLAIN_GB),  # hl7-57: the text is GB 18030
    "未声明字符集": Way(charset="", extra=PLAIN_GB),  # hl7-59: the default of whatever platform
    "段序不同": Way(edit=_visit_first),  # hl7-81
    "新版本号": Way(version="2.8.1"),  # hl7-82
    "不要应答": Way(conditions="NE"),  # hl7-41
    "只要错误应答": Way(conditions="ER"),  # hl7-41
    "大量重复": Way(extra=(("ZPI", "1", Rep(["A"] * MANY)),)),  # hl7-76
    "全部标识": Way(  # hl7-79: every type that hospitals use; the one that counts is not the first
        identifiers=("IDCard", "PatientNO", "Outpatient", "IdentifyNO")
    ),
    "时间带时区": Way(edit=_with_zone),  # hl7-86: beside a birth that is a day
    "时间写作24时": Way(edit=_with_times(rb"\g<1>240000")),  # hl7-86: the end of a day, ISO 8601
    "时间为协调世界时": Way(edit=_with_times(rb"\1\2Z")),  # hl7-86: what JSON libraries write
    "时间带夏令时时区": Way(edit=_with_times(rb"\1\2+0900")),  # hl7-86: China had it until 1991
    "出生时刻带夏令时": Way(born="000000+0900"),  # hl7-86: midnight there is the day before here
    "相邻字段有值": Way(beside="8001"),  # hl7-87: PID-14 beside PID-13
    "证件号为空": Way(  # hl7-90: a type without a number
        identifiers=("PatientNO", "IdentifyNO"), edit=_without_card_number
    ),
}
"""Ways of writing a registration, by the word in a sentence."""


def way(name: str) -> Way:
    """A way by its name.

    Raises:
        InputError: there is none.
    """
    if name not in WAYS:
        raise InputError(tr("no way of writing {name}; known: {known}", name=name,
                            known="、".join(WAYS)))  # fmt: skip
    return WAYS[name]


def registration(
    person: Person, fields: Mapping[str, str], how: Way, *, control_id: str, time: str,
    event: str = "A04",
) -> bytes:  # fmt: skip
    """ADT of one patient with ward, bed and phone (HL7 2.4 §3.3.4).

    ``fields`` may hold ``phone`` as ``""`` (the HL7 null) or empty; without the key PID ends
    before it.
    """
    numbers = {
        "PatientNO": person.patient_id,
        "IdentifyNO": person.id_card,
        "IDCard": person.id_card,
        "Outpatient": person.patient_id,
    }
    identifiers = Rep([[numbers[kind], "", "", "", kind] for kind in how.identifiers])
    patient: list[Any] = ["PID", "1", person.patient_id, identifiers, None, person.name, None,
                          person.birth + how.born, person.sex]  # fmt: skip
    if "phone" in fields:
        patient += [None] * 4 + [fields["phone"] or Raw("")]
        patient += [how.beside] if how.beside else []
    rows: list[Sequence[FieldSpec]] = [
        _head("HIS", "LIS", f"ADT^{event}", "ADT_A01", how, control_id, time),
        ["EVN", event, time],
        patient,
        *how.extra,
        ["PV1", "1", "I", [fields.get("ward", ""), "", fields.get("bed", "")]],
    ]
    return how.edit(build(rows, encoding=how.codec, delimiters=how.delimiters))


def merge(survivor: Person, retired: Person, *, control_id: str, time: str) -> bytes:
    """ADT^A40 (HL7 2.4 §3.3.40)."""
    rows: list[Sequence[FieldSpec]] = [
        _head("HIS", "LIS", "ADT^A40", "ADT_A39", Way(), control_id, time),
        ["EVN", "A40", time],
        ["PID", "1", survivor.patient_id, [survivor.patient_id, "", "", "", "PatientNO"], None,
         survivor.name, None, survivor.birth, survivor.sex],
        ["MRG", [retired.patient_id, "", "", "", "PatientNO"]],
    ]  # fmt: skip
    return build(rows, encoding=CODEC)


def order(
    person: Person, barcode: str, *, control: str, status: str, placer: str, control_id: str,
    time: str,
) -> bytes:  # fmt: skip
    """OML^O21 of one item, with ORC-1 and ORC-5 as given (HL7 2.4 §4.5.1)."""
    rows: list[Sequence[FieldSpec]] = [
        _head("HIS", "LIS", "OML^O21", "OML_O21", Way(), control_id, time),
        ["PID", "1", person.patient_id, [person.patient_id, "", "", "", "PatientNO"], None,
         person.name, None, person.birth, person.sex],
        ["ORC", control, placer, None, None, status or None],
        ["OBR", "1", placer, barcode, ["K"]],
    ]  # fmt: skip
    return build(rows, encoding=CODEC)


def report(
    person: Person, barcode: str, rows: Sequence[ResultRow], *, control_id: str, time: str,
    types: Sequence[str] = (), raw: bool = False,
) -> bytes:  # fmt: skip
    """ORU^R01 with a type for each OBX (``ST`` by default); ``raw`` leaves values unescaped."""
    segments: list[Sequence[FieldSpec]] = [
        _head("LIS", "HIS", "ORU^R01", "ORU_R01", Way(), control_id, time),
        ["PID", "1", person.patient_id, [person.patient_id, "", "", "", "PatientNO"], None,
         person.name, None, person.birth, person.sex],
        ["OBR", "1", f"O{barcode}", barcode, ["LAB"], *[None] * 20, "F"],
    ]  # fmt: skip
    for number, row in enumerate(rows, 1):
        kind = types[number - 1] if number <= len(types) else "ST"
        segments.append(
            ["OBX", str(number), kind, [row.item], None, Raw(row.value) if raw else row.value,
             row.unit or None, None, row.flag, None, None, row.status, None, None, time]
        )  # fmt: skip
    return build(segments, encoding=CODEC)


def event_of(payload: bytes) -> str:
    """MSH-9.2 of a message that we built, whatever its separators."""
    return Hl7Message.parse(payload).get("MSH-9.2") or ""


def _head(
    frm: str, to: str, kind: str, structure: str, how: Way, control_id: str, time: str
) -> list[FieldSpec]:
    return header_row(
        type=kind,
        structure=structure,
        control_id=control_id,
        time=time,
        sending_app=frm,
        sending_facility="TEST",
        receiving_app=to,
        receiving_facility="HOSPITAL",
        version=how.version,
        accept_ack=how.conditions,
        application_ack=how.conditions,
        country="CHN",
        charset=how.charset,
    )
