"""The durable store of a simulated system: SQLite by path, PostgreSQL by URL.

Every change is one transaction, and it is on the disk when ``commit`` returns (SQLite with
``synchronous=FULL``, PostgreSQL with its default). Reads see what was committed.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from harness.errors import InputError
from harness.i18n import tr
from harness.link.batch import Grouping
from simulators.memory import Memory
from simulators.memory_keyed import KeyedMemory

Row = dict[str, Any]
Statements = Sequence[tuple[str, Sequence[Any]]]


class Store(Protocol):
    """Where a simulated system keeps what must survive its crash."""

    def commit(self, statements: Statements) -> None:
        """Carry all out, or none; durable on return."""
        ...

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Committed rows of a SELECT with ``?`` holes."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


CHECKPOINT_PAGES = 4000
"""Pages in the log before it is brought into the file: 16 MiB, some thousand settlements."""

CACHE_KIB = 4 * 1024
"""Pages kept in memory: what follows each other reads them again. More would save nothing, for the
system keeps pages of the file anyway, and would fill for an hour like a leak."""

STATEMENTS_KEPT = 512
"""Prepared statements of one connection: all that a simulated system has."""

_TRANSACTION = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_SAVEPOINT = ("SAVEPOINT one", "RELEASE one", ("ROLLBACK TO one", "RELEASE one"))


class SqliteStore:
    """A store in one SQLite file (WAL).

    Args:
        path: the file.
        schema: CREATE statements that may be run again.
        durable: False for the virtual clock, where a crash is simulated and the disk never fails.
        reference: tables that are read with every message and hardly ever change. What was read of
            them is kept while groups follow each other and nobody wrote to them, here or elsewhere.
        keyed: the same for tables whose rows belong to a key, such as a visit: by table, the column
            that holds it. What was read of a key is kept until something of it is changed.

    Attributes:
        syncs: how often something was made durable: once a commit, or once a group of them.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        *,
        durable: bool = True,
        reference: Sequence[str] = (),
        keyed: Mapping[str, str] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._grouped = False
        self._memory = Memory(reference)
        self._keyed = KeyedMemory(keyed or {})
        self._names: dict[str, tuple[str, ...]] = {}
        self.syncs = 0
        self._changes = 0
        try:
            self._db = sqlite3.connect(
                path,
                check_same_thread=False,
                isolation_level=None,
                cached_statements=STATEMENTS_KEPT,
            )
            self._set_up(schema, durable=durable)
        except sqlite3.DatabaseError as error:  # no folder, no database, another one's tables
            raise InputError(
                tr("the store cannot be opened: {reason}", reason=error), where=str(path)
            ) from error

    def _set_up(self, schema: Sequence[str], *, durable: bool) -> None:
        with ExitStack() as unless_done:
            unless_done.callback(self._db.close)
            # Set first: changing the journal mode would otherwise wait for the disk already.
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            self._db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            for statement in schema:
                self._db.execute(statement)
            unless_done.pop_all()

    def commit(self, statements: Statements) -> None:
        """One transaction; fsync before it returns when durable, or at the end of its group."""
        begin, done, undo = _SAVEPOINT if self._grouped else _TRANSACTION
        with self._lock:
            execute, changed, touched = (
                self._db.execute, self._memory.changed, self._keyed.changed,
            )  # fmt: skip
            execute(begin)
            try:
                for sql, values in statements:
                    changed(sql)
                    touched(sql, values)
                    execute(sql, values)
                execute(done)
                self.syncs += not self._grouped
            except BaseException:
                if self._db.in_transaction:  # a full disk may have rolled it back already
                    for sql in undo:
                        self._db.execute(sql)
                raise

    def begin(self) -> None:
        """Hold what is committed from now on together; what is read sees it."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            # Nobody else can write from here to the end of the group.
            if self._memory.seen(self._db.execute("PRAGMA data_version").fetchone()[0]):
                self._keyed.forget()
            self._changes = self._db.total_changes
            self._grouped = True

    def end(self) -> None:
        """One fsync for the whole group."""
        with self._lock:
            self._grouped = False
            try:
                self._db.execute("COMMIT")
                self.syncs += self._db.total_changes != self._changes
            except BaseException:
                self._memory.forget()
                self._keyed.forget()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Rows as dictionaries."""
        given = tuple(values)
        with self._lock:
            if self._grouped:
                if self._memory.about(sql):
                    return self._memory.rows(sql, given, self._read)
                if table := self._keyed.about(sql):
                    return self._keyed.rows(table, sql, given, self._read)
            return self._read(sql, given)

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[Row]:
        cursor = self._db.execute(sql, values)
        found = cursor.fetchall()
        if not found:
            return []
        names = self._names.get(sql)
        if names is None or len(names) != len(found[0]):
            names = tuple(column[0] for column in cursor.description)
            if len(self._names) >= STATEMENTS_KEPT:
                self._names.clear()
            self._names[sql] = names
        return [dict(zip(names, row)) for row in found]  # noqa: B905 - looked at above, once for all

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


