"""What a simulated system keeps: all of a transaction or none, also when it dies."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import i18n
from harness.errors import InputError
from harness.link import actor as act
from harness.link.host import Host
from harness.link.pump import Pump
from harness.link.tap import Connection
from harness.model import Outcome
from harness.probes.sql import SqlProbe
from harness.wire.core import Message
from simulators import store as store_module
from simulators.store import PostgresStore, SqliteStore, Store, insert, open_store, upsert
from tests.harness.link.parties import Party, Sender, oru
from tests.simulators.postgres_cluster import cluster

SCHEMA = [
    """CREATE TABLE IF NOT EXISTS results (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, item TEXT, value TEXT)""",
    "CREATE TABLE IF NOT EXISTS patients (patient_id TEXT PRIMARY KEY, name TEXT, ward TEXT)",
]


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A private PostgreSQL; skipped where there is none."""
    with cluster() as url:
        yield url


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.peer, pytest.mark.slow])]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The same tests for both."""
    if request.param == "sqlite":
        one = open_store(str(tmp_path / "lis.sqlite"), SCHEMA, durable=False)
    else:
        one = open_store(request.getfixturevalue("server"), SCHEMA)
        one.commit([("DELETE FROM results", ()), ("DELETE FROM patients", ())])
    yield one
    one.close()


def items(store: Store) -> list[str]:
    return [row["item"] for row in store.rows("SELECT item FROM results ORDER BY id")]


def result(item: str, barcode: str = "1") -> tuple[str, list[Any]]:
    return insert("results", {"barcode": barcode, "item": item, "value": "5.2"})


# -- both --------------------------------------------------------------------------------------


def test_rows_are_dictionaries(store: Store) -> None:
    store.commit([insert("results", {"barcode": "管1", "item": "WBC", "value": None})])
    (row,) = store.rows("SELECT barcode, item, value FROM results WHERE barcode = ?", ["管1"])

    assert row == {"barcode": "管1", "item": "WBC", "value": None}
    assert store.rows("SELECT item FROM results WHERE barcode = ?", ["x"]) == []


def test_a_transaction_is_carried_out_whole_or_not_at_all(store: Store) -> None:
    store.commit([result("WBC"), result("HGB")])
    with pytest.raises(Exception, match="absent"):
        store.commit([result("PLT"), ("INSERT INTO absent VALUES (1)", ())])
    assert items(store) == ["WBC", "HGB"]
    store.commit([result("K")])

    assert items(store) == ["WBC", "HGB", "K"]


def test_a_row_with_the_same_key_is_updated(store: Store) -> None:
    for name, ward in (("A", "1"), ("B", "2")):
        row = {"patient_id": "P1", "name": name, "ward": ward}
        store.commit([upsert("patients", ["patient_id"], row)])
    store.commit([upsert("patients", ["patient_id"], {"patient_id": "P1"})])

    assert store.rows("SELECT * FROM patients") == [{"patient_id": "P1", "name": "B", "ward": "2"}]


def test_per_cent_signs_are_text(store: Store) -> None:
    store.commit([insert("results", {"barcode": "1", "item": "HCT %", "value": "40%"})])

    assert (
        len(store.rows("SELECT item FROM results WHERE item LIKE '%\u0025' AND barcode = ?", ["1"]))
        == 1
    )


def test_threads_take_turns(store: Store) -> None:
    def work(name: str) -> None:
        for number in range(20):
            store.commit([result(f"{name}{number}"), result(f"{name}{number}'")])
            store.rows("SELECT count(*) AS n FROM results")

    workers = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    stored = items(store)
    assert len(stored) == 120
    for one, other in zip(stored[::2], stored[1::2], strict=True):
        assert other == f"{one}'"


def system(store: Store) -> Party:
    """Commits twice for each message, then answers."""

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                control = payload.split(b"|")[9].decode("ascii")
                return [
                    act.Commit(statements=[result(control), result(f"{control}'")]),
                    act.Commit(statements=[result(f"{control} applied")]),
                    act.Send(conn=event.conn, event=Message(payload=b"ACK")),
                ]
        return []

    return Party("LIS", react=react)


@pytest.mark.parametrize(
    ("number", "after", "stored"),
    [
        (1, False, []),
        (1, True, ["C1", "C1'"]),
        (2, False, ["C1", "C1'"]),
        (2, True, ["C1", "C1'", "C1 applied"]),
        (3, False, ["C1", "C1'", "C1 applied"]),
    ],
)
def test_a_crash_point_stands_between_two_transactions(
    store: Store, number: int, after: bool, stored: list[str]
) -> None:
    pump = Pump()

    def describe(link: str, conn: str, client: bool) -> Connection:
        return Connection(id=conn, link=link, interface="I", local="", peer="", client=client)

    sender = Sender("AN", "lab", [oru(1), oru(2)])
    address = pump.add("LIS", Host(system(store), pump.clock, describe, store=store)).listen("lab")
    pump.add("AN", Host(sender, pump.clock, describe)).routes["lab"] = address
    pump.crash_at("LIS", number, after=after)
    outcomes = pump.command("AN", "send", {}, 5)

    assert outcomes[-1] in {"reset", "refused"}
    assert items(store) == stored


# -- SQLite ------------------------------------------------------------------------------------


def test_a_durable_store_outlives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lis.sqlite"
    one = SqliteStore(path, SCHEMA)
    one.commit([result("WBC")])
    # Nothing is closed: another process sees what was committed, as after a power cut.
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT item FROM results").fetchall() == [("WBC",)]
    other.close()
    assert one.rows("PRAGMA synchronous") == [{"synchronous": 2}]
    assert one.rows("PRAGMA journal_mode") == [{"journal_mode": "wal"}]
    one.close()
    again = SqliteStore(path, SCHEMA, durable=False)
    assert items(again) == ["WBC"]
    assert again.rows("PRAGMA synchronous") == [{"synchronous": 0}]
    again.close()


def test_a_commit_that_fails_at_the_very_end_leaves_no_open_transaction(tmp_path: Path) -> None:
    one = SqliteStore(tmp_path / "lis.sqlite", [
        *SCHEMA,
        "PRAGMA foreign_keys = ON",
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    ])  # fmt: skip
    with pytest.raises(sqlite3.IntegrityError):
        one.commit([result("WBC"), ("INSERT INTO child VALUES (1)", ())])
    assert items(one) == []
    one.commit([result("HGB")])

    assert items(one) == ["HGB"]
    one.close()


def test_a_transaction_that_the_database_rolled_back_itself(tmp_path: Path) -> None:
    one = SqliteStore(tmp_path / "lis.sqlite", SCHEMA)
    unique = "CREATE UNIQUE INDEX one ON results (item)"
    one.commit([(unique, ()), result("WBC")])
    with pytest.raises(sqlite3.IntegrityError):
        one.commit(
            [result("HGB"), (f"INSERT OR ROLLBACK {result('WBC')[0][7:]}", result("WBC")[1])]
        )

    assert items(one) == ["WBC"]
    one.close()


def test_a_file_that_cannot_be_opened_is_the_users_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the store cannot be opened: unable to open") as caught:
        SqliteStore(tmp_path / "none" / "lis.sqlite", SCHEMA)
    assert caught.value.where == str(tmp_path / "none" / "lis.sqlite")


# -- PostgreSQL --------------------------------------------------------------------------------


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(InputError, match="PostgreSQL needs an extra") as caught:
        open_store("postgres://nobody@127.0.0.1/none", SCHEMA)
    assert caught.value.remedy == "pip install medharness[postgresql]"
    one = SqlProbe(name="p", role="LIS", url="postgresql://x", query="SELECT 1")
    with pytest.raises(InputError, match="needs psycopg"):
        one.ask({})


def test_a_file_that_is_no_database_is_the_users_input(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(bytes(range(256)) * 20)

    with pytest.raises(InputError, match="the store cannot be opened: file is not a database"):
        SqliteStore(path, SCHEMA)
    path.unlink()  # it is closed: Windows would refuse otherwise


def test_a_server_that_is_not_there_is_the_users_input() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(InputError, match="the store cannot be opened"):
        PostgresStore("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", SCHEMA)


def test_our_sql_in_the_words_of_postgresql() -> None:
    assert store_module._postgres(SCHEMA[0]).count("BIGINT GENERATED ALWAYS AS IDENTITY") == 1
    assert store_module._postgres("a = ? AND b LIKE 'x%'") == "a = %s AND b LIKE 'x%%'"


@pytest.mark.peer
@pytest.mark.slow
def test_what_was_stored_is_there_for_the_next_connection(server: str) -> None:
    one = open_store(server, SCHEMA)
    one.commit([("DELETE FROM results", ()), result("WBC")])
    one.close()
    again = open_store(server, SCHEMA)
    assert items(again) == ["WBC"]
    again.close()


@pytest.mark.peer
@pytest.mark.slow
def test_a_probe_looks_into_postgresql_and_cannot_write(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = open_store(server, SCHEMA)
    one.commit([("DELETE FROM results", ()), result("WBC", "1"), result("K", "2")])
    probe = SqlProbe(
        name="results",
        role="LIS",
        url=server,
        query="SELECT item, value::text AS value, '10:30 %' AS text FROM results WHERE barcode = :b",
    )
    answer = probe.ask({"b": "1"})
    assert (answer.outcome, answer.rows) == (
        Outcome.OK, [{"item": "WBC", "value": "5.2", "text": "10:30 %"}],
    )  # fmt: skip
    assert probe.ask({}).outcome is Outcome.FAILED  # a hole without a value
    assert len(probe.ask({"b": "2"}).rows) == 1
    probe.close()

    monkeypatch.setattr("harness.probes.sql.check_select", lambda sql: None)
    for sql in (
        "DELETE FROM results RETURNING item",
        "CREATE TABLE x (y text)",
        "SELECT 1 AS a FROM results FOR UPDATE",
    ):
        writer = SqlProbe(name="w", role="LIS", url=server, query=sql)
        answer = writer.ask({})
        writer.close()
        assert answer.outcome is Outcome.FAILED
        assert "read-only transaction" in answer.error
    slow = SqlProbe(
        name="s", role="LIS", url=server, query="SELECT pg_sleep(5) AS s", timeout_s=0.05
    )
    assert "timeout" in slow.ask({}).error
    slow.close()
    assert len(items(one)) == 2
    one.close()


def test_a_group_is_one_commit_and_a_refused_part_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    store = SqliteStore(path, ["CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY)"])
    other = sqlite3.connect(path)

    store.begin()
    store.commit([("INSERT INTO t VALUES (?)", (1,))])
    with pytest.raises(sqlite3.IntegrityError):
        store.commit([("INSERT INTO t VALUES (?)", (2,)), ("INSERT INTO t VALUES (?)", (1,))])
    store.commit([("INSERT INTO t VALUES (?)", (3,))])
    assert [row["k"] for row in store.rows("SELECT k FROM t")] == [1, 3]
    assert other.execute("SELECT k FROM t").fetchall() == [], "nobody else sees it yet"
    store.end()

    assert other.execute("SELECT k FROM t").fetchall() == [(1,), (3,)]
    store.commit([("INSERT INTO t VALUES (?)", (4,))])
    assert other.execute("SELECT COUNT(*) FROM t").fetchall() == [(3,)]
    other.close()
    store.close()
