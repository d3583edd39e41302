"""Sentences about HLLP to and from the interface engine: blocks that are damaged, and refused."""

from __future__ import annotations

from typing import Final

from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.bench import ASLEEP
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import SETTLE_S, place
from scenarios.steps.feeds_engine import (
    RECEIVERS,
    SEND_TIMEOUT_S,
    prepared_person,
    serve,
    written,
)
from scenarios.steps.feeds_play import ANSWERS, control_id, speaks_hllp
from simulators.feed import blocks
from simulators.feed.payloads import CODEC, control_id_of
from simulators.feed.policy import Policy, Rule
from simulators.feed.through import Manner

steps = Library("feeds")

DOOR: Final = "his-engine-hllp"
INTERFACE: Final = "HIS-ENG"
CLAUSE: Final = "HL7 2.3 implementation guide C.4.1 (HLLP)"

DAMAGES: Final = {"丢失两个相同字节": "lost-pair", "一个字节变样": "changed", "没有块头": "plain"}
"""What the line does to the first block, by the word in a sentence."""

REASONS: Final = {"字节数不符": "C", "校验和不符": "X", "不是数据块": "G"}
"""Data of the block that refuses, by the word in a sentence."""


def _speaks(world: World, link: str) -> None:
    if link not in world.bench.specs:
        raise Blocked(tr("the profile has no endpoint {link}", link=link))
    if not speaks_hllp(world, link):
        raise Blocked(tr("{link} does not speak HLLP in the profile", link=link))


def _receiver(world: World, name: str) -> tuple[str, str]:
    if name not in RECEIVERS:
        raise ScenarioError(tr("no receiver {name}; known: {known}", name=name,
                               known="、".join(RECEIVERS)))  # fmt: skip
    _speaks(world, RECEIVERS[name][0])
    return RECEIVERS[name]


@steps.given(
    "接口引擎还经HLLP向{string}转发，对方首次拒收整块，此后应答{string}",
    id="feeds.hllp-receiver",
    purpose="检查接口引擎被拒收一块之后是否原样重发",
    effect="对方由测试端扮演：每份报文的首块以“校验和不符”的 N 块拒收，此后照句中应答；"
    "场景结束时关闭这个目的端",
    example="假如 接口引擎还经HLLP向“PEIS”转发，对方首次拒收整块，此后应答“AA”",
    gloss="The engine also forwards over HLLP to a receiver that refuses the first block",
)
def receiver(world: World, name: str, answer: str) -> None:
    """A refusal by an N block, then the answer."""
    if answer not in ANSWERS:
        raise ScenarioError(tr("no answer {answer}; known: {known}", answer=answer,
                               known="、".join(ANSWERS)))  # fmt: skip
    link = _receiver(world, name)[0]
    rules = [Rule(action="block-refused", occurrences=(1,)), ANSWERS[answer]]
    serve(world, f"测试端{name}", link, Policy(rules))
    world.order(ASLEEP, "switch", link=link, state="on")
    world.at_end.append(lambda: world.order(ASLEEP, "switch", link=link, state="off"))


@steps.when(
    "测试端经HLLP以HIS身份登记患者{string}，首次传输时{string}",
    id="feeds.hllp-register",
    purpose="检查接口引擎是否核对块的字节数与校验和",
    effect="ADT^A04 放进 HLLP 块发给接口引擎；首块在身份证号处受损：丢失两个相同字节、"
    "一个字节变样、没有块头；被拒收或 5 秒无应答时发完好的块",
    example="当 测试端经HLLP以HIS身份登记患者“甲”，首次传输时“丢失两个相同字节”",
    gloss="We register a patient over HLLP; the line damages the first block",
)
def register(world: World, person: str, damage: str) -> None:
    """One ADT^A04, damaged first and sound then."""
    if damage not in DAMAGES:
        raise ScenarioError(tr("no damage {name}; known: {known}", name=damage,
                               known="、".join(DAMAGES)))  # fmt: skip
    _speaks(world, DOOR)
    prepared_person(world, person)
    payload = written(world, person, Manner())
    about = world.known_person(person).id_card.encode(CODEC)
    spot = world.draw(f"damage {person} {damage}")
    first = blocks.DAMAGES[DAMAGES[damage]](payload, about, spot)
    world.state.setdefault("through", {})[person] = payload
    world.state["answers since"] = len(world.trace)
    name = f"测试端HLLP {control_id(world)}"
    world.join(name, blocks.BlockSender("HIS"), DOOR)
    world.tell(name, "send", SEND_TIMEOUT_S, link=DOOR, payload=payload.hex(), first=first.hex())