class PostgresStore:
    """A store in a PostgreSQL database (extra ``postgresql``).

    Args:
        url: ``postgresql://...``
        schema: CREATE statements that may be run again.
    """

    def __init__(self, url: str, schema: Sequence[str]) -> None:
        try:
            import psycopg  # noqa: PLC0415 - an extra
            from psycopg.rows import dict_row  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise InputError(
                tr("PostgreSQL needs an extra"), remedy="pip install medharness[postgresql]"
            ) from error
        self._lock = threading.Lock()
        try:
            self._db = psycopg.connect(url, row_factory=dict_row, autocommit=True)
        except psycopg.OperationalError as error:
            raise InputError(tr("the store cannot be opened: {reason}", reason=error)) from error
        self.commit([(_postgres(statement), ()) for statement in schema])

    def commit(self, statements: Statements) -> None:
        """One transaction, durable on return."""
        with self._lock, self._db.transaction():
            for sql, values in statements:
                self._db.execute(_postgres(sql).encode(), tuple(values))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Rows as dictionaries."""
        with self._lock:
            return list(self._db.execute(_postgres(sql).encode(), tuple(values)).fetchall())

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._db.close()


def _postgres(sql: str) -> str:
    """Our SQL in PostgreSQL's words: holes and the one column type that differs."""
    return (
        sql.replace("%", "%%")
        .replace("?", "%s")
        .replace(
            "INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        )
    )


def open_store(
    url: str,
    schema: Sequence[str],
    *,
    durable: bool = True,
    reference: Sequence[str] = (),
    keyed: Mapping[str, str] | None = None,
) -> Store:
    """A store by URL: ``postgresql://...`` or the path of an SQLite file."""
    if url.startswith(("postgresql://", "postgres://")):
        return PostgresStore(url, schema)
    return SqliteStore(Path(url), schema, durable=durable, reference=reference, keyed=keyed)


def grouping(store: Store) -> Grouping | None:
    """The store again, if its commits can be held together."""
    return store if isinstance(store, SqliteStore) else None


def insert(table: str, row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """An INSERT for a row of our own column names."""
    return _insert(table, tuple(row)), [*row.values()]


@lru_cache(maxsize=1024)
def _insert(table: str, columns: tuple[str, ...]) -> str:
    """One text object for equal statements, so that the prepared one is found at once."""
    holes = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holes})"


def upsert(table: str, key: Sequence[str], row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """An INSERT that updates the row with the same key."""
    sql, values = insert(table, row)
    changed = ", ".join(f"{name} = excluded.{name}" for name in row if name not in key)
    action = f"DO UPDATE SET {changed}" if changed else "DO NOTHING"
    return f"{sql} ON CONFLICT ({', '.join(key)}) {action}", values
