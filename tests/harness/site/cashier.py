"""A HIS with nothing but an insurance window, that nobody of ours wrote; not a test module.

It signs and writes its own requests, counts its own visits, and can only be worked by a person.
"""

from __future__ import annotations

import itertools
import json
import urllib.request
from datetime import datetime
from decimal import Decimal

from hands import OPENER, Operators

from harness.clock import CHINA
from tests.simulators.centre.hospital import HOSPITAL, csb, members

PATH = "/fsi/api/rsfComIfsService/callService"
DRUG = "MHD0000000001"


class RefusedError(Exception):
    """The centre said no; the screen shows it."""


class Cashier:
    """The HIS: what its window does with what a person enters."""

    def __init__(self, port, *, hospital=HOSPITAL, drug=DRUG, own="Y1", doctor="D1", code="",
                 holder=None):  # fmt: skip
        self.url = f"http://127.0.0.1:{port}{PATH}"
        self.code = code  # on the phone under the reader, whoever holds it
        self.holder = holder  # what is printed on the card in the reader: name and number
        self.hospital, self.drug, self.own, self.doctor = hospital, drug, own, doctor
        self.numbers, self.visits = itertools.count(1), itertools.count(88001)
        self.open, self.settled, self.screen = {}, {}, []

    def ask(self, infno, nodes):
        at = datetime.now(CHINA)
        body = json.dumps(
            members(infno, nodes, next(self.numbers), at, fixmedins_code=self.hospital)
        ).encode()
        request = urllib.request.Request(self.url, body, csb(infno, at), method="POST")
        answer = json.loads(OPENER.open(request, timeout=30).read(), parse_float=Decimal)
        if answer["infcode"] != 0:
            raise RefusedError(f"{infno}: {answer['err_msg']}")
        return answer["output"]

    def sign_in(self):
        self.ask("9001", {"signIn": {"opter_no": "0001", "mac": "-", "ip": "127.0.0.1"}})

    def register(self, name, certno, lines):
        """Reads the card, opens a visit under a number of its own, and charges."""
        now = f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"
        card = {"mdtrt_cert_type": "02", "mdtrt_cert_no": certno, "psn_cert_type": "01",
                "certno": certno, "psn_name": name}  # fmt: skip
        if self.code:
            read = self.ask("6101", {"InData": {
                "orgId": self.hospital, "businessType": "01101", "operatorId": "0001",
                "operatorName": "收费员甲", "officeId": "A01", "officeName": "内科",
                "businessInfo": self.code,
            }})["OutData"]  # fmt: skip
            card |= {"mdtrt_cert_type": "01", "mdtrt_cert_no": read["ecToken"],
                     "certno": read["idNo"], "psn_name": read["userName"]}  # fmt: skip
        if self.holder:
            card |= {"mdtrt_cert_type": "03", "mdtrt_cert_no": "K900", "certno": self.holder[1],
                     "psn_name": self.holder[0]}  # fmt: skip
        found = self.ask("1101", {"data": card})["baseinfo"]
        psn_no = found["psn_no"]
        card |= {"certno": found["certno"], "psn_name": found["psn_name"]}
        visit = str(next(self.visits))
        data = card | {"psn_no": psn_no, "insutype": "310", "begntime": now, "psn_type": "11",
                       "ipt_otp_no": visit, "dept_code": "A01", "dept_name": "内科",
                       "caty": "A03.01"}  # fmt: skip
        mdtrt_id = self.ask("2201", {"data": data})["data"]["mdtrt_id"]
        keys = {"psn_no": psn_no, "mdtrt_id": mdtrt_id}
        disease = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J06.900", "vali_flag": "1",
                   "diag_name": "急性上呼吸道感染", "diag_dept": "A01", "dise_dor_no": self.doctor,
                   "dise_dor_name": "医生甲", "diag_time": now}  # fmt: skip
        info = keys | {"med_type": "11", "begntime": now, "dise_codg": "J06.900",
                       "dise_name": "急性上呼吸道感染"}  # fmt: skip
        self.ask("2203", {"mdtrtinfo": info, "diseinfo": [disease]})
        rows = []
        for number, line in enumerate(lines.split(";"), 1):
            _, price, count = line.split(",")
            rows.append(keys | {
                "feedetl_sn": str(number), "chrg_bchno": "B1", "rx_circ_flag": "0",
                "fee_ocur_time": now, "med_list_codg": self.drug, "medins_list_codg": self.own,
                "hosp_appr_flag": "0", "cnt": count, "pric": price,
                "det_item_fee_sumamt": str(Decimal(price) * Decimal(count)),
                "bilg_dept_codg": "A01", "bilg_dept_name": "内科", "bilg_dr_codg": self.doctor,
                "bilg_dr_name": "医生甲",
            })  # fmt: skip
        parts = self.ask("2204", {"feedetail": rows})["result"]
        sums = {name: str(sum(part[name] for part in parts))
                for name in ("fulamt_ownpay_amt", "preselfpay_amt", "inscp_scp_amt")}  # fmt: skip
        total = str(sum(Decimal(row["det_item_fee_sumamt"]) for row in rows))
        self.open[certno] = card | keys | sums | {
            "med_type": "11", "medfee_sumamt": total, "psn_setlway": "01", "chrg_bchno": "B1",
            "insutype": "310", "acct_used_flag": "1", "overlmt_selfpay": 0,
        }  # fmt: skip
        return visit

    def settle(self, certno):
        data = self.open[certno]
        setl_id = self.ask("2207", {"data": data})["setlinfo"]["setl_id"]
        self.settled[certno] = {"setl_id": setl_id, "psn_no": data["psn_no"],
                                "mdtrt_id": data["mdtrt_id"]}  # fmt: skip

    def refund(self, certno):
        self.ask("2208", {"data": self.settled[certno]})


def carry_out(his, card, fields):
    """One card at the window."""
    if card["workstation"] == "医保窗口":
        his.register(fields["姓名"], fields["身份证号"], fields["项目,单价,数量"])
    elif "结算" in card["text"] and fields["身份证号"] in his.open:
        his.settle(fields["身份证号"])
    elif "退费" in card["text"]:
        his.refund(fields["身份证号"])
    elif not fields:
        his.sign_in()


def window(his, seen, *, skip=()):
    """The person at the window: does each card once; ``skip``: workstations nobody sits at."""

    def work(address, stop):
        board, done = Operators(address), set()
        while not stop.is_set():
            for card in board.cards():
                if card["number"] in done or card["workstation"] in skip:
                    continue
                done.add(card["number"])
                board.post("/take", card=card["number"], operator="收费员甲")
                fields = dict(card["fields"])
                seen.append((card["workstation"], fields))
                try:
                    carry_out(his, card, fields)
                except (RefusedError, OSError) as error:  # a stranger is not answered at all
                    his.screen.append(str(error))
            stop.wait(0.05)

    return work
