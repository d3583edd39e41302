"""The quick worksheet writes, byte for byte, what xlsxwriter's own does."""

from __future__ import annotations

import zipfile

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from xlsxwriter.worksheet import Worksheet

from harness.ledger import workbook_sheet
from harness.ledger.workbook_sheet import RISKY, QuickSheet

ODD = ["\t43000001", "-", "|", "a|", "| b", "\u3000", "\ttab\t", "=1+1", "<b>&", " lead", "trail ", "a\nb", "_x0041_", "\x01", "中文", "\ufffe", "\u3000x",
       "<r>rich</r>", "'quoted'", '"', "x\u200b", "😀", "R&D", "a>b", "a<b"]  # fmt: skip
WIDTH = 6
CELLS = st.lists(
    st.one_of(st.sampled_from(ODD), st.text(min_size=1, max_size=8), st.integers(-9, 10**14)),
    max_size=WIDTH,
)


def sheet(path, rows, kind, *, block=False, constant=True):
    """One sheet of rows of up to six cells; an odd column's numbers are money, a ``None`` no cell."""
    book = xlsxwriter.Workbook(
        str(path),
        {"constant_memory": constant, "strings_to_formulas": False, "strings_to_urls": False},
    )
    money = book.add_format({"num_format": "#,##0.00"})
    marked = book.add_format({"quote_prefix": True})
    page = book.add_worksheet(worksheet_class=kind)
    page.set_column(0, 9, 20)
    # Formats are numbered in the order of their first cells.
    page.write_string(0, 0, "head", marked)
    page.write_number(0, 1, 1, money)
    page.write_string(0, WIDTH - 1, "last")
    rows = [[*row, *[None] * (WIDTH - len(row))] for row in rows]
    if block:
        shapes = [money if column % 2 else None for column in range(WIDTH)]
        columns = [[told(value) for value in values] for values in zip(*rows, strict=True)]
        page.put_block(1, list(zip(columns, shapes, strict=True)), marked)
    for place, row in enumerate([] if block else rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, int):
                page.write_number(place, column, value / 100, money if column % 2 else None)
            elif value:
                risky = value[0] in RISKY
                page.write_string(place, column, value, marked if risky else None)
    book.close()
    with zipfile.ZipFile(path) as packed:
        return packed.read("xl/worksheets/sheet1.xml")


def told(value):
    return value / 100 if isinstance(value, int) else value


@pytest.mark.slow
@given(rows=st.lists(CELLS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_random_cells_are_written_alike(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("book")
    rows = [*rows, ["end"]]  # an empty last row counts for the size of a block
    own = sheet(folder / "own.xlsx", rows, Worksheet)
    assert own == sheet(folder / "block.xlsx", rows, QuickSheet, block=True)


@pytest.mark.parametrize("text", ODD)
def test_odd_cells_are_written_alike(tmp_path, text):
    rows = [[text, text, 5, "plain"]]
    own = sheet(tmp_path / "own.xlsx", rows, Worksheet)
    assert b"plain" in own
    assert own == sheet(tmp_path / "block.xlsx", rows, QuickSheet, block=True)


def test_rows_of_several_kinds_are_written_alike(tmp_path):
    rows = [["a", "b"], [], ["=1", 5], ["c", 7, 9], [" d", 1], ["e" * 20_000, 2], ["f"],
            ["g", 5, " h"], ["i ", 5, "j"], ["k|", 5, "|l"], ["m | n", 5, "o"], ["<", 5, "p"],
            ["\tq", 5, "r"], *[[f"s{n}", 5, f"t{n}", 7, 9, f"u{n}"] for n in range(120)]]  # fmt: skip
    own = sheet(tmp_path / "own.xlsx", rows, Worksheet)
    assert own.count(b"<row ") == len(rows)  # the empty one is left out, and there is a head
    assert own == sheet(tmp_path / "block.xlsx", rows, QuickSheet, block=True)


@pytest.mark.parametrize(("limit", "shared", "inline"), [(10_000, 934, 0), (3, 375, 120)])
def test_texts_that_stand_often_are_kept_once(tmp_path, monkeypatch, limit, shared, inline):
    monkeypatch.setattr(workbook_sheet, "_SHARED_MAX", limit)
    rows = [
        ["matched", ODD[n % 20], None if n % 3 else "-", n, f"only {n}", ""] for n in range(400)
    ]
    sheet(tmp_path / "own.xlsx", rows, Worksheet, constant=limit == 3)
    page = sheet(tmp_path / "block.xlsx", rows, QuickSheet, block=True)
    # Beyond the limit a row with an odd text is written cell by cell.
    assert (page.count(b't="s"'), page.count(b"matched")) == (shared, inline)

    def read(name):
        cells = openpyxl.load_workbook(tmp_path / name).worksheets[0]
        return [[(one.value, one.quotePrefix, one.data_type) for one in row] for row in cells]

    assert read("block.xlsx") == read("own.xlsx")


def test_a_long_text_is_cut_where_xlsxwriter_would_drop_it(tmp_path):
    page = sheet(tmp_path / "block.xlsx", [["x" * 40_000, 5]], QuickSheet, block=True)
    assert page.count(b"x" * 32_766 + "\u2026</t>".encode()) == 1
    assert b"x" * 32_767 not in page


@pytest.mark.parametrize("rows", [[["\tlong id", 5, "c"]], [["a", 5, "-"]], [["a", None, " c"]]])
def test_usual_rows_do_not_take_the_slow_way(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(QuickSheet, "_slowly", lambda self, row, places, *_: taken.extend(places))
    taken = []
    page = sheet(tmp_path / "block.xlsx", rows, QuickSheet, block=True)
    assert taken == []
    assert page.count(b"<row ") == 2
    sheet(tmp_path / "slow.xlsx", [["<", 5]], QuickSheet, block=True)
    assert taken == [0]
