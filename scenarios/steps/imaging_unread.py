"""Sentences about questions and answers whose bytes are not the text that they declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.errors import HarnessError, InputError, ScenarioError
from harness.evidence.expect import Expectation
from harness.evidence.match import Value
from harness.i18n import tr
from harness.probes.dicom import (
    ANSWERED,
    AS_DECLARED,
    CHARSET,
    KEY_CODEC,
    NOBODY,
    OWNER,
    FindProbe,
    UnreadableProbe,
)
from harness.scenario.steps import Library
from harness.scenario.world import World
from harness.wire.dicom_text import codec_of
from scenarios.steps.imaging_heard import LOOKER
from scenarios.steps.imaging_judge import PACS, RIS, asked_set, charset_of, rows_seen
from scenarios.steps.imaging_site import STEP_COLUMNS, WORKLIST_COLUMNS, site

steps = Library("imaging")

PATIENT_COLUMNS: Final = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")

LISTS: Final[Mapping[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]]] = {
    "检查": ("PACS", "STUDY", (*PATIENT_COLUMNS, "StudyInstanceUID"), ()),
    "患者": ("PACS", "PATIENT", PATIENT_COLUMNS, ()),
    "工作列表": ("RIS", "WORKLIST", WORKLIST_COLUMNS, STEP_COLUMNS),
}
"""What can be asked: its role, the level, the columns, and those of the step."""

READABLE: Final = "PS3.4 §C.4.1.1.3.2, PS3.3 §C.12.1.1.2"
"""An answer with characters beyond the default repertoire declares their set; it need not be that
of the question."""

CLAUSES: Final = {
    "PACS": "PS3.4 table C.4-1, §C.2.2.2, PS3.5 §6.1.2.2",
    "RIS": "PS3.4 table K.4-1, §K.2.2, PS3.5 §6.1.2.2",
}
"""Of a question whose key is no text of its set: failure, or matching of what it says; never of
what it does not say."""


DRAWS_MAX: Final = 100
"""Names that are looked at: two of five ordinary ones will do."""


@steps.given(
    "患者{string}的姓名写成GB18030后，没有一个字能按UTF-8读出",
    id="imaging.name-vanishes",
    purpose="检查丢弃读不出的字节的系统：剩下的键是空的，人人都命中；别的姓名只有部分字节读不出，看不到",
    effect="生成一名普通姓名的患者，其 GB18030 字节中没有合法的 UTF-8 序列",
    example="假如 患者“甲”的姓名写成GB18030后，没有一个字能按UTF-8读出",
    gloss="Of the name of a patient in GB 18030 nothing can be read as UTF-8",
)
def name_vanishes(world: World, person: str) -> None:
    """Drawn until one is met: what is left out of a key must be all of it."""
    if person in world.signed:
        raise InputError(tr("{label} is a signed test patient, whose name is what it is",
                            label=person))  # fmt: skip
    for number in range(DRAWS_MAX):
        drawn = world.person(f"{person} {number}")
        if not drawn.name.encode("gb18030").decode("utf-8", "ignore"):
            world.people[person] = drawn
            return
    raise HarnessError(tr("no such name was drawn"))


@steps.then(
    "{duration}内以{string}字符集查询PACS，检查{string}的应答应可按其声明读出",
    id="imaging.study-readable",
    purpose="核对对象未声明字符集或声明与字节不符时，查询应答仍说明自己的字符集，字节与之相符",
    effect="C-FIND STUDY 级按 Study UID：身份号码与幅数一致，"
    "每个文本的字节都是应答所声明字符集的字；字符集“无”表示查询不带 (0008,0005)",
    example="那么 5秒内以“GB18030”字符集查询PACS，检查“检1”的应答应可按其声明读出",
    gloss="The answer about a study with an unreadable name is text of the set that it declares",
)
def study_readable(world: World, limit_s: float, charset: str, exam: str) -> Expectation:
    """The name itself is lost: nobody knows how its bytes were meant."""
    planned = site(world).known(exam)
    row: dict[str, Value | str] = {
        "StudyInstanceUID": planned.exam.study,
        "PatientID": planned.exam.person.patient_id,
        "AccessionNumber": planned.exam.accession,
        "NumberOfStudyRelatedInstances": str(len(planned.sent)),
        CHARSET: AS_DECLARED,
    }
    args = {"StudyInstanceUID": planned.exam.study, CHARSET: asked_set(charset)}
    return rows_seen(probe="pacs-studies", args=args, interface=PACS, key="StudyInstanceUID",
                     rows=[row], limit_s=limit_s, place="study", clause=READABLE)  # fmt: skip


@steps.then(
    "{duration}内查询{string}，姓名键声明{string}而字节为{string}，不得给出检查{string}的患者以外的人",
    id="imaging.unreadable-key",
    purpose="核对键的字节不是所声明字符集的字时，不会放宽成命中别的患者，也不会断开",
    effect="C-FIND：检查、患者（患者根）或工作列表；姓名键为 *汉字姓名*。失败状态、没有命中、"
    "命中本人都可以；没有最终应答、命中别人、应答的字节与其声明不符不可以",
    example="那么 5秒内查询“检查”，姓名键声明“UTF-8”而字节为“GB18030”，"
    "不得给出检查“检1”的患者以外的人",
    gloss="A question whose key is no text of the set that it declares shows nobody else",
)
def unreadable_key(
    world: World, limit_s: float, what: str, declares: str, codec: str, exam: str
) -> Expectation:
    """Failure, no match, or whoever was meant; nobody else, and no end without an answer."""
    here = site(world)
    if what not in LISTS:
        raise ScenarioError(tr("no such list {name}; known: {known}", name=what,
                               known="、".join(LISTS)))  # fmt: skip
    if declares == codec:
        raise ScenarioError(tr("{name} is declared and written: that is a right question",
                               name=codec))  # fmt: skip
    person = here.known(exam).exam.person
    role, level, columns, inner = LISTS[what]
    look = FindProbe(f"unreadable-{level.lower()}", role, here.opens(role, LOOKER), level,
                     columns, inner)  # fmt: skip
    probes: Any = world.bench.probes
    probes[look.name] = UnreadableProbe(look.name, look)
    world.at_end.append(lambda: probes.pop(look.name, None))
    args = {OWNER: person.patient_id, CHARSET: asked_set(declares),
            KEY_CODEC: codec_of(charset_of(codec)), "PatientName": f"*{person.name}*"}  # fmt: skip
    row: dict[str, Value | str] = {OWNER: person.patient_id, "ending": ANSWERED,
                                   "others": NOBODY, CHARSET: AS_DECLARED}  # fmt: skip
    return rows_seen(probe=look.name, args=args, interface=RIS if role == "RIS" else PACS,
                     key=OWNER, rows=[row], limit_s=limit_s, place="(0010,0010)",
                     clause=CLAUSES[role])  # fmt: skip
