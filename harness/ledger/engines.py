"""The engines that run the stages: an adapter of a few lines each, and one text for all.

DuckDB does the work. SQLite takes the same statements and has to come to the same result: it is
independent, so the tests run it beside; and over few rows it runs more than a hundred statements
quicker. Spark is for ledgers that lie on a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import quick, stages
from harness.ledger.adapter_spark import Spark
from harness.ledger.adapters import PICKED, Adapter, DuckDB, SQLite
from harness.ledger.columns import AMOUNTS, CROWD_ROWS, FLAG, KEYS, MEMORY_LIMIT, SHORT, TIME
from harness.ledger.sides import Side
from harness.ledger.stages import Statement

ENGINES: Final = ("duckdb", "sqlite", "spark")

TAIL_CHARS: Final = 33
"""What names the hospital at the end of each id, with ``--by-hospital``."""

_SAMPLE_EVERY: Final = 97
_SAMPLE_FROM_ROWS: Final = 200_000


def connect(work: Path | None, *, memory: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory that spills into the working folder and never asks the network.

    Args:
        work: where it spills; None: nowhere.
        memory: beyond it, it spills.
    """
    con = duckdb.connect()
    con.execute("SET temp_directory = ?", [str(work / "spill") if work else ""])
    con.execute("SET memory_limit = ?", [memory])
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    return _session(con)


def plainly(con: duckdb.DuckDBPyConnection) -> None:
    """Run statements as they are written, by one thread: for few rows in everything they read."""
    con.execute("PRAGMA disable_optimizer")
    con.execute("SET threads = 1")


def fully(con: duckdb.DuckDBPyConnection) -> None:
    """Plan statements, and run them by as many threads as there are."""
    con.execute("PRAGMA enable_optimizer")
    con.execute("RESET threads")


