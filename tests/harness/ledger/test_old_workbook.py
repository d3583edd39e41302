"""Workbooks of Excel 97 to 2003 (BIFF8), which many hospital programs still write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.ledger.desk import Desk, rows, table

pytestmark = pytest.mark.slow

FOUR = rows(0, 1, 2, 3)
BIFF = Path(__file__).parent / "files" / "four.xls"
"""The four rows, written by xlwt 1.3: amounts and times as numbers, all else as text."""


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def test_an_old_workbook_says_the_same_as_its_text(desk):
    assert BIFF.read_bytes().startswith(b"\xd0\xcf\x11\xe0")

    assert desk.run(BIFF, table(FOUR)) == 0
    assert desk.classes("his") == ["matched"] * 4


def test_an_old_workbook_is_one_whatever_its_name(desk):
    path = desk.folder / "his.csv"
    path.write_bytes(BIFF.read_bytes())

    assert desk.run(path, table(FOUR[:3])) == 1
    assert desk.classes("his") == ["matched"] * 3 + ["his_only"]


@pytest.mark.parametrize("left", [600, 3000])
def test_an_old_workbook_that_was_cut_off_is_incomplete(desk, left):
    path = desk.folder / "his.xls"
    path.write_bytes(BIFF.read_bytes()[:left])

    assert desk.run(path, table(FOUR)) == 3
