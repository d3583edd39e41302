"""Sentences of the probe packs towards the HIS: types of values, and sizes of results."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import RESULTS
from scenarios.steps.feeds_play import control_id, send
from scenarios.steps.lab import remember, results_of
from simulators.analyzer.upload import Result
from simulators.feed import variants

steps = Library("feeds")


def _time(world: World) -> str:
    return world.clock.wall().strftime("%Y%m%d%H%M%S")


@steps.when(
    "测试端以LIS身份向HIS发送标本{string}的结果，值类型为:",
    id="feeds.send-typed",
    purpose="一个项目的值类型未知时，其余项目应照常入库",
    effect="ORU^R01，OBX-2 照表；值按原样写入，不再转义",
    example="""
    当 测试端以LIS身份向HIS发送标本“管1”的结果，值类型为:
      | 项目 | 结果 | 值类型 |
      | K | 4.1 | NM |
    """,
    gloss="We play the LIS and send results with a named type each, values as they stand",
)
def send_typed(world: World, specimen: str, table: Table) -> None:
    """One ORU^R01 with OBX-2 of the table."""
    table.require({"项目", "结果", "值类型"}, optional={"单位"})
    header = tuple(name for name in table.header if name != "值类型")
    rows = [{name: row[name] for name in header} for row in table.rows]
    results = results_of(world, specimen, replace(table, header=header, rows=rows))
    time = _time(world)
    remember(world, world.barcode(specimen), results, time)
    payload = variants.report(
        world.owner(specimen), world.barcode(specimen), results, control_id=control_id(world),
        time=time, types=[row["值类型"] for row in table.rows], raw=True,
    )  # fmt: skip
    send(world, "LIS", RESULTS, payload)


@steps.when(
    "测试端以LIS身份向HIS发送标本{string}的结果，OBX-5写作:",
    id="feeds.send-written",
    purpose="结果文字的各种写法应读成同一个意思",
    effect="ORU^R01，OBX-5 按“写作”原样写入，不再转义；MSH-7 带毫秒与时区；“读作”是应存入的值，"
    "“写作、读作”中的“⏎”代表换行，空着即与“写作”相同",
    example="""
    当 测试端以LIS身份向HIS发送标本“管1”的结果，OBX-5写作:
      | 项目 | 值类型 | 写作 | 读作 |
      | K | ST | 甲乙 | 甲乙 |
    """,
    gloss="We play the LIS and send results whose OBX-5 stands as it is written here",
)
def send_written(world: World, specimen: str, table: Table) -> None:
    """One ORU^R01; what must be stored is what the table says it reads as."""
    table.require({"项目", "值类型", "写作", "读作"})
    meant = [
        Result(item=row["项目"], value=(row["读作"] or row["写作"]).replace("⏎", "\r"), unit="",
               flag="N", status="F")
        for row in table.rows
    ]  # fmt: skip
    sent = [replace(one, value=row["写作"]) for one, row in zip(meant, table.rows, strict=True)]
    time = _time(world)
    remember(world, world.barcode(specimen), meant, time)
    payload = variants.report(
        world.owner(specimen), world.barcode(specimen), sent, control_id=control_id(world),
        time=time, types=[row["值类型"] for row in table.rows], raw=True,
    )  # fmt: skip
    precise = f"|{time}.120+0800|".encode()
    send(world, "LIS", RESULTS, payload.replace(f"|{time}|".encode(), precise, 1))


@steps.when(
    "测试端以LIS身份向HIS发送标本{string}项目{string}的{int}千字节文本结果",
    id="feeds.send-large",
    purpose="检查超过常见缓冲区的报文是否完整",
    effect="ORU^R01，OBX-5 为该长度的文本，末尾有终止标记",
    example="当 测试端以LIS身份向HIS发送标本“管1”项目“K”的70千字节文本结果",
    gloss="We play the LIS and send a text result of so many KiB",
)
def send_large(world: World, specimen: str, item: str, size: int) -> None:
    """One ORU^R01 above the buffers of common engines."""
    if not 1 <= size <= 20_480:
        raise ScenarioError(tr("a size between 1 and 20480 KiB"))
    line = f"镜下所见{int(world.draw('large', specimen) * 10**6):06d}；"
    length = size * 1024
    text = (line * (length // len(line.encode("gb18030")) + 1))[: length * 3 // 4] + "完"
    results = [Result(item=item, value=text, unit="", flag="N", status="F")]
    time = _time(world)
    remember(world, world.barcode(specimen), results, time)
    payload = variants.report(
        world.owner(specimen), world.barcode(specimen), results, control_id=control_id(world),
        time=time, types=["TX"],
    )  # fmt: skip
    send(world, "LIS", RESULTS, payload)
