"""Who is insured, and as what: looks at persons, insurances, accounts; 1101, 1201, 2001."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

from simulators.centre.calc_money import yuan
from simulators.centre.ledger import Row, one
from simulators.centre.rules import Desk, Refusal, needed, node, stamp, text
from simulators.centre.transaction import Answer, Books, Call, Handled

INSURED = "1"
"""``psn_insu_stas``: normally insured."""


def person(books: Books, psn_no: str) -> Row:
    """A person by number.

    Raises:
        Refusal: nobody has it.
    """
    found = one(books, "SELECT * FROM persons WHERE psn_no = ?", psn_no)
    if found is None:
        raise Refusal("unknown_person")
    return found


def insurance(books: Books, psn_no: str, insutype: str) -> Row:
    """An insurance that pays at present.

    Raises:
        Refusal: the person has none of the type, or it is suspended.
    """
    found = one(
        books,
        "SELECT * FROM insurances WHERE psn_no = ? AND insutype = ?",
        psn_no,
        insutype,
    )
    if found is None:
        raise Refusal("no_insurance")
    if found["psn_insu_stas"] != INSURED:
        raise Refusal("insurance_paused", insutype=insutype)
    return found


def hospital(books: Books, code: str) -> Row:
    """A hospital that is connected.

    Raises:
        Refusal: the centre does not know it, or its line is suspended.
    """
    found = one(books, "SELECT * FROM hospitals WHERE fixmedins_code = ?", code)
    if found is None or found["opened"] != "1":
        raise Refusal("unknown_hospital", code=code)
    return found


def balance(books: Books, psn_no: str) -> int:
    """What is on an account, in fen; no account is an empty one."""
    found = one(books, "SELECT balc FROM accounts WHERE psn_no = ?", psn_no)
    return int(found["balc"]) if found else 0


@lru_cache(maxsize=4096)
def age(brdy: str, today: date) -> Decimal:
    """Age in years with one decimal (``N4,1``)."""
    days = (today - date.fromisoformat(brdy)).days
    return (Decimal(max(0, days)) / Decimal("365.25")).quantize(Decimal("0.1"))


def base_fields(who: Row, call: Call) -> Row:
    """The fields by which most answers name a person."""
    return {
        "psn_no": who["psn_no"],
        "psn_name": who["psn_name"],
        "psn_cert_type": who["psn_cert_type"],
        "certno": who["certno"],
        "gend": who["gend"],
        "naty": who["naty"],
        "brdy": who["brdy"],
        "age": age(who["brdy"], call.at.date()),
    }


def find(books: Books, cert_type: str, cert_no: str, certno: str) -> Row | None:
    """A person by credential: 01 token of 6101, 02 identity card, 03 social security card."""
    if cert_type == "01":
        return one(
            books,
            "SELECT p.* FROM persons p JOIN tokens t ON t.psn_no = p.psn_no WHERE t.ec_token = ?",
            cert_no,
        )
    column = "card_no" if cert_type == "03" else "certno"
    found = one(books, f"SELECT * FROM persons WHERE {column} = ?", cert_no)
    if found is None and certno:
        found = one(books, "SELECT * FROM persons WHERE certno = ?", certno)
    return found


def get_person(_desk: Desk, call: Call, books: Books) -> Handled:
    """1101: who this is, and every insurance of theirs."""
    data = node(call)
    found = find(
        books, text(data, "mdtrt_cert_type"), text(data, "mdtrt_cert_no"), text(data, "certno")
    )
    name = text(data, "psn_name")
    if found is None or (name and name != found["psn_name"]):
        raise Refusal("unknown_person")
    insured = books.rows(
        "SELECT * FROM insurances WHERE psn_no = ? ORDER BY insutype", (found["psn_no"],)
    )
    if not insured:
        raise Refusal("no_insurance")
    balc = yuan(balance(books, found["psn_no"]))
    identities = books.rows(
        "SELECT * FROM identities WHERE psn_no = ? ORDER BY psn_idet_type", (found["psn_no"],)
    )
    output = {
        "baseinfo": {**base_fields(found, call), "exp_content": ""},
        "insuinfo": [
            {
                "balc": balc,
                "insutype": row["insutype"],
                "psn_type": row["psn_type"],
                "psn_insu_stas": row["psn_insu_stas"],
                "psn_insu_date": row["psn_insu_date"],
                "paus_insu_date": row["paus_insu_date"],
                "cvlserv_flag": row["cvlserv_flag"],
                "insuplc_admdvs": row["insuplc_admdvs"],
                "emp_name": row["emp_name"],
            }
            for row in insured
        ],
        "idetinfo": [
            {
                "psn_idet_type": row["psn_idet_type"],
                "psn_type_lv": "",
                "memo": "",
                "begntime": row["begntime"],
                "endtime": row["endtime"],
            }
            for row in identities
        ],
    }
    return Handled(answer=Answer(output=output))


def get_hospital(_desk: Desk, call: Call, books: Books) -> Handled:
    """1201: a hospital or pharmacy by code or name."""
    data = node(call, "medinsinfo")
    code = text(data, "fixmedins_code") or call.fixmedins_code
    found = hospital(books, code)
    output = {
        "medinsinfo": {
            "fixmedins_code": found["fixmedins_code"],
            "fixmedins_name": found["fixmedins_name"],
            "uscc": found["uscc"],
            "fixmedins_type": found["fixmedins_type"],
            "hosp_lv": found["hosp_lv"],
            "exp_content": "",
        }
    }
    return Handled(answer=Answer(output=output))


def check_entitlement(desk: Desk, call: Call, books: Books) -> Handled:
    """2001: what a person may claim; no entitlement is a row that says why, not a refusal."""
    data = node(call)
    who = person(books, needed(data, "psn_no"))
    insutype, med_type = needed(data, "insutype"), needed(data, "med_type")
    found = one(
        books,
        "SELECT * FROM insurances WHERE psn_no = ? AND insutype = ?",
        who["psn_no"],
        insutype,
    )
    kind = desk.benefits.kinds.get(med_type, "")
    level = hospital(books, text(data, "fixmedins_code") or call.fixmedins_code)["level"]
    plan = desk.benefits.plan(insutype, kind, level)
    reason = ""
    if found is None:
        reason = "该参保人未参加此险种"
    elif found["psn_insu_stas"] != INSURED:
        reason = "该险种当前不是正常参保状态"
    elif plan is None:
        reason = "该险种在此医疗类别下没有待遇"
    output = {
        "trtinfo": [
            {
                "psn_no": who["psn_no"],
                "trt_chk_type": "99" if reason else "01",
                "fund_pay_type": desk.benefits.funds.get(insutype, insutype),
                "trt_enjymnt_flag": "0" if reason else "1",
                "begndate": text(data, "begntime")[:10] or stamp(call)[:10],
                "enddate": f"{call.at:%Y}-12-31",
                "trt_chk_rslt": reason,
                "exp_content": "",
            }
        ]
    }
    return Handled(answer=Answer(output=output))
