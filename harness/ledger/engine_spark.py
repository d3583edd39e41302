"""The stages on Spark, for ledgers that live on a cluster (extra ``spark``).

The canonical rows go out as Parquet and the results come back as Parquet; between lie the same
statements as on every engine. Each table is computed at once: Spark puts off work, and a plan of
a hundred lazy steps takes longer to optimise than to run. ``SPARK_MASTER`` names the cluster;
without it Spark runs inside this process on all cores.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.stages import Statement

MASTER: Final = "SPARK_MASTER"
"""Environment variable with the address of a cluster, such as ``yarn`` or ``spark://host:7077``."""

_FUNCTIONS: Final = (
    "FP(a STRING) RETURNS BIGINT RETURN CASE WHEN a IS NULL THEN NULL ELSE xxhash64(a) END",
    "FP2(a STRING, b BIGINT) RETURNS BIGINT RETURN IF(a IS NULL, NULL, xxhash64(a, b))",
    "POWER_OF_TWO(n BIGINT) RETURNS BIGINT RETURN shiftleft(CAST(1 AS BIGINT), CAST(n AS INT))",
    # Spark takes the characters first and the text second.
    "LTRIM_OF(a STRING, b STRING) RETURNS STRING RETURN LTRIM(b, a)",
)


def run(con: duckdb.DuckDBPyConnection, texts: Sequence[Statement], shapes: dict[str, str]) -> None:
    """Run the statements on Spark and bring the results back into ``con``.

    Args:
        con: has the views ``h`` and ``c``.
        texts: the statements.
        shapes: name and columns of each result.

    Raises:
        InputError: Spark is not installed, or there is no Java.
    """
    row = con.execute("SELECT current_setting('temp_directory')").fetchone()
    near = Path(str(row[0])).parent if row and row[0] else None
    with tempfile.TemporaryDirectory(dir=near, prefix="spark-") as name:
        folder = Path(name)
        session = _session(folder)
        try:
            _work(session, con, texts, folder, shapes)
        finally:
            session.stop()
        for table, shape in shapes.items():
            columns = [one.split() for one in shape.split(", ")]
            casts = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in columns)
            path = _quoted(folder / f"{table}.out" / "*.parquet")
            con.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT {casts} FROM read_parquet('{path}')"
            )


def _session(folder: Path) -> Any:
    try:
        sql = importlib.import_module("pyspark.sql")
    except ModuleNotFoundError as error:
        raise InputError(
            tr("Spark is not installed"), remedy=tr("install the extra 'spark', and Java 17")
        ) from error
    builder = (
        sql.SparkSession.builder.appName("medharness reconcile")
        .master(os.environ.get(MASTER, "local[*]"))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        # A union of two checkpoints fails while it derives constraints (key not found, 4.3).
        .config("spark.sql.constraintPropagation.enabled", "false")
        .config("spark.sql.session.timeZone", "Asia/Shanghai")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
    )
    if MASTER not in os.environ:
        cores = max(2, os.cpu_count() or 2)
        builder = (
            builder.config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", str(cores))
        )
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise InputError(
            tr("Spark does not start: {error}", error=str(error).splitlines()[0]),
            remedy=tr("install the extra 'spark', and Java 17"),
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return session


def _work(
    session: Any,
    con: duckdb.DuckDBPyConnection,
    texts: Sequence[Statement],
    folder: Path,
    shapes: dict[str, str],
) -> None:
    for function in _FUNCTIONS:
        session.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {function}")
    for table in ("h", "c"):
        target = folder / f"{table}.parquet"
        con.execute(f"COPY (SELECT * FROM {table}) TO '{_quoted(target)}' (FORMAT parquet)")
        session.read.parquet(str(target)).createOrReplaceTempView(table)
    for one in texts:
        frame = session.sql(one.select.replace("LTRIM(", "LTRIM_OF("))
        if one.kind == "table":
            frame = frame.localCheckpoint(eager=True)
        frame.createOrReplaceTempView(one.name)
    for table in shapes:
        session.table(table).write.parquet(str(folder / f"{table}.out"))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
