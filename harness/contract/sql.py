"""What a database promises: tables and views, columns, code values, row counts, triggers, grants.

Reads catalogues and counts only, over a connection that cannot write; no value of a person leaves
the database. SQLite tells no grants and has no routines; PostgreSQL tells both
(``information_schema``, ISO/IEC 9075-11).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from harness.contract import catalogues, drivers, postgresql, rows
from harness.contract.model import sha256
from harness.contract.rows import Ask, Named
from harness.errors import HarnessError, InputError
from harness.i18n import tr

CODES_MAX: Final = 40
"""A column with more different values is no code set."""

CODE_CHARS_MAX: Final = 24

ROWS_EACH_MIN: Final = 3
"""Rows that each code must have on average: a column that is almost unique is no code set."""

ROWS_SCANNED: Final = 200_000
"""Of a larger table the codes are not read: a running system must not feel the question."""

_PRIVATE: Final = re.compile(
    r"name|sex|birth|id_card|card|cert|phone|tel|addr|patient|psn|person|payload|password|pwd"
    r"|姓名|身份证|电话|地址|患者|病人",
    re.IGNORECASE,
)
"""Columns about a person or a secret; their values are never read."""

_SAFE: Final = re.compile(r"[^\x00\"]+")


def items(url: str, tables: Sequence[Named] = ()) -> dict[str, str]:
    """Everything that the database at a URL tells of itself.

    Args:
        url: ``sqlite:PATH``, a path, ``postgresql://...``, ``oracle://...`` or ``mssql://...``.
        tables: read row by row besides.

    Raises:
        InputError: it cannot be opened or read.
    """
    if url.startswith(("postgresql://", "postgres://")):
        return _postgresql(url, tables)
    if kind := drivers.kind_of(url):
        with drivers.connected(url) as ask:
            return dict(catalogues.items(kind, ask)) | _by_row(ask, tables, kind)
    path = Path(url.removeprefix("sqlite:")).resolve()
    if not path.is_file():
        raise InputError(tr("there is no such file: {path}", path=path.name), where=str(path))
    try:
        db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:

            def ask(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
                return db.execute(sql, values).fetchall()

            return dict(_sqlite(ask)) | _by_row(ask, tables, "sqlite")
        finally:
            db.close()
    except sqlite3.Error as error:
        message = tr("the database cannot be read: {reason}", reason=error)
        raise InputError(message, where=path.name) from error


_COLUMNS: Final = {
    "sqlite": "SELECT name FROM pragma_table_info(?)",
    "postgresql": "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
                  " AND table_schema = %s ORDER BY ordinal_position",
    "oracle": "SELECT column_name FROM all_tab_columns WHERE table_name = :1 AND owner = :2"
              " ORDER BY column_id",
    "mssql": "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = %s"
             " AND TABLE_SCHEMA = %s ORDER BY ORDINAL_POSITION",
}  # fmt: skip
"""Columns of one table."""

_SCHEMAS: Final = {"postgresql": "public", "mssql": "dbo"}
"""Of a table that is named without one; Oracle's must be named."""


def _by_row(ask: Ask, tables: Sequence[Named], kind: str) -> dict[str, str]:
    """Named tables by value."""
    found: dict[str, str] = {}
    for named in tables:
        schema, _, table = named.table.rpartition(".")
        if kind == "oracle":
            schema, table = schema.upper(), table.upper()
        values = [table] if kind == "sqlite" else [table, schema or _SCHEMAS.get(kind, "")]
        columns = [str(row[0]) for row in ask(_COLUMNS[kind], values)]
        if not columns:
            raise InputError(tr("there is no table {table}", table=named.table))
        found |= dict(rows.items(named, ask, columns))
    return found


def _quoted(name: str) -> str:
    if not _SAFE.fullmatch(name):
        raise InputError(tr("a name in the database cannot be quoted"), where=repr(name))
    return f'"{name}"'


# -- SQLite


def _sqlite(ask: Ask) -> Iterator[tuple[str, str]]:
    objects = ask(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        " ORDER BY type, name",
        (),
    )
    for kind, name, table, sql in objects:
        if kind in {"table", "view"}:
            yield from _sqlite_table(ask, str(kind), str(name), str(sql or ""))
        else:
            definition = sha256(" ".join(str(sql or "").split()).encode())[:16]
            yield f"{kind} {name}", f"on {table}, {definition}"


def _sqlite_table(ask: Ask, kind: str, name: str, sql: str) -> Iterator[tuple[str, str]]:
    text = sha256(" ".join(sql.split()).encode())[:16]
    yield f"{kind} {name}", text if kind == "view" else "present"
    try:
        columns = ask(f"PRAGMA table_info({_quoted(name)})", ())
        if kind == "view":
            ask(f"SELECT * FROM {_quoted(name)} LIMIT 1", ())
    except sqlite3.Error as error:
        yield f"invalid {name}", str(error)
        return
    kinds = {str(row[1]): str(row[2]).upper() for row in columns}
    for _, column, declared, needed, _, key in columns:
        nullable = "not null" if needed else "null"
        mark = f", key {key}" if key else ""
        yield f"column {name}.{column}", f"{declared or '-'}, {nullable}{mark}"
    yield from _counted(ask, _quoted(name), name, {c: _quoted(c) for c in kinds if _text(kinds[c])})


