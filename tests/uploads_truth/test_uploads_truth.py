"""Precision and recall of every class of uploads on rows whose truth was fixed before any noise."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from uploads_generate import HEADS, boxes, lists, visits, write

from harness.ledger.command import Request, reconcile

LEDGER = "setl_id,mdtrt_id,psn_no,medfee_sumamt,setl_time\nS1,Z1,P1,10.00,2026-03-02 10:00:00\n"
KINDS = {"visits": visits, "boxes": boxes, "lists": lists}
CLASSES_AT_LEAST = {"visits": 9, "boxes": 9, "lists": 9}

HOW = {
    "rows and columns shuffled": {"shuffle": True, "columns": True},
    "gbk with tabs": {"shuffle": True, "encoding": "gb18030", "tab": True},
}

pytestmark = pytest.mark.slow


def judged(folder: Path, kind: str, seed: int, rounds: int, **how: object) -> list[tuple[str, str]]:
    """(truth, class) of every row of both sides."""
    book = KINDS[kind](seed, rounds)
    files, truth = {}, {}
    for side, rows in (("his", book.his), ("centre", book.centre)):
        path = folder / f"{side}_{kind}.csv"
        truth[f"{side}_{kind}"] = write(rows, HEADS[kind][side], path, seed=seed, **how)
        files[f"{side}_{kind}"] = str(path)
    ledger = folder / "ledger.csv"
    ledger.write_text(LEDGER, encoding="utf-8")
    out = folder / "out"
    code = reconcile(
        Request(
            sources={"his": str(ledger), "centre": str(ledger)},
            out=str(out),
            further=argparse.Namespace(**files),
            quiet=True,
            bare=True,
        )
    )
    assert code == 1
    with (out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = [one for one in csv.DictReader(stream) if one["side"] in truth]
    # Conservation: every line of both files once, in the order of the files.
    assert [(r["side"], int(r["line"])) for r in rows] == [
        (side, line) for side in truth for line in range(1, len(truth[side]) + 1)
    ]
    told = json.loads((out / "totals.json").read_text(encoding="utf-8"))["uploads"][kind]
    assert sum(one["rows"] for one in told["buckets"]) == len(rows)
    return _paired(truth, rows)


def _paired(
    truth: dict[str, list[tuple[str, tuple[str, ...]]]], rows: list[dict[str, str]]
) -> list[tuple[str, str]]:
    """Truths beside classes; of rows that are alike to the letter any may be the surplus one."""
    alike: dict[object, tuple[list[str], list[str]]] = {}
    for row in rows:
        true, cells = truth[row["side"]][int(row["line"]) - 1]
        truths, classes = alike.setdefault((row["side"], cells), ([], []))
        truths.append(true)
        classes.append(row["class"])
    return [
        pair
        for truths, classes in alike.values()
        for pair in zip(sorted(truths), sorted(classes), strict=True)
    ]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", KINDS)
def test_every_class_has_precision_and_recall_of_one(tmp_path, kind, how):
    rows = judged(tmp_path, kind, 11, 5, **HOW[how])

    assert [pair for pair in rows if pair[0] != pair[1]] == []
    assert len({truth for truth, _ in rows}) >= CLASSES_AT_LEAST[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_many_rows_change_nothing(tmp_path, kind):
    rows = judged(tmp_path, kind, 99, 200, shuffle=True)

    assert [pair for pair in rows if pair[0] != pair[1]] == []
