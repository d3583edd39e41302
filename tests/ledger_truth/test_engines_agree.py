"""One text of the stages, several engines, one set of exceptions, byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from exceptions import found_by

ROUNDS = 30
CLASSES_AT_LEAST = 20
ROWS_AT_LEAST = 3_000


def test_duckdb_and_sqlite_find_the_same_exceptions(tmp_path: Path) -> None:
    one, other = (found_by(name, tmp_path / name, rounds=ROUNDS) for name in ("duckdb", "sqlite"))

    assert one.sha256 == other.sha256
    assert one.rows >= ROWS_AT_LEAST
    assert len(one.classes) >= CLASSES_AT_LEAST
    assert 0 < one.lines < one.rows
