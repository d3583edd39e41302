"""Sessions of Oracle, SQL Server and MySQL: read-only, one moment, capped in time.

Written from Oracle Database SQL Language Reference 11.2 ("SET TRANSACTION"), python-oracledb's API
("Connection.call_timeout"), Transact-SQL ("SET TRANSACTION ISOLATION LEVEL") and the MySQL 8.0 and
MariaDB references ("START TRANSACTION"). A real MariaDB answers in the tests; **no real Oracle or
SQL Server has answered here**, the tests play their drivers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from harness.databases import accounts, holes, oracle_client
from harness.databases.sessions import Found, driver_of
from harness.databases.target import Kind, Target

ER_UNKNOWN_SYSTEM_VARIABLE: Final = 1193
"""MySQL Server Error Message Reference: MariaDB calls its cap of time by another name."""


class _Cursors:
    """What the three have in common (PEP 249)."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def _tell(self, statement: str) -> None:
        cursor = self._db.cursor()
        try:
            cursor.execute(statement)
        finally:
            cursor.close()

    def version(self, query: str) -> None:
        """Nothing tells but a look."""

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row of a catalogue's answer."""
        cursor = self._db.cursor()
        try:
            cursor.execute(query, tuple(values)) if values else cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def _select(self, query: str, args: Mapping[str, Any], rows_max: int) -> Found:
        cursor = self._db.cursor()
        try:
            given = holes.filled(query, args)
            # Without values the drivers disagree on whether %% is one sign.
            cursor.execute(holes.for_percent(query), given) if given else cursor.execute(query)
            return [column[0] for column in cursor.description], cursor.fetchmany(rows_max + 1)
        finally:
            cursor.close()

    def close(self) -> None:
        """End the connection."""
        self._db.close()


class OracleSession(_Cursors):
    """SET TRANSACTION READ ONLY: every query sees what was committed when it began.

    The statement stops no DDL, which commits by itself, and no function that writes in a
    transaction of its own: that the account can only read is what counts.

    Args:
        target: with the whole descriptor.
        timeout_s: of one round trip.
        client: folder of the site's client; empty for the thin mode.
    """

    def __init__(self, target: Target, timeout_s: float, client: str = "") -> None:
        driver = driver_of(Kind.ORACLE)
        if client:
            oracle_client.use(driver, client)
        db = driver.connect(user=target.user, password=target.password, dsn=target.dsn)
        super().__init__(db)
        self._driver = driver
        self._timeout_s = timeout_s
        self._breaks = not self._caps()
        db.outputtypehandler = self._exact

    def _caps(self) -> bool:
        """Whether the client ends a round trip by itself: from 18.1 (python-oracledb, DPI-1050)."""
        try:
            self._db.call_timeout = max(1, round(self._timeout_s * 1000))
        except self._driver.Error:
            return False
        return True

    @contextmanager
    def _capped(self) -> Iterator[None]:
        """An older client is broken off from beside: OCIBreak."""
        if not self._breaks:
            yield
            return
        timer = threading.Timer(self._timeout_s, self._db.cancel)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _exact(self, cursor: Any, told: Any) -> Any:
        """Numbers as decimals, long text as text: a float would change what is compared."""
        if told.type_code == self._driver.DB_TYPE_NUMBER:
            return cursor.var(Decimal, arraysize=cursor.arraysize)
        if told.type_code == self._driver.DB_TYPE_CLOB:
            return cursor.var(self._driver.DB_TYPE_LONG, arraysize=cursor.arraysize)
        return None

    def begin(self) -> None:
        """It must be the first statement of a transaction (ORA-01453)."""
        self._db.rollback()
        self._tell("SET TRANSACTION READ ONLY")

    def end(self) -> None:
        """Roll back."""
        self._db.rollback()

    def run(self, query: str, args: Mapping[str, Any], rows_max: int) -> Found:
        """Texts are bound as CHAR.

        A text of varying length would not equal a padded column (SQL Language Reference 11.2,
        "Blank-Padded and Nonpadded Comparison Semantics"), and the probe would see nothing.
        """
        given = holes.filled(query, args)
        text, binds = holes.for_oracle(query)
        values = {bind: given[hole] for bind, hole in binds.items()}
        cursor = self._db.cursor()
        try:
            if values:
                cursor.setinputsizes(**dict.fromkeys(values, self._driver.DB_TYPE_CHAR))
            with self._capped():
                cursor.execute(text, values)
                rows = cursor.fetchmany(rows_max + 1)
            names = [_folded(column[0]) for column in cursor.description]
            padded = [column[1] == self._driver.DB_TYPE_CHAR for column in cursor.description]
            return names, [_unpadded(row, padded) for row in rows]
        finally:
            cursor.close()

    def rights(self) -> list[str]:
        """From the catalogue."""
        return accounts.oracle(self.rows)


