"""A cut of the hospital's list: by settlement time, day-close batch (日结/轧账) or receipts.

Hospitals close their books by batch or by receipt roll, the centre by its own settlement time. So
all rows are paired first, and only then the cut is made: a row outside it, and the centre's row
that belongs to it, become ``outside_cut`` - counted and summed, and no difference of this run. A
centre's row without any row in HIS stays a difference, and so does whatever a row inside the cut
has to do with. Differences among the rows outside are counted: they are for the run of their own
batch to explain.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from harness.errors import InputError
from harness.i18n import tr
from harness.ledger import money, when
from harness.ledger.columns import HARMLESS, OUTSIDE, TIME
from harness.ledger.sides import Side

BATCH: Final = (
    "dayclose_no", "day_close_no", "日结号", "日结编号", "日结批次", "日结单号", "轧账号",
    "轧账批次", "轧账单号", "交班号", "handover_no",
)  # fmt: skip
RECEIPT: Final = (
    "invono", "invo_no", "receipt_no", "发票号", "发票号码", "票据号", "票据号码", "收据号",
)  # fmt: skip
"""Usual names of the columns; another one is mapped with ``--columns`` to the first."""

BATCHES_SHOWN: Final = 12
"""Batches that a message lists, so that a mistyped number is seen."""

_RECEIPT_NO: Final = re.compile(r"(.*?)([0-9]{1,18})")
_DAY_ONLY: Final = re.compile(r"\d{4}\D?\d{1,2}\D?\d{1,2}\D?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One condition on the rows of HIS.

    Args:
        kind: ``time``, ``batch`` or ``receipts``.
        values: as they were asked for.
        column: what tells.
        inside: SQL over ``canon_his k`` that is true for a row inside.
        told: SQL that is true where the row says anything at all.
    """

    kind: str
    values: tuple[str, ...]
    column: str
    inside: str
    told: str


def wanted(args: argparse.Namespace, his: Side, *, remembered: bool) -> list[Cut]:
    """What the options ask for; several together mean all of them.

    Args:
        args: the options.
        his: the hospital's ledger.
        remembered: the run has a memory of days, which closes a day as a whole.

    Raises:
        InputError: the list has no such column, a value is none, or the run has a memory.
    """
    found = []
    if period := getattr(args, "his_time", None):
        found.append(_time(period[0], period[1], his))
    if batches := getattr(args, "his_batch", None):
        found.append(_batch(batches, his))
    if receipts := getattr(args, "his_receipts", None):
        found.append(_receipts(receipts[0], receipts[1], his))
    if found and remembered:
        raise InputError(
            tr("a cut of the HIS list and --state or --carry-from do not go together"),
            where=", ".join(f"--his-{one.kind}" for one in found),
            remedy=tr("close the whole day with --state, and cut in a run without it"),
        )
    return found


def _time(begin: str, end: str, his: Side) -> Cut:
    if TIME not in his.present:
        raise _missing("--his-time", TIME)
    first, last = (_moment(text) for text in (begin, end))
    # A day stands for all of it.
    after = last + (timedelta(days=1) if _DAY_ONLY.fullmatch(end.strip()) else timedelta(seconds=1))
    if after <= first:
        raise InputError(tr("the cut ends before it begins"), where="--his-time")
    return Cut(
        kind="time",
        values=(begin, end),
        column=TIME,
        inside=f"k.moment >= TIMESTAMP '{first}' AND k.moment < TIMESTAMP '{after}'",
        told="k.moment IS NOT NULL",
    )


def _moment(text: str) -> datetime:
    found = when.moment(text)
    if found is None:
        raise InputError(
            tr("{text} is no date", text=text[:40]),
            where="--his-time",
            remedy=tr("write it as 2026-09-01 or 2026-09-01 17:30:00"),
        )
    return found


def _batch(batches: Sequence[str], his: Side) -> Cut:
    column = _column("--his-batch", BATCH, his)
    numbers = ", ".join(f"'{_text(one.strip().upper())}'" for one in batches)
    cell = f"UPPER(TRIM({column}))"
    return Cut(
        kind="batch",
        values=tuple(batches),
        column=column[5:-1],
        inside=f"{cell} IN ({numbers})",
        told=f"COALESCE({cell}, '') NOT IN ('', 'NULL', '0')",
    )


