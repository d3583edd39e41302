"""What hospitals really deliver: named with file, line and column, and never dropped in silence."""

from __future__ import annotations

import sqlite3
import zipfile

import duckdb
import pytest
import sqlalchemy

from harness import cli
from tests.harness.ledger.desk import HEADER, Desk, row, rows, table
from tests.simulators.postgres_cluster import cluster

pytestmark = pytest.mark.slow

FOUR = rows(0, 1, 2, 3)
WHOLE = table(FOUR)


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def without(name: str) -> str:
    return WHOLE.replace(name, f"old_{name}", 1)


@pytest.mark.parametrize("name", ["setl_id", "medfee_sumamt"])
def test_a_missing_column_is_named_with_its_file(desk, name):
    assert desk.run(without(name), WHOLE) == 2
    assert name in desk.said["error"]
    assert "his.csv:1" in desk.said["error"]


@pytest.mark.parametrize("name", ["fund_pay_sumamt", "acct_pay", "psn_cash_pay", "setl_time"])
def test_a_column_that_one_side_lacks_is_said_not_to_be_compared(desk, name):
    assert desk.run(without(name), WHOLE) == 0
    assert name in desk.totals["not_compared"]


@pytest.mark.parametrize(
    ("one", "other"), [("acct_pay", "fund_pay_sumamt"), ("mdtrt_id", "setl_id")]
)
def test_a_doubled_column_is_refused(desk, one, other):
    assert desk.run(WHOLE.replace(one, other, 1), WHOLE) == 2
    assert "twice" in desk.said["error"]
    assert other in desk.said["error"]


def test_two_heads_that_mean_the_same_are_a_doubled_column(desk):
    assert desk.run(WHOLE.replace("acct_pay", "统筹支付", 1), WHOLE) == 2


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_names_of_people_survive_every_encoding(desk, encoding):
    his = table([row(n) | {"psn_name": f"测试㐂{n}"} for n in range(4)])

    assert desk.run(his.encode(encoding), WHOLE) == 0
    assert desk.verdicts("his")[3]["psn_name"] == "测试㐂3"


def test_bytes_of_no_encoding_set_the_row_aside(desk):
    his = table([row(n) | {"psn_name": "测试"} for n in range(4)]).encode("gb18030")
    broken = his.replace("测试".encode("gb18030"), b"\xb2\xff", 1)

    assert desk.run(broken, WHOLE) == 1
    assert desk.classes("his") == ["rejected", *["matched"] * 3]
    assert desk.totals["rejected"][0]["place"] == "his.csv:2"


AMOUNTS = {
    "1e3": "rejected",
    "1.03E2": "rejected",
    "": "rejected",
    "null": "rejected",
    "abc": "rejected",
    "103.001": "rejected",
    "10,3.00": "rejected",
    "1 03.00": "rejected",
    "--103.00": "rejected",
    "NaN": "rejected",
    "inf": "rejected",
    "103.00元": "rejected",
    "１０３．００": "matched",
    "￥103.00": "matched",
    "103": "matched",
    "103.0": "matched",
    "103.000": "matched",
    "+103.00": "matched",
    " 103.00 ": "matched",
    "0000103.00": "matched",
}


@pytest.mark.parametrize(("text", "wanted"), list(AMOUNTS.items()))
def test_an_amount_is_read_to_the_fen_or_set_aside(desk, text, wanted):
    his = table([*FOUR[:3], row(3, medfee_sumamt=f'"{text}"')])

    assert desk.run(his, WHOLE) == (0 if wanted == "matched" else 1)
    assert desk.classes("his")[3] == wanted
    if wanted == "rejected":
        found = desk.totals["rejected"][0]
        assert found["place"] == "his.csv:5"
        assert found["fault"].startswith("medfee_sumamt")
        assert desk.open_rows("centre")["S00003"]["class"] == "centre_only"


@pytest.mark.parametrize(
    ("text", "fen"), [("1e3", "1000.00"), ("12.345", "12.34"), ("1,5.00", "15.00")]
)
def test_money_of_a_row_that_was_set_aside_is_shown(desk, text, fen):
    assert desk.run(table([*FOUR[:3], row(3, medfee_sumamt=f'"{text}"')]), WHOLE) == 1
    bucket = next(one for one in desk.totals["buckets"] if one["class"] == "rejected")
    assert (bucket["rows"], bucket["medfee_sumamt"]) == (1, fen)


def test_thousands_are_money_and_agree_with_plain_amounts(desk):
    his = table([*FOUR[:3], row(3, medfee_sumamt='"1,234,567.80"')])

    assert desk.run(his, [*FOUR[:3], row(3, medfee_sumamt="1234567.80")]) == 0


