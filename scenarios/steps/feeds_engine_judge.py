"""Sentences about what comes out of the interface engine, and what it keeps."""

from __future__ import annotations

import re

from harness.errors import ScenarioError
from harness.evidence import correlate
from harness.evidence.decode import CHARSET
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.bench import ASLEEP
from harness.scenario.steps import Library
from harness.scenario.world import World
from harness.wire.hl7 import Hl7Message
from scenarios.steps.common import SETTLE_S, place, rows_expected
from scenarios.steps.feeds_engine import INTO, OUT, RECEIVERS, SENDER
from simulators.feed import kinds, through
from simulators.feed.payloads import control_id_of

steps = Library("feeds")

WAYS = {"LIS": (OUT, "ENG-LIS"), "HIS": ("engine-his", "ENG-HIS"), **RECEIVERS}
"""Link and interface of each receiver."""

STATES = {"已登记": "registered", "在院": "admitted", "已出院": "discharged", "未定": ""}
"""How the LIS keeps the state of a patient; of whom it only knows a transfer it has none."""


def _way(receiver: str) -> tuple[str, str]:
    if receiver not in WAYS:
        raise ScenarioError(tr("no receiver {name}; known: {known}", name=receiver,
                               known="、".join(WAYS)))  # fmt: skip
    return WAYS[receiver]


def _sent(world: World, person: str) -> bytes:
    sent: dict[str, bytes] = world.state.get("through", {})
    if person not in sent:
        raise ScenarioError(tr("nothing was sent to the engine for {person}", person=person))
    return sent[person]


@steps.then(
    "{duration}内接口引擎发往{string}的患者{string}登记应逐字段与约定一致",
    id="feeds.engine-forwarded",
    purpose="逐个字段核对转发的报文：该改的改了，不该改的一个字都没有动",
    effect="比较发给接口引擎的每一个值（含 Z 段）与发往该系统的报文；约定的差别："
    "MSH-5 为对方名称，RIS 为 UTF-8、PID-8 换码、PID-4 取身份证号，PACS 不要 PV2",
    example="那么 5秒内接口引擎发往“RIS”的患者“甲”登记应逐字段与约定一致",
    gloss="What the engine forwards has every value that was sent, changed as agreed",
)
def forwarded(world: World, limit_s: float, receiver: str, person: str) -> Expectation:
    """Exactly one message about the patient, value by value."""
    link, _ = _way(receiver)
    return _forwarded(world, limit_s, receiver, person, _about(world, link, person))


@steps.then(
    "{duration}内接口引擎发往{string}的患者{string}该报文应逐字段与约定一致",
    id="feeds.engine-forwarded-kind",
    purpose="逐个字段核对转发的报文，不论是哪一种",
    effect="发出之后转发的该类型报文恰有一份，控制号为来文的；逐值比较，约定的差别同上",
    example="那么 5秒内接口引擎发往“RIS”的患者“甲”该报文应逐字段与约定一致",
    gloss="As before, for a message of any kind: one of its type, under its control id",
)
def forwarded_kind(world: World, limit_s: float, receiver: str, person: str) -> Expectation:
    """Exactly one message of the type since it was sent, value by value."""
    link, _ = _way(receiver)
    select = {"link": link, "frm": ASLEEP, "type": correlate.hl7(_sent(world, person)).type}
    since = world.state["answers since"]
    return _forwarded(world, limit_s, receiver, person, select, since)


