"""Looking into a database: SELECT only, capped, over a connection that cannot write."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness import limits
from harness.databases import oracle_client, rules, servers
from harness.databases.holes import HOLE, QUOTED, EmptyHoleError
from harness.databases.sessions import DRIVER_MODULES, PostgresSession, Session, SqliteSession
from harness.databases.target import Kind, kind_of, target_of
from harness.errors import PermitError
from harness.i18n import tr
from harness.model import Outcome
from harness.probes.pace import Pace
from harness.probes.probe import Answer

__all__ = ["HOLE", "QUOTED", "SqlProbe", "check_select", "open_session"]

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


CLIENT: Final = "MEDHARNESS_ORACLE_CLIENT"
"""Environment variable with the folder of the Oracle client, where no profile names one."""


@lru_cache(maxsize=512)
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


def open_session(
    url: str, *, timeout_s: float, client: str = "", environ: Mapping[str, str] | None = None
) -> Session:
    """A read-only session of whatever database the URL names.

    Args:
        url: as ``SqlProbe`` has it.
        timeout_s: to connect, and for one statement.
        client: folder of the site's Oracle client; empty for the one of
            ``MEDHARNESS_ORACLE_CLIENT``, and without it for the driver's thin mode.
        environ: of this process unless told.

    Raises:
        InputError: the driver or the client is missing.
        PermitError: it cannot be told where the URL leads.
    """
    environ = os.environ if environ is None else environ
    kind = kind_of(url)
    if kind is Kind.SQLITE:
        return SqliteSession(url, timeout_s)
    if kind is Kind.POSTGRESQL:
        return PostgresSession(url, timeout_s)
    target = target_of(url, environ, timeout_s=timeout_s)
    if kind is Kind.SQL_SERVER:
        return servers.SqlServerSession(target, timeout_s)
    if kind is Kind.MYSQL:
        return servers.MySqlSession(target, timeout_s)
    named = client or environ.get(CLIENT, "")
    return servers.OracleSession(target, timeout_s, str(Path(named).resolve()) if named else "")


class SqlProbe:
    """A query with named holes (``:barcode``) over a database of any kind that is known here.

    Args:
        name: name in the profile.
        role: whose database it is.
        url: path or ``sqlite:PATH``, opened read-only; ``postgresql://...``,
            ``oracle+oracledb://...``, ``mssql+pymssql://...``, ``mysql+pymysql://...``.
        query: one SELECT.
        rows_max: more rows than this are an error, not a cut.
        timeout_s: one look may take so long.
        verify: refuse an account that can write; files are opened read-only.
        columns: our name of a column and the query's; others keep the query's name.
        reach: how far it sees.
        pace: between two looks.
        client: folder of the site's Oracle client.
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
        client: str = "",
    ) -> None:
        check_select(query)
        self._kind = kind_of(url)
        rules.check(self._kind, query)
        self._client = client
        self.reach = reach
        self._pace = pace or Pace()
        small = str.lower if self._kind is Kind.ORACLE else str
        self._ours = {small(theirs): ours for ours, theirs in (columns or {}).items()}
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
        self._db: Session | None = None
        self._seen: tuple[int, Mapping[str, str], Answer] | None = None

    @property
    def url(self) -> str:
        """Where it looks; may hold a password, so it is never shown."""
        return self._url

    @property
    def query(self) -> str:
        """The SELECT."""
        return self._query

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Run the query; trouble with the database is an answer, not an exception.

        Where nothing was written since the same question, its answer is given again.
        """
        self._pace.wait()
        with self._lock:
            try:
                writes = self.account_writes() if self._verify else []
                if writes:
                    return Answer(outcome=Outcome.FAILED, error=_can_write(writes))
                # Taken first: what is written meanwhile is looked for again.
                version = self._session().version(self._query)
                if self._seen and version is not None and self._seen[:2] == (version, args):
                    return self._seen[2]
                with self.snapshot():
                    names, rows = self._run(args)
            except (sqlite3.Error, OSError, EmptyHoleError) as error:
                self.close()
                return Answer(outcome=Outcome.FAILED, error=str(error))
            except Exception as error:
                if type(error).__module__.partition(".")[0] not in DRIVER_MODULES:
                    raise
                self.close()
                return Answer(outcome=Outcome.FAILED, error=self.said(error))
        if len(set(names)) < len(names):
            return Answer(outcome=Outcome.FAILED, error="two columns have the same name")
        if len(rows) > self._rows_max:
            return Answer(outcome=Outcome.FAILED, error=f"more than {self._rows_max} rows")
        answer = Answer(
            outcome=Outcome.OK,
            rows=[
                {
                    name: None if value is None else str(value)
                    for name, value in zip(names, row, strict=True)
                }
                for row in rows
            ],
        )
        self._seen = (version, dict(args), answer) if version is not None else None
        return answer

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every look in here sees the database as it is at the first of them, and writes nothing.

        One transaction; how each kind of database holds a moment, its session tells.
        """
        with self._lock:
            if self._moment:
                yield
                return
            self._session().begin()
            self._moment = True
            try:
                yield
            finally:
                self._moment = False
                self._end()

    def _end(self) -> None:
        """Let go of the moment; a connection that cannot is not used again."""
        if self._db is None:
            return
        try:
            self._db.end()
        except Exception:  # noqa: BLE001 - what went wrong before is told, not that it cannot end
            self.close()

    def account_writes(self) -> list[str]:
        """What the account may change; asked once. SQLite files are opened read-only instead."""
        if self._kind is Kind.SQLITE:
            return []
        if self._writes is None:
            self._writes = self._session().rights()
        return self._writes

    def _run(self, args: Mapping[str, str]) -> tuple[list[str], Sequence[Sequence[Any]]]:
        names, rows = self._session().run(self._query, args, self._rows_max)
        return [self._ours.get(name, name) for name in names], rows

    def _session(self) -> Session:
        if self._db is None:
            self._db = self._connect()
            if self._moment:  # the connection broke in this moment: at least it cannot write
                self._db.begin()
        return self._db

    def _connect(self) -> Session:
        return open_session(self._url, timeout_s=self._timeout_s, client=self._client)

    def said(self, error: Exception) -> str:
        """What a driver says, without a password."""
        if self._kind in {Kind.SQLITE, Kind.POSTGRESQL}:
            return str(error)
        text = target_of(self._url, {}).hidden(str(error))
        advice = oracle_client.advice(text) if self._kind is Kind.ORACLE else ""
        return f"{text} ({advice})" if advice else text

    def close(self) -> None:
        """Let go of the database; the next look opens a new connection."""
        db, self._db, self._seen = self._db, None, None
        if db is not None:
            with contextlib.suppress(Exception):  # a connection that broke cannot end well
                db.close()


def _can_write(writes: Sequence[str]) -> str:
    return tr("the account of this probe can write: {rights}", rights=", ".join(writes))
