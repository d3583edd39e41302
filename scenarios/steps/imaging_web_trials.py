"""Sentences about imaging: trials of DICOMweb, each asks in some ways and says what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import PeerError, ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.line import pack
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_file import read_file
from harness.link.dicom_json import text_of
from harness.link.http_call import UnansweredError
from harness.probes.dicomweb import DICOM, JSON, Web, multipart_of, parts_of
from harness.scenario.steps import Library
from harness.scenario.world import World
from harness.wire import multipart
from scenarios.steps.imaging_judge import STATUS_S
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_site import site
from scenarios.steps.imaging_web_site import INTERFACE, LINK, web_of, web_place
from simulators.modality.images import uid

steps = Library("imaging")

JPEG_2000: Final = "1.2.840.10008.1.2.4.90"
WORDS: Final = {EXPLICIT: "explicit", IMPLICIT: "implicit"}


@dataclass(slots=True)
class WebTrial:
    """What a trial works with.

    Args:
        web: the server.
        planned: the examination that it is about.
    """

    web: Web
    planned: Planned

    @property
    def study(self) -> str:
        """Path of the study."""
        return f"/studies/{self.planned.exam.study}"

    @property
    def first(self) -> str:
        """Path of the first instance that was sent."""
        sop, data = next(iter(self.planned.sent.items()))
        return f"{self.study}/series/{data.text('SeriesInstanceUID')}/instances/{sop}"


def _tried(run: Callable[[WebTrial], str]) -> Callable[[WebTrial], str]:
    """What a server breaks is an outcome, too."""

    def tried(trial: WebTrial) -> str:
        try:
            return run(trial)
        except UnansweredError:
            return "no answer"
        except PeerError as error:
            return error.message[:60]

    return tried


def unknown(trial: WebTrial) -> str:
    """A study that nobody stored: not found where it is retrieved, no match where it is searched.

    PS3.18 lets a search without a match answer 204; an empty list says the same.
    """
    nobody = uid("nobody", trial.planned.exam.study)
    given = trial.web.ask("WADO", f"/studies/{nobody}", accept=multipart_of(DICOM, "*"))
    found = trial.web.search("/studies", [("StudyInstanceUID", nobody)])
    return f"{given.status} {len(found)}"


def _syntax_of(trial: WebTrial, accept: str) -> str:
    answer = trial.web.ask("WADO", trial.first, accept=accept)
    if answer.status != 200:
        return str(answer.status)
    parts = parts_of(answer, DICOM)
    return WORDS.get(read_file(parts[0].body).syntax, "other") if parts else "nothing came"


def syntaxes(trial: WebTrial) -> str:
    """None named, implicit, one of two, any, and one that the server cannot write."""
    accepts = (
        multipart_of(DICOM),
        multipart_of(DICOM, IMPLICIT),
        f"{multipart_of(DICOM, JPEG_2000)};q=0.9, {multipart_of(DICOM, EXPLICIT)};q=0.5",
    )
    return " ".join(_syntax_of(trial, one) for one in accepts)


def not_acceptable(trial: WebTrial) -> str:
    """A media type that is no object."""
    return str(trial.web.ask("WADO", trial.first, accept="text/csv").status)


def single(trial: WebTrial) -> str:
    """One instance comes as a multipart body with one part (PS3.18 §8.7.1)."""
    answer = trial.web.ask("WADO", trial.first, accept=multipart_of(DICOM))
    kind = multipart.media(answer.header("content-type") or "text/plain").kind
    return f"{kind} {len(parts_of(answer, DICOM))}" if kind == "multipart/related" else kind


def named(trial: WebTrial) -> str:
    """Each part says the syntax that its meta header has (PS3.18 §8.7.3.5)."""
    answer = trial.web.ask("WADO", trial.study, accept=multipart_of(DICOM, "*"))
    parts = parts_of(answer, DICOM)
    if len(parts) != len(trial.planned.sent):
        return f"{len(parts)} came"
    for part in parts:
        said = part.media.of("transfer-syntax")
        if not said:
            return "no syntax named"
        if said != read_file(part.body).syntax:
            return "another syntax"
    return "named"


def pages(trial: WebTrial) -> str:
    """Instances of a study page by page are those that were sent, each once."""
    came: list[str] = []
    for offset in range(len(trial.planned.sent) + 1):
        keys = [("limit", "1"), ("offset", str(offset))]
        found = trial.web.search(f"{trial.study}/instances", keys)
        came += [text_of(one, "SOPInstanceUID") or "" for one in found]
    if len(came) != len({*came}):
        return "doubled"
    return "whole" if {*came} == {*trial.planned.sent} else f"{len(came)} came"


def keys(trial: WebTrial) -> str:
    """Wildcards, ranges, lists and keys by number find the study; what does not fit does not."""
    exam = trial.planned.exam
    first = next(iter(trial.planned.sent.values()))
    day = first.text("StudyDate")
    fits = (
        [("PatientID", exam.person.patient_id)],
        [("00100020", f"{exam.person.patient_id[:-2]}??")],
        [("AccessionNumber", f"{exam.accession[:-3]}*")],
        [("StudyInstanceUID", f"{exam.study},{uid('other', exam.study)}")],
        [("PatientID", exam.person.patient_id), ("StudyDate", f"{day}-")],
        [("PatientID", exam.person.patient_id), ("StudyDate", f"-{day}")],
    )
    others = (
        [("PatientID", exam.person.patient_id), ("StudyDate", "-19991231")],
        [("PatientID", f"{exam.person.patient_id}9")],
        [("StudyInstanceUID", exam.study), ("AccessionNumber", "NONE")],
    )
    for number, one in enumerate(fits, 1):
        found = [text_of(each, "StudyInstanceUID") for each in trial.web.search("/studies", one)]
        if found != [exam.study]:
            return f"key {number} found {len(found)}"
    for number, one in enumerate(others, 1):
        if trial.web.search("/studies", one):
            return f"stranger {number}"
    return "sound"


def levels(trial: WebTrial) -> str:
    """Series and instances of the study, over each path that leads there."""
    study = trial.planned.exam.study
    series = {text_of(one, "SeriesInstanceUID") for one in trial.web.search(
        f"{trial.study}/series", [])}  # fmt: skip
    again = {text_of(one, "SeriesInstanceUID") for one in trial.web.search(
        "/series", [("StudyInstanceUID", study)])}  # fmt: skip
    sent = {data.text("SeriesInstanceUID") for data in trial.planned.sent.values()}
    if not series == again == sent:
        return "series differ"
    paths = (
        f"{trial.study}/instances",
        *(f"{trial.study}/series/{one}/instances" for one in sorted(sent)),
    )
    for path in paths:
        found = trial.web.search(path, [])
        if {text_of(one, "SOPInstanceUID") for one in found} != {*trial.planned.sent}:
            return f"{len(found)} instances"
    return "whole"


def rendered(trial: WebTrial) -> str:
    """A picture of the first instance, twice."""
    for _ in range(2):
        answer = trial.web.ask("WADO", f"{trial.first}/rendered", accept="image/png")
        if answer.status != 200 or not answer.payload.startswith(b"\x89PNG"):
            return str(answer.status)
    return "a picture"


def odd_store(trial: WebTrial) -> str:
    """A body that is no multipart, and one whose parts are of another type."""
    plain = trial.web.ask("STOW", "/studies", accept=JSON, body=b"x" * 64, content=DICOM)
    other = trial.web.ask("STOW", "/studies", accept=JSON, body=b"--b\r\n\r\nx\r\n--b--\r\n",
                          content='multipart/related; type="image/gif"; boundary=b')  # fmt: skip
    refused = (400, 406, 409, 415)
    taken = [one.status for one in (plain, other) if one.status not in refused]
    return f"taken: {taken[0]}" if taken else "refused"


@dataclass(frozen=True, slots=True)
class Kind:
    """One trial: where a failure is, what it breaks, and what it does."""

    path: str
    clause: str
    run: Callable[[WebTrial], str]


KINDS: Final[Mapping[str, Kind]] = {
    "未知的检查": Kind("WADO status", "PS3.18 §10.4.3", _tried(unknown)),
    "传输语法": Kind("transfer-syntax", "PS3.18 §8.7.3.5", _tried(syntaxes)),
    "不能接受的类型": Kind("WADO status", "PS3.18 §8.7.8", _tried(not_acceptable)),
    "单幅": Kind("content-type", "PS3.18 §8.7.1", _tried(single)),
    "语法参数": Kind("transfer-syntax", "PS3.18 §8.7.3.5", _tried(named)),
    "分页": Kind("limit, offset", "PS3.18 §8.3.4.4", _tried(pages)),
    "查询键": Kind("QIDO keys", "PS3.18 §8.3.4.1", _tried(keys)),
    "各级": Kind("QIDO paths", "PS3.18 §10.6.1", _tried(levels)),
    "渲染": Kind("rendered", "PS3.18 §10.4.1.1.3", _tried(rendered)),
    "不成样的存储": Kind("STOW status", "PS3.18 §10.5.3", _tried(odd_store)),
}
"""Trials as sentences name them."""


# ---- trials


@steps.when(
    "设备为检查{string}试验DICOMweb的{string}",
    id="imaging.web-trial",
    purpose="检查 DICOMweb 的协商、分页、查询键与出错的应答",
    effect="见 imaging_web_trials.KINDS；结果记入轨迹",
    example="当 设备为检查“检1”试验DICOMweb的“分页”",
    gloss="A device tries what DICOMweb must bear",
)
def web_trial(world: World, exam: str, name: str) -> None:
    """The outcome goes into the trace."""
    _require_kind(name)
    web, planned = web_of(world), site(world).known(exam)
    world.after_persons()
    outcome = KINDS[name].run(WebTrial(web, planned))
    world.trace.add("message", protocol="dicomweb", type="trial", raw=pack(b""), corr={}, id=name,
                    link=LINK, interface=INTERFACE, frm="PACS", to="modality",
                    outcome=outcome)  # fmt: skip


@steps.then(
    "DICOMweb试验{string}的结果应为{string}",
    id="imaging.web-trial-result",
    at_once=True,
    purpose="核对一次 DICOMweb 试验的结果",
    effect="轨迹中该试验的结果",
    example="那么 DICOMweb试验“分页”的结果应为“whole”",
    gloss="The trial of DICOMweb ended like this",
)
def web_trial_result(world: World, name: str, outcome: str) -> Expectation:
    """As the sentence says, word by word."""
    _require_kind(name)
    kind = KINDS[name]
    place = web_place(kind.path)
    check = Check(path="outcome", value=Value(expected=outcome), place=place, clause=kind.clause)
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": "trial"}),
        wanted=[Wanted(key={"id": name}, checks=[check])],
        place=place,
        limit_s=STATUS_S,
        classes={"missing": "lost"},
    )


def _require_kind(name: str) -> None:
    if name not in KINDS:
        known = "、".join(KINDS)
        raise ScenarioError(tr("no trial {name}; known: {known}", name=name, known=known))
