"""The totals as transaction 3201 compares them: one line an insurance, clearing type and agency.

Fee, fund, account and count over the whole period, settlements and reversals together, without any
tolerance (3201). How much a reversed pair adds to the count is a policy of the province (2, 1 or
0); what no source says is marked in the province's file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb

from harness.ledger import money
from harness.ledger.cells import Cells
from harness.ledger.cells import each as each_cell
from harness.ledger.columns import SHORT
from harness.ledger.sides import Side

EVERY_ROW: Final = 2
"""A settlement and its reversal are two rows, and count as two."""

_COMPARED: Final = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
_CATEGORIES: Final = ("insutype", "clr_type", "setl_optins", "clr_optins")
_LINE: Final = ("insutype", "clr_type", "setl_optins")
_CELL: Final = (("insutype", "ins"), ("clr_type", "clr"))


def totals(
    con: duckdb.DuckDBPyConnection,
    his: Side,
    centre: Side,
    *,
    cells: Cells,
    pair_count: int = 2,
) -> dict[str, Any]:
    """The lines of 3201 from both ledgers, and whether the centre would answer "balanced".

    Args:
        con: with the rows ``h`` and ``c`` of the stages.
        his: what the hospital has.
        centre: what the centre has.
        cells: the sums by day that the proof made; they spare a pass over both ledgers.
        pair_count: how much a settlement and its reversal add to the count.
    """
    both, every = his.present & centre.present, list(each_cell(cells))
    same = all((name in his.present) == (name in centre.present) for name in _CATEGORIES)
    if same and pair_count == EVERY_ROW and every and set(_COMPARED) <= both:
        lines = _from_cells(every)
        return _result(lines, list(_COMPARED), pair_count, every)
    names: list[str] = [name for name in _COMPARED if name in both]
    keys = [short for name, short in _CELL if name in both]
    agency = next(
        (short for name, short in (("setl_optins", "sopt"), ("clr_optins", "opt")) if name in both),
        "",
    )
    cell = ", ".join(
        [f"COALESCE({short}, '')" if short in keys else "''" for _, short in _CELL]
        + [f"COALESCE({agency}, '')" if agency else "''"]
    )
    amounts = ", ".join(f"SUM({SHORT[name]} * s)" for name in names)
    sums = ", ".join(
        f"SUM(CASE WHEN s = {sign} THEN {SHORT['medfee_sumamt']} ELSE 0 END)" for sign in (1, -1)
    )
    count = ", ".join(
        f"SUM(CASE WHEN s = {sign} THEN 1 - rf * {2 - pair_count} ELSE 0 END)" for sign in (1, -1)
    )
    parts = " UNION ALL ".join(
        f"SELECT {cell}, rf, {', '.join(SHORT[name] for name in names)}, {sign} FROM {table}"
        for table, sign in (("h", 1), ("c", -1))
    )
    heads = ", ".join(("a", "b", "o", "rf", *(SHORT[name] for name in names), "s"))
    rows = con.execute(
        f"SELECT a, b, o, {sums}, {count}, {amounts} FROM ({parts}) z({heads})"
        " GROUP BY a, b, o ORDER BY a, b, o"
    ).fetchall()
    return _result([_line(row, names) for row in rows], names, pair_count, every)


def _result(
    lines: list[dict[str, Any]],
    names: list[str],
    pair_count: int,
    cells: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    hidden = _Differences(cells)
    for line in lines:
        line["differences"] = hidden.of(line)
    return {
        "pair_count": pair_count,
        "compared": [*names, "fixmedins_setl_cnt"],
        "balanced": all(one["balanced"] for one in lines),
        "lines": lines,
    }


def _from_cells(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The days of each category together."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for one in cells:
        key = (str(one["insutype"]), str(one["clr_type"]), str(one["setl_optins"]))
        sums = found.setdefault(key, [0] * 7)
        amounts = [
            money.fen(str(one[n])) or 0 for n in ("his", "centre", "fund_delta", "acct_delta")
        ]
        values = (amounts[0], amounts[1], int(one["rows_his"]), int(one["rows_centre"]),
                  amounts[0] - amounts[1], amounts[2], amounts[3])  # fmt: skip
        for place, value in enumerate(values):
            sums[place] += value
    return [_line((*key, *found[key]), list(_COMPARED)) for key in sorted(found)]


class _Differences:
    """Rows that differ in the cells of a line; what a line leaves open is not asked."""

    def __init__(self, cells: Sequence[Mapping[str, Any]]) -> None:
        self._cells = cells
        self._counts: dict[tuple[str, ...], Counter[tuple[str, ...]]] = {}

    def of(self, line: Mapping[str, Any]) -> int:
        """How many."""
        names = tuple(name for name in _LINE if line[name])
        if names not in self._counts:
            self._counts[names] = Counter()
            for one in self._cells:
                self._counts[names][tuple(one[n] for n in names)] += int(one["differences"])
        return self._counts[names][tuple(line[n] for n in names)]


def _line(row: tuple[Any, ...], names: list[str]) -> dict[str, Any]:
    deltas = [int(one) for one in row[7:]]
    return {
        "insutype": row[0],
        "clr_type": row[1],
        "setl_optins": row[2],
        "his": money.yuan(int(row[3])),
        "centre": money.yuan(int(row[4])),
        "count_his": int(row[5]),
        "count_centre": int(row[6]),
        **{f"{n}_delta": money.yuan(v) for n, v in zip(names, deltas, strict=True)},
        "balanced": not any(deltas) and row[5] == row[6],
    }
