r"""Takes persons out of messages and leaves the fault in.

First every message is read for what tells who somebody is, at the places of ``identity``. Then each
of these texts is replaced wherever it stands, in any message, in UTF-8 or GB 18030, as JSON escapes
too; what is too short to be searched for is replaced at its place. Free text is replaced sign by
sign. Dates move. Lengths, delimiters, escapes, encodings and everything malformed stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.cases import dicom_persons, framing, framing_mllp, framing_places
from harness.cases.identity import Identity
from harness.cases.leaks import can_be_found
from harness.cases.pseudonyms import DATE, ESCAPE, Pseudonyms
from harness.wire.astm_records import AstmMessage
from harness.wire.hl7 import Hl7Message

Span = tuple[int, int, str]
"""First byte, behind the last byte, and of which kind the value is."""

KEEP_CHARS_MAX: Final = 3
"""Codes beside a name or number (``MR``, ``L``, ``ISO``) tell nobody who somebody is."""

IMAGES: Final = "dicom"

_TYPES: Final = {
    "PN": "names", "XPN": "names", "XCN": "names", "CX": "numbers", "TN": "contacts",
    "XTN": "contacts", "AD": "contacts", "XAD": "contacts",
}  # fmt: skip
"""Of OBX-2: then OBX-5 tells who somebody is."""

SAME_MIN: Final = 3
"""So many bytes are more than one Han character of GB 18030 with what stands beside it."""

DIGITS_MIN: Final = 5
"""Beside the number itself only what has so many digits is one, too."""

_MEMBER: Final = re.compile(
    r'\\*"([A-Za-z_]{2,40})\\*"\s*:\s*(?:\\*"((?:[^"\\]|\\[^"])*?)\\*"|(-?[0-9][0-9.]*))'
)
"""A member of JSON, also of JSON inside a string; its value as text or number."""

_BYTE_DATE: Final = (
    rb"(?<![0-9])(?:(?:19|20)[0-9]{6}(?=(?:[0-9]{2}){0,3}(?:[0-9]{3})?(?![0-9]))"
    rb"|(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9])|(?:19|20)[0-9]{2}/[0-9]{2}/[0-9]{2}(?![0-9]))"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of a case.

    Attributes:
        protocol: ``hl7``, ``astm``, ``http``, ``dicom``, ``astm-wire``, ``mllp-wire`` or
            ``command``.
        payload: its bytes, without framing.
    """

    protocol: str
    payload: bytes


@dataclass(slots=True)
class Deidentified:
    """What came of it.

    Attributes:
        payloads: in the order of the pieces.
        originals: every text that told who somebody is.
        short: how many of them are too short to be searched for; they were replaced in place.
        replace: does to other bytes of the case what was done to the messages.
    """

    payloads: list[bytes]
    originals: set[str]
    short: int
    replace: Callable[[bytes], bytes]


def deidentify(
    pieces: Sequence[Piece], pseudonyms: Pseudonyms, identity: Identity, also: Iterable[str] = ()
) -> Deidentified:
    """Take the persons out of the messages of one case.

    Args:
        pieces: all of them: who is named in one is searched for in each.
        pseudonyms: the other people.
        identity: where persons stand.
        also: texts that are known otherwise, such as what the case was looked for by.
    """
    read = [_SPANS[one.protocol](one.payload, identity) for one in pieces]
    originals = {text for text in also if text.strip()}
    for piece, (codec, places) in zip(pieces, read, strict=True):
        for begin, end, kind in places:
            if kind != "texts":
                originals |= _named(piece.payload[begin:end], codec)
        if piece.protocol == IMAGES:
            originals |= dicom_persons.named(piece.payload, identity)
    searched = {one for one in originals if can_be_found(one) and not DATE.fullmatch(one)}
    replace = _replacer(searched, pseudonyms)
    return Deidentified(
        payloads=[
            dicom_persons.rewritten(piece.payload, pseudonyms, replace, identity)
            if piece.protocol == IMAGES
            else _whole(piece, codec, places, pseudonyms, replace)
            for piece, (codec, places) in zip(pieces, read, strict=True)
        ],
        originals=searched,
        short=len(originals) - len(searched),
        replace=replace,
    )


def _named(raw: bytes, codec: str) -> set[str]:
    """The texts of a field that can tell who somebody is; what is no text is left out."""
    text = raw.decode(codec, "surrogateescape")
    parts = re.split(r"[\^&~,;\s\udc80-\udcff]+", text)
    whole = [] if any("\udc80" <= sign <= "\udcff" for sign in text) else [text]
    found = {one.strip() for one in (*whole, *parts)}
    found |= {_unescaped(one) for one in found if "\\u" in one}
    return {one for one in found if one.strip("0 \t-./\"'") and any(s.isalnum() for s in one)}


