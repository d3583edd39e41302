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
from itertools import chain, islice
from pathlib import Path
from typing import Final, TextIO

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import control_blocks
from harness.ledger.columns import AMOUNTS, LINE_CHARS_MAX
from harness.ledger.control_cells import SUMMED, Cell, Cells
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
_CHUNK_CHARS: Final = 1 << 16
_BLOCK_ROWS: Final = 400
"""Lines that are added up in one go: few enough to stay in the cache of the processor."""

BLOCKS_FROM_BYTES: Final = 8 << 20
"""From this size on a file is added up block by block, where numpy is there."""

_DIGITS: Final = frozenset("0123456789")
_USUAL_CHARS_MAX: Final = 18
"""Of an amount that is looked at the quick way: what is longer is no amount of a bill."""

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
        cells: rows and fen of ``control_cells.SUMMED`` by cell of 3201.
        plain: every known cell is written so that an engine may read it with types; see
            ``control_blocks.Sums.plain``.
    """

    rows: int = 0
    sums: dict[str, int] = field(default_factory=dict)
    crooked: int = 0
    footers: int = 0
    problems: list[str] = field(default_factory=list)
    cells: dict[Cell, list[int]] = field(default_factory=dict)
    plain: bool = field(default=False, compare=False)


def rows_of(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Every line that is not blank, with its number in the file (1 = first)."""
    csv.field_size_limit(LINE_CHARS_MAX)
    with path.open(encoding=dialect.encoding, errors="replace", newline="") as stream:
        for number, row in _split(stream, dialect.delimiter, path.name):
            if row and (len(row) > 1 or row[0].strip("\x1a \t\ufeff")):
                yield number, row


