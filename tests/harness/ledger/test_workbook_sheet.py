"""The quick worksheet writes, byte for byte, what xlsxwriter's own does."""

from __future__ import annotations

import zipfile

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from xlsxwriter.worksheet import Worksheet

from harness.ledger.workbook_sheet import QuickSheet

ODD = ["=1+1", "<b>&", " lead", "trail ", "a\nb", "_x0041_", "\x01", "中文", "\ufffe", "\u3000x",
       "<r>rich</r>", "'quoted'", '"', "x\u200b", "😀"]  # fmt: skip
CELLS = st.lists(
    st.one_of(st.sampled_from(ODD), st.text(min_size=1, max_size=8), st.integers(-9, 10**14)),
    max_size=6,
)


def sheet(path, rows, kind, *, whole=False):
    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    money = book.add_format({"num_format": "#,##0.00"})
    marked = book.add_format({"quote_prefix": True})
    page = book.add_worksheet(worksheet_class=kind)
    page.set_column(0, 9, 20)
    page.set_column(1, 1, 20, money)
    page.write_string(0, 2, "head")
    for place, row in enumerate(rows, 1):
        cells = []
        for column, value in enumerate(row):
            if isinstance(value, int):
                cells.append((column, value / 100, money if column % 2 else None))
            elif value:
                cells.append((column, value, marked if value[0] in "=+-@" else None))
        if whole:
            page.put_row(place, cells)
            continue
        for column, value, shape in cells:
            write = page.write_string if isinstance(value, str) else page.write_number
            write(place, column, value, shape)
    book.close()
    with zipfile.ZipFile(path) as packed:
        return packed.read("xl/worksheets/sheet1.xml")


@pytest.mark.slow
@given(rows=st.lists(CELLS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_random_cells_are_written_alike(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("book")
    own = sheet(folder / "own.xlsx", rows, Worksheet)
    assert own == sheet(folder / "quick.xlsx", rows, QuickSheet)
    assert own == sheet(folder / "rows.xlsx", rows, QuickSheet, whole=True)


@pytest.mark.parametrize("text", ODD)
def test_odd_cells_are_written_alike(tmp_path, text):
    rows = [[text, text, 5, "plain"]]
    own = sheet(tmp_path / "own.xlsx", rows, Worksheet)
    assert b"plain" in own
    assert own == sheet(tmp_path / "quick.xlsx", rows, QuickSheet)
    assert own == sheet(tmp_path / "rows.xlsx", rows, QuickSheet, whole=True)


def test_rows_of_several_kinds_are_written_alike(tmp_path):
    rows = [["a", "b"], [], ["=1", 5], ["c", 7, 9], [" d", 1], ["e" * 20_000, 2], ["f"],
            ["g", 5, " h"], ["i ", 5, "j"], ["k|", 5, "|l"], ["m | n", 5, "o"]]  # fmt: skip
    own = sheet(tmp_path / "own.xlsx", rows, Worksheet)
    assert own.count(b"<row ") == len(rows)  # the empty one is left out, and there is a head
    assert own == sheet(tmp_path / "rows.xlsx", rows, QuickSheet, whole=True)


def test_plain_rows_do_not_take_the_slow_way(tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(QuickSheet, "write_string", lambda self, *cell: taken.append(cell))
    page = sheet(tmp_path / "rows.xlsx", [["a", 5, "c"]], QuickSheet, whole=True)
    assert [cell[:2] for cell in taken] == [(0, 2)]  # the head
    assert b"<t>a</t>" in page
