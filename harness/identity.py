"""Whose identity a payload carries: only that of people who are ours.

A reader of its own, apart from the codecs that built the payload, so that a mistake there does not
hide itself here. It looks at:

* HL7 2.x: PID-2, 3, 4, 5, 6, 7, 9, 11, 13, 14, 19, 20, 21; MRG-1, 2, 3, 4, 7; NK1-2, 4, 5;
* ASTM (LIS02-A2): P.3 to P.8 and P.13; the specimen ids O.3, O.4 and Q.3;
* anywhere in either: an identity card number whose check digit holds.

Not looked at: specimen ids in HL7 (OBR-3, SPM-2), visit numbers (PV1-19), free text in NTE, OBX and
C records beyond identity card numbers, and pictures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.errors import PermitError
from harness.i18n import tr
from harness.model import Person
from harness.people import check_character, is_barcode, is_generated

DECODINGS = ("utf-8", "gb18030")
"""Character sets tried in turn; a payload passes where one of them shows only our people, since a
wrong one does not turn a stranger's name into ours."""

SHORT_CHARS_MAX = 5
"""A rack, a position or a code beside a specimen id; no specimen id of ours is that short."""

_HL7_TEXT = {
    "PID": (2, 3, 4, 5, 6, 9, 11, 13, 14, 19, 20, 21),
    "MRG": (1, 2, 3, 4, 7),
    "NK1": (2, 4, 5),
}
_HL7_BIRTH = {"PID": (7,)}
_HL7_NAMES = frozenset({("PID", 5), ("PID", 6), ("PID", 9), ("MRG", 7), ("NK1", 2)})
_ASTM_TEXT = (3, 4, 5, 6, 7, 13)
_ASTM_BIRTH = 8
_ASTM_SPECIMEN = {"O": (3, 4), "Q": (3,)}
_SEXES = frozenset({"M", "F", "U"})
_BREAKS = re.compile(r"[\r\n\x0b\x1c]+")
_ID_CARD = re.compile(r"(?<![0-9A-Za-z.])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z.])")
_LONG_NUMBER = re.compile(r"[0-9]{11,}[Xx]?")
_NULL = '""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One value that tells who somebody is.

    Attributes:
        place: ``PID-5``, ``P.6``, ``O.3``.
        kind: ``text`` (number, card or name), ``birth``, ``specimen``, ``card``.
        value: decoded and unescaped.
    """

    place: str
    kind: str
    value: str


Reader = Callable[[str], Iterable[Claim]]
"""Finds every claim in the decoded text of a payload."""


class IdentityGuard:
    """Knows who is ours, and refuses a payload that speaks of anybody else.

    Args:
        people: generated people and test subjects to start with.
        subjects: the signed test subjects of the profile; only they and generated people are let
            in.
        readers: how each protocol's claims are found.

    Example:
        >>> from harness.people import generate
        >>> guard = IdentityGuard([generate(1, 0)])
        >>> guard.check("hl7", b"MSH|^~\\\\&|A\\rPID|1||||Lei Feng\\r")
        Traceback (most recent call last):
        harness.errors.PermitError: PID-5...
    """

    def __init__(
        self,
        people: Iterable[Person] = (),
        *,
        subjects: Iterable[Person] = (),
        readers: Mapping[str, Reader] | None = None,
    ) -> None:
        self._subjects = frozenset(subjects)
        self._readers = READERS if readers is None else readers
        self._texts: set[str] = set()
        self._births: set[str] = set()
        self._specimens: set[str] = set()
        for person in people:
            self.allow(person)

    def allow(self, person: Person) -> None:
        """Let a person's identity through.

        Raises:
            PermitError: the person is neither generated nor a signed test subject.
        """
        if not is_generated(person) and person not in self._subjects:
            raise PermitError(
                tr("this person is neither generated nor in the signed list of test patients"),
                where=person.patient_id[:4] + "…",
                remedy=tr("generate people, or list and sign test patients in the profile"),
            )
        texts = {person.patient_id, person.name, person.id_card}
        self._texts |= {_folded(text) for text in texts if text}
        self._births.add(person.birth)

    def allow_specimen(self, barcode: str) -> None:
        """Let a specimen id through.

        Raises:
            PermitError: it lies outside the reserved namespaces.
        """
        if not is_barcode(barcode):
            raise PermitError(
                tr("the specimen id {barcode} is not from a reserved namespace", barcode=barcode),
                remedy=tr("let the harness make specimen ids"),
            )
        self._specimens.add(barcode)

    def check(self, protocol: str, payload: bytes) -> None:
        """Pass a payload that speaks only of our people, or of nobody.

        Args:
            protocol: ``hl7`` (or ``mllp``) or ``astm``.
            payload: one message without framing.

        Raises:
            PermitError: it carries somebody else's identity, or cannot be read.
        """
        reader = self._readers.get(protocol)
        if reader is None:
            raise PermitError(
                tr("nobody can tell whose identity a payload of {protocol} carries",
                   protocol=protocol),
                remedy=tr("use one of: {known}", known=", ".join(sorted(self._readers))),
            )  # fmt: skip
        refused: Claim | None = None
        read = False
        for encoding in DECODINGS:
            try:
                text = payload.decode(encoding)
            except UnicodeDecodeError:
                continue
            read = True
            foreign = next((one for one in _claims(reader, text) if not self._ours(one)), None)
            if foreign is None:
                return
            refused = refused or foreign
        if not read or refused is None:
            raise PermitError(tr("the payload is neither UTF-8 nor GB 18030, so nobody can tell"
                                 " whose identity it carries"))  # fmt: skip
        raise PermitError(
            tr("{place} carries an identity that is not ours", place=refused.place),
            where=refused.place,
            remedy=tr("take identities from generated people or signed test patients only"),
        )

    def _ours(self, claim: Claim) -> bool:
        match claim.kind:
            case "birth":
                # A birth date may be given with less precision (HL7 2.5.1 §2.A.22) or with a time.
                return any(
                    birth.startswith(claim.value) or claim.value[:8] == birth
                    for birth in self._births
                )
            case "specimen":
                return claim.value in self._specimens
        return _folded(claim.value) in self._texts


def _folded(text: str) -> str:
    """A name written as family and given name is still the name; letters of a card may be small."""
    return re.sub(r"\s+", "", text).upper()


def _claims(reader: Reader, text: str) -> Iterator[Claim]:
    yield from reader(text)
    for match in _ID_CARD.finditer(text):
        number = match[0].upper()
        if 1 <= int(number[10:12]) <= 12 and check_character(number[:17]) == number[17]:
            yield Claim(place=tr("an identity card number in the text"), kind="card", value=number)


# -- HL7 ---------------------------------------------------------------------------------------


def _hl7_claims(text: str) -> Iterator[Claim]:
    marks = "^~\\&"
    for line in _BREAKS.split(text):
        segment = line.lstrip()
        name = segment[:3].upper()
        if name == "MSH":
            marks = (segment[4:8] + marks[len(segment[4:8]) :])[:4]
        if name not in _HL7_TEXT:
            continue
        fields = segment.split(segment[3:4] or "|")
        for number in _HL7_BIRTH.get(name, ()):
            for value in _field(fields, number).split(marks[1]):
                yield from _one(f"{name}-{number}", "birth", value.split(marks[0])[0])
        for number in _HL7_TEXT[name]:
            for repetition in _field(fields, number).split(marks[1]):
                is_name = (name, number) in _HL7_NAMES
                yield from _hl7_value(f"{name}-{number}", repetition, marks, is_name=is_name)


def _field(fields: list[str], number: int) -> str:
    return fields[number] if number < len(fields) else ""


def _hl7_value(place: str, value: str, marks: str, *, is_name: bool) -> Iterator[Claim]:
    """The identity in one repetition.

    A name is its family and given name together; of a number the first component counts, and what
    follows says what kind of number it is, unless it is a long number itself.
    """
    component, _, escape, sub = marks
    parts = [_unescaped(part.replace(sub, ""), escape, marks) for part in value.split(component)]
    if is_name:
        yield from _one(place, "text", "".join(parts[:2]))
        rest = [part for part in parts[2:] if not (part.isascii() and len(part) <= 3)]
    else:
        yield from _one(place, "text", parts[0])
        rest = [part for part in parts[1:] if _LONG_NUMBER.fullmatch(part.strip())]
    for part in rest:
        yield from _one(place, "text", part)


def _unescaped(text: str, escape: str, marks: str) -> str:
    """Delimiters that stand for themselves (HL7 2.5.1 §2.7.1)."""
    component, repetition, _, sub = marks
    letters = {"F": "|", "S": component, "T": sub, "R": repetition, "E": escape}
    mark = re.escape(escape)
    return re.sub(f"{mark}([FSTRE]){mark}", lambda match: letters[match[1]], text)


def _one(place: str, kind: str, value: str) -> Iterator[Claim]:
    value = value.strip()
    if value and value != _NULL:
        yield Claim(place=place, kind=kind, value=value)


# -- ASTM --------------------------------------------------------------------------------------


def _astm_claims(text: str) -> Iterator[Claim]:
    marks = "\\^&"
    separator = "|"
    for line in _BREAKS.split(text):
        record = line.lstrip("\x02 01234567") if line[:1] == "\x02" else line.lstrip()
        name = record[:1].upper()
        if name == "H":
            separator = record[1:2] or separator
            marks = (record[2:5] + marks[len(record[2:5]) :])[:3]
        # LIS02-A2 counts the record's letter as field 1.
        fields = ["", *record.split(separator)]
        if name == "P":
            yield from _astm_patient(fields, marks)
        for number in _ASTM_SPECIMEN.get(name, ()):
            yield from _astm_specimen(f"{name}.{number}", _field(fields, number), marks)


def _astm_patient(fields: list[str], marks: str) -> Iterator[Claim]:
    repeat, component, escape = marks
    for number in _ASTM_TEXT:
        for value in _field(fields, number).split(repeat):
            parts = value.split(component)
            if number in {6, 7}:
                whole = "".join(parts)
            else:
                whole = parts[0]
                for part in parts[1:]:
                    if not (part.isascii() and len(part) <= SHORT_CHARS_MAX):
                        yield from _one(f"P.{number}", "text", part)
            whole = _astm_unescaped(whole, escape, marks)
            # Instruments shift their fields; a sex where the mother's name belongs is nobody.
            if whole.strip() not in _SEXES:
                yield from _one(f"P.{number}", "text", whole)
    birth = _field(fields, _ASTM_BIRTH).split(component)[0]
    if birth.strip() not in _SEXES:
        yield from _one("P.8", "birth", birth)


def _astm_specimen(place: str, field: str, marks: str) -> Iterator[Claim]:
    repeat, component, escape = marks
    for value in field.split(repeat):
        first, *rest = value.split(component)
        if not (place[0] == "Q" and first.strip() == "ALL"):
            short = place != "O.3" and len(first.strip()) <= SHORT_CHARS_MAX
            if not short:
                yield from _one(place, "specimen", _astm_unescaped(first, escape, marks))
        for part in rest:
            if len(part.strip()) > SHORT_CHARS_MAX:
                yield from _one(place, "specimen", _astm_unescaped(part, escape, marks))


def _astm_unescaped(text: str, escape: str, marks: str) -> str:
    """Delimiters that stand for themselves (LIS02-A2 §5.4.7)."""
    repeat, component, _ = marks
    letters = {"F": "|", "S": component, "R": repeat, "E": escape}
    mark = re.escape(escape)
    return re.sub(f"{mark}([FSRE]){mark}", lambda match: letters[match[1]], text)


READERS: Mapping[str, Reader] = {"hl7": _hl7_claims, "mllp": _hl7_claims, "astm": _astm_claims}
"""How each protocol's claims are found; another protocol is refused until it has a reader."""
