"""The join on columns as written says what the text of the stages says, and is really taken."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generate import generate, write

from harness.ledger import adapters, quick
from harness.ledger.command import Request, reconcile

pytestmark = pytest.mark.slow

TYPES = {
    **dict.fromkeys(
        ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"), "DECIMAL(16,2)"
    ),
    "setl_time": "TIMESTAMP",
    "refd_setl_flag": "INTEGER",
}


def parquet(folder: Path, side: str, rows: list, change: str = "") -> str:
    """One side as Parquet with types; ``change`` replaces columns."""
    source, target = folder / f"{side}.csv", folder / f"{side}.parquet"
    write(rows, source, seed=4, shuffle=True)
    typed = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in TYPES.items())
    again = f" REPLACE ({change})" if change else ""
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT *{again} FROM (SELECT * REPLACE ({typed}) FROM"
            f" read_csv('{source.as_posix()}', all_varchar=true)))"
            f" TO '{target.as_posix()}' (FORMAT parquet)"
        )
    return str(target)


def judged(sources: dict[str, str], out: Path) -> bytes:
    assert reconcile(Request(sources=sources, out=str(out), quiet=True, bare=True)) == 1
    return (out / "verdicts.csv").read_bytes() + (out / "totals.json").read_bytes()


@pytest.fixture
def taken(monkeypatch) -> list[bool]:
    """Whether the join on written columns was worth it, run by run."""
    found: list[bool] = []
    honest = quick.worth

    def noted(con: duckdb.DuckDBPyConnection) -> bool:
        found.append(honest(con))
        return found[-1]

    monkeypatch.setattr(quick, "worth", noted)
    return found


@pytest.mark.parametrize(
    ("change", "worth"),
    [
        ("", [True]),
        # Spelt otherwise on every row, and the same when tidied: persons are, codes are not.
        ("lower(psn_no) || ' ' AS psn_no", [True]),
        ("clr_optins || ' ' AS clr_optins", [False]),
        # Nothing differs from nothing.
        ("CAST(NULL AS VARCHAR) AS clr_type", [True]),
        ("CASE WHEN hash(msgid) % 9 = 0 THEN NULL ELSE psn_no END AS psn_no", [True]),
        # Types of their own: the text of the stages joins.
        ("CAST(medfee_sumamt AS DECIMAL(18,2)) AS medfee_sumamt", []),
    ],
)
def test_written_columns_tell_what_tidied_ones_tell(tmp_path, monkeypatch, taken, change, worth):
    book = generate(21, rounds=1, healthy=900)
    sources = {
        "his": parquet(tmp_path, "his", book.his),
        "centre": parquet(tmp_path, "centre", book.centre, change),
    }
    ours = judged(sources, tmp_path / "ours")
    assert taken == worth
    monkeypatch.setattr(quick, "usable", lambda con: False)
    assert ours == judged(sources, tmp_path / "other")
    assert taken == worth
    assert ours.count(b",matched,") > book.count


def test_two_keys_with_one_fingerprint_are_no_pair():
    columns = "rid BIGINT, k VARCHAR, p VARCHAR, rf BIGINT, fee BIGINT, fund BIGINT, acct BIGINT,"
    columns += (
        " cash BIGINT, ins VARCHAR, clr VARCHAR, opt VARCHAR, sopt VARCHAR, ts BIGINT, dd BIGINT"
    )
    row = "'P1', 0, 100, 50, 0, 50, '310', '11', '4301', NULL, 5, 0"
    with duckdb.connect() as con:
        con.execute("CREATE TABLE look AS SELECT * FROM (VALUES (1, 1, 1), (2, 2, 1)) v(hr, cr, d)")
        for side, other in (("hs", "S2"), ("cs", "S3")):
            con.execute(f"CREATE TABLE {side} ({columns})")
            con.execute(f"INSERT INTO {side} VALUES (1, 'S1', {row}), (2, '{other}', {row})")
        found = con.execute(adapters.LOOKED_AT).fetchall()
    assert sorted(map(str, found)) == ["(1, 1, 0)", "(2, None, 0)", "(None, 2, 0)"]


def test_refunds_written_positive_are_not_joined_as_written(tmp_path, taken):
    book = generate(22, rounds=1, healthy=100)
    whole = [row for row in book.centre if not row.refund]
    sources = {side: parquet(tmp_path, side, whole) for side in ("his", "centre")}
    assert (
        not reconcile(Request(sources=sources, out=str(tmp_path / "out"), quiet=True, bare=True))
        or taken
    )
    with duckdb.connect() as con:
        for side, path in sources.items():
            con.execute(
                f"COPY (SELECT * FROM '{path}' UNION ALL SELECT * REPLACE (1 AS refd_setl_flag,"
                f" msgid || 'R' AS msgid) FROM '{path}' WHERE hash(setl_id) % 9 = 0)"
                f" TO '{tmp_path / side}-2.parquet' (FORMAT parquet)"
            )
    del taken[:]
    again = {side: f"{tmp_path / side}-2.parquet" for side in sources}
    reconcile(Request(sources=again, out=str(tmp_path / "again"), quiet=True, bare=True))
    assert taken == []
