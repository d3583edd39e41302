"""Times, values and headers as an HL7 instrument writes them, shared by its messages."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from harness.wire.hl7_build import FieldSpec, Raw, build, header_row
from simulators.analyzer.model_hl7 import Channel, Extra, Hl7Section
from simulators.analyzer.upload import Result

_NUMBER: Final = re.compile(r"(?P<sign>[<>]=?)? ?(?P<digits>-?\d+(?:\.\d+)?)")

SEXES: Final = {"M": "M", "F": "F"}
"""All else is O in these dialects."""

Row = list[FieldSpec]


def stamp(section: Hl7Section, time: datetime) -> str:
    """MSH-7 as the instrument writes it (HL7 2.5.1 §2.A.77), right or wrong."""
    if section.clock_utc and time.tzinfo is not None:
        return time.astimezone(UTC).strftime("%Y%m%d%H%M%S") + time.strftime("%z")
    if section.dashes_in_time:
        return time.strftime("%Y%m%d %H:%M.%S")
    return time.strftime("%Y%m%d%H%M%S")


def head(
    section: Hl7Section,
    kind: str,
    control_id: str,
    time: datetime,
    *,
    structure: str = "",
    processing_id: str = "",
    application_ack: str = "",
    profile: str = "",
) -> Row:
    """MSH of one message; ``profile`` is MSH-21."""
    row = header_row(
        type=kind,
        control_id=control_id,
        time=stamp(section, time),
        sending_app=section.sending_app,
        sending_facility=section.sending_facility,
        receiving_app=section.receiving_app,
        receiving_facility=section.receiving_facility,
        structure=structure,
        processing_id=processing_id or section.processing_id,
        version=section.version,
        accept_ack=section.accept_ack,
        application_ack=application_ack or section.application_ack,
        charset=section.charset,
    )
    if "^" in processing_id:
        row[11] = processing_id.split("^")
    if profile:
        row += [None] * (21 - len(row))
        row.append(profile.split("^"))
    return row


def encoded(section: Hl7Section, rows: Sequence[Row]) -> bytes:
    """The message with the instrument's segment ends."""
    data = build(rows, section.codec)
    if section.segment_end == "cr-lf":
        return data.replace(b"\r", b"\r\n")
    if section.segment_end == "none":
        return data.replace(b"\r", b"")
    return data


def row(name: str, fields: dict[int, FieldSpec]) -> Row:
    """A segment from its fields by number; those that are not named are empty."""
    last = max((number for number, value in fields.items() if value), default=1)
    return [name, *(fields.get(number) for number in range(1, last + 1))]


def channel_of(section: Hl7Section, item: str) -> Channel:
    """The instrument's test for an item; an item that the file does not name keeps its name."""
    return section.channels.get(item) or Channel(code=item, name=item)


def is_number(text: str) -> bool:
    """A number without ``<`` and ``>`` before it."""
    found = _NUMBER.fullmatch(text)
    return found is not None and not found["sign"]


def measured(section: Hl7Section, channel: Channel, result: Result) -> str:
    """OBX-5 as text: scaled to the instrument's unit, in its decimals."""
    if not result.value:
        return section.null_value
    found = _NUMBER.fullmatch(result.value)
    if found is None:
        return result.value
    number = Decimal(found["digits"]).scaleb(-channel.exponent)
    if channel.decimals is not None:
        number = number.quantize(Decimal(1).scaleb(-channel.decimals), ROUND_HALF_UP)
    return f"{found['sign'] or ''}{number:f}"


def with_suffix(section: Hl7Section, text: str, *, seed: str = "") -> FieldSpec:
    """OBX-5 with what the instrument writes around it, which may be a separator.

    A raw signal before the value is drawn from ``seed`` and means nothing.
    """
    if section.raw_signal:
        return [signal(seed), text]
    return Raw(text + section.value_suffix) if section.value_suffix else text


def signal(seed: str) -> str:
    """Relative light units: six digits, the same for the same seed."""
    drawn = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    return str(100_000 + drawn % 900_000)


def extra_row(number: int, extra: Extra, seed: str) -> Row:
    """An OBX that is no result; pictures are BMP by their first letters, made from ``seed``."""
    value: FieldSpec = extra.value
    if extra.kind == "ED":
        value = ["", "Image", "BMP", "Base64", picture(seed + extra.code, extra.image_bytes)]
    fields: dict[int, FieldSpec] = {
        1: str(number),
        2: extra.kind,
        3: [extra.code, extra.name, extra.system],
        5: value,
        11: "F",
    }
    return ["OBX", *(fields.get(at) for at in range(1, 12))]


def picture(seed: str, size: int) -> str:
    """Base64 of ``size`` bytes that begin like a BMP and are the same for the same seed."""
    block = hashlib.sha256(seed.encode()).digest()
    body = b"BM" + size.to_bytes(4, "little") + block * (size // len(block) + 1)
    return base64.b64encode(body[:size]).decode("ascii")
