"""What the proof of conservation asks of the verdicts: sums and lines of each class.

Pairs that nothing else touches are more than 99 % of a usual ledger, and they are the same rows on
both sides: they are gone through once for both, every other row by its verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from harness.ledger import tables, verdicts
from harness.ledger.columns import AMOUNTS, SHORT
from harness.ledger.sides import Side

_BLOCK: Final = 1 << 29
"""Lines that one bit string counts; the engine allows 10^9."""

_SHORTS: Final = tuple(SHORT[name] for name in AMOUNTS)
_SUMS: Final = ", ".join(f"SUM({short}) AS {short}" for short in _SHORTS)
_OWN: Final = {"his": "hr", "centre": "cr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """One class of one side: its rows, their first and last line, fen by short column name."""

    name: str | None
    rows: int
    first: int
    last: int
    fen: dict[str, int]


def of_plain(con: duckdb.DuckDBPyConnection, sides: Sequence[Side]) -> bool:
    """Go through the plain pairs once, for both sides; False where verdicts are changed later.

    Makes the table ``plain_sums``: by kind of difference rows, first and last line, sums, and a
    bit for each line of either side.
    """
    counts = {one.name: one.control_rows for one in sides if one.name in _OWN}
    if not tables.stands(con, verdicts.CLOSE) or max(counts.values()) >= _BLOCK:
        return False
    lines = ", ".join(
        f"MIN({own}) AS first_{own}, MAX({own}) AS last_{own},"
        # A line that no file has is no bit: it is then missed by the count.
        f" BITSTRING_AGG(CASE WHEN {own} BETWEEN 0 AND {counts[side]} THEN {own} END, 0,"
        f" {max(1, counts[side])}) AS bits_{own}"
        for side, own in _OWN.items()
    )
    con.execute(
        f"CREATE OR REPLACE TABLE plain_sums AS SELECT d, COUNT(*) AS n, {_SUMS}, {lines}"
        " FROM plain GROUP BY d"
    )
    return True


def by_class(con: duckdb.DuckDBPyConnection, side: Side, plain: bool) -> list[Class]:  # noqa: FBT001 - one caller
    """Rows, lines and sums of every class of a side."""
    whole = "verdict"
    names = ", ".join(_SHORTS)
    texts = [_classes(f"FROM {{0}} WHERE side = '{side.name}'")]
    if plain:
        whole = verdicts.CLOSE
        own = _OWN.get(side.name)
        if own:
            texts.append(
                f"SELECT {verdicts.CLASS_OF_PLAIN} AS class, n, first_{own}, last_{own}, {names}"
                " FROM plain_sums p"
            )
    rows = con.execute(
        f"SELECT class, SUM(n), MIN(a), MAX(b), {_SUMS} FROM"
        f" ({' UNION ALL '.join(texts).format(whole)}) z(class, n, a, b, {names}) GROUP BY class"
    ).fetchall()
    return [_class(row) for row in rows]


def _classes(source: str) -> str:
    return f"SELECT class, COUNT(*), MIN(line), MAX(line), {_SUMS} {source} GROUP BY class"


def _class(row: tuple[Any, ...]) -> Class:
    name, count, first, last, *values = row
    return Class(
        name=name,
        rows=int(count),
        first=int(first),
        last=int(last),
        fen={short: int(v or 0) for short, v in zip(_SHORTS, values, strict=True)},
    )


def each_line_once(
    con: duckdb.DuckDBPyConnection,
    side: Side,
    found: Sequence[Class],
    plain: bool,  # noqa: FBT001 - one caller
) -> bool:
    """As many lines as the text has, each once: n rows that set n bits of 1 to n."""
    n = side.control_rows
    if sum(one.rows for one in found) != n:
        return False
    if not all(one.first >= 1 and one.last <= n for one in found):
        return False
    return n == 0 or _distinct(con, side, n, plain) == n


def _distinct(
    con: duckdb.DuckDBPyConnection,
    side: Side,
    n: int,
    plain: bool,  # noqa: FBT001 - one caller
) -> int:
    """How many of the lines 1 to ``n`` have a class: counted on a bit for each line."""
    own = _OWN.get(side.name, "")
    if plain and own:
        text = (
            "SELECT BIT_COUNT(BIT_OR(bits)) FROM"
            f" (SELECT bits_{own} AS bits FROM plain_sums WHERE bits_{own} IS NOT NULL"
            f" UNION ALL SELECT BITSTRING_AGG(line, 0, {n}) FROM {verdicts.CLOSE}"
            f" WHERE side = '{side.name}' HAVING COUNT(*) > 0) z"
        )
    elif n > _BLOCK:
        text = (
            "SELECT SUM(BIT_COUNT(bits)) FROM"
            f" (SELECT BITSTRING_AGG(line % {_BLOCK}, 0, {_BLOCK - 1})"
            f" AS bits FROM verdict WHERE side = '{side.name}' GROUP BY line // {_BLOCK}) z"
        )
    else:
        text = (
            f"SELECT BIT_COUNT(BITSTRING_AGG(line, 0, {n})) FROM verdict WHERE side = '{side.name}'"
        )
    row = con.execute(text).fetchone()
    return int(row[0] or 0) if row else 0
