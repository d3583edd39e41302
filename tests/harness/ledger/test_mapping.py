"""对码: each fault found at its item, with its cost, and nothing found where nothing is wrong."""

import json
from pathlib import Path

import openpyxl
import pytest

from harness import cli
from harness.errors import InputError

DEMO = Path(__file__).resolve().parents[3] / "fixtures" / "ledger" / "demo"
HIS = "项目编码,项目名称,国家编码,项目等级,自付比例,单价"
MATCHES = "fixmedins_hilist_id,fixmedins_hilist_name,med_list_codg,begndate,enddate,vali_flag"
BILLS = "medins_list_codg,cnt,pric,det_item_fee_sumamt"
LISTS = {
    "catalogue": "med_list_codg,hilist_code,begndate,enddate,vali_flag",
    "limits": "hilist_code,hilist_pric_uplmt_amt,begndate,enddate,vali_flag",
    "ratios": "hilist_code,selfpay_prop,begndate,enddate,vali_flag",
}


def write(path, head, lines):
    path.write_bytes("\r\n".join([head, *lines]).encode("gbk"))
    return str(path)


def call(*words):
    args = cli.build_parser().parse_args(["mapping", *words])
    return args.run(args)


def lint(tmp_path, his, matches, bills=(), **lists):
    words = ["lint", "--his", write(tmp_path / "his.csv", HIS, his)]
    words += ["--matches", write(tmp_path / "m.csv", MATCHES, matches), "--on", "2026-09-02"]
    words += ["--bills", write(tmp_path / "b.csv", BILLS, bills), "--out", str(tmp_path / "out")]
    for name, lines in lists.items():
        words += [f"--{name}", write(tmp_path / f"{name}.csv", LISTS[name], lines)]
    code = call(*words)
    found = json.loads((tmp_path / "out" / "mapping.json").read_text(encoding="utf-8"))["findings"]
    return code, [(one["kind"], one["code"], one["effect_fen"]) for one in found]


GOOD = "A,药,N1,01,0.1,10.00"
MATCH = "A,药,N1,2026-01-01,2026-12-31,1"
BILL = "A,3,10.00,30.00"


def test_a_sound_mapping_has_nothing_to_say(tmp_path):
    lists = {
        "catalogue": ["N1,H1,2026-01-01,,1"],
        "limits": ["H1,10.00,2026-01-01,,1"],
        "ratios": ["H1,0.10,2026-01-01,,1"],
    }
    assert lint(tmp_path, [GOOD], [MATCH], [BILL], **lists) == (0, [])


@pytest.mark.parametrize(
    ("his", "matches", "lists", "expected"),
    [
        ([GOOD], ["Z,x,N9,2026-01-01,,1"], {}, [("unmapped", "A", 3000)]),
        ([GOOD], ["A,药,N1,2026-01-01,2026-09-01,1"], {}, [("expired", "A", 3000)]),
        ([GOOD], ["A,药,N1,2026-01-01,2026-09-02,1"], {}, []),
        ([GOOD], ["A,药,N1,2026-09-03,,1"], {}, [("not_yet_valid", "A", 3000)]),
        ([GOOD], ["A,药,N1,2026-01-01,,0"], {}, [("deleted", "A", 3000)]),
        ([GOOD], [MATCH, "A,药,N2,2026-01-01,,1"], {}, [("one_to_many", "A", None)]),
        ([GOOD], ["A,药,N2,2026-01-01,,1"], {}, [("code_differs", "A", None)]),
        (
            [GOOD, "B,药,N1,01,0.1,10.00"],
            [MATCH, "B,药,N1,2026-01-01,,1"],
            {},
            [("many_to_one", "A", None), ("many_to_one", "B", None)],
        ),
        (
            [GOOD],
            [MATCH],
            {"catalogue": ["N1,H1,2026-01-01,2026-08-31,1"]},
            [("deleted", "A", 3000)],
        ),
        ([GOOD], [MATCH], {"limits": ["N1,9.00,2026-01-01,,1"]}, [("over_limit", "A", 300)]),
        ([GOOD], [MATCH], {"limits": ["N1,9.00,2026-10-01,,1"]}, []),
        ([GOOD], [MATCH], {"ratios": ["N1,0.3,2026-01-01,,1"]}, [("ratio_differs", "A", 600)]),
        (
            [GOOD],
            [MATCH],
            {"catalogue": ["N1,H1,2026-01-01,,1"], "limits": ["H1,8.00,2026-01-01,,1"]},
            [("over_limit", "A", 600)],
        ),
    ],
)
def test_a_fault_is_found_with_its_cost(tmp_path, his, matches, lists, expected):
    code, found = lint(tmp_path, his, matches, [BILL], **lists)

    assert found == expected
    assert code == bool(expected)


