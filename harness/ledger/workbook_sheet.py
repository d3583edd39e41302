"""A worksheet that writes plain cells without looking at them several times.

Half a million cells are most of the time that a report takes. What is plain - a number, a printable
text without markup or outer blanks - is written at once; everything else is left to xlsxwriter, and
so is everything where a later version no longer asks this class.
"""

from __future__ import annotations

from typing import Any, Final

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

_COLUMNS: Final = tuple(xl_col_to_name(column) for column in range(256))
_MARKUP: Final = ("&", "<", ">", "_x", "\ufffe", "\uffff")


def _plain(text: str) -> bool:
    return (
        text.isprintable()
        and text[:1] != " "
        and text[-1:] != " "
        and not any(mark in text for mark in _MARKUP)
    )


class QuickSheet(Worksheet):  # type: ignore[misc]  # xlsxwriter has no types
    """A sheet of a workbook with ``constant_memory``; cells come row by row."""

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
