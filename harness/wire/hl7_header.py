"""The header of a message, read without looking at the rest of it.

This is the hot path of every sender and receiver: what is needed to correlate, route and
acknowledge stands in the first segment (HL7 2.5.1 §2.15.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.wire.hl7_encoding import HAZARDOUS, decode_part, detect, mask
from harness.wire.hl7_escape import DELIMITER_SETS_CACHED, Delimiters, unescape
from harness.wire.hl7_layout import HEAD_BYTES, find_message_header, segment_end

HEADER_BYTES_MAX: Final = 64 * 1024
"""Where the first segment is looked for its end: far above any MSH, far below a 20 MB OBX."""

_FIELDS: Final = 19
"""MSH-1 to MSH-18 and the rest; what stands behind MSH-18 is not needed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hl7Header:
    """What MSH says; a field that is absent or empty is ``""``.

    Attributes:
        sending_app: first component of MSH-3, and so on for MSH-4 to MSH-6.
        time: MSH-7.
        type: first two components of MSH-9, such as ``ORU^R01``.
        structure: third component of MSH-9.
        control_id: MSH-10.
        processing_id: first component of MSH-11.
        version: first component of MSH-12.
        accept_ack: MSH-15.
        application_ack: MSH-16.
        charset: MSH-18, first repetition.
        raw: the segment as it stands, without terminator.
    """

    sending_app: str = ""
    sending_facility: str = ""
    receiving_app: str = ""
    receiving_facility: str = ""
    time: str = ""
    type: str = ""
    structure: str = ""
    control_id: str = ""
    processing_id: str = ""
    version: str = ""
    accept_ack: str = ""
    application_ack: str = ""
    charset: str = ""
    raw: bytes = b""


def header_segment(data: bytes) -> bytes:
    """The first MSH segment, without terminator; empty if there is none."""
    begin = find_message_header(data)
    if begin < 0:
        return b""
    limit = begin + HEADER_BYTES_MAX
    end = data.find(b"\r", begin, limit)
    segment = data[begin : limit if end < 0 else end]
    if b"\n" in segment:
        return data[begin : segment_end(data, begin, limit, header_signs(segment))]
    return segment


@lru_cache(maxsize=DELIMITER_SETS_CACHED)
def _signs(head: bytes) -> Delimiters:
    return Delimiters.of_header(head)[0]


def header_signs(segment: bytes) -> Delimiters:
    """The separators that an MSH segment names; see ``Delimiters.of_header``."""
    head = segment[:HEAD_BYTES].partition(b"\n")[0]
    return _signs(head[:4] + head[4:].partition(head[3:4] or b"|")[0])


def header_fields(segment: bytes) -> list[bytes]:
    """The fields of an MSH segment as they stand; entry n is MSH-n, as far as MSH-18.

    Entry 0 is the segment name. Fields that are absent are empty.
    """
    separator = header_signs(segment).field.encode("ascii")
    if segment.isascii():
        fields = segment.split(separator, _FIELDS - 1)
    else:
        fields = _split_safely(segment, separator)
    fields.insert(1, separator)
    if len(fields) < _FIELDS:
        fields += [b""] * (_FIELDS - len(fields))
    return fields[:_FIELDS]


def _split_safely(segment: bytes, separator: bytes) -> list[bytes]:
    """Fields of a segment in which a character may end in the byte of a separator.

    The character set is not known yet, because it stands in the last of these fields. What is
    strict UTF-8 has no such characters; anything else is taken for the GBK family.
    """
    codec = detect(segment, "").codec
    view = mask(segment, separator, codec) if codec in HAZARDOUS else segment
    fields: list[bytes] = []
    begin = 0
    for piece in view.split(separator, _FIELDS - 1):
        fields.append(segment[begin : begin + len(piece)])
        begin += len(piece) + 1
    return fields


def declared_charset(data: bytes) -> str:
    """MSH-18 of a message, first repetition; empty if there is none."""
    segment = header_segment(data)
    declared = header_fields(segment)[18].decode("latin-1")
    repetition = header_signs(segment).repetition
    return (declared.partition(repetition)[0] if repetition else declared).strip()


def header(data: bytes) -> Hl7Header:
    r"""Read the header of a message; empty if it has none. Never raises for what ``data`` holds.

    >>> header(b"MSH|^~\\&|LIS||||||ORU^R01|42\r").control_id
    '42'
    """
    segment = header_segment(data)
    if not segment:
        return Hl7Header()
    signs = header_signs(segment)
    fields = header_fields(segment)
    codec = "ascii" if segment.isascii() else detect(segment, declared_charset(segment)).codec
    text = [decode_part(field, codec) for field in fields]
    sign = signs.component or "\0"
    kind = text[9].split(sign, 3)
    structure = kind[2] if len(kind) > 2 else ""
    charset = text[18].partition(signs.repetition or "\0")[0]
    first = [value.partition(sign)[0] for value in text]
    if signs.escape and segment.count(signs.escape.encode("ascii")) > 1:
        text, first, kind, (structure, charset) = (
            [unescape(value, signs, codec) for value in values]
            for values in (text, first, kind, [structure, charset])
        )
    return Hl7Header(
        sending_app=first[3],
        sending_facility=first[4],
        receiving_app=first[5],
        receiving_facility=first[6],
        time=first[7],
        type="^".join(kind[:2]),
        structure=structure,
        control_id=text[10],
        processing_id=first[11],
        version=first[12],
        accept_ack=text[15],
        application_ack=text[16],
        charset=charset,
        raw=segment,
    )
