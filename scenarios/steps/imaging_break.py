"""Sentences about imaging: stores that are broken off at each PDU, and UIDs that meet again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.errors import ScenarioError
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.link.dicom_data import DataSet
from harness.link.dicom_scu import Association
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging import device_of
from scenarios.steps.imaging_play import objects_of, remember
from simulators.modality.images import latin_name, uid
from simulators.modality.modality import Modality

steps = Library("imaging")

PDU_BYTES: Final = 1024
"""So small that an image has several; what a peer announces is the most, not the least."""

PDUS_MAX: Final = 24
"""Places that one sentence breaks a message at; of a longer one, as many evenly spread."""

HELD_MAX: Final = 2
"""Associations that stall at a time: some archives serve four, and that is no fault."""

HOWS: Final = ("断线", "半个PDU断线", "中止", "停顿")


def _broken(link: Association, how: str, pieces: list[bytes], count: int) -> bool:
    """Send so many PDUs and break it off; whether the association stays, half a message sent."""
    half = pieces[count][: len(pieces[count]) // 2] if how == "半个PDU断线" else b""
    if whole := b"".join(pieces[:count]) + half:
        link.send_raw(whole)
    if how == "停顿":
        return True
    if how == "中止":
        link.abort()
    else:
        link.cut()
    return False


@steps.when(
    "设备存检查{string}的图像，最后一幅在每个PDU处各{string}一次，随后整个序列重发",
    id="imaging.store-break-each",
    purpose="检查传输在任何一个PDU处中断后重发：不丢、不重，也不妨碍别的连接",
    effect="最后一幅切成1024字节的PDU，在每两个PDU之间各以一个连接中断一次；"
    "断线、半个PDU断线、中止（A-ABORT）或停顿（至多两个连接留到重发之后）",
    example="当 设备存检查“检1”的图像，最后一幅在每个PDU处各“断线”一次，随后整个序列重发",
    gloss="The last image is broken off at each PDU in turn, then everything is sent again",
)
def store_break_each(world: World, exam: str, how: str) -> None:
    """An association a place; the others go through first."""
    if how not in HOWS:
        known = "、".join(HOWS)
        raise ScenarioError(tr("no way to break off {name}; known: {known}", name=how, known=known))
    _, planned, modality = device_of(world, exam)
    fault = world.plan(
        Fault(id=world.next_fault(), fault_class="img-S9", layer="transport",
              action="reset-in-the-middle", link="modality-pacs", sender="modality",
              parameters={"how": how, "pdu_bytes": str(PDU_BYTES)})
    )  # fmt: skip
    objects = objects_of(modality, planned)
    remember(modality, planned, objects)
    modality.store(objects[:-1])
    held: list[Association] = []
    places = _break_all(modality, objects[-1], how, held)
    world.injector.process(fault, "fired", f"{how} at {places} places")
    modality.store(objects)
    for link in held:
        link.cut()
    world.injector.process(fault, "healed", "the series was sent again")


def _break_all(modality: Modality, data: DataSet, how: str, held: list[Association]) -> int:
    place, places = 0, 1
    while place < places:
        link = modality.open_to("PACS", modality.storage_offers())
        if not link.open():
            raise ScenarioError(tr("no association: {reason}", reason=link.error))
        request = modality.request_for(data, 1, link.syntaxes(modality.model.sop_class))
        pieces = link.pieces(request, PDU_BYTES)
        places = min(len(pieces), PDUS_MAX)
        if _broken(link, how, pieces, place * len(pieces) // places):
            held.append(link)
        if len(held) > HELD_MAX:
            held.pop(0).cut()
        place += 1
    return places


# ---- a UID that is taken


def _other_pixels(data: DataSet, _: World) -> None:
    vr, pixels = data.elements[0x7FE00010]
    if not isinstance(pixels, bytes):
        raise ScenarioError(tr("this device sends no pixels"))
    data.elements[0x7FE00010] = (vr, bytes(255 - byte for byte in pixels[:64]) + pixels[64:])


def _other_patient(data: DataSet, world: World) -> None:
    who = world.people.get("另一人") or world.person("另一人")
    data.set("PatientID", who.patient_id)
    data.set("PatientName", f"{latin_name(who)}={who.name}")
    data.set("PatientBirthDate", who.birth)
    data.set("PatientSex", who.sex)


def _other_uid(keyword: str) -> Callable[[DataSet, World], None]:
    def change(data: DataSet, _: World) -> None:
        data.set(keyword, uid("other", data.text(keyword)))

    return change


def _other_issuer(data: DataSet, _: World) -> None:
    data.set("IssuerOfPatientID", "OTHER HOSPITAL")


def _other_number(data: DataSet, _: World) -> None:
    data.set("InstanceNumber", str(data.number("InstanceNumber") + 100))


CONFLICTS: Final[dict[str, Callable[[DataSet, World], None]]] = {
    "像素": _other_pixels,
    "检查": _other_uid("StudyInstanceUID"),
    "序列": _other_uid("SeriesInstanceUID"),
    "患者": _other_patient,
    "患者号签发方": _other_issuer,
    "图像号": _other_number,
}


@steps.when(
    "设备以相同UID再存检查{string}的首幅，换了{string}",
    id="imaging.store-conflict-of",
    purpose="检查同一 SOP Instance UID 的每一种冲突：都要明确拒绝，原图不变",
    effect="首幅只改一处后以原 UID 再存：像素、检查、序列、患者、患者号签发方或图像号",
    example="当 设备以相同UID再存检查“检1”的首幅，换了“患者”",
    gloss="The device stores an object under a UID that is taken, with one thing changed",
)
def store_conflict_of(world: World, exam: str, what: str) -> None:
    """One difference, whatever it is, makes another object."""
    if what not in CONFLICTS:
        known = "、".join(CONFLICTS)
        raise ScenarioError(tr("nothing called {name} to change; known: {known}", name=what,
                               known=known))  # fmt: skip
    _, planned, modality = device_of(world, exam)
    data = objects_of(modality, planned)[0]
    CONFLICTS[what](data, world)
    modality.store([data])
