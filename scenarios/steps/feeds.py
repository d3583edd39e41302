"""Sentences about HL7 between HIS and LIS: admissions, orders, results, acknowledgements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import ScenarioError
from harness.evidence.decode import CHARSET
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import SETTLE_S, place, prepared, rows_expected
from scenarios.steps.lab import NAME_KINDS, admission_fields, remember, results_of, stored_rows
from simulators.feed import payloads
from simulators.feed.feed import Feed
from simulators.feed.policy import Policy, Rule

steps = Library("feeds")

ORDERS, RESULTS = "his-lis", "lis-his"
"""Links: HIS to LIS, LIS to HIS."""

SEND_TIMEOUT_S = 30.0

ANSWERS = {
    "AA": Rule(code="AA"),
    "AE": Rule(code="AE"),
    "AR": Rule(code="AR"),
    "不应答": Rule(action="silence"),
    "他文控制号": Rule(action="foreign-id"),
    "乱码": Rule(action="garbage"),
    "断开": Rule(action="close"),
    "应答两次": Rule(action="twice"),
}
"""Answers of a played receiver, by the word in a sentence."""

PATIENT_COLUMNS = {
    "姓名": "name",
    "性别": "sex",
    "出生日期": "birth",
    "身份证号": "id_card",
    "病区": "ward",
    "床位": "bed",
    "电话": "phone",
}


# -- what users of the HIS do ------------------------------------------------------------------


@steps.given(
    "患者{string}已在HIS入院",
    id="feeds.admitted",
    purpose="准备一名 LIS 已知的住院患者",
    effect="HIS 发 ADT^A01，等到 LIS 存入为止",
    example="假如 患者“甲”已在HIS入院",
    gloss="A patient is admitted and known to the LIS",
)
def admitted(world: World, person: str) -> None:
    """A generated person, admitted at the HIS."""
    admit(world, person, "ordinary")
    prepared(world, "lis-patients", {"patient_id": world.known_person(person).patient_id})


@steps.given(
    "已为标本{string}准备条码，属于患者{string}",
    id="feeds.specimen",
    purpose="先有条码，才能按它计划故障",
    effect="只生成一个新条码",
    example="假如 已为标本“管1”准备条码，属于患者“甲”",
    gloss="A fresh specimen id of a patient",
)
def specimen_of(world: World, specimen: str, person: str) -> None:
    """A fresh specimen id that nothing was ordered for yet."""
    world.specimen(specimen, person)


@steps.when(
    "HIS为姓名属于{string}的患者{string}办理入院",
    id="feeds.admit-name-kind",
    purpose="用某一类姓名检查字符集",
    effect="HIS 发 ADT^A01；姓名类别：普通、截断字、生僻字、易误判字、少数民族、长名",
    example="当 HIS为姓名属于“截断字”的患者“甲”办理入院",
    gloss="The HIS admits a patient whose name is of a kind",
)
def admit_name_kind(world: World, kind: str, person: str) -> None:
    """One ADT^A01."""
    known = {"普通": "ordinary", **NAME_KINDS}
    if kind not in known:
        raise ScenarioError(tr("no kind of name {kind}; known: {known}", kind=kind,
                               known="、".join(known)))  # fmt: skip
    admit(world, person, known[kind])


def admit(world: World, label: str, kind: str) -> None:
    """Admit a new generated person at the HIS."""
    who = world.person(label, kind)
    world.state.setdefault("admitted", set()).add(label)
    fields = admission_fields(world, label)
    world.order("HIS", "admit", patient_id=who.patient_id, name=who.name, sex=who.sex,
                birth=who.birth, id_card=who.id_card, **fields)  # fmt: skip


@steps.when(
    "HIS为患者{string}办理转科到病区{string}床位{string}",
    id="feeds.transfer",
    purpose="检查转科后的病区床位",
    effect="HIS 发 ADT^A02",
    example="当 HIS为患者“甲”办理转科到病区“W07”床位“12”",
    gloss="The HIS transfers a patient",
)
def transfer(world: World, person: str, ward: str, bed: str) -> None:
    """One ADT^A02."""
    who = world.known_person(person)
    world.state["patient"][person] |= {"ward": ward, "bed": bed}
    world.order("HIS", "transfer", patient_id=who.patient_id, ward=ward, bed=bed)


@steps.when(
    "HIS删除患者{string}的电话",
    id="feeds.delete-phone",
    purpose="检查删除值与空值的区别",
    effect='HIS 发 ADT^A08，PID-13 为 ""',
    example="当 HIS删除患者“甲”的电话",
    gloss="The HIS deletes a patient's phone number",
)
def delete_phone(world: World, person: str) -> None:
    """HL7 null in PID-13."""
    who = world.known_person(person)
    world.state["patient"][person]["phone"] = ""
    world.order("HIS", "update", patient_id=who.patient_id, phone='""')


@steps.when(
    "HIS将患者{string}合并到患者{string}",
    id="feeds.merge",
    purpose="检查合并后申请与结果的归属",
    effect="HIS 发 ADT^A40，前者被停用",
    example="当 HIS将患者“甲”合并到患者“乙”",
    gloss="The HIS merges one patient into another",
)
def merge(world: World, retired: str, survivor: str) -> None:
    """One ADT^A40."""
    world.order("HIS", "merge", patient_id=world.known_person(survivor).patient_id,
                retired=world.known_person(retired).patient_id)  # fmt: skip


@steps.when(
    "HIS为患者{string}的标本{string}开立检验申请:",
    id="feeds.order",
    purpose="从 HIS 向 LIS 发送检验申请",
    effect="HIS 发 OML^O21，每个项目一个 OBR",
    example="当 HIS为患者“甲”的标本“管1”开立检验申请:",
    gloss="The HIS orders items for a specimen",
)
def order(world: World, person: str, specimen: str, table: Table) -> None:
    """One OML^O21."""
    table.require({"项目"}, optional={"优先级"})
    who = world.known_person(person)
    if specimen not in world.slots.names("specimen"):
        world.specimen(specimen, person)
    barcode = world.barcode(specimen)
    priority = table.rows[0].get("优先级") or "R"
    world.state.setdefault("priority", {})[barcode] = priority
    world.order("HIS", "order", patient_id=who.patient_id, placer=f"O{barcode}",
                barcode=barcode, items=",".join(row["项目"] for row in table.rows),
                priority=priority)  # fmt: skip


@steps.when(
    "HIS作废标本{string}的检验申请:",
    id="feeds.cancel",
    purpose="检查作废的申请在 LIS 中失效",
    effect="HIS 发 OML^O21，ORC-1 为 CA",
    example="当 HIS作废标本“管1”的检验申请:",
    gloss="The HIS cancels ordered items",
)
def cancel(world: World, specimen: str, table: Table) -> None:
    """One OML^O21 with CA."""
    table.require({"项目"})
    barcode = world.barcode(specimen)
    world.state["cancelled since"] = len(world.trace)
    world.order("HIS", "cancel", patient_id=world.owner(specimen).patient_id,
                placer=f"O{barcode}", barcode=barcode,
                items=",".join(row["项目"] for row in table.rows))  # fmt: skip


@steps.when(
    "医生{string}在HIS确认标本{string}项目{string}的危急值",
    id="feeds.acknowledge-critical",
    purpose="走完危急值的医生确认",
    effect="等到 HIS 有该危急值后，由医生确认",
    example="当 医生“王医生”在HIS确认标本“管1”项目“K”的危急值",
    gloss="A doctor acknowledges a critical value at the HIS",
)
def acknowledge_critical(world: World, doctor: str, specimen: str, item: str) -> None:
    """The doctor cannot confirm what the HIS does not show yet."""
    barcode = world.barcode(specimen)
    prepared(world, "his-alarms", {"barcode": barcode})
    world.order("HIS", "acknowledge", barcode=barcode, item=item, by=doctor)


# -- playing one side --------------------------------------------------------------------------


@steps.given(
    "HIS由测试端扮演，对标本{string}的结果报文依次应答:",
    id="feeds.play-his",
    purpose="检查 LIS 作为发送方对各种应答的反应",
    effect="LIS 的结果报文改由测试端接收；应答：AA、AE、AR、不应答、他文控制号、乱码、断开、"
    "应答两次",
    example="假如 HIS由测试端扮演，对标本“管1”的结果报文依次应答:",
    gloss="We play the HIS and answer the deliveries of a result one after the other",
)
def play_his(world: World, specimen: str, table: Table) -> None:
    """A receiver with a policy; after the listed answers it accepts."""
    table.require({"应答"})
    barcode = world.barcode(specimen)
    rules = []
    for number, row in enumerate(table.rows, 1):
        if row["应答"] not in ANSWERS:
            raise ScenarioError(tr("no answer {answer}; known: {known}", answer=row["应答"],
                                   known="、".join(ANSWERS)))  # fmt: skip
        rule = ANSWERS[row["应答"]]
        rules.append(Rule(holds=barcode, occurrences=(number,), action=rule.action, code=rule.code))
    world.stand_in("测试端HIS", Feed("HIS", world.clock, Policy(rules)), RESULTS)


def _control_id(world: World) -> str:
    """A fresh MSH-10: from the seed and a counter of this scenario."""
    count = world.state["control ids"] = world.state.get("control ids", 0) + 1
    return f"T{int(world.draw('control id') * 10**12):012d}{count:03d}"


def _send(world: World, role: str, link: str, payload: bytes) -> dict[str, Any]:
    name = f"测试端{role}"
    world.state["last sent"] = (link, payload)
    world.state["answers since"] = len(world.trace)
    world.join(name, Feed(role, world.clock), link)
    value: dict[str, Any] = world.tell(
        name, "send", SEND_TIMEOUT_S, link=link, payload=payload.hex()
    )
    return value


@steps.when(
    "测试端以HIS身份向LIS发送{string}",
    id="feeds.send-to-lis",
    purpose="向 LIS 发送一种特殊报文",
    effect="种类见 payloads.TO_LIS：不支持的事件、没有患者号的登记、不支持的申请控制码",
    example="当 测试端以HIS身份向LIS发送“不支持的事件”",
    gloss="We play the HIS and send a message of a named kind to the LIS",
)
def send_to_lis(world: World, kind: str) -> None:
    """One message, and its answer."""
    who = world.person(f"报文 {kind}")
    world.state["message person"] = who
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    payload = payloads.to_lis(kind, who, control_id=_control_id(world), time=time)
    _send(world, "HIS", ORDERS, payload)


@steps.when(
    "测试端以LIS身份向HIS发送标本{string}的结果:",
    id="feeds.send-result-to-his",
    purpose="直接向 HIS 发送一份结果报文",
    effect="ORU^R01，每个项目一个 OBX，单位与结果照表",
    example="当 测试端以LIS身份向HIS发送标本“管1”的结果:",
    gloss="We play the LIS and send a result to the HIS",
)
def send_result_to_his(world: World, specimen: str, table: Table) -> None:
    """One ORU^R01."""
    table.require({"项目", "结果"}, optional={"单位", "标志", "状态"})
    barcode = world.barcode(specimen)
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    results = results_of(world, specimen, table)
    remember(world, barcode, results, time)
    payload = payloads.result(
        world.owner(specimen), barcode, results, control_id=_control_id(world), time=time
    )
    _send(world, "LIS", RESULTS, payload)


@steps.when(
    "测试端以LIS身份向HIS补发标本{string}的旧结果:",
    id="feeds.send-old-result-to-his",
    purpose="检查迟到的旧结果不会覆盖新结果",
    effect="同“发送标本的结果”，但不算作最新上传值",
    example="当 测试端以LIS身份向HIS补发标本“管1”的旧结果:",
    gloss="We play the LIS and send an old result late",
)
def send_old_result_to_his(world: World, specimen: str, table: Table) -> None:
    """One ORU^R01 that should change nothing."""
    table.require({"项目", "结果"}, optional={"单位", "标志", "状态"})
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    results = results_of(world, specimen, table)
    owner, barcode = world.owner(specimen), world.barcode(specimen)
    payload = payloads.result(owner, barcode, results, control_id=_control_id(world), time=time)
    _send(world, "LIS", RESULTS, payload)


@steps.when(
    "测试端以LIS身份向HIS发送{string}",
    id="feeds.send-to-his",
    purpose="向 HIS 发送一种特殊报文",
    effect="种类：不支持的报文、没有标本号的结果",
    example="当 测试端以LIS身份向HIS发送“不支持的报文”",
    gloss="We play the LIS and send a message of a named kind to the HIS",
)
def send_to_his(world: World, kind: str) -> None:
    """One message, and its answer."""
    who = world.person(f"报文 {kind}")
    time = world.clock.wall().strftime("%Y%m%d%H%M%S")
    payload = payloads.to_his(kind, who, control_id=_control_id(world), time=time)
    _send(world, "LIS", RESULTS, payload)


@steps.when(
    "测试端再次发送同一报文",
    id="feeds.send-again",
    purpose="检查控制号相同的报文只生效一次",
    effect="逐字节相同的报文再发一次",
    example="当 测试端再次发送同一报文",
    gloss="We send the very same message again",
)
def send_again(world: World) -> None:
    """Byte for byte, over the same line."""
    if "last sent" not in world.state:
        raise ScenarioError(tr("nothing was sent before that could be sent again"))
    link, payload = world.state["last sent"]
    role = "HIS" if link == ORDERS else "LIS"
    _send(world, role, link, payload)


# -- judging -----------------------------------------------------------------------------------


@steps.then(
    "{duration}内LIS中患者{string}的信息应与HIS登记一致",
    id="feeds.patient-equal",
    purpose="逐字段核对 LIS 里的患者信息",
    effect="查询探针 lis-patients：姓名、性别、出生日期、身份证号、病区、床位、电话",
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
        **world.state["patient"][person],
        "state": "admitted",
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
    effect="查询探针 lis-orders：项目、状态、优先级、患者",
    example="那么 10秒内LIS中标本“管1”的申请应为:",
    gloss="The LIS has exactly these orders of the specimen",
)
def orders(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Exactly these items."""
    table.require({"项目"}, optional={"状态", "优先级", "患者"})
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


