"""What a centre is asked to see how it answers: first what changes nothing, then what is undone.

All of it is about one test person. The writing part is one outpatient visit, settled, taken back,
and withdrawn, in the order in which the interface undoes things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from harness.model import Person
from harness.wire.envelope import as_text
from simulators.bridge.caller import House

Nodes = Mapping[str, Any]

LISTS: Final = ("insutype", "med_type", "mdtrt_cert_type", "psn_cert_type")
"""Code lists that 1901 is asked for: those that every settlement carries."""

PAGE_ROWS: Final = 20
"""Rows of a catalogue page: enough to see its habits."""

PERIOD: Final = timedelta(days=30)
"""How far back visits of the test person are asked for."""

ITEM: Final = {"med_list_codg": "MHD0000000001", "medins_list_codg": "Y001"}
"""What the visit of the writing part is charged with, where the site names nothing else."""


@dataclass(slots=True)
class Known:
    """What is known of the test person and the visit so far."""

    who: Person
    house: House
    now: datetime
    item: Mapping[str, str] = field(default_factory=lambda: dict(ITEM))
    psn_no: str = ""
    insutype: str = "310"
    psn_type: str = "11"
    insuplc: str = ""
    mdtrt_id: str = ""
    setl_id: str = ""
    parts: dict[str, Any] = field(default_factory=dict)
    began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.now

    @property
    def stamp(self) -> str:
        """Civil time as the interface writes it."""
        return f"{self.now:%Y-%m-%d %H:%M:%S}"

    @property
    def visit_no(self) -> str:
        """The hospital's own number of the visit."""
        return f"P{self.began:%Y%m%d%H%M%S}"

    @property
    def visit(self) -> dict[str, Any]:
        """Keys of the visit."""
        return {"mdtrt_id": self.mdtrt_id, "psn_no": self.psn_no}

    @property
    def card(self) -> dict[str, Any]:
        """The credential: the identity card."""
        number = self.who.id_card
        return {
            "mdtrt_cert_type": "02", "mdtrt_cert_no": number,
            "psn_cert_type": "01", "certno": number,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question.

    Attributes:
        infno: transaction.
        nodes: its input, from what is known.
        learn: takes from a good answer what later steps need.
        essential: without its answer nothing was compared.
        code_list: 1901: which list.
    """

    infno: str
    nodes: Callable[[Known], Nodes]
    learn: Callable[[Known, Any], None] = lambda _known, _output: None
    essential: bool = False
    code_list: str = ""


def _first(output: Any, node: str) -> Mapping[str, Any]:
    rows = output.get(node) if isinstance(output, Mapping) else None
    row = rows[0] if isinstance(rows, list) and rows else rows
    return row if isinstance(row, Mapping) else {}


def _person(known: Known) -> Nodes:
    return {"data": known.card | {"psn_name": known.who.name}}


def _learn_person(known: Known, output: Any) -> None:
    insured = _first(output, "insuinfo")
    known.psn_no = as_text(_first(output, "baseinfo").get("psn_no"))
    known.insutype = as_text(insured.get("insutype")) or known.insutype
    known.psn_type = as_text(insured.get("psn_type")) or known.psn_type
    known.insuplc = as_text(insured.get("insuplc_admdvs"))


def _page(known: Known) -> Nodes:
    day = f"{known.now - timedelta(days=3650):%Y-%m-%d}"
    return {"data": {"updt_time": day, "page_num": 1, "page_size": PAGE_ROWS}}


def _period(known: Known, **more: Any) -> Nodes:
    begin = f"{known.now - PERIOD:%Y-%m-%d} 00:00:00"
    return {"data": {"psn_no": known.psn_no, "begntime": begin, "endtime": known.stamp} | more}


def _entitled(known: Known) -> Nodes:
    data = {"psn_no": known.psn_no, "insutype": known.insutype, "med_type": "11"}
    return {"data": data | {"fixmedins_code": known.house.code, "begntime": known.stamp}}


def _list_of(name: str) -> Step:
    return Step(
        infno="1901",
        nodes=lambda known: {
            "data": {
                "type": name, "parent_value": "0", "admdvs": known.house.region,
                "date": f"{known.now:%Y-%m-%d}", "Vali_Flag": "1",
            }
        },
        code_list=name,
    )  # fmt: skip


HOSPITAL: Final = Step(
    infno="1201",
    nodes=lambda known: {
        "medinsinfo": {
            "fixmedins_type": "1", "fixmedins_name": known.house.name,
            "fixmedins_code": known.house.code,
        }
    },
    essential=True,
)  # fmt: skip

SIGN_IN: Final = Step(
    infno="9001",
    nodes=lambda known: {
        "signIn": {
            "opter_no": known.house.opter, "mac": known.house.mac, "ip": known.house.ip,
        }
    },
    essential=True,
)  # fmt: skip


def sign_out(sign_no: str) -> Step:
    """The end of the session that 9001 opened."""
    return Step(
        infno="9002",
        nodes=lambda known: {"signOut": {"sign_no": sign_no, "opter_no": known.house.opter}},
    )


PERSON: Final = Step(infno="1101", nodes=_person, learn=_learn_person, essential=True)

READING: Final = (
    *(_list_of(name) for name in LISTS),
    Step(infno="1304", nodes=_page),
    Step(infno="1312", nodes=_page),
    Step(infno="1316", nodes=_page),
    Step(infno="1317", nodes=_page),
    Step(infno="1318", nodes=_page),
    Step(infno="1319", nodes=_page),
    Step(infno="2001", nodes=_entitled),
    Step(infno="5201", nodes=lambda known: _period(known, med_type="11")),
    Step(infno="5205", nodes=_period),
    Step(infno="5206", nodes=lambda known: {"data": {"psn_no": known.psn_no}}),
    Step(infno="5301", nodes=lambda known: {"data": {"psn_no": known.psn_no}}),
    Step(infno="5303", nodes=_period),
)
"""Questions that change nothing, after the person is known."""


def _registration(known: Known) -> Nodes:
    data = known.card | {
        "psn_no": known.psn_no, "insutype": known.insutype, "psn_type": known.psn_type,
        "psn_name": known.who.name, "begntime": known.stamp,
        "ipt_otp_no": known.visit_no,
        "dept_code": "A03", "dept_name": "内科", "caty": "A03.01",
    }  # fmt: skip
    return {"data": data}


def _learn_visit(known: Known, output: Any) -> None:
    known.mdtrt_id = as_text(_first(output, "data").get("mdtrt_id"))


def _diagnosis(known: Known) -> Nodes:
    info = known.visit | {
        "med_type": "11", "begntime": known.stamp, "dise_codg": "J06.900",
        "dise_name": "急性上呼吸道感染",
    }  # fmt: skip
    row = {
        "diag_type": "1", "diag_srt_no": 1, "diag_code": "J06.900",
        "diag_name": "急性上呼吸道感染", "diag_dept": "A03", "dise_dor_no": "D0001",
        "dise_dor_name": "医生甲", "diag_time": known.stamp, "vali_flag": "1",
    }  # fmt: skip
    return {"mdtrtinfo": info, "diseinfo": [row]}


def _fees(known: Known) -> Nodes:
    row = known.visit | dict(known.item) | {
        "feedetl_sn": "1", "chrg_bchno": "1", "rx_circ_flag": "0", "fee_ocur_time": known.stamp,
        "det_item_fee_sumamt": Decimal("12.50"), "cnt": Decimal(1), "pric": Decimal("12.50"),
        "bilg_dept_codg": "A03", "bilg_dept_name": "内科", "bilg_dr_codg": "D0001",
        "bilg_dr_name": "医生甲", "hosp_appr_flag": "1",
    }  # fmt: skip
    return {"feedetail": [row]}


def _learn_parts(known: Known, output: Any) -> None:
    row = _first(output, "result")
    names = ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt")
    told = {name: row.get(name) or Decimal(0) for name in names}
    known.parts = told | {"overlmt_selfpay": told.pop("overlmt_amt")}


def _settlement(known: Known) -> Nodes:
    data = known.card | known.visit | known.parts | {
        "psn_type": known.psn_type, "psn_name": known.who.name, "insutype": known.insutype,
        "med_type": "11", "medfee_sumamt": Decimal("12.50"), "psn_setlway": "01",
        "acct_used_flag": "0", "chrg_bchno": "1",
    }  # fmt: skip
    return {"data": data}


def _learn_settlement(known: Known, output: Any) -> None:
    known.setl_id = as_text(_first(output, "setlinfo").get("setl_id"))


def _settled(known: Known) -> Nodes:
    return {"data": known.visit | {"setl_id": known.setl_id}}


WRITING: Final = (
    Step(infno="2201", nodes=_registration, learn=_learn_visit),
    Step(infno="2203", nodes=_diagnosis),
    Step(infno="2204", nodes=_fees, learn=_learn_parts),
    Step(infno="2206", nodes=_settlement),
    Step(infno="2207", nodes=_settlement, learn=_learn_settlement),
    Step(infno="5201", nodes=lambda known: _period(known, med_type="11")),
    Step(infno="5202", nodes=lambda known: {"data": known.visit}),
    Step(infno="5203", nodes=_settled),
    Step(infno="5204", nodes=_settled),
)
"""One visit until it is settled, and what the centre then tells about it."""

UNDOING: Final = (
    Step(infno="2208", nodes=_settled),
    Step(infno="2205", nodes=lambda known: {"data": known.visit | {"chrg_bchno": "0000"}}),
    Step(
        infno="2202",
        nodes=lambda known: {"data": known.visit | {"ipt_otp_no": known.visit_no}},
    ),
)
"""Takes back what ``WRITING`` did, in the order in which the interface undoes things."""
