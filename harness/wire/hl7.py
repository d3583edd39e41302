r"""HL7 v2 messages, byte for byte.

``Hl7Message`` keeps the bytes that it was given and finds what is asked for in them; nothing is
normalised. An edit replaces one span and leaves every other byte as it was. Any bytes can be
parsed: what is wrong with them stands in ``findings``.

>>> message = Hl7Message.parse(b"MSH|^~\\&|LIS||||||ORU^R01\rPID|1||77^^^H~88\r")
>>> message.get("PID-3[2]")
'88'
>>> message.set("PID-3[2]", "A&B").raw_at("PID-3[2]")
b'A\\T\\B'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from harness.errors import InputError, LocalProtocolError
from harness.wire import hl7_check
from harness.wire.hl7_build import ComponentSpec, FieldSpec, Raw, Rep, build, header_row
from harness.wire.hl7_encoding import HAZARDOUS, Detected, codec_of, decode_part, detect, mask
from harness.wire.hl7_escape import Delimiters, escape, unescape
from harness.wire.hl7_finding import CodecFinding
from harness.wire.hl7_header import Hl7Header, declared_charset, header
from harness.wire.hl7_layout import Layout, Span, lay_out
from harness.wire.hl7_path import Hl7Path, parse_path
from harness.wire.hl7_spans import Leaf, SpanIndex, is_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "NULL",
    "CodecFinding",
    "ComponentSpec",
    "Delimiters",
    "FieldSpec",
    "Hl7Header",
    "Hl7Message",
    "Hl7Path",
    "Leaf",
    "Raw",
    "Rep",
    "Segment",
    "build",
    "header",
    "header_row",
    "parse_path",
]

NULL: Final = '""'
"""The HL7 null: present, and says that the value is to be deleted (HL7 2.5.1 §2.5.3)."""


class Hl7Message:
    """One message; immutable. Make it with ``parse``.

    Attributes:
        raw: the bytes, as they came.
    """

    __slots__ = (
        "_cached_detected",
        "_cached_findings",
        "_cached_header",
        "_cached_index",
        "_cached_layout",
        "raw",
    )

    raw: bytes

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._cached_layout: Layout | None = None
        self._cached_header: Hl7Header | None = None
        self._cached_detected: Detected | None = None
        self._cached_index: SpanIndex | None = None
        self._cached_findings: tuple[CodecFinding, ...] | None = None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take any bytes; never raises for what they hold."""
        return cls(bytes(data))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hl7Message) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        head = self.header
        return f"<Hl7Message {head.type or '?'} {head.control_id or '?'} {len(self.raw)} bytes>"

    # ---- what the message is written in

    @property
    def _layout(self) -> Layout:
        if self._cached_layout is None:
            self._cached_layout = lay_out(self.raw)
        return self._cached_layout

    @property
    def delimiters(self) -> Delimiters:
        """The separators that the header names."""
        return self._layout.delimiters

    @property
    def header(self) -> Hl7Header:
        """The fields of MSH; all empty if there is none."""
        if self._cached_header is None:
            self._cached_header = header(self.raw)
        return self._cached_header

    @property
    def declared(self) -> str:
        """The character set that MSH-18 names; empty if none."""
        return declared_charset(self.raw)

    @property
    def _detected(self) -> Detected:
        if self._cached_detected is None:
            self._cached_detected = detect(self.raw, self.declared)
        return self._cached_detected

    @property
    def encoding(self) -> str:
        """Python's name of the codec that the text is read and written with."""
        return self._detected.codec

    @property
    def findings(self) -> tuple[CodecFinding, ...]:
        """Everything that is not as the standard has it, in the order of the offsets."""
        if self._cached_findings is None:
            found = hl7_check.check(self._view(), self._layout, self._index, self._detected)
            self._cached_findings = tuple(found)
        return self._cached_findings

    def _view(self) -> bytes:
        """The bytes to split: ``raw``, with characters that end in a delimiter byte masked."""
        if self.raw.isascii() or self.encoding not in HAZARDOUS:
            return self.raw
        signs = self.delimiters.field + self.delimiters.encoding_characters
        return mask(self.raw, signs.encode("ascii"), self.encoding)

    @property
    def _index(self) -> SpanIndex:
        if self._cached_index is None:
            self._cached_index = SpanIndex(self._view(), self._layout)
        return self._cached_index

    # ---- reading

    def count(self, name: str) -> int:
        """How many segments have this name."""
        return len(self._index.indexes.get(name, ()))

    def segments(self, name: str | None = None) -> list[Segment]:
        """The segments of this name, or all of them, in the order of the message."""
        index = self._index
        wanted = range(len(index.names)) if name is None else index.indexes.get(name, [])
        return [
            Segment(self, Hl7Path(index.names[each], index.number(each)), each) for each in wanted
        ]

    def get(self, path: str | Hl7Path) -> str | None:
        """The text at ``path``: None if absent, ``""`` if present and empty.

        A value without separators is unescaped, once. A path that stops above components or
        subcomponents gives the text with its separators and escapes as they stand.
        """
        wanted = parse_path(path) if isinstance(path, str) else path
        span = self._index.locate(wanted)
        return None if span is None else self._text(wanted, span)

    def _text(self, path: Hl7Path, span: Span) -> str:
        text = self._decode(span)
        signs = self.delimiters
        if not signs.escape or signs.escape not in text or self._has_parts(path, span):
            return text
        return unescape(text, signs, self.encoding)

    def raw_at(self, path: str | Hl7Path) -> bytes | None:
        """The bytes at ``path``, as they stand; None if absent."""
        span = self._index.locate(parse_path(path) if isinstance(path, str) else path)
        return None if span is None else self.raw[span[0] : span[1]]

    def values(self, path: str | Hl7Path) -> list[str]:
        """The text at ``path`` in every segment and every repetition that the path leaves open."""
        wanted = parse_path(path) if isinstance(path, str) else path
        found: list[str] = []
        for number in range(1, self.count(wanted.segment) + 1):
            if wanted.number in {None, number}:
                found += self._repeated(wanted._replace(number=number))
        return found

    def _repeated(self, path: Hl7Path) -> Iterator[str]:
        """The texts of one segment, or of one repetition if the path names one."""
        if path.field is None or path.repetition is not None:
            text = self.get(path)
            spans = []
            if text is not None:
                yield text
        else:
            spans = self._index.repetitions(path)
        for repetition in spans:
            span = self._index.inside(path, repetition)
            if span is not None:
                yield self._text(path, span)

    def parts(self, path: str | Hl7Path) -> list[str]:
        """The texts of all components of a repetition, or all subcomponents of a component."""
        wanted = parse_path(path) if isinstance(path, str) else path
        below = wanted._replace(component=wanted.component or 1)
        if wanted.component is not None:
            below = below._replace(subcomponent=1)
        return [self._text(below, span) for span in self._index.parts(wanted)]

    def _has_parts(self, path: Hl7Path, span: Span) -> bool:
        """Whether there are separators in what the path names, or it names separators."""
        if path.field is None or is_literal(path):
            return True
        inner = "" if path.subcomponent else self.delimiters.subcomponent
        if path.component is None:
            inner += self.delimiters.component
        return self._index.holds(span, inner)

    def _decode(self, span: Span) -> str:
        data = self.raw[span[0] : span[1]]
        return data.decode("ascii") if data.isascii() else decode_part(data, self.encoding)

    def leaves(self) -> Iterator[Leaf]:
        """Every value, in the order of the message; empty ones too."""
        return self._index.leaves()

    def text_of(self, leaf: Leaf) -> str:
        """The text of a leaf of this message, unescaped once."""
        text = self._decode((leaf.begin, leaf.end))
        literal = leaf.field < 3 and is_literal(leaf.path)
        return text if literal else unescape(text, self.delimiters, self.encoding)

    # ---- editing

    def set(self, path: str | Hl7Path, text: str) -> Hl7Message:
        """A message with ``text`` at ``path``, escaped once; every other byte stays.

        Missing fields, repetitions and components are made by adding separators. Text that the
        path already gives changes nothing. Raises ``LocalProtocolError`` where the segment is
        missing, ``InputError`` for text that the character set of the message cannot hold.
        """
        wanted = parse_path(path) if isinstance(path, str) else path
        if wanted.field is None or is_literal(wanted):
            raise LocalProtocolError(f"{wanted} can only be set as raw bytes")
        if self.get(wanted) == text:
            return self
        try:
            data = escape(text, self.delimiters).encode(self.encoding)
        except UnicodeEncodeError as error:
            raise InputError(
                f"{error.object[error.start : error.end]!r} cannot be written in {self.encoding}",
                where=str(wanted),
                remedy="use set_raw with the bytes to send, or declare another MSH-18",
            ) from error
        return self.set_raw(wanted, data)

    def set_raw(self, path: str | Hl7Path, data: bytes) -> Hl7Message:
        """A message with ``data`` at ``path`` as it is; otherwise as ``set``."""
        wanted = parse_path(path) if isinstance(path, str) else path
        span = self._index.locate(wanted)
        if span is None:
            offset, separators = self._index.room(wanted)
            span, data = (offset, offset), separators.encode("ascii") + data
        edited = Hl7Message(self.raw[: span[0]] + data + self.raw[span[1] :])
        if not self.raw.isascii() and codec_of(edited.declared) == codec_of(self.declared):
            # what the whole was found to be stands, though an edit may remove the evidence for it
            edited._cached_detected = self._detected
        return edited


