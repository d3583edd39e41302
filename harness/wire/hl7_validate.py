"""A message held against a dictionary: structure, fields, components, codes and forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from harness.wire.hl7 import NULL, Hl7Message, Segment
from harness.wire.hl7_finding import FINDINGS_PER_CODE_MAX, CodecFinding, finding
from harness.wire.hl7_layout import HEADERS
from harness.wire.hl7_structure import match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.wire.hl7_dictionary import Dictionary, PartDef
    from harness.wire.hl7_path import Hl7Path

_TIME = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,4})?)?)?"
_ZONE = r"(?:[+-]\d{4})?"
_DATE = r"\d{4}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?"
_DATE_TIME = rf"\d{{4}}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:{_TIME})?)?)?{_ZONE}"

FORMS: Final = {
    "NM": re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII),
    "SI": re.compile(r"\d{1,4}", re.ASCII),
    "DT": re.compile(_DATE, re.ASCII),
    "TM": re.compile(_TIME + _ZONE, re.ASCII),
    "DTM": re.compile(_DATE_TIME, re.ASCII),
}
"""What values of these data types look like (HL7 2.5.1 §2.A.21, §2.A.46, §2.A.70, §2.A.75)."""


def validate_with(
    message: Hl7Message, tables: Dictionary, structure: str | None
) -> list[CodecFinding]:
    """All that ``tables`` object to in ``message``.

    Args:
        message: what to look at.
        tables: the dictionary to go by.
        structure: the structure of its event; None if the dictionary has none.
    """
    found: list[CodecFinding] = []
    counts: dict[str, int] = {}
    judge = _Judge(message, tables)
    segments = message.segments()
    for each in (judge.structure(segments, structure), judge.segments(segments)):
        for one in each:
            counts[one.code] = counts.get(one.code, 0) + 1
            if counts[one.code] <= FINDINGS_PER_CODE_MAX:
                found.append(one)
    return found


class _Judge:
    """One message and the tables to hold it against."""

    def __init__(self, message: Hl7Message, tables: Dictionary) -> None:
        self.message = message
        self.tables = tables

    def structure(self, segments: list[Segment], name: str | None) -> Iterator[CodecFinding]:
        """The order of the segments; Z segments may stand anywhere."""
        head = self.message.header
        tree = None if name is None else self.tables.structure(name)
        if tree is None:
            yield finding("hl7.structure-unknown", path="MSH-9", actual=head.type)
            return
        if head.structure and head.structure != name:
            yield finding(
                "hl7.structure-differs", path="MSH-9.3", expected=name or "", actual=head.structure
            )
        standard = [segment for segment in segments if not segment.name.startswith("Z")]
        for each in match(tree, [segment.name for segment in standard]):
            at = standard[each.index] if each.index < len(standard) else None
            path = "" if at is None else str(at.path)
            yield finding(each.code, path=path, expected=each.name)

    def segments(self, segments: list[Segment]) -> Iterator[CodecFinding]:
        """The contents of all segments but Z segments."""
        for segment in segments:
            if segment.name.startswith("Z"):
                continue
            fields = self.tables.fields(segment.name)
            if fields is None:
                yield finding("hl7.segment-unknown", path=str(segment.path))
            else:
                yield from self.segment(segment, fields)

    def segment(self, segment: Segment, fields: tuple[PartDef, ...]) -> Iterator[CodecFinding]:
        """One segment."""
        for part in fields:
            yield from self.field(segment, part)
        for number in range(len(fields) + 1, segment.field_count + 1):
            if segment.field(number):
                path = segment.path._replace(field=number)
                yield finding("hl7.field-unknown", path=str(path))

    def field(self, segment: Segment, part: PartDef) -> Iterator[CodecFinding]:
        """One field with all its repetitions."""
        path = segment.path._replace(field=part.number)
        if segment.name in HEADERS and part.number < 3:
            return
        values = segment.repetitions(part.number)
        if not any(values):
            if part.required:
                yield finding("hl7.field-missing", path=str(path), expected=part.name)
            return
        if part.repeat_max == 0:
            yield finding("hl7.field-unknown", path=str(path))
        elif part.repeat_max is not None and len(values) > part.repeat_max:
            yield finding("hl7.field-repeated", path=str(path), expected=str(part.repeat_max))
        data_type = part.data_type
        if data_type == "varies":
            data_type = segment.field(2) or "" if segment.name == "OBX" else ""
            if segment.name == "OBX" and not data_type:
                yield finding("hl7.field-missing", path=str(path._replace(field=2)))
        for number, value in enumerate(values, 1):
            if value and data_type:
                place = path._replace(repetition=number)
                yield from self.value(place, value, data_type, part.table)

    def value(self, path: Hl7Path, text: str, data_type: str, table: str) -> Iterator[CodecFinding]:
        """A repetition, component or subcomponent that is not empty."""
        parts = self.tables.components(data_type)
        if parts is None or text == NULL:
            return
        inner = self.parts(path)
        if not parts:
            if len(inner) > 1 and data_type not in {"FT", "TX"}:
                yield finding("hl7.component-unknown", path=str(inner[1]), expected=data_type)
            yield from self.primitive(path, text, data_type, table)
            return
        for place in inner[len(parts) :]:
            if self.message.get(place):
                yield finding("hl7.component-unknown", path=str(place), expected=data_type)
        for part, place in zip(parts, inner, strict=False):
            value = self.message.get(place) or ""
            if value and data_type == "TS" and part.number == 1:
                yield from self.primitive(place, value, "DTM", "")  # ST in the tables before 2.5
            elif value and part.data_type:
                yield from self.value(place, value, part.data_type, part.table)
        for part in parts:
            here = self.message.get(inner[part.number - 1]) if part.number <= len(inner) else ""
            if part.required and not here:
                name = self.below(path, part.number)
                yield finding("hl7.component-missing", path=str(name), expected=part.name)

    def parts(self, path: Hl7Path) -> list[Hl7Path]:
        """Paths of what is inside a repetition or component; of a subcomponent, itself."""
        if path.subcomponent is not None:
            return [path]
        count = len(self.message.parts(path))
        return [self.below(path, number) for number in range(1, count + 1)]

    @staticmethod
    def below(path: Hl7Path, number: int) -> Hl7Path:
        """The path of a part of a repetition or component."""
        if path.component is None:
            return path._replace(component=number)
        return path._replace(subcomponent=number)

    def primitive(
        self, path: Hl7Path, text: str, data_type: str, table: str
    ) -> Iterator[CodecFinding]:
        """A value without parts: its form, and its code where the type is ID or IS."""
        form = FORMS.get(data_type)
        if form is not None and form.fullmatch(text) is None:
            yield finding("hl7.data-type", path=str(path), expected=data_type, actual=text)
        if table and data_type in {"ID", "IS"}:
            codes = self.tables.table(table)
            if codes is not None and text not in codes:
                code = "hl7.table" if data_type == "ID" else "hl7.user-table"
                yield finding(code, path=str(path), expected=table, actual=text)
