"""Reports leave out pairs that agree in everything; what they count and show stays the same."""

from __future__ import annotations

import pytest

from harness.ledger import columns, report_read, verdicts
from harness.ledger.report_read import Outcome, is_difference
from tests.harness.ledger.desk import Desk, row, rows, table

pytestmark = pytest.mark.slow

MANY = rows(*range(30))


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def seen(desk: Desk) -> tuple[list, dict, int]:
    outcome = Outcome(desk.out)
    try:
        buckets = [(one.code, one.rows, one.fen) for one in outcome.buckets()]
        rows_by_class = {
            code: [(one["side"], one["line"], one["partner"]) for one in outcome.rows(code, 3)]
            for code, _, _ in buckets
        }
        partners = [
            (other["side"], other["line"])
            for code, _, _ in buckets
            if is_difference(code)
            for case in outcome.cases(code, 9)
            for other in case.rows
        ]
        total = outcome.query("SELECT COUNT(*) FROM v")[0][0]
        return [buckets, partners], rows_by_class, total
    finally:
        outcome.close()


def test_what_is_left_out_changes_no_count_and_no_case(desk, monkeypatch):
    his = [*MANY[:20], row(20) | {"medfee_sumamt": "1.00"}, *MANY[21:]]
    again = row(5) | {"setl_id": "S99999", "mdtrt_id": "M99", "msgid": "G99999"}
    centre = [*MANY[:28], again]
    assert desk.run(table(his), table(centre)) == 1
    whole, rows_of_whole, total = seen(desk)
    text = (desk.out / "verdicts.csv").read_bytes()
    assert total == len(his) + len(centre)

    monkeypatch.setattr(report_read, "TABLE_ROWS_MAX", 0)
    assert seen(desk) == (whole, rows_of_whole, total), "scanned where they lie"

    monkeypatch.setattr(columns, "SETTLED_ROWS_MAX", 3)
    assert desk.run(table(his), table(centre)) == 1
    less, rows_of_less, fewer = seen(desk)

    assert fewer < total
    assert less == whole
    assert rows_of_less == rows_of_whole
    assert (desk.out / "verdicts.csv").read_bytes() == text


def test_a_memory_of_earlier_days_leaves_nothing_out(desk, monkeypatch):
    monkeypatch.setattr(columns, "SETTLED_ROWS_MAX", 3)
    state = desk.folder / "state"

    assert desk.run(table(MANY), table(MANY), "--state", state) == 0
    assert seen(desk)[2] == 2 * len(MANY)
    assert verdicts.columns.SETTLED_ROWS_MAX == 3
