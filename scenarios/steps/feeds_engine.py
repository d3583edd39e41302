"""Sentences about the interface engine between HIS and LIS: putting it in line, what users do."""

from __future__ import annotations

from harness.errors import Blocked, ScenarioError
from harness.faults.plan import Fault, Trigger
from harness.i18n import tr
from harness.scenario.bench import ASLEEP
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import ORDERS, RESULTS
from scenarios.steps.feeds_play import ANSWERS, control_id, speaks_hllp
from scenarios.steps.lab import NAME_KINDS
from simulators.feed import kinds, through
from simulators.feed.feed import Feed
from simulators.feed.policy import Policy, Rule
from simulators.feed.through import Manner

steps = Library("feeds")

INTO, OUT = "his-engine", "engine-lis"
"""Links: HIS to the engine, the engine to the LIS."""

RECEIVERS = {
    "RIS": ("engine-ris", "ENG-RIS"),
    "PACS": ("engine-pacs", "ENG-PACS"),
    "PEIS": ("engine-peis", "ENG-PEIS"),
}
"""Further receivers: link and interface. We play them; PEIS (体检系统) is an old one, with HLLP."""

SENDER = "engine-sender"
"""The connection that the engine opens to whoever waits for an application answer."""

SEND_TIMEOUT_S = 30.0
OUTAGE = {"短暂": (1, 2), "较久": (1, 2, 3, 4)}
"""Attempts that meet a closed door, by the word in a sentence."""


@steps.given(
    "HIS与LIS之间经接口引擎传送",
    id="feeds.engine-in-line",
    purpose="把接口引擎串在 HIS 与 LIS 之间，两边都从外面看",
    effect="启动接口引擎；HIS 的申请、LIS 的结果都改走接口引擎，场景结束时复原",
    example="假如 HIS与LIS之间经接口引擎传送",
    gloss="The interface engine stands between HIS and LIS, both ways",
)
def in_line(world: World) -> None:
    """Orders and admissions one way, results the other."""
    missing = [link for link in (INTO, OUT) if link not in world.bench.specs]
    if missing:
        raise Blocked(tr("the profile has no endpoint {link}", link="、".join(missing)))
    into = {ORDERS: INTO, RESULTS: "lis-engine"}
    out = {OUT: ORDERS, "engine-his": RESULTS}
    for link, other in (*into.items(), *((theirs, ours) for ours, theirs in out.items())):
        if speaks_hllp(world, link) is not speaks_hllp(world, other):
            raise Blocked(
                tr("{link} and {other} do not speak the same protocol in the profile",
                   link=link, other=other)
            )  # fmt: skip
    world.bench.interpose(into, out)


@steps.given(
    "接口引擎还向{string}转发，对方应答{string}",
    id="feeds.engine-also",
    purpose="让接口引擎把患者信息也发给 RIS、PACS 或 PEIS",
    effect="RIS、PACS 或 PEIS（体检系统，经 HLLP）由测试端扮演，始终给出此应答；"
    "打开接口引擎的这个目的端，场景结束时关闭",
    example="假如 接口引擎还向“RIS”转发，对方应答“AA”",
    gloss="The engine also forwards to RIS, PACS or PEIS, which we play and which answer so",
)
def also(world: World, receiver: str, answer: str) -> None:
    """A receiver with one answer, and the destination switched on."""
    if answer not in ANSWERS:
        raise ScenarioError(tr("no answer {answer}; known: {known}", answer=answer,
                               known="、".join(ANSWERS)))  # fmt: skip
    link = _receiver(receiver)[0]
    serve(world, f"测试端{receiver}", link, Policy([ANSWERS[answer]]))
    world.order(ASLEEP, "switch", link=link, state="on")
    world.at_end.append(lambda: world.order(ASLEEP, "switch", link=link, state="off"))


def _receiver(name: str) -> tuple[str, str]:
    if name not in RECEIVERS:
        raise ScenarioError(tr("no receiver {name}; known: {known}", name=name,
                               known="、".join(RECEIVERS)))  # fmt: skip
    return RECEIVERS[name]


