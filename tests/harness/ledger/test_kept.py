"""The engine that stays between small runs: nothing of one is seen by the next."""

import argparse
import csv
import os
import re
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from harness.ledger import explain, kept, tables
from harness.ledger.adapters import COLUMNS, RESULTS, SQLite
from harness.ledger.command import Request, reconcile
from harness.ledger.explain_table import CAUSES
from harness.ledger.report_read import Outcome
from harness.ledger.sides import Side
from harness.ledger.stages import Statement, statements
from tests.harness.ledger.desk import rows, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ledger_truth"))
from generate import generate, write


def stands(con, name):
    found = con.execute("SELECT COUNT(*) FROM duckdb_tables() WHERE table_name = ?", [name])
    return found.fetchone() == (1,)


def test_no_run_sees_a_table_of_another(tmp_path):
    with kept.session(tmp_path, kept=True) as one:
        one.execute("CREATE TABLE mine AS SELECT 1 AS a")
        with kept.session(tmp_path, kept=True) as other:
            assert one.execute("SELECT a FROM mine").fetchall() == [(1,)]
            with pytest.raises(duckdb.CatalogException):
                other.execute("SELECT a FROM mine")
            other.execute("CREATE TABLE mine AS SELECT 2 AS a")
            assert other.execute("SELECT a FROM mine").fetchall() == [(2,)]
        assert one.execute("SELECT a FROM mine").fetchall() == [(1,)]
    with kept.session(tmp_path, kept=True) as later:
        assert not stands(later, "mine")


def test_a_run_that_breaks_leaves_nothing_and_the_next_one_runs(tmp_path):
    with pytest.raises(duckdb.Error), kept.session(tmp_path, kept=True) as con:
        con.execute("CREATE TABLE mine AS SELECT 1 AS a")
        con.execute("SELECT nothing FROM mine")
    with kept.session(tmp_path, kept=True) as con:
        assert not stands(con, "mine")
        names = con.execute("SELECT database_name FROM duckdb_databases()").fetchall()
    assert sum(name.startswith("run_") for (name,) in names) == 1


def test_a_statement_that_is_known_runs_with_new_values_over_new_tables(tmp_path):
    for turn in ("a", "b"):
        with kept.session(tmp_path, kept=True) as con:
            con.execute(f"CREATE TABLE mine AS SELECT '{turn}' AS word, {len(turn)} AS more_{turn}")
            for asked in (turn, "neither"):
                found = con.execute("SELECT * FROM mine WHERE word = ?", [asked])
                assert [one[0] for one in found.description] == ["word", f"more_{turn}"]
                assert found.fetchall() == ([(turn, 1)] if asked == turn else [])


def test_another_run_plans_as_usual(tmp_path):
    before = os.cpu_count()
    with kept.session(tmp_path, kept=False) as con:
        assert con.execute("SELECT current_setting('threads')").fetchone() == (before,)
    with pytest.raises(duckdb.ConnectionException):
        con.execute("SELECT 1")


def test_a_forked_process_has_an_engine_of_its_own(tmp_path, monkeypatch):
    with kept.session(tmp_path, kept=True):
        mine = kept._base[os.getpid()]
    monkeypatch.setattr(kept.os, "getpid", lambda: -7)  # as it is after a fork
    try:
        with kept.session(tmp_path, kept=True) as con:
            assert con.execute("SELECT 1").fetchall() == [(1,)]
        assert kept._base[-7] is not mine
    finally:
        kept._base.pop(-7).close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_who_takes_the_rows_gets_what_is_written_otherwise(tmp_path, seed):
    book = generate(seed, rounds=1, healthy=20)
    sources = {}
    for side, lines in (("his", book.his), ("centre", book.centre)):
        write(lines, tmp_path / f"{side}.csv", seed=2, shuffle=True)
        sources[side] = str(tmp_path / f"{side}.csv")
    usual, taken = tmp_path / "usual", tmp_path / "taken"
    assert reconcile(Request(sources=sources, out=str(usual), quiet=True, bare=True)) == 1
    got = []
    request = Request(
        sources=sources,
        out=str(taken),
        quiet=True,
        bare=True,
        take=lambda *told: got.append(told),
    )
    for _ in range(2):  # the second finds the engine as the first left it
        assert reconcile(request) == 1

    result = Outcome(usual)
    try:
        names, found = result.columns(), result.query("SELECT * FROM v")
    finally:
        result.close()
    assert len(found) > 100
    assert len({row[names.index("class")] for row in found}) > 15
    assert got == [(list(names), found)] * 2
    assert (taken / "totals.json").read_bytes() == (usual / "totals.json").read_bytes()
    assert sorted(one.name for one in taken.iterdir()) == ["totals.json", "work"]
    assert not list((taken / "work").iterdir())


