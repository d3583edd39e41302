"""``verdicts.csv`` says the same by the way of few rows and of many, a line for each row in order."""

from __future__ import annotations

import csv

import duckdb
import pytest

from harness.ledger import columns, verdict_lines
from harness.ledger.command import Request, reconcile
from tests.harness.ledger.desk import Desk, row, rows, table

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def ledgers():
    """Rows of most kinds, in another order on each side, with columns to carry."""
    refund = {"medfee_sumamt": "-108.00", "fund_pay_sumamt": "-60.00", "acct_pay": "-10.00",
              "psn_cash_pay": "-38.00", "refd_setl_flag": "1"}  # fmt: skip
    his = [
        *rows(*range(5)),
        row(5, medfee_sumamt="1.00"), row(6, clr_type="21"), row(7, psn_no="=P"),
        row(8), row(8, **refund, msgid="G9"), row(9), row(9, msgid="G99"),
        row(10, setl_id=" S00010 "), row(11, medfee_sumamt="1e3"),
        row(20) | {"class": "-1", "bed": "=1+1"},
    ]  # fmt: skip
    centre = [
        row(6), row(20), *rows(4, 2, 0, 1, 3), row(5), row(7), row(8), row(8, **refund, msgid="G9"),
        row(9), row(10), row(12, setl_time="2026-03-03 00:00:01"),
    ]  # fmt: skip
    return his, centre


def test_both_ways_write_the_same(desk, monkeypatch):
    found = []
    for few in (-1, 10_000):
        monkeypatch.setattr(columns, "FEW_ROWS", few)
        assert desk.run(*ledgers()) == 1
        found.append((desk.out / "verdicts.csv").read_text(encoding="utf-8-sig"))
    assert found[0] == found[1]

    his, centre = ledgers()
    lines = list(csv.DictReader(found[0].splitlines()))
    assert [(one["side"], one["line"]) for one in lines] == [
        *(("his", str(n)) for n in range(1, len(his) + 1)),
        *(("centre", str(n)) for n in range(1, len(centre) + 1)),
    ]
    told = {(one["side"], one["line"]): one for one in lines}
    usual = told["his", "1"]
    assert (usual["class"], usual["field"], usual["partner"]) == ("matched", "", "centre:5")
    assert (usual["delta"], usual["stage"], usual["cause"]) == ("0.00", "exact", "")
    assert told["his", "6"]["delta"] == "-104.00"
    assert "medfee_sumamt" in told["his", "6"]["field"]
    assert told["his", "14"]["class"] == "rejected"
    assert (told["his", "15"]["x_class"], told["his", "15"]["bed"]) == ("-1", "'=1+1")
    assert len({one["class"] for one in lines}) >= 6


def test_a_verdict_beside_another_row_is_an_error(desk, monkeypatch):
    monkeypatch.setattr(columns, "FEW_ROWS", -1)
    real = verdict_lines._in_order
    monkeypatch.setattr(
        verdict_lines,
        "_in_order",
        lambda *a, **k: real(*a, **k).replace("ORDER BY line", "ORDER BY -line"),
    )
    sources = {
        name: str(desk.file(f"{name}.csv", table(lines)))
        for name, lines in zip(("his", "centre"), ledgers(), strict=True)
    }
    with pytest.raises(duckdb.Error, match="rows in disorder"):
        reconcile(Request(sources=sources, out=str(desk.out), bare=True, quiet=True))
    assert not (desk.out / "totals.json").exists()
