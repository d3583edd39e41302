"""How a bill is settled: 1101, 2201, 2203, 2204, 2206, 2207; stays 2401, 2301, 2402, 2303, 2304.

A settlement whose outcome is unknown changes nothing in our ledger until ``cashier_undo`` has found
out what became of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.wire.envelope import as_text
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_model import (
    FAIL,
    INPATIENT,
    ONCE_MORE,
    PAY_TRIES,
    SUCCESS,
    UNKNOWN,
    Ask,
    Bill,
    Flow,
    Line,
    Outcome,
    Save,
    Talk,
    Wait,
)
from simulators.hospital.cashier_undo import GONE, Undoing
from simulators.store import insert

PARTS = {
    "fulamt_ownpay_amt": "fulamt_ownpay_amt",
    "overlmt_selfpay": "overlmt_amt",
    "preselfpay_amt": "preselfpay_amt",
    "inscp_scp_amt": "inscp_scp_amt",
}
"""Parts of a total as 2207 names them, and as rows do."""

NOTHING_LEFT = "没有待结算"
"""What a HIS looks for that decides by the words of a refusal."""


@dataclass(slots=True)
class Flows(Undoing):
    """The flows of a cashier.

    Args:
        store: of the HIS.
        wall: civil time now.
        defects: switched-on defects.
        pause_s: before anything is tried again; it grows with every try.
        reversible: transactions that 2601 takes back in this province.
    """

    def settle(self, bill: Bill) -> Flow:
        """From an open bill to a settled one, or to what is wrong with it."""
        yield Save(statements=[books.bill_state(bill, "settling")])
        trouble = yield from self._prepare(bill)
        if trouble:
            return (yield from self.give_up(bill, trouble))
        yield from self.pay(bill)
        return None

    def settle_again(self, bill: Bill, last: Outcome, infno: str) -> Flow:
        """A bill that failed, in the visit that it has: what was refused may have been done.

        Args:
            bill: that was refused.
            last: its latest message that moved rows or money.
            infno: the transaction of that; empty where there is nothing to find out.
        """
        if not bill.mdtrt_id:
            yield from self.settle(bill)
            return
        if infno == bill.kind.settle and (yield from self.resolve(bill, last)):
            return
        if bill.kind is not INPATIENT:
            out = yield from self._visit_told(bill)
            if not out.ok:
                yield from self.give_up(bill, out)
                return
        yield from self.settle_anew(bill)

    def _prepare(self, bill: Bill) -> Flow:
        """Everything up to the trial; returns what went wrong, or None."""
        parts: tuple[Callable[[Bill], Flow], ...] = (
            self.identify,
            self._admit if bill.kind is INPATIENT else self._register,
            self._upload,
            self._discharge,
        )
        for part in parts:
            out: Outcome | None = yield from part(bill)
            if out is not None and not out.ok:
                return out
        return None

    def open_visit(self, bill: Bill) -> Talk:
        """A person and an outpatient visit, and nothing charged yet."""
        trouble: Outcome | None = yield from self.identify(bill)
        return trouble if trouble is not None else (yield from self._register(bill))

    # -- steps before the money ----------------------------------------------------------------

    def identify(self, bill: Bill) -> Flow:
        """1101: number and insurance of the person; a refusal, or None where all is well."""
        out = yield from self.asked(Ask(infno="1101", nodes=nodes.person(bill), bill=bill))
        if not out.ok:
            return out
        insured = [row for row in out.rows("insuinfo") if as_text(row["psn_insu_stas"]) == "1"]
        bill.psn_no = as_text(out.node("baseinfo").get("psn_no"))
        if not insured or not bill.psn_no:
            return replace(out, state=FAIL, err_msg=out.err_msg or "not insured")
        first = insured[0]
        bill.insutype = as_text(first.get("insutype"))
        if "his-yb-employee-for-all" in self.defects:
            bill.insutype = "310"
        bill.insuplc = as_text(first.get("insuplc_admdvs"))
        bill.psn_type = as_text(first.get("psn_type"))
        return None

    def _register(self, bill: Bill) -> Flow:
        """2201 and 2203; a registration whose answer is lost is looked for before a new one."""
        out = yield from self._visit_opened(bill, nodes.registration)
        return (yield from self._visit_told(bill)) if out.ok else out

    def _visit_told(self, bill: Bill) -> Talk:
        """2203: what the visit is for."""
        ask = Ask(infno="2203", nodes=nodes.visit(bill, self.now()), bill=bill)
        return (yield from self.asked(ask))

    def _admit(self, bill: Bill) -> Flow:
        return (yield from self._visit_opened(bill, nodes.admission))

    def _visit_opened(self, bill: Bill, make: Callable[[Bill, str], nodes.Nodes]) -> Talk:
        out = Outcome(state=UNKNOWN, msgid="")
        for nth in range(ONCE_MORE):
            if nth or bill.seek:
                seen = yield from self.visits(bill)
                if seen.rows(bill.kind.listed):
                    bill.mdtrt_id = as_text(seen.rows(bill.kind.listed)[-1]["mdtrt_id"])
                    return replace(seen, output={})
            out = yield Ask(infno=bill.kind.register, nodes=make(bill, self.now()), bill=bill)
            found = out.node("data") or out.node("result")
            bill.mdtrt_id = as_text(found.get("mdtrt_id"))
            if out.ok and not bill.mdtrt_id:
                out = replace(out, state=UNKNOWN, err_msg="no visit in the answer")
            if out.state != UNKNOWN:
                break
            yield Wait(seconds=self.pause(nth))
        return out

    def _upload(self, bill: Bill) -> Flow:
        """Rows; where their answer is lost, what may be there is withdrawn before the next try."""
        yield Save(statements=[books.bill_state(bill, "settling")])
        sent = bill
        if "his-yb-uploads-first-line-only" in self.defects:
            sent = replace(bill, lines=bill.lines[:1])
        out = Outcome(state=UNKNOWN, msgid="")
        for nth in range(ONCE_MORE):
            out = yield Ask(infno=bill.kind.upload, nodes=nodes.fees(sent, self.now()), bill=bill)
            if out.state != UNKNOWN:
                break
            yield Wait(seconds=self.pause(nth))
            if "his-yb-uploads-again-blindly" not in self.defects:
                yield from self.withdraw(bill)
        if out.ok:
            self._read_parts(bill, out)
            yield Save(statements=[books.bill_state(bill, "settling")])
        return out

    @staticmethod
    def _read_parts(bill: Bill, out: Outcome) -> None:
        rows = out.rows("result")
        bill.parts = {
            ours: sum(books.fen(row.get(theirs)) for row in rows) for ours, theirs in PARTS.items()
        }

    def _discharge(self, bill: Bill) -> Flow:
        """2402 for a stay; an answer that was lost is settled by whether 5303 still lists it."""
        if bill.kind is not INPATIENT:
            return None
        out = Outcome(state=UNKNOWN, msgid="")
        for nth in range(ONCE_MORE):
            out = yield Ask(infno="2402", nodes=nodes.discharge(bill, self.now()), bill=bill)
            if out.state != UNKNOWN:
                return out
            yield Wait(seconds=self.pause(nth))
            if "his-yb-discharges-blindly" in self.defects:
                continue
            if not (yield from self._listed(bill)):
                return replace(out, state=SUCCESS)
        return out

    def _listed(self, bill: Bill) -> Flow:
        """Whether a stay is still among those in hospital (5303)."""
        if bill.kind is not INPATIENT:
            return False
        seen = yield from self.visits(bill)
        listed = [row for row in seen.rows("data") if row.get("mdtrt_id") == bill.mdtrt_id]
        return not seen.ok or bool(listed)

    # -- the money -----------------------------------------------------------------------------

    def pay(self, bill: Bill) -> Flow:
        """Trial and settlement, until it stands, is refused, or a person must look."""
        for _ in range(PAY_TRIES):
            trial = yield from self.asked(
                Ask(infno=bill.kind.trial, nodes=nodes.settlement(bill), bill=bill)
            )
            if not trial.ok:
                return (yield from self.give_up(bill, trial))
            if "his-yb-books-before-answer" in self.defects:
                yield from self._book_guess(bill, trial, "")
            out = yield Ask(infno=bill.kind.settle, nodes=nodes.settlement(bill), bill=bill)
            done = yield from self._settled(bill, trial, out)
            if done:
                return None
        return (yield from self.give_up(bill, Outcome(state=UNKNOWN, msgid="")))

    def _settled(self, bill: Bill, trial: Outcome, out: Outcome) -> Flow:
        """What one attempt came to; False where it may be tried again."""
        if out.ok:
            yield from self._book_answer(bill, trial, out)
            return True
        if "his-yb-repeat-is-done" in self.defects and NOTHING_LEFT in out.err_msg:
            yield from self._book_guess(bill, trial, out.msgid)
            return True
        if out.state == FAIL or "his-yb-timeout-is-failure" in self.defects:
            yield from self.give_up(bill, replace(out, state=FAIL))
            return True
        if "his-yb-timeout-is-success" in self.defects:
            yield from self._book_guess(bill, trial, out.msgid)
            return True
        if "his-yb-no-log" in self.defects:
            yield from self.give_up(bill, replace(out, state=FAIL))
            return True
        if "his-yb-resends-as-new" in self.defects:
            return False
        return (yield from self.resolve(bill, out, trial))

    def _book_answer(self, bill: Bill, trial: Outcome, out: Outcome) -> Flow:
        info = out.node("setlinfo")
        if not info:  # only a HIS that takes anything for an answer gets here
            yield from self._book_guess(bill, trial, out.msgid)
            return
        if "his-yb-books-before-answer" in self.defects:
            row = books.settlement(bill, info, self.now(), self.defects)
            key = {"bill_no": bill.bill_no, "setl_id": ""}
            latest = {name: value for name, value in row.items() if name != "bill_no"}
            bill.setl_id = row["setl_id"]
            yield Save(statements=[books.update_row("yb_settlement", key, latest)])
            yield Save(statements=[books.bill_state(bill, "settled")])
            return
        if "his-yb-books-trial" in self.defects:
            named = {name: info.get(name) for name in ("setl_id", "setl_time", "medins_setl_id")}
            info = dict(trial.node("setlinfo")) | named
        yield from self.book(bill, info)

    def _book_guess(self, bill: Bill, trial: Outcome, msgid: str) -> Flow:
        """The defects that book what the centre has not said: the amounts of the trial."""
        info = dict(trial.node("setlinfo")) | {"setl_id": "", "medins_setl_id": msgid}
        row = books.settlement(bill, info, self.now(), self.defects)
        statements = [insert("yb_settlement", row), books.bill_state(bill, "settled")]
        yield Save(statements=statements)

    # -- taking back, and after a crash --------------------------------------------------------

    def take_back(self, bill: Bill, keep: list[Line]) -> Flow:
        """A refund: of everything, or of all lines but some, which are settled anew."""
        refunded = yield from self.refund(bill, keep)
        if refunded and bill.state == "settling":
            yield from self.settle_anew(bill)

    def settle_anew(self, bill: Bill) -> Flow:
        """Rows once more, and the money; whatever of them may be there is withdrawn first."""
        yield from self.withdraw(bill)
        out = yield from self._upload(bill)
        if out.ok and (yield from self._listed(bill)):
            out = (yield from self._discharge(bill)) or out
        if not out.ok:
            yield from self.give_up(bill, out)
            return
        yield from self.pay(bill)

    def recover(self, bill: Bill, last: Outcome, infno: str) -> Flow:
        """After a crash: what was under way is unknown, and is found out about.

        Args:
            bill: that was being worked on.
            last: the latest message that may have moved money, as unknown.
            infno: its transaction; empty where there was none.
        """
        if bill.state == "refunding":
            back = infno == bill.kind.reverse and (yield from self._found_reversed(bill, last))
            if not back:
                yield Save(statements=[books.bill_state(bill, "settled")])
            elif bill.state == "settling":
                yield from self.settle_anew(bill)
        elif not bill.mdtrt_id:
            bill.seek = True
            yield from self.settle(bill)
        elif infno == bill.kind.settle:
            done = yield from self.resolve(bill, last)
            if not done:
                yield from self.pay(bill)
        else:
            yield from self.settle_anew(bill)

    def _found_reversed(self, bill: Bill, last: Outcome) -> Flow:
        found = yield from self.held(bill)
        row = books.booked(self.store, bill.bill_no)
        if found != GONE or row is None:
            return False
        yield from self.book_refund(bill, row, last, bill.keep)
        return True
