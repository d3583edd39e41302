"""The centre's ledger as CSV, with the columns that reconciliation reads."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulators.centre.calc_money import yuan
from simulators.centre.transaction import Books

COLUMNS: tuple[str, ...] = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "psn_cash_pay",
    "setl_time",
    "refd_setl_flag",
    "clr_type",
    "insutype",
    "clr_optins",
    "medins_setl_id",
    "msgid",
)
"""Heading of a ledger file. The centre keeps a call's msgid as ``medins_setl_id``: both are it."""

MONEY_COLUMNS = frozenset({"medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"})

CHUNK_ROWS = 50_000
"""Rows read at a time, so that a ledger of millions does not have to fit into memory."""


def export_ledger(
    books: Books,
    path: Path,
    *,
    fixmedins_code: str = "",
    begin: str = "",
    end: str = "",
    encoding: str = "utf-8",
) -> int:
    """Write valid settlements and reversals in the order of ``setl_time``, then ``setl_id``.

    Args:
        books: the centre's.
        path: file to write.
        fixmedins_code: only this hospital.
        begin: first day, ``YYYY-MM-DD``.
        end: last day.
        encoding: ``utf-8`` (with BOM, so that a spreadsheet reads it) or ``gbk``.

    Returns:
        How many rows.
    """
    where, values = ["vali_flag = '1'"], []
    for clause, value in (
        ("fixmedins_code = ?", fixmedins_code),
        ("setl_time >= ?", f"{begin} 00:00:00" if begin else ""),
        ("setl_time <= ?", f"{end} 23:59:59" if end else ""),
    ):
        if value:
            where.append(clause)
            values.append(value)
    written = 0
    named = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    with path.open("w", encoding=named, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        last: Sequence[str] = ("", "")
        while True:
            rows = _chunk(books, " AND ".join(where), values, last)
            writer.writerows(
                [yuan(row[name]) if name in MONEY_COLUMNS else row[name] for name in COLUMNS]
                for row in rows
            )
            written += len(rows)
            if len(rows) < CHUNK_ROWS:
                return written
            last = (rows[-1]["setl_time"], rows[-1]["setl_id"])


def _chunk(
    books: Books, where: str, values: Sequence[str], last: Sequence[str]
) -> list[dict[str, Any]]:
    columns = ", ".join(name for name in COLUMNS if name != "msgid")
    return books.rows(
        f"SELECT {columns}, medins_setl_id AS msgid FROM settlements WHERE {where}"
        " AND (setl_time > ? OR (setl_time = ? AND setl_id > ?))"
        f" ORDER BY setl_time, setl_id LIMIT {CHUNK_ROWS}",
        [*values, last[0], last[0], last[1]],
    )
