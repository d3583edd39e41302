"""Sentences of the probe packs: one matter in many ways of writing, several messages at once."""

from __future__ import annotations

from typing import Any

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.faults.plan import Fault, Trigger
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from harness.wire.hl7 import header
from scenarios.steps.common import ORDERS, RESULTS, SETTLE_S, place, rows_expected
from scenarios.steps.faults import Kind
from scenarios.steps.feeds_play import SEND_TIMEOUT_S, control_id, send, speaks_hllp
from scenarios.steps.lab import NAME_KINDS, admission_fields
from simulators.feed import variants
from simulators.feed.burst import Burst
from simulators.feed.payloads import control_id_of

steps = Library("feeds")

ARRIVALS = {
    "与下一份粘连": Kind(action="coalesce", layer="transport", unit="message",
                    fault_class="hl7-01"),
    "连到两次": Kind(action="repeat", layer="message", unit="message", fault_class="hl7-47",
                parameters={"times": "1"}),
    "连到五十次": Kind(action="repeat", layer="message", unit="message", fault_class="hl7-47",
                 parameters={"times": "49"}),
    "前有日志文本": Kind(action="junk-before", layer="message", unit="message",
                  fault_class="hl7-04", parameters={"junk": "INFO sent 1 message"}),
    "前有回车换行": Kind(action="junk-before", layer="message", unit="message",
                  fault_class="hl7-02", parameters={"junk": "\r\n"}),
    "前有空字节": Kind(action="junk-before", layer="message", unit="message",
                 fault_class="hl7-03", parameters={"junk": "\x00\x00"}),
    "整帧为UTF-16": Kind(action="re-encode", layer="message", unit="message", fault_class="hl7-17",
                      parameters={"from": "gb18030", "to": "utf-16-le"}),
}  # fmt: skip
"""How a registration that we send arrives, by the word in a sentence."""

ANSWERS_ARRIVE = {
    "逐字节到达": Kind(action="slices", layer="transport", unit="message", fault_class="hl7-06"),
    "重复到达": Kind(action="repeat", layer="message", unit="message", fault_class="hl7-26"),
    "前有杂音": Kind(action="junk-before", layer="message", unit="message", fault_class="hl7-03"),
}
"""How the answer to a message of the system under test arrives."""

PHONES = {"删除值": '""', "空值": ""}
"""PID-13 of an update; 缺省 leaves it out."""


def _time(world: World) -> str:
    return world.clock.wall().strftime("%Y%m%d%H%M%S")


def registered(world: World, label: str) -> dict[str, str]:
    """Ward, bed and phone of a registration; prepared persons are taken, others are made."""
    if label not in world.people:
        world.person(label)
    known: dict[str, dict[str, str]] = world.state.get("patient", {})
    if label not in known:
        # An extension: a whole number is an identity, and nobody's number is ours to send.
        extension = f"{int(world.draw('extension', label) * 10**5):05d}"
        return admission_fields(world, label) | _kept(world, label, phone=extension)
    return known[label]


def _kept(world: World, label: str, **fields: str) -> dict[str, str]:
    world.state["patient"][label] |= fields
    return fields


def _registration(world: World, label: str, writing: str) -> bytes:
    how = variants.way(writing)
    fields = registered(world, label)
    world.state.setdefault("ways", {})[label] = how
    return variants.registration(
        world.known_person(label), fields, how, control_id=control_id(world), time=_time(world)
    )


@steps.when(
    "测试端以HIS身份向LIS登记患者{string}，写法为{string}",
    id="feeds.register-written",
    purpose="同一内容换一种合法或常见的写法，LIS 应同样读入",
    effect="发 ADT^A04；写法：标准、GBK编码、UTF-8编码、字节顺序标记、自定义分隔符、第五个分隔符、"
    "回车换行、换行、空行、缺末尾回车、患者号在后、自定义段、声明与编码不符、未声明字符集、"
    "段序不同、新版本号、大量重复、相邻字段有值、证件号为空、不要应答、只要错误应答、"
    "时间带时区、时间写作24时、时间为协调世界时、时间带夏令时时区、出生时刻带夏令时",
    example="当 测试端以HIS身份向LIS登记患者“甲”，写法为“自定义分隔符”",
    gloss="We play the HIS and register a patient in a named way of writing",
)
def register_written(world: World, person: str, writing: str) -> None:
    """One ADT^A04, over the connection of the registrations before."""
    send(world, "HIS", ORDERS, _registration(world, person, writing))


