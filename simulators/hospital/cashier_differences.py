"""What the end of the day lists, and the visits at the centre that no bill has.

A difference is listed before it is repaired, with the repair that is under way: whatever happens in
between, the list says what was found and what was done about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.wire.envelope import as_text
from simulators.hospital import cashier_books as books
from simulators.hospital import cashier_nodes as nodes
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_model import BUSY, FAIL, Ask, Bill, Flow, Save
from simulators.store import Store, insert

MANUAL: Final = "manual"
"""The repair that is left to a person."""

VISIT: Final = "visit"
"""Class of a visit at the centre that no bill has."""


@dataclass(slots=True)
class Listed:
    """One row of ``yb_difference``.

    Args:
        store: of the HIS.
        day: that was compared.
        kind: class.
        bill_no: whose; empty if no message of ours led to it.
        cells: of the result file.
    """

    store: Store
    day: str
    kind: str
    bill_no: str
    cells: Mapping[str, str]

    def save(self, repair: str) -> Save:
        """On the list with the repair that is under way or done; a row is listed once a day."""
        key = {
            "day": self.day,
            "class": self.kind,
            "setl_id": self.cells["setl_id"],
            "msgid": self.cells["msgid"],
            "memo": self.cells["memo"],
        }
        where = " AND ".join(f"{name} = ?" for name in key)
        sql = f"SELECT id FROM yb_difference WHERE {where}"
        if self.store.rows(sql, list(key.values())):
            return Save(statements=[books.update_row("yb_difference", key, {"repair": repair})])
        row = key | {"psn_no": self.cells["psn_no"], "bill_no": self.bill_no, "repair": repair}
        return Save(statements=[insert("yb_difference", row)])


@dataclass(slots=True)
class Visits:
    """Registrations and admissions of the day's bills that the bills do not have.

    A registration that was carried out twice, or whose answer was unreadable, stays open at the
    centre under our number. It is taken back with what rows it may hold.
    """

    flows: Flows

    def run(self, day: str) -> Flow:
        """Ask for each bill of a day that is at rest, and close what is too many."""
        holes = ", ".join("?" for _ in BUSY)
        rows = self.flows.store.rows(
            "SELECT bill_no FROM yb_bill WHERE created_at BETWEEN ? AND ? AND state <> 'open'"
            f" AND state NOT IN ({holes}) ORDER BY bill_no",
            (f"{day} 00:00:00", f"{day} 23:59:59", *BUSY),
        )
        for row in rows:
            bill = books.read_bill(self.flows.store, row["bill_no"])
            if bill is not None:
                yield from self._of_bill(day, bill)

    def _of_bill(self, day: str, bill: Bill) -> Flow:
        if not bill.psn_no:
            out = yield from self.flows.identify(bill)
            if out is not None and not out.ok:
                return
        seen = yield from self.flows.visits(bill)
        for visit in seen.rows(bill.kind.listed):
            mdtrt_id = as_text(visit.get("mdtrt_id"))
            if mdtrt_id and not self._known(bill, mdtrt_id):
                cells = {"setl_id": "", "msgid": "", "memo": mdtrt_id, "psn_no": bill.psn_no}
                listed = Listed(self.flows.store, day, VISIT, bill.bill_no, cells)
                yield listed.save(bill.kind.cancel)
                done = yield from self._closed(replace(bill, mdtrt_id=mdtrt_id))
                yield listed.save(bill.kind.cancel if done else MANUAL)

    def _known(self, bill: Bill, mdtrt_id: str) -> bool:
        """Whether a bill has it now, or a settlement of ours was made in it."""
        now = books.read_bill(self.flows.store, bill.bill_no)
        if now is None or now.state in BUSY or now.mdtrt_id == mdtrt_id:
            return True
        settled = "SELECT 1 AS n FROM yb_settlement WHERE mdtrt_id = ?"
        return bool(self.flows.store.rows(settled, (mdtrt_id,)))

    def _closed(self, stray: Bill) -> Flow:
        """2202 or 2404; rows that it holds are withdrawn first."""
        ask = Ask(
            infno=stray.kind.cancel, nodes=nodes.cancellation(stray), bill=stray, channel="system"
        )
        out = yield from self.flows.asked(ask)
        if out.state == FAIL:
            yield from self.flows.withdraw(stray)
            out = yield from self.flows.asked(ask)
        if out.ok:
            return True
        seen = yield from self.flows.visits(stray)
        left = [as_text(row.get("mdtrt_id")) for row in seen.rows(stray.kind.listed)]
        return seen.ok and stray.mdtrt_id not in left
