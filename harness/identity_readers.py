"""Where identity stands in a payload: readers of HL7 2.x, ASTM, POCT1-A and framings of their own.

They are written apart from the codecs that build payloads, so that a mistake there does not hide
itself here. They look at:

* HL7 2.x: PID-2, 3, 4, 5, 6, 7, 9, 11, 13, 14, 19, 20, 21; MRG-1, 2, 3, 4, 7; NK1-2, 4, 5;
* ASTM (LIS02-A2): P.3 to P.8 and P.13; the specimen ids O.3, O.4 and Q.3;
* POCT1-A2: PT.patient_id, PT.name, PT.birth_dttm, SPC.specimen_id;
* framings of their own: ASTM records where the payload is such a stream. In columns and printed
  slips nobody can tell a name from a word, so there only identity card numbers are looked for.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

SHORT_CHARS_MAX = 5
"""A rack, a position or a code beside an identity; no number of ours is that short."""

_NUMBERS = {"PID": (2, 3, 4, 19, 20, 21), "MRG": (1, 2, 3, 4)}
_NAMES = {"PID": (5, 6, 9), "MRG": (7,), "NK1": (2,)}
_CONTACTS = {"PID": (11, 13, 14), "NK1": (4, 5)}
_BIRTHS = {"PID": (7,)}
_ASTM_NUMBERS = (3, 4, 5, 13)
_ASTM_NAMES = (6, 7)
_ASTM_BIRTH = 8
_ASTM_SPECIMENS = {"O": (3, 4), "Q": (3,)}
_SEXES = frozenset({"M", "F", "U"})
_BREAKS = re.compile(r"[\r\n\x0b\x1c]+")
_LONG_NUMBER = re.compile(r"[0-9]{11,}[Xx]?")
_FRAME_HEAD = re.compile(r"\x02[0-7]?")
_BLANK = " \t\ufeff"
_NULL = '""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One value that tells who somebody is.

    Attributes:
        place: ``PID-5``, ``P.6``, ``O.3``.
        kind: ``text`` (number, card or name), ``birth`` or ``specimen``; in 医保 bodies also
            ``shown`` (a card or code that was held to a reader) and ``terminal``.
        value: decoded and unescaped.
    """

    place: str
    kind: str
    value: str


Reader = Callable[[str], Iterable[Claim]]
"""Finds every claim in the decoded text of a payload."""


class _Marks(NamedTuple):
    """Delimiters of a message."""

    field: str
    component: str
    repetition: str
    escape: str
    sub: str

    def unescaped(self, text: str) -> str:
        """Delimiters that stand for themselves (HL7 2.5.1 §2.7.1, LIS02-A2 §5.4.7)."""
        letters = {
            "F": self.field,
            "S": self.component,
            "R": self.repetition,
            "E": self.escape,
            "T": self.sub,
        }
        mark = re.escape(self.escape)
        return re.sub(f"{mark}([FSRET]){mark}", lambda match: letters[match[1]], text)


def _one(place: str, kind: str, value: str) -> Iterator[Claim]:
    value = value.strip(_BLANK)
    if value and value != _NULL:
        yield Claim(place=place, kind=kind, value=value)


def _field(fields: list[str], number: int) -> str:
    return fields[number] if number < len(fields) else ""


def hl7_claims(text: str) -> Iterator[Claim]:
    """Every identity in HL7 2.x; numbers are those of the standard's segment tables."""
    declared = "^~\\&"
    for line in _BREAKS.split(text):
        segment = line.lstrip(_BLANK)
        name = segment[:3].upper()
        if name == "MSH":
            declared = (segment[4:8] + declared[len(segment[4:8]) :])[:4]
        marks = _Marks(segment[3:4] or "|", *declared)
        fields = segment.split(marks.field)
        for table, read in _HL7_READERS:
            for number in table.get(name, ()):
                for value in _field(fields, number).split(marks.repetition):
                    yield from read(f"{name}-{number}", value, marks)


def _parts(value: str, marks: _Marks) -> list[str]:
    plain = value.replace(marks.sub, "") if marks.sub else value
    return [marks.unescaped(part) for part in plain.split(marks.component)]


def _number(place: str, value: str, marks: _Marks) -> Iterator[Claim]:
    """CX, ST: the first component; the rest says of what kind it is, or is a long number too."""
    first, *rest = _parts(value, marks)
    yield from _one(place, "text", first)
    for part in rest:
        if _LONG_NUMBER.fullmatch(part.strip()):
            yield from _one(place, "text", part)


