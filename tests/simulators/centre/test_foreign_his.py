"""A HIS with foreign codes over real sockets: each export that is missing stops it, all let it by."""

from __future__ import annotations

from datetime import datetime

import pytest

from harness import cli
from harness.clock import CHINA
from harness.people import check_character
from tests.simulators.centre.running import beside, province_file

HOSPITAL = "H43019900777"
DRUG, OWN = "XJ00100000000A", "0077"
_CARD = "19430119800515123"
CARD = _CARD + check_character(_CARD)
"""In a region that is allotted to nobody."""

EXPORTS = {
    "persons": f"姓名,身份证号,社保卡号,险种,余额\n测试甲,{CARD},KH77000001,310,100.00\n",
    "institution": f"机构编码,机构名称,医院等级,收费等级\n{HOSPITAL},现场医院,2,3\n",
    "departments": f"机构编码,科室编码,科室名称\n{HOSPITAL},NK01,内科一病区\n",
    "doctors": f"机构编码,医保医师编码,医师姓名,科室编码\n{HOSPITAL},D430100077,医生甲,NK01\n",
    "catalogue": "医保目录编码,项目名称,目录类别,收费项目等级,职工先行自付比例,三级限价\n"
    f"{DRUG},现场药品,101,02,0.1,20.0\n",
    "mapping": "机构编码,院内项目编码,院内项目名称,目录类别,医保目录编码,开始日期\n"
    f"{HOSPITAL},{OWN},现场药品,101,{DRUG},2026/1/1\n",
}
"""As the hospital has them: its own institution, people, departments, doctors, items, 对码."""


class ForeignHis:
    """A HIS that nobody of ours wrote: it sends what its settings hold, and stops where refused."""

    def __init__(self, line):
        self.line = line

    def settle(self):
        """The number of the settlement; else at which message it was refused, and why."""
        now = f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"
        card = {"mdtrt_cert_type": "03", "mdtrt_cert_no": "KH77000001"}
        ident = {"psn_cert_type": "01", "certno": CARD, "psn_name": "测试甲"}
        doctor, dept = "D430100077", "NK01"
        read = self.line.ask("1101", {"data": card | ident})
        if read["infcode"] != 0:
            return "1101", read["err_msg"]
        psn_no = read["output"]["baseinfo"]["psn_no"]
        visit = card | ident | {"psn_no": psn_no, "insutype": "310", "begntime": now,
                                "ipt_otp_no": "OP1", "atddr_no": doctor, "dr_name": "医生甲",
                                "dept_code": dept, "dept_name": "内科一病区",
                                "caty": "A03.01", "psn_type": "11"}  # fmt: skip
        opened = self.line.ask("2201", {"data": visit})
        if opened["infcode"] != 0:
            return "2201", opened["err_msg"]
        keys = {"psn_no": psn_no, "mdtrt_id": opened["output"]["data"]["mdtrt_id"]}
        disease = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J06.900", "vali_flag": "1",
                   "diag_name": "急性上呼吸道感染", "diag_dept": dept, "dise_dor_no": doctor,
                   "dise_dor_name": "医生甲", "diag_time": now}  # fmt: skip
        info = keys | {"med_type": "11", "begntime": now, "dise_codg": "J06.900",
                       "dise_name": "急性上呼吸道感染"}  # fmt: skip
        told = self.line.ask("2203", {"mdtrtinfo": info, "diseinfo": [disease]})
        if told["infcode"] != 0:
            return "2203", told["err_msg"]
        row = keys | {"feedetl_sn": "1", "chrg_bchno": "B1", "rx_circ_flag": "0",
                      "fee_ocur_time": now, "med_list_codg": DRUG, "medins_list_codg": OWN,
                      "hosp_appr_flag": "0", "det_item_fee_sumamt": "10.00", "cnt": 1, "pric": 10,
                      "bilg_dept_codg": dept, "bilg_dept_name": "内科一病区",
                      "bilg_dr_codg": doctor, "bilg_dr_name": "医生甲"}  # fmt: skip
        charged = self.line.ask("2204", {"feedetail": [row]})
        if charged["infcode"] != 0:
            return "2204", charged["err_msg"]
        parts = charged["output"]["result"][0]
        asked = card | ident | keys | {
            "med_type": "11", "medfee_sumamt": 10, "psn_setlway": "01", "chrg_bchno": "B1",
            "insutype": "310", "acct_used_flag": "1", "overlmt_selfpay": 0,
            "fulamt_ownpay_amt": parts["fulamt_ownpay_amt"],
            "preselfpay_amt": parts["preselfpay_amt"], "inscp_scp_amt": parts["inscp_scp_amt"],
        }  # fmt: skip
        settled = self.line.ask("2207", {"data": asked})
        return "2207", settled["err_msg"] or settled["output"]["setlinfo"]["setl_id"]


@pytest.fixture
def files(tmp_path):
    paths = {name: tmp_path / f"{name}.csv" for name in EXPORTS}
    for name, path in paths.items():
        path.write_text(EXPORTS[name], encoding="gb18030")
    return paths


def test_what_is_not_imported_stops_it_where_it_is_needed(tmp_path, monkeypatch, files):
    """One centre, one HIS; after each import it comes one message further."""
    ledger, seen = tmp_path / "centre.sqlite", []
    policy = "check_staff = true\ncheck_mapping = true\n"

    def work(line):
        his = ForeignHis(line)
        seen.append(his.settle())
        for name, path in files.items():
            given = ["centre", "import", "--ledger", str(ledger), f"--{name}", str(path), "--json"]
            assert cli.main(given) == 0, name
            seen.append(his.settle())

    beside(monkeypatch, ledger, province_file(tmp_path, policy=policy), work,
           fixmedins_code=HOSPITAL, fixmedins_name="现场医院")  # fmt: skip

    assert [infno for infno, _ in seen] == ["1101", "2201", "2201", "2201", "2204", "2204", "2207"]
    words = [why for _, why in seen]
    assert "参保人" in words[0]
    assert HOSPITAL in words[1]
    assert "D430100077" in words[2]
    assert "D430100077" in words[3]
    assert DRUG in words[4]
    assert OWN in words[5]
    assert words[6].isdigit(), words[6]
