"""Item maps: every format, every problem with its line, differences, and a proof a row."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from harness import cli, i18n, resources
from harness.errors import InputError, InputErrors
from harness.labmap.command import run_check, run_compare
from harness.labmap.compare import compare
from harness.labmap.model import ItemMap, ItemRow
from harness.labmap.prove import ROUND_MAX, proofs, rounds
from harness.labmap.read import read_map

CSV = "通道,项目,系数,小数位,单位,文本对照\nWBC,1001,,2,10*9/L,\nHGB,1002,10,0,g/L,\nHBS,1003,,,,neg=阴性;pos=阳性\n"
ROWS = [
    ("WBC", "1001", "1", "2", "10*9/L", ""),
    ("HGB", "1002", "10", "0", "g/L", ""),
    ("HBS", "1003", "1", "", "", "neg=阴性;pos=阳性"),
]


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


def rows(item_map: ItemMap) -> list[tuple[str, ...]]:
    names = ("channel", "item", "factor", "decimals", "unit", "texts")
    return [tuple(row.shown(name) for name in names) for row in item_map.rows]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_csv_in_every_character_set(tmp_path, codec):
    found = read_map(write(tmp_path / "map.csv", CSV.encode(codec)))

    assert rows(found) == ROWS
    assert [row.line for row in found.rows] == [2, 3, 4]


def test_a_wrong_character_set_is_said_with_its_line(tmp_path):
    path = write(tmp_path / "map.csv", "channel,item\nA,B\nC,阴\n".encode("gbk") + b"\xff")
    with pytest.raises(InputError) as caught:
        read_map(path, encoding="utf-8")
    assert caught.value.where == "map.csv:3"


def test_tabs_blank_lines_and_further_columns(tmp_path):
    text = "\n备注\tItem\tCHANNEL\n甲\t1001\tWBC\n\n乙\t1002\tHGB\n"
    text = text.lstrip("\n")
    found = read_map(write(tmp_path / "map.txt", text))

    assert [(row.channel, row.item, row.line) for row in found.rows] == [
        ("WBC", "1001", 2), ("HGB", "1002", 4),
    ]  # fmt: skip


def test_xlsx(tmp_path):
    path = tmp_path / "map.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for at, line in enumerate(CSV.rstrip("\n").split("\n")):
        for column, cell in enumerate(line.split(",")):
            sheet.write(at, column, float(cell) if cell.isdecimal() else cell)
    book.close()

    assert rows(read_map(path)) == ROWS


def test_toml(tmp_path):
    text = """# a comment
[[item]]
channel = "WBC"
item = 1001
decimals = 2
unit = "10*9/L"

