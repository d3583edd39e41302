"""Sentences that plan what goes wrong on the link of an analyzer that does not speak ASTM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import ScenarioError
from harness.faults.plan import Fault, Trigger
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from simulators.analyzer import families
from simulators.analyzer.model import load_model

steps = Library("lab_devices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A fault of a device's link as sentences name it."""

    action: str
    layer: str
    unit: str
    fault_class: str
    parameters: Mapping[str, str] = field(default_factory=dict)


TROUBLES = {
    "位错误": Trouble(action="bit-error", layer="transport", unit="frame", fault_class="lab-23"),
    "丢失": Trouble(action="drop", layer="link", unit="frame", fault_class="lab-07"),
    "重复到达": Trouble(action="repeat", layer="link", unit="frame", fault_class="lab-05"),
    "前有杂音": Trouble(action="junk-before", layer="link", unit="frame", fault_class="lab-17"),
    "逐字节到达": Trouble(action="slices", layer="transport", unit="frame", fault_class="lab-16"),
    "中途断线": Trouble(action="reset-in-the-middle", layer="transport", unit="frame",
                    fault_class="lab-14"),
    "应答丢失": Trouble(action="drop", layer="link", unit="reply", fault_class="lab-06"),
}  # fmt: skip
"""What happens to one frame or message of a device."""

UNITS = {"hl7": "message", "framed": "frame", "poct1a": "message"}
"""What carries a result, by family."""


@steps.given(
    "检验设备{string}上传标本{string}时，含{string}的帧首次发送{string}",
    id="lab_devices.trouble",
    purpose="检查设备链路出错时结果不丢、不重、不改",
    effect="种类：位错误、丢失、重复到达、前有杂音、逐字节到达、中途断线、应答丢失；"
    "帧以其中的文字指明，“条码”指含标本条码的帧；未触发则场景“无法判定”",
    example="假如 检验设备“beckman-au”上传标本“管1”时，含“条码”的帧首次发送“位错误”",
    gloss="The first transmission of a frame of a device goes wrong",
)
def trouble(world: World, name: str, specimen: str, text: str, kind: str) -> None:
    """Keyed by the text of the frame."""
    if kind not in TROUBLES:
        known = "、".join(TROUBLES)
        raise ScenarioError(tr("no fault {name}; known: {known}", name=kind, known=known))
    one, family = TROUBLES[kind], load_model(name).family
    unit = UNITS[family] if one.unit == "frame" else one.unit
    holds = world.barcode(specimen) if text == "条码" else text
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=one.fault_class,
            layer=one.layer,
            action=one.action,
            link=families.LINKS[family],
            sender="LIS" if one.unit == "reply" else "analyzer",
            trigger=Trigger(kind=unit, holds=(holds,)),
            parameters=_parameters(world, one),
        )
    )


def _parameters(world: World, one: Trouble) -> dict[str, str]:
    """Where in the frame, drawn by the seed: behind its head, before its end."""
    chosen = dict(one.parameters)
    if one.action in {"bit-error", "reset-in-the-middle"}:
        chosen["at_percent"] = str(30 + int(world.draw("damaged at") * 40))
    return chosen
