"""The records of LIS02-A2 (formerly ASTM E1394): lexical layer and access by path.

The bytes are kept; splitting is done on decoded text, because the second byte of a GBK character
may look like a delimiter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from harness.errors import LocalProtocolError

_PATH = re.compile(
    r"(?P<type>[A-Z])(?:\[(?P<record>\d+)\])?\.(?P<field>\d+)(?:\[(?P<repeat>\d+)\])?"
    r"(?:\.(?P<component>\d+))?"
)
_REST = re.compile(r"(?P<field>\d+)(?:\[(?P<repeat>\d+)\])?(?:\.(?P<component>\d+))?")

LEVELS = {"H": 0, "L": 0, "P": 1, "Q": 1, "S": 1, "O": 2, "R": 3}
"""Levels of LIS02-A2 §4.1; C and M attach to the record before them."""

PARENTS = {"O": {"P"}, "R": {"O"}}
"""What must stand above a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AstmFinding:
    """Something in a message that breaks LIS02-A2."""

    code: str
    message: str
    clause: str
    record: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The delimiters that the H record declares (§5.4.6)."""

    field: str = "|"
    repeat: str = "\\"
    component: str = "^"
    escape: str = "&"

    def unescaped(self, text: str) -> str:
        """Resolve ``&F& &S& &R& &E& &Xhh&`` once; anything else stays (§5.4.7)."""
        if self.escape not in text:
            return text
        known = {"F": self.field, "S": self.component, "R": self.repeat, "E": self.escape}
        sign = re.escape(self.escape)

        def resolve(match: re.Match[str]) -> str:
            code = match[1]
            if code in known:
                return known[code]
            if code.startswith("X") and len(code) % 2 == 1 and _is_hex(code[1:]):
                return bytes.fromhex(code[1:]).decode("latin-1")
            return match[0]

        return re.sub(f"{sign}([A-Z][0-9A-Fa-f]*){sign}", resolve, text)


def _is_hex(text: str) -> bool:
    return bool(text) and all(char in "0123456789abcdefABCDEF" for char in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record.

    Attributes:
        type: its letter, upper case.
        text: decoded, without the CR.
        signs: delimiters in force.
    """

    type: str
    text: str
    signs: Signs

    @property
    def fields(self) -> list[str]:
        """Raw fields; the first is the letter."""
        return self.text.split(self.signs.field)

    def get(self, rest: str) -> str | None:
        """A value by ``field[repeat].component``; None if absent, ``""`` if empty.

        Fields are numbered as the standard does: 1 is the letter. H.2 are the delimiters as they
        stand. A field without a component in the path is given whole.
        """
        match = _REST.fullmatch(rest)
        if match is None:
            raise LocalProtocolError(f"not a path within an ASTM record: {rest}")
        number = int(match["field"])
        fields = self.fields
        if number > len(fields):
            return None
        text = fields[number - 1]
        if self.type == "H" and number == 2:
            return text
        if match["repeat"] or match["component"]:
            repeats = text.split(self.signs.repeat)
            repeat = int(match["repeat"] or 1)
            if repeat > len(repeats):
                return None
            text = repeats[repeat - 1]
        if match["component"]:
            components = text.split(self.signs.component)
            component = int(match["component"])
            if component > len(components):
                return None
            text = components[component - 1]
        return self.signs.unescaped(text)


@dataclass(slots=True)
class AstmMessage:
    """One message, H to L; any bytes are accepted."""

    raw: bytes
    encoding: str = "utf-8"
    records: list[Record] = field(default_factory=list)
    findings: list[AstmFinding] = field(default_factory=list)

    @classmethod
    def parse(cls, data: bytes, encoding: str = "gb18030") -> AstmMessage:
        """Read a message; what is wrong becomes a finding."""
        message = cls(raw=data, encoding=encoding)
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            text = data.decode("latin-1")
            message._find("astm.encoding", f"not {encoding} at byte {error.start}", "§5.3", 0)
        message._read(text)
        message._check()
        return message

    def _read(self, text: str) -> None:
        signs = Signs()
        for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
            record = line.lstrip("\x00 ")
            if not record:
                continue
            letter = record[0].upper()
            if letter == "H":
                signs = self._signs(record, number)
            self.records.append(Record(type=letter, text=record, signs=signs))

    def _signs(self, record: str, number: int) -> Signs:
        declared = record[1:5]
        if len(declared) < 4 or len(set(declared)) < 4:
            self._find("astm.delimiters", f"H declares {declared!r}", "§5.4.6", number)
            return Signs()
        return Signs(
            field=declared[0], repeat=declared[1], component=declared[2], escape=declared[3]
        )

    def _check(self) -> None:
        above: dict[int, str] = {}
        if not self.records or self.records[0].type != "H":
            self._find("astm.no-header", "the first record is not H", "§4.1", 1)
        if not self.records or self.records[-1].type != "L":
            self._find("astm.no-terminator", "the last record is not L", "§4.1", len(self.records))
        for number, record in enumerate(self.records, 1):
            level = LEVELS.get(record.type)
            if level is None:
                if record.type not in {"C", "M"}:
                    self._find("astm.record-type", f"record {record.type!r}", "§4.1", number)
                continue
            parents = PARENTS.get(record.type)
            if parents and above.get(level - 1) not in parents:
                wanted = " or ".join(sorted(parents))
                self._find("astm.hierarchy", f"{record.type} without {wanted}", "§4.1", number)
            above = {key: value for key, value in above.items() if key < level}
            above[level] = record.type

    def _find(self, code: str, message: str, clause: str, record: int) -> None:
        finding = AstmFinding(
            code=code, message=message, clause=f"LIS02-A2 {clause}", record=record
        )
        self.findings.append(finding)

    def count(self, letter: str) -> int:
        """How many records of a type there are."""
        return sum(1 for record in self.records if record.type == letter)

    def get(self, path: str) -> str | None:
        """A value by path such as ``R[2].4`` or ``O.3.1``; None if absent."""
        letter, number, rest = _parsed(path)
        found = [record for record in self.records if record.type == letter]
        return found[number - 1].get(rest) if number <= len(found) else None


@lru_cache(maxsize=512)
def _parsed(path: str) -> tuple[str, int, str]:
    match = _PATH.fullmatch(path)
    if match is None:
        raise LocalProtocolError(f"not an ASTM path: {path}")
    return match["type"], int(match["record"] or 1), path.partition(".")[2]


def messages(data: bytes) -> list[bytes]:
    """The messages of a session: each begins with an H record."""
    found: list[bytes] = []
    for record in data.split(b"\r"):
        if not record.strip():
            continue
        if record[:1].upper() == b"H" or not found:
            found.append(b"")
        found[-1] += record + b"\r"
    return found