def beside(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the same tables, for what is done at the same time."""
    row = con.execute("SELECT current_database()").fetchone()
    return within(con.cursor(), str(row[0]) if row else "")


def within(con: duckdb.DuckDBPyConnection, database: str) -> duckdb.DuckDBPyConnection:
    """Tell a new connection where its tables are."""
    _session(con).execute(f"USE {database}")
    return con


def _session(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """What each connection is told for itself."""
    con.execute("SET enable_progress_bar = false")
    con.execute("SET TimeZone = 'Asia/Shanghai'") if _has_icu(con) else None
    return con


def _has_icu(con: duckdb.DuckDBPyConnection) -> bool:
    row = con.execute("SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'icu'")
    found = row.fetchone()
    return bool(found and found[0])


def prepare(
    con: duckdb.DuckDBPyConnection, his: Side, centre: Side, *, hospital: str = ""
) -> list[str]:
    """Make the inputs of the stages from the canonical rows; returns what cannot be compared.

    Args:
        con: has the canonical rows.
        his: the hospital's ledger.
        centre: the centre's ledger.
        hospital: column of both that names the hospital: rows of two hospitals never meet then, so
            that a province's ledgers may be cut by hospital and come to the same verdicts.

    Raises:
        InputError: a side has no such column.
    """
    for side in (his, centre) if hospital else ():
        if hospital.lower() not in {one.lower() for one in side.further}:
            raise InputError(
                tr("column {name} is missing", name=hospital),
                where=f"--by-hospital, --{side.name}",
                remedy=tr("name the columns as the interface does, or map them with --columns"),
            )
    both = his.present & centre.present
    skipped = [name for name in (*AMOUNTS, TIME) if name not in both]
    con.execute("CREATE OR REPLACE TABLE look (hr BIGINT, cr BIGINT)")
    con.execute("CREATE OR REPLACE TABLE flipped (side VARCHAR)")
    for side, table in ((his, "h"), (centre, "c")):
        terms = _terms(con, side, both, hospital)
        rows, some = f"canon_{side.name}", f"({side.picked(f'SELECT {table}r FROM look')})"
        every, chosen = (f"SELECT {terms} FROM {one} k WHERE fault IS NULL" for one in (rows, some))
        # Views: the stages scan each twice, and ten million rows of text are gigabytes.
        if side.few:
            con.execute(f"CREATE OR REPLACE TABLE few_{table} AS {every}")
            every = f"SELECT * FROM few_{table}"
            chosen = f"{every} WHERE rid IN (SELECT {table}r FROM look)"
        con.execute(f"CREATE OR REPLACE VIEW {table} AS {every}")
        con.execute(f"CREATE OR REPLACE VIEW some_{table} AS {chosen}")
    if his.typed and centre.typed:
        DuckDB.teach(con)  # the view is made of them
    quick.offer(con, his, centre, plain=not hospital)
    return skipped


def _terms(con: duckdb.DuckDBPyConnection, side: Side, both: frozenset[str], hospital: str) -> str:
    """The columns of one side for the stages; what only one side has compares as nothing."""
    tail = ""
    if hospital:
        named = next(one for one in side.further if one.lower() == hospital.lower())
        # Thirty-two digits: no typing error makes one hospital's of another's.
        tail = f""" || '|' || md5(UPPER(TRIM(COALESCE("x_{named}", ''))))"""
    crowd = _crowded(con, side)
    con.execute(f"CREATE OR REPLACE TABLE crowd_{side.name} (k VARCHAR)")
    if crowd:
        con.executemany(f"INSERT INTO crowd_{side.name} VALUES (?)", [(key,) for key in crowd])
    key = f"CASE WHEN k IN (SELECT k FROM crowd_{side.name}) THEN NULL ELSE k END" if crowd else "k"
    flip = "flag = 1 AND fee > 0" if _positive_refunds(con, side) else ""
    if flip:
        con.execute("INSERT INTO flipped VALUES (?)", [side.name])
    terms = ["rid", f"{key}{tail} AS k"]
    for name, short in KEYS.items():
        # A side's own link between refund and original needs no other side.
        own = name in {"setl_id", "init_setl_id", "medins_setl_id", "mdtrt_id", "psn_no", "msgid"}
        if short != "k":
            value = short if name in both or own else f"CAST(NULL AS VARCHAR) AS {short}"
            value = f"{short}{tail} AS {short}" if own and tail else value
            terms.append(value)
    terms.append("CASE WHEN flag = 1 OR fee < 0 THEN 1 ELSE 0 END AS rf")
    for name in AMOUNTS:
        short = SHORT[name]
        value = f"CASE WHEN {flip} THEN -{short} ELSE {short} END" if flip else short
        terms.append(f"{value if name in both else 'CAST(0 AS BIGINT)'} AS {short}")
    seconds = "CAST(epoch(moment) AS BIGINT)"
    known = TIME in both
    terms.append(f"{seconds if known else 'CAST(NULL AS BIGINT)'} AS ts")
    terms.append(f"{seconds + ' // 86400' if known else 'CAST(NULL AS BIGINT)'} AS dd")
    return ", ".join(terms)


def _positive_refunds(con: duckdb.DuckDBPyConnection, side: Side) -> bool:
    """Whether this side writes refunds with a flag and a positive amount.

    Only where it has no negative amount at all, and flagged rows repeat the key and amount of a
    row without the flag; a single flagged row may as well be a state that differs.
    """
    if _told_by_bounds(con, side):
        return False
    row = con.execute(
        f"SELECT SUM(flag), SUM(CASE WHEN fee < 0 THEN 1 ELSE 0 END) FROM canon_{side.name}"
    ).fetchone()
    if row is None or not row[0] or row[1]:
        return False
    tied = con.execute(
        f"SELECT COUNT(DISTINCT b.rid) FROM canon_{side.name} a JOIN canon_{side.name} b"
        " ON (a.k = b.k OR a.k = b.ok) WHERE a.flag = 0 AND b.flag = 1 AND b.fee <= a.fee"
    ).fetchone()
    return tied is not None and 2 * int(tied[0]) >= int(row[0])


def _told_by_bounds(con: duckdb.DuckDBPyConnection, side: Side) -> bool:
    """Whether the least amount or the greatest flag tells that no refund is written positive.

    A Parquet file with types keeps both beside its rows, so that nothing of them has to be read.
    """
    if not side.typed or len(side.typed) != len(side.parts):
        return False
    flagged = False
    for one in side.typed:
        flag = one.cell(FLAG) if "INT" in one.types.get(FLAG, "") else f"{int(FLAG in one.types)}"
        row = con.execute(
            f"SELECT MIN({one.cell(AMOUNTS[0])}), MAX({flag}) FROM {one.table} t"
        ).fetchone()
        least, greatest = row or (None, None)
        if least is not None and least < 0:
            return True
        flagged = flagged or (greatest or 0) > 0
    return not flagged


def _crowded(con: duckdb.DuckDBPyConnection, side: Side) -> list[str]:
    """Keys that stand on so many rows that they are constants; found on a sample of large files."""
    if side.rows <= CROWD_ROWS:
        return []
    every = _SAMPLE_EVERY if side.rows > _SAMPLE_FROM_ROWS else 1
    least = max(2, CROWD_ROWS // (2 * every)) if every > 1 else CROWD_ROWS
    # The sample is taken where the file is read: no id outside it is tidied.
    rows = con.execute(
        f"SELECT k FROM ({side.sampled(every)}) z"
        f" GROUP BY k HAVING COUNT(*) > {least} AND k IS NOT NULL"
    ).fetchall()
    found = []
    for (key,) in rows:
        count = con.execute(f"SELECT COUNT(*) FROM canon_{side.name} WHERE k = ?", [key]).fetchone()
        if count and count[0] > CROWD_ROWS:
            found.append(str(key))
    return sorted(found)


def run(
    con: duckdb.DuckDBPyConnection,
    engine: str,
    *,
    tolerance_days: int,
    work: Path,
    hospital: str = "",
    kept: Callable[[Iterable[Statement]], Adapter] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Run every stage; afterwards ``con`` has the outputs that ``stages`` names.

    Args:
        con: has the inputs, see ``prepare``.
        engine: who runs the stages.
        tolerance_days: how far apart the days of a proposed pair may lie.
        work: where an engine may write.
        hospital: ids end with what names their hospital.
        kept: gives an adapter for these statements that stays, where ``engine`` is ``sqlite``.
        say: is told after each statement.

    Raises:
        InputError: no such engine, or it is not installed.
    """
    if engine not in ENGINES:
        raise InputError(tr("no engine {name}", name=engine), remedy=", ".join(ENGINES))
    texts = stages.statements(
        tolerance_days=tolerance_days, tail_chars=TAIL_CHARS if hospital else 0
    )
    adapter = kept(texts) if kept and engine == "sqlite" else _adapter(con, engine, work)
    try:
        adapter.take(con)
        for number, one in enumerate(texts, 1):
            adapter.make(one)
            say(f"{number}/{len(texts)} {one.name}")
        adapter.give(con)
    finally:
        adapter.close()
    if engine != "duckdb":
        for table, select in PICKED.items():
            con.execute(f"CREATE OR REPLACE TABLE {table} AS {select}")


def _adapter(con: duckdb.DuckDBPyConnection, engine: str, work: Path) -> Adapter:
    if engine == "spark":
        return Spark(work)
    return SQLite() if engine == "sqlite" else DuckDB(con)
