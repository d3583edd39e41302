"""Sentences about orders for analyzers: what is ordered before an analyzer asks."""

from __future__ import annotations

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.lab import order

steps = Library("lab_query")


@steps.given(
    "患者{string}的标本{string}已有急诊检验申请:",
    id="lab_query.ordered-urgent",
    purpose="准备一份急诊申请",
    effect="同“已有检验申请”，优先级为 S",
    example="""
    假如 患者“甲”的标本“管1”已有急诊检验申请:
      | 项目 |
      | K |
    """,
    gloss="The LIS has an urgent order",
)
def ordered_urgent(world: World, person: str, specimen: str, table: Table) -> None:
    """Priority S."""
    table.require({"项目"})
    order(world, person, specimen, [row["项目"] for row in table.rows], priority="S")


@steps.given(
    "姓名含分隔符字节的患者{string}的标本{string}已有检验申请:",
    id="lab_query.ordered-delimiter-name",
    purpose="姓名的第二字节是 | ^ \\ 之一时，收发都不得拆字",
    effect="生成姓名直到含有这样的字，再开立申请",
    example="""
    假如 姓名含分隔符字节的患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K |
    """,
    gloss="The LIS has an order for a patient whose name holds a delimiter's byte",
)
def ordered_delimiter_name(world: World, person: str, specimen: str, table: Table) -> None:
    """Whichever seed: the name has such a byte."""
    table.require({"项目"})
    for number in range(NAMES_TRIED):
        who = world.person(f"{person}，第{number + 1}名", "trail-byte")
        if set(who.name.encode("gb18030")) & set(b"|^\\"):
            world.people[person] = who
            break
    order(world, person, specimen, [row["项目"] for row in table.rows])


NAMES_TRIED = 40
"""Names drawn until one holds a delimiter of ASTM: a third of them does."""


@steps.given(
    "患者{string}的标本{string}与患者{string}的标本{string}条码前十位相同，均已有检验申请:",
    id="lab_query.alike-barcodes",
    purpose="检查条码不会被截短后比较",
    effect="两个条码只有末两位不同；两名患者各有一份申请",
    example="""
    假如 患者“甲”的标本“管1”与患者“乙”的标本“管2”条码前十位相同，均已有检验申请:
      | 项目 |
      | K |
    """,
    gloss="Two tubes of two patients whose ids differ in their last characters only",
)
def alike_barcodes(
    world: World, first: str, tube: str, second: str, other: str, table: Table
) -> None:
    """Both orders hold the same items."""
    table.require({"项目"})
    codes = [row["项目"] for row in table.rows]
    order(world, first, tube, codes)
    known = world.barcode(tube)
    world.person(second)
    ending = next(end for end in ("A1", "B2") if end != known[-2:])
    world.specimen(other, second, barcode=known[:-2] + ending)
    order(world, second, other, codes)


MANY_MAX = 60
"""Items of one tube in a sentence; all of them in one O record stay below 64,000 characters."""


@steps.given(
    "患者{string}的标本{string}已有{int}项检验申请",
    id="lab_query.ordered-many",
    purpose="检查很长的申请能否完整下传",
    effect="同“已有检验申请”，项目为生成的代码",
    example="假如 患者“甲”的标本“管1”已有40项检验申请",
    gloss="The LIS has an order of many items for a tube",
)
def ordered_many(world: World, person: str, specimen: str, count: int) -> None:
    """Codes of four characters, drawn by the seed."""
    if not 0 < count <= MANY_MAX:
        raise ScenarioError(tr("1 to {most} items, not {count}", most=MANY_MAX, count=count))
    codes = [f"X{int(world.draw('item', specimen, at) * 10):d}{at:02d}" for at in range(count)]
    world.state.setdefault("many", {})[specimen] = codes
    order(world, person, specimen, codes)
