"""A HIS and a centre in one pump: what the tests of the cashier work with.

Not a test module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.clock import VirtualClock
from harness.link.host import Host
from harness.link.pump import Pump
from simulators.centre import simulate, world
from simulators.centre.provinces import load_province
from simulators.hospital import schema
from simulators.hospital.his_settle import whole_his
from simulators.hospital.outbox import Timing
from simulators.shell import plain
from simulators.store import open_store

SEED = 7
LINES = "Y001,12.37,30;Y002,125.55,3;J003,20,1;J006,610.05,1"


class Town:
    """Both systems over memory and virtual time.

    Args:
        folder: of their stores.
        defects: of the HIS.
    """

    def __init__(self, folder: Path, *defects: str) -> None:
        self.pump = Pump(VirtualClock())
        self.notes: list[str] = []
        self.folder, self.defects = folder, set(defects)
        self.centre, self.books = simulate.make(
            load_province("hunan"),
            str(folder / "centre.sqlite"),
            self.pump.clock,
            seed=SEED,
            durable=False,
        )
        host = Host(self.centre, self.pump.clock, plain, store=self.books, watcher=self)
        self.where = self.pump.add("centre", host).listen("centre")
        self.bills = 0
        self.start_his()

    def start_his(self) -> None:
        tables = (*schema.HIS, *schema.HIS_SETTLE)
        self.store = open_store(str(self.folder / "his.sqlite"), tables, durable=False)
        self.his = whole_his(self.store, self.pump.clock, self.defects, Timing(retry_s=0.5))
        self.member = self.pump.add("HIS", Host(self.his, self.pump.clock, plain, store=self.store))
        self.member.routes["his-centre"] = self.where

    # -- watcher -------------------------------------------------------------------------------

    def note(self, role: str, text: str) -> None:
        self.notes.append(text)

    def link(self, *_: Any) -> None: ...

    def data(self, *_: Any, sent: bool) -> None: ...

    def event(self, *_: Any, sent: bool) -> None: ...

    # -- what people do ------------------------------------------------------------------------

    def order(self, name: str, /, **args: str) -> Any:
        return self.pump.command("HIS", f"yb-{name}", args, 10)

    def bill(self, who: str = "employee", nth: int = 0, lines: str = LINES, **more: str) -> str:
        insured = world.person(SEED, who, nth)
        self.bills += 1
        number = f"B{self.bills:04d}"
        self.order("bill", bill_no=number, patient_id=insured.patient_id, name=insured.name,
                   id_card=insured.id_card, lines=lines, **more)  # fmt: skip
        return number

    def stay(self) -> str:
        return self.bill(kind="ipt", med_type="21")

    def rest(self) -> None:
        self.pump.wait(lambda: False, self.pump.clock.now() + 0.01)
        his = self.his
        assert self.pump.wait(lambda: not his.cashier.pending(), self.pump.clock.now() + 600)

    def settle(self, number: str, **args: str) -> None:
        self.order("settle", bill_no=number, **args)
        self.rest()

    def refund(self, number: str, **args: str) -> None:
        self.order("refund", bill_no=number, **args)
        self.rest()

    def day(self) -> None:
        self.order("day")
        self.rest()

    def fault(self, action: str, infno: str, nth: int = 1, **parameters: str) -> None:
        plan = {"id": f"{action}-{infno}-{nth}", "action": action, "infno": [infno]}
        plan |= {"occurrences": [nth], "parameters": parameters}
        self.pump.command("centre", "fault", plan, 10)

    # -- what can be seen ----------------------------------------------------------------------

    def state(self, number: str) -> str:
        rows = self.store.rows("SELECT state FROM yb_bill WHERE bill_no = ?", (number,))
        return str(rows[0]["state"])

    def ours(self) -> list[tuple[Any, ...]]:
        return ledger(self.store.rows(
            "SELECT setl_id, mdtrt_id, psn_no, medfee_fen, fund_fen, acct_fen, cash_fen,"
            " setl_time, refd_setl_flag, clr_type, insutype, clr_optins, medins_setl_id"
            " FROM yb_settlement"))  # fmt: skip

    def theirs(self) -> list[tuple[Any, ...]]:
        return ledger(self.books.rows(
            "SELECT setl_id, mdtrt_id, psn_no, medfee_sumamt, fund_pay_sumamt, acct_pay,"
            " psn_cash_pay, setl_time, refd_setl_flag, clr_type, insutype, clr_optins,"
            " medins_setl_id FROM settlements WHERE vali_flag = '1'"))  # fmt: skip

    def agree(self) -> bool:
        return self.ours() == self.theirs()

    def close(self) -> None:
        self.pump.stop()
        self.store.close()
        self.books.close()


def ledger(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in rows)
