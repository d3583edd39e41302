"""Looking into a database: SELECT only, capped, over a connection that cannot write."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from harness import limits
from harness.errors import InputError, PermitError
from harness.i18n import tr
from harness.model import Outcome
from harness.probes.pace import Pace
from harness.probes.probe import Answer
from harness.probes.sql_account import rights_to_write

QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`""")
"""Text and quoted names: what stands in them is no command."""

_FORBIDDEN = re.compile(
    r"\b(insert|update|delete|merge|drop|alter|create|truncate|grant|revoke|exec|execute|call"
    r"|attach|detach|pragma|vacuum|into|for\s+(no\s+key\s+|key\s+)?share)\b"
    # Functions that change something or reach outside of the tables.
    r"|\b(set_config|nextval|setval|pg_\w+|lo_\w+|dblink\w*|query_to_xml\w*|load_extension"
    r"|writefile|readfile|xp_\w+|sp_\w+|openrowset|openquery|opendatasource)\s*\("
    # A second statement, a comment that could hide one, and quotes that databases read differently.
    r"|;|--|/\*|\$\w*\$|'|\"|`",
    re.IGNORECASE,
)

HOLE = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")

SNAPSHOT = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

PROGRESS_STEPS = 100_000
"""Steps of SQLite's machine between two looks at the clock: a few milliseconds."""


def check_select(sql: str) -> None:
    """Refuse what is not one plain SELECT, before it goes anywhere.

    Raises:
        PermitError: it is none, or cannot be told from something else.
    """
    # E'..' and a backslash before a quote: databases disagree on where such a text ends.
    escaped = re.search(r"\\['\"]", sql) or any(
        re.search(r"\be$", sql[: quoted.start()], re.IGNORECASE) for quoted in QUOTED.finditer(sql)
    )
    bare = QUOTED.sub(" ", sql).strip()
    plain = re.match(r"(select|with)\b", bare, re.IGNORECASE)
    if escaped or not plain or _FORBIDDEN.search(bare):
        raise PermitError(tr("a probe may only SELECT"), where=sql[:80])


