"""Sentences about imaging: devices store, move, and ask for safekeeping."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import ScenarioError
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.link.dicom_data import DataSet
from harness.link.dicom_scp import free_port
from harness.scenario.hospital import not_ours
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging import device_of
from scenarios.steps.imaging_planned import Planned, by_person
from scenarios.steps.imaging_site import site
from simulators.modality.images import instance, latin_name
from simulators.modality.modality import Modality
from simulators.modality.systems import LINKS

steps = Library("imaging")


def objects_of(modality: Modality, planned: Planned) -> list[DataSet]:
    """The objects of one examination."""
    model = modality.model
    return [instance(model, planned.exam, number) for number in range(1, model.images + 1)]


def remember(modality: Modality, planned: Planned, objects: Sequence[DataSet]) -> None:
    """Keep what was sent, as it stands on the wire."""
    for data in objects:
        request = modality.request_for(data)
        planned.sent[request.sop_instance] = request.data()


def examined(world: World, exam: str) -> None:
    """A card for whoever works at a device of the site: choose, examine, send."""
    here = site(world)
    planned = here.known(exam)
    one = planned.exam
    here.order("modality", "examine", patient_id=one.person.patient_id, name=one.person.name,
               accession=one.accession, study=one.study, description=one.description,
               device=planned.device)  # fmt: skip


# ---- images


@steps.when(
    "设备把检查{string}的图像存入PACS",
    id="imaging.store",
    purpose="按 IHE RAD-8 发送整个序列",
    effect="在一个连接上逐幅 C-STORE；像素含两端极值、斜坡和由种子决定的图案",
    example="当 设备把检查“检1”的图像存入PACS",
    gloss="The device stores the images of an examination",
)
def store(world: World, exam: str) -> None:
    """All of them, over one association; at a device of the site a person examines."""
    if by_person(world, "modality"):
        examined(world, exam)
        return
    _, planned, modality = device_of(world, exam)
    objects = objects_of(modality, planned)
    remember(modality, planned, objects)
    modality.store(objects)


@steps.when(
    "设备以相同UID把另一幅内容存入检查{string}",
    id="imaging.store-conflict",
    purpose="检查同一 SOP Instance UID 而内容不同的冲突",
    effect="第一幅改动像素后以原 UID 再存一次",
    example="当 设备以相同UID把另一幅内容存入检查“检1”",
    gloss="The device stores other content under a UID that is taken",
)
def store_conflict(world: World, exam: str) -> None:
    """Same UID, other pixels."""
    _, planned, modality = device_of(world, exam)
    data = objects_of(modality, planned)[0]
    vr, pixels = data.elements[0x7FE00010]
    if not isinstance(pixels, bytes):
        raise ScenarioError(tr("this device sends no pixels"))
    data.elements[0x7FE00010] = (vr, bytes(255 - byte for byte in pixels[:64]) + pixels[64:])
    modality.store([data])


@steps.when(
    "设备把患者{string}的图像存入检查{string}的Study UID之下",
    id="imaging.store-other-patient",
    purpose="检查一个检查不会混入另一名患者的图像",
    effect="以另一名患者、相同 Study UID、新的 SOP Instance UID 存一幅",
    example="当 设备把患者“乙”的图像存入检查“检1”的Study UID之下",
    gloss="The device stores an image of another patient into a study",
)
def store_other_patient(world: World, person: str, exam: str) -> None:
    """A wrong choice at the console."""
    _, planned, modality = device_of(world, exam)
    who = world.people.get(person) or world.person(person)
    data = instance(modality.model, planned.exam, 900)
    data.set("PatientID", who.patient_id)
    data.set("PatientName", f"{latin_name(who)}={who.name}")
    data.set("PatientBirthDate", who.birth)
    data.set("PatientSex", who.sex)
    modality.store([data])


@steps.when(
    "设备存检查{string}的图像，最后一幅传到{int}%时断线，随后整个序列重发",
    id="imaging.store-cut",
    purpose="检查传输中断后重发：不丢、不重",
    effect="最后一幅只发出这一比例的 PDU 即断开；随后全部以原 UID 重发",
    example="当 设备存检查“检1”的图像，最后一幅传到50%时断线，随后整个序列重发",
    gloss="The connection is cut inside the last image, then everything is sent again",
)
def store_cut(world: World, exam: str, percent: int) -> None:
    """Cut, then again."""
    _, planned, modality = device_of(world, exam)
    fault = world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="img-S9",
            layer="transport",
            action="reset-in-the-middle",
            link="modality-pacs",
            sender="modality",
            parameters={"percent": str(percent)},
        )
    )
    objects = objects_of(modality, planned)
    remember(modality, planned, objects)
    modality.store_cut(objects, percent / 100)
    world.injector.process(fault, "fired", f"the association was cut at {percent} %")
    modality.store(objects)
    world.injector.process(fault, "healed", "the series was sent again")


@steps.when(
    "{string}断电后重新启动",
    id="imaging.restart",
    purpose="检查已应答的内容在断电后仍在",
    effect="结束 PACS 或 RIS 的进程，不给它机会收尾，再以原存储启动",
    example="当 “PACS”断电后重新启动",
    gloss="The PACS or the RIS loses its power and is started again",
)
def restart(world: World, role: str) -> None:
    """Whatever was acknowledged must be there afterwards."""
    if role not in {"PACS", "RIS"}:
        raise ScenarioError(tr("{role} is no imaging system of ours", role=role))
    here = site(world)
    if not here.ours(role):
        raise not_ours(role)
    fault = world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="img-S8" if role == "PACS" else "img-M2",
            layer="process",
            action="kill",
            link=LINKS[role],
            sender=role,
        )
    )
    here.systems().restart(role)
    world.injector.process(fault, "fired", f"the {role} lost its power")
    world.injector.process(fault, "healed", f"the {role} is back")


# ---- retrieval


@steps.when(
    "设备把检查{string}从PACS传送到设备{string}",
    id="imaging.move",
    purpose="检查 C-MOVE 把图像送到登记的目的地",
    effect="C-MOVE，目的地为另一台仿真设备",
    example="当 设备把检查“检1”从PACS传送到设备“DR”",
    gloss="A study is moved from the PACS to another device",
)
def move(world: World, exam: str, device: str) -> None:
    """C-MOVE."""
    here, planned, modality = device_of(world, exam)
    target = here.modality(device)
    modality.move(planned.exam.study, target.model.ae_title)


@steps.when(
    "设备把检查{string}从PACS传送到设备{string}，目的地拒收第{int}幅",
    id="imaging.move-refused",
    purpose="检查子操作失败时的最终状态与计数",
    effect="目的地对这一幅回答 A700",
    example="当 设备把检查“检1”从PACS传送到设备“DR”，目的地拒收第2幅",
    gloss="A study is moved to a device that refuses one of its images",
)
def move_refused(world: World, exam: str, device: str, number: int) -> None:
    """A destination that is full."""
    here, planned, modality = device_of(world, exam)
    target = here.modality(device)
    fault = world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="img-Q3",
            layer="message",
            action="refuse",
            link="modality-pacs",
            sender="modality",
        )
    )
    refused = list(planned.sent)[number - 1]
    here.receivers[device].refuse.add(refused)
    modality.move(planned.exam.study, target.model.ae_title)
    if refused in here.receivers[device].refused:
        world.injector.process(fault, "fired", "the destination refused one image")
    here.receivers[device].refuse.clear()
    world.injector.process(fault, "healed", "the destination takes images again")


@steps.when(
    "设备把检查{string}从PACS传送到未登记的目的地",
    id="imaging.move-unknown",
    purpose="检查未登记目的地的 C-MOVE 得到明确拒绝",
    effect="C-MOVE，目的地 AE 未在 PACS 登记",
    example="当 设备把检查“检1”从PACS传送到未登记的目的地",
    gloss="A study is moved to a destination that the PACS does not know",
)
def move_unknown(world: World, exam: str) -> None:
    """An AE title that nobody has."""
    _, planned, modality = device_of(world, exam)
    modality.move(planned.exam.study, "MHNOBODY")


@steps.when(
    "设备把检查{string}从PACS传送到已关机的目的地",
    id="imaging.move-dead",
    purpose="检查目的地关机时 C-MOVE 报告失败",
    effect="C-MOVE，目的地已登记但无人监听",
    example="当 设备把检查“检1”从PACS传送到已关机的目的地",
    gloss="A study is moved to a destination that is switched off",
)
def move_dead(world: World, exam: str) -> None:
    """Registered, and nobody listens."""
    here, planned, modality = device_of(world, exam)
    here.order("PACS", "destination", ae="MHOFF", host="127.0.0.1", port=str(free_port()))
    modality.move(planned.exam.study, "MHOFF")


@steps.when(
    "设备以C-GET取回检查{string}",
    id="imaging.get",
    purpose="检查设备以 C-GET 取回整个检查",
    effect="C-GET，图像在同一连接上送回，设备逐幅回答 0000",
    example="当 设备以C-GET取回检查“检1”",
    gloss="The device retrieves a study by C-GET",
)
def get(world: World, exam: str) -> None:
    """Everything over the one association."""
    here, planned, modality = device_of(world, exam)
    modality.get(planned.exam.study, here.receivers[planned.device])


@steps.when(
    "设备以C-GET取回检查{string}，拒收第{int}幅",
    id="imaging.get-refused",
    purpose="检查 C-GET 的子操作失败时的最终状态与计数",
    effect="C-GET，设备对这一幅回答 A700",
    example="当 设备以C-GET取回检查“检1”，拒收第2幅",
    gloss="The device retrieves a study by C-GET and refuses one of its images",
)
def get_refused(world: World, exam: str, number: int) -> None:
    """A device that is full."""
    here, planned, modality = device_of(world, exam)
    receiver = here.receivers[planned.device]
    fault = world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="img-Q3",
            layer="message",
            action="refuse",
            link="modality-pacs",
            sender="modality",
        )
    )
    refused = list(planned.sent)[number - 1]
    receiver.refuse.add(refused)
    modality.get(planned.exam.study, receiver)
    if refused in receiver.refused:
        world.injector.process(fault, "fired", "the device refused one image")
    receiver.refuse.clear()
    world.injector.process(fault, "healed", "the device takes images again")
