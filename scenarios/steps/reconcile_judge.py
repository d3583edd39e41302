"""Sentences about reconciliation: what the run must have found, and what it must not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.errors import ScenarioError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.ledger.class_words import CLASS_WORDS
from harness.ledger.explain_table import CAUSES
from harness.ledger.uploads_causes import UPLOAD_CAUSES
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import place
from scenarios.steps.insurance_town import known
from scenarios.steps.reconcile_books import COLUMNS, INTERFACE, PROBE, TOTALS

steps = Library("reconcile")

SIDES: Final = {
    "医院": "his", "中心": "centre", "渠道": "channel", "医院登记": "his_visits",
    "中心登记": "centre_visits", "医院追溯码": "his_boxes", "中心追溯码": "centre_boxes",
    "医院清单": "his_lists", "中心清单": "centre_lists",
}  # fmt: skip
UNKNOWN_CAUSE: Final = "未知"
WHOLE, MINUS_WHOLE = "全额", "负全额"
"""The amount of the patient's bill as it was charged, and its negative."""

_CAUSE_CODES: Final = (
    {one.name[0]: one.code for one in CAUSES}
    | {name: code for code, (name, _) in UPLOAD_CAUSES.items()}
    | {UNKNOWN_CAUSE: "unknown"}
)
_CLASS_CODES: Final = {one.zh: code for code, one in CLASS_WORDS.items()} | {
    "医院单边": "his_only",
    "医保单边": "centre_only",
    "切口外": "outside_cut",
}


def _place(path: str) -> Any:
    return place(INTERFACE, "ledger", path)


def _check(path: str, value: Value | str, clause: str = "") -> Check:
    wanted = value if isinstance(value, Value) else Value(expected=value)
    return Check(path=f"row.{path}", value=wanted, place=_place(path), clause=clause)


@steps.then(
    "{duration}内对账应只有下列差异:",
    id="reconcile.differences",
    purpose="核对对账列出的差异：一笔不多、一笔不少，类别、字段、金额、原因、建议都对",
    effect="类别、原因用报告里的中文名；同一方有收有退时写明“收”“退”；差额可写“全额”“负全额”或元；"
    "建议写其中的一段",
    example="""
    那么 10秒内对账应只有下列差异:
      | 患者 | 账   | 类别     | 差额   | 原因               | 建议 |
      | 甲   | 中心 | 医保单边 | 负全额 | 冲正（2601）被拒绝 | 补记 |
    """,
    gloss="The run lists exactly these differences",
)
def differences(world: World, limit_s: float, table: Table) -> list[Expectation]:
    """Exactly these rows among those that need a person; and the totals are told to the fen."""
    table.require({"患者", "账", "类别"}, optional={"收退", "字段", "差额", "原因", "建议"})
    wanted = [_wanted(world, row) for row in table.rows]
    listed = _listed(wanted, limit_s, "differences", having={"row.difference": "yes"})
    return [listed, _totals(limit_s, "differs")]


def _listed(
    wanted: list[Wanted], limit_s: float, path: str, *, having: Mapping[str, str] | None = None
) -> Expectation:
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": PROBE}, having=having or {}),
        wanted=wanted,
        place=_place(path),
        limit_s=limit_s,
        exact=True,
        ask=Ask(probe=PROBE),
    )


def _wanted(world: World, row: Mapping[str, str]) -> Wanted:
    code = known(_CLASS_CODES, row["类别"])
    checks = [_check("class", code)]
    if row.get("字段"):
        checks.append(_check("field", row["字段"]))
    if row.get("差额"):
        checks.append(_check("delta", _amount(world, row["患者"], row["差额"])))
    if row.get("原因"):
        checks.append(_check("cause", known(_CAUSE_CODES, row["原因"])))
    if row.get("建议"):
        pattern = f"(?s).*{row['建议'].replace('/', '[/]')}.*"
        checks.append(_check("advice", Value(op="pattern", expected=pattern)))
    key = {"row.patient": row["患者"], "row.side": known(SIDES, row["账"])}
    if row.get("收退"):
        key["row.refund"] = known({"收": "0", "退": "1"}, row["收退"])
    return Wanted(key=key, checks=checks)


def _amount(world: World, label: str, text: str) -> Value:
    if text not in {WHOLE, MINUS_WHOLE}:
        return Value(op="decimal", expected=text)
    total = charged(world, label)
    return Value(op="decimal", expected=total if text == WHOLE else f"-{total}")


def charged(world: World, label: str) -> str:
    """What a bill came to when it was written, in yuan; no ledger is asked."""
    charges: Mapping[str, str] = world.state.get("charged", {})
    if label not in charges:
        raise ScenarioError(tr("the person {label} has no bill", label=label))
    return charges[label]


