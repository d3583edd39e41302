"""Connections to Oracle and SQL Server, read-only, through drivers that a site installs itself.

``oracledb`` (thin mode, no client needed) and ``pymssql`` are no dependencies: nothing here could
be tested against a real server, so nothing here is promised by installing the harness.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from harness.contract.rows import Ask
from harness.errors import InputError
from harness.i18n import tr
from harness.probes.sql import check_select

KINDS: Final = {"oracle": "oracledb", "mssql": "pymssql"}
"""Scheme of the URL, and the driver."""

PORTS: Final = {"oracle": 1521, "mssql": 1433}


def kind_of(url: str) -> str:
    """``oracle`` or ``mssql``; empty for another URL."""
    scheme = url.partition("://")[0]
    return scheme if scheme in KINDS else ""


def place(url: str) -> tuple[str, int]:
    """Host and port: what the site's policy is asked about."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[kind_of(url)]


@contextmanager
def connected(url: str) -> Iterator[Ask]:
    """What runs SELECTs over a connection that is closed afterwards.

    Raises:
        InputError: the driver is not installed, or the database cannot be reached.
    """
    kind = kind_of(url)
    try:
        driver: Any = importlib.import_module(KINDS[kind])
    except ImportError as error:
        raise InputError(
            tr("{kind} needs a driver that is not installed", kind=kind),
            remedy=f"pip install {KINDS[kind]}",
        ) from error
    try:
        db = _open(driver, kind, url)
    except Exception as error:
        # Drivers have their own errors; none of them may show the URL and its password.
        reason = str(error).replace(url, "…").partition("\n")[0]
        raise InputError(tr("the database cannot be read: {reason}", reason=reason)) from error
    try:
        yield _asking(driver, db, kind)
    finally:
        db.close()


def _open(driver: Any, kind: str, url: str) -> Any:
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    (host, port), name = place(url), parts.path.strip("/")
    if kind == "oracle":
        return driver.connect(user=user, password=password, dsn=f"{host}:{port}/{name}")
    return driver.connect(server=host, port=str(port), user=user, password=password, database=name,
                          login_timeout=10, read_only=True)  # fmt: skip


def _asking(driver: Any, db: Any, kind: str) -> Ask:
    def ask(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        check_select(sql)
        cursor = db.cursor()
        try:
            if kind == "oracle":
                cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(sql, tuple(values)) if values else cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]
        except driver.Error as error:
            raise LookupError(str(error)) from error
        finally:
            cursor.close()
            db.rollback()

    return ask
