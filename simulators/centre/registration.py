"""Outpatient visits: 2201 register, 2202 take back, 2203 and 2203A diagnoses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.centre import persons, staff
from simulators.centre.catalogue import known_disease
from simulators.centre.ids import fresh
from simulators.centre.ledger import Row, one, update
from simulators.centre.rules import Desk, Refusal, needed, node, node_rows, stamp, text, whole
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement
from simulators.store import insert, upsert

OUTPATIENT = "otp"
INPATIENT = "ipt"
OPEN = "open"
DISCHARGED = "discharged"
CANCELLED = "cancelled"


def visit_of(books: Books, call: Call, data: Mapping[str, Any], *, kind: str = "") -> Row:
    """The visit that a request names, after all its keys were compared.

    Raises:
        Refusal: it does not exist, was taken back, or is of another person, hospital or kind.
    """
    mdtrt_id = needed(data, "mdtrt_id")
    visit = one(books, "SELECT * FROM visits WHERE mdtrt_id = ?", mdtrt_id)
    if visit is None:
        raise Refusal("unknown_visit", mdtrt_id=mdtrt_id)
    if visit["psn_no"] != needed(data, "psn_no"):
        raise Refusal("other_person", mdtrt_id=mdtrt_id)
    if visit["fixmedins_code"] != call.fixmedins_code:
        raise Refusal("other_hospital")
    if visit["state"] == CANCELLED:
        raise Refusal("visit_cancelled", mdtrt_id=mdtrt_id)
    if kind and visit["visit_kind"] != kind:
        raise Refusal("visit_kind", mdtrt_id=mdtrt_id)
    return visit


def new_visit(
    desk: Desk, call: Call, books: Books, data: Mapping[str, Any], *, kind: str, med_type: str
) -> Row:
    """A row for ``visits`` from 2201 or 2401, its person and insurance checked.

    Raises:
        Refusal: person, insurance or hospital are not in order.
    """
    who = persons.person(books, needed(data, "psn_no"))
    insured = persons.insurance(books, who["psn_no"], needed(data, "insutype"))
    persons.hospital(books, call.fixmedins_code)
    staff.check(desk, call, books, data)
    stay = one(
        books,
        "SELECT mdtrt_id FROM visits WHERE psn_no = ? AND visit_kind = ? AND state = ?",
        who["psn_no"],
        INPATIENT,
        OPEN,
    )
    if stay is not None:
        raise Refusal("visit_open_elsewhere", mdtrt_id=stay["mdtrt_id"])
    return {
        "mdtrt_id": fresh(
            books, "visits", "mdtrt_id", desk.seed, call.fixmedins_code, call.infno, call.msgid
        ),
        "psn_no": who["psn_no"],
        "fixmedins_code": call.fixmedins_code,
        "insutype": insured["insutype"],
        "visit_kind": kind,
        "ipt_otp_no": text(data, "ipt_otp_no") or text(data, "ipt_no"),
        "med_type": med_type,
        "mdtrt_cert_type": text(data, "mdtrt_cert_type"),
        "begntime": text(data, "begntime") or stamp(call),
        "endtime": "",
        "state": OPEN,
        "msgid": call.msgid,
        "dise_codg": text(data, "dise_codg"),
        "dise_name": text(data, "dise_name"),
        "dept_code": text(data, "dept_code") or text(data, "adm_dept_codg"),
        "dept_name": text(data, "dept_name") or text(data, "adm_dept_name"),
        "dr_code": text(data, "atddr_no"),
        "dr_name": text(data, "dr_name") or text(data, "chfpdr_name"),
        "bed": text(data, "adm_bed"),
        "dscg_way": "",
        "opter": call.opter,
        "opt_time": stamp(call),
    }


def diagnosis_rows(
    desk: Desk, call: Call, books: Books, mdtrt_id: str, *, inout: str
) -> list[Statement]:
    """Statements for ``diseinfo``: a known number is changed, a new one added.

    Raises:
        Refusal: there is no diagnosis, or one that the catalogue does not have.
    """
    rows = node_rows(call, "diseinfo")
    if not rows:
        raise Refusal("no_diagnosis")
    statements: list[Statement] = []
    for row in rows:
        code = needed(row, "diag_code")
        if desk.policy.check_diagnosis and not known_disease(books, code):
            raise Refusal("diagnosis_unknown", code=code)
        staff.check(desk, call, books, row)
        values = {
            "mdtrt_id": mdtrt_id,
            "inout_diag_type": inout,
            "diag_srt_no": whole(row, "diag_srt_no", "1"),
            "diag_type": text(row, "diag_type"),
            "maindiag_flag": text(row, "maindiag_flag") or "0",
            "diag_code": code,
            "diag_name": text(row, "diag_name"),
            "diag_dept": text(row, "diag_dept"),
            "dise_dor_no": text(row, "dise_dor_no"),
            "dise_dor_name": text(row, "dise_dor_name"),
            "diag_time": text(row, "diag_time"),
            "vali_flag": text(row, "vali_flag") or "1",
        }
        key = ("mdtrt_id", "inout_diag_type", "diag_srt_no")
        statements.append(upsert("diagnoses", key, values))
    return statements


def register(desk: Desk, call: Call, books: Books) -> Handled:
    """2201: a visit, and its id."""
    data = node(call)
    visit = new_visit(desk, call, books, data, kind=OUTPATIENT, med_type="")
    output = {
        "data": {
            "mdtrt_id": visit["mdtrt_id"],
            "psn_no": visit["psn_no"],
            "ipt_otp_no": visit["ipt_otp_no"],
            "exp_content": "",
        }
    }
    return Handled(answer=Answer(output=output), statements=[insert("visits", visit)])


def require_no_fees(books: Books, mdtrt_id: str) -> None:
    """Nothing may hang on a visit that is taken back.

    Raises:
        Refusal: it has rows, settled or not.
    """
    row = one(books, "SELECT setl_id FROM fees WHERE mdtrt_id = ? ORDER BY setl_id DESC", mdtrt_id)
    if row is not None:
        raise Refusal("visit_settled" if row["setl_id"] else "visit_has_fees")


def cancel(_desk: Desk, call: Call, books: Books) -> Handled:
    """2202: take a visit back that has no rows left."""
    visit = visit_of(books, call, node(call), kind=OUTPATIENT)
    require_no_fees(books, visit["mdtrt_id"])
    change = update("visits", {"mdtrt_id": visit["mdtrt_id"]}, {"state": CANCELLED})
    return Handled(answer=Answer(output={}), statements=[change])


def upload_visit(desk: Desk, call: Call, books: Books) -> Handled:
    """2203 and 2203A: medical type and diagnoses; a visit has exactly one medical type."""
    data = node(call, "mdtrtinfo")
    visit = visit_of(books, call, data, kind=OUTPATIENT)
    med_type = needed(data, "med_type")
    if med_type not in desk.benefits.kinds:
        raise Refusal("med_type_unknown", med_type=med_type)
    settled = one(
        books,
        "SELECT 1 FROM fees WHERE mdtrt_id = ? AND setl_id <> ''",
        visit["mdtrt_id"],
    )
    if visit["med_type"] not in {"", med_type} and settled:
        raise Refusal("med_type_differs", med_type=visit["med_type"])
    changed = {
        "med_type": med_type,
        "dise_codg": text(data, "dise_codg"),
        "dise_name": text(data, "dise_name"),
    }
    statements = [
        update("visits", {"mdtrt_id": visit["mdtrt_id"]}, changed),
        *diagnosis_rows(desk, call, books, visit["mdtrt_id"], inout="1"),
    ]
    return Handled(answer=Answer(output={}), statements=statements)
