"""Sentences about order control: every ORC-1 with every ORC-5, and orders under retired numbers."""

from __future__ import annotations

from typing import Final

from harness.errors import ScenarioError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import ORDERS, SETTLE_S, place, rows_expected
from scenarios.steps.feeds_play import SEND_TIMEOUT_S, control_id, send, speaks_hllp
from simulators.feed import variants
from simulators.feed.burst import Burst
from simulators.feed.payloads import control_id_of

steps = Library("feeds")

CONTROLS: Final = (
    "NW", "OK", "UA", "CA", "OC", "CR", "UC", "DC", "OD", "DR", "UD", "HD", "OH", "UH", "HR", "RL",
    "OE", "OR", "UR", "RP", "RU", "RO", "RQ", "UM", "PA", "CH", "XO", "XX", "UX", "XR", "DE", "RE",
    "RR", "SR", "SS", "SC", "SN", "NA", "CN", "RF", "AF", "DF", "FU", "OF", "UF", "LI", "UN", "OP",
    "PR", "PY",
)  # fmt: skip
"""HL7 table 0119 of version 2.5."""

STATUSES: Final = ("", "A", "CA", "CM", "DC", "ER", "HD", "IP", "RP", "SC")
"""HL7 table 0038, and nothing."""

EMPTY: Final = "空"
NO_ONE: Final = "无"


def _order(world: World, person: str, specimen: str, control: str, status: str) -> bytes:
    if person not in world.people:
        world.person(person)
    number = world.state["matrix orders"] = int(world.state.get("matrix orders", 0)) + 1
    placer = f"M{int(world.draw('matrix') * 10**9):09d}{number:04d}"
    payload = variants.order(
        world.known_person(person), world.barcode(specimen), control=control, status=status,
        placer=placer, control_id=control_id(world),
        time=world.clock.wall().strftime("%Y%m%d%H%M%S"),
    )  # fmt: skip
    sent: dict[str, tuple[str, str]] = world.state.setdefault("matrix", {})
    sent[control] = (control_id_of(payload), placer)
    return payload


@steps.when(
    "测试端以HIS身份为患者{string}的标本{string}发送每一个控制码，状态为{string}",
    id="feeds.order-matrix",
    purpose="申请控制码（ORC-1）与申请状态（ORC-5）的每一种组合都要有应答",
    effect="表 0119 的每个控制码各发一份 OML^O21，ORC-5 为该状态（空、A、CA、CM、DC、ER、HD、"
    "IP、RP、SC），申请号各不相同，一次发出",
    example="当 测试端以HIS身份为患者“甲”的标本“管1”发送每一个控制码，状态为“SC”",
    gloss="We play the HIS and send every order control with this order status",
)
def matrix(world: World, person: str, specimen: str, status: str) -> None:
    """Fifty messages in one go."""
    value = "" if status == EMPTY else status
    if value not in STATUSES:
        raise ScenarioError(tr("no order control and status {pairs}", pairs=status))
    world.state["answers since"] = len(world.trace)
    payloads = [_order(world, person, specimen, control, value) for control in CONTROLS]
    world.join("测试端HIS连发", Burst("HIS", hybrid=speaks_hllp(world, ORDERS)), ORDERS)
    payload = ",".join(one.hex() for one in payloads)
    world.tell("测试端HIS连发", "burst", SEND_TIMEOUT_S, link=ORDERS, payload=payload)


@steps.then(
    "{duration}内LIS对每一份应答一次，只接受控制码{string}，其余拒绝并说明原因",
    id="feeds.order-matrix-answered",
    purpose="核对没有一种组合石沉大海：接受的是约定的，拒绝的说得出为什么",
    effect="按控制号逐份核对应答：列出的（用、隔开，或写“无”）为 AA；其余为 AE 或 AR，"
    "MSA-3 有文字；不多不少",
    example="那么 10秒内LIS对每一份应答一次，只接受控制码“NW”，其余拒绝并说明原因",
    gloss="Each is answered once: these controls are accepted, all others refused with a reason",
)
def matrix_answered(world: World, limit_s: float, controls: str) -> Expectation:
    """By control id."""
    accepted = [] if controls == NO_ONE else controls.split("、")
    unknown = [one for one in accepted if one not in CONTROLS]
    if unknown:
        raise ScenarioError(tr("no order control and status {pairs}", pairs="、".join(unknown)))
    sent: dict[str, tuple[str, str]] = world.state["matrix"]
    world.state["matrix accepted"] = [sent[one][1] for one in accepted]
    code, text = place("HIS-ORD", "hl7", "MSA-1"), place("HIS-ORD", "hl7", "MSA-3")
    wanted = []
    for control, (ident, _) in sent.items():
        if control in accepted:
            checks = [Check(path="MSA-1", value=Value(expected="AA"), place=code)]
        else:
            checks = [
                Check(path="MSA-1", value=Value(op="one_of", expected="AE\nAR"), place=code),
                Check(path="MSA-3", value=Value(op="pattern", expected=r".*\S.*"), place=text),
            ]
        wanted.append(Wanted(key={"corr.acknowledges": ident}, checks=checks))
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": ORDERS, "frm": "LIS", "to": "HIS"}),
        wanted=wanted,
        place=place("HIS-ORD", "hl7", ""),
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        since=world.state["answers since"],
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause="HL7 2.4 §4.5.1.1",
    )


