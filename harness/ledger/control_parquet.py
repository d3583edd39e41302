"""Control totals of a Parquet file from its own columns, before anything is made of them.

Rows that say the same in the codes and the day of a cell are added by the reader of the file; what
their texts mean is decided as for every other file, in ``control_cells``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import duckdb

from harness.ledger import money
from harness.ledger.columns import AMOUNTS, TIME
from harness.ledger.control_cells import CODES, SUMMED, Cells

if TYPE_CHECKING:
    from harness.ledger.sides import Part

_ROWS_A_FETCH: Final = 10_000


def control_of_parquet(con: duckdb.DuckDBPyConnection, part: Part, types: dict[str, str]) -> None:
    """Rows, sums and cells of a Parquet file.

    Args:
        con: reads the file.
        part: the file; its control totals are filled.
        types: type of each column, by the interface's name.
    """
    by_name = dict(zip(part.names, part.columns, strict=True))
    told = [_told(by_name, types, name) for name in (*CODES, TIME)]
    amounts = [(name, by_name[name]) for name in AMOUNTS if name in by_name]
    # An exact type is added by the reader; of a text each spelling is read.
    texts = {name for name, _ in amounts if types[name] == "VARCHAR"}
    values = [f'"{own}"' if name in texts else f'SUM("{own}") * 100' for name, own in amounts]
    select = ", ".join((*told, "COUNT(*)", *values))
    groups = ", ".join(str(n) for n in _groups(len(told), [name in texts for name, _ in amounts]))
    found = con.execute(f"SELECT {select} FROM {part.table} GROUP BY {groups}")
    control, cells = part.control, Cells((), lambda _: 0)
    control.rows = 0
    control.sums.update({name: 0 for name, _ in amounts})
    while block := found.fetchmany(_ROWS_A_FETCH):
        for row in block:
            rows, *cells_of_row = row[len(told) :]
            fen = {
                name: _fen(value, rows if name in texts else 1)
                for (name, _), value in zip(amounts, cells_of_row, strict=True)
            }
            control.rows += rows
            for name, value in fen.items():
                control.sums[name] += value
            texts_of_row = [None if one is None else str(one) for one in row[: len(told)]]
            cells.add(texts_of_row, rows, [fen.get(name, 0) for name in SUMMED])
    control.cells = cells.found


def _groups(told: int, texts: list[bool]) -> list[int]:
    """Numbers of the columns that rows are put together by: what is told, and amounts as text."""
    after = told + 2  # the count stands between
    return [*range(1, told + 1), *(after + n for n, text in enumerate(texts) if text)]


def _told(by_name: dict[str, str], types: dict[str, str], name: str) -> str:
    if name not in by_name:
        return "CAST(NULL AS VARCHAR)"
    cell = f'"{by_name[name]}"'
    if name == TIME and types[name] != "VARCHAR":
        return f"CAST(CAST({cell} AS TIMESTAMP) AS DATE)"
    return cell


def _fen(value: Any, rows: int) -> int:
    """Fen of a sum, or of so many rows with one text."""
    if isinstance(value, str):
        return (money.rough(value) or 0) * rows
    return int(value or 0)
