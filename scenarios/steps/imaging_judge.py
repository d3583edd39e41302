"""Sentences about imaging: what PACS and RIS must have, answer and give back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link.dicom_data import path_of, tag_of
from harness.model import Place
from harness.probes.dicom import ACCOUNT, AS_ANSWERED, CHARSET, fingerprint, shown
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_site import SHOWN, site

steps = Library("imaging")

PACS, RIS = "PACS-DIMSE", "RIS-MWL"

STATUS_S: Final = 1.0
"""The answers of a device stand in the trace when its sentence is over."""

CHARSETS: Final = {"GB18030": "GB18030", "UTF-8": "ISO_IR 192", "GB2312": "\\ISO 2022 IR 58",
                   "GBK": "GBK"}  # fmt: skip
"""Character sets of a question as sentences name them."""

NO_SET: Final = "无"
"""A question without (0008,0005), whose keys are ASCII then."""


def at(interface: str, name: str) -> Place:
    """Where a column of a look is reported: its tag, or a word for what is no element."""
    words = {"pixels": "(7FE0,0010)", "header": "header", CHARSET: "(0008,0005)",
             "steps": "(0040,0100)", "answers": "MSA-1", "state": "ORC-5",
             "ending": "C-FIND (0000,0900)", "others": "(0010,0010)", "owner": "(0010,0020)",
             "patient_id": "PID-3", "accession": "IPC-1", **ACCOUNT}  # fmt: skip
    path = words.get(name) or path_of(tag_of(name))
    return Place(interface=interface, protocol="dicom", path=path)


def rows_seen(
    *,
    probe: str,
    args: Mapping[str, str],
    interface: str,
    key: str,
    rows: Sequence[Mapping[str, Value | str]],
    limit_s: float,
    place: str,
    clause: str = "",
) -> Expectation:
    """Within the limit the look shows exactly these rows, found by one column."""
    wanted = []
    for row in rows:
        values = {name: cell if isinstance(cell, Value) else Value(expected=cell)
                  for name, cell in row.items()}  # fmt: skip
        checks = [Check(path=f"row.{name}", value=value, place=at(interface, name), clause=clause)
                  for name, value in values.items() if name != key]  # fmt: skip
        wanted.append(Wanted(key={f"row.{key}": values[key].expected}, checks=checks))
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": probe}),
        wanted=wanted,
        place=Place(interface=interface, protocol="dicom", path=place),
        limit_s=limit_s,
        exact=True,
        ask=Ask(probe=probe, args=args),
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
        clause=clause,
    )


RETRIEVED: Final[Mapping[str, str]] = {
    **dict.fromkeys(ACCOUNT, AS_ANSWERED), "get-status": "0000",
}  # fmt: skip
"""How a retrieval ends that gave all it has; the same in each of its rows."""


def ending_checks() -> list[Check]:
    """The end of a C-GET, judged in one row of a look: all of them say it."""
    return [
        Check(path=f"row.{name}", value=Value(expected=expected), place=at(PACS, name),
              clause="PS3.4 §C.4.3.1.4")
        for name, expected in RETRIEVED.items()
    ]  # fmt: skip


def instances_sent(planned: Planned) -> list[dict[str, Value | str]]:
    """Rows of the instances as they were sent."""
    rows: list[dict[str, Value | str]] = []
    for data in planned.sent.values():
        row = {name: str(value) for name, value in fingerprint(data).items() if name != "elements"}
        sets = data.character_sets
        row |= {name: shown(data, name, sets) or "" for name in SHOWN}
        rows.append(dict(row))
    if not rows:
        raise ScenarioError(tr("no image was stored before"))
    return rows


@steps.then(
    "{duration}内从PACS取回的检查{string}应与发送的逐像素一致",
    id="imaging.retrieved",
    purpose="核对每一幅都能取回，像素与文件头不变，不多不少，最终状态与计数如实",
    effect="独立连接 C-GET 整个检查，逐幅比较像素哈希、文件头哈希与身份字段，"
    "最终状态应为 0000，计数与我方应答一致",
    example="那么 10秒内从PACS取回的检查“检1”应与发送的逐像素一致",
    gloss="Every image can be retrieved exactly as it was sent",
)
def retrieved(world: World, limit_s: float, exam: str) -> Expectation:
    """Nothing lost, doubled or changed."""
    planned = site(world).known(exam)
    rows = instances_sent(planned)
    rows[0] |= RETRIEVED
    return rows_seen(
        probe="pacs-instances",
        args={"StudyInstanceUID": planned.exam.study},
        interface=PACS,
        key="SOPInstanceUID",
        rows=rows,
        limit_s=limit_s,
        place="instance",
        clause="PS3.4 §B.4.1",
    )


@steps.then(
    "{duration}内设备{string}收到的检查{string}应与发送的逐像素一致",
    id="imaging.received",
    purpose="核对 C-MOVE 的目的地收全、未改",
    effect="比较目的地设备收到的每一幅",
    example="那么 10秒内设备“DR”收到的检查“检1”应与发送的逐像素一致",
    gloss="The destination received every image exactly as it was sent",
)
def received(world: World, limit_s: float, device: str, exam: str) -> Expectation:
    """At the destination."""
    planned = site(world).known(exam)
    return rows_seen(
        probe="modality-received",
        args={"device": device, "StudyInstanceUID": planned.exam.study},
        interface=PACS,
        key="SOPInstanceUID",
        rows=instances_sent(planned),
        limit_s=limit_s,
        place="instance",
        clause="PS3.4 §C.4.2",
    )


@steps.then(
    "{duration}内PACS中检查{string}应属于患者{string}",
    id="imaging.study-of",
    purpose="核对现场设备做完的检查归到申请的患者、检查号和 Study UID 之下",
    effect="C-FIND 按检查号：患者号、Study UID 一致，姓名含登记姓名，恰有一个检查",
    example="那么 10秒内PACS中检查“检1”应属于患者“甲”",
    gloss="The PACS has exactly one study under the order, of this patient",
)
def study_of(world: World, limit_s: float, exam: str, owner: str) -> Expectation:
    """Whoever made it: found by the number of its order."""
    planned, person = site(world).known(exam), world.known_person(owner)
    name = re.escape(person.name)
    row: dict[str, Value | str] = {
        "AccessionNumber": planned.exam.accession,
        "PatientID": person.patient_id,
        "PatientName": Value(op="pattern", expected=f"(?s).*{name}.*"),
        "StudyInstanceUID": planned.exam.study,
    }
    return rows_seen(
        probe="pacs-studies", args={"AccessionNumber": planned.exam.accession}, interface=PACS,
        key="AccessionNumber", rows=[row], limit_s=limit_s, place="study",
        clause="IHE RAD TF-2 RAD-8",
    )  # fmt: skip


def study_row(planned: Planned) -> dict[str, Value | str]:
    """What a query must say of a study, from what was sent."""
    first = next(iter(planned.sent.values()), None)
    if first is None:
        raise Blocked(tr("what a device of the site sent is not known here"),
                      remedy=tr("say instead whose study it must be"))  # fmt: skip
    names = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
             "StudyDate", "StudyTime", "StudyDescription")  # fmt: skip
    row: dict[str, Value | str] = {
        name: shown(first, name, first.character_sets) or "" for name in names
    }
    row["StudyInstanceUID"] = planned.exam.study
    row["ModalitiesInStudy"] = first.text("Modality")
    row["NumberOfStudyRelatedInstances"] = str(len(planned.sent))
    row[CHARSET] = "as declared"
    return row


@steps.then(
    "{duration}内以{string}字符集查询PACS，检查{string}的身份与幅数应逐字一致",
    id="imaging.study-found",
    purpose="核对查询应答的中文逐码点一致、所请求的键齐全、幅数正确",
    effect="C-FIND STUDY 级，字符集为 GB18030、UTF-8、GB2312、GBK；“无”表示查询不带 (0008,0005)，"
    "应答若有中文则须自行声明",
    example="那么 5秒内以“GB18030”字符集查询PACS，检查“检1”的身份与幅数应逐字一致",
    gloss="A query in a character set gives the study with every value as it was sent",
)
def study_found(world: World, limit_s: float, charset: str, exam: str) -> Expectation:
    """Code point by code point."""
    planned = site(world).known(exam)
    args = {"StudyInstanceUID": planned.exam.study, CHARSET: asked_set(charset)}
    return rows_seen(probe="pacs-studies", args=args, interface=PACS, key="StudyInstanceUID",
                     rows=[study_row(planned)], limit_s=limit_s, place="study",
                     clause="PS3.4 §C.4.1.1.3.2, PS3.3 §C.12.1.1.2, PS3.5 §6.1")  # fmt: skip


@steps.then(
    "{duration}内以{string}字符集按中文姓名查询PACS应找到检查{string}",
    id="imaging.study-by-name",
    purpose="核对中文姓名作为查询键可以命中",
    effect="C-FIND STUDY 级，姓名键为 *汉字姓名*",
    example="那么 5秒内以“UTF-8”字符集按中文姓名查询PACS应找到检查“检1”",
    gloss="A query by the Chinese name finds the study",
)
def study_by_name(world: World, limit_s: float, charset: str, exam: str) -> Expectation:
    """The key is coded as the question says."""
    planned = site(world).known(exam)
    args = {"PatientName": f"*{planned.exam.person.name}*", "PatientID":
            planned.exam.person.patient_id, CHARSET: charset_of(charset)}  # fmt: skip
    row: dict[str, Value | str] = {"StudyInstanceUID": planned.exam.study}
    row["PatientID"] = planned.exam.person.patient_id
    return rows_seen(probe="pacs-studies", args=args, interface=PACS, key="StudyInstanceUID",
                     rows=[row], limit_s=limit_s, place="(0010,0010)",
                     clause="PS3.4 §C.2.2.2")  # fmt: skip


def charset_of(name: str) -> str:
    """The defined term of a character set in a sentence."""
    if name not in CHARSETS:
        raise ScenarioError(tr("no character set {name}", name=name))
    return CHARSETS[name]


def asked_set(name: str) -> str:
    """What a question declares; empty for one without (0008,0005)."""
    return "" if name == NO_SET else charset_of(name)


# ---- answers to what the device asked


@steps.then(
    "设备对检查{string}的{string}请求得到的应答应依次为{string}",
    id="imaging.answers",
    at_once=True,
    purpose="核对 PACS 或 RIS 给设备的状态码",
    effect="轨迹中该类请求的最终应答，按先后用、隔开；“无”表示没有应答",
    example="那么 设备对检查“检1”的“N-CREATE”请求得到的应答应依次为“0000、0111”",
    gloss="The answers to the requests of one kind were these, in order",
)
def answers(world: World, exam: str, kind: str, statuses: str) -> list[Expectation]:
    """One expectation over the sequence: each answer is found by its number."""
    site(world).known(exam)
    wanted = statuses.split("、")
    interface = RIS if kind in {"N-CREATE", "N-SET"} else PACS
    numbers = [
        record["n"]
        for record in world.trace.records
        if record["kind"] == "message" and record.get("type") == f"{kind}-RSP"
        and record.get("status") not in {"FF00", "FF01"}
    ]  # fmt: skip
    found = []
    for index, status in enumerate(wanted):
        number = str(numbers[index]) if index < len(numbers) else "0"
        found.append(_answer(interface, kind, number, {"status": status}))
    return found


def _answer(interface: str, kind: str, number: str, fields: Mapping[str, str]) -> Expectation:
    names = {"status": "(0000,0900)", "completed": "(0000,1021)", "failed": "(0000,1022)",
             "warning": "(0000,1023)"}  # fmt: skip
    checks = [
        Check(path=name, value=Value(expected=value), clause="PS3.7 annex C",
              place=Place(interface=interface, protocol="dicom", path=f"{kind} {names[name]}"))
        for name, value in fields.items()
    ]  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": f"{kind}-RSP"}),
        wanted=[Wanted(key={"n": number}, checks=checks)],
        place=Place(interface=interface, protocol="dicom", path=f"{kind} (0000,0900)"),
        limit_s=STATUS_S,
        classes={"missing": "lost"},
    )


@steps.then(
    "设备对检查{string}的每一幅存储应答应为{string}",
    id="imaging.store-answers",
    at_once=True,
    purpose="核对每一幅的存储状态",
    effect="该检查最近一次发送的每个 SOP Instance UID 的最后一个 C-STORE 应答",
    example="那么 设备对检查“检1”的每一幅存储应答应为“0000”",
    gloss="The answer to the store of each image was this",
)
def store_answers(world: World, exam: str, status: str) -> list[Expectation]:
    """The last answer of each instance."""
    planned = site(world).known(exam)
    if not planned.sent:
        raise ScenarioError(tr("no image was stored before"))
    last = {
        record.get("sop"): record["n"]
        for record in world.trace.records
        if record["kind"] == "message" and record.get("type") == "C-STORE-RSP"
    }
    return [
        _answer(PACS, "C-STORE", str(last.get(sop, 0)), {"status": status}) for sop in planned.sent
    ]


@steps.then(
    "检查{string}的传送应以状态{string}结束，成功{int}幅，失败{int}幅",
    id="imaging.move-end",
    at_once=True,
    purpose="核对 C-MOVE 的最终状态与子操作计数",
    effect="轨迹中最后一个 C-MOVE 最终应答的状态与计数",
    example="那么 检查“检1”的传送应以状态“B000”结束，成功3幅，失败1幅",
    gloss="The move ended with this status and these counts",
)
def move_end(world: World, exam: str, status: str, done: int, failed: int) -> Expectation:
    """Exact accounting."""
    return _ended(world, exam, "C-MOVE", status, done, failed)


def _ended(world: World, exam: str, kind: str, status: str, done: int, failed: int) -> Expectation:
    """The last final answer to a request of this kind."""
    site(world).known(exam)
    numbers = [
        record["n"]
        for record in world.trace.records
        if record["kind"] == "message" and record.get("type") == f"{kind}-RSP"
        and record.get("status") not in {"FF00", "FF01"}
    ]  # fmt: skip
    fields = {"status": status, "completed": str(done), "failed": str(failed)}
    return _answer(PACS, kind, str(numbers[-1] if numbers else 0), fields)


@steps.then(
    "检查{string}的取回应以状态{string}结束，成功{int}幅，失败{int}幅",
    id="imaging.get-end",
    at_once=True,
    purpose="核对 C-GET 的最终状态与子操作计数",
    effect="轨迹中最后一个 C-GET 最终应答的状态与计数",
    example="那么 检查“检1”的取回应以状态“B000”结束，成功3幅，失败1幅",
    gloss="The retrieval ended with this status and these counts",
)
def get_end(world: World, exam: str, status: str, done: int, failed: int) -> Expectation:
    """Exact accounting, by what the device answered."""
    return _ended(world, exam, "C-GET", status, done, failed)
