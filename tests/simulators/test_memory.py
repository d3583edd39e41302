"""What a store remembers of tables that hardly change, and when it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.memory import ANSWERS_MAX, ROWS_MAX, Memory
from simulators.store import SqliteStore

SCHEMA = [
    "CREATE TABLE IF NOT EXISTS persons (psn_no TEXT PRIMARY KEY, name TEXT)",
    "CREATE TABLE IF NOT EXISTS accounts (psn_no TEXT PRIMARY KEY, balc BIGINT CHECK (balc >= 0))",
]
ONE = "SELECT * FROM persons WHERE psn_no = ?"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


def opened(path: Path) -> SqliteStore:
    return SqliteStore(path, SCHEMA, durable=False, reference=["persons"])


def name(store: SqliteStore) -> str:
    return str(store.rows(ONE, ("1",))[0]["name"])


def put(value: str) -> list[tuple[str, list[str]]]:
    return [("INSERT OR REPLACE INTO persons VALUES (?, ?)", ["1", value])]


def test_what_is_read_in_a_group_is_kept_and_given_away_as_a_copy(path: Path) -> None:
    store = opened(path)
    store.commit(put("a"))
    store.begin()
    row = store.rows(ONE, ("1",))[0]
    row["name"] = "spoiled"
    assert name(store) == "a"
    store.commit([("INSERT INTO accounts VALUES ('1', 5)", [])])  # another table
    assert store._memory._kept
    store.end()
    store.close()


def test_a_change_of_our_own_is_seen_at_once(path: Path) -> None:
    store = opened(path)
    store.commit(put("a"))
    store.begin()
    assert name(store) == "a"
    store.commit(put("b"))
    assert name(store) == "b"
    store.end()
    store.close()


def test_a_change_by_somebody_else_is_seen_in_the_next_group(path: Path) -> None:
    store, other = opened(path), opened(path)
    store.commit(put("a"))
    store.begin()
    assert name(store) == "a"
    store.end()
    other.commit(put("b"))
    store.begin()
    assert name(store) == "b"
    store.end()
    other.commit(put("c"))
    assert name(store) == "c"  # outside a group everything is read
    store.close()
    other.close()


def test_what_was_undone_is_forgotten(path: Path) -> None:
    store = opened(path)
    store.commit(put("a"))
    store.begin()
    with pytest.raises(Exception, match="CHECK"):
        store.commit([*put("b"), ("INSERT INTO accounts VALUES ('1', -1)", [])])
    assert name(store) == "a"
    store.commit(put("c"))
    assert name(store) == "c"
    store._db.execute("ROLLBACK")  # the disk is full: the group is gone
    with pytest.raises(Exception, match="no transaction"):
        store.end()
    store.begin()
    assert name(store) == "a"
    store.end()
    store.close()


def test_a_group_is_one_wait_for_the_disk(path: Path) -> None:
    store = opened(path)
    before = store.syncs
    store.begin()
    for value in "abc":
        store.commit(put(value))
    store.end()
    store.begin()
    store.end()  # nothing changed, nothing is waited for
    assert store.syncs == before + 1
    store.commit(put("d"))
    assert store.syncs == before + 2
    store.close()


@pytest.mark.parametrize(
    ("sql", "about"),
    [
        (ONE, True),
        ("SELECT 1 FROM persons WHERE psn_no = ?", True),
        ("SELECT * FROM accounts WHERE psn_no = ?", False),
        ("SELECT * FROM persons", False),
        ("SELECT COUNT(*) AS n FROM persons WHERE psn_no = ?", False),
        ("SELECT p.* FROM persons p JOIN accounts a ON a.psn_no = p.psn_no", False),
        ("SELECT * FROM persons WHERE psn_no IN (SELECT psn_no FROM accounts)", False),
        ("SELECT * FROM accounts, persons WHERE 1 = 1", False),
    ],
)
def test_only_what_rests_on_these_tables_alone(sql: str, about: bool) -> None:
    assert Memory(["persons"]).about(sql) is about
    assert not Memory([]).about(sql)


def test_it_is_bounded() -> None:
    memory = Memory(["persons"])
    for number in range(ANSWERS_MAX + 1):
        memory.rows(ONE, (number,), lambda *_: [])
    assert len(memory._kept) == 1
    memory.rows(ONE, ("many",), lambda *_: [{"a": 1}] * (ROWS_MAX + 1))
    assert len(memory._kept) == 1
