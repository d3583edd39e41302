"""What must hold for any two ledgers: conservation, no order, no loss in the mirror."""

from __future__ import annotations

import csv
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from depth import sized
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.ledger import columns, control, reading, sniff
from harness.ledger.command import Request, reconcile

pytestmark = [pytest.mark.slow, pytest.mark.untraced]

NAMES = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "setl_time",
    "refd_setl_flag",
    "msgid",
)

# Few values, so that keys repeat, visits collide and refunds meet the wrong originals.
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["S1", "S2", "S3", "s1 ", "", "5001", "S0O1"]),
        st.sampled_from(["M1", "M2", ""]),
        st.sampled_from(["P1", "P2", ""]),
        st.sampled_from(["10.00", "-10.00", "3.00", "-3.00", "7.00", "1e1", ""]),
        st.sampled_from(["5.00", "-5.00", "0", "null"]),
        st.sampled_from(["2026-03-02 10:00:00", "2026-03-02 10:20:00", "2026-03-03 00:00:01", ""]),
        st.sampled_from(["0", "1"]),
        st.sampled_from(["G1", "G2", ""]),
    ),
    max_size=7,
)
TRIES = settings(
    max_examples=sized(12, 40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)


MANY = -1
"""As ``FEW_ROWS``: no ledger has so few rows."""


def judged(his, centre, engine="", few=columns.FEW_ROWS):
    """(side, line, class, partner) of every row; the run itself proves conservation."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "FEW_ROWS", few)
        folder = Path(name)
        for side, rows in (("his", his), ("centre", centre)):
            with (folder / f"{side}.csv").open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([NAMES, *rows])
        sources = {side: str(folder / f"{side}.csv") for side in ("his", "centre")}
        code = reconcile(
            Request(sources=sources, out=str(folder / "out"), engine=engine, quiet=True)
        )
        if not his and not centre:
            assert code == 3
            return []
        assert code in {0, 1}, (folder / "out" / "totals.json").read_text(encoding="utf-8")
        with (folder / "out" / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
            found = list(csv.DictReader(stream))
    return [(r["side"], int(r["line"]), r["class"], r["partner"]) for r in found]


@pytest.fixture(autouse=True)
def no_reports(monkeypatch):
    monkeypatch.setattr("harness.ledger.command._reports", lambda out: None)


def by_content(his, centre, rows):
    source = {"his": his, "centre": centre}
    return Counter((side, source[side][line - 1], name) for side, line, name, _ in rows)


@TRIES
@given(his=ROWS, centre=ROWS, seed=st.integers(0, 99))
def test_every_row_has_one_class_in_whatever_order(his, centre, seed):
    rows = judged(his, centre)
    assert [(side, line) for side, line, _, _ in rows] == [
        (side, line)
        for side, given in (("his", his), ("centre", centre))
        for line in range(1, len(given) + 1)
    ]
    luck = random.Random(seed)
    mixed = [luck.sample(one, len(one)) for one in (his, centre)]
    assert by_content(*mixed, judged(*mixed, few=MANY)) == by_content(his, centre, rows)


@TRIES
@given(his=ROWS, centre=ROWS)
def test_two_engines_agree(his, centre):
    found = judged(his, centre, engine="duckdb")
    assert found == judged(his, centre, engine="sqlite")
    assert found == judged(his, centre, few=MANY), "as many rows are read and proved"


def test_large_files_are_summed_in_a_process_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "PARALLEL_BYTES", 1)
    rows = [("S1", "M1", "P1", "10.00", "5.00", "2026-03-02 10:00:00", "0", "G1")]
    assert [name for _, _, name, _ in judged(rows, rows)] == ["matched", "matched"]


def test_a_row_that_the_engine_loses_is_noticed(monkeypatch):
    # The independent count says one row more than the engine read.
    honest = control.control

    def one_more(*args):
        found = honest(*args)
        found.rows += 1
        return found

    monkeypatch.setattr(reading, "control", one_more)
    rows = [("S1", "M1", "P1", "10.00", "5.00", "2026-03-02 10:00:00", "0", "G1")]
    with pytest.raises(AssertionError, match="INCOMPLETE"):
        judged(rows, rows)


def test_a_cent_that_the_engine_loses_is_noticed(monkeypatch):
    honest = control.control

    def one_more(*args):
        found = honest(*args)
        found.sums["medfee_sumamt"] += 1
        return found

    monkeypatch.setattr(reading, "control", one_more)
    rows = [("S1", "M1", "P1", "10.00", "5.00", "2026-03-02 10:00:00", "0", "G1")]
    with pytest.raises(AssertionError, match="INCOMPLETE"):
        judged(rows, rows)


def test_gbk_is_not_taken_for_utf8(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("结算ID,医疗费总额,操作员\nS1,10.00,张三\n".encode("gb18030"))
    dialect = sniff.look(path, label="a.csv", renames={})
    assert (dialect.encoding, dialect.names) == ("gb18030", ("setl_id", "medfee_sumamt", "操作员"))
