"""Sentences about lab analyzers: what the LIS must have of the results in the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import AS_SENT, nothing_expected, rows_expected

steps = Library("lab")

Row = Mapping[str, str]

COLUMNS = {"结果": "value", "单位": "unit", "标志": "flag", "状态": "status", "时间": "tested_at"}


def stored_rows(world: World, barcode: str, table: Table) -> list[dict[str, Value | str]]:
    """Rows as the database should have them, from the table of a sentence."""
    table.require({"项目"}, optional={*COLUMNS, "患者"})
    sent: dict[tuple[str, str], Row] = world.state.get("sent", {})
    rows: list[dict[str, Value | str]] = []
    for row in table.rows:
        item = row["项目"]
        known: Any = sent.get((barcode, item), {})
        stored: dict[str, Value | str] = {"item": item}
        for title, column in COLUMNS.items():
            cell = row.get(title, AS_SENT)
            if cell == AS_SENT:
                if title not in known:
                    raise ScenarioError(tr("{item} was not uploaded", item=item))
                cell = known[title]
            stored[column] = cell
        rows.append(stored)
    return rows


def lis_rows(
    world: World, specimen: str, table: Table, *, version: int
) -> list[dict[str, Value | str]]:
    """Rows as the LIS should have them: with whose they are, from where, and which version."""
    barcode = world.barcode(specimen)
    sent: dict[tuple[str, str], Row] = world.state.get("sent", {})
    rows = stored_rows(world, barcode, table)
    for row, stated in zip(rows, table.rows, strict=True):
        label = stated.get("患者") or world.owners[specimen]
        row["patient_id"] = world.known_person(label).patient_id
        row["instrument"] = sent[barcode, stated["项目"]]["仪器"]
        row["version"] = str(version)
    return rows


@steps.then(
    "{duration}内LIS中标本{string}的结果应为:",
    id="lab.stored",
    purpose="核对 LIS 里这份标本的结果：不多、不少、不改、不串",
    effect="查询探针 lis-results，逐项比较结果、单位、标志、状态、时间",
    example="""
    那么 10秒内LIS中标本“管1”的结果应为:
      | 项目 | 患者 |
      | WBC | 甲 |
    """,
    gloss="The LIS has exactly these results of the specimen",
)
def stored(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these rows, each once, and so they stay."""
    barcode = world.barcode(specimen)
    return rows_expected(
        probe="lis-results",
        args={"barcode": barcode},
        interface="LIS-ASTM",
        table="results",
        key=["item"],
        rows=lis_rows(world, specimen, table, version=1),
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )


@steps.then(
    "{duration}内LIS中标本{string}的结果应为更正后的版本:",
    id="lab.stored-corrected",
    purpose="核对更正结果生效且保留历史",
    effect="查询探针 lis-results-current（每项取最新版本）",
    example="""
    那么 10秒内LIS中标本“管1”的结果应为更正后的版本:
      | 项目 |
      | K |
    """,
    gloss="The latest version of the specimen's results is this",
)
def stored_corrected(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """The latest version of each item."""
    barcode = world.barcode(specimen)
    return rows_expected(
        probe="lis-results-current",
        args={"barcode": barcode},
        interface="LIS-ASTM",
        table="results",
        key=["item"],
        rows=lis_rows(world, specimen, table, version=2),
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内LIS中标本{string}不应有结果，而标本{string}的结果可见",
    id="lab.not-stored",
    purpose="核对不该入库的结果没有入库；另一标本作为阳性对照",
    effect="在整个时限内查询探针 lis-results，对照标本必须查得到",
    example="那么 2秒内LIS中标本“质控1”不应有结果，而标本“管1”的结果可见",
    gloss="No result of one specimen appears, while another's is visible",
)
def not_stored(world: World, limit_s: float, specimen: str, control: str) -> Expectation:
    """Silence, with a positive control."""
    return nothing_expected(
        probe="lis-results",
        args={"barcode": world.barcode(specimen)},
        control_args={"barcode": world.barcode(control)},
        interface="LIS-ASTM",
        table="results",
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内LIS的未匹配结果中应有标本{string}的项目:",
    id="lab.unmatched",
    purpose="核对无申请的结果没有丢失，留给人工处理",
    effect="查询探针 lis-unmatched",
    example="""
    那么 10秒内LIS的未匹配结果中应有标本“管9”的项目:
      | 项目 |
      | GLU |
    """,
    gloss="Results without an order are kept for a person to look at",
)
def unmatched(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Nothing is dropped silently."""
    table.require({"项目"})
    barcode = world.barcode(specimen)
    sent: dict[tuple[str, str], Row] = world.state.get("sent", {})
    return rows_expected(
        probe="lis-unmatched",
        args={"barcode": barcode},
        interface="LIS-ASTM",
        table="unmatched",
        key=["item"],
        rows=[
            {
                "item": row["项目"],
                "value": sent[barcode, row["项目"]]["结果"],
                "instrument": sent[barcode, row["项目"]]["仪器"],
            }
            for row in table.rows
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate"},
    )


@steps.then(
    "{duration}内LIS的质控结果中应有质控品{string}的项目:",
    id="lab.quality-control-stored",
    purpose="核对质控结果进入质控库",
    effect="查询探针 lis-quality-control",
    example="""
    那么 10秒内LIS的质控结果中应有质控品“批号1”的项目:
      | 项目 |
      | GLU |
    """,
    gloss="Quality control results are where they belong",
)
def quality_control_stored(world: World, limit_s: float, lot: str, table: Table) -> Expectation:
    """In the quality control table, each once."""
    table.require({"项目"})
    barcode = world.barcode(lot)
    sent: dict[tuple[str, str], Row] = world.state.get("sent", {})
    return rows_expected(
        probe="lis-quality-control",
        args={"lot": barcode},
        interface="LIS-ASTM",
        table="quality_control",
        key=["item"],
        rows=[
            {
                "item": row["项目"],
                "value": sent[barcode, row["项目"]]["结果"],
                "unit": sent[barcode, row["项目"]]["单位"],
                "tested_at": sent[barcode, row["项目"]]["时间"],
                "instrument": sent[barcode, row["项目"]]["仪器"],
            }
            for row in table.rows
        ],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内LIS中患者{string}的姓名应仍为登记姓名",
    id="lab.name-unchanged",
    purpose="核对仪器带来的姓名没有改写患者信息",
    effect="查询探针 lis-patients",
    example="那么 5秒内LIS中患者“甲”的姓名应仍为登记姓名",
    gloss="The patient's name in the LIS is still the registered one",
)
def name_unchanged(world: World, limit_s: float, person: str) -> Expectation:
    """The registered name, code point by code point."""
    who = world.known_person(person)
    return rows_expected(
        probe="lis-patients",
        args={"patient_id": who.patient_id},
        interface="LIS-ASTM",
        table="patients",
        key=["patient_id"],
        rows=[{"patient_id": who.patient_id, "name": who.name}],
        limit_s=limit_s,
    )
