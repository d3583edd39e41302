"""The reports of a reconciliation: page, workbook and statement, from rows written here."""

import json
import re
import unicodedata
import zipfile
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import docx
import duckdb
import openpyxl
import pytest

from harness import i18n
from harness.errors import InputError
from harness.ledger import workbook
from harness.ledger.class_words import CLASS_WORDS, word
from harness.ledger.report_bridge import Arrow, bridge
from harness.ledger.report_read import Bucket, Case, Outcome
from harness.ledger.report_text import masked, yuan
from harness.ledger.report_write import write_reports
from harness.ledger.statement_docx import Statement, write_statement
from harness.ledger.waterfall_svg import draw

CONTRACT = [
    "matched",
    "refund_pair",
    "partial_refund",
    "cross_day",
    "time_skew",
    "same_person_twice",
    "his_only",
    "centre_only",
    "refund_unmatched",
    "refund_pair_one_side",
    "same_person_twice_his_only",
    "amount_mismatch",
    "swapped_parts",
    "partial_refund_differs",
    "duplicate_his",
    "duplicate_centre",
    "id_suspect",
    "state_differs",
    "other_person",
    "wrong_category",
    "detail_differs",
    "channel_only",
    "channel_missing",
    "ambiguous",
    "carried",
    "rejected",
]

COLUMNS = (
    "side VARCHAR, line BIGINT, setl_id VARCHAR, class VARCHAR, field VARCHAR, partner VARCHAR,"
    " delta_fen BIGINT, stage VARCHAR, cause VARCHAR, confidence VARCHAR, advice VARCHAR,"
    " mdtrt_id VARCHAR, psn_no VARCHAR, medfee_fen BIGINT, fund_fen BIGINT, setl_time TIMESTAMP,"
    " refund BOOL, x_psn_name VARCHAR, x_memo VARCHAR"
)


@pytest.fixture(autouse=True)
def _language():
    before = i18n.current()
    yield
    i18n.use(before)


def row(side, line, code, fen, partner="", delta=0, **more):
    values = {
        "setl_id": f"S{line}",
        "field": "medfee_sumamt" if delta else "",
        "cause": "unknown",
        "name": "",
        "memo": "",
        **more,
    }
    return (
        side, line, values["setl_id"], code, values["field"], partner, delta, "key",
        values["cause"], "", "", f"M{line}", f"P{line}", fen, fen, "2026-09-01 08:00:00", False,
        values["name"], values["memo"],
    )  # fmt: skip


def folder(tmp_path: Path, rows, totals=None) -> Path:
    out = tmp_path / "out"
    (out / "work").mkdir(parents=True)
    base = duckdb.connect()
    base.execute(f"CREATE TABLE t ({COLUMNS})")
    if rows:
        base.executemany(f"INSERT INTO t VALUES ({', '.join('?' * 19)})", rows)
    base.execute(f"COPY t TO '{out / 'work' / 'verdicts.parquet'}' (FORMAT parquet)")
    base.close()
    (out / "totals.json").write_text(json.dumps(totals or {"verdict": "differs"}), encoding="utf-8")
    return out


ROWS = [
    row("his", 1, "matched", 10000, "centre:1", name="张三丰"),
    row("centre", 1, "matched", 10000, "his:1"),
    row("his", 2, "amount_mismatch", 5001, "centre:2", 1, name="欧阳修"),
    row("centre", 2, "amount_mismatch", 5000, "his:2", 1),
    row("his", 3, "his_only", 700, delta=700, memo='=HYPERLINK("http://x","y")'),
    row("centre", 3, "centre_only", 900, delta=-900, memo="<script>alert(1)</script>"),
    row("his", 4, "duplicate_his", 10000, "centre:1", 10000, memo="\tx"),
]


