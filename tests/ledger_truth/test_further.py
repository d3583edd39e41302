"""Precision and recall of the classes that need a third ledger, fee lines, days or bad rows."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from further import further, write
from generate import generate

from harness import cli
from harness.ledger import columns
from harness.ledger.columns import CLASSES

pytestmark = pytest.mark.slow

SEEDS = (21, 22, 23)


def judged(folder: Path, seed: int, *, shuffle: bool) -> list[tuple[str, str]]:
    """(truth, class) of every row of the three ledgers."""
    truth = write(further(seed), folder, shuffle=shuffle)
    words = ["reconcile", "--out", str(folder / "out"), "--state", str(folder / "state")]
    words += ["--grace-days", "1"]  # only what is of the last day may wait
    for side in truth:
        words += [f"--{side}", str(folder / f"{side}.csv")]
    for side in ("his", "centre"):
        words += [f"--{side}-detail", str(folder / f"{side}-lines.csv")]
    assert cli.main([*words, "--lang", "en"]) == 1
    with (folder / "out" / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(map(len, truth.values()))
    return [(truth[row["side"]][int(row["line"]) - 1], row["class"]) for row in rows]


@pytest.mark.parametrize("shuffle", [False, True], ids=["as made", "shuffled"])
@pytest.mark.parametrize("few", [-1, 10_000], ids=["many", "few"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_further_class_has_precision_and_recall_of_one(
    tmp_path, monkeypatch, seed, few, shuffle
):
    monkeypatch.setattr(columns, "FEW_ROWS", few)

    assert [pair for pair in judged(tmp_path, seed, shuffle=shuffle) if pair[0] != pair[1]] == []


def test_the_two_generators_have_every_class_but_what_is_a_proposal(tmp_path):
    further_book = further(21)
    known = {row.truth for row in (*further_book.book.his, *further_book.book.centre)}
    known |= {truth for _, _, truth in further_book.paid}
    book = generate(11)
    known |= {row.truth for row in (*book.his, *book.centre)}
    # What lies outside a cut is asked for by options, not found in the ledgers.
    assert set(CLASSES) - known <= {"outside_cut"}
