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


def sheet(path, rows, kind):
    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    money = book.add_format({"num_format": "#,##0.00"})
    marked = book.add_format({"quote_prefix": True})
    page = book.add_worksheet(worksheet_class=kind)
    page.set_column(0, 9, 20)
    page.set_column(1, 1, 20, money)
    for place, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, int):
                page.write_number(place, column, value / 100, money if column % 2 else None)
            else:
                page.write_string(place, column, value, marked if value[0] in "=+-@" else None)
    book.close()
    with zipfile.ZipFile(path) as packed:
        return packed.read("xl/worksheets/sheet1.xml")


@pytest.mark.slow
@given(rows=st.lists(CELLS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_random_cells_are_written_alike(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("book")
    mine = sheet(folder / "quick.xlsx", rows, QuickSheet)
    assert mine == sheet(folder / "own.xlsx", rows, Worksheet)


@pytest.mark.parametrize("text", ODD)
def test_odd_cells_are_written_alike(tmp_path, text):
    rows = [[text, text, 5, "plain"]]
    mine = sheet(tmp_path / "quick.xlsx", rows, QuickSheet)
    assert mine == sheet(tmp_path / "own.xlsx", rows, Worksheet)
    assert b"plain" in mine
