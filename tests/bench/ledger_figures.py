"""What reconciling costs: from CSV with everything, and from Parquet beside a bare join.

The sizes are those of the stated figures; fewer rows, to try it, are told by the environment:
``LEDGER_BENCH_CSV_ROWS``, ``LEDGER_BENCH_PARQUET_ROWS`` and ``LEDGER_BENCH_PEER_ROWS``.
The ledgers have every kind of difference and look-alike of ``tests/ledger_truth``, one round in
``ROWS_A_ROUND`` rows, and a time counts only where the classes are the truth. Beside ours, in the
same run: DuckDB reading both files and doing one full outer join on the key, with every column that
is compared and with the amounts alone; DuckDB scanning both CSV files, every column in its declared
type and three columns as text; and one outer merge by pandas and by datacompy.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "ledger_truth"))
from generate import HEADER, generate, write

from harness.ledger import conserve, engines, verdicts
from harness.ledger.columns import MEMORY_LIMIT
from harness.ledger.command import Request, reconcile
from harness.ledger.reading import begin, read_side
from harness.ledger.sources import feeds

CSV_ROWS: Final = int(os.environ.get("LEDGER_BENCH_CSV_ROWS", "1000000"))
PARQUET_ROWS: Final = int(os.environ.get("LEDGER_BENCH_PARQUET_ROWS", "10000000"))
PEER_ROWS: Final = int(os.environ.get("LEDGER_BENCH_PEER_ROWS", "1000000"))
"""pandas needs 8 GB for ten million rows a side, datacompy 13."""
SIDES: Final = ("his", "centre")
AMOUNTS: Final = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
ALL_COMPARED: Final = (
    *AMOUNTS, "psn_no", "insutype", "clr_type", "clr_optins", "setl_time", "refd_setl_flag",
)  # fmt: skip
"""What a reconciliation compares of every pair."""

COMPARED: Final = ("setl_id", "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")


_TYPES: Final = dict.fromkeys(AMOUNTS, "DECIMAL(16,2)") | {
    "setl_time": "TIMESTAMP",
    "refd_setl_flag": "INTEGER",
}


@dataclass(frozen=True)
class Pair:
    """Two ledgers, and how many rows of each side belong to each class."""

    paths: dict[str, str]
    truth: Counter[tuple[str, str]]


PIECE_ROWS: Final = 10_000_000
"""So many rows are put in random order at a time; healthy bills are scattered over all pieces."""

SCATTERED: Final = {"his": 15_485_863, "centre": 32_452_843}
"""Primes: each side takes the same bills in an order of its own."""

ROWS_A_ROUND: Final = 4_000
"""One round of every kind of difference and look-alike (about 50 rows a side) in so many rows."""


def _healthy(count: int, piece: range, factor: int) -> str:
    """Some of ``count`` bills on which both sides agree, made by the engine itself."""
    return (
        "SELECT '43' || lpad(CAST((i * 7919) % 1000000007 AS VARCHAR), 18, '0') AS setl_id,"
        " 'M' || i AS mdtrt_id, 'P' || (i % 3000001) AS psn_no, f AS medfee_sumamt,"
        " CAST(f / 2 AS DECIMAL(16,2)) AS fund_pay_sumamt, CAST(1 AS DECIMAL(16,2)) AS acct_pay,"
        " CAST(f - CAST(f / 2 AS DECIMAL(16,2)) - 1 AS DECIMAL(16,2)) AS psn_cash_pay,"
        " TIMESTAMP '2026-03-01 08:00:00' + to_seconds(i % 600000) AS setl_time,"
        " 0 AS refd_setl_flag, '11' AS clr_type, '310' AS insutype, '430100' AS clr_optins,"
        " 'B' || i AS medins_setl_id, 'H' || lpad(CAST(i AS VARCHAR), 29, '0') AS msgid FROM"
        " (SELECT i, CAST((i * 37 % 900000 + 100) / 100 AS DECIMAL(16,2)) AS f FROM"
        f" (SELECT j * {factor} % {max(1, count)} AS i"
        f" FROM range({piece.start}, {piece.stop}) t(j)) y) z"
    )


def _different(path: str) -> str:
    """The bills of a generated ledger, with the types of the others."""
    typed = ", ".join(
        f"CAST({name} AS {_TYPES[name]}) AS {name}" if name in _TYPES else name for name in HEADER
    )
    return f"SELECT {typed} FROM read_csv('{path}', all_varchar=true, header=true)"


def _make(folder: Path, count: int, suffix: str) -> Pair:
    """Two ledgers of about ``count`` rows, each in an order of its own, and what they hide."""
    book = generate(20260301, rounds=max(1, count // ROWS_A_ROUND), healthy=0)
    truth: Counter[tuple[str, str]] = Counter()
    healthy = count - max(len(book.his), len(book.centre))
    paths = {side: str(folder / f"{side}{count}.{suffix}") for side in SIDES}
    form = "csv, HEADER" if suffix == "csv" else "parquet, COMPRESSION zstd"
    with duckdb.connect() as con:
        con.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        con.execute(f"SET temp_directory = '{folder / 'sort'}'")
        for side, rows in (("his", book.his), ("centre", book.centre)):
            source = folder / f"{side}-different.csv"
            truth.update((side, one) for one in write(rows, source))
            truth[side, "matched"] += healthy
            if math.gcd(SCATTERED[side], healthy) > 1:
                raise AssertionError(f"{healthy} bills would not be scattered")
            con.execute(
                f"COPY ({_scattered(folder, side, healthy, str(source), con)})"
                f" TO '{paths[side]}' (FORMAT {form})"
            )
    return Pair(paths=paths, truth=truth)


def _scattered(
    folder: Path, side: str, healthy: int, source: str, con: duckdb.DuckDBPyConnection
) -> str:
    """The rows of a side in random order; of many rows, pieces that are in random order each."""
    pieces = [
        range(begin, min(healthy, begin + PIECE_ROWS))
        for begin in range(0, max(1, healthy), PIECE_ROWS)
    ]
    selects = [
        f"SELECT * FROM ({_healthy(healthy, piece, SCATTERED[side])} UNION ALL BY NAME"
        f" SELECT * FROM ({_different(source)}) d WHERE hash(setl_id, msgid) % {len(pieces)} = {k})"
        f" z ORDER BY hash(setl_id || '{side}'), msgid"
        for k, piece in enumerate(pieces)
    ]
    if len(selects) == 1:
        return selects[0]
    parts = [str(folder / f"{side}-piece-{k}.parquet") for k in range(len(pieces))]
    for part, select in zip(parts, selects, strict=True):
        con.execute(f"COPY ({select}) TO '{part}' (FORMAT parquet)")
    return f"SELECT * FROM read_parquet({parts})"


def _csv(folder: Path, paths: dict[str, str]) -> None:
    """The whole command with its reports."""
    request = Request(sources=paths, out=str(folder / "out"), quiet=True)
    with contextlib.redirect_stdout(io.StringIO()):
        reconcile(request)


def _join(paths: dict[str, str], columns: tuple[str, ...]) -> None:
    """Read both files and join them once on the key, comparing some columns."""
    differs = " OR ".join(f"h.{one} IS DISTINCT FROM c.{one}" for one in columns)
    with duckdb.connect() as con:
        con.execute(
            f"SELECT COUNT(*), COUNT(CASE WHEN {differs} THEN 1 END)"
            f" FROM read_parquet('{paths['his']}') h"
            f" FULL OUTER JOIN read_parquet('{paths['centre']}') c ON h.setl_id = c.setl_id"
        ).fetchall()


def _stages(paths: dict[str, str], work: Path, memory: str) -> Counter[tuple[str, str]]:
    """Reading, all stages and the proof, without writing a line for every row."""
    con = engines.connect(work, memory=memory)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=2, mp_context=context) as pool:
        begun = {}
        for side, path in paths.items():
            folder = work / f"read-{side}"
            folder.mkdir()
            found = feeds(path, query="", work=folder)
            begun[side] = begin(con, side, found, renames={}, work=folder, pool=lambda: pool)
        sides = [
            read_side(con, side, parts, work / f"read-{side}") for side, (parts, _) in begun.items()
        ]
        engines.prepare(con, sides[0], sides[1])
        engines.run(con, "duckdb", tolerance_days=3, work=work)
        verdicts.build(con, sides)
        for _, waits in begun.values():
            for wait in waits:
                wait()
    proved = conserve.prove(con, sides)
    if proved.broken:
        raise AssertionError(proved.broken)
    rows = con.execute("SELECT side, class, COUNT(*) FROM verdict GROUP BY side, class").fetchall()
    con.close()
    return Counter({(side, name): int(count) for side, name, count in rows})


def _csv_scan(paths: dict[str, str]) -> None:
    """Every column with its declared type, as who reads the file for any purpose does."""
    types = {name: _TYPES.get(name, "VARCHAR") for name in HEADER}
    counts = ", ".join(f"COUNT({name})" for name in HEADER)
    with duckdb.connect() as con:
        for path in paths.values():
            con.execute(
                f"SELECT {counts} FROM read_csv('{path}', header=true, auto_detect=false,"
                f" delim=',', quote='\"', columns={types})"
            ).fetchall()


def _csv_scan_few(paths: dict[str, str]) -> None:
    with duckdb.connect() as con:
        for path in paths.values():
            con.execute(
                f"SELECT COUNT(setl_id), SUM(CAST(medfee_sumamt AS DECIMAL(16,2))), COUNT(msgid)"
                f" FROM read_csv('{path}', all_varchar=true)"
            ).fetchall()


def _pandas(paths: dict[str, str]) -> None:
    """Reading and one outer merge: no duplicates, no weaker stage, no proof."""
    pd = import_module("pandas")
    frames = [pd.read_parquet(path, columns=list(COMPARED)) for path in paths.values()]
    merged = frames[0].merge(frames[1], on="setl_id", how="outer", suffixes=("_h", "_c"))
    for name in COMPARED[1:]:
        int((merged[f"{name}_h"] != merged[f"{name}_c"]).sum())


def _datacompy(paths: dict[str, str]) -> None:
    pd, datacompy = import_module("pandas"), import_module("datacompy")
    frames = [pd.read_parquet(path, columns=list(COMPARED)) for path in paths.values()]
    datacompy.PandasCompare(*frames, join_columns="setl_id").count_matching_rows()


TASKS: Final = {
    "stages": lambda paths, work: _stages(paths, work, MEMORY_LIMIT),
    "capped": lambda paths, work: _stages(paths, work, "1GB"),
    "all": lambda paths, work: _csv(work, paths),
    "scan": lambda paths, work: _csv_scan(paths),
    "scan_few": lambda paths, work: _csv_scan_few(paths),
    "join": lambda paths, work: _join(paths, AMOUNTS),
    "join_all": lambda paths, work: _join(paths, ALL_COMPARED),
    "pandas": lambda paths, work: _pandas(paths),
    "datacompy": lambda paths, work: _datacompy(paths),
}
"""Each runs in a process of its own, so that its memory is its own."""


def run(task: str, pair: Pair) -> dict[str, float]:
    """Seconds by the clock, processor seconds and peak memory in GB of one task.

    Raises:
        AssertionError: the verdicts are not the truth, so the time means nothing.
    """
    command = [sys.executable, __file__, task, *(pair.paths[side] for side in SIDES)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    found = json.loads(done.stdout.splitlines()[-1])
    if found["classes"]:
        classes = {(side, name): count for side, name, count in found["classes"]}
        if classes != dict(pair.truth):
            raise AssertionError(sorted(set(classes.items()) ^ set(pair.truth.items())))
    return {name: found[name] for name in ("s", "cpu_s", "gb")}


def _task(name: str, his: str, centre: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory(dir=Path(his).parent) as folder:
        paths = dict(zip(SIDES, (his, centre), strict=True))
        before, begin = os.times(), time.perf_counter()
        found = TASKS[name](paths, Path(folder))
        seconds, after = time.perf_counter() - begin, os.times()
    return {
        "s": seconds,
        "cpu_s": sum(after[:4]) - sum(before[:4]),
        "gb": _peak_gb(),
        "classes": [(*key, count) for key, count in found.items()] if found else [],
    }


def _peak_gb() -> float:
    """Most memory of this process; what ``getrusage`` tells counts who started it, too."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s*(\d+) kB", told)[1]) / (1 << 20)