def test_a_negative_amount_without_a_flag_is_a_refund(desk):
    minus = row(3, medfee_sumamt="-103.00", fund_pay_sumamt="-60.00", acct_pay="-10.00",
                psn_cash_pay="-33.00")  # fmt: skip

    assert desk.run([*FOUR[:3], minus], FOUR) == 1
    assert desk.classes("his")[3] == "state_differs"
    assert desk.run([*FOUR[:3], minus], [*FOUR[:3], minus]) == 0


TIMES = {
    "10:00:00": "rejected",
    "2026-02-30 10:00:00": "rejected",
    "yesterday": "rejected",
    "20260302100000": "matched",
    "2026/3/2 10:00": "matched",
    "2026年3月2日 10时00分00秒": "matched",
    "2026-03-02T10:00:00+08:00": "matched",
    "2026-03-02T02:00:00Z": "matched",
    "2026-03-02 10:00:00.123": "matched",
}


@pytest.mark.parametrize(("text", "wanted"), list(TIMES.items()))
def test_a_time_without_a_day_is_no_time(desk, text, wanted):
    code = desk.run([*FOUR[:3], row(3, setl_time=text)], WHOLE)

    assert code == (0 if wanted == "matched" else 1)
    assert desk.classes("his")[3] == wanted
    if wanted == "rejected":
        assert "setl_time" in desk.totals["rejected"][0]["fault"]


@pytest.mark.parametrize(
    "name", ["../his.csv", "..\\his.csv", "/etc/his.csv", "C:\\his.csv", "a/../../his.csv"]
)
def test_an_archive_that_writes_elsewhere_is_refused(desk, name):
    path = desk.folder / "evil.zip"
    with zipfile.ZipFile(path, "w") as stream:
        stream.writestr(name, WHOLE)

    assert desk.run(path, WHOLE) == 2
    assert "evil.zip" in desk.said["error"]
    assert not (desk.folder.parent / "his.csv").exists()


def test_bombs_and_nested_archives_are_refused(desk):
    bomb = desk.folder / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("a.csv", b"0" * 80_000_000)
    nested = desk.folder / "nested.zip"
    with zipfile.ZipFile(nested, "w") as stream:
        stream.write(bomb, "inner.zip")
    empty = desk.folder / "empty.zip"
    zipfile.ZipFile(empty, "w").close()

    for path in (bomb, nested, empty):
        assert desk.run(path, WHOLE) == 2, path.name
        assert path.name in desk.said["error"]


def test_an_archive_whose_bytes_were_changed_is_incomplete(desk):
    path = desk.folder / "his.zip"
    with zipfile.ZipFile(path, "w") as stream:
        stream.writestr("his.csv", WHOLE)
    whole = path.read_bytes()
    assert desk.run(path, WHOLE) == 0
    path.write_bytes(whole.replace(b"103.00", b"103.01", 1))
    assert desk.run(path, WHOLE) == 3
    path.write_bytes(whole[:-20])
    assert desk.run(path, WHOLE) == 3
    path.write_bytes(whole.replace(b"his.csv", b"\0is.csv"))  # read as a file without a name
    assert desk.run(path, WHOLE) == 3


def test_formulas_of_a_workbook_are_their_values_and_never_run_again(desk):
    import openpyxl
    import xlsxwriter

    path = desk.folder / "his.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*HEADER, "note"])
        for number, one in enumerate(FOUR, 1):
            sheet.write_row(number, 0, [one[name] for name in HEADER])
            sheet.write_formula(number, HEADER.index("medfee_sumamt"), f"=100+{number - 1}",
                                value=99 + number)  # fmt: skip
            sheet.write_string(number, len(HEADER), "=cmd|' /C calc'!A0")
    assert desk.run(path, WHOLE) == 0
    assert desk.verdicts("his")[0]["note"] == "'=cmd|' /C calc'!A0"
    book = openpyxl.load_workbook(desk.out / "reconcile.xlsx")
    kinds = {cell.data_type for sheet in book for line in sheet.iter_rows() for cell in line}
    assert "f" not in kinds


def test_a_formula_that_was_never_calculated_is_no_amount(desk):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(HEADER)
    for one in FOUR:
        book.active.append([one[name] for name in HEADER])
    book.active.cell(5, HEADER.index("medfee_sumamt") + 1).value = "=100+3"
    book.save(desk.folder / "his.xlsx")

    assert desk.run(desk.folder / "his.xlsx", WHOLE) == 1
    assert desk.classes("his")[3] == "rejected"