class Segment:
    """One segment of a message.

    Attributes:
        message: the message that it stands in.
        path: its name, and which of that name it is.
        index: which segment of the message it is, from 0.
    """

    __slots__ = ("index", "message", "path")

    def __init__(self, message: Hl7Message, path: Hl7Path, index: int) -> None:
        self.message = message
        self.path = path
        self.index = index

    def __repr__(self) -> str:
        return f"<Segment {self.path}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self.path.segment

    @property
    def number(self) -> int:
        """Which segment of its name it is, from 1."""
        return self.path.number or 1

    @property
    def raw(self) -> bytes:
        """Its bytes without the terminator."""
        return self.message.raw_at(self.path) or b""

    @property
    def field_count(self) -> int:
        """How many fields it has, empty ones too."""
        return len(self.message._index.fields(self.index)) - 1  # noqa: SLF001 - same module

    def get(self, rest: str) -> str | None:
        """The text at the rest of a path: ``segment.get("5[1].2")``."""
        parsed = parse_path(f"ZZZ-{rest}")  # a segment with a broken name can be read too
        return self.message.get(parsed._replace(segment=self.name, number=self.number))

    def field(self, number: int) -> str | None:
        """The text of a field, in its first repetition; see ``Hl7Message.get``."""
        return self.message.get(self.path._replace(field=number))

    def repetitions(self, number: int) -> list[str]:
        """The text of every repetition of a field."""
        return self.message.values(self.path._replace(field=number))

    def components(self, number: int, repetition: int = 1) -> list[str]:
        """The text of every component of a repetition; empty if it is absent."""
        return self.message.parts(self.path._replace(field=number, repetition=repetition))
