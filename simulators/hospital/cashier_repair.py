"""What a finance office does about one difference: at the centre, in the HIS, or in both.

Each is one command with the row's own ids; nothing is chosen here. The amounts that are booked are
those that the centre states (5203), never ones that the HIS makes up. A row that does not count any
more is voided: it moves to ``yb_void`` and stays readable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import InputError
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import Ask, Bill, Flow, Save, Statement
from simulators.store import insert

AMOUNTS: Final = ("medfee_fen", "fund_fen", "acct_fen", "cash_fen")
CATEGORY: Final = ("clr_type", "insutype", "clr_optins")


@dataclass(slots=True)
class Repair:
    """The repairs of a cashier.

    Args:
        flows: of the cashier.
    """

    flows: Flows

    def run(self, args: Mapping[str, str]) -> Flow:
        """One repair: ``what``, ``bill_no``, and as it needs ``setl_id``, ``msgid``, ``infno``.

        Raises:
            InputError: no such repair, or no such bill.
        """
        known: Mapping[str, Callable[[Bill, Mapping[str, str]], Flow]] = {
            "undo": self._undo,
            "reverse": self._reverse,
            "reverse_booked": self._reverse_booked,
            "book": self._book,
            "book_refund": self._book_refund,
            "book_pair": self._book_pair,
            "void": self._void,
            "settle": self._settle,
            "correct": self._correct,
            "rename": self._rename,
            "regroup": self._regroup,
            "cancel": self._cancel,
        }
        if args["what"] not in known:
            raise InputError(f"the cashier knows no repair {args['what']}")
        bill = books.read_bill(self.flows.store, args["bill_no"])
        if bill is None:
            raise InputError(f"no bill {args['bill_no']}")
        return known[args["what"]](bill, args)

    # -- at the centre -------------------------------------------------------------------------

    def _undo(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """2601 by the id of the call; nothing changes in the HIS, which has no such row."""
        sent = nodes.undo(bill, args["msgid"], args.get("infno") or bill.kind.settle)
        yield Ask(infno="2601", nodes=sent, bill=bill, channel="system")

    def _reverse(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """2208 or 2305 alone: the HIS has taken the settlement back already."""
        sent = nodes.reversal(bill, args["setl_id"])
        out = yield Ask(infno=bill.kind.reverse, nodes=sent, bill=bill, channel="system")
        info = out.node("setlinfo")
        key = {"medins_setl_id": args["msgid"], "refd_setl_flag": "1"}
        if info:  # the refund that the HIS has booked gets the name that it has now
            named = {name: str(info.get(name, "")) for name in ("setl_id", "setl_time")}
            named["medins_setl_id"] = out.msgid
            yield Save(statements=[books.update_row("yb_settlement", key, named)])

    def _reverse_booked(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """Book what the centre has and take it back: a settlement and a refund on both sides."""
        info = yield from self.flows.told(bill, args["setl_id"])
        if info:
            if not self._held(args["setl_id"]):
                yield from self.flows.book(bill, info)
            if "his-repair-drops-refund" in self.flows.defects:
                sent = nodes.reversal(bill, args["setl_id"])
                yield Ask(infno=bill.kind.reverse, nodes=sent, bill=bill, channel="system")
                return
            yield from self.flows.refund(bill, [])

    def _cancel(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """2202 or 2404: a visit that only the centre has."""
        yield from self.flows.withdraw(bill)
        infno = "2202" if bill.kind.name == "otp" else "2404"
        ask = Ask(infno=infno, nodes=nodes.cancellation(bill), bill=bill, channel="system")
        yield from self.flows.asked(ask)

    # -- in the HIS ----------------------------------------------------------------------------

    def _book(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """The settlement in the centre's words, once however often it is asked for."""
        again = "his-repair-books-again" in self.flows.defects
        if self._held(args["setl_id"]) and not again:
            return
        info = yield from self.flows.told(bill, args["setl_id"])
        if info:
            yield from self.flows.book(bill, info)

    def _book_refund(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """The reversal in the centre's words."""
        if not self._held(args["setl_id"]):
            yield from self._refunded(bill, args["setl_id"])

    def _book_pair(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """Settlement and reversal in the centre's words: the HIS missed both."""
        yield from self._book(bill, args)
        yield from self._refunded(bill, args["refund_id"])

    def _refunded(self, bill: Bill, setl_id: str) -> Flow:
        info = yield from self.flows.told(bill, setl_id)
        if not info:
            return
        row = books.settlement(bill, info, self.flows.now(), self.flows.defects)
        yield Save(
            statements=[
                insert("yb_settlement", row | {"refd_setl_flag": "1"}),
                books.bill_state(bill, "refunded"),
            ]
        )

    def _void(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """The latest row of a settlement moves to the voided ones."""
        statements = self._voided(bill, args["setl_id"], "booked twice or not at the centre")
        yield Save(statements=statements)

    def _settle(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """What only the HIS has is voided, and the bill is settled once more under a new id."""
        yield Save(statements=self._voided(bill, args["setl_id"], "not at the centre"))
        yield from self.flows.settle(bill)

    def _voided(self, bill: Bill, setl_id: str, reason: str) -> list[Statement]:
        rows = self.flows.store.rows(
            "SELECT id, bill_no, setl_id, medfee_fen FROM yb_settlement"
            " WHERE bill_no = ? AND setl_id = ? ORDER BY id DESC LIMIT 1",
            (bill.bill_no, setl_id),
        )
        kept = [insert("yb_void", dict(row) | {"reason": reason, "at": self.flows.now()})
                for row in rows]  # fmt: skip
        gone: list[Statement] = [
            ("DELETE FROM yb_settlement WHERE id = ?", (row["id"],)) for row in rows
        ]
        return [*kept, *gone]

    def _correct(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """The amounts of a row, whom and which state it is about, as the centre has them."""
        names = (*AMOUNTS, "psn_no", "refd_setl_flag", "mdtrt_id")
        yield from self._rewritten(bill, args, names)

    def _regroup(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """Insurance, clearing type and agency as the centre has them: no money moves."""
        yield from self._rewritten(bill, args, (*CATEGORY, "setl_time"))

    def _rewritten(self, bill: Bill, args: Mapping[str, str], names: tuple[str, ...]) -> Flow:
        info = yield from self.flows.told(bill, args["setl_id"])
        if not info:
            return
        bill.psn_no = str(info.get("psn_no") or bill.psn_no)
        row = books.settlement(bill, info, self.flows.now(), self.flows.defects)
        row["refd_setl_flag"] = str(info.get("refd_setl_flag") or "0")
        changed = {name: row[name] for name in names}
        key = {"setl_id": args["setl_id"], "bill_no": bill.bill_no}
        yield Save(statements=[books.update_row("yb_settlement", key, changed)])

    def _rename(self, bill: Bill, args: Mapping[str, str]) -> Flow:
        """The id that the centre gave, found by the id of the call."""
        info = yield from self.flows.told(bill, args["setl_id"])
        named = {"setl_id": args["setl_id"]}
        if info.get("setl_time"):
            named["setl_time"] = str(info["setl_time"])
        yield Save(
            statements=[books.update_row("yb_settlement", {"medins_setl_id": args["msgid"]}, named)]
        )

    def _held(self, setl_id: str) -> bool:
        found = self.flows.store.rows(
            "SELECT 1 AS n FROM yb_settlement WHERE setl_id = ? LIMIT 1", (setl_id,)
        )
        return bool(found)
