"""The back office of the HIS: exports of its books, and direct edits of its store.

The edits are what people and programs do to a database behind the application's back: a row that a
restored backup lost, a row that a script copied, a column that somebody corrected by hand. They
come over the control pipe, never over a tested interface.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from harness.errors import InputError
from harness.link import actor as act
from simulators.centre.files import zip_text
from simulators.hospital import cashier_books as books
from simulators.hospital.cashier import Cashier
from simulators.hospital.cashier_day import rows_of
from simulators.hospital.cashier_model import Statement
from simulators.hospital.his_settle_export import ledger_csv, lines_csv, log_jsonl
from simulators.hospital.his_uploads_export import CANCELLED, uploads_csv
from simulators.store import Store, insert

PREFIX: Final = "yb-books-"
"""Commands of ours begin with it."""

EDITABLE: Final = frozenset(
    {
        "setl_id", "psn_no", "medfee_fen", "fund_fen", "acct_fen", "cash_fen", "setl_time",
        "refd_setl_flag", "clr_type", "insutype", "clr_optins", "medins_setl_id", "booked_at",
    }
)  # fmt: skip
"""Columns of a settlement that an edit may set."""


def obey(cashier: Cashier, event: act.Commanded) -> list[act.Command]:
    """Carry out ``yb-books-export`` or ``yb-books-edit`` and answer it."""
    args = {name: str(value) for name, value in event.args.items()}
    try:
        match event.name.removeprefix(PREFIX):
            case "export":
                return [act.Reply(ident=event.ident, value=_exported(cashier, args))]
            case "edit":
                statements = _edited(cashier.store, args, books.stamp(cashier.clock.wall()))
                return [
                    act.Commit(statements=statements),
                    act.Reply(ident=event.ident, value={"edited": len(statements)}),
                ]
        raise InputError(f"the back office knows no command {event.name}")
    except KeyError as error:
        return [act.Reply(ident=event.ident, error=f"{event.name}: missing {error}")]
    except InputError as error:
        return [act.Reply(ident=event.ident, error=f"{event.name}: {error.message}")]


def _exported(cashier: Cashier, args: Mapping[str, str]) -> dict[str, str]:
    store, defects = cashier.store, cashier.defects
    period = {name: args.get(name, "") for name in ("begin", "end")}
    match args["what"]:
        case "ledger":
            by = args.get("by", "setl_time")
            text = ledger_csv(store, **period, by=by, whole=True, defects=defects)
            data = text.encode("gb18030")
        case "lines":
            data = lines_csv(store, **period).encode("gb18030")
        case "log":
            data = log_jsonl(store).encode("utf-8")
        case "upload":
            rows = rows_of(store, args["begin"], cashier.defects)
            data = zip_text("detail.txt", [_cells(row) for row in rows if row["setl_id"]])
        case "visits" | "boxes" | "lists" as what:
            data = uploads_csv(store, what, **period, defects=defects).encode("gb18030")
        case other:
            raise InputError(f"the back office has no list {other}")
    return {"data": base64.b64encode(data).decode("ascii")}


def _cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the file for 3202: seven columns, empty is ``null``."""
    amounts = [str(books.yuan(int(row[name]))) for name in ("medfee_fen", "fund_fen", "acct_fen")]
    cells = [row["setl_id"], row["mdtrt_id"], row["psn_no"], *amounts, row["refd_setl_flag"]]
    return [str(cell) or "null" for cell in cells]


# -- edits -----------------------------------------------------------------------------------------