def _forwarded(
    world: World, limit_s: float, receiver: str, person: str, select: dict[str, str], since: int = 0
) -> Expectation:
    _, interface = _way(receiver)
    payload = _sent(world, person)
    checks = [
        Check(path=path, value=Value(expected=text),
              place=place(interface, "hl7", path.partition(".")[0].partition("[")[0]))
        for path, text in through.expected(payload, receiver).items()
    ]  # fmt: skip
    checks.append(Check(path=CHARSET, value=Value(expected="as declared"),
                        place=place(interface, "hl7", "MSH-18")))  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select),
        wanted=[Wanted(key={"id": control_id_of(payload)}, checks=checks)],
        place=place(interface, "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=since,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )


def _about(world: World, link: str, person: str) -> dict[str, str]:
    patient = world.known_person(person).patient_id
    return {"link": link, "frm": ASLEEP, "corr.patient": patient}


@steps.then(
    "{duration}内接口引擎应以同一控制号向{string}发送患者{string}的登记，且每份送达的都相同",
    id="feeds.engine-resent",
    purpose="核对下游没有应答时的重发",
    effect="线上该患者的登记至少两次，控制号都是来文的控制号",
    example="那么 9秒内接口引擎应以同一控制号向“LIS”发送患者“甲”的登记，且每份送达的都相同",
    gloss="The engine sends the registration again under the same control id",
)
def resent(world: World, limit_s: float, receiver: str, person: str) -> Expectation:
    """Two deliveries, one id."""
    link, interface = _way(receiver)
    key = {"id": control_id_of(_sent(world, person))}
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where=_about(world, link, person)),
        wanted=[Wanted(key=key, times=2)],
        place=place(interface, "hl7", ""),
        limit_s=limit_s,
        classes={"missing": "lost"},
        clause="HL7 2.5.1 §2.9.2",
    )


@steps.then(
    "{duration}内LIS中患者{string}应与经接口引擎的登记一致",
    id="feeds.engine-lis-patient",
    purpose="核对报文经接口引擎之后在 LIS 真正生效",
    effect="查询探针 lis-patients：姓名、性别、出生日期、身份证号、病区、床位、状态",
    example="那么 5秒内LIS中患者“甲”应与经接口引擎的登记一致",
    gloss="The patient whom we registered through the engine is in the LIS as sent",
)
def lis_patient(world: World, limit_s: float, person: str) -> Expectation:
    """Every column that the registration carried."""
    return _lis_patient(world, limit_s, person, ("门诊", "12", "registered"))


@steps.then(
    "{duration}内LIS中患者{string}应为{string}，与经接口引擎的报文一致",
    id="feeds.engine-lis-state",
    purpose="核对出院、取消出院经接口引擎之后在 LIS 真正生效",
    effect="查询探针 lis-patients：姓名、性别、出生日期、身份证号、病区、床位、"
    "状态（已登记、在院、已出院、未定）",
    example="那么 5秒内LIS中患者“甲”应为“已出院”，与经接口引擎的报文一致",
    gloss="The patient is in the LIS as the message through the engine left him",
)
def lis_state(world: World, limit_s: float, person: str, state: str) -> Expectation:
    """Every column that the message carried, and the state that it leads to."""
    if state not in STATES:
        raise ScenarioError(tr("no state {state}; known: {known}", state=state,
                               known="、".join(STATES)))  # fmt: skip
    return _lis_patient(world, limit_s, person, (kinds.WARD, kinds.BED, STATES[state]))


def _lis_patient(
    world: World, limit_s: float, person: str, stay: tuple[str, str, str]
) -> Expectation:
    who, (ward, bed, state) = world.known_person(person), stay
    row = {
        "patient_id": who.patient_id, "name": who.name, "sex": who.sex, "birth": who.birth,
        "id_card": who.id_card, "ward": ward, "bed": bed,
    }  # fmt: skip
    row |= {"state": state} if state else {}
    return rows_expected(
        probe="lis-patients", args={"patient_id": who.patient_id}, interface="ENG-LIS",
        table="patients", key=["patient_id"], rows=[row], limit_s=limit_s,
        classes={"missing": "lost"},
    )  # fmt: skip


@steps.then(
    "{duration}内LIS中不应有患者{string}，而有患者{string}",
    id="feeds.engine-lis-absent",
    purpose="核对被拒绝的报文没有生效",
    effect="查询探针 lis-patients；后一名患者是对照，证明查得到",
    example="那么 3秒内LIS中不应有患者“丙”，而有患者“甲”",
    gloss="Until the limit the first patient is not in the LIS, while the second one is",
)
def lis_absent(world: World, limit_s: float, absent: str, present: str) -> Expectation:
    """With a positive control."""

    def of(label: str) -> dict[str, str]:
        return {"patient_id": world.known_person(label).patient_id}

    return Expectation(
        mode="never",
        select=Selector(kind="probe", where={"probe": "lis-patients"}),
        place=place("ENG-LIS", "sql", "patients"),
        limit_s=limit_s,
        ask=Ask(probe="lis-patients", args=of(absent)),
        control=Selector(kind="probe", where={"probe": "lis-patients"}),
        control_ask=Ask(probe="lis-patients", args=of(present)),
        classes={"unwanted": "invented"},
    )