class SqlProbe:
    """A query with named holes (``:barcode``) over SQLite or PostgreSQL.

    Args:
        name: name in the profile.
        role: whose database it is.
        url: path or ``sqlite:PATH``, opened read-only; ``postgresql://...`` in a read-only
            session.
        query: one SELECT.
        rows_max: more rows than this are an error, not a cut.
        timeout_s: one look may take so long.
        verify: refuse an account that can write (PostgreSQL).
        columns: our name of a column and the query's; others keep the query's name.
        reach: how far it sees.
        pace: between two looks.
    """

    def __init__(
        self,
        *,
        name: str,
        role: str,
        url: str,
        query: str,
        rows_max: int = limits.PROBE_ROWS_MAX,
        timeout_s: float = limits.PROBE_TIMEOUT_S,
        columns: Mapping[str, str] | None = None,
        verify: bool = False,
        reach: str = "stored",
        pace: Pace | None = None,
    ) -> None:
        check_select(query)
        self.reach = reach
        self._pace = pace or Pace()
        self._ours = {theirs: ours for ours, theirs in (columns or {}).items()}
        self.name = name
        self.role = role
        self._url = url
        self._query = query
        self._rows_max = rows_max
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._moment = False
        self._verify = verify
        self._writes: list[str] | None = None
        self._db: Any = None

    @property
    def url(self) -> str:
        """Where it looks; may hold a password, so it is never shown."""
        return self._url

    @property
    def query(self) -> str:
        """The SELECT."""
        return self._query

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Run the query; trouble with the database is an answer, not an exception."""
        self._pace.wait()
        with self._lock:
            try:
                writes = self.account_writes() if self._verify else []
                if writes:
                    return Answer(outcome=Outcome.FAILED, error=_can_write(writes))
                with self.snapshot():
                    names, rows = self._run(args)
            except (sqlite3.Error, OSError) as error:
                self._drop()
                return Answer(outcome=Outcome.FAILED, error=str(error))
            except Exception as error:
                if type(error).__module__.partition(".")[0] != "psycopg":
                    raise
                self._drop()
                return Answer(outcome=Outcome.FAILED, error=str(error))
        if len(set(names)) < len(names):
            return Answer(outcome=Outcome.FAILED, error="two columns have the same name")
        if len(rows) > self._rows_max:
            return Answer(outcome=Outcome.FAILED, error=f"more than {self._rows_max} rows")
        return Answer(
            outcome=Outcome.OK,
            rows=[
                {
                    name: None if value is None else str(value)
                    for name, value in zip(names, row, strict=True)
                }
                for row in rows
            ],
        )

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every look in here sees the database as it is at the first of them, and writes nothing.

        One transaction: REPEATABLE READ READ ONLY in PostgreSQL, where each statement would else
        see what was committed before it (PostgreSQL 15 §13.2); in SQLite one BEGIN, which holds the
        state of the first read (sqlite.org/isolation.html).
        """
        with self._lock:
            if self._moment:
                yield
                return
            if self._db is None:
                self._db = self._connect()
            self._db.execute(SNAPSHOT if self._is_postgres else "BEGIN")
            self._moment = True
            try:
                yield
            finally:
                self._moment = False
                self._end()

    def _end(self) -> None:
        """Let go of the moment; a connection that cannot is not used again."""
        if self._db is None or not (self._is_postgres or self._db.in_transaction):
            return
        try:
            self._db.execute("ROLLBACK")
        except Exception:  # noqa: BLE001 - what went wrong before is told, not that it cannot end
            self._drop()

    def account_writes(self) -> list[str]:
        """What the account may change; asked once. SQLite files are opened read-only instead."""
        if not self._is_postgres:
            return []
        if self._writes is None:
            if self._db is None:
                self._db = self._connect()
            db = self._db
            self._writes = rights_to_write(lambda query: list(db.execute(query).fetchall()))
        return self._writes

    def _run(self, args: Mapping[str, str]) -> tuple[list[str], Sequence[Sequence[Any]]]:
        query = _for_postgres(self._query) if self._is_postgres else self._query
        if self._db is None:
            self._db = self._connect()
        if not self._is_postgres:
            over_at = monotonic() + self._timeout_s
            self._db.set_progress_handler(lambda: monotonic() > over_at, PROGRESS_STEPS)
        cursor = self._db.execute(query, dict(args))
        names = [self._ours.get(column[0], column[0]) for column in cursor.description]
        return names, cursor.fetchmany(self._rows_max + 1)

    @property
    def _is_postgres(self) -> bool:
        return self._url.startswith(("postgresql://", "postgres://"))

    def _connect(self) -> Any:
        if self._is_postgres:
            return _postgres(self._url, self._timeout_s)
        path = Path(self._url.removeprefix("sqlite:")).resolve()
        return sqlite3.connect(
            f"{path.as_uri()}?mode=ro",
            uri=True,
            timeout=self._timeout_s,
            check_same_thread=False,
            isolation_level=None,
        )

    def _drop(self) -> None:
        """Forget a connection that gave an error; the next look opens a new one."""
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        if self._db is not None:
            self._db.close()
            self._db = None


def _can_write(writes: Sequence[str]) -> str:
    return tr("the account of this probe can write: {rights}", rights=", ".join(writes))


def _for_postgres(query: str) -> str:
    """Named holes as psycopg has them, outside of quoted text; per cent signs stay as they are."""
    parts, end = [], 0
    for quoted in QUOTED.finditer(query):
        parts += [HOLE.sub(r"%(\1)s", query[end : quoted.start()].replace("%", "%%"))]
        parts += [quoted[0].replace("%", "%%")]
        end = quoted.end()
    return "".join([*parts, HOLE.sub(r"%(\1)s", query[end:].replace("%", "%%"))])


def _postgres(url: str, timeout_s: float) -> Any:
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            tr("looking into PostgreSQL needs an extra"),
            remedy="pip install medharness[postgresql]",
        ) from error
    milliseconds = int(timeout_s * 1000)
    options = f"-c default_transaction_read_only=on -c statement_timeout={milliseconds}"
    return psycopg.connect(
        url, autocommit=True, options=options, connect_timeout=max(1, int(timeout_s))
    )
