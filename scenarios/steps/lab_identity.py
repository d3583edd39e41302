"""Sentences about specimen ids that are none, and about aliquots: whose is the result?"""

from __future__ import annotations

import re

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import rows_expected
from scenarios.steps.lab import (
    instrument,
    remember,
    results_of,
    tested_of,
    upload_all,
)
from simulators.analyzer.upload import Result

steps = Library("lab_identity")

ENDING = 4
"""Characters of a specimen id that an operator types in place of the whole."""

_ORDER = re.compile(rb"(\rO\|[^|]*\|)[^|]*\|[^|\r]*")


@steps.when(
    "分析仪{string}以{string}代替条码上传标本{string}的结果:",
    id="lab_identity.typed",
    purpose="操作者手工输入、读码失败时，LIS 不得猜是谁的结果",
    effect="O.3 为空，O.4 为患者姓名、条码末四位或读码失败符，其余同“上传标本的结果”",
    example="""
    当 分析仪“血球仪”以“患者姓名”代替条码上传标本“管1”的结果:
      | 项目 | 结果 |
      | WBC | 随机 |
    """,
    gloss="The analyzer has something else in place of the specimen id",
)
def typed(world: World, analyzer: str, kind: str, specimen: str, table: Table) -> None:
    """O.4 is the place of what the instrument itself knows a tube by (LIS02-A2 §8.4.4)."""
    texts = {
        "患者姓名": world.owner(specimen).name,
        "条码末四位": world.barcode(specimen)[-ENDING:],
        "读码失败符": f"@{int(world.draw('unread', specimen) * 10**ENDING):04d}",
    }
    if kind not in texts:
        raise ScenarioError(tr("no such text {kind}; known: {known}", kind=kind,
                               known="、".join(texts)))  # fmt: skip
    model = instrument(world, analyzer)
    text = texts[kind]
    world.state.setdefault("typed", {})[specimen] = text
    written = text.encode(model.encoding)
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    upload_all(
        world,
        analyzer,
        [tested],
        change=lambda payload: _ORDER.sub(lambda found: found[1] + b"|" + written, payload),
    )


@steps.then(
    "{duration}内LIS应把代替条码上传的标本{string}的项目留作未匹配:",
    id="lab_identity.held",
    purpose="核对认不出的标本号没有丢，也没有归到任何人名下",
    effect="查询探针 lis-unmatched，标本号为仪器所写的文字",
    example="""
    那么 5秒内LIS应把代替条码上传的标本“管1”的项目留作未匹配:
      | 项目 |
      | WBC |
    """,
    gloss="The LIS keeps the results under what was sent, for a person to look at",
)
def held(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these, each once, under the text that came."""
    table.require({"项目"})
    sent = world.state.get("sent", {})
    barcode = world.barcode(specimen)
    return rows_expected(
        probe="lis-unmatched",
        args={"barcode": world.state["typed"][specimen]},
        interface="LIS-ASTM",
        table="unmatched",
        key=["item"],
        rows=[
            {
                "item": row["项目"],
                "value": sent[barcode, row["项目"]]["结果"],
                "instrument": sent[barcode, row["项目"]]["仪器"],
                "reason": "no open order",
            }
            for row in table.rows
        ],
        limit_s=limit_s,
        classes={"missing": "misattributed", "repeated": "duplicate"},
    )


@steps.when(
    "分析仪{string}以分杯号{string}上传标本{string}的结果:",
    id="lab_identity.aliquot",
    purpose="分杯、子标本在条码之后带后缀，结果应归到原标本",
    effect="O.3 为条码加后缀，其余同“上传标本的结果”",
    example="""
    当 分析仪“生化仪”以分杯号“-S1”上传标本“管1”的结果:
      | 项目 | 结果 |
      | K | 随机 |
    """,
    gloss="The analyzer sends the id of an aliquot",
)
def aliquot(world: World, analyzer: str, suffix: str, specimen: str, table: Table) -> None:
    """The suffix stands behind the specimen id."""
    barcode = world.barcode(specimen)
    results = results_of(world, specimen, table)
    whole = tested_of(world, specimen, results)

    def change(payload: bytes) -> bytes:
        return payload.replace(barcode.encode(), (barcode + suffix).encode())

    world.guard.identities.allow_specimen(barcode + suffix)
    upload_all(world, analyzer, [whole], change=change)


@steps.when(
    "分析仪{string}把定性与定量写在同一字段，上传标本{string}的结果:",
    id="lab_identity.two-values",
    purpose="有的仪器一个字段里先写定性、再写数值，LIS 应按驱动取约定的一个",
    effect="R.4 写作“-1^结果”，其余同“上传标本的结果”",
    example="""
    当 分析仪“生化仪”把定性与定量写在同一字段，上传标本“管1”的结果:
      | 项目 | 结果 |
      | K | 随机 |
    """,
    gloss="The analyzer writes two values into one field",
)
def two_values(world: World, analyzer: str, specimen: str, table: Table) -> None:
    """A qualitative reading and the index, by component (seen at immunoassay analyzers)."""
    tested = tested_of(world, specimen, results_of(world, specimen, table))
    upload_all(world, analyzer, [tested], change=_qualified)


def _qualified(payload: bytes) -> bytes:
    records = [record.split(b"|") for record in payload.split(b"\r")]
    for fields in records:
        if fields[0] == b"R":
            fields[3] = b"-1^" + fields[3]
    return b"\r".join(b"|".join(fields) for fields in records)


@steps.when(
    "分析仪{string}以两种单位上传标本{string}的项目{string}，先{string}后{string}",
    id="lab_identity.two-units",
    purpose="同一项目以另一单位再来一次，不得覆盖第一个",
    effect="一个报文两条 R 记录；数值与单位之间以空格分开",
    example="当 分析仪“生化仪”以两种单位上传标本“管1”的项目“GLU”，先“5.55 mmol/L”后“100 mg/dL”",
    gloss="The analyzer sends one test in two units",
)
def two_units(
    world: World, analyzer: str, specimen: str, item: str, first: str, second: str
) -> None:
    """Both readings of one test, in one message."""
    readings = [one.partition(" ") for one in (first, second)]
    if not all(unit for _, _, unit in readings):
        raise ScenarioError(tr("a value and its unit, with a blank between"))
    results = [Result(item=item, value=value, unit=unit) for value, _, unit in readings]
    tested = tested_of(world, specimen, results)
    upload_all(world, analyzer, [tested])
    known = world.state["sent"][tested.barcode, item]
    remember(world, tested.barcode, results[:1], known["时间"], known["仪器"])
