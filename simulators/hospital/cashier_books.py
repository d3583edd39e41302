"""The cashier's books: statements that write them, and how an answer is read into them.

Money is integer fen. What the centre answered is stored as it said it: funds, account and cash are
never computed here from one another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from harness.wire.envelope import as_number, as_text
from simulators.hospital.cashier_model import KINDS, Bill, Line, Outcome, Statement
from simulators.store import Store, insert

MAPPING = (
    ("Y001", "MHD0000000001"),
    ("Y002", "MHD0000000002"),
    ("Y005", "MHD0000000005"),
    ("Y006", "MHD0000000006"),
    ("Y008", "MHD0000000008"),
    ("J001", "MHS0000000001"),
    ("J003", "MHS0000000003"),
    ("J004", "MHS0000000004"),
    ("J006", "MHS0000000006"),
    ("C008", "MHS0000000008"),
    ("H010", "MHS0000000010"),
    ("S012", "MHS0000000012"),
)
"""The hospital's codes and the centre's. ``EXPIRED`` are older mappings of the same codes."""

EXPIRED = (("Y001", "MHD0000000008"), ("J003", "MHS0000000013"))

_FOREVER = "2099-12-31"
_LAST_YEAR = "2024-12-31"


def stamp(at: datetime) -> str:
    """As the interface writes a time."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def yuan(fen: int) -> Decimal:
    """Fen as the interface writes money."""
    return Decimal(fen).scaleb(-2)


def fen(value: Any, *, by_float: bool = False) -> int:
    """Money of an answer, in fen; nothing is zero.

    Args:
        value: number or text.
        by_float: the defect: binary fractions, cut off.
    """
    try:
        number = as_number(value)
    except ValueError:
        number = None
    if number is None:
        return 0
    if by_float:
        return int(float(number) * 100)
    return int(number.scaleb(2).quantize(Decimal(1), ROUND_HALF_UP))


def update_row(table: str, key: Mapping[str, Any], changed: Mapping[str, Any]) -> Statement:
    """An UPDATE of the row with a key."""
    settings = ", ".join(f"{name} = ?" for name in changed)
    where = " AND ".join(f"{name} = ?" for name in key)
    return f"UPDATE {table} SET {settings} WHERE {where}", [*changed.values(), *key.values()]


def mapping_rows() -> list[Statement]:
    """Statements that fill an empty 对码 table."""
    rows = [(item, code, "2025-01-01", _FOREVER) for item, code in MAPPING]
    rows += [(item, code, "2020-01-01", _LAST_YEAR) for item, code in EXPIRED]
    names = ("item", "med_code", "begin", "until")
    return [insert("yb_map", dict(zip(names, row, strict=True))) for row in rows]


def emptied() -> list[Statement]:
    """Statements for new books: every bill, message and settlement is gone, the mapping stays."""
    tables = (
        "yb_bill", "yb_line", "yb_log", "yb_settlement", "yb_task", "yb_day", "yb_difference",
        "yb_void",
    )  # fmt: skip
    return [(f"DELETE FROM {table}", ()) for table in tables]


def mapped(store: Store, item: str, day: str, *, oldest: bool = False) -> str:
    """The centre's code of an item on a day; empty where it has none.

    Args:
        store: of the HIS.
        item: the hospital's code.
        day: ``yyyy-MM-dd``.
        oldest: the defect: whatever was entered first, expired or not.
    """
    where = "item = ?" if oldest else "item = ? AND begin <= ? AND until >= ?"
    values = (item,) if oldest else (item, day, day)
    rows = store.rows(f"SELECT med_code FROM yb_map WHERE {where} ORDER BY begin", values)
    return str(rows[0]["med_code"]) if rows else ""


def bill_row(bill: Bill, at: str) -> Statement:
    """A new bill."""
    return insert(
        "yb_bill",
        {
            "bill_no": bill.bill_no,
            "patient_id": bill.patient_id,
            "name": bill.name,
            "id_card": bill.id_card,
            "kind": bill.kind.name,
            "channel": bill.channel,
            "med_type": bill.med_type,
            "acct_used": bill.acct_used,
            "state": bill.state,
            "psn_no": "",
            "psn_type": "",
            "insutype": "",
            "insuplc": "",
            "mdtrt_id": "",
            "batch": bill.batch,
            "total_fen": bill.total_fen,
            "cash_fen": 0,
            "setl_id": "",
            "parts": "{}",
            "note": "",
            "created_at": at,
        },
    )


def line_rows(bill: Bill) -> list[Statement]:
    """The lines of the present batch."""
    return [
        insert(
            "yb_line",
            {
                "bill_no": bill.bill_no,
                "batch": bill.batch,
                "line": line.line,
                "item": line.item,
                "med_code": line.med_code,
                "price": line.price,
                "cnt": line.count,
                "amount_fen": line.amount_fen,
            },
        )
        for line in bill.lines
    ]


def bill_state(bill: Bill, state: str, note: str = "") -> Statement:
    """Where a bill stands now."""
    bill.state = state
    return update_row(
        "yb_bill",
        {"bill_no": bill.bill_no},
        {
            "state": state,
            "psn_no": bill.psn_no,
            "psn_type": bill.psn_type,
            "insutype": bill.insutype,
            "insuplc": bill.insuplc,
            "mdtrt_id": bill.mdtrt_id,
            "batch": bill.batch,
            "total_fen": bill.total_fen,
            "setl_id": bill.setl_id,
            "parts": json.dumps(bill.parts),
            "note": note,
        },
    )