@steps.then(
    "{duration}内接口引擎应以{string}拒收患者{string}登记的首块",
    id="feeds.hllp-refused",
    purpose="核对受损的块被拒收，并说明是哪一处不符",
    effect="恰有一个 N 块回给发送方，其内容为原因代码：字节数不符 C、校验和不符 X、不是数据块 G",
    example="那么 2秒内接口引擎应以“字节数不符”拒收患者“甲”登记的首块",
    gloss="The engine refuses the first block of the registration and says why",
)
def refused(world: World, limit_s: float, reason: str, person: str) -> Expectation:
    """One N block with this reason."""
    if reason not in REASONS:
        raise ScenarioError(tr("no reason {name}; known: {known}", name=reason,
                               known="、".join(REASONS)))  # fmt: skip
    world.known_person(person)
    where = place(INTERFACE, "hl7", "HLLP")
    key = {"event": "BlockRefused"}
    check = Check(path="reason", value=Value(expected=REASONS[reason]), place=where, clause=CLAUSE)
    return Expectation(
        mode="eventually",
        select=Selector(kind="link", where={"link": DOOR, **key}),
        wanted=[Wanted(key=key, checks=[check])],
        place=where,
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["answers since"],
        classes={"missing": "damaged-taken", "repeated": "duplicate"},
        clause=CLAUSE,
    )


@steps.then(
    "{duration}内接口引擎应恰好应答患者{string}的HLLP登记一次",
    id="feeds.hllp-answered",
    purpose="核对受损的块没有应答，完好的块恰有一份应答",
    effect="该连接上只有一份应答，MSA-1 为 AA，MSA-2 为来文控制号",
    example="那么 5秒内接口引擎应恰好应答患者“甲”的HLLP登记一次",
    gloss="The registration over HLLP is answered once, with AA",
)
def answered(world: World, limit_s: float, person: str) -> Expectation:
    """One AA, and nothing for what was refused."""
    where = place(INTERFACE, "hl7", "MSA-1")
    key = {"corr.acknowledges": control_id_of(world.state["through"][person])}
    check = Check(path="MSA-1", value=Value(expected="AA"), place=where)
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": DOOR, "frm": ASLEEP}),
        wanted=[Wanted(key=key, checks=[check])],
        place=where,
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["answers since"],
        classes={"missing": "unanswered", "repeated": "duplicate", "unwanted": "invented"},
        clause=CLAUSE,
    )


@steps.then(
    "{duration}内接口引擎发往{string}的患者{string}登记应装在完好的块里",
    id="feeds.hllp-sound",
    purpose="核对接口引擎写出的块：字节数按字节计、校验和相符",
    effect="接收方逐块核对；到时限为止没有一块不符，该患者的登记是对照",
    example="那么 5秒内接口引擎发往“PEIS”的患者“甲”登记应装在完好的块里",
    gloss="Every block of the engine to this receiver has the right count and checksum",
)
def sound(world: World, limit_s: float, name: str, person: str) -> Expectation:
    """No violation where the registration arrived."""
    link, interface = _receiver(world, name)
    patient = world.known_person(person).patient_id
    return Expectation(
        mode="never",
        select=Selector(kind="violation", where={"link": link}),
        control=Selector(kind="message", where={"link": link, "frm": ASLEEP,
                                                "corr.patient": patient}),
        place=place(interface, "hl7", "HLLP"),
        limit_s=limit_s,
        classes={"unwanted": "malformed"},
        clause=CLAUSE,
    )  # fmt: skip
