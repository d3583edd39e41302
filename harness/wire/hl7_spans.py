"""Where every part of an HL7 message stands: paths to byte spans, found when asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from harness.errors import InputError, LocalProtocolError
from harness.wire.hl7_layout import HEADERS, Layout, Span, segment_name
from harness.wire.hl7_path import Hl7Path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PARTS_ADDED_MAX: Final = 1000
"""Separators that one edit may add: no standard segment has a fifth of that many fields."""


class Leaf(NamedTuple):
    """A value that holds no further separators, and where it stands in the message.

    Attributes:
        segment: name of its segment.
        number: which segment of that name.
        field: its field.
        repetition: its repetition of the field.
        component: its component; None where it is the whole repetition.
        subcomponent: its subcomponent; None where it is the whole component.
        begin: offset of its first byte.
        end: offset behind its last byte.
    """

    segment: str
    number: int
    field: int
    repetition: int
    component: int | None
    subcomponent: int | None
    begin: int
    end: int

    @property
    def path(self) -> Hl7Path:
        """Its path, with every number that it has."""
        return Hl7Path(*self[:6])


_Place = tuple[str, int, int, int, int | None, int | None, int, int]
"""What a ``Leaf`` is made of."""

_leaf = partial(tuple.__new__, Leaf)
"""Makes a ``Leaf`` in a third of the time of its constructor; a message has hundreds."""


def is_literal(path: Hl7Path) -> bool:
    """Whether it names the separators themselves, which are never split (HL7 2.5.1 §2.5.4)."""
    return path.field in {1, 2} and path.segment in HEADERS


def split(view: bytes, span: Span, sign: str) -> list[Span]:
    """Spans of the parts between ``sign``; the whole where the message has no such sign."""
    begin, end = span
    if not sign:
        return [span]
    spans: list[Span] = []
    for part in view[begin:end].split(sign.encode("ascii")):
        end = begin + len(part)
        spans.append((begin, end))
        begin = end + 1
    return spans


def part(view: bytes, span: Span, sign: str, number: int) -> Span | None:
    """Span of the part with this number, or None."""
    begin, end = span
    if not sign:
        return span if number == 1 else None
    mark = ord(sign)
    for _ in range(number - 1):
        begin = view.find(mark, begin, end) + 1
        if not begin:
            return None
    behind = view.find(mark, begin, end)
    return begin, (end if behind < 0 else behind)


class SpanIndex:
    """The geometry of one message.

    Args:
        view: the bytes to split, as long as the message; see ``hl7_encoding.mask``.
        layout: its segments and delimiters.
    """

    __slots__ = ("_fields", "_layout", "_numbers", "_view", "indexes", "names")

    def __init__(self, view: bytes, layout: Layout) -> None:
        separator = layout.delimiters.field.encode("ascii")
        self._view = view
        self._layout = layout
        self._fields: list[list[Span] | None] = [None] * len(layout.segments)
        self.names = [segment_name(view, span, separator) for span in layout.segments]
        self.indexes: dict[str, list[int]] = {}
        self._numbers: list[int] = []
        for index, name in enumerate(self.names):
            same = self.indexes.setdefault(name, [])
            same.append(index)
            self._numbers.append(len(same))

    def number(self, index: int) -> int:
        """Which segment of its name the segment is, from 1."""
        return self._numbers[index]

    def segment(self, path: Hl7Path) -> int | None:
        """Index of the segment that the path names, or None."""
        same = self.indexes.get(path.segment)
        number = path.number or 1
        return same[number - 1] if same and number <= len(same) else None

    def fields(self, index: int) -> list[Span]:
        """Spans by field number; entry 0 is the segment name."""
        spans = self._fields[index]
        if spans is None:
            begin, end = self._layout.segments[index]
            spans = split(self._view, (begin, end), self._layout.delimiters.field)
            if self.names[index] in HEADERS and end > begin + 3:
                spans.insert(1, (begin + 3, begin + 4))
            self._fields[index] = spans
        return spans

    def repetitions(self, path: Hl7Path) -> list[Span]:
        """Spans of the repetitions of the field; none if it is absent."""
        span = self._field(path)
        if span is None or is_literal(path):
            return [] if span is None else [span]
        return split(self._view, span, self._layout.delimiters.repetition)

    def parts(self, path: Hl7Path) -> list[Span]:
        """Spans of the components of a repetition, or of the subcomponents of a component."""
        span = self.locate(path)
        if span is None or is_literal(path) or path.subcomponent is not None:
            return [] if span is None else [span]
        signs = self._layout.delimiters
        sign = signs.component if path.component is None else signs.subcomponent
        return split(self._view, span, sign)

    def holds(self, span: Span, signs: str) -> bool:
        """Whether any of ``signs`` separates something in the span."""
        return any(self._view.find(ord(sign), *span) >= 0 for sign in signs)

    def _field(self, path: Hl7Path) -> Span | None:
        index = self.segment(path)
        if index is None or path.field is None:
            return None
        spans = self.fields(index)
        return spans[path.field] if path.field < len(spans) else None

    def locate(self, path: Hl7Path) -> Span | None:
        """Span of what the path names, or None if it is absent."""
        if path.field is None:
            index = self.segment(path)
            return None if index is None else self._layout.segments[index]
        span = self._field(path)
        if span is None:
            return None
        if not is_literal(path):
            signs = self._layout.delimiters
            span = part(self._view, span, signs.repetition, path.repetition or 1)
        elif (path.repetition or 1) > 1:
            return None
        return None if span is None else self.inside(path, span)

    def inside(self, path: Hl7Path, span: Span) -> Span | None:
        """What the path names in the repetition ``span``, or None if it is absent."""
        if is_literal(path):
            return span if max(path.component or 1, path.subcomponent or 1) == 1 else None
        found: Span | None = span
        for number, sign in self._levels(path)[1:]:
            if found is not None and number is not None:
                found = part(self._view, found, sign, number)
        return found

    def _levels(self, path: Hl7Path) -> tuple[tuple[int | None, str], ...]:
        signs = self._layout.delimiters
        return (
            (path.repetition or 1, signs.repetition),
            (path.component, signs.component),
            (path.subcomponent, signs.subcomponent),
        )

    def room(self, path: Hl7Path) -> tuple[int, str]:
        """Offset at which a part that is absent goes, and the separators to put before it.

        Raises ``LocalProtocolError`` where the segment is missing or the message has no such
        separator, ``InputError`` for a part absurdly far behind the last one.
        """
        index = self.segment(path)
        if index is None or path.field is None:
            name = path.segment if path.number is None else f"{path.segment}[{path.number}]"
            raise LocalProtocolError(f"the message has no segment {name}")
        if is_literal(path):
            raise LocalProtocolError(f"{path} has no parts")
        span = self._layout.segments[index]
        missing: list[tuple[int, str]] = []
        field = self._field(path)
        if field is None:
            spans = self.fields(index)
            # a header of which there is but the name: its first separator is its first field
            bare = len(spans) == 1 and path.segment in HEADERS
            count = path.field - len(spans) + (0 if bare else 1)
            missing.append((count, self._layout.delimiters.field))
        else:
            span = field
        for number, sign in self._levels(path):
            found = None if missing or number is None else part(self._view, span, sign, number)
            if found is not None:
                span = found
            elif number is not None:
                have = 1 if missing else len(split(self._view, span, sign))
                missing.append((number - have, sign))
        if sum(count for count, _ in missing) > PARTS_ADDED_MAX:
            raise InputError(f"{path} is more than {PARTS_ADDED_MAX} parts behind the last one")
        if any(count and not sign for count, sign in missing):
            raise LocalProtocolError(f"the message has no separator for {path}")
        return span[1], "".join(sign * count for count, sign in missing)

    def leaves(self) -> Iterator[Leaf]:
        """Every value, in the order of the message; empty ones too."""
        view = self._view
        signs = self._layout.delimiters
        inner = tuple(
            sign.encode("ascii") or b"\r"  # which is in no segment
            for sign in (signs.repetition, signs.component, signs.subcomponent)
        )
        for index, name in enumerate(self.names):
            number = self._numbers[index]
            literals = 2 if name in HEADERS else 0
            first, last = self._layout.segments[index]
            mark = _next_mark(view, inner, first, last)
            found: list[_Place] = []
            for field, (begin, end) in enumerate(self.fields(index)):
                if mark < end and field > literals:
                    _parts(found, (name, number, field), begin, view[begin:end], inner)
                    mark = _next_mark(view, inner, end, last)
                elif field:
                    found.append((name, number, field, 1, None, None, begin, end))
            yield from map(_leaf, found)


def _next_mark(view: bytes, signs: Iterable[bytes], begin: int, end: int) -> int:
    """Where the next separator inside a field stands; behind ``end`` if there is none."""
    for sign in signs:
        found = view.find(sign, begin, end)
        if found >= 0:
            end = found
    return end


def _parts(
    found: list[_Place],
    place: tuple[str, int, int],
    begin: int,
    data: bytes,
    signs: tuple[bytes, ...],
) -> None:
    """The leaves of a field that is not one; ``data`` stands at ``begin``."""
    name, number, field = place
    repetition, component, subcomponent = signs
    for r, piece in enumerate(data.split(repetition), 1):
        components = piece.split(component)
        several = len(components) > 1
        deeper = subcomponent in piece
        for c, part_data in enumerate(components, 1):
            end = begin + len(part_data)
            if not deeper or subcomponent not in part_data:
                only = c if several else None
                found.append((name, number, field, r, only, None, begin, end))
            else:
                for s, value in enumerate(part_data.split(subcomponent), 1):
                    last = begin + len(value)
                    found.append((name, number, field, r, c, s, begin, last))
                    begin = last + 1
            begin = end + 1