@steps.then(
    "{duration}内对账应平，患者{string}双方各有{int}笔",
    id="reconcile.balanced",
    purpose="核对一名患者的账两边逐字段一致，没有单边、没有不同",
    effect="每一行都要有对应的另一方，各列都一致；一行也没有则无法判定",
    example="那么 10秒内对账应平，患者“甲”双方各有1笔",
    gloss="Both sides have so many rows of a patient, and nothing differs",
)
def balanced(world: World, limit_s: float, label: str, count: int) -> list[Expectation]:
    """So many rows on either side, each paired, all columns alike; and no rest in the totals."""
    if count < 1:
        raise ScenarioError(tr("say how many rows each side has; nothing proves nothing"))
    world.known_person(label)
    checks = [_check("partner", Value(op="pattern", expected="paired|alone"))]
    checks += [_check(name, "agrees") for name in COLUMNS if name != "setl_time"]
    checks.append(_check("difference", "no"))
    wanted = [
        Wanted(key={"row.patient": label, "row.side": side}, checks=checks, times=count)
        for side in ("his", "centre")
    ]
    return [_listed(wanted, limit_s, "rows", having={"row.patient": label}), _totals(limit_s, "")]


@steps.then(
    "{duration}内患者{string}双方各{int}笔应归为{string}",
    id="reconcile.explained",
    purpose="核对看似有差异、其实无需处理的账被认出来",
    effect="类别用报告里的中文名，如：退费对冲、部分退费一致、跨日、同人同额两笔",
    example="那么 10秒内患者“甲”双方各2笔应归为“退费对冲”",
    gloss="So many rows of a patient on either side are of a class that needs nobody",
)
def explained(world: World, limit_s: float, label: str, count: int, kind: str) -> Expectation:
    """All rows of a patient have this class."""
    world.known_person(label)
    checks = [_check("class", known(_CLASS_CODES, kind)), _check("difference", "no")]
    wanted = [
        Wanted(key={"row.patient": label, "row.side": side}, checks=checks, times=count)
        for side in ("his", "centre")
    ]
    return _listed(wanted, limit_s, "rows", having={"row.patient": label})


@steps.then(
    "{duration}内渠道应有患者{string}的{int}笔，归为{string}",
    id="reconcile.channel",
    purpose="核对支付渠道的账逐笔对到医院的账上",
    effect="只看渠道一方的行；类别用报告里的中文名",
    example="那么 10秒内渠道应有患者“甲”的1笔，归为“一致”",
    gloss="The channel has so many rows of a patient, of this class",
)
def of_channel(world: World, limit_s: float, label: str, count: int, kind: str) -> Expectation:
    """So many rows of the third ledger."""
    world.known_person(label)
    key = {"row.patient": label}
    wanted = Wanted(key=key, checks=[_check("class", known(_CLASS_CODES, kind))], times=count)
    having = {"row.patient": label, "row.side": "channel"}
    return _listed([wanted], limit_s, "channel", having=having)


@steps.then(
    "{duration}内{string}应有患者{string}的{int}笔，归为{string}",
    id="reconcile.uploaded",
    purpose="核对登记、追溯码或结算清单的逐行结论，无需处理的也要认得出",
    effect="账：医院登记、中心登记、医院追溯码、中心追溯码、医院清单、中心清单；一行也没有则不通过",
    example="那么 10秒内“中心登记”应有患者“甲”的1笔，归为“一致”",
    gloss="So many rows of a patient's uploads on one side are of this class",
)
def uploaded(
    world: World, limit_s: float, side: str, label: str, count: int, kind: str
) -> Expectation:
    """Exactly so many rows of one side, all of one class."""
    if count < 1:
        raise ScenarioError(tr("say how many rows each side has; nothing proves nothing"))
    world.known_person(label)
    key = {"row.patient": label, "row.side": known(SIDES, side)}
    wanted = Wanted(key=key, checks=[_check("class", known(_CLASS_CODES, kind))], times=count)
    return _listed([wanted], limit_s, "uploads", having=key)


VERDICTS: Final = {"平": "balanced", "有差异": "differs"}


@steps.then(
    "{duration}内对账结论应为{string}",
    id="reconcile.totals",
    purpose="核对结论，以及从医院总额到中心总额的每一步都有行可指，残差为零",
    effect="结论：平、有差异",
    example="那么 10秒内对账结论应为“平”",
    gloss="The verdict of the run, and the bridge of totals leaves no rest",
)
def totals(world: World, limit_s: float, verdict: str) -> Expectation:
    """One row: verdict and residual."""
    return _totals(limit_s, known(VERDICTS, verdict))


def _totals(limit_s: float, verdict: str) -> Expectation:
    checks = [_check("residual", "0.00")]
    if verdict:
        checks.append(_check("verdict", verdict))
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": TOTALS}),
        wanted=[Wanted(key={}, checks=checks)],
        place=_place("totals"),
        limit_s=limit_s,
        exact=True,
        ask=Ask(probe=TOTALS),
    )