def test_every_class_of_the_contract_has_a_chinese_name():
    assert [code for code in CONTRACT if code not in CLASS_WORDS] == []
    assert all(re.search("[\u4e00-\u9fff]", one.zh) for one in CLASS_WORDS.values())
    harmless = {code for code, one in CLASS_WORDS.items() if not one.difference}
    assert harmless == {*CONTRACT[:6], "outside_cut", "withdrawn", "not_insured"}
    assert all(
        one.first[0] and one.second[0] and one.never[0]
        for one in CLASS_WORDS.values()
        if one.difference
    )


def test_a_class_without_words_is_a_difference():
    assert word("brand_new").difference
    assert "其他差异" in word("brand_new").zh


@pytest.mark.slow
def test_the_page_says_the_conclusion_and_shows_each_difference_once(tmp_path):
    out = folder(tmp_path, ROWS)
    files = write_reports(out, lang="zh-CN", title="样例医院")
    page = (out / "report.html").read_text(encoding="utf-8")

    assert [one.name for one in files] == ["report.html", "reconcile.xlsx", "statement.docx"]
    assert page.count('class="case"') == 4  # amount, his only, centre only, duplicate
    assert "医院单边" in page
    assert "医院重复记账" in page
    assert "257.01" in page  # HIS total
    assert "159.00" in page  # centre total
    assert "张三丰" not in page  # a matched row is not shown
    assert "欧阳修" not in page
    assert "欧**" in page
    assert "<script" not in page
    assert "http" not in re.sub(r"http://x|http-equiv", "", page)  # asks for nothing


def test_a_partner_of_another_class_hides_no_difference(tmp_path):
    out = folder(tmp_path, ROWS)
    outcome = Outcome(out)
    try:
        assert outcome.case_count("duplicate_his") == 1
        case = outcome.cases("duplicate_his", 10)[0]
        assert [(one["side"], one["line"]) for one in case.rows] == [("his", 4), ("centre", 1)]
        assert outcome.case_count("amount_mismatch") == 1
    finally:
        outcome.close()


def test_an_incomplete_run_lists_no_difference(tmp_path):
    totals = {"verdict": "INCOMPLETE", "problems": ["footer says 12 rows"]}
    out = folder(tmp_path, ROWS, totals)
    write_reports(out, lang="en")
    page = (out / "report.html").read_text(encoding="utf-8")
    book = openpyxl.load_workbook(out / "reconcile.xlsx")

    assert "INCOMPLETE" in page
    assert "footer says 12 rows" in page
    assert 'class="case"' not in page
    assert "The books agree" not in page
    assert len(book.sheetnames) == 1


def test_an_incomplete_run_without_rows_still_has_its_page(tmp_path):
    out = folder(tmp_path, [], {"verdict": "INCOMPLETE", "problems": ["cut file"]})
    (out / "work" / "verdicts.parquet").unlink()
    write_reports(out, lang="en")

    assert "cut file" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_books_that_agree_say_so_and_books_with_a_rest_do_not(tmp_path):
    even = folder(tmp_path / "a", ROWS[:2], {"verdict": "balanced"})
    totals = {
        "verdict": "balanced",
        "waterfall": [
            {"step": "his_total", "amount": "100.01"},
            {"step": "centre_total", "amount": "100.00"},
        ],
    }
    odd = folder(tmp_path / "b", ROWS[:2], totals)
    write_reports(even, lang="en")
    write_reports(odd, lang="en")

    assert "The books agree" in (even / "report.html").read_text(encoding="utf-8")
    assert "The books agree" not in (odd / "report.html").read_text(encoding="utf-8")
    assert ">-0.01<" in (odd / "report.html").read_text(encoding="utf-8")


def test_a_folder_without_a_result_is_an_input_error(tmp_path):
    with pytest.raises(InputError):
        write_reports(tmp_path)


