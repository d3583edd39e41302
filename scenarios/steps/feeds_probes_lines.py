"""Sentences of the probe packs: several connections, pauses, and order on one connection."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import ORDERS, place
from scenarios.steps.feeds_play import SEND_TIMEOUT_S, control_id, speaks_hllp
from scenarios.steps.feeds_probes import registered
from simulators.feed import variants
from simulators.feed.burst import Burst
from simulators.feed.parallel import CONNECTIONS_MAX, Parallel
from simulators.feed.payloads import control_id_of

steps = Library("feeds")

PARALLEL = "测试端HIS并发"
SIZE_MAX = 1_024
"""KiB of the larger of two messages."""


def _time(world: World) -> str:
    return world.clock.wall().strftime("%Y%m%d%H%M%S")


def _registration(world: World, label: str) -> bytes:
    fields = registered(world, label)
    return variants.registration(
        world.known_person(label), fields, variants.WAYS["标准"], control_id=control_id(world),
        time=_time(world),
    )  # fmt: skip


def _parallel(world: World, count: int, **more: str) -> None:
    if not 2 <= count <= CONNECTIONS_MAX:
        raise ScenarioError(tr("between 2 and {most} connections", most=CONNECTIONS_MAX))
    payloads = [_registration(world, f"并发{number}") for number in range(1, count + 1)]
    world.state["parallel"] = count - bool(more)
    world.join(PARALLEL, Parallel("HIS", hybrid=speaks_hllp(world, ORDERS)), ORDERS)
    payload = ",".join(one.hex() for one in payloads)
    world.tell(PARALLEL, "parallel", SEND_TIMEOUT_S, link=ORDERS, payload=payload, **more)


@steps.when(
    "测试端以HIS身份经{int}个连接同时各登记一名患者",
    id="feeds.parallel",
    purpose="连接较多时，每个连接仍应得到服务与自己的应答",
    effect="先打开全部连接，再在每个连接上各发一份 ADT^A04，之后才等应答",
    example="当 测试端以HIS身份经12个连接同时各登记一名患者",
    gloss="We register one patient over each of so many connections at once",
)
def parallel(world: World, count: int) -> None:
    """One message over each connection."""
    _parallel(world, count)


@steps.when(
    "测试端以HIS身份经{int}个连接同时各登记一名患者，其中一个只发半份报文",
    id="feeds.parallel-half",
    purpose="一个迟缓的连接不应拖住其他连接",
    effect="第一个连接只发前半帧并保持打开，其余各发一份完整的 ADT^A04",
    example="当 测试端以HIS身份经3个连接同时各登记一名患者，其中一个只发半份报文",
    gloss="We register patients over several connections while one of them stops in mid-frame",
)
def parallel_half(world: World, count: int) -> None:
    """The first one stops in the middle of its frame."""
    _parallel(world, count, half="yes")


@steps.then(
    "{duration}内LIS在每个发完整报文的连接上应答了该连接的报文",
    id="feeds.parallel-answered",
    purpose="核对应答没有缺少，也没有串线",
    effect="各连接收到的应答 MSA-1 为 AA、MSA-2 为该连接所发的控制号；他人的应答数为 0",
    example="那么 5秒内LIS在每个发完整报文的连接上应答了该连接的报文",
    gloss="Each connection that sent a whole message got the answer to its own message",
)
def parallel_answered(world: World, limit_s: float) -> Expectation:
    """As many own answers as whole messages, and no foreign one."""
    where = place("HIS-ADT", "hl7", "MSA-2")
    checks = [
        Check(path="value.own", value=Value(expected=str(world.state["parallel"])), place=where,
              fault_class="unanswered"),
        Check(path="value.foreign", value=Value(expected="0"), place=where),
    ]  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="command", where={"role": PARALLEL, "name": "parallel"}),
        wanted=[Wanted(key={"name": "parallel"}, checks=checks)],
        place=where,
        limit_s=limit_s,
        clause="HL7 2.5.1 §2.9.2",
    )


@steps.when(
    "线路空闲{duration}",
    id="feeds.idle",
    purpose="空闲之后的首份报文不应丢失或重复",
    effect="保持连接打开，这段时间内不发送任何报文",
    example="当 线路空闲6秒",
    gloss="Nothing is sent for so long, with the connection open",
)
def idle(world: World, wait_s: float) -> None:
    """Time passes."""
    world.run_until(lambda: False, wait_s)


@steps.when(
    "测试端以HIS身份不等应答先登记后更新患者{string}，登记报文为{int}千字节",
    id="feeds.in-a-row",
    purpose="同一患者的报文先后到达，后到的应最后生效",
    effect="在一个新连接上连续发 ADT^A04 与 ADT^A08（另一病区），之后才等应答；"
    "登记报文以自定义段加长",
    example="当 测试端以HIS身份不等应答先登记后更新患者“甲”，登记报文为1千字节",
    gloss="We register a patient and at once update the ward, without waiting for the answer",
)
def in_a_row(world: World, person: str, size: int) -> None:
    """A04 and A08; the ward of the second one is what must be there."""
    if not 1 <= size <= SIZE_MAX:
        raise ScenarioError(tr("a size between 1 and {most} KiB", most=SIZE_MAX))
    fields = registered(world, person)
    who, standard = world.known_person(person), variants.WAYS["标准"]
    filler = "附" * max((size * 1024 - 500) // 2, 1)
    how = replace(standard, extra=(("ZPI", "1", filler),))
    later = fields | {"ward": f"W{int(world.draw('ward', person) * 90) + 10}"}
    first, second = (
        variants.registration(who, values, way, control_id=control_id(world), time=_time(world),
                              event=event)
        for values, way, event in ((fields, how, "A04"), (later, standard, "A08"))
    )  # fmt: skip
    world.state["patient"][person] = later
    world.state["burst"] = [control_id_of(first), control_id_of(second)]
    world.state["answers since"] = len(world.trace)
    name = "测试端HIS连发"
    world.join(name, Burst("HIS", hybrid=speaks_hllp(world, ORDERS)), ORDERS)
    world.tell(name, "burst", SEND_TIMEOUT_S, link=ORDERS, payload=f"{first.hex()},{second.hex()}")
