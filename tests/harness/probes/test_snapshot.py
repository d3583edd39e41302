"""Several looks in one snapshot see one state, whatever is committed between them."""

from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path

import pytest

from harness.probes.sql import SqlProbe

sys.path.insert(0, str(Path(__file__).parents[2] / "simulators"))

QUERY = "SELECT barcode FROM results WHERE barcode <> :barcode ORDER BY barcode"


def seen(probe):
    answer = probe.ask({"barcode": "none"})
    assert answer.outcome == "ok", answer.error
    return [row["barcode"] for row in answer.rows]


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "lis.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE results (barcode TEXT)")
        db.execute("INSERT INTO results VALUES ('1')")
    db.close()
    return path


def write(path, barcode):
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO results VALUES (?)", [barcode])
    db.close()


def test_what_is_written_between_two_looks_is_not_seen_by_the_second(database):
    probe = SqlProbe(name="p", role="LIS", url=str(database), query=QUERY)
    with probe.snapshot():
        first = seen(probe)
        write(database, "2")
        assert seen(probe) == first == ["1"]
    assert seen(probe) == ["1", "2"]  # the control: it was there all the time
    probe.close()


def test_looks_outside_of_a_snapshot_each_see_what_is_there(database):
    probe = SqlProbe(name="p", role="LIS", url=str(database), query=QUERY)
    assert seen(probe) == ["1"]
    write(database, "2")
    assert seen(probe) == ["1", "2"]
    probe.close()


def test_a_look_holds_nothing_when_it_is_over(database):
    """A reader that stays in its transaction would keep the write-ahead log from being emptied."""
    probe = SqlProbe(name="p", role="LIS", url=str(database), query=QUERY, rows_max=1)
    write(database, "2")
    assert probe.ask({"barcode": "none"}).outcome == "failed"  # two rows: one is left unread
    with sqlite3.connect(database) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    db.close()
    probe.close()


def test_a_snapshot_ends_when_a_look_in_it_fails(database):
    probe = SqlProbe(name="p", role="LIS", url=str(database), query=QUERY)
    with probe.snapshot():
        assert probe.ask({}).outcome == "failed"  # the hole has no value
    assert seen(probe) == ["1"]
    probe.close()


def test_two_threads_do_not_share_a_moment(database):
    probe = SqlProbe(name="p", role="LIS", url=str(database), query=QUERY)
    later = []
    thread = threading.Thread(target=lambda: later.append(seen(probe)))
    with probe.snapshot():
        seen(probe)
        write(database, "2")
        thread.start()
        assert seen(probe) == ["1"]
    thread.join(30)
    assert later == [["1", "2"]]
    probe.close()


@pytest.fixture(scope="module")
def server():
    psycopg = pytest.importorskip("psycopg")
    from postgres_cluster import cluster

    with cluster() as url:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("CREATE TABLE results (barcode text)")
            db.execute("INSERT INTO results VALUES ('1')")
        yield url


@pytest.mark.peer
@pytest.mark.slow
def test_postgresql_shows_one_state_and_takes_no_write(server):
    import psycopg

    probe = SqlProbe(name="p", role="LIS", url=server, query=QUERY)
    with psycopg.connect(server, autocommit=True) as db, probe.snapshot():
        first = seen(probe)
        db.execute("INSERT INTO results VALUES ('2')")
        assert seen(probe) == first == ["1"]
    assert seen(probe) == ["1", "2"]
    changing = SqlProbe(name="p", role="LIS", url=server, query="SELECT grow() AS barcode")
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE FUNCTION grow() RETURNS int LANGUAGE sql AS"
                   " $$ INSERT INTO results VALUES ('3') RETURNING 1 $$")  # fmt: skip
    answer = changing.ask({})
    assert answer.outcome == "failed"
    assert "read-only" in answer.error
    assert seen(probe) == ["1", "2"]
    probe.close()
    changing.close()
