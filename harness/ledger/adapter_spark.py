"""Spark, where a province's ledgers lie on a cluster: the same statements, the same result.

Needs the extra ``spark`` and Java 17 or later. Without settings of its own (``SPARK_CONF_DIR``)
Spark runs inside this machine, on two cores, within ``_MEMORY``, and listens on the loopback only.
Rows go over and come back as Parquet in the working folder; on a cluster that folder has to be one
that its workers see.
"""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from typing import Any, Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger.adapters import COLUMNS, INPUTS, RESULTS, names_of
from harness.ledger.stages import Statement

_MEMORY: Final = "3g"
_LOCAL: Final = {
    "spark.master": "local[2]",
    "spark.driver.memory": _MEMORY,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Tasks of a small join cost more than the join; a join of millions is cut finer by Spark.
    "spark.sql.shuffle.partitions": "4",
    "spark.default.parallelism": "4",
}
_ALWAYS: Final = {
    "spark.app.name": "medharness",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.log.level": "ERROR",
}
_FUNCTIONS: Final = (
    "FP(a STRING) RETURNS BIGINT RETURN CASE WHEN a IS NULL THEN NULL ELSE xxhash64(a) END",
    (
        "FP2(a STRING, b BIGINT) RETURNS BIGINT"
        " RETURN CASE WHEN a IS NULL THEN NULL ELSE xxhash64(a, b) END"
    ),
    "POWER_OF_TWO(n BIGINT) RETURNS BIGINT RETURN shiftleft(CAST(1 AS BIGINT), CAST(n AS INT))",
    "NO_ZEROS(a STRING) RETURNS STRING RETURN TRIM(LEADING '0' FROM a)",
)


class Spark:
    """One Spark session for one reconciliation.

    Args:
        work: folder for the rows that go over and come back, and for what does not fit in memory.

    Raises:
        InputError: PySpark or Java is not there.
    """

    def __init__(self, work: Path) -> None:
        self._folder = work.resolve() / "spark"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._session = _session(self._folder)
        for function in _FUNCTIONS:
            self._session.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {function}")

    def take(self, con: duckdb.DuckDBPyConnection) -> None:
        """Write both inputs as Parquet and name them."""
        for table in INPUTS:
            path = self._folder / f"{table}.parquet"
            con.execute(
                f"COPY (SELECT {', '.join(COLUMNS)} FROM {table}) TO '{_quoted(path)}'"
                " (FORMAT parquet)"
            )
            self._session.read.parquet(path.as_uri()).createOrReplaceTempView(table)

    def make(self, one: Statement) -> None:
        """One statement, carried out at once and written down.

        Not a checkpoint in memory: that keeps the estimated size of every join it came from, a
        product of products, until planning takes longer than the work; and it does not survive a
        worker that goes away.
        """
        rows = self._session.sql(one.select)
        if one.kind == "table":
            rows = self._written(one.name, rows)
        rows.createOrReplaceTempView(one.name)

    def _written(self, name: str, rows: Any) -> Any:
        path = (self._folder / name).as_uri()
        rows.write.parquet(path)
        # Its own columns, because an empty table may leave no file to tell them.
        return self._session.read.schema(rows.schema).parquet(path)

    def give(self, con: duckdb.DuckDBPyConnection) -> None:
        """Read the results from what was written."""
        for table, shape in RESULTS.items():
            con.execute(f"CREATE OR REPLACE TABLE {table} ({shape})")
            path = self._folder / f"out_{table}"
            names = names_of(shape)
            self._session.sql(f"SELECT {names} FROM {table}").write.parquet(path.as_uri())
            if any(path.glob("*.parquet")):
                con.execute(
                    f"INSERT INTO {table} SELECT {names}"
                    f" FROM read_parquet('{_quoted(path / '*.parquet')}')"
                )

    def close(self) -> None:
        """End Spark and take away what it wrote."""
        self._session.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _session(folder: Path) -> Any:
    try:
        sql = importlib.import_module("pyspark.sql")
    except ModuleNotFoundError as error:
        raise InputError(
            tr("the engine spark needs PySpark"), remedy="pip install 'medharness[spark]'"
        ) from error
    builder = sql.SparkSession.builder
    local = {} if os.environ.get("SPARK_CONF_DIR") else _LOCAL
    own = {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": (folder / "tables").as_uri()}
    for name, value in (_ALWAYS | local | (own if local else {})).items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:  # its own classes say "the gateway ended" where Java is missing
        raise InputError(
            tr("Spark does not start: {error}", error=str(error).splitlines()[0]),
            remedy=tr("Spark needs Java 17 or later (JAVA_HOME)"),
        ) from error


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
