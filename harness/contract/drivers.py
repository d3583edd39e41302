"""Connections to Oracle and SQL Server, read-only, through drivers that a site installs itself.

They are opened as probes open them (``harness/databases``). ``pymssql`` is no dependency, and no
real server has answered here: nothing here is promised by installing the harness.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from harness.contract.rows import Ask
from harness.databases import oracle_client
from harness.databases.servers import OracleSession, SqlServerSession
from harness.databases.sessions import DRIVERS, driver_of
from harness.databases.target import SCHEMES, Kind, scheme_of, target_of
from harness.errors import HarnessError, InputError
from harness.i18n import tr
from harness.probes.sql import CLIENT, check_select

KINDS: Final = {str(kind): DRIVERS[kind][0] for kind in (Kind.ORACLE, Kind.SQL_SERVER)}
"""Kind, and the driver."""

TIMEOUT_S: Final = 60.0
"""A catalogue of ten thousand objects is read in seconds; a dead server ends sooner."""


def kind_of(url: str) -> str:
    """``oracle`` or ``mssql``; empty for another URL."""
    kind = SCHEMES.get(scheme_of(url))
    return str(kind) if kind is not None and str(kind) in KINDS else ""


@contextmanager
def connected(url: str) -> Iterator[Ask]:
    """What runs SELECTs over a connection that is closed afterwards.

    Raises:
        InputError: the driver is not installed, or the database cannot be reached.
    """
    target = target_of(url, os.environ, timeout_s=TIMEOUT_S)
    try:
        session = (
            OracleSession(target, TIMEOUT_S, os.environ.get(CLIENT, ""))
            if target.kind is Kind.ORACLE
            else SqlServerSession(target, TIMEOUT_S)
        )
    except HarnessError:
        raise
    except Exception as error:
        # Drivers have their own errors; none of them may show the URL and its password.
        reason = target.hidden(str(error))
        raise InputError(
            tr("the database cannot be read: {reason}", reason=reason),
            remedy=oracle_client.advice(reason),
        ) from error
    try:
        yield _asking(session)
    finally:
        session.close()


def _asking(session: OracleSession | SqlServerSession) -> Ask:
    driver = driver_of(Kind.ORACLE if isinstance(session, OracleSession) else Kind.SQL_SERVER)

    def ask(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        check_select(sql)
        if isinstance(session, OracleSession):
            session.begin()
        try:
            return session.rows(sql, values)
        except driver.Error as error:
            raise LookupError(str(error)) from error
        finally:
            session.end()

    return ask
