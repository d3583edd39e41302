"""Outpatient money: 2204 upload rows, 2205 take them back, 2206 trial, 2207 settle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.centre import settle
from simulators.centre.fees import FeeBook, unsettled
from simulators.centre.ledger import Row, delete, one
from simulators.centre.registration import OUTPATIENT, visit_of
from simulators.centre.rules import Desk, Refusal, needed, node, node_rows
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement

ALL_ROWS = "0000"
"""``chrg_bchno`` or ``feedetl_sn`` that stands for everything not settled."""


def upload(desk: Desk, call: Call, books: Books) -> Handled:
    """2204: rows of one or several visits; each is split, and answered with its parts."""
    rows = node_rows(call, "feedetail")
    if not rows:
        raise Refusal("fees_empty")
    opened: dict[str, FeeBook] = {}
    answers: list[Row] = []
    statements: list[Statement] = []
    for row in rows:
        mdtrt_id = needed(row, "mdtrt_id")
        if mdtrt_id not in opened:
            visit = visit_of(books, call, row, kind=OUTPATIENT)
            opened[mdtrt_id] = FeeBook(desk, call, books, visit, rows)
        answer, statement = opened[mdtrt_id].add(row, batch=needed(row, "chrg_bchno"))
        answers.append(answer)
        statements.append(statement)
    return Handled(answer=Answer(output={"result": answers}), statements=statements)


def withdraw(_desk: Desk, call: Call, books: Books) -> Handled:
    """2205: take the unsettled rows of a batch back (``0000``: of all batches)."""
    data = node(call)
    visit = visit_of(books, call, data, kind=OUTPATIENT)
    batch = needed(data, "chrg_bchno")
    key: dict[str, Any] = {"mdtrt_id": visit["mdtrt_id"]}
    if batch != ALL_ROWS:
        key["chrg_bchno"] = batch
    where = " AND ".join(f"{name} = ?" for name in key)
    found = one(
        books,
        f"SELECT COUNT(*) AS n, SUM(CASE WHEN setl_id <> '' THEN 1 ELSE 0 END) AS settled"
        f" FROM fees WHERE {where}",
        *key.values(),
    )
    if found is None or not found["n"]:
        raise Refusal("fee_none")
    if int(found["settled"]) == int(found["n"]) or (batch != ALL_ROWS and found["settled"]):
        raise Refusal("fee_settled")
    return Handled(answer=Answer(output={}), statements=[delete("fees", {**key, "setl_id": ""})])


def _draft(
    desk: Desk, call: Call, books: Books
) -> tuple[Mapping[str, Any], list[Row], settle.Draft]:
    data = node(call)
    visit = visit_of(books, call, data, kind=OUTPATIENT)
    fees = unsettled(books, visit["mdtrt_id"], batch=needed(data, "chrg_bchno"))
    return data, fees, settle.draw_up(desk, call, books, visit=visit, data=data, fees=fees)


def trial(desk: Desk, call: Call, books: Books) -> Handled:
    """2206: what 2207 would answer now; nothing is booked."""
    _, _, draft = _draft(desk, call, books)
    output = {
        "setlinfo": settle.setlinfo(desk, call, draft),
        "setldetail": settle.fund_answer(desk, settle.fund_rows(desk, draft)),
    }
    return Handled(answer=Answer(output=output))


def settle_visit(desk: Desk, call: Call, books: Books) -> Handled:
    """2207: settle a batch; in the books before the answer leaves."""
    data, fees, draft = _draft(desk, call, books)
    setl_id, funds, statements = settle.book(desk, call, books, draft, data, fees)
    output = {
        "setlinfo": settle.setlinfo(desk, call, draft, setl_id=setl_id),
        "setldetail": settle.fund_answer(desk, funds),
    }
    return Handled(answer=Answer(output=output), statements=statements)
