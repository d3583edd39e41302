"""``verdicts.csv``: the verdict of every line, in the order of the inputs.

It takes longer than anything else that is written, and no report needs it: it is only begun here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from harness.ledger import engines, tables
from harness.ledger.sides import Side
from harness.ledger.verdicts import (
    CLOSE,
    field_cell,
    further_of,
    of_plain,
    partner_cell,
    quoted_cell,
    yuan,
)
from harness.ledger.writing import Writing

_MARK: Final = "\ufeff"
"""Byte order mark, without which a spreadsheet takes UTF-8 for GBK; it leads the first heading."""

_CSV: Final = "(FORMAT csv, HEADER true, DELIMITER ',')"

_BETWEEN: Final = "chr(31)"
"""Between the cells of a verdict: words and numbers of ours, never text of a file."""

_TOLD: Final = (
    "class", "field", "partner", "delta", "stage", "cause", "confidence", "advice",
)  # fmt: skip
"""What a line says beside its number and its id."""

HEADINGS: Final = ("side", "line", "setl_id", *_TOLD)
"""The first columns; those that are carried through follow."""

_USUAL: Final = (
    "v.class = 'matched' AND v.stage = 'exact' AND v.d = 0 AND v.weak = 0 AND v.delta_fen = 0"
    " AND v.field IS NULL AND v.partner IS NULL AND j.mates IS NULL AND e.cause IS NULL"
)
"""A pair that agrees in everything and concerns no other row: its mate is all that there is."""


def begin(con: duckdb.DuckDBPyConnection, sides: list[Side], out: Path, writing: Writing) -> None:
    """Begin to write the file; ``writing`` knows when it is there."""
    target = str(out / "verdicts.csv").replace("'", "''")
    lines = f"COPY ({_lines(sides, further_of(sides))}) TO '{target}' {_CSV}"
    close = tables.stands(con, CLOSE)
    writing.begin(
        engines.beside(con), [*(_in_order(one.name, close=close) for one in sides), lines]
    )


def _in_order(side: str, *, close: bool) -> str:
    """SQL that makes the table of a side's verdicts in the order of its lines.

    What is sorted is narrow: the line, its mate, and nothing more for pairs that are as usual.
    """
    rows, usual = f"SELECT * FROM verdict WHERE side = '{side}'", ""
    if close:
        own, far = ("hr", "cr") if side == "his" else ("cr", "hr")
        rows = (
            f"SELECT * FROM {CLOSE} WHERE side = '{side}' UNION ALL {of_plain(side)} WHERE p.d <> 0"
        )
        usual = f" UNION ALL SELECT p.{own}, p.{far}, NULL FROM plain p WHERE p.d = 0"
    cells = {name: f"e.{name}" for name in ("cause", "confidence", "advice")} | {
        "field": field_cell(),
        "partner": partner_cell(side, "j"),
        "delta": yuan("v.delta_fen"),
    }
    told = f" || {_BETWEEN} || ".join(f"COALESCE({cells.get(n, f'v.{n}')}, '')" for n in _TOLD)
    return (
        f"CREATE OR REPLACE TABLE in_order_{side} AS SELECT line, mate, told FROM ("
        f"SELECT v.line, v.mate, CASE WHEN {_USUAL} THEN NULL ELSE {told} END AS told"
        f" FROM ({rows}) v LEFT JOIN joined j ON j.side = v.side AND j.rid = v.line"
        f" LEFT JOIN explained e ON e.side = v.side AND e.line = v.line{usual}) z ORDER BY line"
    )


def _lines(sides: list[Side], further: tuple[str, ...]) -> str:
    """SQL of the lines, in the order of the inputs.

    Only verdicts are sorted, and laid beside the rows of the file as they are read: the proof has
    shown that every line has one. A line beside another's row is an error.
    """
    carried = "".join(f', {quoted_cell(f"x_{n}")} AS "{_header(n)}"' for n in further)
    selects = []
    for side in sides:
        other = "centre" if side.name == "his" else "his"
        usual = {"class": "'matched'", "field": "''", "partner": f"'{other}:' || v.mate",
                 "delta": "'0.00'", "stage": "'exact'"}  # fmt: skip
        told = ", ".join(
            f"CASE WHEN v.told IS NULL THEN {usual.get(name, 'NULL')}"
            f" ELSE split_part(v.told, {_BETWEEN}, {place}) END AS {name}"
            for place, name in enumerate(_TOLD, 1)
        )
        own = "".join(
            f', k."x_{n}"' if n in side.further else f', CAST(NULL AS VARCHAR) AS "x_{n}"'
            for n in further
        )
        rows = (
            "SELECT CASE WHEN k.rid = v.line THEN v.line ELSE error('rows in disorder') END"
            f" AS line, COALESCE(k.raw_setl_id, '') AS setl_id, {told}{own}"
            f" FROM canon_{side.name} k POSITIONAL JOIN in_order_{side.name} v"
        )
        plain = ", ".join(
            f"NULLIF({n}, '') AS {n}"
            for n in ("partner", "delta", "stage", "cause", "confidence", "advice")
        )
        selects.append(
            f"SELECT '{side.name}' AS \"{_MARK}side\", line, {quoted_cell('setl_id')} AS setl_id,"
            f" class, field, {plain}{carried} FROM ({rows}) y"
        )
    return " UNION ALL ".join(selects)


def _header(name: str) -> str:
    """A carried column that has the name of one of ours keeps its name with a mark."""
    return (f"x_{name}" if name.lower() in HEADINGS else name).replace('"', '""')
