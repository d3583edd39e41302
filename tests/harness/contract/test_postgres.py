"""The contract of a real PostgreSQL: columns, codes, grants, routines, triggers, broken access."""

from __future__ import annotations

import pytest

from harness.contract import sql
from harness.contract.rows import Named
from tests.simulators.postgres_cluster import cluster

psycopg = pytest.importorskip("psycopg")

STATEMENTS = (
    "CREATE TABLE results (id int PRIMARY KEY, value varchar(20) NOT NULL, status text, name text)",
    *(f"INSERT INTO results VALUES ({n}, '{n}.5', '{'FPC'[n % 3]}', '张三')" for n in range(1, 13)),
    "CREATE VIEW v_results AS SELECT value, status FROM results",
    "CREATE ROLE reader",
    "GRANT SELECT ON v_results TO reader",
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE FOREIGN DATA WRAPPER w",
    "CREATE SERVER his FOREIGN DATA WRAPPER w OPTIONS (host 'his-db')",
    "ALTER TABLE results ADD CONSTRAINT c CHECK (id > 0) NOT VALID",
    "CREATE SEQUENCE tube INCREMENT BY 5",
    "CREATE TABLE map (his text, yb text, patient_name text)",
    "INSERT INTO map VALUES ('1', 'A', '张三')",
    "CREATE TRIGGER t BEFORE INSERT ON results FOR EACH ROW EXECUTE FUNCTION note()",
)


@pytest.mark.slow
def test_it_tells_what_it_promises_and_no_person() -> None:
    with cluster() as url:
        with psycopg.connect(url, autocommit=True) as db:
            for statement in STATEMENTS:
                db.execute(statement)
        before = sql.items(url, [Named.parse("map:his")])
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("REVOKE SELECT ON v_results FROM reader")
            db.execute("ALTER TABLE results ADD COLUMN unit text")
            db.execute("UPDATE map SET yb = 'B'")
        after = sql.items(url, [Named.parse("map:his")])

    assert before["column results.value"] == "character varying(20), not null"
    assert before["rows results"] == "12"
    assert before["codes results.status"] == "'C' 'F' 'P'"
    assert before["grant v_results reader"] == "SELECT"
    assert before["routine note()"] == "trigger"
    assert "trigger t INSERT" in before
    assert before["dblink his"] == "w, host=his-db"
    assert before["invalid c"] == "constraint of results"
    assert before["sequence tube"] == "bigint, 5"
    assert "extension plpgsql" in before
    changed = {item for item in before.keys() & after.keys() if before[item] != after[item]}
    assert changed == {"row map[1].yb"}
    assert "张三" not in str(before)
    assert sorted(before.keys() ^ after.keys()) == ["column results.unit", "grant v_results reader"]
