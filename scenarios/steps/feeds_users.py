"""Sentences about HL7: what users of the HIS do, and preparing by it."""

from __future__ import annotations

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.common import prepared
from scenarios.steps.lab import NAME_KINDS, admission_fields

steps = Library("feeds")


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
    "HIS为患者{string}办理出院",
    id="feeds.discharge",
    purpose="检查出院后下游的在院状态",
    effect="HIS 发 ADT^A03",
    example="当 HIS为患者“甲”办理出院",
    gloss="The HIS discharges a patient",
)
def discharge(world: World, person: str) -> None:
    """One ADT^A03."""
    who = world.known_person(person)
    world.state["patient"][person] |= {"state": "discharged"}
    world.order("HIS", "discharge", patient_id=who.patient_id)


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
    example="""
    当 HIS为患者“甲”的标本“管1”开立检验申请:
      | 项目 | 优先级 |
      | K | S |
    """,
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
    example="""
    当 HIS作废标本“管1”的检验申请:
      | 项目 |
      | K |
    """,
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
