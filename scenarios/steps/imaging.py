"""Sentences about imaging: orders at the RIS, and devices at work."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import ScenarioError
from harness.i18n import tr
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.imaging_judge import charset_of
from scenarios.steps.imaging_planned import Planned, by_person
from scenarios.steps.imaging_site import DAYS, Site, site
from simulators.modality.images import latin_name, uid
from simulators.modality.modality import Modality

steps = Library("imaging")

NAME_KINDS = {"普通": "ordinary", "尾字节": "trail-byte", "生僻字": "rare",
              "易误判字": "utf8-alike",
              "少数民族": "dot", "长名": "long"}  # fmt: skip


def device_of(world: World, exam: str) -> tuple[Site, Planned, Modality]:
    """The site, the examination and its device."""
    here = site(world)
    planned = here.known(exam)
    modality = here.modality(planned.device)
    # A RIS of the site may give the numbers: what a device builds of them waits for its card. The
    # device listens by then, because a PACS may have to prove its way meanwhile.
    world.after_persons()
    if planned.charset:
        model = replace(modality.model, charset=planned.charset)
        modality = Modality(model, modality.open_to)
    return here, planned, modality


# ---- preparing


@steps.given(
    "患者{string}的姓名类别为{string}",
    id="imaging.name-kind",
    purpose="让患者的姓名含某类难字，检查影像链路的字符集",
    effect="生成一名该类姓名的患者：普通、尾字节、生僻字、易误判字、少数民族、长名",
    example="假如 患者“甲”的姓名类别为“生僻字”",
    gloss="The name of a patient is of a kind that is hard for character sets",
)
def name_kind(world: World, person: str, kind: str) -> None:
    """A generated person of a kind."""
    if kind not in NAME_KINDS:
        known = "、".join(NAME_KINDS)
        raise ScenarioError(tr("no kind of name {name}; known: {known}", name=kind, known=known))
    world.person(person, NAME_KINDS[kind])


@steps.given(
    "设备以{string}字符集写检查{string}的对象",
    id="imaging.charset",
    purpose="让同一台设备以另一种字符集写患者与检查信息，检查字符集的每一种组合",
    effect="(0008,0005) 与全部文本改用该字符集：GB18030、UTF-8、GB2312（ISO 2022 IR 58）或 GBK",
    example="假如 设备以“GBK”字符集写检查“检1”的对象",
    gloss="The device writes the objects of an examination in this character set",
)
def in_charset(world: World, charset: str, exam: str) -> None:
    """From now on."""
    site(world).known(exam).charset = charset_of(charset)


@steps.given(
    "RIS有以下检查预约:",
    id="imaging.scheduled",
    purpose="在 RIS 里准备工作列表",
    effect="清空内置 RIS 的工作列表后逐行登记；日期为“昨天”“今天”“明天”，时间可省略",
    example="""
    假如 RIS有以下检查预约:
      | 检查 | 患者 | 设备 | 日期 |
      | 检1 | 甲 | CT | 今天 |
    """,
    gloss="The RIS has these examinations on its worklist",
)
def scheduled(world: World, table: Table) -> None:
    """One scheduled step a row."""
    table.require({"检查", "患者", "设备"}, optional={"日期", "时间"})
    here = site(world)
    for row in table.rows:
        day = row.get("日期") or "今天"
        if day not in DAYS:
            raise ScenarioError(tr("no day {day}", day=day))
        planned = here.plan(row["检查"], row["患者"], row["设备"], day, row.get("时间", ""))
        here.schedule(planned)


@steps.given(
    "RIS为患者{string}在设备{string}上预约了{int}个检查",
    id="imaging.scheduled-many",
    purpose="检查工作列表不会悄悄截断",
    effect="登记这么多个今天的检查，名为“批1”“批2”……",
    example="假如 RIS为患者“甲”在设备“CT”上预约了30个检查",
    gloss="The RIS has many examinations of one patient on one device",
)
def scheduled_many(world: World, person: str, device: str, count: int) -> None:
    """``批1`` to ``批N``."""
    here = site(world)
    for number in range(1, count + 1):
        here.schedule(here.plan(f"批{number}", person, device, "今天", ""))


@steps.given(
    "设备{string}为患者{string}做检查{string}，没有预约",
    id="imaging.unscheduled",
    purpose="准备一次急诊检查：没有工作列表，设备自编号",
    effect="只生成检查的编号与患者，不登记到 RIS",
    example="假如 设备“CT”为患者“甲”做检查“检1”，没有预约",
    gloss="A device does an examination that nobody scheduled",
)
def unscheduled(world: World, device: str, person: str, exam: str) -> None:
    """Nothing is told to the RIS."""
    site(world).plan(exam, person, device, "今天", "")


@steps.given(
    "设备{string}为患者{string}在凌晨做检查{string}，没有预约",
    id="imaging.unscheduled-night",
    purpose="检查日期不会因时区换算提前一天",
    effect="检查时间为 00:30，其余同“没有预约”",
    example="假如 设备“CT”为患者“甲”在凌晨做检查“检1”，没有预约",
    gloss="A device does an unscheduled examination half an hour after midnight",
)
def unscheduled_night(world: World, device: str, person: str, exam: str) -> None:
    """00:30 in China is the day before in UTC."""
    site(world).plan(exam, person, device, "今天", "003000")


@steps.when(
    "设备查询检查{string}的工作列表",
    id="imaging.query-worklist",
    purpose="让设备按 IHE RAD-5 以自己的字符集和站点查询当天的工作列表",
    effect="C-FIND MWL，键为日期、设备类型与站点",
    example="当 设备查询检查“检1”的工作列表",
    gloss="The device asks for its worklist of the day, in its own character set",
)
def query_worklist(world: World, exam: str) -> None:
    """The broad query of IHE RAD-5."""
    _, planned, modality = device_of(world, exam)
    keys = {
        "ScheduledStationAETitle": planned.station,
        "ScheduledProcedureStepStartDate": planned.date,
        "Modality": modality.model.modality,
    }
    modality.worklist({}, keys)


@steps.when(
    "RIS取消检查{string}的预约",
    id="imaging.cancel",
    purpose="检查取消的检查不再出现在工作列表",
    effect="在 RIS 取消这一检查",
    example="当 RIS取消检查“检1”的预约",
    gloss="The order of an examination is cancelled at the RIS",
)
def cancel(world: World, exam: str) -> None:
    """At the screen of the RIS."""
    here = site(world)
    known = here.known(exam).exam
    whose = {"patient_id": known.person.patient_id, "accession": known.accession}
    about = whose if by_person(world, "RIS") else {}  # who does it by hand has to find it
    here.order("RIS", "cancel", sps_id=known.step_id, **about)


@steps.when(
    "检查{string}以错误姓名登记后在RIS改正",
    id="imaging.rename",
    purpose="检查改名后工作列表随之更新",
    effect="以另一名生成患者的姓名重新登记，再改回登记姓名",
    example="当 检查“检1”以错误姓名登记后在RIS改正",
    gloss="An examination is entered under a wrong name, which is then corrected",
)
def rename(world: World, exam: str) -> None:
    """Wrong first, then right."""
    here = site(world)
    planned = here.known(exam)
    wrong = world.person(f"误登 {exam}")
    here.schedule(planned, name=wrong.name)
    person = planned.exam.person
    here.order("RIS", "rename", patient_id=person.patient_id, name=person.name,
               latin=latin_name(person))  # fmt: skip


# ---- performed procedure steps


def performed(world: World, exam: str, name: str) -> None:
    """A card for whoever works at a device of the site: begin, finish or give up."""
    here = site(world)
    planned = here.known(exam)
    one = planned.exam
    here.order("modality", name, patient_id=one.person.patient_id, name=one.person.name,
               accession=one.accession, description=one.description,
               device=planned.device)  # fmt: skip


@steps.when(
    "设备开始检查{string}",
    id="imaging.begin",
    purpose="按 IHE RAD-6 报告检查开始",
    effect="MPPS N-CREATE，状态 IN PROGRESS",
    example="当 设备开始检查“检1”",
    gloss="The device reports that an examination begins",
)
def begin(world: World, exam: str) -> None:
    """N-CREATE."""
    if by_person(world, "modality"):
        performed(world, exam, "begin")
        return
    _, planned, modality = device_of(world, exam)
    planned.performed = planned.performed or uid(world.seed, world.scenario, "mpps", exam)
    modality.begin(planned.performed, [planned.exam])


@steps.when(
    "设备把检查{string}与检查{string}合并为一次采集并开始",
    id="imaging.begin-group",
    purpose="检查一次采集对应多个申请（分组）时全部联动",
    effect="一个 MPPS N-CREATE 带两个预约步骤",
    example="当 设备把检查“检1”与检查“检2”合并为一次采集并开始",
    gloss="One performed step serves two scheduled ones",
)
def begin_group(world: World, first: str, second: str) -> None:
    """The group case of IHE scheduled workflow."""
    here, planned, modality = device_of(world, first)
    planned.performed = uid(world.seed, world.scenario, "mpps", first)
    modality.begin(planned.performed, [planned.exam, here.known(second).exam])


@steps.when(
    "设备完成检查{string}",
    id="imaging.finish",
    purpose="按 IHE RAD-7 报告检查完成",
    effect="MPPS N-SET，状态 COMPLETED",
    example="当 设备完成检查“检1”",
    gloss="The device reports that an examination is complete",
)
def finish(world: World, exam: str) -> None:
    """N-SET."""
    if by_person(world, "modality"):
        performed(world, exam, "finish")
        return
    _, planned, modality = device_of(world, exam)
    unknown = uid(world.seed, world.scenario, "mpps", exam)
    modality.finish(planned.performed or unknown, planned.exam)


@steps.when(
    "设备放弃检查{string}",
    id="imaging.discontinue",
    purpose="按 IHE RAD-7 报告检查中止",
    effect="MPPS N-SET，状态 DISCONTINUED",
    example="当 设备放弃检查“检1”",
    gloss="The device reports that an examination was discontinued",
)
def discontinue(world: World, exam: str) -> None:
    """N-SET."""
    if by_person(world, "modality"):
        performed(world, exam, "discontinue")
        return
    _, planned, modality = device_of(world, exam)
    modality.finish(planned.performed, planned.exam, "DISCONTINUED")
