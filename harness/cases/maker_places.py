"""Where persons stand in what an instrument with a framing of its own says, and what it is about.

Columns and fields are those of its model. Behind where a frame does not fit its table nobody can
tell what stands there: then every word that is not the instrument's own, every long number and
everything beyond ASCII counts as if it told who somebody is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from harness.captures.layout import Layout, Part, Place
from harness.cases.framing_maker import Change, changed
from harness.errors import InputError
from harness.evidence.correlate import Summary
from harness.i18n import tr

Span = tuple[int, int, str]
"""First byte, behind the last byte, and of which kind the value is."""

TIME: Final = "time:"
"""Before the form of a time, as the kind of its place."""

KINDS: Final = {"barcode": "numbers", "patient": "numbers", "birth": "numbers", "name": "names"}
KEYS: Final = ("barcode", "patient")
"""Sources that say what a message is about."""

SHORT_MAX: Final = 3
"""A number so short stands anywhere: it ties nothing together by itself."""

_WORD: Final = re.compile(
    r"[0-9A-Za-z]*[0-9]{5,}[0-9A-Za-z]*|[A-Za-z][A-Za-z0-9+#-]+|[^\x00-\x7f]+"
)
_BESIDES: Final = re.compile(r"[0-9A-Za-z]*[0-9]{9,}[0-9A-Za-z]*|[A-Za-z]{5,}|[^\x00-\x7f]+")
_STRANGE: Final = re.compile(r"[^\x00-\x7f]+")
"""In results, whose digits stand side by side."""

_SIGN: Final = re.compile(r"[A-Za-z0-9]")


def spans(text: bytes, layout: Layout) -> tuple[str, list[Span]]:
    """Codec of one text of a line, and the places in it."""
    codec, decoded = layout.decoded(text)
    parts, rest = layout.parts(decoded)
    found: list[Span] = []
    for part in parts:
        for one in part.places:
            begin, end = value_of(decoded, one)
            kind = f"{TIME}{one.form}" if one.source == "time" else KINDS[one.source]
            if end > begin and not (kind.startswith(TIME) and not one.form):
                found.append((begin, end, kind))
        if part.whole:
            found += _besides(decoded, part, layout)
    for begin, end in _free(parts, rest):
        found += [
            (match.start(), match.end(), "texts")
            for match in _WORD.finditer(decoded, begin, end)
            if not layout.is_own(match[0])
        ]
    return codec, in_bytes(decoded, codec, found)


def _free(parts: Iterable[Part], rest: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What fits no frame, and all but the known fields of a frame that fits in its beginning."""
    ends = dict(rest)
    for part in parts:
        if part.whole:
            continue
        at = part.begin
        for one in part.places:
            yield at, one.begin
            at = one.end
        yield at, ends.pop(part.end, part.end)
    yield from ends.items()


def _besides(text: str, part: Part, layout: Layout) -> Iterator[Span]:
    """What in a frame that fits is nothing that its columns are for.

    Many tables take any line for a result: a comment of a real instrument, too.
    """
    edges = [(one.begin, one.end) for one in part.places]
    edges += part.groups
    at = part.begin
    for begin, end in [*sorted(edges), (part.end, part.end)]:
        for match in _BESIDES.finditer(text, at, max(at, begin)):
            if not layout.is_own(match[0]):
                yield match.start(), match.end(), "texts"
        at = max(at, end)
    for begin, end in part.groups:
        for match in _STRANGE.finditer(text, begin, end):
            yield match.start(), match.end(), "texts"


def value_of(text: str, place: Place) -> tuple[int, int]:
    """Where the value of a field stands, without its padding."""
    begin, end = place.begin, place.end
    if place.fixed:
        raw = text[begin:end]
        begin, end = begin + len(raw) - len(raw.lstrip(" ")), end - len(raw) + len(raw.rstrip(" "))
    return begin, max(begin, end)


def in_bytes(text: str, codec: str, places: list[Span]) -> list[Span]:
    """Places in a text as places in its bytes."""
    edges = sorted({edge for begin, end, _ in places for edge in (begin, end)})
    offsets, before, done = {}, 0, 0
    for edge in edges:
        done += len(text[before:edge].encode(codec, "surrogateescape"))
        offsets[edge] = done
        before = edge
    return [(offsets[begin], offsets[end], kind) for begin, end, kind in places]


