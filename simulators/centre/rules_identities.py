"""The identities that every settlement keeps, and the switch that breaks exactly one of them.

The names I1 to I13 are those of the project's list of settlement identities: see ``IDENTITIES``.
All values here are integer fen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

from simulators.centre.calc import FUNDS, MONEY, Amounts, Parts

IDENTITIES: Mapping[str, str] = MappingProxyType(
    {
        "I1": "medfee_sumamt = fund_pay_sumamt + psn_part_amt + hosp_part_amt",
        "I2": "psn_part_amt = acct_pay + psn_cash_pay",
        "I3": "0 <= acct_mulaid_pay <= acct_pay",
        "I4": "fund_pay_sumamt = sum of the funds",
        "I5": "sum of setldetail = fund_pay_sumamt",
        "I6": "medfee_sumamt = own expense + over limit + paid first + in scope",
        "I7": "sums of the rows = amounts of the settlement",
        "I8": "amounts of a reversal = minus the original",
        "I9": "totals of 3201 = sums of the settlements",
        "I10": "feeSumamt = ownPayAmt + psnAcctPay + fundPay",
        "I11": "act_pay_dedc <= inscp_scp_amt and fund_pay_sumamt <= inscp_scp_amt",
        "I13": "balc after = balc before - own part of acct_pay",
    }
)
"""What each says. (I12 is about what a hospital declares in 3203.)"""

BREAKABLE: tuple[str, ...] = tuple(IDENTITIES)
"""Names that ``Desk.broken`` takes."""


def check(
    amounts: Amounts,
    *,
    rows: Sequence[Parts] = (),
    funds: Sequence[int] = (),
    before: int | None = None,
    mulaid_inside: bool = True,
) -> list[str]:
    """Names of the identities that do not hold for a settlement (not for a reversal).

    Args:
        amounts: of the settlement.
        rows: parts of its rows; empty leaves I7 out.
        funds: what ``setldetail`` says; empty leaves I5 out unless funds paid.
        before: own account before; None leaves I13 out.
        mulaid_inside: whether ``acct_pay`` holds the family's part.
    """
    a = amounts
    accounts = a.acct_pay if mulaid_inside else a.acct_pay + a.acct_mulaid_pay
    own = a.acct_pay - a.acct_mulaid_pay if mulaid_inside else a.acct_pay
    parts = (a.fulamt_ownpay_amt, a.overlmt_selfpay, a.preselfpay_amt, a.inscp_scp_amt)
    sums = tuple(
        sum(getattr(row, name) for row in rows)
        for name in ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt")
    )
    holds = {
        "I1": a.medfee_sumamt == a.fund_pay_sumamt + a.psn_part_amt + a.hosp_part_amt,
        "I2": a.psn_part_amt == accounts + a.psn_cash_pay,
        "I3": 0 <= a.acct_mulaid_pay <= accounts,
        "I4": a.fund_pay_sumamt == sum(getattr(a, name) for name in FUNDS),
        "I5": sum(funds) == a.fund_pay_sumamt,
        "I6": a.medfee_sumamt == sum(parts),
        "I7": not rows or sums == parts,
        "I11": a.act_pay_dedc <= a.inscp_scp_amt and a.fund_pay_sumamt <= a.inscp_scp_amt,
        "I13": before is None or a.balc == before - own,
    }
    return [name for name, held in holds.items() if not held]


def broken_amounts(amounts: Amounts, name: str, *, rows: int = 1) -> Amounts:
    """Amounts in which one identity does not hold, by a fen; all others still do.

    Only what is answered is broken, never the books. I5 and I8 to I10 are broken where their other
    side is made; for I6 each of ``rows`` was answered with a fen too much (``broken_row``).
    """
    a = amounts
    match name:
        case "I1":
            return replace(a, hosp_part_amt=a.hosp_part_amt + 1)
        case "I2":
            return replace(a, psn_cash_pay=a.psn_cash_pay + 1)
        case "I3":
            more = a.acct_pay + 1
            return replace(a, acct_mulaid_pay=more, balc=a.balc + more - a.acct_mulaid_pay)
        case "I4":
            return replace(a, oth_pay=a.oth_pay + 1)
        case "I6":
            return replace(a, overlmt_selfpay=a.overlmt_selfpay + rows)
        case "I7":
            if a.preselfpay_amt or not a.fulamt_ownpay_amt:
                return replace(
                    a,
                    preselfpay_amt=a.preselfpay_amt - 1,
                    fulamt_ownpay_amt=a.fulamt_ownpay_amt + 1,
                )
            return replace(
                a,
                preselfpay_amt=a.preselfpay_amt + 1,
                fulamt_ownpay_amt=a.fulamt_ownpay_amt - 1,
            )
        case "I11":
            return replace(a, act_pay_dedc=a.inscp_scp_amt + 1)
        case "I13":
            return replace(a, balc=a.balc + 1)
        case _:
            return a


def broken_row(parts: Parts, name: str) -> Parts:
    """I6: a row whose parts are a fen more than its amount."""
    if name != "I6":
        return parts
    return replace(parts, overlmt_amt=parts.overlmt_amt + 1)


def broken_funds(rows: Sequence[dict[str, Any]], name: str) -> Sequence[dict[str, Any]]:
    """I5: a fund that pays a fen more than the settlement says."""
    if name != "I5" or not rows:
        return rows
    return [{**rows[0], "fund_payamt": rows[0]["fund_payamt"] + 1}, *rows[1:]]


def broken_reversal(amounts: Amounts, name: str) -> Amounts:
    """I8: a reversal that gives a fen of the account back as cash."""
    if name != "I8":
        return amounts
    return replace(
        amounts,
        acct_pay=amounts.acct_pay + 1,
        psn_cash_pay=amounts.psn_cash_pay - 1,
        balc=amounts.balc - 1,
    )


def reversal_differs(original: Amounts, reversal: Amounts) -> list[str]:
    """I8: the amounts in which a reversal is not minus the original."""
    first, second = asdict(original), asdict(reversal)
    return [name for name in MONEY if second[name] != -first[name]]
