"""``medharness reconcile`` from the outside: files in, exit code and files out."""

from __future__ import annotations

import csv
import json
import sqlite3
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from harness import cli
from harness.cli import EXIT_INTERNAL
from harness.ledger import verdict_lines

HEADER = [
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "psn_cash_pay",
    "setl_time",
    "refd_setl_flag",
    "clr_type",
    "insutype",
    "clr_optins",
    "medins_setl_id",
    "msgid",
]

pytestmark = pytest.mark.slow


def row(n: int, **changes: str) -> list[str]:
    cells = {
        "setl_id": f"S{n:05d}",
        "mdtrt_id": f"M{n}",
        "psn_no": f"P{n}",
        "medfee_sumamt": f"{100 + n}.00",
        "fund_pay_sumamt": "60.00",
        "acct_pay": "10.00",
        "psn_cash_pay": f"{30 + n}.00",
        "setl_time": "2026-03-02 10:00:00",
        "refd_setl_flag": "0",
        "clr_type": "11",
        "insutype": "310",
        "clr_optins": "430100",
        "medins_setl_id": f"B{n}",
        "msgid": f"G{n:05d}",
    }
    return [(cells | changes)[name] for name in HEADER]


def text(rows: list[list[str]], delimiter: str = ",", end: str = "\n") -> str:
    return "".join(delimiter.join(cells) + end for cells in [HEADER, *rows])


SIX = [row(n) for n in range(6)]
WHOLE = text(SIX)


