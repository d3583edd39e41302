"""2601 冲正: take back what a call did whose answer got lost, by its msgid.

What is taken back disappears from reconciliation, unlike a reversal, which stays as a pair. Which
transactions a province lets be taken back is ``Policy.reversible``.
"""

from __future__ import annotations

from simulators.centre import persons, settle
from simulators.centre.ledger import Row, one, settlement, update
from simulators.centre.registration import CANCELLED, DISCHARGED, require_no_fees
from simulators.centre.reversal import cleared, month_of, own_part
from simulators.centre.rules import Desk, Refusal, needed, node
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement

SETTLING = frozenset({"2102", "2102A", "2207", "2304", "2304A"})
REVERSING = frozenset({"2103", "2208", "2305"})
VISITING = frozenset({"2201", "2401"})


def undo(desk: Desk, call: Call, books: Books) -> Handled:
    """2601: an answer without a node; only ``infcode`` says how it ended."""
    data = node(call)
    psn_no, omsgid = needed(data, "psn_no"), needed(data, "omsgid")
    oinfno = needed(data, "oinfno")
    modelled = SETTLING | REVERSING | VISITING
    if oinfno not in desk.policy.reversible or oinfno not in modelled:
        raise Refusal("undo_not_allowed", infno=oinfno)
    done = books.rows(
        "SELECT * FROM calls WHERE fixmedins_code = ? AND msgid = ? AND infno = ?"
        " AND psn_no = ? ORDER BY nth DESC",
        (call.fixmedins_code, omsgid, oinfno, psn_no),
    )
    if not done:
        raise Refusal("undo_not_found", msgid=omsgid, infno=oinfno)
    found = next((row for row in done if row["undone"] == "0"), None)
    if found is None:
        raise Refusal("undo_again", msgid=omsgid)
    if oinfno in VISITING:
        statements = _undo_visit(books, found["ref_id"])
    else:
        row = settlement(books, found["ref_id"])
        if row is None:
            raise Refusal("undo_again", msgid=omsgid)
        if cleared(desk, books, row):
            raise Refusal("settlement_cleared", month=month_of(row))
        statements = (_undo_settlement if oinfno in SETTLING else _undo_reversal)(desk, books, row)
    key = {name: found[name] for name in ("fixmedins_code", "msgid", "infno", "nth")}
    statements.append(update("calls", key, {"undone": "1"}))
    return Handled(answer=Answer(output={}), statements=statements)


def _undo_settlement(desk: Desk, books: Books, row: Row) -> list[Statement]:
    if row["undone"] == "1":
        raise Refusal("already_reversed", setl_id=row["setl_id"])
    later = one(
        books,
        "SELECT setl_id FROM settlements WHERE mdtrt_id = ? AND turn > ? AND vali_flag = '1'"
        " AND undone = '0' AND refd_setl_flag = '0'",
        row["mdtrt_id"],
        row["turn"],
    )
    if later is not None and row["infno"].startswith("23"):
        raise Refusal("settled_later", setl_id=later["setl_id"])
    who = persons.person(books, row["psn_no"])
    return [
        update("settlements", {"setl_id": row["setl_id"]}, {"vali_flag": "0"}),
        *settle.move_money(desk, row, who["family_psn_no"], sign=-1),
        update(
            "fees",
            {"mdtrt_id": row["mdtrt_id"], "setl_id": row["setl_id"]},
            {"setl_id": "", "undone_setl_id": row["setl_id"]},
        ),
    ]


def _undo_reversal(desk: Desk, books: Books, row: Row) -> list[Statement]:
    """The original counts again, if its rows are as they were and the accounts still hold it."""
    original = settlement(books, row["init_setl_id"])
    if original is None:
        raise Refusal("unknown_settlement", setl_id=row["init_setl_id"])
    kept = one(
        books,
        "SELECT COALESCE(SUM(det_item_fee_sumamt), 0) AS total, COUNT(*) AS n FROM fees"
        " WHERE mdtrt_id = ? AND undone_setl_id = ? AND setl_id = ''",
        original["mdtrt_id"],
        original["setl_id"],
    )
    if kept is None or not kept["n"] or int(kept["total"]) != int(original["medfee_sumamt"]):
        raise Refusal("fee_none")
    who = persons.person(books, row["psn_no"])
    family = who["family_psn_no"]
    short = persons.balance(books, who["psn_no"]) < own_part(desk, original)
    if family:
        short |= persons.balance(books, family) < int(original["acct_mulaid_pay"])
    if short:
        raise Refusal("account_short")
    return [
        update("settlements", {"setl_id": row["setl_id"]}, {"vali_flag": "0"}),
        update("settlements", {"setl_id": original["setl_id"]}, {"undone": "0"}),
        *settle.move_money(desk, row, family, sign=-1),
        update(
            "fees",
            {
                "mdtrt_id": original["mdtrt_id"],
                "undone_setl_id": original["setl_id"],
                "setl_id": "",
            },
            {"setl_id": original["setl_id"]},
        ),
    ]


def _undo_visit(books: Books, mdtrt_id: str) -> list[Statement]:
    visit = one(books, "SELECT * FROM visits WHERE mdtrt_id = ?", mdtrt_id)
    if visit is None:
        raise Refusal("unknown_visit", mdtrt_id=mdtrt_id)
    if visit["state"] == DISCHARGED:
        raise Refusal("discharged")
    require_no_fees(books, mdtrt_id)
    return [update("visits", {"mdtrt_id": mdtrt_id}, {"state": CANCELLED})]
