"""Sentences about imaging: whether objects are valid by themselves, against PS3.3 and PS3.5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.dicomcheck.across import across, carried
from harness.dicomcheck.check import check
from harness.dicomcheck.finding import Finding
from harness.errors import HarnessError, PeerError, ScenarioError
from harness.evidence.expect import Ask, Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link.dicom import STUDY_GET, Request, payload_of
from harness.link.dicom_data import EXPLICIT, DataSet, path_of
from harness.link.dicom_scu import Offer
from harness.model import Outcome, Place
from harness.probes import probe
from harness.probes.dicom import accounted
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging_judge import PACS, ending_checks
from scenarios.steps.imaging_planned import Planned
from scenarios.steps.imaging_site import Site, device_model, site
from simulators.modality.images import person_name

steps = Library("imaging")

PROBE: Final = "pacs-objects"
NONE: Final = "-"
OTHER: Final = "other"


def _columns(planned: Planned) -> dict[str, str]:
    """The elements that were sent, as columns of a look, and where each is reported."""
    tags = sorted({tag for data in planned.sent.values() for tag in data.elements})
    return {f"{tag:08X}": path_of(tag) for tag in tags} | {OTHER: "object"}


def _row(sop: str, findings: list[Finding], columns: Mapping[str, str]) -> dict[str, str | None]:
    """By element what is wrong with it; what concerns no element that was sent stands apart."""
    row: dict[str, str | None] = {"SOPInstanceUID": sop, **dict.fromkeys(columns, NONE)}
    at = {path: column for column, path in columns.items()}
    for one in findings:
        column = at.get(one.path[: len(path_of(0))], OTHER)
        row[column] = f"{one.message} [{one.clause}]"
    return row


@dataclass(slots=True)
class ObjectsProbe:
    """C-GET of a study, each object checked by itself, with the others, and against its order."""

    here: Site
    planned: Planned
    name: str = PROBE
    role: str = "PACS"
    came: list[Request] = field(default_factory=list)

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once: ``StudyInstanceUID``."""
        self.came.clear()
        asked = DataSet.of({"QueryRetrieveLevel": "STUDY",
                            "StudyInstanceUID": args["StudyInstanceUID"]})  # fmt: skip
        request = Request(kind="C-GET", sop_class=STUDY_GET, syntax=EXPLICIT,
                          payload=payload_of(asked, EXPLICIT))  # fmt: skip
        model = device_model(self.planned.device)
        offers = [Offer(abstract=STUDY_GET, syntaxes=[EXPLICIT]),
                  *(Offer(abstract=model.sop_class, syntaxes=[one], scp=True)
                    for one in model.syntaxes)]  # fmt: skip
        try:
            with self.here.opens("PACS", "MHPROBE")(offers) as link:
                link.store = self._keep
                final = list(link.ask_all(request))[-1]
            found = [(one, one.data()) for one in self.came]
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        if final.status < 0:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=final.shown)
        ending = accounted(final, [0] * len(self.came))
        rows = [{**row, **ending} for row in self._rows(found)]
        return probe.Answer(outcome=Outcome.OK, rows=rows)

    def _keep(self, request: Request) -> int:
        self.came.append(request)
        return 0

    def _rows(self, found: list[tuple[Request, DataSet]]) -> list[dict[str, str | None]]:
        objects = [(one.sop_instance, data) for one, data in found]
        exam = self.planned.exam
        due = {"PatientID": exam.person.patient_id, "AccessionNumber": exam.accession,
               "PatientName": person_name(device_model(self.planned.device), exam.person),
               "PatientBirthDate": exam.person.birth, "PatientSex": exam.person.sex,
               "StudyInstanceUID": exam.study}  # fmt: skip
        between = [*across(objects), *carried(objects, due)]
        rows = []
        for one, data in found:
            own = check(data, one.syntax, one.sop_instance)
            own += [each for each in between if each.about == one.sop_instance]
            rows.append(_row(one.sop_instance, own, _columns(self.planned)))
        return rows

    def close(self) -> None:
        """Nothing is held."""


@steps.then(
    "{duration}内从PACS取回的检查{string}，每一幅对象本身应合规",
    id="imaging.objects-valid",
    purpose="离线核对对象：必填属性、取值、字符集、像素，以及对象之间、对象与预约之间的一致",
    effect="独立连接 C-GET 整个检查，按 PS3.3、PS3.5 的表与规则逐幅检查，指出属性与条款；"
    "最终状态应为 0000，计数与我方应答一致",
    example="那么 5秒内从PACS取回的检查“检1”，每一幅对象本身应合规",
    gloss="Every object that comes back is valid by itself and fits the others and its order",
)
def objects_valid(world: World, limit_s: float, exam: str) -> Expectation:
    """No finding of any layer."""
    here = site(world)
    planned = here.known(exam)
    if not planned.sent:
        raise ScenarioError(tr("no image was stored before"))
    probes: Any = world.bench.probes
    probes[PROBE] = ObjectsProbe(here, planned)
    world.at_end.append(lambda: probes.pop(PROBE, None))
    wanted = [
        Wanted(
            key={"row.SOPInstanceUID": sop},
            checks=[Check(path=f"row.{column}", value=Value(expected=NONE), clause="PS3.3 §A",
                          place=Place(interface=PACS, protocol="dicom", path=path))
                    for column, path in _columns(planned).items()],
        )
        for sop in planned.sent
    ]  # fmt: skip
    wanted[0] = replace(wanted[0], checks=[*wanted[0].checks, *ending_checks()])
    return Expectation(
        mode="eventually",
        select=Selector(kind="probe", where={"probe": PROBE}),
        wanted=wanted,
        place=Place(interface=PACS, protocol="dicom", path="object"),
        limit_s=limit_s,
        exact=True,
        ask=Ask(probe=PROBE, args={"StudyInstanceUID": planned.exam.study}),
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
        clause="PS3.3 §A",
    )
