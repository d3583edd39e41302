"""The records of LIS02-A2 (formerly ASTM E1394): any bytes in, access by path.

The bytes are kept. Records are split on bytes, everything below on decoded text, because the second
byte of a GBK character may look like a delimiter. The character set is never declared on the wire;
whoever parses must know it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple, Self

from harness.errors import InputError, LocalProtocolError
from harness.wire.astm_check import AstmFinding, check, finding
from harness.wire.astm_text import DELETE, STANDARD, Signs, unescape

__all__ = [
    "DELETE", "STANDARD", "AstmFinding", "AstmMessage", "AstmPath", "Record", "Signs", "messages",
    "parse_path",
]  # fmt: skip

PATHS_CACHED: Final = 4096
"""Distinct paths kept parsed: more than a large site's scenarios and masks name together."""

_REST: Final = r"([1-9]\d{0,4})(?:\[([1-9]\d{0,5})\])?(?:\.([1-9]\d{0,3}))?"
_PATH = re.compile(rf"([A-Z])(?:\[([1-9]\d{{0,5}})\])?(?:\.{_REST})?")
_WITHIN = re.compile(_REST)
_RECORD_END = re.compile(rb"\r\n|\r|\n")
_BEFORE_LETTER: Final = b"\x00 \t"
_FORBIDDEN = re.compile(rb"[\x00-\x06\x08\x0e-\x1f\x7f]")


class AstmPath(NamedTuple):
    """A parsed path; what it does not name is None. All numbers count from 1.

    Attributes:
        type: record letter.
        record: which record of that letter.
        field: field, as the standard numbers it: field 1 is the letter itself.
        repeat: which repeat of the field.
        component: component of the repeat.
    """

    type: str
    record: int | None = None
    field: int | None = None
    repeat: int | None = None
    component: int | None = None


@lru_cache(maxsize=PATHS_CACHED)
def parse_path(text: str) -> AstmPath:
    """Read a path; ``InputError`` if it is none.

    >>> parse_path("O[1].5[2].4").component
    4
    """
    match = _PATH.fullmatch(text)
    if match is None:
        raise InputError(
            f"not an ASTM path: {text!r}",
            remedy="write LETTER[n].field[repeat].component, such as R[2].4",
        )
    letter, *numbers = match.groups()
    return AstmPath(letter, *(None if number is None else int(number) for number in numbers))


