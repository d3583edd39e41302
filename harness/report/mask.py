"""Hides who real persons are: names, identity numbers, telephone numbers and addresses.

The fields that hold them are blanked where they stand, in the bytes, so that the decoded fields
and the hex agree; and what stood there is blanked wherever else the report would show it
(``hide.py`` says how it is found). Of a body of the insurance or XML, and of an image, the members
that tell who somebody is are those of ``gather.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.model import Person
from harness.report import gather, hide
from harness.report.datasets import DataSets
from harness.report.decode import encoding_of, separator_of

VALUES_MAX: Final = 5000
"""Different values hidden one by one: four each for the persons of 1000 scenarios. Where a run has
more, every text is hidden whole: a page rather says nothing than too much."""

HL7_FIELDS: Final = {
    "PID": {5, 6, 9, 11, 13, 14, 19, 20},
    "NK1": {2, 4, 5, 6, 7},
    "GT1": {3, 5, 6, 7, 12},
    "IN1": {16, 19},
    "MRG": {7},
    "ARQ": {8},
}
"""Person names, addresses, telephone and identity numbers (HL7 2.5.1 §3.4.2, §3.4.5, §6.5)."""

ASTM_FIELDS: Final = {"P": {5, 6, 7, 11, 13}}
"""Name, mother's name, address, telephone (LIS02-A2 §8.1); 5 because some senders shift by one."""

COLUMNS: Final = re.compile(
    r"(?i)^((patient|psn|pat)_?name|name|xm|hzxm|id_?card|certno|sfzh|phone|tel|mobile|address)$"
    r"|姓名|身份证|电话|住址"
)
"""Columns of a probe's answer whose values are personal, as Chinese systems name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What is hidden on one page; ``Mask()`` hides nothing.

    Attributes:
        active: hide at all.
        values: texts to hide wherever they stand, the longest first.
        whole: there were more values than can be hidden one by one.
        keys: of ``values``, as they are looked for.
    """

    active: bool = False
    values: tuple[str, ...] = ()
    whole: bool = False
    keys: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(map(hide.squeezed, self.values)))

    @classmethod
    def of(cls, records: Iterable[Record], people: Iterable[Person] = ()) -> Mask:
        """Gather what must be hidden from the messages and probe answers of a run.

        Args:
            records: of all its traces.
            people: whom no message need have named, such as the signed test patients.
        """
        values = {one for who in people for one in (who.name, who.id_card)}
        data_sets = DataSets()
        for record in records:
            if len(values) > VALUES_MAX:
                return cls(active=True, whole=True)
            try:
                values |= set(_personal(record, data_sets))
            except (ValueError, TypeError):  # what cannot be read is not shown either
                continue
        wanted = {piece for value in values for piece in _pieces(value)}
        return cls(active=True, values=tuple(sorted(wanted, key=lambda one: (-len(one), one))))

    def text(self, text: str) -> str:
        """``text`` without what must be hidden."""
        if not self.active:
            return text
        if self.whole:
            return hide.blanked(text)
        for place in gather.PLACES:
            text = place.sub(_emptied, text)
        squeezed = hide.squeezed(text)
        for key, value in zip(self.keys, self.values, strict=True):
            if key in squeezed:
                text = hide.pattern(value).sub(_hidden, text)
        return hide.numbers(text)

    def raw(self, raw: bytes, protocol: str = "", encoding: str = "") -> bytes:
        """The bytes without what must be hidden: the personal fields, and the values elsewhere."""
        if not self.active:
            return raw
        parts = _parts(raw, protocol, encoding)
        if protocol not in {"hl7", "astm"}:
            pieces = (_foreign(value) for value, _ in parts.pieces)
            return self.text("".join(pieces)).encode(parts.codec, "surrogateescape")
        pieces = (hide.blanked(value) if own else value for value, own in parts.pieces)
        return self.text("".join(pieces)).encode(parts.codec, "surrogateescape")

    def row(self, row: dict[str, Any]) -> dict[str, str]:
        """One row of a probe's answer."""
        return {
            str(name): hide.blanked(str(value))
            if self.active and COLUMNS.search(str(name))
            else self.text(str(value))
            for name, value in row.items()
        }


@dataclass(frozen=True, slots=True)
class _Parts:
    """A message in pieces; each with whether it is a personal field. Joined, it is the message."""

    codec: str
    pieces: Sequence[tuple[str, bool]]


def _parts(raw: bytes, protocol: str, declared: str) -> _Parts:
    codec = encoding_of(raw, protocol, declared)
    text = raw.decode(codec, "surrogateescape")
    if text.encode(codec, "surrogateescape") != raw:  # codecs that are not one to one
        codec, text = "latin-1", raw.decode("latin-1")
    if protocol not in {"hl7", "astm"}:
        return _Parts(codec, [(text, False)])
    astm = protocol == "astm"
    separator = separator_of(text, "H" if astm else "MSH")
    pieces: list[tuple[str, bool]] = []
    for line in re.split(r"([\r\n]+)", text):
        head, *rest = line.split(separator)
        name = head.strip()[: 1 if astm else 3]
        wanted = ASTM_FIELDS.get(name, set()) if astm else HL7_FIELDS.get(name, set())
        pieces.append((head, False))
        for number, value in enumerate(rest, 2 if astm else 1):
            pieces += [(separator, False), (value, number in wanted)]
    return _Parts(codec, pieces)


def _personal(record: Record, data_sets: DataSets) -> Iterable[str]:
    """The personal values of one record."""
    kind = record.get("kind")
    if kind == "message":
        raw = unpack(str(record.get("raw", "")))
        protocol = str(record.get("protocol"))
        parts = _parts(raw, protocol, str(record.get("encoding") or ""))
        yield from (value for value, personal in parts.pieces if personal)
        if protocol not in {"hl7", "astm"}:
            yield from gather.of_body("".join(value for value, _ in parts.pieces))
    elif kind == "bytes":
        for one in data_sets.of(record):
            yield from gather.of_data_set(one)
    elif kind == "probe":
        yield from gather.of_columns(record.get("rows") or (), COLUMNS)
        yield from gather.of_columns([record.get("args")], COLUMNS)
    elif kind == "command":
        yield from gather.of_columns([record.get("args"), record.get("captured")], COLUMNS)


def _pieces(value: str) -> Iterable[str]:
    """A value and its components; what is too short would hide innocent text and is left out."""
    for piece in (value, *re.split(r"[\^~&\\]", value), value.replace("^", "")):
        stripped = piece.strip()
        if hide.long_enough(stripped):
            yield stripped


def _hidden(match: re.Match[str]) -> str:
    return hide.blanked(match[0])


def _emptied(match: re.Match[str]) -> str:
    """A member without its value."""
    return match["open"] + hide.blanked(match["value"])


def _foreign(text: str) -> str:
    """``text`` without every character that is not ASCII, however it is written.

    Where fields cannot be told apart, each of them may be a name; what went wrong and what was
    charged can still be read.
    """
    made: list[str] = []
    at = 0
    for begin, end in gather.told(text):
        made += [_ascii(text[at:begin]), text[begin:end]]
        at = end
    return "".join([*made, _ascii(text[at:])])


def _ascii(text: str) -> str:
    return hide.ESCAPED.sub(_hidden, re.sub(r"[^\x00-\x7f]", hide.BLANK, text))
