"""A cut of the hospital's list: by batch, by receipts, by time; nothing is lost and nothing hidden."""

import argparse
import json

import openpyxl
import pytest

from harness import cli
from harness.ledger import command
from tests.harness.ledger.desk import Desk, row, rows, table

pytestmark = pytest.mark.slow

INSIDE, OUTSIDE = "D20260302-1", "D20260302-2"


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def judge(desk, his, centre, *more):
    """The files for programs alone: the reports have tests of their own."""
    names = {"--his-batch": "his_batch", "--columns": "columns", "--engine": "engine"}
    further, own = argparse.Namespace(his_batch=[]), {}
    words = list(map(str, more))
    while words:
        option = words.pop(0)
        if option == "--his-batch":
            further.his_batch.append(words.pop(0))
        elif option in names:
            own[names[option]] = words.pop(0)
        else:
            setattr(further, option[2:].replace("-", "_"), [words.pop(0), words.pop(0)])
    sources = {
        side: str(desk.file(f"{side}.csv", table(lines)))
        for side, lines in (("his", his), ("centre", centre))
    }
    request = command.Request(
        sources=sources, out=str(desk.out), further=further, quiet=True, bare=True, **own
    )
    return command.reconcile(request)


def batched(*numbers, batch=INSIDE, invono=0):
    """Settlements of one batch with receipts of one roll."""
    return [row(n, dayclose_no=batch, invono=f"A{invono or n:06d}") for n in numbers]


def test_rows_of_another_batch_are_no_difference_and_are_counted(desk):
    his = [*batched(1, 2, 3), *batched(4, 5, batch=OUTSIDE)]
    code = desk.run(his, rows(1, 2, 3, 4, 5), "--his-batch", INSIDE)

    assert code == 0
    assert desk.classes("his") == ["matched"] * 3 + ["outside_cut"] * 2
    assert desk.classes("centre") == ["matched"] * 3 + ["outside_cut"] * 2
    cut = desk.totals["cut"]
    assert cut["his"]["rows_inside"] == 3
    assert cut["his"]["rows_outside"] == 2
    assert cut["his"]["medfee_sumamt_outside"] == "209.00"  # 104 + 105
    assert cut["centre"]["rows_outside"] == 2
    assert desk.totals["residual"] == "0.00"
    assert "3 rows inside, 2 outside (209.00 yuan)" in desk.printed


def test_without_the_cut_the_same_lists_are_all_judged(desk):
    his = [*batched(1, 2, 3), *batched(4, 5, batch=OUTSIDE)]
    judge(desk, his, rows(1, 2, 3, 4, 5))
    assert set(desk.classes("his")) == {"matched"}
    assert desk.totals["cut"] == {}


def test_what_the_centre_has_alone_stays_a_difference(desk):
    his = [*batched(1, 2), *batched(3, batch=OUTSIDE)]
    assert judge(desk, his, rows(1, 2, 3, 9), "--his-batch", INSIDE) == 1
    assert desk.classes("centre") == ["matched", "matched", "outside_cut", "centre_only"]


def test_a_difference_inside_is_found_and_one_outside_is_counted(desk):
    his = [*batched(1, 2), *batched(3, 4, batch=OUTSIDE)]
    centre = [row(1, fund_pay_sumamt="59.00"), row(2), row(3, fund_pay_sumamt="59.00"), row(4)]
    assert desk.run(his, centre, "--his-batch", INSIDE) == 1
    assert desk.classes("his") == ["amount_mismatch", "matched", "outside_cut", "outside_cut"]
    assert desk.totals["cut"]["his"]["differences_outside"] == 1
    assert "2 rows outside the cut differ" in desk.printed


def test_a_double_across_the_cut_stays_a_double(desk):
    twice = batched(2, batch=OUTSIDE)
    judge(desk, [*batched(1, 2), *twice], rows(1, 2), "--his-batch", INSIDE)
    assert sorted(desk.classes("his")) == ["duplicate_his", "matched", "matched"]
    assert desk.classes("centre") == ["matched", "matched"]


def test_rows_without_a_batch_are_outside_and_counted(desk):
    his = [*batched(1, 2), *batched(3, batch="")]
    assert judge(desk, his, rows(1, 2, 3), "--his-batch", INSIDE) == 0
    assert desk.totals["cut"]["his"]["rows_without_value"] == 1


def test_several_batches_are_one_cut(desk):
    his = [*batched(1), *batched(2, batch=OUTSIDE), *batched(3, batch="D3")]
    judge(desk, his, rows(1, 2, 3), "--his-batch", INSIDE, "--his-batch", OUTSIDE.lower())
    assert desk.classes("his") == ["matched", "matched", "outside_cut"]


def test_receipts_are_cut_by_number_not_by_letter(desk):
    his = [row(n, invono=one) for n, one in enumerate(("A9", "A10", "A100", "B10", "x"), 1)]
    assert judge(desk, his, rows(1, 2, 3, 4, 5), "--his-receipts", "A9", "A10") == 0
    assert desk.classes("his") == ["matched", "matched"] + ["outside_cut"] * 3
    assert desk.totals["cut"]["his"]["rows_without_value"] == 1