@pytest.mark.slow
def test_rows_of_uploads_stand_in_a_list_where_the_others_are_taken(tmp_path):
    sources = {}
    for side in ("his", "centre"):
        sources[side] = str(tmp_path / f"{side}.csv")
        Path(sources[side]).write_text(table(rows(1, 2)), "utf-8")
        lines = f"mdtrt_id,psn_no,vali_flag\nM1,P1,1\n=M8,P2,{int(side == 'centre')}\n"
        (tmp_path / f"{side}_visits.csv").write_text(lines, "utf-8")
    visits = {f"{side}_visits": str(tmp_path / f"{side}_visits.csv") for side in sources}
    read = {}
    for name, take in (("usual", None), ("taken", lambda *_: None)):
        request = Request(
            sources=sources,
            out=str(tmp_path / name),
            further=argparse.Namespace(**visits),
            quiet=True,
            bare=True,
            take=take,
        )
        assert reconcile(request) == 1
        with (tmp_path / name / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
            read[name] = [
                {key: value for key, value in one.items() if not key.startswith("x_")}
                for one in csv.DictReader(stream)
                if take is not None or one["side"] in visits
            ]
    assert read["taken"] == read["usual"]
    assert [one["class"] for one in read["taken"]].count("registration_only") == 2
    assert (tmp_path / "taken" / "uploads.csv").read_bytes() == (
        tmp_path / "usual" / "uploads.csv"
    ).read_bytes()


def test_what_a_rule_looks_at_is_joined():
    """A letter without a join fails only where a row asks that rule."""
    known = {"z", *explain._JOINS}
    for rule in CAUSES:
        code = re.sub(r"'[^']*'", "''", rule.when)
        assert set(re.findall(r"\b(\w+)\.\w", code)) <= known, rule.code
    logs = {join.split()[0] for join in explain._JOINS.values()} - {"twin", "(SELECT"}
    assert logs == set(explain._LOGS)
    with duckdb.connect() as con:
        tables.fill(con, "log", explain._LOG_SHAPE, [])
        joined = explain._joined(con, "WHEN sl.state = 'success' THEN 1", set())
    assert 0 < joined.index(" twin s ") < joined.index(" log_call sl ")
    assert joined.count("JOIN") == 2


def test_what_a_rule_asks_of_a_difference_is_known_of_it():
    """Only what the rules for the classes of a run ask is looked up: each has to be there."""
    letters = {
        letter for text in explain._FURTHER.values() for letter in re.findall(r"(\w+)\.", text)
    }
    assert letters <= {"r", *explain._BESIDE}
    sides = [
        Side(name=name, parts=[], present=frozenset(), further=()) for name in ("his", "centre")
    ]
    with duckdb.connect() as con:
        tables.fill(con, "row_of", _OF_DIFFERENCES, [])
        for rule in CAUSES:
            asked = explain._asked(con, sides, f"z.class IN ('x') AND ({rule.when})")
            assert con.execute(asked).fetchall() == [], rule.code
        few = explain._asked(con, sides, "z.fee = 1")
    assert " fee" in few
    assert "JOIN" not in few


_OF_DIFFERENCES = (
    "side VARCHAR, line BIGINT, class VARCHAR, delta_fen BIGINT, stage VARCHAR, d BIGINT,"
    " rf BIGINT, fee BIGINT, fund BIGINT, acct BIGINT, clr VARCHAR, ins VARCHAR, opt VARCHAR,"
    " mate BIGINT, partner VARCHAR, g VARCHAR, m VARCHAR, p VARCHAR, k VARCHAR, ok VARCHAR,"
    " back VARCHAR, moment TIMESTAMP, source VARCHAR, raw_line BIGINT, fault VARCHAR,"
    " opter VARCHAR, covered BOOLEAN, has_msgid BOOLEAN"
)


@pytest.mark.parametrize(
    ("call", "there"), [("2601", {"A": "refused"}), ("2207", {}), ("6201", {})]
)
def test_a_log_without_a_transaction_knows_nothing_of_it(call, there):
    row = ("G1", call, 0, "refused", None, None, "M1", "A", "", 0, "", 1, 1, 0, "", "1")
    with duckdb.connect() as con:
        tables.fill(con, "log", explain._LOG_SHAPE, [row])
        explain._joined(con, "u.state = 'x' OR y.g = 'x'", {call})
        found = dict(con.execute("SELECT og, state FROM log_undo").fetchall())
        assert con.execute("SELECT * FROM log_chain").fetchall() == []
    assert found == there


def _stages(engine, con, his, centre, days=3):
    for name, found in (("h", his), ("c", centre)):
        con.execute(f"DELETE FROM {name}")
        con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(COLUMNS))})", found)
    try:
        engine.take(con)
        for one in statements(tolerance_days=days):
            engine.make(one)
        engine.give(con)
    finally:
        engine.close()
    return {name: con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in RESULTS}


