"""6302: the centre calls about an order; the call is a reason to ask, and never an answer.

It may come late, twice or before the answer to 6202. So the HIS says that it understood, and asks
6301 how the order stands, unless the order is at its end or somebody is asking already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from harness.errors import PeerError
from harness.link import actor as act
from harness.wire import envelope
from harness.wire.core import Core
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import encode
from simulators.hospital import cashier_books as books
from simulators.hospital.cashier_model import Bill, Flow, Save
from simulators.hospital.his_mobile import PAID, Mobile
from simulators.store import insert

if TYPE_CHECKING:
    from simulators.hospital.cashier import Cashier

LINK: Final = "his-callback"
"""The link on which the centre calls; we listen."""

_JSON: Final = (("Content-Type", "application/json;charset=utf-8"),)
_FUND: Final = {"medfee_sumamt": "feeSumamt", "fund_pay_sumamt": "fundPay",
                "acct_pay": "psnAcctPay", "psn_cash_pay": "ownpayAmt"}  # fmt: skip


@dataclass(slots=True)
class Called:
    """What a call leads to.

    Attributes:
        response: to the centre.
        bill: whose order it is about; None where we have none.
        data: of the call.
    """

    response: HttpResponse
    bill: Bill | None
    data: Mapping[str, Any]


def read(mobile: Mobile, request: HttpRequest, at: datetime) -> Called:
    """Read a call and find its bill; what is no call is answered with a refusal."""
    try:
        asked = envelope.read_request(request.payload)
    except PeerError as error:
        return Called(_answer(at, "", error.message), None, {})
    data = asked.input.get("data")
    told: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    rows = mobile.flows.store.rows(
        "SELECT bill_no FROM yb_order WHERE pay_ord_id = ?",
        (envelope.as_text(told.get("payOrdId")),),
    )
    bill = books.read_bill(mobile.flows.store, rows[0]["bill_no"]) if rows else None
    return Called(_answer(at, asked.text("msgid"), "" if bill else "no such order"), bill, told)


def _answer(at: datetime, msgid: str, err_msg: str) -> HttpResponse:
    output = {"data": {"success": "false" if err_msg else "true", "message": err_msg}}
    whole = envelope.response(
        infcode=0, refmsgid=msgid, received=at, responded=at, err_msg=err_msg, output=output
    )
    return HttpResponse(headers=_JSON, payload=encode(whole))


def follow(mobile: Mobile, bill: Bill, data: Mapping[str, Any]) -> Flow:
    """Ask how the order stands, if that is still open."""
    if "his-yb-callback-is-truth" in mobile.flows.defects:
        info = {ours: data.get(theirs) for ours, theirs in _FUND.items()}
        info |= {"setl_id": data.get("hiDocSn"), "medins_setl_id": data.get("payOrdId")}
        row = books.settlement(bill, info, mobile.flows.now(), mobile.flows.defects)
        yield Save(statements=[insert("yb_settlement", row), books.bill_state(bill, "settled")])
        return
    order = mobile.order(bill)
    if order is None or order["state"] == PAID or bill.state not in {"ordering", "manual"}:
        return
    yield from mobile.go_on(bill)


@dataclass(slots=True)
class Callback:
    """The side of the HIS that the centre calls.

    Args:
        cashier: whose orders it calls about.
    """

    cashier: Cashier

    def open_core(self) -> Core:
        """HTTP, as the server."""
        return HttpServerCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Answer a call, and let a flow ask 6301 unless one is at work on the bill."""
        if not (isinstance(event, act.Received) and isinstance(event.event, HttpRequest)):
            return []
        mobile = self.cashier.around.mobile
        found = read(mobile, event.event, self.cashier.clock.wall())
        commands: list[act.Command] = [act.Send(conn=event.conn, event=found.response)]
        if found.bill is not None:
            flow = follow(mobile, found.bill, found.data)
            commands += self.cashier.begin(found.bill.bill_no, flow, now)
        return commands
