"""The settlement engine against a second one, against hand-worked cases, and against itself."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from fractions import Fraction

import pytest
from depth import sized
from hypothesis import given
from hypothesis import strategies as st

from harness.selfcheck.command import commit, slice_of
from simulators.centre.calc import (
    FUNDS,
    Amounts,
    Parts,
    Standing,
    Tariff,
    add_rows,
    own_expense,
    reversed_amounts,
    settle,
    split_row,
)
from simulators.centre.calc_benefits import ENDLESS_FEN, Plan, example
from simulators.centre.calc_money import half_up, line_total, share
from simulators.centre.rules_identities import (
    BREAKABLE,
    IDENTITIES,
    broken_amounts,
    broken_funds,
    broken_reversal,
    broken_row,
    check,
    reversal_differs,
)
from tests.simulators.centre import settlement_oracle as oracle

SIMPLE = Plan(deductibles=(2000,), bands=((ENDLESS_FEN, 7000),), cap=10**9)


def test_the_published_worked_example() -> None:
    """Three rows A 100.00, B 60.00 paid first 0.1, C 26.50 of level 03; figures by hand:

    in scope 100 + 54 = 154; (154 - 20) x 0.7 = 93.80; 186.50 - 93.80 = 92.70; account 40 + 10.
    """
    rows = [
        split_row(
            total=10000, price=100_000_000, count=10000, tariff=Tariff(level="01"), approval="0"
        ),
        split_row(
            total=6000,
            price=60_000_000,
            count=10000,
            tariff=Tariff(level="02", ratio=1000),
            approval="0",
        ),
        split_row(
            total=2650,
            price=26_500_000,
            count=10000,
            tariff=Tariff(level="03", ratio=10000),
            approval="0",
        ),
    ]
    parts = add_rows(rows)
    assert (
        parts.fulamt_ownpay_amt,
        parts.overlmt_amt,
        parts.preselfpay_amt,
        parts.inscp_scp_amt,
    ) == (
        2650,
        0,
        600,
        15400,
    )
    found = settle(parts, SIMPLE, Standing(balance=4000, family_balance=1000), account="2")
    assert found.hifp_pay == found.fund_pay_sumamt == 9380
    assert found.act_pay_dedc == 2000
    assert found.psn_part_amt == 9270
    assert (found.acct_pay, found.acct_mulaid_pay, found.psn_cash_pay) == (5000, 1000, 4270)
    assert found.balc == 0


def test_a_stay_worked_by_hand_with_bands_cap_and_large_amount_fund() -> None:
    """In scope 25,000.00; deductible 900; bands 10,000 at 0.85, then 0.9; cap 15,000; beyond 0.85.

    24,100: 8,500.00 + 14,100 x 0.9 = 12,690.00 = 21,190.00; pool 15,000; beyond 6,190 x 0.85 =
    5,261.50; rest 24,100 - 15,000 - 5,261.50 = 3,838.50; civil 0.5: 1,919.25; the rest with the
    deductible 2,819.25; aid 0.3 = 845.775 -> 845.78; 1,973.47; other 0.02 = 39.4694 -> 39.47.
    """
    plan = Plan(
        deductibles=(90000,),
        bands=((1_000_000, 8500), (ENDLESS_FEN, 9000)),
        cap=1_500_000,
        above=8500,
        above_cap=10**9,
        civil=5000,
        aid=3000,
        aid_cap=10**9,
        other=200,
        hospital=1000,
    )
    parts = Parts(overlmt_amt=12345, inscp_scp_amt=2_500_000)
    found = settle(parts, plan, Standing(civil=True, aided=True), account="0")
    assert found.hifp_pay == 1_500_000
    assert found.hifob_pay == 526_150
    assert found.cvlserv_pay == 191_925
    assert found.maf_pay == 84_578
    assert found.oth_pay == 3_947
    assert found.pool_prop_selfpay == 9000
    assert found.hosp_part_amt == 1235  # 123.45 x 0.1 = 12.345, half up
    assert found.psn_part_amt == 2_512_345 - 1_235 - (
        1_500_000 + 526_150 + 191_925 + 84_578 + 3_947
    )
    assert check(found, funds=[getattr(found, name) for name in FUNDS], before=0) == []


def test_serious_illness_counts_only_what_lies_above_the_threshold_this_year() -> None:
    """Before 11,000 of 12,000; this visit leaves 3,000: 2,000 counted, x 0.6 = 1,200.00."""
    plan = Plan(
        deductibles=(0,), bands=((ENDLESS_FEN, 0),), cap=0, serious=6000, serious_from=1_200_000
    )
    found = settle(Parts(inscp_scp_amt=300_000), plan, Standing(own_scope=1_100_000), account="0")
    assert found.hifmi_pay == 120_000


@pytest.mark.parametrize(
    ("listed", "approval", "own"),
    [
        (True, "0", True),
        (True, "1", False),
        (True, "2", True),
        (False, "0", False),
        (False, "1", False),
        (False, "2", True),
    ],
)
def test_restricted_items_are_paid_only_with_approval(
    listed: bool, approval: str, own: bool
) -> None:
    tariff = Tariff(level="02", ratio=1000, restricted=listed)
    assert own_expense(tariff, approval) is own
    parts = split_row(total=1000, price=10_000_000, count=10000, tariff=tariff, approval=approval)
    assert parts.total == 1000
    assert parts.fulamt_ownpay_amt == (1000 if own else 0)


def test_the_price_above_the_limit_is_not_in_scope() -> None:
    tariff = Tariff(level="02", ratio=1000, limit=68_123_456)
    parts = split_row(total=15000, price=75_000_000, count=20000, tariff=tariff, approval="0")
    # (75 - 68.123456) x 2 = 13.753088 -> 13.75; (150 - 13.75) x 0.1 = 13.625 -> 13.63
    assert (parts.overlmt_amt, parts.preselfpay_amt, parts.inscp_scp_amt) == (1375, 1363, 12262)


@pytest.mark.parametrize(
    ("top", "bottom", "rounded"), [(5, 10, 1), (4, 10, 0), (-5, 10, -1), (15, -10, -2), (0, 3, 0)]
)
def test_half_goes_away_from_zero(top: int, bottom: int, rounded: int) -> None:
    assert half_up(top, bottom) == rounded


@given(st.integers(-(10**14), 10**14), st.integers(0, 10000))
def test_a_share_is_the_nearest_fen(fen: int, ratio: int) -> None:
    assert abs(Fraction(fen * ratio, 10000) - share(fen, ratio)) <= Fraction(1, 2)
    assert share(-fen, ratio) == -share(fen, ratio)


def test_a_line_of_six_decimals_and_four() -> None:
    assert line_total(1_234_567, 33_333) == 412  # 1.234567 x 3.3333 = 4.11518...


# -- against the second engine ------------------------------------------------------------------

ODD_RATIOS = (0, 1, 333, 500, 1000, 3333, 5000, 6667, 8500, 9999, 10000)


def random_case(draw: random.Random) -> tuple[list[dict], dict, dict]:
    """A visit, a plan and a person; small amounts, caps and edges come up often."""
    rows = []
    for _ in range(draw.randint(1, 6)):
        price = draw.choice((1, 9_999, 333_333, 10_000_000, draw.randrange(1, 2_000_000_000)))
        count = draw.choice((10_000, 1, 3_333, 25_000, draw.randrange(1, 300_000)))
        total = oracle.to_fen(Fraction(price, 10**6) * Fraction(count, 10**4))
        total = max(0, total + draw.choice((0, 0, 0, 1, -1)))
        rows.append(
            {
                "total": total,
                "price": Fraction(price, 10**6),
                "count": Fraction(count, 10**4),
                "limit": Fraction(draw.choice((0, 0, price, price // 2, price + 1)), 10**6),
                "first": Fraction(draw.choice(ODD_RATIOS), 10**4),
                "level": draw.choice(("01", "02", "03")),
                "restricted": draw.random() < 0.3,
                "approval": draw.choice("012"),
            }
        )
    size = max(1, sum(row["total"] for row in rows))

    def edge() -> int:
        return draw.choice((0, 1, size // 3, size, 2 * size, draw.randrange(3 * size)))

    def ratio() -> Fraction:
        return Fraction(draw.choice(ODD_RATIOS), 10**4)

    ends = sorted({draw.randrange(1, 2 * size + 2) for _ in range(draw.randint(0, 3))})
    plan = {
        "deductibles": [edge() for _ in range(draw.randint(1, 3))],
        "bands": [(end, ratio()) for end in ends] + [(None, ratio())],
        "cap": edge(),
        "above_cap": edge(),
        "serious_from": edge(),
        "aid_cap": edge(),
    } | {
        name: ratio()
        for name in ("above", "civil", "company", "serious", "aid", "veteran", "other", "hospital")
    }
    person = {
        name: edge()
        for name in ("dedc", "scope", "pool", "above", "own_scope", "aid", "balance", "family")
    } | {
        "stays": draw.randint(0, 4),
        "civil": draw.random() < 0.5,
        "company": draw.random() < 0.5,
        "aided": draw.random() < 0.5,
        "account": draw.choice("012"),
    }
    return rows, plan, person


def to_engine(rows: list[dict], plan: dict, person: dict) -> tuple[list[Parts], Plan, Standing]:
    parts = [
        split_row(
            total=row["total"],
            price=int(row["price"] * 10**6),
            count=int(row["count"] * 10**4),
            tariff=Tariff(
                level=row["level"],
                ratio=int(row["first"] * 10**4),
                limit=int(row["limit"] * 10**6),
                restricted=row["restricted"],
            ),
            approval=row["approval"],
        )
        for row in rows
    ]
    amounts = {"cap", "above_cap", "serious_from", "aid_cap"}
    values = {
        name: value if name in amounts else int(value * 10**4)
        for name, value in plan.items()
        if name not in {"deductibles", "bands"}
    }
    made = Plan(
        deductibles=tuple(plan["deductibles"]),
        bands=tuple(
            (ENDLESS_FEN if end is None else end, int(ratio * 10**4))
            for end, ratio in plan["bands"]
        ),
        **values,
    )
    standing = Standing(
        balance=person["balance"],
        family_balance=person["family"],
        **{
            name: value
            for name, value in person.items()
            if name not in {"balance", "family", "account"}
        },
    )
    return parts, made, standing


def run_cases(seed: int, count: int) -> None:
    draw = random.Random(seed)
    paid = dict.fromkeys(FUNDS, 0)
    for _ in range(count):
        rows, plan, person = random_case(draw)
        parts, made, standing = to_engine(rows, plan, person)
        found = settle(add_rows(parts), made, standing, account=person["account"])
        assert asdict(found) == oracle.settle(rows, plan, person), (rows, plan, person)
        funds = [getattr(found, name) for name in FUNDS]
        assert check(found, rows=parts, funds=funds, before=person["balance"]) == []
        assert all(value >= 0 for value in asdict(found).values())
        undone = reversed_amounts(found, balance=person["balance"])
        assert reversal_differs(found, undone) == []
        for name in FUNDS:
            paid[name] += bool(getattr(found, name))
    # A property that never met a fund has not tested it.
    assert min(paid.values()) > count // 100, paid


@pytest.mark.parametrize("seed", range(5))
def test_random_visits_agree_with_the_second_engine(seed: int) -> None:
    run_cases(20260302 + seed, 400)


@pytest.mark.slow
@pytest.mark.untraced
def test_a_hundred_thousand_random_visits_agree_with_the_second_engine() -> None:
    run_cases(sized(slice_of(commit(), 100), 1), sized(15_000, 100_000))


# -- identities ---------------------------------------------------------------------------------


def some_amounts() -> tuple[Amounts, list[Parts]]:
    rows = [
        Parts(inscp_scp_amt=150_000, preselfpay_amt=10_000),
        Parts(fulamt_ownpay_amt=3_000, overlmt_amt=500, inscp_scp_amt=1_500),
    ]
    found = settle(
        add_rows(rows), SIMPLE, Standing(balance=4_000, family_balance=1_000), account="2"
    )
    return found, rows


@pytest.mark.parametrize("name", ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I11", "I13"])
@pytest.mark.parametrize("full", [0, 700])
def test_a_switch_breaks_exactly_its_identity(name: str, full: int) -> None:
    found, rows = some_amounts()
    rows.append(Parts(fulamt_ownpay_amt=full))
    found = replace(
        found,
        medfee_sumamt=found.medfee_sumamt + full,
        fulamt_ownpay_amt=found.fulamt_ownpay_amt + full,
        psn_part_amt=found.psn_part_amt + full,
        psn_cash_pay=found.psn_cash_pay + full,
    )
    detail = [{"fund_payamt": getattr(found, fund)} for fund in FUNDS]
    assert check(found, rows=rows, funds=[row["fund_payamt"] for row in detail], before=4_000) == []
    shown = broken_amounts(found, name, rows=len(rows))
    rows = [broken_row(row, name) for row in rows]
    funds = [row["fund_payamt"] for row in broken_funds(detail, name)]
    assert check(shown, rows=rows, funds=funds, before=4_000) == [name]


def test_a_reversal_that_breaks_only_its_own_identity() -> None:
    found, _ = some_amounts()
    undone = reversed_amounts(found, balance=4_000)
    shown = broken_reversal(undone, "I8")
    assert reversal_differs(found, shown) == ["acct_pay", "psn_cash_pay"]
    assert broken_reversal(undone, "") == undone


def test_every_breakable_identity_is_named() -> None:
    assert set(BREAKABLE) == set(IDENTITIES)
    assert len(BREAKABLE) == 12


def test_the_plan_that_ships_can_be_used() -> None:
    benefits = example()
    assert benefits.plan("310", "inpatient", "3") != benefits.plan("310", "inpatient", "1")
    assert benefits.plan("310", "inpatient", "1") == benefits.plan("310", "inpatient", "*")
    assert benefits.plan("999", "inpatient", "1") is None
    assert set(benefits.kinds) == set(benefits.clr_types)