def _name(place: str, value: str, marks: _Marks) -> Iterator[Claim]:
    """XPN, PN: family and given name together; Chinese systems write both into the first."""
    parts = _parts(value, marks)
    yield from _one(place, "text", "".join(parts[:2]))
    yield from _beside(place, parts[2:])


def _contact(place: str, value: str, marks: _Marks) -> Iterator[Claim]:
    """XAD, XTN: Chinese systems put the phone into component 1, 7, 9 or 12."""
    yield from _beside(place, _parts(value, marks))


def _beside(place: str, parts: Iterable[str]) -> Iterator[Claim]:
    """What is more than a short code."""
    for part in parts:
        if not (part.isascii() and len(part) <= SHORT_CHARS_MAX):
            yield from _one(place, "text", part)


def _birth(place: str, value: str, marks: _Marks) -> Iterator[Claim]:
    yield from _one(place, "birth", _parts(value, marks)[0])


_HL7_READERS = ((_NUMBERS, _number), (_NAMES, _name), (_CONTACTS, _contact), (_BIRTHS, _birth))


def astm_claims(text: str) -> Iterator[Claim]:
    """Every identity and specimen id in ASTM records; the record's letter is field 1."""
    marks = _Marks("|", "^", "\\", "&", "")
    for line in _BREAKS.split(text):
        record = _FRAME_HEAD.sub("", line, count=1).lstrip(_BLANK)
        name = record[:1].upper()
        if name == "H" and len(record) >= 5:
            marks = _Marks(record[1], record[3], record[2], record[4], "")
        fields = ["", *record.split(marks.field)]
        if name == "P":
            yield from _astm_patient(fields, marks)
        for number in _ASTM_SPECIMENS.get(name, ()):
            for value in _field(fields, number).split(marks.repetition):
                yield from _specimen(f"{name}.{number}", _parts(value, marks))


def _astm_patient(fields: list[str], marks: _Marks) -> Iterator[Claim]:
    for number in (*_ASTM_NUMBERS, *_ASTM_NAMES):
        for value in _field(fields, number).split(marks.repetition):
            first, *rest = _parts(value, marks)
            if number in _ASTM_NAMES:
                first, rest = "".join([first, *rest]), []
            # Instruments shift their fields; a sex where a name belongs is nobody.
            if first.strip() not in _SEXES:
                yield from _one(f"P.{number}", "text", first)
            yield from _beside(f"P.{number}", rest)
    birth = _parts(_field(fields, _ASTM_BIRTH), marks)[0]
    if birth.strip() not in _SEXES:
        yield from _one(f"P.{_ASTM_BIRTH}", "birth", birth)


def _specimen(place: str, parts: list[str]) -> Iterator[Claim]:
    """The id leads in O.3; in O.4 and Q.3 makers put rack and position before it.

    A short number alone in O.3 is the sample number of the day, which a system matches too.
    """
    for index, part in enumerate(parts):
        if len(part.strip()) > SHORT_CHARS_MAX or (place == "O.3" and index == 0):
            yield from _one(place, "specimen", part)


_POCT_KINDS = {
    "PT.patient_id": "text", "PT.name": "text", "PT.birth_dttm": "birth",
    "SPC.specimen_id": "specimen",
}  # fmt: skip
_POCT_VALUE = re.compile(r"<(?:\w+:)?(?P<name>PT\.\w+|SPC\.\w+)\b[^<>]*?\bV\s*=\s*"
                         r"(?:\"(?P<a>[^\"]*)\"|'(?P<b>[^']*)')")  # fmt: skip


_AGE = re.compile(r"((?:^|[\r\n])P\|(?:[^|\r\n]*\|){4}[^|^\r\n]*)\^[^|\r\n]*")


def poct_claims(text: str) -> Iterator[Claim]:
    """Every identity in a POCT1-A2 message; values stand in ``V`` attributes."""
    for found in _POCT_VALUE.finditer(text):
        kind = _POCT_KINDS.get(found["name"])
        if kind is not None:
            value = html.unescape(found["a"] if found["a"] is not None else found["b"])
            yield from _one(found["name"], kind, value)


def framed_claims(text: str) -> Iterator[Claim]:
    """Every identity in a stream of ASTM records without frames; nothing in other layouts.

    Behind the whole name such instruments write the age.
    """
    if text.lstrip(_BLANK).startswith("H|"):
        yield from astm_claims(_AGE.sub(r"\1", text))


READERS: Mapping[str, Reader] = {
    "hl7": hl7_claims, "mllp": hl7_claims, "hllp": hl7_claims, "astm": astm_claims,
    "framed": framed_claims, "poct1a": poct_claims,
}  # fmt: skip
"""How each protocol's claims are found; another protocol is refused until it has a reader."""
