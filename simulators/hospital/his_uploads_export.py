"""What the HIS uploaded beside settlements, as files: registrations, trace codes, settlement lists.

Columns are those of 5201, 3513 and 4103, and ``state`` and ``note`` are the hospital's own words.
Files leave the HIS as GBK.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from simulators.hospital.cashier_books import yuan
from simulators.store import Store

VISIT_COLUMNS: Final = (
    "mdtrt_id", "psn_no", "ipt_otp_no", "med_type", "begntime", "vali_flag", "note",
)  # fmt: skip
BOX_COLUMNS: Final = (
    "drug_trac_codg", "mdtrt_id", "setl_id", "psn_no", "medins_list_codg", "trdn_flag", "state",
    "sel_no", "note", "sel_retn_time",
)  # fmt: skip
LIST_COLUMNS: Final = (
    "setl_id", "mdtrt_id", "psn_no", "setl_list_id", "bill_no", "state", "fund_pay_sumamt", "note",
    "setl_time",
)  # fmt: skip

CANCELLED: Final = "cancelled"
"""State of a bill whose registration was taken back."""


def uploads_csv(
    store: Store, what: str, begin: str, end: str, *, defects: AbstractSet[str] = frozenset()
) -> str:
    """One of the three files; CRLF.

    Args:
        store: of the HIS.
        what: ``visits``, ``boxes`` or ``lists``.
        begin: first day, ``yyyy-MM-dd``; empty for all.
        end: last day.
        defects: switched on.

    Raises:
        KeyError: there is no such file.
    """
    period = [f"{begin} 00:00:00" if begin else "", f"{end or '9999-12-31'} 23:59:59"]
    made = {"visits": _visits, "boxes": _boxes, "lists": _lists}[what]
    columns, rows = made(store, period, defects)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


Table = tuple[Sequence[str], Iterable[Mapping[str, Any]]]


def _visits(store: Store, period: list[str], defects: AbstractSet[str]) -> Table:
    """Every bill is a visit of its own; one that never got to 2201 has no ``mdtrt_id``."""
    rows = store.rows(
        "SELECT * FROM yb_bill WHERE created_at >= ? AND created_at <= ? ORDER BY created_at,"
        " bill_no",
        period,
    )
    if "his-books-visits-without-cancelled" in defects:
        rows = [row for row in rows if row["state"] != CANCELLED]
    return VISIT_COLUMNS, (
        {
            "mdtrt_id": row["mdtrt_id"],
            "psn_no": row["psn_no"],
            "ipt_otp_no": row["bill_no"],
            "med_type": row["med_type"],
            "begntime": row["created_at"],
            "vali_flag": str(int(row["state"] != CANCELLED)),
            "note": row["note"],
        }
        for row in rows
    )


def _boxes(store: Store, period: list[str], defects: AbstractSet[str]) -> Table:
    rows = store.rows(
        "SELECT t.*, b.mdtrt_id, b.setl_id, b.psn_no FROM yb_trace t"
        " JOIN yb_bill b ON b.bill_no = t.bill_no WHERE t.at >= ? AND t.at <= ?"
        " ORDER BY t.at, t.bill_no, t.nth",
        period,
    )
    if "his-books-boxes-sold-only" in defects:
        rows = [row for row in rows if row["state"] in {"sold", "returned"}]
    return BOX_COLUMNS, (
        {
            **row,
            "drug_trac_codg": row["code"],
            "medins_list_codg": row["item"],
            "trdn_flag": row["split"],
            "sel_retn_time": row["at"],
        }
        for row in rows
    )


def _lists(store: Store, period: list[str], defects: AbstractSet[str]) -> Table:
    """Every stay that was settled, whether a list was sent or not."""
    rows = store.rows(
        "SELECT s.setl_id, s.mdtrt_id, s.psn_no, s.fund_fen, s.setl_time, b.bill_no,"
        " b.setl_id AS current, COALESCE(l.list_id, '') AS list_id,"
        " COALESCE(l.state, 'due') AS state, COALESCE(l.note, '') AS note"
        " FROM yb_settlement s JOIN yb_bill b ON b.bill_no = s.bill_no"
        " LEFT JOIN yb_list l ON l.bill_no = s.bill_no AND l.setl_id = s.setl_id"
        " WHERE b.kind = 'ipt' AND s.refd_setl_flag = '0' AND s.setl_time >= ?"
        " AND s.setl_time <= ? ORDER BY s.id",
        period,
    )
    gone = {
        row["setl_id"] for row in store.rows("SELECT setl_id FROM yb_bill WHERE state = 'refunded'")
    }
    if "his-books-lists-without-void" in defects:
        rows = [row for row in rows if row["state"] != "void"]
    return LIST_COLUMNS, (
        {
            **row,
            "setl_list_id": row["list_id"],
            "fund_pay_sumamt": str(yuan(int(row["fund_fen"]))),
            "state": "void" if row["setl_id"] in gone else row["state"],
        }
        for row in rows
    )
