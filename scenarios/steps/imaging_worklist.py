"""Sentences about the modality worklist: sound, complete, and code point by code point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from harness.errors import ScenarioError
from harness.evidence.expect import Ask, Expectation, Selector
from harness.evidence.match import Value
from harness.i18n import tr
from harness.model import Place
from harness.probes.dicom import CHARSET
from harness.scenario.steps import Library, Table
from harness.scenario.world import World
from scenarios.steps.imaging_judge import RIS, asked_set, rows_seen
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_site import Site, device_model, site
from simulators.modality.images import latin_name

steps = Library("imaging")

OTHER_KIND: Final = "DR"
"""Device of another modality than those that are asked for here."""

OTHER_STATION: Final = "MHCT9"
"""A station that is no device of ours."""

DATE: Final = "ScheduledProcedureStepStartDate"
TIME: Final = "ScheduledProcedureStepStartTime"

KEYS: Final = {
    "患者号": "PatientID",
    "姓名": "PatientName",
    "检查号": "AccessionNumber",
    "请求号": "RequestedProcedureID",
    "日期": DATE,
    "设备类型": "Modality",
    "站点": "ScheduledStationAETitle",
}
"""Keys of a worklist query as sentences name them."""

RANGES: Final = {"三天": (-1, 1), "到今天": (-1, 0), "今天起": (0, None), "今天止": (None, 0)}
"""Keys that are ranges of dates, in days from today; one that is open has one end."""

TIMES: Final = {
    "零点整": "000000",
    "零点到八点": "000000-080000",
    "八点起": "080000-",
    "八点止": "-080000",
    "夜里": "220000-235959",
}
"""Keys that are times or ranges of them. Where nothing else was negotiated a date and a time are
matched each by itself (PS3.4 §C.2.2.2.5): a time range holds on every day of a date range."""


def _worklist_row(planned: Planned, state: str) -> dict[str, Value | str]:
    exam = planned.exam
    return {
        "AccessionNumber": exam.accession,
        "PatientID": exam.person.patient_id,
        "PatientName": f"{planned.latin or latin_name(exam.person)}={exam.person.name}",
        "PatientBirthDate": exam.person.birth,
        "PatientSex": exam.person.sex,
        "RequestedProcedureID": exam.procedure_id,
        "RequestedProcedureDescription": exam.description,
        "StudyInstanceUID": exam.study,
        "ScheduledProcedureStepID": exam.step_id,
        "ScheduledStationAETitle": planned.station,
        "ScheduledProcedureStepStartDate": planned.date,
        "ScheduledProcedureStepStartTime": planned.time,
        "Modality": device_model(planned.device).modality,
        "ScheduledProcedureStepStatus": state,
        "steps": "1",
        CHARSET: "as declared",
    }


@steps.then(
    "{duration}内以{string}字符集按{string}查询检查{string}的工作列表应恰为:",
    id="imaging.worklist",
    purpose="核对工作列表查询既不漏也不多，每个字段逐码点一致",
    effect="C-FIND MWL；键用+连接：患者号、姓名、检查号、请求号、日期、设备类型、站点；"
    "字符集“无”表示查询不带 (0008,0005)，应答若有中文则须自行声明",
    example="""
    那么 5秒内以“GB18030”字符集按“日期+设备类型+站点”查询检查“检1”的工作列表应恰为:
      | 检查 | 状态 |
      | 检1 | SCHEDULED |
    """,
    gloss="A worklist query by these keys gives exactly these examinations",
)
def worklist(
    world: World, limit_s: float, charset: str, keys: str, exam: str, table: Table
) -> Expectation:
    """Sound and complete."""
    table.require({"检查"}, optional={"状态"})
    here = site(world)
    rows = [_worklist_row(here.known(one["检查"]), one.get("状态") or "SCHEDULED")
            for one in table.rows]  # fmt: skip
    return _listed(_asked(here, charset, keys, exam), rows, limit_s)


def _asked(here: Site, charset: str, keys: str, exam: str) -> dict[str, str]:
    """The arguments of a query by these keys, with the values of one examination."""
    row = _worklist_row(here.known(exam), "")
    args = {CHARSET: asked_set(charset)}
    for word in keys.split("+"):
        if word in RANGES:
            args[DATE] = _range(here, *RANGES[word])
        elif word in TIMES:
            args[TIME] = TIMES[word]
        elif word == "姓名":
            args[KEYS[word]] = f"*{here.known(exam).exam.person.name}*"
        elif word in KEYS:
            args[KEYS[word]] = str(row[KEYS[word]])
        else:
            known = "、".join((*KEYS, *RANGES, *TIMES))
            raise ScenarioError(tr("no key {name}; known: {known}", name=word, known=known))
    return args


@steps.given(
    "RIS为患者{string}在设备{string}上预约了检查{string}，以及与它各差一个键的检查",
    id="imaging.scheduled-near",
    purpose="准备一份工作列表，使每一个键都有一项只凭它才能区分",
    effect="登记这一检查，再为姓名、患者号、检查号、请求号、日期、设备类型、站点各登记一项，"
    "只有这个键不同",
    example="假如 RIS为患者“甲”在设备“CT”上预约了检查“检1”，以及与它各差一个键的检查",
    gloss="The RIS has an examination, and for each key one that differs in that key alone",
)
def scheduled_near(world: World, person: str, device: str, exam: str) -> None:
    """Whatever combination is asked for: a key that is left out lets one more through."""
    here = site(world)
    base = here.plan(exam, person, device, "今天", "")
    here.schedule(base)
    stranger = world.person(f"异 {exam}")
    for key in KEYS:
        label = f"{exam}异{key}"
        day = "昨天" if key == "日期" else "今天"
        other = here.plan(
            label, person, OTHER_KIND if key == "设备类型" else device, day, base.time
        )
        other.station = OTHER_STATION if key == "站点" else base.station
        who = base.exam.person
        if key == "姓名":
            who = replace(who, name=stranger.name)
        elif key == "患者号":
            who = replace(who, patient_id=stranger.patient_id)
        numbered = other.exam if key == "检查号" else base.exam
        requested = other.exam if key == "请求号" else base.exam
        other.exam = replace(other.exam, person=who, accession=numbered.accession,
                             procedure_id=requested.procedure_id)  # fmt: skip
        here.schedule(other)


@steps.then(
    "{duration}内以{string}字符集按{string}查询检查{string}的工作列表，应恰为各键都相符的检查",
    id="imaging.worklist-near",
    purpose="核对查询键的一种组合既不漏也不多",
    effect="C-FIND MWL；应得这一检查，以及所差的键不在查询之中的各项，每个字段逐码点一致",
    example="那么 5秒内以“GB18030”字符集按“患者号+请求号”查询检查“检1”的工作列表，"
    "应恰为各键都相符的检查",
    gloss="A worklist query by these keys gives exactly the examinations that fit each of them",
)
def worklist_near(world: World, limit_s: float, charset: str, keys: str, exam: str) -> Expectation:
    """What differs in a key that was not asked for belongs to the answer."""
    here = site(world)
    words = set(keys.split("+"))
    labels = [exam, *(f"{exam}异{key}" for key in KEYS if key not in words)]
    return _steps_listed(_asked(here, charset, keys, exam), here, labels, limit_s)


@steps.then(
    "{duration}内以{string}字符集按{string}查询检查{string}的工作列表应恰有检查{string}",
    id="imaging.worklist-these",
    purpose="核对日期与时间的范围：两端都算、开口的一端不限、零点属于当天",
    effect="C-FIND MWL；键用+连接，除工作列表的各键外还有：三天、到今天、今天起、今天止、"
    "零点整、零点到八点、八点起、八点止、夜里；应有的检查用、隔开",
    example="那么 5秒内以“GB18030”字符集按“患者号+今天起”查询检查“检1”的工作列表"
    "应恰有检查“检1、检3”",
    gloss="A worklist query by these keys, ranges among them, gives exactly these examinations",
)
def worklist_these(
    world: World, limit_s: float, charset: str, keys: str, exam: str, exams: str
) -> Expectation:
    """Named one by one."""
    here = site(world)
    return _steps_listed(_asked(here, charset, keys, exam), here, exams.split("、"), limit_s)


def _steps_listed(
    args: Mapping[str, str], here: Site, labels: Sequence[str], limit_s: float
) -> Expectation:
    """Found by the number of the step: several may share every other number."""
    rows = [_worklist_row(here.known(one), "SCHEDULED") for one in labels]
    return _listed(args, rows, limit_s, key="ScheduledProcedureStepID")


@steps.then(
    "{duration}内患者{string}的工作列表应恰有{int}项",
    id="imaging.worklist-count",
    purpose="核对应答没有被悄悄截断",
    effect="C-FIND MWL 按患者号，逐项核对“批1”“批2”……",
    example="那么 5秒内患者“甲”的工作列表应恰有30项",
    gloss="The worklist of a patient has exactly so many items",
)
def worklist_count(world: World, limit_s: float, person: str, count: int) -> Expectation:
    """Each of them by its accession number."""
    here = site(world)
    who = world.known_person(person)
    rows = [_worklist_row(here.known(f"批{number}"), "SCHEDULED") for number in range(1, count + 1)]
    return _listed({"PatientID": who.patient_id, CHARSET: "ISO_IR 192"}, rows, limit_s)


def _range(here: Site, first: int | None, last: int | None) -> str:
    """A range of dates around today, both ends within (PS3.4 §C.2.2.2.5)."""
    today = here.world.clock.wall()
    ends = ("" if one is None else f"{today + timedelta(days=one):%Y%m%d}" for one in (first, last))
    return "-".join(ends)


def _listed(
    args: Mapping[str, str],
    rows: Sequence[Mapping[str, Value | str]],
    limit_s: float,
    key: str = "AccessionNumber",
) -> Expectation:
    return rows_seen(probe="ris-worklist", args=args, interface=RIS, key=key,
                     rows=rows, limit_s=limit_s, place="worklist",
                     clause="PS3.4 §K.6.1")  # fmt: skip


@steps.then(
    "{duration}内检查{string}不应在工作列表中，而检查{string}可见",
    id="imaging.not-listed",
    purpose="核对完成或取消的检查不再列出；另一检查作为阳性对照",
    effect="整个时限内按检查号查询 MWL，对照检查必须查得到",
    example="那么 1秒内检查“检1”不应在工作列表中，而检查“检2”可见",
    gloss="One examination is not listed, while another is",
)
def not_listed(world: World, limit_s: float, exam: str, control: str) -> Expectation:
    """Silence, with a positive control."""
    here = site(world)
    probe = Selector(kind="probe", where={"probe": "ris-worklist"})

    def ask(label: str) -> Ask:
        number = here.known(label).exam.accession
        return Ask(probe="ris-worklist", args={"AccessionNumber": number})

    return Expectation(
        mode="never",
        select=probe,
        place=Place(interface=RIS, protocol="dicom", path="worklist"),
        limit_s=limit_s,
        ask=ask(exam),
        control=probe,
        control_ask=ask(control),
        clause="IHE RAD TF-2 RAD-5",
    )
