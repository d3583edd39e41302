"""Registration, settlement and refund at an insurance window that only a person can work."""

import pytest
from cashier import Cashier, window
from hands import free_port, run_feature

from harness.people import generate
from harness.resources import fixture

pytestmark = pytest.mark.slow

FEATURE = """# language: zh-CN
@接口-HIS-YB
功能: 窗口
  负责人: 测试组

  @REQ-YB-001 @id-window
  场景: 挂号、结算、退费
    假如 患者“甲”有“职工医保”
    而且 患者“甲”的门诊账单:
      | 项目 | 单价  | 数量 |
      | Y001 | 12.34 | 2    |
    当 “收费窗口”为患者“甲”结算
    那么 60秒内医保中心有且只有患者“甲”的1笔有效结算
    当 收费窗口为患者“甲”全部退费
    那么 60秒内患者“甲”的“2208”应发送1次
    当 “HIS”给出的“就诊号”记作“号1”
    那么 60秒内查询“visits”按“ipt_otp_no”为“${号1}”应得:
      | 列      | 值 |
      | insutype | 310 |
"""

SITE = """
format = 1
name = "窗口"
environment = "test"
[systems.HIS]
mode = "real"
worked_by = "person"
version = "1"
[systems.centre]
mode = "simulated"
[endpoints.his-centre]
interface = "HIS-YB"
from = "HIS"
to = "centre"
protocol = "http"
host = "127.0.0.1"
port = {port}
[canaries.sign-in]
interface = "HIS-YB"
type = "9001"
from = "HIS"
text = "在收费窗口重新登录医保"
wait_s = 90.0
[operator]
wait_s = {wait_s}
mints = ["HIS.bill_no"]
[probes.centre-ledger]
role = "centre"
url = "sqlite:{ledger}"
query = '''
SELECT setl_id, psn_no, refd_setl_flag, undone FROM settlements
WHERE psn_no = :psn_no AND vali_flag = '1'
'''
# No log of the HIS can be had here: what arrived for the visit, by the number of the HIS.
[probes.his-yb-log]
role = "centre"
url = "sqlite:{ledger}"
query = '''
SELECT c.msgid, c.infno FROM calls c JOIN visits v ON v.psn_no = c.psn_no
WHERE v.ipt_otp_no = :bill_no AND c.infno = :infno
'''
[probes.visits]
role = "centre"
url = "sqlite:{ledger}"
query = "SELECT ipt_otp_no, insutype FROM visits WHERE ipt_otp_no = :ipt_otp_no"
"""


def at_window(folder, *, wait_s=90.0, skip=(), feature=FEATURE, more="", **codes):
    port, seen = free_port(), []
    his = Cashier(port, **codes)
    text = SITE.format(port=port, ledger=folder / "ledger.sqlite", wait_s=wait_s) + more
    conclusion, records, _ = run_feature(
        folder, text, window(his, seen, skip=skip), feature=feature
    )
    by_hand = [one for one in records if one["kind"] == "command" and one.get("card")]
    return conclusion, by_hand, seen, his


def test_what_ships_tells_a_cashier_what_to_do_and_sees_it_done(tmp_path):
    conclusion, by_hand, seen, his = at_window(tmp_path)

    assert conclusion.verdict == "pass", conclusion.reasons
    assert [(one["name"], one["outcome"]) for one in by_hand] == [
        ("canary sign-in", "ok"), ("yb-bill", "ok"), ("yb-settle", "ok"), ("yb-refund", "ok"),
    ]  # fmt: skip
    assert {one["operator"] for one in by_hand} == {"收费员甲"}
    # The HIS counted the visit itself: it was not entered, and later cards name its number.
    assert by_hand[1]["captured"] == {"bill_no": "88001"}
    shown = {place: fields for place, fields in seen if "就诊号" in fields}
    assert "就诊号" not in next(fields for place, fields in seen if place == "医保窗口")
    assert shown["收费窗口"]["就诊号"] == "88001"
    assert len(his.settled) == 1


def test_a_settlement_that_nobody_made_is_blocked_and_judges_nothing(tmp_path):
    conclusion, by_hand, _, _ = at_window(tmp_path, wait_s=2.0, skip={"收费窗口"})
    assert conclusion.verdict == "blocked"
    assert "收费窗口" in conclusion.reasons[0]
    assert (by_hand[-1]["name"], by_hand[-1]["outcome"]) == ("yb-settle", "unknown")


