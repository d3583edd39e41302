"""What is not as LIS02-A2 has it: one table of codes and texts, and the rules across records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.digits import whole_number

TEXTS: Final = {
    # lexical
    "astm.delimiters": ("The header names no usable delimiters", "§5.4"),
    "astm.undecodable": ("A record is no text of the agreed character set", "§5.1"),
    "astm.forbidden-byte": ("A control character that no record may hold", "§5.1"),
    "astm.record-end": ("A record ends with LF or CR LF in place of CR", "§5.1"),
    "astm.unterminated": ("The last record is not terminated by CR", "§5.1"),
    "astm.before-letter": ("Blanks or NUL before the record letter", "§5.5"),
    # structure
    "astm.no-header": ("The first record is not a header", "§4"),
    "astm.header-inside": ("A header inside a message", "§4"),
    "astm.no-terminator": ("The last record is not a terminator", "§4"),
    "astm.after-terminator": ("A record after the terminator", "§4"),
    "astm.record-type": ("A record letter that the standard does not know", "§4"),
    "astm.order-without-patient": ("An order without a patient above it", "§4"),
    "astm.result-without-order": ("A result without an order above it", "§4"),
    "astm.sequence": ("The sequence number is not the next one", "§5.6"),
}
"""Every finding about records: code, what it says, clause. The texts carry no values, so that they
can be translated."""

LEVELS: Final = {"H": 0, "L": 0, "P": 1, "Q": 1, "S": 1, "O": 2, "R": 3}
"""Levels of the hierarchy; C and M attach to the record before them (LIS02-A2 §4)."""

_ATTACHED: Final = frozenset({"C", "M"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AstmFinding:
    """One thing that is not as the standard has it.

    Attributes:
        code: stable id such as ``astm.sequence``.
        message: what it means, in English; a key of the catalogue.
        clause: the clause that it breaks.
        record: number of the record from 1, or 0 for the message as a whole.
        expected: what the standard wants there, where that is one value.
        actual: what stands there.
    """

    code: str
    message: str
    clause: str
    record: int
    expected: str = ""
    actual: str = ""


def finding(code: str, record: int, *, expected: str = "", actual: str = "") -> AstmFinding:
    """A finding with the text and clause of its code."""
    message, clause = TEXTS[code]
    return AstmFinding(
        code=code,
        message=message,
        clause=f"LIS02-A2 {clause}",
        record=record,
        expected=expected,
        actual=actual,
    )


def check(rows: Sequence[tuple[str, str | None]]) -> list[AstmFinding]:
    """Judge the order of records and their sequence numbers.

    Args:
        rows: letter and field 2 of each record, in order.
    """
    return [*_ends(rows), *_hierarchy(rows), *_sequence(rows)]


def _ends(rows: Sequence[tuple[str, str | None]]) -> Iterator[AstmFinding]:
    letters = [letter for letter, _ in rows]
    if letters[:1] != ["H"]:
        yield finding("astm.no-header", 1)
    if "L" not in letters:
        yield finding("astm.no-terminator", len(rows))
        return
    for number in range(letters.index("L") + 2, len(rows) + 1):
        yield finding("astm.after-terminator", number, actual=letters[number - 1])


def _hierarchy(rows: Sequence[tuple[str, str | None]]) -> Iterator[AstmFinding]:
    above: dict[int, str] = {}
    for number, (letter, _) in enumerate(rows, 1):
        if letter in _ATTACHED:
            continue
        level = LEVELS.get(letter)
        if level is None:
            yield finding("astm.record-type", number, actual=letter)
            continue
        if letter == "H" and number > 1:
            yield finding("astm.header-inside", number)
        if letter == "O" and above.get(1) != "P":
            yield finding("astm.order-without-patient", number)
        if letter == "R" and above.get(2) != "O":
            yield finding("astm.result-without-order", number)
        above = {known: one for known, one in above.items() if known < level}
        above[level] = letter


def _sequence(rows: Sequence[tuple[str, str | None]]) -> Iterator[AstmFinding]:
    """Numbers count within the parent: a record of a higher level starts those below again."""
    counts: dict[str, int] = {}
    before = ""
    for number, (letter, stated) in enumerate(rows, 1):
        if letter in _ATTACHED:
            wanted = {counts.get(letter, 0) + 1}
            if before in _ATTACHED - {letter}:  # attached to that one, or to what it attaches to
                wanted.add(1)
        elif letter not in LEVELS:
            continue
        else:
            level = LEVELS[letter]
            counts = {one: n for one, n in counts.items() if LEVELS.get(one, 9) <= level}
            wanted = {1 if letter == "L" else counts.get(letter, 0) + 1}
        given = (stated or "").strip()
        value = whole_number(given)
        if letter != "H" and value not in wanted:
            yield finding("astm.sequence", number, expected=str(max(wanted)), actual=given)
        counts[letter] = value if value in wanted and value is not None else max(wanted)
        before = letter