def serve(world: World, name: str, link: str, policy: Policy) -> None:
    """A receiver that we play, in the protocol that the profile has for the link."""
    world.join(name, Feed("feed", world.clock, policy, hybrid=speaks_hllp(world, link)))
    world.bench.serve(link, name)


@steps.given(
    "接口引擎到LIS的线路{string}中断",
    id="feeds.engine-outage",
    purpose="下游停机：接口引擎积压，恢复后补发",
    effect="线路立即断开，此后的几次连接都被拒绝：短暂 2 次，较久 4 次；未触发则场景“无法判定”",
    example="假如 接口引擎到LIS的线路“短暂”中断",
    gloss="The line from the engine to the LIS is down for some attempts",
)
def outage(world: World, length: str) -> None:
    """Cut now; the relay accepts nobody for some attempts."""
    if length not in OUTAGE:
        raise ScenarioError(tr("no outage {length}; known: {known}", length=length,
                               known="、".join(OUTAGE)))  # fmt: skip
    world.plan(
        Fault(
            id=world.next_fault(), fault_class="hl7-18", layer="transport", action="refuse",
            link=OUT, sender=ASLEEP,
            trigger=Trigger(kind="accept", occurrences=OUTAGE[length]),
        )
    )  # fmt: skip
    world.tell("relay", "cut", SEND_TIMEOUT_S, link=OUT)


@steps.given(
    "接口引擎发给LIS的患者{string}登记报文首次传输时线路悄然失效",
    id="feeds.engine-black-hole",
    purpose="防火墙丢弃空闲连接：写得出去，永无回音",
    effect="该报文连同此后这条连接上的一切都消失，没有断开的信号；未触发则场景“无法判定”",
    example="假如 接口引擎发给LIS的患者“甲”登记报文首次传输时线路悄然失效",
    gloss="With the first delivery of this registration the line swallows everything, silently",
)
def black_hole(world: World, person: str) -> None:
    """The connection stays open and says nothing any more."""
    who = world.person(person)
    world.plan(
        Fault(
            id=world.next_fault(), fault_class="hl7-12", layer="message", action="black-hole",
            link=OUT, sender=ASLEEP,
            trigger=Trigger(kind="message", holds=(who.patient_id,)),
        )
    )  # fmt: skip


@steps.when(
    "接口引擎停机后重新启动",
    id="feeds.engine-restart",
    purpose="检查重启之后不丢、不重、不乱",
    effect="立即杀死接口引擎的进程，再用原来的存储与端口启动",
    example="当 接口引擎停机后重新启动",
    gloss="The engine is killed and started again with its store",
)
def restart(world: World) -> None:
    """Killed here and now; back when this sentence is over."""
    world.state["engine restarted"] = len(world.trace)
    fault = world.plan(
        Fault(id=world.next_fault(), fault_class="hl7-29", layer="process", action="kill",
              link="", sender=ASLEEP, until_healed=True)
    )  # fmt: skip
    world.injector.process(fault, "fired", f"{ASLEEP} was stopped")
    world.bench.systems.kill(ASLEEP)
    world.bench.systems.restart(ASLEEP)
    world.injector.process(fault, "healed", f"{ASLEEP} is back")


@steps.when(
    "接口引擎升级到新版本",
    id="feeds.engine-upgrade",
    purpose="检查升级后原有规则与设置仍然有效",
    effect="接口引擎换成新版本，规则文件不变",
    example="当 接口引擎升级到新版本",
    gloss="A newer version of the engine takes over, with the same rules",
)
def upgrade(world: World) -> None:
    """Rules and settings are to go on as they were."""
    world.order(ASLEEP, "upgrade")


# -- what we send ----------------------------------------------------------------------------------


def prepared_person(world: World, label: str, kind: str = "ordinary") -> None:
    """A generated person under a label, unless a sentence before has made one."""
    if label not in world.people:
        world.person(label, kind)