def _unescaped(text: str) -> str:
    """What a JSON text with escapes says; the same where it is none."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _replacer(originals: set[str], pseudonyms: Pseudonyms) -> Callable[[bytes], bytes]:
    """Replaces originals, the longest first, in each way they may be written; moves dates."""
    table: dict[bytes, bytes] = {}
    for text in sorted(originals, key=lambda one: (-len(one), one)):
        other = pseudonyms.of(text)
        for codec in ("utf-8", "gb18030"):
            table.setdefault(text.encode(codec), other.encode(codec))
        if not text.isascii():
            for lower in (True, False):
                table.setdefault(_escaped(text, lower=lower), _escaped(other, lower=lower))
    # Inside longer runs of letters and digits, too: the last look for leaks finds them there.
    parts = [re.escape(one) for one in sorted(table, key=lambda one: (-len(one), one))]
    pattern = re.compile(b"|".join([*parts, _BYTE_DATE]))

    def replaced(match: re.Match[bytes]) -> bytes:
        known = table.get(match[0])
        return pseudonyms.shifted(match[0].decode()).encode() if known is None else known

    return lambda data: pattern.sub(replaced, data)


def _escaped(text: str, *, lower: bool) -> bytes:
    form = "04x" if lower else "04X"
    return "".join(
        one if one.isascii() or ord(one) > 0xFFFF else rf"\u{ord(one):{form}}" for one in text
    ).encode()


def _rewritten(
    data: bytes,
    codec: str,
    places: list[Span],
    pseudonyms: Pseudonyms,
    replace: Callable[[bytes], bytes],
) -> bytes:
    """A message with what stands at its places replaced, and every original in the rest."""
    out, at = [], 0
    for begin, end, kind in sorted(places):
        if begin < at:
            continue
        raw = data[begin:end]
        done = replace(raw) if kind != "texts" else raw
        if done == raw:
            text = _scrambled(raw.decode(codec, "surrogateescape"), kind, pseudonyms)
            done = text.encode(codec, "surrogateescape")
        out += [replace(data[at:begin]), done]
        at = end
    return b"".join([*out, replace(data[at:])])


def _whole(
    piece: Piece,
    codec: str,
    places: list[Span],
    pseudonyms: Pseudonyms,
    replace: Callable[[bytes], bytes],
) -> bytes:
    """A message that was rewritten; of a session its sums are right again, or as wrong as ever."""
    done = _rewritten(piece.payload, codec, places, pseudonyms, replace)
    if piece.protocol == framing_mllp.WIRE:
        return framing_mllp.summed(piece.payload, done)
    if piece.protocol != framing.WIRE:
        return done
    if codec != "utf-8" and len(done) == len(piece.payload):
        done = _aligned(piece.payload, done, codec, places, pseudonyms)
    return framing.summed(piece.payload, done)


def _aligned(
    data: bytes, done: bytes, codec: str, places: list[Span], pseudonyms: Pseudonyms
) -> bytes:
    """A frame may begin inside a Han character, or have lost a byte of one.

    What follows is read one byte off and comes out as it was: it is read again behind that byte.
    """
    out = bytearray(done)
    for begin, end, _ in places:
        at = begin
        while (at := _same(data, out, at, end)) < end:
            text = pseudonyms.scrambled(data[at + 1 : end].decode(codec, "surrogateescape"))
            out[at + 1 : end] = text.encode(codec, "surrogateescape")
            at += SAME_MIN
    return bytes(out) if len(out) == len(data) else done


def _same(data: bytes, done: bytearray, begin: int, end: int) -> int:
    """Where ``SAME_MIN`` bytes of Han characters stand as they stood; ``end`` where none do."""
    run = 0
    for at in range(begin, end):
        run = run + 1 if data[at] == done[at] and data[at] > 0x80 else 0
        if run == SAME_MIN:
            return at + 1 - SAME_MIN
    return end


def _scrambled(text: str, kind: str, pseudonyms: Pseudonyms) -> str:
    """Sign by sign, escapes left as they are; short codes beside a name or number stay."""
    parts = ESCAPE.split(text)
    for at in range(0, len(parts), 2):
        plain = parts[at]
        if kind == "texts" or not (plain.isascii() and len(plain) <= KEEP_CHARS_MAX):
            parts[at] = pseudonyms.scrambled(plain)
    return "".join(parts)


# ---- places


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
    return codec, _in_bytes(text, codec, found)


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
    return codec, _in_bytes(text, codec, found)


def _elements(payload: bytes, _: Identity) -> tuple[str, list[Span]]:
    """None of DICOM: its elements say what they are, and ``dicom_persons`` goes through them."""
    return _codec(payload[:0]), []


def _in_bytes(text: str, codec: str, spans: list[Span]) -> list[Span]:
    """Places in a text as places in its bytes."""
    edges = sorted({edge for begin, end, _ in spans for edge in (begin, end)})
    offsets, before, done = {}, 0, 0
    for edge in edges:
        done += len(text[before:edge].encode(codec, "surrogateescape"))
        offsets[edge] = done
        before = edge
    return [(offsets[begin], offsets[end], kind) for begin, end, kind in spans]


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
}


def places_of(protocol: str, payload: bytes, identity: Identity) -> tuple[str, list[Span]]:
    """Codec of a message and the places in it that tell who somebody is."""
    return _SPANS[protocol](payload, identity)
