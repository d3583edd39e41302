"""The ledger of the HIS as the CSV that reconciliation reads: names of the interface, yuan."""

from __future__ import annotations

from typing import Final

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

_MONEY: Final = {
    "medfee_sumamt": "medfee_fen",
    "fund_pay_sumamt": "fund_fen",
    "acct_pay": "acct_fen",
    "psn_cash_pay": "cash_fen",
}


def ledger_csv(store: Store, *, begin: str = "", end: str = "") -> str:
    """Settlements and refunds in the order of booking; CRLF, as RFC 4180 has it.

    No value of ours holds a comma, a quote or a line end, so none is quoted.

    Args:
        store: of the HIS.
        begin: first day of ``setl_time``, ``yyyy-MM-dd``.
        end: last day.
    """
    rows = store.rows(
        "SELECT * FROM yb_settlement WHERE setl_time >= ? AND setl_time <= ? ORDER BY id",
        (f"{begin} 00:00:00" if begin else "", f"{end or '9999-12-31'} 23:59:59"),
    )
    lines = [",".join(COLUMNS)]
    for row in rows:
        values = dict(row) | {name: yuan(row[ours]) for name, ours in _MONEY.items()}
        values["msgid"] = row["medins_setl_id"]
        lines.append(",".join(str(values[name]) for name in COLUMNS))
    return "".join(f"{line}\r\n" for line in lines)