FOREIGN = {"hospital": "H43019900777", "drug": "XJ00100000000A", "own": "0077",
           "doctor": "D430100077"}  # fmt: skip
SETTLED = """# language: zh-CN
@接口-HIS-YB
功能: 窗口
  负责人: 测试组

  @REQ-YB-001 @id-window-foreign
  场景: 编码不同的 HIS 结算
    假如 患者“甲”有“职工医保”
    而且 患者“甲”的门诊账单:
      | 项目 | 单价  | 数量 |
      | Y001 | 12.34 | 2    |
    当 “收费窗口”为患者“甲”结算
    那么 60秒内医保中心有且只有患者“甲”的1笔有效结算
"""
EXPORTS = {
    "institution": "机构编码,机构名称,医院等级,收费等级\nH43019900777,现场医院,2,3\n",
    "departments": "机构编码,科室编码,科室名称\nH43019900777,A01,内科\n",
    "doctors": "机构编码,医师编码,医师姓名,科室编码\nH43019900777,D430100077,医生甲,A01\n",
    "catalogue": "医保目录编码,项目名称,目录类别,收费项目等级\nXJ00100000000A,现场药品,101,02\n",
    "mapping": "机构编码,院内项目编码,目录类别,医保目录编码\nH43019900777,0077,101,XJ00100000000A\n",
}


def exported(folder, *, without=""):
    """The exports beside the profile, in the encoding of the hospital; what names them."""
    lines = ["[quirks.centre]", 'province = "strict.toml"']
    for name, text in EXPORTS.items():
        if name != without:
            (folder / f"{name}.csv").write_text(text, encoding="gb18030")
            lines.append(f'{name} = "{name}.csv"')
    province = fixture("centre", "provinces", "hunan.toml").read_text(encoding="utf-8")
    strict = "[policy]\ncheck_staff = true\ncheck_mapping = true\n"
    (folder / "strict.toml").write_text(province.replace("[policy]\n", strict), encoding="utf-8")
    return "\n".join(lines) + "\n"


def test_a_his_with_foreign_codes_is_stopped_by_what_was_not_imported(tmp_path):
    conclusion, by_hand, _, his = at_window(
        tmp_path, wait_s=8.0, feature=SETTLED, more=exported(tmp_path, without="doctors"), **FOREIGN
    )
    assert conclusion.verdict == "blocked"
    assert [one for one in his.screen if "D430100077" in one]
    assert (by_hand[-1]["name"], by_hand[-1]["outcome"]) == ("yb-settle", "unknown")


def test_a_his_with_foreign_codes_settles_after_the_import(tmp_path):
    conclusion, _, _, his = at_window(tmp_path, feature=SETTLED, more=exported(tmp_path), **FOREIGN)
    assert conclusion.verdict == "pass", (conclusion.reasons, his.screen)
    assert his.screen == []


ARMED = SETTLED.replace(
    "    当 “收费窗口”",
    "    而且 医保中心把终端“0001”的下一个未知凭证当作患者“甲”\n    当 “收费窗口”",
).replace("id-window-foreign", "id-window-armed")


@pytest.mark.parametrize("armed", [True, False])
def test_any_code_at_an_armed_terminal_is_the_patient_of_the_scenario(tmp_path, armed):
    """Nobody at the site has a code that our centre knows; not armed, it is not answered."""
    conclusion, _, _, his = at_window(
        tmp_path, wait_s=90.0 if armed else 8.0, feature=ARMED if armed else SETTLED,
        code="28000000000000000000000001",
    )  # fmt: skip
    assert conclusion.verdict == ("pass" if armed else "blocked"), his.screen
    assert bool(his.settled) is armed


def test_somebodys_own_card_at_an_armed_terminal_is_the_patient_of_the_scenario(tmp_path):
    """1101 carries the name and the number of whoever holds it: it is asked about, never kept."""
    who = generate(2, 0)
    conclusion, _, _, his = at_window(tmp_path, feature=ARMED, holder=(who.name, who.id_card))
    assert conclusion.verdict == "pass", (conclusion.reasons, his.screen)
    assert len(his.settled) == 1
