"""Looking into a database, and being unable to do anything else."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from harness import i18n
from harness.databases.holes import for_percent
from harness.errors import PermitError
from harness.model import Outcome
from harness.probes.sql import SqlProbe, check_select

QUERY = "SELECT item, value FROM results WHERE barcode = :barcode ORDER BY item"


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "lis.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE results (barcode TEXT, item TEXT, value TEXT)")
        db.executemany(
            "INSERT INTO results VALUES (?, ?, ?)",
            [("1", "WBC", "5.20"), ("1", "HGB", None), ("2", "K", "4.1")],
        )
    db.close()
    return path


def probe(path: Path | str, query: str = QUERY, **fields: Any) -> SqlProbe:
    return SqlProbe(name="results", role="LIS", url=str(path), query=query, **fields)


WRITES = [
    "INSERT INTO results VALUES ('1')",
    "UPDATE results SET value = '9'",
    "DELETE FROM results",
    "DROP TABLE results",
    "CREATE TABLE x (y)",
    "ALTER TABLE results ADD z",
    "TRUNCATE results",
    "GRANT ALL ON results TO public",
    "VACUUM",
    "PRAGMA writable_schema = 1",
    "ATTACH 'x' AS y",
    "BEGIN",
    "EXPLAIN SELECT 1",
    "TABLE results",
    "VALUES (1)",
    "",
    "   ",
    "SELECTED FROM results",
    "SELECT 1; DROP TABLE results",
    "SELECT 1;",
    "SELECT * INTO copy FROM results",
    "SELECT 1 -- comment",
    "SELECT 1 /* comment */",
    "SELECT * FROM results FOR UPDATE",
    "SELECT * FROM results FOR NO KEY UPDATE",
    "SELECT * FROM results FOR SHARE",
    "SELECT * FROM results FOR KEY  SHARE",
    "WITH gone AS (DELETE FROM results RETURNING *) SELECT * FROM gone",
    "WITH x AS (SELECT 1) INSERT INTO results SELECT * FROM x",
    "select 1 where exists (update results set value = 1 returning 1)",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT nextval('ids')",
    "SELECT setval ('ids', 1)",
    "SELECT pg_terminate_backend(1)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT dblink_exec('', 'DROP TABLE results')",
    "SELECT query_to_xml('DELETE FROM results', true, true, '')",
    "SELECT load_extension('x')",
    "SELECT writefile('a', 'b')",
    "SELECT E'\\''; DROP TABLE results --'",
    "SELECT e'x'",
    "SELECT '\\'; DROP TABLE results --'",
    "SELECT $$x$$, 1",
    "SELECT $a$x$a$, 1",
    "SELECT 'unfinished",
    'SELECT "unfinished',
    "SELECT 'it''s'; DELETE FROM results",
    "SELECT \"a'b\"; DELETE FROM results --'",
]


@pytest.mark.parametrize("sql", WRITES)
def test_what_is_not_one_plain_select_is_refused_before_any_database_sees_it(sql: str) -> None:
    with pytest.raises(PermitError, match="a probe may only SELECT"):
        probe("/no/such/database", sql)


@pytest.mark.parametrize(
    "sql",
    [
        QUERY,
        "select 1",
        "  SELECT update_time, deleted, created_at FROM results\n",
        "SELECT 'DELETE; -- from' AS text",
        "SELECT 'it''s' AS text, 'e' AS letter, code = 'E' FROM results",
        'SELECT "update", "drop" FROM results',
        "SELECT `call` FROM results",
        "SELECT a::text, data #>> '{a,b}' FROM results WHERE x LIKE '%a\\_b%'",
        "WITH x AS (SELECT 1 AS one) SELECT one FROM x",
        "SELECT replace(item, 'a', 'b') FROM pg_catalog.pg_class",
    ],
)
def test_plain_selects_are_allowed(sql: str) -> None:
    check_select(sql)


def test_rows_come_as_text_and_null_as_none(database: Path) -> None:
    one = probe(database)
    answer = one.ask({"barcode": "1", "unused": "x"})
    one.close()

    assert answer.outcome is Outcome.OK
    assert answer.rows == [{"item": "HGB", "value": None}, {"item": "WBC", "value": "5.20"}]


def test_numbers_are_text_too_and_no_row_is_an_answer(database: Path) -> None:
    one = probe(f"sqlite:{database}", "SELECT count(*) AS n, 1.5 AS x FROM results")
    assert one.ask({}).rows == [{"n": "3", "x": "1.5"}]
    one.close()
    one = probe(database)
    answer = one.ask({"barcode": "9"})
    one.close()

    assert (answer.outcome, answer.rows) == (Outcome.OK, [])


def test_what_was_committed_between_two_looks_is_seen(database: Path) -> None:
    one = probe(database)
    assert len(one.ask({"barcode": "2"}).rows) == 1
    with sqlite3.connect(database) as db:
        db.execute("INSERT INTO results VALUES ('2', 'NA', '140')")
    db.close()

    assert len(one.ask({"barcode": "2"}).rows) == 2
    one.close()


def test_the_connection_itself_cannot_write(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.probes.sql.check_select", lambda sql: None)
    for sql in ("DELETE FROM results RETURNING item", "CREATE TABLE x (y)", "DROP TABLE results"):
        one = probe(database, sql)
        answer = one.ask({})
        one.close()
        assert answer.outcome is Outcome.FAILED
        assert "readonly database" in answer.error
    with sqlite3.connect(database) as db:
        assert db.execute("SELECT count(*) FROM results").fetchone() == (3,)
    db.close()


def test_too_many_rows_are_an_error_and_not_a_cut(database: Path) -> None:
    one = probe(database, "SELECT item FROM results", rows_max=2)
    answer = one.ask({})
    one.close()

    assert (answer.outcome, answer.rows, answer.error) == (Outcome.FAILED, (), "more than 2 rows")
    one = probe(database, "SELECT item FROM results", rows_max=3)
    assert one.ask({}).outcome is Outcome.OK
    one.close()


def test_columns_of_the_same_name_are_an_error(database: Path) -> None:
    one = probe(database, "SELECT a.item, b.item FROM results a, results b")
    answer = one.ask({})
    one.close()

    assert (answer.outcome, answer.error) == (Outcome.FAILED, "two columns have the same name")


def test_a_database_that_is_not_there_is_a_failed_look_and_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite"
    one = probe(path)
    answer = one.ask({"barcode": "1"})
    one.close()

    assert answer.outcome is Outcome.FAILED
    assert "unable to open database file" in answer.error
    assert not path.exists()


def test_after_an_error_the_next_look_opens_a_new_connection(tmp_path: Path) -> None:
    path = tmp_path / "late.sqlite"
    one = probe(path)
    assert one.ask({"barcode": "1"}).outcome is Outcome.FAILED
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE results (barcode TEXT, item TEXT, value TEXT)")
    db.close()
    assert one.ask({"barcode": "1"}).outcome is Outcome.OK
    assert "no such table" in probe(path, "SELECT * FROM absent").ask({}).error
    missing = one.ask({})

    assert missing.outcome is Outcome.FAILED  # a hole without a value
    assert one.ask({"barcode": "1"}).outcome is Outcome.OK
    one.close()
    one.close()


def test_a_look_is_bounded_in_time(database: Path) -> None:
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) AS m FROM n"
    )
    one = probe(database, endless, timeout_s=0.02)
    answer = one.ask({})
    one.close()

    assert (answer.outcome, answer.error) == (Outcome.FAILED, "interrupted")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (QUERY, "SELECT item, value FROM results WHERE barcode = %(barcode)s ORDER BY item"),
        ("SELECT a::text FROM t WHERE b=:b", "SELECT a::text FROM t WHERE b=%(b)s"),
        ("SELECT '12:30', :a WHERE x LIKE '%y'", "SELECT '12:30', %(a)s WHERE x LIKE '%%y'"),
        ("SELECT 7 % 2", "SELECT 7 %% 2"),
    ],
)
def test_holes_for_postgresql(query: str, shown: str) -> None:
    assert for_percent(query) == shown


def test_trouble_of_our_own_is_not_an_answer(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = probe(database)

    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(one, "_connect", broken)
    with pytest.raises(ZeroDivisionError):
        one.ask({"barcode": "1"})


def test_columns_get_our_names(tmp_path):
    path = tmp_path / "lis.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE jyjg (tmh TEXT, jg TEXT)")
        db.execute("INSERT INTO jyjg VALUES ('T1', '5.0')")
    db.close()
    probe = SqlProbe(
        name="lis-results",
        role="LIS",
        url=str(path),
        query="SELECT tmh, jg FROM jyjg",
        columns={"barcode": "tmh", "value": "jg"},
    )

    answer = probe.ask({})

    probe.close()
    assert answer.rows == [{"barcode": "T1", "value": "5.0"}]
