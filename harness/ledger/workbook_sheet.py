"""A worksheet that writes plain cells without looking at them several times.

Half a million cells are most of the time that a report takes. What is plain - a number, a printable
text without markup or outer blanks - is written at once; everything else is left to xlsxwriter, and
so is everything where a later version no longer asks this class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

_COLUMNS: Final = tuple(xl_col_to_name(column) for column in range(256))
_SURE_CHARS: Final = 16_000
"""Up to so many characters no text is too long for a cell, whatever they take in UTF-16."""

_BESIDE: Final = "|"
"""Between texts that are looked at together; blanks beside it may be outer blanks of one."""

_MARKUP: Final = re.compile(r"[&<>\ufffe\uffff]|_x| \||\| ")

Cell = tuple[int, float | str, Format | None]
"""Column, counted from 0, what the cell says, and its format."""


def _plain(text: str) -> bool:
    return (
        text.isprintable() and text[:1] != " " and text[-1:] != " " and _MARKUP.search(text) is None
    )


class QuickSheet(Worksheet):  # type: ignore[misc]  # xlsxwriter has no types
    """A sheet of a workbook with ``constant_memory``; cells come row by row."""

    def put_row(self, row: int, cells: Sequence[Cell]) -> None:
        """Write all cells of one row, which lies below every row written before.

        What ``write_string`` and ``write_number`` would write, but a row of plain cells in one go.

        Args:
            row: counted from 0.
            cells: column, from left to right, number or text, and format.
        """
        parts = None
        if self._usual(row, cells):
            # The row before first: formats are numbered in the order in which they are written.
            self._write_single_row(row)
            parts = self._parts(row, cells)
        if parts is None:
            for column, value, shape in cells:
                write = self.write_string if isinstance(value, str) else self.write_number
                write(row, column, value, shape)
            return
        self._check_dimensions(row, cells[0][0])
        self._check_dimensions(row, cells[-1][0])
        self.fh.write(f'<row r="{row + 1}">{"".join(parts)}</row>')

    def _usual(self, row: int, cells: Sequence[Cell]) -> bool:
        """Whether this is the next row, of the usual height, and its cells lie in the sheet."""
        return (
            bool(cells)
            and cells[-1][0] < len(_COLUMNS)
            and self.previous_row < row < self.xls_rowmax
            and self.default_row_height == self.original_row_height
            and row not in self.row_info
            and not self.comments
        )

    def _parts(self, row: int, cells: Sequence[Cell]) -> list[str] | None:
        """The cells as they stand in the file; ``None`` where one is for xlsxwriter to write."""
        texts = [value for _, value, _ in cells if isinstance(value, str)]
        # All at once: a look at each text would take as long as writing it.
        if not _plain(_BESIDE.join(texts)) or max(map(len, texts), default=0) > _SURE_CHARS:
            return None
        formatted = row in self.row_info or any(
            one.column_format is not None for one in self.col_info.values()
        )
        parts, number = [], row + 1
        for column, value, shape in cells:
            if shape is None:
                if formatted and self._formatted(row, column):
                    return None
                place = f"{_COLUMNS[column]}{number}"
            else:
                place = f'{_COLUMNS[column]}{number}" s="{shape._get_xf_index()}'  # noqa: SLF001 - as its own sheets do
            if isinstance(value, str):
                parts.append(f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>')
            else:
                parts.append(f'<c r="{place}"><v>{value:.16G}</v></c>')
        return parts

    def _formatted(self, row: int, col: int) -> bool:
        """Whether a cell without a format of its own gets one from its row or column."""
        column = self.col_info.get(col)
        return row in self.row_info or (column is not None and column.column_format is not None)

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        kind = cell.__class__.__name__
        number = kind == "Number"
        if (
            col >= len(_COLUMNS)
            or not (number or (kind == "String" and _plain(cell.string)))
            or (cell.format is None and self._formatted(row, col))
        ):
            super()._write_cell(row, col, cell)
            return
        index = cell.format._get_xf_index() if cell.format else 0  # noqa: SLF001 - as its own sheets do
        style = f' s="{index}"' if cell.format else ""
        place = f'r="{_COLUMNS[col]}{row + 1}"{style}'
        self.fh.write(
            f"<c {place}><v>{cell.number:.16G}</v></c>"
            if number
            else f'<c {place} t="inlineStr"><is><t>{cell.string}</t></is></c>'
        )
