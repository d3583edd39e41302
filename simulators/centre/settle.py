"""From uploaded rows to a settlement: what 2206, 2207, 2303 and 2304 have in common.

Drawing up a settlement reads the books and computes; booking makes the statements that change
settlement, funds, account, accumulations and rows together, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from simulators.centre import persons
from simulators.centre.calc import FUNDS, Amounts, Parts, Standing, add_rows, settle
from simulators.centre.calc_benefits import Plan
from simulators.centre.calc_money import fen, ratio_text, yuan
from simulators.centre.ids import fresh
from simulators.centre.ledger import AMOUNT_COLUMNS, Row, one, update
from simulators.centre.rules import Desk, Refusal, needed, stamp, text
from simulators.centre.rules_identities import broken_amounts, broken_funds
from simulators.centre.transaction import Books, Call, Statement
from simulators.store import insert

_PART_FIELDS = {
    "fulamt_ownpay_amt": "fulamt_ownpay_amt",
    "overlmt_selfpay": "overlmt_amt",
    "preselfpay_amt": "preselfpay_amt",
    "inscp_scp_amt": "inscp_scp_amt",
}
"""Parts of a settlement, and what the same thing is called on a row."""

_CUMULATED = (
    "dedc", "pool", "above", "own_scope", "aid", "medfee", "fund", "acct", "stays",
)  # fmt: skip
_YEARLY = frozenset({"outpatient", "chronic", "pharmacy", "registration"})
"""Kinds of benefit whose deductible is one a year; the others have one a stay."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """A settlement that is drawn up and not booked.

    Attributes:
        visit, who, insured: rows of the books.
        place: row of the hospital.
        kind: of benefit.
        med_type, clr_type: medical and clearing type.
        amounts: what 2207 answers.
        plan: that was applied.
        rows: how many rows were settled.
        final: False for an interim settlement of a stay.
    """

    visit: Row
    who: Row
    insured: Row
    place: Row
    kind: str
    med_type: str
    clr_type: str
    amounts: Amounts
    plan: Plan
    rows: int
    final: bool = True

    @property
    def clr_optins(self) -> str:
        """Agency that settles: the person's place of insurance."""
        return str(self.insured["insuplc_admdvs"])

    @property
    def pay_loc(self) -> str:
        """2 local, 3 in the same province, 4 in another one (division codes' first digits)."""
        home, here = self.clr_optins, str(self.place["admdvs"])
        if home[:4] == here[:4]:
            return "2"
        return "3" if home[:2] == here[:2] else "4"


def draw_up(
    desk: Desk,
    call: Call,
    books: Books,
    *,
    visit: Row,
    data: Mapping[str, Any],
    fees: Sequence[Row],
    final: bool = True,
) -> Draft:
    """Compute a settlement of some rows of a visit.

    Raises:
        Refusal: the total is not that of the rows, or the person has no claim.
    """
    if not fees:
        raise Refusal("nothing_to_settle")
    parts = add_rows([_parts(row) for row in fees])
    total = sum(int(row["det_item_fee_sumamt"]) for row in fees)
    _check_total(desk, data, total, parts)
    insutype = needed(data, "insutype")
    who = persons.person(books, visit["psn_no"])
    insured = persons.insurance(books, who["psn_no"], insutype)
    place = persons.hospital(books, visit["fixmedins_code"])
    med_type = visit["med_type"] or needed(data, "med_type")
    kind = desk.benefits.kinds.get(med_type)
    if kind is None:
        raise Refusal("med_type_unknown", med_type=med_type)
    plan = desk.benefits.plan(insutype, kind, place["level"])
    if plan is None:
        raise Refusal("no_entitlement", insutype=insutype, med_type=med_type)
    standing = _standing(call, books, visit=visit, who=who, insured=insured, kind=kind)
    amounts = settle(
        parts,
        plan,
        standing,
        account=text(data, "acct_used_flag") or "0",
        mulaid_inside=desk.policy.mulaid_inside_acct,
    )
    return Draft(
        visit=visit,
        who=who,
        insured=insured,
        place=place,
        kind=kind,
        med_type=med_type,
        clr_type=desk.benefits.clr_types[med_type],
        amounts=amounts,
        rows=len(fees),
        plan=plan,
        final=final,
    )


def _parts(row: Row) -> Parts:
    return Parts(
        fulamt_ownpay_amt=int(row["fulamt_ownpay_amt"]),
        overlmt_amt=int(row["overlmt_amt"]),
        preselfpay_amt=int(row["preselfpay_amt"]),
        inscp_scp_amt=int(row["inscp_scp_amt"]),
    )


