"""Sentences for a real site: ids that its systems give, by a name of the scenario; any probe."""

from __future__ import annotations

from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.scenario.named import keep
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from harness.site.cards import read_forms
from scenarios.steps.common import rows_expected

steps = Library("site")


def _arguments(world: World, role: str, label: str) -> set[str]:
    """Arguments of commands to a role that its cards call so; the argument's own name is one."""
    forms = world.desk.forms if world.desk is not None else read_forms()
    shown = {
        name
        for form in forms.values()
        if form.role == role
        for name, text in form.fields.items()
        if text == label
    }
    return shown | {label}


@steps.when(
    "{string}给出的{string}记作{string}",
    id="site.name",
    purpose="给真实系统自己编的号码（就诊号、条码、检查号）起个名字，供后面的句子引用",
    effect="取该系统最近一张操作卡的这一栏，取到的号优先；其后任何文字和表格里写 ${名字} 即代入",
    example="当 “HIS”给出的“就诊号”记作“号1”",
    gloss="What a system gave for a field of its last command is known by this name",
)
def name(world: World, role: str, label: str, called: str) -> None:
    """From the trace: what was captured, else what was entered."""
    world.after_persons()
    wanted = _arguments(world, role, label)
    for record in reversed(world.trace.records):
        if record["kind"] != "command" or record["role"] != role:
            continue
        found = {**record["args"], **record.get("captured", {})}
        values = [str(found[one]) for one in sorted(wanted & set(found)) if found[one]]
        if values:
            keep(world, called, values[0])
            return
    raise Blocked(tr("nothing that {role} was told to do has “{label}”", role=role, label=label))


@steps.then(
    "{duration}内查询{string}按{string}为{string}应得:",
    id="site.probe",
    purpose="用现场档案里的任一查询核对一行，不必为它另写句子",
    effect="查询须把所问的列也列出；表格每行一列：列名与值，恰有一行",
    example="""
    那么 10秒内查询“his-visits”按“visit_no”为“${号1}”应得:
      | 列     | 值   |
      | status | 已挂号 |
    """,
    gloss="A probe of the profile, asked for this, shows exactly this row",
)
def probe_row(
    world: World, limit_s: float, probe: str, argument: str, value: str, table: Table
) -> Expectation:
    """One row, found by what was asked for."""
    table.require({"列", "值"})
    if probe not in world.bench.probes:
        raise ScenarioError(tr("the profile has no probe {name}", name=probe))
    row = {argument: value, **{one["列"]: one["值"] for one in table.rows}}
    return rows_expected(
        probe=probe,
        args={argument: value},
        interface=str(world.trace.records[0]["scenario"]["interface"]),
        table=probe,
        key=[argument],
        rows=[dict(row)],
        limit_s=limit_s,
    )
