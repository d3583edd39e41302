"""Sentences about worklists of a size at which lists are cut: their count, and their end by us."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.evidence.trace import pack
from harness.i18n import tr
from harness.link.dicom import PENDING, WORKLIST, Answer, Request, payload_of
from harness.link.dicom_data import EXPLICIT, DataSet
from harness.link.dicom_scu import Association, Offer
from harness.model import Place
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging_judge import RIS, STATUS_S
from scenarios.steps.imaging_site import device_model, site
from simulators.modality.images import latin_name
from simulators.modality.systems import LINKS

steps = Library("imaging")

SHOWN_MAX: Final = 3
"""Numbers that are named where a list is not as it should be."""

MANY_MAX: Final = 9999
"""Their numbers end in four digits."""

TRIES: Final = 8
"""Queries that are cancelled: a list that is on its way already when we ask may come whole."""

CLAUSE: Final = "PS3.4 §K.4.1.2, §C.4.1.2"
_DIGITS: Final = 12


def number(base: str, index: int) -> str:
    """The accession number of one of many."""
    return f"{base[:_DIGITS]}{index:04d}"


def _question(patient: str, ident: int) -> Request:
    asked = DataSet.of({"SpecificCharacterSet": "ISO_IR 192", "PatientID": patient,
                        "AccessionNumber": ""})  # fmt: skip
    asked.set("ScheduledProcedureStepSequence", [DataSet.of({"ScheduledProcedureStepID": ""})])
    return Request(kind="C-FIND", sop_class=WORKLIST, syntax=EXPLICIT, message_id=ident,
                   payload=payload_of(asked, EXPLICIT))  # fmt: skip


def _told(numbers: list[str]) -> str:
    more = f" +{len(numbers) - SHOWN_MAX}" if len(numbers) > SHOWN_MAX else ""
    return (" ".join(numbers[:SHOWN_MAX]) + more) or "-"


def _final(answers: list[Answer]) -> str:
    return f"{answers[-1].status:04X}" if answers[-1].status >= 0 else answers[-1].shown


def _counted(link: Association, patient: str, due: list[str]) -> dict[str, str]:
    """How many came, and which of those due are missing or repeated."""
    answers = list(link.ask_all(_question(patient, link.next_id())))
    came = Counter(one.data().text("AccessionNumber") for one in answers
                   if one.status in PENDING)  # fmt: skip
    return {
        "answers": str(came.total()),
        "missing": _told([one for one in due if one not in came]),
        "repeated": _told([one for one, times in came.items() if times > 1]),
        "unwanted": _told(sorted(came.keys() - set(due))),
        "final": _final(answers),
    }


def _cut_short(link: Association, patient: str, count: int, after: int) -> dict[str, str]:
    """A query is cancelled at one of its first answers, and another one asked behind it."""
    asked, answers = _question(patient, link.next_id()), []
    for one in link.ask_all(asked):
        answers.append(one)
        if len(answers) == after:
            link.cancel(asked)
    came = sum(one.status in PENDING for one in answers)
    nobody = _question(f"{patient}X", link.next_id())
    return {
        "final": _final(answers),
        "list": "whole" if came >= count else "cut",
        "next": _final(list(link.ask_all(nobody))) if link.is_open else "-",
    }


def _known(world: World, person: str) -> tuple[str, list[str]]:
    """The patient's number, and the numbers of the examinations."""
    known: Any = world.state.get(f"many {person}")
    if known is None:
        raise ScenarioError(tr("no long worklist was prepared for {person}", person=person))
    base, count = known
    due = [number(base, index) for index in range(1, count + 1)]
    return world.known_person(person).patient_id, due


def _opened(world: World) -> Association:
    return site(world).opens("RIS", "MHPROBE")([Offer(abstract=WORKLIST, syntaxes=[EXPLICIT])])


def _write(world: World, kind: str, person: str, outcome: Mapping[str, str]) -> None:
    world.trace.add("message", protocol="dicom", type=kind, raw=pack(b""), corr={}, id=person,
                    link=LINKS["RIS"], interface=RIS, frm="RIS", to="modality",
                    outcome=dict(outcome))  # fmt: skip


def _seen(kind: str, person: str, due: Mapping[str, str], path: str) -> Expectation:
    place = Place(interface=RIS, protocol="dicom", path=path)
    checks = [Check(path=f"outcome.{name}", value=Value(expected=value), place=place,
                    clause=CLAUSE) for name, value in due.items()]  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": kind}),
        wanted=[Wanted(key={"id": person}, checks=checks)],
        place=place,
        limit_s=STATUS_S,
        classes={"missing": "lost"},
        clause=CLAUSE,
    )


