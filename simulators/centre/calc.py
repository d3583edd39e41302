"""The settlement engine: rows, person and plan in, every amount of ``setlinfo`` out. Pure, in fen.

Order of payment (own choice, the interface describes none): deductible, pool up to its cap,
large-amount fund beyond the cap, civil servants, company insurance, residents' serious illness,
medical aid, disabled servicemen, other funds; then the hospital's part of what is above price
limits; then the personal account; cash is the rest. Every payer takes a part of what the ones
before left, so no fund can pay more than is in scope, and all identities hold by construction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from operator import attrgetter

from simulators.centre.calc_benefits import Plan
from simulators.centre.calc_money import line_total, share

OWN_EXPENSE_LEVEL = "03"
"""``chrgitm_lv`` of what no fund pays (丙类)."""

NOT_APPROVED = "2"
"""``hosp_appr_flag``: the hospital did not approve, so the patient pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """How the catalogue treats one item for one person at one hospital.

    Attributes:
        level: ``chrgitm_lv``.
        ratio: part that the patient pays first, in ten-thousandths.
        limit: highest price in scope, in millionths of a yuan; 0 for none.
        restricted: paid only with the hospital's approval (``lmt_used_flag``).
    """

    level: str
    ratio: int = 0
    limit: int = 0
    restricted: bool = False


# Nobody changes the three that follow; to freeze them would cost a tenth of a settlement.
@dataclass(slots=True, kw_only=True)
class Parts:
    """The four parts of an amount, in fen; they add up to it (I6)."""

    fulamt_ownpay_amt: int = 0
    overlmt_amt: int = 0
    preselfpay_amt: int = 0
    inscp_scp_amt: int = 0

    @property
    def total(self) -> int:
        """The amount itself."""
        return self.fulamt_ownpay_amt + self.overlmt_amt + self.preselfpay_amt + self.inscp_scp_amt

    @property
    def least(self) -> int:
        """The smallest part: none may be negative."""
        return min(
            self.fulamt_ownpay_amt, self.overlmt_amt, self.preselfpay_amt, self.inscp_scp_amt
        )

    def __sub__(self, other: Parts) -> Parts:
        return Parts(
            **{
                part.name: getattr(self, part.name) - getattr(other, part.name)
                for part in fields(self)
            }
        )


def own_expense(tariff: Tariff, approval: str) -> bool:
    """Whether a row is paid by the patient alone (restriction matrix of the interface)."""
    if tariff.level == OWN_EXPENSE_LEVEL or approval == NOT_APPROVED:
        return True
    return tariff.restricted and approval != "1"


def split_row(*, total: int, price: int, count: int, tariff: Tariff, approval: str) -> Parts:
    """The parts of one row.

    Args:
        total: amount of the row in fen, not negative.
        price: unit price in millionths of a yuan.
        count: quantity in ten-thousandths, not negative.
        tariff: of the item.
        approval: ``hosp_appr_flag`` of the row.
    """
    if own_expense(tariff, approval):
        return Parts(fulamt_ownpay_amt=total)
    over = 0
    if tariff.limit and price > tariff.limit:
        over = min(total, line_total(price - tariff.limit, count))
    first = share(total - over, tariff.ratio)
    return Parts(overlmt_amt=over, preselfpay_amt=first, inscp_scp_amt=total - over - first)


def add_rows(rows: Iterable[Parts]) -> Parts:
    """The parts of a visit: sums of its rows (I7)."""
    full = over = first = scope = 0
    for row in rows:
        full += row.fulamt_ownpay_amt
        over += row.overlmt_amt
        first += row.preselfpay_amt
        scope += row.inscp_scp_amt
    return Parts(
        fulamt_ownpay_amt=full, overlmt_amt=over, preselfpay_amt=first, inscp_scp_amt=scope
    )


@dataclass(slots=True, kw_only=True)
class Standing:
    """What a person has behind them and at hand when a settlement begins; amounts in fen.

    Attributes:
        dedc: deductible paid this year (outpatient) or in this stay.
        stays: stays settled this year, which choose the deductible.
        scope: in-scope amount above the deductible that the bands have counted in this stay.
        pool: paid by the pool this year under this kind of benefit.
        above: paid by the large-amount fund this year.
        own_scope: in-scope costs that stayed with the person this year.
        aid: paid by medical aid this year.
        civil, company, aided: whether those funds pay for this person.
        balance: own account.
        family_balance: account that the family shares.
    """

    dedc: int = 0
    stays: int = 0
    scope: int = 0
    pool: int = 0
    above: int = 0
    own_scope: int = 0
    aid: int = 0
    civil: bool = False
    company: bool = False
    aided: bool = False
    balance: int = 0
    family_balance: int = 0


