"""Spreadsheets and DBF tables as text.

A spreadsheet keeps numbers as binary fractions: an amount is freed of their noise, and an
identifier that was stored as a number has lost what stands beyond 15 digits, so it is refused.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.columns import AMOUNTS, KEYS
from harness.ledger.control import Incomplete
from harness.ledger.sniff import canonical_name
from harness.ledger.uploads_model import TEXT_COLUMNS, plain

EXACT_DIGITS: Final = 15
"""Digits that a binary fraction of 64 bits keeps."""

_CENT: Final = Decimal("0.01")
_NOISE: Final = Decimal("0.000001")
"""What binary fractions and formulas add to an amount; anything larger was written by somebody."""


def sheet_to_text(path: Path, target: Path, renames: Mapping[str, str]) -> None:
    """All sheets that have rows, one below the other, as CSV in UTF-8.

    Args:
        path: the workbook.
        target: the CSV.
        renames: own column names, in lower case, to the interface's.

    Raises:
        InputError: sheets of different columns, or an identifier stored as a number too long to
            be exact.
        Incomplete: the workbook cannot be opened.
    """
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - only where it is needed

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except Exception as error:  # calamine's errors have no common base in all versions
        raise Incomplete(
            tr("the workbook cannot be read: {error}", error=error), where=str(path)
        ) from error
    rows = _joined(path, {name: table for name, table in sheets.items() if table})
    names = [canonical_name(str(cell), renames) for cell in rows[0]]
    lines = ([_cell(path, n, names, i, v) for i, v in enumerate(row)] for n, row in _body(rows))
    _write(target, [str(cell) for cell in rows[0]], lines)


def _joined(path: Path, sheets: Mapping[str, list[list[Any]]]) -> list[list[Any]]:
    """The rows of all sheets below one head: outpatients and inpatients are often two sheets."""
    if not sheets:
        raise InputError(tr("the file is empty"), where=str(path), remedy=tr("export it again"))
    first, *others = sheets
    rows = list(sheets[first])
    for name in others:
        if sheets[name][0] != rows[0]:
            raise InputError(
                tr("sheet {name} has other columns than sheet {first}", name=name, first=first),
                where=str(path),
                remedy=tr("leave only sheets of one ledger, with one heading, in the workbook"),
            )
        rows += sheets[name][1:]
    return rows


def _body(rows: list[list[Any]]) -> Iterable[tuple[int, list[Any]]]:
    return ((number, row) for number, row in enumerate(rows[1:], 2) if any(c != "" for c in row))


def _cell(path: Path, line: int, names: list[str], index: int, value: Any) -> str:
    name = names[index] if index < len(names) else ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, int | float):
        return str(value)
    number = Decimal(repr(value))
    if name in AMOUNTS:
        rounded = number.quantize(_CENT, rounding=ROUND_HALF_UP)
        return str(rounded if abs(rounded - number) < _NOISE else number)
    whole = number == number.to_integral_value()
    text = str(int(number)) if whole else str(number)
    if (name in KEYS or plain(name) in TEXT_COLUMNS) and len(text.lstrip("-")) > EXACT_DIGITS:
        raise InputError(
            tr("{column} was stored as a number: its last digits are lost", column=name),
            where=f"{path}:{line}",
            remedy=tr("export the column as text"),
        )
    return text


def dbf_to_text(path: Path, target: Path) -> int:
    """A DBF table as CSV in UTF-8: amounts from their digits, deleted records left out.

    Returns:
        How many records are marked as deleted.

    Raises:
        Incomplete: the table is shorter than its header says.
    """
    from dbfread import DBF, FieldParser  # noqa: PLC0415 - only where it is needed

    class Digits(FieldParser):  # type: ignore[misc]
        """Numbers stay the digits that the file has; the usual reader makes floats of them."""

        def parseN(self, field: Any, data: bytes) -> str:  # noqa: N802 - dbfread's own name
            return data.decode("ascii", "replace").strip(" \x00*")

        parseF = parseN  # noqa: N815 - dbfread's own name

    try:
        table = DBF(str(path), encoding="gb18030", parserclass=Digits, char_decode_errors="replace")
        declared = table.header.numrecords
        size = path.stat().st_size
        needed = table.header.headerlen + declared * table.header.recordlen
        rows = [["" if cell is None else str(cell) for cell in one.values()] for one in table]
        deleted = len(table.deleted)
    except Exception as error:  # dbfread raises whatever its struct meets
        raise Incomplete(
            tr("the table cannot be read: {error}", error=error), where=str(path)
        ) from error
    # A mark of the end in the middle hides what follows; a table without a count is as it is read.
    if size < needed or len(rows) + deleted < declared:
        raise Incomplete(
            tr("{declared} records are declared, the file ends before", declared=declared),
            where=str(path),
        )
    _write(target, table.field_names, rows)
    return deleted


def _write(target: Path, names: list[str], rows: Iterable[list[str]]) -> None:
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([*row, *[""] * (len(names) - len(row))] for row in rows)
