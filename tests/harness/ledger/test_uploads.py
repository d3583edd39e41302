"""Registrations, trace codes and settlement lists through the command: bad input and reports."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import docx
import pytest
from openpyxl import Workbook, load_workbook

from harness import input_files
from harness.ledger.writing import Writing
from harness.signoff import results
from tests.harness.ledger.desk import Desk, row, rows

BOX = "81000000000000000017"

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path, capsys) -> Desk:
    """Two ledgers that agree."""
    return Desk(tmp_path, capsys)


def run(desk: Desk, kind: str, his: str | bytes | Path, centre: str | bytes | Path) -> int:
    """The command with both files of one kind; the ledgers agree."""
    words: list[object] = []
    for side, content in (("his", his), ("centre", centre)):
        path = content if isinstance(content, Path) else desk.file(f"{side}_{kind}.csv", content)
        words += [f"--{side}-{kind}", path]
    return desk.run(rows(1, 2), rows(1, 2), *words)


VISITS = "mdtrt_id,psn_no,vali_flag\nM1,P1,1\n"


def test_what_is_not_given_is_named_and_never_green_in_silence(desk):
    assert run(desk, "visits", VISITS, VISITS) == 0
    page = (desk.out / "report.html").read_text(encoding="utf-8")

    assert "registration_only" not in page.partition("Not judged")[2]
    assert "trace_code_missing" in page.partition("Not judged")[2]
    assert "list_differs" in page.partition("Not judged")[2]
    assert "not judged: no trace codes" in desk.printed


def test_a_registration_left_at_the_centre_fails_the_run_in_every_file(desk):
    his = "mdtrt_id,psn_no,vali_flag\nM1,P1,1\nM8,P2,0\n"
    centre = his.replace("M8,P2,0", "M8,P2,1")

    assert run(desk, "visits", his, centre) == 1
    assert desk.said["classes"]["registration_only"] == 2
    assert desk.classes("centre_visits") == ["matched", "registration_only"]
    with (desk.out / "uploads.csv").open(encoding="utf-8-sig", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert {one["cause"] for one in found} == {"undone_in_his_only"}
    assert all("2202" in one["advice"] and "Never" in one["advice"] for one in found)
    book = load_workbook(desk.out / "reconcile.xlsx")
    assert any("registration" in name for name in book.sheetnames)
    assert "The books agree" not in (desk.out / "report.html").read_text(encoding="utf-8")
    totals = input_files.json_of(desk.out / "totals.json")
    assert input_files.shaped(results.Totals, totals, "-").verdict == "differs", "as sign reads it"
    assert not any(one["difference"] for one in totals["buckets"]), "the ledgers alone agree"


def test_rows_of_the_uploads_follow_those_of_the_ledgers_however_long_these_take(desk, monkeypatch):
    at_once = Writing._run

    def slowly(cursor, statements):
        time.sleep(0.5)
        at_once(cursor, statements)

    monkeypatch.setattr(Writing, "_run", staticmethod(slowly))
    assert run(desk, "visits", VISITS, VISITS) == 0
    assert desk.classes("his") == ["matched"] * 2
    assert desk.classes("his_visits") == desk.classes("centre_visits") == ["matched"]


def test_a_settled_registration_is_never_to_be_undone_first(desk):
    his = "mdtrt_id,psn_no,vali_flag\nM1,P1,0\n"

    assert run(desk, "visits", his, VISITS) == 1  # the ledger has a settlement of M1
    assert desk.verdicts("centre_visits")[0]["cause"] == "visit_settled"
    assert "only when no settlement is left" in desk.verdicts("centre_visits")[0]["advice"]


def test_a_settled_stay_without_any_list_is_found_from_the_ledger(desk):
    stay = [row(1, clr_type="21"), row(2)]
    lists = desk.file("l.csv", "setl_id,state,fund_pay_sumamt\nS00009,void,1.00\n")
    other = desk.file("m.csv", "setl_id,stas_type,fund_pay_sumamt\nS00009,3,1.00\n")

    assert desk.run(stay, stay, "--his-lists", lists, "--centre-lists", other) == 1
    told = desk.totals["uploads"]["lists"]
    assert told["unlisted"] == 1
    assert [(one["key"], one["delta"]) for one in told["listed"]] == [("S00001", "60.00")]
    said = "\n".join(
        cell.text
        for table in docx.Document(str(desk.out / "statement.docx")).tables
        for line in table.rows
        for cell in line.cells
    )
    assert "settlement list missing" in said
    assert "60.00" in said


def test_a_list_of_other_sums_than_the_settlement_is_found_although_both_lists_agree(desk):
    his = "setl_id,state\nS00001,submitted\n"
    centre = "setl_id,stas_type,fund_pay_sumamt\nS00001,1,59.99\n"

    assert run(desk, "lists", his, centre) == 1
    verdict = desk.verdicts("centre_lists")[0]
    assert (verdict["class"], verdict["field"], verdict["delta"]) == (
        "list_differs", "fund_pay_sumamt", "0.01",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("his", "says"),
    [
        ("psn_no,vali_flag\nP1,1\n", "mdtrt_id"),
        ("mdtrt_id,mdtrtId,psn_no\nM1,M1,P1\n", "twice"),
        ("mdtrt_id\nM1\n", "psn_no"),
        (b"mdtrt_id,psn_no\nM1,\xff\xff\xff\n", "GBK"),
        ("mdtrt_id,psn_no\nM1," + "9" * (1 << 21) + "\n", "line of more"),
    ],
)
def test_files_that_are_no_such_list_are_refused_by_name(desk, his, says, capsys):
    path = desk.file("odd.csv", his if isinstance(his, bytes) else his.encode())
    fine = desk.file("fine.csv", VISITS)
    from harness import cli

    ledger = desk.file("x.csv", "setl_id,medfee_sumamt\nS1,1.00\n")
    words = ["reconcile", "--his", ledger, "--centre", ledger, "--his-visits", path]
    words += ["--centre-visits", fine, "--out", desk.out, "--lang", "en"]

    assert cli.main([str(one) for one in words]) == 2
    said = capsys.readouterr().err
    assert "odd.csv" in said
    assert says in said


def test_rows_that_cannot_be_read_are_set_aside_with_their_reason(desk):
    his = "mdtrt_id,psn_no,vali_flag\nM1,P1,1\nM2,P2,perhaps\nM3,P3\n"

    assert run(desk, "visits", his, VISITS) == 1
    assert desk.classes("his_visits") == ["matched", "rejected", "rejected"]
    assert desk.verdicts("his_visits")[1]["field"] == "state"


def test_two_empty_lists_are_no_proof_of_anything(desk):
    empty = "mdtrt_id,psn_no\n"

    assert run(desk, "visits", empty, empty) == 3
    assert desk.said["verdict"] == "INCOMPLETE"


def test_one_side_alone_is_a_mistake_of_the_call(desk):
    assert_code = 2
    from harness import cli

    ledger = desk.file("x.csv", "setl_id,medfee_sumamt\nS1,1.00\n")
    words = ["reconcile", "--his", ledger, "--centre", ledger, "--his-boxes", ledger]

    assert cli.main([str(one) for one in [*words, "--out", desk.out]]) == assert_code


def sheet(folder: Path, code: object) -> Path:
    """A workbook with one box."""
    book = Workbook()
    book.active.append(["追溯码", "就诊编号", "人员编号", "状态"])
    book.active.append([code, "M1", "P1", "已售"])
    book.save(folder / "boxes.xlsx")
    return folder / "boxes.xlsx"


def test_a_workbook_with_chinese_heads_meets_the_camel_case_of_3513(desk):
    centre = f"drugTracCodg,mdtrtId,psnNo,valiFlag\n{BOX},M1,P1,1\n"

    assert run(desk, "boxes", sheet(desk.folder, BOX), centre) == 0
    assert desk.classes("his_boxes") == ["matched"]


def test_a_trace_code_that_a_spreadsheet_took_for_a_number_is_refused(desk, capsys):
    from harness import cli

    book = sheet(desk.folder, int(BOX))
    centre = desk.file("c.csv", f"drugTracCodg,mdtrtId\n{BOX},M1\n")
    ledger = desk.file("x.csv", "setl_id,medfee_sumamt\nS1,1.00\n")
    words = ["reconcile", "--his", ledger, "--centre", ledger, "--his-boxes", book]
    words += ["--centre-boxes", centre, "--out", desk.out, "--lang", "en"]

    assert cli.main([str(one) for one in words]) == 2
    assert "last digits" in capsys.readouterr().err


def test_cells_that_a_spreadsheet_would_run_are_text(desk):
    his = "mdtrt_id,psn_no,vali_flag\n=1+1,P1,0\n"
    centre = "mdtrt_id,psn_no,vali_flag\n=1+1,P1,1\n"

    assert run(desk, "visits", his, centre) == 1
    assert "'=1+1" in (desk.out / "uploads.csv").read_text(encoding="utf-8-sig")
