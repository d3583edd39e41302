"""Sentences that let the centre do wrong, by transaction and count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness import limits
from harness.evidence.verdict import Verdict
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.insurance_town import LINK, ROLE, centre, known, plan

steps = Library("insurance")

FAULTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "拒绝连接": ("F0", {}),
    "不应答": ("F1", {}),
    "提交前断线": ("F2", {}),
    "提交后断线": ("F3", {}),
    "提交后只发出半个应答": ("F4", {}),
    "提交后应答迟到": ("F5", {"seconds": "8"}),
    "提交后应答稍迟": ("F5", {"seconds": "0.5"}),
    "提交后返回网关错误页": ("F6", {}),
    "提交后应答缺少节点": ("F7", {"how": "missing"}),
    "提交后应答编码错误": ("F7", {"how": "encoding"}),
    "提交后对象写成数组": ("F7", {"how": "list"}),
    "提交后金额写成文本": ("F7", {"how": "numbers-text"}),
    "提交后空值写成null": ("F7", {"how": "null"}),
    "提交后空值写成单词null": ("F7", {"how": "word-null"}),
    "提交后应答为国标编码": ("F7", {"how": "gbk"}),
    "提交后应答带字节序标记": ("F7", {"how": "bom"}),
    "提交后结果代码写成文本": ("F7", {"how": "text-code"}),
    "提交后输出写成文本": ("F7", {"how": "text-output"}),
    "提交后错误信息为null": ("F7", {"how": "null-text"}),
    "提交后却答复失败": ("F8", {}),
    "未提交却答复成功": ("F9", {}),
    "同一报文处理两次": ("F10", {}),
    "返回另一报文的应答": ("F11", {}),
    "逐字节缓慢应答": ("F12", {"bytes": "200", "seconds": "0.05"}),
    "结算日记为次日": ("F13", {"seconds": "86400"}),
    "结算日记为前一日": ("F13", {"seconds": "-86400"}),
    "网关拒绝签名": ("F14", {}),
    "网关令牌失效": ("F14", {"how": "token"}),
    "冲正被拒绝": ("F15", {"how": "refused"}),
    "冲正后断线": ("F15", {"how": "timeout"}),
    "答复冲正成功而结算仍在": ("F15", {"how": "remains"}),
    "答复此前已撤销": ("F16", {}),
    "结果文件为空": ("F17", {"how": "empty"}),
    "结果文件截断": ("F17", {"how": "truncated"}),
    "结果文件带字节序标记": ("F17", {"how": "bom"}),
    "结果文件为国标编码": ("F17", {"how": "gbk"}),
    "结果文件已过期": ("F17", {"how": "expired"}),
    "总账结果颠倒": ("F18", {}),
    "应答金额差一分": ("F19", {"identity": "I2"}),
    "应答总额差一分": ("F19", {"identity": "I1"}),
    "回调不来": ("F20", {"how": "never"}),
    "回调迟到": ("F20", {"how": "late", "seconds": "2"}),
    "回调两次": ("F20", {"how": "twice"}),
    "回调先于应答": ("F20", {"how": "disorder"}),
    "系统维护": ("F21", {}),
    "请求过频": ("F22", {}),
    "证书过期": ("F23", {}),
}

CONNECTING = "连接"
"""Where a transaction is asked for: the nth connection, before any request is read."""
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
    plan(world, planned, "connect" if infno == CONNECTING else infno, nth, parameters)


@steps.given(
    "医保中心的时钟快{duration}",
    id="insurance.clock",
    purpose="检查两边时钟不一致时的归属与签名时效",
    effect="拨快医保中心的时钟，HIS 的时钟不变；此后无人调用则场景“无法判定”",
    example="假如 医保中心的时钟快20分钟",
    gloss="The centre's clock is ahead of the HIS's",
)
def clock(world: World, ahead_s: float) -> None:
    """From now on."""
    centre(world)
    _command(world, "clock", advance_s=ahead_s)
    _begin(world, "clock")


@steps.when(
    "医保中心开始停机维护",
    id="insurance.maintenance",
    purpose="检查维护窗口内的办理",
    effect="此后每个请求都答复系统维护，直到恢复；其间无人调用则场景“无法判定”",
    example="当 医保中心开始停机维护",
    gloss="The centre goes into maintenance",
)
def maintenance(world: World) -> None:
    """Until it is over."""
    world.permit.require_fault()
    centre(world)
    _command(world, "maintenance", on=True)
    _begin(world, "maintenance")


@steps.when(
    "医保中心恢复服务",
    id="insurance.service",
    purpose="结束停机维护",
    effect="此后照常应答",
    example="当 医保中心恢复服务",
    gloss="The centre is back in service",
)
def service(world: World) -> None:
    """The maintenance is over."""
    _command(world, "maintenance", on=False)
    condition = world.state.get("centre maintenance")
    if condition is not None:
        condition.ended = len(world.trace.records)


@dataclass(slots=True)
class _Condition:
    """What the centre is in while a scenario runs, such as maintenance.

    Args:
        name: what it is.
        begun: records of the trace that were there before it.
        ended: records that were there when it ended; None where it goes on to the end.
    """

    name: str
    begun: int
    ended: int | None = None

    def require_met(self, world: World) -> None:
        """Nobody who called in it: then nothing of it was tried, whatever was judged."""
        during = world.trace.records[self.begun : self.ended]
        if not any(one["kind"] == "message" and one.get("frm") == ROLE for one in during):
            text = tr("nobody called the centre in its state: {name}", name=self.name)
            world.trace.add("note", verdict=Verdict.INCONCLUSIVE.value, text=text)


def _begin(world: World, name: str) -> None:
    condition = world.state[f"centre {name}"] = _Condition(name, len(world.trace.records))
    world.at_end.append(lambda: condition.require_met(world))


def _command(world: World, name: str, **args: object) -> None:
    world.bench.driver.command(ROLE, name, args, limits.CONTROL_TIMEOUT_S)
