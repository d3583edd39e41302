"""Registration, settlement and refund at an insurance window that only a person can work."""

import pytest
from cashier import Cashier, window
from hands import free_port, run_feature

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


def at_window(folder, *, wait_s=90.0, skip=(), feature=FEATURE):
    port, seen = free_port(), []
    his = Cashier(port)
    text = SITE.format(port=port, ledger=folder / "ledger.sqlite", wait_s=wait_s)
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
