"""A second settlement engine for tests: written from the order of payment, not from the code.

It imports nothing of the project. Money is ``Fraction`` of a yuan until the moment of rounding, and
a plan is a plain dictionary.
"""

from __future__ import annotations

import math
from fractions import Fraction

CENT = Fraction(1, 100)


def to_fen(amount: Fraction) -> int:
    """Nearest fen of a non-negative amount, the half up."""
    return math.floor(amount / CENT + Fraction(1, 2))


def split(row: dict) -> dict:
    """Four parts of a row in fen. ``row``: total (fen), price, count, limit, first, level, ..."""
    own = (
        row["level"] == "03"
        or row["approval"] == "2"
        or (row["restricted"] and row["approval"] != "1")
    )
    if own:
        return {"own": row["total"], "over": 0, "first": 0, "scope": 0}
    over = 0
    if row["limit"] > 0 and row["price"] > row["limit"]:
        over = to_fen((row["price"] - row["limit"]) * row["count"])
        if over > row["total"]:
            over = row["total"]
    base = row["total"] - over
    first = to_fen(Fraction(base, 100) * row["first"])
    return {"own": 0, "over": over, "first": first, "scope": base - first}


def part(fen: int, ratio: Fraction) -> int:
    return to_fen(Fraction(fen, 100) * ratio)


def settle(rows: list[dict], plan: dict, person: dict) -> dict:
    """Amounts in fen by name."""
    parts = [split(row) for row in rows]
    scope = sum(one["scope"] for one in parts)
    over = sum(one["over"] for one in parts)
    fee = sum(row["total"] for row in rows)

    tiers = plan["deductibles"]
    due = tiers[person["stays"]] if person["stays"] < len(tiers) else tiers[-1]
    still_due = due - person["dedc"] if due > person["dedc"] else 0
    dedc = min(still_due, scope)

    # Walk along the bands a piece at a time.
    position, rest, entitled, ratio = person["scope"], scope - dedc, 0, plan["bands"][0][1]
    for end, band_ratio in plan["bands"]:
        room = rest if end is None else max(0, end - position)
        piece = min(rest, room)
        if piece:
            entitled += part(piece, band_ratio)
            ratio = band_ratio
        position, rest = position + piece, rest - piece
    room = plan["cap"] - person["pool"]
    pool = entitled if entitled <= room else max(0, room)

    def capped(amount: int, cap: int, used: int) -> int:
        return max(0, min(amount, cap - used)) if cap > used else 0

    large = capped(part(entitled - pool, plan["above"]), plan["above_cap"], person["above"])
    unpaid = scope - dedc - pool - large
    civil = part(unpaid, plan["civil"]) if person["civil"] else 0
    unpaid -= civil
    company = part(unpaid, plan["company"]) if person["company"] else 0
    unpaid = unpaid - company + dedc

    serious = 0
    if plan["serious"]:
        reached = person["own_scope"] + unpaid
        floor = max(person["own_scope"], plan["serious_from"])
        if reached > floor:
            serious = min(unpaid, part(reached - floor, plan["serious"]))
    unpaid -= serious
    aid = 0
    if person["aided"]:
        aid = capped(part(unpaid, plan["aid"]), plan["aid_cap"], person["aid"])
    unpaid -= aid
    veteran = part(unpaid, plan["veteran"])
    unpaid -= veteran
    other = part(unpaid, plan["other"])

    fund = pool + large + civil + company + serious + aid + veteran + other
    hospital = part(over, plan["hospital"])
    own_money = fee - fund - hospital
    account = family = 0
    if person["account"] != "0":
        account = min(person["balance"], own_money)
    if person["account"] == "2":
        family = min(person["family"], own_money - account)
    return {
        "medfee_sumamt": fee,
        "fulamt_ownpay_amt": sum(one["own"] for one in parts),
        "overlmt_selfpay": over,
        "preselfpay_amt": sum(one["first"] for one in parts),
        "inscp_scp_amt": scope,
        "act_pay_dedc": dedc,
        "hifp_pay": pool,
        "pool_prop_selfpay": int(ratio * 10000),
        "cvlserv_pay": civil,
        "hifes_pay": company,
        "hifmi_pay": serious,
        "hifob_pay": large,
        "hifdm_pay": veteran,
        "maf_pay": aid,
        "oth_pay": other,
        "fund_pay_sumamt": fund,
        "hosp_part_amt": hospital,
        "psn_part_amt": own_money,
        "acct_pay": account + family,
        "psn_cash_pay": own_money - account - family,
        "acct_mulaid_pay": family,
        "balc": person["balance"] - account,
    }
