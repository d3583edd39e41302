"""Stays: 2401 to 2405 admission and discharge, 2301 to 2304 rows, trial and settlement.

A stay is settled after its discharge, or before it as an interim settlement (``mid_setl_flag`` 1),
which takes the rows so far; the deductible of a stay is due once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.centre import settle
from simulators.centre.fees import FeeBook, unsettled
from simulators.centre.ledger import Row, delete, one, update
from simulators.centre.outpatient import ALL_ROWS
from simulators.centre.registration import (
    CANCELLED,
    DISCHARGED,
    INPATIENT,
    OPEN,
    diagnosis_rows,
    new_visit,
    require_no_fees,
    visit_of,
)
from simulators.centre.rules import Desk, Refusal, needed, node, node_rows, stamp, text
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement
from simulators.store import insert


def _one_main_diagnosis(call: Call) -> None:
    mains = [row for row in node_rows(call, "diseinfo") if text(row, "maindiag_flag") == "1"]
    if len(mains) != 1:
        raise Refusal("diagnosis_main")


def admit(desk: Desk, call: Call, books: Books) -> Handled:
    """2401: a stay, and its id."""
    data = node(call, "mdtrtinfo")
    med_type = needed(data, "med_type")
    if med_type not in desk.benefits.kinds:
        raise Refusal("med_type_unknown", med_type=med_type)
    number = needed(data, "ipt_no")
    again = one(
        books,
        "SELECT 1 FROM visits WHERE fixmedins_code = ? AND psn_no = ? AND ipt_otp_no = ?"
        " AND visit_kind = ? AND state <> ?",
        call.fixmedins_code,
        needed(data, "psn_no"),
        number,
        INPATIENT,
        CANCELLED,
    )
    if again is not None:
        raise Refusal("visit_repeat", ipt_no=number)
    _one_main_diagnosis(call)
    visit = new_visit(desk, call, books, data, kind=INPATIENT, med_type=med_type)
    statements = [
        insert("visits", visit),
        *diagnosis_rows(desk, call, books, visit["mdtrt_id"], inout="1"),
    ]
    output = {"result": {"mdtrt_id": visit["mdtrt_id"], "exp_content": ""}}
    return Handled(answer=Answer(output=output), statements=statements)


def _open_stay(books: Books, call: Call, data: Mapping[str, Any]) -> Row:
    visit = visit_of(books, call, data, kind=INPATIENT)
    if visit["state"] == DISCHARGED:
        raise Refusal("discharged")
    return visit


def discharge(desk: Desk, call: Call, books: Books) -> Handled:
    """2402: the end of a stay, with its diagnoses at discharge."""
    data = node(call, "dscginfo")
    visit = _open_stay(books, call, data)
    _one_main_diagnosis(call)
    changed = {
        "state": DISCHARGED,
        "endtime": text(data, "endtime") or stamp(call),
        "dscg_way": text(data, "dscg_way"),
    }
    statements = [
        update("visits", {"mdtrt_id": visit["mdtrt_id"]}, changed),
        *diagnosis_rows(desk, call, books, visit["mdtrt_id"], inout="2"),
    ]
    return Handled(answer=Answer(output={}), statements=statements)


def change(desk: Desk, call: Call, books: Books) -> Handled:
    """2403: change what 2401 said; a diagnosis with a known number is changed, a new one added."""
    data = node(call, "adminfo")
    visit = _open_stay(books, call, data)
    names = {
        "ipt_otp_no": "ipt_otp_no",
        "begntime": "begntime",
        "dise_codg": "dise_codg",
        "dise_name": "dise_name",
        "dept_code": "adm_dept_codg",
        "dept_name": "adm_dept_name",
        "dr_code": "atddr_no",
        "dr_name": "chfpdr_name",
        "bed": "adm_bed",
    }
    changed = {column: text(data, name) for column, name in names.items() if text(data, name)}
    med_type = text(data, "med_type")
    if med_type and med_type != visit["med_type"]:
        settled = one(
            books,
            "SELECT 1 FROM fees WHERE mdtrt_id = ? AND setl_id <> ''",
            visit["mdtrt_id"],
        )
        if settled is not None:
            raise Refusal("med_type_differs", med_type=visit["med_type"])
        if med_type not in desk.benefits.kinds:
            raise Refusal("med_type_unknown", med_type=med_type)
        changed["med_type"] = med_type
    changed["opt_time"] = stamp(call)
    statements = [
        update("visits", {"mdtrt_id": visit["mdtrt_id"]}, changed),
        *diagnosis_rows(desk, call, books, visit["mdtrt_id"], inout="1"),
    ]
    return Handled(answer=Answer(output={}), statements=statements)


def cancel_admission(_desk: Desk, call: Call, books: Books) -> Handled:
    """2404: take an admission back that has no rows left and was not discharged."""
    visit = _open_stay(books, call, node(call))
    require_no_fees(books, visit["mdtrt_id"])
    statements = [update("visits", {"mdtrt_id": visit["mdtrt_id"]}, {"state": CANCELLED})]
    return Handled(answer=Answer(output={}), statements=statements)


def cancel_discharge(_desk: Desk, call: Call, books: Books) -> Handled:
    """2405: take a discharge back whose final settlement was undone."""
    visit = visit_of(books, call, node(call), kind=INPATIENT)
    if visit["state"] != DISCHARGED:
        raise Refusal("not_in_hospital")
    final = one(
        books,
        "SELECT 1 FROM settlements WHERE mdtrt_id = ? AND vali_flag = '1' AND undone = '0'"
        " AND refd_setl_flag = '0' AND mid_setl_flag = '0'",
        visit["mdtrt_id"],
    )
    if final is not None:
        raise Refusal("visit_settled")
    statements = [
        update("visits", {"mdtrt_id": visit["mdtrt_id"]}, {"state": OPEN, "endtime": ""}),
        delete("diagnoses", {"mdtrt_id": visit["mdtrt_id"], "inout_diag_type": "2"}),
    ]
    return Handled(answer=Answer(output={}), statements=statements)


def upload(desk: Desk, call: Call, books: Books) -> Handled:
    """2301: rows of stays; a refund names the row that it takes back."""
    rows = node_rows(call, "feedetail")
    if not rows:
        raise Refusal("fees_empty")
    opened: dict[str, FeeBook] = {}
    answers: list[Row] = []
    statements: list[Statement] = []
    for row in rows:
        mdtrt_id = needed(row, "mdtrt_id")
        if mdtrt_id not in opened:
            visit = visit_of(books, call, row, kind=INPATIENT)
            opened[mdtrt_id] = FeeBook(desk, call, books, visit, rows)
        answer, statement = opened[mdtrt_id].add(row)
        answers.append(answer)
        statements.append(statement)
    return Handled(answer=Answer(output={"result": answers}), statements=statements)


def withdraw(_desk: Desk, call: Call, books: Books) -> Handled:
    """2302: take one unsettled row back (``0000``: all of them)."""
    rows = node_rows(call, "data")
    if not rows:
        raise Refusal("node_missing", name="data")
    statements = []
    for row in rows:
        visit = visit_of(books, call, row, kind=INPATIENT)
        serial = needed(row, "feedetl_sn")
        key: dict[str, Any] = {"mdtrt_id": visit["mdtrt_id"]}
        if serial != ALL_ROWS:
            key["feedetl_sn"] = serial
        where = " AND ".join(f"{name} = ?" for name in key)
        found = books.rows(f"SELECT setl_id, feedetl_sn FROM fees WHERE {where}", [*key.values()])
        if not found:
            raise Refusal("fee_none")
        if all(one_row["setl_id"] for one_row in found):
            raise Refusal("fee_settled")
        if serial != ALL_ROWS and one(
            books,
            "SELECT 1 FROM fees WHERE mdtrt_id = ? AND init_feedetl_sn = ?",
            visit["mdtrt_id"],
            serial,
        ):
            raise Refusal("fee_refund", sn=serial)
        statements.append(delete("fees", {**key, "setl_id": ""}))
    return Handled(answer=Answer(output={}), statements=statements)


def _draft(
    desk: Desk, call: Call, books: Books, *, trial: bool
) -> tuple[Mapping[str, Any], list[Row], settle.Draft]:
    data = node(call)
    visit = visit_of(books, call, data, kind=INPATIENT)
    interim = text(data, "mid_setl_flag") == "1"
    if interim and visit["state"] == DISCHARGED:
        raise Refusal("discharged")
    if not interim and visit["state"] != DISCHARGED and not trial:
        raise Refusal("not_discharged")
    fees = unsettled(books, visit["mdtrt_id"])
    draft = settle.draw_up(desk, call, books, visit=visit, data=data, fees=fees, final=not interim)
    return data, fees, draft


def trial(desk: Desk, call: Call, books: Books) -> Handled:
    """2303: what 2304 would answer now; nothing is booked."""
    _, _, draft = _draft(desk, call, books, trial=True)
    output = {
        "setlinfo": settle.setlinfo(desk, call, draft),
        "setldetail": settle.fund_answer(desk, settle.fund_rows(desk, draft)),
    }
    return Handled(answer=Answer(output=output))


def settle_stay(desk: Desk, call: Call, books: Books) -> Handled:
    """2304: settle what is not settled of a stay; in the books before the answer leaves."""
    data, fees, draft = _draft(desk, call, books, trial=False)
    setl_id, funds, statements = settle.book(desk, call, books, draft, data, fees)
    output = {
        "setlinfo": settle.setlinfo(desk, call, draft, setl_id=setl_id),
        "setldetail": settle.fund_answer(desk, funds),
    }
    return Handled(answer=Answer(output=output), statements=statements)
