"""医保结算清单: 4101 after a stay is settled, 4102 to submit it; 4261 to 4263 for who pays alone.

A list belongs to one settlement, not to a bill: a settlement that was taken back leaves a list that
counts for nothing, and the new one needs a list of its own. What became of a submission whose
answer is lost, or of a list that the centre will not take again, is asked with 4103.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from harness.wire.envelope import as_text
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_client import HOSPITAL, HOSPITAL_NAME
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import ONCE_MORE, UNKNOWN, Ask, Bill, Flow, Save, Wait
from simulators.store import upsert

SENDING, UPLOADED, SUBMITTED = "sending", "uploaded", "submitted"
REFUSED, LOCKED, DUE, VOID = "refused", "locked", "due", "void"
"""States of a list in the house; ``due`` is one that nobody sent."""

AT_CENTRE: Final = ("1", "2")
"""``stas_type`` of 4103: submitted, approved; neither can be changed."""

ALREADY: Final = "已经提交"
"""What a refusal says that one defect takes for success."""

CUT: Final = 24
"""Characters of a refusal that one defect keeps."""

BALANCED: Final = "0"
"""``stmtResult`` of 4262."""


@dataclass(slots=True)
class Lists:
    """The flows of the medical-record room.

    Args:
        flows: of the cashier.
    """

    flows: Flows

    def send(self, bill: Bill, bill_code: str, blank: frozenset[str]) -> Flow:
        """Upload and submit the list of a bill's settlement.

        Args:
            bill: settled.
            bill_code: of the receipt, which is what a correction changes.
            blank: fields that were left empty.
        """
        row = books.booked(self.flows.store, bill.bill_no)
        if row is None:
            return
        before = self._known(bill, row["setl_id"])
        content = yield from self._content(bill, row, bill_code, blank)
        yield self._noted(bill, row, SENDING, bill_code)
        sent = yield from self.flows.asked(Ask(infno="4101", nodes=content, bill=bill))
        if sent.ok:
            number = as_text(sent.node("data").get("setl_list_id"))
            yield self._noted(bill, row, UPLOADED, bill_code, list_id=number)
            yield from self._submit(bill, row, bill_code, number)
            return
        if ALREADY in sent.err_msg and "his-yb-list-repeat-is-done" in self.flows.defects:
            yield self._noted(bill, row, SUBMITTED, bill_code)
            return
        if before and (yield from self._state(bill, row)) in AT_CENTRE:
            yield self._noted(bill, row, LOCKED, before["bill_code"], sent.err_msg)
            return
        why = sent.err_msg
        if "his-yb-list-cuts-refusal" in self.flows.defects:
            why = why[:CUT]
        yield self._noted(bill, row, REFUSED, bill_code, why)

    def _content(
        self, bill: Bill, row: Mapping[str, Any], bill_code: str, blank: frozenset[str]
    ) -> Flow:
        """4101's input; what the funds paid is the centre's own word (5203)."""
        ask = Ask(infno="5203", nodes=nodes.reversal(bill, row["setl_id"]), bill=bill)
        told = yield from self.flows.asked(ask)
        day = str(row["setl_time"])[:10]
        info = {
            "psn_no": bill.psn_no,
            "mdtrt_id": bill.mdtrt_id,
            "setl_id": row["setl_id"],
            "ntly": "CHN",
            "prfs": "90",
            "patn_rlts": "01",
            "coner_addr": "示例市示例路1号",
            "coner_tel": "00000000000",
            "dscg_caty": "A03",
            "bill_code": bill_code,
            "bill_no": bill.bill_no,
            "biz_sn": row["medins_setl_id"],
            "setl_begn_date": day,
            "setl_end_date": day,
            "medins_fill_dept": "病案室",
            "medins_fill_psn": "编码员甲",
        }
        code, name = nodes.disease(bill)
        paid = [
            {"fund_pay_type": one["fund_pay_type"], "fund_payamt": one["fund_payamt"]}
            for one in told.rows("setldetail")
            if "fund_pay_type" in one
        ]
        if "his-yb-list-first-fund-only" in self.flows.defects:
            paid = paid[:1]
        return {
            "setlinfo": {name: value for name, value in info.items() if name not in blank},
            "diseinfo": [
                {
                    "diag_type": "1",
                    "diag_code": code,
                    "diag_name": name,
                    "adm_cond_type": "1",
                    "maindiag_flag": "1",
                }
            ],
            "payinfo": paid,
        }

    def _submit(self, bill: Bill, row: Mapping[str, Any], bill_code: str, number: str) -> Flow:
        """4102; a second one is refused, so an answer that is lost is asked for."""
        keys = {"psn_no": bill.psn_no, "setl_id": row["setl_id"], "stas_type": "1"}
        wanted = {"data": {"stastinfo": [keys]}}
        for nth in range(ONCE_MORE):
            out = yield Ask(infno="4102", nodes=wanted, bill=bill)
            done = out.ok
            if out.state == UNKNOWN and "his-yb-list-lost-is-refused" not in self.flows.defects:
                yield Wait(seconds=self.flows.pause(nth))
                done = (yield from self._state(bill, row)) in AT_CENTRE
                if not done:
                    continue
            state = SUBMITTED if done else REFUSED
            yield self._noted(bill, row, state, bill_code, out.err_msg, list_id=number)
            return

    def _state(self, bill: Bill, row: Mapping[str, Any]) -> Flow:
        """4103: how the centre has the list."""
        data = {"psn_no": bill.psn_no, "setl_id": row["setl_id"]}
        out = yield from self.flows.asked(Ask(infno="4103", nodes={"data": data}, bill=bill))
        return as_text(out.node("setlinfo").get("stas_type"))

    def _known(self, bill: Bill, setl_id: str) -> dict[str, Any]:
        rows = self.flows.store.rows(
            "SELECT * FROM yb_list WHERE bill_no = ? AND setl_id = ?", (bill.bill_no, setl_id)
        )
        return rows[0] if rows else {}

    def _noted(
        self,
        bill: Bill,
        row: Mapping[str, Any],
        state: str,
        bill_code: str,
        note: str = "",
        *,
        list_id: str = "",
    ) -> Save:
        kept = {
            "bill_no": bill.bill_no,
            "setl_id": row["setl_id"],
            "list_id": list_id,
            "bill_code": bill_code,
            "state": state,
            "note": "" if state == SUBMITTED else note,
            "at": self.flows.now(),
        }
        return Save(statements=[upsert("yb_list", ("bill_no", "setl_id"), kept)])

    # -- what is missing -----------------------------------------------------------------------

    def check(self) -> Flow:
        """Every settled stay whose settlement has no list, as a row to be worked off."""
        by_bill = "his-yb-list-by-bill" in self.flows.defects
        same = "" if by_bill else " AND l.setl_id = s.setl_id"
        found = self.flows.store.rows(
            "SELECT s.bill_no, s.setl_id FROM yb_settlement s"
            " JOIN yb_bill b ON b.bill_no = s.bill_no"
            " WHERE b.kind = 'ipt' AND b.state = 'settled' AND b.setl_id = s.setl_id"
            f" AND s.refd_setl_flag = '0' AND NOT EXISTS (SELECT 1 FROM yb_list l"
            f" WHERE l.bill_no = s.bill_no{same} AND l.state <> 'refused') ORDER BY s.id"
        )
        empty = {"list_id": "", "bill_code": "", "state": DUE, "note": "", "at": self.flows.now()}
        rows = [dict(one) | empty for one in found]
        yield Save(statements=[upsert("yb_list", ("bill_no", "setl_id"), row) for row in rows])

    def voided(self, bill: Bill, setl_id: str) -> Flow:
        """A settlement was taken back: its list counts for nothing."""
        if "his-yb-list-by-bill" in self.flows.defects:
            return
        key = {"bill_no": bill.bill_no, "setl_id": setl_id}
        yield Save(statements=[books.update_row("yb_list", key, {"state": VOID})])

    # -- who pays alone ------------------------------------------------------------------------

    def own(self, bill: Bill) -> Flow:
        """4261, and 4262 until both totals agree; where they do not, 4263 tells the centre's."""
        mdtrt_id = f"Z{bill.bill_no}"
        state, note = "differs", ""
        for _ in range(2):
            yield from self.flows.asked(
                Ask(infno="4261", nodes=self._own_rows(bill, mdtrt_id), bill=bill)
            )
            asked = {
                "mdtrtId": mdtrt_id,
                "fixmedinsCode": HOSPITAL,
                "totalFeeSumamt": books.yuan(bill.total_fen),
            }
            out = yield from self.flows.asked(Ask(infno="4262", nodes=asked, bill=bill))
            read = as_text(out.node("data").get("stmtResult"))
            if read == BALANCED or "his-yb-ownpay-unchecked" in self.flows.defects:
                state = "agreed"
                break
            note = as_text(out.node("data").get("stmtRema")) or out.err_msg
        if state == "differs":
            page = {"fixmedinsCode": HOSPITAL, "pageNum": 1, "pageSize": 100}
            page |= {"certno": bill.id_card}
            yield from self.flows.asked(Ask(infno="4263", nodes=page, bill=bill))
        row = {
            "bill_no": bill.bill_no,
            "mdtrt_id": mdtrt_id,
            "total_fen": bill.total_fen,
            "state": state,
            "note": note,
        }
        yield Save(statements=[upsert("yb_ownpay", ("bill_no",), row)])

    def _own_rows(self, bill: Bill, mdtrt_id: str) -> Mapping[str, Any]:
        now = self.flows.now()
        code, name = nodes.disease(bill)
        visit = {
            "mdtrtId": mdtrt_id,
            "fixmedinsCode": HOSPITAL,
            "fixmedinsName": HOSPITAL_NAME,
            "psnCertType": "01",
            "certno": bill.id_card,
            "psnName": bill.name,
            "begntime": now,
            "medType": bill.med_type,
        }
        lines = bill.lines
        if "his-yb-ownpay-first-line-only" in self.flows.defects:
            lines = lines[:1]
        fees = [
            {
                "bkkpSn": f"{bill.bill_no}-{line.line}",
                "feeOcurTime": now,
                "cnt": Decimal(line.count),
                "pric": Decimal(line.price),
                "detItemFeeSumamt": books.yuan(line.amount_fen),
                "medListCodg": line.med_code,
                "medinsListCodg": line.item,
                "valiFlag": "1",
            }
            for line in lines
        ]
        disease = {"diagSrtNo": 1, "diagType": "1", "maindiagFlag": "1"}
        disease |= {"diagCode": code, "diagName": name, "mdtrtId": mdtrt_id}
        return {
            "fmiOwnpayPatnMdtrtDDTO": [visit],
            "fmiOwnpayPatnDiseListDDTOS": [disease],
            "fmiOwnpayPatnFeeListDDTO": fees,
            "upType": "1",
        }
