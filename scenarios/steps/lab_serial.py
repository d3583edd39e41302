"""Sentences about serial lines between analyzers and the LIS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import ScenarioError
from harness.faults.plan import Fault, Trigger
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from simulators.analyzer.analyzer import LINK

steps = Library("lab_serial")

ANALYZER = "analyzer"

ENQ, FRAME = "enq", "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A fault of a serial line as sentences name it."""

    action: str
    fault_class: str = "lab-23"
    parameters: Mapping[str, str] = field(default_factory=dict)


LINE_TROUBLES = {
    "收端七位": Trouble(action="other-settings", fault_class="lab-106",
                    parameters={"sends": "9600 8N1", "receives": "9600 7N1"}),
    "发端七位偶校验": Trouble(action="other-settings",
                       parameters={"sends": "9600 7E1", "receives": "9600 8N1"}),
    "收端偶校验": Trouble(action="other-settings", parameters={
        "sends": "9600 8N1", "receives": "9600 8E1", "on_error": "question"}),
    "收端波特率减半": Trouble(action="other-settings",
                       parameters={"sends": "9600 8N1", "receives": "4800 8N1"}),
    "位错误": Trouble(action="bit-error"),
    "校验位错被替换": Trouble(action="bit-error", parameters={"on_error": "question"}),
    "线路中断（Break）": Trouble(action="break"),
    "流控暂停": Trouble(action="held", fault_class="lab-24"),
}  # fmt: skip
"""What a serial line does to the frame of a record."""


@steps.given(
    "分析仪上传标本{string}时，记录{string}的帧传到一半串口线脱落{duration}",
    id="lab_serial.pulled-cable",
    purpose="检查串口线在一帧中途脱落、随后接回时结果不丢不重",
    effect="该帧首次发送只到一半，此后两个方向都静默，时间到后恢复；未触发则场景“无法判定”",
    example="假如 分析仪上传标本“管1”时，记录“R.1”的帧传到一半串口线脱落20秒",
    gloss="The cable is out for a while from the middle of a frame on",
)
def pulled_cable(world: World, specimen: str, record: str, dark_s: float) -> None:
    """Keyed by specimen and record; nothing tells either side, as on RS-232."""
    _plan(
        world,
        FRAME,
        _identity(world, specimen, record),
        Trouble(
            action="pulled-cable",
            fault_class="lab-14",
            parameters={"dark_s": f"{dark_s:g}", "at_percent": str(percent(world))},
        ),
    )


@steps.given(
    "分析仪上传标本{string}时，串口使记录{string}的帧首次发送{string}",
    id="lab_serial.line-trouble",
    purpose="检查数据位、校验位、波特率不符和位错误不会让错误数据入库",
    effect="种类：收端七位、发端七位偶校验、收端偶校验、收端波特率减半、位错误、校验位错被替换、流控暂停、线路中断（Break）",
    example="假如 分析仪上传标本“管1”时，串口使记录“R.1”的帧首次发送“位错误”",
    gloss="The serial line garbles the first transmission of the frame of a record",
)
def line_trouble(world: World, specimen: str, record: str, name: str) -> None:
    """The first transmission in the scenario."""
    _plan(world, FRAME, _identity(world, specimen, record), _trouble(name))


@steps.given(
    "分析仪上传标本{string}时，串口使记录{string}的帧每次发送都{string}",
    id="lab_serial.lasting-trouble",
    purpose="检查串口参数一直不符时，汉字不会以乱码入库",
    effect="种类同“首次发送”；每一次发送都出错",
    example="假如 分析仪上传标本“管1”时，串口使记录“R.1”的帧每次发送都“收端七位”",
    gloss="The serial line garbles every transmission of the frame of a record",
)
def lasting_trouble(world: World, specimen: str, record: str, name: str) -> None:
    """Every transmission, so that only a refusal is right."""
    _plan(world, FRAME, _identity(world, specimen, record), _trouble(name), occurrences=())


@steps.given(
    "分析仪首次呼叫之前串口线路有杂音",
    id="lab_serial.noise-before-enq",
    purpose="检查 ENQ 之前的杂音字节不影响建立连接",
    effect="首个 ENQ 之前多出几个不属于协议的字节",
    example="假如 分析仪首次呼叫之前串口线路有杂音",
    gloss="Noise on the line before the first ENQ",
)
def noise_before_enq(world: World) -> None:
    """Bytes that no protocol gives a meaning to, drawn by the seed."""
    noise = bytes(0x20 + int(world.draw("noise", index) * 0x5F) for index in range(6))
    hexes = (b"\xff\x00" + noise + b"\xfe").hex()
    trouble = Trouble(action="noise-before", fault_class="lab-17", parameters={"noise": hexes})
    _plan(world, ENQ, "", trouble)


def _identity(world: World, specimen: str, record: str) -> str:
    """``H`` and ``P`` come before the specimen id and are keyed by the record alone."""
    barcode = "" if record.startswith(("H", "P")) else world.barcode(specimen)
    return f"{record}|{barcode}"


def _trouble(name: str) -> Trouble:
    if name not in LINE_TROUBLES:
        known = "、".join(LINE_TROUBLES)
        raise ScenarioError(tr("no fault {name}; known: {known}", name=name, known=known))
    return LINE_TROUBLES[name]


def percent(world: World) -> int:
    """Where in a frame the cable comes out: somewhere in its text."""
    return 20 + int(world.draw("pulled at") * 60)


def _plan(
    world: World,
    kind: str,
    identity: str,
    trouble: Trouble,
    occurrences: tuple[int, ...] = (1,),
) -> None:
    holds = (identity,) if identity else ()
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=trouble.fault_class,
            layer="transport",
            action=trouble.action,
            link=LINK,
            sender=ANALYZER,
            trigger=Trigger(kind=kind, holds=holds, occurrences=occurrences),
            parameters=trouble.parameters,
        )
    )
