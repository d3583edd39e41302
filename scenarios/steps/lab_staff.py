"""Sentences about what laboratory staff and doctors do: review, re-run, correct, 危急值."""

from __future__ import annotations

import json
import re

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import RESULTS, SETTLE_S, place, prepared, rows_expected

steps = Library("lab_staff")

# -- the laboratory --------------------------------------------------------------------------------


@steps.when(
    "检验师{string}在LIS审核标本{string}的结果",
    id="lab_staff.review",
    purpose="审核之后到达的结果不得静默覆盖",
    effect="等到 LIS 有结果后，把每项的最新版本置为已审核",
    example="当 检验师“李检验”在LIS审核标本“管1”的结果",
    gloss="A technician signs the results of a specimen",
)
def review(world: World, who: str, specimen: str) -> None:
    """Nobody signs what is not there yet."""
    barcode = world.barcode(specimen)
    prepared(world, "lis-results", {"barcode": barcode})
    world.order("LIS", "review", barcode=barcode, by=who)


@steps.when(
    "检验师在LIS要求复查标本{string}的项目{string}",
    id="lab_staff.rerun",
    purpose="走一次复查",
    effect="等到 LIS 有结果后，把该项目置为待复查，查询与下传都会再给出它",
    example="当 检验师在LIS要求复查标本“管1”的项目“K”",
    gloss="A technician orders a re-run of a test",
)
def rerun(world: World, specimen: str, item: str) -> None:
    """The item is to do once more."""
    barcode = world.barcode(specimen)
    prepared(world, "lis-results", {"barcode": barcode})
    world.order("LIS", "rerun", barcode=barcode, item=item)


@steps.when(
    "检验师{string}在LIS选用标本{string}项目{string}的复查结果",
    id="lab_staff.choose",
    purpose="由人选定复查结果",
    effect="等到复查结果在 LIS 中可见后，把最近一个存为复查的结果作为新版本",
    example="当 检验师“李检验”在LIS选用标本“管1”项目“K”的复查结果",
    gloss="A technician lets the result that was kept aside stand",
)
def choose(world: World, who: str, specimen: str, item: str) -> None:
    """What was kept aside becomes the next version."""
    barcode = world.barcode(specimen)
    prepared(world, "lis-reruns", {"barcode": barcode})
    world.order("LIS", "choose", barcode=barcode, item=item, by=who)


@steps.when(
    "检验师{string}在LIS把标本{string}项目{string}的结果更正为{string}",
    id="lab_staff.correct",
    purpose="人工更正已发出的结果",
    effect="等到 LIS 有结果后，写入状态为 C 的新版本，并通知 HIS",
    example="当 检验师“李检验”在LIS把标本“管1”项目“K”的结果更正为“4.10”",
    gloss="A technician corrects a result",
)
def correct(world: World, who: str, specimen: str, item: str, value: str) -> None:
    """A new version, status C."""
    barcode = world.barcode(specimen)
    prepared(world, "lis-results", {"barcode": barcode})
    world.order("LIS", "correct", barcode=barcode, item=item, value=value, by=who)


# -- critical values -------------------------------------------------------------------------------


@steps.given(
    "LIS的危急值规则为（接收时限{duration}）:",
    id="lab_staff.critical-rules",
    purpose="给出本场景的危急值界限与时限；界限本身不算危急",
    effect="写入 LIS 的危急值规则；场景结束时清空。文本以空格分开；复查：是。"
    "病区、性别可写“甲的”，即该患者的；年满、未满写 18岁、28天。同一项目取条件最多的一条",
    example="""
    假如 LIS的危急值规则为（接收时限15分钟）:
      | 项目 | 低于 | 高于 | 文本 | 复查 |
      | K | 2.8 | 6.2 | | |
    """,
    gloss="The LIS has these limits of critical values",
)
def critical_rules(world: World, limit_s: float, table: Table) -> None:
    """Rules are the hospital's, so they are taken back at the end."""
    table.require(
        {"项目"}, optional={"低于", "高于", "文本", "复查", "病区", "性别", "年满", "未满"}
    )
    rules = [
        {
            "item": row["项目"],
            "low": row.get("低于", ""),
            "high": row.get("高于", ""),
            "texts": row.get("文本", "").split(),
            "recheck": "yes" if row.get("复查") == "是" else "",
            "ward": _of_patient(world, row.get("病区", ""), "ward"),
            "sex": _of_patient(world, row.get("性别", ""), "sex"),
            "age_from": AGES.sub(_age, row.get("年满", "")),
            "age_below": AGES.sub(_age, row.get("未满", "")),
        }
        for row in table.rows
    ]
    world.at_end.append(lambda: world.order("LIS", "critical_rules", rules="[]"))
    world.order("LIS", "critical_rules", rules=json.dumps(rules, ensure_ascii=False),
                receive_minutes=str(round(limit_s / 60)))  # fmt: skip


