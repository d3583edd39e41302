"""The lists of repairs: every difference stands on one, nothing else does, and nothing is executed."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

import openpyxl

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generate import generate, write

from harness.ledger.columns import HARMLESS
from harness.ledger.command import Request, reconcile

REPAIR = {
    "duplicate_centre": "2208/2305",
    "duplicate_his": "void",
    "wrong_category": "rebucket",
    "amount_mismatch": "rebook",
    "ambiguous": "look",
}
"""Typed by hand from the decision table of the interface notes (4.4)."""


def test_every_difference_has_its_repair(tmp_path: Path) -> None:
    book = generate(3, rounds=1)
    sources = {side: str(tmp_path / f"{side}.csv") for side in ("his", "centre")}
    write(book.his, Path(sources["his"]))
    write(book.centre, Path(sources["centre"]))
    out = tmp_path / "out"
    assert reconcile(Request(sources=sources, out=str(out), quiet=True, bare=True)) == 1

    rows = {
        name: list(csv.DictReader((out / f"{name}.csv").read_text("utf-8-sig").splitlines()))
        for name in ("verdicts", "repairs")
    }
    wrong = {(r["side"], r["line"]): r for r in rows["verdicts"] if r["class"] not in HARMLESS}
    listed = {(r["side"], r["line"]): r for r in rows["repairs"]}

    assert len(listed) == len(rows["repairs"]) > 0
    assert set(listed) <= set(wrong)
    # What is not listed is the centre's row of a pair whose hospital row is.
    for key in set(wrong) - set(listed):
        assert key[0] == "centre"
        partner = tuple(wrong[key]["partner"].split("+")[0].split(":"))
        assert partner in listed
    told = Counter((r["class"], r["repair"]) for r in rows["repairs"])
    for name, repair in REPAIR.items():
        assert {r for n, r in told if n == name} == {repair}


def test_the_repairs_are_a_sheet_of_the_workbook(tmp_path: Path) -> None:
    book = generate(3, rounds=1)
    sources = {side: str(tmp_path / f"{side}.csv") for side in ("his", "centre")}
    write(book.his, Path(sources["his"]))
    write(book.centre, Path(sources["centre"]))
    out = tmp_path / "out"
    reconcile(Request(sources=sources, out=str(out), quiet=True))

    workbook = openpyxl.load_workbook(out / "reconcile.xlsx", read_only=True)
    # The summary comes first, then what is to be done.
    heads, *cells = list(workbook[workbook.sheetnames[1]].iter_rows(values_only=True))
    workbook.close()
    listed = list(csv.DictReader((out / "repairs.csv").read_text("utf-8").splitlines()))
    place = heads.index("setl_id")
    assert [(row[1], row[place] or "") for row in cells] == [
        (row["repair"], row["setl_id"]) for row in listed
    ]
    assert all(row[0] and row[0] != row[1] for row in cells)
    assert sum(round(100 * row[place + 4]) for row in cells) == sum(
        round(100 * float(row["amount"])) for row in listed
    )