def _mean(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(one[name] for one in found) / len(found) for name in found[0]}


def measure() -> dict[str, float]:
    """Seconds, peak memory, and ratios to what is measured beside in the same run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = _make(folder, CSV_ROWS, "csv")
        # The first scan warms the page cache; what is compared is taken before and after.
        tasks = ("scan_few", "scan", "stages", "all", "all", "stages", "scan")
        taken = [(one, run(one, texts)) for one in tasks]
        few, scan, read, whole = (
            _mean([found for task, found in taken if task == one])
            for one in ("scan_few", "scan", "stages", "all")
        )
        pair = _make(folder, PARQUET_ROWS, "parquet")
        # The first join warms the page cache; ours runs between the others, ratios are to means.
        run("join", pair)
        joins, wides = [run("join", pair)], [run("join_all", pair)]
        ours = run("stages", pair)
        wides.append(run("join_all", pair))
        joins.append(run("join", pair))
        capped = run("capped", pair)
        small = _make(folder, PEER_ROWS, "parquet")
        peers = {task: run(task, small) for task in ("stages", "pandas", "datacompy")}
    join, wide = _mean(joins), _mean(wides)
    return {
        "csv_rows": CSV_ROWS,
        "csv_s": whole["s"],
        "csv_cpu_s": whole["cpu_s"],
        "csv_scan_s": scan["s"],
        "csv_stages_s": read["s"],
        "csv_stages_of_scan": read["cpu_s"] / scan["cpu_s"],
        "csv_stages_of_few": read["cpu_s"] / few["cpu_s"],
        "csv_of_scan": whole["cpu_s"] / scan["cpu_s"],
        "parquet_rows": PARQUET_ROWS,
        "parquet_s": ours["s"],
        "parquet_cpu_s": ours["cpu_s"],
        "parquet_gb": ours["gb"],
        "join_s": join["s"],
        "parquet_of_join": ours["cpu_s"] / join["cpu_s"],
        "join_all_s": wide["s"],
        "parquet_of_join_all": ours["cpu_s"] / wide["cpu_s"],
        "capped_1gb_s": capped["s"],
        "capped_1gb_gb": capped["gb"],
        "peer_rows": PEER_ROWS,
        "peer_ours_s": peers["stages"]["s"],
        "pandas_s": peers["pandas"]["s"],
        "pandas_gb": peers["pandas"]["gb"],
        "datacompy_s": peers["datacompy"]["s"],
        "datacompy_gb": peers["datacompy"]["gb"],
    }


if __name__ == "__main__":
    print(json.dumps(_task(*sys.argv[1:]) if sys.argv[1:] else measure()))