AGES = re.compile(r"(\d+)(岁|天)")
"""An age in a cell."""

OF_PATIENT = "的"
"""``甲的`` in a cell is what that patient has."""


def _age(found: re.Match[str]) -> str:
    return found[1] + {"岁": "y", "天": "d"}[found[2]]


def _of_patient(world: World, text: str, name: str) -> str:
    """The ward or sex of a patient of the scenario, or the text itself."""
    if not text.endswith(OF_PATIENT):
        return {"男": "M", "女": "F"}.get(text, text)
    label = text.removesuffix(OF_PATIENT)
    person = world.known_person(label)
    return person.sex if name == "sex" else str(world.state["patient"][label][name])


@steps.when(
    "医生{string}在HIS接收标本{string}项目{string}的危急值通知",
    id="lab_staff.receive-alert",
    purpose="走危急值闭环：接收",
    effect="等到 HIS 收到 LIS 的危急值通知后，由医生确认；HIS 回报 LIS",
    example="当 医生“王医生”在HIS接收标本“管1”项目“K”的危急值通知",
    gloss="A doctor receives the alert of a critical value",
)
def receive_alert(world: World, doctor: str, specimen: str, item: str) -> None:
    """The alert must have come before anybody can confirm it."""
    barcode = world.barcode(specimen)
    prepared(world, "his-alerts", {"barcode": barcode})
    notified = world.bench.probes["lis-critical-events"]
    world.poll(lambda: any(row["notified_at"] for row in notified.ask({"barcode": barcode}).rows),
               NOTIFIED_S)  # fmt: skip
    world.order("HIS", "acknowledge", barcode=barcode, item=item, by=doctor)


NOTIFIED_S = 10.0
"""How long the LIS gets to note that the HIS took the alert."""


@steps.when(
    "医生{string}在HIS处理标本{string}项目{string}的危急值，处理意见{string}",
    id="lab_staff.handle-alert",
    purpose="走危急值闭环：处理",
    effect="医生填写处理意见；HIS 回报 LIS，LIS 结束该危急值",
    example="当 医生“王医生”在HIS处理标本“管1”项目“K”的危急值，处理意见“已复查心电图”",
    gloss="A doctor does something about a critical value",
)
def handle_alert(world: World, doctor: str, specimen: str, item: str, note: str) -> None:
    """Ends the loop."""
    world.order("HIS", "handle", barcode=world.barcode(specimen), item=item, by=doctor,
                note=note)  # fmt: skip


STATES = {
    "待复查": "rechecking",
    "已通知": "notified",
    "已升级": "escalated",
    "已接收": "received",
    "已处理": "closed",
    "已撤销": "cancelled",
    "复查排除": "refuted",
}
"""States of a critical value, by their word in a sentence."""


