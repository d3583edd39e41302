"""Sentences about the driver of an analyzer at the LIS (通用设备接口) and what was stored by it.

A driver belongs to the analyzer's sender name, not to a scenario: what a scenario sets is taken
back at its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import nothing_expected, rows_expected
from scenarios.steps.lab import instrument
from scenarios.steps.lab_hl7 import hl7_instrument

steps = Library("lab_driver")

KEYS = {
    "标本号位置": "id_place",
    "标本号填充": "id_strip",
    "分杯后缀": "id_suffix",
    "结果位置": "value_place",
    "查询位置": "query_place",
    "查询架位": "query_rack",
    "架位回送": "echo",
    "质控前缀": "qc_prefix",
    "校准前缀": "calibration_prefix",
    "空白前缀": "background_prefix",
    "重复结果": "repeats",
    "结果种类位置": "aspect_place",
    "取用种类": "aspect_keep",
    "未测标记": "no_value",
    "小数逗号": "decimal_comma",
    "每次最多": "orders_max",
    "主动下传": "push",
    "字符集": "encoding",
}
"""Settings of a driver, by their word in a sentence."""

VALUES = {
    "是": "yes",
    "去空格": "blank",
    "去空格和前导零": "zero",
    "取最新": "replace-unreviewed",
    "留首次": "keep-first",
    "存为复查": "add-rerun",
}
"""Words for values; anything else is taken as it stands."""

BARCODE_OF = "的条码"
"""``管1的条码`` in a cell is the id of that specimen."""


@steps.given(
    "LIS为分析仪{string}设置驱动:",
    id="lab_driver.settings",
    purpose="让 LIS 按这台仪器的方言收发：标本号位置、填充、质控前缀、重复结果的处理等",
    effect="写入该仪器（按 H 记录的发送方名称）的驱动配置；场景结束时恢复默认",
    example="""
    假如 LIS为分析仪“sysmex-xn”设置驱动:
      | 设置 | 值 |
      | 标本号位置 | 4.3 |
      | 标本号填充 | 去空格 |
    """,
    gloss="The LIS has these settings in its driver of the analyzer",
)
def settings(world: World, analyzer: str, table: Table) -> None:
    """Words become keys; the item map that was set before stays."""
    table.require({"设置", "值"})
    given: dict[str, Any] = {}
    for row in table.rows:
        if row["设置"] not in KEYS:
            raise ScenarioError(tr("a driver has no setting {name}; known: {known}",
                                   name=row["设置"], known="、".join(KEYS)))  # fmt: skip
        given[KEYS[row["设置"]]] = _value(world, row["值"])
    configure(world, instrument(world, analyzer).sender, given)


def _value(world: World, text: str) -> str:
    if text.endswith(BARCODE_OF):
        return world.barcode(text.removesuffix(BARCODE_OF))
    return VALUES.get(text, text)


@steps.given(
    "LIS为分析仪{string}设置项目对照:",
    id="lab_driver.items",
    purpose="让 LIS 按对照表换算：通道、项目、系数、小数位、单位、文本",
    effect="写入该仪器的项目对照表；未列出的通道即未对照；场景结束时恢复默认",
    example="""
    假如 LIS为分析仪“生化仪”设置项目对照:
      | 通道 | 项目 | 系数 | 小数 | 单位 | 文本 |
      | GLU | GLU | 0.0555 | 2 | mmol/L | |
      | HBsAg | HBsAg | | | | neg=阴性 pos=阳性 |
    """,
    gloss="The LIS has this item map for the analyzer",
)
def item_map(world: World, analyzer: str, table: Table) -> None:
    """A channel that is not listed is not mapped."""
    _map(world, instrument(world, analyzer).sender, table)


@steps.given(
    "LIS为HL7分析仪{string}设置项目对照:",
    id="lab_driver.hl7-items",
    purpose="同上，用于 HL7 仪器：通道是 OBX-3 的代码",
    effect="按 MSH-3 找到驱动，写入项目对照表；场景结束时恢复默认",
    example="""
    假如 LIS为HL7分析仪“mindray-bs”设置项目对照:
      | 通道 | 项目 |
      | 1 | GLU |
    """,
    gloss="The LIS has this item map for the HL7 analyzer",
)
def hl7_item_map(world: World, analyzer: str, table: Table) -> None:
    """The sender is MSH-3."""
    _map(world, hl7_instrument(world, analyzer).hl7.sending_app, table)


def _map(world: World, sender: str, table: Table) -> None:
    table.require({"通道", "项目"}, optional={"系数", "小数", "单位", "文本"})
    names = {"factor": "系数", "decimals": "小数", "unit": "单位"}
    rows = []
    for row in table.rows:
        texts = dict(pair.split("=", 1) for pair in row.get("文本", "").split())
        one: dict[str, Any] = {"channel": row["通道"], "item": row["项目"], "texts": texts}
        rows.append(one | {key: row.get(word, "") for key, word in names.items()})
    configure(world, sender, {"items": json.dumps(rows, ensure_ascii=False)})


def configure(world: World, sender: str, given: Mapping[str, Any]) -> None:
    """Set the driver to all that the scenario has said of it so far."""
    drivers = world.state.setdefault("drivers", {})
    if sender not in drivers:
        world.at_end.append(lambda: world.order("LIS", "configure_analyzer", sender=sender))
    drivers[sender] = drivers.get(sender, {}) | given
    world.order("LIS", "configure_analyzer", sender=sender, **drivers[sender])


# -- what the LIS made of it -----------------------------------------------------------------------


@steps.then(
    "{duration}内LIS的非患者结果中应有{string}的{string}结果:",
    id="lab_driver.not-patients",
    purpose="核对校准、空白、培训、质控结果单独存放且注明种类",
    effect="查询探针 lis-not-patients；种类：质控、校准、空白、培训",
    example="""
    那么 5秒内LIS的非患者结果中应有“校准1”的“校准”结果:
      | 项目 |
      | GLU |
    """,
    gloss="Results that belong to no patient are kept apart, with their kind",
)
def not_patients(
    world: World, limit_s: float, specimen: str, kind: str, table: Table
) -> Expectation:
    """Exactly these, each once, of this kind."""
    table.require({"项目"})
    if kind not in KINDS:
        raise ScenarioError(tr("no kind of result {kind}; known: {known}", kind=kind,
                               known="、".join(KINDS)))  # fmt: skip
    barcode = world.barcode(specimen)
    sent = world.state.get("sent", {})
    known = [(row["项目"], sent[barcode, row["项目"]]) for row in table.rows]
    return rows_expected(
        probe="lis-not-patients",
        args={"lot": barcode},
        interface="LIS-ASTM",
        table="quality_control",
        key=["item"],
        rows=[
            {
                "item": item,
                "value": one["结果"],
                "unit": one["单位"],
                "tested_at": one["时间"],
                "instrument": one["仪器"],
                "kind": KINDS[kind],
            }
            for item, one in known
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate"},
    )


KINDS = {"质控": "control", "校准": "calibration", "空白": "background", "培训": "training"}
"""Kinds of results that belong to no patient."""


@steps.then(
    "{duration}内LIS的复查结果中应有标本{string}的:",
    id="lab_driver.reruns",
    purpose="核对没有取用的结果留存待人工选择，并注明原因",
    effect="查询探针 lis-reruns；原因：留首次、存为复查、已审核",
    example="""
    那么 5秒内LIS的复查结果中应有标本“管1”的:
      | 项目 | 结果 | 原因 |
      | K | 4.10 | 已审核 |
    """,
    gloss="Results that do not stand are kept aside, with the reason",
)
def reruns(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these rows; whose they are is the order's."""
    table.require({"项目", "结果", "原因"})
    barcode = world.barcode(specimen)
    for row in table.rows:
        if row["原因"] not in REASONS:
            raise ScenarioError(tr("no reason {reason}; known: {known}", reason=row["原因"],
                                   known="、".join(REASONS)))  # fmt: skip
    return rows_expected(
        probe="lis-reruns",
        args={"barcode": barcode},
        interface="LIS-ASTM",
        table="reruns",
        key=["item", "value"],
        rows=[
            {
                "item": row["项目"],
                "value": row["结果"],
                "patient_id": world.owner(specimen).patient_id,
                "reason": REASONS[row["原因"]],
            }
            for row in table.rows
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate"},
    )


REASONS = {"留首次": "first kept", "存为复查": "re-run", "已审核": "reviewed", "选用": "chosen",
           "另一单位": "other unit"}  # fmt: skip
"""Why a result does not stand."""


@steps.then(
    "{duration}内LIS中标本{string}的结果历史应为:",
    id="lab_driver.history",
    purpose="核对每个版本都在：值、状态与审核人",
    effect="查询探针 lis-results，逐版本比较",
    example="""
    那么 5秒内LIS中标本“管1”的结果历史应为:
      | 项目 | 版本 | 结果 | 状态 |
      | K | 1 | 3.60 | F |
      | K | 2 | 4.10 | F |
    """,
    gloss="Every version of the results is there",
)
def history(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these versions."""
    table.require({"项目", "版本", "结果", "状态"})
    barcode = world.barcode(specimen)
    return rows_expected(
        probe="lis-results",
        args={"barcode": barcode},
        interface="LIS-ASTM",
        table="results",
        key=["item", "version"],
        rows=[
            {
                "item": row["项目"],
                "version": row["版本"],
                "value": row["结果"],
                "status": row["状态"],
                "patient_id": world.owner(specimen).patient_id,
            }
            for row in table.rows
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )


@steps.then(
    "{duration}内LIS中标本{string}的备注应为:",
    id="lab_driver.comments",
    purpose="核对仪器随结果发来的备注没有丢失，也没有串到别的项目",
    effect="查询探针 lis-result-origins",
    example="""
    那么 5秒内LIS中标本“管1”的备注应为:
      | 项目 | 备注 |
      | K | 溶血 |
      | GLU | |
    """,
    gloss="The comments of the analyzer stand with their results",
)
def comments(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these results with these comments."""
    table.require({"项目", "备注"})
    barcode = world.barcode(specimen)
    return rows_expected(
        probe="lis-result-origins",
        args={"barcode": barcode},
        interface="LIS-ASTM",
        table="results",
        key=["item"],
        rows=[{"item": row["项目"], "comment": row["备注"]} for row in table.rows],
        limit_s=limit_s,
        classes={"missing": "lost"},
    )


@steps.then(
    "{duration}内LIS的复查结果中不应有标本{string}的结果，而标本{string}的可见",
    id="lab_driver.no-reruns",
    purpose="核对没有多余的结果被放进复查；另一标本作为阳性对照",
    effect="在整个时限内查询探针 lis-reruns",
    example="那么 1秒内LIS的复查结果中不应有标本“管1”的结果，而标本“管2”的可见",
    gloss="Nothing of one specimen is kept aside, while something of another is",
)
def no_reruns(world: World, limit_s: float, specimen: str, control: str) -> Expectation:
    """Silence, with a positive control."""
    return nothing_expected(
        probe="lis-reruns",
        args={"barcode": world.barcode(specimen)},
        control_args={"barcode": world.barcode(control)},
        interface="LIS-ASTM",
        table="reruns",
        limit_s=limit_s,
    )
