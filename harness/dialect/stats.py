"""What is counted while traffic passes by: bounded for each place, whatever the traffic brings."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from harness.dialect.reading import NULL, Cut

VALUES_MAX: Final = 64
"""Different values of a part that are told apart; more are no code set."""

SHAPES_MAX: Final = 24
"""Different shapes of a part; more are free text."""

CHARACTERS_MAX: Final = 64
"""A longer value is text, not a code."""

SHAPED_MAX: Final = 2_000
SHAPED_EVERY: Final = 16
"""The shape of each of the first values is taken, and then of every sixteenth: shapes cost most."""

SEEN_MAX: Final = VALUES_MAX
"""Whole fields that are remembered of each place: most of what passes has been there before."""

SEEN_CHARACTERS_MAX: Final = 256
"""Of such a field; a longer one is text and hardly comes again."""

DIALECTS_MAX: Final = 2_000
SEGMENTS_MAX: Final = 400
PARTS_MAX: Final = 2_000
"""Senders with types, segment names of one, and parts of a segment that are kept apart; what lies
beyond is counted as ``dropped``."""

_TABLE: Final = {
    **dict.fromkeys(range(ord("0"), ord("9") + 1), "9"),
    **dict.fromkeys(range(ord("A"), ord("Z") + 1), "A"),
    **dict.fromkeys(range(ord("a"), ord("z") + 1), "a"),
}
_RUN = re.compile(r"(.)\1+")
_BEYOND = re.compile(r"[^\x00-\x7f]")


def shape(text: str) -> str:
    """``A``, ``a``, ``9`` and ``中`` for what a text is made of, each with its count.

    >>> shape("P2026010")
    'A9(7)'
    """
    plain = text.translate(_TABLE)
    if not plain.isascii():
        plain = _BEYOND.sub("中", plain)
    return _RUN.sub(lambda run: f"{run[1]}({len(run[0])})", plain)


@dataclass(slots=True)
class Part:
    """One component of one field, over all its repetitions.

    Attributes:
        count: values.
        values: how often each; empty once there are too many.
        coded: ``values`` still holds all of them.
        shapes: how often each, of those that were looked at.
        shortest: in characters.
        longest: in characters.
    """

    count: int = 0
    values: dict[str, int] = field(default_factory=dict)
    coded: bool = True
    shapes: dict[str, int] = field(default_factory=dict)
    shortest: int = 1 << 30
    longest: int = 0

    def add(self, text: str) -> None:
        """Count one value."""
        self.count += 1
        known = self.values.get(text)
        if known is not None:
            self.values[text] = known + 1
            return
        length = len(text)
        self.shortest = min(self.shortest, length)
        self.longest = max(self.longest, length)
        if self.coded:
            self.values[text] = 1
            if len(self.values) > VALUES_MAX or length > CHARACTERS_MAX:
                self.coded = False
                self.values.clear()
        if self.count <= SHAPED_MAX or self.count % SHAPED_EVERY == 0:
            self._shaped(text)

    def add_again(self, text: str, times: int) -> None:
        """Count a value that was counted before so many times more."""
        self.count += times
        if text in self.values:
            self.values[text] += times
        else:  # there were too many values meanwhile
            self._shaped(text)

    def _shaped(self, text: str) -> None:
        form = shape(text[:CHARACTERS_MAX])
        if form in self.shapes or len(self.shapes) < SHAPES_MAX:
            self.shapes[form] = self.shapes.get(form, 0) + 1


@dataclass(slots=True)
class Seen:
    """A whole field that came before: its parts are counted when somebody asks.

    Attributes:
        times: how often it has come since.
        pieces: its values with the parts that they belong to.
    """

    pieces: tuple[tuple[Part, str], ...]
    times: int = 0


@dataclass(slots=True)
class Field:
    """One field of one segment.

    Attributes:
        filled: segments in which it is valued.
        nulls: of those, with ``""``.
        repeats: most repetitions.
        parts: by number of the component.
        seen: fields that came before, by their text.
    """

    filled: int = 0
    nulls: int = 0
    repeats: int = 0
    parts: dict[int, Part] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)

    def settle(self) -> None:
        """Count what was only remembered."""
        for value, one in self.seen.items():
            if not one.times:
                continue
            self.filled += one.times
            self.nulls += one.times if value == NULL else 0
            for part, piece in one.pieces:
                part.add_again(piece, one.times)
            one.times = 0


@dataclass(slots=True)
class Segment:
    """One segment name in one kind of message.

    Attributes:
        messages: messages that have it.
        total: segments of the name.
        most: most in one message.
        follows: names directly in front of it, and how often.
        fields: by number.
    """

    messages: int = 0
    total: int = 0
    most: int = 0
    follows: Counter[str] = field(default_factory=Counter)
    fields: dict[int, Field] = field(default_factory=dict)


@dataclass(slots=True)
class Dialect:
    """One sender and one type of message."""

    seen: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    declared: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    delimiters: Counter[str] = field(default_factory=Counter)
    line_ends: Counter[str] = field(default_factory=Counter)
    escapes: Counter[str] = field(default_factory=Counter)
    id_types: Counter[str] = field(default_factory=Counter)
    segments: dict[str, Segment] = field(default_factory=dict)
    dropped: int = 0
    signs: str = ""

    def settle(self) -> None:
        """Count what was only remembered."""
        for segment in self.segments.values():
            for one in segment.fields.values():
                one.settle()

    def add(self, message: Cut) -> None:
        """Count one message."""
        self.signs = self.signs or message.delimiters
        self.seen += 1
        self.versions[message.version] += 1
        self.declared[message.declared] += 1
        self.written[message.written] += 1
        self.delimiters[message.delimiters] += 1
        self.line_ends[message.line_end] += 1
        self.problems[message.problem] += 1
        self.escapes.update(message.escapes)
        self.id_types.update(id_types(message))
        here: dict[str, int] = {}
        before = ""
        for row in message.segments:
            name = row[0]
            segment = self.segments.get(name)
            if segment is None:
                if len(self.segments) >= SEGMENTS_MAX:
                    self.dropped += 1
                    continue
                segment = self.segments[name] = Segment()
            here[name] = here.get(name, 0) + 1
            segment.total += 1
            segment.follows[before] += 1
            before = name
            self._fields(segment, row, message)
        for name, count in here.items():
            segment = self.segments[name]
            segment.messages += 1
            segment.most = max(segment.most, count)

    def _fields(self, segment: Segment, row: list[str], message: Cut) -> None:
        fields = segment.fields
        first = 3 if row[0] == "MSH" else 1
        usual = message.delimiters == self.signs  # else the same text has other parts
        for number in range(first, len(row)):
            value = row[number]
            if not value:
                continue
            one = fields.get(number)
            if one is None:
                if len(fields) >= PARTS_MAX:
                    self.dropped += 1
                    continue
                one = fields[number] = Field()
            known = one.seen.get(value)
            if known is not None and usual:
                known.times += 1
                continue
            one.filled += 1
            if value == NULL:
                one.nulls += 1
            repetitions = value.split(message.repetition) if message.repetition in value else None
            one.repeats = max(one.repeats, len(repetitions) if repetitions else 1)
            counted: list[tuple[Part, str]] = []
            for repetition in repetitions or (value,):
                _count(one.parts, repetition, message.component, counted)
            if usual and len(one.seen) < SEEN_MAX and len(value) <= SEEN_CHARACTERS_MAX:
                one.seen[value] = Seen(tuple(counted))


def _count(
    parts: dict[int, Part], repetition: str, sign: str, counted: list[tuple[Part, str]]
) -> None:
    pieces = repetition.split(sign) if sign in repetition else (repetition,)
    for number, piece in enumerate(pieces, 1):
        if piece:
            part = parts.get(number)
            if part is None:
                if len(parts) >= PARTS_MAX:
                    return
                part = parts[number] = Part()
            part.add(piece)
            counted.append((part, piece))


def id_types(message: Cut) -> set[str]:
    """The types of identifiers of one message (PID-3.5)."""
    found: set[str] = set()
    for row in message.segments:
        if row[0] == "PID" and len(row) > 3:
            for repetition in row[3].split(message.repetition):
                pieces = repetition.split(message.component)
                if pieces[0] and len(pieces) > 4 and pieces[4]:
                    found.add(pieces[4][:CHARACTERS_MAX])
    return found


@dataclass(slots=True)
class Learner:
    """Everything that was learned so far.

    Attributes:
        messages: that could be read.
        unreadable: that could not.
        dialects: by sender and type.
    """

    messages: int = 0
    unreadable: int = 0
    dropped: int = 0
    dialects: dict[tuple[str, str], Dialect] = field(default_factory=dict)

    def settle(self) -> None:
        """Count what was only remembered: to be called before anything is read."""
        for dialect in self.dialects.values():
            dialect.settle()

    def add(self, message: Cut | None) -> None:
        """Count one message."""
        if message is None:
            self.unreadable += 1
            return
        self.messages += 1
        key = (message.sender, message.type)
        dialect = self.dialects.get(key)
        if dialect is None:
            if len(self.dialects) >= DIALECTS_MAX:
                self.dropped += 1
                return
            dialect = self.dialects[key] = Dialect()
        dialect.add(message)
