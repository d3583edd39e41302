"""Sentences about HL7: playing the HIS or the LIS towards the other one."""

from __future__ import annotations

from dataclasses import replace
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
    "稍后重复": Rule(action="again-later", delay_s=0.4),
    "先CA后AA": Rule(action="accept-first"),
    "应答后断开": Rule(action="close-after"),
    "一段文字": Rule(action="free-text"),
    "空帧": Rule(action="empty"),
    "只有MSA": Rule(action="bare"),
    "无封装": Rule(action="unframed"),
    "块级确认": Rule(action="commit-block"),
    "结束符为NUL": Rule(action="odd-trailer"),
    "收发未对调": Rule(action="not-swapped"),
    "版本不符": Rule(action="other-version"),
    "无触发事件": Rule(action="no-trigger"),
    "末段缺回车": Rule(action="no-final-return"),
    "应答号相同": Rule(action="same-id"),
    "迟0.4秒": Rule(delay_s=0.4),
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
        rules.append(replace(_rule(row["应答"]), holds=barcode, occurrences=(number,)))
    world.stand_in("测试端HIS", _his(world, rules), RESULTS)


def control_id(world: World) -> str:
    """A fresh MSH-10: from the seed and a counter of this scenario."""
    count = world.state["control ids"] = world.state.get("control ids", 0) + 1
    return f"T{int(world.draw('control id') * 10**12):012d}{count:03d}"


def speaks_hllp(world: World, link: str) -> bool:
    """Whether the profile says that blocks of this link have a count and a checksum."""
    return link in world.bench.specs and world.bench.specs[link].protocol == "hllp"


def send(world: World, role: str, link: str, payload: bytes) -> dict[str, Any]:
    """One message in the place of a role, and its outcome; the connection stays open."""
    name = f"测试端{role}"
    world.state["last sent"] = (link, payload)
    world.state["answers since"] = len(world.trace)
    world.join(name, Feed(role, world.clock, hybrid=speaks_hllp(world, link)), link)
    value: dict[str, Any] = world.tell(
        name, "send", SEND_TIMEOUT_S, link=link, payload=payload.hex()
    )
    return value


@steps.when(
    "测试端以HIS身份向LIS发送{string}",
    id="feeds.send-to-lis",
    purpose="向 LIS 发送一种特殊报文",
    effect="种类见 payloads.TO_LIS：不支持的事件、没有患者号的登记、不支持的申请控制码、"
    "中文的申请控制码",
    example="当 测试端以HIS身份向LIS发送“不支持的事件”",
    gloss="We play the HIS and send a message of a named kind to the LIS",
)
def send_to_lis(world: World, kind: str) -> None:
    """One message, and its answer."""
    who = world.person(f"报文 {kind}")
    world.state["message person"] = who
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    payload = payloads.to_lis(kind, who, control_id=control_id(world), time=time)
    send(world, "HIS", ORDERS, payload)


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
        world.owner(specimen), barcode, results, control_id=control_id(world), time=time
    )
    send(world, "LIS", RESULTS, payload)


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
    payload = payloads.result(owner, barcode, results, control_id=control_id(world), time=time)
    send(world, "LIS", RESULTS, payload)


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
    payload = payloads.to_his(kind, who, control_id=control_id(world), time=time)
    send(world, "LIS", RESULTS, payload)


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
    send(world, role, link, payload)


@steps.given(
    "HIS由测试端扮演，对标本{string}的结果报文始终应答{string}",
    id="feeds.play-his-always",
    purpose="检查一份总被拒绝的报文是否阻塞后面的报文",
    effect="该标本的结果每次得到此应答，其余得到 AA",
    example="假如 HIS由测试端扮演，对标本“管1”的结果报文始终应答“AE”",
    gloss="We play the HIS and always answer the result of a specimen in one way",
)
def play_his_always(world: World, specimen: str, answer: str) -> None:
    """A receiver that never takes one message."""
    rule = replace(_rule(answer), holds=world.barcode(specimen))
    world.stand_in("测试端HIS", _his(world, [rule]), RESULTS)


@steps.given(
    "HIS由测试端扮演，对结果报文依次应答:",
    id="feeds.play-his-several",
    purpose="检查一份报文的应答不影响另一份",
    effect="按标本列出各次投递的应答；列完之后应答 AA",
    example="""
    假如 HIS由测试端扮演，对结果报文依次应答:
      | 标本 | 应答 |
      | 管1 | 稍后重复 |
      | 管2 | 不应答 |
    """,
    gloss="We play the HIS and answer the deliveries of several results as listed",
)
def play_his_several(world: World, table: Table) -> None:
    """A receiver with a policy for several specimens."""
    table.require({"标本", "应答"})
    counts: dict[str, int] = {}
    rules = []
    for row in table.rows:
        barcode = world.barcode(row["标本"])
        counts[barcode] = counts.get(barcode, 0) + 1
        rule = replace(_rule(row["应答"]), holds=barcode, occurrences=(counts[barcode],))
        rules.append(rule)
    world.stand_in("测试端HIS", _his(world, rules), RESULTS)


def _his(world: World, rules: list[Rule]) -> Feed:
    """A receiver that writes what the sender does after each answer into the trace."""
    return Feed(
        "HIS",
        world.clock,
        Policy(rules),
        hybrid=speaks_hllp(world, RESULTS),
        observer=lambda text: _note(world, text),
    )


def _note(world: World, text: str) -> None:
    world.trace.add("note", role="HIS", text=text)


def answer_text(answer: str) -> str:
    """An answer as the played receiver names it in its notes."""
    return _rule(answer).text


def _rule(answer: str) -> Rule:
    if answer not in ANSWERS:
        raise ScenarioError(tr("no answer {answer}; known: {known}", answer=answer,
                               known="、".join(ANSWERS)))  # fmt: skip
    return ANSWERS[answer]