@steps.then(
    "{duration}内LIS的危急值记录应有且仅有标本{string}的:",
    id="lab_staff.critical-events",
    purpose="核对每个危急值恰好一条：级别、状态、通知时间、接收人、处理人",
    effect="查询探针 lis-critical-events；没有给出的列只要求在该状态下应有的时间已记录",
    example="""
    那么 10秒内LIS的危急值记录应有且仅有标本“管1”的:
      | 项目 | 结果 | 级别 | 状态 |
      | K | 6.90 | HH | 已通知 |
    """,
    gloss="The LIS has exactly these critical values of the specimen",
)
def critical_events(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these events; a step that was taken has its time, one that was not has none."""
    table.require({"项目", "结果", "级别", "状态"}, optional={"接收人", "处理人", "意见", "升级"})
    barcode = world.barcode(specimen)
    rows: list[dict[str, Value | str]] = []
    for row in table.rows:
        state = row["状态"]
        if state not in STATES:
            raise ScenarioError(tr("no state {state}; known: {known}", state=state,
                                   known="、".join(STATES)))  # fmt: skip
        told = state not in {"待复查", "复查排除"}
        rows.append({
            "item": row["项目"],
            "value": row["结果"],
            "level": row["级别"],
            "patient_id": world.owner(specimen).patient_id,
            "state": STATES[state],
            "escalations": row.get("升级") or "0",
            "notified_at": TIME if told else "",
            "escalated_at": TIME if row.get("升级") else "",
            "received_by": row.get("接收人", ""),
            "received_at": TIME if row.get("接收人") else "",
            "handled_by": row.get("处理人", ""),
            "handled_at": TIME if row.get("处理人") else "",
            "note": row.get("意见", ""),
        })  # fmt: skip
    return rows_expected(
        probe="lis-critical-events",
        args={"barcode": barcode},
        interface="LIS-CRIT",
        table="critical_event",
        key=["item", "value"],
        rows=rows,
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )


TIME = Value(op="pattern", expected=r"\d{14}")
"""A step was taken; when, nobody can say beforehand."""


@steps.then(
    "{duration}内HIS应有且仅有标本{string}的危急值通知:",
    id="lab_staff.alerts",
    purpose="核对危急值通知到了该到的人，不漏不重",
    effect="查询探针 his-alerts；通知对象：护士站、护士长、值班医生、医务处；"
    "状态：待接收、已接收、已处理、已撤销",
    example="""
    那么 10秒内HIS应有且仅有标本“管1”的危急值通知:
      | 项目 | 结果 | 级别 | 状态 | 通知对象 |
      | K | 6.90 | HH | 待接收 | 护士站 |
    """,
    gloss="The HIS has exactly these alerts of the specimen",
)
def alerts(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these alarms, in the ward where the patient lies."""
    table.require({"项目", "结果", "级别", "状态", "通知对象"})
    barcode = world.barcode(specimen)
    ward = world.state["patient"][world.owners[specimen]]["ward"]
    return rows_expected(
        probe="his-alerts",
        claim="displayed",
        args={"barcode": barcode},
        interface="LIS-ORU",
        table="alarms",
        key=["item", "value"],
        rows=[
            {
                "item": row["项目"],
                "value": row["结果"],
                "level": row["级别"],
                "state": ALERT_STATES[row["状态"]],
                "recipient": RECIPIENTS[row["通知对象"]],
                "patient_id": world.owner(specimen).patient_id,
                "ward": ward,
            }
            for row in table.rows
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )


ALERT_STATES = {
    "待接收": "notified",
    "已接收": "acknowledged",
    "已处理": "handled",
    "已撤销": "cancelled",
}

RECIPIENTS = {
    "护士站": "nurse-station",
    "护士长": "charge-nurse",
    "值班医生": "duty-doctor",
    "医务处": "medical-office",
}


@steps.then(
    "{duration}内LIS发往HIS的标本{string}的危急值报文应为{count}",
    id="lab_staff.alert-messages",
    purpose="核对线上的危急值通知次数：不漏、不重、不在入库之前",
    effect="统计 ORU^R40 的条数，并核对患者号与标本号",
    example="那么 10秒内LIS发往HIS的标本“管1”的危急值报文应为1次",
    gloss="So many alerts go over the wire for the specimen",
)
def alert_messages(world: World, limit_s: float, specimen: str, count: int) -> Expectation:
    """ORU^R40 with the right patient, so many and no more."""
    barcode = world.barcode(specimen)
    person = world.owner(specimen)
    identity = {"PID-3[1].1": person.patient_id, "PID-5.1": person.name, "PID-7": person.birth,
                "PID-8": person.sex}  # fmt: skip
    checks = [
        Check(path=path, value=Value(expected=expected),
              place=place("LIS-CRIT", "hl7", path.partition("[")[0].partition(".")[0]))
        for path, expected in identity.items()
    ]  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(
            kind="message",
            where={"link": RESULTS, "type": "ORU^R40", "corr.barcode": barcode},
        ),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks, times=count)],
        place=place("LIS-CRIT", "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        classes={"missing": "lost", "repeated": "duplicate"},
    )


INDICATORS = {"应通报": "due", "通报": "notified", "及时": "timely", "接收": "received",
              "处理": "handled"}  # fmt: skip
"""Columns of the indicators of 2015 (危急值通报率、及时率), by their word in a sentence."""


@steps.given(
    "已记下LIS的危急值指标",
    id="lab_staff.indicators-before",
    purpose="指标是全院累计的，先记下起点",
    effect="查询探针 lis-critical-indicators",
    example="假如 已记下LIS的危急值指标",
    gloss="The counts behind the indicators are noted",
)
def indicators_before(world: World) -> None:
    """No event yet is no row, and counts as zero."""
    rows = world.bench.probes["lis-critical-indicators"].ask({}).rows
    counts = dict(rows[0]) if rows else {}
    world.state["indicators"] = {key: int(str(counts.get(key) or 0)) for key in INDICATORS.values()}


@steps.then(
    "{duration}内LIS的危急值指标应增加:",
    id="lab_staff.indicators",
    purpose="核对通报率、及时率的分子分母",
    effect="查询探针 lis-critical-indicators，与记下的起点相减",
    example="""
    那么 20秒内LIS的危急值指标应增加:
      | 应通报 | 通报 | 及时 |
      | 2 | 2 | 2 |
    """,
    gloss="The counts behind the indicators rise by so much",
)
def indicators(world: World, limit_s: float, table: Table) -> Expectation:
    """One row of counts."""
    table.require({"应通报"}, optional=set(INDICATORS))
    before = world.state.get("indicators")
    if before is None:
        raise ScenarioError(tr("the indicators were not noted before"))
    counts = {
        INDICATORS[word]: str(before[INDICATORS[word]] + int(cell))
        for word, cell in table.rows[0].items()
    }
    return rows_expected(
        probe="lis-critical-indicators",
        args={},
        interface="LIS-CRIT",
        table="critical_event",
        key=["due"],
        rows=[counts],
        limit_s=limit_s,
    )