def _text(kind: str) -> bool:
    return not kind or any(part in kind for part in ("CHAR", "TEXT", "CLOB", "NAME"))


def _counted(ask: Ask, table: str, name: str, columns: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Rows, and the values of columns that hold codes."""
    count = int(ask(f"SELECT COUNT(*) FROM {table}", ())[0][0])
    yield f"rows {name}", str(count)
    if not 0 < count <= ROWS_SCANNED:
        return
    for column, quoted in columns.items():
        if _PRIVATE.search(column):
            continue
        values = ask(
            f"SELECT DISTINCT {quoted} FROM {table} WHERE {quoted} IS NOT NULL"
            f" LIMIT {CODES_MAX + 1}",
            (),
        )
        texts = sorted(str(value) for (value,) in values)
        few = 0 < len(texts) <= CODES_MAX and len(texts) * ROWS_EACH_MIN <= count
        if few and all(len(text) <= CODE_CHARS_MAX for text in texts):
            yield f"codes {name}.{column}", " ".join(repr(text) for text in texts)


# -- PostgreSQL

_PUBLIC: Final = "NOT IN ('pg_catalog', 'information_schema')"


def _postgresql(url: str, tables: Sequence[Named]) -> dict[str, str]:
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            tr("PostgreSQL needs an extra"), remedy="pip install medharness[postgresql]"
        ) from error
    try:
        with psycopg.connect(url, connect_timeout=10) as db:
            db.read_only = True

            def ask(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
                return db.execute(sql.encode(), values or None).fetchall()

            found = dict(_of_postgresql(ask)) | dict(postgresql.items(ask))
            return found | _by_row(ask, tables, "postgresql")
    except psycopg.Error as error:
        reason = str(error).replace(url, "…").partition("\n")[0]
        raise InputError(tr("the database cannot be read: {reason}", reason=reason)) from error


def _of_postgresql(ask: Ask) -> Iterator[tuple[str, str]]:
    for schema, name, kind in ask(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables"
        f" WHERE table_schema {_PUBLIC} ORDER BY 1, 2",
        (),
    ):
        yield from _postgresql_table(ask, str(schema), str(name), str(kind))
    for schema, name, text in ask(
        "SELECT schemaname, viewname, definition FROM pg_views"
        f" WHERE schemaname {_PUBLIC} ORDER BY 1, 2",
        (),
    ):
        yield f"view {_full(schema, name)}", sha256(" ".join(str(text).split()).encode())[:16]
    for name, table, what, timing, event in ask(
        "SELECT trigger_name, event_object_table, action_statement, action_timing,"
        " event_manipulation FROM information_schema.triggers ORDER BY 2, 1, 5",
        (),
    ):
        yield f"trigger {name} {event}", f"{timing} on {table}, {sha256(str(what).encode())[:16]}"
    for grantee, schema, table, privileges in ask(
        "SELECT grantee, table_schema, table_name, string_agg(privilege_type, ' '"
        " ORDER BY privilege_type) FROM information_schema.role_table_grants"
        f" WHERE table_schema {_PUBLIC} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (),
    ):
        yield f"grant {_full(schema, table)} {grantee}", str(privileges)
    for schema, name, arguments, result in ask(
        "SELECT n.nspname, p.proname, pg_get_function_identity_arguments(p.oid),"
        " pg_get_function_result(p.oid) FROM pg_proc p JOIN pg_namespace n"
        f" ON n.oid = p.pronamespace WHERE n.nspname {_PUBLIC} ORDER BY 1, 2, 3",
        (),
    ):
        yield f"routine {_full(schema, name)}({arguments})", str(result)


def _full(schema: Any, name: Any) -> str:
    return str(name) if schema == "public" else f"{schema}.{name}"


def _postgresql_table(ask: Ask, schema: str, name: str, kind: str) -> Iterator[tuple[str, str]]:
    full = _full(schema, name)
    if kind == "BASE TABLE":
        yield f"table {full}", "present"
    texts: dict[str, str] = {}
    for column, data_type, length, nullable in ask(
        "SELECT column_name, data_type, character_maximum_length, is_nullable"
        " FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
        " ORDER BY ordinal_position",
        (schema, name),
    ):
        size = f"({length})" if length else ""
        null = "null" if nullable == "YES" else "not null"
        yield f"column {full}.{column}", f"{data_type}{size}, {null}"
        if _text(str(data_type).upper()):
            texts[str(column)] = _quoted(str(column))
    try:
        yield from _counted(ask, f"{_quoted(schema)}.{_quoted(name)}", full, texts)
    except HarnessError as error:
        yield f"invalid {full}", str(error)
