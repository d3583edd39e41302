"""The books with which a centre begins: the same, whichever way they came about."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from harness.clock import RealClock
from harness.errors import InputError
from simulators.centre.provinces import load_province
from simulators.centre.simulate import make


def books(path: Path, seed: int, *, durable: bool) -> tuple[list[str], list[str]]:
    """The schema, in any order, and every row of a centre that was opened."""
    _, store = make(load_province("hunan"), str(path), RealClock(), seed=seed, durable=durable)
    store.close()
    db = sqlite3.connect(path)
    try:
        schema = [
            str(row) for row in db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        ]
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        rows = [
            f"{name}: {row}"
            for name in sorted(names)
            for row in db.execute(f"SELECT * FROM {name}")
        ]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return sorted(schema), rows
    finally:
        db.close()


def test_a_scenario_begins_with_the_books_of_a_centre_that_stays(tmp_path: Path) -> None:
    for seed in (0, 7):
        kept = books(tmp_path / f"kept-{seed}", seed, durable=True)
        assert books(tmp_path / f"brief-{seed}", seed, durable=False) == kept
        assert len(kept[1]) > 400
    assert books(tmp_path / "brief-0", 9, durable=False) == books(
        tmp_path / "kept-0", 9, durable=True
    )


def test_books_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "centre.sqlite"
    before = books(path, 3, durable=False)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM persons")
    db.close()

    schema, rows = books(path, 3, durable=False)
    assert schema == before[0]
    assert rows == [row for row in before[1] if not row.startswith("persons:")]


def test_where_no_folder_is_no_books_are(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        books(tmp_path / "nowhere" / "centre.sqlite", 0, durable=False)