class Site:
    """A folder with two ledgers and what became of them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.out = folder / "out"

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, his: str | bytes | Path, centre: str | bytes | Path = WHOLE, *more: str) -> int:
        paths = []
        for name, content in (("his.csv", his), ("centre.csv", centre)):
            paths.append(content if isinstance(content, Path) else self.file(name, content))
        words = ["reconcile", "--his", str(paths[0]), "--centre", str(paths[1])]
        code = cli.main([*words, "--out", str(self.out), "--lang", "en", "--json", *more])
        self.said = json.loads(self.capsys.readouterr().out.splitlines()[-1])
        assert self.said["exit_code"] == code
        return code

    def verdicts(self) -> list[dict[str, str]]:
        with (self.out / "verdicts.csv").open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    def classes(self, side: str = "his") -> list[str]:
        return [r["class"] for r in self.verdicts() if r["side"] == side]

    @property
    def totals(self) -> dict:
        return json.loads((self.out / "totals.json").read_text(encoding="utf-8"))


@pytest.fixture
def site(tmp_path, capsys):
    return Site(tmp_path, capsys)


def test_equal_ledgers_balance(site):
    assert site.run(text(SIX)) == 0
    assert site.classes() == site.classes("centre") == ["matched"] * 6
    assert site.totals["verdict"] == "balanced"
    assert site.totals["residual"] == "0.00"


def test_where_the_verdicts_cannot_be_written_nothing_looks_like_a_result(site, monkeypatch):
    monkeypatch.setattr(verdict_lines, "_lines", lambda *_: "SELECT error('disk full')")
    paths = [str(site.file(f"{side}.csv", WHOLE)) for side in ("his", "centre")]
    command = ["reconcile", "--his", paths[0], "--centre", paths[1], "--out", str(site.out)]
    assert cli.main(command) == EXIT_INTERNAL
    assert [one.name for one in site.out.iterdir() if one.is_file()] == []


def test_verdicts_have_the_columns_of_the_contract_and_what_was_carried(site):
    more = [
        [*cells, note]
        for cells, note in zip([HEADER, *SIX], ["opter_name", *"abcdef"], strict=True)
    ]
    his = "".join(",".join(cells) + "\n" for cells in more)

    assert site.run(his) == 0
    assert (site.out / "verdicts.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    first = site.verdicts()[0]
    assert list(first) == [
        *("side", "line", "setl_id", "class", "field", "partner", "delta", "stage", "cause"),
        *("confidence", "advice", "opter_name"),
    ]
    assert (first["partner"], first["delta"], first["opter_name"]) == ("centre:1", "0.00", "a")


def test_a_cent_is_a_difference(site):
    assert site.run(text([*SIX[:5], row(5, fund_pay_sumamt="60.01")])) == 1
    found = site.verdicts()[5]
    assert (found["class"], found["field"], found["delta"]) == (
        "amount_mismatch",
        "fund_pay_sumamt",
        "0.01",
    )


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("105", 0),
        ("105.0", 0),
        ("１０５．００", 0),
        ('"105.00"', 0),
        ("1.05e2", 1),
        ("", 1),
        ("1,0,5", 1),
        ("105.001", 1),
    ],
)
def test_amounts_are_read_exactly_or_rejected(site, amount, code):
    if amount == "1,0,5":
        amount = f'"{amount}"'
    assert site.run(text([*SIX[:5], row(5, medfee_sumamt=amount)])) == code
    assert site.classes()[5] == ("rejected" if code else "matched")


def test_rejected_rows_are_counted_with_their_money_and_named(site):
    assert site.run(text([*SIX[:5], row(5, medfee_sumamt="1.05e2")])) == 1
    bucket = next(b for b in site.totals["buckets"] if b["class"] == "rejected")
    assert (bucket["rows"], bucket["medfee_sumamt"]) == (1, "105.00")
    assert site.totals["rejected"][0]["place"] == "his.csv:7"
    assert site.verdicts()[5]["field"] == "medfee_sumamt"
    assert "his.csv:7 medfee_sumamt: 1.05e2" in site.verdicts()[5]["advice"]


def test_thousands_separators_are_money(site):
    big = row(5, medfee_sumamt='"1,234.50"')
    assert site.run(text([*SIX[:5], big]), text([*SIX[:5], row(5, medfee_sumamt="1234.50")])) == 0


@pytest.mark.parametrize(
    "content",
    [
        text(SIX).encode("gb18030"),
        text(SIX).encode("utf-8-sig"),
        text(SIX).encode("utf-16"),
        text(SIX, "\t"),
        text(SIX, "|"),
        text(SIX, "\t", "\t\r\n"),
        text(SIX)[:-1],
        text(SIX).replace("\n", "\n\n"),
        text(SIX) + "合计,6笔,,615.00,,,,,,,,,,\n",
    ],
    ids=["gbk", "bom", "utf16", "tab", "pipe", "trailing", "no newline", "blank lines", "footer"],
)
def test_spellings_of_one_file(site, content):
    assert site.run(content) == 0


@pytest.mark.parametrize(
    "content",
    [
        text(SIX)[:-30],
        text(SIX)[:-3],
        text(SIX) + "合计,7笔,,615.00,,,,,,,,,,\n",
        text(SIX) + "合计,6笔,,616.00,,,,,,,,,,\n",
    ],
    ids=["cut in a line", "cut in the last cell", "declared count", "declared sum"],
)
def test_a_file_that_is_not_whole_is_incomplete_and_lists_nothing(site, content):
    assert site.run(text(SIX[:5])) == 1
    assert site.run(content) == 3
    assert not (site.out / "verdicts.csv").exists()
    assert site.totals["verdict"] == "INCOMPLETE"
    assert site.totals["problems"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "empty"),
        (text(SIX).replace("medfee_sumamt", "foo"), "medfee_sumamt"),
        (text(SIX).replace("mdtrt_id", "setl_id"), "twice"),
        (",".join("a" * 20_000) + "\n", "20000"),
    ],
)
def test_what_is_no_ledger_is_an_input_error(site, content, word):
    assert site.run(content) == 2
    assert word in site.said["error"]


def test_ledgers_of_other_days_are_an_input_error(site):
    one = text([row(n) for n in range(30)])
    other = text([row(n, setl_id=f"T{n}", setl_time="2026-05-01 08:00:00") for n in range(30)])
    assert site.run(one, other) == 2


def test_a_line_with_too_few_cells_is_rejected_and_its_money_counts(site):
    his = text(SIX[:5]) + "S00005,M5,P5,105.00\n"
    assert site.run(his) == 1
    assert site.classes() == [*["matched"] * 5, "rejected"]
    assert site.totals["inputs"]["his"]["control"]["medfee_sumamt"] == "615.00"


def test_a_result_archive_of_ten_columns_without_header(site):
    lines = [
        f"P{n}\tM{n}\tS{n:05d}\tG{n:05d}\t0\t0\tnull\t{100 + n}.00\t60.00\t10.00\t"
        for n in range(6)
    ]
    archive = site.folder / "result.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("结果.txt", "\n".join(lines))
    assert site.run(text(SIX), archive) == 0
    assert "psn_cash_pay" in site.totals["not_compared"]


def test_hostile_archives(site):
    bomb = site.folder / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("a.csv", b"0" * 80_000_000)
    outside = site.folder / "outside.zip"
    with zipfile.ZipFile(outside, "w") as stream:
        stream.writestr("../his.csv", text(SIX))
    cut = site.folder / "cut.zip"
    cut.write_bytes(outside.read_bytes()[:-30])

    assert site.run(bomb) == 2
    assert site.run(outside) == 2
    assert not (site.folder.parent / "his.csv").exists()
    assert site.run(cut) == 3


def test_a_database_is_only_read(site):
    path = site.folder / "his.db"
    with sqlite3.connect(path) as base:
        base.execute(f"CREATE TABLE js ({', '.join(HEADER)})")
        base.executemany(f"INSERT INTO js VALUES ({','.join('?' * len(HEADER))})", SIX)
    base.close()
    url = f"sqlite:///{path}"
    centre = site.file("c.csv", text(SIX))
    words = ["reconcile", "--his", url, "--centre", str(centre), "--out", str(site.out)]

    assert cli.main([*words, "--his-query", "SELECT * FROM js"]) == 0
    assert cli.main([*words, "--his-query", "DELETE FROM js"]) == 2
    assert cli.main([*words, "--his-query", "SELECT 1; DROP TABLE js"]) == 2
    assert cli.main([*words, "--his-query", "WITH x AS (SELECT 1) DELETE FROM js"]) == 2


def test_spreadsheets_and_tables(site):
    import xlsxwriter

    path = site.folder / "his.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for r, cells in enumerate([HEADER, *SIX]):
            for c, cell in enumerate(cells):
                if r and HEADER[c] in {"medfee_sumamt", "fund_pay_sumamt"}:
                    sheet.write_number(r, c, float(cell))
                else:
                    sheet.write_string(r, c, cell)
    assert site.run(path) == 0

    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["setl_id", "medfee_sumamt"])
        sheet.write_row(1, 0, [4300000000000012345, 1.5])
    assert site.run(path) == 2


def test_own_column_names_come_from_a_file(site):
    names = site.file("names.toml", '[his]\nsetl_id = "JSXH"\nmedfee_sumamt = "ZJE"\n')
    his = text(SIX).replace("setl_id", "JSXH", 1).replace("medfee_sumamt", "ZJE")
    assert site.run(his, text(SIX), "--columns", str(names)) == 0


def test_cells_that_a_spreadsheet_would_run_are_text(site):
    his = text([*SIX[:5], row(5, setl_id="=1+1")])
    assert site.run(his) == 1
    assert site.verdicts()[5]["setl_id"] == "'=1+1"


def test_the_waterfall_goes_from_total_to_total(site):
    assert site.run(text(SIX[:4]), text(SIX[1:])) == 1
    steps = site.totals["waterfall"]
    left = Decimal(steps[0]["amount"]) + sum(Decimal(s["amount"]) for s in steps[1:-1])
    assert left == Decimal(steps[-1]["amount"]) == Decimal("515.00")


def test_a_log_turns_a_class_into_a_cause(site):
    lines = [
        {"msgid": "G00005", "infno": "2207"},
        {"msgid": "G00004", "infno": "2207"},
        {"msgid": "G00004", "infno": "2207", "infcode": 0},
    ]
    log = site.file("log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert site.run(text(SIX[:3]), text(SIX), "--log", str(log)) == 1
    causes = [r["cause"] for r in site.verdicts() if r["class"] == "centre_only"]
    assert causes == ["not_in_his_log", "his_rollback", "answer_lost"]
    assert site.run(text(SIX[:3])) == 1
    assert {r["cause"] for r in site.verdicts() if r["class"] == "centre_only"} == {"unknown"}


def test_the_third_ledger(site):
    channel = site.file("pay.csv", text([*SIX[:5], row(9)]))
    assert site.run(text(SIX), text(SIX), "--channel", str(channel)) == 1
    assert site.classes() == [*["matched"] * 5, "channel_missing"]
    assert site.classes("channel") == [*["matched"] * 5, "channel_only"]


def test_open_rows_are_carried_and_a_closed_day_stays_closed(site):
    state = site.folder / "state"
    late = row(7, setl_time="2026-03-02 23:59:58")
    more = ("--state", str(state))
    assert site.run(text([*SIX, late]), text(SIX), *more) == 1
    assert site.classes()[6] == "carried"
    first = (site.out / "verdicts.csv").read_bytes()
    assert site.run(text([*SIX, late]), text(SIX), *more) == 1
    assert (site.out / "verdicts.csv").read_bytes() == first

    assert site.run(text(SIX), text(SIX), *more) == 2
    next_day = [row(n, setl_time="2026-03-03 09:00:00") for n in (11, 12)]
    came = row(7, setl_time="2026-03-03 00:00:02")
    again = row(3, setl_time="2026-03-03 08:00:00")
    assert site.run(text([*next_day, again]), text([*next_day, came]), *more) == 1
    assert site.classes() == ["matched", "matched", "duplicate_his"]
    assert site.classes("centre") == ["matched", "matched", "cross_day"]

    (state / "00001.open.parquet").write_bytes(b"PAR1")
    assert site.run(text(next_day), text(next_day), *more) == 3


def test_refunds_with_a_flag_and_a_positive_amount(site):
    back = [row(n, refd_setl_flag="1", setl_time="2026-03-02 11:00:00") for n in (1, 2)]
    minus = [
        row(n, refd_setl_flag="1", setl_time="2026-03-02 11:00:00", medfee_sumamt=f"-{100 + n}.00",
            fund_pay_sumamt="-60.00", acct_pay="-10.00", psn_cash_pay=f"-{30 + n}.00")
        for n in (1, 2)
    ]  # fmt: skip
    assert site.run(text([*SIX, *back]), text([*SIX, *minus])) == 0
    assert site.classes().count("refund_pair") == 4
    assert site.totals["residual"] == "0.00"