@steps.given(
    "姓名属于{string}的患者{string}待登记",
    id="feeds.person-to-register",
    purpose="先有姓名，再由测试端登记",
    effect="只生成一名患者；姓名类别同“HIS为姓名属于…的患者办理入院”",
    example="假如 姓名属于“截断字”的患者“甲”待登记",
    gloss="A generated person of a kind of name, not yet registered",
)
def person_to_register(world: World, kind: str, person: str) -> None:
    """A generated person."""
    known = {"普通": "ordinary", **NAME_KINDS}
    if kind not in known:
        raise ScenarioError(tr("no kind of name {kind}; known: {known}", kind=kind,
                               known="、".join(known)))  # fmt: skip
    world.person(person, known[kind])


@steps.when(
    "测试端以HIS身份更新患者{string}，电话为{string}",
    id="feeds.update-phone",
    purpose="区别删除值、空值与缺省字段",
    effect='发 ADT^A08：删除值为 ""，空值为空字段，缺省则 PID 在此之前结束',
    example="当 测试端以HIS身份更新患者“甲”，电话为“空值”",
    gloss="We play the HIS and update a patient with a null, an empty or an absent phone",
)
def update_phone(world: World, person: str, kind: str) -> None:
    """One ADT^A08; what must be stored after it is kept for the judge."""
    if kind not in {*PHONES, "缺省"}:
        raise ScenarioError(tr("no kind of value {kind}; known: {known}", kind=kind,
                               known="、".join([*PHONES, "缺省"])))  # fmt: skip
    known = world.state["patient"][person]
    fields = {name: value for name, value in known.items() if name != "phone"}
    if kind in PHONES:
        fields["phone"] = PHONES[kind]
    if kind == "删除值":
        world.state["patient"][person] = known | {"phone": ""}
    payload = variants.registration(
        world.known_person(person), fields, variants.WAYS["标准"], control_id=control_id(world),
        time=_time(world), event="A08",
    )  # fmt: skip
    send(world, "HIS", ORDERS, payload)


@steps.when(
    "测试端以HIS身份以同一控制号登记另一病区的患者{string}",
    id="feeds.same-id-other-content",
    purpose="控制号相同而内容不同的报文必须拒绝，不能静默丢弃",
    effect="重发上一份登记，控制号不变，病区改变",
    example="当 测试端以HIS身份以同一控制号登记另一病区的患者“甲”",
    gloss="We send another registration under the control id of the one before",
)
def same_id_other_content(world: World, person: str) -> None:
    """The same MSH-10, another PV1-3."""
    _, before = world.state["last sent"]
    fields = world.state["patient"][person] | {"ward": "W99"}
    payload = variants.registration(
        world.known_person(person), fields, variants.WAYS["标准"],
        control_id=control_id_of(before), time=_time(world),
    )  # fmt: skip
    send(world, "HIS", ORDERS, payload)


@steps.when(
    "测试端以HIS身份将患者{string}合并到患者{string}",
    id="feeds.send-merge",
    purpose="检查合并的边界：合并到自身、重复合并、连续合并",
    effect="发 ADT^A40，前者为 MRG-1",
    example="当 测试端以HIS身份将患者“甲”合并到患者“甲”",
    gloss="We play the HIS and merge one patient into another, or into itself",
)
def send_merge(world: World, retired: str, survivor: str) -> None:
    """One ADT^A40."""
    payload = variants.merge(
        world.known_person(survivor), world.known_person(retired),
        control_id=control_id(world), time=_time(world),
    )  # fmt: skip
    send(world, "HIS", ORDERS, payload)


# -- several at once -------------------------------------------------------------------------------


