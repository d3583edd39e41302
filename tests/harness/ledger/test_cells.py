"""The cells of 3201: read as the text says, agreed upon on both sides, and told where they hide."""

from __future__ import annotations

import re

import duckdb
import pytest

from harness.ledger import (
    canonical,
    cells,
    columns,
    control,
    control_blocks,
    control_cells,
    quick,
    reading,
    sniff,
    verdicts,
)
from tests.harness.ledger.desk import HEADER, Desk, row, rows, table


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def dearer(n, by, **changes):
    return row(n, medfee_sumamt=f"{100 + n + by}.00", psn_cash_pay=f"{30 + n + by}.00", **changes)


def cell(desk, **wanted):
    (found,) = [one for one in desk.totals["cells"] if wanted.items() <= one.items()]
    return found


def test_differences_of_one_cell_that_cancel_out_are_told(desk):
    assert desk.run(rows(0, 1, 2), [row(0), dearer(1, 10), dearer(2, -10)]) == 1

    found = cell(desk, insutype="310")
    assert (found["delta"], found["differences"], found["offsetting"]) == ("0.00", 4, True)
    assert [
        (one["class"], one["rows_his"], one["his"], one["centre"]) for one in found["steps"]
    ] == [
        ("matched", 1, "100.00", "100.00"),
        ("amount_mismatch", 2, "203.00", "203.00"),
    ]
    assert found["residual"] == "0.00"
    assert "310 11 430100 2026-03-02 although 4 rows differ" in desk.printed
    page = (desk.out / "report.html").read_text(encoding="utf-8")
    assert len(re.findall('<rect class="hides"', page)) == 1
    assert "only because 4 differing rows cancel out" in page


def test_days_that_let_the_line_of_3201_balance_are_told(desk):
    later = {"setl_time": "2026-03-03 10:00:00"}
    assert desk.run([row(1), row(2, **later)], [dearer(1, 10), dearer(2, -10, **later)]) == 1

    assert [one["delta"] for one in desk.totals["cells"]] == ["-10.00", "10.00"]
    (line,) = desk.totals["totals_3201"]["lines"]
    assert (line["balanced"], line["differences"]) == (True, 4)
    page = (desk.out / "report.html").read_text(encoding="utf-8")
    assert len(re.findall('<rect class="differs"', page)) == 2


def test_where_nothing_differs_nothing_is_told(desk):
    assert desk.run(rows(0, 1), rows(0, 1)) == 0

    assert cell(desk)["steps"] == [
        {"class": "matched", "rows_his": 2, "rows_centre": 2, "his": "201.00", "centre": "201.00"}
    ]
    assert "cancel" not in desk.printed
    page = (desk.out / "report.html").read_text(encoding="utf-8")
    assert '<rect class="even"' in page
    assert 'class="hides"' not in page
    assert 'class="differs"' not in page


def test_cells_that_differ_are_listed_before_all_others(desk, monkeypatch):
    monkeypatch.setattr(cells, "CELLS_MAX", 1)
    days = [row(n, setl_time=f"2026-03-0{n} 10:00:00") for n in (1, 2, 3)]
    changed = dearer(2, 10, setl_time=days[1]["setl_time"])
    assert desk.run(days, [days[0], changed, days[2]]) == 1

    assert cell(desk)["day"] == "2026-03-02"
    assert desk.totals["cells_left_out"] == 2
    assert "and 2 more cells" in (desk.out / "report.html").read_text(encoding="utf-8")
    (line,) = desk.totals["totals_3201"]["lines"]
    assert (line["his"], line["count_his"]) == ("306.00", 3), "of all cells, not of the listed"


def misread(monkeypatch, short, wrong):
    """The engine takes some cells for others; sums and lines of the file stay as they are."""
    honest = canonical._terms

    def terms(*args, **how):
        found = honest(*args, **how)
        return found | {short: wrong.format(found[short])}

    monkeypatch.setattr(canonical, "_terms", terms)


BAD_CODE = ("ins", "CASE WHEN {0} = '390' THEN '310' ELSE {0} END")
BAD_DAY = ("moment", "({0} - INTERVAL 1 DAY)")
BAD_AGENCY = ("opt", "LEFT({0}, 4)")


def typed(desk, name, content):
    """The same ledger as Parquet with types."""
    source = desk.file(f"{name}.csv", content)
    target = desk.folder / f"{name}.parquet"
    kinds = {
        "medfee_sumamt": "DECIMAL(16,2)",
        "setl_time": "TIMESTAMP",
        "refd_setl_flag": "INTEGER",
    }
    kinds |= dict.fromkeys(("fund_pay_sumamt", "acct_pay", "psn_cash_pay"), "DECIMAL(16,2)")
    every = {one: kinds.get(one, "VARCHAR") for one in HEADER}
    duckdb.execute(
        f"COPY (SELECT * FROM read_csv('{source}', header=true, columns={every}))"
        f" TO '{target}' (FORMAT parquet)"
    )
    return target


