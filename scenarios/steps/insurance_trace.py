"""Sentences about 药品追溯码: what the pharmacy hands out, and what the centre holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.errors import ScenarioError
from harness.evidence.expect import Ask, Expectation, Selector
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import place, rows_expected
from scenarios.steps.insurance import bill_of
from scenarios.steps.insurance_town import INTERFACE, known, rest

steps = Library("insurance")

STATES = {
    "已售": "sold",
    "被中心拒绝": "refused",
    "已退回": "returned",
    "重复扫码": "repeated",
    "数量不符": "miscounted",
    "码不合格": "malformed",
}
CENTRE_STATES = {"已售": "sold", "拆零": "split", "已退回": "returned"}

NO_CODE = "无码"
"""A box without a code of its own."""

_LETTER, _LONG = "含字母", "21位"
"""Boxes of these names have a code that is none."""


def code_of(world: World, box: str) -> str:
    """The trace code on a box: 20 digits that the seed draws, the same wherever it turns up."""
    if box.startswith(NO_CODE):
        return ""
    digits = "".join(str(int(world.draw("box", box, at) * 10)) for at in range(19))
    if box.startswith(_LETTER):
        return f"8{digits[:18]}X"
    return f"8{digits}0" if box.startswith(_LONG) else f"8{digits}"


@steps.when(
    "药房为患者{string}发药:",
    id="insurance.dispense",
    purpose="发药扫码并上传追溯码（3505A）",
    effect="每盒一行上传；药盒用顿号分开，“无码”先取虚拟码（3592B），拆零写“是”",
    example="""
    当 药房为患者“甲”发药:
      | 项目 | 药盒         |
      | Y001 | 药盒1、药盒2 |
    """,
    gloss="The pharmacy scans the boxes of a settled bill and hands them out",
)
def dispense(world: World, label: str, table: Table) -> None:
    """One order to the HIS; boxes by label."""
    table.require({"项目", "药盒"}, optional={"拆零"})
    listed: list[str] = world.state["items"][label]
    boxes = []
    for row in table.rows:
        if row["项目"] not in listed:
            raise ScenarioError(tr("{item} is not on the bill", item=row["项目"]))
        line = listed.index(row["项目"]) + 1
        mark = "!" if row.get("拆零") == "是" else ""
        boxes += [f"{line}:{code_of(world, box)}{mark}" for box in row["药盒"].split("、")]
    world.order("HIS", "yb-dispense", **bill_of(world, label),
                boxes=";".join(boxes))  # fmt: skip
    rest(world)


@steps.when(
    "药房为患者{string}退药",
    id="insurance.goods-return",
    purpose="不退费用，只退回已售的药盒（3506A）",
    effect="该账单全部已售的药盒",
    example="当 药房为患者“甲”退药",
    gloss="The pharmacy takes every box of a bill back",
)
def goods_return(world: World, label: str) -> None:
    """One order to the HIS."""
    world.order("HIS", "yb-return", **bill_of(world, label))
    rest(world)


def _rows(world: World, table: Table, states: Mapping[str, str]) -> list[dict[str, Value | str]]:
    rows: list[dict[str, Value | str]] = []
    for row in table.rows:
        for box in row["药盒"].split("、"):
            code: Value | str = code_of(world, box)
            if not code:
                code = Value(op="pattern", expected="[0-9]{20}")
            rows.append({"item": row["项目"], "code": code, "state": known(states, row["状态"])})
    return rows


@steps.then(
    "{duration}内患者{string}的药盒应为:",
    id="insurance.boxes",
    purpose="核对 HIS 逐盒记录的上传结果",
    effect="查询探针 his-yb-traces；状态：已售、被中心拒绝、已退回、重复扫码、数量不符、码不合格",
    example="""
    那么 10秒内患者“甲”的药盒应为:
      | 项目 | 药盒  | 状态 |
      | Y001 | 药盒1 | 已售 |
    """,
    gloss="The HIS has exactly these boxes of a bill in these states",
)
def boxes(world: World, limit_s: float, label: str, table: Table) -> Expectation:
    """Box by box."""
    table.require({"项目", "药盒", "状态"})
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-traces",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_trace",
        key=_key(table),
        rows=_rows(world, table, STATES),
        limit_s=limit_s,
        classes={"missing": "yb-TRC", "different": "yb-TRC"},
    )


def _key(table: Table) -> list[str]:
    """By code; goods without one are found by item. One box scanned twice has two equal rows."""
    bare = any(box.startswith(NO_CODE) for row in table.rows for box in row["药盒"].split("、"))
    if bare:
        return ["item"]
    codes = [box for row in table.rows for box in row["药盒"].split("、")]
    return ["code"] if len(set(codes)) == len(codes) else ["code", "state"]


@steps.then(
    "{duration}内医保中心记录患者{string}的药盒应为:",
    id="insurance.centre-boxes",
    purpose="核对中心逐盒的销售与退回：不多、不少",
    effect="查询探针 centre-traces；状态：已售、拆零、已退回",
    example="""
    那么 10秒内医保中心记录患者“甲”的药盒应为:
      | 项目 | 药盒  | 状态 |
      | Y001 | 药盒1 | 已售 |
    """,
    gloss="The centre has exactly these boxes of a patient in these states",
)
def centre_boxes(world: World, limit_s: float, label: str, table: Table) -> Expectation:
    """Box by box, in the centre's books."""
    table.require({"项目", "药盒", "状态"})
    return rows_expected(
        probe="centre-traces",
        args={"psn_no": world.known_person(label).patient_id},
        interface=INTERFACE,
        table="yb_trace",
        key=_key(table),
        rows=_rows(world, table, CENTRE_STATES),
        limit_s=limit_s,
        classes={"missing": "yb-TRC", "different": "yb-TRC", "unwanted": "yb-TRC"},
    )