@pytest.mark.parametrize(
    ("begin", "end", "inside"),
    [
        ("2026-03-02", "2026-03-02", 3),
        ("2026-03-02 09:00:00", "2026-03-02 10:00:00", 2),
        ("2026-03-03", "2026-03-04", 1),
    ],
)
def test_a_cut_by_time_includes_both_ends(desk, begin, end, inside):
    times = ("2026-03-02 09:00:00", "2026-03-02 10:00:00", "2026-03-02 23:59:59", "2026-03-03")
    his = [row(n, setl_time=one) for n, one in enumerate(times, 1)]
    assert judge(desk, his, his, "--his-time", begin, end) == 0
    assert desk.classes("his").count("matched") == inside
    assert desk.classes("centre").count("outside_cut") == 4 - inside


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--his-batch", "D9"), ("no row of the HIS list", INSIDE)),
        (("--his-receipts", "A1", "B2"), ("no range of receipts", "letters")),
        (("--his-receipts", "A9", "A1"), ("ends before it begins", "--his-receipts")),
        (("--his-time", "2026-03-03", "2026-03-02"), ("ends before it begins", "--his-time")),
        (("--his-time", "soon", "2026-03-02"), ("no date", "2026-09-01")),
        (("--his-batch", INSIDE, "--state", "state"), ("--state", "whole day")),
    ],
)
def test_a_cut_that_is_none_is_refused_with_a_remedy(desk, options, words, capsys):

    ours, theirs = desk.file("h.csv", ""), desk.file("c.csv", "")

    ours.write_text(table(batched(1, 2)), encoding="utf-8")
    theirs.write_text(table(rows(1, 2)), encoding="utf-8")
    words_given = ["reconcile", "--his", str(ours), "--centre", str(theirs)]
    code = cli.main([*words_given, "--out", str(desk.out), "--lang", "en", *options])
    said = capsys.readouterr().err
    assert code == 2
    assert all(one in said for one in words)


def test_a_list_without_the_column_says_how_to_name_it(desk, capsys):

    ours = desk.file("h.csv", table(rows(1)))
    words = ["reconcile", "--his", str(ours), "--centre", str(ours), "--out", str(desk.out)]
    assert cli.main([*words, "--lang", "en", "--his-batch", "1"]) == 2
    assert "dayclose_no" in capsys.readouterr().err


def test_a_site_names_its_own_column(desk):
    names = desk.file("names.toml", '[his]\ndayclose_no = "RJDH"\n')
    his = [row(1, RJDH="7"), row(2, RJDH="8")]
    assert judge(desk, his, rows(1, 2), "--columns", names, "--his-batch", "7") == 0
    assert desk.classes("his") == ["matched", "outside_cut"]


def test_the_reports_have_a_line_for_the_cut(desk):
    desk.run([*batched(1), *batched(2, batch=OUTSIDE)], rows(1, 2), "--his-batch", INSIDE)
    page = (desk.out / "report.html").read_text(encoding="utf-8")
    assert "cut of the HIS list" in page
    book = openpyxl.load_workbook(desk.out / "reconcile.xlsx", read_only=True)
    cells = [str(c.value) for sheet in book for line in sheet.iter_rows() for c in line]
    assert any("1 rows inside, 1 outside" in cell for cell in cells)
    book.close()


def test_the_bridge_of_a_period_has_the_batch_in_its_cut_off(desk):
    his = [*batched(1, 2), *batched(3, batch=OUTSIDE)]
    more = ["--period", "2026-03-02", "2026-03-02", "--stated-his", "203.00"]
    desk.run(his, rows(1, 2, 3), "--his-batch", INSIDE, *more, "--stated-centre", "306.00")
    period = json.loads((desk.out / "period.json").read_text(encoding="utf-8"))
    arrows = {one["code"]: one for one in period["arrows"]}
    assert arrows["cut_off_his"]["fen"] == 10300
    assert arrows["cut_off_his"]["rows"] == 1
    assert period["whole"] is True


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_every_engine_cuts_alike(desk, engine):
    his = [*batched(1, 2), *batched(3, 4, batch=OUTSIDE)]
    judge(desk, his, rows(1, 3, 9), "--his-batch", INSIDE, "--engine", engine)
    assert desk.classes("his") == ["matched", "his_only", "outside_cut", "outside_cut"]
    assert desk.classes("centre") == ["matched", "outside_cut", "centre_only"]


CARRIED = {
    "invono": "0012345678",
    "psn_name": "欧阳 Ａ",
    "opter_name": " 收费员甲",
    "terminal": "win-07",
    "dayclose_no": INSIDE,
    "fee_time": "2026/3/2 9:5",
    "init_setl_id": "s00001-orig",
    "hifp_pay": "60.0",
    "cvlserv_pay": "0",
    "hifmi_pay": "",
    "maf_pay": "1e3",
}


def test_what_a_hospital_adds_is_carried_through_as_it_was(desk):
    his = [row(1, **CARRIED), row(2, **CARRIED, fund_pay_sumamt="59.00")]
    assert desk.run(his, rows(1, 2), "--his-batch", INSIDE) == 1
    for one in desk.verdicts("his"):
        assert {name: one[name] for name in CARRIED} == CARRIED
    book = openpyxl.load_workbook(desk.out / "reconcile.xlsx", read_only=True)
    found = [list(sheet.iter_rows(values_only=True)) for sheet in book]
    book.close()
    shown = [
        {name: line[sheet[0].index(name)] or "" for name in CARRIED}
        for sheet in found
        if {*CARRIED} <= {*sheet[0]}
        for line in sheet[1:]
        if line[sheet[0].index("invono")]
    ]
    assert shown == [CARRIED] * 2
