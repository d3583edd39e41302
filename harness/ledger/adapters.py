"""What the stages ask of an engine, and the engines that come with Python: DuckDB and SQLite.

An adapter is a few lines: it takes the two inputs, makes one table a statement, and gives the
results back to DuckDB, where reading, the proof and the reports are done. The statements are the
same text for every engine; what engines spell differently are four functions, see ``stages``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, Protocol

import duckdb

from harness.ledger import quick, stages, tables
from harness.ledger.stages import Statement

INPUTS: Final = ("h", "c")

COLUMNS: Final = (
    "rid", "k", "g", "m", "p", "bill", "ok", "rf", "fee", "fund", "acct", "cash",
    "ts", "dd", "ins", "clr", "opt", "sopt",
)  # fmt: skip
"""Of both inputs."""

RESULTS: Final = {
    "plain": "hr BIGINT, cr BIGINT, d BIGINT, rf BIGINT, fee BIGINT, fund BIGINT, acct BIGINT,"
    " cash BIGINT",
    "look": "hr BIGINT, cr BIGINT",
    "pair": "hr BIGINT, cr BIGINT, d BIGINT, stage VARCHAR, weak BIGINT",
    "claim": "side VARCHAR, rid BIGINT, cls VARCHAR, stage VARCHAR",
    "edge": "side VARCHAR, rid BIGINT, oside VARCHAR, orid BIGINT",
}
"""What comes back from an engine, and its columns."""

PICKED: Final = {"hs": "SELECT * FROM some_h", "cs": "SELECT * FROM some_c"}
"""The same rows as in the text of the stages, but no other row is tidied for them."""


STATEMENTS_MAX: Final = 256
"""Statements that SQLite keeps prepared; a run has half as many."""

FEW_ROWS: Final = 100_000
"""Up to so many rows to look at, one thread goes through the stages after the first."""

LOOKED_AT: Final = (
    f"WITH p AS (SELECT l.hr, l.cr, {stages.difference()} AS d, h.k <> c.k AS apart FROM look l"
    " LEFT JOIN hs h ON h.rid = l.hr LEFT JOIN cs c ON c.rid = l.cr)"
    " SELECT hr, cr, d FROM p WHERE apart IS NOT TRUE"
    " UNION SELECT hr, NULL, 0 FROM p WHERE apart UNION SELECT NULL, cr, 0 FROM p WHERE apart"
)
"""The pairs to look at with the bits of their differences, from the rows themselves; two keys that
only share a fingerprint are no pair."""


class Adapter(Protocol):
    """One engine at work on one reconciliation."""

    def take(self, con: duckdb.DuckDBPyConnection) -> None:
        """Take the inputs ``h`` and ``c`` from DuckDB."""

    def make(self, one: Statement) -> None:
        """Run one statement, so that the next ones can read what it made."""

    def give(self, con: duckdb.DuckDBPyConnection) -> None:
        """Put the results into DuckDB."""

    def close(self) -> None:
        """Give back what the engine holds."""


def names_of(shape: str) -> str:
    """The columns of a result without their types."""
    return ", ".join(column.split()[0] for column in shape.split(", "))


class DuckDB:
    """The engine that holds the rows anyway."""

    FUNCTIONS: Final = (
        # NULL where the text is, without a CASE: inside one it would be tidied a second time.
        "FP(a) AS hash(a) + CAST(strlen(a) * 0 AS UBIGINT)",
        "FP2(a, b) AS hash(a, b) + CAST(strlen(a) * 0 AS UBIGINT)",
        "POWER_OF_TWO(n) AS CAST(1 AS BIGINT) << n",
        "NO_ZEROS(a) AS LTRIM(a, '0')",
    )

    @classmethod
    def teach(cls, con: duckdb.DuckDBPyConnection) -> None:
        """Make the functions known to a connection."""
        for function in cls.FUNCTIONS:
            con.execute(f"CREATE OR REPLACE MACRO {function}")

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._quick = False
        self._threads = 0

    def take(self, con: duckdb.DuckDBPyConnection) -> None:
        """Nothing is moved."""
        self.teach(con)
        row = con.execute("SELECT current_setting('threads')").fetchone()
        self._threads = int(row[0]) if row else 0
        con.execute("SET preserve_insertion_order = false")
        self._quick = quick.usable(con)

    def make(self, one: Statement) -> None:
        """One table or view."""
        if one.name == "j" and self._quick:
            self._table(one, f"SELECT * FROM {quick.VIEW}")
            self._quick = quick.worth(self._con)
            if self._quick:
                return
        self._table(one, PICKED.get(one.name, one.select))
        if one.name != "cs":
            return
        if self._quick:
            # What differs in its writing was only chosen so far; its difference is told now.
            self._con.execute(f"CREATE OR REPLACE TABLE look AS {LOOKED_AT}")
        row = self._con.execute("SELECT COUNT(*) FROM look").fetchone()
        if row is not None and row[0] < FEW_ROWS:
            # More than a hundred statements over a few rows: threads would cost more than they do.
            self._con.execute("SET threads = 1")

    def _table(self, one: Statement, select: str) -> None:
        self._con.execute(f"CREATE OR REPLACE {one.kind} {one.name} AS {select}")

    def give(self, con: duckdb.DuckDBPyConnection) -> None:
        """Nothing is moved."""

    def close(self) -> None:
        """Whoever opened the connection closes it; rows keep their order again."""
        self._con.execute("SET preserve_insertion_order = true")
        if self._threads:
            self._con.execute(f"SET threads = {self._threads}")


class SQLite:
    """Python's own engine: everything in memory, for few rows or as a second opinion."""

    def __init__(self) -> None:
        self._lite = sqlite3.connect(":memory:", cached_statements=STATEMENTS_MAX)
        for name, count, function in (
            ("LEVENSHTEIN", 2, _levenshtein),
            ("FP", 1, lambda a: a),
            ("FP2", 2, lambda a, b: None if a is None else f"{b} {a}"),
            ("POWER_OF_TWO", 1, lambda n: 1 << n),
            ("BIT_COUNT", 1, int.bit_count),
            ("NO_ZEROS", 1, lambda a: None if a is None else a.lstrip("0")),
        ):
            self._lite.create_function(name, count, function, deterministic=True)

    def take(self, con: duckdb.DuckDBPyConnection) -> None:
        """Copy both inputs, with an index on what the stages join by."""
        self._begin()
        names = ", ".join(COLUMNS)
        marks = ", ".join("?" for _ in COLUMNS)
        for table in INPUTS:
            rows = con.execute(f"SELECT {names} FROM {table}").fetchall()
            self._lite.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def _begin(self) -> None:
        """Make the tables of both inputs."""
        for table in INPUTS:
            self._lite.execute(f"CREATE TABLE {table} ({', '.join(COLUMNS)})")
            for column in ("rid", "k", "p", "m"):
                self._lite.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")

    def make(self, one: Statement) -> None:
        """A table, also where a view would do."""
        self._lite.execute(f"CREATE TABLE {one.name} AS {one.select}")

    def give(self, con: duckdb.DuckDBPyConnection) -> None:
        """Copy the results back."""
        for table, shape in RESULTS.items():
            rows = self._lite.execute(f"SELECT {names_of(shape)} FROM {table}").fetchall()
            tables.fill(con, table, shape, rows)

    def close(self) -> None:
        """Forget everything."""
        self._lite.close()


class KeptSQLite(SQLite):
    """The same engine for many runs, with all of its tables made once.

    To prepare a statement of the stages takes longer than to run it over a few rows, and what is
    prepared stays so while the tables do. A run is a transaction, and nothing of it is kept.
    """

    def __init__(self, statements: Iterable[Statement]) -> None:
        super().__init__()
        super()._begin()
        for one in statements:
            super().make(one)
        self._lite.isolation_level = None

    def _begin(self) -> None:
        self._lite.execute("BEGIN")

    def make(self, one: Statement) -> None:
        """Fill the table."""
        self._lite.execute(f"INSERT INTO {one.name} {one.select}")

    def close(self) -> None:
        """Forget the rows."""
        if self._lite.in_transaction:
            self._lite.rollback()

    def end(self) -> None:
        """Forget the tables, too."""
        self._lite.close()


def _levenshtein(one: str | None, other: str | None) -> int | None:
    if one is None or other is None:
        return None
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]