def _edited(store: Store, args: Mapping[str, str], now: str) -> list[Statement]:
    bill_no = args["bill_no"]
    match args["how"]:
        case "offline":
            return _offline(store, bill_no, now)
        case "line":
            return _line(bill_no, args)
        case "unregister":
            return [books.update_row("yb_bill", {"bill_no": bill_no}, {"state": CANCELLED})]
        case "unscan":
            sql = "UPDATE yb_trace SET state = 'void' WHERE bill_no = ? AND code = ?"
            return [(f"{sql} AND state <> 'sold'", (bill_no, args["value"]))]
    row = _latest(store, bill_no)
    match args["how"]:
        case "lose":
            return [("DELETE FROM yb_settlement WHERE id = ?", (row["id"],))]
        case "copy":
            copied = {name: row[name] for name in row if name != "id"}
            return [insert("yb_settlement", copied | {"booked_at": now})]
        case "set":
            return [_set(row, args)]
        case "swap":
            first, second = args["column"], args["value"]
            if not {first, second} <= EDITABLE:
                raise InputError(f"not an editable column: {first}, {second}")
            changed = {first: row[second], second: row[first]}
            return [books.update_row("yb_settlement", {"id": row["id"]}, changed)]
        case "difference":
            return _difference(store, row, int(args.get("value", "0")))
    raise InputError(f"the back office knows no edit {args['how']}")


def _latest(store: Store, bill_no: str) -> dict[str, Any]:
    rows = store.rows(
        "SELECT * FROM yb_settlement WHERE bill_no = ? ORDER BY id DESC LIMIT 1", (bill_no,)
    )
    if not rows:
        raise InputError(f"bill {bill_no} has no settlement")
    return rows[0]


def _set(row: Mapping[str, Any], args: Mapping[str, str]) -> Statement:
    """One column: a value, or with ``add`` so many fen more, or with ``cut`` the first digits."""
    column, value = args["column"], args.get("value", "")
    if column not in EDITABLE:
        raise InputError(f"not an editable column: {column}")
    if "add" in args:
        value = str(int(row[column]) + int(args["add"]))
    if "cut" in args:
        value = str(row[column])[: int(args["cut"])]
    return books.update_row("yb_settlement", {"id": row["id"]}, {column: value})


def _difference(store: Store, row: Mapping[str, Any], off_fen: int) -> list[Statement]:
    """Of a partial refund, only what was paid back: the chain of three rows becomes two.

    Args:
        store: of the HIS.
        row: the new settlement of the rest.
        off_fen: by how much the difference is wrong.
    """
    rows = store.rows(
        "SELECT * FROM yb_settlement WHERE bill_no = ? ORDER BY id", (row["bill_no"],)
    )
    if len(rows) != 3:
        raise InputError("this bill was not refunded in part")
    _, back, rest = rows
    amounts = ("medfee_fen", "fund_fen", "acct_fen", "cash_fen")
    changed = {name: int(back[name]) + int(rest[name]) for name in amounts}
    changed["medfee_fen"] += off_fen
    changed["cash_fen"] += off_fen
    return [
        ("DELETE FROM yb_settlement WHERE id = ?", (rest["id"],)),
        books.update_row("yb_settlement", {"id": back["id"]}, changed),
    ]


def _line(bill_no: str, args: Mapping[str, str]) -> list[Statement]:
    """A fee line of a settled bill: another code or quantity."""
    column = args["column"]
    if column not in {"med_code", "cnt", "price", "item"}:
        raise InputError(f"not an editable column: {column}")
    return [
        books.update_row(
            "yb_line", {"bill_no": bill_no, "line": int(args["line"])}, {column: args["value"]}
        )
    ]


def _offline(store: Store, bill_no: str, now: str) -> list[Statement]:
    """The window lost the line and booked by itself: a number of its own, no call, all in cash."""
    bill = books.read_bill(store, bill_no)
    if bill is None:
        raise InputError(f"no bill {bill_no}")
    row = {
        "bill_no": bill_no,
        "setl_id": f"LOCAL{bill_no}",
        "mdtrt_id": "",
        "psn_no": bill.patient_id,
        "medfee_fen": bill.total_fen,
        "fund_fen": 0,
        "acct_fen": 0,
        "cash_fen": bill.total_fen,
        "setl_time": now,
        "refd_setl_flag": "0",
        "clr_type": "11",
        "insutype": "310",
        "clr_optins": "430100",
        "medins_setl_id": "",
        "booked_at": now,
    }
    return [insert("yb_settlement", row), books.bill_state(bill, "settled", "offline")]
