"""Sentences about who has the line: calls of both sides, interrupts, what is sent again."""

from __future__ import annotations

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation, Selector, Wanted
from harness.evidence.line import pack, unpack
from harness.faults.plan import Fault, Trigger
from harness.i18n import tr
from harness.model import Place
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import place
from simulators.analyzer.analyzer import LINK

steps = Library("lab_line")

ENQ, EOT, ETB = b"\x05", b"\x04", "\x17"

STILL_S = 17
"""How long the LIS stands still: the analyzer has given up after 15 (LIS01-A2 §8.5.2)."""

ON_THE_WAY_S = 3
"""How long a call of the LIS is on its way: the analyzer calls meanwhile."""


@steps.given(
    "分析仪的首个中间帧首次发送“校验和错误”",
    id="lab_line.middle-checksum",
    purpose="有的系统只核对最后一帧（ETX），中间帧（ETB）的差错照收不误",
    effect="第一个以 ETB 结束的首帧校验和被改错；仪器须按字符数切帧；未触发则场景“无法判定”",
    example="假如 分析仪的首个中间帧首次发送“校验和错误”",
    gloss="The first frame that ends with ETB goes out with a wrong checksum",
)
def middle_checksum(world: World) -> None:
    """The header's frame, where the model cuts by characters (LIS01-A2 §8.3.1)."""
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="lab-02",
            layer="link",
            action="bad-checksum",
            link=LINK,
            sender="analyzer",
            trigger=Trigger(kind="frame", holds=("H.|",)),
            parameters={"end": ETB},
        )
    )


@steps.given(
    "LIS的下一次呼叫在途中耽搁",
    id="lab_line.call-delayed",
    purpose="让仪器在 LIS 的呼叫到达之前也呼叫，形成双方同时呼叫（争用）",
    effect="仪器会话结束后 LIS 的呼叫（ENQ）晚到3秒；未触发则场景“无法判定”",
    example="假如 LIS的下一次呼叫在途中耽搁",
    gloss="The next call of the LIS is on its way for three seconds",
)
def call_delayed(world: World) -> None:
    """What comes next after the analyzer's EOT is a call of the LIS."""
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="lab-11",
            layer="transport",
            action="delay",
            link=LINK,
            sender="LIS",
            trigger=Trigger(kind="reply", holds=("reply|eot",)),
            parameters={"delay_s": str(ON_THE_WAY_S)},
        )
    )


@steps.given(
    "分析仪上传标本{string}到{string}时，LIS{string}",
    id="lab_line.struck",
    purpose="在链路的每一步让 LIS 断电或停顿：应答过的不得丢，仪器再传的不得重",
    effect="步骤：呼叫、第一条结果、结束记录、结束会话；在该单元送出之前断电（片刻后自行重启），"
    "或停顿17秒不收不答；未触发则场景“无法判定”",
    example="假如 分析仪上传标本“管1”到“第一条结果”时，LIS“停顿”",
    gloss="The LIS loses its power, or stands still, at this step of the link",
)
def struck(world: World, specimen: str, moment: str, what: str) -> None:
    """Before the unit goes out: it meets what has become of the LIS."""
    barcode = world.barcode(specimen)
    moments = {
        "呼叫": Trigger(kind="enq"),
        "第一条结果": Trigger(kind="frame", holds=(f"R.1|{barcode}",)),
        "结束记录": Trigger(kind="frame", holds=(f"L.1|{barcode}",)),
        "结束会话": Trigger(kind="eot"),
    }
    acts = {"断电": ("kill", "lab-26"), "停顿": ("pause", "lab-06")}
    if moment not in moments or what not in acts:
        raise ScenarioError(tr("no such moment or event: {moment}, {what}; known: {known}",
                               moment=moment, what=what,
                               known="、".join([*moments, *acts])))  # fmt: skip
    action, fault_class = acts[what]
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=fault_class,
            layer="process",
            action=action,
            link=LINK,
            sender="analyzer",
            trigger=moments[moment],
            parameters={"role": "LIS", "seconds": str(STILL_S)},
        )
    )


@steps.then(
    "{duration}内LIS应先收仪器的上传，再下传标本{string}的申请",
    id="lab_line.yields",
    purpose="核对争用时 LIS 让线：仪器优先（LIS01-A2 §8.2.7）",
    effect="仪器上传的报文之后，线上才有这一管的 O 记录",
    example="那么 60秒内LIS应先收仪器的上传，再下传标本“管1”的申请",
    gloss="The LIS takes the upload first and sends its order after it",
)
def yields(world: World, limit_s: float, specimen: str) -> Expectation:
    """Only what came after the analyzer's session counts; before it, it was sent too early."""
    sent = ((one, {"link": LINK, "frm": "analyzer"}) for one in world.trace.records)
    ends = [
        one["n"]
        for one, wanted in sent
        if one["kind"] == "bytes" and wanted.items() <= one.items() and unpack(one["raw"]) == EOT
    ]
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": LINK, "frm": "LIS"}, each="O"),
        wanted=[Wanted(key={"O.3": world.barcode(specimen)})],
        place=place("LIS-ASTM", "astm", ""),
        limit_s=limit_s,
        since=ends[-1] if ends else 0,
        classes={"missing": "contention"},
        clause="LIS01-A2 §8.2.7",
    )


@steps.then(
    "{duration}内LIS应让线，之后重新呼叫",
    id="lab_line.calls-again",
    purpose="核对接收方以 EOT 要求中断后，LIS 结束会话，过后整份重传",
    effect="线上应有 LIS 的两次呼叫（ENQ）",
    example="那么 60秒内LIS应让线，之后重新呼叫",
    gloss="The LIS gives the line up, and calls again later",
)
def calls_again(world: World, limit_s: float) -> Expectation:
    """LIS01-A2 §8.3.5: EOT, silence, and the whole message again."""
    return Expectation(
        mode="eventually",
        select=Selector(kind="bytes", where={"link": LINK, "frm": "LIS", "raw": str(pack(ENQ))}),
        wanted=[Wanted(key={"kind": "bytes"}, times=2)],
        place=Place(interface="LIS-ASTM", protocol="astm", path="call"),
        limit_s=limit_s,
        since=world.state.get("asked since", 0),
        classes={"missing": "interrupt-ignored"},
        clause="LIS01-A2 §8.3.5",
    )
