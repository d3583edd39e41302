"""药品追溯码: 3505A sells each box of a settled bill, 3506A takes back what a refund returns.

Both answer on two levels: ``infcode`` 0 says only that the message was read, ``retRslt`` of each
row whether its box was taken. Where an answer is lost, 3513 tells which boxes the centre holds;
only the others are sent again, because a box that is sold would be refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from harness.wire.envelope import as_text
from simulators.hospital import cashier_books as books
from simulators.hospital.cashier_client import HOSPITAL
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import (
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
from simulators.store import insert

CODE_DIGITS: Final = 20
"""Length of a trace code (药品追溯码编码要求: 20 digits in the register in common use)."""

NO_BARCODE: Final = "NDPB999"
"""Bar code of goods that have none."""

ROW_OK: Final = "1"
"""``retRslt`` of a row that was carried out."""

SENDING, SOLD, REFUSED = "sending", "sold", "refused"
RETURNING, RETURNED = "returning", "returned"
REPEATED, MISCOUNTED, MALFORMED = "repeated", "miscounted", "malformed"
"""States of a box; the last three never leave the house."""

Box = dict[str, Any]


@dataclass(slots=True)
class Tracing:
    """The pharmacy's flows.

    Args:
        flows: of the cashier, for their store, clock, patience and defects.
    """

    flows: Flows

    # -- selling -------------------------------------------------------------------------------

    def dispense(self, bill: Bill, text: str) -> Flow:
        """Boxes of a settled bill: scanned, checked, and sold at the centre.

        Args:
            bill: settled.
            text: ``line:code`` a box, joined by semicolons; ``!`` behind it for a split pack, an
                empty code for goods that carry none.
        """
        if bill.state != "settled":
            return
        boxes = self._scanned(bill, text)
        for box in boxes:
            box["state"] = self._local(bill, box, boxes)
        yield Save(statements=[insert("yb_trace", box) for box in boxes])
        for box in boxes:
            if not box["code"]:
                yield from self._virtual(bill, box)
        yield from self._sell(bill, boxes)

    def _scanned(self, bill: Bill, text: str) -> list[Box]:
        lines = {line.line: line for line in bill.lines}
        first = len(self._boxes(bill)) + 1
        boxes = []
        for nth, one in enumerate(text.split(";"), start=first):
            number, _, code = one.partition(":")
            line = lines[int(number)]
            boxes.append(
                {
                    "bill_no": bill.bill_no,
                    "nth": nth,
                    "line": line.line,
                    "item": line.item,
                    "med_code": line.med_code,
                    "code": code.rstrip("!"),
                    "split": str(int(code.endswith("!"))),
                    "state": SENDING,
                    "sel_no": "",
                    "note": "",
                    "at": self.flows.now(),
                }
            )
        return boxes

    def _local(self, bill: Bill, box: Box, boxes: list[Box]) -> str:
        """What is wrong with a box before anything is sent."""
        code, split = box["code"], box["split"] == "1"
        if code and not (len(code) == CODE_DIGITS and code.isascii() and code.isdecimal()):
            return SENDING if "his-yb-trace-any-code" in self.flows.defects else MALFORMED
        before = boxes[: boxes.index(box)]
        if code and not split and any(one["code"] == code for one in before):
            return REPEATED
        wanted = next(Decimal(line.count) for line in bill.lines if line.line == box["line"])
        mine = [one["code"] or one["nth"] for one in boxes if one["line"] == box["line"]]
        given = len(set(mine))
        if not split and given != wanted and "his-yb-trace-uncounted" not in self.flows.defects:
            return MISCOUNTED
        return SENDING

    def _virtual(self, bill: Bill, box: Box) -> Flow:
        """3592B: a code for goods that carry none."""
        data = {
            "med_list_codg": box["med_code"],
            "fixmedins_hilist_id": box["item"],
            "fixmedins_hilist_name": box["item"],
            "fixmedins_bchno": _batch(box),
        }
        out = yield from self.flows.asked(Ask(infno="3592B", nodes={"data": data}, bill=bill))
        box["code"] = as_text(out.node("result").get("drug_trac_codg"))
        state = SENDING if box["code"] else REFUSED
        yield Save(statements=[_changed(box, code=box["code"], state=state, note=out.err_msg)])

    def _sell(self, bill: Bill, scanned: list[Box]) -> Flow:
        for nth in range(ONCE_MORE):
            boxes = [box for box in scanned if box["state"] == SENDING]
            if not boxes:
                return
            rows = [self._sale(bill, box) for box in boxes]
            out = yield Ask(infno="3505A", nodes={"selinfoDetail": rows}, bill=bill)
            if out.state != UNKNOWN:
                yield Save(statements=self._sold(boxes, out))
                return
            yield Wait(seconds=self.flows.pause(nth))
            if "his-yb-trace-resends-blindly" not in self.flows.defects:
                yield from self._looked(bill, boxes)

    def _sold(self, boxes: list[Box], out: Outcome) -> list[Statement]:
        """Row by row: which boxes the centre took."""
        if out.state != SUCCESS:
            return [_changed(box, state=REFUSED, note=out.err_msg) for box in boxes]
        if "his-yb-trace-outer-only" in self.flows.defects:
            return [_changed(box, state=SOLD) for box in boxes]
        told = {as_text(row.get("rtal_docno")): row for row in out.rows("selinfoDetail")}
        changed = []
        for box in boxes:
            row = told.get(_document(box), {})
            if as_text(row.get("retRslt")) == ROW_OK:
                number = as_text(row.get("medins_prod_sel_no"))
                changed.append(_changed(box, state=SOLD, sel_no=number))
            else:
                why = as_text(row.get("msgRslt")) or "no result for this row"
                changed.append(_changed(box, state=REFUSED, note=why))
        return changed

    # -- taking back ---------------------------------------------------------------------------

    def give_back(self, bill: Bill, keep: list[Line]) -> Flow:
        """3506A for every sold box of the lines that a refund does not keep.

        Kept lines are those of the new batch, so they are told apart by the hospital's code.
        """
        if "his-yb-trace-keeps-after-refund" in self.flows.defects:
            return
        kept = {line.item for line in keep}
        sold = [box for box in self._boxes(bill) if box["state"] == SOLD]
        going = [box for box in sold if box["item"] not in kept]
        if not going:
            return
        yield Save(statements=[_changed(box, state=RETURNING) for box in going])
        yield from self._return(bill, going)

    def _return(self, bill: Bill, going: list[Box]) -> Flow:
        for nth in range(ONCE_MORE):
            boxes = [box for box in going if box["state"] == RETURNING]
            if not boxes:
                return
            rows = [self._comeback(bill, box) for box in boxes]
            out = yield Ask(infno="3506A", nodes={"selinfoDetail": rows}, bill=bill)
            if out.state != UNKNOWN:
                yield Save(statements=self._came_back(boxes, out))
                return
            yield Wait(seconds=self.flows.pause(nth))
            yield from self._looked(bill, boxes)

    def _came_back(self, boxes: list[Box], out: Outcome) -> list[Statement]:
        """The answer lists only the rows that failed."""
        if out.state != SUCCESS:
            return [_changed(box, state=SOLD, note=out.err_msg) for box in boxes]
        failed = {
            as_text(row.get("fixmedins_bchno")): as_text(row.get("msgRslt"))
            for row in out.rows("selinfoErrDetail")
            if "fixmedins_bchno" in row
        }
        if "his-yb-trace-outer-only" in self.flows.defects:
            failed = {}
        return [
            _changed(box, state=SOLD, note=failed[_batch(box)])
            if _batch(box) in failed
            else _changed(box, state=RETURNED)
            for box in boxes
        ]

    # -- finding out ---------------------------------------------------------------------------

    def _looked(self, bill: Bill, boxes: list[Box]) -> Flow:
        """3513: what the centre holds of this visit."""
        day = self.flows.now()[:10]
        data = {
            "fixmedins_code": HOSPITAL,
            "mdtrt_id": bill.mdtrt_id,
            "psn_no": bill.psn_no,
            "begndate": f"{day[:8]}01",
            "enddate": f"{int(day[:4]) + 1}{day[4:8]}01",
        }
        out = yield from self.flows.asked(Ask(infno="3513", nodes={"data": data}, bill=bill))
        held = {as_text(row.get("fixmedinsBchno")): row for row in out.rows("output")}
        changed = []
        for box in boxes:
            row = held.get(_batch(box))
            here = row is not None and as_text(row.get("valiFlag")) == "1"
            if box["state"] == SENDING and row is not None and here:
                changed.append(_changed(box, state=SOLD, sel_no=as_text(row.get("rid"))))
            elif box["state"] == RETURNING and row is not None and not here:
                changed.append(_changed(box, state=RETURNED))
        yield Save(statements=changed)

    def left(self) -> Iterator[str]:
        """Bills whose boxes were under way when the HIS died."""
        rows = self.flows.store.rows(
            "SELECT DISTINCT bill_no FROM yb_trace WHERE state IN (?, ?) ORDER BY bill_no",
            (SENDING, RETURNING),
        )
        yield from (str(row["bill_no"]) for row in rows)

    def go_on(self, bill: Bill) -> Flow:
        """After a restart: find out first, and send only what is not there."""
        boxes = [box for box in self._boxes(bill) if box["state"] in {SENDING, RETURNING}]
        yield from self._looked(bill, boxes)
        yield from self._sell(bill, boxes)
        yield from self._return(bill, boxes)

    def _boxes(self, bill: Bill) -> list[Box]:
        """As committed: a flow that changed a box goes on with the row that it holds."""
        return self.flows.store.rows(
            "SELECT * FROM yb_trace WHERE bill_no = ? ORDER BY nth", (bill.bill_no,)
        )

    # -- rows ----------------------------------------------------------------------------------

    def _sale(self, bill: Bill, box: Box) -> Mapping[str, Any]:
        price = next((line.price for line in bill.lines if line.line == box["line"]), "0")
        return self._goods(bill, box) | {
            "prsc_dr_name": "医生甲",
            "phar_name": "药师甲",
            "phar_prac_cert_no": "P0001",
            "finl_trns_pric": Decimal(price),
            "rtal_docno": _document(box),
            "drug_prod_barc": NO_BARCODE,
            "MDTRT_SETL_TYPE": "1",
        }

    def _comeback(self, bill: Bill, box: Box) -> Mapping[str, Any]:
        return self._goods(bill, box) | {"medins_prod_sel_no": box["sel_no"]}

    def _goods(self, bill: Bill, box: Box) -> dict[str, Any]:
        return {
            "med_list_codg": box["med_code"],
            "fixmedins_hilist_id": box["item"],
            "fixmedins_hilist_name": box["item"],
            "fixmedins_bchno": _batch(box),
            "mdtrt_sn": bill.mdtrt_id,
            "setl_id": bill.setl_id,
            "psn_no": bill.psn_no,
            "psn_name": bill.name,
            "manu_lotnum": box["code"][-6:],
            "manu_date": f"{self.flows.now()[:4]}-01-01",
            "rx_flag": "1",
            "trdn_flag": box["split"],
            "sel_retn_cnt": 1,
            "sel_retn_time": self.flows.now(),
            "sel_retn_opter_name": "药师甲",
            "drugtracinfo": [{"drug_trac_codg": box["code"]}],
        }


def _batch(box: Box) -> str:
    """Names one box of one bill, and so a row of an answer."""
    return f"{box['bill_no']}-{box['nth']}"


def _document(box: Box) -> str:
    return f"D{_batch(box)}"


def _changed(box: Box, **values: str) -> Statement:
    """The statement, and the row that the flow holds: a read would miss what is not committed."""
    box.update(values)
    key = {"bill_no": box["bill_no"], "nth": box["nth"]}
    return books.update_row("yb_trace", key, values)
