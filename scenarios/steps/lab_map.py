"""Sentences that prove an item map: each row by a generated result, against what the LIS has."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import resources
from harness.errors import ScenarioError
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.labmap.model import FIELDS, ItemMap
from harness.labmap.prove import Proof, rounds
from harness.labmap.read import read_map
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import items, rows_expected
from scenarios.steps.lab import instrument, order, upload_all
from scenarios.steps.lab_driver import configure
from simulators.analyzer.upload import Result, Tested

steps = Library("lab_map")


def map_of(name: str) -> ItemMap:
    """A map by path, or one of ``fixtures/catalogues/item_maps`` by name."""
    shipped = resources.fixture("catalogues", "item_maps").joinpath(name)
    return read_map(Path(str(shipped)) if "/" not in name and shipped.is_file() else Path(name))


@steps.given(
    "LIS已按对照表{string}为分析仪{string}设置项目对照",
    id="lab_map.set-up",
    purpose="让 LIS 用这份对照表文件换算这台仪器的结果",
    effect="内置 LIS 由此导入；现场的 LIS 应已由信息科按同一份文件设置，这里不改动它",
    example="假如 LIS已按对照表“haematology.csv”为分析仪“血球仪”设置项目对照",
    gloss="The LIS is set up by this item map for the analyzer",
)
def set_up(world: World, file: str, analyzer: str) -> None:
    """A LIS of ours takes the map; one of the site has it already."""
    rows: list[dict[str, Any]] = [
        {name: row.shown(name) for name in FIELDS[:-1]}
        | {"channel": row.channel, "texts": dict(row.texts)}
        for row in map_of(file).rows
    ]
    if "LIS" not in world.bench.systems.hospital.roles:
        return  # of the site: whether it was set up so is what the proof shows
    given = {"items": json.dumps(rows, ensure_ascii=False)}
    configure(world, instrument(world, analyzer).sender, given)


@steps.given(
    "患者{string}已申请对照表{string}的每个项目",
    id="lab_map.ordered",
    purpose="为对照表的每一行准备一份申请",
    effect="同一项目的多行（多个通道、定性文本）分到不同标本，标本名为“对照1”“对照2”……",
    example="而且 患者“甲”已申请对照表“haematology.csv”的每个项目",
    gloss="Every item of the map is ordered for the patient",
)
def ordered(world: World, person: str, file: str) -> None:
    """One specimen a round; an item occurs once in it."""
    for number, found in enumerate(rounds(map_of(file)), 1):
        order(world, person, _label(number), [one.item for one in found])


@steps.when(
    "分析仪{string}逐行上传对照表{string}的验证结果",
    id="lab_map.upload",
    purpose="每一行发一个结果，数值足以看出系数、小数位、四舍五入的差错",
    effect="每份标本一个报文；结果以通道号发出，与 medharness labmap check 打印的相同",
    example="当 分析仪“血球仪”逐行上传对照表“haematology.csv”的验证结果",
    gloss="The analyzer sends one result for every row of the map",
)
def upload(world: World, analyzer: str, file: str) -> None:
    """Channels go out as the map has them, whatever the model would call the item."""
    model = instrument(world, analyzer)
    plain = model.model_copy(update={"values": model.values.model_copy(update={"channels": {}})})
    for number, found in enumerate(rounds(map_of(file)), 1):
        label = _label(number)
        results = [Result(item=one.channel, value=one.sent, unit=_unit(one)) for one in found]
        tested = Tested(
            barcode=world.barcode(label), results=results, person=world.owner(label)
        )  # fmt: skip
        upload_all(world, analyzer, [tested], model=plain)


@steps.then(
    "{duration}内LIS中对照表{string}每一行的结果应换算正确",
    id="lab_map.stored",
    purpose="核对每一行的项目、结果与单位；不符时指出对照表的行",
    effect="每份标本查询一次探针 lis-results；不多、不少、不改、不串",
    example="那么 30秒内LIS中对照表“haematology.csv”每一行的结果应换算正确",
    gloss="The LIS stores for every row of the map what the row says",
)
def stored(world: World, limit_s: float, file: str) -> list[Expectation]:
    """Exactly these rows; a finding names the line of the map."""
    item_map = map_of(file)
    found = rounds(item_map)
    if not found:
        raise ScenarioError(tr("the map {name} has no rows", name=item_map.name))
    return [
        _expected(world, limit_s, item_map.name, _label(number), proofs)
        for number, proofs in enumerate(found, 1)
    ]


def _expected(
    world: World, limit_s: float, name: str, label: str, proofs: list[Proof]
) -> Expectation:
    expectation = rows_expected(
        probe="lis-results",
        args={"barcode": world.barcode(label)},
        interface="LIS-ASTM",
        table="results",
        key=["item"],
        rows=[
            {
                "item": one.item,
                "value": one.expected,
                "unit": one.unit or _unit(one),
                "patient_id": world.owner(label).patient_id,
            }
            for one in proofs
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )
    wanted = [
        replace(row, checks=[replace(check, clause=_row(name, one)) for check in row.checks])
        for row, one in zip(expectation.wanted, proofs, strict=True)
    ]
    return replace(expectation, wanted=wanted)


def _row(name: str, one: Proof) -> str:
    """Where a row stands, as the clause that a finding cites."""
    return f"{name}:{one.line} {one.channel} {one.sent} -> {one.item} {one.expected}"


def _label(number: int) -> str:
    return f"对照{number}"


def _unit(one: Proof) -> str:
    """What the instrument writes: the unit of the catalogue, or that of the row."""
    return str(items().get(one.item, {}).get("unit", "")) or one.unit
