"""6302: the centre calls the hospital about a payment by mobile phone, and F20 leads that astray.

A paid order is told after it was committed, whatever became of the answer to 6202. The hospital has
to answer ``success``; where it does not, the centre calls again a few times and then gives up: the
hospital can still ask by 6301.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import PeerError
from harness.link import actor as act
from harness.wire import envelope
from harness.wire.http1_events import HttpBroken, HttpRequest, HttpResponse
from simulators.centre.calc_money import yuan
from simulators.centre.centre_faults import FaultBook
from simulators.centre.clock import CentreClock
from simulators.centre.ledger import Row, one
from simulators.centre.persons import hospital
from simulators.centre.transaction import OK, Call, Handled
from simulators.store import Store

LINK: Final = "his-callback"
"""The link to the hospital; we connect."""

INFNO: Final = "6302"
PAYING: Final = "6202"
"""The transaction whose success is told."""

PATH: Final = "/callback/6302"
SOON_S: Final = 0.05
"""Between a commit and the call about it."""

LATE_S: Final = 40.0
"""How late F20 calls unless told otherwise: beyond the patience of a hospital."""

HELD_S: Final = 1.0
"""How long F20 holds the answer back, so that the call about it comes first."""

AGAIN_S: Final = 30.0
TRIES: Final = 3
"""How often a hospital is called that does not say that it has understood, and how far apart."""

PREFIX: Final = "callback#"
"""Connections and timers of ours begin with it."""


@dataclass(slots=True)
class _Due:
    order: str
    tries: int = 0


@dataclass(slots=True)
class Callbacks:
    """Calls of one centre to its hospitals.

    Args:
        store: the centre's books.
        time: the centre's clock.
        book: its faults.
        first: the latest order is to be told before it is answered.
        made: calls so far.
    """

    store: Store
    time: CentreClock
    book: FaultBook
    first: bool = False
    made: int = 0
    _due: dict[str, _Due] = field(default_factory=dict)
    _turn: int = 0

    @property
    def waiting(self) -> bool:
        """Whether there is a call to make, or one that is not over."""
        return bool(self._due)

    def concerns(self, event: act.ActorEvent) -> bool:
        """Whether an event is about a call of ours."""
        name = event.name if isinstance(event, act.TimerFired) else getattr(event, "conn", "")
        return str(name).startswith(PREFIX)

    def after(self, call: Call, handled: Handled, now: float) -> list[act.Command]:
        """What a committed payment leads to."""
        self.first = False
        output = handled.answer.output if handled.answer.infcode == OK else None
        data = output.get("data") if isinstance(output, Mapping) else None
        order = str(data.get("payOrdId", "")) if isinstance(data, Mapping) else ""
        if not order:
            return []
        fault = self.book.due_on_callback(call.infno, f"{call.infno}|{call.msgid}|{order}")
        if fault is None:
            return [self._later(order, now + SOON_S)]
        note = act.Note(text=f"fault {fault.id} F20 {INFNO} {call.msgid}")
        match fault.parameters.get("how", "never"):
            case "late":
                late_s = float(fault.parameters.get("seconds", LATE_S))
                return [note, self._later(order, now + late_s)]
            case "twice":
                twice = [self._later(order, now + SOON_S), self._later(order, now + SOON_S)]
                return [note, *twice]
            case "disorder":
                self.first = True
                return [note, self._later(order, now + SOON_S)]
        return [note]

    def _later(self, order: str, at: float, tries: int = 0) -> act.Command:
        self._turn += 1
        name = f"{PREFIX}{self._turn}"
        self._due[name] = _Due(order, tries)
        return act.SetTimer(name=name, at=at)

    def on_event(self, event: act.ActorEvent, now: float) -> Sequence[act.Command]:
        """Call, and hear what the hospital says."""
        match event:
            case act.TimerFired(name=name) if name in self._due:
                self.made += 1
                return [act.Open(link=LINK, conn=name)]
            case act.Opened(conn=conn) if conn in self._due:
                return self._called(conn, self._due[conn].order)
            case act.Received(conn=conn, event=HttpResponse() as response) if conn in self._due:
                return self._heard(conn, now, understood=_understood(response))
            case act.Received(conn=conn, event=HttpBroken()) if conn in self._due:
                return self._heard(conn, now)
            case act.Closed(conn=conn) | act.Refused(conn=conn) if conn in self._due:
                return self._heard(conn, now)
        return []

    def _called(self, conn: str, number: str) -> list[act.Command]:
        row = one(self.store, "SELECT * FROM pay_orders WHERE pay_ord_id = ?", number)
        if row is None:  # it was never committed, so there is nothing to tell
            del self._due[conn]
            return [act.Close(conn=conn)]
        at = self.time.wall()
        members = {
            "infno": INFNO,
            "msgid": f"CENTRE{at:%Y%m%d%H%M%S}{self._turn % 10_000:04d}",
            "fixmedins_code": row["fixmedins_code"],
            "inf_time": f"{at:%Y-%m-%d %H:%M:%S}",
        }
        body = envelope.request_body(members, {"data": self._told(row)})
        headers = (("Host", "hospital"), ("Content-Type", "application/json;charset=utf-8"))
        request = HttpRequest(method="POST", target=PATH, headers=headers, payload=body)
        return [act.Send(conn=conn, event=request)]

    def _told(self, row: Row) -> dict[str, Any]:
        return {
            "payOrdId": row["pay_ord_id"],
            "callType": "02",
            "medOrgOrd": row["med_org_ord"],
            "traceTime": row["ord_time"],
            "feeSumamt": yuan(row["fee"]),
            "ownpayAmt": yuan(row["cash"]),
            "psnAcctPay": yuan(row["acct"]),
            "fundPay": yuan(row["fund"]),
            "hiChrgTime": f"{self.time.wall():%H%M%S}",
            "hiDocSn": row["setl_id"],
            "hiRgstSn": row["mdtrt_id"],
            "orgName": hospital(self.store, row["fixmedins_code"])["fixmedins_name"],
            "ecCode": "",
            "setlType": "ALL",
            "revsToken": row["revs_token"],
            "extData": {},
        }

    def _heard(self, conn: str, now: float, *, understood: bool = False) -> list[act.Command]:
        due = self._due.pop(conn)
        commands: list[act.Command] = [act.Close(conn=conn)]
        if understood:
            return [*commands, act.Note(text=f"callback {INFNO} {due.order} understood")]
        if due.tries + 1 < TRIES:
            return [*commands, self._later(due.order, now + AGAIN_S, due.tries + 1)]
        return [*commands, act.Note(text=f"callback {INFNO} {due.order} given up")]


def _understood(response: HttpResponse) -> bool:
    """Whether a hospital answered with ``success``."""
    if response.status != 200:
        return False
    try:
        read = envelope.read_response(response.payload)
    except PeerError:
        return False
    data = read.output.get("data") if isinstance(read.output, Mapping) else None
    success = data.get("success") if isinstance(data, Mapping) else None
    return bool(read.ok) and str(success).lower() == "true"
