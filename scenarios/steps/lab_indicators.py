"""Sentences about the two national indicators of 危急值, computed from the log of every event."""

from __future__ import annotations

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation
from harness.faults.plan import Fault, Trigger
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import RESULTS, rows_expected

steps = Library("lab_indicators")

TIMES_MAX = 60
"""Losses of one alert in a sentence: a minute of a sender that tries again every second."""


@steps.given(
    "标本{string}的危急值通知前{int}次在途中丢失",
    id="lab_indicators.alerts-lost",
    purpose="通知迟到：LIS 重发到成功为止，通报时间随之推迟",
    effect="按标本触发，丢弃 LIS 发往 HIS 的 ORU^R40；没有一次未触发，否则场景“无法判定”",
    example="假如 标本“管1”的危急值通知前55次在途中丢失",
    gloss="The first alerts about the specimen are lost on their way",
)
def alerts_lost(world: World, specimen: str, times: int) -> None:
    """Keyed by message type and specimen."""
    if not 0 < times <= TIMES_MAX:
        raise ScenarioError(tr("1 to {most} times, not {count}", most=TIMES_MAX, count=times))
    holds = (f"ORU^R40|{world.barcode(specimen)}",)
    occurrences = tuple(range(1, times + 1))
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="lab-111",
            layer="message",
            action="drop",
            link=RESULTS,
            sender="LIS",
            trigger=Trigger(kind="message", holds=holds, occurrences=occurrences),
        )
    )


@steps.then(
    "{duration}内标本{string}的危急值通报率应为{string}，及时率应为{string}（通报时限{duration}）",
    id="lab_indicators.rates",
    purpose="由危急值日志计算国家质控指标：通报率、通报及时率；时限是本院参数",
    effect="查询探针 lis-critical-rates：已通报数、限时内通报数各除以应通报数；标本可用“、”并列",
    example="那么 10秒内标本“管1”的危急值通报率应为“100.00%”，及时率应为“50.00%”（通报时限1分钟）",
    gloss="Notification rate and timely rate of these specimens, from the log",
)
def rates(
    world: World, limit_s: float, specimens: str, notified: str, timely: str, within_s: float
) -> Expectation:
    """Both rates in percent with two places."""
    for rate in (notified, timely):
        if not rate.endswith("%"):
            raise ScenarioError(tr("a rate is written as “50.00%”, not “{rate}”", rate=rate))
    if within_s < 60 or within_s % 60:
        raise ScenarioError(tr("the limit of a notification is in whole minutes"))
    barcodes = ",".join(world.barcode(one) for one in specimens.split("、"))
    return rows_expected(
        probe="lis-critical-rates",
        args={"barcodes": barcodes, "minutes": str(round(within_s / 60))},
        interface="LIS-CRIT",
        table="critical_log",
        key=["barcodes"],
        rows=[
            {
                "barcodes": barcodes,
                "notified_percent": notified.removesuffix("%"),
                "timely_percent": timely.removesuffix("%"),
            }
        ],
        limit_s=limit_s,
        clause="国家医疗质量控制指标（2015）危急值通报率、危急值通报及时率",
    )