def _split(stream: TextIO, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Cells of each line; up to the first quotation mark, splitting is all that reading is."""
    number = 0
    while lines := stream.readlines(_CHUNK_CHARS):
        if '"' in "".join(lines) or len(max(lines, key=len)) > LINE_CHARS_MAX:
            yield from _quoted(chain(lines, stream), delimiter, name, number)
            return
        for line in lines:
            number += 1
            yield number, line.rstrip("\r\n").split(delimiter)


def _quoted(
    lines: Iterator[str], delimiter: str, name: str, before: int
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        start = before + reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Incomplete(str(error), where=f"{name}:{start}") from error
        yield start, row


def is_footer(first: str) -> bool:
    """Whether a line with this first cell sums up the others."""
    return _FOOTER.fullmatch(first) is not None


def control(path: Path, dialect: Dialect, label: str) -> Control:
    """Count and add what the file says, and look whether it was cut off."""
    places = [(name, dialect.names.index(name)) for name in AMOUNTS if name in dialect.names]
    tally = _Tally(dialect, places)
    blocks = path.stat().st_size >= BLOCKS_FROM_BYTES and _by_blocks(path, dialect, tally)
    if not blocks:
        tally = _Tally(dialect, places)
        lines = rows_of(path, dialect)
        if dialect.header:
            next(lines, None)
        while block := list(islice(lines, _BLOCK_ROWS)):
            tally.take(block)
    found = Control(
        rows=tally.rows,
        footers=len(tally.footers),
        crooked=int(dialect.damaged) + tally.crooked + bool(tally.footers),
        sums={name: value for (name, _), value in zip(places, tally.sums, strict=True)},
        cells=tally.cells.found,
        plain=blocks and tally.plain and not tally.footers and not dialect.damaged,
    )
    if tally.rows and not tally.footers and _cut(path, tally, dialect):
        found.problems.append(
            tr("{file}:{line}: the last line is cut off", file=label, line=tally.number)
        )
    for line, row in tally.footers:
        found.problems.extend(_against(found, row, dialect, f"{label}:{line}"))
    return found


def _by_blocks(path: Path, dialect: Dialect, tally: _Tally) -> bool:
    """Take a large file block by block; False where only the way line by line may judge it."""
    if not control_blocks.usable(dialect):
        return False
    sums = control_blocks.Sums(dialect)
    header = dialect.header
    tally.plain = True
    for block in control_blocks.blocks(path):
        if b'"' in block:
            return False
        own = block
        if header:
            own = block[block.find(b"\n") + 1 :]
            # What stands before the header, or a header on several lines, is not for here.
            if not block.split(b"\n", 1)[0].strip() or not own:
                return False
            tally.number, header = tally.number + 1, False
        split = sums.split(own)
        if split is None:
            # The last line may lack its newline and be plain all the same.
            ended = None if own.endswith(b"\n") else sums.split(own + b"\n")
            tally.plain &= ended is not None and sums.plain(ended, sums.add(ended))
            if not _slowly(own, dialect, tally):
                return False
        else:
            found = sums.add(split)
            tally.plain = tally.plain and sums.plain(split, found)
            tally.take_split(split, found, dialect.encoding.replace("-sig", ""))
    return not header


def _slowly(block: bytes, dialect: Dialect, tally: _Tally) -> bool:
    """A block that is not as usual, line by line."""
    if b"\r" in block.replace(b"\r\n", b""):
        return False
    text = block.decode(dialect.encoding.replace("-sig", ""), errors="replace")
    found = []
    for line in text.split("\n")[: -1 if text.endswith("\n") else None]:
        if len(line) > LINE_CHARS_MAX:
            return False
        tally.number += 1
        row = line.rstrip("\r\n").split(dialect.delimiter)
        if len(row) > 1 or row[0].strip("\x1a \t\ufeff"):
            found.append((tally.number, row))
    last = tally.number
    for start in range(0, len(found), _BLOCK_ROWS):
        tally.take(found[start : start + _BLOCK_ROWS])
    tally.number = last if not found else found[-1][0]
    return True


class _Tally:
    """Adds up a ledger block by block: what is as usual in one go, anything else line by line."""

    def __init__(self, dialect: Dialect, places: Sequence[tuple[str, int]]) -> None:
        self.width = dialect.width
        self.places = [place for _, place in places]
        self.cells = Cells(dialect.names, _worth)
        self._of_cells = [name in SUMMED for name, _ in places]
        self.rows = 0
        self.crooked = 0
        self.sums = [0] * len(places)
        self.footers: list[tuple[int, list[str]]] = []
        self.number = 0
        self.last = [""]
        self.lengths: set[int] = set()
        self.whole = 0
        self.plain = False

    def take(self, block: list[tuple[int, list[str]]]) -> None:
        """Take the next lines into account."""
        self.number = block[-1][0]
        rows = [row for _, row in block]
        beginnings = {row[0][:1] for row in rows}
        if not all(_begins_data(one) for one in beginnings):
            self.footers += [line for line in block if _ends(line[1])]
            rows = [row for row in rows if not _ends(row)]
        if not rows:
            return
        self.rows += len(rows)
        self.cells.take(rows)
        straight = rows
        if {len(row) for row in rows} != {self.width}:
            straight = [row for row in rows if len(row) == self.width]
            self.crooked += len(rows) - len(straight)
        for index, place in enumerate(self.places):
            self.sums[index] += _sum([row[place] for row in rows if place < len(row)])
        if straight:
            # Of the last line of the file the length is in question, so it comes in late.
            if self.whole and len(self.last) == self.width:
                self.lengths.add(len(self.last[-1]))
            self.lengths.update({len(row[-1]) for row in straight[:-1]})
            self.whole += len(straight)
        self.last = rows[-1]

    def take_split(
        self, split: control_blocks.Split, sums: list[control_blocks.Column], encoding: str
    ) -> None:
        """Take a block into account of which every line is as usual."""
        rows, end = split.rows, self.width - 1
        self.number += rows
        self.rows += rows
        for index, (fen_by_row, others) in enumerate(sums):
            place = self.places[index]
            self.sums[index] += int(fen_by_row.sum()) + sum(
                _worth(split.cell(row, place, encoding)) for row in others
            )
        summed = [one for one, wanted in zip(sums, self._of_cells, strict=True) if wanted]
        self.cells.take_split(split, summed, encoding)
        if self.whole and len(self.last) == self.width:
            self.lengths.add(len(self.last[-1]))
        # Only whether all are equally long is ever asked: two different ones say it.
        if len(self.lengths) <= 1 < rows and split.block.isascii():
            long = split.ends(end)[:-1] - split.begins(end)[:-1]
            self.lengths.update((int(long.min()), int(long.max())))
        elif len(self.lengths) <= 1:
            self.lengths.update(len(split.cell(row, end, encoding)) for row in range(rows - 1))
        self.whole += rows
        self.last = [split.cell(rows - 1, place, encoding) for place in range(self.width)]


def _begins_data(first: str) -> bool:
    """Whether no line that sums up begins with this character."""
    return first.isascii() and first.isalnum() and first not in "tT"


def _ends(row: list[str]) -> bool:
    return not _begins_data(row[0][:1]) and is_footer(row[0])


def _sum(cells: list[str]) -> int:
    """Fen of one column of a block; the usual form, 12.30, without looking at each cell."""
    others = [cell for cell in cells if cell[:1] not in _DIGITS]
    usual = [cell for cell in cells if cell[:1] in _DIGITS] if others else cells
    text = " ".join(usual)
    digits = text.replace(".", "")
    plain = digits.replace(" ", "")
    # One point a cell, in its place, one blank between cells, and nothing else but digits.
    if (
        {cell[-3:-2] for cell in usual} == {"."}
        and len(text) - len(digits) == len(usual)
        and len(digits) - len(plain) == len(usual) - 1
        and plain.isdecimal()
        and plain.isascii()
        and max(map(len, usual)) <= _USUAL_CHARS_MAX
    ):
        return sum(map(int, digits.split(" "))) + sum(map(_worth, others))
    return sum(map(_worth, cells))


def _worth(cell: str) -> int:
    # The usual form, 12.30, without a regular expression: this runs four times a row.
    if cell[-3:-2] == ".":
        digits = cell[:-3] + cell[-2:]
        if digits.isdigit() and digits.isascii() and len(digits) < _USUAL_CHARS_MAX:
            return int(digits)
    if is_nothing(cell):
        return 0
    return rough(cell) or 0


def _cut(path: Path, tally: _Tally, dialect: Dialect) -> bool:
    """No newline at the end, and the last line shorter than every other: the file was cut off."""
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        ended = stream.read(1) in b"\n\r\x1a\x00"
    if ended:
        return False
    allowed, last = {dialect.width, len(dialect.names)}, tally.last
    if len(last) not in allowed or "\ufffd" in last[-1]:
        return True
    # The last cell of every other line has one length, and this one is shorter.
    one = tally.whole > _LENGTHS_SEEN and len(tally.lengths) == 1
    return one and len(last) == dialect.width and len(last[-1]) < min(tally.lengths)


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
