"""What has to add up inside a row: found to the fen, named, and never invented."""

from __future__ import annotations

import csv

import pytest

from tests.harness.ledger.desk import Desk, row, rows

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def whole(n: int, **changes: str) -> dict[str, str]:
    """A settlement with all its parts: the worked example of the interface, every identity holds."""
    return row(
        n,
        medfee_sumamt="186.50", fund_pay_sumamt="93.80", acct_pay="50.00", psn_cash_pay="42.70",
    ) | {
        "psn_part_amt": "92.70", "hosp_part_amt": "0.00", "acct_mulaid_pay": "10.00",
        "hifp_pay": "93.80", "cvlserv_pay": "0.00", "hifes_pay": "0.00", "hifmi_pay": "0.00",
        "hifob_pay": "0.00", "hifdm_pay": "0.00", "maf_pay": "0.00", "oth_pay": "0.00",
        "fulamt_ownpay_amt": "26.50", "overlmt_selfpay": "0.00", "preselfpay_amt": "6.00",
        "inscp_scp_amt": "154.00", "act_pay_dedc": "20.00", "med_sumfee": "186.50",
    } | changes  # fmt: skip


def broken(desk: Desk) -> list[tuple[str, str, str]]:
    return [
        (one["side"], one["setl_id"], one["identity"]) for one in desk.totals["identity_broken"]
    ]


def test_a_row_whose_parts_add_up_breaks_nothing(desk):
    ledger = [whole(n) for n in range(3)]

    assert desk.run(ledger, ledger) == 0
    checked = {one["identity"]: one for one in desk.totals["identities"] if one["side"] == "his"}
    assert set(checked) == {"I1", "I2", "I3", "I4", "I6", "I11", "I11b", "I12"}
    assert {one["rows"] for one in checked.values()} == {3}
    assert broken(desk) == []
    assert not (desk.out / "identities.csv").exists()


@pytest.mark.parametrize(
    ("changes", "identities"),
    [
        ({"hosp_part_amt": "0.01"}, ["I1"]),
        ({"psn_part_amt": "92.71"}, ["I1", "I2"]),
        ({"acct_mulaid_pay": "50.01"}, ["I3"]),
        ({"hifp_pay": "93.79"}, ["I4"]),
        ({"preselfpay_amt": "6.01"}, ["I6"]),
        ({"inscp_scp_amt": "93.79", "preselfpay_amt": "66.21"}, ["I11"]),
        ({"act_pay_dedc": "154.01"}, ["I11b"]),
        ({"med_sumfee": "186.49"}, ["I12"]),
    ],
)
def test_one_fen_is_enough_and_the_identity_is_named(desk, changes, identities):
    ledger = [whole(0), whole(1, **changes)]

    assert desk.run(ledger, [whole(0), whole(1)]) == 0
    assert broken(desk) == [("his", "S00001", code) for code in identities]
    with (desk.out / "identities.csv").open(encoding="utf-8-sig", newline="") as stream:
        listed = list(csv.DictReader(stream))
    assert [one["identity"] for one in listed] == identities
    assert listed[0]["line"] == "2"
    assert listed[0]["delta"].lstrip("-") in {"0.01", "10.01"}
    assert identities[0][:2] in {one[2][:2] for one in broken(desk)}


def test_a_fund_that_is_contained_in_another_is_no_break(desk):
    with_it = whole(0, hifdm_pay="3.80", hifp_pay="90.00")
    inside = whole(1, hifdm_pay="3.80", oth_pay="3.80", hifp_pay="90.00")

    assert desk.run([with_it, inside], [whole(0), whole(1)]) == 0
    assert broken(desk) == []


def test_what_cannot_be_checked_is_said_with_what_is_missing(desk):
    his = [row(n) | {"psn_part_amt": f"{40 + n}.00"} for n in range(2)]

    assert desk.run(his, rows(0, 1)) == 0
    missing = {
        (one["side"], one["identity"]): one["missing"]
        for one in desk.totals["identities_not_checked"]
    }
    assert missing["his", "I1"] == ["hosp_part_amt"]
    assert [one["identity"] for one in desk.totals["identities"]] == ["I2"]


def test_a_province_that_books_relatives_beside_the_account(desk):
    own = desk.file("own.toml", 'name = "own"\n[policy]\nmulaid_inside_acct = false\n')
    beside = whole(0, acct_pay="40.00")

    assert desk.run([beside], [beside], "--province", own) == 0
    assert broken(desk) == []
    assert desk.run([beside], [beside]) == 0
    assert broken(desk) == [("his", "S00000", "I2"), ("centre", "S00000", "I2")]


def test_odd_spellings_of_parts_are_read_and_unreadable_ones_are_counted(desk):
    his = [whole(0, psn_part_amt="９２．７"), whole(1, psn_part_amt="9.27e1"), whole(2, oth_pay="")]

    assert desk.run(his, [whole(n) for n in range(3)]) == 0
    found = {one["identity"]: one for one in desk.totals["identities"] if one["side"] == "his"}
    assert (found["I2"]["rows"], found["I2"]["unreadable"], found["I2"]["broken"]) == (2, 1, 0)


def test_a_difference_whose_row_does_not_add_up_has_a_cause(desk):
    his = [whole(0, fund_pay_sumamt="100.00", hifp_pay="100.00")]

    assert desk.run(his, [whole(0)]) == 1
    found = desk.verdicts("his")[0]
    assert (found["class"], found["cause"]) == ("amount_mismatch", "derived_amount")
