"""The end of the day: 3201 by bucket; where it differs 9101, 3202, 9102, and a repair a row.

A bucket is insurance, clearing type and place of insurance. What counts is the centre's own time of
settlement; a refund counts as a row of its own with negative amounts.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from simulators.centre.files import unzip_text, zip_text
from simulators.centre.rules import RESULT_COLUMNS, Refusal
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_client import HOSPITAL
from simulators.hospital.cashier_differences import MANUAL, Listed, Visits
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import BUSY, Ask, Flow, Save
from simulators.hospital.his_mobile import Mobile
from simulators.store import Store, insert

CLEARING: Final = {"11": "11", "14": "14", "21": "21"}
"""Clearing type by medical type, for bills of which no answer told it."""

BALANCED: Final = "0"
COLUMNS: Final = RESULT_COLUMNS["10"]

ROUNDS: Final = 3
"""How often a bucket is compared: before the repairs, after them, and after what they left."""

_A_DAY: Final = timedelta(days=1)


class _Closed(Exception):  # noqa: N818 - no error: a day that is closed too early
    """A defect took a day for balanced."""


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
    """Those of the day and of its neighbours: settlements, and bills that may have got lost.

    The centre's clock may be another one, so what we have on the next day may be there on this.
    """
    found = {(row["insutype"], row["clr_type"], row["clr_optins"]) for row in rows}
    at = date.fromisoformat(day)
    around = (f"{at - _A_DAY} 00:00:00", f"{at + _A_DAY} 23:59:59")
    for row in store.rows(
        "SELECT DISTINCT insutype, clr_type, clr_optins FROM yb_settlement"
        " WHERE setl_time BETWEEN ? AND ?",
        around,
    ):
        found.add((row["insutype"], row["clr_type"], row["clr_optins"]))
    bills = store.rows(
        "SELECT DISTINCT insutype, med_type, insuplc FROM yb_bill"
        " WHERE created_at BETWEEN ? AND ? AND psn_no <> ''",
        around,
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
        """Every bucket; where one differs, every row, its repair, and the totals once more.

        At last visits at the centre that no bill has: they move no money, and nobody misses them.
        """
        defects = self.flows.defects
        known = buckets(self.flows.store, day, rows_of(self.flows.store, day, defects))
        if "his-yb-one-bucket" in defects:
            known = [("310", clr, where) for _, clr, where in known][:1]
        for bucket in known:
            yield from self._bucket(day, bucket)
        yield from Visits(self.flows).run(day)

    def _bucket(self, day: str, bucket: Bucket) -> Flow:
        defects = self.flows.defects
        for nth in range(ROUNDS):
            rows = rows_of(self.flows.store, day, defects)
            mine = rows if not nth and "his-yb-one-bucket" in defects else of_bucket(rows, bucket)
            balanced = yield from self._compared(day, bucket, mine)
            nameless = [row for row in mine if not row["setl_id"]]
            if "his-yb-ignores-3201" in defects or (balanced and not nameless):
                return
            try:
                repaired = yield from self._detailed(day, bucket, mine)
            except _Closed:
                return
            for row in nameless:
                yield from self._nameless(day, row)
            if not repaired and (nth or "his-yb-compares-once" in defects):
                return  # what is left is for a person

    def _nameless(self, day: str, row: Row) -> Flow:
        """A row without an id cannot be in the file: it is listed here.

        Not so where the centre's row, listed under the same message, has just given it its id.
        """
        now = self.flows.store.rows("SELECT * FROM yb_settlement WHERE id = ?", (row["id"],))
        if now and now[0]["setl_id"] and now[0]["medins_setl_id"] == row["medins_setl_id"]:
            return
        cells = {"setl_id": "", "psn_no": row["psn_no"], "msgid": row["medins_setl_id"]}
        cells["memo"] = "无结算ID"
        listed = Listed(self.flows.store, day, "hospital_more", str(row["bill_no"]), cells)
        yield listed.save("id" if now and now[0]["setl_id"] else MANUAL)

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
            return False
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
            return False
        wanted = {"file_qury_no": info["file_qury_no"], "filename": info["filename"]}
        wanted["fixmedins_code"] = HOSPITAL
        result = yield from self._asked("9102", {"fsDownloadIn": wanted})
        try:
            lines = unzip_text(result.file or b"", strict=False)
        except Refusal:
            lines = []
        if not lines and "his-yb-no-file-is-balance" in self.flows.defects:
            key = {"day": day, "insutype": bucket[0], "clr_type": bucket[1]}
            closed = books.update_row("yb_day", key, {"stmt_rslt": BALANCED})
            yield Save(statements=[closed])
            raise _Closed
        repaired = False
        for cells in lines:
            named = dict(zip(COLUMNS, cells, strict=False))
            if len(named) == len(COLUMNS) and (yield from self._row(day, named, rows)):
                repaired = True
        return repaired

    def _asked(self, infno: str, sent: nodes.Nodes) -> Flow:
        return (yield from self.flows.asked(Ask(infno=infno, nodes=sent, channel="system")))

    def _row(self, day: str, cells: dict[str, str], rows: Sequence[Row]) -> Flow:
        """One row of the result file: whose it is, by id and not by the words of its memo.

        It is on the list before anything is done about it: a repair may be the last that we do.
        """
        if cells["stmt_rslt"] == BALANCED:
            return False
        ours = any(row["setl_id"] == cells["setl_id"] for row in rows if row["setl_id"])
        if not ours:
            kind = "centre_more"
        else:
            kind = "differs" if cells["medfee_sumamt"] else "hospital_more"
        log = self.flows.store.rows(
            "SELECT bill_no, infno FROM yb_log WHERE msgid = ? AND bill_no <> ''",
            (cells["msgid"],),
        )
        if not log and kind == "centre_more" and cells["refd_setl_flag"] == "1":
            if "his-yb-counter-refund-unseen" in self.flows.defects:
                return False
            bill_no = self._refunded_elsewhere(cells)
        else:
            bill_no = str(log[0]["bill_no"]) if log else self._waiting(cells)
        listed = Listed(self.flows.store, day, kind, bill_no, cells)
        yield listed.save(MANUAL)
        if kind != "centre_more" or not bill_no:
            return False
        repair = yield from self._repair(bill_no, str(log[0]["infno"]) if log else "", listed)
        yield listed.save(repair)
        return repair != MANUAL

    def _waiting(self, cells: dict[str, str]) -> str:
        """The bill that a row under a message of nobody's is about; empty where none is.

        Whoever stands between us and the centre may have sent our settlement under a number of its
        own. It is ours where visit, person and total are those of a bill that waits for a person
        because nobody knew what had become of it.
        """
        found = self.flows.store.rows(
            "SELECT bill_no FROM yb_bill WHERE mdtrt_id = ? AND psn_no = ? AND state = 'manual'",
            (cells["mdtrt_id"], cells["psn_no"]),
        )
        if len(found) != 1 or cells["refd_setl_flag"] != "0":
            return ""
        bill = books.read_bill(self.flows.store, found[0]["bill_no"])
        if bill is None or str(books.yuan(bill.total_fen)) != cells["medfee_sumamt"]:
            return ""
        return bill.bill_no

    def _refunded_elsewhere(self, cells: dict[str, str]) -> str:
        """The bill that the centre refunded at its own counter, with no message of ours.

        Visit and person are those of one bill that is settled here, and what went back is all that
        was settled: nothing less names it.
        """
        found = self.flows.store.rows(
            "SELECT bill_no FROM yb_bill WHERE mdtrt_id = ? AND psn_no = ? AND state = 'settled'",
            (cells["mdtrt_id"], cells["psn_no"]),
        )
        booked = books.booked(self.flows.store, found[0]["bill_no"]) if len(found) == 1 else None
        if booked is None or abs(books.fen(cells["medfee_sumamt"])) != booked["medfee_fen"]:
            return ""
        return str(found[0]["bill_no"])

    def _repair(self, bill_no: str, infno: str, listed: Listed) -> Flow:
        """What the centre has and we have not: our refund's id, or a settlement to take back."""
        cells = listed.cells
        bill = books.read_bill(self.flows.store, bill_no)
        if bill is None or bill.state in BUSY:
            return MANUAL
        info = yield from self.flows.told(bill, cells["setl_id"])
        if not info:
            return MANUAL
        if infno == "6202":  # paid by mobile phone: the order is what has to be brought to its end
            yield listed.save("6301")
            yield from Mobile(self.flows).go_on(bill)
            return MANUAL if books.booked(self.flows.store, bill_no) is None else "6301"
        if infno in {bill.kind.reverse, "6203"} or (not infno and cells["refd_setl_flag"] == "1"):
            yield listed.save("id")
            return (yield from self.flows.refund_found(bill, info, cells["msgid"])) or MANUAL
        if bill.state == "manual":  # nobody told the patient that it failed
            yield listed.save("5203")
            yield from self.flows.book(bill, info)
            return "5203"
        if infno in self.flows.reversible:
            yield listed.save("2601")
            undo = nodes.undo(bill, cells["msgid"], infno)
            yield Ask(infno="2601", nodes=undo, bill=bill, channel="system")
            if not (yield from self.flows.told(bill, cells["setl_id"])):
                return "2601"
        yield listed.save(bill.kind.reverse)
        yield from self.flows.book(bill, info)
        done = yield from self.flows.refund(bill, [])
        return bill.kind.reverse if done else MANUAL


def of_bucket(rows: Sequence[Row], bucket: Bucket) -> list[Row]:
    """The rows of one bucket."""
    return [row for row in rows if (row["insutype"], row["clr_type"], row["clr_optins"]) == bucket]


def _cells(row: Row) -> list[str]:
    """A row of the file for 3202; empty is ``null``."""
    amounts = [str(books.yuan(row[name])) for name in ("medfee_fen", "fund_fen", "acct_fen")]
    cells = [row["setl_id"], row["mdtrt_id"], row["psn_no"], *amounts, row["refd_setl_flag"]]
    return [str(cell) or "null" for cell in cells]
