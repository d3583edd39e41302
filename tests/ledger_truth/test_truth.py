"""Precision and recall of every class on ledgers whose truth was fixed before any noise."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generate import Ledgers, generate, write

from harness.ledger import columns
from harness.ledger.columns import HARMLESS
from harness.ledger.command import Request, reconcile

KINDS_AT_LEAST = 20

pytestmark = pytest.mark.slow


def judged(folder: Path, book: Ledgers, engine: str = "", **how: object) -> list[tuple[str, str]]:
    """(truth, class) of every row of both ledgers."""
    truth = {
        "his": write(book.his, folder / "his.csv", seed=3, **how),
        "centre": write(book.centre, folder / "centre.csv", seed=4, **how),
    }
    sources = {side: str(folder / f"{side}.csv") for side in truth}
    code = reconcile(Request(sources=sources, out=str(folder / "out"), engine=engine, quiet=True))
    assert code == 1
    with (folder / "out" / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["side"], int(r["line"])) for r in rows] == [
        (side, line) for side in truth for line in range(1, len(truth[side]) + 1)
    ]
    return [(truth[r["side"]][int(r["line"]) - 1], r["class"]) for r in rows]


HOW = {
    "as made": {},
    "rows and columns shuffled": {"shuffle": True, "columns": True},
    "gbk": {"shuffle": True, "encoding": "gb18030"},
    "other ids": {"prefix": "HN-", "shuffle": True},
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("seed", [11, 12])
def test_every_class_has_precision_and_recall_of_one(tmp_path, how, seed):
    rows = judged(tmp_path, generate(seed), **HOW[how])

    assert [pair for pair in rows if pair[0] != pair[1]] == []
    assert len({truth for truth, _ in rows}) >= KINDS_AT_LEAST


def test_no_difference_is_ever_called_harmless(tmp_path):
    # Many rounds: kinds of one seed meet more of each other's rows.
    rows = judged(tmp_path, generate(99, rounds=25, healthy=400), shuffle=True)

    missed = [(t, c) for t, c in rows if t not in HARMLESS and c in HARMLESS]
    raised = [(t, c) for t, c in rows if t in HARMLESS and c not in HARMLESS]
    assert (missed, raised) == ([], [])


def test_a_second_engine_comes_to_the_same_verdicts(tmp_path):
    book = generate(5)
    folders = [tmp_path / name for name in ("duckdb", "sqlite")]
    for folder in folders:
        folder.mkdir()
        judged(folder, book, engine=folder.name)
    one, other = ((folder / "out" / "verdicts.csv").read_bytes() for folder in folders)
    assert one == other


def test_the_short_way_of_few_rows_comes_to_the_same_verdicts(tmp_path, monkeypatch):
    book = generate(17)
    folders = [tmp_path / name for name in ("many", "few")]
    for few, folder in zip((-1, len(book.his) + len(book.centre)), folders, strict=True):
        monkeypatch.setattr(columns, "FEW_ROWS", few)
        folder.mkdir()
        rows = judged(folder, book, shuffle=True)
        assert [pair for pair in rows if pair[0] != pair[1]] == []
    for name in ("verdicts.csv", "repairs.csv", "identities.csv"):
        one, other = ((folder / "out" / name) for folder in folders)
        assert one.is_file() == other.is_file()
        assert not one.is_file() or one.read_bytes() == other.read_bytes()
    many, few = (json.loads((one / "out" / "totals.json").read_text("utf-8")) for one in folders)
    assert many | {"inputs": 0} == few | {"inputs": 0}