def _receipts(first: str, last: str, his: Side) -> Cut:
    column = _column("--his-receipts", RECEIPT, his)
    begin, end = (_RECEIPT_NO.fullmatch(one.strip().upper()) for one in (first, last))
    if begin is None or end is None or begin[1] != end[1]:
        raise InputError(
            tr("{first} to {last} is no range of receipts", first=first[:40], last=last[:40]),
            where="--his-receipts",
            remedy=tr("two numbers with the same letters before their digits"),
        )
    if int(end[2]) < int(begin[2]):
        raise InputError(tr("the range of receipts ends before it begins"), where="--his-receipts")
    cell = f"UPPER(TRIM({column}))"
    digits = f"TRY_CAST(regexp_extract({cell}, '[0-9]{{1,18}}$') AS BIGINT)"
    letters = f"regexp_replace({cell}, '[0-9]{{1,18}}$', '')"
    return Cut(
        kind="receipts",
        values=(first, last),
        column=column[5:-1],
        inside=f"{letters} = '{_text(begin[1])}' AND {digits} BETWEEN {int(begin[2])}"
        f" AND {int(end[2])}",
        told=f"{digits} IS NOT NULL",
    )


def _column(option: str, names: Sequence[str], his: Side) -> str:
    own = {one.lower(): one for one in his.further}
    found = next((own[name] for name in names if name in own), "")
    if not found:
        raise _missing(option, names[0])
    return f'k."x_{found}"'


def _missing(option: str, name: str) -> InputError:
    return InputError(
        tr("the HIS list has no column that {option} could read", option=option),
        where="--his",
        remedy=tr('name it in --columns: [his] {name} = "its own name"', name=name),
    )


def _text(value: str) -> str:
    return value.replace("'", "''")


def mark(con: duckdb.DuckDBPyConnection, cuts: Sequence[Cut]) -> dict[str, Any]:
    """Put what is outside the cut aside; what ``totals.json`` says of it.

    Raises:
        InputError: no row of the list is inside: the number or the range is mistyped.
    """
    inside = " AND ".join(f"COALESCE({one.inside}, FALSE)" for one in cuts)
    told = " AND ".join(f"COALESCE({one.told}, FALSE)" for one in cuts)
    con.execute(
        f"CREATE OR REPLACE TABLE cut AS SELECT k.rid, {inside} AS inside, {told} AS told"
        " FROM canon_his k WHERE k.fault IS NULL"
    )
    if con.execute("SELECT COUNT(*) FROM cut WHERE inside").fetchone() == (0,):
        raise _empty(con, cuts)
    con.execute(
        "CREATE OR REPLACE TABLE tied AS SELECT hr, cr FROM pair"
        " UNION SELECT hr, cr FROM plain"
        " UNION SELECT rid, orid FROM edge WHERE side = 'his' AND oside = 'centre'"
        " UNION SELECT orid, rid FROM edge WHERE side = 'centre' AND oside = 'his'"
    )
    # A row inside keeps whatever it has to do with: its partners, its double, its refund.
    con.execute(
        "CREATE OR REPLACE TABLE kept AS"
        " SELECT 'centre' AS side, t.cr AS rid FROM tied t JOIN cut i ON t.hr = i.rid AND i.inside"
        " UNION SELECT 'his', e.orid FROM edge e JOIN cut i ON e.rid = i.rid AND i.inside"
        " WHERE e.side = 'his' AND e.oside = 'his'"
    )
    con.execute(
        "CREATE OR REPLACE TABLE cut_out AS"
        " SELECT 'his' AS side, rid FROM cut LEFT JOIN (SELECT rid AS r FROM kept"
        " WHERE side = 'his') x ON x.r = cut.rid LEFT JOIN (SELECT DISTINCT t.hr FROM tied t"
        " JOIN kept ON kept.side = 'centre' AND kept.rid = t.cr) y ON y.hr = cut.rid"
        " WHERE NOT inside AND x.r IS NULL AND y.hr IS NULL"
        " UNION ALL SELECT DISTINCT 'centre', t.cr FROM tied t LEFT JOIN kept"
        " ON kept.side = 'centre' AND kept.rid = t.cr WHERE kept.rid IS NULL"
    )
    told_of = _told(con, cuts)
    con.execute(
        f"UPDATE verdict SET class = '{OUTSIDE}', stage = 'cut', delta_fen = 0 FROM cut_out o"
        " WHERE verdict.side = o.side AND verdict.line = o.rid AND class <> 'rejected'"
    )
    return told_of