@pytest.mark.parametrize(("short", "wrong"), [BAD_CODE, BAD_DAY, BAD_AGENCY])
@pytest.mark.parametrize("kind", ["few", "text", "blocks", "typed", "text in parquet"])
def test_a_cell_that_is_misread_alike_on_both_sides_is_incomplete(
    desk, monkeypatch, short, wrong, kind
):
    ledger = table([row(1), row(2, insutype="390"), row(3)])
    if kind != "few":
        monkeypatch.setattr(columns, "FEW_ROWS", -1)
    if kind == "blocks":
        monkeypatch.setattr(reading, "PARALLEL_BYTES", 1)
        monkeypatch.setattr(control, "BLOCKS_FROM_BYTES", 1)
    his, centre = ledger, ledger
    if kind == "typed":
        his, centre = typed(desk, "h", ledger), typed(desk, "c", ledger)
    if kind == "text in parquet":
        his, centre = desk.folder / "h.parquet", desk.folder / "c.parquet"
        source = desk.file("t.csv", ledger)
        for target in (his, centre):
            duckdb.execute(
                f"COPY (SELECT * FROM read_csv('{source}', header=true, all_varchar=true))"
                f" TO '{target}' (FORMAT parquet)"
            )
    assert desk.run(his, centre) == 0
    misread(monkeypatch, short, wrong)

    assert desk.run(his, centre) == 3
    told = "his: cell 310 11 430100 2026-03-02 has 2 rows"
    assert any(one.startswith(told) for one in desk.said["problems"])


def test_classes_with_other_amounts_than_their_rows_are_incomplete(desk, monkeypatch):
    honest = verdicts.build

    def build(con, sides):
        honest(con, sides)
        con.execute("CREATE TABLE was AS SELECT * FROM verdict")
        con.execute("DROP VIEW IF EXISTS verdict; DROP TABLE IF EXISTS verdict")
        con.execute(f"DROP VIEW IF EXISTS {verdicts.CLOSE}")
        # Ten yuan of one row stand in another: no sum tells.
        con.execute(
            "CREATE TABLE verdict AS SELECT * REPLACE (fee + CASE WHEN side = 'his' AND line < 3"
            " THEN 1000 * (3 - 2 * line) ELSE 0 END AS fee) FROM was"
        )

    monkeypatch.setattr(verdicts, "build", build)
    assert desk.run(rows(1, 2, 3), rows(1, 2, 3)) == 3
    assert "his: 2 rows have another amount" in desk.said["problems"][0]


def test_pairs_taken_for_equal_that_lie_in_two_cells_are_incomplete(desk, monkeypatch):
    monkeypatch.setattr(columns, "FEW_ROWS", -1)
    his = typed(desk, "h", table([row(1), row(2, insutype="390"), row(3)]))
    centre = typed(desk, "c", table([row(1, insutype="390"), row(2), row(3)]))
    assert desk.run(his, centre) == 1

    # Fingerprints without the insurance say that the pairs are equal.
    monkeypatch.setattr(quick, "_CODES", ("clr_type", "clr_optins", "setl_optins"))
    assert desk.run(his, centre) == 3
    assert desk.said["problems"] == [
        "cell 310 11 430100 2026-03-02: the pairs that agree leave 0 rows and -1.00/0.00/0.00",
        "cell 390 11 430100 2026-03-02: the pairs that agree leave 0 rows and 1.00/0.00/0.00",
    ]


def test_what_only_one_side_says_is_no_other_cell(desk):
    bare = [{n: v for n, v in row(k).items() if n != "insutype"} for k in range(3)]
    agencies = [row(k, setl_optins="430199") for k in range(3)]
    assert desk.run(bare, agencies) == 0
    assert desk.run([row(0, insutype=""), row(1)], rows(0, 1)) == 0


TIMES = (
    "2026-03-02 00:00:00", "2026-03-02T23:59:59", "2026-03-02 20:15:00", "2026-03-02 24:00:00",
    "2026-03-02 10:59:59", "2026/3/2 7:05", "20260302101112", "2026-03-02", "2026年3月2日",
    "２０２６-03-02 10:00:00", "", "null", "0000-01-01 00:00:00", "2026-02-28 24:00:00",
    "2026-03-01T18:00:00Z",
)  # fmt: skip
CODES = ("310", " 310", "310 ", "null", "", "-", "３１０", "居民", "12345678", "123456789", "a1b")


