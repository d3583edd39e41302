"""A hospital on the other side of the wire: builds and signs requests with no code of ours.

Not a test module.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

from harness.clock import Clock
from harness.link.host import Host
from harness.link.threads import Address, Threads
from simulators.centre import provinces, simulate, world
from simulators.shell import plain

CHINA = timezone(timedelta(hours=8))
HOSPITAL = world.HOSPITAL
SEED = 5


def members(infno: str, nodes: Any, number: int, at: datetime, **other: Any) -> dict[str, Any]:
    """An envelope, typed from the table of request members."""
    return {
        "infno": infno,
        "msgid": f"{HOSPITAL}{at:%Y%m%d%H%M%S}{number:04d}",
        "mdtrtarea_admvs": "430100",
        "insuplc_admdvs": "430100",
        "recer_sys_code": "MBS_LOCAL",
        "dev_no": "",
        "dev_safe_info": "",
        "cainfo": "",
        "signtype": "",
        "infver": "V1.0",
        "opter_type": "1",
        "opter": "0001",
        "opter_name": "收费员甲",
        "inf_time": f"{at:%Y-%m-%d %H:%M:%S}",
        "fixmedins_code": HOSPITAL,
        "fixmedins_name": "示例市第一医院",
        "sign_no": "",
        "input": nodes,
    } | other


def csb(infno: str, at: datetime, secret: str = "medharness-sk") -> dict[str, str]:
    """Headers of the CSB kind of gateway: HMAC-SHA1 over four of them in natural order."""
    headers = {
        "_api_access_key": "medharness-ak",
        "_api_name": infno,
        "_api_timestamp": str(int(at.timestamp() * 1000)),
        "_api_version": "1.0.0",
    }
    text = "&".join(f"{key}={headers[key]}" for key in sorted(headers))
    made = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return headers | {"_api_signature": base64.b64encode(made).decode()}


def tif(nonce: str, at: datetime, secret: str = "medharness-sk") -> dict[str, str]:
    """Headers of the TIF kind: SHA-256 of time, secret, nonce, time."""
    stamp = str(int(at.timestamp()))
    made = hashlib.sha256((stamp + secret + nonce + stamp).encode()).hexdigest()
    return {
        "x-tif-paasid": "medharness-ak",
        "x-tif-timestamp": stamp,
        "x-tif-nonce": nonce,
        "x-tif-signature": made,
    }


class Site:
    """A centre behind a real socket, and a client of it."""

    def __init__(self, folder: Path, province: str = "hunan", **changed: Any) -> None:
        self.runtime = Threads()
        self.province = provinces.load_province(province).model_copy(update=changed)
        self.notes: list[str] = []
        self.centre, self.store = simulate.make(
            self.province, str(folder / "centre.sqlite"), self.clock, seed=SEED, durable=False
        )
        host = Host(self.centre, self.clock, plain, store=self.store, watcher=self)
        self.member = self.runtime.add("centre", host)
        self.address = self.member.listen("centre", Address(host="127.0.0.1", port=0))
        self.client = httpx.Client(timeout=20, trust_env=False)
        self.numbers = itertools.count(1)

    @property
    def clock(self) -> Clock:
        return self.runtime.clock

    # -- watcher -------------------------------------------------------------------------------

    def note(self, role: str, text: str) -> None:
        self.notes.append(text)

    def link(self, *_: Any) -> None: ...

    def data(self, *_: Any, sent: bool) -> None: ...

    def event(self, *_: Any, sent: bool) -> None: ...

    # -- client --------------------------------------------------------------------------------

    def url(self, infno: str = "") -> str:
        path = self.province.gateway.path.replace("{infno}", infno)
        return f"http://{self.address}{path}"

    def headers(self, infno: str) -> dict[str, str]:
        at = datetime.now(CHINA)
        if self.province.gateway.family == "csb":
            return csb(infno, at)
        if self.province.gateway.family == "tif":
            return tif(f"n{next(self.numbers)}", at)
        return {}

    def post(self, infno: str, body: bytes, **headers: str) -> httpx.Response:
        return self.client.post(
            self.url(infno), content=body, headers=self.headers(infno) | headers
        )

    def envelope(self, infno: str, nodes: Any, **other: Any) -> dict[str, Any]:
        return members(infno, nodes, next(self.numbers), datetime.now(CHINA), **other)

    def ask(self, infno: str, nodes: Any, **other: Any) -> dict[str, Any]:
        body = json.dumps(self.envelope(infno, nodes, **other), ensure_ascii=False).encode()
        answer = self.post(infno, body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def order(self, name: str, **args: Any) -> Any:
        return self.runtime.command("centre", name, args, 60)

    def count(self, table: str) -> int:
        return int(self.store.rows(f"SELECT COUNT(*) AS held FROM {table}")[0]["held"])

    def close(self) -> None:
        self.client.close()
        assert self.runtime.stop() == []
        self.store.close()


def patient(kind: str = "employee") -> dict[str, str]:
    """A person of the world, and his card."""
    kinds = list(world.KINDS)
    who = world.person(SEED, kind if kind in kinds else kinds[0])
    return {"certno": who.id_card, "psn_name": who.name, "card": world.card_number(who)}


def find_person(site: Site, **other: Any) -> dict[str, Any]:
    who = patient()
    data = {"mdtrt_cert_type": "02", "mdtrt_cert_no": who["certno"], "psn_cert_type": "01"}
    data |= {"certno": who["certno"], "psn_name": who["psn_name"]}
    answer = site.ask("1101", {"data": data}, **other)
    assert answer["infcode"] == 0, answer
    return dict(answer["output"]["baseinfo"])


def visit(site: Site) -> dict[str, Any]:
    """Registered, diagnosed, with one charged row: what 2207 sends."""
    who = find_person(site)
    now = f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"
    card = {"mdtrt_cert_type": "02", "mdtrt_cert_no": who["certno"], "psn_no": who["psn_no"]}
    ident = {"psn_cert_type": "01", "certno": who["certno"]}
    dept = {"dept_code": "A01", "dept_name": "内科", "caty": "A03.01"}
    person = {"psn_type": who.get("psn_type", "11"), "psn_name": who["psn_name"]}
    first = {"insutype": "310", "begntime": now, "ipt_otp_no": "OP1"}
    registered = site.ask("2201", {"data": card | ident | dept | person | first})
    assert registered["infcode"] == 0, registered
    mdtrt_id = registered["output"]["data"]["mdtrt_id"]
    keys = {"mdtrt_id": mdtrt_id, "psn_no": who["psn_no"]}
    diagnosis = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J06.900", "vali_flag": "1"}
    diagnosis |= {"diag_name": "急性上呼吸道感染", "diag_dept": "A01", "dise_dor_no": "D1"}
    diagnosis |= {"dise_dor_name": "医生甲", "diag_time": now}
    info = keys | {"med_type": "11", "begntime": now, "dise_codg": "J06.900"}
    info |= {"dise_name": "急性上呼吸道感染"}
    answer = site.ask("2203", {"mdtrtinfo": info, "diseinfo": [diagnosis]})
    assert answer["infcode"] == 0, answer
    row = keys | {"feedetl_sn": "1", "chrg_bchno": "B1", "rx_circ_flag": "0", "fee_ocur_time": now}
    row |= {"med_list_codg": "MHD0000000001", "medins_list_codg": "Y1", "hosp_appr_flag": "0"}
    row |= {"det_item_fee_sumamt": "1000.00", "cnt": 20, "pric": 50}
    row |= {"bilg_dept_codg": "A01", "bilg_dept_name": "内科", "bilg_dr_codg": "D1"}
    row |= {"bilg_dr_name": "医生甲"}
    answer = site.ask("2204", {"feedetail": [row]})
    assert answer["infcode"] == 0, answer
    parts = answer["output"]["result"][0]
    data = card | ident | keys | {"med_type": "11", "medfee_sumamt": 1000, "psn_setlway": "01"}
    data |= {"chrg_bchno": "B1", "insutype": "310", "acct_used_flag": "1"}
    data |= {"fulamt_ownpay_amt": parts["fulamt_ownpay_amt"], "overlmt_selfpay": 0}
    data |= {"preselfpay_amt": parts["preselfpay_amt"], "inscp_scp_amt": parts["inscp_scp_amt"]}
    return data
