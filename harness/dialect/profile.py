"""The learned dialect as a person reads and corrects it: values, and what may be said of a place.

No value of a patient goes in: names, numbers, dates of birth, addresses and phones give lengths
and shapes alone, and so does everything that takes more than ``CODES_MAX`` different values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.dialect.stats import Dialect, Learner, Part, Segment

FORMAT: Final = 1

CODES_MAX: Final = 40
"""A set of more codes is a dictionary: it belongs into another file."""

REPEATED_MIN: Final = 5
"""How often each code of a set must have been seen on average."""

NUMBER_DIGITS: Final = 8
"""So many digits are a date, a time or a number of somebody, and no code."""

PRIVATE: Final = {
    "PID": frozenset({2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 18, 19, 20, 21, 23, 26}),
    "MRG": frozenset(range(1, 8)),
    "NK1": frozenset({2, 4, 5, 6, 16, 30, 31, 32, 33}),
    "GT1": frozenset(range(1, 60)),
    "IN1": frozenset({16, 18, 19, 36, 49}),
    "NTE": frozenset({3}),
}
"""Fields whose values are about a person; the type of an identifier (PID-3.5) may be told."""

TOLD: Final = frozenset({("PID", 3, 5), ("PID", 11, 7), ("MRG", 1, 5)})

FEES: Final = frozenset({"自费", "公费", "医保", "普通医保", "职工医保", "居民医保", "城镇职工医保",
                         "城乡居民医保", "新农合", "异地医保", "省医保", "市医保"})  # fmt: skip
"""Words by which the place of 费别 is found; a site's own are written into the profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRule:
    """One component.

    Attributes:
        at: such as ``3.5``: field and component.
        fill: share of the segments whose field has it; 1.2 where repetitions have it, too.
        length: shortest and longest, in characters.
        codes: all its values; empty if it is no code set.
        shapes: what its values are made of; empty if they are too many, or codes.
        ignore: a person says that nothing is to be said of it.
    """

    at: str
    fill: float
    length: tuple[int, int]
    codes: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    ignore: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One field.

    Attributes:
        at: its number.
        fill: share of the segments in which it is valued.
        null: share of those in which it is ``""``.
        repeats: most repetitions.
        ignore: a person says that nothing is to be said of it.
    """

    at: int
    fill: float
    null: float = 0.0
    repeats: int = 1
    ignore: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRule:
    """One segment of one kind of message.

    Attributes:
        name: of the segment.
        share: of the messages that have it.
        most: in one message.
        total: how many were seen.
        follows: segments directly in front of it.
        fields: by number.
        parts: by ``field.component``.
    """

    name: str
    share: float
    most: int
    total: int
    follows: tuple[str, ...]
    fields: Mapping[int, FieldRule] = field(default_factory=dict)
    parts: Mapping[str, PartRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectRule:
    """One sender and one type of message.

    Attributes:
        sender: MSH-3|MSH-4.
        type: such as ``ADT^A01``.
        seen: messages that it rests on.
        versions: MSH-12.
        declared: MSH-18.
        written: what the text really is in.
        delimiters: MSH-1 and MSH-2.
        line_ends: behind the segments.
        escapes: kinds of escape sequences.
        id_types: PID-3.5, with the share of messages that have it.
        fee: places of 费别, such as ``PID-38.2``.
        segments: by name.
    """

    sender: str
    type: str
    seen: int
    versions: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    delimiters: tuple[str, ...] = ()
    line_ends: tuple[str, ...] = ()
    escapes: tuple[str, ...] = ()
    id_types: Mapping[str, float] = field(default_factory=dict)
    fee: tuple[str, ...] = ()
    segments: Mapping[str, SegmentRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """All that was learned of a site."""

    messages: int
    dialects: Mapping[tuple[str, str], DialectRule]


def profile_of(learner: Learner) -> Profile:
    """What was counted, as rules."""
    learner.settle()
    return Profile(
        messages=learner.messages,
        dialects={
            key: _dialect(*key, dialect) for key, dialect in sorted(learner.dialects.items())
        },
    )


def _dialect(sender: str, kind: str, one: Dialect) -> DialectRule:
    segments = {name: _segment(name, seg, one.seen) for name, seg in one.segments.items()}
    return DialectRule(
        sender=sender,
        type=kind,
        seen=one.seen,
        versions=_names(one.versions),
        declared=_names(one.declared),
        written=_names(one.written),
        delimiters=_names(one.delimiters),
        line_ends=_names(one.line_ends),
        escapes=_names(one.escapes),
        id_types={name: share(count, one.seen) for name, count in sorted(one.id_types.items())},
        fee=tuple(_fee(segments.values())),
        segments=segments,
    )


def _names(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The values that were seen, the most frequent first."""
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))


def share(count: int, total: int) -> float:
    """Rounded down to a thousandth, so that 1.0 means all of them."""
    return int(count * 1_000 / total) / 1_000 if total else 0.0


def _segment(name: str, one: Segment, messages: int) -> SegmentRule:
    fields, parts = {}, {}
    for number, each in sorted(one.fields.items()):
        fields[number] = FieldRule(
            at=number,
            fill=share(each.filled, one.total),
            null=share(each.nulls, each.filled),
            repeats=each.repeats,
        )
        for component, part in sorted(each.parts.items()):
            at = f"{number}.{component}"
            codes = _codes(part) if _may_tell(name, number, component) else ()
            parts[at] = PartRule(
                at=at,
                fill=share(part.count, each.filled),
                length=(part.shortest, part.longest),
                codes=codes,
                shapes=tuple(sorted(part.shapes)) if _shaped(part) and not codes else (),
            )
    return SegmentRule(
        name=name,
        share=share(one.messages, messages),
        most=one.most,
        total=one.total,
        follows=_names(one.follows),
        fields=fields,
        parts=parts,
    )


def _may_tell(segment: str, number: int, component: int) -> bool:
    if (segment, number, component) in TOLD:
        return True
    return number not in PRIVATE.get(segment, frozenset())


def _codes(part: Part) -> tuple[str, ...]:
    """All values, where they are few, come again and again, and are no dates or numbers."""
    distinct = len(part.values)
    if not part.coded or not 0 < distinct <= CODES_MAX or part.count < REPEATED_MIN * distinct:
        return ()
    if any(len(value) >= NUMBER_DIGITS and value.isdecimal() for value in part.values):
        return ()
    return tuple(sorted(part.values))


def _shaped(part: Part) -> bool:
    """Few enough shapes to be a rule."""
    return 0 < len(part.shapes) <= 8 and part.longest <= 64


def _fee(segments: Sequence[SegmentRule] | Any) -> list[str]:
    """Where words for 费别 are among the codes."""
    return [
        f"{segment.name}-{part.at}"
        for segment in segments
        for part in segment.parts.values()
        if FEES & set(part.codes)
    ]
