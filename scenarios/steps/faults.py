"""Sentences that plan faults and heal them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation, Selector, Wanted
from harness.evidence.line import pack
from harness.faults.plan import Fault, Trigger
from harness.i18n import tr
from harness.model import Place
from harness.scenario.steps import Library
from harness.scenario.world import World

steps = Library("faults")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A fault as sentences name it."""

    action: str
    layer: str
    unit: str
    fault_class: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    occurrences: tuple[int, ...] = (1,)


FRAME_FAULTS = {
    "校验和错误": Kind(action="bad-checksum", layer="link", unit="frame", fault_class="lab-01"),
    "校验和小写": Kind(action="lower-case-checksum", layer="link", unit="frame",
                  fault_class="lab-03"),
    "帧号跳号": Kind(action="skip-frame-number", layer="link", unit="frame", fault_class="lab-04"),
    "丢失": Kind(action="drop", layer="link", unit="frame", fault_class="lab-07"),
    "重复到达": Kind(action="repeat", layer="link", unit="frame", fault_class="lab-05"),
    "前有杂音": Kind(action="junk-before", layer="link", unit="frame", fault_class="lab-17"),
    "逐字节到达": Kind(action="slices", layer="transport", unit="frame", fault_class="lab-16"),
    "中途断线": Kind(action="reset-in-the-middle", layer="transport", unit="frame",
                 fault_class="lab-14"),
    "应答丢失": Kind(action="drop", layer="link", unit="reply", fault_class="lab-06"),
    "应答误为拒收": Kind(action="instead", layer="link", unit="reply", fault_class="lab-05",
                   parameters={"bytes": "\x15"}),
    "连续六次被拒收": Kind(action="instead", layer="link", unit="reply", fault_class="lab-08",
                    parameters={"bytes": "\x15"}, occurrences=(1, 2, 3, 4, 5, 6)),
    "应答迟到16秒": Kind(action="delay", layer="transport", unit="reply", fault_class="lab-09",
                    parameters={"delay_s": "16"}),
    "应答以EOT代替": Kind(action="instead", layer="link", unit="reply", fault_class="lab-10",
                     parameters={"bytes": "\x04"}),
    "被重新呼叫代替": Kind(action="instead", layer="link", unit="frame", fault_class="lab-12",
                    parameters={"bytes": "\x05"}),
    "被EOT代替": Kind(action="instead", layer="link", unit="frame", fault_class="lab-13",
                  parameters={"bytes": "\x04"}),
    "缺少结尾换行": Kind(action="without-end", layer="link", unit="frame", fault_class="lab-18"),
    "校验和之后断线": Kind(action="reset-after", layer="transport", unit="frame",
                    fault_class="lab-86"),
}  # fmt: skip
"""Faults of one frame; those of its answer have the unit ``reply``."""

HOST_FAULTS = {
    "呼叫被拒绝": Kind(action="instead", layer="link", unit="ack", fault_class="lab-07",
                parameters={"bytes": "\x15"}),
    "首帧被拒收": Kind(action="instead", layer="link", unit="ack", fault_class="lab-08",
                parameters={"bytes": "\x15"}, occurrences=(2,)),
    "首帧的应答迟到16秒": Kind(action="delay", layer="transport", unit="ack", fault_class="lab-09",
                      parameters={"delay_s": "16"}, occurrences=(2,)),
    "首帧以EOT应答": Kind(action="instead", layer="link", unit="ack", fault_class="lab-10",
                   parameters={"bytes": "\x04"}, occurrences=(2,)),
    "首帧的应答丢失": Kind(action="drop", layer="link", unit="ack", fault_class="lab-06",
                  occurrences=(2,)),
}  # fmt: skip
"""What the analyzer answers to a download: the first answer is to the call, the next to a frame."""

CALL_FAULTS = {
    "丢失": Kind(action="drop", layer="link", unit="enq", fault_class="lab-07"),
    "无应答": Kind(action="drop", layer="link", unit="reply", fault_class="lab-07"),
    "被拒绝": Kind(action="instead", layer="link", unit="reply", fault_class="lab-07",
                parameters={"bytes": "\x15"}),
    "遇到连接被拒": Kind(action="refuse", layer="transport", unit="connect", fault_class="lab-84"),
}  # fmt: skip
"""Faults of the first call (ENQ), of its answer, and of the connection before it."""

