"""2601: what it takes back, what it refuses, and that nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.centre.rules import Policy
from simulators.centre.transactions import handlers
from tests.simulators.centre.counter import SEED, Counter, Visit

WIDE = Policy(
    reversible=frozenset({"2102", "2103", "2201", "2207", "2208", "2304", "2305", "2401"})
)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path, WIDE)
    yield made
    made.close()


def request(visit: Visit, msgid: str, infno: str) -> dict[str, dict[str, str]]:
    return {"data": {"psn_no": visit.psn_no, "omsgid": msgid, "oinfno": infno}}


def settled(counter: Counter, kind: str = "employee") -> tuple[Visit, str, str]:
    visit = counter.register(kind)
    visit.charge(("MHD0000000001", "50", "10"))
    info = visit.settle()["setlinfo"]
    assert counter.last is not None
    return visit, counter.last.msgid, info["setl_id"]


def test_a_settlement_that_was_taken_back_is_gone_from_every_total(counter: Counter) -> None:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "10"))
    before = counter.books("accounts")
    visit.settle(msgid="M1")
    counter.ok("2601", **request(visit, "M1", "2207"))
    assert counter.books("accounts") == before
    row = counter.books("cumulations")["cumulations"][0]
    assert not any(value for value in row.values() if isinstance(value, int))
    setl_id = counter.books("settlements")["settlements"][0]["setl_id"]
    assert "未查询到" in counter.no("5203", data=visit.keys() | {"setl_id": setl_id})
    counter.no("2208", data=visit.keys() | {"setl_id": setl_id})
    assert "请勿重复" in counter.no("2601", **request(visit, "M1", "2207"))
    visit.settle(msgid="M2")  # the rows are free again


def test_what_is_not_named_rightly_is_not_found(counter: Counter) -> None:
    visit, msgid, _ = settled(counter)
    other = counter.register("retired")
    assert "未查询到" in counter.no("2601", **request(visit, "M404", "2207"))
    assert "未查询到" in counter.no("2601", **request(other, msgid, "2207"))
    assert "未查询到" in counter.no("2601", **request(visit, msgid, "2304"))
    assert "不支持" in counter.no("2601", **request(visit, msgid, "2204"))


def test_a_call_that_was_refused_cannot_be_taken_back(counter: Counter) -> None:
    visit = counter.register()
    counter.no("2207", "M1", data=visit.asked(medfee_sumamt="1"))
    assert "未查询到" in counter.no("2601", **request(visit, "M1", "2207"))


def test_the_default_province_takes_no_reversal_back(counter: Counter) -> None:
    visit, _, setl_id = settled(counter)
    visit.undo(setl_id, msgid="R1")
    counter.handlers = handlers(Policy(), seed=SEED)
    assert "不支持" in counter.no("2601", **request(visit, "R1", "2208"))


def test_a_reversal_taken_back_makes_the_original_count_again(counter: Counter) -> None:
    visit, _, setl_id = settled(counter)
    tables = ("accounts", "cumulations", "visits")
    before = counter.books(*tables)
    visit.undo(setl_id, msgid="R1")
    assert counter.books(*tables) != before
    counter.ok("2601", **request(visit, "R1", "2208"))
    assert counter.books(*tables) == before
    info = counter.ok("5203", data=visit.keys() | {"setl_id": setl_id})["setlinfo"]
    assert info["refd_setl_flag"] == "0"
    assert "已经结算" in counter.no("2205", data=visit.keys() | {"chrg_bchno": "B1"})
    visit.undo(setl_id)


def test_a_reversal_stays_when_its_rows_or_its_account_are_gone(counter: Counter) -> None:
    visit, _, setl_id = settled(counter)
    visit.undo(setl_id, msgid="R1")
    counter.store.commit([("UPDATE accounts SET balc = 0 WHERE psn_no = ?", [visit.psn_no])])
    assert "余额不足" in counter.no("2601", **request(visit, "R1", "2208"))
    counter.ok("2205", data=visit.keys() | {"chrg_bchno": "B1"})
    assert "费用明细" in counter.no("2601", **request(visit, "R1", "2208"))


def test_a_settlement_that_was_reversed_is_not_taken_back(counter: Counter) -> None:
    visit, msgid, setl_id = settled(counter)
    visit.undo(setl_id)
    assert "已撤销" in counter.no("2601", **request(visit, msgid, "2207"))


def test_admission_and_registration_are_taken_back_when_empty(counter: Counter) -> None:
    visit = counter.register()
    message = counter.books("visits")["visits"][0]["msgid"]
    counter.ok("2601", **request(visit, message, "2201"))
    assert "已撤销" in counter.no("2204", feedetail=[visit.row("MHD0000000001", "50")])
    stay = counter.admit()
    admitted = counter.last.msgid
    stay.charge(("MHS0000000011", "100", "2"))
    assert "费用明细" in counter.no("2601", **request(stay, admitted, "2401"))
    counter.ok("2302", data=stay.keys() | {"feedetl_sn": "0000"})
    counter.ok("2601", **request(stay, admitted, "2401"))
    assert "请勿重复" in counter.no("2601", **request(stay, admitted, "2401"))


def test_inpatient_settlements_go_back_last_first(counter: Counter) -> None:
    stay = counter.admit()
    stay.charge(("MHS0000000011", "100", "20"))
    stay.settle(msgid="S1", mid_setl_flag="1")
    stay.total *= 0
    stay.charge(("MHS0000000011", "100", "30"))
    stay.discharge()
    stay.settle(msgid="S2")
    assert "后续结算" in counter.no("2601", **request(stay, "S1", "2304"))
    counter.ok("2601", **request(stay, "S2", "2304"))
    counter.ok("2601", **request(stay, "S1", "2304"))


def test_a_cleared_month_refuses_2601_and_books_2208_into_the_present(counter: Counter) -> None:
    visit, msgid, setl_id = settled(counter)
    counter.handlers = handlers(replace(WIDE, cleared_month="202603"), seed=SEED)
    assert "202603" in counter.no("2601", **request(visit, msgid, "2207"))
    counter.handlers = handlers(
        replace(WIDE, cleared_month="202603", reverse_cleared=False), seed=SEED
    )
    assert "202603" in counter.no("2208", data=visit.keys() | {"setl_id": setl_id})
    counter.handlers = handlers(replace(WIDE, cleared_month="202603"), seed=SEED)
    counter.now = counter.now.replace(month=4)
    assert visit.undo(setl_id)["setlinfo"]["setl_time"].startswith("2026-04")


def test_equal_msgids_take_back_the_last_that_still_stands(counter: Counter) -> None:
    first, second = counter.register(), counter.register()
    for visit in (first, second):
        visit.charge(("MHD0000000001", "50", "1"))
        visit.settle(msgid="SAME")
    ids = {row["mdtrt_id"]: row for row in counter.books("settlements")["settlements"]}
    assert len(ids) == 2
    counter.ok("2601", **request(first, "SAME", "2207"))
    rows = {
        row["mdtrt_id"]: row["vali_flag"] for row in counter.books("settlements")["settlements"]
    }
    assert rows == {first.mdtrt_id: "1", second.mdtrt_id: "0"}
    counter.ok("2601", **request(first, "SAME", "2207"))
    assert "请勿重复" in counter.no("2601", **request(first, "SAME", "2207"))


def test_duplicate_messages_as_the_province_says(tmp_path: Path) -> None:
    counter = Counter(tmp_path, Policy(duplicate_msgid="refuse"))
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "1"))
    info = visit.settle(msgid="D1")
    assert "重复提交" in counter.no("2207", "D1", data=visit.asked())
    counter.handlers = handlers(Policy(duplicate_msgid="replay"), seed=SEED)
    before = counter.books()
    assert visit.settle(msgid="D1") == info
    assert counter.books() == before
    counter.handlers = handlers(Policy(), seed=SEED)
    assert "没有待结算" in counter.no("2207", "D1", data=visit.asked())
    counter.close()


def test_a_policy_that_no_code_knows_is_refused() -> None:
    for wrong in (
        {"duplicate_msgid": "maybe"},
        {"reversal_sign": "+"},
        {"pair_count": 3},
        {"result_columns": "12"},
    ):
        with pytest.raises(ValueError, match="must be one of"):
            Policy(**wrong)


def test_a_province_words_a_refusal_otherwise(tmp_path: Path) -> None:
    counter = Counter(tmp_path, Policy(wording={"unknown_person": "no such person"}))
    assert counter.no("5301", data={"psn_no": "MH404"}) == "no such person"
    counter.close()
