"""移动支付: 6201 makes an order, 6202 pays it, 6204 tells of the cash, 6203 gives all back.

Of a part that is given back the whole order is, and what stays is a new order in the same visit.

An order that was paid is a settlement at the centre, whatever answer got lost. So 6301 decides: an
order is paid where 6301 says so, and refunded where 6301 says so, and nothing is sent again before
it was asked. The amounts of the settlement are the centre's (5203).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.wire.envelope import as_text
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_client import HOSPITAL
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import (
    FAIL,
    ONCE_MORE,
    SUCCESS,
    UNKNOWN,
    Ask,
    Bill,
    Flow,
    Line,
    Outcome,
    Save,
    Statement,
    Wait,
)
from simulators.hospital.his_credential import GOOD, credential
from simulators.store import upsert

SAVED, INSURANCE_PAID, DONE, REFUNDED = "0", "4", "6", "7"
"""``ordStas``: saved, paid by insurance (cash outstanding), complete, refunded."""

PAYING, PAID, REFUNDING, BACK, BROKEN = "paying", "paid", "refunding", "refunded", "failed"
"""States of an order in the house."""

_LOWER: Final = re.compile(r"_([a-z])")
_AMOUNTS: Final = {
    "fee_fen": "feeSumamt",
    "cash_fen": "ownPayAmt",
    "acct_fen": "psnAcctPay",
    "fund_fen": "fundPay",
}

Order = dict[str, Any]


@dataclass(slots=True)
class Mobile:
    """The flows of the mobile channel.

    Args:
        flows: of the cashier.
    """

    flows: Flows

    # -- paying --------------------------------------------------------------------------------

    def pay(self, bill: Bill) -> Flow:
        """From an open bill to a paid order and a booked settlement."""
        known = credential(self.flows, bill.bill_no)
        if bill.state not in {"open", "failed"}:
            return
        if known["state"] != GOOD:
            yield Save(statements=[books.bill_state(bill, "failed", "no credential")])
            return
        bill.channel = "mobile"
        mark = books.update_row("yb_bill", {"bill_no": bill.bill_no}, {"channel": "mobile"})
        yield Save(statements=[mark, books.bill_state(bill, "ordering")])
        out = yield from self.flows.open_visit(bill)
        if not out.ok:
            yield from self.flows.give_up(bill, out)
            return
        yield Save(statements=[books.bill_state(bill, "ordering")])  # with person and visit
        order = yield from self._ordered(bill, known)
        if order is not None:
            yield from self._paid(bill, order)

    def _ordered(self, bill: Bill, known: Mapping[str, Any]) -> Flow:
        """6201; where its answer is lost its number is too, so the rows go back first."""
        out = Outcome(state=UNKNOWN, msgid="")
        for nth in range(ONCE_MORE):
            number = f"{_named(bill)}-{nth + 1}"
            wanted = _upload(bill, known, number, self.flows.now())
            out = yield Ask(infno="6201", nodes=wanted, bill=bill)
            if out.state != UNKNOWN:
                break
            yield Wait(seconds=self.flows.pause(nth))
            yield from self.flows.withdraw(bill)
        if not out.ok:
            yield from self.flows.give_up(bill, out)
            return None
        data = out.node("data")
        order: Order = {
            "bill_no": bill.bill_no,
            "pay_ord_id": as_text(data.get("payOrdId")),
            "pay_token": as_text(data.get("payToken")),
            "ord_stas": SAVED,
            "fee_fen": bill.total_fen,
            "cash_fen": 0,
            "acct_fen": 0,
            "fund_fen": 0,
            "state": PAYING,
            "note": known["auth_no"],
        }
        yield _kept(order)
        return order

    def _paid(self, bill: Bill, order: Order) -> Flow:
        """6202 until 6301 says what became of it, and 6204 for the cash."""
        for nth in range(ONCE_MORE):
            data = {
                "payOrdId": order["pay_ord_id"],
                "payToken": order["pay_token"],
                "orgCodg": HOSPITAL,
                "orgBizSer": bill.bill_no,
                "mdtrtId": bill.mdtrt_id,
                "payAuthNo": order["note"],
            }
            out = yield Ask(infno="6202", nodes={"data": data}, bill=bill)
            if not out.ok and "his-yb-mobile-lost-is-failure" in self.flows.defects:
                yield _kept(order, state=BROKEN)
                yield from self.flows.give_up(bill, replace(out, state=FAIL))
                return
            told = yield from self._told(bill, order)
            if order["ord_stas"] in {INSURANCE_PAID, DONE}:
                yield from self._completed(bill, order, told)
                return
            if out.state == FAIL and order["ord_stas"] == SAVED:
                yield from self._withdrawn(bill, order, out)
                return
            yield Wait(seconds=self.flows.pause(nth))
        yield from self.flows.give_up(bill, Outcome(state=UNKNOWN, msgid=""))

    def _told(self, bill: Bill, order: Order) -> Flow:
        """6301: how the order stands; its answer goes into the order."""
        out = yield from self.flows.asked(
            Ask(infno="6301", nodes={"data": self._question(bill, order)}, bill=bill)
        )
        data = out.node("data")
        order["ord_stas"] = as_text(data.get("ordStas"))
        for ours, theirs in _AMOUNTS.items():
            order[ours] = books.fen(data.get(theirs))
        yield _kept(order)
        return data

    def _question(self, bill: Bill, order: Order) -> dict[str, Any]:
        return {
            "payOrdId": order["pay_ord_id"],
            "orgCodg": HOSPITAL,
            "payToken": order["pay_token"],
            "idNo": bill.id_card,
            "userName": bill.name,
            "idType": "01",
        }

    def _completed(self, bill: Bill, order: Order, told: Mapping[str, Any]) -> Flow:
        """The insurance paid: book what the centre says, and tell it of the cash."""
        setl_id = as_text(_inner(told).get("setl_id"))
        info: Mapping[str, Any] = {}
        if setl_id:
            info = yield from self.flows.told(bill, setl_id)
        if not info:  # nothing is booked that the centre has not said
            yield from self.flows.give_up(bill, Outcome(state=UNKNOWN, msgid=""))
            return
        yield from self.flows.book(bill, info)
        if "his-yb-mobile-forgets-cash" not in self.flows.defects:
            yield from self._cash(bill, order)
        yield _kept(order, state=PAID)

    def _cash(self, bill: Bill, order: Order) -> Flow:
        """6204, until 6301 says that the order is complete."""
        for nth in range(ONCE_MORE):
            if order["ord_stas"] != INSURANCE_PAID:
                return
            data = {
                "payOrdId": order["pay_ord_id"],
                "medOrgOrd": f"{_named(bill)}-1",
                "thdPayType": "1",
                **{name: books.yuan(order[ours]) for ours, name in _AMOUNTS.items()},
            }
            out = yield Ask(infno="6204", nodes={"data": data}, bill=bill)
            if not out.ok:
                yield Wait(seconds=self.flows.pause(nth))
            yield from self._told(bill, order)

    def _withdrawn(self, bill: Bill, order: Order, out: Outcome) -> Flow:
        """6401: an order that was refused leaves no rows behind."""
        asked = {"data": self._question(bill, order)}
        yield from self.flows.asked(Ask(infno="6401", nodes=asked, bill=bill))
        yield from self._told(bill, order)
        yield _kept(order, state=BROKEN)
        yield from self.flows.give_up(bill, out)

    # -- giving back ---------------------------------------------------------------------------

    def refund(self, bill: Bill, keep: list[Line]) -> Flow:
        """6203 of everything, and a new order of what stays; the patient shows a credential again.

        Args:
            bill: that was paid.
            keep: lines that stay.
        """
        known = credential(self.flows, bill.bill_no)
        order = self.order(bill)
        if order is None or order["state"] != PAID or known["state"] != GOOD:
            return
        bill.keep = keep
        numbers = ",".join(str(line.line) for line in keep)
        yield Save(
            statements=[_row(order, state=REFUNDING), books.bill_state(bill, "settled", numbers)]
        )
        yield from self._refunded(bill, order, known["token"])

    def _refunded(self, bill: Bill, order: Order, token: str) -> Flow:
        insured = order["acct_fen"] + order["fund_fen"]
        for nth in range(ONCE_MORE):
            data = {
                "payOrdId": order["pay_ord_id"],
                "appRefdSn": f"R{_named(bill)}-{nth + 1}",
                "appRefdTime": self.flows.now(),
                "totlRefdAmt": books.yuan(insured + order["cash_fen"]),
                "cashRefdAmt": books.yuan(order["cash_fen"]),
                "ecToken": token,
                "refdType": "ALL",
            }
            out = yield Ask(infno="6203", nodes={"data": data}, bill=bill)
            if not out.ok and "his-yb-mobile-refund-lost-is-none" in self.flows.defects:
                break
            told = yield from self._told(bill, order)
            if order["ord_stas"] == REFUNDED:
                yield from self._booked_back(bill, order, told)
                return
            if out.state == FAIL:
                break
            yield Wait(seconds=self.flows.pause(nth))
        yield _kept(order, state=PAID)

    def _booked_back(self, bill: Bill, order: Order, told: Mapping[str, Any]) -> Flow:
        row = books.booked(self.flows.store, bill.bill_no)
        if row is None:
            return
        number = as_text(_inner(told).get("refd_setl_id"))
        info: Mapping[str, Any] = {}
        if number:
            info = yield from self.flows.told(bill, number)
        sent = self.flows.store.rows(
            "SELECT msgid FROM yb_log WHERE bill_no = ? AND infno = '6203'"
            " ORDER BY id DESC LIMIT 1",
            (bill.bill_no,),
        )
        out = Outcome(state=UNKNOWN, msgid=sent[0]["msgid"])  # the day end brings id and time
        if info:
            out = Outcome(
                state=SUCCESS,
                msgid=as_text(info.get("medins_setl_id")),
                output={"setlinfo": {**info, "setl_id": number}},
            )
        yield from self.flows.book_refund(bill, row, out, bill.keep)
        yield _kept(order, state=BACK)
        yield from self._rest(bill)

    def _rest(self, bill: Bill) -> Flow:
        """What a refund leaves is ordered and paid anew; rows of an earlier try go back first."""
        known = credential(self.flows, bill.bill_no)
        if bill.state not in {"settling", "ordering"}:
            return
        yield Save(statements=[books.bill_state(bill, "ordering")])
        yield from self.flows.withdraw(bill)
        order = yield from self._ordered(bill, known)
        if order is not None:
            yield from self._paid(bill, order)

    # -- after a restart -----------------------------------------------------------------------

    def order(self, bill: Bill) -> Order | None:
        """The order of a bill, if one was made."""
        rows = self.flows.store.rows("SELECT * FROM yb_order WHERE bill_no = ?", (bill.bill_no,))
        return rows[0] if rows else None

    def left(self) -> Iterator[str]:
        """Bills whose order was under way when the HIS died."""
        rows = self.flows.store.rows(
            "SELECT b.bill_no FROM yb_bill b LEFT JOIN yb_order o ON o.bill_no = b.bill_no"
            " WHERE b.state = 'ordering' OR o.state IN (?, ?) ORDER BY b.bill_no",
            (PAYING, REFUNDING),
        )
        yield from (str(row["bill_no"]) for row in rows)

    def go_on(self, bill: Bill) -> Flow:
        """6301 first, and on from there; a bill without an order was charged nothing."""
        order = self.order(bill)
        if order is None:
            yield from self.flows.withdraw(bill)
            yield Save(statements=[books.bill_state(bill, "failed", "no order was made")])
            return
        if order["state"] == BACK:  # given back, and the order of the rest never came about
            yield from self._rest(bill)
            return
        told = yield from self._told(bill, order)
        stas = order["ord_stas"]
        if order["state"] == REFUNDING:
            if stas == REFUNDED and bill.state == "settling":  # booked already
                yield _kept(order, state=BACK)
                yield from self._rest(bill)
            elif stas == REFUNDED:
                yield from self._booked_back(bill, order, told)
            else:
                yield _kept(order, state=PAID)
        elif stas == SAVED:
            yield from self._paid(bill, order)
        elif stas not in {INSURANCE_PAID, DONE}:  # nobody can tell, and the day end asks again
            if bill.state == "ordering":
                yield from self.flows.give_up(bill, Outcome(state=UNKNOWN, msgid=""))
        elif books.booked(self.flows.store, bill.bill_no) is None:
            yield from self._completed(bill, order, told)
        else:
            yield from self._cash(bill, order)
            yield _kept(order, state=PAID)


def _inner(told: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = told.get("extData")
    return extra if isinstance(extra, Mapping) else {}


def _row(order: Order, **changed: str) -> Statement:
    order.update(changed)
    return upsert("yb_order", ("bill_no",), order)


def _kept(order: Order, **changed: str) -> Save:
    return Save(statements=[_row(order, **changed)])


def _named(bill: Bill) -> str:
    """What an order of a bill is called in the house: the bill, and which one after a refund."""
    return bill.bill_no if bill.batch == 1 else f"{bill.bill_no}.{bill.batch}"


def _camel(row: Mapping[str, Any]) -> dict[str, Any]:
    """Names of 2204 as 6201 writes them."""
    return {_LOWER.sub(lambda found: found[1].upper(), name): value for name, value in row.items()}


def _upload(bill: Bill, known: Mapping[str, Any], number: str, now: str) -> nodes.Nodes:
    """6201's input: the visit, its diagnoses and its rows."""
    visit = nodes.visit(bill, now)
    rows = [_camel(row) | {"medType": bill.med_type} for row in nodes.fees(bill, now)["feedetail"]]
    data = {
        "orgCodg": HOSPITAL,
        "psnNo": bill.psn_no,
        "insutype": bill.insutype,
        "medOrgOrd": number,
        "begntime": now,
        "idNo": bill.id_card,
        "userName": bill.name,
        "idType": "01",
        "ecToken": known["token"],
        "iptOtpNo": bill.bill_no,
        "mdtrtId": bill.mdtrt_id,
        "deptName": "内科",
        "caty": "A03.01",
        "medType": bill.med_type,
        "feeType": "01",
        "medfeeSumamt": books.yuan(bill.total_fen),
        "acctUsedFlag": bill.acct_used,
        "diseCodg": nodes.disease(bill)[0],
        "psnSetlway": "01",
        "chrgBchno": rows[0]["chrgBchno"],
        "fetts": 0,
        "matnType": "0",
        "extData": {},
        "diseinfoList": [_camel(row) for row in visit["diseinfo"]],
        "feedetailList": rows,
    }
    return {"data": data}
