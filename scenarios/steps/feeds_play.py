"""Sentences about HL7: playing the HIS or the LIS towards the other one."""

from __future__ import annotations

from typing import Any

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import ORDERS, RESULTS
from scenarios.steps.lab import remember, results_of
from simulators.feed import payloads
from simulators.feed.feed import Feed
from simulators.feed.policy import Policy, Rule

steps = Library("feeds")

SEND_TIMEOUT_S = 30.0
"""Above what a system needs for one answer, a restart included."""

ANSWERS = {
    "AA": Rule(code="AA"),
    "AE": Rule(code="AE"),
    "AR": Rule(code="AR"),
    "不应答": Rule(action="silence"),
    "他文控制号": Rule(action="foreign-id"),
    "乱码": Rule(action="garbage"),
    "断开": Rule(action="close"),
    "应答两次": Rule(action="twice"),
}
"""Answers of a played receiver, by the word in a sentence."""


@steps.given(
    "HIS由测试端扮演，对标本{string}的结果报文依次应答:",
    id="feeds.play-his",
    purpose="检查 LIS 作为发送方对各种应答的反应",
    effect="LIS 的结果报文改由测试端接收；应答：AA、AE、AR、不应答、他文控制号、乱码、断开、"
    "应答两次",
    example="""
    假如 HIS由测试端扮演，对标本“管1”的结果报文依次应答:
      | 应答 |
      | 不应答 |
      | AA |
    """,
    gloss="We play the HIS and answer the deliveries of a result one after the other",
)
def play_his(world: World, specimen: str, table: Table) -> None:
    """A receiver with a policy; after the listed answers it accepts."""
    table.require({"应答"})
    barcode = world.barcode(specimen)
    rules = []
    for number, row in enumerate(table.rows, 1):
        if row["应答"] not in ANSWERS:
            raise ScenarioError(tr("no answer {answer}; known: {known}", answer=row["应答"],
                                   known="、".join(ANSWERS)))  # fmt: skip
        rule = ANSWERS[row["应答"]]
        rules.append(Rule(holds=barcode, occurrences=(number,), action=rule.action, code=rule.code))
    world.stand_in("测试端HIS", Feed("HIS", world.clock, Policy(rules)), RESULTS)


def _control_id(world: World) -> str:
    """A fresh MSH-10: from the seed and a counter of this scenario."""
    count = world.state["control ids"] = world.state.get("control ids", 0) + 1
    return f"T{int(world.draw('control id') * 10**12):012d}{count:03d}"


def _send(world: World, role: str, link: str, payload: bytes) -> dict[str, Any]:
    name = f"测试端{role}"
    world.state["last sent"] = (link, payload)
    world.state["answers since"] = len(world.trace)
    world.join(name, Feed(role, world.clock), link)
    value: dict[str, Any] = world.tell(
        name, "send", SEND_TIMEOUT_S, link=link, payload=payload.hex()
    )
    return value


@steps.when(
    "测试端以HIS身份向LIS发送{string}",
    id="feeds.send-to-lis",
    purpose="向 LIS 发送一种特殊报文",
    effect="种类见 payloads.TO_LIS：不支持的事件、没有患者号的登记、不支持的申请控制码",
    example="当 测试端以HIS身份向LIS发送“不支持的事件”",
    gloss="We play the HIS and send a message of a named kind to the LIS",
)
def send_to_lis(world: World, kind: str) -> None:
    """One message, and its answer."""
    who = world.person(f"报文 {kind}")
    world.state["message person"] = who
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    payload = payloads.to_lis(kind, who, control_id=_control_id(world), time=time)
    _send(world, "HIS", ORDERS, payload)


@steps.when(
    "测试端以LIS身份向HIS发送标本{string}的结果:",
    id="feeds.send-result-to-his",
    purpose="直接向 HIS 发送一份结果报文",
    effect="ORU^R01，每个项目一个 OBX，单位与结果照表",
    example="""
    当 测试端以LIS身份向HIS发送标本“管1”的结果:
      | 项目 | 结果 |
      | K | 随机 |
    """,
    gloss="We play the LIS and send a result to the HIS",
)
def send_result_to_his(world: World, specimen: str, table: Table) -> None:
    """One ORU^R01."""
    table.require({"项目", "结果"}, optional={"单位", "标志", "状态"})
    barcode = world.barcode(specimen)
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    results = results_of(world, specimen, table)
    remember(world, barcode, results, time)
    payload = payloads.result(
        world.owner(specimen), barcode, results, control_id=_control_id(world), time=time
    )
    _send(world, "LIS", RESULTS, payload)


@steps.when(
    "测试端以LIS身份向HIS补发标本{string}的旧结果:",
    id="feeds.send-old-result-to-his",
    purpose="检查迟到的旧结果不会覆盖新结果",
    effect="同“发送标本的结果”，但不算作最新上传值",
    example="""
    当 测试端以LIS身份向HIS补发标本“管1”的旧结果:
      | 项目 | 结果 | 状态 |
      | K | 4.20 | P |
    """,
    gloss="We play the LIS and send an old result late",
)
def send_old_result_to_his(world: World, specimen: str, table: Table) -> None:
    """One ORU^R01 that should change nothing."""
    table.require({"项目", "结果"}, optional={"单位", "标志", "状态"})
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    results = results_of(world, specimen, table)
    owner, barcode = world.owner(specimen), world.barcode(specimen)
    payload = payloads.result(owner, barcode, results, control_id=_control_id(world), time=time)
    _send(world, "LIS", RESULTS, payload)


@steps.when(
    "测试端以LIS身份向HIS发送{string}",
    id="feeds.send-to-his",
    purpose="向 HIS 发送一种特殊报文",
    effect="种类：不支持的报文、没有标本号的结果",
    example="当 测试端以LIS身份向HIS发送“不支持的报文”",
    gloss="We play the LIS and send a message of a named kind to the HIS",
)
def send_to_his(world: World, kind: str) -> None:
    """One message, and its answer."""
    who = world.person(f"报文 {kind}")
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    payload = payloads.to_his(kind, who, control_id=_control_id(world), time=time)
    _send(world, "LIS", RESULTS, payload)


@steps.when(
    "测试端再次发送同一报文",
    id="feeds.send-again",
    purpose="检查控制号相同的报文只生效一次",
    effect="逐字节相同的报文再发一次",
    example="当 测试端再次发送同一报文",
    gloss="We send the very same message again",
)
def send_again(world: World) -> None:
    """Byte for byte, over the same line."""
    if "last sent" not in world.state:
        raise ScenarioError(tr("nothing was sent before that could be sent again"))
    link, payload = world.state["last sent"]
    role = "HIS" if link == ORDERS else "LIS"
    _send(world, role, link, payload)
