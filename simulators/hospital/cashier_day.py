"""The end of the day: 3201 by bucket; where it differs 9101, 3202, 9102, and a repair a row.

A bucket is insurance, clearing type and place of insurance. What counts is the centre's own time of
settlement; a refund counts as a row of its own with negative amounts.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulators.centre.files import unzip_text, zip_text
from simulators.centre.rules import RESULT_COLUMNS, Refusal
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_client import HOSPITAL
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import Ask, Flow, Save
from simulators.store import Store, insert

CLEARING: Final = {"11": "11", "14": "14", "21": "21"}
"""Clearing type by medical type, for bills of which no answer told it."""

BALANCED: Final = "0"
COLUMNS: Final = RESULT_COLUMNS["10"]

Bucket = tuple[str, str, str]
Row = dict[str, Any]


def rows_of(store: Store, day: str, defects: set[str]) -> list[Row]:
    """Settlements and refunds of a day, in the order of booking."""
    time = "booked_at" if "his-yb-day-by-booking" in defects else "setl_time"
    sql = f"SELECT * FROM yb_settlement WHERE {time} BETWEEN ? AND ?"
    if "his-yb-3201-without-refunds" in defects:
        sql += " AND refd_setl_flag = '0'"
    return store.rows(f"{sql} ORDER BY id", (f"{day} 00:00:00", f"{day} 23:59:59"))


def buckets(store: Store, day: str, rows: Sequence[Row]) -> list[Bucket]:
    """Those of the day's settlements, and of bills whose settlement may have got lost."""
    found = {(row["insutype"], row["clr_type"], row["clr_optins"]) for row in rows}
    bills = store.rows(
        "SELECT DISTINCT insutype, med_type, insuplc FROM yb_bill"
        " WHERE created_at BETWEEN ? AND ? AND psn_no <> ''",
        (f"{day} 00:00:00", f"{day} 23:59:59"),
    )
    found |= {
        (bill["insutype"], CLEARING.get(bill["med_type"], bill["med_type"]), bill["insuplc"])
        for bill in bills
    }
    return sorted(found)


def totals(rows: Sequence[Row], defects: set[str]) -> dict[str, int]:
    """Sums in fen, and how many."""
    count = len(rows)
    if "his-yb-counts-pairs-once" in defects:
        count -= sum(row["refd_setl_flag"] == "1" for row in rows)
    names = ("medfee_fen", "fund_fen", "acct_fen")
    return {name: sum(int(row[name]) for row in rows) for name in names} | {"cnt": count}