MESSAGE_FAULTS = {
    "应答丢失": Kind(action="drop", layer="message", unit="message", fault_class="hl7-37"),
    "丢失": Kind(action="drop", layer="message", unit="message", fault_class="hl7-37"),
    "重复投递": Kind(action="repeat", layer="message", unit="message", fault_class="hl7-47"),
    "前有杂音": Kind(action="junk-before", layer="message", unit="message", fault_class="hl7-03"),
    "逐字节到达": Kind(action="slices", layer="transport", unit="message", fault_class="hl7-06"),
    "中途断线": Kind(action="reset-in-the-middle", layer="transport", unit="message",
                 fault_class="hl7-19"),
    "投递后断线": Kind(action="reset-after", layer="transport", unit="message",
                  fault_class="hl7-49"),
    "双层封装": Kind(action="double-wrapped", layer="message", unit="message",
                 fault_class="hl7-08"),
}  # fmt: skip
"""Faults of one HL7 message on its way."""

LINKS = {"结果": ("lis-his", "LIS", "ORU^R01"), "申请": ("his-lis", "HIS", "OML^O21"),
         "入院": ("his-lis", "HIS", "ADT^A01")}  # fmt: skip
"""Kinds of messages in sentences: link, sender, type."""


def _kind(kinds: Mapping[str, Kind], name: str) -> Kind:
    if name not in kinds:
        known = "、".join(kinds)
        raise ScenarioError(tr("no fault {name}; known: {known}", name=name, known=known))
    return kinds[name]


@steps.given(
    "分析仪上传标本{string}时，记录{string}的帧首次发送{string}",
    id="faults.frame",
    purpose="让一帧在第一次发送时出错",
    effect="按标本与记录计数触发，只影响第一次发送；未触发则场景“无法判定”",
    example="假如 分析仪上传标本“管1”时，记录“R.1”的帧首次发送“校验和错误”",
    gloss="The first transmission of the frame of a record goes wrong",
)
def frame(world: World, specimen: str, record: str, name: str) -> None:
    """Keyed by specimen and record; ``O`` and ``R`` records carry the specimen."""
    kind = _kind(FRAME_FAULTS, name)
    barcode = world.barcode(specimen)
    identity = f"{record}|{barcode}"
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=kind.fault_class,
            layer=kind.layer,
            action=kind.action,
            link="analyzer-lis",
            sender="LIS" if kind.unit == "reply" else "analyzer",
            trigger=Trigger(kind=kind.unit, holds=(identity,), occurrences=kind.occurrences),
            parameters=kind.parameters,
        )
    )


@steps.given(
    "分析仪首次呼叫{string}",
    id="faults.call",
    purpose="让仪器的第一次呼叫（ENQ）或它的应答出错",
    effect="种类：丢失、无应答、被拒绝、遇到连接被拒；未触发则场景“无法判定”",
    example="假如 分析仪首次呼叫“被拒绝”",
    gloss="The first call of the analyzer goes wrong",
)
def call(world: World, name: str) -> None:
    """Keyed by the kind of unit: a call says nothing of what it is for."""
    kind = _kind(CALL_FAULTS, name)
    holds = {"reply": ("reply|enq",)}.get(kind.unit, ())
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=kind.fault_class,
            layer=kind.layer,
            action=kind.action,
            link="analyzer-lis",
            sender="LIS" if kind.unit == "reply" else "analyzer",
            trigger=Trigger(kind=kind.unit, holds=holds, occurrences=kind.occurrences),
            parameters=kind.parameters,
        )
    )


@steps.given(
    "LIS向分析仪下传时{string}",
    id="faults.download",
    purpose="LIS 作为发送方遇到忙线、拒收、应答丢失时要重发",
    effect="改动仪器对 LIS 的应答；种类：呼叫被拒绝、首帧被拒收、首帧的应答丢失",
    example="假如 LIS向分析仪下传时“首帧被拒收”",
    gloss="The analyzer's answer to a download goes wrong",
)
def download(world: World, name: str) -> None:
    """Counted by the analyzer's own acknowledgements in the scenario."""
    kind = _kind(HOST_FAULTS, name)
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=kind.fault_class,
            layer=kind.layer,
            action=kind.action,
            link="analyzer-lis",
            sender="analyzer",
            trigger=Trigger(kind=kind.unit, occurrences=kind.occurrences),
            parameters=kind.parameters,
        )
    )