def workbook(desk, *sheets):
    import xlsxwriter

    path = desk.folder / "his.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for number, lines in enumerate(sheets):
            sheet = book.add_worksheet(f"S{number}")
            for place, line in enumerate(lines):
                sheet.write_row(place, 0, line)
    return path


def test_every_sheet_of_a_workbook_is_read_or_refused(desk):
    cells = [[one[name] for name in HEADER] for one in rows(0, 1, 2)]
    path = workbook(desk, [HEADER, cells[0]], [], [HEADER, *cells[1:]])
    assert desk.run(path, rows(0, 1, 2)) == 0
    assert desk.classes("his") == ["matched"] * 3

    path = workbook(desk, [HEADER, cells[0]], [["说明"], ["x"]])
    assert desk.run(path, rows(0)) == 2
    assert "S1" in desk.said["error"]


def test_an_amount_of_less_than_a_fen_is_not_rounded_away(desk):
    cells = [[one[name] for name in HEADER] for one in rows(0, 1)]
    place = HEADER.index("medfee_sumamt")
    for line, noise in ((cells[0], 0.004), (cells[1], 1e-13)):
        line[place] = float(line[place]) + noise
    assert desk.run(workbook(desk, [HEADER, *cells]), rows(0, 1)) == 1
    assert desk.classes("his") == ["rejected", "matched"]


@pytest.mark.parametrize("own", ["setl_id", "JSXH"])
def test_an_id_that_a_spreadsheet_has_rounded_is_refused(desk, own):
    import xlsxwriter

    path = desk.folder / "his.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [own, *HEADER[1:]])
        sheet.write_row(1, 0, [430000012345678901, *[row(0)[name] for name in HEADER[1:]]])
    columns = desk.file("names.toml", f'[his]\nsetl_id = "{own}"\n')
    assert desk.run(path, WHOLE, "--columns", columns) == 2
    assert "his.xlsx:2" in desk.said["error"]


@pytest.mark.parametrize("name", ["setl_id", "clr_type"])
def test_an_id_that_parquet_has_as_a_binary_fraction_is_refused(desk, name):
    source = desk.file("his.csv", table([row(0, setl_id="430000012345678901")]))
    path = desk.folder / "his.parquet"
    duckdb.execute(
        f"COPY (SELECT * REPLACE (CAST({name} AS DOUBLE) AS {name}) FROM read_csv('{source}',"
        f" header=true, all_varchar=true)) TO '{path}' (FORMAT parquet)"
    )
    assert desk.run(path, WHOLE) == 2
    assert f"{name} was stored as a number" in desk.said["error"]
    assert "his.parquet" in desk.said["error"]


def test_a_line_of_ten_million_columns_is_refused_at_once(desk):
    path = desk.folder / "wide.csv"
    path.write_bytes(b"a," * 10_000_000 + b"\n")

    assert desk.run(path, WHOLE) == 2
    assert "wide.csv" in desk.said["error"]
    assert desk.run(",".join(HEADER) + "\n" + "1," * 700_000 + "\n", WHOLE) in {2, 3}


def test_files_of_other_days_are_one_mistake_not_a_thousand_differences(desk):
    other = [row(n, setl_id=f"T{n}", setl_time="2026-05-02 08:00:00") for n in range(30)]

    assert desk.run(rows(*range(30)), other) == 2
    assert "his.csv" in desk.said["error"]
    assert "centre.csv" in desk.said["error"]


