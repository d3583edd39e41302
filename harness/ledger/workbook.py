"""``reconcile.xlsx``: what a finance office works from, one sheet a class.

Money is a number with two decimals, and text where a spreadsheet's fifteen digits would not hold
it. Everything else is text: a settlement id of twenty digits stays as it is, and a cell that
begins with ``= + - @`` or a TAB is a marked text that no spreadsheet runs. Rows are streamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from harness.i18n import tr
from harness.ledger.class_words import side_name, word
from harness.ledger.columns import SETTLED_ROWS_MAX
from harness.ledger.report_bridge import Bridge
from harness.ledger.report_causes import cause_name, confidence_name
from harness.ledger.report_read import BATCH_ROWS, Outcome, is_difference
from harness.ledger.report_text import moment, plain_yuan
from harness.ledger.workbook_sheet import QuickSheet, Value, text_cell

SHEET_ROWS_MAX: Final = 1_000_000
"""Data rows of one sheet; the format ends at 1,048,576 and a second sheet takes the rest."""


EXACT_FEN_MAX: Final = 10**15 - 1
"""Fifteen digits: what a spreadsheet's number holds exactly."""

WIDTHS: Final = {"setl_id": 24, "mdtrt_id": 22, "setl_time": 20, "cause": 26, "advice": 44}
WIDTH_USUAL: Final = 14
SHEET_NAME_MAX: Final = 31
FIRST: Final = ("side", "line", "setl_id", "class", "field", "partner", "delta_fen")


class Sheets:
    """A workbook that is being written, with the few formats that it needs."""

    def __init__(self, path: Path) -> None:
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        self._book.set_calc_mode("manual")
        self.head: Format = self._book.add_format(
            {"bold": True, "bg_color": "#E7ECF3", "border": 1, "text_wrap": True}
        )
        self.bold: Format = self._book.add_format({"bold": True})
        self.money: Format = self._book.add_format({"num_format": "#,##0.00"})
        self.marked: Format = self._book.add_format({"quote_prefix": True})
        self._names: set[str] = set()

    def sheet(self, name: str, heads: Sequence[str], widths: Sequence[int]) -> QuickSheet:
        """A new sheet with its header frozen and its columns wide enough."""
        page: QuickSheet = self._book.add_worksheet(self._free(name), worksheet_class=QuickSheet)
        page.freeze_panes(1, 0)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        for column, (head, width) in enumerate(zip(heads, widths, strict=True)):
            page.set_column(column, column, width)
            page.write_string(0, column, head, self.head)
        return page

    def put_text(self, page: Worksheet, row: int, column: int, text: str) -> None:
        """A text cell that stays a text."""
        if text:
            page.write_string(row, column, *text_cell(text, self.marked))

    def put_fen(self, page: Worksheet, row: int, column: int, fen: int | None) -> None:
        """An amount as a number of yuan, or as text where a number would lose a fen."""
        if fen is not None:
            value = _yuan(fen)
            if isinstance(value, str):
                self.put_text(page, row, column, value)
            else:
                page.write_number(row, column, value, self.money)

    def close(self) -> None:
        """Write the file."""
        self._book.close()

    def _free(self, name: str) -> str:
        clean = "".join("_" if char in r"[]:*?/\\'" else char for char in name)[:SHEET_NAME_MAX]
        wanted, number = clean, 1
        while wanted.lower() in self._names:
            number += 1
            tail = f" ({number})"
            wanted = clean[: SHEET_NAME_MAX - len(tail)] + tail
        self._names.add(wanted.lower())
        return wanted


def write_workbook(
    outcome: Outcome,
    bridge: Bridge,
    path: Path,
    *,
    extra: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]] = (),
) -> Path:
    """The workbook of a reconciliation.

    Args:
        outcome: what reconciliation left.
        bridge: from HIS total to centre total.
        path: the file to write.
        extra: further sheets: name, heads, rows; an ``int`` in a row is an amount in fen.
    """
    sheets = Sheets(path)
    try:
        _summary(sheets, outcome, bridge)
        for name, heads, rows in extra:
            _table(sheets, name, heads, rows)
        if not outcome.incomplete:
            for bucket in outcome.buckets():
                _class_sheets(sheets, outcome, bucket.code, sum(bucket.rows.values()))
    finally:
        sheets.close()
    return path


def _summary(sheets: Sheets, outcome: Outcome, bridge: Bridge) -> None:
    heads = [
        tr("class"),
        tr("code"),
        tr("difference?"),
        *(tr("{side} rows", side=side_name(side)) for side in ("his", "centre", "channel")),
        *(tr("{side} amount", side=side_name(side)) for side in ("his", "centre", "channel")),
        tr("HIS minus centre"),
        tr("first step"),
    ]
    page = sheets.sheet(tr("summary"), heads, [26, 24, 10, 10, 10, 10, 16, 16, 16, 16, 60])
    row = 1
    for bucket in [] if outcome.incomplete else outcome.buckets():
        words = word(bucket.code)
        sheets.put_text(page, row, 0, words.name)
        sheets.put_text(page, row, 1, bucket.code)
        sheets.put_text(page, row, 2, tr("yes") if words.difference else tr("no"))
        for place, side in enumerate(("his", "centre", "channel")):
            page.write_number(row, 3 + place, bucket.rows.get(side, 0))
            sheets.put_fen(page, row, 6 + place, bucket.fen.get(side, 0))
        sheets.put_fen(page, row, 9, bucket.effect_fen)
        sheets.put_text(page, row, 10, words.say(words.first))
        row += 1
    if outcome.incomplete:
        sheets.put_text(page, row, 0, tr("INCOMPLETE: the inputs are not proven whole"))
        return
    row += 1
    for arrow in bridge.arrows:
        sheets.put_text(page, row, 0, arrow.name)
        sheets.put_text(page, row, 1, arrow.code)
        page.write_number(row, 3, arrow.rows)
        sheets.put_fen(page, row, 9, arrow.fen if arrow.level is None else arrow.level)
        row += 1
    page.write_string(row, 0, tr("not explained"), sheets.bold)
    sheets.put_fen(page, row, 9, bridge.residual_fen)


