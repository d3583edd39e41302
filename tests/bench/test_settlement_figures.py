"""The settlement figures on a small scale: they measure what they say, or they end."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import settlement_figures
import settlement_ledger
from settlement_load import drive

from harness.clock import RealClock
from simulators.centre import provinces, simulate

pytestmark = pytest.mark.slow

ROWS = 3200


def test_a_month_and_its_details_are_reconciled_on_a_made_ledger(tmp_path: Path) -> None:
    found = settlement_figures.ledger(tmp_path, ROWS)
    assert found["ledger_rows"] == ROWS
    assert found["result_rows"] == found["file_rows"] + 1  # the row that is missing in the file
    with sqlite3.connect(tmp_path / "centre.sqlite") as db:
        (plan,) = [
            row[3]
            for row in db.execute(
                "EXPLAIN QUERY PLAN SELECT SUM(medfee_sumamt), SUM(fund_pay_sumamt), SUM(acct_pay),"
                " COUNT(*), SUM(CASE WHEN refd_setl_flag = '1' THEN 1 ELSE 0 END) FROM settlements"
                " WHERE fixmedins_code = ? AND clr_type = ? AND setl_time BETWEEN ? AND ?"
                " AND vali_flag = '1' AND pay_loc <> '1' AND clr_optins = ? AND insutype = ?",
                [""] * 6,
            )
        ]
        assert "COVERING INDEX settlements_clearing" in plan
        # Refunds undo what is before them, and a settlement that was undone says so.
        (pairs,) = db.execute(
            "SELECT COUNT(*) FROM settlements r JOIN settlements s ON s.setl_id = r.init_setl_id"
            " WHERE r.refd_setl_flag = '1' AND r.medfee_sumamt = -s.medfee_sumamt"
            " AND r.mdtrt_id = s.mdtrt_id AND s.undone = '1'"
        ).fetchone()
        assert pairs == ROWS // 16
    db.close()


def test_a_made_ledger_has_the_tables_and_indexes_of_any_other(tmp_path: Path) -> None:
    shapes = []
    for name, rows in (("a", 0), ("b", 100)):
        path = tmp_path / name
        _, store = simulate.make(provinces.load_province("hunan"), str(path), RealClock(), seed=5)
        store.close()
        if rows:
            settlement_ledger.build(path, rows)
        with sqlite3.connect(path) as db:
            sql = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"
            shapes.append(sorted(db.execute(sql).fetchall()))
        db.close()
    assert shapes[0] == shapes[1]


def test_every_answered_settlement_is_looked_up(tmp_path: Path) -> None:
    found = settlement_figures.settle(tmp_path, 3, 0.3)
    assert found["done"] >= 3
    assert 0 < found["syncs"] <= found["commits"] + 5


def test_an_answer_that_is_no_success_ends_the_load(tmp_path: Path) -> None:
    counted: dict[str, float] = {}
    with settlement_figures.served("centre", tmp_path, 1, counted) as server:
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        with pytest.raises(SystemExit, match="refused"):
            drive(server.port, [iter([(request, None)])], 1.0)
    assert counted["commits"] == 0