def values(payload: bytes, layout: Layout) -> Iterator[tuple[str, str]]:
    """Kind and text of everything in a line that tells who somebody is."""
    texts: list[bytes] = []

    def kept(text: bytes) -> bytes:
        texts.append(text)
        return text

    changed(payload, layout, kept)
    for text in texts:
        codec, found = spans(text, layout)
        for begin, end, kind in found:
            if kind != "texts" and not kind.startswith(TIME):
                yield kind, text[begin:end].decode(codec, "surrogateescape")


def moved(raw: bytes, kind: str, days: int) -> bytes:
    """A time in the form of the instrument, so many days later; what is none stays."""
    form, text = kind.removeprefix(TIME), raw.decode("ascii", "surrogateescape")
    try:
        made = (datetime.strptime(text, form) + timedelta(days=days)).strftime(form)  # noqa: DTZ007 - civil time as the instrument writes it
    except (ValueError, OverflowError):
        return raw
    return made.encode("ascii", "replace") if len(made) == len(text) else raw


def filled(payload: bytes, layout: Layout, change: Change) -> bytes:
    """A line with other values in the fields that are about somebody; columns stay where they are.

    Args:
        payload: the line.
        layout: of the instrument.
        change: makes a value anew, and whatever stands where no field is known.

    Raises:
        InputError: a value is longer than its columns.
    """

    def text_anew(text: bytes) -> bytes:
        codec, decoded = layout.decoded(text)
        parts, rest = layout.parts(decoded)
        places = sorted(
            ((one.begin, one.end, one) for part in parts for one in part.places
             if one.source in KINDS), key=lambda one: one[0],
        )  # fmt: skip
        free = [(begin, end, None) for begin, end in rest]
        out, at = [], 0
        for begin, end, place in sorted([*places, *free], key=lambda one: one[0]):
            if begin < at:
                continue
            piece = decoded[begin:end]
            out += [decoded[at:begin], _anew(piece, place, codec, change)]
            at = end
        return "".join([*out, decoded[at:]]).encode(codec, "surrogateescape")

    return changed(payload, layout, text_anew)


def _anew(piece: str, place: Place | None, codec: str, change: Change) -> str:
    def other(text: str) -> str:
        return change(text.encode(codec, "surrogateescape")).decode(codec, "surrogateescape")

    if place is None or not place.fixed:
        return other(piece)
    value = other(piece.strip(" "))
    if len(value) > len(piece):
        raise InputError(
            tr("{value} does not fit into {width} columns", value=value, width=len(piece))
        )
    before = len(piece) - len(piece.lstrip(" "))
    if len(value) == len(piece.strip(" ")):
        return piece[:before] + value + piece[before + len(value) :]
    return value.rjust(len(piece)) if place.right else value.ljust(len(piece))


def about(text: bytes, layout: Layout, known: Iterable[str] = ()) -> Summary:
    """What a message is: the frame that it is, or its first sign; and whose it is.

    Args:
        text: without its framing.
        layout: of the instrument.
        known: barcodes that may stand in what fits no frame, such as an answer of the LIS.
    """
    _, decoded = layout.decoded(text)
    parts, rest = layout.parts(decoded)
    corr: dict[str, str] = {}
    for part in parts:
        for one in part.places:
            begin, end = value_of(decoded, one)
            if one.source in KEYS and end > begin:
                value = decoded[begin:end].encode("utf-8", "surrogateescape")
                corr.setdefault(one.source, value.decode("latin-1"))
    scopes = [part.scope for part in parts if part.places or part.whole]
    sign = _SIGN.search(decoded)
    kind = scopes[0] if scopes else sign[0] if sign else ""
    if "barcode" not in corr and rest:
        held = (one for one in known if one and one in decoded)
        longest = max(held, key=len, default="")
        corr |= {"barcode": longest} if longest else {}
    return Summary(type=kind, id="", corr=corr)
