"""HL7 messages as the built-in hospital writes them: the Chinese dialect of version 2.4."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_build import Rep, build, header_row

Row = Mapping[str, Any]
Segment = list[Any]

VERSION = "2.4"
CHARSET = "GB 18030-2000"
CODEC = "gb18030"


def control_id(prefix: str, *subject: object) -> str:
    """MSH-10 from what the message is about: 20 characters, the length of HL7 2.4 §2.16.9.10.

    It does not depend on what else the system sent before, so equal runs have equal ids.
    """
    text = "|".join(str(part) for part in subject)
    return prefix + hashlib.sha256(text.encode()).hexdigest()[:19].upper()


def stamp(wall: datetime) -> str:
    """Civil time as HL7 writes it, to the second."""
    return wall.strftime("%Y%m%d%H%M%S")


def header(
    sender: str, receiver: str, kind: str, structure: str, *, control_id: str, time: str
) -> Segment:
    """MSH: acknowledgements always wanted from the application, original mode."""
    return list(
        header_row(
            type=kind,
            structure=structure,
            control_id=control_id,
            time=time,
            sending_app=sender,
            sending_facility="HOSPITAL",
            receiving_app=receiver,
            receiving_facility="HOSPITAL",
            version=VERSION,
            country="CHN",
            charset=CHARSET,
        )
    )


def patient(row: Row) -> Segment:
    """PID with the repetitions of PID-3 that Chinese hospitals use."""
    identifiers = [[row["patient_id"], "", "", "", "PatientNO"]]
    if row.get("id_card"):
        identifiers.append([row["id_card"], "", "", "", "IdentifyNO"])
    return [
        "PID",
        "1",
        row["patient_id"],
        Rep(identifiers),
        None,
        row["name"],
        None,
        row["birth"],
        row["sex"],
        None,
        None,
        None,
        None,
        row.get("phone") or None,
    ]


def visit(row: Row) -> Segment:
    """PV1 with the ward and bed."""
    place = [row.get("ward") or "", "", row.get("bed") or ""]
    return ["PV1", "1", "I", place]


def admission(kind: str, row: Row, *, control_id: str, time: str) -> bytes:
    """ADT of one patient: A01, A02, A03, A04, A08."""
    event = kind.split("^")[1]
    return build(
        [
            header("HIS", "LIS", kind, "ADT_A01", control_id=control_id, time=time),
            ["EVN", event, time],
            patient(row),
            visit(row),
        ],
        encoding=CODEC,
    )


def merge(survivor: Row, retired: str, *, control_id: str, time: str) -> bytes:
    """ADT^A40: the retired number lives on under the survivor."""
    return build(
        [
            header("HIS", "LIS", "ADT^A40", "ADT_A39", control_id=control_id, time=time),
            ["EVN", "A40", time],
            patient(survivor),
            ["MRG", [retired, "", "", "", "PatientNO"]],
        ],
        encoding=CODEC,
    )


def lab_order(
    control: str, row: Row, order: Row, items: Sequence[str], *, control_id: str, time: str
) -> bytes:
    """OML^O21: order control ``NW`` or ``CA``, one OBR an item, one specimen."""
    segments = [
        header("HIS", "LIS", "OML^O21", "OML_O21", control_id=control_id, time=time),
        patient(row),
        visit(row),
    ]
    for number, item in enumerate(items, 1):
        segments.append(["ORC", control, order["placer"]])
        segments.append(
            ["OBR", str(number), order["placer"], order["barcode"], [item], order["priority"]]
        )
    return build(segments, encoding=CODEC)


def results(row: Row, order: Row, rows: Sequence[Row], *, control_id: str, time: str) -> bytes:
    """ORU^R01: the results of one specimen, one OBX an item."""
    segments: list[Segment] = [
        header("LIS", "HIS", "ORU^R01", "ORU_R01", control_id=control_id, time=time),
        patient(row),
        visit(row),
        ["ORC", "RE", order["placer"]],
        ["OBR", "1", order["placer"], order["barcode"], ["LAB"], *[None] * 20, rows[0]["status"]],
    ]
    for number, result in enumerate(rows, 1):
        segments.append(observation(number, result))
    return build(segments, encoding=CODEC)


def observation(number: int, result: Row) -> Segment:
    """OBX of one result; the value type follows the value."""
    return [
        "OBX",
        str(number),
        "NM" if is_number(result["value"]) else "ST",
        [result["item"]],
        None,
        result["value"],
        result["unit"] or None,
        None,
        result["flag"] or None,
        None,
        None,
        result["status"],
        None,
        None,
        result["tested_at"],
    ]


def is_number(text: str) -> bool:
    """Is this what HL7 calls NM: an optional sign, digits, an optional point."""
    body = (text[1:] if text.startswith(("+", "-")) else text).replace(".", "", 1)
    return body.isascii() and body.isdigit()


def acknowledgement(
    payload: bytes, code: str, *, error: str, text: str, time: str, system: str
) -> bytes:
    """ACK of a message, with ERR where it is refused (HL7 2.4 §2.9.2).

    Everything is read as text of the whole message, so it can be written in its character set.
    """
    message = Hl7Message.parse(payload)

    def got(path: str) -> str:
        return message.get(path) or ""

    control_id = got("MSH-10")
    trigger = got("MSH-9.2").strip()
    head = header_row(
        type=f"ACK^{trigger}" if trigger else "ACK",
        structure="ACK" if trigger else "",
        control_id=f"A{control_id}",
        time=time,
        sending_app=got("MSH-5.1") or system,
        sending_facility=got("MSH-6.1"),
        receiving_app=got("MSH-3.1"),
        receiving_facility=got("MSH-4.1"),
        processing_id=got("MSH-11.1") or "P",
        version=got("MSH-12.1") or VERSION,
        charset=got("MSH-18[1]"),
    )
    segments: list[Segment] = [list(head), ["MSA", code, control_id, *([text] if text else [])]]
    if error:
        segments.append(["ERR", ["", "", "", error]])
    return build(segments, encoding=message.encoding)
