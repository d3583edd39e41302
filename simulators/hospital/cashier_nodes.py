"""Input of the cashier's messages, by the tables of the national interface (2201 to 2402)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from simulators.hospital.cashier_books import yuan
from simulators.hospital.cashier_client import REGION
from simulators.hospital.cashier_model import INPATIENT, Bill

DEPARTMENT: Final = {"dept_code": "A03", "dept_name": "内科", "caty": "A03.01"}
_DIAGNOSIS: Final = {"otp": ("J06.900", "急性上呼吸道感染"), "ipt": ("J18.900", "肺炎")}
_CHRONIC: Final = ("I10.x00", "原发性高血压")

Nodes = Mapping[str, Any]


def person(bill: Bill) -> Nodes:
    """1101: who is this, by identity card."""
    return {"data": _card(bill) | {"psn_name": bill.name}}


def _card(bill: Bill) -> dict[str, Any]:
    return {
        "mdtrt_cert_type": "01" if bill.token else "02",
        "mdtrt_cert_no": bill.token or bill.id_card,
        "psn_cert_type": "01",
        "certno": bill.id_card,
    }


def _keys(bill: Bill) -> dict[str, Any]:
    return {"mdtrt_id": bill.mdtrt_id, "psn_no": bill.psn_no}


def disease(bill: Bill) -> tuple[str, str]:
    """Code and name of the main diagnosis."""
    return _CHRONIC if bill.med_type == "14" else _DIAGNOSIS[bill.kind.name]


def _diagnoses(bill: Bill, now: str) -> list[dict[str, Any]]:
    code, name = disease(bill)
    row = {
        "diag_type": "1",
        "diag_srt_no": 1,
        "diag_code": code,
        "diag_name": name,
        "diag_dept": "A03",
        "dise_dor_no": "D0001",
        "dise_dor_name": "医生甲",
        "diag_time": now,
    }
    if bill.kind is INPATIENT:
        return [row | {"psn_no": bill.psn_no, "maindiag_flag": "1"}]
    return [row | {"vali_flag": "1"}]


def registration(bill: Bill, now: str) -> Nodes:
    """2201: an outpatient visit."""
    data = _card(bill) | DEPARTMENT
    data |= {
        "psn_no": bill.psn_no,
        "insutype": bill.insutype,
        "psn_type": bill.psn_type,
        "psn_name": bill.name,
        "begntime": now,
        "ipt_otp_no": bill.bill_no,
        # Required until V1.1.18 and optional since: who sends them is right in both.
        "atddr_no": "D0001",
        "dr_name": "医生甲",
    }
    return {"data": data}


def visit(bill: Bill, now: str) -> Nodes:
    """2203: medical type and diagnoses."""
    code, name = disease(bill)
    info = _keys(bill) | {"med_type": bill.med_type, "begntime": now}
    info |= {"dise_codg": code, "dise_name": name}
    return {"mdtrtinfo": info, "diseinfo": _diagnoses(bill, now)}


def admission(bill: Bill, now: str) -> Nodes:
    """2401: a stay."""
    code, name = disease(bill)
    info = {
        "psn_no": bill.psn_no,
        "insutype": bill.insutype,
        "begntime": now,
        "mdtrt_cert_type": "01" if bill.token else "02",
        "mdtrt_cert_no": bill.token or bill.id_card,
        "cert_type": "01",
        "certno": bill.id_card,
        "med_type": bill.med_type,
        "ipt_no": bill.bill_no,
        "atddr_no": "D0001",
        "chfpdr_name": "医生甲",
        "adm_diag_dscr": name,
        "adm_dept_codg": "A03",
        "adm_dept_name": "内科",
        "adm_bed": "12",
        "dscg_maindiag_code": code,
        "dscg_maindiag_name": name,
        "insuplc_admdvs": bill.insuplc,
        "mdtrtarea_admvs": REGION,
    }
    return {"mdtrtinfo": info, "diseinfo": _diagnoses(bill, now)}


def discharge(bill: Bill, now: str) -> Nodes:
    """2402: the end of a stay."""
    info = _keys(bill) | {
        "insutype": bill.insutype,
        "endtime": now,
        "dscg_dept_codg": "A03",
        "dscg_dept_name": "内科",
        "dscg_way": "1",
    }
    rows = [row | _keys(bill) for row in _diagnoses(bill, now)]
    return {"dscginfo": info, "diseinfo": rows}


def fees(bill: Bill, now: str) -> Nodes:
    """2204 or 2301: the lines of the present batch; serial numbers are unique in the visit."""
    rows = []
    for line in bill.lines:
        row = _keys(bill) | {
            "feedetl_sn": str(bill.batch * 1000 + line.line),
            "fee_ocur_time": now,
            "med_list_codg": line.med_code,
            "medins_list_codg": line.item,
            "det_item_fee_sumamt": yuan(line.amount_fen),
            "cnt": Decimal(line.count),
            "pric": Decimal(line.price),
            "bilg_dept_codg": "A03",
            "bilg_dept_name": "内科",
            "bilg_dr_codg": "D0001",
            "bilg_dr_name": "医生甲",
            "hosp_appr_flag": "1",
        }
        if bill.kind is INPATIENT:
            row |= {"med_type": bill.med_type}
        else:
            row |= {"chrg_bchno": _batch(bill), "rx_circ_flag": "0"}
        rows.append(row)
    return {"feedetail": rows}


def _batch(bill: Bill) -> str:
    return f"{bill.bill_no}-{bill.batch}"


def withdrawal(bill: Bill) -> Nodes:
    """2205 or 2302: everything that is not settled."""
    name = "feedetl_sn" if bill.kind is INPATIENT else "chrg_bchno"
    data = _keys(bill) | {name: "0000"}
    return {"data": [data] if bill.kind is INPATIENT else data}


def settlement(bill: Bill) -> Nodes:
    """2206, 2207, 2303 or 2304."""
    data = _card(bill) | _keys(bill)
    data |= {
        "psn_type": bill.psn_type,
        "psn_name": bill.name,
        "insutype": bill.insutype,
        "med_type": bill.med_type,
        "medfee_sumamt": yuan(bill.total_fen),
        "psn_setlway": "01",
        "acct_used_flag": bill.acct_used,
        **{name: yuan(amount) for name, amount in bill.parts.items()},
    }
    if bill.kind is INPATIENT:
        data |= {
            "mid_setl_flag": "0",
            "insuplc_admdvs": bill.insuplc,
            "mdtrtarea_admvs": REGION,
        }
    else:
        data["chrg_bchno"] = _batch(bill)
    return {"data": data}


def reversal(bill: Bill, setl_id: str) -> Nodes:
    """2208 or 2305; also the question 5203."""
    return {"data": _keys(bill) | {"setl_id": setl_id}}


def rows_of_visit(bill: Bill) -> Nodes:
    """5204: rows of the visit, each with the settlement that holds or held it."""
    return {"data": _keys(bill)}


def visits(bill: Bill, begin: str, end: str) -> Nodes:
    """5201 for outpatient visits, 5303 for stays: of the person, from one day to another."""
    data = {"psn_no": bill.psn_no, "begntime": begin, "endtime": end}
    return {"data": data if bill.kind is INPATIENT else data | {"med_type": bill.med_type}}


def cancellation(bill: Bill) -> Nodes:
    """2202 or 2404: a visit that nobody needs."""
    data = _keys(bill)
    return {"data": data if bill.kind is INPATIENT else data | {"ipt_otp_no": bill.bill_no}}


def undo(bill: Bill, msgid: str, infno: str) -> Nodes:
    """2601 冲正."""
    return {"data": {"psn_no": bill.psn_no, "omsgid": msgid, "oinfno": infno}}
