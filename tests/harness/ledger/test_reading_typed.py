"""A large file that is plainly written is read with types; verdicts are those of reading its text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from harness.ledger import control, reading, reading_typed
from harness.ledger.sources import feeds
from tests.harness.ledger.desk import row, table

ROWS = [row(n, clr_type="11", psn_name="Li") for n in range(1, 30)]

ODD = {
    "an amount without decimals": {"medfee_sumamt": "7"},
    "an amount with an exponent": {"medfee_sumamt": "1e3"},
    "an amount with three decimals": {"fund_pay_sumamt": "1.005"},
    "an amount with a blank": {"acct_pay": " 0.00"},
    "an amount of too many digits": {"psn_cash_pay": "123456789.00"},
    "a time without seconds": {"setl_time": "2026-03-02 10:00"},
    "a month thirteen": {"setl_time": "2026-13-02 10:00:00"},
    "an id in full width": {"setl_id": "４３０００１"},
    "an id after an apostrophe": {"setl_id": "'430001"},
    "an id as a formula": {"setl_id": "=430001"},
    "a null of a database": {"msgid": "\\N"},
    "a person after a tab": {"psn_no": "\tP9"},
    "a word for nothing": {"medfee_sumamt": "null"},
}
PLAIN = {
    "nothing odd": {},
    "a refund": {"medfee_sumamt": "-7.00", "refd_setl_flag": "1"},
    "no time": {"setl_time": ""},
    "no amount": {"medfee_sumamt": ""},
    "a name in Chinese": {"psn_name": "张三"},
    "a name with an apostrophe": {"psn_name": "O'Neil"},
    "an id in small letters": {"setl_id": "s12345678 "},
    "an id of zeros": {"setl_id": "0000"},
}


@pytest.fixture
def taken(monkeypatch):
    """Whether files were kept with types."""
    found = []
    honest = reading_typed.keep

    def noted(*args):
        found.append(honest(*args))
        return found[-1]

    monkeypatch.setattr(reading_typed, "keep", noted)
    return found


def rows_of(path, work, monkeypatch, *, large):
    """Canonical rows of a file, and its control totals."""
    monkeypatch.setattr(reading, "PARALLEL_BYTES", 1 if large else 1 << 40)
    monkeypatch.setattr(control, "BLOCKS_FROM_BYTES", 0 if large else 1 << 40)
    work.mkdir()
    found = feeds(str(path), query="", work=work)
    with duckdb.connect() as con, ThreadPoolExecutor() as pool:
        begun = reading.begin(con, "his", found, renames={}, work=work, pool=lambda: pool)
        side, waits = reading.read_side(con, "his", begun[0], work), begun[1]
        for wait in waits:
            wait()
        rows = con.execute("SELECT * FROM canon_his ORDER BY rid").fetchall()
        some = con.execute(side.picked("SELECT 8") + " ORDER BY rid").fetchall()
    assert some == [rows[7]]
    return rows, side.parts[0].control


@pytest.mark.parametrize("name", [*ODD, *PLAIN])
def test_typed_reading_says_what_the_text_says(tmp_path, monkeypatch, taken, name):
    changed = dict(ROWS[7]) | (ODD | PLAIN)[name]
    text = table([*ROWS[:7], changed, *ROWS[8:]]).rstrip("\n") + ("\n" if len(name) % 2 else "")
    path = tmp_path / "his.csv"
    path.write_text(text, encoding="utf-8", newline="")
    typed = rows_of(path, tmp_path / "large", monkeypatch, large=True)
    assert taken == [name in PLAIN]
    slow = rows_of(path, tmp_path / "small", monkeypatch, large=False)
    assert taken == [name in PLAIN, False]
    # What was read is the same; how an amount was spelt is kept only where it was read as text.
    shown = [[one[:18] for one in rows] for rows, _ in (typed, slow)]
    assert shown[0] == shown[1]
    assert typed[1] == slow[1]
