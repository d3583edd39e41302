"""The ledger as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.centre import world
from simulators.centre.export import export_ledger
from tests.simulators.centre.counter import Counter

HEADING = (
    "setl_id,mdtrt_id,psn_no,medfee_sumamt,fund_pay_sumamt,acct_pay,psn_cash_pay,setl_time,"
    "refd_setl_flag,clr_type,insutype,clr_optins,medins_setl_id,msgid"
)
"""As the published contract of the project lists it."""


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.close()


def fill(counter: Counter) -> tuple[dict[str, object], str]:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "10"))
    info = visit.settle(msgid="S1")["setlinfo"]
    undone = visit.undo(info["setl_id"], msgid="R1")["setlinfo"]["setl_id"]
    visit.settle(msgid="S2")
    counter.ok("2601", data={"psn_no": visit.psn_no, "omsgid": "S2", "oinfno": "2207"})
    return info, undone


@pytest.mark.parametrize(
    ("encoding", "read_as"), [("utf-8", "utf-8-sig"), ("UTF8", "utf-8-sig"), ("gbk", "gbk")]
)
def test_pairs_are_in_it_and_what_2601_took_back_is_not(
    counter: Counter, tmp_path: Path, encoding: str, read_as: str
) -> None:
    info, undone = fill(counter)
    path = tmp_path / "ledger.csv"
    assert export_ledger(counter.store, path, encoding=encoding) == 2
    text = path.read_text(encoding=read_as)
    assert text.splitlines()[0] == HEADING
    first, second = csv.DictReader(text.splitlines())
    assert first["setl_id"] == info["setl_id"]
    assert second["setl_id"] == undone
    assert (first["msgid"], first["medins_setl_id"]) == ("S1", "S1")
    assert (first["refd_setl_flag"], second["refd_setl_flag"]) == ("0", "1")
    assert first["medfee_sumamt"] == "500.00"
    assert second["medfee_sumamt"] == "-500.00"
    assert Decimal(first["acct_pay"]) == info["acct_pay"]
    assert first["setl_time"] == info["setl_time"]


def test_a_period_and_a_hospital(counter: Counter, tmp_path: Path) -> None:
    fill(counter)
    path = tmp_path / "ledger.csv"
    assert export_ledger(counter.store, path, begin="2026-03-02", end="2026-03-02") == 2
    assert export_ledger(counter.store, path, begin="2026-03-03") == 0
    assert export_ledger(counter.store, path, end="2026-03-01") == 0
    assert export_ledger(counter.store, path, fixmedins_code=world.OTHER_HOSPITAL) == 0
    assert export_ledger(counter.store, path, fixmedins_code=world.HOSPITAL) == 2


def test_chunks_join_without_gap_or_repeat(
    counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        visit = counter.register()
        visit.charge(("MHD0000000001", "50", "1"))
        visit.settle()
    counter.store.commit([("UPDATE settlements SET setl_time = '2026-03-02 09:00:00'", [])])
    path = tmp_path / "ledger.csv"
    assert export_ledger(counter.store, path) == 5
    whole = path.read_bytes()
    for size in (1, 2, 5):
        monkeypatch.setattr("simulators.centre.export.CHUNK_ROWS", size)
        assert export_ledger(counter.store, path) == 5
        assert path.read_bytes() == whole
