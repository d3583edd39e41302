"""The cashier and the centre over real sockets: the same outcome as over memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.link.host import Host
from harness.link.threads import Address, Threads
from simulators.centre import simulate, world
from simulators.centre.provinces import load_province
from simulators.hospital import schema
from simulators.hospital.his_settle import whole_his
from simulators.hospital.outbox import Timing
from simulators.shell import plain
from simulators.store import open_store
from tests.simulators.cashier_desk import LINES, SEED, Town

pytestmark = pytest.mark.slow

WHAT = ("SELECT medfee_fen, fund_fen, acct_fen, cash_fen, refd_setl_flag, clr_type, insutype"
        " FROM yb_settlement ORDER BY id")  # fmt: skip


def over_sockets(folder: Path, fault: dict[str, Any]) -> list[dict[str, Any]]:
    runtime = Threads()
    centre, books = simulate.make(load_province("hunan"), str(folder / "centre.sqlite"),
                                  runtime.clock, seed=SEED, durable=False)  # fmt: skip
    at = runtime.add("centre", Host(centre, runtime.clock, plain, store=books)).listen(
        "centre", Address(host="127.0.0.1", port=0)
    )
    store = open_store(str(folder / "his.sqlite"), (*schema.HIS, *schema.HIS_SETTLE), durable=False)
    his = whole_his(store, runtime.clock, set(), Timing(answer_s=1.0, retry_s=0.05))
    runtime.add("HIS", Host(his, runtime.clock, plain, store=store)).routes["his-centre"] = at
    who = world.person(SEED, "civil")
    try:
        runtime.command("centre", "fault", fault, 60)
        bill = {"bill_no": "B0001", "patient_id": who.patient_id, "name": who.name}
        bill |= {"id_card": who.id_card, "lines": LINES}
        runtime.command("HIS", "yb-bill", bill, 60)
        for order in ("yb-settle", "yb-refund"):
            assert runtime.command("HIS", order, {"bill_no": "B0001"}, 60)["accepted"]
            deadline = runtime.clock.now() + 30.0
            assert runtime.wait(lambda: not his.cashier.pending(), deadline)
        theirs = books.rows("SELECT medins_setl_id FROM settlements WHERE vali_flag = '1'")
        ours = store.rows("SELECT medins_setl_id FROM yb_settlement")
        assert sorted(map(str, theirs)) == sorted(map(str, ours))
        return store.rows(WHAT)
    finally:
        assert runtime.stop() == []
        store.close()
        books.close()


@pytest.mark.parametrize(("action", "infno"), [("F3", "2207"), ("F2", "2207"), ("F3", "2208"),
                                               ("F4", "2204")])  # fmt: skip
def test_sockets_and_memory_end_alike(tmp_path: Path, action: str, infno: str) -> None:
    plan = {"id": "f", "action": action, "infno": [infno]}
    (tmp_path / "live").mkdir()
    (tmp_path / "memory").mkdir()
    live = over_sockets(tmp_path / "live", plan)
    one = Town(tmp_path / "memory")
    one.fault(action, infno)
    number = one.bill("civil")
    one.settle(number)
    one.refund(number)
    memory = one.store.rows(WHAT)
    one.close()

    assert live == memory
    assert len(live) == 2
