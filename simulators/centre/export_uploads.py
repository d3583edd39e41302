"""The centre's registrations, trace codes and settlement lists as CSV, as its queries tell them.

Columns are those of 5201 (with ``vali_flag``: a registration that was taken back is 0), of 3513 in
its own camelCase, and of 4103. UTF-8 with BOM, so that a spreadsheet reads it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from simulators.centre.calc_money import fen, yuan
from simulators.centre.ledger import Row
from simulators.centre.registration import CANCELLED
from simulators.centre.rules import rows_of
from simulators.centre.trace_codes import RETURNED
from simulators.centre.transaction import Books

CHUNK_ROWS = 50_000


def export_uploads(
    books: Books, what: str, path: Path, *, fixmedins_code: str, begin: str, end: str
) -> int:
    """Write one of ``visits``, ``boxes`` and ``lists`` of a hospital's days; gives how many rows.

    Args:
        books: the centre's.
        what: which list.
        path: file to write.
        fixmedins_code: the hospital.
        begin: first day, ``YYYY-MM-DD``.
        end: last day.

    Raises:
        KeyError: there is no such list.
    """
    sql, shown = _LISTS[what]
    values = (fixmedins_code, f"{begin} 00:00:00", f"{end} 23:59:59")
    written = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        while True:
            rows = books.rows(f"{sql} LIMIT {CHUNK_ROWS} OFFSET {written}", values)
            if writer is None:
                writer = csv.DictWriter(file, _COLUMNS[what])
                writer.writeheader()
            writer.writerows(shown(row) for row in rows)
            written += len(rows)
            if len(rows) < CHUNK_ROWS:
                return written


def _visit(row: Row) -> Mapping[str, Any]:
    return {name: row[name] for name in _COLUMNS["visits"] if name != "vali_flag"} | {
        "vali_flag": str(int(row["state"] != CANCELLED))
    }


def _box(row: Row) -> Mapping[str, Any]:
    return {
        "drugTracCodg": row["drug_trac_codg"],
        "mdtrtId": row["mdtrt_id"],
        "psnNo": row["psn_no"],
        "medinsListCodg": row["fixmedins_hilist_id"],
        "trdnFlag": row["trdn_flag"],
        "valiFlag": str(int(row["state"] != RETURNED)),
        "rid": row["goods_id"],
        "optTime": row["goods_time"],
    }


def _list(row: Row) -> Mapping[str, Any]:
    content = json.loads(row["content"])
    paid = rows_of(content.get("payinfo"), "payinfo")
    total = sum(fen(one.get("fund_payamt"), "fund_payamt") for one in paid)
    return {name: row[name] for name in ("setl_id", "mdtrt_id", "psn_no", "setl_list_id")} | {
        "stas_type": row["stas_type"],
        "fund_pay_sumamt": str(yuan(total)) if paid else "",
        "list_time": row["list_time"],
    }


_COLUMNS: Mapping[str, Collection[str]] = {
    "visits": ("mdtrt_id", "psn_no", "ipt_otp_no", "med_type", "begntime", "msgid", "vali_flag"),
    "boxes": ("drugTracCodg", "mdtrtId", "psnNo", "medinsListCodg", "trdnFlag", "valiFlag", "rid",
              "optTime"),
    "lists": ("setl_id", "mdtrt_id", "psn_no", "setl_list_id", "stas_type", "fund_pay_sumamt",
              "list_time"),
}  # fmt: skip
_LISTS = {
    "visits": (
        (
            "SELECT * FROM visits WHERE fixmedins_code = ? AND begntime >= ? AND begntime <= ?"
            " ORDER BY begntime, mdtrt_id"
        ),
        _visit,
    ),
    "boxes": (
        (
            "SELECT g.*, t.drug_trac_codg, t.state FROM goods g JOIN traces t ON t.goods_id ="
            " g.goods_id WHERE g.fixmedins_code = ? AND t.direction = 'out' AND g.vali_flag = '1'"
            " AND g.goods_time >= ? AND g.goods_time <= ?"
            " ORDER BY g.goods_time, g.goods_id, t.drug_trac_codg"
        ),
        _box,
    ),
    "lists": (
        (
            "SELECT l.*, s.mdtrt_id FROM setl_lists l JOIN settlements s ON s.setl_id = l.setl_id"
            " WHERE s.fixmedins_code = ? AND s.setl_time >= ? AND s.setl_time <= ?"
            " ORDER BY s.setl_time, l.setl_list_id"
        ),
        _list,
    ),
}
