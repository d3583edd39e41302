"""Sentences about the modality worklist: sound, complete, and code point by code point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from scenarios.steps.imaging_judge import RIS, charset_of, rows_seen
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_site import Site, device_model, site
from simulators.modality.images import latin_name

steps = Library("imaging")

KEYS: Final = {
    "患者号": ("PatientID",),
    "姓名": ("PatientName",),
    "检查号": ("AccessionNumber",),
    "请求号": ("RequestedProcedureID",),
    "日期": ("ScheduledProcedureStepStartDate",),
    "三天": ("ScheduledProcedureStepStartDate",),
    "到今天": ("ScheduledProcedureStepStartDate",),
    "设备类型": ("Modality",),
    "站点": ("ScheduledStationAETitle",),
}
"""Keys of a worklist query as sentences name them."""

RANGES: Final = {"三天": (-1, 1), "到今天": (-1, 0)}
"""Keys that are ranges of dates."""


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
    effect="C-FIND MWL；键用+连接：患者号、姓名、检查号、请求号、日期、设备类型、站点",
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
    row = _worklist_row(here.known(exam), "")
    args = {CHARSET: charset_of(charset)}
    for word in keys.split("+"):
        if word not in KEYS:
            raise ScenarioError(tr("no key {name}", name=word))
        for name in KEYS[word]:
            person = here.known(exam).exam.person
            args[name] = f"*{person.name}*" if word == "姓名" else str(row[name])
        if word in RANGES:
            args["ScheduledProcedureStepStartDate"] = _range(here, RANGES[word])
    rows = [_worklist_row(here.known(one["检查"]), one.get("状态") or "SCHEDULED")
            for one in table.rows]  # fmt: skip
    return _listed(args, rows, limit_s)


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


def _range(here: Site, days: tuple[int, int]) -> str:
    """A range of dates around today, both ends within (PS3.4 §C.2.2.2.5)."""
    today = here.world.clock.wall()
    return "-".join(f"{today + timedelta(days=one):%Y%m%d}" for one in days)


def _listed(
    args: Mapping[str, str], rows: Sequence[Mapping[str, Value | str]], limit_s: float
) -> Expectation:
    return rows_seen(probe="ris-worklist", args=args, interface=RIS, key="AccessionNumber",
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
