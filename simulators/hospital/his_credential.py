"""电子凭证 and 刷脸: a code or a face becomes a token (6101), and the token pays.

A code names a person. Whoever it names must be the patient of the bill: at the window the patient
before may still hold out a phone, and a token that nobody compared charges another account. 9601
answers on two levels like the trace codes do: the message succeeds, and ``recog_rslt`` says whether
the face did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from harness.wire.envelope import as_text
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_client import HOSPITAL, HOSPITAL_NAME
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import Ask, Bill, Flow, Save
from simulators.store import upsert

GOOD, OTHER, REFUSED, NONE = "good", "other", "refused", "none"
"""States of a credential: of the patient, of another person, not issued, never scanned."""

SETTLING: Final = "01301"
"""``code_biz_type``: settlement."""

RECOGNISED, FAILED, PENDING, SPECIAL = "recognised", "failed", "pending", "special"
_FACES: Final = {"1": RECOGNISED, "3": PENDING, "4": SPECIAL}
"""``recog_rslt`` of 9601; whatever else it says is a failure."""

OUTPATIENT_FACE: Final = "14"
"""``recog_biz``: outpatient."""

CANNOT: Final = "3"
"""``sp_dcla_rea``: the face cannot be recognised for a medical reason."""


@dataclass(slots=True)
class Credentials:
    """The flows of code readers and face terminals.

    Args:
        flows: of the cashier.
    """

    flows: Flows

    def scan(self, bill: Bill, shown: str) -> Flow:
        """6101: what a code stands for, compared with the bill.

        Args:
            bill: that is to be paid.
            shown: what the reader saw.
        """
        data = {
            "orgId": HOSPITAL,
            "businessType": SETTLING,
            "operatorId": "0001",
            "operatorName": "收费窗口",
            "officeId": "A03",
            "officeName": "内科",
            "businessInfo": shown,
        }
        out = yield from self.flows.asked(Ask(infno="6101", nodes={"InData": data}, bill=bill))
        read = out.node("OutData")
        row: dict[str, Any] = {
            "bill_no": bill.bill_no,
            "token": as_text(read.get("ecToken")),
            "auth_no": as_text(read.get("authNo")),
            "id_no": as_text(read.get("idNo")),
            "name": as_text(read.get("userName")),
            "state": GOOD,
            "note": out.err_msg,
            "at": self.flows.now(),
        }
        if not row["token"]:
            row["state"] = REFUSED
            row = self._former(row)
        elif row["id_no"] != bill.id_card:
            row |= {"state": OTHER, "note": f"the code is of {row['name']}"}
            if "his-yb-token-of-anyone" in self.flows.defects:
                row["state"] = GOOD
        yield Save(statements=[upsert("yb_credential", ("bill_no",), row)])

    def _former(self, row: dict[str, Any]) -> dict[str, Any]:
        """The defect: where the reader fails, what it read last is still in its buffer."""
        if "his-yb-token-of-before" not in self.flows.defects:
            return row
        found = self.flows.store.rows(
            "SELECT * FROM yb_credential WHERE state = ? ORDER BY at DESC, bill_no DESC LIMIT 1",
            (GOOD,),
        )
        return found[0] | {"bill_no": row["bill_no"]} if found else row

    def settle(self, bill: Bill, channel: str) -> Flow:
        """A settlement in which the token stands for the card; without a good one it is refused."""
        if bill.state not in {"open", "failed"}:
            return
        known = credential(self.flows, bill.bill_no)
        if known["state"] != GOOD:
            why = f"credential: {known['state']} {known['note']}".strip()
            yield Save(statements=[books.bill_state(bill, "failed", why)])
            return
        bill.token, bill.channel = known["token"], channel
        if "his-yb-token-of-anyone" in self.flows.defects:
            bill = replace(bill, name=known["name"], id_card=known["id_no"])
        mark = {"channel": channel, "state": "settling"}
        yield Save(statements=[books.update_row("yb_bill", {"bill_no": bill.bill_no}, mark)])
        yield from self.flows.settle(bill)

    # -- faces ---------------------------------------------------------------------------------

    def face(self, bill: Bill, picture: str) -> Flow:
        """9601, and where it says 特殊登记 9602; what came of it is written down.

        Args:
            bill: whose patient stands before the camera.
            picture: as text.
        """
        who = yield from self.flows.asked(Ask(infno="1101", nodes=nodes.person(bill), bill=bill))
        bill.psn_no = as_text(who.node("baseinfo").get("psn_no"))
        data = {
            "medins_code": HOSPITAL,
            "medins_name": HOSPITAL_NAME,
            "psn_no": bill.psn_no,
            "psn_cert_type": "01",
            "certno": bill.id_card,
            "psn_name": bill.name,
            "recog_biz": OUTPATIENT_FACE,
        }
        shown = data | {"recog_pic": picture}
        out = yield from self.flows.asked(Ask(infno="9601", nodes={"recogInfo": shown}, bill=bill))
        rslt = as_text(out.node("recogRslt").get("recog_rslt"))
        state = _FACES.get(rslt, FAILED)
        if out.ok and "his-yb-face-outer-only" in self.flows.defects:
            state = RECOGNISED
        if state == SPECIAL and "his-yb-face-skips-registration" not in self.flows.defects:
            declared = data | {"sp_dcla_rea": CANNOT, "sp_dcla_dscr": "脸部插管"}
            declared["sp_dcla_pic"] = picture
            wanted = Ask(infno="9602", nodes={"spregInfo": declared}, bill=bill)
            done = yield from self.flows.asked(wanted)
            state = SPECIAL if done.ok else FAILED
        row = {
            "bill_no": bill.bill_no,
            "rslt": rslt,
            "state": state,
            "note": out.err_msg,
            "at": self.flows.now(),
        }
        yield Save(statements=[upsert("yb_face", ("bill_no",), row)])

    def settle_by_face(self, bill: Bill, picture: str, channel: str) -> Flow:
        """A face that was recognised stands for a code; any other settles nothing."""
        if bill.state not in {"open", "failed"}:
            return
        yield from self.face(bill, picture)
        rows = self.flows.store.rows("SELECT state FROM yb_face WHERE bill_no = ?", (bill.bill_no,))
        state = rows[0]["state"] if rows else NONE
        if state not in {RECOGNISED, SPECIAL}:
            yield Save(statements=[books.bill_state(bill, "failed", f"face: {state}")])
            return
        yield from self.scan(bill, bill.id_card)
        yield from self.settle(bill, channel)


def credential(flows: Flows, bill_no: str) -> dict[str, Any]:
    """What was scanned for a bill last."""
    rows = flows.store.rows("SELECT * FROM yb_credential WHERE bill_no = ?", (bill_no,))
    return rows[0] if rows else {"state": NONE, "note": "", "token": "", "name": "", "auth_no": ""}
