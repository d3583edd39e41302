"""What reconciling costs: from CSV with everything, and from Parquet beside a bare join.

Sizes come from ``LEDGER_BENCH_CSV_ROWS`` and ``LEDGER_BENCH_PARQUET_ROWS``, so that a small machine
can take small figures. The limit beside ours is DuckDB reading both files and doing one full outer
join on the key, in the same run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import duckdb

from harness.ledger import conserve, engines, verdicts
from harness.ledger.command import Request, reconcile
from harness.ledger.reading import read_side
from harness.ledger.sources import feeds

CSV_ROWS: Final = int(os.environ.get("LEDGER_BENCH_CSV_ROWS", "1000000"))
PARQUET_ROWS: Final = int(os.environ.get("LEDGER_BENCH_PARQUET_ROWS", "10000000"))
SIDES: Final = ("his", "centre")


def _rows(count: int, side: str) -> str:
    """A ledger made by the engine itself: one row in a thousand missing, one with another code."""
    missing = 1 if side == "his" else 2
    code = "CASE WHEN i % 1000 = 3 THEN '390' ELSE '310' END" if side == "centre" else "'310'"
    return (
        "SELECT '43' || lpad(CAST((i * 7919) % 1000000007 AS VARCHAR), 18, '0') AS setl_id,"
        " 'M' || i AS mdtrt_id, 'P' || (i % 3000001) AS psn_no, f AS medfee_sumamt,"
        " CAST(f / 2 AS DECIMAL(16,2)) AS fund_pay_sumamt, CAST(1 AS DECIMAL(16,2)) AS acct_pay,"
        " CAST(f - CAST(f / 2 AS DECIMAL(16,2)) - 1 AS DECIMAL(16,2)) AS psn_cash_pay,"
        " TIMESTAMP '2026-03-01 08:00:00' + to_seconds(i % 600000) AS setl_time,"
        f" 0 AS refd_setl_flag, '11' AS clr_type, {code} AS insutype, '430100' AS clr_optins,"
        " 'H' || lpad(CAST(i AS VARCHAR), 29, '0') AS msgid FROM"
        f" (SELECT i, CAST((i * 37 % 900000 + 100) / 100 AS DECIMAL(16,2)) AS f"
        f" FROM range({count}) t(i) WHERE i % 1000 <> {missing}) z"
    )


def _make(folder: Path, count: int, suffix: str) -> dict[str, str]:
    paths = {side: str(folder / f"{side}.{suffix}") for side in SIDES}
    form = "csv, HEADER" if suffix == "csv" else "parquet, COMPRESSION zstd"
    with duckdb.connect() as con:
        for side, path in paths.items():
            con.execute(f"COPY ({_rows(count, side)}) TO '{path}' (FORMAT {form})")
    return paths


def _seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _csv(folder: Path) -> float:
    paths = _make(folder, CSV_ROWS, "csv")
    request = Request(sources=paths, out=str(folder / "out"), quiet=True)
    with contextlib.redirect_stdout(io.StringIO()):
        return _seconds(lambda: reconcile(request))


def _join(paths: dict[str, str]) -> None:
    amounts = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
    differs = " OR ".join(f"h.{one} IS DISTINCT FROM c.{one}" for one in amounts)
    with duckdb.connect() as con:
        con.execute(
            f"SELECT COUNT(*), COUNT(CASE WHEN {differs} THEN 1 END) FROM read_parquet('{paths['his']}') h"
            f" FULL OUTER JOIN read_parquet('{paths['centre']}') c ON h.setl_id = c.setl_id"
        ).fetchall()


def _stages(paths: dict[str, str], work: Path) -> None:
    """All stages and the proof, without writing a line for every row."""
    con = engines.connect(work)

    def no_pool() -> ProcessPoolExecutor:
        raise AssertionError("Parquet needs no second process")

    sides = []
    for side, path in paths.items():
        found = feeds(path, query="", work=work)
        sides.append(read_side(con, side, found, renames={}, work=work, pool=no_pool)[0])
    engines.prepare(con, sides[0], sides[1])
    engines.run(con, "duckdb", tolerance_days=3)
    verdicts.build(con, sides)
    broken = conserve.prove(con, sides)
    con.close()
    if broken:
        raise AssertionError(broken)


def measure() -> dict[str, float]:
    """Seconds, and the ratio to one bare join of the same files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        csv_s = _csv(folder)
        paths = _make(folder, PARQUET_ROWS, "parquet")
        join_s = _seconds(lambda: _join(paths))
        stages_s = _seconds(lambda: _stages(paths, folder))
    return {
        "ledger_csv_rows": CSV_ROWS,
        "ledger_csv_s": csv_s,
        "ledger_parquet_rows": PARQUET_ROWS,
        "ledger_parquet_s": stages_s,
        "ledger_join_s": join_s,
        "ledger_ratio": stages_s / join_s,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