def _check_total(desk: Desk, data: Mapping[str, Any], total: int, parts: Parts) -> None:
    given = fen(data.get("medfee_sumamt"), "medfee_sumamt")
    if given != total:
        raise Refusal("total_differs", given=yuan(given), found=yuan(total))
    if total < 0 or parts.least < 0:
        raise Refusal("total_negative")
    if not desk.policy.check_parts or desk.broken:
        return
    for name, part in _PART_FIELDS.items():
        said = data.get(name)
        if said is None or (type(said) is not Decimal and not text(data, name)):
            continue
        if fen(said, name) != getattr(parts, part):
            raise Refusal(
                "part_differs", name=name, given=data[name], found=yuan(getattr(parts, part))
            )


def _standing(
    call: Call, books: Books, *, visit: Row, who: Row, insured: Row, kind: str
) -> Standing:
    rows = books.rows(
        "SELECT kind, dedc, stays, pool, above, own_scope, aid FROM cumulations"
        " WHERE psn_no = ? AND insutype = ? AND cum_year = ?",
        (who["psn_no"], insured["insutype"], stamp(call)[:4]),
    )
    mine: Row | None = None
    above = own_scope = aid = 0
    for row in rows:
        above += int(row["above"])
        own_scope += int(row["own_scope"])
        aid += int(row["aid"])
        if row["kind"] == kind:
            mine = row
    mine = mine or dict.fromkeys(_CUMULATED, 0)
    dedc, scope = int(mine["dedc"]), 0
    if kind not in _YEARLY:
        stay = one(
            books,
            "SELECT COALESCE(SUM(act_pay_dedc), 0) AS dedc,"
            " COALESCE(SUM(inscp_scp_amt - act_pay_dedc), 0) AS scope"
            " FROM settlements WHERE mdtrt_id = ? AND vali_flag = '1'",
            visit["mdtrt_id"],
        )
        dedc, scope = (int(stay["dedc"]), int(stay["scope"])) if stay else (0, 0)
    family = who["family_psn_no"]
    return Standing(
        dedc=dedc,
        stays=int(mine["stays"]),
        scope=scope,
        pool=int(mine["pool"]),
        above=above,
        own_scope=own_scope,
        aid=aid,
        civil=insured["cvlserv_flag"] == "1",
        company=insured["company_flag"] == "1",
        aided=insured["maf_psn_flag"] == "1",
        balance=persons.balance(books, who["psn_no"]),
        family_balance=persons.balance(books, family) if family else 0,
    )


def fund_rows(desk: Desk, draft: Draft) -> list[Row]:
    """``setldetail``: a row for each fund that pays; together they are all that funds pay (I5)."""
    paid: dict[str, int] = {}
    for name in FUNDS:
        amount = int(getattr(draft.amounts, name))
        if amount:
            key = draft.insured["insutype"] if name == "hifp_pay" else name
            fund = desk.benefits.funds.get(key, key)
            paid[fund] = paid.get(fund, 0) + amount
    return [
        {
            "fund_pay_type": fund,
            "inscp_scp_amt": draft.amounts.inscp_scp_amt,
            "crt_payb_lmt_amt": draft.plan.cap,
            "fund_payamt": amount,
        }
        for fund, amount in paid.items()
        if amount
    ]


def fund_answer(desk: Desk, rows: Sequence[Row]) -> list[Row]:
    """``setldetail`` as it is sent."""
    return [
        {
            "fund_pay_type": row["fund_pay_type"],
            "inscp_scp_amt": yuan(row["inscp_scp_amt"]),
            "crt_payb_lmt_amt": yuan(row["crt_payb_lmt_amt"]),
            "fund_payamt": yuan(row["fund_payamt"]),
            "fund_pay_type_name": "",
            "setl_proc_info": "",
        }
        for row in broken_funds(rows, desk.broken)
    ]


def amount_answer(amounts: Mapping[str, Any]) -> Row:
    """Amounts of a settlement as they are sent: yuan, and the ratio with four decimals."""
    found = {name: yuan(amounts[name]) for name in AMOUNT_COLUMNS}
    found["pool_prop_selfpay"] = ratio_text(amounts["pool_prop_selfpay"])
    return found


def setlinfo(desk: Desk, call: Call, draft: Draft, *, setl_id: str = "") -> Row:
    """``setlinfo`` of a trial (no id) or a settlement; only here an identity is broken."""
    info = {
        "mdtrt_id": draft.visit["mdtrt_id"],
        **({"setl_id": setl_id} if setl_id else {}),
        **persons.base_fields(draft.who, call),
        "insutype": draft.insured["insutype"],
        "psn_type": draft.insured["psn_type"],
        "cvlserv_flag": draft.insured["cvlserv_flag"],
        "setl_time": stamp(call),
        "mdtrt_cert_type": draft.visit["mdtrt_cert_type"],
        "med_type": draft.med_type,
        "medins_setl_id": call.msgid,
        "clr_optins": draft.clr_optins,
        "clr_way": "1",
        "clr_type": draft.clr_type,
        "exp_content": "",
    }
    shown = broken_amounts(draft.amounts, desk.broken, rows=draft.rows)
    return info | amount_answer(shown.row())