@dataclass(slots=True, kw_only=True)
class Amounts:
    """Every amount of ``setlinfo`` in fen, and the pool's ratio in ten-thousandths."""

    medfee_sumamt: int
    fulamt_ownpay_amt: int
    overlmt_selfpay: int
    preselfpay_amt: int
    inscp_scp_amt: int
    act_pay_dedc: int
    hifp_pay: int
    pool_prop_selfpay: int
    cvlserv_pay: int
    hifes_pay: int
    hifmi_pay: int
    hifob_pay: int
    hifdm_pay: int
    maf_pay: int
    oth_pay: int
    fund_pay_sumamt: int
    hosp_part_amt: int
    psn_part_amt: int
    acct_pay: int
    psn_cash_pay: int
    acct_mulaid_pay: int
    balc: int

    def row(self) -> dict[str, int]:
        """All of them by name; a tenth of the time of ``dataclasses.asdict``."""
        return dict(zip(_NAMES, _values(self), strict=True))


_NAMES: tuple[str, ...] = tuple(part.name for part in fields(Amounts))
_values = attrgetter(*_NAMES)

MONEY: tuple[str, ...] = tuple(
    part.name for part in fields(Amounts) if part.name not in {"pool_prop_selfpay", "balc"}
)
"""Amounts that a reversal negates; the ratio stays, and the balance is a state."""

FUNDS: tuple[str, ...] = (
    "hifp_pay",
    "cvlserv_pay",
    "hifes_pay",
    "hifmi_pay",
    "hifob_pay",
    "hifdm_pay",
    "maf_pay",
    "oth_pay",
)
"""The parts of ``fund_pay_sumamt`` (I4)."""


def settle(
    parts: Parts, plan: Plan, standing: Standing, *, account: str, mulaid_inside: bool = True
) -> Amounts:
    """Settle a visit.

    Args:
        parts: of all its rows.
        plan: who pays what.
        standing: of the person.
        account: ``acct_used_flag``: 0 not used, 1 own account, 2 own and the family's.
        mulaid_inside: whether ``acct_pay`` holds what the family's account pays.
    """
    scope = parts.inscp_scp_amt
    funds, dedc, ratio = _funds(scope, plan, standing)
    fund = sum(funds.values())
    hospital = share(parts.overlmt_amt, plan.hospital)
    person = parts.total - fund - hospital
    own = min(standing.balance, person) if account in {"1", "2"} else 0
    family = min(standing.family_balance, person - own) if account == "2" else 0
    return Amounts(
        medfee_sumamt=parts.total,
        fulamt_ownpay_amt=parts.fulamt_ownpay_amt,
        overlmt_selfpay=parts.overlmt_amt,
        preselfpay_amt=parts.preselfpay_amt,
        inscp_scp_amt=scope,
        act_pay_dedc=dedc,
        pool_prop_selfpay=ratio,
        fund_pay_sumamt=fund,
        hosp_part_amt=hospital,
        psn_part_amt=person,
        acct_pay=own + family if mulaid_inside else own,
        psn_cash_pay=person - own - family,
        acct_mulaid_pay=family,
        balc=standing.balance - own,
        **funds,
    )


def _funds(scope: int, plan: Plan, standing: Standing) -> tuple[dict[str, int], int, int]:
    """What every fund pays, the deductible, and the ratio of the highest band."""
    due = plan.deductibles[min(standing.stays, len(plan.deductibles) - 1)]
    dedc = min(scope, max(0, due - standing.dedc))
    base = scope - dedc
    wanted, ratio = _bands(base, plan, standing.scope)
    pool = min(wanted, max(0, plan.cap - standing.pool))
    beyond = wanted - pool
    above = min(share(beyond, plan.above), max(0, plan.above_cap - standing.above))
    rest = base - pool - above
    civil = share(rest, plan.civil) if standing.civil else 0
    rest -= civil
    company = share(rest, plan.company) if standing.company else 0
    left = rest - company + dedc
    serious = min(left, _serious(left, plan, standing.own_scope))
    left -= serious
    aid = 0
    if standing.aided:
        aid = min(share(left, plan.aid), max(0, plan.aid_cap - standing.aid))
    left -= aid
    veteran = share(left, plan.veteran)
    other = share(left - veteran, plan.other)
    return (
        {
            "hifp_pay": pool,
            "cvlserv_pay": civil,
            "hifes_pay": company,
            "hifmi_pay": serious,
            "hifob_pay": above,
            "hifdm_pay": veteran,
            "maf_pay": aid,
            "oth_pay": other,
        },
        dedc,
        ratio,
    )


def _bands(base: int, plan: Plan, before: int) -> tuple[int, int]:
    """What the pool would pay without its cap, rounded once a band, and the last band's ratio."""
    paid, begin, ratio = 0, 0, plan.bands[0][1]
    for end, part in plan.bands:
        inside = min(before + base, end) - max(before, begin)
        if inside > 0:
            paid += share(inside, part)
            ratio = part
        begin = end
    return paid, ratio


def _serious(left: int, plan: Plan, before: int) -> int:
    """The part of this year's own in-scope costs above the threshold that this visit adds."""
    if not plan.serious:
        return 0
    counted = max(0, before + left - plan.serious_from) - max(0, before - plan.serious_from)
    return share(counted, plan.serious)


def reversed_amounts(amounts: Amounts, *, balance: int) -> Amounts:
    """The amounts of the row that undoes a settlement (I8)."""
    return replace(amounts, balc=balance, **{name: -int(getattr(amounts, name)) for name in MONEY})
