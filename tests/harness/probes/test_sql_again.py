"""Asking a database the same again: what nothing can have changed is not looked up twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Outcome
from harness.probes.sql import SqlProbe

QUERY = "SELECT item, value FROM results WHERE barcode = :barcode ORDER BY item"
ONE = {"barcode": "1"}


@pytest.fixture(params=["wal", "delete"])
def lis(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """The database as its owner writes it; both ways in which SQLite keeps a file."""
    db = sqlite3.connect(tmp_path / "lis.sqlite", isolation_level=None)
    db.execute(f"PRAGMA journal_mode = {request.param}")
    db.execute("CREATE TABLE results (barcode TEXT, item TEXT, value TEXT, due TEXT)")
    db.execute("INSERT INTO results VALUES ('1', 'WBC', '5.20', '2026-01-01')")
    yield db
    db.close()


def probe(path: Path, query: str = QUERY) -> SqlProbe:
    return SqlProbe(name="results", role="LIS", url=str(path / "lis.sqlite"), query=query)


def values(found: SqlProbe, barcode: str = "1") -> list[str | None]:
    answer = found.ask({"barcode": barcode})
    assert answer.outcome is Outcome.OK
    return [row["value"] for row in answer.rows]


def test_an_unchanged_database_gives_the_same_answer_again(
    tmp_path: Path, lis: sqlite3.Connection
) -> None:
    found = probe(tmp_path)
    first = found.ask(ONE)

    assert found.ask(ONE) is first
    lis.execute("BEGIN")
    lis.execute("UPDATE results SET value = '9'")
    lis.execute("ROLLBACK")
    assert found.ask(ONE).rows == first.rows == [{"item": "WBC", "value": "5.20"}]


def test_every_commit_is_seen(tmp_path: Path, lis: sqlite3.Connection) -> None:
    found = probe(tmp_path)
    for number in range(20):
        lis.execute("UPDATE results SET value = ?", (f"{number}",))
        assert values(found) == [f"{number}"] == values(found)
    lis.execute("DELETE FROM results")
    assert values(found) == []
    assert values(found, "2") == []
    lis.execute("INSERT INTO results VALUES ('2', 'K', '4.1', '')")
    assert values(found) == []
    assert values(found, "2") == ["4.1"]


def test_another_question_is_another_answer(tmp_path: Path, lis: sqlite3.Connection) -> None:
    lis.execute("INSERT INTO results VALUES ('2', 'K', '4.1', '')")
    found = probe(tmp_path)

    assert [values(found, one) for one in ("1", "2", "1")] == [["5.20"], ["4.1"], ["5.20"]]


@pytest.mark.parametrize("view", [False, True])
@pytest.mark.parametrize(
    "moving",
    ["julianday('now') || ''", "random()", "strftime('%f', 'NOW')", "unixepoch() || value"],
)
def test_what_moves_without_a_write_is_looked_up_each_time(
    tmp_path: Path, lis: sqlite3.Connection, moving: str, view: bool
) -> None:
    if view:
        lis.execute(f"CREATE VIEW shown AS SELECT *, {moving} AS moved FROM results")
    table, column = ("shown", "moved") if view else ("results", moving)
    found = probe(
        tmp_path, f"SELECT value FROM {table} WHERE {column} <> '' AND barcode = :barcode"
    )

    first, second = found.ask(ONE), found.ask(ONE)
    assert first is not second
    assert first.rows == second.rows == [{"value": "5.20"}]


def test_a_view_that_begins_to_move_is_noticed(tmp_path: Path, lis: sqlite3.Connection) -> None:
    lis.execute("CREATE VIEW shown AS SELECT * FROM results")
    found = probe(tmp_path, "SELECT value FROM shown WHERE barcode = :barcode")
    assert found.ask(ONE) is found.ask(ONE)

    lis.execute("DROP VIEW shown")
    lis.execute("CREATE VIEW shown AS SELECT * FROM results WHERE due < date()")
    first, second = found.ask(ONE), found.ask(ONE)
    assert first is not second
    assert first.rows == second.rows == [{"value": "5.20"}]


def test_another_file_in_its_place_is_read(tmp_path: Path, lis: sqlite3.Connection) -> None:
    found = probe(tmp_path)
    assert values(found) == ["5.20"]

    found.close()
    lis.execute("PRAGMA journal_mode = delete")
    copy = lis.serialize().replace(b"5.20", b"6.30")
    (tmp_path / "lis.sqlite").unlink()
    (tmp_path / "lis.sqlite").write_bytes(copy)
    assert values(found) == ["6.30"]


def test_a_moment_holds_though_others_write(tmp_path: Path, lis: sqlite3.Connection) -> None:
    lis.execute("PRAGMA journal_mode = wal")  # else the reader keeps the writer out
    found = probe(tmp_path)
    with found.snapshot():
        assert values(found) == ["5.20"]
        lis.execute("UPDATE results SET value = '7'")
        assert values(found) == ["5.20"]
    assert values(found) == ["7"]


@given(st.lists(st.sampled_from(["write", "undo", "ask 1", "ask 2"]), max_size=12))
def test_in_any_order_the_answer_is_that_of_a_fresh_look(
    tmp_path_factory: pytest.TempPathFactory, doings: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lis")
    db = sqlite3.connect(folder / "lis.sqlite", isolation_level=None)
    db.execute("CREATE TABLE results (barcode TEXT, item TEXT, value TEXT)")
    kept = probe(folder)
    try:
        for number, doing in enumerate(doings):
            if doing.startswith("ask"):
                args, fresh = {"barcode": doing[-1]}, probe(folder)
                assert kept.ask(args) == fresh.ask(args)
                fresh.close()
                continue
            db.execute("BEGIN")
            db.execute("INSERT INTO results VALUES (?, 'K', ?)", (f"{1 + number % 2}", f"{number}"))
            db.execute("COMMIT" if doing == "write" else "ROLLBACK")
    finally:
        kept.close()
        db.close()