@pytest.mark.slow
def test_the_workbook_has_a_sheet_a_class_and_runs_nothing(tmp_path):
    out = folder(tmp_path, ROWS)
    write_reports(out, lang="zh-CN")
    book = openpyxl.load_workbook(out / "reconcile.xlsx")

    names = {word(code).zh for code in ("matched", "amount_mismatch", "his_only", "centre_only")}
    assert names <= set(book.sheetnames)
    page = book[word("his_only").zh]
    heads = [cell.value for cell in page[1]]
    memo = page.cell(2, heads.index("memo") + 1)
    money = page.cell(2, heads.index("medfee_sumamt") + 1)
    assert memo.value == '=HYPERLINK("http://x","y")'
    assert memo.data_type != "f"
    assert memo.quotePrefix  # a text even after someone edits the cell
    assert (money.value, money.data_type, money.number_format) == (7.0, "n", "#,##0.00")
    assert page.freeze_panes == "A2"
    with zipfile.ZipFile(out / "reconcile.xlsx") as packed:
        sheets = [name for name in packed.namelist() if name.startswith("xl/worksheets/sheet")]
        assert all(b"<f>" not in packed.read(name) for name in sheets)
    assert len(sheets) == 6


@pytest.mark.slow
def test_a_class_with_too_many_rows_goes_on_in_a_second_sheet(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "SHEET_ROWS_MAX", 2)
    monkeypatch.setattr(workbook, "SETTLED_ROWS_MAX", 1)
    rows = [row("his", n, "his_only", 100) for n in range(1, 6)]
    out = folder(tmp_path, [*ROWS[:2], *rows])
    write_reports(out, lang="en")
    book = openpyxl.load_workbook(out / "reconcile.xlsx")

    parts = [name for name in book.sheetnames if name.startswith("only in HIS")]
    lines = [value for name in parts for (value,) in book[name].iter_rows(2, None, 2, 2, True)]
    assert (len(parts), lines) == (3, [1, 2, 3, 4, 5])
    settled = [cell for cells in book["matched"].iter_rows(values_only=True) for cell in cells]
    assert any("1 more rows" in str(cell) for cell in settled)


def test_money_beyond_fifteen_digits_is_written_as_text(tmp_path):
    out = folder(tmp_path, [row("his", 1, "his_only", 10**15 + 1)])
    write_reports(out, lang="en")
    page = openpyxl.load_workbook(out / "reconcile.xlsx")["only in HIS"]

    heads = [cell.value for cell in page[1]]
    assert page.cell(2, heads.index("medfee_sumamt") + 1).value == "10000000000000.01"


def test_a_cell_longer_than_a_spreadsheet_holds_is_cut_not_lost(tmp_path):
    out = folder(tmp_path, [row("his", 1, "his_only", 1, memo="x" * 40_000)])
    write_reports(out, lang="en")
    page = openpyxl.load_workbook(out / "reconcile.xlsx")["only in HIS"]

    heads = [cell.value for cell in page[1]]
    memo = page.cell(2, heads.index("memo") + 1).value
    assert (len(memo), memo[-1]) == (32_767, "…")


def test_the_statement_names_amount_bills_and_room_to_sign(tmp_path):
    many = [row("his", n, "his_only", 100 * n, delta=100 * n) for n in range(1, 30)]
    out = folder(tmp_path, many)
    write_reports(out, lang="zh-CN", title="经办人 110101199003071234")
    page = docx.Document(out / "statement.docx")
    cells = [cell.text for line in page.tables[0].rows for cell in line.cells]
    text = "\n".join(cells)

    assert len(cells) == 16
    assert "435.00" in text  # 100 * (1 + ... + 29) fen
    assert "医院单边" in text
    assert "his_only" not in text
    assert text.count("\n") < 40  # one page
    assert "110101199003071234" not in "\n".join(one.text for one in page.paragraphs)