def read_bill(store: Store, bill_no: str) -> Bill | None:
    """A bill with the lines of its latest batch."""
    rows = store.rows("SELECT * FROM yb_bill WHERE bill_no = ?", (bill_no,))
    if not rows:
        return None
    row = rows[0]
    lines = store.rows(
        "SELECT * FROM yb_line WHERE bill_no = ? AND batch = ? ORDER BY line",
        (bill_no, row["batch"]),
    )
    bill = Bill(
        bill_no=bill_no,
        patient_id=row["patient_id"],
        name=row["name"],
        id_card=row["id_card"],
        kind=KINDS[row["kind"]],
        channel=row["channel"],
        med_type=row["med_type"],
        acct_used=row["acct_used"],
        state=row["state"],
        psn_no=row["psn_no"],
        psn_type=row["psn_type"],
        insutype=row["insutype"],
        insuplc=row["insuplc"],
        mdtrt_id=row["mdtrt_id"],
        batch=row["batch"],
        setl_id=row["setl_id"],
        parts=json.loads(row["parts"]),
        lines=[
            Line(
                line=one["line"],
                item=one["item"],
                med_code=one["med_code"],
                price=one["price"],
                count=one["cnt"],
                amount_fen=one["amount_fen"],
            )
            for one in lines
        ],
    )
    if bill.state in {"refunding", "settled"} and row["note"]:  # by phone it stays settled
        kept = row["note"].split(",")
        bill.keep = [line for line in bill.lines if str(line.line) in kept]
    return bill


def settlement(bill: Bill, info: Mapping[str, Any], at: str, defects: set[str]) -> dict[str, Any]:
    """A row of the HIS's ledger from ``setlinfo``, as the centre said it."""
    crude = "his-yb-float-money" in defects
    row = {
        "bill_no": bill.bill_no,
        "setl_id": as_text(info.get("setl_id")),
        "mdtrt_id": bill.mdtrt_id,
        "psn_no": bill.psn_no,
        "medfee_fen": fen(info.get("medfee_sumamt"), by_float=crude),
        "fund_fen": fen(info.get("fund_pay_sumamt"), by_float=crude),
        "acct_fen": fen(info.get("acct_pay"), by_float=crude),
        "cash_fen": fen(info.get("psn_cash_pay"), by_float=crude),
        "setl_time": as_text(info.get("setl_time")),
        "refd_setl_flag": "0",
        "clr_type": as_text(info.get("clr_type")),
        "insutype": as_text(info.get("insutype")) or bill.insutype,
        "clr_optins": as_text(info.get("clr_optins")),
        "medins_setl_id": as_text(info.get("medins_setl_id")),
        "booked_at": at,
    }
    return _spoiled(row, bill, info, defects)


def _spoiled(
    row: dict[str, Any], bill: Bill, info: Mapping[str, Any], defects: set[str]
) -> dict[str, Any]:
    """What defects make of a row."""
    if "his-yb-rounds-per-line" in defects:
        # Each line's share to the tenth of a yuan, and then added up.
        total = max(bill.total_fen, 1)
        shares = [row["fund_fen"] * line.amount_fen / total for line in bill.lines]
        row["fund_fen"] = sum(int(share // 10) * 10 for share in shares)
    if "his-yb-drops-other-funds" in defects:
        row["fund_fen"] = fen(info.get("hifp_pay"))
    if "his-yb-account-as-cash" in defects:
        row["cash_fen"], row["acct_fen"] = row["cash_fen"] + row["acct_fen"], 0
    if "his-yb-books-rounded-cash" in defects:
        row["cash_fen"] = (row["cash_fen"] + 5) // 10 * 10
    if "his-yb-own-clr-type" in defects:
        row["clr_type"] = "11"
    if "his-yb-own-clock" in defects:
        row["setl_time"] = row["booked_at"]
    if "his-yb-cuts-setl-id" in defects:
        row["setl_id"] = row["setl_id"][:12]
    if "his-yb-visit-as-setl-id" in defects:
        row["setl_id"] = row["mdtrt_id"]
    return row


def refund(row: Mapping[str, Any], out: Outcome, at: str, defects: set[str]) -> dict[str, Any]:
    """The row that takes a settlement back: its amounts negated, with the reversal's own id.

    Where the answer was lost the id is not known yet; the day end brings it.
    """
    info = out.node("setlinfo") if out.ok else {}
    sign = 1 if "his-yb-refund-positive" in defects else -1
    amounts = ("medfee_fen", "fund_fen", "acct_fen", "cash_fen")
    back = {name: row[name] for name in row if name != "id"}
    back |= {name: sign * row[name] for name in amounts}
    return back | {
        "setl_id": as_text(info.get("setl_id")),
        "setl_time": as_text(info.get("setl_time")) or at,
        "refd_setl_flag": "1",
        "medins_setl_id": out.msgid,
        "booked_at": at,
    }


def booked(store: Store, bill_no: str) -> dict[str, Any] | None:
    """The settlement of a bill that stands in the HIS's ledger: the latest not taken back."""
    rows = store.rows(
        "SELECT * FROM yb_settlement WHERE bill_no = ? ORDER BY id DESC LIMIT 1", (bill_no,)
    )
    return rows[0] if rows and rows[0]["refd_setl_flag"] == "0" else None


def whole(info: Mapping[str, Any]) -> bool:
    """Whether the amounts of a settlement add up: total, and what the person pays."""
    total, fund = fen(info.get("medfee_sumamt")), fen(info.get("fund_pay_sumamt"))
    person, hospital = fen(info.get("psn_part_amt")), fen(info.get("hosp_part_amt"))
    account, cash = fen(info.get("acct_pay")), fen(info.get("psn_cash_pay"))
    return total == fund + person + hospital and person == account + cash