def _row(rid, key, fee):
    known = {"rid": rid, "k": key, "rf": 0, "fee": fee, "ts": 60 * rid, "dd": 1}
    return [known.get(name, 0 if name in {"fund", "acct", "cash"} else None) for name in COLUMNS]


def test_stages_that_stay_prepared_forget_every_row_and_tell_the_same():
    runs = [
        ([_row(1, "A", 100), _row(2, "B", 200)], [_row(1, "A", 100)]),
        ([_row(1, "C", 300)], [_row(1, "C", 301), _row(2, "C", 301)]),
        ([_row(1, "A", 100)], [_row(1, "B", 100)]),
    ]
    with duckdb.connect() as con:
        for name in ("h", "c"):
            con.execute(
                f"CREATE TABLE {name} ("
                + ", ".join(f"{one} {'VARCHAR' if one in _TEXTS else 'BIGINT'}" for one in COLUMNS)
                + ")"
            )
        fresh = [_stages(SQLite(), con, *run) for run in runs]
        known = [_stages(kept.stages(statements(tolerance_days=3)), con, *run) for run in runs]
        assert known == fresh
        assert len({str(one) for one in fresh}) == len(runs)
        with pytest.raises(sqlite3.Error):
            _broken(kept.stages(statements(tolerance_days=3)), con)
        again = _stages(kept.stages(statements(tolerance_days=3)), con, *runs[0])
    assert again == fresh[0]


_TEXTS = {"k", "g", "m", "p", "bill", "ok", "ins", "clr", "opt", "sopt"}


def _broken(engine, con):
    """A run that fails half-way, and is given up as ``engines.run`` does it."""
    try:
        engine.take(con)
        engine.make(Statement(kind="table", name="nowhere", select="SELECT 1"))
    finally:
        engine.close()


def test_stages_stay_for_the_same_statements_of_one_thread_alone():
    three = statements(tolerance_days=3)
    mine = kept.stages(three)
    assert kept.stages(three) is mine
    with ThreadPoolExecutor(1) as other:
        assert other.submit(kept.stages, three).result() is not mine
    assert kept.stages(statements(tolerance_days=5)) is not mine
    with pytest.raises(sqlite3.ProgrammingError):  # there is one of a thread
        mine.make(three[0])
