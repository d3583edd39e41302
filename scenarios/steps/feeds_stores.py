"""Sentences about HL7: what the LIS and the HIS must have in the end."""

from __future__ import annotations

from harness.errors import ScenarioError
from harness.evidence.expect import Expectation
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import rows_expected
from scenarios.steps.lab_stores import stored_rows

steps = Library("feeds")


@steps.then(
    "{duration}内LIS中患者{string}的信息应与HIS登记一致",
    id="feeds.patient-equal",
    purpose="逐字段核对 LIS 里的患者信息",
    effect="查询探针 lis-patients：姓名、性别、出生日期、身份证号、病区、床位、电话、在院或已出院",
    example="那么 10秒内LIS中患者“甲”的信息应与HIS登记一致",
    gloss="The patient in the LIS is as registered at the HIS",
)
def patient_equal(world: World, limit_s: float, person: str) -> Expectation:
    """Every column that the HIS registered, code point by code point."""
    who = world.known_person(person)
    row = {
        "patient_id": who.patient_id,
        "name": who.name,
        "sex": who.sex,
        "birth": who.birth,
        "id_card": who.id_card,
        "state": "admitted",
        **world.state["patient"][person],
    }
    return rows_expected(
        probe="lis-patients",
        args={"patient_id": who.patient_id},
        interface="HIS-ADT",
        table="patients",
        key=["patient_id"],
        rows=[row],
        limit_s=limit_s,
        classes={"missing": "lost"},
    )


@steps.then(
    "{duration}内LIS中应有测试端登记的患者",
    id="feeds.registered",
    purpose="核对测试端发送的登记逐字段生效",
    effect="查询探针 lis-patients",
    example="那么 10秒内LIS中应有测试端登记的患者",
    gloss="The patient whom we registered is in the LIS as sent",
)
def registered(world: World, limit_s: float) -> Expectation:
    """Every column that our registration carried."""
    who = world.state["message person"]
    row = {
        "patient_id": who.patient_id,
        "name": who.name,
        "sex": who.sex,
        "birth": who.birth,
        "state": "registered",
    }
    return rows_expected(
        probe="lis-patients",
        args={"patient_id": who.patient_id},
        interface="HIS-ADT",
        table="patients",
        key=["patient_id"],
        rows=[row],
        limit_s=limit_s,
        classes={"missing": "lost"},
    )


@steps.then(
    "{duration}内LIS中标本{string}的申请应为:",
    id="feeds.orders",
    purpose="核对 LIS 里的检验申请",
    effect="查询探针 lis-orders：项目、状态、优先级、患者；申请号写“同HIS”则核对申请号",
    example="""
    那么 10秒内LIS中标本“管1”的申请应为:
      | 项目 | 状态 |
      | K | 有效 |
    """,
    gloss="The LIS has exactly these orders of the specimen",
)
def orders(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these items."""
    table.require({"项目"}, optional={"状态", "优先级", "患者", "申请号"})
    barcode = world.barcode(specimen)
    rows: list[dict[str, Value | str]] = []
    for row in table.rows:
        wanted: dict[str, Value | str] = {
            "item": row["项目"],
            "state": {"有效": "ordered", "作废": "cancelled"}[row.get("状态") or "有效"],
            "priority": row.get("优先级") or world.state.get("priority", {}).get(barcode, "R"),
            "patient_id": world.known_person(row["患者"]).patient_id
            if row.get("患者")
            else world.owner(specimen).patient_id,
        }
        if row.get("申请号"):
            wanted["placer"] = _placer(row["申请号"], barcode)
        rows.append(wanted)
    return rows_expected(
        probe="lis-orders",
        args={"barcode": barcode},
        interface="HIS-ORD",
        table="orders",
        key=["item"],
        rows=rows,
        limit_s=limit_s,
        classes={"missing": "lost"},
    )


def _placer(word: str, barcode: str) -> str:
    """The number that the HIS gave its order, as the sentences that order hand it over."""
    if word != "同HIS":
        raise ScenarioError(tr("the order number is {word}, not 同HIS", word=word))
    return f"O{barcode}"


@steps.then(
    "{duration}内HIS中标本{string}的结果应为:",
    id="feeds.his-results",
    purpose="核对 HIS 里的结果：不多、不少、不改、不串",
    effect="查询探针 his-results",
    example="""
    那么 10秒内HIS中标本“管1”的结果应为:
      | 项目 |
      | K |
    """,
    gloss="The HIS has exactly these results of the specimen",
)
def his_results(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these rows."""
    return _his_results(world, limit_s, specimen, table, "his-results", {"version": "1"})


@steps.then(
    "{duration}内HIS中标本{string}的结果应为更正后的版本:",
    id="feeds.his-results-corrected",
    purpose="核对更正结果在 HIS 生效",
    effect="查询探针 his-results-current（每项取最新版本）",
    example="""
    那么 10秒内HIS中标本“管1”的结果应为更正后的版本:
      | 项目 |
      | K |
    """,
    gloss="The latest version of the results in the HIS is this",
)
def his_results_corrected(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """The latest version of each item."""
    return _his_results(world, limit_s, specimen, table, "his-results-current", {"version": "2"})


def _his_results(
    world: World, limit_s: float, specimen: str, table: Table, probe: str, more: dict[str, str]
) -> Expectation:
    barcode = world.barcode(specimen)
    patient_id = world.owner(specimen).patient_id
    whose: dict[str, Value | str] = {"patient_id": patient_id, **more}
    rows = [whose | row for row in stored_rows(world, barcode, table)]
    return rows_expected(
        probe=probe,
        args={"barcode": barcode},
        interface="LIS-ORU",
        table="results",
        key=["item"],
        rows=rows,
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )


@steps.then(
    "{duration}内HIS中应有且仅有标本{string}的危急值:",
    id="feeds.alarms",
    purpose="核对危急值：每个恰好一次，级别与状态正确",
    effect="查询探针 his-alarms；状态：已通知、已确认",
    example="""
    那么 10秒内HIS中应有且仅有标本“管1”的危急值:
      | 项目 | 级别 | 状态 |
      | K | HH | 已通知 |
    """,
    gloss="The HIS has exactly these critical values",
)
def alarms(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these alarms."""
    table.require({"项目", "级别", "状态"}, optional={"确认人"})
    states = {"已通知": "notified", "已确认": "acknowledged"}
    barcode = world.barcode(specimen)
    sent = world.state.get("sent", {})
    return rows_expected(
        probe="his-alarms",
        claim="displayed",
        args={"barcode": world.barcode(specimen)},
        interface="LIS-ORU",
        table="alarms",
        key=["item"],
        rows=[
            {
                "item": row["项目"],
                "level": row["级别"],
                "state": states[row["状态"]],
                "acknowledged_by": row.get("确认人") or "",
                "patient_id": world.owner(specimen).patient_id,
                "value": sent[barcode, row["项目"]]["结果"],
                "ward": world.state["patient"][world.owners[specimen]]["ward"],
            }
            for row in table.rows
        ],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate"},
    )
