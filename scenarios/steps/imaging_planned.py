"""One examination of a scenario, and what a system that a person works at says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.link.dicom_data import DataSet
from harness.link.tap import Connection
from harness.scenario.origin import OriginGuard
from harness.scenario.world import World
from simulators.modality.images import Exam, latin_name


@dataclass(slots=True)
class Planned:
    """One examination of the scenario."""

    exam: Exam
    device: str
    station: str
    date: str
    time: str
    owner: str
    performed: str = ""
    charset: str = ""
    sent: dict[str, DataSet] = field(default_factory=dict)
    transaction: str = ""
    unsent: tuple[str, ...] = ()
    latin: str = ""
    """The name in Latin letters as it was entered; empty where it follows from the person."""


@dataclass(slots=True)
class Looking:
    """The guard of a look: it moves nothing, so no way has to be proven before it.

    A card may be waiting for what it shows, and the proof of a way is such a card.
    """

    guard: OriginGuard

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        """As ever: nobody is asked about who is not ours."""
        self.guard.payload(connection, protocol, payload)

    def opens(self, connection: Connection, host: str, port: int) -> None:
        """Refuse a forbidden address."""
        self.guard.permit.require_open(host, port)


def by_person(world: World, role: str) -> bool:
    """Whether a person of the site works at this system."""
    return world.desk is not None and world.desk.serves(role)


def renamed(exams: Mapping[str, Planned], name: str, ours: str, theirs: str) -> None:
    """A system of the site gave an examination, or its patient, an id of its own."""
    for planned in exams.values():
        exam = planned.exam
        match name:
            case "patient_id" if exam.person.patient_id == ours:
                planned.latin = planned.latin or latin_name(exam.person)
                exam = replace(exam, person=replace(exam.person, patient_id=theirs))
            case "accession" if exam.accession == ours:
                exam = replace(exam, accession=theirs)
            case "study" if exam.study == ours:
                exam = replace(exam, study=theirs)
            case "sps_id" if exam.step_id == ours:
                exam = replace(exam, step_id=theirs)
            case "procedure_id" if exam.procedure_id == ours:
                exam = replace(exam, procedure_id=theirs)
        planned.exam = exam