@steps.then(
    "{duration}内医保中心没有患者{string}的药盒",
    id="insurance.no-centre-boxes",
    purpose="核对没有上传任何一盒",
    effect="查询探针 centre-traces；以 HIS 已有该账单的药盒为对照",
    example="那么 10秒内医保中心没有患者“乙”的药盒",
    gloss="The centre has no box of a patient",
)
def no_centre_boxes(world: World, limit_s: float, label: str) -> Expectation:
    """Nothing at the centre, while the HIS has rows to be seen."""
    probe = "his-yb-traces"
    return Expectation(
        mode="never",
        select=Selector(kind="probe", where={"probe": "centre-traces"}),
        place=place(INTERFACE, "sql", "yb_trace"),
        limit_s=limit_s,
        ask=Ask(probe="centre-traces", args={"psn_no": world.known_person(label).patient_id}),
        control=Selector(kind="probe", where={"probe": probe}),
        control_ask=Ask(probe=probe, args={"bill_no": world.state["bills"][label]}),
    )


@steps.then(
    "{duration}内患者{string}的药盒{string}被拒的原因应写明该码",
    id="insurance.box-named",
    purpose="核对被拒的是哪一盒，操作员看得到",
    effect="查询探针 his-yb-traces：该盒状态为被中心拒绝，原因含追溯码",
    example="那么 10秒内患者“乙”的药盒“药盒1”被拒的原因应写明该码",
    gloss="The reason that a box was refused names its code",
)
def box_named(world: World, limit_s: float, label: str, box: str) -> Expectation:
    """The text of the row's own result, kept."""
    number = world.state["bills"][label]
    code = code_of(world, box)
    row: dict[str, Value | str] = {
        "bill_no": number,
        "code": code,
        "state": "refused",
        "note": Value(op="pattern", expected=f".*{code}.*"),
    }
    return replace(
        rows_expected(
            probe="his-yb-traces",
            args={"bill_no": number},
            interface=INTERFACE,
            table="yb_trace",
            key=["code"],
            rows=[row],
            limit_s=limit_s,
        ),
        exact=False,
    )