@dataclass(slots=True)
class DayEnd:
    """Reconciliation of one day.

    Args:
        flows: of the cashier.
    """

    flows: Flows

    def run(self, day: str) -> Flow:
        """Every bucket; where one differs, every row, its repair, and the totals once more."""
        defects = self.flows.defects
        rows = rows_of(self.flows.store, day, defects)
        known = buckets(self.flows.store, day, rows)
        if "his-yb-one-bucket" in defects:
            known = [("310", clr, where) for _, clr, where in known][:1]
        for bucket in known:
            mine = rows if "his-yb-one-bucket" in defects else of_bucket(rows, bucket)
            nameless = any(not row["setl_id"] for row in mine)
            balanced = yield from self._compared(day, bucket, mine)
            if "his-yb-ignores-3201" in defects or (balanced and not nameless):
                continue
            yield from self._detailed(day, bucket, mine)
            again = of_bucket(rows_of(self.flows.store, day, defects), bucket)
            yield from self._compared(day, bucket, again)

    def _period(self, day: str, bucket: Bucket) -> dict[str, Any]:
        return {
            "clr_type": bucket[1],
            "setl_optins": bucket[2],
            "stmt_begndate": day,
            "stmt_enddate": day,
        }

    def _compared(self, day: str, bucket: Bucket, rows: Sequence[Row]) -> Flow:
        found = totals(rows, self.flows.defects)
        data = self._period(day, bucket) | {
            "insutype": bucket[0],
            "medfee_sumamt": books.yuan(found["medfee_fen"]),
            "fund_pay_sumamt": books.yuan(found["fund_fen"]),
            "acct_pay": books.yuan(found["acct_fen"]),
            "fixmedins_setl_cnt": found["cnt"],
            "fixmedins_refd_setl_flag": "0",
        }
        out = yield from self.flows.asked(Ask(infno="3201", nodes={"data": data}, channel="system"))
        info = out.node("stmtinfo")
        result = str(info.get("stmt_rslt") or "?")
        if "his-yb-ignores-3201" in self.flows.defects:
            result = BALANCED
        row = {
            "day": day,
            "insutype": bucket[0],
            "clr_type": bucket[1],
            "clr_optins": bucket[2],
            **found,
            "stmt_rslt": result,
            "note": str(info.get("stmt_rslt_dscr") or out.err_msg),
        }
        yield Save(statements=[insert("yb_day", row)])
        return result == BALANCED

    # -- row by row ----------------------------------------------------------------------------

    def _detailed(self, day: str, bucket: Bucket, rows: Sequence[Row]) -> Flow:
        body = zip_text("detail.txt", [_cells(row) for row in rows if row["setl_id"]])
        file = {
            "in": base64.b64encode(body).decode("ascii"),
            "filename": "detail.zip",
            "fixmedins_code": HOSPITAL,
        }
        sent = yield from self._asked("9101", {"fsUploadIn": file})
        if not sent.ok:
            return
        found = totals(rows, self.flows.defects)
        data = self._period(day, bucket) | {
            "file_qury_no": str((sent.output or {}).get("file_qury_no", "")),
            "medfee_sumamt": books.yuan(found["medfee_fen"]),
            "fund_pay_sumamt": books.yuan(found["fund_fen"]),
            "cash_payamt": books.yuan(found["acct_fen"]),
            "fixmedins_setl_cnt": found["cnt"],
            "fixmedins_refd_setl_flag": "0",
        }
        compared = yield from self._asked("3202", {"data": data})
        info = compared.node("fileinfo")
        if not info:
            return
        wanted = {"file_qury_no": info["file_qury_no"], "filename": info["filename"]}
        wanted["fixmedins_code"] = HOSPITAL
        result = yield from self._asked("9102", {"fsDownloadIn": wanted})
        try:
            lines = unzip_text(result.file or b"", strict=False)
        except Refusal:
            lines = []
        for cells in lines:
            yield from self._row(day, dict(zip(COLUMNS, cells, strict=False)), rows)

    def _asked(self, infno: str, sent: nodes.Nodes) -> Flow:
        return (yield from self.flows.asked(Ask(infno=infno, nodes=sent, channel="system")))

    def _row(self, day: str, cells: dict[str, str], rows: Sequence[Row]) -> Flow:
        """One row of the result file: whose it is, by id and not by the words of its memo."""
        if cells.get("stmt_rslt") == BALANCED:
            return
        ours = any(row["setl_id"] == cells["setl_id"] for row in rows if row["setl_id"])
        if not ours:
            kind = "centre_more"
        else:
            kind = "differs" if cells["medfee_sumamt"] else "hospital_more"
        log = self.flows.store.rows(
            "SELECT bill_no, infno FROM yb_log WHERE msgid = ?", (cells["msgid"],)
        )
        bill_no = str(log[0]["bill_no"]) if log else ""
        repair = "manual"
        if kind == "centre_more" and bill_no:
            repair = yield from self._repair(bill_no, str(log[0]["infno"]), cells)
        row = {
            "day": day,
            "setl_id": cells["setl_id"],
            "psn_no": cells["psn_no"],
            "msgid": cells["msgid"],
            "class": kind,
            "bill_no": bill_no,
            "repair": repair,
            "memo": cells["memo"],
        }
        yield Save(statements=[insert("yb_difference", row)])

    def _repair(self, bill_no: str, infno: str, cells: dict[str, str]) -> Flow:
        """What the centre has and we have not: our refund's id, or a settlement to take back."""
        bill = books.read_bill(self.flows.store, bill_no)
        if bill is None:
            return "manual"
        info = yield from self.flows.told(bill, cells["setl_id"])
        if infno == bill.kind.reverse:
            key = {"medins_setl_id": cells["msgid"], "refd_setl_flag": "1"}
            named = {"setl_id": cells["setl_id"], "setl_time": str(info.get("setl_time", ""))}
            yield Save(statements=[books.update_row("yb_settlement", key, named)])
            return "id"
        if bill.state == "manual":  # nobody told the patient that it failed
            yield from self.flows.book(bill, info)
            return "5203"
        if infno in self.flows.reversible:
            undo = nodes.undo(bill, cells["msgid"], infno)
            yield Ask(infno="2601", nodes=undo, bill=bill, channel="system")
            if not (yield from self.flows.told(bill, cells["setl_id"])):
                return "2601"
        yield from self.flows.book(bill, info)
        row = books.settlement(bill, info, self.flows.now(), self.flows.defects)
        done = yield from self.flows.refund(bill, [], row)
        return bill.kind.reverse if done else "manual"


def of_bucket(rows: Sequence[Row], bucket: Bucket) -> list[Row]:
    """The rows of one bucket."""
    return [row for row in rows if (row["insutype"], row["clr_type"], row["clr_optins"]) == bucket]


def _cells(row: Row) -> list[str]:
    """A row of the file for 3202; empty is ``null``."""
    amounts = [str(books.yuan(row[name])) for name in ("medfee_fen", "fund_fen", "acct_fen")]
    cells = [row["setl_id"], row["mdtrt_id"], row["psn_no"], *amounts, row["refd_setl_flag"]]
    return [str(cell) or "null" for cell in cells]
