"""移动支付: 6201 upload, 6202 order, 6203 refund, 6204 cash, 6301 query, 6401 take back.

An order is a settlement with another face: its rows are rows of a visit, 6202 settles them as
2207 or 2304 do, and 6203 reverses as 2208 or 2305 do. Fields are camelCase here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulators.centre import settle
from simulators.centre.calc_money import fen, yuan
from simulators.centre.credential import token_person
from simulators.centre.fees import FeeBook, unsettled
from simulators.centre.ids import digits, fresh
from simulators.centre.ledger import Row, delete, one, settlement, update
from simulators.centre.persons import hospital
from simulators.centre.registration import INPATIENT, visit_of
from simulators.centre.reversal import reverse
from simulators.centre.rules import Desk, Refusal, needed, node, rows_of, stamp, text
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement
from simulators.store import insert

SAVED, PAID_BY_INSURANCE, DONE = "0", "4", "6"
REFUNDED, INSURANCE_REFUNDED = "7", "8"
CASH_REFUNDED, CASH_PARTLY, INSURANCE_AND_PART = "9", "10", "11"
WITHDRAWN = "12"
"""``ordStas`` of an order."""

_PAID = frozenset({PAID_BY_INSURANCE, DONE, CASH_PARTLY, CASH_REFUNDED})
_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(row: Mapping[str, Any]) -> dict[str, Any]:
    """A camelCase row with the names that all other transactions use."""
    return {_UPPER.sub(r"_\1", name).lower(): value for name, value in row.items()}


def upload(desk: Desk, call: Call, books: Books) -> Handled:
    """6201: rows of a registered visit become an order that is not paid."""
    data = snake(node(call))
    rows = [snake(row) for row in _listed(call, "feedetailList")]
    if not rows:
        raise Refusal("fees_empty")
    mdtrt_id = text(data, "mdtrt_id") or needed(rows[0], "mdtrt_id")
    psn_no = text(data, "psn_no") or token_person(books, call, needed(data, "ec_token"))
    visit = visit_of(books, call, {**data, "mdtrt_id": mdtrt_id, "psn_no": psn_no})
    order = needed(data, "med_org_ord")
    again = one(
        books,
        "SELECT 1 FROM pay_orders WHERE fixmedins_code = ? AND med_org_ord = ? AND ord_stas <> ?",
        call.fixmedins_code,
        order,
        WITHDRAWN,
    )
    if again is not None:
        raise Refusal("order_repeat", no=order)
    batch = needed(data, "chrg_bchno") if visit["visit_kind"] != INPATIENT else ""
    book = FeeBook(desk, call, books, visit, rows)
    statements = [
        book.add({**row, "mdtrt_id": mdtrt_id, "psn_no": visit["psn_no"]}, batch=batch)[1]
        for row in rows
    ]
    med_type = visit["med_type"] or needed(data, "med_type")
    kept = _new_order(desk, call, books, data, visit, rows, batch=batch, med_type=med_type)
    statements.append(insert("pay_orders", kept))
    statements.append(update("visits", {"mdtrt_id": mdtrt_id}, {"med_type": med_type}))
    output = {
        "data": {
            "payOrdId": kept["pay_ord_id"],
            "payToken": kept["pay_token"],
            "cashierUrl": "",
            "extData": {},
        }
    }
    return Handled(answer=Answer(output=output), statements=statements)


def _new_order(
    desk: Desk,
    call: Call,
    books: Books,
    data: Mapping[str, Any],
    visit: Row,
    rows: Sequence[Mapping[str, Any]],
    *,
    batch: str,
    med_type: str,
) -> Row:
    number = fresh(books, "pay_orders", "pay_ord_id", desk.seed, call.fixmedins_code, call.msgid)
    total = sum(fen(row.get("det_item_fee_sumamt"), "detItemFeeSumamt") for row in rows)
    if fen(data.get("medfee_sumamt"), "medfeeSumamt") != total:
        raise Refusal(
            "total_differs",
            given=yuan(fen(data.get("medfee_sumamt"))),
            found=yuan(total),
        )
    return {
        "pay_ord_id": number,
        "fixmedins_code": call.fixmedins_code,
        "med_org_ord": text(data, "med_org_ord"),
        "psn_no": visit["psn_no"],
        "mdtrt_id": visit["mdtrt_id"],
        "chrg_bchno": batch,
        "insutype": needed(data, "insutype"),
        "med_type": med_type,
        "acct_used_flag": text(data, "acct_used_flag") or "0",
        "ord_stas": SAVED,
        "setl_id": "",
        "pay_token": digits(desk.seed, "pay token", number, length=20),
        "revs_token": "",
        "fee": total,
        "cash": 0,
        "acct": 0,
        "fund": 0,
        "cash_refunded": 0,
        "ord_time": stamp(call),
    }


def _listed(call: Call, name: str) -> list[Mapping[str, Any]]:
    """Rows of a list that stands inside ``data``, or beside it."""
    inner = node(call)
    holder = inner if name in inner else call.input
    return rows_of(holder.get(name), name)


def _order(books: Books, call: Call, data: Mapping[str, Any], *, token: bool = True) -> Row:
    number = needed(data, "payOrdId")
    row = one(
        books,
        "SELECT * FROM pay_orders WHERE pay_ord_id = ? AND fixmedins_code = ?",
        number,
        call.fixmedins_code,
    )
    if row is None or (token and text(data, "payToken") != row["pay_token"]):
        raise Refusal("order_unknown", no=number)
    return row


def _amounts(desk: Desk, order: Row) -> Row:
    more = 1 if desk.broken == "I10" else 0
    return {
        "feeSumamt": yuan(order["fee"]),
        "ownPayAmt": yuan(int(order["cash"]) + more),
        "psnAcctPay": yuan(order["acct"]),
        "fundPay": yuan(order["fund"]),
    }


def pay(desk: Desk, call: Call, books: Books) -> Handled:
    """6202: settle the order. What the patient owes in cash is paid by a third party (6204)."""
    data = node(call)
    order = _order(books, call, data)
    if order["ord_stas"] != SAVED:
        raise Refusal("order_state", no=order["pay_ord_id"], state=order["ord_stas"])
    if not text(data, "payAuthNo") and not text(data, "ecAuthCode"):
        raise Refusal("token_unknown")
    visit = visit_of(books, call, {"mdtrt_id": order["mdtrt_id"], "psn_no": order["psn_no"]})
    fees = unsettled(books, visit["mdtrt_id"], batch=order["chrg_bchno"])
    asked = {
        "insutype": order["insutype"],
        "acct_used_flag": order["acct_used_flag"],
        "medfee_sumamt": yuan(order["fee"]),
        "chrg_bchno": order["chrg_bchno"],
    }
    draft = settle.draw_up(desk, call, books, visit=visit, data=asked, fees=fees)
    setl_id, _, statements = settle.book(desk, call, books, draft, asked, fees)
    amounts = draft.amounts
    paid = {
        "ord_stas": PAID_BY_INSURANCE if amounts.psn_cash_pay else DONE,
        "setl_id": setl_id,
        "revs_token": digits(desk.seed, "reversal token", setl_id, length=20),
        # What the hospital bears is no payment of the patient; the order counts it as fund.
        "fund": amounts.fund_pay_sumamt + amounts.hosp_part_amt,
        "acct": amounts.psn_part_amt - amounts.psn_cash_pay,
        "cash": amounts.psn_cash_pay,
    }
    statements.append(update("pay_orders", {"pay_ord_id": order["pay_ord_id"]}, paid))
    output = {
        "data": {
            "payOrdId": order["pay_ord_id"],
            "ordStas": paid["ord_stas"],
            **_amounts(desk, order | paid),
            "extData": {"setl_id": setl_id},
        }
    }
    return Handled(answer=Answer(output=output), statements=statements)


def refund(desk: Desk, call: Call, books: Books) -> Handled:
    """6203: give back all (``ALL``), the insurance part (``HI``), or some cash (``CASH``)."""
    data = node(call)
    order = _order(books, call, data, token=False)
    if token_person(books, call, needed(data, "ecToken")) != order["psn_no"]:
        raise Refusal("token_unknown")
    kind, state = needed(data, "refdType"), order["ord_stas"]
    allowed = _PAID | ({INSURANCE_REFUNDED, INSURANCE_AND_PART} if kind == "CASH" else set())
    if state not in allowed or kind not in {"ALL", "HI", "CASH"}:
        raise Refusal("order_state", no=order["pay_ord_id"], state=state)
    left = int(order["cash"]) - int(order["cash_refunded"])
    cash = fen(data.get("cashRefdAmt"), "cashRefdAmt")
    wanted = {"ALL": left, "HI": 0}.get(kind, cash)
    insured = 0 if kind == "CASH" else int(order["fund"]) + int(order["acct"])
    total = fen(data.get("totlRefdAmt"), "totlRefdAmt")
    if cash != wanted or not 0 <= cash <= left or total != cash + insured:
        raise Refusal("refund_amount")
    statements: list[Statement] = []
    reference = ""
    if kind != "CASH":
        original = settlement(books, order["setl_id"])
        if original is None or original["undone"] == "1":
            raise Refusal("already_reversed", setl_id=order["setl_id"])
        negative, _, statements = reverse(desk, call, books, original)
        reference = str(negative["setl_id"])
    changed = {
        "ord_stas": _state_after(kind, state, left - cash),
        "cash_refunded": int(order["cash_refunded"]) + cash,
    }
    statements.append(update("pay_orders", {"pay_ord_id": order["pay_ord_id"]}, changed))
    output = {
        "data": {
            "refdSn": digits(desk.seed, "refund", order["pay_ord_id"], call.msgid),
            "hiFefdSn": reference or "0",
            "hiTrnsDate": f"{call.at:%Y%m%d}",
            "hiTrnsTime": f"{call.at:%H%M%S}",
            "refStatus": "SUCC",
            "extData": {},
        }
    }
    return Handled(answer=Answer(output=output), statements=statements)


def _state_after(kind: str, state: str, left: int) -> str:
    if kind == "ALL":
        return REFUNDED
    if kind == "HI":
        if state == CASH_REFUNDED:
            return REFUNDED
        return INSURANCE_AND_PART if state == CASH_PARTLY else INSURANCE_REFUNDED
    if state in {INSURANCE_REFUNDED, INSURANCE_AND_PART}:
        return REFUNDED if left == 0 else INSURANCE_AND_PART
    return CASH_REFUNDED if left == 0 else CASH_PARTLY


def cash_paid(_desk: Desk, call: Call, books: Books) -> Handled:
    """6204: the third party has the cash; the amounts must be those of the order."""
    data = node(call)
    order = _order(books, call, data, token=False)
    if order["ord_stas"] != PAID_BY_INSURANCE:
        raise Refusal("order_state", no=order["pay_ord_id"], state=order["ord_stas"])
    said = [
        fen(data.get(name), name) for name in ("feeSumamt", "ownPayAmt", "psnAcctPay", "fundPay")
    ]
    if said != [int(order[name]) for name in ("fee", "cash", "acct", "fund")]:
        raise Refusal("refund_amount")
    change = update("pay_orders", {"pay_ord_id": order["pay_ord_id"]}, {"ord_stas": DONE})
    return Handled(answer=Answer(output={}), statements=[change])


def result(desk: Desk, call: Call, books: Books) -> Handled:
    """6301: how an order stands."""
    order = _order(books, call, node(call))
    back = one(
        books,
        "SELECT setl_id FROM settlements WHERE init_setl_id = ? AND refd_setl_flag = '1'",
        order["setl_id"],
    )
    numbers = {"setl_id": order["setl_id"], "refd_setl_id": back["setl_id"] if back else ""}
    output = {
        "data": {
            "ordStas": order["ord_stas"],
            "payOrdId": order["pay_ord_id"],
            "callType": "3" if order["ord_stas"] in {REFUNDED, INSURANCE_REFUNDED} else "2",
            "medOrgOrd": order["med_org_ord"],
            "traceTime": order["ord_time"],
            "orgCodg": order["fixmedins_code"],
            "orgName": hospital(books, order["fixmedins_code"])["fixmedins_name"],
            "setlType": "ALL",
            **_amounts(desk, order),
            "revsToken": order["revs_token"],
            "extData": {name: value for name, value in numbers.items() if value},
        }
    }
    return Handled(answer=Answer(output=output))


def withdraw(_desk: Desk, call: Call, books: Books) -> Handled:
    """6401: take an order back that is not paid, and its rows with it."""
    order = _order(books, call, node(call))
    if order["ord_stas"] != SAVED:
        raise Refusal("order_state", no=order["pay_ord_id"], state=order["ord_stas"])
    key = {"mdtrt_id": order["mdtrt_id"], "chrg_bchno": order["chrg_bchno"], "setl_id": ""}
    statements = [
        delete("fees", key),
        update("pay_orders", {"pay_ord_id": order["pay_ord_id"]}, {"ord_stas": WITHDRAWN}),
    ]
    return Handled(answer=Answer(output={"data": {"success": "true"}}), statements=statements)