def lines_of(text):
    """Lines of the right column as a typesetter counts: 37 Chinese characters or 74 others."""
    total = 0
    for line in text.split("\n"):
        width = sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line)
        total += max(1, -(-width // 74))
    return total


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
@pytest.mark.parametrize("size", [0, 1, 8, 40])
def test_the_statement_is_one_page_of_a4_however_much_it_has_to_say(tmp_path, lang, size):
    i18n.use(lang)
    codes = [code for code, one in CLASS_WORDS.items() if one.difference][:size]
    first = {"side": "his", "line": 1, "setl_id": "4" * 20, "cause": "未见过的原因" * 12}
    more = {"delta_fen": 10**13, "setl_time": datetime(2026, 9, 1, 23, 59, 59)}  # noqa: DTZ001
    cases = [Case(rows=({**first, **more, "class": codes[n % len(codes)]},)) for n in range(size)]
    page = Statement(
        title="某市第一人民医院" * 4,
        bridge=bridge([Bucket(code="matched", rows={"his": 1}, fen={"his": 10**14})]),
        classes=[(code, 10**6, 10**13) for code in codes],
        cases=cases,
        case_count=size,
        incomplete=False,
        evidence="证" * 120,
        lines=[("费用明细的数量、单价或金额不同" * 8, 10**13)] * size,
    )
    paper = docx.Document(write_statement(page, tmp_path / "statement.docx"))
    i18n.use("zh-CN")

    section = paper.sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    room = section.page_height.pt - section.top_margin.pt - section.bottom_margin.pt
    table = sum(max(lines_of(cell.text) for cell in line.cells) for line in paper.tables[0].rows)
    head = 2 * 18 + 2 * 15
    # 10.5 points of type take 15 with the leading and the borders of the rows.
    assert head + 15 * table <= room
    text = "\n".join(cell.text for line in paper.tables[0].rows for cell in line.cells)
    assert ("reconcile.xlsx" in text) == (size > 1)


def test_the_bridge_has_a_step_for_each_class_and_nothing_left():
    buckets = [
        Bucket(code="matched", rows={"his": 1, "centre": 1}, fen={"his": 5, "centre": 5}),
        Bucket(code="his_only", rows={"his": 2}, fen={"his": 300}),
        Bucket(code="centre_only", rows={"centre": 1}, fen={"centre": 40}),
    ]
    whole = bridge(buckets)

    assert [(one.code, one.fen) for one in whole.arrows[1:-1]] == [
        ("his_only", -300),
        ("centre_only", 40),
    ]
    assert (whole.start.level, whole.end.level, whole.residual_fen) == (305, 45, 0)
    assert bridge(buckets, his_fen=304).residual_fen == 1


@pytest.mark.parametrize("steps", [0, 1, 7, 90])
def test_the_picture_is_well_formed_and_stays_inside(steps):
    arrows = [
        Arrow(code="a", name="<start & so on>", fen=0, rows=1, level=17_123_920),
        *(Arrow(code="s", name=f"步骤{n}" * 9, fen=(-1) ** n * n, rows=n) for n in range(steps)),
        Arrow(code="z", name="end", fen=0, rows=1, level=17_117_820),
    ]
    picture = ET.fromstring(str(draw(arrows, 0)))
    numbers = [
        float(value)
        for path in picture.iter("path")
        for value in re.findall(r"[MHL](-?[\d.]+)", path.attrib["d"])
    ]

    assert all(0 <= value <= 381 for value in numbers)
    assert len(list(picture.iter("g"))) <= 41


def test_words_of_amounts_and_masks():
    assert [yuan(0), yuan(-5), yuan(123456789), yuan(7, sign=True)] == [
        "0.00",
        "-0.05",
        "1,234,567.89",
        "+0.07",
    ]
    assert masked("x_psn_name", "张三丰") == "张**"
    assert masked("x_certno", "110101199003071234").endswith("1234")
    assert "110101" not in masked("x_memo", "证 110101199003071234 号")
    assert masked("setl_id", "S20260901") == "S20260901"
