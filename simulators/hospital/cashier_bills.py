"""New bills, and where an old one stands: what the cashier knows of a bill before a flow begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from harness.errors import InputError
from simulators.hospital import cashier_books as books
from simulators.hospital.cashier_model import (
    FAIL,
    KINDS,
    UNKNOWN,
    Bill,
    Line,
    Outcome,
    Statement,
)
from simulators.store import Store


def new(store: Store, at: datetime, defects: set[str], args: Mapping[str, str]) -> list[Statement]:
    """Statements for a bill: ``lines`` is ``item,price,count`` a line, joined by semicolons.

    Raises:
        InputError: an item has no code of the centre.
        KeyError: an argument is missing.
    """
    bill = Bill(
        bill_no=args["bill_no"],
        patient_id=args["patient_id"],
        name=args["name"],
        id_card=args["id_card"],
        kind=KINDS[args.get("kind", "otp")],
        channel="",
        med_type=args.get("med_type", "11"),
        acct_used=args.get("acct_used", "1"),
    )
    bill.lines = _lines(store, books.stamp(at)[:10], defects, args["lines"])
    return [books.bill_row(bill, books.stamp(at)), *books.line_rows(bill)]


def _lines(store: Store, day: str, defects: set[str], text: str) -> list[Line]:
    expired = "his-yb-expired-mapping" in defects
    lines = []
    for number, one in enumerate(text.split(";"), start=1):
        item, price, count = one.split(",")
        code = books.mapped(store, item, day, oldest=expired)
        if not code:
            raise InputError(f"the item {item} is not mapped")
        amount = (Decimal(price) * Decimal(count)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        lines.append(
            Line(
                line=number,
                item=item,
                med_code=code,
                price=price,
                count=count,
                amount_fen=int(amount.scaleb(2)),
            )
        )
    return lines


def last_message(store: Store, bill: Bill) -> tuple[Outcome, str]:
    """The latest message that moved rows or money of a bill, and its transaction.

    A refusal counts as well: what was answered as failed may have been carried out. Where rows
    were the last that moved there is nothing to find out.
    """
    kind = bill.kind
    rows = store.rows(
        "SELECT msgid, infno, state, answer, err_msg FROM yb_log WHERE bill_no = ?"
        " AND infno IN (?, ?, ?) ORDER BY id DESC LIMIT 1",
        (bill.bill_no, kind.upload, kind.settle, kind.reverse),
    )
    if not rows or rows[0]["infno"] == kind.upload:
        return Outcome(state=UNKNOWN, msgid=""), ""
    last = rows[0]
    answer = json.loads(last["answer"]) if last["answer"] else None
    state = FAIL if last["state"] == FAIL else UNKNOWN
    out = Outcome(state=state, msgid=last["msgid"], output=answer, err_msg=str(last["err_msg"]))
    return out, str(last["infno"])
