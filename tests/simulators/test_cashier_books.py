"""The cashier's books: money, mapping, refunds, and the file for reconciliation."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from simulators.centre.export import export_ledger
from simulators.hospital import cashier_books as books
from simulators.hospital import schema
from simulators.hospital.cashier_model import Outcome
from simulators.hospital.his_settle_export import ledger_csv
from simulators.store import SqliteStore
from tests.simulators.cashier_desk import Town

CONTRACT = ("setl_id,mdtrt_id,psn_no,medfee_sumamt,fund_pay_sumamt,acct_pay,psn_cash_pay,setl_time,"
            "refd_setl_flag,clr_type,insutype,clr_optins,medins_setl_id,msgid")  # fmt: skip


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_fen_are_exact(amount: int) -> None:
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    text = f"{sign}{rest // 100}.{rest % 100:02d}"

    assert books.fen(text) == books.fen(Decimal(text)) == amount
    assert books.yuan(amount) == Decimal(text)


@pytest.mark.parametrize("value", [None, "", "null", "a"])
def test_nothing_is_zero(value: Any) -> None:
    assert books.fen(value) == 0


def test_the_defect_loses_a_cent() -> None:
    assert books.fen("540.17") == 54_017
    assert books.fen("540.17", by_float=True) == 54_016


def test_the_mapping_of_the_day_counts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "his", schema.HIS_SETTLE, durable=False)
    store.commit(books.mapping_rows())

    assert books.mapped(store, "Y001", "2026-01-05") == "MHD0000000001"
    assert books.mapped(store, "Y001", "2024-06-30") == "MHD0000000008"
    assert books.mapped(store, "Y001", "2026-01-05", oldest=True) == "MHD0000000008"
    assert books.mapped(store, "Y999", "2026-01-05") == ""
    store.close()


def test_a_refund_negates_and_names_its_own_message() -> None:
    row = {"id": 3, "bill_no": "B", "setl_id": "S1", "mdtrt_id": "V", "psn_no": "P",
           "medfee_fen": 5, "fund_fen": 3, "acct_fen": 1, "cash_fen": 1, "setl_time": "t",
           "refd_setl_flag": "0", "clr_type": "11", "insutype": "310", "clr_optins": "430100",
           "medins_setl_id": "M1", "booked_at": "t"}  # fmt: skip
    info = {"setl_id": "S2", "setl_time": "u"}
    out = Outcome(state="SUCCESS", msgid="M2", output={"setlinfo": info})
    back = books.refund(row, out, "now", set())

    assert [back[name] for name in ("medfee_fen", "fund_fen", "acct_fen", "cash_fen")] == [
        -5, -3, -1, -1
    ]  # fmt: skip
    assert (back["setl_id"], back["medins_setl_id"], back["setl_time"]) == ("S2", "M2", "u")
    assert back["refd_setl_flag"] == "1"
    assert "id" not in back
    lost = books.refund(row, Outcome(state="UNKNOWN", msgid="M2"), "now", set())
    assert (lost["setl_id"], lost["setl_time"]) == ("", "now")


def test_amounts_must_add_up() -> None:
    info = {"medfee_sumamt": "186.50", "fund_pay_sumamt": "93.80", "psn_part_amt": "92.70",
            "hosp_part_amt": "0", "acct_pay": "50", "psn_cash_pay": "42.70"}  # fmt: skip
    assert books.whole(info)
    for name in info:
        assert not books.whole(info | {name: "1.23"}), name


def test_the_file_has_the_heading_that_reconciliation_reads(tmp_path: Path) -> None:
    one = Town(tmp_path)
    number = one.bill("civil")
    one.settle(number)
    one.refund(number)
    text = ledger_csv(one.store)
    rows = list(csv.DictReader(io.StringIO(text)))

    assert text.splitlines()[0] == CONTRACT
    assert [row["medfee_sumamt"] for row in rows] == ["1377.80", "-1377.80"]
    assert ledger_csv(one.store, begin="2026-01-06").count("\r\n") == 1
    assert ledger_csv(one.store, begin="2026-01-05", end="2026-01-05") == text
    one.close()


@pytest.mark.slow
def test_both_files_reconcile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sound hospital: nothing differs; one that loses an answer: its row is named."""
    for folder, defects, code in (("sound", (), 0), ("sick", ("his-yb-timeout-is-failure",), 1)):
        (tmp_path / folder).mkdir()
        one = Town(tmp_path / folder, *defects)
        for nth in range(3):
            one.settle(one.bill("employee", nth))
        one.fault("F3", "2207")
        one.settle(one.bill("resident"))
        ours, theirs = tmp_path / folder / "his.csv", tmp_path / folder / "centre.csv"
        ours.write_text(ledger_csv(one.store), encoding="utf-8", newline="")
        export_ledger(one.books, theirs)
        one.close()
        out = tmp_path / folder / "out"
        args = ["reconcile", "--his", str(ours), "--centre", str(theirs), "--out", str(out)]

        assert main([*args, "--json"]) == code
        said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        assert said
        verdicts = (out / "verdicts.csv").read_text(encoding="utf-8-sig")
        assert ("centre_only" in verdicts) == bool(defects)
