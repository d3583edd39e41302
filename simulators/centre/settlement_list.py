"""医保结算清单: 4101 upload, 4102 state, 4103 query; 4261 to 4263 for who pays alone.

States of a list: 0 editable, 1 submitted, 2 approved (frozen), 3 rejected. The hospital moves
0 to 1 and 3 to 0 or 1; the bureau does the rest.
"""

from __future__ import annotations

import json

from harness.errors import InputError
from simulators.centre import persons
from simulators.centre.calc_money import fen, yuan
from simulators.centre.catalogue import PAGE_SIZE_MAX, known_disease
from simulators.centre.ids import fresh
from simulators.centre.ledger import Row, one, settlement, update
from simulators.centre.rules import (
    Desk,
    Refusal,
    flat,
    needed,
    node,
    node_rows,
    rows_of,
    stamp,
    text,
    whole,
)
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement
from simulators.store import upsert

EDITABLE, SUBMITTED, APPROVED, REJECTED = "0", "1", "2", "3"

_MOVES = {(EDITABLE, SUBMITTED), (REJECTED, EDITABLE), (REJECTED, SUBMITTED)}

STATED_UNKNOWN = -1
"""``ownpay_visits.stated`` before 4262 named a total."""


def upload(desk: Desk, call: Call, books: Books) -> Handled:
    """4101: the list of one settlement; its funds must be those of the settlement."""
    data = node(call, "setlinfo")
    setl_id = needed(data, "setl_id")
    row = settlement(books, setl_id)
    if row is None or row["undone"] == "1" or row["refd_setl_flag"] == "1":
        raise Refusal("unknown_settlement", setl_id=setl_id)
    keys = (needed(data, "psn_no"), needed(data, "mdtrt_id"), call.fixmedins_code)
    if keys != (row["psn_no"], row["mdtrt_id"], row["fixmedins_code"]):
        raise Refusal("settlement_other", setl_id=setl_id)
    _check_diagnoses(desk, call, books)
    paid = node_rows(call, "payinfo")
    total = sum(fen(one_paid.get("fund_payamt"), "fund_payamt") for one_paid in paid)
    if paid and total != int(row["fund_pay_sumamt"]):
        raise Refusal("list_amount", given=yuan(total), found=yuan(row["fund_pay_sumamt"]))
    before = one(books, "SELECT * FROM setl_lists WHERE setl_id = ?", setl_id)
    if before is not None and before["stas_type"] in {SUBMITTED, APPROVED}:
        raise Refusal("list_repeat")
    number = before["setl_list_id"] if before else _number(desk, call, books)
    kept = {
        "setl_list_id": number,
        "setl_id": setl_id,
        "psn_no": row["psn_no"],
        "stas_type": EDITABLE,
        "list_time": stamp(call),
        "content": json.dumps(call.input, default=str),
    }
    return Handled(
        answer=Answer(output={"data": {"setl_list_id": number}}),
        statements=[upsert("setl_lists", ("setl_list_id",), kept)],
    )


def _number(desk: Desk, call: Call, books: Books) -> str:
    return fresh(books, "setl_lists", "setl_list_id", desk.seed, call.fixmedins_code, call.msgid)


def _check_diagnoses(desk: Desk, call: Call, books: Books) -> None:
    rows = node_rows(call, "diseinfo")
    if not rows:
        raise Refusal("no_diagnosis")
    for row in rows:
        code = needed(row, "diag_code")
        if desk.policy.check_diagnosis and not known_disease(books, code):
            raise Refusal("diagnosis_unknown", code=code)
    if sum(text(row, "maindiag_flag") == "1" for row in rows) != 1:
        raise Refusal("diagnosis_main")


def change_state(_desk: Desk, call: Call, books: Books) -> Handled:
    """4102: the path is ``data``, then ``stastinfo``, an array."""
    rows = rows_of(flat(call).get("stastinfo"), "stastinfo") or node_rows(call, "data#stastinfo")
    if not rows:
        raise Refusal("node_missing", name="data.stastinfo")
    statements = []
    for row in rows:
        found = one(
            books,
            "SELECT * FROM setl_lists WHERE setl_id = ? AND psn_no = ?",
            needed(row, "setl_id"),
            needed(row, "psn_no"),
        )
        if found is None:
            raise Refusal("list_unknown")
        state = needed(row, "stas_type")
        if (found["stas_type"], state) not in _MOVES:
            raise Refusal("list_repeat")
        statements.append(
            update("setl_lists", {"setl_list_id": found["setl_list_id"]}, {"stas_type": state})
        )
    return Handled(answer=Answer(output={}), statements=statements)


