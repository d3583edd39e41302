"""Sentences that let the centre do wrong, by transaction and count."""

from __future__ import annotations

from collections.abc import Mapping

from harness.faults.plan import Fault
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.insurance_town import LINK, ROLE, known, plan

steps = Library("insurance")

FAULTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "不应答": ("F1", {}),
    "提交前断线": ("F2", {}),
    "提交后断线": ("F3", {}),
    "提交后只发出半个应答": ("F4", {}),
    "提交后应答迟到": ("F5", {"seconds": "8"}),
    "提交后返回网关错误页": ("F6", {}),
    "提交后应答缺少节点": ("F7", {"how": "missing"}),
    "提交后应答编码错误": ("F7", {"how": "encoding"}),
    "提交后却答复失败": ("F8", {}),
    "未提交却答复成功": ("F9", {}),
    "同一报文处理两次": ("F10", {}),
    "返回另一报文的应答": ("F11", {}),
    "结算日记为次日": ("F13", {"seconds": "86400"}),
    "网关拒绝签名": ("F14", {}),
    "冲正被拒绝": ("F15", {"how": "refused"}),
    "冲正后断线": ("F15", {"how": "timeout"}),
    "答复冲正成功而结算仍在": ("F15", {"how": "remains"}),
    "答复此前已撤销": ("F16", {}),
    "应答金额差一分": ("F19", {"identity": "I2"}),
    "系统维护": ("F21", {}),
    "请求过频": ("F22", {}),
}
"""Faults of the centre in sentences: action and parameters."""


@steps.given(
    "医保中心在第{int}次{string}时{string}",
    id="insurance.fault",
    purpose="让医保中心在某次交易时出错",
    effect="按交易号计数触发，其余各次照常；未触发则场景“无法判定”",
    example="假如 医保中心在第1次“2207”时“提交后断线”",
    gloss="The centre does wrong at the nth call of a transaction",
)
def fault(world: World, nth: int, infno: str, name: str) -> None:
    """Counted from now."""
    action, parameters = known(FAULTS, name)
    number = len(world.state.get("centre faults", {})) + 1
    planned = Fault(
        id=f"C{number}",
        fault_class=f"yb-{action}",
        layer="message",
        action=action,
        link=LINK,
        sender=ROLE,
    )
    plan(world, planned, infno, nth, parameters)
