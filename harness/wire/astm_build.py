"""Writing LIS02-A2 records from values, escaped exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from harness.errors import LocalProtocolError
from harness.wire.astm_text import STANDARD, Signs, escape

RECORDS_MAX: Final = 100_000
"""Records of one message: a day's results of a large instrument."""

_LEVELS: Final = {"H": 0, "L": 0, "P": 1, "Q": 1, "S": 1, "O": 2, "R": 3}
"""Levels of the hierarchy (LIS02-A2 §4). The judge of records has a table of its own: a mistake
here must not be one there."""

FIELDS_MAX: Final = 1_000
"""The longest record of the standard has 35 fields; makers add some."""


@dataclass(frozen=True, slots=True)
class Components:
    """A value of several components, each plain text."""

    parts: tuple[str, ...]

    @classmethod
    def of(cls, *parts: str) -> Self:
        """``Components.of("", "", "", "GLU")`` is ``^^^GLU``."""
        return cls(parts)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Several values of one field."""

    values: tuple[str | Components, ...]

    @classmethod
    def of(cls, *values: str | Components) -> Self:
        r"""``Repeats.of("a", "b")`` is ``a\b``."""
        return cls(values)


@dataclass(frozen=True, slots=True)
class Raw:
    """Text that goes out as it is: quirks, and what breaks the rules on purpose."""

    text: str


FieldValue = str | Components | Repeats | Raw
"""What a field can be given; plain text is escaped."""


def build_record(letter: str, fields: Mapping[int, FieldValue], signs: Signs = STANDARD) -> str:
    r"""One record without its CR; fields are numbered as in the standard, 1 being the letter.

    Fields that are not given are empty; none follows the last that is given. A header declares
    its delimiters by itself.

    Raises:
        LocalProtocolError: a field number that no record has.

    >>> build_record("R", {2: "1", 3: Components.of("", "", "", "GLU"), 4: "<5|6"})
    'R|1|^^^GLU|<5&F&6'
    """
    given: dict[int, FieldValue] = dict(fields)
    if letter == "H":
        given.setdefault(2, Raw(signs.declaration))
    if any(not 2 <= number <= FIELDS_MAX for number in given):
        raise LocalProtocolError(f"no ASTM record has fields {sorted(given)}")
    last = max(given, default=1)
    texts = (_text(given.get(number, ""), signs) for number in range(2, last + 1))
    return signs.field.join([letter, *texts])


def _text(value: FieldValue, signs: Signs) -> str:
    match value:
        case str():
            return escape(value, signs)
        case Components():
            return signs.component.join(escape(part, signs) for part in value.parts)
        case Repeats():
            return signs.repeat.join(_text(one, signs) for one in value.values)
        case Raw():
            return value.text


@dataclass(slots=True)
class AstmBuilder:
    r"""Builds one message; sequence numbers (field 2) count by themselves unless given.

    Args:
        encoding: agreed with the other side.
        signs: delimiters.
        record_end: CR in the standard.

    >>> AstmBuilder("ascii").add("H", {5: "SIM"}).add("P").add("L", {3: "N"}).build()
    b'H|\\^&|||SIM\rP|1\rL|1|N\r'
    """

    encoding: str = "gb18030"
    signs: Signs = STANDARD
    record_end: str = "\r"
    _records: list[str] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, letter: str, fields: Mapping[int, FieldValue] | None = None) -> Self:
        """Append a record.

        Raises:
            LocalProtocolError: too many records, or a field that no record has.
        """
        if len(self._records) >= RECORDS_MAX:
            raise LocalProtocolError("too many ASTM records for one message")
        given: dict[int, FieldValue] = dict(fields or {})
        count = self._count(letter)
        if letter != "H":
            given.setdefault(2, str(count))
        self._records.append(build_record(letter, given, self.signs))
        return self

    def _count(self, letter: str) -> int:
        """A record of a higher level starts the count of those below again (LIS02-A2 §5.6)."""
        level = _LEVELS.get(letter)
        if level is not None:
            below = [one for one in self._counts if _LEVELS.get(one, 9) > level]
            for one in below:
                del self._counts[one]
        self._counts[letter] = 1 if letter == "L" else self._counts.get(letter, 0) + 1
        return self._counts[letter]

    def build(self, errors: Literal["strict", "replace"] = "strict") -> bytes:
        """The message.

        Args:
            errors: ``replace`` writes a question mark for a character outside the set, as
                instruments do that know one byte a character.

        Raises:
            UnicodeEncodeError: a text that the character set cannot write.
        """
        text = "".join(f"{one}{self.record_end}" for one in self._records)
        return text.encode(self.encoding, errors)
