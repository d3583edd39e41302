"""Sentences about the built-in RIS behind the interface engine: imaging orders that take effect."""

from __future__ import annotations

from typing import Any, Final

from harness.errors import Blocked
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.probes.sql import SqlProbe
from harness.scenario.bench import ASLEEP
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import rows_expected
from scenarios.steps.feeds_engine import RECEIVERS, prepared_person, send
from scenarios.steps.feeds_play import control_id
from simulators.feed.through import SEX
from simulators.hospital import ris, ris_feed, ris_orders, switches
from simulators.store import open_store

steps = Library("feeds")

RIS: Final = "内置RIS"
PROBE: Final = "engine-ris-steps"
CHARSET: Final = "GB 18030-2000"


@steps.given(
    "接口引擎还向内置RIS转发",
    id="feeds.engine-ris",
    purpose="让检查申请真正到达 RIS，而不是由测试端代收",
    effect="启动内置 RIS 的 HL7 一侧（与影像场景同一套程序），打开接口引擎的这个目的端，"
    "场景结束时关闭",
    example="假如 接口引擎还向内置RIS转发",
    gloss="The engine also forwards to the built-in RIS itself",
)
def engine_ris(world: World) -> None:
    """The HL7 side of the RIS, with a store of its own."""
    link = RECEIVERS["RIS"][0]
    if link not in world.bench.specs:
        raise Blocked(tr("the profile has no endpoint {link}", link=link))
    settings = world.bench.systems.settings
    path = settings.folder / f"ris-{int(world.draw('ris store') * 10**9):09d}.sqlite"
    store = open_store(str(path), (*ris.TABLES, *ris_feed.TABLES), durable=False)
    service = ris.Ris(store, switches.switched_on(settings.defects))
    feed = ris_feed.RisFeed(service, world.clock)
    service.told = feed.told
    world.bench.join(RIS, feed, (), world.guard, store=store)
    world.bench.serve(link, RIS)
    probe = SqlProbe(
        name=PROBE, role="RIS", url=str(path),
        query=f"SELECT {', '.join(ris.FIELDS)}, state FROM steps WHERE patient_id = :patient_id",
    )  # fmt: skip
    world.bench.look(probe)
    world.order(ASLEEP, "switch", link=link, state="on")
    world.at_end.append(lambda: world.order(ASLEEP, "switch", link=link, state="off"))
    world.at_end.append(lambda: world.bench.look_away(PROBE))
    world.at_end.append(probe.close)


@steps.when(
    "测试端以HIS身份经接口引擎为患者{string}申请检查",
    id="feeds.engine-ris-order",
    purpose="发一份检查申请，内容由种子决定",
    effect="OMI^O23（NW），GB 18030；检查号、申请号、Study UID、时间、设备各不相同",
    example="当 测试端以HIS身份经接口引擎为患者“甲”申请检查",
    gloss="We play the HIS and order an examination through the engine",
)
def engine_ris_order(world: World, person: str) -> None:
    """One OMI^O23."""
    prepared_person(world, person)
    who = world.known_person(person)
    number = int(world.draw("examination", person) * 10**8)
    row: dict[str, Any] = {
        "patient_id": who.patient_id, "name": who.name, "latin": "TEST^PERSON", "birth": who.birth,
        "sex": who.sex, "accession": f"A{number:08d}", "procedure_id": f"RP{number:08d}",
        "description": "胸部正位", "study": f"2.25.{number + 1}", "sps_id": f"SPS{number:08d}",
        "modality": "DX", "station": "DR1", "date": "20260106",
        "time": f"{8 + number % 10:02d}3000",
    }  # fmt: skip
    payload = ris_orders.order(
        ris_orders.NEW, row | {"placer": f"P{number:08d}"}, control_id=control_id(world),
        time=world.clock.wall().strftime("%Y%m%d%H%M%S"), charset=CHARSET,
    )  # fmt: skip
    send(world, person, payload)
    world.state.setdefault("examinations", {})[person] = row


@steps.then(
    "{duration}内RIS中患者{string}的检查应与经接口引擎的申请一致",
    id="feeds.engine-ris-step",
    purpose="逐列核对 RIS 里的检查预约：转码、换码之后一项不差",
    effect="查询 RIS 的工作列表：每一列与申请一致，性别为 RIS 的代码，状态为已预约，恰有一条",
    example="那么 5秒内RIS中患者“甲”的检查应与经接口引擎的申请一致",
    gloss="The step in the RIS is as ordered through the engine",
)
def engine_ris_step(world: World, limit_s: float, person: str) -> Expectation:
    """Column by column."""
    row: dict[str, str] = world.state["examinations"][person]
    wanted = row | {"sex": SEX.get(row["sex"], row["sex"]), "state": "SCHEDULED"}
    return rows_expected(
        probe=PROBE, args={"patient_id": row["patient_id"]}, interface="ENG-RIS", table="steps",
        key=["sps_id"], rows=[wanted], limit_s=limit_s, classes={"missing": "lost"},
    )  # fmt: skip
