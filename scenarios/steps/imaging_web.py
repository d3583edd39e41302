"""Sentences about imaging: DICOMweb, where devices and viewers store, search and retrieve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.probes.dicomweb import DICOM, body_of
from harness.scenario.steps import Library
from harness.scenario.world import World
from harness.wire.multipart import BOUNDARY_CHARS_MAX, related
from scenarios.steps.imaging import device_of
from scenarios.steps.imaging_judge import STATUS_S, instances_sent, rows_seen, study_row
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_play import objects_of, remember
from scenarios.steps.imaging_site import site
from scenarios.steps.imaging_web_site import (
    INTERFACE,
    LINK,
    files_of,
    frames_row,
    metadata_row,
    sent_metadata,
    web_of,
    web_place,
)
from simulators.modality.images import instance
from simulators.modality.modality import Modality

steps = Library("imaging")

PLAIN: Final = "mhboundary"
LONG: Final = "L" * BOUNDARY_CHARS_MAX

SPELLINGS: Final[Mapping[str, tuple[str, str]]] = {
    "普通": (PLAIN, related(DICOM, PLAIN)),
    "边界加引号": (PLAIN, f'multipart/related; type="{DICOM}"; boundary="{PLAIN}"'),
    "类型不加引号": (PLAIN, f"multipart/related; type={DICOM}; boundary={PLAIN}"),
    "边界在前": (PLAIN, f'multipart/related; boundary={PLAIN}; type="{DICOM}"'),
    "最长的边界": (LONG, related(DICOM, LONG)),
}
"""How a body may legally be declared (RFC 2046 §5.1.1, RFC 2387 §3): boundary and content type."""


# ---- storing


@steps.when(
    "设备以STOW把检查{string}的图像存入PACS",
    id="imaging.web-store",
    purpose="经 STOW-RS 存入整个序列",
    effect="一个 POST，每幅一个部分（application/dicom）；像素与 C-STORE 时相同",
    example="当 设备以STOW把检查“检1”的图像存入PACS",
    gloss="The device stores the images of an examination over STOW-RS",
)
def web_store(world: World, exam: str) -> None:
    """All of them in one request."""
    _stow(world, exam, "普通")


@steps.when(
    "设备以STOW把检查{string}的图像存入PACS，写法为{string}",
    id="imaging.web-store-spelling",
    purpose="检查多部分请求的各种合法写法都能读",
    effect="写法：边界加引号、类型不加引号、边界在前、最长的边界",
    example="当 设备以STOW把检查“检1”的图像存入PACS，写法为“最长的边界”",
    gloss="The device stores over STOW-RS, and declares the body in another legal way",
)
def web_store_spelling(world: World, exam: str, spelling: str) -> None:
    """Legal, and not what a server may have been tried with."""
    if spelling not in SPELLINGS:
        raise ScenarioError(tr("no spelling {name}; known: {known}", name=spelling,
                               known="、".join(SPELLINGS)))  # fmt: skip
    _stow(world, exam, spelling)


def _stow(world: World, exam: str, spelling: str) -> None:
    _, planned, modality = device_of(world, exam)
    objects = objects_of(modality, planned)
    remember(modality, planned, objects)
    boundary, content = SPELLINGS[spelling]
    web_of(world).store(body_of(files_of(modality, objects), boundary), content)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """A request that is broken on purpose: row, action, body, and the share that leaves."""

    row: str
    action: str
    body: Callable[[bytes], bytes]
    share: float = 1.0


BROKEN: Final[Mapping[str, _Broken]] = {
    "末幅被截断": _Broken(
        row="img-S9", action="truncate", body=lambda whole: whole[: len(whole) - 700]
    ),
    "没有结尾边界": _Broken(
        row="img-S9", action="truncate", body=lambda whole: whole[: whole.rindex(b"\r\n--")]
    ),
    "边界与声明不符": _Broken(
        row="img-Q11",
        action="replace",
        body=lambda whole: whole.replace(PLAIN.encode(), b"otherboundary"),
    ),
    "传到一半时断线": _Broken(
        row="img-S9", action="reset-in-the-middle", body=lambda whole: whole, share=0.5
    ),
}
"""What goes wrong with a request."""


@steps.when(
    "设备以STOW存检查{string}的图像时{string}，随后整个序列重发",
    id="imaging.web-store-broken",
    purpose="检查残缺的请求不留半幅，重发后不丢不重",
    effect="先发一个残缺的请求：末幅被截断、没有结尾边界、边界与声明不符、传到一半时断线；再完整地发一次",
    example="当 设备以STOW存检查“检1”的图像时“末幅被截断”，随后整个序列重发",
    gloss="A request of STOW-RS is broken in a named way, then everything is sent again",
)
def web_store_broken(world: World, exam: str, kind: str) -> None:
    """Broken, then whole."""
    if kind not in BROKEN:
        raise ScenarioError(tr("no fault {name}; known: {known}", name=kind,
                               known="、".join(BROKEN)))  # fmt: skip
    _, planned, modality = device_of(world, exam)
    objects = objects_of(modality, planned)
    broken = BROKEN[kind]
    fault = _fault(world, broken.row, broken.action)
    whole = body_of(files_of(modality, objects), PLAIN)
    web = web_of(world)
    web.store(broken.body(whole), related(DICOM, PLAIN), share=broken.share)
    world.injector.process(fault, "fired", f"the request was broken: {broken.row}")
    _stow(world, exam, "普通")
    world.injector.process(fault, "healed", "the series was sent again")


def _fault(world: World, row: str, action: str) -> Fault:
    return world.plan(
        Fault(id=world.next_fault(), fault_class=row, layer="message", action=action, link=LINK,
              sender="modality")
    )  # fmt: skip


@steps.when(
    "设备以STOW存检查{string}的图像，其中混入{string}",
    id="imaging.web-store-mixed",
    purpose="检查一个请求里有不能接收的部分时，逐幅如实应答",
    effect="在完整的序列之外另加一个部分：一段不是DICOM的字节、同UID的另一幅、另一患者的一幅",
    example="当 设备以STOW存检查“检1”的图像，其中混入“一段不是DICOM的字节”",
    gloss="One part of a request of STOW-RS cannot be taken",
)
def web_store_mixed(world: World, exam: str, kind: str) -> None:
    """The others must be kept, and the answer must say which was not."""
    if kind not in MIXED:
        raise ScenarioError(tr("no part {name}; known: {known}", name=kind,
                               known="、".join(MIXED)))  # fmt: skip
    _, planned, modality = device_of(world, exam)
    objects = objects_of(modality, planned)
    remember(modality, planned, objects)
    row, make = MIXED[kind]
    fault = _fault(world, row, "junk-before")
    files = [*files_of(modality, objects), make(world, planned, modality)]
    web_of(world).store(body_of(files, PLAIN), related(DICOM, PLAIN))
    world.injector.process(fault, "fired", f"one part was: {row}")
    world.injector.process(fault, "healed", "only this request had it")


def _garbage(world: World, planned: Planned, modality: Modality) -> bytes:
    return f"no object {world.draw('garbage', planned.station)}".encode("ascii") * 9


def _conflict(world: World, planned: Planned, modality: Modality) -> bytes:
    data = objects_of(modality, planned)[0]
    data.set("ImageComments", f"other content {world.draw('conflict'):.6f}")
    return files_of(modality, [data])[0]


def _stranger(world: World, planned: Planned, modality: Modality) -> bytes:
    who = world.person("混入")
    data = instance(modality.model, planned.exam, 900)
    data.set("PatientID", who.patient_id)
    data.set("PatientName", f"TEST^{who.patient_id}={who.name}")
    return files_of(modality, [data])[0]


MIXED: Final[Mapping[str, tuple[str, Callable[[World, Planned, Modality], bytes]]]] = {
    "一段不是DICOM的字节": ("img-S9", _garbage),
    "同UID的另一幅": ("img-S3", _conflict),
    "另一患者的一幅": ("img-S5", _stranger),
}
"""Parts that cannot be taken, and the row of the catalogue that each is."""


@steps.then(
    "STOW对检查{string}的最后一个应答应为{int}，保存{int}幅，拒收{int}幅",
    id="imaging.web-stored",
    at_once=True,
    purpose="核对 STOW-RS 的状态与逐幅结果",
    effect="轨迹中最后一个 STOW 应答：HTTP 状态、ReferencedSOPSequence 与失败序列的条数",
    example="那么 STOW对检查“检1”的最后一个应答应为202，保存4幅，拒收1幅",
    gloss="The last answer of STOW-RS had this status and these counts",
)
def web_stored(world: World, exam: str, status: int, kept: int, failed: int) -> Expectation:
    """Each instance is accounted for (PS3.18 §10.5.3)."""
    site(world).known(exam)
    return _stored(world, -1, {"status": str(status), "kept": str(kept), "failed": str(failed)})


@steps.then(
    "STOW对检查{string}的第{int}个应答应为{int}",
    id="imaging.web-status",
    at_once=True,
    purpose="核对残缺请求得到的状态",
    effect="轨迹中按先后第几个 STOW 应答的 HTTP 状态",
    example="那么 STOW对检查“检1”的第1个应答应为400",
    gloss="The answer of STOW-RS with this number had this status",
)
def web_status(world: World, exam: str, number: int, status: int) -> Expectation:
    """The status alone."""
    site(world).known(exam)
    return _stored(world, number - 1, {"status": str(status)})


def _stored(world: World, index: int, fields: Mapping[str, str]) -> Expectation:
    numbers = [record["n"] for record in world.trace.records
               if record["kind"] == "message" and record.get("type") == "STOW-RSP"]  # fmt: skip
    inside = -len(numbers) <= index < len(numbers)
    paths = {"status": "STOW status", "kept": "(0008,1199)", "failed": "(0008,1198)"}
    checks = [Check(path=name, value=Value(expected=value), place=web_place(paths[name]),
                    clause="PS3.18 §10.5.3")
              for name, value in fields.items()]  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": "STOW-RSP"}),
        wanted=[Wanted(key={"n": str(numbers[index] if inside else 0)}, checks=checks)],
        place=web_place("STOW status"),
        limit_s=STATUS_S,
        classes={"missing": "lost"},
    )


# ---- searching and retrieving


@steps.then(
    "{duration}内以QIDO查询PACS，检查{string}的身份与幅数应逐字一致",
    id="imaging.web-found",
    purpose="核对 QIDO-RS 应答的中文逐码点一致、键齐全、幅数正确",
    effect="按 Study UID 查询 /studies，与发送的逐项比较",
    example="那么 5秒内以QIDO查询PACS，检查“检1”的身份与幅数应逐字一致",
    gloss="QIDO-RS gives the study with every value as it was sent",
)
def web_found(world: World, limit_s: float, exam: str) -> Expectation:
    """Code point by code point."""
    planned = site(world).known(exam)
    web_of(world)
    row = {name: cell for name, cell in study_row(planned).items() if name != "charset"}
    return rows_seen(probe="pacs-web-studies", args={"StudyInstanceUID": planned.exam.study},
                     interface=INTERFACE, key="StudyInstanceUID", rows=[row], limit_s=limit_s,
                     place="study", clause="PS3.18 §10.6.3")  # fmt: skip


@steps.then(
    "{duration}内以QIDO按中文姓名查询PACS应找到检查{string}",
    id="imaging.web-by-name",
    purpose="核对中文姓名作为 QIDO 的键可以命中",
    effect="PatientName=*汉字姓名*，按 UTF-8 百分号编码",
    example="那么 5秒内以QIDO按中文姓名查询PACS应找到检查“检1”",
    gloss="QIDO-RS by the Chinese name finds the study",
)
def web_by_name(world: World, limit_s: float, exam: str) -> Expectation:
    """The key is in UTF-8."""
    planned = site(world).known(exam)
    web_of(world)
    person = planned.exam.person
    args = {"PatientName": f"*{person.name}*", "PatientID": person.patient_id}
    row: dict[str, Value | str] = {"StudyInstanceUID": planned.exam.study,
                                   "PatientID": person.patient_id}  # fmt: skip
    return rows_seen(probe="pacs-web-studies", args=args, interface=INTERFACE,
                     key="StudyInstanceUID", rows=[row], limit_s=limit_s, place="(0010,0010)",
                     clause="PS3.18 §8.3.4.1")  # fmt: skip


RETRIEVED: Final[Mapping[str, str]] = {"原样": "pacs-web-instances", "默认": "pacs-web-default"}
"""Accept of a retrieval: any syntax, or none named, which means explicit little endian."""


@steps.then(
    "{duration}内以WADO取回的检查{string}应与发送的逐像素一致",
    id="imaging.web-retrieved",
    purpose="核对 WADO-RS 取回的每一幅像素与文件头不变，不多不少",
    effect="GET 整个检查，接受任何传输语法；逐幅比较像素哈希、文件头哈希与身份字段",
    example="那么 5秒内以WADO取回的检查“检1”应与发送的逐像素一致",
    gloss="WADO-RS gives every image exactly as it was sent",
)
def web_retrieved(world: World, limit_s: float, exam: str) -> Expectation:
    """Nothing lost, doubled or changed."""
    planned = site(world).known(exam)
    web_of(world)
    return rows_seen(probe=RETRIEVED["原样"], args={"StudyInstanceUID": planned.exam.study},
                     interface=INTERFACE, key="SOPInstanceUID", rows=instances_sent(planned),
                     limit_s=limit_s, place="instance", clause="PS3.18 §10.4.3")  # fmt: skip


@steps.then(
    "{duration}内检查{string}的WADO元数据应与发送的文件头逐项一致",
    id="imaging.web-metadata",
    purpose="核对元数据（JSON）的每一项，中文逐码点一致",
    effect="GET /metadata，逐幅比较全部元素；长的二进制值只给链接",
    example="那么 5秒内检查“检1”的WADO元数据应与发送的文件头逐项一致",
    gloss="The metadata of WADO-RS have every value as it was sent",
)
def web_metadata(world: World, limit_s: float, exam: str) -> Expectation:
    """Every element that is not bulk."""
    planned = site(world).known(exam)
    web_of(world)
    rows = [{name: str(value) for name, value in metadata_row(sent_metadata(data)).items()}
            for data in planned.sent.values()]  # fmt: skip
    if not rows:
        raise ScenarioError(tr("no image was stored before"))
    return rows_seen(probe="pacs-web-metadata", args={"StudyInstanceUID": planned.exam.study},
                     interface=INTERFACE, key="SOPInstanceUID", rows=rows, limit_s=limit_s,
                     place="instance", clause="PS3.18 §F.2")  # fmt: skip


@steps.then(
    "{duration}内检查{string}逐帧取回的像素应与发送的一致",
    id="imaging.web-frames",
    purpose="核对按帧取回：帧号从1起，次序照请求",
    effect="每幅按倒序请求全部帧，再按正序拼起来比较",
    example="那么 5秒内检查“检1”逐帧取回的像素应与发送的一致",
    gloss="The frames of WADO-RS are the pixels that were sent",
)
def web_frames(world: World, limit_s: float, exam: str) -> Expectation:
    """Frames by number."""
    planned = site(world).known(exam)
    web_of(world)
    rows = [{name: str(value) for name, value in frames_row(data).items()}
            for data in planned.sent.values()]  # fmt: skip
    if not rows:
        raise ScenarioError(tr("no image was stored before"))
    return rows_seen(probe="pacs-web-frames", args={"StudyInstanceUID": planned.exam.study},
                     interface=INTERFACE, key="SOPInstanceUID", rows=[*rows], limit_s=limit_s,
                     place="instance", clause="PS3.18 §10.4.1.1.6")  # fmt: skip