class _Pages:
    """A table that goes on in a further sheet where one is full.

    Args:
        sheets: the workbook.
        name: of the sheets.
        heads: of its columns.
        widths: in characters.
        shapes: formats of the numbers of each column.
    """

    def __init__(
        self,
        sheets: Sheets,
        name: str,
        heads: Sequence[str],
        widths: Sequence[int],
        shapes: Sequence[Format | None],
    ) -> None:
        self._sheets, self._new, self._shapes = sheets, (name, heads, widths), shapes
        self.page = sheets.sheet(*self._new)
        self.row = 0

    def put(self, columns: Sequence[Sequence[Value]]) -> None:
        """Rows in order, column by column."""
        begin, count = 0, len(columns[0])
        while begin < count:
            if self.row == SHEET_ROWS_MAX:
                self.page, self.row = self._sheets.sheet(*self._new), 0
            end = min(count, begin + SHEET_ROWS_MAX - self.row)
            block = [
                (values[begin:end], shape)
                for values, shape in zip(columns, self._shapes, strict=True)
            ]
            self.page.put_block(self.row + 1, block, self._sheets.marked)
            self.row += end - begin
            begin = end


def _class_sheets(sheets: Sheets, outcome: Outcome, code: str, total: int) -> None:
    known = outcome.columns()
    columns: list[str] = [name for name in FIRST if name in known]
    columns += [name for name in known if name not in columns]
    limit = -1 if is_difference(code) else SETTLED_ROWS_MAX
    pages = _Pages(
        sheets,
        word(code).name,
        [_head(name) for name in columns],
        [WIDTHS.get(name.removeprefix("x_"), WIDTH_USUAL) for name in columns],
        [sheets.money if name.endswith("_fen") else None for name in columns],
    )
    makers = [(known.index(name), _maker(name)) for name in columns]
    for block in outcome.blocks(code, limit):
        pages.put([[make(value) for value in block[place]] for place, make in makers])
    pages.page.autofilter(0, 0, max(1, pages.row), len(columns) - 1)
    if 0 <= limit < total:
        left = tr("{count} more rows: see verdicts.csv", count=f"{total - limit:,}")
        sheets.put_text(pages.page, pages.row + 2, 0, left)


def _yuan(fen: int | None) -> Value:
    """Yuan as a number, or as text where a number would lose a fen."""
    if fen is None or -EXACT_FEN_MAX <= fen <= EXACT_FEN_MAX:
        return None if fen is None else fen / 100
    return plain_yuan(int(fen))


def _maker(name: str) -> Callable[[Any], Value]:
    """What makes a cell of each value of a column."""
    if name.endswith("_fen"):
        return _yuan
    if name == "line":
        return int
    if name in _IN_WORDS:  # codes repeat
        say = cache(_IN_WORDS[name])
        return lambda value: say(value) if value else None
    return _said


def _said(value: Any) -> Value:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    return moment(value)


_IN_WORDS: Final[Mapping[str, Callable[[str], str]]] = {
    "side": side_name,
    "class": lambda code: f"{word(code).name} {code}",
    "cause": lambda code: f"{cause_name(code)} {code}",
    "confidence": confidence_name,
}
"""Columns whose codes are said in words."""


def _table(sheets: Sheets, name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table of which every ``int`` is an amount in fen."""
    pages = _Pages(sheets, name, heads, [20] * len(heads), [sheets.money] * len(heads))
    later = iter(rows)
    while block := list(islice(later, BATCH_ROWS)):
        pages.put([[_of_table(value) for value in values] for values in zip(*block, strict=True)])


def _of_table(value: Any) -> Value:
    if value is None or isinstance(value, str):
        return value
    return str(value) if isinstance(value, bool) or not isinstance(value, int) else _yuan(value)


def _head(name: str) -> str:
    """Column heads in words where they are ours; the interface's own names stay."""
    ours = {
        "side": tr("side"),
        "line": tr("line"),
        "class": tr("class"),
        "field": tr("field"),
        "partner": tr("partner row"),
        "delta_fen": tr("HIS minus centre"),
        "stage": tr("stage"),
        "cause": tr("cause"),
        "confidence": tr("confidence"),
        "advice": tr("advice"),
        "medfee_fen": "medfee_sumamt",
        "fund_fen": "fund_pay_sumamt",
        "acct_fen": "acct_pay",
        "cash_fen": "psn_cash_pay",
        "refund": tr("refund"),
        "source": tr("file"),
        "raw_line": tr("line of the file"),
    }
    return ours.get(name, name.removeprefix("x_"))
