"""Two stated totals of a period, and the shipped demo from end to end."""

import argparse
import csv
import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import cli
from harness.errors import InputError
from harness.ledger import period_command
from harness.ledger.command import Request, reconcile
from harness.ledger.period import PeriodRow, bridge
from harness.ledger.period_command import extend
from harness.ledger.period_options import add
from harness.ledger.report_write import write_reports

DEMO = Path(__file__).resolve().parents[3] / "fixtures" / "ledger" / "demo"
FIRST, LAST = date(2026, 9, 1), date(2026, 9, 6)


def at(text):
    """A time as the lists have it: local, without a zone."""
    return datetime.fromisoformat(text)


def row(side, line, fen, code="matched", paired=True, when=None, **carried):
    return PeriodRow(
        side=side, line=line, setl_id=f"S{line}", code=code, fen=fen, paired=paired,
        when=when or at("2026-09-02T08:00:00"), carried=carried,
    )  # fmt: skip


def steps(whole):
    return {one.code: one.fen for one in whole.steps if one.level is None and one.fen}


def adds_up(whole):
    level = whole.steps[0].level
    for one in whole.steps[1:]:
        level += one.fen
        if one.level is not None:
            assert level == one.level, one.code
    return True


def test_each_gap_has_its_own_line():
    rows = [
        row("his", 1, 1000, cash_rounding="0.02"),
        row("his", 2, 500, void_flag="1", deposit="30.00"),
        row("his", 3, 700, when=at("2026-09-07T00:00:01")),
        row("his", 4, 90, "his_only", paired=False, hosp_part_amt="0.10"),
        row("centre", 1, 1000),
        row("centre", 2, 500),
        row("centre", 3, 700, when=at("2026-09-07T00:00:01")),
    ]
    stated = 2290 + 2 + 3000 - 500 - 700 - 10
    whole = bridge(stated, 1500, FIRST, LAST, rows)

    assert adds_up(whole)
    assert whole.whole
    assert steps(whole) == {
        "cash_rounding": -2,
        "deposit": -3000,
        "voided": 500,
        "hospital_borne": 10,
        "cut_off_his": 700,
        "his_only": -90,
        "cut_off_centre": -700,
    }


def test_self_pay_that_was_never_uploaded_has_a_line_of_its_own():
    rows = [
        row("his", 1, 1000),
        row("his", 2, 500, "his_only", paired=False, 费别="自费"),
        row("his", 3, 70, "his_only", paired=False, 费别="医保"),
        replace(row("his", 4, 6, "his_only", paired=False), setl_id=""),
        row("centre", 1, 1000),
    ]
    whole = bridge(1576, 1000, FIRST, LAST, rows)

    assert adds_up(whole)
    assert whole.whole
    assert steps(whole) == {"self_pay": -506, "his_only": -70}
    line = next(one for one in whole.steps if one.code == "self_pay")
    assert line.rows == 2
    assert "费别" in line.note


def test_what_the_lists_do_not_contain_is_shown_as_such():
    rows = [row("his", 1, 1000), row("centre", 1, 1000)]
    whole = bridge(1500, 1500, FIRST, LAST, rows)

    assert adds_up(whole)
    assert steps(whole) == {"not_in_his_list": -500, "not_in_centre_list": 500}
    assert whole.not_in_lists_fen == 0
    assert not whole.whole  # two gaps that offset each other explain nothing


def test_a_line_without_a_column_says_so():
    whole = bridge(1, 1, FIRST, LAST, [row("his", 1, 1), row("centre", 1, 1)])

    assert next(one for one in whole.steps if one.code == "deposit").note


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["his", "centre"]),
            st.integers(-(10**6), 10**6),
            st.sampled_from(["matched", "amount_mismatch", "his_only"]),
            st.booleans(),
            st.integers(1, 30),
        ),
        max_size=12,
    ),
    stated=st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
)
def test_every_bridge_adds_up(rows, stated):
    listed = [
        row(side, line, fen, code, paired, at(f"2026-09-{day:02d}"))
        for line, (side, fen, code, paired, day) in enumerate(rows, 1)
    ]
    whole = bridge(*stated, FIRST, LAST, listed)

    assert adds_up(whole)
    assert whole.difference_fen == stated[0] - stated[1]


def options(*words):
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "words",
    [
        ("--his-detail", "x"),
        ("--stated-his", "1"),
        ("--period", "2026-09-01", "2026-09-06"),
        ("--stated-his", "1", "--stated-centre", "1"),
    ],
)
def test_half_of_a_pair_of_options_is_an_input_error(tmp_path, words):
    with pytest.raises(InputError):
        extend(options(*words), tmp_path)


