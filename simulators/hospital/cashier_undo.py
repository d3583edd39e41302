"""What became of a message, and how a settlement is taken back.

Unknown is neither done nor failed. The order of finding out: 2601 with the message's own id where
the province takes it, and then in any case a trial over the same rows, because an answer to 2601
alone proves nothing. What is gone is settled anew under a new id; what stands although 2601 was
refused waits for the day end, whose result file brings the id by which 5203 tells the amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from harness.wire.envelope import as_text
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_model import (
    FAIL,
    INPATIENT,
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
    Talk,
    Wait,
)
from simulators.store import Store, insert, upsert

GONE, STANDS, BELIEVED = "gone", "stands", "believed"
"""What became of a settlement; ``believed`` is what only a defect takes for an answer."""

STAY_DAYS: Final = 90
"""How long ago the admission of a stay that is not settled may be."""


@dataclass(slots=True, kw_only=True)
class Undoing:
    """Finding out and taking back; ``cashier_flows.Flows`` adds the way forward."""

    store: Store
    wall: Callable[[], datetime]
    defects: set[str]
    pause_s: float
    reversible: frozenset[str]

    def now(self) -> str:
        """Civil time as the interface writes it."""
        return books.stamp(self.wall())

    def pause(self, nth: int) -> float:
        """The back-off before try ``nth``: doubled each time."""
        return float(self.pause_s * 2**nth)

    def asked(self, ask: Ask) -> Talk:
        """A message whose repetition changes nothing: the same one again until it is answered."""
        out: Outcome = yield ask
        for nth in range(ONCE_MORE):
            if out.state != UNKNOWN:
                break
            yield Wait(seconds=self.pause(nth))
            out = yield replace(ask, msgid=out.msgid)
        return out

    def visits(self, bill: Bill) -> Talk:
        """5201 or 5303: visits at the centre under the number of a bill; a stay may be long."""
        day = self.wall()
        before = day - timedelta(days=STAY_DAYS if bill.kind is INPATIENT else 1)
        first, last = (f"{one:%Y-%m-%d}" for one in (before, day))
        ask = Ask(infno=bill.kind.ask, nodes=nodes.visits(bill, first, last), bill=bill)
        seen = yield from self.asked(ask)
        found = seen.rows(bill.kind.listed)
        ours = [row for row in found if as_text(row.get("ipt_otp_no")) == bill.bill_no]
        return replace(seen, output={bill.kind.listed: ours})

    def withdraw(self, bill: Bill) -> Talk:
        """2205 or 2302: take unsettled rows back; that there are none is as good."""
        ask = Ask(infno=bill.kind.withdraw, nodes=nodes.withdrawal(bill), bill=bill)
        return (yield from self.asked(ask))

    def book(self, bill: Bill, info: Mapping[str, Any]) -> Flow:
        """A settlement that stands, once."""
        row = books.settlement(bill, info, self.now(), self.defects)
        bill.setl_id = row["setl_id"]
        paid = {"cash_fen": row["cash_fen"]}
        yield Save(
            statements=[
                insert("yb_settlement", row),
                books.bill_state(bill, "settled"),
                books.update_row("yb_bill", {"bill_no": bill.bill_no}, paid),
                self.task(bill, as_text(info.get("medins_setl_id")), bill.kind.settle, "done"),
            ]
        )

    def give_up(self, bill: Bill, out: Outcome) -> Flow:
        """A refusal is a failure; what is still unknown is for a person to look at."""
        state = "failed" if out.state == FAIL else "manual"
        if "his-yb-hides-refusal" in self.defects:
            out = replace(out, err_msg="操作失败")
        yield Save(statements=[books.bill_state(bill, state, out.err_msg)])

    def task(self, bill: Bill, msgid: str, infno: str, state: str, note: str = "") -> Statement:
        """The compensation task of a message: ``open``, ``done`` or ``manual``."""
        row = {
            "msgid": msgid,
            "bill_no": bill.bill_no,
            "infno": infno,
            "state": state,
            "tries": 1,
            "note": note,
        }
        return upsert("yb_task", ["msgid"], row)

    # -- a settlement whose answer is lost -----------------------------------------------------

    def resolve(self, bill: Bill, out: Outcome, trial: Outcome | None = None) -> Flow:
        """Find out about a settlement; True where the bill is at its end, False to settle anew."""
        yield Save(
            statements=[
                books.bill_state(bill, "unknown", out.err_msg),
                self.task(bill, out.msgid, bill.kind.settle, "open"),
            ]
        )
        fate = yield from self.fate(bill, out.msgid)
        if fate == GONE:
            yield Save(statements=[self.task(bill, out.msgid, bill.kind.settle, "done")])
            return False
        if fate == BELIEVED and trial is not None:
            guess = dict(trial.node("setlinfo")) | {"setl_id": "", "medins_setl_id": out.msgid}
            yield from self.book(bill, guess)
            return True
        yield from self.give_up(bill, out)
        return True

    def fate(self, bill: Bill, msgid: str) -> Flow:
        """What became of a settlement: ``GONE``, ``STANDS``, or nobody can tell.

        2601 goes out a second time only after the rows were seen to be held.
        """
        yield Wait(seconds=self.pause(1))
        found = UNKNOWN
        for nth in range(2):
            if bill.kind.settle in self.reversible:
                undo = nodes.undo(bill, msgid, bill.kind.settle)
                ask = Ask(infno="2601", nodes=undo, bill=bill)
                back = yield ask
                if "his-yb-drops-2601-answer" in self.defects:
                    return GONE
                if back.state == UNKNOWN and "his-yb-blind-second-2601" in self.defects:
                    again = yield ask
                    return GONE if again.ok else BELIEVED
            found = yield from self.held(bill)
            if found != STANDS:
                break
            yield Wait(seconds=self.pause(nth + 1))
        return found

    def held(self, bill: Bill) -> Flow:
        """Whether a settlement holds the rows of a bill.

        A trial over them succeeds only while they are free. It changes nothing, and unlike 5203
        and 5204 it needs no id of the settlement, which is what got lost.
        """
        # By card: a token that ran out meanwhile must not pass for rows that are held.
        wanted = nodes.settlement(replace(bill, token=""))
        ask = Ask(infno=bill.kind.trial, nodes=wanted, bill=bill)
        for nth in range(ONCE_MORE):
            trial = yield from self.asked(ask)
            if trial.state == UNKNOWN:
                return UNKNOWN
            if trial.state == FAIL:
                return STANDS
            if as_text(trial.node("setlinfo").get("medins_setl_id")) == trial.msgid:
                return GONE
            yield Wait(seconds=self.pause(nth))  # that was the answer to something else
        return UNKNOWN

    def told(self, bill: Bill, setl_id: str) -> Flow:
        """5203: a settlement or reversal in the centre's words; nothing where it has none."""
        ask = Ask(infno="5203", nodes=nodes.reversal(bill, setl_id), bill=bill)
        found = yield from self.asked(ask)
        info = dict(found.node("setlinfo"))
        # This transaction has another name for the cash.
        if as_text(info.get("setl_id")) != setl_id:
            return {}  # nothing, or the answer to something else
        return info | {"psn_cash_pay": info.get("cash_payamt")}

    # -- taking back ---------------------------------------------------------------------------

    def refund(self, bill: Bill, keep: list[Line]) -> Flow:
        """Take a settlement back as a whole; True where it was.

        Args:
            bill: whose settlement.
            keep: lines that are to be settled anew.
        """
        row = books.booked(self.store, bill.bill_no)
        if row is None:
            return False
        bill.keep = keep
        numbers = ",".join(str(line.line) for line in keep)
        yield Save(statements=[books.bill_state(bill, "refunding", numbers)])
        if keep and "his-yb-books-difference-only" in self.defects:
            yield from self._difference(bill, row, keep)
            return False
        if "his-yb-refunds-in-house-only" in self.defects:
            yield from self.book_refund(bill, row, Outcome(state=FAIL, msgid=""), [])
            return False
        out = yield from self._reversed(bill, row["setl_id"])
        if out is not None:
            yield from self.book_refund(bill, row, out, keep)
        return out is not None

    def _reversed(self, bill: Bill, setl_id: str) -> Flow:
        """2208 or 2305 until it is known to stand; None where it is refused or unknown.

        A trial over the same rows finds them only once they are free again: it changes nothing and
        proves the reversal, whatever words a refusal uses.
        """
        first = ""
        for nth in range(ONCE_MORE):
            ask = Ask(infno=bill.kind.reverse, nodes=nodes.reversal(bill, setl_id), bill=bill)
            out = yield ask
            first = first or out.msgid
            if out.ok or "his-yb-refund-unchecked" in self.defects:
                return out
            if "his-yb-lost-refund-is-none" in self.defects:
                break
            yield Save(statements=[self.task(bill, first, bill.kind.reverse, "open", out.err_msg)])
            yield Wait(seconds=self.pause(nth))
            if (yield from self.held(bill)) == GONE:
                return replace(out, msgid=first)
            if out.state == FAIL:
                break
        yield Save(
            statements=[
                books.bill_state(bill, "settled", "the refund did not come about"),
                self.task(bill, first, bill.kind.reverse, "done"),
            ]
        )
        return None

    def book_refund(
        self, bill: Bill, row: Mapping[str, Any], out: Outcome, keep: list[Line]
    ) -> Flow:
        """The refund, and with it the new batch of what is to be settled anew."""
        back = books.refund(row, out, self.now(), self.defects)
        statements: list[Statement] = [insert("yb_settlement", back)]
        if keep and "his-yb-forgets-the-rest" not in self.defects:
            bill.batch, bill.lines, bill.keep = bill.batch + 1, keep, []
            statements += [*books.line_rows(bill), books.bill_state(bill, "settling")]
        else:
            statements.append(books.bill_state(bill, "refunded"))
        if out.msgid:
            state = "done" if out.ok else "open"
            statements.append(self.task(bill, out.msgid, bill.kind.reverse, state))
        yield Save(statements=statements)

    def refund_found(self, bill: Bill, info: Mapping[str, Any], msgid: str) -> Flow:
        """A refund that the centre has and we have not as it says; what was done, or nothing.

        It may have gone out several times, and which of them was carried out nobody knew: so it is
        found by bill and amount, not by the message. One that was given up as refused, and was
        carried out after all, is booked now.

        Args:
            bill: that was refunded.
            info: ``setlinfo`` of 5203.
            msgid: of the message that was carried out, as the result file has it.
        """
        told = {"setl_id": as_text(info.get("setl_id")), "setl_time": as_text(info["setl_time"])}
        amount = abs(books.fen(info.get("medfee_sumamt")))
        nameless = self.store.rows(
            "SELECT * FROM yb_settlement WHERE bill_no = ? AND refd_setl_flag = '1'"
            " AND setl_id = '' AND medfee_fen = ? ORDER BY id LIMIT 1",
            (bill.bill_no, -amount),
        )
        if nameless:
            key = {"id": nameless[0]["id"]}
            changed = told | {"medins_setl_id": msgid}
            # Another day may have listed it as one that the centre does not have.
            manual = {"msgid": nameless[0]["medins_setl_id"], "setl_id": "", "repair": "manual"}
            yield Save(
                statements=[
                    books.update_row("yb_settlement", key, changed),
                    books.update_row("yb_difference", manual, {"repair": "id"}),
                ]
            )
            return "id"
        row = books.booked(self.store, bill.bill_no)
        if row is None or bill.state != "settled" or amount != row["medfee_fen"]:
            return ""
        out = Outcome(state=SUCCESS, msgid=msgid, output={"setlinfo": told})
        yield from self.book_refund(bill, row, out, [])
        return "refund"

    def _difference(self, bill: Bill, row: Mapping[str, Any], keep: list[Line]) -> Flow:
        """The defect: only what the patient gets back is booked, nothing at the centre."""
        left = sum(line.amount_fen for line in keep)
        part = dict(row) | {"medfee_fen": row["medfee_fen"] - left}
        yield from self.book_refund(bill, part, Outcome(state=FAIL, msgid=""), [])
