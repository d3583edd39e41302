"""The cells that 3201 compares, day by day: what each holds, class by class, and their proof.

A total may balance because two errors cancel out; in a cell of insutype x clr_type x setl_optins x
day they hardly ever do. What is told of each cell has to equal what the text of the files says of
it, and pairs that agree have to lie in one cell on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from harness.i18n import tr
from harness.ledger import money, quick, tables, verdicts
from harness.ledger.columns import CLASSES, HARMLESS, SHORT
from harness.ledger.control_cells import CODES, SUMMED, Cell
from harness.ledger.sides import Side

CELLS_MAX: Final = 20_000
"""Cells that ``totals.json`` lists, those that differ or hide a difference before all others."""

PROBLEMS_MAX: Final = 20
"""Cells that are named where the proof fails."""

Sums = tuple[int, int, int, int]
"""Rows, and fen of ``SUMMED``."""

_NOTHING: Final[Sums] = (0, 0, 0, 0)
_AGENCY: Final = 2
_CELL: Final = (
    "COALESCE(k.ins, '') AS a, COALESCE(k.clr, '') AS b, COALESCE(k.sopt, k.opt, '') AS o,"
    " CAST(k.moment AS DATE) AS d"
)
_DAY: Final = "COALESCE(strftime(d, '%Y-%m-%d'), '')"
_SHORTS: Final = tuple(SHORT[name] for name in SUMMED)


def _plus(one: Sums, other: Sums, sign: int = 1) -> Sums:
    a, b, c, d = (x + sign * y for x, y in zip(one, other, strict=True))
    return a, b, c, d


@dataclass(slots=True, kw_only=True)
class OfSide:
    """The cells of one ledger.

    Args:
        read: by cell every row as it was read, the unreadable ones as far as their text tells.
        classes: by cell and class the rows that were judged, with the amounts of their verdicts.
        changed: rows whose verdict has neither the amount of the row nor that amount turned.
        agencies: which columns named who settles: ``setl_optins``, ``clr_optins``.
    """

    read: dict[Cell, Sums] = field(default_factory=dict)
    classes: dict[Cell, dict[str, Sums]] = field(default_factory=dict)
    changed: int = 0
    agencies: set[str] = field(default_factory=set)

    def add_read(self, cell: Cell, sums: Sums) -> None:
        """Rows as they were read."""
        self.read[cell] = _plus(self.read.get(cell, _NOTHING), sums)

    def add(self, cell: Cell, name: str, sums: Sums) -> None:
        """Rows of one class."""
        classes = self.classes.setdefault(cell, {})
        classes[name] = _plus(classes.get(name, _NOTHING), sums)

    def whole(self, cell: Cell) -> Sums:
        """All rows of a cell that were judged."""
        total = _NOTHING
        for sums in self.classes.get(cell, {}).values():
            total = _plus(total, sums)
        return total


@dataclass(slots=True, kw_only=True)
class Cells:
    """The cells of both ledgers, and whether pairs that agree are still as they were paired."""

    his: OfSide
    centre: OfSide
    as_paired: bool


def take(
    con: duckdb.DuckDBPyConnection, sides: list[Side], rejected: Mapping[str, Iterable[Any]]
) -> Cells:
    """Sum up the cells of hospital and centre from the verdicts.

    Args:
        con: with canonical rows and verdicts.
        sides: hospital and centre, and others that have no cells.
        rejected: by side the unreadable rows: cell, and fen of ``SUMMED``.
    """
    written = tables.stands(con, verdicts.CLOSE) and quick.usable(con)
    compared = sides[0].present & sides[1].present
    found = [_as_written(con, one) if written else _judged(con, one, compared) for one in sides[:2]]
    for one, side in zip(found, sides, strict=False):
        for cell, amounts in rejected[side.name]:
            one.add_read(cell, (1, *amounts))
    as_paired = not verdicts.changed_later(con, sides)
    return Cells(his=found[0], centre=found[1], as_paired=as_paired)


def _judged(con: duckdb.DuckDBPyConnection, side: Side, compared: frozenset[str]) -> OfSide:
    """From the verdict of every row beside the row as it was read."""
    other = " OR ".join(f"ABS(v.{SHORT[n]}) <> ABS(k.{SHORT[n]})" for n in SUMMED if n in compared)
    changed = f"SUM(CASE WHEN {other} THEN 1 ELSE 0 END)" if other else "0"
    sums = ", ".join(f"SUM({of}.{short})" for of in "kv" for short in _SHORTS)
    rows = con.execute(
        f"SELECT a, b, o, {_DAY}, * EXCLUDE (a, b, o, d) FROM (SELECT {_CELL}, v.class, COUNT(*),"
        f" {sums}, {changed}, COUNT(k.sopt) FROM canon_{side.name} k"
        f" JOIN verdict v ON k.rid = v.line AND v.side = '{side.name}' WHERE k.fault IS NULL"
        " GROUP BY 1, 2, 3, 4, v.class) z"
    ).fetchall()
    found = OfSide()
    for row in rows:
        cell, name, count, values = row[:4], row[4], row[5], [int(v or 0) for v in row[6:12]]
        found.add_read(cell, (count, values[0], values[1], values[2]))
        found.add(cell, name, (count, values[3], values[4], values[5]))
        found.changed += int(row[12])
        _named_by(found, count, row[13])
    return found


def _as_written(con: duckdb.DuckDBPyConnection, side: Side) -> OfSide:
    """Where verdicts have the amounts of their rows: the file once, and what is not plainly equal.

    The pairs that agree are what is left of the file; that they agree cell by cell is proved.
    """
    own = "hr" if side.name == "his" else "cr"
    whole = con.execute(
        f"SELECT a, b, o, {_DAY}, n, fee, fund, acct, named FROM ({_typed(side)}) z"
    )
    rows = whole.fetchall()
    con.execute(
        "CREATE OR REPLACE TABLE cell_near AS SELECT line, class, fee, fund, acct"
        f" FROM {verdicts.CLOSE} WHERE side = '{side.name}' AND class <> 'rejected' UNION ALL"
        f" SELECT p.{own}, {verdicts.CLASS_OF_PLAIN}, p.fee, p.fund, p.acct FROM plain p"
        " WHERE p.d <> 0"
    )
    sums = ", ".join(f"SUM(n.{short})" for short in _SHORTS)
    near = con.execute(
        f"SELECT a, b, o, {_DAY}, * EXCLUDE (a, b, o, d) FROM (SELECT {_CELL}, n.class, COUNT(*),"
        f" {sums} FROM ({side.picked('SELECT line FROM cell_near')}) k"
        " JOIN cell_near n ON n.line = k.rid GROUP BY 1, 2, 3, 4, n.class) z"
    ).fetchall()
    found = OfSide()
    for row in rows:
        count, fee, fund, acct = (int(value or 0) for value in row[4:8])
        found.add_read(row[:4], (count, fee, fund, acct))
        found.add(row[:4], "matched", (count, fee, fund, acct))
        _named_by(found, count, row[8])
    for row in near:
        count, fee, fund, acct = (int(value or 0) for value in row[5:9])
        found.add(row[:4], row[4], (count, fee, fund, acct))
        found.add(row[:4], "matched", (-count, -fee, -fund, -acct))
    con.execute("DROP TABLE cell_near")
    return found


def _typed(side: Side) -> str:
    """SELECT of the cells of a file with types; what a code means is asked once a spelling."""
    one = side.typed[0]
    raw = [one.cell(name) for name in CODES if name in one.types]
    moment = f"CAST({one.terms['moment']} AS DATE) AS d"
    sums = ", ".join(f"SUM({one.terms[short]}) AS {short}" for short in _SHORTS)
    groups = ", ".join(str(n) for n in range(1, len(raw) + 2))
    rows = (
        f"SELECT {', '.join((*raw, moment))}, COUNT(*) AS n, {sums} FROM {one.table} t"
        f" WHERE ({one.terms['fault']}) IS NULL GROUP BY {groups}"
    )
    ins, clr, opt, settles = (one.terms[short] for short in ("ins", "clr", "opt", "sopt"))
    return (
        f"SELECT COALESCE({ins}, '') AS a, COALESCE({clr}, '') AS b,"
        f" COALESCE({settles}, {opt}, '') AS o, d, n, {', '.join(_SHORTS)},"
        f" CASE WHEN {settles} IS NULL THEN 0 ELSE n END AS named FROM ({rows}) t"
    )


def _named_by(found: OfSide, count: int, settling: int) -> None:
    found.agencies |= {"setl_optins"} if settling else set()
    found.agencies |= {"clr_optins"} if settling < count else set()


def problems(cells: Cells, sides: list[Side]) -> list[str]:
    """What does not hold, cell by cell; empty if everything is accounted for."""
    found: list[str] = []
    for one, side in ((cells.his, sides[0]), (cells.centre, sides[1])):
        if one.changed:
            found.append(
                tr(
                    "{side}: {count} rows have another amount in their class than in the file",
                    side=side.name,
                    count=one.changed,
                )
            )
        found += _against_text(one, side)
    if cells.as_paired:
        found += _apart(cells)
    return found


def _against_text(one: OfSide, side: Side) -> list[str]:
    """Each cell as it was read against the same cell in the text of the files."""
    text: dict[Cell, Sums] = {}
    for part in side.parts:
        for cell, (rows, fee, fund, acct) in part.control.cells.items():
            text[cell] = _plus(text.get(cell, _NOTHING), (rows, fee, fund, acct))
    wrong = [
        (cell, text.get(cell, _NOTHING), one.read.get(cell, _NOTHING))
        for cell in sorted(text.keys() | one.read.keys())
        if text.get(cell, _NOTHING) != one.read.get(cell, _NOTHING)
    ]
    return [
        tr(
            "{side}: cell {cell} has {rows} rows and {text} in the text, {read_rows} rows and"
            " {read} in the classes",
            side=side.name,
            cell=" ".join(part or "-" for part in cell),
            rows=said[0],
            text=_told(said),
            read_rows=read[0],
            read=_told(read),
        )
        for cell, said, read in wrong[:PROBLEMS_MAX]
    ]


def _told(sums: Sums) -> str:
    """The bill, the fund's part and the account's."""
    return "/".join(money.yuan(value) for value in sums[1:])


def _apart(cells: Cells) -> list[str]:
    """Pairs that agree lie in one cell, as far as both ledgers say where."""
    sides = (cells.his, cells.centre)
    silent = {
        place
        for one in sides
        for cell, classes in one.classes.items()
        if any(classes.get("matched", _NOTHING))
        for place, text in enumerate(cell)
        if not text
    }
    if len(cells.his.agencies | cells.centre.agencies) > 1:
        silent.add(_AGENCY)  # one says who settles, the other who clears
    left: dict[Cell, Sums] = {}
    for one, sign in zip(sides, (1, -1), strict=True):
        for cell, classes in one.classes.items():
            ins, clr, agency, day = ("" if n in silent else part for n, part in enumerate(cell))
            key = (ins, clr, agency, day)
            sums = classes.get("matched", _NOTHING)
            left[key] = _plus(left.get(key, _NOTHING), sums, sign)
    return [
        tr(
            "cell {cell}: the pairs that agree leave {rows} rows and {rest}",
            cell=" ".join(part or "-" for part in cell),
            rows=sums[0],
            rest=_told(sums),
        )
        for cell, sums in sorted(left.items())
        if any(sums)
    ][:PROBLEMS_MAX]


def listed(cells: Cells) -> tuple[list[dict[str, Any]], int]:
    """The cells for ``totals.json``, and how many more there are."""
    every = list(each(cells))
    if len(every) <= CELLS_MAX:
        return every, 0
    every.sort(key=lambda one: not one["differences"])
    kept = every[:CELLS_MAX]
    kept.sort(key=_key)
    return kept, len(every) - CELLS_MAX


def _key(one: Mapping[str, Any]) -> Cell:
    return one["insutype"], one["clr_type"], one["setl_optins"], one["day"]


def each(cells: Cells) -> Iterator[dict[str, Any]]:
    """Every cell: both sums, what differs, and the steps from the hospital to the centre."""
    for cell in sorted(cells.his.classes.keys() | cells.centre.classes.keys()):
        his, centre = cells.his.whole(cell), cells.centre.whole(cell)
        steps = list(_steps(cells, cell))
        wrong = sum(
            one["rows_his"] + one["rows_centre"] for one in steps if one["class"] not in HARMLESS
        )
        _, fee, fund, acct = _plus(his, centre, -1)
        left = fee - sum(one.pop("fen") for one in steps)
        yield {
            **dict(zip(("insutype", "clr_type", "setl_optins", "day"), cell, strict=True)),
            "his": money.yuan(his[1]),
            "centre": money.yuan(centre[1]),
            "delta": money.yuan(fee),
            "fund_delta": money.yuan(fund),
            "acct_delta": money.yuan(acct),
            "rows_his": his[0],
            "rows_centre": centre[0],
            "differences": wrong,
            "offsetting": bool(wrong) and not any((fee, fund, acct)),
            "steps": steps,
            "residual": money.yuan(left),
        }


def _steps(cells: Cells, cell: Cell) -> Iterator[dict[str, Any]]:
    """Class by class what a cell has on either side."""
    his, centre = cells.his.classes.get(cell, {}), cells.centre.classes.get(cell, {})
    for name in sorted({*his, *centre}, key=CLASSES.index):
        one, other = his.get(name, _NOTHING), centre.get(name, _NOTHING)
        if any((*one, *other)):
            yield {
                "class": name,
                "rows_his": one[0],
                "rows_centre": other[0],
                "his": money.yuan(one[1]),
                "centre": money.yuan(other[1]),
                "fen": one[1] - other[1],
            }
