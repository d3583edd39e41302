"""What a store remembers of a visit or a person, and that nobody ever reads what is not so."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from simulators.memory_keyed import ANSWERS_MAX, ROWS_MAX, KeyedMemory
from simulators.store import SqliteStore

SCHEMA = [
    "CREATE TABLE IF NOT EXISTS visits (id TEXT PRIMARY KEY, state TEXT)",
    """CREATE TABLE IF NOT EXISTS fees (id TEXT, sn TEXT, fen BIGINT CHECK (fen < 1000),
    PRIMARY KEY (id, sn))""",
]
KEYS = {"visits": "id", "fees": "id"}
VISIT = "SELECT * FROM visits WHERE id = ?"
FEES = "SELECT * FROM fees WHERE id = ? AND fen > 0 ORDER BY sn"
ALL = "SELECT * FROM fees ORDER BY id, sn"


def opened(path: Path, *, keyed: bool = True) -> SqliteStore:
    return SqliteStore(path, SCHEMA, durable=False, keyed=KEYS if keyed else None)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        (VISIT, "visits"),
        (FEES, "fees"),
        ("SELECT fen, sn FROM fees WHERE id = ?", "fees"),
        ("SELECT * FROM visits", ""),
        ("SELECT * FROM visits WHERE state = ? AND id = ?", ""),
        ("SELECT * FROM visits WHERE id = ? OR state = 'x'", ""),
        ("SELECT * FROM fees WHERE id = ? AND sn IN (SELECT state FROM visits)", ""),
        ("SELECT * FROM fees WHERE id = ? ORDER BY sn LIMIT 1", ""),
        ("SELECT COUNT(*) FROM fees WHERE id = ?", ""),
        ("SELECT * FROM fees JOIN visits WHERE id = ?", ""),
        ("SELECT * FROM others WHERE id = ?", ""),
    ],
)
def test_only_rows_of_one_key_are_kept(sql: str, table: str) -> None:
    assert KeyedMemory(KEYS).about(sql) == table


@pytest.mark.parametrize(
    ("sql", "touched"),
    [
        ("INSERT INTO fees (sn, id, fen) VALUES (?, ?, ?)", (("fees",), 1)),
        ("INSERT INTO fees (id, sn) VALUES (?, ?) ON CONFLICT (id, sn) DO UPDATE SET fen = 1",
         (("fees",), 0)),
        ("INSERT INTO fees (id, sn) VALUES (?, ?) ON CONFLICT (id, sn) DO NOTHING",
         (("fees",), 0)),
        # It may land on a row of another key, or move one there.
        ("INSERT INTO fees (id, sn) VALUES (?, ?) ON CONFLICT (sn) DO UPDATE SET fen = 1",
         (("fees",), -1)),
        ("INSERT INTO fees (id, sn) VALUES (?, ?) ON CONFLICT (id, sn) DO UPDATE SET id = 'x'",
         (("fees",), -1)),
        ("UPDATE fees SET fen = fen + ?, sn = ? WHERE id = ? AND sn = ?", (("fees",), 2)),
        ("UPDATE fees SET id = ? WHERE id = ?", (("fees",), -1)),
        ("UPDATE fees SET fen = ? WHERE sn = ?", (("fees",), -1)),
        ("UPDATE fees SET fen = ? WHERE id = ? OR sn = ?", (("fees",), -1)),
        ("DELETE FROM fees WHERE id = ? AND sn = ?", (("fees",), 0)),
        ("DELETE FROM fees", (("fees",), -1)),
        ("INSERT OR REPLACE INTO fees VALUES (?, ?, ?)", (("fees",), -1)),
        ("DELETE FROM fees WHERE id IN (SELECT id FROM visits)", (("fees", "visits"), -1)),
        ("INSERT INTO own_fees (id) VALUES (?)", ((), -1)),
    ],
)  # fmt: skip
def test_whom_a_statement_changes(sql: str, touched: tuple[tuple[str, ...], int]) -> None:
    assert KeyedMemory(KEYS)._touches(sql) == touched


ADDING = """INSERT INTO fees (id, sn, fen) VALUES (?, ?, ?)\
 ON CONFLICT (id, sn) DO UPDATE SET fen = fees.fen + excluded.fen"""


def _change(rng: random.Random) -> tuple[str, list[object]]:
    key, sn, fen = rng.choice("abc"), rng.choice("12"), rng.randrange(-3, 1004)
    changes: list[tuple[str, list[object]]] = [
        ("INSERT INTO visits (id, state) VALUES (?, ?)", [key, sn]),
        ("UPDATE visits SET state = ? WHERE id = ?", [str(fen), key]),
        ("UPDATE visits SET state = ? WHERE state = ?", [sn, str(fen % 3)]),
        ("DELETE FROM visits WHERE id = ?", [key]),
        ("INSERT INTO fees (id, sn, fen) VALUES (?, ?, ?)", [key, sn, fen]),
        (ADDING, [key, sn, fen]),
        ("UPDATE fees SET fen = fen + ? WHERE id = ? AND sn = ?", [fen, key, sn]),
        ("UPDATE fees SET id = ? WHERE id = ?", [key, rng.choice("abc")]),
        ("INSERT OR REPLACE INTO fees VALUES (?, ?, ?)", [key, sn, fen]),
        ("DELETE FROM fees WHERE fen > ?", [fen]),
    ]
    return rng.choice(changes)


def test_whatever_is_changed_nobody_reads_what_is_not_so(tmp_path: Path) -> None:
    """Thousands of changes, refused ones among them: a store without a memory says the same."""
    rng = random.Random(4)
    ours, plain = opened(tmp_path / "a"), opened(tmp_path / "b", keyed=False)
    hits = 0
    for _ in range(100):
        for store in (ours, plain):
            store.begin()
        for _ in range(20):
            key = rng.choice("abc")
            for sql in (VISIT, FEES):
                hits += (sql, (key,)) in ours._keyed._kept[sql.split()[3]].get(key, {})
                assert ours.rows(sql, (key,)) == plain.rows(sql, (key,))
            statements = [_change(rng) for _ in range(rng.randrange(1, 4))]
            refused = set()
            for store in (ours, plain):
                try:
                    store.commit(statements)
                except sqlite3.Error as error:
                    refused.add(str(error))
                else:
                    refused.add("")
            assert len(refused) == 1
        for store in (ours, plain):
            store.end()
        assert ours.rows(ALL) == plain.rows(ALL)
    assert hits > 100
    ours.close()
    plain.close()


def test_a_change_by_somebody_else_is_seen_in_the_next_group(tmp_path: Path) -> None:
    store, other = opened(tmp_path / "s"), opened(tmp_path / "s")
    store.commit([("INSERT INTO visits (id, state) VALUES (?, ?)", ["a", "1"])])
    for state in ("2", "3"):
        store.begin()
        store.rows(VISIT, ("a",))
        store.rows(VISIT, ("a",))[0]["state"] = "spoiled"
        assert store.rows(VISIT, ("a",))[0]["state"] != "spoiled"
        store.end()
        other.commit([("UPDATE visits SET state = ? WHERE id = ?", [state, "a"])])
        store.begin()
        assert store.rows(VISIT, ("a",)) == [{"id": "a", "state": state}]
        store.end()
    store.close()
    other.close()


def test_it_is_bounded_and_forgets() -> None:
    memory = KeyedMemory({"visits": "id"})
    found = [{"id": "x"}]
    for number in range(ANSWERS_MAX):
        memory.rows("visits", VISIT, (str(number),), lambda _sql, _values: found)
    assert 0 < memory._count <= ANSWERS_MAX
    memory.changed("UPDATE visits SET state = ?", ["x"])
    assert memory._count == 0
    long = [{"id": "x"}] * (ROWS_MAX + 1)
    assert memory.rows("visits", VISIT, ("a",), lambda _sql, _values: long) == long
    # A number may be taken for the same text by the database.
    assert memory.rows("visits", VISIT, (1,), lambda _sql, _values: found) == found
    assert memory._count == 0
    memory.rows("visits", VISIT, ("a",), lambda _sql, _values: found)
    memory.changed("UPDATE visits SET state = ? WHERE id = ?", ["x", 1])
    assert memory._count == 0
    memory.rows("visits", VISIT, ("a",), lambda _sql, _values: found)
    memory.forget()
    assert memory._count == 0
