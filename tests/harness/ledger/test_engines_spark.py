"""Spark in this process, from the same statements, comes to the same bytes (extra ``spark``)."""

from __future__ import annotations

import csv
import importlib.util
import random
import shutil
import warnings
from pathlib import Path

import pytest

from harness.ledger.command import Request, reconcile

pytestmark = pytest.mark.slow

NAMES = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "setl_time",
    "refd_setl_flag",
    "msgid",
    "init_setl_id",
)


def ledger(path: Path, *, seed: int) -> str:
    """Few values, so that keys repeat, visits collide and refunds meet the wrong originals."""
    luck = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(NAMES)
        for _ in range(60):
            fee = luck.choice(["10.00", "10.00", "7.00", "-10.00", "-3.00"])
            row = [
                luck.choice([f"S{luck.randrange(40)}", f"50O100{luck.randrange(10, 40)}", "", "0"]),
                luck.choice([f"M{luck.randrange(15)}", ""]),
                luck.choice([f"P{luck.randrange(9)}", ""]),
                fee,
                luck.choice(["5.00", "-5.00", "0"]),
                f"2026-03-0{luck.randrange(1, 4)} 10:{luck.randrange(10, 59)}:00",
                "1" if fee.startswith("-") else "0",
                luck.choice([f"G{luck.randrange(40)}", ""]),
                luck.choice([f"S{luck.randrange(40)}", "", ""]),
            ]
            writer.writerow(row)
    return str(path)


def verdicts(folder: Path, sources: dict[str, str], engine: str) -> bytes:
    out = folder / engine
    code = reconcile(Request(sources=sources, out=str(out), engine=engine, quiet=True))
    assert code == 1
    return (out / "verdicts.csv").read_bytes()


@pytest.fixture(autouse=True)
def no_reports(monkeypatch):
    monkeypatch.setattr("harness.ledger.command._reports", lambda out: None)


@pytest.mark.filterwarnings("ignore")  # Spark's own about the pandas that is installed
def test_spark_comes_to_the_same_bytes(tmp_path):
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("peer pyspark is not installed")
    sources = {
        "his": ledger(tmp_path / "his.csv", seed=1),
        "centre": ledger(tmp_path / "centre.csv", seed=2),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = verdicts(tmp_path, sources, "spark")

    assert found == verdicts(tmp_path, sources, "duckdb")
    # Every kind of stage had something to do, or the comparison would say little.
    classes = {line.split(b",")[3] for line in found.splitlines()[1:]}
    assert len(classes) >= 8, classes
