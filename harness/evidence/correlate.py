"""What a message is about, read fast: the keys that tie records of one matter together.

Only for finding records again. Judges read fields through ``decode``, never through this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_HL7_KEYS: tuple[tuple[bytes, tuple[tuple[int, str], ...]], ...] = (
    (b"PID", ((3, "patient"),)),
    (b"SPM", ((2, "barcode"),)),
    (b"OBR", ((3, "barcode"), (2, "placer"))),
    (b"ORC", ((2, "placer"),)),
    (b"MSA", ((2, "acknowledges"), (1, "code"))),
)
"""Segment, and which of its fields is which key: the first that is there wins."""


SEPARATORS_CACHED = 16
"""Field separators in use at a site: one, and a few in tests."""


@lru_cache(maxsize=SEPARATORS_CACHED)
def _patterns(separator: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """MSH-9 and MSH-10 of a whole header; name and fields of the segments that hold keys."""
    sign = re.escape(separator)
    names = b"|".join(name for name, _ in _HL7_KEYS)
    field = rb"[^%b\r]*" % sign
    header = rb"MSH%b(?:%b%b){7}(%b)%b(%b)" % (sign, field, sign, field, sign, field)
    return re.compile(header), re.compile(rb"\r(%b)%b([^\r]*)" % (names, sign))


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Type, id and correlation of one message."""

    type: str
    id: str
    corr: dict[str, str]


def hl7(payload: bytes) -> Summary:
    """Type, control id and keys of an HL7 message; damaged ones give what can be read."""
    start = payload.find(b"MSH")
    separator = payload[start + 3 : start + 4]
    if start < 0 or not separator:
        return Summary(type="", id="", corr={})
    signs = payload[start + 4 : start + 8].ljust(4, b"\0")
    header, segments = _patterns(separator)
    whole = header.match(payload, start)
    if whole is not None:
        kind, ident = whole.groups()
    else:
        fields = _segment(payload, start).split(separator)
        kind, ident = _at(fields, 8), _at(fields, 9)
    kind = b"^".join(kind.split(signs[:1], 2)[:2])
    corr: dict[str, str] = {}
    found: dict[bytes, bytes] = {}
    for name, fields in segments.findall(payload):
        found.setdefault(name, fields)
    for name, keys in _HL7_KEYS:
        if name in found:
            parts = found[name].split(separator, 3)
            for index, key in keys:
                if key not in corr and (value := _first(_at(parts, index - 1), signs)):
                    corr[key] = value.decode("latin-1")
    return Summary(type=kind.decode("latin-1"), id=ident.decode("latin-1"), corr=corr)


def astm(payload: bytes) -> Summary:
    """Kind, control id and keys of an ASTM message: results, query or order."""
    records = [record for record in payload.split(b"\r") if record]
    if not records or len(records[0]) < 5:
        return Summary(type="", id="", corr={})
    separator, component = records[0][1:2], records[0][3:4]
    letters = {record[:1].upper() for record in records}
    kind = "result" if b"R" in letters else "query" if b"Q" in letters else "order"
    corr: dict[str, str] = {}
    for letter, index, key in ((b"P", 2, "patient"), (b"O", 2, "barcode"), (b"Q", 2, "barcode")):
        for record in records:
            if record[:1].upper() == letter and key not in corr:
                parts = _at(record.split(separator), index).split(component)
                value = next((part for part in parts if part), b"")
                if value:
                    corr[key] = value.decode("latin-1")
    fields = records[0].split(separator)
    return Summary(type=f"astm {kind}", id=_at(fields, 2).decode("latin-1"), corr=corr)


def _first(value: bytes, signs: bytes) -> bytes:
    """The first part with something in it: SPM-2 may hold the filler's number alone."""
    if value.isalnum():
        return value
    component, repetition, _, subcomponent = (signs[at : at + 1] for at in range(4))
    for sign in (repetition, component, subcomponent):
        value = next((part for part in value.split(sign) if part), b"")
    return value


def _segment(payload: bytes, start: int) -> bytes:
    end = payload.find(b"\r", start)
    return payload[start : end if end >= 0 else len(payload)]


def _at(fields: list[bytes], index: int) -> bytes:
    return fields[index] if len(fields) > index else b""