def judged(books: Books, psn_no: str, state: str) -> list[Statement]:
    """What the bureau makes of a person's submitted lists: approved or rejected.

    Raises:
        InputError: that is no judgement, or nothing is submitted.
    """
    found = books.rows(
        "SELECT setl_list_id FROM setl_lists WHERE psn_no = ? AND stas_type = ?",
        (psn_no, SUBMITTED),
    )
    if state not in {APPROVED, REJECTED} or not found:
        raise InputError(f"no submitted list of {psn_no} to be judged {state}")
    return [
        update("setl_lists", {"setl_list_id": row["setl_list_id"]}, {"stas_type": state})
        for row in found
    ]


def query(_desk: Desk, call: Call, books: Books) -> Handled:
    """4103: a list as it was uploaded, with its state and the amounts of its settlement."""
    data = node(call)
    found = one(
        books,
        "SELECT * FROM setl_lists WHERE setl_id = ? AND psn_no = ?",
        needed(data, "setl_id"),
        needed(data, "psn_no"),
    )
    if found is None:
        raise Refusal("list_unknown")
    row = settlement(books, found["setl_id"])
    if row is None:
        raise Refusal("unknown_settlement", setl_id=found["setl_id"])
    content = json.loads(found["content"])
    sent = content.get("setlinfo", {})
    who = persons.person(books, row["psn_no"])
    mine = persons.base_fields(who, call)
    keys = {"setl_id": row["setl_id"], "psn_no": row["psn_no"], "mdtrt_id": row["mdtrt_id"]}
    info = {name: value for name, value in sent.items() if isinstance(value, str)} | {
        **keys,
        "setl_list_sn": found["setl_list_id"],
        "fixmedins_name": persons.hospital(books, row["fixmedins_code"])["fixmedins_name"],
        "fixmedins_code": row["fixmedins_code"],
        **{name: mine[name] for name in ("psn_name", "gend", "brdy", "age", "naty", "certno")},
        "patn_cert_type": "01",
        "coner_name": sent.get("coner_name") or who["psn_name"],
        "ipt_med_type": "1",
        "adm_caty": sent.get("adm_caty") or sent.get("dscg_caty", ""),
        "insutype": row["insutype"],
        "psn_selfpay": yuan(int(row["preselfpay_amt"]) + int(row["overlmt_selfpay"])),
        "psn_ownpay": yuan(row["fulamt_ownpay_amt"]),
        "acct_pay": yuan(row["acct_pay"]),
        "psn_cashpay": yuan(row["psn_cash_pay"]),
        "hi_paymtd": sent.get("hi_paymtd") or "1",
        "hi_type": row["insutype"],
        "opsp_dise_name": "无",
        "opsp_dise_code": "无",
        "hsorg_opter": call.opter,
        "stas_type": found["stas_type"],
    }
    # payinfo stays out: the code list of its pool field names two funds that nothing here pays.
    output = {"setlinfo": info, "diseinfo": _diagnoses(content, keys)}
    return Handled(answer=Answer(output=output))


def _diagnoses(content: Row, keys: Row) -> list[Row]:
    rows = rows_of(content.get("diseinfo"), "diseinfo")
    return [{**row, **keys, "setl_list_diag_id": str(nth)} for nth, row in enumerate(rows, 1)]


