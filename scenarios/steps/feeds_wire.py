"""Sentences about HL7: what must have gone over the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import ORDERS, RESULTS, SETTLE_S, place, whose
from scenarios.steps.lab_stores import stored_rows
from simulators.feed import payloads

steps = Library("feeds")


@steps.then(
    "{duration}内LIS发往HIS的标本{string}结果报文应为:",
    id="feeds.result-message",
    purpose="核对线上 ORU^R01 的每个 OBX",
    effect="比较 OBX-3、5、6、8、11、14 与上传值，不多不少",
    example="""
    那么 10秒内LIS发往HIS的标本“管1”结果报文应为:
      | 项目 |
      | K |
    """,
    gloss="The result message on the wire has exactly these observations",
)
def result_message(world: World, limit_s: float, specimen: str, table: Table) -> list[Expectation]:
    """Every OBX, and the identity in PID."""
    barcode = world.barcode(specimen)
    select = {"link": RESULTS, "type": "ORU^R01", "corr.barcode": barcode}
    paths = {"value": "OBX-5", "unit": "OBX-6", "flag": "OBX-8", "status": "OBX-11",
             "tested_at": "OBX-14"}  # fmt: skip
    wanted = []
    for row in stored_rows(world, barcode, table):
        checks = [
            Check(path=path, value=_nothing_for_normal(column, row[column]),
                  place=place("LIS-ORU", "hl7", path))
            for column, path in paths.items()
        ]  # fmt: skip
        wanted.append(Wanted(key={"OBX-3.1": str(row["item"])}, checks=checks))
    observations = Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select, each="OBX"),
        wanted=wanted,
        place=place("LIS-ORU", "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )
    return [observations, whose(world.owner(specimen), select, "LIS-ORU", limit_s)]


def _nothing_for_normal(column: str, cell: Value | str) -> Value:
    """HL7 writes a normal flag as N or as nothing."""
    if column == "flag" and cell == "N":
        return Value(op="one_of", expected="N\n")
    value = cell if isinstance(cell, Value) else Value(expected=cell)
    if column in {"unit", "flag"} and not value.expected:
        return Value(op="one_of", expected="\n")
    return value


@steps.then(
    "{duration}内LIS应以同一控制号发送标本{string}的结果报文{count}",
    id="feeds.deliveries",
    purpose="核对重发：内容与控制号不变，肯定应答后不再发",
    effect="统计线上该标本 ORU^R01 的次数，MSH-10 必须全部相同",
    example="那么 10秒内LIS应以同一控制号发送标本“管1”的结果报文2次",
    gloss="The LIS sends the result so many times under one control id, and no more",
)
def deliveries(world: World, limit_s: float, specimen: str, count: int) -> Expectation:
    """So many deliveries, all with the same MSH-10."""
    select = {"link": RESULTS, "type": "ORU^R01", "corr.barcode": world.barcode(specimen)}
    return _same_id(select, count, limit_s, place("LIS-ORU", "hl7", "MSH-10"))


@steps.then(
    "{duration}内HIS应以同一控制号发送标本{string}的申请报文{count}",
    id="feeds.order-deliveries",
    purpose="核对 HIS 的重发",
    effect="统计线上该标本 OML^O21 的次数，MSH-10 必须全部相同",
    example="那么 10秒内HIS应以同一控制号发送标本“管1”的申请报文2次",
    gloss="The HIS sends the order so many times under one control id, and no more",
)
def order_deliveries(world: World, limit_s: float, specimen: str, count: int) -> Expectation:
    """So many deliveries, all with the same MSH-10."""
    select = {"link": ORDERS, "type": "OML^O21", "corr.barcode": world.barcode(specimen)}
    return _same_id(select, count, limit_s, place("HIS-ORD", "hl7", "MSH-10"))


def _same_id(select: Mapping[str, str], count: int, limit_s: float, where: Any) -> Expectation:
    check = Check(path="id", value=Value(op="same", slot="控制号"), place=where)
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=[check], times=count)],
        place=place(where.interface, "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=2.0,
        classes={"missing": "lost", "repeated": "duplicate"},
        clause="HL7 2.5.1 §2.9.2",
    )


@steps.then(
    "{duration}内{string}对该报文的应答应为{string}，控制号与来文一致",
    id="feeds.answered",
    purpose="核对应答代码与 MSA-2",
    effect="检查测试端收到的应答：MSA-1、MSA-2",
    example="那么 5秒内“LIS”对该报文的应答应为“AR”，控制号与来文一致",
    gloss="The answer to our message has this code and our control id",
)
def answered(world: World, limit_s: float, role: str, code: str) -> Expectation:
    """Exactly one answer, with our control id."""
    link, payload = world.state["last sent"]
    interface = "HIS-ORD" if link == ORDERS else "LIS-ORU"
    checks = [
        Check(path="MSA-1", value=Value(expected=code), place=place(interface, "hl7", "MSA-1")),
        Check(
            path="MSA-2",
            value=Value(expected=payloads.control_id_of(payload)),
            place=place(interface, "hl7", "MSA-2"),
        ),
    ]
    return Expectation(
        mode="eventually",
        select=Selector(
            kind="message",
            where={"link": link, "frm": role, "to": "LIS" if role == "HIS" else "HIS"},
        ),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
        place=place(interface, "hl7", "MSA"),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state.get("answers since", 0),
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause="HL7 2.5.1 §2.9.2",
    )


@steps.then(
    "{duration}内LIS的拒绝说明应写全该控制码",
    id="feeds.refusal-text",
    purpose="核对拒绝说明没有被截断，也没有乱码",
    effect="检查 LIS 应答的 MSA-3：含有来文 ORC-1 的全部文字",
    example="那么 5秒内LIS的拒绝说明应写全该控制码",
    gloss="The text of the refusal holds the order control of our message, whole and readable",
)
def refusal_text(world: World, limit_s: float) -> Expectation:
    """MSA-3 of the one answer."""
    link, payload = world.state["last sent"]
    where = place("HIS-ORD", "hl7", "MSA-3")
    text = Value(op="pattern", expected=f".*{re.escape(payloads.CONTROL_TEXT)}.*")
    ident = payloads.control_id_of(payload)
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": link, "frm": "LIS",
                                               "corr.acknowledges": ident}),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=[Check(path="MSA-3", value=text,
                                                              place=where)])],
        place=where,
        limit_s=limit_s,
        since=world.state.get("answers since", 0),
        classes={"missing": "unanswered"},
        clause="HL7 2.5.1 §2.15.8",
    )  # fmt: skip


@steps.then(
    "{duration}内HIS发往LIS的患者{string}的{string}报文应为:",
    id="feeds.admission-message",
    purpose="核对线上患者信息报文的字段",
    effect="比较给出的 HL7 字段；值可写“登记姓名、登记性别、登记出生日期、登记身份证号、"
    "登记患者号、删除值”",
    example="""
    那么 10秒内HIS发往LIS的患者“甲”的“ADT^A01”报文应为:
      | 字段 | 值 |
      | PID-5 | 登记姓名 |
    """,
    gloss="The admission message on the wire has these fields",
)
def admission_message(
    world: World, limit_s: float, person: str, kind: str, table: Table
) -> list[Expectation]:
    """Fields of one ADT."""
    table.require({"字段", "值"})
    who = world.known_person(person)
    known = {
        "登记姓名": who.name,
        "登记性别": who.sex,
        "登记出生日期": who.birth,
        "登记身份证号": who.id_card,
        "登记患者号": who.patient_id,
        "删除值": '""',
    }
    select = {"link": ORDERS, "type": kind, "corr.patient": who.patient_id}
    fields = _fields(table, known, select, "HIS-ADT", limit_s)
    return [fields, whose(who, select, "HIS-ADT", limit_s)]


@steps.then(
    "{duration}内HIS发往LIS的标本{string}的申请报文应为:",
    id="feeds.order-message",
    purpose="核对线上申请报文：控制码、项目、优先级",
    effect="每个项目一个 ORC 与 OBR，不多不少",
    example="""
    那么 10秒内HIS发往LIS的标本“管1”的申请报文应为:
      | 项目 | 控制码 |
      | K | NW |
    """,
    gloss="The order message on the wire has exactly these items",
)
def order_message(world: World, limit_s: float, specimen: str, table: Table) -> list[Expectation]:
    """Every OBR with its ORC."""
    return _order_message(world, limit_s, specimen, table, since=0)


@steps.then(
    "{duration}内HIS发往LIS的标本{string}的作废报文应为:",
    id="feeds.cancel-message",
    purpose="核对线上作废报文：控制码、项目",
    effect="只看“作废”之后的申请报文",
    example="""
    那么 10秒内HIS发往LIS的标本“管1”的作废报文应为:
      | 项目 | 控制码 |
      | K | CA |
    """,
    gloss="The order message after the cancellation has exactly these items",
)
def cancel_message(world: World, limit_s: float, specimen: str, table: Table) -> list[Expectation]:
    """Every OBR with its ORC, of what came after the cancellation."""
    return _order_message(world, limit_s, specimen, table, since=world.state["cancelled since"])


def _order_message(
    world: World, limit_s: float, specimen: str, table: Table, *, since: int
) -> list[Expectation]:
    table.require({"项目", "控制码"}, optional={"优先级"})
    select = {
        "link": ORDERS,
        "type": "OML^O21",
        "corr.barcode": world.barcode(specimen),
    }
    wanted = []
    for number, row in enumerate(table.rows, 1):
        checks = [
            Check(path=f"ORC[{number}]-1", value=Value(expected=row["控制码"]),
                  place=place("HIS-ORD", "hl7", "ORC-1")),
            Check(path="OBR-5", value=Value(expected=row.get("优先级") or "R"),
                  place=place("HIS-ORD", "hl7", "OBR-5")),
        ]  # fmt: skip
        wanted.append(Wanted(key={"OBR-4.1": row["项目"]}, checks=checks))
    items = Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select, each="OBR"),
        wanted=wanted,
        place=place("HIS-ORD", "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=since,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )
    return [items, whose(world.owner(specimen), select, "HIS-ORD", limit_s)]


def _fields(
    table: Table,
    known: Mapping[str, str],
    select: Mapping[str, str],
    interface: str,
    limit_s: float,
) -> Expectation:
    checks = []
    for row in table.rows:
        value = known.get(row["值"], row["值"])
        checks.append(
            Check(
                path=row["字段"],
                value=Value(expected=value),
                place=place(interface, "hl7", row["字段"]),
            )
        )
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
        place=place(interface, "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        classes={"missing": "lost", "repeated": "duplicate"},
    )