def _folded(name: str) -> str:
    """Names without quotes are kept in capitals; a query of the profile writes them small."""
    return name.lower() if name == name.upper() else name


def _unpadded(row: Sequence[Any], padded: Sequence[bool]) -> tuple[Any, ...]:
    return tuple(
        value.rstrip(" ") if fixed and isinstance(value, str) else value
        for value, fixed in zip(row, padded, strict=True)
    )


class SqlServerSession(_Cursors):
    """Isolation level SNAPSHOT: no lock is taken, and one moment is seen.

    There is no read-only transaction here, so every one is rolled back, and the account counts.
    """

    def __init__(self, target: Target, timeout_s: float) -> None:
        driver = driver_of(Kind.SQL_SERVER)
        ((host, port),) = target.places
        seconds = max(1, round(timeout_s))
        # Not read_only: an availability group would lead to another server (read-only routing).
        db = driver.connect(
            server=host,
            port=str(port),
            user=target.user,
            password=target.password,
            database=target.database,
            login_timeout=seconds,
            timeout=seconds,
            autocommit=True,
            **target.options,
        )
        super().__init__(db)
        self._tell(f"SET LOCK_TIMEOUT {round(timeout_s * 1000)}")

    def begin(self) -> None:
        """One transaction; the level holds for it alone, because catalogues lie elsewhere."""
        self._tell("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
        self._tell("BEGIN TRANSACTION")

    def end(self) -> None:
        """Roll back, also where an error has ended the transaction already."""
        self._tell("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")
        self._tell("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def run(self, query: str, args: Mapping[str, Any], rows_max: int) -> Found:
        """Holes as pymssql has them."""
        return self._select(query, args, rows_max)

    def rights(self) -> list[str]:
        """From the catalogue."""
        return accounts.sql_server(self.rows)


class MySqlSession(_Cursors):
    """START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY (InnoDB tables)."""

    def __init__(self, target: Target, timeout_s: float) -> None:
        driver = driver_of(Kind.MYSQL)
        ((host, port),) = target.places
        seconds = max(1, round(timeout_s))
        db = driver.connect(
            host=host,
            port=port,
            user=target.user,
            password=target.password,
            database=target.database or None,
            charset=target.options.get("charset", "utf8mb4"),
            ssl={"ca": target.options["ssl_ca"]} if "ssl_ca" in target.options else None,
            connect_timeout=seconds,
            read_timeout=seconds + 1,
            write_timeout=seconds,
            autocommit=True,
            local_infile=False,
        )
        super().__init__(db)
        try:
            self._tell(f"SET SESSION MAX_EXECUTION_TIME = {round(timeout_s * 1000)}")
        except driver.Error as error:
            if error.args[:1] != (ER_UNKNOWN_SYSTEM_VARIABLE,):
                raise
            self._tell(f"SET SESSION max_statement_time = {timeout_s:g}")
        self._tell("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    def begin(self) -> None:
        """One transaction."""
        self._tell("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def end(self) -> None:
        """Roll back."""
        self._tell("ROLLBACK")

    def run(self, query: str, args: Mapping[str, Any], rows_max: int) -> Found:
        """Holes as PyMySQL has them."""
        return self._select(query, args, rows_max)

    def rights(self) -> list[str]:
        """From SHOW GRANTS."""
        return accounts.mysql(self.rows)