@steps.given(
    "RIS为患者{string}在设备{string}上一次预约了{int}个检查",
    id="imaging.scheduled-at-once",
    purpose="准备一个会被截断、会分页的长工作列表",
    effect="一次登记这么多个今天的检查，检查号以四位序号结尾",
    example="假如 RIS为患者“甲”在设备“CT”上一次预约了2000个检查",
    gloss="The RIS has a long worklist of one patient, entered at once",
)
def scheduled_at_once(world: World, person: str, device: str, count: int) -> None:
    """Numbered from 1."""
    if not 0 < count <= MANY_MAX:
        raise ScenarioError(tr("from 1 to {most} examinations", most=MANY_MAX))
    here = site(world)
    planned = here.plan(f"{person}的一批", person, device, "今天", "")
    exam, who = planned.exam, planned.exam.person
    here.order("RIS", "clear")
    world.state["worklist cleared"] = True
    here.order(
        "RIS", "schedule", sps_id=exam.step_id, patient_id=who.patient_id, name=who.name,
        latin=latin_name(who), birth=who.birth, sex=who.sex, accession=exam.accession,
        procedure_id=exam.procedure_id, description=exam.description, study=exam.study,
        modality=device_model(device).modality, station=planned.station, date=planned.date,
        time=planned.time, count=str(count),
    )  # fmt: skip
    world.state[f"many {person}"] = (exam.accession, count)


@steps.when(
    "设备查询患者{string}的长工作列表",
    id="imaging.query-long-list",
    purpose="让设备读完一个很长的列表",
    effect="C-FIND MWL 按患者号，应答数、漏项、重项与最终状态记入轨迹",
    example="当 设备查询患者“甲”的长工作列表",
    gloss="A device reads a long worklist",
)
def query_long_list(world: World, person: str) -> None:
    """Once, from end to end."""
    patient, due = _known(world, person)
    with _opened(world) as link:
        _write(world, "long-list", person, _counted(link, patient, due))


@steps.then(
    "患者{string}的长工作列表应一项不漏、一项不重",
    id="imaging.worklist-whole",
    at_once=True,
    purpose="核对长列表没有被截断，分页处没有漏项或重项",
    effect="应答数等于预约数，每个检查号各出现一次，最终状态 0000",
    example="那么 患者“甲”的长工作列表应一项不漏、一项不重",
    gloss="A long worklist came whole, each item once",
)
def worklist_whole(world: World, person: str) -> Expectation:
    """Count, identity and final status."""
    _, due = _known(world, person)
    wanted = {"answers": str(len(due)), "missing": "-", "repeated": "-", "unwanted": "-",
              "final": "0000"}  # fmt: skip
    return _seen("long-list", person, wanted, "worklist")


@steps.when(
    "设备查询患者{string}的长工作列表，在第{int}个应答后取消",
    id="imaging.cancel-long-list",
    purpose="让设备中途放弃一个很长的查询",
    effect="C-FIND MWL 收到第几个应答后发 C-CANCEL；应答已全部在途时再试，最多八次",
    example="当 设备查询患者“甲”的长工作列表，在第3个应答后取消",
    gloss="A device cancels the query of a long worklist at one of its first answers",
)
def cancel_long_list(world: World, person: str, after: int) -> None:
    """Until one is cut short."""
    patient, due = _known(world, person)
    for _ in range(TRIES):
        with _opened(world) as link:
            outcome = _cut_short(link, patient, len(due), after)
        if outcome["list"] == "cut":
            break
    _write(world, "cancelled-list", person, outcome)


@steps.then(
    "患者{string}的工作列表查询应以FE00提前结束",
    id="imaging.worklist-cancelled",
    at_once=True,
    purpose="核对 C-CANCEL 生效：查询提前结束，连接仍可用",
    effect="最终状态 FE00，应答少于全部，同一连接上的下一查询正常",
    example="那么 患者“甲”的工作列表查询应以FE00提前结束",
    gloss="The query that was cancelled ended before its end, and the association lives on",
)
def worklist_cancelled(world: World, person: str) -> Expectation:
    """Status, and what came before it."""
    _known(world, person)
    wanted = {"final": "FE00", "list": "cut", "next": "0000"}
    return _seen("cancelled-list", person, wanted, "C-CANCEL")
