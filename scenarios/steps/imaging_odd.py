"""Sentences about imaging: trials of associations, and objects that are odd and legal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.line import pack
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link.dicom_data import TEXTS, DataSet
from harness.link.dicom_scp import free_port
from harness.model import Place
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging import device_of
from scenarios.steps.imaging_judge import PACS, RIS, STATUS_S
from scenarios.steps.imaging_planned import by_person
from scenarios.steps.imaging_play import objects_of, remember
from scenarios.steps.imaging_site import site
from scenarios.steps.imaging_talk import Trial
from scenarios.steps.imaging_trials import KINDS
from simulators.modality.images import uid
from simulators.modality.systems import LINKS

steps = Library("imaging")


# ---- trials


def _interface(role: str) -> str:
    return RIS if role == "RIS" else PACS


@steps.when(
    "设备为检查{string}试验“PACS与RIS”的{string}",
    id="imaging.trial",
    purpose="检查连接层面的行为：协商、PDU、空闲与半开连接、各项服务与用时",
    effect="以自有的上层协议逐字节提出连接，结果记入轨迹",
    example="当 设备为检查“检1”试验“PACS与RIS”的“八个半开连接”",
    gloss="A device tries what an association must bear",
)
def trial(world: World, exam: str, name: str) -> None:
    """The outcome goes into the trace."""
    if name not in KINDS:
        known = "、".join(KINDS)
        raise ScenarioError(tr("no trial {name}; known: {known}", name=name, known=known))
    here = site(world)
    kind = KINDS[name]
    planned = here.known(exam)
    if not here.ours("PACS") and not by_person(world, "modality"):
        here.modality(planned.device)  # a real PACS proves the way of its calls to a listener
    world.after_persons()  # whoever enters orders by hand has entered them by then
    outcome = kind.run(Trial(here, planned, kind.role))
    world.trace.add("message", protocol="dicom", type="trial", raw=pack(b""), corr={}, id=name,
                    link=LINKS[kind.role], interface=_interface(kind.role), frm=kind.role,
                    to="modality", outcome=outcome)  # fmt: skip


@steps.then(
    "试验{string}的结果应为{string}",
    id="imaging.trial-result",
    at_once=True,
    purpose="核对一次连接试验的结果",
    effect="轨迹中该试验的结果，如 accepted、0000、released",
    example="那么 试验“八个半开连接”的结果应为“accepted”",
    gloss="The trial ended like this",
)
def trial_result(world: World, name: str, outcome: str) -> Expectation:
    """As the sentence says, word by word."""
    if name not in KINDS:
        raise ScenarioError(tr("no trial {name}; known: {known}", name=name,
                               known="、".join(KINDS)))  # fmt: skip
    kind = KINDS[name]
    place = Place(interface=_interface(kind.role), protocol="dicom", path=kind.path)
    check = Check(path="outcome", value=Value(expected=outcome), place=place, clause="PS3.8 §9.3")
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": "trial"}),
        wanted=[Wanted(key={"id": name}, checks=[check])],
        place=place,
        limit_s=STATUS_S,
        classes={"missing": "lost"},
    )


# ---- odd objects


def _as_bytes(data: DataSet) -> None:
    """Every text in the bytes of GB 18030, whatever the object declares."""
    for tag, (vr, value) in list(data.elements.items()):
        if vr in TEXTS and isinstance(value, str):
            raw = value.encode("gb18030")
            data.elements[tag] = (vr, raw + b" " * (len(raw) % 2))


def _no_set(data: DataSet) -> None:
    _as_bytes(data)
    data.drop("SpecificCharacterSet")


def _wrong_set(data: DataSet) -> None:
    """UTF-8 is declared, and the bytes are GB 18030."""
    _as_bytes(data)
    data.set("SpecificCharacterSet", "ISO_IR 192")


def _odd_set(data: DataSet) -> None:
    data.set("InstitutionName", "TEST")
    data.set("StudyDescription", "CHEST")
    data.set("PatientName", data.text("PatientName").split("=")[0])
    _as_bytes(data)
    data.set("SpecificCharacterSet", "ISO 2022 IR 165")


def _private(data: DataSet) -> None:
    data.set(0x00110011, "MEDHARNESS 2.0", "LO")
    data.set(0x00111101, "第二块中文".encode("gb18030"), "LO")
    data.set(0x00111102, bytes(range(0x80, 0x100)), "UN")


def _issuer(data: DataSet) -> None:
    data.set("IssuerOfPatientID", "TESTHOSP")


def _empty_item(data: DataSet) -> None:
    data.set("IssuerOfPatientIDQualifiersSequence", [DataSet()])


def _old_uid(data: DataSet) -> None:
    data.set("SeriesInstanceUID", f"{data.text('SeriesInstanceUID')[:40]}.0123")


def _odd_size(data: DataSet) -> None:
    data.set("Rows", 7)
    data.set("Columns", 9)
    data.set("PixelData", bytes(range(63)) + b"\0", "OB")


def _new_vrs(data: DataSet) -> None:
    data.set(0x00080119, "L" * 40, "UC")
    data.set(0x00080120, "urn:oid:2.25.7", "UR")


def _overlay(data: DataSet) -> None:
    for element, value, vr in ((0x10, 64, "US"), (0x11, 64, "US"), (0x40, "G", "CS"),
                               (0x50, b"\1\0\1\0", "SS"), (0x100, 1, "US"), (0x102, 0, "US"),
                               (0x3000, bytes(range(256)) * 2, "OW")):  # fmt: skip
        data.set(0x60000000 | element, value, vr)


def _sparse(data: DataSet) -> None:
    for name in ("StudyDate", "StudyTime", "StudyDescription", "AccessionNumber", "StudyID"):
        data.drop(name)


def _padded(data: DataSet) -> None:
    value = data.text("StudyInstanceUID").encode("ascii")
    data.set("StudyInstanceUID", value + b" ")


ODD: Final[Mapping[str, Callable[[DataSet], None]]] = {
    "无字符集": _no_set,
    "少见字符集": _odd_set,
    "声明与字节不符": _wrong_set,
    "两个私有块": _private,
    "签发方": _issuer,
    "空的嵌套项": _empty_item,
    "前导零的UID": _old_uid,
    "奇数尺寸": _odd_size,
    "新的值表示": _new_vrs,
    "叠加层": _overlay,
    "稀少的属性": _sparse,
    "空格填充的UID": _padded,
}
"""Ways to write an object as sentences name them."""


@steps.when(
    "设备把检查{string}的图像以{string}的写法存入PACS",
    id="imaging.store-odd",
    purpose="检查合规但少见的对象：字符集、私有块、签发方、空项、老 UID、奇数尺寸、新值表示等",
    effect="每幅图像改成这种写法后逐幅 C-STORE",
    example="当 设备把检查“检1”的图像以“叠加层”的写法存入PACS",
    gloss="The device stores the images in an odd way of writing",
)
def store_odd(world: World, exam: str, name: str) -> None:
    """Legal, and seldom."""
    _, planned, modality = device_of(world, exam)
    if name not in ODD:
        raise ScenarioError(tr("no such way of writing {name}; known: {known}", name=name,
                               known="、".join(ODD)))  # fmt: skip
    if name == "空格填充的UID" and len(planned.exam.study) % 2 == 0:
        planned.exam = replace(planned.exam, study=f"{planned.exam.study}1")
    objects = objects_of(modality, planned)
    for data in objects:
        ODD[name](data)
    remember(modality, planned, objects)
    modality.store(objects)


@steps.when(
    "设备以相同SOP UID把一幅图像存入另一检查，原为检查{string}",
    id="imaging.store-other-study",
    purpose="检查同一 SOP Instance UID 不会在两个检查中各存一份",
    effect="第一幅改为另一 Study UID 后以原 SOP UID 再存一次",
    example="当 设备以相同SOP UID把一幅图像存入另一检查，原为检查“检1”",
    gloss="The device stores an image of one study into another under the same UID",
)
def store_other_study(world: World, exam: str) -> None:
    """Same instance UID, other study."""
    _, planned, modality = device_of(world, exam)
    data = objects_of(modality, planned)[0]
    data.set("StudyInstanceUID", uid(world.seed, world.scenario, "other study", exam))
    modality.store([data])


# ---- destinations, reports and steps


@steps.when(
    "设备{string}换了端口后在PACS重新登记",
    id="imaging.moved-port",
    purpose="检查目的地改址后不再送往旧地址",
    effect="先以旧端口登记，再以现在的端口登记",
    example="当 设备“DR”换了端口后在PACS重新登记",
    gloss="A device moves to another port and is registered anew",
)
def moved_port(world: World, device: str) -> None:
    """The old one first, where nobody listens any more."""
    here = site(world)
    title = here.fresh_title(device)
    here.order("PACS", "destination", ae=title, host="127.0.0.1", port=str(free_port()))
    here.modality(device)
    here.register(device)


@steps.given(
    "设备只以隐式小端接收承诺报告",
    id="imaging.implicit-reports",
    purpose="检查承诺报告的连接会协商对方接受的传输语法",
    effect="仿真设备的监听端口对存储承诺只接受隐式小端",
    example="假如 设备只以隐式小端接收承诺报告",
    gloss="The devices take reports of commitment in implicit little endian only",
)
def implicit_reports(world: World) -> None:
    """Before any device listens."""
    site(world).implicit_reports = True


@steps.when(
    "设备以自编的Study UID开始检查{string}",
    id="imaging.begin-own-study",
    purpose="检查设备自编检查 UID 时，执行步骤仍与预约关联",
    effect="MPPS N-CREATE 的 Study Instance UID 与工作列表不同，其余相同",
    example="当 设备以自编的Study UID开始检查“检1”",
    gloss="The device begins an examination under a study UID of its own",
)
def begin_own_study(world: World, exam: str) -> None:
    """Everything but the study UID is as scheduled."""
    _, planned, modality = device_of(world, exam)
    planned.performed = uid(world.seed, world.scenario, "mpps", exam)
    own = uid(world.seed, world.scenario, "own study", exam)
    modality.begin(planned.performed, [replace(planned.exam, study=own)])