@steps.given(
    "测试端登记患者{string}的报文{string}",
    id="feeds.registration-arrives",
    purpose="让一份登记报文在线路上以特殊方式到达",
    effect="方式：与下一份粘连、连到两次、连到五十次、前有日志文本、前有回车换行、前有空字节、"
    "整帧为UTF-16；只影响第一次到达",
    example="假如 测试端登记患者“甲”的报文“与下一份粘连”",
    gloss="The registration of a patient arrives in a special way",
)
def registration_arrives(world: World, person: str, name: str) -> None:
    """A fault on the way, keyed by the patient."""
    if name not in ARRIVALS:
        raise ScenarioError(tr("no fault {name}; known: {known}", name=name,
                               known="、".join(ARRIVALS)))  # fmt: skip
    registered(world, person)
    who = world.known_person(person)
    _plan(world, ARRIVALS[name], ORDERS, "HIS", ("ADT^A04|", who.patient_id))


def _plan(world: World, kind: Kind, link: str, sender: str, holds: tuple[str, ...]) -> None:
    world.plan(
        Fault(
            id=world.next_fault(),
            fault_class=kind.fault_class,
            layer=kind.layer,
            action=kind.action,
            link=link,
            sender=sender,
            trigger=Trigger(kind=kind.unit, holds=holds),
            parameters=kind.parameters,
        )
    )


@steps.given(
    "标本{string}的结果报文的应答首次{string}",
    id="feeds.answer-arrives",
    purpose="检查发送方能读入分多次、重复或带杂音到达的应答",
    effect="方式：逐字节到达、重复到达、前有杂音；只影响第一次应答",
    example="假如 标本“管1”的结果报文的应答首次“逐字节到达”",
    gloss="The first answer to the result of a specimen arrives in a special way",
)
def answer_arrives(world: World, specimen: str, name: str) -> None:
    """A fault of the acknowledgement, keyed by the specimen."""
    if name not in ANSWERS_ARRIVE:
        raise ScenarioError(tr("no fault {name}; known: {known}", name=name,
                               known="、".join(ANSWERS_ARRIVE)))  # fmt: skip
    holds = ("ACK|", f"ORU^R01|{world.barcode(specimen)}")
    _plan(world, ANSWERS_ARRIVE[name], RESULTS, "HIS", holds)


@steps.when(
    "测试端以HIS身份不等应答一次登记患者:",
    id="feeds.burst",
    purpose="多份报文一次发出，接收方应逐份处理、逐份应答",
    effect="在一个新连接上连续发 ADT^A04，之后才等应答",
    example="""
    当 测试端以HIS身份不等应答一次登记患者:
      | 患者 | 写法 |
      | 甲 | 标准 |
      | 乙 | 标准 |
    """,
    gloss="We send several registrations in one go and wait for the answers after that",
)
def burst(world: World, table: Table) -> None:
    """Several ADT^A04 without waiting."""
    table.require({"患者"}, optional={"写法"})
    payloads = [_registration(world, row["患者"], row.get("写法") or "标准") for row in table.rows]
    world.state["burst"] = [control_id_of(one) for one in payloads]
    world.state["answers since"] = len(world.trace)
    name = "测试端HIS连发"
    world.join(name, Burst("HIS", hybrid=speaks_hllp(world, ORDERS)), ORDERS)
    payload = ",".join(one.hex() for one in payloads)
    world.tell(name, "burst", SEND_TIMEOUT_S, link=ORDERS, payload=payload)


@steps.then(
    "{duration}内LIS对每份登记应答{count}",
    id="feeds.burst-answered",
    purpose="核对每份报文的应答次数与代码",
    effect="按控制号统计 LIS 的应答，代码均为 AA，不多不少",
    example="那么 5秒内LIS对每份登记应答1次",
    gloss="Each registration of the burst is answered so many times with AA",
)
def burst_answered(world: World, limit_s: float, count: int) -> Expectation:
    """By control id, so many AA."""
    check = Check(path="MSA-1", value=Value(expected="AA"), place=place("HIS-ADT", "hl7", "MSA-1"))
    wanted = [
        Wanted(key={"corr.acknowledges": ident}, checks=[check], times=count)
        for ident in world.state["burst"]
    ]
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": ORDERS, "frm": "LIS", "to": "HIS"}),
        wanted=wanted,
        place=place("HIS-ADT", "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["answers since"],
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause="HL7 2.5.1 §2.9.2",
    )


# -- what must be there ----------------------------------------------------------------------------