@steps.then(
    "{duration}内接口引擎的队列中患者{string}发往{string}的报文应为{string}",
    id="feeds.engine-queue",
    purpose="核对下游拒绝的报文留在异常列表里，有原因，可补发",
    effect="查询探针 engine-queue；状态：已送达、被拒绝（原因以 AE 或 AR 开头）、待发",
    example="那么 5秒内接口引擎的队列中患者“甲”发往“RIS”的报文应为“被拒绝”",
    gloss="The queue of the engine shows the message in this state",
)
def queue(world: World, limit_s: float, person: str, receiver: str, state: str) -> Expectation:
    """One row for this destination."""
    reason = "A[ER].*" if state == "被拒绝" else ""
    return _queued(world, limit_s, person, receiver, state, reason)


@steps.then(
    "{duration}内接口引擎的队列中患者{string}发往{string}的报文应被拒绝，原因写明{string}",
    id="feeds.engine-queue-reason",
    purpose="核对下游拒绝的原因原样留在异常列表里，使人看得出是哪一种报文",
    effect="查询探针 engine-queue：状态为被拒绝，原因以 AE 或 AR 开头，并含句中文字",
    example="那么 5秒内接口引擎的队列中患者“甲”发往“LIS”的报文应被拒绝，原因写明“event A11”",
    gloss="The queue shows the message as refused, with this in the reason",
)
def queue_reason(
    world: World, limit_s: float, person: str, receiver: str, reason: str
) -> Expectation:
    """One row for this destination, and why."""
    pattern = f"A[ER] .*{re.escape(reason)}.*"
    return _queued(world, limit_s, person, receiver, "被拒绝", pattern)


def _queued(
    world: World, limit_s: float, person: str, receiver: str, state: str, reason: str
) -> Expectation:
    states = {"已送达": "accepted", "被拒绝": "refused", "待发": "pending"}
    if state not in states:
        raise ScenarioError(tr("no state {state}; known: {known}", state=state,
                               known="、".join(states)))  # fmt: skip
    link, interface = _way(receiver)
    patient = world.known_person(person).patient_id
    where = place(interface, "sql", "queue")
    checks = [Check(path="row.state", value=Value(expected=states[state]), place=where),
              Check(path="row.reason", value=Value(op="pattern", expected=reason),
                    place=where)]  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": "engine-queue"}, having={"row.link": link}),
        wanted=[Wanted(key={"row.link": link}, checks=checks)],
        place=where,
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        ask=Ask(probe="engine-queue", args={"patient_id": patient}),
        classes={"missing": "lost", "repeated": "duplicate"},
    )


@steps.then(
    "{duration}内接口引擎不应再发患者{string}的报文，而患者{string}的照常",
    id="feeds.engine-not-again",
    purpose="核对重启后已应答的报文不再发送",
    effect="重启之后到时限为止，线上不得再有前者的报文；后者的报文是对照，证明看得到",
    example="那么 3秒内接口引擎不应再发患者“甲”的报文，而患者“乙”的照常",
    gloss="After its restart the engine sends nothing more about the first patient",
)
def not_again(world: World, limit_s: float, person: str, other: str) -> Expectation:
    """What was answered is over."""
    return Expectation(
        mode="never",
        select=Selector(kind="message", where=_about(world, OUT, person)),
        place=place("ENG-LIS", "hl7", ""),
        limit_s=limit_s,
        control=Selector(kind="message", where=_about(world, OUT, other)),
        since=world.state.get("engine restarted", 0),
        classes={"unwanted": "duplicate"},
        clause="HL7 2.5.1 §2.9.2",
    )


