"""Stays: order of calls, interim settlement, refunds, deductible, undoing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.centre import world
from tests.simulators.centre.counter import SEED, Counter, admission


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.close()


def test_a_stay_by_hand(counter: Counter) -> None:
    """Employee, third level: 12,000 in scope; deductible 900; 10,000 x 0.85 + 1,100 x 0.9 = 9,490.

    Rest 11,100 - 9,490 = 1,610; with the deductible 2,510; other funds 0.02 = 50.20.
    """
    stay = counter.admit()
    stay.charge(("MHS0000000011", "100", "120"))
    assert "出院" in counter.no("2304", data=stay.asked())
    stay.discharge()
    info = stay.settle(acct_used_flag="0")["setlinfo"]
    assert info["hifp_pay"] == Decimal("9490.00")
    assert info["oth_pay"] == Decimal("50.20")
    assert info["fund_pay_sumamt"] == Decimal("9540.20")
    assert info["psn_cash_pay"] == Decimal("2459.80")
    assert info["clr_type"] == "21"


def test_an_interim_settlement_takes_the_deductible_and_the_bands_once(counter: Counter) -> None:
    """The same 12,000 as 4,000 + 8,000: the pool pays the same together."""
    stay = counter.admit()
    stay.charge(("MHS0000000011", "100", "40"))
    first = stay.settle(mid_setl_flag="1", acct_used_flag="0")["setlinfo"]
    assert first["act_pay_dedc"] == 900
    stay.total = Decimal(0)
    stay.charge(("MHS0000000011", "100", "80"))
    stay.discharge()
    second = stay.settle(acct_used_flag="0")["setlinfo"]
    assert second["act_pay_dedc"] == 0
    assert first["hifp_pay"] + second["hifp_pay"] == Decimal("9490.00")
    assert "后续结算" in counter.no("2305", data=stay.keys() | {"setl_id": first["setl_id"]})
    stay.undo(second["setl_id"])
    stay.undo(first["setl_id"])
    assert all(
        not value
        for row in counter.books("cumulations")["cumulations"]
        for value in row.values()
        if isinstance(value, int)
    )


def test_the_second_stay_of_a_year_owes_less(counter: Counter) -> None:
    owed = []
    for _ in range(3):
        stay = counter.admit()
        stay.charge(("MHS0000000011", "100", "20"))
        stay.discharge()
        owed.append(stay.settle()["setlinfo"]["act_pay_dedc"])
    assert owed == [900, 450, 0]


def test_admission_is_once_and_a_person_lies_in_one_bed(counter: Counter) -> None:
    stay = counter.admit()
    again = admission(stay.psn_no, "310", "I1")
    assert "重复办理" in counter.no("2401", **again)
    assert stay.mdtrt_id in counter.no("2401", **admission(stay.psn_no, "310", "other"))
    data = {"psn_no": stay.psn_no, "insutype": "310", "ipt_otp_no": "1"}
    assert "住院" in counter.no("2201", data=data)
    other = admission(world.person(SEED, "retired").patient_id, "310", "I9")
    two = [row | {"diag_srt_no": nth} for nth, row in enumerate(other["diseinfo"] * 2, start=1)]
    assert "主诊断" in counter.no("2401", mdtrtinfo=other["mdtrtinfo"], diseinfo=two)
    assert "777" in counter.no("2401", **admission(stay.psn_no, "310", "x", "777"))


def test_the_order_back_is_settlement_discharge_rows_admission(counter: Counter) -> None:
    stay = counter.admit()
    stay.charge(("MHS0000000011", "100", "20"))
    assert "费用明细" in counter.no("2404", data=stay.keys())
    assert "未办理出院" in counter.no("2405", data=stay.keys())
    stay.discharge()
    assert "已办理出院" in counter.no("2402", dscginfo=stay.keys(), diseinfo=[])
    assert "已办理出院" in counter.no("2404", data=stay.keys())
    assert "已办理出院" in counter.no("2304", data=stay.asked(mid_setl_flag="1"))
    setl_id = stay.settle()["setlinfo"]["setl_id"]
    assert "先撤销结算" in counter.no("2405", data=stay.keys())
    everything = stay.keys() | {"feedetl_sn": "0000"}
    assert "已经结算" in counter.no("2302", data=everything)
    stay.undo(setl_id)
    counter.ok("2405", data=stay.keys())
    counter.ok("2302", data=everything)
    assert "没有查询到" in counter.no("2302", data=everything)
    counter.ok("2404", data=stay.keys())
    assert (
        counter.ok("5303", data={"begntime": "2026-03-01", "endtime": "2026-03-09"})["data"] == []
    )


def test_a_full_refund_leaves_nothing_of_any_part(counter: Counter) -> None:
    stay = counter.admit()
    stay.charge(("MHD0000000009", "75.333333", "2.5"))
    for count in ("-1", "-1.5"):
        amount = (Decimal("75.333333") * Decimal(count)).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        stay.upload(
            stay.row("MHD0000000009", "75.333333", count, init_feedetl_sn="1")
            | {"det_item_fee_sumamt": amount}
        )
    rows = counter.books("fees")["fees"]
    for part in (
        "det_item_fee_sumamt",
        "fulamt_ownpay_amt",
        "overlmt_amt",
        "preselfpay_amt",
        "inscp_scp_amt",
    ):
        assert sum(row[part] for row in rows) == 0
    refund = stay.row("MHD0000000009", "75.333333", "-1", init_feedetl_sn="1")
    assert "超过原数量" in counter.no("2301", feedetail=[refund])
    assert "原明细" in counter.no("2302", data=stay.keys() | {"feedetl_sn": "1"})
    other = stay.row("MHD0000000001", "75.333333", "-1", init_feedetl_sn="1")
    assert "原明细" in counter.no("2301", feedetail=[other])


def test_what_only_refunds_cannot_be_settled(counter: Counter) -> None:
    stay = counter.admit()
    stay.charge(("MHD0000000009", "80", "2"))
    stay.settle(mid_setl_flag="1")
    stay.total = Decimal(0)
    stay.upload(stay.row("MHD0000000009", "80", "-1", init_feedetl_sn="1"))
    stay.discharge()
    assert "为负" in counter.no("2304", data=stay.asked())


def test_2403_changes_a_stay(counter: Counter) -> None:
    stay = counter.admit()
    change = stay.keys() | {"adm_bed": "33", "med_type": "2102"}
    row = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "K35.900", "maindiag_flag": "1"}
    counter.ok("2403", adminfo=change, diseinfo=[row])
    found = counter.ok(
        "5201", data={"psn_no": stay.psn_no, "begntime": "2026-03-01", "endtime": "2026-03-09"}
    )["mdtrtinfo"]
    assert [(one["adm_bed"], one["med_type"], one["inhosp_stas"]) for one in found] == [
        ("33", "2102", "1")
    ]
    stay.med_type = "2102"
    stay.charge(("MHS0000000011", "100", "20"))
    stay.settle(mid_setl_flag="1")
    assert "医疗类别" in counter.no(
        "2403", adminfo=stay.keys() | {"med_type": "21"}, diseinfo=[row]
    )


def test_pay_loc_tells_where_a_person_is_insured(counter: Counter) -> None:
    found = []
    for kind in ("employee", "province", "far"):
        stay = counter.admit(kind)
        stay.charge(("MHS0000000011", "100", "20"))
        stay.discharge()
        setl_id = stay.settle()["setlinfo"]["setl_id"]
        info = counter.ok("5203", data=stay.keys() | {"setl_id": setl_id})["setlinfo"]
        found.append((info["pay_loc"], info["clr_optins"]))
    assert found == [("2", "430100"), ("3", "430200"), ("4", "440100")]
