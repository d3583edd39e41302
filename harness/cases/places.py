"""Where persons stand in the messages of each protocol, as ``identity`` names the places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from harness.captures.poct import POCT
from harness.cases import framing, framing_maker, framing_mllp, framing_places, places_xml
from harness.cases.identity import Identity
from harness.cases.maker_places import Span, in_bytes
from harness.wire.astm_records import AstmMessage
from harness.wire.hl7 import Hl7Message

IMAGES: Final = "dicom"

_TYPES: Final = {
    "PN": "names", "XPN": "names", "XCN": "names", "CX": "numbers", "TN": "contacts",
    "XTN": "contacts", "AD": "contacts", "XAD": "contacts",
}  # fmt: skip
"""Of OBX-2: then OBX-5 tells who somebody is."""

DIGITS_MIN: Final = 5
"""Beside the number itself only what has so many digits is one, too."""

_MEMBER: Final = re.compile(
    r'\\*"([A-Za-z_]{2,40})\\*"\s*:\s*(?:\\*"((?:[^"\\]|\\[^"])*?)\\*"|(-?[0-9][0-9.]*))'
)
"""A member of JSON, also of JSON inside a string; its value as text or number."""


def _hl7(payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    message = Hl7Message.parse(payload)
    types: dict[int, str] = {}
    found: list[Span] = []
    for leaf in message.leaves():
        kind = identity.hl7.get(f"{leaf.segment}-{leaf.field}", "")
        if leaf.segment == "OBX" and leaf.field == 2:
            types[leaf.number] = message.text_of(leaf)
        elif leaf.segment == "OBX" and leaf.field == 5:
            kind = _TYPES.get(types.get(leaf.number, ""), kind)
            kind = "texts" if types.get(leaf.number) in identity.text_types else kind
        beside = kind == "numbers" and (leaf.component or 1) > 1
        raw = payload[leaf.begin : leaf.end]
        if kind and raw and not (beside and sum(48 <= one <= 57 for one in raw) < DIGITS_MIN):
            found.append((leaf.begin, leaf.end, kind))
    known = message.encoding if message.encoding in {"utf-8", "gb18030"} else ""
    return known or _codec(payload), found


def _astm(payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    """Fields of the records, by the delimiters that the header names.

    Decoded first: the second byte of a Han character may be a delimiter.
    """
    codec = _codec(payload)
    records = AstmMessage.parse(payload, codec).records
    signs = records[0].signs if records else None
    texts = (signs.field, signs.repeat, signs.component) if signs else ("|", "\\", "^")
    cut = re.compile(f"[{re.escape(texts[1] + texts[2])}]")
    text = payload.decode(codec, "surrogateescape")
    found: list[Span] = []
    at = 0
    for record in re.split(r"(\r|\n)", text):
        letter = record.lstrip()[:1].upper()
        begin = at
        for number, value in enumerate(record.split(texts[0]), 1):
            kind = identity.astm.get(f"{letter}.{number}", "")
            if kind and value:
                found += _components(value, begin, kind, cut)
            begin += len(value) + 1
        at += len(record)
    return codec, in_bytes(text, codec, found)


def _components(value: str, begin: int, kind: str, cut: re.Pattern[str]) -> Iterator[Span]:
    at = 0
    for sign in [*cut.finditer(value), None]:
        end = len(value) if sign is None else sign.start()
        if end > at:
            yield begin + at, begin + end, kind
        at = end + 1


def _json(payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    codec = _codec(payload)
    text = payload.decode(codec, "surrogateescape")
    found: list[Span] = []
    for match in _MEMBER.finditer(text):
        kind = identity.json.get(match[1], "")
        group = 2 if match[2] is not None else 3
        if kind and match[group] not in {"", "null"}:
            found.append((match.start(group), match.end(group), kind))
    if "<" in text or "&lt;" in text or "&quot;" in text:
        found = _apart([*found, *places_xml.spans(text, identity.elements)])
    return codec, in_bytes(text, codec, found)


def _apart(found: list[Span]) -> list[Span]:
    """Of places that overlap the one that begins first."""
    out: list[Span] = []
    for one in sorted(found):
        if not out or one[0] >= out[-1][1]:
            out.append(one)
    return out


def _xml(payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    codec = _codec(payload)
    text = payload.decode(codec, "surrogateescape")
    return codec, in_bytes(text, codec, places_xml.spans(text, identity.elements))


def _elements(payload: bytes, _: Identity) -> tuple[str, list[Span]]:
    """None here of what others go through: ``dicom_persons``, ``maker_places``."""
    return _codec(payload[:0]), []


def _codec(payload: bytes) -> str:
    """The character set of a message that does not say: UTF-8 where it is that, else GB 18030."""
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _wire(payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    """Fields of the records of a session, wherever its frames cut or spoil them."""
    codec = _codec(payload)
    return codec, framing_places.spans(payload, lambda one: _astm(one, identity)[1])


def _framed(payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    """Leaves of a message, and whatever text stands around it."""
    message = framing_mllp.part_of(payload).message
    return _hl7(message, identity)[0], framing_mllp.spans(
        payload, lambda one: _hl7(one, identity)[1]
    )


_SPANS: Final[dict[str, Callable[[bytes, Identity], tuple[str, list[Span]]]]] = {
    "hl7": _hl7,
    "astm": _astm,
    "http": _json,
    "command": _json,
    IMAGES: _elements,
    framing.WIRE: _wire,
    framing_mllp.WIRE: _framed,
    framing_maker.WIRE: _elements,
    POCT: _xml,
}


def places_of(protocol: str, payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    """Codec of a message and the places in it that tell who somebody is."""
    return _SPANS[protocol](payload, identity)