@steps.then(
    "{duration}内接口引擎应先确认收到患者{string}的登记，再经另一连接送来应用应答{string}",
    id="feeds.engine-two-answers",
    purpose="核对增强模式的两个应答各走各的连接",
    effect="原连接上恰有一份 CA；接口引擎另开的连接上有 MSA-1 为句中代码的应用应答，"
    "两者的 MSA-2 都是来文控制号，MSH-3 至 6 与来文的收发对调",
    example="那么 5秒内接口引擎应先确认收到患者“甲”的登记，再经另一连接送来应用应答“AA”",
    gloss="CA comes over the first connection, the application answer over a second one",
)
def two_answers(world: World, limit_s: float, person: str, code: str) -> list[Expectation]:
    """HL7 2.5.1 §2.9.3."""
    ident = control_id_of(_sent(world, person))
    found = []
    for link, interface, wanted in ((INTO, "HIS-ENG", "CA"), (SENDER, "ENG-ACK", code)):
        where = place(interface, "hl7", "MSA-1")
        select = {"link": link, "frm": ASLEEP, "corr.acknowledges": ident}
        check = Check(path="MSA-1", value=Value(expected=wanted), place=where)
        checks = [check, *_swapped(_sent(world, person), interface)]
        found.append(
            Expectation(
                mode="eventually",
                select=Selector(kind="message", where=select),
                wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
                place=where,
                limit_s=limit_s,
                exact=True,
                settle_s=SETTLE_S,
                classes={"missing": "unanswered", "repeated": "duplicate"},
                clause="HL7 2.5.1 §2.9.3",
            )
        )
    return found


def _swapped(payload: bytes, interface: str) -> list[Check]:
    """Who answers is whom the message was for (HL7 2.5.1 §2.9.2)."""
    sent = Hl7Message.parse(payload)
    return [
        Check(path=path, value=Value(expected=sent.get(other) or ""),
              place=place(interface, "hl7", path))
        for path, other in (("MSH-3", "MSH-5"), ("MSH-4", "MSH-6"), ("MSH-5", "MSH-3"),
                            ("MSH-6", "MSH-4"))
    ]  # fmt: skip


@steps.then(
    "{duration}内接口引擎对患者{string}登记的应答应为{string}",
    id="feeds.engine-answer",
    purpose="核对接口引擎收下之后的应答",
    effect="最近一次发送之后恰有一份应答，MSA-1 如句中所写，MSA-2 为来文控制号，"
    "MSH-3 至 6 与来文的收发对调",
    example="那么 5秒内接口引擎对患者“甲”登记的应答应为“AA”",
    gloss="The engine answers our registration with this code",
)
def answer(world: World, limit_s: float, person: str, code: str) -> Expectation:
    """One answer since the last sending."""
    where = place("HIS-ENG", "hl7", "MSA-1")
    ident = control_id_of(_sent(world, person))
    select = {"link": INTO, "frm": ASLEEP, "corr.acknowledges": ident}
    check = Check(path="MSA-1", value=Value(expected=code), place=where)
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where=select),
        wanted=[
            Wanted(
                key={"protocol": "hl7"}, checks=[check, *_swapped(_sent(world, person), "HIS-ENG")]
            )
        ],
        place=where,
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["answers since"],
        classes={"missing": "unanswered", "repeated": "duplicate"},
    )


@steps.then(
    "{duration}内接口引擎应积压患者{string}发往{string}的{int}份报文",
    id="feeds.engine-backlog",
    purpose="核对下游停机时报文已收下、存着、没有送出",
    effect="查询探针 engine-queue：该患者发往该系统的报文恰有这么多份，都是待发",
    example="那么 5秒内接口引擎应积压患者“甲”发往“LIS”的4份报文",
    gloss="The engine holds so many messages of the patient for this destination",
)
def backlog(world: World, limit_s: float, person: str, receiver: str, count: int) -> Expectation:
    """So many rows, all of them waiting."""
    link, interface = _way(receiver)
    where = place(interface, "sql", "queue")
    check = Check(path="row.state", value=Value(expected="pending"), place=where)
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": "engine-queue"}, having={"row.link": link}),
        wanted=[Wanted(key={"row.link": link}, checks=[check], times=count)],
        place=where,
        limit_s=limit_s,
        exact=True,
        ask=Ask(probe="engine-queue", args={"patient_id": world.known_person(person).patient_id}),
        classes={"missing": "lost", "repeated": "duplicate"},
    )