[[item]]
channel = "HGB"
item = "1002"
factor = "10"
decimals = 0
unit = "g/L"
[[item]]
channel = "HBS"
item = "1003"
texts = { neg = "阴性", pos = "阳性" }
"""
    found = read_map(write(tmp_path / "map.toml", text))

    assert rows(found) == ROWS
    assert [row.line for row in found.rows] == [2, 8, 14]


def test_all_problems_at_once_each_with_its_line(tmp_path):
    text = "channel,item,factor,decimals,texts\nA,,0.1,2,\nB,b,x,11,neg\nB2,b,-1,1.5,a=1;a=2\nC,c,,,\nC,d,,,\n"
    with pytest.raises(InputErrors) as caught:
        read_map(write(tmp_path / "map.csv", text))

    assert [(one.where, one.message) for one in caught.value.problems] == [
        ("map.csv:2", "item is empty"),
        ("map.csv:3", "factor x is no number above zero"),
        ("map.csv:3", "decimals 11 is no number from 0 to 10"),
        ("map.csv:3", "neg is no pair of texts"),
        ("map.csv:4", "factor -1 is no number above zero"),
        ("map.csv:4", "decimals 1.5 is no number from 0 to 10"),
        ("map.csv:4", "text a is mapped twice"),
        ("map.csv:6", "channel C stands on line 5 already"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", "", "no rows"),
        ("a.csv", "channel,unit\nA,g\n", "column item is missing"),
        ("a.csv", "channel,item\n", "no rows"),
        ("a.toml", "[[item]]\nchannel = ", "Invalid"),
        ("a.toml", "item = 3\n", "[[item]]"),
        ("a.toml", '[[item]]\nchannel = "A"\nitme = "B"\n', "unknown key itme"),
        ("a.toml", '[[item]]\nchannel = "A"\nitem = "B"\ntexts = "x"\n', "must be a table"),
        ("a.xlsx", "no sheet", "not a readable sheet"),
        ("a.doc", "x", "not an item map"),
    ],
)
def test_what_is_no_map(tmp_path, name, data, said):
    with pytest.raises(InputError) as caught:
        read_map(write(tmp_path / name, data))
    assert said in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_map(tmp_path / "none.csv")


def test_remarks_are_no_errors(tmp_path):
    text = "channel,item,factor\nA,K,10\nB,K,\n"
    found = read_map(write(tmp_path / "m.csv", text))

    assert [(one.where, one.text) for one in found.remarks] == [
        ("m.csv:2", "channel A has a factor and no decimals"),
        ("m.csv:3", "item K comes from channels A and B"),
    ]


# -- values: worked by hand ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "decimals", "sent", "expected"),
    [("10", 0, "13.35", "134"), ("0.0555", 2, "100", "5.55"), ("1", 1, "<0.25", "<0.3"),
     ("1", None, "4.10", "4.10"), ("100", None, "4.10", "410"), ("1", 1, "> 7", ">7.0"),
     ("1", 1, "neg", "阴性"), ("1", 1, "其他", "其他"), ("1", 2, "7,41", "7,41")],
)  # fmt: skip
def test_expected_values(factor, decimals, sent, expected):
    row = ItemRow(channel="1", item="X", factor=Decimal(factor), decimals=decimals,
                  texts=(("neg", "阴性"),))  # fmt: skip

    assert row.expected(sent) == expected


@given(
    factor=st.sampled_from(["1", "10", "0.1", "0.0555", "1000", "2.5"]),
    decimals=st.one_of(st.none(), st.integers(0, 5)),
    at=st.integers(0, 300),
)
def test_a_proof_shows_a_lost_factor_and_cutting(factor, decimals, at):
    row = ItemRow(channel="1", item="X", factor=Decimal(factor), decimals=decimals)
    (proof,) = proofs(ItemMap(name="m", rows=(row,)), texts=False)
    number = Decimal(proof.sent)

    assert proof.expected == row.expected(proof.sent)
    if factor != "1":
        assert Decimal(proof.expected) != number
    if decimals is not None:
        unit = Decimal(1).scaleb(-decimals)
        assert Decimal(proof.expected) > (number * row.factor) // unit * unit


def test_every_row_has_a_proof_texts_and_signs_too(tmp_path):
    found = read_map(write(tmp_path / "map.csv", CSV))

    assert [one.line for one in proofs(found)] == [2, 3, 4, 4, 4]
    assert [one.sent for one in proofs(found, signs=True) if "<" in one.sent] == [
        "<13.305", "<14.35", "<15.301",
    ]  # fmt: skip
    assert {(one.sent, one.expected) for one in proofs(found)} >= {("neg", "阴性"), ("pos", "阳性")}


# -- comparison ------------------------------------------------------------------------------------


def test_differences_say_what_becomes_of_a_value(tmp_path):
    before = read_map(write(tmp_path / "old.csv", CSV))
    text = CSV.replace("HGB,1002,10,0,g/L", "HGB,1002,1,1,g/dL").replace("WBC,1001", "WBC2,1001")
    after = read_map(write(tmp_path / "new.csv", text.replace("pos=阳性", "pos=阳性(+)")))
    found = compare(before, after)

    assert [(one.channel, one.kind, one.field, one.before, one.after) for one in found] == [
        ("WBC2", "added", "", "", "item 1001, factor 1, decimals 2, unit 10*9/L"),
        ("HGB", "changed", "factor", "10", "1"),
        ("HGB", "changed", "decimals", "0", "1"),
        ("HGB", "changed", "unit", "g/L", "g/dL"),
        ("HBS", "changed", "texts", "neg=阴性;pos=阳性", "neg=阴性;pos=阳性(+)"),
        ("WBC", "removed", "", "item 1001, factor 1, decimals 2, unit 10*9/L", ""),
    ]
    assert (found[1].stored_before, found[1].stored_after) == ("1002 124 g/L", "1002 12.4 g/dL")
    assert (found[4].sent, found[4].stored_after) == ("pos", "1003 阳性(+)")
    assert found[5].where == "old.csv:2"
    assert compare(before, before) == []


def test_the_order_of_texts_means_nothing(tmp_path):
    before = read_map(write(tmp_path / "a.csv", CSV))
    after = read_map(
        write(tmp_path / "b.csv", CSV.replace("neg=阴性;pos=阳性", "pos=阳性;neg=阴性"))
    )

    assert compare(before, after) == []


# -- commands --------------------------------------------------------------------------------------


def test_check_prints_a_proof_a_row_and_json(tmp_path, capsys):
    assert run_check(str(write(tmp_path / "map.csv", CSV)), as_json=True) == 0
    *lines, last = capsys.readouterr().out.splitlines()

    assert lines[0].split() == ["line", "channel", "sent", "item", "must", "be", "stored", "unit"]
    assert lines[-1] == "3 rows, 0 remarks"
    told = json.loads(last)
    assert [one["channel"] for one in told["rows"]] == ["WBC", "HGB", "HBS"]
    assert (len(told["proofs"]), told["exit_code"]) == (5, 0)


def test_compare_has_exit_code_1_where_something_differs(tmp_path, capsys):
    old = str(write(tmp_path / "old.csv", CSV))
    new = str(write(tmp_path / "new.csv", CSV.replace("10,0", "1,0")))

    assert run_compare(old, old) == 0
    assert run_compare(old, new, as_json=True) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["exit_code"] == 1
    assert told["differences"][0]["field"] == "factor"


@pytest.mark.parametrize("name", ["chemistry.toml", "haematology.csv"])
def test_maps_that_ship(name):
    path = Path(str(resources.fixture(f"catalogues/item_maps/{name}")))

    assert read_map(path).remarks == ()


PROVED = """通道,项目,系数,小数位,单位,文本对照
201,K,1,2,mmol/L,
202,GLU,0.0555,2,mmol/L,
203,HBsAg,,,,neg=阴性;pos=阳性
204,K,10,1,mmol/L,
"""
"""Two channels of one item, and texts: three specimens."""


def played(text: str, folder: Path, *defects: str) -> tuple[int, list[dict[str, str]]]:
    """The exit code of a proof, and the findings of its report."""
    path = folder / "map.csv"
    path.write_text(text, encoding="utf-8")
    out = folder / "-".join(("run", *defects))
    words = ["labmap", "prove", str(path), "--profile", "memory", "--out", str(out)]
    for one in defects:
        words += ["--defect", one]
    code = cli.main(words)
    i18n.use("en")
    (scenario,) = json.loads((out / "run.json").read_text("utf-8"))["scenarios"]
    return code, scenario["findings"]


def test_rounds_hold_each_item_once(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(PROVED, encoding="utf-8")

    found = rounds(read_map(path))

    assert [[one.item for one in part] for part in found] == [
        ["K", "GLU", "HBsAg"], ["HBsAg", "K"], ["HBsAg"],
    ]  # fmt: skip
    assert sum(map(len, found)) == len(proofs(read_map(path)))
    rows = "".join(f"{number},I{number}\n" for number in range(2 * ROUND_MAX + 1))
    path.write_text(f"channel,item\n{rows}", encoding="utf-8")
    assert [len(part) for part in rounds(read_map(path))] == [ROUND_MAX, ROUND_MAX, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("defect", "lines"), [
    ("lis-ignores-factor", {"3", "5"}),
    ("lis-ignores-text-map", {"4"}),
    ("lis-unit-of-other-row", {"4"}),
])  # fmt: skip
def test_a_row_that_the_lis_gets_wrong_is_named_with_its_line(tmp_path, defect, lines):
    code, findings = played(PROVED, tmp_path, defect)

    assert code == 1
    found = [re.search(r"map\.csv:(\d+) ", one["clause"]) for one in findings]
    assert {one[1] for one in found if one} == lines


@pytest.mark.slow
def test_a_lis_that_has_the_map_proves_every_row(tmp_path):
    assert played(PROVED, tmp_path) == (0, [])


def test_a_map_that_cannot_be_used_is_refused_before_anything_runs(tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text("通道,项目,系数\nA,K,一\n,GLU,2\n", encoding="utf-8")

    words = ["labmap", "prove", str(path), "--out", str(tmp_path / "run"), "--lang", "zh-CN"]
    code = cli.main(words)

    said = capsys.readouterr().err
    assert code == 2
    assert f"{path.name}:2: 系数 一 不是大于零的数" in said
    assert f"{path.name}:3: channel 为空" in said
    assert not (tmp_path / "run").exists()
