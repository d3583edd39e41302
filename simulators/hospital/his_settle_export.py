"""The books of the HIS as the files that a finance office pulls: names of the interface, yuan.

The ledger of settlements (the list for reconciliation), the fee lines behind it, and the log of
messages with the centre. The first two leave the HIS as GBK, as most hospital exports do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from simulators.hospital.cashier_books import yuan
from simulators.store import Store

COLUMNS: Final = (
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
"""Heading of a ledger file."""

FURTHER: Final = (
    "init_setl_id", "invono", "fee_time", "opter_name", "pay_way", "dayclose_no",
)  # fmt: skip
"""What a hospital's own list has beside: the settlement that a refund takes back, the receipt, the
time of the charge, operator, way of payment, and the day-close batch of the till."""

LINE_COLUMNS: Final = (
    "setl_id",
    "mdtrt_id",
    "feedetl_sn",
    "medins_list_codg",
    "med_list_codg",
    "cnt",
    "pric",
    "det_item_fee_sumamt",
)
"""Heading of a file of fee lines."""

PAY_WAYS: Final = {"mobile": "微信", "self": "支付宝"}
"""What the cash part of a bill is paid with, by channel; at the counter it is cash."""

OPERATORS: Final = {
    "window": "收费员一",
    "bedside": "收费员二",
    "self": "自助机",
    "mobile": "移动端",
}

_MONEY: Final = {
    "medfee_sumamt": "medfee_fen",
    "fund_pay_sumamt": "fund_fen",
    "acct_pay": "acct_fen",
    "psn_cash_pay": "cash_fen",
}

_STATES: Final = {
    "SUCCESS": "success",
    "FAIL": "refused",
    "UNKNOWN": "no_answer",
    "PENDING": "no_answer",
}
"""States of the log of messages in the words of an interface log."""


def ledger_csv(
    store: Store,
    *,
    begin: str = "",
    end: str = "",
    by: str = "setl_time",
    whole: bool = False,
    defects: AbstractSet[str] = frozenset(),
) -> str:
    """Settlements and refunds in the order of booking; CRLF, as RFC 4180 has it.

    No value of ours holds a comma, a quote or a line end, so none is quoted.

    Args:
        store: of the HIS.
        begin: first day, ``yyyy-MM-dd``.
        end: last day.
        by: whose day counts: ``setl_time``, the centre's, or ``booked_at``, the hospital's own.
        whole: with the columns of the hospital's own list as well.
        defects: switched on.
    """
    rows = _rows(store, begin, end, by, defects)
    names = (*COLUMNS, *FURTHER) if whole else COLUMNS
    lines = [",".join(names)]
    for row in rows:
        values = dict(row) | _amounts(row, defects)
        values["msgid"] = row["medins_setl_id"]
        values["invono"] = f"FP{row['id']:08d}"
        values["fee_time"] = row["booked_at"]
        channel = row["channel"] or "window"
        values["opter_name"] = OPERATORS.get(channel, channel)
        values["pay_way"] = PAY_WAYS.get(channel, "现金")
        values["dayclose_no"] = _batch(str(row["booked_at"]), channel, defects)
        values = _spoiled(values, defects)
        lines.append(",".join(str(values[name]) for name in names))
    return "".join(f"{line}\r\n" for line in lines)


def _batch(booked_at: str, channel: str, defects: AbstractSet[str]) -> str:
    """Every till closes its own day: the batch of its day-close has the day and the till."""
    tills = [*OPERATORS]
    number = tills.index(channel) + 1 if channel in tills else 0
    if "his-books-one-batch" in defects:
        number = 1
    return f"RJ{booked_at[:10].replace('-', '')}{number:02d}"


def _rows(
    store: Store, begin: str, end: str, by: str, defects: AbstractSet[str]
) -> Sequence[Mapping[str, Any]]:
    if by not in {"setl_time", "booked_at"}:
        raise ValueError(f"no such time: {by}")
    if "his-books-day-by-charge" in defects:
        by = "booked_at"
    values = [f"{begin} 00:00:00" if begin else "", f"{end or '9999-12-31'} 23:59:59"]
    where = f"s.{by} >= ? AND s.{by} <= ?"
    if "his-books-without-refunded" in defects:
        where += (
            " AND s.refd_setl_flag = '0' AND NOT EXISTS (SELECT 1 FROM yb_settlement r"
            " WHERE r.bill_no = s.bill_no AND r.refd_setl_flag = '1' AND r.id > s.id)"
        )
    if "his-books-without-refund-rows" in defects:
        where += " AND s.refd_setl_flag = '0'"
    if "his-books-without-zero-fund" in defects:
        where += " AND s.fund_fen <> 0"
    if "his-books-cuts-last" in defects:
        where += " AND s.id < (SELECT MAX(id) FROM yb_settlement)"
    # A settlement that was voided stands in the receipts, and no longer in the list.
    return store.rows(
        "SELECT s.*, b.channel, CASE WHEN s.refd_setl_flag = '1' THEN COALESCE((SELECT o.setl_id"
        " FROM yb_settlement o WHERE o.bill_no = s.bill_no AND o.id < s.id AND"
        " o.refd_setl_flag = '0' ORDER BY o.id DESC LIMIT 1), '') ELSE '' END AS init_setl_id"
        " FROM yb_settlement s LEFT JOIN yb_bill b ON b.bill_no = s.bill_no"
        f" WHERE {where} ORDER BY s.id",
        values,
    )


def _amounts(row: Mapping[str, Any], defects: AbstractSet[str]) -> dict[str, Any]:
    fen = {name: int(row[ours]) for name, ours in _MONEY.items()}
    if "his-books-derives-fund" in defects:
        fen["fund_pay_sumamt"] = fen["medfee_sumamt"] - fen["psn_cash_pay"]
    if "his-books-unsigned-refunds" in defects:
        fen = {name: abs(amount) for name, amount in fen.items()}
    found: dict[str, Any] = {name: yuan(amount) for name, amount in fen.items()}
    if "his-books-one-decimal" in defects:
        found["psn_cash_pay"] = f"{found['psn_cash_pay']:.1f}"
    return found


def _spoiled(values: dict[str, Any], defects: AbstractSet[str]) -> dict[str, Any]:
    """What defects make of the cells of a row."""
    if "his-books-unsigned-refunds" in defects:
        values["refd_setl_flag"] = "0"
    if "his-books-ids-as-numbers" in defects and str(values["setl_id"]).isdecimal():
        values["setl_id"] = f"{float(values['setl_id']):.5E}"
    if "his-books-one-insurance" in defects:
        values["insutype"] = "310"
    if "his-books-thousands" in defects:
        for name in _MONEY:
            values[name] = f"{values[name]:,}"
    return values


def lines_csv(store: Store, *, begin: str = "", end: str = "") -> str:
    """The fee lines of the settlements that stand, as the HIS has them now; CRLF.

    Args:
        store: of the HIS.
        begin: first day of ``setl_time``, ``yyyy-MM-dd``.
        end: last day.
    """
    rows = store.rows(
        "SELECT s.setl_id, s.mdtrt_id, l.batch, l.line, l.item, l.med_code, l.cnt, l.price,"
        " l.amount_fen FROM yb_settlement s JOIN yb_bill b ON b.bill_no = s.bill_no"
        " JOIN yb_line l ON l.bill_no = s.bill_no AND l.batch = b.batch"
        " WHERE s.refd_setl_flag = '0' AND s.setl_id = b.setl_id"
        " AND s.setl_time >= ? AND s.setl_time <= ? ORDER BY s.id, l.line",
        (f"{begin} 00:00:00" if begin else "", f"{end or '9999-12-31'} 23:59:59"),
    )
    lines = [",".join(LINE_COLUMNS)]
    for row in rows:
        number = str(int(row["batch"]) * 1000 + int(row["line"]))
        cells = (
            row["setl_id"], row["mdtrt_id"], number, row["item"], row["med_code"], row["cnt"],
            row["price"], yuan(int(row["amount_fen"])),
        )  # fmt: skip
        lines.append(",".join(str(cell) for cell in cells))
    return "".join(f"{line}\r\n" for line in lines)


def log_jsonl(store: Store) -> str:
    """The log of messages with the centre, one object a line: request, state and answer."""
    rows = store.rows("SELECT * FROM yb_log ORDER BY id")
    return "".join(json.dumps(_logged(row), ensure_ascii=False) + "\n" for row in rows)


def _logged(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "inf_time": row["sent_at"],
        "msgid": row["msgid"],
        "infno": row["infno"],
        "opter": row["opter"],
        "request": json.loads(row["request"] or "{}"),
    }
    state = _STATES[row["state"]]
    if state == "success":
        # What stands in the column was cut to what the interface allows, and may be no JSON then.
        try:
            answer = json.loads(row["answer"] or "null")
        except (ValueError, RecursionError):
            answer = None
        found["response"] = {"infcode": "0", "output": answer}
    elif state == "refused":
        found["response"] = {"infcode": "-1", "err_msg": row["err_msg"]}
    return found
