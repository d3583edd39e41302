"""Sentences about months, clearing, and what a wrong 对码 costs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from harness import limits
from harness.errors import Blocked
from harness.evidence.expect import Expectation
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.model import Outcome
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import rows_expected
from scenarios.steps.insurance_town import (
    INTERFACE,
    LEDGER,
    LINK,
    REST_S,
    ROLE,
    centre,
    plan,
    rest,
)

steps = Library("insurance")


def _next_month(world: World) -> int:
    """Days from today to the first of the next month."""
    today = world.clock.wall()
    days = 1
    while (today + timedelta(days=days)).day != 1:
        days += 1
    return days


@steps.given(
    "医保中心在第{int}次{string}时把结算记到下月一日",
    id="insurance.next-month",
    purpose="检查跨月结算的归属",
    effect="该次交易的结算时间为下月一日，其余照常",
    example="假如 医保中心在第1次“2207”时把结算记到下月一日",
    gloss="The centre dates the nth call of a transaction on the first of the next month",
)
def next_month(world: World, nth: int, infno: str) -> None:
    """A clock that is ahead for one call."""
    number = len(world.state.get("centre faults", {})) + 1
    fault = Fault(
        id=f"C{number}",
        fault_class="yb-F13",
        layer="message",
        action="F13",
        link=LINK,
        sender=ROLE,
    )
    plan(world, fault, infno, nth, {"seconds": str(86_400 * _next_month(world))})


@steps.when(
    "收费处对下月一日做日终对账",
    id="insurance.next-month-end",
    purpose="跨月的结算在它所属的月里对平",
    effect="同“日终对账”，日期为下月一日",
    example="当 收费处对下月一日做日终对账",
    gloss="The HIS reconciles the first of the next month",
)
def next_month_end(world: World) -> None:
    """3201 of that day."""
    day = f"{world.clock.wall() + timedelta(days=_next_month(world)):%Y-%m-%d}"
    world.state["day"] = day
    world.order("HIS", "yb-day", day=day)
    rest(world, REST_S)


@steps.when(
    "医保中心对本月做清算",
    id="insurance.cleared",
    purpose="检查清算之后的退费",
    effect="此后本月的结算不能撤销，也不能冲正",
    example="当 医保中心对本月做清算",
    gloss="The centre closes the present month",
)
def cleared(world: World) -> None:
    """For good."""
    centre(world)
    month = f"{world.clock.wall():%Y%m}"
    world.bench.driver.command(ROLE, "cleared", {"month": month}, limits.CONTROL_TIMEOUT_S)


@steps.when(
    "医保中心的柜台为患者{string}直接退费",
    id="insurance.counter-refund",
    purpose="检查不经 HIS 办理的退费是否被发现",
    effect="中心撤销该患者最近的一笔结算，HIS 没有收到任何报文",
    example="当 医保中心的柜台为患者“甲”直接退费",
    gloss="An official of the centre refunds a patient, and no hospital asked",
)
def counter_refund(world: World, label: str) -> None:
    """Over the control pipe: no message goes over the tested interface."""
    centre(world)
    args = {"psn_no": world.known_person(label).patient_id}
    world.bench.driver.command(ROLE, "refund", args, limits.CONTROL_TIMEOUT_S)


@steps.given(
    "患者{string}的个人账户在{string}之后被别处用完",
    id="insurance.spent-elsewhere",
    purpose="检查预结算与结算之间参保信息的变化",
    effect="该患者下一次该交易得到应答后，中心把其个人账户余额记为零",
    example="假如 患者“甲”的个人账户在“2206”之后被别处用完",
    gloss="Another hospital empties a patient's account right after the next such transaction",
)
def spent_elsewhere(world: World, label: str, infno: str) -> None:
    """Over the control pipe; an account that is empty already is an error."""
    centre(world)
    args = {"psn_no": world.known_person(label).patient_id, "infno": infno}
    world.bench.driver.command(ROLE, "spend", args, limits.CONTROL_TIMEOUT_S)


@steps.then(
    "{duration}内HIS记下患者{string}由个人账户支付{decimal}元",
    id="insurance.account-paid",
    purpose="核对个人账户支付的金额",
    effect="查询探针 his-yb-ledger，只看中心仍有效的结算",
    example="那么 10秒内HIS记下患者“甲”由个人账户支付0.00元",
    gloss="The HIS has booked so much as paid by a patient's own account",
)
def account_paid(world: World, limit_s: float, label: str, paid: Decimal) -> Expectation:
    """Exact to the fen, in the row of the settlement that stands at the centre."""
    return rows_expected(
        probe="his-yb-ledger",
        args={"psn_no": world.known_person(label).patient_id},
        interface=INTERFACE,
        table="yb_settlement",
        key=["setl_id"],
        rows=[{"setl_id": _latest(world, label), "acct_fen": str(int(paid.scaleb(2)))}],
        limit_s=limit_s,
    )


@steps.given(
    "HIS的对码把项目{string}对到{string}",
    id="insurance.map",
    purpose="检查对码错误对金额的影响",
    effect="此后开立的账单用这个医保目录编码",
    example="假如 HIS的对码把项目“Y001”对到“MHD0000000008”",
    gloss="The HIS maps an item to this code from now on",
)
def mapped(world: World, item: str, code: str) -> None:
    """One row of the mapping table."""
    centre(world)
    world.order("HIS", "yb-map", item=item, code=code)
    rest(world)


@steps.then(
    "{duration}内患者{string}的基金支付比患者{string}少{decimal}元",
    id="insurance.fund-less",
    purpose="核对对码错误少报了多少",
    effect="查询探针 his-yb-ledger；以另一患者在中心的结算为准",
    example="那么 10秒内患者“乙”的基金支付比患者“甲”少480.00元",
    gloss="The fund paid so much less for one patient than for another",
)
def fund_less(world: World, limit_s: float, label: str, other: str, less: Decimal) -> Expectation:
    """Exact to the fen; 0 where both must be alike."""
    answer = world.bench.probes[LEDGER].ask({"psn_no": world.known_person(other).patient_id})
    if answer.outcome is not Outcome.OK or len(answer.rows) != 1:
        raise Blocked(tr("{label} has no settlement to compare with", label=other))
    fund = int(str(answer.rows[0]["fund_fen"])) - int(less.scaleb(2))
    psn_no = world.known_person(label).patient_id
    setl = _latest(world, label)
    return rows_expected(
        probe="his-yb-standing",
        args={"bill_no": world.state["bills"][label]},
        interface=INTERFACE,
        table="yb_settlement",
        key=["setl_id"],
        rows=[{"setl_id": setl, "psn_no": psn_no, "fund_fen": str(fund)}],
        limit_s=limit_s,
    )


def _latest(world: World, label: str) -> str:
    """The id of the settlement that stands at the centre."""
    answer = world.bench.probes[LEDGER].ask({"psn_no": world.known_person(label).patient_id})
    standing = [row for row in answer.rows if (row["refd_setl_flag"], row["undone"]) == ("0", "0")]
    if len(standing) != 1:
        raise Blocked(tr("{label} has no settlement to compare with", label=label))
    return str(standing[0]["setl_id"])