@steps.then(
    "{duration}内LIS应以NAK拒收该帧",
    id="faults.refused",
    purpose="核对 LIS 当场拒收差错帧，而不是收下再说",
    effect="线上应有 LIS 发出的 NAK",
    example="那么 5秒内LIS应以NAK拒收该帧",
    gloss="The LIS refuses the frame by NAK",
)
def refused(world: World, limit_s: float) -> Expectation:
    """LIS01-A2 §8.3.4: a frame with an error is answered by NAK."""
    return Expectation(
        mode="eventually",
        select=Selector(
            kind="bytes",
            where={"link": "analyzer-lis", "frm": "LIS", "raw": str(pack(b"\x15"))},
        ),
        wanted=[Wanted(key={"kind": "bytes"})],
        place=Place(interface="LIS-ASTM", protocol="astm", path="reply"),
        limit_s=limit_s,
        classes={"missing": "accepted"},
        clause="LIS01-A2 §8.3.4",
    )


@steps.given(
    "分析仪的首次EOT与下一次呼叫粘在一起到达",
    id="faults.glued",
    purpose="两个会话的链路单元在一次读取里到达，LIS 仍要逐个应答",
    effect="第一个 EOT 被扣住，与下一个 ENQ 一起送出；未触发则场景“无法判定”",
    example="假如 分析仪的首次EOT与下一次呼叫粘在一起到达",
    gloss="The first EOT arrives together with the next ENQ",
)
def glued(world: World) -> None:
    """TCP owes nobody a read for each unit."""
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="lab-15",
            layer="transport",
            action="coalesce",
            link="analyzer-lis",
            sender="analyzer",
            trigger=Trigger(kind="eot"),
        )
    )


@steps.given(
    "标本{string}的{string}报文首次传输{string}",
    id="faults.message",
    purpose="让一份 HL7 报文或它的应答在第一次传输时出错",
    effect="种类：结果、申请；故障：丢失、应答丢失、重复投递、前有杂音、逐字节到达、中途断线、投递后断线、双层封装",
    example="假如 标本“管1”的“结果”报文首次传输“应答丢失”",
    gloss="The first delivery of a message of a specimen goes wrong",
)
def message(world: World, specimen: str, what: str, name: str) -> None:
    """Keyed by message type and specimen."""
    if what not in LINKS:
        raise ScenarioError(
            tr("no kind of message {kind}; known: {known}", kind=what, known="、".join(LINKS))
        )
    kind = _kind(MESSAGE_FAULTS, name)
    link, sender, message_type = LINKS[what]
    holds: tuple[str, ...] = (f"{message_type}|{world.barcode(specimen)}",)
    if name == "应答丢失":
        sender = {"LIS": "HIS", "HIS": "LIS"}[sender]
        holds = ("ACK|", *holds)
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=kind.fault_class,
            layer=kind.layer,
            action=kind.action,
            link=link,
            sender=sender,
            trigger=Trigger(kind=kind.unit, holds=holds),
            parameters=kind.parameters,
        )
    )


@steps.given(
    "{string}将在下一次入库{string}断电，随后重新启动",
    id="faults.power-cut",
    purpose="检查先存后答：断电后不丢也不重",
    effect="系统在下一次提交之前或之后断电，片刻后自行重新启动",
    example="假如 “LIS”将在下一次入库“之后”断电，随后重新启动",
    gloss="A system loses power at its next commit",
)
def power_cut(world: World, role: str, when: str) -> None:
    """A crash point at the next commit from now."""
    _cut_power(world, role, 1, when)


@steps.given(
    "{string}将在第{int}次入库{string}断电，随后重新启动",
    id="faults.power-cut-nth",
    purpose="检查一连串入库中间断电：断电后不丢也不重",
    effect="系统在从现在起第几次提交之前或之后断电，片刻后自行重新启动",
    example="假如 “HIS”将在第17次入库“之前”断电，随后重新启动",
    gloss="A system loses power at its nth commit from now",
)
def power_cut_nth(world: World, role: str, number: int, when: str) -> None:
    """A crash point at a later commit."""
    _cut_power(world, role, number, when)


def _cut_power(world: World, role: str, number: int, when: str) -> None:
    if when not in {"之前", "之后"}:
        raise ScenarioError(tr("say 之前 or 之后, not {word}", word=when))
    after = when == "之后"
    fault = world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="lab-26" if role == "LIS" else "hl7-29",
            layer="process",
            action="kill",
            link="",
            sender=role,
            until_healed=True,
        )
    )
    world.crash_next_commit(role, fault, after=after, number=number)
