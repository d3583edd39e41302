"""Questions about visits and money: 5201 to 5206, 5301, 5303, and code lists by 1901.

Tables without a node name in the specification are answered under ``data``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from harness import resources
from simulators.centre import persons, settle
from simulators.centre.calc_money import yuan
from simulators.centre.catalogue import catalogue_rows
from simulators.centre.fees import fee_answer
from simulators.centre.ledger import Row, one, settlement
from simulators.centre.registration import CANCELLED, INPATIENT, OPEN
from simulators.centre.rules import Desk, Refusal, day, needed, node, text
from simulators.centre.transaction import Answer, Books, Call, Handled

ROWS_MAX = 1000
"""Rows of one answer: ``output`` may hold 40,000 characters, larger things go by file."""

_CUMULATED = {
    "medfee": "YLFZE",
    "dedc": "QFXLJ",
    "pool": "TCJJLJ",
    "above": "DEJJLJ",
    "aid": "YLJZLJ",
    "fund": "JJZFLJ",
    "acct": "GRZHLJ",
    "own_scope": "ZFLJ",
}
"""Codes of accumulated amounts (``cum_type_code``): no list is published, these are examples."""


@lru_cache(maxsize=1)
def _dictionaries() -> Mapping[str, Any]:
    path = resources.fixture("centre", "dictionaries.json")
    with path.open(encoding="utf-8") as file:
        lists: Mapping[str, Any] = json.load(file)["lists"]
        return lists


def dictionary(desk: Desk, call: Call, _books: Books) -> Handled:
    """1901: one code list.

    Raises:
        Refusal: there is no list of that name.
    """
    data = node(call)
    kind = needed(data, "type")
    found = desk.policy.lists.get(kind)
    if found is None:
        published = _dictionaries().get(kind)
        if published is None:
            raise Refusal("dictionary_unknown", type=kind)
        found = published["values"]
    rows = [
        {
            "type": kind,
            "label": label,
            "value": value,
            "parentValue": "0",
            "sort": nth,
            "valiFlag": "1",
            "createUser": "system",
            "createDate": text(data, "date"),
            "version": 1,
        }
        for nth, (value, label) in enumerate(found.items(), start=1)
    ]
    return Handled(answer=Answer(output={"list": rows}))


def _visit_answer(call: Call, who: Row, insured: Row | None, visit: Row) -> Row:
    return persons.base_fields(who, call) | {
        "mdtrt_id": visit["mdtrt_id"],
        "insutype": visit["insutype"],
        "psn_type": insured["psn_type"] if insured else "",
        "maf_psn_flag": insured["maf_psn_flag"] if insured else "0",
        "cvlserv_flag": insured["cvlserv_flag"] if insured else "0",
        "flxempe_flag": "0",
        "nwb_flag": "0",
        "insu_optins": insured["insuplc_admdvs"] if insured else "",
        "emp_name": insured["emp_name"] if insured else "",
        "begntime": visit["begntime"],
        # A visit of one day ends as it begins; a stay that is open has no end.
        "endtime": visit["endtime"]
        or ("" if visit["visit_kind"] == INPATIENT else visit["begntime"]),
        "mdtrt_cert_type": visit["mdtrt_cert_type"],
        "med_type": visit["med_type"],
        "ipt_otp_no": visit["ipt_otp_no"],
        "atddr_no": visit["dr_code"],
        "chfpdr_name": visit["dr_name"],
        "adm_dept_codg": visit["dept_code"],
        "adm_dept_name": visit["dept_name"],
        "adm_bed": visit["bed"],
        "dscg_way": visit["dscg_way"],
        "dise_codg": visit["dise_codg"],
        "dise_name": visit["dise_name"],
        "inhosp_stas": str(int(visit["visit_kind"] == INPATIENT and visit["state"] == OPEN)),
        "opter_id": visit["opter"],
        "opt_time": visit["opt_time"],
    }


def _insured(books: Books, visit: Row) -> Row | None:
    return one(
        books,
        "SELECT * FROM insurances WHERE psn_no = ? AND insutype = ?",
        visit["psn_no"],
        visit["insutype"],
    )


def visits(_desk: Desk, call: Call, books: Books) -> Handled:
    """5201: visits of a person at this hospital in a period."""
    data = node(call)
    who = persons.person(books, needed(data, "psn_no"))
    sql = (
        "SELECT * FROM visits WHERE psn_no = ? AND fixmedins_code = ? AND begntime >= ?"
        " AND begntime <= ? AND state <> ?"
    )
    values = [
        who["psn_no"],
        call.fixmedins_code,
        f"{day(data, 'begntime')} 00:00:00",
        f"{day(data, 'endtime')} 23:59:59",
        CANCELLED,
    ]
    if text(data, "med_type"):  # a visit has none before 2203, and is found by any
        sql += " AND med_type IN (?, '')"
        values.append(text(data, "med_type"))
    if text(data, "mdtrt_id"):
        sql += " AND mdtrt_id = ?"
        values.append(text(data, "mdtrt_id"))
    found = books.rows(f"{sql} ORDER BY begntime, mdtrt_id LIMIT {ROWS_MAX}", values)
    rows = [_visit_answer(call, who, _insured(books, visit), visit) for visit in found]
    return Handled(answer=Answer(output={"mdtrtinfo": rows}))


def diagnoses(_desk: Desk, call: Call, books: Books) -> Handled:
    """5202: diagnoses of a visit, those that were made invalid left out."""
    data = node(call)
    visit = _own_visit(books, call, data)
    found = books.rows(
        "SELECT * FROM diagnoses WHERE mdtrt_id = ? AND vali_flag = '1'"
        " ORDER BY inout_diag_type, diag_srt_no",
        (visit["mdtrt_id"],),
    )
    rows = [
        {
            "diag_info_id": f"{row['mdtrt_id']}{row['inout_diag_type']}{row['diag_srt_no']:02d}",
            **{name: value for name, value in row.items() if name != "vali_flag"},
            "psn_no": visit["psn_no"],
            "adm_cond": "",
        }
        for row in found
    ]
    return Handled(answer=Answer(output={"diseinfo": rows}))


def _own_visit(books: Books, call: Call, data: Mapping[str, Any]) -> Row:
    mdtrt_id = needed(data, "mdtrt_id")
    visit = one(books, "SELECT * FROM visits WHERE mdtrt_id = ?", mdtrt_id)
    if visit is None:
        raise Refusal("unknown_visit", mdtrt_id=mdtrt_id)
    if visit["psn_no"] != needed(data, "psn_no"):
        raise Refusal("other_person", mdtrt_id=mdtrt_id)
    if visit["fixmedins_code"] != call.fixmedins_code:
        raise Refusal("other_hospital")
    return visit


def _own_settlement(books: Books, call: Call, data: Mapping[str, Any]) -> Row:
    setl_id = needed(data, "setl_id")
    row = settlement(books, setl_id)
    if row is None or row["fixmedins_code"] != call.fixmedins_code:
        raise Refusal("unknown_settlement", setl_id=setl_id)
    if (row["psn_no"], row["mdtrt_id"]) != (needed(data, "psn_no"), needed(data, "mdtrt_id")):
        raise Refusal("settlement_other", setl_id=setl_id)
    return row


def settlements(desk: Desk, call: Call, books: Books) -> Handled:
    """5203: a settlement or reversal as the books hold it; one that 2601 took back is unknown."""
    data = node(call)
    row = _own_settlement(books, call, data)
    who = persons.person(books, row["psn_no"])
    place = persons.hospital(books, row["fixmedins_code"])
    visit = _own_visit(books, call, data)
    insured = _insured(books, row)
    info = _visit_answer(call, who, insured, visit) | settle.amount_answer(row)
    info |= {
        "setl_id": row["setl_id"],
        "psn_type": row["psn_type"],
        "cvlserv_flag": row["cvlserv_flag"],
        "pay_loc": row["pay_loc"],
        "fixmedins_code": row["fixmedins_code"],
        "fixmedins_name": place["fixmedins_name"],
        "hosp_lv": place["hosp_lv"],
        "fixmedins_poolarea": place["admdvs"],
        "lmtpric_hosp_lv": place["level"],
        "dedc_hosp_lv": place["level"],
        "begndate": visit["begntime"][:10],
        "enddate": (visit["endtime"] or row["setl_time"])[:10],
        "setl_time": row["setl_time"],
        "med_type": row["med_type"],
        "clr_type": row["clr_type"],
        "clr_way": row["clr_way"],
        "clr_optins": row["clr_optins"],
        "medins_setl_id": row["medins_setl_id"],
        "refd_setl_flag": row["refd_setl_flag"],
        "year": row["cum_year"],
        "invono": row["invono"],
        "opter_id": row["opter"],
        "opt_time": row["setl_time"],
    }
    # This transaction has other names for the same two amounts.
    info["psn_pay"] = info.pop("psn_part_amt")
    info["cash_payamt"] = info.pop("psn_cash_pay")
    funds = books.rows(
        "SELECT * FROM funds WHERE setl_id = ? ORDER BY fund_pay_type", (row["setl_id"],)
    )
    output = {"setlinfo": info, "setldetail": settle.fund_answer(desk, funds)}
    return Handled(answer=Answer(output=output))


def _fee_rows(books: Books, rows: list[Row], med_type: str) -> list[Row]:
    items = catalogue_rows(books, {row["med_list_codg"] for row in rows})
    return [
        fee_answer(row, items[row["med_list_codg"]])
        | {
            "mdtrt_id": row["mdtrt_id"],
            "setl_id": row["setl_id"] or row["undone_setl_id"],
            "feedetl_sn": row["feedetl_sn"],
            "rx_drord_no": row["rxno"],
            "med_type": med_type,
            "fee_ocur_time": row["fee_ocur_time"],
            "hilist_code": items[row["med_list_codg"]]["hilist_code"],
            "hilist_name": items[row["med_list_codg"]]["name"],
            "list_type": items[row["med_list_codg"]]["list_type"],
            "med_list_codg": row["med_list_codg"],
            "medins_list_codg": row["medins_list_codg"],
            "medins_list_name": items[row["med_list_codg"]]["name"],
            "hosp_appr_flag": row["hosp_appr_flag"],
            "bilg_dept_codg": row["bilg_dept_codg"],
            "bilg_dept_name": row["bilg_dept_name"],
            "bilg_dr_codg": row["bilg_dr_codg"],
            "bilg_dr_name": row["bilg_dr_name"],
            "memo": row["memo"],
            "dosform_name": "-",
            "opt_time": row["opt_time"],
        }
        for row in rows
    ]


def fee_rows(_desk: Desk, call: Call, books: Books) -> Handled:
    """5204: rows of a settlement, also of one that was undone while its rows are still there.

    Without ``setl_id`` (it was optional once) all rows of the visit.
    """
    data = node(call)
    visit = _own_visit(books, call, data)
    sql, values = "SELECT * FROM fees WHERE mdtrt_id = ?", [visit["mdtrt_id"]]
    if text(data, "setl_id"):
        row = _own_settlement(books, call, data)
        original = row["init_setl_id"] or row["setl_id"]
        sql += " AND (setl_id = ? OR undone_setl_id = ?)"
        values += [original, original]
    found = books.rows(f"{sql} ORDER BY feedetl_sn LIMIT {ROWS_MAX}", values)
    return Handled(answer=Answer(output={"data": _fee_rows(books, found, visit["med_type"])}))


def chronic_fees(desk: Desk, call: Call, books: Books) -> Handled:
    """5205: what a person had for chronic diseases in a period, at any hospital."""
    data = node(call)
    who = persons.person(books, needed(data, "psn_no"))
    kinds = [code for code, kind in desk.benefits.kinds.items() if kind == "chronic"]
    holes = ", ".join("?" for _ in kinds)
    begin = day(data, "begntime")
    end = day(data, "endtime") if text(data, "endtime") else f"{call.at:%Y-%m-%d}"
    found = books.rows(
        "SELECT f.*, v.med_type, v.fixmedins_code FROM fees f"
        " JOIN visits v ON v.mdtrt_id = f.mdtrt_id"
        f" WHERE v.psn_no = ? AND f.setl_id <> '' AND v.med_type IN ({holes})"
        " AND f.fee_ocur_time >= ? AND f.fee_ocur_time <= ?"
        f" ORDER BY f.fee_ocur_time, f.mdtrt_id, f.feedetl_sn LIMIT {ROWS_MAX}",
        [who["psn_no"], *kinds, f"{begin} 00:00:00", f"{end} 23:59:59"],
    )
    rows = [
        line
        | {
            "psn_no": who["psn_no"],
            "spec": "-",
            "med_type": row["med_type"],
            "fixmedins_code": row["fixmedins_code"],
            "fixmedins_name": persons.hospital(books, row["fixmedins_code"])["fixmedins_name"],
        }
        for row, line in zip(found, _fee_rows(books, found, ""), strict=True)
    ]
    return Handled(answer=Answer(output={"feedetail": rows}))


def cumulations(_desk: Desk, call: Call, books: Books) -> Handled:
    """5206: what a year has added up to, by insurance and kind of sum."""
    data = node(call)
    who = persons.person(books, needed(data, "psn_no"))
    year = text(data, "cum_ym")[:4] or f"{call.at:%Y}"
    sums = ", ".join(f"SUM({name}) AS {name}" for name in _CUMULATED)
    found = books.rows(
        f"SELECT insutype, {sums} FROM cumulations WHERE psn_no = ? AND cum_year = ?"
        " GROUP BY insutype ORDER BY insutype",
        (who["psn_no"], year),
    )
    rows = [
        {
            "insutype": row["insutype"],
            "year": year,
            "cum_ym": text(data, "cum_ym") or f"{call.at:%Y%m}",
            "cum_type_code": code,
            "cum": yuan(row[name]),
        }
        for row in found
        for name, code in _CUMULATED.items()
    ]
    return Handled(answer=Answer(output={"cuminfo": rows}))


def chronic(_desk: Desk, call: Call, books: Books) -> Handled:
    """5301: registered chronic diseases."""
    who = persons.person(books, needed(node(call), "psn_no"))
    rows = books.rows(
        "SELECT opsp_dise_code, opsp_dise_name, begndate, enddate FROM chronic WHERE psn_no = ?"
        " ORDER BY opsp_dise_code",
        (who["psn_no"],),
    )
    return Handled(answer=Answer(output={"feedetail": rows}))


def in_hospital(_desk: Desk, call: Call, books: Books) -> Handled:
    """5303: who is in this hospital at present, admitted in a period."""
    data = node(call)
    sql = (
        "SELECT * FROM visits WHERE fixmedins_code = ? AND visit_kind = ? AND state = ?"
        " AND begntime >= ? AND begntime <= ?"
    )
    values = [
        call.fixmedins_code,
        INPATIENT,
        OPEN,
        f"{day(data, 'begntime')} 00:00:00",
        f"{day(data, 'endtime')} 23:59:59",
    ]
    if text(data, "psn_no"):
        sql += " AND psn_no = ?"
        values.append(text(data, "psn_no"))
    found = books.rows(f"{sql} ORDER BY begntime, mdtrt_id LIMIT {ROWS_MAX}", values)
    rows = [
        persons.base_fields(persons.person(books, visit["psn_no"]), call)
        | {
            "mdtrt_id": visit["mdtrt_id"],
            "insutype": visit["insutype"],
            "begndate": visit["begntime"][:10],
            "med_type": visit["med_type"],
            "ipt_otp_no": visit["ipt_otp_no"],
            "out_flag": "0",
        }
        for visit in found
    ]
    return Handled(answer=Answer(output={"data": rows}))
