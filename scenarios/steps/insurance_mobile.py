"""Sentences about 移动支付: an order, what became of it, and giving it back."""

from __future__ import annotations

from harness.errors import Blocked
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import rows_expected
from scenarios.steps.insurance import bill_of
from scenarios.steps.insurance_town import INTERFACE, REST_S, kept_lines, known, rest

steps = Library("insurance")

STATES = {"已支付": "paid", "已退款": "refunded", "未成功": "failed", "支付中": "paying"}
STANDINGS = {"已保存": "0", "医保已付": "4", "结算完成": "6", "已退款": "7", "已撤销": "12"}


@steps.when(
    "患者{string}在手机上支付",
    id="insurance.mobile-pay",
    purpose="移动支付：6201 上传、6202 下单、6204 同步自费，6301 查明",
    effect="先要出示电子凭证；结果以 6301 为准",
    example="当 患者“甲”在手机上支付",
    gloss="A patient pays a bill on the phone",
)
def pay(world: World, label: str) -> None:
    """One order to the HIS."""
    world.order("HIS", "yb-mobile-pay", **bill_of(world, label))
    rest(world)


@steps.when(
    "患者{string}在手机上退款",
    id="insurance.mobile-refund",
    purpose="移动支付全部退款（6203），结果以 6301 为准",
    effect="先要再出示电子凭证",
    example="当 患者“甲”在手机上退款",
    gloss="A patient gets a mobile payment back",
)
def refund(world: World, label: str) -> None:
    """One order to the HIS."""
    world.order("HIS", "yb-mobile-refund", **bill_of(world, label))
    rest(world)


@steps.when(
    "患者{string}在手机上部分退款，保留项目{string}",
    id="insurance.mobile-refund-partly",
    purpose="移动支付部分退款：整单退回（6203），其余另建订单支付",
    effect="先要再出示电子凭证；保留的项目用顿号分开",
    example="当 患者“甲”在手机上部分退款，保留项目“Y001”",
    gloss="A mobile payment is given back, and some items are paid anew",
)
def refund_partly(world: World, label: str, items: str) -> None:
    """One order to the HIS."""
    keep = kept_lines(world, label, items)
    world.order("HIS", "yb-mobile-refund", **bill_of(world, label), keep=keep)
    rest(world)


@steps.when(
    "医保中心的支付回调{count}有了回音",
    id="insurance.called-back",
    purpose="等到支付回调（6302）到达 HIS 并得到答复，之后才核对",
    effect="迟到的回调也等到；没有等到则场景不能执行",
    example="当 医保中心的支付回调1次有了回音",
    gloss="So many callbacks of the centre were answered by the HIS",
)
def called_back(world: World, times: int) -> None:
    """As the centre notes them."""

    def answered() -> bool:
        notes = [str(one.get("text", "")) for one in world.trace.records if one["kind"] == "note"]
        heard = [text for text in notes if text.startswith("callback 6302 ")]
        return sum(text.endswith(" understood") for text in heard) >= times

    if not world.poll(answered, REST_S):
        raise Blocked(tr("the HIS did not answer {times} callbacks of the centre", times=times))
    rest(world)


@steps.then(
    "{duration}内患者{string}的支付订单应为{string}，中心为{string}",
    id="insurance.order",
    purpose="核对双方的订单状态",
    effect="查询探针 his-yb-order；中心：已保存、医保已付、结算完成、已退款、已撤销",
    example="那么 10秒内患者“甲”的支付订单应为“已支付”，中心为“结算完成”",
    gloss="The order of a bill is in these states on both sides",
)
def order(world: World, limit_s: float, label: str, state: str, standing: str) -> list[Expectation]:
    """One row on either side."""
    number = world.state["bills"][label]
    psn_no = world.known_person(label).patient_id
    stas = known(STANDINGS, standing)
    return [
        rows_expected(
            probe="his-yb-order",
            args={"bill_no": number},
            interface=INTERFACE,
            table="yb_order",
            key=["bill_no"],
            rows=[{"bill_no": number, "state": known(STATES, state), "ord_stas": stas}],
            limit_s=limit_s,
        ),
        rows_expected(
            probe="centre-orders",
            args={"psn_no": psn_no},
            interface=INTERFACE,
            table="yb_order",
            key=["psn_no"],
            rows=[{"psn_no": psn_no, "ord_stas": stas}],
            limit_s=limit_s,
            classes={"missing": "yb-PAY", "different": "yb-PAY"},
        ),
    ]