def book(
    desk: Desk,
    call: Call,
    books: Books,
    draft: Draft,
    data: Mapping[str, Any],
    fees: Sequence[Row],
) -> tuple[str, list[Row], list[Statement]]:
    """Statements that book a settlement, with its id and its funds."""
    setl_id = fresh(
        books, "settlements", "setl_id", desk.seed, call.fixmedins_code, call.infno, call.msgid
    )
    row: Row = {
        "setl_id": setl_id,
        "mdtrt_id": draft.visit["mdtrt_id"],
        "psn_no": draft.who["psn_no"],
        "infno": call.infno,
        "medins_setl_id": call.msgid,
        "fixmedins_code": draft.visit["fixmedins_code"],
        "setl_time": stamp(call),
        "cum_year": stamp(call)[:4],
        "insutype": draft.insured["insutype"],
        "kind": draft.kind,
        "med_type": draft.med_type,
        "clr_type": draft.clr_type,
        "clr_way": "1",
        "clr_optins": draft.clr_optins,
        "pay_loc": draft.pay_loc,
        "psn_type": draft.insured["psn_type"],
        "cvlserv_flag": draft.insured["cvlserv_flag"],
        "mdtrt_cert_type": draft.visit["mdtrt_cert_type"],
        "chrg_bchno": text(data, "chrg_bchno"),
        "mid_setl_flag": "0" if draft.final else "1",
        "acct_used_flag": text(data, "acct_used_flag") or "0",
        "invono": text(data, "invono"),
        "refd_setl_flag": "0",
        "init_setl_id": "",
        "undone": "0",
        "vali_flag": "1",
        "stays": int(draft.final and draft.kind not in _YEARLY),
        "turn": turn(books, draft.visit["mdtrt_id"]),
        "opter": call.opter,
        **draft.amounts.row(),
    }
    funds = fund_rows(desk, draft)
    statements = [
        insert("settlements", row),
        *(insert("funds", {"setl_id": setl_id, **fund}) for fund in funds),
        *move_money(desk, row, draft.who["family_psn_no"], sign=1),
        *(
            update(
                "fees",
                {"mdtrt_id": fee["mdtrt_id"], "feedetl_sn": fee["feedetl_sn"]},
                {"setl_id": setl_id},
            )
            for fee in fees
        ),
    ]
    return setl_id, funds, statements


def turn(books: Books, mdtrt_id: str) -> int:
    """How many settlements and reversals a visit has had, also those that 2601 took back."""
    found = one(books, "SELECT COUNT(*) AS n FROM settlements WHERE mdtrt_id = ?", mdtrt_id)
    return int(found["n"]) if found else 0


def move_money(desk: Desk, row: Row, family_psn_no: str, *, sign: int) -> list[Statement]:
    """Statements that move account, family account and accumulations with a settlement.

    Args:
        desk: whose policy tells where the family's part is booked.
        row: of the settlement (a reversal has negative amounts already).
        family_psn_no: whose account the person shares.
        sign: -1 takes the row's effect back (2601).
    """
    family = sign * int(row["acct_mulaid_pay"])
    own = sign * int(row["acct_pay"])
    if desk.policy.mulaid_inside_acct:
        own -= family
    statements: list[Statement] = []
    for amount, psn_no in ((own, row["psn_no"]), (family, family_psn_no)):
        if amount:
            statements.append(
                ("UPDATE accounts SET balc = balc - ? WHERE psn_no = ?", [amount, psn_no])
            )
    grown = {
        "dedc": row["act_pay_dedc"],
        "pool": row["hifp_pay"],
        "above": row["hifob_pay"],
        "own_scope": row["inscp_scp_amt"] - row["fund_pay_sumamt"],
        "aid": row["maf_pay"],
        "medfee": row["medfee_sumamt"],
        "fund": row["fund_pay_sumamt"],
        "acct": row["acct_pay"],
        "stays": row["stays"],
    }
    key = {
        "psn_no": row["psn_no"],
        "insutype": row["insutype"],
        "cum_year": row["cum_year"],
        "kind": row["kind"],
    }
    sql, values = insert("cumulations", key | {name: sign * int(n) for name, n in grown.items()})
    statements.append((_adding(sql, tuple(key)), values))
    return statements


@lru_cache(maxsize=8)
def _adding(sql: str, key: tuple[str, ...]) -> str:
    """The INSERT that adds to the row with the same key; one text object, as of ``insert``."""
    adding = ", ".join(f"{name} = cumulations.{name} + excluded.{name}" for name in _CUMULATED)
    return f"{sql} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {adding}"