@lru_cache(maxsize=PATHS_CACHED)
def _within(rest: str) -> AstmPath:
    match = _WITHIN.fullmatch(rest)
    if match is None:
        raise InputError(
            f"not a path inside an ASTM record: {rest!r}", remedy="write field[repeat].component"
        )
    return AstmPath("", None, *(None if one is None else int(one) for one in match.groups()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record.

    Attributes:
        type: its letter in upper case; the letter is case-insensitive (LIS02-A2 §5.5).
        number: where it stands in the message, from 1.
        text: decoded, without CR and what stood before the letter.
        fields: as they stand; the first is the letter.
        signs: delimiters in force.
        encoding: codec that decoded it.
    """

    type: str
    number: int
    text: str
    fields: tuple[str, ...]
    signs: Signs
    encoding: str

    def get(self, rest: str) -> str | None:
        """The text at the rest of a path: ``record.get("5[2].4")``; see ``AstmMessage.get``."""
        return self.at(_within(rest))

    def at(self, path: AstmPath) -> str | None:
        """The text at a parsed path, whatever its letter and record number."""
        if path.field is None:
            return self.text
        if path.field > len(self.fields):
            return None
        text = self.fields[path.field - 1]
        if self.type == "H" and path.field == 2:
            return text
        if path.repeat is not None or path.component is not None:
            text_or_none = _part(text, self.signs.repeat, path.repeat or 1)
            if text_or_none is not None and path.component is not None:
                text_or_none = _part(text_or_none, self.signs.component, path.component)
            if text_or_none is None:
                return None
            text = text_or_none
        if self.signs.repeat in text or self.signs.component in text:
            return text
        return unescape(text, self.signs, self.encoding)

    def repeats(self, number: int) -> list[str]:
        """The repeats of a field, with their components as they stand; empty if it is absent."""
        return self.fields[number - 1].split(self.signs.repeat) if self._has(number) else []

    def components(self, number: int, repeat: int = 1) -> list[str]:
        """The text of every component of a repeat; empty if it is absent."""
        repeats = self.repeats(number)
        if repeat > len(repeats):
            return []
        parts = repeats[repeat - 1].split(self.signs.component)
        return [unescape(part, self.signs, self.encoding) for part in parts]

    def _has(self, number: int) -> bool:
        return 1 <= number <= len(self.fields)


def _part(text: str, separator: str, number: int) -> str | None:
    parts = text.split(separator)
    return parts[number - 1] if number <= len(parts) else None


@dataclass(slots=True)
class AstmMessage:
    """One message, as bytes and as records.

    Attributes:
        raw: the bytes, as they came.
        encoding: codec that was agreed.
        records: in order; empty ones are left out.
    """

    raw: bytes
    encoding: str
    records: list[Record] = field(default_factory=list)
    _problems: list[AstmFinding] = field(default_factory=list)
    _findings: list[AstmFinding] | None = None

    @classmethod
    def parse(cls, data: bytes, encoding: str = "gb18030") -> Self:
        r"""Read a message; any bytes will do, what is wrong with them is in ``findings``.

        A record that is no text of ``encoding`` is read byte by byte (Latin-1), and reported.

        Raises:
            LocalProtocolError: there is no such codec.

        >>> AstmMessage.parse(b"H|\\^&\rR|1|^^^GLU|5.2|mmol/L\rL|1\r").get("R.3.4")
        'GLU'
        """
        message = cls(raw=data, encoding=encoding)
        try:
            message._read()
        except LookupError as error:
            raise LocalProtocolError(f"no such character set: {encoding}") from error
        return message

    def _read(self) -> None:
        signs = STANDARD
        lines = _RECORD_END.split(self.raw)
        if lines[-1]:
            self._find("astm.unterminated", len(lines))
        if b"\n" in self.raw:
            self._find("astm.record-end", 0)
        for line in lines:
            data = line.lstrip(_BEFORE_LETTER)
            if not data:
                continue
            number = len(self.records) + 1
            if len(data) < len(line):
                self._find("astm.before-letter", number)
            text, codec = self._decoded(data, number)
            if not text:  # a codec may swallow bytes, such as a byte order mark
                continue
            if text[0] in "Hh":
                signs = self._signs(text, number)
            self.records.append(
                Record(
                    type=text[0].upper(),
                    number=number,
                    text=text,
                    fields=tuple(text.split(signs.field)),
                    signs=signs,
                    encoding=codec,
                )
            )

    def _decoded(self, data: bytes, number: int) -> tuple[str, str]:
        if _FORBIDDEN.search(data) is not None:
            self._find("astm.forbidden-byte", number)
        try:
            return data.decode(self.encoding), self.encoding
        except UnicodeError:
            self._find("astm.undecodable", number, expected=self.encoding)
            return data.decode("latin-1"), "latin-1"

    def _signs(self, text: str, number: int) -> Signs:
        signs = Signs.of_header(text)
        if signs is None:
            self._find("astm.delimiters", number, actual=text[1:5])
            return STANDARD
        if any(sign.isalnum() for sign in (signs.field, *signs.declaration)):
            self._find("astm.delimiters", number, actual=text[1:5])
        return signs

    def _find(self, code: str, record: int, *, expected: str = "", actual: str = "") -> None:
        self._problems.append(finding(code, record, expected=expected, actual=actual))

    @property
    def findings(self) -> list[AstmFinding]:
        """Everything that is not as LIS02-A2 has it, in the order of the records."""
        if self._findings is None:
            rows = [(record.type, record.get("2")) for record in self.records]
            found = self._problems + check(rows)
            self._findings = sorted(found, key=lambda one: one.record)
        return self._findings

    def count(self, letter: str) -> int:
        """How many records of a type there are."""
        return sum(1 for record in self.records if record.type == letter)

    def of(self, letter: str) -> list[Record]:
        """The records of a type."""
        return [record for record in self.records if record.type == letter]

    def get(self, path: str | AstmPath) -> str | None:
        """The text at ``path``: None if absent, ``""`` if present and empty.

        A value without separators is unescaped, once. A path that stops above repeats or
        components gives the text with its separators and escapes as they stand. ``DELETE`` asks to
        delete the stored value; an empty text must leave it alone (LIS02-A2 §5.4.9).
        """
        wanted = parse_path(path) if isinstance(path, str) else path
        found = self.of(wanted.type)
        number = wanted.record or 1
        return found[number - 1].at(wanted) if number <= len(found) else None

    def values(self, path: str | AstmPath) -> list[str]:
        """The text at ``path`` in every record that the path leaves open."""
        wanted = parse_path(path) if isinstance(path, str) else path
        return list(self._values(wanted))

    def _values(self, wanted: AstmPath) -> Iterator[str]:
        for number, record in enumerate(self.of(wanted.type), 1):
            text = record.at(wanted) if wanted.record in {None, number} else None
            if text is not None:
                yield text


def messages(data: bytes) -> list[bytes]:
    r"""The messages of a session, each from its H to before the next one.

    >>> messages(b"H|\\^&\rL|1\rH|\\^&\rL|1\r")
    [b'H|\\^&\rL|1\r', b'H|\\^&\rL|1\r']
    """
    found: list[bytes] = []
    begin = at = 0
    for end in [match.end() for match in _RECORD_END.finditer(data)] + [len(data)]:
        record = data[at:end].lstrip(_BEFORE_LETTER)
        if record[:1] in {b"H", b"h"} and data[begin:at].strip():
            found.append(data[begin:at])
            begin = at
        at = end
    return [*found, data[begin:]] if data[begin:].strip() else found
