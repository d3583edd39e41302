"""Sentences for a real site: ids that its systems give, any probe, what truly left a system."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Expectation
from harness.i18n import tr
from harness.probes.sent import SentResults
from harness.scenario.named import keep
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from harness.site.cards import read_forms
from scenarios.steps.common import place, rows_expected

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


@steps.given(
    "患者{string}是测试患者{string}",
    id="site.subject",
    purpose="真实系统不收生成的患者时，改用本院签字的测试患者",
    effect="后面的句子里该患者就是 [test_subjects] 名单中这个患者号的人；没有或没有签字则受阻",
    example="假如 患者“甲”是测试患者“TEST0001”",
    gloss="A patient of the scenario is one of the signed test patients of the site",
)
def subject(world: World, label: str, number: str) -> None:
    """Only who stands in the list that was signed for."""
    world.signed_person(label, number)


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


RESULTS = "LIS-ORU"
"""Interface on which results leave a LIS."""


@steps.then(
    "{duration}内{string}确已发出标本{string}的结果，我方端点所见为:",
    id="site.sent",
    purpose="区分“存了”和“发了”：库里有结果（或待发队列有一行）不等于已经发出",
    effect="只认到达我方中继或监听的结果报文；该接口上没有我方端点时“无法判定”，数据库探针也不能代替",
    example="""
    那么 10秒内“LIS”确已发出标本“管1”的结果，我方端点所见为:
      | 项目 | 患者 | 结果 |
      | K    | 甲   | 4.10 |
    """,
    gloss="The results of a specimen arrived at an endpoint of ours: sent, not only stored",
)
def sent(world: World, limit_s: float, role: str, specimen: str, table: Table) -> Expectation:
    """Claims ``sent``: a probe that only sees a table cannot pass it."""
    table.require({"项目", "患者", "结果"})
    name = f"{role}-sent-results"
    if name not in world.bench.probes:
        world.bench.look(
            SentResults(name, role, RESULTS, lambda: world.trace.records,
                        lambda: world.bench.watched)
        )  # fmt: skip
        world.at_end.append(lambda: world.bench.look_away(name))
    barcode = world.barcode(specimen)
    rows = [
        {"item": row["项目"], "value": row["结果"],
         "patient_id": world.known_person(row["患者"]).patient_id}
        for row in table.rows
    ]  # fmt: skip
    found = rows_expected(probe=name, args={"barcode": barcode}, interface=RESULTS, table="OBX",
                          key=["item"], rows=rows, limit_s=limit_s, claim="sent")  # fmt: skip
    return _in_messages(found)


FIELDS = {"value": "OBX-5", "patient_id": "PID-3", "barcode": "OBR-3"}
"""Where in a result message each column stands."""


def _in_messages(found: Expectation) -> Expectation:
    """The same with its true places: what is looked at is a message, and no table."""
    wanted = [
        replace(
            one,
            checks=[
                replace(check, place=place(RESULTS, "hl7", FIELDS[check.path.removeprefix("row.")]))
                for check in one.checks
            ],
        )
        for one in found.wanted
    ]
    return replace(found, wanted=wanted, place=place(RESULTS, "hl7", "OBX"))