def send(world: World, label: str, payload: bytes) -> None:
    """One payload to the engine in the place of the HIS."""
    world.state.setdefault("through", {})[label] = payload
    world.state["answers since"] = len(world.trace)
    feed = Feed("HIS", world.clock, accept_is_done=True, hybrid=speaks_hllp(world, INTO))
    world.join("测试端HIS", feed, INTO)
    world.tell("测试端HIS", "send", SEND_TIMEOUT_S, link=INTO, payload=payload.hex())


def written(world: World, label: str, manner: Manner) -> bytes:
    """A registration of a person, as it will be sent."""
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    who = world.known_person(label)
    return through.registration(who, manner, control_id=control_id(world), time=time)


@steps.when(
    "测试端以HIS身份经接口引擎登记患者{string}",
    id="feeds.engine-register",
    purpose="发一份每个字段都有内容、带 Z 段的登记",
    effect="ADT^A04 发给接口引擎，等它应答",
    example="当 测试端以HIS身份经接口引擎登记患者“甲”",
    gloss="We play the HIS and register a patient through the engine",
)
def register(world: World, person: str) -> None:
    """One ADT^A04."""
    prepared_person(world, person)
    send(world, person, written(world, person, Manner()))


@steps.when(
    "测试端以HIS身份经接口引擎登记姓名属于{string}的患者{string}",
    id="feeds.engine-register-name",
    purpose="用某一类姓名检查转码",
    effect="同上；姓名类别：截断字、生僻字、易误判字、少数民族、长名",
    example="当 测试端以HIS身份经接口引擎登记姓名属于“生僻字”的患者“甲”",
    gloss="As before, for a patient whose name is of a kind",
)
def register_name(world: World, kind: str, person: str) -> None:
    """One ADT^A04."""
    if kind not in NAME_KINDS:
        raise ScenarioError(tr("no kind of name {kind}; known: {known}", kind=kind,
                               known="、".join(NAME_KINDS)))  # fmt: skip
    prepared_person(world, person, NAME_KINDS[kind])
    send(world, person, written(world, person, Manner()))


@steps.when(
    "测试端以HIS身份经接口引擎发送患者{string}的{string}",
    id="feeds.engine-send-kind",
    purpose="发一份某种类型的报文：登记、申请、用药、预约、费用、字典",
    effect="类型见 kinds.KINDS，如 OMI^O23、SIU^S12、DFT^P03、MFN^M02；每个字段都有内容",
    example="当 测试端以HIS身份经接口引擎发送患者“甲”的“OMI^O23”",
    gloss="We play the HIS and send one message of a kind through the engine",
)
def send_kind(world: World, person: str, kind: str) -> None:
    """One message."""
    prepared_person(world, person)
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    who = world.known_person(person)
    send(world, person, kinds.message(kind, who, control_id=control_id(world), time=time))


@steps.when(
    "测试端以HIS身份把患者{string}的登记再发一次",
    id="feeds.engine-send-again",
    purpose="控制号相同的报文只转发一次",
    effect="逐字节相同的登记再发给接口引擎",
    example="当 测试端以HIS身份把患者“甲”的登记再发一次",
    gloss="We send the very same registration to the engine again",
)
def send_again(world: World, person: str) -> None:
    """Byte for byte."""
    sent: dict[str, bytes] = world.state.get("through", {})
    if person not in sent:
        raise ScenarioError(tr("nothing was sent before that could be sent again"))
    send(world, person, sent[person])


@steps.when(
    "测试端以HIS身份经接口引擎登记患者{string}，要求先确认收到、后应答结果",
    id="feeds.engine-two-phase",
    purpose="增强模式：先 CA，应用应答走另一连接",
    effect="MSH-15、MSH-16 均为 AL；测试端另开监听，等接口引擎连来送应用应答",
    example="当 测试端以HIS身份经接口引擎登记患者“甲”，要求先确认收到、后应答结果",
    gloss="As before, in enhanced mode: the application answer comes over a second connection",
)
def two_phase(world: World, person: str) -> None:
    """MSH-15 and MSH-16 are AL (HL7 2.5.1 §2.9.3)."""
    prepared_person(world, person)
    serve(world, "测试端HIS应答口", SENDER, Policy([Rule(code="CA")]))
    send(world, person, written(world, person, Manner(conditions="AL")))
