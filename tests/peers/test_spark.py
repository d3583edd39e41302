"""The stages on Spark, in a process of its own: the same exceptions as DuckDB, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs_of import HERE, needs

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "ledger_truth"))
from exceptions import found_by

TRUTH = HERE.parent / "ledger_truth"
SITE = HERE / "python" / "spark"
ROUNDS = 25
"""Of every kind of difference: 2,600 rows a run."""
LIMIT_S = 1800.0
"""Spark plans a hundred small statements; a shared machine may take its time."""

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.untraced]


def spark_version() -> str:
    """Of the Spark that ``install.py`` put beside the peers; empty without it or without Java."""
    found = sorted(SITE.glob("pyspark-*.dist-info"))
    return (
        found[0].name.split("-")[1].removesuffix(".dist") if found and shutil.which("java") else ""
    )


def test_spark_finds_the_same_exceptions(tmp_path: Path) -> None:
    needs("spark", spark_version())
    command = [sys.executable, str(TRUTH / "exceptions.py"), "spark", str(ROUNDS)]
    done = subprocess.run(
        [*command, str(tmp_path / "spark")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(SITE), str(HERE.parents[1])])},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    sha256, lines, rows, classes = done.stdout.split()
    ours = found_by("duckdb", tmp_path / "duckdb", rounds=ROUNDS)

    assert (sha256, int(lines), int(rows)) == (ours.sha256, ours.lines, ours.rows)
    assert int(classes) >= 20
    assert int(lines) > 1_000
