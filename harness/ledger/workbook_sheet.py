"""A worksheet that writes whole blocks of plain cells, column by column.

Half a million cells are most of the time that a report takes. What is plain - a number, a printable
text without markup or outer blanks - is written at once; a row with anything else is left to
xlsxwriter, cell by cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

CELL_CHARS_MAX: Final = 32_767
"""The longest text of a cell; xlsxwriter drops a longer one without a word."""

RISKY: Final = frozenset("=+-@\t\r\n|%")
"""A text that begins so could be run after an edit or an export to CSV."""

_COLUMNS: Final = tuple(xl_col_to_name(column) for column in range(256))
_SURE_CHARS: Final = 16_000
"""Up to so many characters no text is too long for a cell, whatever they take in UTF-16."""

_REPEATED: Final = 8
"""A text that stands so often in a block, on average, is kept once for the whole workbook."""

_SHARED_MAX: Final = 10_000
"""So many texts are kept for the workbook: they stay in memory until it is written."""

_TOGETHER: Final = 50
"""So many texts are looked at together: a look at each would take as long as writing it."""

_BESIDE: Final = "|"
"""Between texts that are looked at together; blanks beside it may be outer blanks of one."""

_WIDE_BLANK: Final = "\u3000"
"""The blank of Chinese names: written as it is, though Python does not call it printable."""

_OUTER: Final = (" |", "| ", f"{_WIDE_BLANK}|", f"|{_WIDE_BLANK}")
_MARKUP: Final = ("&", "<", ">", "_x")
_TEXTS: Final = frozenset({str, type(None)})

Value = float | str | None
"""A number, a text, or no cell at all; an empty text is none either."""

Column = tuple[Sequence[Value], Format | None]
"""The values of consecutive rows, and the format of those that are numbers."""


def text_cell(text: str, marked: Format) -> tuple[str, Format | None]:
    """What a cell that stays a text says, and its format.

    Args:
        text: not empty; what no cell can hold is cut, and shows it.
        marked: the format of a text that a spreadsheet could take for a formula.
    """
    if len(text) > CELL_CHARS_MAX:
        text = text[: CELL_CHARS_MAX - 1] + "…"
    return text, marked if text[0] in RISKY else None


class QuickSheet(Worksheet):  # type: ignore[misc]  # xlsxwriter has no types
    """A sheet of a workbook with ``constant_memory``; rows come from top to bottom."""

    def put_block(self, row: int, columns: Sequence[Column], marked: Format) -> None:
        """Write consecutive rows, which lie below every row written before.

        What ``write_string`` and ``write_number`` would write, but plain rows in one go.

        Args:
            row: the first one, counted from 0.
            columns: one for each column of the sheet from the left, all of one length.
            marked: see ``text_cell``.
        """
        count = len(columns[0][0])
        if not self._usual(row, count, len(columns)):
            self._slowly(row, range(count), columns, marked)
            return
        # The row before first: formats are numbered in the order in which they are written.
        self._write_single_row(row)
        odd: set[int] = set()
        cells = [
            self._shared(_COLUMNS[column], row + 1, values, marked)
            or _cells(_COLUMNS[column], row + 1, values, (_style(shape), _style(marked)), odd)
            for column, (values, shape) in enumerate(columns)
        ]
        self._check_dimensions(row, 0)
        self._check_dimensions(row + count - 1, len(columns) - 1)
        texts = ["".join(parts) for parts in zip(*cells, strict=True)]
        begin = 0
        for place in [*sorted(odd), count]:
            if begin < place:
                self._write_single_row(row + place - 1)
                self.fh.write(
                    "".join(
                        f'<row r="{number}">{text}</row>'
                        for number, text in enumerate(texts[begin:place], row + begin + 1)
                        if text
                    )
                )
            self._slowly(row, range(place, min(place + 1, count)), columns, marked)
            begin = place + 1

    def _shared(self, name: str, number: int, values: Sequence[Value], marked: Format) -> list[str]:
        """The cells of a column of few texts, each kept once; empty where it is none."""
        texts = Counter(values) if set(map(type, values)) <= _TEXTS else Counter()
        for nothing in (None, ""):
            texts.pop(nothing, None)
        known = self.str_table
        if (
            not 0 < len(texts) * _REPEATED <= len(values)
            or known.unique_count + len(texts) > _SHARED_MAX
            or max(map(len, map(str, texts))) > _SURE_CHARS
        ):
            return []
        tails: dict[Value, str] = {}
        for text, times in texts.items():
            style = _style(marked) if str(text)[0] in RISKY else ""
            index = known._get_shared_string_index(text)  # noqa: SLF001 - as write_string does
            known.count += times - 1
            tails[text] = f'"{style} t="s"><v>{index}</v></c>'
        return [
            f'<c r="{name}{line}{tails[value]}' if value else ""
            for line, value in enumerate(values, number)
        ]

    def _slowly(
        self, row: int, places: Iterable[int], columns: Sequence[Column], marked: Format
    ) -> None:
        for place in places:
            for column, (values, shape) in enumerate(columns):
                value = values[place]
                if isinstance(value, str):
                    if value:
                        self.write_string(row + place, column, *text_cell(value, marked))
                elif value is not None:
                    self.write_number(row + place, column, value, shape)

    def _usual(self, row: int, count: int, columns: int) -> bool:
        """Whether these are the next rows, of the usual height, and lie in the sheet."""
        return (
            0 < columns <= len(_COLUMNS)
            and self.previous_row < row
            and row + count <= self.xls_rowmax
            and self.default_row_height == self.original_row_height
            and not self.row_info
            and not self.comments
            and all(one.column_format is None for one in self.col_info.values())
        )


def _cells(
    name: str, number: int, values: Sequence[Value], styles: tuple[str, str], odd: set[int]
) -> list[str]:
    """The cells of a column as they stand in the file; nothing for a row that has none.

    Args:
        name: of the column.
        number: of the first row, counted from 1.
        values: what the cells say.
        styles: of numbers, and of texts that a spreadsheet could take for formulas.
        odd: gets the places of texts that are for xlsxwriter to write.
    """
    kinds = set(map(type, values))
    if str not in kinds:
        return [
            "" if value is None else f'<c r="{name}{line}"{styles[0]}><v>{value:.16G}</v></c>'
            for line, value in enumerate(values, number)
        ]
    found: list[str] = []
    for begin in range(0, len(values), _TOGETHER):
        some = values[begin : begin + _TOGETHER]
        lines = enumerate(some, number + begin)
        if kinds <= _TEXTS and _all_plain([str(value) if value else "" for value in some]):
            found += [
                f'<c r="{name}{line}" t="inlineStr"><is><t>{value}</t></is></c>' if value else ""
                for line, value in lines
            ]
            continue
        for line, value in lines:
            cell = _cell(f"{name}{line}", value, styles)
            if cell is None:
                odd.add(line - number)
            found.append(cell or "")
    return found


def _all_plain(texts: list[str]) -> bool:
    """Whether all texts may stand as they are."""
    return (
        _readable(together := _BESIDE.join(texts))
        and not any(one in together for one in _OUTER)
        and not together[:1].isspace()
        and not together[-1:].isspace()
        and max(map(len, texts)) <= _SURE_CHARS
        and RISKY.isdisjoint({text[0] for text in texts if text})
    )


def _readable(text: str) -> bool:
    return text.replace(_WIDE_BLANK, _BESIDE).isprintable() and not any(
        one in text for one in _MARKUP
    )


def _cell(place: str, value: Value, styles: tuple[str, str]) -> str | None:
    """One cell; ``None`` where xlsxwriter has to write it."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        return f'<c r="{place}"{styles[0]}><v>{value:.16G}</v></c>'
    # A TAB before a long number keeps spreadsheets from rounding it, and many exports have one.
    if len(value) > _SURE_CHARS or not _readable(value.replace("\t", "")):
        return None
    style = styles[1] if value[0] in RISKY else ""
    outer = ' xml:space="preserve"' if value[0].isspace() or value[-1].isspace() else ""
    return f'<c r="{place}"{style} t="inlineStr"><is><t{outer}>{value}</t></is></c>'


def _style(shape: Format | None) -> str:
    return f' s="{shape._get_xf_index()}"' if shape else ""  # noqa: SLF001 - as its own sheets do