@steps.then(
    "{duration}内LIS中患者{string}应与测试端登记一致",
    id="feeds.registered-equal",
    purpose="逐字段核对测试端发送的登记",
    effect="查询探针 lis-patients：姓名、性别、出生日期、病区、床位、电话、状态",
    example="那么 5秒内LIS中患者“甲”应与测试端登记一致",
    gloss="The patient in the LIS is as we registered it",
)
def registered_equal(world: World, limit_s: float, person: str) -> Expectation:
    """Every column that our messages carried."""
    return _patient(world, limit_s, person, "registered")


@steps.then(
    "{duration}内LIS中患者{string}应仍与测试端登记一致，没有被停用",
    id="feeds.registered-not-retired",
    purpose="核对被拒绝的合并没有改动患者",
    effect="查询探针 lis-patients，状态仍为已登记",
    example="那么 5秒内LIS中患者“甲”应仍与测试端登记一致，没有被停用",
    gloss="The patient in the LIS is still as we registered it, and not retired",
)
def registered_not_retired(world: World, limit_s: float, person: str) -> Expectation:
    """As before the merge that was refused."""
    return _patient(world, limit_s, person, "registered")


def _patient(world: World, limit_s: float, person: str, state: str) -> Expectation:
    who = world.known_person(person)
    how = world.state.get("ways", {}).get(person, variants.WAYS["标准"])
    row: dict[str, Any] = {
        "patient_id": who.patient_id, "name": who.name, "sex": who.sex, "birth": who.birth,
        **world.state["patient"][person], "state": state,
    }  # fmt: skip
    if "IdentifyNO" in how.identifiers:
        row["id_card"] = who.id_card
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
    "{duration}内LIS不应答该报文",
    id="feeds.not-answered",
    purpose="核对 MSH-15、MSH-16 不要应答时确实不应答",
    effect="到时限为止没有一份应答的 MSA-2 是该报文的控制号；以该报文本身已在线上为对照",
    example="那么 3秒内LIS不应答该报文",
    gloss="Until the limit nobody answers our message, which was on the wire",
)
def not_answered(world: World, limit_s: float) -> Expectation:
    """No answer to the last message, which must have been sent."""
    _, payload = world.state["last sent"]
    ident = control_id_of(payload)
    answer = {"link": ORDERS, "frm": "LIS", "to": "HIS", "corr.acknowledges": ident}
    return Expectation(
        mode="never",
        select=Selector(kind="message", where=answer),
        control=Selector(kind="message", where={"link": ORDERS, "frm": "HIS", "id": ident}),
        place=place("HIS-ADT", "hl7", "MSA"),
        limit_s=limit_s,
        classes={"unwanted": "unasked"},
        clause="HL7 2.5.1 §2.9.3",
    )


@steps.then(
    "{duration}内LIS对该报文应答{string}，首部与来文对应",
    id="feeds.answer-header",
    purpose="核对应答首部：收发互换、事件、版本、控制号",
    effect="检查 MSH-3、5、9、10、12 与 MSA-1、2；应答自己的控制号不得为固定值",
    example="那么 5秒内LIS对该报文应答“AA”，首部与来文对应",
    gloss="The answer has this code and a header that fits our message",
)
def answer_header(world: World, limit_s: float, code: str) -> Expectation:
    """One answer; its own control id must differ from that of any other answer."""
    _, payload = world.state["last sent"]
    event, version = variants.event_of(payload), header(payload).version
    ident = control_id_of(payload)
    wanted = {
        "MSH-3": ("equals", "LIS"), "MSH-5": ("equals", "HIS"), "MSH-12": ("equals", version),
        "MSH-9": ("one_of", f"ACK^{event}^ACK\nACK^{event}"),
        "MSH-10": ("pattern", r"(?=.{6,20}\Z).*\S.*"),
        "MSA-1": ("equals", code), "MSA-2": ("equals", ident),
    }  # fmt: skip
    checks = [
        Check(path=path, value=Value(op=op, expected=value), place=place("HIS-ADT", "hl7", path))
        for path, (op, value) in wanted.items()
    ]
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": ORDERS, "frm": "LIS", "to": "HIS"}),
        wanted=[Wanted(key={"protocol": "hl7"}, checks=checks)],
        place=place("HIS-ADT", "hl7", "MSA"),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state.get("answers since", 0),
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause="HL7 2.5.1 §2.9.2",
    )