def upload_own(_desk: Desk, call: Call, books: Books) -> Handled:
    """4261: a visit that no insurance pays, and its rows; a row sent again replaces the former.

    This transaction has camelCase fields and, in the specification, no public envelope.
    """
    data = flat(call)
    visits = rows_of(data.get("fmiOwnpayPatnMdtrtDDTO"), "fmiOwnpayPatnMdtrtDDTO")
    if len(visits) != 1:
        raise Refusal("node_missing", name="fmiOwnpayPatnMdtrtDDTO")
    visit = visits[0]
    mdtrt_id = needed(visit, "mdtrtId")
    before = _own_visit(books, call, mdtrt_id)
    kept = {
        "fixmedins_code": call.fixmedins_code,
        "mdtrt_id": mdtrt_id,
        "certno": needed(visit, "certno"),
        "psn_name": needed(visit, "psnName"),
        "begntime": text(visit, "begntime"),
        "stated": int(before["stated"]) if before else STATED_UNKNOWN,
    }
    statements = [upsert("ownpay_visits", ("fixmedins_code", "mdtrt_id"), kept)]
    fees = rows_of(data.get("fmiOwnpayPatnFeeListDDTO"), "fmiOwnpayPatnFeeListDDTO")
    if not fees:
        raise Refusal("fees_empty")
    for fee in fees:
        row = {
            "fixmedins_code": call.fixmedins_code,
            "mdtrt_id": mdtrt_id,
            "bkkp_sn": needed(fee, "bkkpSn"),
            "amount": fen(fee.get("detItemFeeSumamt"), "detItemFeeSumamt"),
            "vali_flag": text(fee, "valiFlag") or "1",
        }
        statements.append(upsert("ownpay_fees", ("fixmedins_code", "mdtrt_id", "bkkp_sn"), row))
    return Handled(answer=Answer(output={}), statements=statements)


def _own_visit(books: Books, call: Call, mdtrt_id: str) -> Row | None:
    return one(
        books,
        "SELECT * FROM ownpay_visits WHERE fixmedins_code = ? AND mdtrt_id = ?",
        call.fixmedins_code,
        mdtrt_id,
    )


def _own_total(books: Books, call: Call, mdtrt_id: str) -> int:
    row = one(
        books,
        "SELECT COALESCE(SUM(amount), 0) AS total FROM ownpay_fees"
        " WHERE fixmedins_code = ? AND mdtrt_id = ? AND vali_flag = '1'",
        call.fixmedins_code,
        mdtrt_id,
    )
    return int(row["total"]) if row else 0


def reconcile_own(_desk: Desk, call: Call, books: Books) -> Handled:
    """4262: compare the total of an uploaded visit; what was stated is kept for 4263."""
    data = flat(call)
    mdtrt_id = needed(data, "mdtrtId")
    if _own_visit(books, call, mdtrt_id) is None:
        raise Refusal("unknown_visit", mdtrt_id=mdtrt_id)
    given = fen(data.get("totalFeeSumamt"), "totalFeeSumamt")
    total = _own_total(books, call, mdtrt_id)
    result = {
        "stmtResult": str(int(given != total)),
        "stmtRema": "" if given == total else f"中心合计{yuan(total)}",
    }
    output = {"code": "0", "type": "success", "message": "", "data": result}
    change = update(
        "ownpay_visits",
        {"fixmedins_code": call.fixmedins_code, "mdtrt_id": mdtrt_id},
        {"stated": given},
    )
    return Handled(answer=Answer(output=output), statements=[change])


def differing_own(_desk: Desk, call: Call, books: Books) -> Handled:
    """4263: uploaded visits of a person whose stated total is not that of the rows."""
    data = flat(call)
    page, size = whole(data, "pageNum", "1"), min(PAGE_SIZE_MAX, whole(data, "pageSize", "100"))
    if page < 1 or size < 1:
        raise Refusal("not_a_number", name="pageNum")
    found = books.rows(
        "SELECT * FROM ownpay_visits WHERE fixmedins_code = ? AND certno = ? ORDER BY mdtrt_id",
        (call.fixmedins_code, needed(data, "certno")),
    )
    rows = []
    for visit in found:
        total = _own_total(books, call, visit["mdtrt_id"])
        stated = int(visit["stated"])
        if stated not in {STATED_UNKNOWN, total}:
            rows.append(
                {
                    "mdtrtId": visit["mdtrt_id"],
                    "fixmedinsCode": call.fixmedins_code,
                    "certno": visit["certno"],
                    "psnName": visit["psn_name"],
                    "totalFeeSumamt": yuan(stated),
                    "feeSumamt": yuan(total),
                }
            )
    part = rows[(page - 1) * size : page * size]
    listed = {
        "pageNum": page,
        "pageSize": size,
        "size": len(part),
        "pages": -(-len(rows) // size),
        "recordCounts": len(rows),
        "Data": part,
    }
    output = {"code": "0", "type": "success", "message": "", "data": listed}
    return Handled(answer=Answer(output=output))
