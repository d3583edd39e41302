"""Sentences about versions of the interface: the same HIS before a centre that moved on."""

from __future__ import annotations

from typing import Any

from harness import limits
from harness.errors import HarnessError, ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.insurance_town import ROLE, centre, known

steps = Library("insurance")

KINDS = {
    "新增必填": "added",
    "新增选填": "added",
    "改为必填": "retyped",
    "改名": "renamed",
    "加长": "retyped",
    "缩短": "retyped",
    "取消": "removed",
    "代码新增": "code-added",
    "代码取消": "code-removed",
}
"""What a table of changes may say, and how it is carried out."""


def _told(world: World, **args: Any) -> None:
    centre(world)
    try:
        world.bench.driver.command(ROLE, "specification", args, limits.CONTROL_TIMEOUT_S)
    except HarnessError as error:  # the sentence names what the specification does not have
        raise ScenarioError(error.message) from error


@steps.given(
    "医保中心采用接口版本{string}",
    id="insurance.version",
    purpose="同一场景在不同的接口版本上运行",
    effect="中心此后按该版本校验；版本在 fixtures/centre/schema 中",
    example="假如 医保中心采用接口版本“V1.1.18”",
    gloss="The centre checks by this version of the interface",
)
def version(world: World, name: str) -> None:
    """One that ships."""
    _told(world, version=name)


@steps.given(
    "医保中心升级后接口有这些变化:",
    id="insurance.version-changes",
    purpose="升级演练：旧的 HIS 遇到新的中心",
    effect="变化：新增必填、新增选填、改为必填、改名、加长、缩短、取消、代码新增、代码取消；"
    "代码的“节点”写代码表名，“字段”写代码值",
    example="""
    假如 医保中心升级后接口有这些变化:
      | 交易 | 节点 | 字段       | 变化     | 现在 |
      | 2207 | data | mdtrt_mode | 新增必填 | C3!  |
    """,
    gloss="The centre was upgraded, and its interface changed like this",
)
def changes(world: World, table: Table) -> None:
    """Changes to the present version."""
    table.require({"交易", "节点", "字段", "变化", "现在"})
    fields: list[dict[str, str]] = []
    added: dict[str, dict[str, str]] = {}
    removed: dict[str, list[str]] = {}
    for row in table.rows:
        kind = known(KINDS, row["变化"])
        if kind == "code-added":
            added.setdefault(row["节点"], {})[row["字段"]] = row["现在"]
        elif kind == "code-removed":
            removed.setdefault(row["节点"], []).append(row["字段"])
        else:
            fields.append(_change(row, kind))
    _told(world, changes=fields, added=added, removed={k: tuple(v) for k, v in removed.items()})


def _change(row: dict[str, str], kind: str) -> dict[str, str]:
    change = {"infno": row["交易"], "side": "in", "node": row["节点"], "field": row["字段"]}
    match kind:
        case "renamed":
            name, _, shape = row["现在"].partition(" ")
            if not shape:
                raise ScenarioError(tr("a renamed field is written as its new name and its shape"))
            return change | {"was": shape, "was_named": name}
        case "removed":
            return change
    return change | {"was": row["现在"]}