@steps.then(
    "{duration}内HIS中标本{string}的结果应为:",
    id="feeds.his-results",
    purpose="核对 HIS 里的结果：不多、不少、不改、不串",
    effect="查询探针 his-results",
    example="那么 10秒内HIS中标本“管1”的结果应为:",
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
    example="那么 10秒内HIS中标本“管1”的结果应为更正后的版本:",
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
    example="那么 10秒内HIS中应有且仅有标本“管1”的危急值:",
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


@steps.then(
    "{duration}内LIS发往HIS的标本{string}结果报文应为:",
    id="feeds.result-message",
    purpose="核对线上 ORU^R01 的每个 OBX",
    effect="比较 OBX-3、5、6、8、11、14 与上传值，不多不少",
    example="那么 10秒内LIS发往HIS的标本“管1”结果报文应为:",
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
    return [observations, _identity(world, limit_s, specimen, select)]


def _nothing_for_normal(column: str, cell: Value | str) -> Value:
    """HL7 writes a normal flag as N or as nothing."""
    if column == "flag" and cell == "N":
        return Value(op="one_of", expected="N\n")
    value = cell if isinstance(cell, Value) else Value(expected=cell)
    if column in {"unit", "flag"} and not value.expected:
        return Value(op="one_of", expected="\n")
    return value


def _identity(
    world: World, limit_s: float, specimen: str, select: Mapping[str, str]
) -> Expectation:
    who = world.owner(specimen)
    fields = {"PID-3.1": who.patient_id, "PID-5": who.name, "PID-7": who.birth, "PID-8": who.sex}
    checks = [
        Check(path=path, value=Value(expected=value), place=place("LIS-ORU", "hl7", path[:5]))
        for path, value in fields.items()
    ]
    checks.append(
        Check(
            path=CHARSET,
            value=Value(expected="as declared"),
            place=place("LIS-ORU", "hl7", "MSH-18"),
            clause="HL7 2.4 §2.16.9.18",
        )
    )
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select),
        wanted=[Wanted(key={"type": "ORU^R01"}, checks=checks)],
        place=place("LIS-ORU", "hl7", ""),
        limit_s=limit_s,
        classes={"missing": "lost"},
    )


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
    "{duration}内HIS发往LIS的患者{string}的{string}报文应为:",
    id="feeds.admission-message",
    purpose="核对线上患者信息报文的字段",
    effect="比较给出的 HL7 字段；值可写“登记姓名、登记性别、登记出生日期、登记身份证号、"
    "登记患者号、删除值”",
    example="那么 10秒内HIS发往LIS的患者“甲”的“ADT^A01”报文应为:",
    gloss="The admission message on the wire has these fields",
)
def admission_message(
    world: World, limit_s: float, person: str, kind: str, table: Table
) -> Expectation:
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
    return _fields(table, known, select, "HIS-ADT", limit_s)


@steps.then(
    "{duration}内HIS发往LIS的标本{string}的申请报文应为:",
    id="feeds.order-message",
    purpose="核对线上申请报文：控制码、项目、优先级",
    effect="每个项目一个 ORC 与 OBR，不多不少",
    example="那么 10秒内HIS发往LIS的标本“管1”的申请报文应为:",
    gloss="The order message on the wire has exactly these items",
)
def order_message(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Every OBR with its ORC."""
    return _order_message(world, limit_s, specimen, table, since=0)


@steps.then(
    "{duration}内HIS发往LIS的标本{string}的作废报文应为:",
    id="feeds.cancel-message",
    purpose="核对线上作废报文：控制码、项目",
    effect="只看“作废”之后的申请报文",
    example="那么 10秒内HIS发往LIS的标本“管1”的作废报文应为:",
    gloss="The order message after the cancellation has exactly these items",
)
def cancel_message(world: World, limit_s: float, specimen: str, table: Table) -> Expectation:
    """Every OBR with its ORC, of what came after the cancellation."""
    return _order_message(world, limit_s, specimen, table, since=world.state["cancelled since"])


def _order_message(
    world: World, limit_s: float, specimen: str, table: Table, *, since: int
) -> Expectation:
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
    return Expectation(
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
