"""Control totals from the raw bytes, by a path of their own.

Nothing of the engine is used here: Python decodes, Python splits, Python adds. What the stages
report has to equal what is counted here, to the fen, otherwise the run is INCOMPLETE. An inferred
number type loses a fen on one row in fifteen, and on both sides alike; only the text shows it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.columns import AMOUNTS, LINE_CHARS_MAX
from harness.ledger.money import fen, is_nothing, rough
from harness.ledger.sniff import Dialect

FOOTER_SQL: Final = (
    r"\s*(合计|总计|小计|汇总|总笔数|记录数|共\s*\d+|#?total\b|#?TOTAL\b|#?Total\b|#).*"
)
"""Lines that sum up and are no data, by their first cell."""

_FOOTER: Final = re.compile(FOOTER_SQL, re.DOTALL)
_COUNT: Final = re.compile(
    r"(?:笔数|记录数|行数|rows|count)\D{0,3}(\d+)|共\s*(\d+)|(\d+)\s*(?:笔|rows)"
)
_LENGTHS_SEEN: Final = 3
"""Rows after which a column of one constant length counts as fixed-width."""


class Incomplete(InputError):  # noqa: N818 - the name of its verdict
    """An input is not whole, so nothing may be concluded from it (exit code 3)."""

    exit_code = 3


@dataclass(slots=True, kw_only=True)
class Control:
    """What one file holds, by its text.

    Args:
        rows: data lines, the unreadable ones included.
        sums: fen by amount column, as written, unreadable text as far as it is a number.
        crooked: lines that have too few or too many cells, or that the engine would read otherwise.
        footers: lines that sum up.
        problems: why the file is not whole; each is a sentence.
    """

    rows: int = 0
    sums: dict[str, int] = field(default_factory=dict)
    crooked: int = 0
    footers: int = 0
    problems: list[str] = field(default_factory=list)


def rows_of(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Every line that is not blank, with its number in the file (1 = first)."""
    csv.field_size_limit(LINE_CHARS_MAX)
    with path.open(encoding=dialect.encoding, errors="replace", newline="") as stream:
        reader = csv.reader(stream, delimiter=dialect.delimiter)
        while True:
            start = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise Incomplete(str(error), where=f"{path.name}:{start}") from error
            if row and (len(row) > 1 or row[0].strip("\x1a \t\ufeff")):
                yield start, row


def is_footer(first: str) -> bool:
    """Whether a line with this first cell sums up the others."""
    return _FOOTER.fullmatch(first) is not None


def control(path: Path, dialect: Dialect, label: str) -> Control:
    """Count and add what the file says, and look whether it was cut off."""
    places = [(name, dialect.names.index(name)) for name in AMOUNTS if name in dialect.names]
    sums = [0] * len(places)
    found = Control(crooked=int(dialect.damaged))
    lines = rows_of(path, dialect)
    if dialect.header:
        next(lines, None)
    width, rows, crooked = dialect.width, 0, 0
    footers: list[tuple[int, list[str]]] = []
    number, last, fixed = 0, [""], _Fixed()
    for number, row in lines:
        first = row[0]
        usual = first[:1].isascii() and first[:1].isalnum() and first[:1] not in "tT"
        if not usual and is_footer(first):
            footers.append((number, row))
            continue
        rows += 1
        if len(row) != width:
            crooked += 1
        else:
            fixed.see(row)
        for index, (_, place) in enumerate(places):
            if place < len(row):
                sums[index] += _worth(row[place])
        last = row
    found.rows, found.footers = rows, len(footers)
    found.crooked += crooked + bool(footers)
    found.sums = {name: value for (name, _), value in zip(places, sums, strict=True)}
    if rows and not footers and _cut(path, last, dialect, fixed):
        found.problems.append(
            tr("{file}:{line}: the last line is cut off", file=label, line=number)
        )
    for line, row in footers:
        found.problems.extend(_against(found, row, dialect, f"{label}:{line}"))
    return found


def _worth(cell: str) -> int:
    # The usual form, 12.30, without a regular expression: this runs four times a row.
    if cell[-3:-2] == ".":
        digits = cell[:-3] + cell[-2:]
        if digits.isdigit() and digits.isascii():
            return int(digits)
    if is_nothing(cell):
        return 0
    return rough(cell) or 0


class _Fixed:
    """Whether the last cell of every line has one and the same length."""

    def __init__(self) -> None:
        self.length = -1
        self.previous = -1
        self.seen = 0
        self.constant = True

    def see(self, row: Sequence[str]) -> None:
        """Take the line before this one into account; the last line is the one in question."""
        if self.previous >= 0:
            if self.length not in {-1, self.previous}:
                self.constant = False
            self.length = self.previous
            self.seen += 1
        self.previous = len(row[-1])


def _cut(path: Path, last: list[str], dialect: Dialect, fixed: _Fixed) -> bool:
    """No newline at the end, and the last line shorter than every other: the file was cut off."""
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        ended = stream.read(1) in b"\n\r\x1a\x00"
    if ended:
        return False
    allowed = {dialect.width, len(dialect.names)}
    if len(last) not in allowed or "\ufffd" in last[-1]:
        return True
    short = len(last) == dialect.width and len(last[-1]) < fixed.length
    return short and fixed.constant and fixed.seen >= _LENGTHS_SEEN


def _against(found: Control, row: list[str], dialect: Dialect, where: str) -> Iterator[str]:
    """A line that sums up has to agree with the lines above it."""
    text = " ".join(row)
    count = _COUNT.search(text)
    if count is not None:
        declared = int(next(group for group in count.groups() if group))
        if declared != found.rows:
            yield tr(
                "{where}: {declared} rows are declared, {rows} are there",
                where=where,
                declared=declared,
                rows=found.rows,
            )
    if len(row) != dialect.width:
        return
    for name, value in found.sums.items():
        cell = row[dialect.names.index(name)]
        declared_fen = None if is_nothing(cell) else fen(cell)
        if declared_fen is not None and declared_fen != value:
            yield tr(
                "{where}: the control total of {column} does not hold", where=where, column=name
            )
