r"""Takes persons out of messages and leaves the fault in.

First every message is read for what tells who somebody is, at the places of ``identity``. Then each
of these texts is replaced wherever it stands, in any message, in UTF-8 or GB 18030, as JSON escapes
too; what is too short to be searched for is replaced at its place. Free text is replaced sign by
sign. Dates move. Lengths, delimiters, escapes, encodings and everything malformed stay.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.captures.layout import Layout
from harness.cases import (
    dicom_persons,
    framing,
    framing_maker,
    framing_mllp,
    maker_places,
    places_xml,
)
from harness.cases.identity import Identity
from harness.cases.leaks import can_be_found
from harness.cases.maker_places import Span
from harness.cases.places import IMAGES, places_of
from harness.cases.pseudonyms import DATE, ESCAPE, Pseudonyms
from harness.errors import InputError
from harness.i18n import tr

KEEP_CHARS_MAX: Final = 3
"""Codes beside a name or number (``MR``, ``L``, ``ISO``) tell nobody who somebody is."""

REFERENCES: Final = ("&#{};", "&#x{:x};", "&#x{:X};")
"""How XML refers to a character (XML 1.0 §4.1)."""

SAME_MIN: Final = 3
"""So many bytes are more than one Han character of GB 18030 with what stands beside it."""

_BYTE_DATE: Final = (
    rb"(?<![0-9])(?:(?:19|20)[0-9]{6}(?=(?:[0-9]{2}){0,3}(?:[0-9]{3})?(?![0-9]))"
    rb"|(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9])|(?:19|20)[0-9]{2}/[0-9]{2}/[0-9]{2}(?![0-9]))"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of a case.

    Attributes:
        protocol: ``hl7``, ``astm``, ``http``, ``dicom``, ``poct1a``, ``astm-wire``, ``mllp-wire``,
            ``framed`` or ``command``.
        payload: its bytes, without framing where the protocol does not say otherwise.
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
    read = [places_of(one.protocol, one.payload, identity) for one in pieces]
    originals = {text for text in also if text.strip()}
    for piece, (codec, places) in zip(pieces, read, strict=True):
        for begin, end, kind in places:
            if kind != "texts":
                originals |= _named(piece.payload[begin:end], codec)
        if piece.protocol == IMAGES:
            originals |= dicom_persons.named(piece.payload, identity)
        elif piece.protocol == framing_maker.WIRE:
            for _, value in maker_places.values(piece.payload, _layout(identity)):
                originals |= _named(value.encode("utf-8", "surrogateescape"), "utf-8")
    originals = {part for one in originals for part in _NO_TEXT.split(one) if part.strip()}
    searched = {one for one in originals if can_be_found(one) and not DATE.fullmatch(one)}
    referring = REFERENCES if any(b"&#" in one.payload for one in pieces) else ()
    replace = _replacer(searched, pseudonyms, referring)
    return Deidentified(
        payloads=[
            dicom_persons.rewritten(piece.payload, pseudonyms, replace, identity)
            if piece.protocol == IMAGES
            else _maker(piece.payload, identity, pseudonyms, replace)
            if piece.protocol == framing_maker.WIRE
            else _whole(piece, codec, places, pseudonyms, replace)
            for piece, (codec, places) in zip(pieces, read, strict=True)
        ],
        originals=searched,
        short=len(originals) - len(searched),
        replace=replace,
    )


_NO_TEXT: Final = re.compile("[\ud800-\udfff]+")
"""Bytes that are no text in the character set, and halves of a character that JSON escapes."""


def _named(raw: bytes, codec: str) -> set[str]:
    """The texts of a field that can tell who somebody is; what is no text is left out."""
    text = raw.decode(codec, "surrogateescape")
    parts = re.split(r"[\^&~,;\s\udc80-\udcff]+", text)
    whole = [] if any("\udc80" <= sign <= "\udcff" for sign in text) else [text]
    found = {one.strip() for one in (*whole, *parts)}
    found |= {_unescaped(one) for one in found if "\\u" in one}
    found |= {places_xml.plain(text).strip()} if "&" in text and ";" in text else set()
    return {one for one in found if one.strip("0 \t-./\"'") and any(s.isalnum() for s in one)}


def _unescaped(text: str) -> str:
    """What a JSON text with escapes says; the same where it is none."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _replacer(
    originals: set[str], pseudonyms: Pseudonyms, referring: Iterable[str]
) -> Callable[[bytes], bytes]:
    """Replaces originals, the longest first, in each way they may be written; moves dates."""
    table: dict[bytes, bytes] = {}
    for text in sorted(originals, key=lambda one: (-len(one), one)):
        other = pseudonyms.of(text)
        for codec in ("utf-8", "gb18030"):
            table.setdefault(text.encode(codec), other.encode(codec))
        if not text.isascii():
            for lower in (True, False):
                table.setdefault(_escaped(text, lower=lower), _escaped(other, lower=lower))
            for form in referring:
                table.setdefault(_referred(text, form), _referred(other, form))
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


def _referred(text: str, form: str) -> bytes:
    """With references to characters, as XML has them."""
    return "".join(
        html.escape(one) if one.isascii() else form.format(ord(one)) for one in text
    ).encode()  # fmt: skip


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
        if kind.startswith(maker_places.TIME):
            out += [replace(data[at:begin]), maker_places.moved(raw, kind, pseudonyms.days)]
            at = end
            continue
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


def _maker(
    payload: bytes,
    identity: Identity,
    pseudonyms: Pseudonyms,
    replace: Callable[[bytes], bytes],
) -> bytes:
    """A line of an instrument with a framing of its own; checks as right or wrong as they were."""
    layout = _layout(identity)
    return framing_maker.changed(
        payload, layout,
        lambda text: _rewritten(text, *maker_places.spans(text, layout), pseudonyms, replace),
    )  # fmt: skip


def _layout(identity: Identity) -> Layout:
    """The model of the instrument.

    Raises:
        InputError: a case that has such lines and no model.
    """
    if identity.layout is None:
        raise InputError(tr("such a framing can only be read with a model of its family"),
                         remedy="--model")  # fmt: skip
    return identity.layout


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
