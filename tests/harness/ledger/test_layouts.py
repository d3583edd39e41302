"""Result files of 3202 as provinces deliver them, and the sums of 3201."""

from __future__ import annotations

import zipfile

import pytest

from tests.harness.ledger.desk import Desk, row, rows

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def result(n, *, state="0", memo="null", none=False, width=10, ids=True, **amounts):
    """A row of a result file; ``none``: the centre does not have it."""
    one = row(n)
    money = [
        amounts.get(name, one[name]) for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
    ]
    cells = [
        one["psn_no"],
        one["mdtrt_id"] if ids else "null",
        one["setl_id"] if ids else "null",
        "null" if none else one["msgid"],
        state,
        "0",
        memo,
        *(["null"] * 3 if none else money),
    ]
    return [*cells, *["null"] * (width - 10)]


def archive(desk, lines, *, end="\n", tail="", encoding="utf-8"):
    path = desk.folder / "result.zip"
    text = end.join("\t".join(cells) + tail for cells in lines) + end
    with zipfile.ZipFile(path, "w") as stream:
        stream.writestr("result.txt", text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("province", "width", "tail", "end"),
    [
        ("", 10, "\t", "\r\n"),
        ("hunan", 10, "", "\n"),
        ("hubei", 11, "\t", "\n"),
        ("jilin", 10, "", "\r\n"),
    ],
)
def test_result_files_of_provinces(desk, province, width, tail, end):
    zero = "000000" if province == "hubei" else "0"
    path = archive(desk, [result(n, width=width, state=zero) for n in range(4)], tail=tail, end=end)

    assert desk.run(rows(0, 1, 2, 3), path, *(["--province", province] if province else [])) == 0
    assert desk.totals["province"].get("name", "") == province


def test_a_row_that_says_that_the_centre_has_none_is_no_row_of_the_centre(desk):
    lines = [result(0), result(1, state="1", memo="医药机构多", none=True), result(2)]

    assert desk.run(rows(0, 1, 2), archive(desk, lines)) == 1
    assert desk.classes("his") == ["matched", "his_only", "matched"]
    assert desk.classes("centre") == ["matched", "matched"]
    assert desk.totals["set_aside"] == [
        {
            "place": "result.zip:result.txt:2",
            "setl_id": "S00001",
            "stmt_rslt": "1",
            "memo": "医药机构多",
        }
    ]


def test_lines_keep_their_numbers_when_rows_are_set_aside(desk):
    lines = [
        result(0, state="1", none=True),
        result(1),
        result(2, state="1", none=True),
        result(3, medfee_sumamt="1e2"),
    ]
    assert desk.run(rows(0, 1, 2, 3), archive(desk, lines)) == 1
    assert desk.totals["rejected"][0]["place"] == "result.zip:result.txt:4"


def test_several_rows_at_the_centre_are_never_set_aside(desk):
    lines = [result(0), result(1, state="1", memo="中心存在2条对应记录", none=True, ids=False)]

    assert desk.run(rows(0, 1), archive(desk, lines)) == 1
    assert desk.classes("centre") == ["matched", "rejected"]
    assert desk.totals["set_aside"] == []


def test_a_balanced_row_without_amounts_is_unreadable_not_absent(desk):
    assert desk.run(rows(0, 1), archive(desk, [result(0), result(1, none=True)])) == 1
    assert desk.classes("centre") == ["matched", "rejected"]


def test_the_layout_of_seven_columns_has_no_amounts(desk):
    lines = [[*result(n)[:4], "0", "0", "null"] for n in range(3)]

    assert desk.run(rows(0, 1, 2), archive(desk, lines), "--province", "chongqing") == 2
    assert "seven" in desk.said["error"]


def test_the_upload_of_seven_columns_is_a_ledger(desk):
    names = (
        "setl_id",
        "mdtrt_id",
        "psn_no",
        "medfee_sumamt",
        "fund_pay_sumamt",
        "acct_pay",
        "refd_setl_flag",
    )
    text = "\n".join("\t".join(row(n)[name] for name in names) for n in range(3))
    lines = [result(n) for n in range(3)]

    assert desk.run(desk.file("up.txt", text), archive(desk, lines), "--province", "chongqing") == 0


def test_foshan_names_the_insurance_in_the_memo(desk):
    lines = [result(0, memo="310"), result(1, memo="金额一致390")]

    assert desk.run(rows(0, 1), archive(desk, lines), "--province", "foshan") == 1
    found = desk.verdicts("his")[1]
    assert (found["class"], found["field"]) == ("wrong_category", "insutype")


def test_a_result_file_that_was_cut_off_stays_incomplete(desk):
    text = "\n".join("\t".join(result(n, state="1", none=n == 1)) for n in range(6))
    path = desk.file("result.txt", text[:-3])

    assert desk.run(rows(*range(6)), path) == 3


def test_an_unknown_province_is_named_with_those_that_are_known(desk):
    assert desk.run(rows(0), rows(0), "--province", "atlantis") == 2
    assert "hunan" in desk.said["error"]
    assert desk.run(rows(0), rows(0), "--province", "../../pyproject") == 2


def policy(desk, text):
    return desk.file("own.toml", f'name = "own"\n[policy]\n{text}\n')


def refund(n, **changes):
    return row(n, refd_setl_flag="1", setl_time="2026-03-02 11:00:00", **changes)


def test_a_lone_positive_refund_is_one_where_the_province_says_so(desk):
    minus = {"medfee_sumamt": "-107.00", "fund_pay_sumamt": "-60.00", "acct_pay": "-10.00",
             "psn_cash_pay": "-37.00"}  # fmt: skip
    own = policy(desk, 'file_sign = "positive"')

    assert (
        desk.run([*rows(0, 1), refund(7)], [*rows(0, 1), refund(7, **minus)], "--province", own)
        == 0
    )
    (matched,) = [one for one in desk.totals["waterfall"] if one["step"] == "matched"]
    assert (matched["his"], matched["amount"]) == ("94.00", "0.00"), "the verdicts are turned too"
    assert desk.run([*rows(0, 1), refund(7)], [*rows(0, 1), refund(7, **minus)]) == 1


@pytest.mark.parametrize(("count", "wanted"), [(2, 3), (1, 2), (0, 1)])
def test_totals_as_3201_compares_them(desk, count, wanted):
    minus = {"medfee_sumamt": "-101.00", "fund_pay_sumamt": "-60.00", "acct_pay": "-10.00",
             "psn_cash_pay": "-31.00"}  # fmt: skip
    both = [*rows(0, 1), refund(1, **minus)]
    other = [row(0, insutype="390"), row(1), refund(1, **minus)]

    assert desk.run(both, both, "--province", policy(desk, f"pair_count = {count}")) == 0
    (line,) = desk.totals["totals_3201"]["lines"]
    assert (line["his"], line["count_his"], line["balanced"]) == ("100.00", wanted, True)

    assert desk.run(both, other) == 1
    found = desk.totals["totals_3201"]
    assert [one["insutype"] for one in found["lines"]] == ["310", "390"]
    assert not found["balanced"]
    assert [one["medfee_sumamt_delta"] for one in found["lines"]] == ["100.00", "-100.00"]
