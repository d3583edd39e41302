"""What reconciling costs: from CSV with everything, and from Parquet beside a bare join.

Sizes come from ``LEDGER_BENCH_CSV_ROWS``, ``LEDGER_BENCH_PARQUET_ROWS`` and
``LEDGER_BENCH_PEER_ROWS``: small by default, 1000000, 10000000 and 1000000 for the stated figures.
Beside ours, in the same run: DuckDB reading both files and doing one full outer join on the key,
once with the amounts alone and once with every column that is compared, DuckDB scanning both CSV files, and one outer merge by pandas and by datacompy.
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

import datacompy
import duckdb
import pandas as pd

from harness.ledger import conserve, engines, verdicts
from harness.ledger.columns import MEMORY_LIMIT
from harness.ledger.command import Request, reconcile
from harness.ledger.reading import read_side
from harness.ledger.sources import feeds

CSV_ROWS: Final = int(os.environ.get("LEDGER_BENCH_CSV_ROWS", "100000"))
PARQUET_ROWS: Final = int(os.environ.get("LEDGER_BENCH_PARQUET_ROWS", "1000000"))
PEER_ROWS: Final = int(os.environ.get("LEDGER_BENCH_PEER_ROWS", "200000"))
"""pandas needs 8 GB for ten million rows a side, datacompy 13."""
SIDES: Final = ("his", "centre")
AMOUNTS: Final = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
ALL_COMPARED: Final = (
    *AMOUNTS, "psn_no", "insutype", "clr_type", "clr_optins", "setl_time", "refd_setl_flag",
)  # fmt: skip
"""What a reconciliation compares of every pair."""

COMPARED: Final = ("setl_id", "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")


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


def _csv(folder: Path, paths: dict[str, str]) -> float:
    """The whole command with its reports."""
    request = Request(sources=paths, out=str(folder / "out"), quiet=True)
    with contextlib.redirect_stdout(io.StringIO()):
        return _seconds(lambda: reconcile(request))


def _join(paths: dict[str, str], columns: tuple[str, ...]) -> None:
    """Read both files and join them once on the key, comparing some columns."""
    differs = " OR ".join(f"h.{one} IS DISTINCT FROM c.{one}" for one in columns)
    with duckdb.connect() as con:
        con.execute(
            f"SELECT COUNT(*), COUNT(CASE WHEN {differs} THEN 1 END)"
            f" FROM read_parquet('{paths['his']}') h"
            f" FULL OUTER JOIN read_parquet('{paths['centre']}') c ON h.setl_id = c.setl_id"
        ).fetchall()


def _stages(paths: dict[str, str], work: Path, memory: str) -> None:
    """All stages and the proof, without writing a line for every row."""
    con = engines.connect(work, memory=memory)

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


def _csv_scan(paths: dict[str, str]) -> None:
    with duckdb.connect() as con:
        for path in paths.values():
            con.execute(
                f"SELECT COUNT(setl_id), SUM(CAST(medfee_sumamt AS DECIMAL(16,2))), COUNT(msgid)"
                f" FROM read_csv('{path}', all_varchar=true)"
            ).fetchall()


def _pandas(paths: dict[str, str]) -> None:
    """Reading and one outer merge: no duplicates, no weaker stage, no proof."""
    frames = [pd.read_parquet(path, columns=list(COMPARED)) for path in paths.values()]
    merged = frames[0].merge(frames[1], on="setl_id", how="outer", suffixes=("_h", "_c"))
    for name in COMPARED[1:]:
        int((merged[f"{name}_h"] != merged[f"{name}_c"]).sum())


def _datacompy(paths: dict[str, str]) -> None:
    frames = [pd.read_parquet(path, columns=list(COMPARED)) for path in paths.values()]
    datacompy.PandasCompare(*frames, join_columns="setl_id").count_matching_rows()


def measure() -> dict[str, float]:
    """Seconds, peak memory, and ratios to what is measured beside in the same run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        csv_paths = _make(folder, CSV_ROWS, "csv")
        scan_s = _seconds(lambda: _csv_scan(csv_paths))
        csv_s = _csv(folder, csv_paths)
        paths = _make(folder, PARQUET_ROWS, "parquet")
        # The first join warms the page cache; ours runs between the others, ratios are to means.
        _join(paths, AMOUNTS)
        before_s = _seconds(lambda: _join(paths, AMOUNTS))
        wide_before_s = _seconds(lambda: _join(paths, ALL_COMPARED))
        begin_cpu_s = time.process_time()
        stages_s = _seconds(lambda: _stages(paths, folder, MEMORY_LIMIT))
        stages_cpu_s = time.process_time() - begin_cpu_s
        wide_after_s = _seconds(lambda: _join(paths, ALL_COMPARED))
        after_s = _seconds(lambda: _join(paths, AMOUNTS))
        capped_s = _seconds(lambda: _stages(paths, folder, "1GB"))
        peers = _make(folder, PEER_ROWS, "parquet")
        ours_s = _seconds(lambda: _stages(peers, folder, MEMORY_LIMIT))
        pandas_s = _seconds(lambda: _pandas(peers))
        datacompy_s = _seconds(lambda: _datacompy(peers))
    join_s = (before_s + after_s) / 2
    wide_s = (wide_before_s + wide_after_s) / 2
    return {
        "csv_rows": CSV_ROWS,
        "csv_s": csv_s,
        "csv_scan_s": scan_s,
        "csv_of_scan": csv_s / scan_s,
        "parquet_rows": PARQUET_ROWS,
        "parquet_s": stages_s,
        "join_s": join_s,
        "parquet_cpu_s": stages_cpu_s,
        "parquet_of_join": stages_s / join_s,
        "join_all_s": wide_s,
        "parquet_of_join_all": stages_s / wide_s,
        "capped_1gb_s": capped_s,
        "peer_rows": PEER_ROWS,
        "peer_ours_s": ours_s,
        "pandas_s": pandas_s,
        "datacompy_s": datacompy_s,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
