"""Amount differences down to the fee line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.ledger.detail import Bill, explain

HEAD = "mdtrt_id,setl_id,feedetl_sn,medins_list_codg,medins_list_name,cnt,pric,det_item_fee_sumamt"


def table(path, lines, head=HEAD, encoding="gbk"):
    path.write_bytes("\r\n".join([head, *lines]).encode(encoding))
    return path


def run(tmp_path, his, centre, bill=None, head=HEAD):
    ours = table(tmp_path / "h.csv", his, head)
    theirs = table(tmp_path / "c.csv", centre, HEAD, "utf-8-sig")
    bill = bill or Bill(setl_id="S1", mdtrt_id="M1", his_fen=10000, centre_fen=9000)
    return explain(ours, theirs, [bill])


def kinds(result):
    return [(one.kind, one.delta_fen) for bill in result.bills for one in bill.findings]


@pytest.mark.parametrize(
    ("his", "centre", "expected"),
    [
        (["M1,S1,1,A,药,3,5.00,15.00"], ["M1,S1,1,A,药,2,5.00,10.00"], [("quantity", 500)]),
        (["M1,S1,1,A,药,2,5.00,10.00"], ["M1,S1,1,A,药,2,4.00,8.00"], [("price", 200)]),
        (
            ["M1,S1,1,A,药,3,5.00,15.00"],
            ["M1,S1,1,A,药,2,4.00,8.00"],
            [("quantity_and_price", 700)],
        ),
        (["M1,S1,1,A,药,3,0.335,1.01"], ["M1,S1,1,A,药,3,0.335,1.00"], [("rounding", 1)]),
        (["M1,S1,1,A,药,3,0.335,1.02"], ["M1,S1,1,A,药,3,0.335,1.00"], [("amount", 2)]),
        (["M1,S1,1,A,药,2,5.00,10.01"], ["M1,S1,1,A,药,2,5.00,10.00"], [("amount", 1)]),
        (["M1,S1,1,A,药,1,5,5.00"], ["M1,S1,1,A,药,1.0000,5.000000,5.00"], []),
        (["M1,S1,1,A,药,1,5,5.00"], [], [("missing_at_centre", 500)]),
        (["M1,S1,,A,药,1,5,5.00"], [], [("never_uploaded", 500)]),
        ([], ["M1,S1,1,A,药,1,5,5.00"], [("missing_in_his", -500)]),
        (["M1,S1,1,A,药,1,5,5.00"], ["M1,S1,1,B,药,1,5,5.00"], [("item", 0)]),
        (["M1,S1,7,A,药,1,5,5.00"], ["M1,S1,9,A,药,1,5,5.00"], []),
        (["M1,S2,1,A,药,1,5,5.00"], ["M9,S9,1,A,药,1,5,5.00"], []),
    ],
)
def test_a_line_that_differs_is_named(tmp_path, his, centre, expected):
    assert kinds(run(tmp_path, his, centre)) == expected


def test_what_lines_do_not_explain_remains(tmp_path):
    result = run(tmp_path, ["M1,S1,1,A,药,3,5.00,15.00"], ["M1,S1,1,A,药,2,5.00,10.00"])

    assert result.bills[0].remainder_fen == 500  # the bill differs by 10.00
    assert not result.whole


def test_remainders_that_offset_each_other_are_not_whole(tmp_path):
    empty = table(tmp_path / "e.csv", [])
    bills = [
        Bill(setl_id="S1", mdtrt_id="", his_fen=1, centre_fen=0),
        Bill(setl_id="S2", mdtrt_id="", his_fen=0, centre_fen=1),
        Bill(setl_id="S3", mdtrt_id="", his_fen=1, centre_fen=1),
    ]
    result = explain(empty, empty, bills)

    assert result.remainder_fen == 0
    assert not result.whole


def test_lines_uploaded_before_there_is_a_settlement_meet_by_visit(tmp_path):
    head = "就诊ID,费用明细流水号,项目编码,项目名称,数量,单价,金额,上传标志"
    ours = table(tmp_path / "h.csv", ["M1,1,A,药,1,5,5.00,0", "M1,2,B,药,1,6,6.00,1"], head)
    theirs = table(tmp_path / "c.csv", ["M1,,2,B,药,1,6,6.00"])
    bill = Bill(setl_id="S1", mdtrt_id="M1", his_fen=1100, centre_fen=600)
    result = explain(ours, theirs, [bill])

    assert kinds(result) == [("never_uploaded", 500)]
    assert result.whole


@pytest.mark.parametrize(
    ("head", "line", "place"),
    [
        (HEAD, "M1,S1,1,A,药,1,5,5.005", "h.csv:2"),
        (HEAD, "M1,S1,1,A,药,1,5,1e3", "h.csv:2"),
        (HEAD, "M1,S1,1,A,药,many,5,5.00", "h.csv:2"),
        ("setl_id,cnt", "S1,1", "h.csv:1"),
        ("feedetl_sn,det_item_fee_sumamt", "1,1", "h.csv:1"),
        ("setl_id,setl_id,det_item_fee_sumamt", "S1,S1,1", "h.csv:1"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(tmp_path, head, line, place):
    with pytest.raises(InputError) as caught:
        run(tmp_path, [line], [], head=head)

    assert place in caught.value.where


@given(
    his=st.lists(st.tuples(st.integers(0, 4), st.integers(-500, 500)), max_size=6),
    centre=st.lists(st.tuples(st.integers(0, 4), st.integers(-500, 500)), max_size=6),
)
def test_no_fen_is_lost_between_lines(tmp_path_factory, his, centre):
    def lines(rows):
        return [
            f"M1,S1,{serial or ''},A{serial},药,1,{fen / 100:.2f},{fen / 100:.2f}"
            for serial, fen in rows
        ]

    bill = Bill(
        setl_id="S1",
        mdtrt_id="M1",
        his_fen=sum(fen for _, fen in his),
        centre_fen=sum(fen for _, fen in centre),
    )
    result = run(tmp_path_factory.mktemp("d"), lines(his), lines(centre), bill)

    assert result.bills[0].remainder_fen == 0
    assert (result.bills[0].his_lines, result.bills[0].centre_lines) == (len(his), len(centre))