@pytest.mark.parametrize("line", ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1"])
def test_cells_that_a_spreadsheet_would_run_are_written_as_text(desk, line):
    his = [*FOUR[:3], row(3) | {"opter_name": line}]

    assert desk.run(his, WHOLE) == 0
    raw = (desk.out / "verdicts.csv").read_text(encoding="utf-8-sig")
    assert f"'{line}" in raw or f"'{line.strip()}" in raw


def test_a_folder_of_days_is_one_ledger(desk):
    folder = desk.folder / "days"
    folder.mkdir()
    (folder / "0302.csv").write_text(table(FOUR[:2]), encoding="utf-8")
    (folder / "0303.txt").write_bytes(table(FOUR[2:], "\t").encode("gb18030"))
    (folder / "notes.docx").write_text("no ledger", encoding="utf-8")

    assert desk.run(folder, WHOLE) == 0
    assert [one["file"] for one in desk.totals["inputs"]["his"]["files"]] == [
        "0302.csv",
        "0303.txt",
    ]
    assert desk.totals["not_read"] == ["his: notes.docx"]
    assert "his: notes.docx" in desk.printed
    assert "notes.docx" in (desk.out / "report.html").read_text(encoding="utf-8")


def dbf(lines, *, cut=0, deleted=()):
    """A dBASE III table, written from its format: header, descriptors, fixed-width records."""
    widths = [22 if name != "setl_time" else 19 for name in HEADER]
    names = [name[:10].upper() for name in HEADER]
    head = bytes([3, 126, 3, 2]) + len(lines).to_bytes(4, "little")
    head += (32 + 32 * len(HEADER) + 1).to_bytes(2, "little") + (1 + sum(widths)).to_bytes(
        2, "little"
    )
    head += bytes(20)
    for name, width in zip(names, widths, strict=True):
        head += name.encode().ljust(11, b"\0") + b"C" + bytes(4) + bytes([width, 0]) + bytes(14)
    body = b"".join(
        (b"*" if place in deleted else b" ")
        + b"".join(one[n].encode().ljust(w) for n, w in zip(HEADER, widths, strict=True))
        for place, one in enumerate(lines)
    )
    whole = head + b"\r" + body + b"\x1a"
    return whole[: len(whole) - cut]


def test_a_dbf_table_and_one_that_was_cut_off(desk):
    names = {name[:10].lower(): name for name in HEADER if len(name) > 10}
    own = "".join(f'{whole} = "{short}"\n' for short, whole in names.items())
    columns = desk.file("names.toml", f"[his]\n{own}")

    assert desk.run(desk.file("his.dbf", dbf(FOUR)), WHOLE, "--columns", columns) == 0
    assert desk.run(desk.file("his.dbf", dbf(FOUR, cut=40)), WHOLE, "--columns", columns) == 3
    early = dbf(FOUR)
    early = early[: -len(early) // 4] + b"\x1a" * (len(early) // 4)
    assert desk.run(desk.file("his.dbf", early), WHOLE, "--columns", columns) == 3


def test_deleted_records_of_a_dbf_table_are_counted(desk):
    names = {name[:10].lower(): name for name in HEADER if len(name) > 10}
    own = "".join(f'{whole} = "{short}"\n' for short, whole in names.items())
    columns = desk.file("names.toml", f"[his]\n{own}")
    path = desk.file("his.dbf", dbf([*FOUR, FOUR[0]], deleted=[4]))
    assert desk.run(path, WHOLE, "--columns", columns) == 0
    assert desk.totals["not_read"] == ["his: his.dbf: 1 records are marked as deleted"]
    assert "his.dbf: 1 records are marked as deleted" in desk.printed


def test_sqlite_is_read_and_never_written(desk):
    path = desk.folder / "his.db"
    base = sqlite3.connect(path)
    base.execute(f"CREATE TABLE js ({', '.join(HEADER)})")
    base.executemany(
        f"INSERT INTO js VALUES ({','.join('?' * len(HEADER))})",
        [[one[name] for name in HEADER] for one in FOUR],
    )
    base.commit()
    base.close()
    before = path.read_bytes()
    words = [f"sqlite:///{path}", "--centre", str(desk.file("c.csv", WHOLE))]
    for query, code in (
        ("SELECT * FROM js", 0),
        ("SELECT * FROM js WHERE setl_id <> 'S00003'", 1),
        ("DELETE FROM js", 2),
        ("SELECT 1; DELETE FROM js", 2),
        ("", 2),
    ):
        assert cli.main(["reconcile", "--his", *words, "--his-query", query, "--out",
                         str(desk.out)]) == code, query  # fmt: skip
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["numeric", "text"])
def test_postgresql_is_read_exactly_and_never_written(desk, kind):
    with cluster() as url:
        engine = sqlalchemy.create_engine(url)
        money = "numeric(16,2)" if kind == "numeric" else "text"
        shapes = [f"{n} {money if n.endswith(('amt', '_pay')) else 'text'}" for n in HEADER]
        with engine.begin() as con:
            con.execute(sqlalchemy.text(f"CREATE TABLE js ({', '.join(shapes)})"))
            marks = ", ".join(f":{name}" for name in HEADER)
            con.execute(sqlalchemy.text(f"INSERT INTO js VALUES ({marks})"), FOUR)
            con.execute(sqlalchemy.text("CREATE SEQUENCE counter"))
        words = ["reconcile", "--his", engine.url.render_as_string(hide_password=False),
                 "--centre", str(desk.file("c.csv", WHOLE)), "--out", str(desk.out)]  # fmt: skip
        assert cli.main([*words, "--his-query", "SELECT * FROM js"]) == 0
        writes = "SELECT nextval('counter')"
        assert cli.main([*words, "--his-query", writes]) == 2
        with engine.begin() as con:
            assert con.execute(sqlalchemy.text("SELECT nextval('counter')")).scalar() == 1
        engine.dispose()
