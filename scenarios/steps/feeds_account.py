"""Sentences about the message account: what became of every message of a link."""

from __future__ import annotations

from harness.errors import ScenarioError
from harness.evidence.account_items import KIND
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import ORDERS, RESULTS, place
from scenarios.steps.feeds_play import answer_text
from simulators.feed.aftermath import AT_ONCE

steps = Library("feeds")

WAYS = {("LIS", "HIS"): (RESULTS, "LIS-ORU"), ("HIS", "LIS"): (ORDERS, "HIS-ORD"),
        ("HIS", "ENGINE"): ("his-engine", "HIS-ENG"),
        ("ENGINE", "LIS"): ("engine-lis", "ENG-LIS")}  # fmt: skip
"""Sender and receiver: link and interface."""

CLASSES = {
    "lost": "lost",
    "duplicated": "duplicate",
    "unordered": "order",
    "unanswered": "unanswered",
    "unapplied": "lost",
}
"""What the account may say of a message, and the class of its finding."""

REACTIONS = {
    "原样重发": "sent again",
    "换控制号重发": "sent again with another control id",
    "改内容重发": "sent again with other content",
    "继续下一份": "went on",
    "断开": "hung up",
}
"""What a sender does after an answer of ours, by the word in a sentence."""


def _way(sender: str, receiver: str) -> tuple[str, str]:
    if (sender, receiver) not in WAYS:
        raise ScenarioError(tr("no messages go from {sender} to {receiver}", sender=sender,
                               receiver=receiver))  # fmt: skip
    return WAYS[sender, receiver]


def _account(
    sender: str, receiver: str, limit_s: float, wanted: dict[str, tuple[str, str]]
) -> Expectation:
    link, interface = _way(sender, receiver)
    checks = [
        Check(path=path, value=Value(expected=value), place=place(interface, "hl7", ""),
              fault_class=fault_class)
        for path, (value, fault_class) in wanted.items()
    ]  # fmt: skip
    return Expectation(
        mode="always",
        select=Selector(kind=KIND, where={"link": link, "frm": sender, "to": receiver}),
        wanted=[Wanted(key={}, checks=checks)],
        place=place(interface, "hl7", ""),
        limit_s=limit_s,
        clause="HL7 2.5.1 §2.9.2",
    )


@steps.then(
    "{duration}后{string}发往{string}的报文账应无丢失、无重复、无错序",
    id="feeds.account-clean",
    purpose="逐份核对本场景全部报文的去向，跨重连与重启",
    effect="由全部记录算出每份报文的状态：发送、上线、应答、生效；不得有丢失、重复生效、"
    "同一患者错序、有应答而未生效、已生效而无应答；窗口结束时判定",
    example="那么 5秒后“LIS”发往“HIS”的报文账应无丢失、无重复、无错序",
    gloss="After the window no message of the link is lost, applied twice or out of order",
)
def account_clean(world: World, limit_s: float, sender: str, receiver: str) -> Expectation:
    """Nothing is said of any message."""
    wanted = {name: ("no", fault_class) for name, fault_class in CLASSES.items()}
    return _account(sender, receiver, limit_s, wanted)


@steps.then(
    "{duration}后{string}发往{string}的每份报文都应得到肯定应答",
    id="feeds.account-answered",
    purpose="核对没有一份报文悬而未决",
    effect="由全部记录算出每份报文的结局，均为成功；窗口结束时判定",
    example="那么 5秒后“HIS”发往“LIS”的每份报文都应得到肯定应答",
    gloss="After the window every message of the link has a positive answer",
)
def account_answered(world: World, limit_s: float, sender: str, receiver: str) -> Expectation:
    """Every outcome is ok."""
    return _account(sender, receiver, limit_s, {"outcome": ("ok", "unanswered")})


@steps.then(
    "{duration}内LIS不应未经停顿就重发标本{string}的结果",
    id="feeds.back-off",
    purpose="核对断线之后有停顿再重连，不成风暴",
    effect="测试端扮演的 HIS 记下每次断开到再次收到之间的时间；不足 0.2 秒即为未停顿",
    example="那么 8秒内LIS不应未经停顿就重发标本“管1”的结果",
    gloss="The LIS does not send the result of a specimen again without a pause",
)
def back_off(world: World, limit_s: float, specimen: str) -> Expectation:
    """No note that it came again at once, while a note says that it came again."""
    about = f"ORU^R01|{world.barcode(specimen)}"
    again = f"{about}: {answer_text('断开')}: {REACTIONS['原样重发']}"
    return Expectation(
        mode="never",
        select=Selector(kind="note", where={"role": "HIS", "text": f"{about}: {AT_ONCE}"}),
        control=Selector(kind="note", where={"role": "HIS", "text": again}),
        place=place("LIS-ORU", "hl7", ""),
        limit_s=limit_s,
        classes={"unwanted": "storm"},
    )


@steps.then(
    "{duration}内LIS在标本{string}的结果得到应答{string}之后应{string}",
    id="feeds.reaction",
    purpose="核对发送方对每种应答的反应",
    effect="测试端扮演的 HIS 记下每次应答之后的第一个动作：原样重发、换控制号重发、改内容重发、"
    "继续下一份、断开",
    example="那么 10秒内LIS在标本“管1”的结果得到应答“空帧”之后应“原样重发”",
    gloss="After our answer to the result of a specimen the LIS does this first",
)
def reaction(
    world: World, limit_s: float, specimen: str, answer: str, reaction_word: str
) -> Expectation:
    """The note that the played receiver wrote."""
    if reaction_word not in REACTIONS:
        raise ScenarioError(tr("no reaction {word}; known: {known}", word=reaction_word,
                               known="、".join(REACTIONS)))  # fmt: skip
    about = f"ORU^R01|{world.barcode(specimen)}: {answer_text(answer)}"
    return Expectation(
        mode="eventually",
        select=Selector(kind="note", where={"role": "HIS"}),
        wanted=[Wanted(key={"text": f"{about}: {REACTIONS[reaction_word]}"})],
        place=place("LIS-ORU", "hl7", ""),
        limit_s=limit_s,
        classes={"missing": "unanswered"},
        clause="HL7 2.5.1 §2.9.2",
    )
