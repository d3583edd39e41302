"""The lists of repairs: every difference stands on one, nothing else does, and nothing is executed."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

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
