"""New traffic against the learned dialect: what is otherwise, how bad, how often, with an example.

========= =======================================================================================
error     what was always there is gone (segment, field, type of identifier), the character set or
          the separators are others, the text is not in the set that the header declares
warning   something new that a receiver may not know: sender, type, segment, field, code, more
          repetitions, another order, longer values, ``""`` where none was; a field filled clearly
          less often
note      another shape, an escape sequence that was not used before
========= =======================================================================================

What rests on fewer than ``SEEN_MIN`` messages is at most a warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.dialect.profile import (
    PRIVATE,
    TOLD,
    DialectRule,
    FieldRule,
    PartRule,
    Profile,
    SegmentRule,
    share,
)
from harness.dialect.reading import NULL, Cut
from harness.dialect.stats import CHARACTERS_MAX, id_types, shape

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES: Final = (ERROR, WARNING, NOTE)

SEEN_MIN: Final = 20
"""Messages or segments that "always" rests on."""

ALWAYS: Final = 0.999
"""Share from which on something counts as always there."""

RATE_DROP: Final = 0.3
"""By so much less often a field must be filled to be told of; over ``SEEN_MIN`` segments."""

FINDINGS_MAX: Final = 5_000
"""Different findings that are kept; what lies beyond is counted."""


@dataclass(slots=True)
class DialectFinding:
    """Something that is otherwise, at one place of one kind of message.

    Attributes:
        severity: ``error``, ``warning`` or ``note``.
        code: stable id, such as ``dialect.field-gone``.
        sender: MSH-3|MSH-4.
        type: of the message.
        place: such as ``PID-3.5``; empty for the whole message.
        expected: what the profile says.
        actual: what was seen; of a field about a person its shape alone.
        example: MSH-10 of the first message.
        count: how often.
    """

    severity: str
    code: str
    sender: str
    type: str
    place: str
    expected: str
    actual: str
    example: str
    count: int = 0


@dataclass(slots=True)
class Checker:
    """Looks at one message after the other.

    Attributes:
        messages: that were looked at.
        unreadable: that could not be read.
        dropped: findings beyond ``FINDINGS_MAX``.
    """

    profile: Profile
    messages: int = 0
    unreadable: int = 0
    dropped: int = 0
    _found: dict[tuple[str, ...], DialectFinding] = field(default_factory=dict)
    _filled: dict[tuple[str, str, str, int], int] = field(default_factory=dict)
    _totals: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, message: Cut | None) -> None:
        """Check one message."""
        if message is None:
            self.unreadable += 1
            return
        self.messages += 1
        rule = self.profile.dialects.get((message.sender, message.type))
        if rule is None:
            senders = {sender for sender, _ in self.profile.dialects}
            code = "type-new" if message.sender in senders else "sender-new"
            self._tell(WARNING, code, message, "", "", message.type)
            return
        self._whole(rule, message)
        self._segments(rule, message)

    def findings(self) -> list[DialectFinding]:
        """Everything found, the worst first; ends the look at how often fields are filled."""
        self._rates()
        return sorted(
            self._found.values(),
            key=lambda one: (SEVERITIES.index(one.severity), one.sender, one.type, one.place,
                             one.code, one.actual),
        )  # fmt: skip

    # -- the whole message ---------------------------------------------------------------------

    def _whole(self, rule: DialectRule, message: Cut) -> None:
        if message.problem == "hl7.encoding-declared-differs" and message.written not in (
            rule.written
        ):
            self._tell(ERROR, "charset-differs", message, "MSH-18", message.declared,
                       message.written)  # fmt: skip
        for code, place, known, actual in (
            ("charset-declared", "MSH-18", rule.declared, message.declared),
            ("delimiters", "MSH-2", rule.delimiters, message.delimiters),
            ("line-end", "", rule.line_ends, message.line_end),
            ("version", "MSH-12", rule.versions, message.version),
        ):
            if actual not in known:
                self._tell(ERROR, code, message, place, ", ".join(known), actual)
        for escape in sorted(message.escapes - set(rule.escapes)):
            self._tell(NOTE, "escape-new", message, "", ", ".join(rule.escapes), escape)
        if rule.id_types:
            self._identifiers(rule, message)

    def _identifiers(self, rule: DialectRule, message: Cut) -> None:
        here = id_types(message)
        for name in sorted(here - set(rule.id_types)):
            self._tell(WARNING, "identifier-new", message, "PID-3.5",
                       ", ".join(rule.id_types), name)  # fmt: skip
        for name, rate in rule.id_types.items():
            if name not in here and rate >= ALWAYS:
                self._tell(_severe(rule.seen), "identifier-gone", message, "PID-3.5", name, "")

    # -- segments ------------------------------------------------------------------------------

    def _segments(self, rule: DialectRule, message: Cut) -> None:
        counts: dict[str, int] = {}
        before = ""
        for row in message.segments:
            name = row[0]
            counts[name] = counts.get(name, 0) + 1
            known = rule.segments.get(name)
            if known is None:
                self._tell(WARNING, "segment-new", message, name[:CHARACTERS_MAX], "", name[:3])
            else:
                if before not in known.follows:
                    self._tell(WARNING, "order", message, name, ", ".join(known.follows), before)
                self._fields(known, row, message)
            before = name
        for name, known in rule.segments.items():
            count = counts.get(name, 0)
            if not count and known.share >= ALWAYS:
                self._tell(_severe(rule.seen), "segment-gone", message, name, name, "")
            elif count > known.most > 1 or (known.most == 1 and count > 1):
                self._tell(WARNING, "segment-repeats", message, name, str(known.most), str(count))

    def _fields(self, rule: SegmentRule, row: list[str], message: Cut) -> None:
        key = (message.sender, message.type, rule.name)
        self._totals[key] = self._totals.get(key, 0) + 1
        first = 3 if rule.name == "MSH" else 1
        for number in range(first, len(row)):
            if row[number]:
                self._filled[*key, number] = self._filled.get((*key, number), 0) + 1
                known = rule.fields.get(number)
                if known is None:
                    self._tell(WARNING, "field-new", message, f"{rule.name}-{number}", "",
                               _shown(rule.name, number, 1, row[number]))  # fmt: skip
                elif not known.ignore:
                    self._field(rule, known, row[number], message)
        for number, known in rule.fields.items():
            gone = number >= first and (number >= len(row) or not row[number])
            if gone and known.fill >= ALWAYS and not known.ignore:
                place = f"{rule.name}-{number}"
                self._tell(_severe(rule.total), "field-gone", message, place, "", "")

    def _field(self, rule: SegmentRule, known: FieldRule, value: str, message: Cut) -> None:
        place = f"{rule.name}-{known.at}"
        if value == NULL and not known.null:
            self._tell(WARNING, "null-new", message, place, "", value)
        repetitions = value.split(message.repetition)
        if len(repetitions) > known.repeats:
            self._tell(WARNING, "repetitions", message, place, str(known.repeats),
                       str(len(repetitions)))  # fmt: skip
        for repetition in repetitions:
            for component, piece in enumerate(repetition.split(message.component), 1):
                if piece and piece != NULL:
                    part = rule.parts.get(f"{known.at}.{component}")
                    self._part(rule.name, known.at, component, part, piece, message)

    def _part(
        self, segment: str, number: int, component: int, rule: PartRule | None, text: str,
        message: Cut,
    ) -> None:  # fmt: skip
        if rule is not None and (rule.ignore or text in rule.codes):
            return
        place = f"{segment}-{number}.{component}"
        if rule is None or rule.codes:
            code = "code-new" if rule else "component-new"
            expected = ", ".join(rule.codes) if rule else ""
            shown = _shown(segment, number, component, text)
            self._tell(WARNING, code, message, place, expected, shown)
            return
        if len(text) > rule.length[1]:
            longest = str(rule.length[1])
            self._tell(WARNING, "longer", message, place, longest, str(len(text)))
        elif rule.shapes:
            form = shape(text[:CHARACTERS_MAX])
            if form not in rule.shapes:
                self._tell(NOTE, "shape-new", message, place, ", ".join(rule.shapes), form)

    # -- over all messages ---------------------------------------------------------------------

    def _rates(self) -> None:
        """Fields that are filled clearly less often than they were."""
        for (sender, kind, name), total in self._totals.items():
            if total < SEEN_MIN:
                continue
            rule = self.profile.dialects[sender, kind].segments[name]
            if rule.total < SEEN_MIN:
                continue
            for number, known in rule.fields.items():
                rate = share(self._filled.get((sender, kind, name, number), 0), total)
                if known.fill < ALWAYS and not known.ignore and known.fill - rate >= RATE_DROP:
                    key = ("field-rarer", sender, kind, f"{name}-{number}")
                    self._found[key] = DialectFinding(
                        severity=WARNING, code="dialect.field-rarer", sender=sender, type=kind,
                        place=f"{name}-{number}", expected=f"{known.fill:.3f}",
                        actual=f"{rate:.3f}", example="", count=total,
                    )  # fmt: skip

    def _tell(
        self, severity: str, code: str, message: Cut, place: str, expected: str, actual: str
    ) -> None:
        key = (code, message.sender, message.type, place, actual)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= FINDINGS_MAX:
                self.dropped += 1
                return
            found = self._found[key] = DialectFinding(
                severity=severity, code=f"dialect.{code}", sender=message.sender,
                type=message.type, place=place, expected=expected, actual=actual,
                example=message.control_id,
            )  # fmt: skip
        found.count += 1


def check(profile: Profile, messages: Iterable[Cut | None]) -> Checker:
    """Check all messages; the findings come from the result."""
    checker = Checker(profile)
    for message in messages:
        checker.add(message)
    return checker


def _severe(seen: int) -> str:
    return ERROR if seen >= SEEN_MIN else WARNING


def _shown(segment: str, number: int, component: int, text: str) -> str:
    """A value, or the shape of one that is about a person."""
    told = (segment, number, component) in TOLD or number not in PRIVATE.get(segment, ())
    return text[:CHARACTERS_MAX] if told else shape(text[:CHARACTERS_MAX])
