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
    con.execute(f"CREATE OR REPLACE TABLE {table} ({shape})")
    put(con, table, shape, rows)


def put(
    con: duckdb.DuckDBPyConnection, table: str, shape: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Put rows into a table column by column: row by row each would be a statement."""
    types = [column.split()[1] for column in shape.split(", ")]
    cells = ", ".join(f"unnest(CAST(? AS {one}[]))" for one in types)
    for begin in range(0, len(rows), _ROWS):
        columns = [list(one) for one in zip(*rows[begin : begin + _ROWS], strict=True)]
        con.execute(f"INSERT INTO {table} SELECT {cells}", columns)


def stands(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether there is a table or view of this name; the catalogue's own tables are slow."""
    try:
        con.execute(f"SELECT 1 FROM {name} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True