@pytest.mark.parametrize(
    ("side", "partner", "code", "paired"),
    [
        ("his", "centre:1", "matched", True),
        ("centre", "his:1", "matched", True),
        ("his", "his:2+centre:1", "refund_pair", True),
        ("his", "his:2", "refund_pair_one_side", False),
        ("his", "centre:1+centre:2", "ambiguous", False),
        ("his", "", "his_only", False),
    ],
)
def test_only_a_row_of_the_other_ledger_is_a_partner(side, partner, code, paired):
    assert period_command._paired(side, partner, code) == paired


def demo_sum(name, column):
    with (DEMO / name).open(encoding="gbk", newline="") as stream:
        return sum(Decimal(line[column]) for line in csv.DictReader(stream))


@pytest.mark.slow
def test_the_demo_comes_out_as_the_named_lines_of_the_named_bills(tmp_path, capsys):
    assert demo_sum("his.csv", "medfee_sumamt") == Decimal("171239.20")
    assert demo_sum("centre.csv", "medfee_sumamt") == Decimal("171178.20")
    out = tmp_path / "out"
    sources = {"his": str(DEMO / "his.csv"), "centre": str(DEMO / "centre.csv")}
    assert reconcile(Request(sources=sources, out=str(out), quiet=True)) == 1
    args = options(
        "--his-detail", str(DEMO / "his_detail.csv"),
        "--centre-detail", str(DEMO / "centre_detail.csv"),
        "--period", "2026-09-01", "2026-09-06",
        "--stated-his", "171,239.20", "--stated-centre", "171178.20",
    )  # fmt: skip
    extend(args, out)
    write_reports(out, lang="zh-CN", title="示例医院")

    detail = json.loads((out / "detail.json").read_text(encoding="utf-8"))
    lines = {
        (bill["setl_id"], one["kind"], one["code"], one["delta_fen"])
        for bill in detail["bills"]
        for one in bill["lines"]
    }
    assert lines == {
        ("S2026090200008", "never_uploaded", "FW0501", 3500),
        ("S2026090400020", "quantity", "YP0004", 800),
        ("S2026090500029", "missing_at_centre", "JC0103", 1800),
    }
    assert detail["whole"]
    period = json.loads((out / "period.json").read_text(encoding="utf-8"))
    assert (period["difference_fen"], period["whole"]) == (6100, True)
    moved = {one["code"]: one["fen"] for one in period["arrows"] if one["fen"]}
    assert moved == {
        "line_never_uploaded": -3500,
        "line_missing_at_centre": -1800,
        "line_quantity": -800,
    }
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "陪护床位费" in page
    assert "171,239.20" in page
    assert "FW0501" in capsys.readouterr().out

    totals = json.loads((out / "totals.json").read_text(encoding="utf-8"))
    (out / "totals.json").write_text(json.dumps({**totals, "later": 1}), encoding="utf-8")
    write_reports(out, lang="zh-CN")
    assert "陪护床位费" not in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_command_of_the_how_to_explains_the_sixty_one_yuan(tmp_path, capsys):
    out = tmp_path / "out"
    words = ["reconcile", "--his", DEMO / "his.csv", "--centre", DEMO / "centre.csv",
             "--out", out, "--his-detail", DEMO / "his_detail.csv",
             "--centre-detail", DEMO / "centre_detail.csv", "--period", "2026-09-01", "2026-09-06",
             "--stated-his", "171239.20", "--stated-centre", "171178.20", "--lang", "en"]  # fmt: skip

    assert cli.main([str(one) for one in words]) == 1
    detail = json.loads((out / "detail.json").read_text(encoding="utf-8"))
    assert (detail["explained_fen"], detail["remainder_fen"]) == (6100, 0)
    period = json.loads((out / "period.json").read_text(encoding="utf-8"))
    assert (period["difference_fen"], period["whole"]) == (6100, True)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "171,239.20" in page
    assert "35.00" in page
    with (out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
        causes = {one["cause"] for one in csv.DictReader(stream) if one["class"] != "matched"}
    assert causes == {"never_uploaded", "lines_differ"}
    assert "unknown" not in capsys.readouterr().out


@pytest.mark.slow
def test_reports_say_what_is_incomplete_and_forget_the_run_before(tmp_path, capsys):
    out = tmp_path / "out"
    words = ["reconcile", "--centre", str(DEMO / "centre.csv"), "--out", str(out), "--lang", "en"]
    assert cli.main([*words, "--his", str(DEMO / "his.csv")]) == 1
    cut = tmp_path / "his.csv"
    cut.write_bytes((DEMO / "his.csv").read_bytes()[:-9])

    assert cli.main([*words, "--his", str(cut)]) == 3
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "INCOMPLETE" in page
    assert "cut off" in page
    assert "S2026090200008" not in page
    assert not (out / "verdicts.csv").exists()
    capsys.readouterr()
