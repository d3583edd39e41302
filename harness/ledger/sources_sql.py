"""A ledger from a database: one SELECT, read in blocks, never written."""

from __future__ import annotations

import csv
import os
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from harness.databases import oracle_client
from harness.databases.sessions import driver_of
from harness.databases.target import SCHEMES, Kind, scheme_of
from harness.errors import InputError
from harness.i18n import tr
from harness.probes.sql import CLIENT

BLOCK_ROWS: Final = 10_000

_READS: Final = re.compile(r"\s*(?:/\*.*?\*/\s*)*(?:select|with)\b", re.IGNORECASE | re.DOTALL)
_WRITES: Final = re.compile(
    r"\b(?:insert|update|delete|merge|drop|alter|create|truncate|grant|call|exec|execute|into)\b",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*")


def shown(url: str) -> str:
    """The URL without its password."""
    try:
        return sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return tr("database")


def check(query: str) -> None:
    """Refuse everything that is not one SELECT.

    Raises:
        InputError: no query, several statements, a word that writes.
    """
    bare = _QUOTED.sub("", query).strip().rstrip(";")
    if not bare:
        raise InputError(
            tr("a database needs a query"), remedy="--his-query, --centre-query, --channel-query"
        )
    if not _READS.match(bare) or ";" in bare or _WRITES.search(bare):
        raise InputError(tr("only one SELECT is allowed: {query}", query=query.strip()[:80]))


def extract(url: str, query: str, target: Path) -> int:
    """Write the answer of the query as CSV in UTF-8; returns its rows.

    Raises:
        InputError: the query writes, or the database refuses.
    """
    check(query)
    _client(url)
    try:
        # Without a pool every connection ends with its block, also where the database refuses.
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            _read_only(connection)
            return _copy(connection, query, target)
    except (SQLAlchemyError, ImportError) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            tr("the database refused: {error}", error=first),
            where=shown(url),
            remedy=oracle_client.advice(str(error)),
        ) from error


def _client(url: str) -> None:
    """Load the site's Oracle client where the environment names one: databases before 12.1."""
    folder = os.environ.get(CLIENT, "")
    if folder and SCHEMES.get(scheme_of(url)) is Kind.ORACLE:
        oracle_client.use(driver_of(Kind.ORACLE), str(Path(folder).resolve()))


def _copy(connection: sqlalchemy.Connection, query: str, target: Path) -> int:
    count = 0
    result = connection.execution_options(stream_results=True, yield_per=BLOCK_ROWS).execute(
        sqlalchemy.text(query)
    )
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(list(result.keys()))
        for block in result.partitions(BLOCK_ROWS):
            writer.writerows([_text(cell) for cell in row] for row in block)
            count += len(block)
    connection.rollback()
    return count


def _read_only(connection: sqlalchemy.Connection) -> None:
    """As far as the database can be told; the account should have no more rights anyway."""
    name = connection.dialect.name
    if name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = 1")
    elif name in {"postgresql", "mysql", "mariadb", "oracle"}:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, float):
        # A float column has no exact text; rounding to the fen is the best that can be had.
        return format(Decimal(repr(cell)), "f")
    return str(cell)
