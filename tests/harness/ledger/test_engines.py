"""The choice of rows that need a closer look, and the proof that every line has one verdict."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.ledger import adapters, canonical, engines, proof
from harness.ledger.command import Request, reconcile
from harness.ledger.sides import Side, Typed

NAMES = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "setl_time",
    "refd_setl_flag",
    "init_setl_id",
)
PLAIN = ("S1", "M1", "P1", "10.00", "2026-03-02 10:00:00", "0", "")


def judged(folder: Path, his: list[tuple], centre: list[tuple]) -> list[tuple[str, str]]:
    """(side, class) of every row, in the order of the files."""
    for side, rows in (("his", his), ("centre", centre)):
        with (folder / f"{side}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([NAMES, *rows])
    sources = {side: str(folder / f"{side}.csv") for side in ("his", "centre")}
    assert reconcile(Request(sources=sources, out=str(folder / "out"), quiet=True)) in {0, 1}
    with (folder / "out" / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
        return [(row["side"], row["class"]) for row in csv.DictReader(stream)]


@pytest.fixture(autouse=True)
def no_reports(monkeypatch):
    monkeypatch.setattr("harness.ledger.command._reports", lambda out: None)


def test_two_plain_pairs_of_one_person_are_looked_at(tmp_path):
    second = ("S2", "M2", "P1", "10.00", "2026-03-02 10:05:00", "0", "")
    other = ("S3", "M3", "P2", "10.00", "2026-03-02 10:05:00", "0", "")
    rows = [PLAIN, second, other]
    classes = ["same_person_twice", "same_person_twice", "matched"]

    assert [name for _, name in judged(tmp_path, rows, rows)] == classes * 2


def test_the_original_of_a_refund_is_found_by_its_id_alone(tmp_path):
    # No person and another visit: nothing but init_setl_id leads from the refund to its original.
    original = ("S1", "M1", "", "10.00", "2026-03-02 10:00:00", "0", "")
    refund = ("S9", "M9", "", "-10.00", "2026-03-03 09:00:00", "1", "S1")
    rows = [original, refund]

    assert [name for _, name in judged(tmp_path, rows, rows)] == ["refund_pair"] * 4


def test_a_pressed_twice_bill_finds_its_plain_twin(tmp_path):
    again = ("S7", "M7", "P1", "10.00", "2026-03-02 10:04:00", "0", "")

    found = judged(tmp_path, [PLAIN, again], [PLAIN])

    assert found[1] == ("his", "same_person_twice_his_only")


def side(rows: int, name: str = "his") -> Side:
    one = Side(name=name, parts=[], present=frozenset(), further=())

    class Counted(type(one)):  # type: ignore[misc]
        control_rows = rows

    return Counted(name=name, parts=[], present=frozenset(), further=())


LINES = st.lists(st.integers(0, 13), max_size=12)


@pytest.mark.slow
@given(plain=LINES, close=LINES, n=st.integers(1, 12))
@settings(deadline=None, max_examples=40)
def test_only_each_line_once_is_a_proof(plain, close, n):
    shape = "(side VARCHAR, line BIGINT, class VARCHAR, fee BIGINT, fund BIGINT, acct BIGINT,"
    sides, lines = [side(n), side(n, "centre")], [*plain, *close]
    whole = sorted(lines) == list(range(1, n + 1))
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE verdict {shape} cash BIGINT)")
        con.executemany(
            "INSERT INTO verdict VALUES ('his', ?, 'matched', 0, 0, 0, 0)",
            [(0,), *((line,) for line in lines)],
        )
        con.execute("DELETE FROM verdict WHERE rowid = 0")
        assert not proof.of_plain(con, sides)
        found = proof.by_class(con, sides[0], False)
        assert proof.each_line_once(con, sides[0], found, False) == whole
        # The same lines, some of them pairs that nothing else touches.
        con.execute(f"CREATE TABLE other AS SELECT * FROM verdict OFFSET {len(plain)}")
        con.execute("CREATE VIEW verdict_close AS SELECT * FROM other")
        con.execute(
            "CREATE TABLE plain AS SELECT line AS hr, line AS cr, 0 AS d, fee, fund, acct, cash"
            f" FROM verdict LIMIT {len(plain)}"
        )
        assert proof.of_plain(con, sides)
        found = proof.by_class(con, sides[0], True)
        assert proof.each_line_once(con, sides[0], found, True) == whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a1", "A1"),
        (" A1", "A1"),
        ("A1 ", "A1"),
        ("null", None),
        ("NULL", None),
        ("Nan", None),
        ("N1", "N1"),
        ("000", None),
        ("0010", "0010"),
        ("-", None),
        ("", None),
        ("O1", "O1"),
        ("z9", "Z9"),
    ],
)
def test_an_id_is_tidied_the_same_on_the_fast_way(text, value):
    # The expectation is Python's reading, typed by hand; SQL has a short cut for usual ids.
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t (x VARCHAR)")
        con.execute("INSERT INTO t VALUES (?)", [text])
        expression = canonical._word("setl_id", "t.x", "VARCHAR", "")
        assert con.execute(f"SELECT {expression} FROM t").fetchone() == (value,)
    assert canonical.word(text) == value


@pytest.mark.parametrize("yuan", ["0.01", "-0.01", "999999999999.99", "12345678901234.56"])
def test_a_decimal_becomes_fen_in_both_widths(yuan):
    with duckdb.connect() as con:
        expression = canonical._money("x", f"CAST('{yuan}' AS DECIMAL(16,2))", "DECIMAL(16,2)", "")
        found = con.execute(f"SELECT {expression}").fetchone()
    assert found == (int(yuan.replace(".", "")),)


@pytest.mark.parametrize("hits", [[0], [0, 1, 31], [5, 5], [3, 3, 4], [1, 1, 1, 1]])
def test_a_block_with_a_repeated_row_is_never_called_clean(hits):
    with duckdb.connect() as con:
        for function in adapters.DuckDB.FUNCTIONS:
            con.execute(f"CREATE MACRO {function}")
        con.execute("CREATE TABLE j (hr BIGINT)")
        con.executemany("INSERT INTO j VALUES (?)", [(one,) for one in hits])
        found = con.execute(
            "SELECT BIT_COUNT(SUM(POWER_OF_TWO(hr & 31))) <> COUNT(*) FROM j"
        ).fetchone()
    assert found == (len(set(hits)) != len(hits),)


@pytest.mark.parametrize(
    ("rows", "kind", "told"),
    [
        # A negative amount: this side writes refunds negative, whatever it flags.
        ("(10.00, 0), (-10.00, 1)", "INTEGER", True),
        ("(10.00, 0), (NULL, NULL)", "INTEGER", True),
        # Flags without a negative amount have to be looked at, and so have flags in words.
        ("(10.00, 0), (10.00, 1)", "INTEGER", False),
        ("(10.00, 0), (10.00, 0)", "VARCHAR", False),
        ("(10.00, 0), (-10.00, 0)", "VARCHAR", True),
        ("(10.00, 0)", "", True),
    ],
)
def test_bounds_of_a_typed_file_tell_how_refunds_are_written(rows, kind, told):
    types = {"medfee_sumamt": "DECIMAL(16,2)"} | ({"refd_setl_flag": kind} if kind else {})
    flag = f"CAST(b AS {kind}) AS f" if kind else "b"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS SELECT a, {flag} FROM (VALUES {rows}) v(a, b)")
        typed = Typed(
            table="t", terms={}, types=types, columns={"medfee_sumamt": "a", "refd_setl_flag": "f"}
        )
        side = Side(name="his", parts=[None], present=frozenset(), further=(), typed=[typed])
        assert engines._told_by_bounds(con, side) is told
        side.parts.append(None)  # another file, of text
        assert engines._told_by_bounds(con, side) is False


def test_a_hospital_of_a_data_set_has_no_bounds():
    with duckdb.connect() as con:
        side = Side(name="his", parts=[], present=frozenset(), further=())
        assert engines._told_by_bounds(con, side) is False