@steps.then(
    "{duration}内LIS中标本{string}只应有被接受的申请",
    id="feeds.order-matrix-stored",
    purpose="核对被拒绝的组合没有留下申请",
    effect="查询探针 lis-orders：申请号与上一句接受的组合逐一对应，状态均为有效；"
    "什么都不接受时，应答是对照",
    example="而且 5秒内LIS中标本“管1”只应有被接受的申请",
    gloss="The LIS has the orders that it accepted, and no others",
)
def matrix_stored(world: World, limit_s: float, specimen: str) -> Expectation:
    """By placer number."""
    barcode = world.barcode(specimen)
    placers: list[str] = world.state["matrix accepted"]
    if placers:
        return rows_expected(
            probe="lis-orders", args={"barcode": barcode}, interface="HIS-ORD",
            table="orders", key=["placer"], limit_s=limit_s, classes={"missing": "lost"},
            rows=[{"placer": one, "item": "K", "state": "ordered"} for one in placers],
        )  # fmt: skip
    answers = {"link": ORDERS, "frm": "LIS", "to": "HIS"}
    return Expectation(
        mode="never",
        select=Selector(kind="probe", where={"probe": "lis-orders"},
                        having={"row.barcode": barcode}),
        control=Selector(kind="message", where=answers),
        place=place("HIS-ORD", "sql", "orders"),
        limit_s=limit_s,
        ask=Ask(probe="lis-orders", args={"barcode": barcode}),
        classes={"unwanted": "invented"},
        clause="HL7 2.4 §4.5.1.1",
    )  # fmt: skip


# -- numbers that live on under another one --------------------------------------------------------


@steps.when(
    "测试端以HIS身份为患者{string}的标本{string}发送申请，控制码为{string}",
    id="feeds.order-sent",
    purpose="直接向 LIS 发送一份申请",
    effect="OML^O21，一个项目 K，ORC-5 为空",
    example="当 测试端以HIS身份为患者“甲”的标本“管1”发送申请，控制码为“NW”",
    gloss="We play the HIS and send one order",
)
def order_sent(world: World, person: str, specimen: str, control: str) -> None:
    """One OML^O21."""
    if control not in CONTROLS:
        raise ScenarioError(tr("no order control and status {pairs}", pairs=control))
    send(world, "HIS", ORDERS, _order(world, person, specimen, control, ""))


@steps.then(
    "{duration}内LIS中标本{string}的申请不应挂在患者{string}名下，该报文得到应答",
    id="feeds.order-not-under",
    purpose="停用的号码不得再有申请：要么拒绝，要么归到保留的患者",
    effect="到时限为止探针 lis-orders 没有该患者号的申请；对该报文的应答是对照",
    example="那么 2秒内LIS中标本“管1”的申请不应挂在患者“甲”名下，该报文得到应答",
    gloss="No order of the specimen stands under this patient, and the message was answered",
)
def order_not_under(world: World, limit_s: float, specimen: str, person: str) -> Expectation:
    """Never a row with that number."""
    patient = world.known_person(person).patient_id
    barcode = world.barcode(specimen)
    return Expectation(
        mode="never",
        select=Selector(kind="probe", where={"probe": "lis-orders"},
                        having={"row.patient_id": patient, "row.barcode": barcode}),
        control=Selector(kind="message", where=_answer(world)),
        place=place("HIS-ORD", "sql", "orders.patient_id"),
        limit_s=limit_s,
        ask=Ask(probe="lis-orders", args={"barcode": barcode}),
        classes={"unwanted": "wrong-patient"},
        clause="HL7 2.4 §3.3.40",
    )  # fmt: skip


def _answer(world: World) -> dict[str, str]:
    _, payload = world.state["last sent"]
    return {"link": ORDERS, "frm": "LIS", "corr.acknowledges": control_id_of(payload)}


@steps.then(
    "{duration}内LIS中患者{string}应仍为停用，该报文得到应答",
    id="feeds.still-retired",
    purpose="合并掉的号码不因一份登记又成为患者",
    effect="查询探针 lis-patients，状态为已合并；另核对该报文恰有一份应答",
    example="那么 5秒内LIS中患者“甲”应仍为停用，该报文得到应答",
    gloss="The number is still merged away, and the message was answered",
)
def still_retired(world: World, limit_s: float, person: str) -> list[Expectation]:
    """Two looks: at the store and at the wire."""
    who = world.known_person(person)
    stored = rows_expected(
        probe="lis-patients", args={"patient_id": who.patient_id}, interface="HIS-ADT",
        table="patients", key=["patient_id"], limit_s=limit_s, classes={"missing": "lost"},
        rows=[{"patient_id": who.patient_id, "state": "merged"}],
    )  # fmt: skip
    where = place("HIS-ADT", "hl7", "MSA-1")
    answer = _answer(world)
    check = Check(path="MSA-1", value=Value(op="one_of", expected="AA\nAE\nAR"), place=where)
    told = Expectation(
        mode="eventually",
        select=Selector(kind="message", where=answer),
        wanted=[Wanted(key={"corr.acknowledges": answer["corr.acknowledges"]}, checks=[check])],
        place=where,
        limit_s=limit_s,
        classes={"missing": "unanswered"},
    )
    return [stored, told]
