"""Undoing a settlement: 2208 and 2305 add a negative row that is linked to the original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from simulators.centre import persons, settle
from simulators.centre.calc import MONEY, Amounts, reversed_amounts
from simulators.centre.ids import fresh
from simulators.centre.ledger import AMOUNT_COLUMNS, Row, one, settlement, update
from simulators.centre.registration import INPATIENT, OUTPATIENT, visit_of
from simulators.centre.rules import Desk, Refusal, needed, node, stamp
from simulators.centre.rules_identities import broken_reversal
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement
from simulators.store import insert


def month_of(row: Row) -> str:
    """Month of a settlement as ``YYYYMM``."""
    return str(row["setl_time"])[:7].replace("-", "")


def cleared(desk: Desk, books: Books, row: Row) -> bool:
    """Whether a settlement is in a clearing: by policy, or by an application (3203)."""
    month = month_of(row)
    if desk.policy.cleared_month and month <= desk.policy.cleared_month:
        return True
    applied = one(
        books,
        "SELECT 1 FROM clearings WHERE fixmedins_code = ? AND clr_type = ? AND setlym = ?"
        " AND state = '10'",
        row["fixmedins_code"],
        row["clr_type"],
        month,
    )
    return applied is not None


def amounts_of(row: Row) -> Amounts:
    """The amounts of a settlement in the books."""
    return Amounts(**{name: int(row[name]) for name in AMOUNT_COLUMNS})


def own_part(desk: Desk, row: Row) -> int:
    """What a settlement took from the person's own account, in fen."""
    inside = desk.policy.mulaid_inside_acct
    return int(row["acct_pay"]) - (int(row["acct_mulaid_pay"]) if inside else 0)


def find_settlement(books: Books, call: Call, data: Mapping[str, Any]) -> Row:
    """The settlement that a request names by all three keys, and that can be undone.

    Raises:
        Refusal: unknown, of another person, visit or hospital, a reversal, or undone.
    """
    setl_id = needed(data, "setl_id")
    row = settlement(books, setl_id)
    if row is None:
        raise Refusal("unknown_settlement", setl_id=setl_id)
    keys = (needed(data, "psn_no"), needed(data, "mdtrt_id"), call.fixmedins_code)
    if (row["psn_no"], row["mdtrt_id"], row["fixmedins_code"]) != keys:
        raise Refusal("settlement_other", setl_id=setl_id)
    if row["refd_setl_flag"] == "1":
        raise Refusal("is_reversal", setl_id=setl_id)
    if row["undone"] == "1":
        raise Refusal("already_reversed", setl_id=setl_id)
    return row


def reverse(
    desk: Desk, call: Call, books: Books, original: Row
) -> tuple[Row, list[Row], list[Statement]]:
    """The negative row of a settlement, its funds, and the statements.

    Raises:
        Refusal: it is in a clearing and the province takes none of those.
    """
    if not desk.policy.reverse_cleared and cleared(desk, books, original):
        raise Refusal("settlement_cleared", month=month_of(original))
    who = persons.person(books, original["psn_no"])
    balance = persons.balance(books, who["psn_no"]) + own_part(desk, original)
    negative = reversed_amounts(amounts_of(original), balance=balance)
    setl_id = fresh(
        books, "settlements", "setl_id", desk.seed, call.fixmedins_code, call.infno, call.msgid
    )
    row = original | asdict(negative)
    row |= {
        "setl_id": setl_id,
        "infno": call.infno,
        "medins_setl_id": call.msgid,
        "setl_time": stamp(call),
        "refd_setl_flag": "1",
        "init_setl_id": original["setl_id"],
        "stays": -int(original["stays"]),
        "turn": settle.turn(books, original["mdtrt_id"]),
        "opter": call.opter,
    }
    funds = [
        {**fund, "setl_id": setl_id}
        | {name: -int(fund[name]) for name in ("inscp_scp_amt", "fund_payamt")}
        for fund in books.rows(
            "SELECT * FROM funds WHERE setl_id = ? ORDER BY fund_pay_type", (original["setl_id"],)
        )
    ]
    statements = [
        update("settlements", {"setl_id": original["setl_id"]}, {"undone": "1"}),
        insert("settlements", row),
        *(insert("funds", fund) for fund in funds),
        *settle.move_money(desk, row, who["family_psn_no"], sign=1),
        update(
            "fees",
            {"mdtrt_id": original["mdtrt_id"], "setl_id": original["setl_id"]},
            {"setl_id": "", "undone_setl_id": original["setl_id"]},
        ),
    ]
    return row, funds, statements


def reversal_answer(
    desk: Desk, call: Call, books: Books, row: Row, funds: list[Row]
) -> dict[str, Any]:
    """``setlinfo`` and ``setldetail`` of a reversal, with the sign that the province sends."""
    shown = asdict(broken_reversal(amounts_of(row), desk.broken))
    if desk.policy.reversal_sign == "positive":
        shown |= {name: -shown[name] for name in MONEY}
        negated = ("inscp_scp_amt", "fund_payamt")
        funds = [{**fund, **{name: -fund[name] for name in negated}} for fund in funds]
    who = persons.person(books, row["psn_no"])
    info = {
        "mdtrt_id": row["mdtrt_id"],
        "setl_id": row["setl_id"],
        "setl_time": row["setl_time"],
        **persons.base_fields(who, call),
        "insutype": row["insutype"],
        "psn_type": row["psn_type"],
        "cvlserv_flag": row["cvlserv_flag"],
        "mdtrt_cert_type": row["mdtrt_cert_type"],
        "med_type": row["med_type"],
        "clr_optins": row["clr_optins"],
        "clr_way": row["clr_way"],
        "clr_type": row["clr_type"],
        "medins_setl_id": row["medins_setl_id"],
        "exp_content": "",
    } | settle.amount_answer(shown)
    if call.infno == "2208":
        info["pdn_cash_pay"] = info.pop("psn_cash_pay")
    return {"setlinfo": info, "setldetail": settle.fund_answer(desk, funds)}


def reverse_outpatient(desk: Desk, call: Call, books: Books) -> Handled:
    """2208: undo an outpatient settlement; also one that is in a clearing already."""
    return _reverse(desk, call, books, OUTPATIENT)


def reverse_inpatient(desk: Desk, call: Call, books: Books) -> Handled:
    """2305: undo the last settlement of a stay."""
    return _reverse(desk, call, books, INPATIENT)


def _reverse(desk: Desk, call: Call, books: Books, kind: str) -> Handled:
    data = node(call)
    original = find_settlement(books, call, data)
    visit_of(books, call, data, kind=kind)
    if kind == INPATIENT:
        later = one(
            books,
            "SELECT setl_id FROM settlements WHERE mdtrt_id = ? AND turn > ? AND vali_flag = '1'"
            " AND undone = '0' AND refd_setl_flag = '0'",
            original["mdtrt_id"],
            original["turn"],
        )
        if later is not None:
            raise Refusal("settled_later", setl_id=later["setl_id"])
    row, funds, statements = reverse(desk, call, books, original)
    output = reversal_answer(desk, call, books, row, funds)
    return Handled(answer=Answer(output=output), statements=statements)