def test_odd_times_and_codes_are_one_cell_for_text_and_engine(desk, monkeypatch):
    ledger = [
        row(n, setl_time=time, insutype=code, clr_optins=code)
        for n, (time, code) in enumerate((one, other) for one in TIMES for other in CODES)
    ]
    text = table(ledger)
    for few in (-1, 10_000):
        monkeypatch.setattr(columns, "FEW_ROWS", few)
        assert desk.run(text, text) == 0

    path = desk.file("odd.csv", text)
    dialect = sniff.look(path, label="odd.csv", renames={})
    by_line = control.control(path, dialect, "odd.csv")
    monkeypatch.setattr(control, "BLOCKS_FROM_BYTES", 1)
    for encoding, block, keys in (
        ("utf-8", 1 << 20, 10_000), ("gb18030", 1 << 20, 10_000), ("utf-8", 2_000, 10_000),
        ("utf-8", 2_000, 3),
    ):  # fmt: skip
        monkeypatch.setattr(control_blocks, "BLOCK_BYTES", block)
        monkeypatch.setattr(control_cells, "KEYS_MAX", keys)
        path.write_text(text, encoding=encoding, newline="")
        dialect = sniff.look(path, label="odd.csv", renames={})
        assert control.control(path, dialect, "odd.csv") == by_line
    days = {day for _, _, _, day in by_line.cells}
    assert days == {"", "0000-01-01", "2026-03-01", "2026-03-02", "2026-03-03"}


@pytest.mark.parametrize("mixed_up", [False, True])
def test_keys_of_earlier_blocks_are_known_again(desk, monkeypatch, mixed_up):
    monkeypatch.setattr(control, "BLOCKS_FROM_BYTES", 1)
    monkeypatch.setattr(control_blocks, "BLOCK_BYTES", 600)
    told = []
    real = control_cells.Cells.sums_of
    monkeypatch.setattr(
        control_cells.Cells, "sums_of", lambda self, one: told.append(one) or real(self, one)
    )
    if mixed_up:  # every key is taken for every other, until the parts are compared
        real_which = control_cells._Block._find
        monkeypatch.setattr(
            control_cells._Block, "_find", lambda self, one: real_which(self, one) * 0
        )
    ledger = [row(n, insutype=("310", "390")[n % 3 == 0]) for n in range(90)]
    path = desk.file("plain.csv", table(ledger))
    dialect = sniff.look(path, label="plain.csv", renames={})
    found = control.control(path, dialect, "plain.csv")
    assert [sums[0] for _, sums in sorted(found.cells.items())] == [60, 30]
    assert len(told) == 2 or mixed_up


def test_a_ledger_without_codes_and_times_is_one_cell(desk, monkeypatch):
    monkeypatch.setattr(control, "BLOCKS_FROM_BYTES", 1)
    path = desk.file("bare.csv", "setl_id,medfee_sumamt\n" + "S1,2.50\n" * 40)
    dialect = sniff.look(path, label="bare.csv", renames={})
    assert control.control(path, dialect, "bare.csv").cells == {("", "", "", ""): [40, 10000, 0, 0]}


def test_unreadable_rows_are_in_their_cells(desk):
    text = table(
        [*rows(0, 1), row(2, medfee_sumamt="1e3"), row(3, setl_time="2026-13-02 10:00:00")]
    )
    text += "S9,M9,P9,12.00\n"
    assert desk.run(text, text) == 1
    assert desk.classes("his").count("rejected") == 3


@pytest.mark.parametrize("kind", ["few", "typed"])
def test_bills_whose_fee_lines_alone_differ_stand_in_their_cell(desk, monkeypatch, kind):
    his = centre = table(rows(0, 1))
    if kind == "typed":
        monkeypatch.setattr(columns, "FEW_ROWS", -1)
        his, centre = typed(desk, "h", his), typed(desk, "c", centre)
    head = "mdtrt_id,setl_id,feedetl_sn,medins_list_codg,cnt,pric,det_item_fee_sumamt\n"
    ours = desk.file("ours.csv", f"{head}M1,S00001,1,A,1,101.00,101.00\n")
    theirs = desk.file("theirs.csv", f"{head}M1,S00001,1,B,1,101.00,101.00\n")

    assert desk.run(his, centre, "--his-detail", ours, "--centre-detail", theirs) == 1
    found = cell(desk, insutype="310")
    assert (found["differences"], found["offsetting"]) == (2, True)
    assert [one["class"] for one in found["steps"]] == ["matched", "detail_differs"]