def _told(con: duckdb.DuckDBPyConnection, cuts: Sequence[Cut]) -> dict[str, Any]:
    harmless = ", ".join(f"'{name}'" for name in HARMLESS)
    found: dict[str, Any] = {
        "by": [{"kind": c.kind, "column": c.column, "values": list(c.values)} for c in cuts]
    }
    rows = con.execute(
        "SELECT v.side, COUNT(*), SUM(v.fee),"
        f" SUM(CASE WHEN v.class IN ({harmless}) THEN 0 ELSE 1 END)"
        " FROM verdict v JOIN cut_out o ON v.side = o.side AND v.line = o.rid GROUP BY v.side"
    ).fetchall()
    outside = {side: (int(n), int(fen or 0), int(bad)) for side, n, fen, bad in rows}
    for side in ("his", "centre"):
        count, fen, bad = outside.get(side, (0, 0, 0))
        found[side] = {
            "rows_outside": count,
            "medfee_sumamt_outside": money.yuan(fen),
            "differences_outside": bad,
        }
    row = con.execute(
        "SELECT COUNT(*), SUM(v.fee) FROM cut"
        " JOIN verdict v ON v.side = 'his' AND v.line = cut.rid WHERE cut.inside"
    ).fetchone()
    count, fen = row or (0, 0)
    found["his"] |= {"rows_inside": int(count), "medfee_sumamt_inside": money.yuan(int(fen or 0))}
    bare = con.execute("SELECT COUNT(*) FROM cut WHERE NOT told").fetchone()
    found["his"]["rows_without_value"] = int(bare[0]) if bare else 0
    return found


def _empty(con: duckdb.DuckDBPyConnection, cuts: Sequence[Cut]) -> InputError:
    one = cuts[0]
    seen = f'k."x_{one.column}"' if one.kind != "time" else "strftime(k.moment, '%Y-%m-%d')"
    rows = con.execute(
        f"SELECT DISTINCT {seen} AS v FROM canon_his k WHERE {seen} IS NOT NULL"
        f" ORDER BY v LIMIT {BATCHES_SHOWN}"
    ).fetchall()
    return InputError(
        tr("no row of the HIS list is inside the cut"),
        where=f"--his ({one.column})",
        remedy=tr("the list has: {values}", values=", ".join(str(row[0]) for row in rows)),
    )


def lines(cut: dict[str, Any]) -> list[str]:
    """What the terminal and the reports say of the cut."""
    if not cut:
        return []
    found = [
        tr(
            "HIS list cut by {column} ({values}): {inside} rows inside, {outside} outside"
            " ({amount} yuan), {bare} without a value",
            column=", ".join(one["column"] for one in cut["by"]),
            values="; ".join(" – ".join(one["values"]) for one in cut["by"]),
            inside=cut["his"]["rows_inside"],
            outside=cut["his"]["rows_outside"],
            amount=cut["his"]["medfee_sumamt_outside"],
            bare=cut["his"]["rows_without_value"],
        ),
        tr(
            "{rows} centre rows ({amount} yuan) belong to HIS rows outside the cut",
            rows=cut["centre"]["rows_outside"],
            amount=cut["centre"]["medfee_sumamt_outside"],
        ),
    ]
    bad = cut["his"]["differences_outside"] + cut["centre"]["differences_outside"]
    if bad:
        found.append(tr("{rows} rows outside the cut differ: reconcile their batch", rows=bad))
    return found
