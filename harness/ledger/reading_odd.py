"""Cells of a file that are spelt in an unusual way, each spelling read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from harness.ledger import canonical, money, when
from harness.ledger.columns import AMOUNTS, KNOWN, TIME

if TYPE_CHECKING:
    from harness.ledger.sides import Part


def read(
    con: duckdb.DuckDBPyConnection, part: Part, by_name: dict[str, str], types: dict[str, str]
) -> tuple[str, ...]:
    """Read every unusual spelling once; returns the columns that have any."""
    con.execute(
        "CREATE OR REPLACE TABLE odd (kind VARCHAR, text VARCHAR, fen BIGINT, word VARCHAR)"
    )
    found: list[str] = []
    conditions = {
        name: canonical.odd_condition(name, f'"{column}"')
        for name, column in by_name.items()
        if name in KNOWN and types[column] == "VARCHAR"
    }
    counts = ", ".join(f"COUNT(CASE WHEN {one} THEN 1 END)" for one in conditions.values())
    row = con.execute(f"SELECT {counts} FROM {part.table}").fetchone() if conditions else ()
    for (name, condition), count in zip(conditions.items(), row or (), strict=True):
        if not count:
            continue
        column = by_name[name]
        texts = con.execute(
            f'SELECT DISTINCT "{column}" FROM {part.table} WHERE {condition}'
        ).fetchall()
        rows: list[tuple[Any, ...]] = [(name, text, *_meant(name, text)) for (text,) in texts]
        if rows:
            con.executemany("INSERT INTO odd VALUES (?, ?, ?, ?)", rows)
            found.append(name)
    if found:
        con.execute(f"CREATE OR REPLACE TABLE odd_{part.offset} AS SELECT * FROM odd")
    return tuple(found)


def _meant(name: str, text: str) -> tuple[int | None, str | None]:
    if name in AMOUNTS:
        return (0 if money.is_nothing(text) else money.fen(text)), None
    if name == TIME:
        moment = when.moment(text)
        return None, moment.isoformat(sep=" ") if moment else None
    return None, canonical.word(text)
