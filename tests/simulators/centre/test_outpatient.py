"""Outpatient flow: registration, rows, trial, settlement, reversal, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.centre import world
from simulators.centre.rules import Policy
from tests.simulators.centre.counter import SEED, Counter

MONEY = [
    "medfee_sumamt",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "preselfpay_amt",
    "inscp_scp_amt",
    "act_pay_dedc",
    "hifp_pay",
    "cvlserv_pay",
    "hifes_pay",
    "hifmi_pay",
    "hifob_pay",
    "hifdm_pay",
    "maf_pay",
    "oth_pay",
    "fund_pay_sumamt",
    "hosp_part_amt",
    "psn_part_amt",
    "acct_pay",
    "psn_cash_pay",
    "acct_mulaid_pay",
]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.close()


def balance(counter: Counter, psn_no: str) -> int:
    return counter.store.rows("SELECT balc FROM accounts WHERE psn_no = ?", (psn_no,))[0]["balc"]


def sums(counter: Counter) -> list[dict[str, object]]:
    return [
        row
        for row in counter.books("cumulations")["cumulations"]
        if any(value for name, value in row.items() if isinstance(value, int))
    ]


def test_a_visit_from_registration_to_settlement_by_hand(counter: Counter) -> None:
    """Third-level hospital, employee: deductible 200, then 0.6.

    500.00 of level 01 and 60.00 paid first 0.1: in scope 554.00; (554 - 200) x 0.6 = 212.40.
    """
    visit = counter.register()
    before = balance(counter, visit.psn_no)
    rows = visit.charge(("MHD0000000001", "50", "10"), ("MHD0000000002", "60", "1"))
    assert [row["inscp_scp_amt"] for row in rows] == [Decimal("500.00"), Decimal("54.00")]
    trial = counter.ok("2206", data=visit.asked())["setlinfo"]
    done = visit.settle()
    info = done["setlinfo"]
    assert info["fund_pay_sumamt"] == Decimal("212.40")
    assert info["act_pay_dedc"] == Decimal("200.00")
    assert info["psn_part_amt"] == Decimal("347.60")
    assert info["acct_pay"] == min(Decimal("347.60"), Decimal(before) / 100)
    assert info["medins_setl_id"] == counter.last.msgid
    assert info["clr_type"] == "11"
    assert info["clr_optins"] == world.REGION
    assert {name: trial[name] for name in MONEY} == {name: info[name] for name in MONEY}
    assert "setl_id" not in trial
    assert [(row["fund_pay_type"], row["fund_payamt"]) for row in done["setldetail"]] == [
        ("310100", Decimal("212.40"))
    ]
    assert Decimal(balance(counter, visit.psn_no)) / 100 == info["balc"]
    stored = counter.ok("5203", data=visit.keys() | {"setl_id": info["setl_id"]})["setlinfo"]
    assert stored["cash_payamt"] == info["psn_cash_pay"]
    assert stored["psn_pay"] == info["psn_part_amt"]
    same = set(MONEY) - {"psn_cash_pay", "psn_part_amt"}
    assert {name: stored[name] for name in same} == {name: info[name] for name in same}


def test_the_second_visit_owes_no_deductible_and_the_cap_ends_the_pool(counter: Counter) -> None:
    first = counter.register()
    first.charge(("MHD0000000001", "50", "10"))
    first.settle()
    second = counter.register()
    second.charge(("MHD0000000001", "5000", "1"))
    info = second.settle()["setlinfo"]
    assert info["act_pay_dedc"] == 0
    assert info["hifp_pay"] == Decimal("2000.00") - Decimal("180.00")


def test_a_reversal_brings_everything_back_but_leaves_a_pair(counter: Counter) -> None:
    visit = counter.register("family")
    visit.charge(("MHD0000000001", "50", "10"), ("MHS0000000013", "33.33", "1"))
    tables = ("accounts", "visits", "diagnoses")
    before = counter.books(*tables)
    info = visit.settle(acct_used_flag="2")["setlinfo"]
    assert info["acct_mulaid_pay"] > 0
    assert info["acct_pay"] == info["acct_mulaid_pay"] + Decimal("50.00")
    assert counter.books(*tables) != before
    undone = visit.undo(info["setl_id"])["setlinfo"]
    assert counter.books(*tables) == before
    assert sums(counter) == []
    assert undone["setl_id"] != info["setl_id"]
    assert undone["pdn_cash_pay"] == -info["psn_cash_pay"]
    assert "psn_cash_pay" not in undone
    for name in set(MONEY) - {"psn_cash_pay"}:
        assert undone[name] == -info[name]
    rows = counter.books("settlements")["settlements"]
    assert sorted(row["refd_setl_flag"] for row in rows) == ["0", "1"]
    negative = next(row for row in rows if row["refd_setl_flag"] == "1")
    assert negative["init_setl_id"] == info["setl_id"]
    assert negative["medins_setl_id"] == counter.last.msgid
    again = visit.settle(acct_used_flag="2")["setlinfo"]
    assert {name: again[name] for name in MONEY} == {name: info[name] for name in MONEY}
    assert again["setl_id"] not in {info["setl_id"], undone["setl_id"]}


def test_reversals_in_any_order_leave_what_the_others_did(counter: Counter) -> None:
    first, second = counter.register(), counter.register()
    for visit in (first, second):
        visit.charge(("MHD0000000001", "150", "1"))
    one = first.settle()["setlinfo"]
    second.settle()
    first.undo(one["setl_id"])
    row = sums(counter)[0]
    assert (row["medfee"], row["dedc"]) == (15000, 5000)


def test_the_sign_of_a_reversal_is_the_province_s(tmp_path: Path) -> None:
    counter = Counter(tmp_path, Policy(reversal_sign="positive"))
    visit = counter.register()
    visit.charge(("MHD0000000001", "500", "1"))
    info = visit.settle()["setlinfo"]
    undone = visit.undo(info["setl_id"])
    assert undone["setlinfo"]["medfee_sumamt"] == info["medfee_sumamt"]
    assert undone["setldetail"][0]["fund_payamt"] == info["hifp_pay"]
    rows = counter.books("settlements")["settlements"]
    assert sum(row["medfee_sumamt"] for row in rows) == 0
    counter.close()


def test_undoing_compares_all_three_keys_and_happens_once(counter: Counter) -> None:
    visit, other = counter.register(), counter.register("retired")
    visit.charge(("MHD0000000001", "50", "1"))
    setl_id = visit.settle()["setlinfo"]["setl_id"]
    for wrong in ({"psn_no": other.psn_no}, {"mdtrt_id": other.mdtrt_id}):
        said = counter.no("2208", data=visit.keys() | {"setl_id": setl_id} | wrong)
        assert "不一致" in said
    assert "未查询到" in counter.no("2208", data=visit.keys() | {"setl_id": "404"})
    counter.hospital = world.OTHER_HOSPITAL
    assert "不一致" in counter.no("2208", data=visit.keys() | {"setl_id": setl_id})
    counter.hospital = world.HOSPITAL
    counter.no("2305", data=visit.keys() | {"setl_id": setl_id})
    negative = visit.undo(setl_id)["setlinfo"]["setl_id"]
    assert "已撤销" in counter.no("2208", data=visit.keys() | {"setl_id": setl_id})
    assert "退费结算" in counter.no("2208", data=visit.keys() | {"setl_id": negative})


def test_the_order_back_is_settlement_rows_registration(counter: Counter) -> None:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "1"))
    setl_id = visit.settle()["setlinfo"]["setl_id"]
    withdraw = visit.keys() | {"chrg_bchno": "B1"}
    assert "已经结算" in counter.no("2205", data=withdraw)
    cancel = visit.keys() | {"ipt_otp_no": "x"}
    assert "结算" in counter.no("2202", data=cancel)
    visit.undo(setl_id)
    assert "费用明细" in counter.no("2202", data=cancel)
    counter.ok("2205", data=withdraw)
    assert "没有查询到" in counter.no("2205", data=withdraw)
    counter.ok("2202", data=cancel)
    assert "已撤销" in counter.no("2202", data=cancel)
    assert "已撤销" in counter.no("2204", feedetail=[visit.row("MHD0000000001", "50")])


def test_all_batches_are_taken_back_with_zeros_but_not_what_is_settled(counter: Counter) -> None:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "1"))
    visit.settle()
    visit.charge(("MHD0000000001", "20", "1"), batch="B2")
    visit.charge(("MHD0000000001", "30", "1"), batch="B3")
    counter.ok("2205", data=visit.keys() | {"chrg_bchno": "0000"})
    rows = counter.books("fees")["fees"]
    assert [row["chrg_bchno"] for row in rows] == ["B1"]
    assert "已经结算" in counter.no("2205", data=visit.keys() | {"chrg_bchno": "0000"})


def test_a_partial_refund_is_undo_and_settle_again(counter: Counter) -> None:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "4"), ("MHD0000000006", "30", "2"))
    first = visit.settle()["setlinfo"]
    visit.undo(first["setl_id"])
    counter.ok("2205", data=visit.keys() | {"chrg_bchno": "B1"})
    visit.total = Decimal(0)
    visit.charge(("MHD0000000001", "50", "4"))
    second = visit.settle()["setlinfo"]
    assert second["medfee_sumamt"] == Decimal("200.00")
    rows = counter.books("settlements")["settlements"]
    assert sum(row["medfee_sumamt"] for row in rows) == 20000
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"feedetl_sn": "0"}, "流水号"),
        ({"feedetl_sn": "1234567890123456"}, "流水号"),
        ({"feedetl_sn": "A1"}, "流水号"),
        ({"med_list_codg": "NONE"}, "目录"),
        ({"det_item_fee_sumamt": "50.02"}, "单价乘数量"),
        ({"cnt": 0, "det_item_fee_sumamt": 0}, "不正确"),
        ({"cnt": -1, "det_item_fee_sumamt": -50}, "原明细"),
        ({"det_item_fee_sumamt": "-50.00"}, "不正确"),
        ({"pric": "fifty"}, "数值"),
        ({"pric": "1e400"}, "数值"),
        ({"chrg_bchno": ""}, "chrg_bchno"),
        ({"mdtrt_id": "404"}, "就诊记录"),
    ],
)
def test_rows_that_are_not_in_order_are_refused_whole(
    counter: Counter, change: dict[str, object], said: str
) -> None:
    visit = counter.register()
    good = visit.row("MHD0000000001", "50")
    bad = visit.row("MHD0000000001", "50") | change
    assert said in counter.no("2204", feedetail=[good, bad])


def test_a_fen_beside_price_times_quantity_is_tolerated(counter: Counter) -> None:
    visit = counter.register()
    visit.upload(visit.row("MHD0000000001", "50") | {"det_item_fee_sumamt": "50.01"})
    assert visit.settle()["setlinfo"]["medfee_sumamt"] == Decimal("50.01")


def test_a_row_is_uploaded_once(counter: Counter) -> None:
    visit = counter.register()
    row = visit.row("MHD0000000001", "50")
    visit.upload(row)
    assert "重复上传" in counter.no("2204", feedetail=[row])
    twin = visit.row("MHD0000000001", "50")
    assert "重复上传" in counter.no("2204", feedetail=[twin, twin])
    assert "为空" in counter.no("2204", feedetail=[])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"medfee_sumamt": "49.99"}, "49.99"),
        ({"preselfpay_amt": "0.01"}, "preselfpay_amt"),
        ({"insutype": "390"}, "参保信息"),
        ({"chrg_bchno": "B9"}, "没有待结算"),
        ({"psn_no": "MH0"}, "不一致"),
        ({"insutype": ""}, "insutype"),
    ],
)
@pytest.mark.parametrize("infno", ["2206", "2207"])
def test_a_settlement_that_does_not_fit_is_refused(
    counter: Counter, infno: str, change: dict[str, object], said: str
) -> None:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "1"))
    assert said in counter.no(infno, data=visit.asked(**change))


def test_a_settled_batch_is_not_settled_again(counter: Counter) -> None:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "1"))
    visit.settle()
    assert "没有待结算" in counter.no("2207", data=visit.asked())


def test_who_may_not_register(counter: Counter) -> None:
    paused = world.person(SEED, "paused")
    data = {"psn_no": paused.patient_id, "insutype": "310", "ipt_otp_no": "1"}
    assert "正常参保" in counter.no("2201", data=data)
    assert "为空" in counter.no("2201", data=data | {"psn_no": "MHNOBODY"})
    employee = world.person(SEED, "employee").patient_id
    assert "参保信息" in counter.no("2201", data=data | {"psn_no": employee, "insutype": "390"})
    counter.hospital = "H00000000000"
    assert "H00000000000" in counter.no("2201", data=data | {"psn_no": employee})
    counter.hospital = world.HOSPITAL
    assert "data" in counter.no("2201")


def test_diagnoses_come_from_the_catalogue_and_change_by_number(counter: Counter) -> None:
    visit = counter.register()
    info = visit.keys() | {"med_type": "11"}
    row = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "I10.x00", "vali_flag": "1"}
    assert "诊断" in counter.no("2203", mdtrtinfo=info, diseinfo=[])
    assert "X99" in counter.no("2203", mdtrtinfo=info, diseinfo=[row | {"diag_code": "X99"}])
    counter.ok("2203", mdtrtinfo=info, diseinfo=[row, row | {"diag_srt_no": 2}])
    listed = counter.ok("5202", data=visit.keys())["diseinfo"]
    assert [(one["diag_srt_no"], one["diag_code"]) for one in listed] == [
        (1, "I10.x00"),
        (2, "I10.x00"),
    ]
    counter.ok("2203", mdtrtinfo=info, diseinfo=[row | {"diag_srt_no": 2, "vali_flag": "0"}])
    assert len(counter.ok("5202", data=visit.keys())["diseinfo"]) == 1
    assert "777" in counter.no("2203", mdtrtinfo=info | {"med_type": "777"}, diseinfo=[row])


def test_an_unmapped_code_is_refused_where_the_province_checks(tmp_path: Path) -> None:
    counter = Counter(tmp_path, Policy(check_mapping=True))
    visit = counter.register()
    row = visit.row("MHD0000000001", "50")
    assert "对码" in counter.no("2204", feedetail=[row])
    match = {
        "fixmedins_hilist_id": "LMHD0000000001",
        "fixmedins_hilist_name": "x",
        "list_type": "101",
        "med_list_codg": "MHD0000000001",
        "begndate": "2026-01-01",
        "enddate": "2026-12-31",
    }
    counter.ok("3301", data=[match])
    counter.ok("2204", feedetail=[row])
    counter.close()


@pytest.mark.parametrize("infno", ["2201", "2204", "2207", "2208"])
@pytest.mark.parametrize("junk", [None, "text", 7, [], [1], {"deep": {"deeper": []}}])
def test_a_node_of_another_shape_is_refused(counter: Counter, infno: str, junk: object) -> None:
    node = "feedetail" if infno == "2204" else "data"
    counter.no(infno, **{node: junk})


@pytest.mark.parametrize("name", ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I11", "I13"])
def test_a_broken_identity_shows_in_the_answer_and_never_in_the_books(
    tmp_path: Path, name: str
) -> None:
    """Judged from the answers alone, as a hospital sees them."""
    counter = Counter(tmp_path, broken=name)
    visit = counter.register()
    before = Decimal(balance(counter, visit.psn_no)) / 100
    rows = visit.charge(("MHD0000000001", "50", "10"), ("MHD0000000002", "60.55", "3"))
    rows += visit.charge(("MHS0000000001", "31", "1"))
    done = visit.settle()
    a = done["setlinfo"]
    funds = (
        "hifp_pay",
        "cvlserv_pay",
        "hifes_pay",
        "hifmi_pay",
        "hifob_pay",
        "hifdm_pay",
        "maf_pay",
        "oth_pay",
    )
    parts = {"fulamt_ownpay_amt": "fulamt_ownpay_amt", "overlmt_selfpay": "overlmt_amt"}
    parts |= {"preselfpay_amt": "preselfpay_amt", "inscp_scp_amt": "inscp_scp_amt"}
    holds = {
        "I1": a["medfee_sumamt"] == a["fund_pay_sumamt"] + a["psn_part_amt"] + a["hosp_part_amt"],
        "I2": a["psn_part_amt"] == a["acct_pay"] + a["psn_cash_pay"],
        "I3": a["acct_mulaid_pay"] <= a["acct_pay"],
        "I4": a["fund_pay_sumamt"] == sum(a[fund] for fund in funds),
        "I5": a["fund_pay_sumamt"] == sum(row["fund_payamt"] for row in done["setldetail"]),
        "I6": a["medfee_sumamt"] == sum(a[part] for part in parts),
        "I7": all(a[part] == sum(row[column] for row in rows) for part, column in parts.items())
        and a["medfee_sumamt"] == sum(row["det_item_fee_sumamt"] for row in rows),
        "I11": a["act_pay_dedc"] <= a["inscp_scp_amt"],
        "I13": a["balc"] == before - (a["acct_pay"] - a["acct_mulaid_pay"]),
    }
    assert [one for one, held in holds.items() if not held] == [name]
    row = counter.books("settlements")["settlements"][0]
    assert (
        row["medfee_sumamt"] == row["fund_pay_sumamt"] + row["psn_part_amt"] + row["hosp_part_amt"]
    )
    assert row["psn_part_amt"] == row["acct_pay"] + row["psn_cash_pay"]
    assert row["fund_pay_sumamt"] == sum(row[fund] for fund in funds)
    counter.close()
