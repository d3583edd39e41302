"""The messages of HL7 instruments other than LAW: results, and questions for orders.

Three dialects: ``mindray`` (its 2.3.1 chemistry and immunology manual: the kind of result in
MSH-16, everything about a control in OBR), ``oru`` (ORU^R01 with coded OBX-3) and ``oul``
(OUL^R22, HL7 2.5.1 §7.3.9).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from harness.wire.hl7_build import FieldSpec, Raw
from simulators.analyzer import law
from simulators.analyzer.hl7_values import (
    SEXES,
    Row,
    channel_of,
    encoded,
    extra_row,
    head,
    is_number,
    measured,
    row,
    with_suffix,
)
from simulators.analyzer.model_hl7 import Hl7Section
from simulators.analyzer.upload import Result, Tested

KINDS: Final = {"patient": "0", "background": "0", "calibration": "1", "quality-control": "2"}
"""MSH-16 of Mindray."""

CONTROL_DAYS: Final = 90
"""Days until the lot of a simulated control expires."""


def uploads(
    section: Hl7Section, tested: Sequence[Tested], *, first_id: int, time: datetime
) -> list[bytes]:
    """The messages of a run, in the order in which the instrument sends them.

    Args:
        section: the instrument.
        tested: specimens in the order of the run.
        first_id: MSH-10 of the first; it counts up.
        time: of the messages and of every test.
    """
    if section.dialect == "law":
        return law.results(section, tested, first_id=first_id, time=time)
    messages: list[bytes] = []
    for one in tested:
        for part in _portions(section, one):
            control_id = str(first_id + len(messages))
            messages.append(_message(section, one, part, control_id, time))
    return messages


def _portions(section: Hl7Section, one: Tested) -> Iterator[Sequence[Result]]:
    """Results by message."""
    control = section.dialect == "mindray" and one.what == "quality-control"
    size = 1 if control or section.grouping == "result" else section.results_max
    for at in range(0, max(len(one.results), 1), size):
        yield one.results[at : at + size]


def _message(
    section: Hl7Section, one: Tested, part: Sequence[Result], control_id: str, time: datetime
) -> bytes:
    control = one.what == "quality-control"
    mark = section.qc_mark
    usual = "OUL^R22" if section.dialect == "oul" else "ORU^R01"
    kind = section.message_type or usual
    if control:
        kind = section.qc_type or kind
    marked = (section.qc_word if control else "") or KINDS[one.what]
    msh = head(
        section,
        kind,
        control_id,
        time,
        processing_id=(section.qc_word or "Q") if control and mark == "msh-11" else "",
        application_ack=marked if mark == "msh-16" else "",
    )
    if section.dialect == "mindray" and control:
        return encoded(section, [msh, _mindray_control(section, one, part[0], time)])
    pid = _pid(section, one)
    body = _oul(section, one, part, time) if section.dialect == "oul" else _oru(
        section, one, part, time
    )  # fmt: skip
    return encoded(section, [msh, *([pid] if pid else []), *body])


def _pid(section: Hl7Section, one: Tested) -> Row:
    person = one.person
    if person is None:
        return ["PID", "1"] if section.dialect == "mindray" else []
    sex = SEXES.get(person.sex, "O")
    if section.dialect == "mindray":
        fields: dict[int, FieldSpec] = {
            1: "1", 2: person.patient_id, 5: person.name, 7: person.birth + "000000", 8: sex,
        }  # fmt: skip
    else:
        number = [person.patient_id, "", "", "", "MR"]
        fields = {1: "1", 3: number, 5: person.name, 7: person.birth, 8: sex}
    return row("PID", fields)


def _oru(section: Hl7Section, one: Tested, part: Sequence[Result], time: datetime) -> list[Row]:
    when = time.strftime("%Y%m%d%H%M%S")
    seat = f"{one.rack or '1'}-{one.position or '1'}"
    mindray = section.dialect == "mindray"
    sample = one.number or "1"
    fields: dict[int, FieldSpec] = {
        1: "1",
        2: one.barcode if mindray or section.rack_as_id else None,
        3: seat if section.rack_as_id else sample if mindray else one.barcode,
        4: [section.maker, section.instrument],
        5: "N" if mindray else None,
        7: when,
    }
    if mindray:
        fields |= {10: [one.rack or "1", one.position or "1"], 14: when, 15: "serum", 25: "0"}
    elif section.qc_mark == "obr-15" and one.what == "quality-control":
        fields[15] = "Q"
    write = _mindray_obx if mindray else _coded_obx
    extras = [
        extra_row(number, extra, one.barcode) for number, extra in enumerate(section.extras, 1)
    ]
    if section.pack_values:
        return [row("OBR", fields), *extras, _packed(section, part, len(extras) + 1, when)]
    results = [
        write(section, number, result, one, when)
        for number, result in enumerate(part, len(extras) + 1)
    ]
    return [row("OBR", fields), *extras, *results]


def _mindray_obx(section: Hl7Section, number: int, result: Result, one: Tested, when: str) -> Row:
    channel = channel_of(section, result.item)
    value = measured(section, channel, result)
    number_like = is_number(value)
    fields: dict[int, FieldSpec] = {
        1: str(number),
        2: "NM" if number_like else "ST",
        3: channel.code,
        4: channel.name or channel.code,
        5: value if number_like else section.null_value,
        6: channel.unit or result.unit,
        7: result.reference,
        8: "N",  # always: this dialect has no usable flag
        9: "" if number_like else value,
        11: "F",
        13: value if number_like else section.null_value,
        14: when,
        17: "1" if one.mark == "rerun" else "0",
    }
    return row("OBX", fields)


def _coded_obx(section: Hl7Section, number: int, result: Result, one: Tested, when: str) -> Row:
    channel = channel_of(section, result.item)
    value = measured(section, channel, result)
    kind = "" if section.empty_type else "NM" if is_number(value) else "ST"
    coded = [channel.code, channel.name or channel.code, channel.system]
    fields: dict[int, FieldSpec] = {
        1: str(number),
        2: kind,
        3: coded if channel.system else coded[:2],
        5: with_suffix(section, value, seed=one.barcode + channel.code),
        6: channel.unit or result.unit,
        7: result.reference,
        8: section.flags.get(result.flag, result.flag),
        11: "C" if one.mark == "corrected" else result.status,
        14: when,
    }
    return row("OBX", fields)


def _packed(section: Hl7Section, part: Sequence[Result], number: int, when: str) -> Row:
    """All results in one OBX, values and units as repetitions of the same field."""
    channels = [channel_of(section, result.item) for result in part]
    pairs = list(zip(channels, part, strict=True))
    fields: dict[int, FieldSpec] = {
        1: str(number),
        2: "ST",
        3: Raw("~".join(channel.code for channel in channels)),
        5: Raw("~".join(measured(section, channel, result) for channel, result in pairs)),
        6: Raw("~".join(channel.unit or result.unit for channel, result in pairs)),
        11: "F",
        14: when,
    }
    return row("OBX", fields)


def _mindray_control(section: Hl7Section, one: Tested, result: Result, time: datetime) -> Row:
    """A control of Mindray: no OBX; channel, lot, target and result stand in OBR."""
    channel = channel_of(section, result.item)
    when = time.strftime("%Y%m%d%H%M%S")
    expiry = (time + timedelta(days=CONTROL_DAYS)).strftime("%Y%m%d")
    fields: dict[int, FieldSpec] = {
        1: "1", 2: channel.code, 3: channel.name or channel.code, 5: "0", 6: when, 7: when,
        8: when, 11: "1", 12: "1", 13: one.barcode, 14: one.barcode, 15: expiry, 16: "0",
        17: "M", 18: result.value, 19: "0.1", 20: measured(section, channel, result),
        21: channel.unit or result.unit,
    }  # fmt: skip
    return row("OBR", fields)


def _oul(section: Hl7Section, one: Tested, part: Sequence[Result], time: datetime) -> list[Row]:
    """SPM, then OBR and OBX for each result (HL7 2.5.1 §7.3.9)."""
    when = time.strftime("%Y%m%d%H%M%S")
    control = one.what == "quality-control" and section.qc_mark == "spm-11"
    specimen: FieldSpec = one.barcode
    if section.specimen_suffix:
        specimen = Raw(one.barcode + section.specimen_suffix)
    rows = [row("SPM", {1: "1", 2: specimen, 4: "SER", 11: "Q" if control else "P"})]
    for number, result in enumerate(part, 1):
        channel = channel_of(section, result.item)
        name = [channel.code, channel.name or channel.code]
        rows.append(row("OBR", {1: str(number), 2: one.barcode, 4: name, 7: when}))
        rows.append(_coded_obx(section, 1, result, one, when))
    return rows


def question(section: Hl7Section, barcode: str, *, control_id: str, time: datetime) -> bytes:
    """What asks for the orders of one tube."""
    when = time.strftime("%Y%m%d%H%M%S")
    if section.query == "law":
        return law.question(section, barcode, control_id=control_id, time=time)
    if section.query == "orm":
        msh = head(section, "ORM^O01", control_id, time)
        return encoded(section, [msh, row("ORC", {1: "RF", 3: barcode, 5: "IP"})])
    msh = head(section, "QRY^Q02", control_id, time)
    query = row("QRD", {1: when, 2: "R", 3: "D", 4: control_id, 7: "RD", 8: barcode, 9: "OTH",
                        12: "T"})  # fmt: skip
    window = {2: time.strftime("%Y%m%d000000"), 3: when, 6: "RCT", 7: "COR", 8: "ALL"}
    return encoded(section, [msh, query, row("QRF", {**window})])


def acknowledgement(
    section: Hl7Section, answered: str, *, event: str, control_id: str, time: datetime
) -> bytes:
    """ACK^event with AA, as the instrument answers each DSR^Q03."""
    msh = head(section, f"ACK^{event}", control_id, time)
    msa = row("MSA", {1: "AA", 2: answered, 3: "Message accepted", 6: "0"})
    return encoded(section, [msh, msa, row("ERR", {1: "0"})])
