"""Conservation: every row in exactly one class, every fen accounted for, or INCOMPLETE.

The left side of each equation comes from the text of the files (``control.py``), the right side
from the classes. The waterfall leads from the hospital's total to the centre's, class by class, in
the cells that 3201 compares: insutype x clr_type x setl_optins x day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from harness.i18n import tr
from harness.ledger import cells, money, proof, tables
from harness.ledger.columns import AMOUNTS, CLASSES, HARMLESS, SHORT
from harness.ledger.control_cells import SUMMED
from harness.ledger.sides import Side

FORMAT: Final = 1
"""Of ``totals.json``."""

REJECTED_MAX: Final = 100
"""Unreadable rows of a side that ``totals.json`` names; ``verdicts.csv`` has all."""

TURNED: Final = "turned"
"""Table of what turning refunds changed, where hospitals were reconciled one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was proved.

    Args:
        broken: what does not hold; empty if every row and every fen is accounted for.
        cells: the cells of 3201, of which the same was asked.
    """

    broken: list[str]
    cells: cells.Cells


def rejected_sums(con: duckdb.DuckDBPyConnection, side: Side) -> dict[str, int]:
    """Money of the rows that could not be read, as far as their text is a number."""
    if side.clean:
        return dict.fromkeys(AMOUNTS, 0)
    texts = ", ".join(f'"raw_{name}"' for name in AMOUNTS)
    exact = ", ".join(SHORT[name] for name in AMOUNTS)
    rows = con.execute(
        f"SELECT {texts}, {exact} FROM canon_{side.name} WHERE fault IS NOT NULL"
    ).fetchall()
    return {
        name: sum(_rejected(row[index], row[index + len(AMOUNTS)]) for row in rows)
        for index, name in enumerate(AMOUNTS)
    }


def _rejected(text: str | None, exact: int | None) -> int:
    """Fen of one cell of a rejected row: its text where that was unusual, else what was read."""
    if text is None or exact is not None:
        return exact or 0
    return 0 if money.is_nothing(text) else money.rough(text) or 0


def _rejected_cells(con: duckdb.DuckDBPyConnection, side: Side) -> Iterator[tuple[Any, list[int]]]:
    """Cell and fen of each row that could not be read, as far as their text tells."""
    if side.clean:
        return
    texts = ", ".join(f'"raw_{name}", {SHORT[name]}' for name in SUMMED)
    rows = con.execute(
        "SELECT COALESCE(ins, ''), COALESCE(clr, ''), COALESCE(sopt, opt, ''),"
        f" COALESCE(strftime(moment, '%Y-%m-%d'), ''), {texts} FROM canon_{side.name}"
        " WHERE fault IS NOT NULL"
    ).fetchall()
    for row in rows:
        pairs = zip(row[4::2], row[5::2], strict=True)
        yield row[:4], [_rejected(text, exact) for text, exact in pairs]


def prove(con: duckdb.DuckDBPyConnection, sides: list[Side]) -> Proof:
    """Hold the classes against the text of the files: by row, by sum, and by cell of 3201."""
    broken: list[str] = []
    compared = sides[0].present & sides[1].present
    strange = 0
    plain = proof.of_plain(con, sides)
    for side in sides:
        found = proof.by_class(con, side, plain)
        strange += sum(one.rows for one in found if one.name not in CLASSES)
        broken += side.problems
        if not proof.each_line_once(con, side, found, plain):
            classified = sum(one.rows for one in found)
            broken.append(
                tr(
                    "{side}: the files have {rows} rows, {classified} are classified",
                    side=side.name,
                    rows=side.control_rows,
                    classified=classified,
                )
            )
        broken += _sums(con, side, compared, found)
    if strange:
        broken.append(tr("{count} rows have no class", count=strange))
    rejected = {side.name: _rejected_cells(con, side) for side in sides}
    found_cells = cells.take(con, sides, rejected)
    return Proof(broken=broken + cells.problems(found_cells, sides), cells=found_cells)


def _sums(
    con: duckdb.DuckDBPyConnection, side: Side, compared: frozenset[str], found: list[proof.Class]
) -> list[str]:
    """Sums over the classes against the sums of the raw text, as they were written."""
    rejected = rejected_sums(con, side)
    view = {"his": "h", "centre": "c"}.get(side.name, "")
    turned = signs(con, side, view) if view else {}
    broken = []
    for name in AMOUNTS:
        if name not in side.present:
            continue
        short = SHORT[name]
        if not view or name in compared:
            classified = sum(one.fen[short] for one in found if one.name != "rejected")
        else:
            classified = _unused(con, side, short)
        classified += rejected[name]
        if name in compared:
            classified -= turned.get(short, 0)
        wanted = side.control_sum(name)
        if classified != wanted:
            broken.append(
                tr(
                    "{side}: {column} is {text} in the text and {classified} in the classes",
                    side=side.name,
                    column=name,
                    text=money.yuan(wanted),
                    classified=money.yuan(classified),
                )
            )
    return broken


def _unused(con: duckdb.DuckDBPyConnection, side: Side, short: str) -> int:
    """Sum of a column that only one side has, so that no class carries it."""
    row = con.execute(f"SELECT SUM({short}) FROM canon_{side.name} WHERE fault IS NULL").fetchone()
    return int(row[0] or 0) if row else 0


def totals(
    con: duckdb.DuckDBPyConnection, sides: list[Side], sources: dict[str, str], proved: Proof
) -> dict[str, Any]:
    """The contents of ``totals.json``: inputs, buckets, waterfall, cells, residual, verdict."""
    sums = ", ".join(f"SUM({SHORT[name]})" for name in AMOUNTS)
    rows = con.execute(
        f"SELECT side, class, COUNT(*), {sums}, SUM(delta_fen) FROM verdict GROUP BY side, class"
    ).fetchall()
    order = {name: index for index, name in enumerate(CLASSES)}
    places = {side.name: index for index, side in enumerate(sides)}
    rows.sort(key=lambda row: (places[row[0]], order.get(row[1], 99)))
    rejected = {side.name: rejected_sums(con, side) for side in sides}
    buckets = [_bucket(row, rejected) for row in rows]
    steps, residual = _waterfall(con, buckets, sides)
    listed, left_out = cells.listed(proved.cells)
    differs = any(one["class"] not in HARMLESS for one in buckets)
    return {
        "format": FORMAT,
        "verdict": "differs" if differs else "balanced",
        "inputs": {side.name: _input(con, side, sources.get(side.name, "")) for side in sides},
        "buckets": buckets,
        "waterfall": steps,
        "cells": listed,
        "cells_left_out": left_out,
        "residual": money.yuan(residual),
        "rejected": [one for side in sides for one in _rejected_rows(con, side)],
        "problems": [],
    }


def _rejected_rows(con: duckdb.DuckDBPyConnection, side: Side) -> list[dict[str, Any]]:
    """Where the first unreadable rows stand, and what is wrong with them."""
    if side.clean:
        return []
    rows = con.execute(
        f"SELECT rid, source, raw_line, fault FROM canon_{side.name} WHERE fault IS NOT NULL"
        f" ORDER BY rid LIMIT {REJECTED_MAX}"
    ).fetchall()
    return [
        {"side": side.name, "line": int(rid), "place": f"{source}:{line}", "fault": fault}
        for rid, source, line, fault in rows
    ]


def _bucket(row: tuple[Any, ...], rejected: dict[str, dict[str, int]]) -> dict[str, Any]:
    side, name, count, *values = row
    amounts = [int(value or 0) for value in values[: len(AMOUNTS)]]
    if name == "rejected":
        amounts = [rejected[side][column] for column in AMOUNTS]
    found: dict[str, Any] = {
        "side": side,
        "class": name,
        "difference": name not in HARMLESS,
        "rows": int(count),
    }
    found.update({c: money.yuan(v) for c, v in zip(AMOUNTS, amounts, strict=True)})
    return found


def _fen(text: str) -> int:
    value = money.fen(text)
    if value is None:
        raise ValueError(text)
    return value


def signs(con: duckdb.DuckDBPyConnection, side: Side, view: str) -> dict[str, int]:
    """What turning positive refunds into negative amounts changes in each total."""
    if tables.stands(con, TURNED):
        rows = con.execute(f"SELECT short, SUM(fen) FROM {TURNED} WHERE side = ? GROUP BY short",
                           [side.name]).fetchall()  # fmt: skip
        return {short: int(fen) for short, fen in rows}
    if not con.execute("SELECT 1 FROM flipped WHERE side = ?", [side.name]).fetchall():
        return {}
    shorts = [SHORT[name] for name in AMOUNTS]
    sums = ", ".join(f"SUM(v.{short} - k.{short})" for short in shorts)
    row = con.execute(
        f"SELECT {sums} FROM {view} v JOIN (SELECT rid, {', '.join(shorts)} FROM"
        f" canon_{side.name} WHERE flag = 1 OR fee < 0) k ON k.rid = v.rid WHERE v.rf = 1"
    ).fetchone()
    return {short: int(v or 0) for short, v in zip(shorts, row or (), strict=True)}


def _waterfall(
    con: duckdb.DuckDBPyConnection, buckets: list[dict[str, Any]], sides: list[Side]
) -> tuple[list[dict[str, Any]], int]:
    """Steps from the hospital's total to the centre's; what is left over has to be nothing."""
    ends = {}
    for side, view in zip(sides[:2], ("h", "c"), strict=True):
        ends[side.name] = side.control_sum(AMOUNTS[0]) + signs(con, side, view).get("fee", 0)
    by_class: dict[str, dict[str, Any]] = {}
    for one in buckets:
        if one["side"] == "channel":
            continue
        step = by_class.setdefault(one["class"], {"his": 0, "centre": 0, "rows": [0, 0]})
        step[one["side"]] += _fen(one[AMOUNTS[0]])
        step["rows"][one["side"] == "centre"] += one["rows"]
    steps: list[dict[str, Any]] = [{"step": "his_total", "amount": money.yuan(ends["his"])}]
    left = ends["his"]
    for name in sorted(by_class, key=CLASSES.index):
        found = by_class[name]
        change = found["centre"] - found["his"]
        left += change
        steps.append(
            {
                "step": name,
                "class": name,
                "rows_his": found["rows"][0],
                "rows_centre": found["rows"][1],
                "his": money.yuan(found["his"]),
                "centre": money.yuan(found["centre"]),
                "amount": money.yuan(change),
                "running": money.yuan(left),
            }
        )
    steps.append({"step": "centre_total", "amount": money.yuan(ends["centre"])})
    return steps, left - ends["centre"]


def _input(con: duckdb.DuckDBPyConnection, side: Side, source: str) -> dict[str, Any]:
    days = con.execute(
        "SELECT strftime(MIN(moment), '%Y-%m-%d'), strftime(MAX(moment), '%Y-%m-%d'),"
        f" SUM(CASE WHEN fault IS NULL THEN 0 ELSE 1 END) FROM canon_{side.name}"
    ).fetchone()
    first, last, bad = days or (None, None, 0)
    return {
        "source": source,
        "files": [{"file": p.feed.label, "rows": p.control.rows} for p in side.parts],
        "rows": side.rows,
        "rejected": int(bad or 0),
        "first_day": first or "",
        "last_day": last or "",
        "control": {
            name: money.yuan(side.control_sum(name)) for name in AMOUNTS if name in side.present
        },
    }