def test_a_level_that_differs_is_found(tmp_path):
    matches = write(tmp_path / "m.csv", MATCHES + ",chrgitm_lv", [MATCH + ",02"])
    his = write(tmp_path / "h.csv", HIS, [GOOD])

    code = call("lint", "--his", his, "--matches", matches, "--out", str(tmp_path))
    found = json.loads((tmp_path / "mapping.json").read_text(encoding="utf-8"))
    assert (code, found["counts"]) == (1, {"level_differs": 1})


def test_before_and_after(tmp_path, capsys):
    head = MATCHES + ",selfpay_prop,hilist_pric_uplmt_amt"
    before = ["A,a,N1,2026-01-01,,1,0.1,12", "B,b,N2,2026-01-01,,1,,", "C,c,N3,2026-01-01,,1,,"]
    after = ["A,a,N1,2026-01-01,,1,0.2,9", "B,b,N9,2026-01-01,,1,,", "D,d,N4,2026-01-01,,1,,"]
    files = [
        write(tmp_path / "b.csv", head, before),
        write(tmp_path / "a.csv", head, after),
        write(tmp_path / "l.csv", BILLS, [BILL, "C,1,5.00,5.00"]),
    ]
    code = call("compare", "--before", files[0], "--after", files[1], "--bills", files[2], "--json")
    found = json.loads(capsys.readouterr().out)["findings"]

    assert code == 1
    assert [(one["kind"], one["code"], one["effect_fen"]) for one in found] == [
        ("added", "D", None),
        ("removed", "C", 500),
        ("code_changed", "B", None),
        ("ratio_changed", "A", 300),
        ("limit_changed", "A", 300),
    ]
    assert call("compare", "--before", files[0], "--after", files[0]) == 0


def test_a_limit_that_already_bit_costs_only_what_it_bites_more(tmp_path, capsys):
    head = MATCHES + ",hilist_pric_uplmt_amt"
    before = write(tmp_path / "b.csv", head, ["A,a,N1,2026-01-01,,1,9"])
    after = write(tmp_path / "a.csv", head, ["A,a,N1,2026-01-01,,1,7"])
    bills = write(tmp_path / "l.csv", BILLS, [BILL])
    call("compare", "--before", before, "--after", after, "--bills", bills, "--json")

    assert json.loads(capsys.readouterr().out)["findings"][0]["effect_fen"] == 600


def test_the_workbook_is_written_and_reads_back(tmp_path):
    lint(tmp_path, ["=A,药,N1,01,0.1,10.00"], [MATCH])
    page = openpyxl.load_workbook(tmp_path / "out" / "mapping.xlsx").worksheets[0]

    assert page.cell(2, 2).value == "=A"
    assert page.cell(2, 2).data_type != "f"


def test_an_xlsx_catalogue_reads_and_a_destroyed_code_is_refused(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["项目编码", "单价"])
    book.active.append(["A", 10.1])
    book.save(tmp_path / "his.xlsx")
    matches = write(tmp_path / "m.csv", MATCHES, [MATCH])
    assert call("lint", "--his", str(tmp_path / "his.xlsx"), "--matches", matches) == 0

    book.active.append([12345678901234567890, 1])
    book.save(tmp_path / "his.xlsx")
    with pytest.raises(InputError):
        call("lint", "--his", str(tmp_path / "his.xlsx"), "--matches", matches)


@pytest.mark.parametrize(
    ("his", "matches"),
    [
        ([], [MATCH]),
        ([GOOD, GOOD], [MATCH]),
        ([GOOD], ["A,药,,2026-01-01,,1"]),
        ([GOOD], ["A,药,N1,soon,,1"]),
        (["A,药,N1,01,ten,1"], [MATCH]),
    ],
)
def test_a_table_that_cannot_be_used_is_an_input_error(tmp_path, his, matches):
    with pytest.raises(InputError):
        lint(tmp_path, his, matches)


def test_the_shipped_demo(tmp_path):
    words = ["--his", "catalogue_his", "--matches", "matches", "--limits", "limits"]
    words += ["--ratios", "ratios", "--bills", "his_detail"]
    words = [one if one.startswith("--") else str(DEMO / f"{one}.csv") for one in words]
    code = call("lint", *words, "--on", "2026-09-02", "--out", str(tmp_path))
    counts = json.loads((tmp_path / "mapping.json").read_text(encoding="utf-8"))["counts"]

    assert code == 1
    assert counts == {"unmapped": 1, "expired": 1, "ratio_differs": 1, "over_limit": 1}
