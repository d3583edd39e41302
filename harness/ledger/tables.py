"""Tables that are filled from here, and whether one stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import duckdb

_ROWS: Final = 50_000
"""Rows of one statement: they are held twice meanwhile."""


def fill(
    con: duckdb.DuckDBPyConnection, table: str, shape: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Make a table anew and put rows into it.

    Args:
        con: the engine.
        table: its name.
        shape: its columns and their types, as after ``CREATE TABLE``.
        rows: of plain values; None for nothing.
    """
    if not rows or len(rows) > _ROWS:
        con.execute(f"CREATE OR REPLACE TABLE {table} ({shape})")
        put(con, table, shape, rows)
        return
    cells, columns = _unnested(shape), _by_column(rows)
    con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {cells}", columns)


def put(
    con: duckdb.DuckDBPyConnection, table: str, shape: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Put rows into a table column by column: row by row each would be a statement."""
    for begin in range(0, len(rows), _ROWS):
        columns = _by_column(rows[begin : begin + _ROWS])
        con.execute(f"INSERT INTO {table} SELECT {_unnested(shape)}", columns)


def _unnested(shape: str) -> str:
    """SQL of the rows of a table whose columns are handed over, each as a list."""
    columns = (column.split() for column in shape.split(", "))
    return ", ".join(f"unnest(CAST(? AS {kind}[])) AS {name}" for name, kind in columns)


def _by_column(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(one) for one in zip(*rows, strict=True)]


def stands(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether there is a table or view of this name; the catalogue's own tables are slow."""
    try:
        con.execute(f"SELECT 1 FROM {name} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True
