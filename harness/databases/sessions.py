"""Sessions that only read: one moment of a database, a query with named holes, a cap of time.

One class a kind; each opens the driver when it is needed, because every driver is an extra or a
site's own. Those of servers besides PostgreSQL stand in ``servers.py``.
"""

from __future__ import annotations

import importlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol

from harness.databases import accounts
from harness.databases.holes import for_percent
from harness.databases.target import Kind
from harness.errors import InputError
from harness.i18n import tr

PROGRESS_STEPS: Final = 100_000
"""Steps of SQLite's machine between two looks at the clock: a few milliseconds."""

MOVING: Final = re.compile(
    r"(?i)\b(now|current_\w+|date|time|datetime|julianday|unixepoch|strftime|timediff|random\w*)\b"
)
"""What may answer otherwise a moment later, though nothing was written
(sqlite.org/deterministic.html)."""

SNAPSHOT: Final = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
"""PostgreSQL 15 §13.2: each statement would else see what was committed before it."""

DRIVERS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.POSTGRESQL: ("psycopg", "pip install medharness[postgresql]"),
    Kind.ORACLE: ("oracledb", "pip install medharness[oracle]"),
    Kind.SQL_SERVER: ("pymssql", "pip install medharness[sqlserver]"),
    Kind.MYSQL: ("pymysql", "pip install medharness[mysql]"),
}
"""Module and how it comes."""

DRIVER_MODULES: Final = frozenset(module for module, _ in DRIVERS.values())

Found = tuple[list[str], Sequence[Sequence[Any]]]
"""Names of the columns, and rows: one more than asked for shows that there are more."""


class Session(Protocol):
    """One connection."""

    def begin(self) -> None:
        """Hold one moment, read-only."""
        ...

    def end(self) -> None:
        """Let go of the moment."""
        ...

    def run(self, query: str, args: Mapping[str, Any], rows_max: int) -> Found:
        """Run one SELECT."""
        ...

    def version(self, query: str) -> int | None:
        """A number that stays while the answer to a query must; None where nobody can tell."""
        ...

    def rights(self) -> list[str]:
        """What the account may change."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def driver_of(kind: Kind) -> Any:
    """The module that speaks to a kind of database.

    Raises:
        InputError: it is not installed.
    """
    module, remedy = DRIVERS[kind]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            tr("looking into {kind} needs {module}, which is not installed", kind=kind,
               module=module),
            remedy=remedy,
        ) from error  # fmt: skip


class SqliteSession:
    """A file, opened read-only; one BEGIN holds the state of the first read."""

    def __init__(self, path: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        where = Path(path.removeprefix("sqlite:")).resolve()
        self._db = sqlite3.connect(
            f"{where.as_uri()}?mode=ro",
            uri=True,
            timeout=timeout_s,
            check_same_thread=False,
            isolation_level=None,
        )
        self._version: int | None = None
        self._moves = False

    def begin(self) -> None:
        """One BEGIN (sqlite.org/isolation.html)."""
        self._db.execute("BEGIN")

    def end(self) -> None:
        """Nothing is written, so nothing is lost."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def run(self, query: str, args: Mapping[str, Any], rows_max: int) -> Found:
        """Broken off when its time is over."""
        over_at = monotonic() + self._timeout_s
        self._db.set_progress_handler(lambda: monotonic() > over_at, PROGRESS_STEPS)
        cursor = self._db.execute(query, dict(args))
        return [column[0] for column in cursor.description], cursor.fetchmany(rows_max + 1)

    def version(self, query: str) -> int | None:
        """Changed by commits of others (sqlite.org/pragma.html#pragma_data_version)."""
        found = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        if found != self._version:
            views = self._db.execute("SELECT sql FROM sqlite_master WHERE type = 'view'").fetchall()
            self._version, self._moves = found, any(MOVING.search(str(sql)) for (sql,) in views)
        return None if self._moves or MOVING.search(query) else found

    def rights(self) -> list[str]:
        """None: the file is opened read-only."""
        return []

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


class PostgresSession:
    """A read-only session; the server breaks a statement off."""

    def __init__(self, url: str, timeout_s: float) -> None:
        driver = driver_of(Kind.POSTGRESQL)
        options = f"-c default_transaction_read_only=on -c statement_timeout={timeout_s * 1000:.0f}"
        self._db = driver.connect(
            url.replace("postgresql+psycopg://", "postgresql://", 1),
            autocommit=True,
            options=options,
            connect_timeout=max(1, int(timeout_s)),
        )

    def begin(self) -> None:
        """One transaction (PostgreSQL 15 §13.2.2)."""
        self._db.execute(SNAPSHOT)

    def end(self) -> None:
        """Roll back."""
        self._db.execute("ROLLBACK")

    def run(self, query: str, args: Mapping[str, Any], rows_max: int) -> Found:
        """Holes as psycopg has them."""
        cursor = self._db.execute(for_percent(query), dict(args))
        return [column[0] for column in cursor.description], cursor.fetchmany(rows_max + 1)

    def version(self, query: str) -> None:
        """Nothing tells but a look."""

    def rights(self) -> list[str]:
        """From the catalogue."""
        return accounts.postgresql(lambda query: list(self._db.execute(query).fetchall()))

    def close(self) -> None:
        """End the connection."""
        self._db.close()
