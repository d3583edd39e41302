"""One modality at work: worklist, performed step, images, safekeeping, retrieve.

It opens a fresh association for each task, as devices do, and takes reports and moved images on a
listener of its own. Every answer goes to ``told``; nothing here judges.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from harness.link.dicom import (
    COMMITMENT,
    COMMITMENT_INSTANCE,
    MPPS,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    VERIFICATION,
    WORKLIST,
    Answer,
    Request,
    payload_of,
)
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_scp import Session
from harness.link.dicom_scu import Association, Offer
from simulators.modality.images import Exam, person_name, series_uid
from simulators.modality.model import Model

Open = Callable[[str, Sequence[Offer]], Association]
"""Makes an association with a role (``PACS``, ``RIS``); it is not open yet."""

QUERY_KEYS: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber",
    "RequestedProcedureID", "RequestedProcedureDescription", "StudyInstanceUID",
)  # fmt: skip
STEP_KEYS: Final = (
    "ScheduledStationAETitle", "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime", "Modality", "ScheduledProcedureStepID",
    "ScheduledProcedureStepDescription", "ScheduledProcedureStepStatus",
)  # fmt: skip
"""Return keys of a worklist query, outside and inside of the step sequence (PS3.4 §K.6)."""

NEW, SAME, LATER = "new", "same", "later"
"""Ways of a report of commitment (PS3.4 §J.3.3): over an association that the PACS opens, over
that of the request, over a later one of the device."""

RECEIVED_MAX: Final = 10_000
"""Objects and reports that one receiver keeps."""


@dataclass(slots=True)
class Receiver:
    """What listens at the modality: reports of commitment, and images that are moved here."""

    stored: dict[str, Request] = field(default_factory=dict)
    reports: list[DataSet] = field(default_factory=list)
    ways: dict[str, str] = field(default_factory=dict)
    """By transaction, over which association its first report came."""
    refuse: set[str] = field(default_factory=set)
    """Instances that are refused (A700)."""
    refused: list[str] = field(default_factory=list)
    """Those that came and were."""
    came: threading.Condition = field(default_factory=threading.Condition)

    def serve(self, request: Request, session: Session) -> Iterator[Answer]:
        """Answers to one request."""
        status = 0
        with self.came:
            if request.kind == "C-STORE":
                status = self._take(request)
            elif request.kind == "N-EVENT-REPORT":
                self._note(request, NEW)
            elif request.kind != "C-ECHO":
                status = 0x0211
            self.came.notify_all()
        yield Answer(status=status)

    def reported(self, request: Request, way: str) -> int:
        """A report that came over an association of ours; returns its status."""
        with self.came:
            self._note(request, way)
            self.came.notify_all()
        return 0

    def _note(self, request: Request, way: str) -> None:
        data = request.data()
        if len(self.reports) < RECEIVED_MAX:
            self.reports.append(data)
            self.ways.setdefault(data.text("TransactionUID"), way)

    def keep(self, request: Request) -> int:
        """A store that came over an association of ours; returns its status."""
        with self.came:
            return self._take(request)

    def _take(self, request: Request) -> int:
        if request.sop_instance in self.refuse or len(self.stored) >= RECEIVED_MAX:
            if len(self.refused) < RECEIVED_MAX:
                self.refused.append(request.sop_instance)
            return 0xA700
        self.stored[request.sop_instance] = request
        return 0

    def wait_report(self, transaction: str, timeout_s: float) -> DataSet | None:
        """The report on a transaction; None if it does not come in time."""

        def found() -> DataSet | None:
            same = (one for one in self.reports if one.text("TransactionUID") == transaction)
            return next(same, None)

        with self.came:
            self.came.wait_for(lambda: found() is not None, timeout_s)
            return found()


@dataclass(slots=True)
class Modality:
    """One device.

    Args:
        model: what it is.
        open_to: makes its associations.
    """

    model: Model
    open_to: Open

    # ---- helpers

    def _once(self, role: str, offers: Sequence[Offer], request: Request) -> list[Answer]:
        """One association for one request."""
        with self.open_to(role, offers) as link:
            if not link.is_open:
                return [Answer(status=-1, kind=request.kind, error=link.error)]
            return list(link.ask_all(request))

    def storage_offers(self) -> list[Offer]:
        """Contexts for its images: a syntax each, or all in one."""
        model = self.model
        if model.contexts == "mixed":
            return [Offer(abstract=model.sop_class, syntaxes=model.syntaxes)]
        return [Offer(abstract=model.sop_class, syntaxes=[one]) for one in model.syntaxes]

    def echo(self, role: str) -> Answer:
        """C-ECHO."""
        request = Request(kind="C-ECHO", sop_class=VERIFICATION)
        return self._once(role, [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])], request)[-1]

    # ---- worklist

    def worklist(
        self, keys: Mapping[str, str], step_keys: Mapping[str, str], charset: str = ""
    ) -> list[Answer]:
        """The answers to one query, the final one last.

        Args:
            keys: keys outside of the step sequence, by keyword.
            step_keys: keys inside of it.
            charset: of the query; default the device's own.
        """
        asked = DataSet.of({"SpecificCharacterSet": charset or self.model.charset})
        for name in dict.fromkeys([*QUERY_KEYS, *keys]):
            asked.set(name, keys.get(name, ""))
        step = DataSet.of({name: step_keys.get(name, "") for name in STEP_KEYS})
        asked.set("ScheduledProcedureStepSequence", [step])
        request = Request(kind="C-FIND", sop_class=WORKLIST, syntax=EXPLICIT,
                          payload=payload_of(asked, EXPLICIT))  # fmt: skip
        return self._once("RIS", [Offer(abstract=WORKLIST, syntaxes=[EXPLICIT])], request)

    # ---- performed procedure step

    def begin(self, uid: str, exams: Sequence[Exam], state: str = "IN PROGRESS") -> Answer:
        """N-CREATE of a performed step, over all the scheduled steps that it serves."""
        first = exams[0]
        scheduled = [
            DataSet.of(
                {
                    "StudyInstanceUID": exam.study,
                    "AccessionNumber": exam.accession,
                    "RequestedProcedureID": exam.procedure_id,
                    "ScheduledProcedureStepID": exam.step_id,
                    "ScheduledProcedureStepDescription": "",
                }
            )
            for exam in exams
        ]
        data = DataSet.of(
            {
                "SpecificCharacterSet": self.model.charset,
                "Modality": self.model.modality,
                "PatientName": person_name(self.model, first.person),
                "PatientID": first.person.patient_id,
                "PatientBirthDate": first.person.birth,
                "PatientSex": first.person.sex,
                "PerformedStationAETitle": self.model.ae_title,
                "PerformedProcedureStepStartDate": f"{first.moment:%Y%m%d}",
                "PerformedProcedureStepStartTime": f"{first.moment:%H%M%S}",
                "PerformedProcedureStepStatus": state,
                "PerformedProcedureStepID": first.step_id,
                "ScheduledStepAttributesSequence": scheduled,
                "PerformedSeriesSequence": [],
            }
        )
        return self._performed("N-CREATE", uid, data)

    def finish(self, uid: str, exam: Exam, state: str = "COMPLETED") -> Answer:
        """N-SET that ends a performed step."""
        data = DataSet.of(
            {
                "PerformedProcedureStepStatus": state,
                "PerformedProcedureStepEndDate": f"{exam.moment:%Y%m%d}",
                "PerformedProcedureStepEndTime": f"{exam.moment:%H%M%S}",
                "PerformedSeriesSequence": [
                    DataSet.of({"SeriesInstanceUID": series_uid(self.model, exam)})
                ],
            }
        )
        return self._performed("N-SET", uid, data)

    def _performed(self, kind: str, uid: str, data: DataSet) -> Answer:
        request = Request(kind=kind, sop_class=MPPS, sop_instance=uid, syntax=EXPLICIT,
                          payload=payload_of(data, EXPLICIT))  # fmt: skip
        return self._once("RIS", [Offer(abstract=MPPS, syntaxes=[EXPLICIT])], request)[-1]

    # ---- images

    def request_for(self, data: DataSet, number: int = 1, accepted: Sequence[str] = ()) -> Request:
        """The C-STORE request of an object, in the first of its syntaxes that was accepted."""
        usable = [one for one in self.model.syntaxes if one in accepted]
        syntax = usable[0] if usable else self.model.syntaxes[0]
        return Request(kind="C-STORE", sop_class=data.text("SOPClassUID"), message_id=number,
                       sop_instance=data.text("SOPInstanceUID"), syntax=syntax,
                       payload=payload_of(data, syntax))  # fmt: skip

    def store(self, objects: Sequence[DataSet]) -> dict[str, Answer]:
        """Send objects over one association; the answer by SOP instance UID."""
        found: dict[str, Answer] = {}
        with self.open_to("PACS", self.storage_offers()) as link:
            for number, data in enumerate(objects, 1):
                accepted = link.syntaxes(self.model.sop_class)
                request = self.request_for(data, number, accepted)
                if not link.is_open:
                    answer = Answer(status=-1, kind="C-STORE", error=link.error or "aborted")
                else:
                    answer = link.ask(request)
                found[request.sop_instance] = answer
        return found

    def store_cut(self, objects: Sequence[DataSet], share: float) -> None:
        """Send all but the last object, then a part of it, and cut the connection."""
        with self.open_to("PACS", self.storage_offers()) as link:
            accepted = link.syntaxes(self.model.sop_class)
            for number, data in enumerate(objects[:-1], 1):
                link.ask(self.request_for(data, number, accepted))
            link.store_part(self.request_for(objects[-1], len(objects), accepted), share)

    # ---- safekeeping

    def commit(
        self,
        transaction: str,
        objects: Sequence[tuple[str, str]],
        receiver: Receiver | None = None,
        keep_s: float = 0.0,
    ) -> Answer:
        """N-ACTION: ask the PACS to keep these (class, instance).

        Args:
            transaction: its UID.
            objects: what is to be kept.
            receiver: takes a report that comes over this association.
            keep_s: how long the association stays open for it; 0 releases at once, as devices do
                that take reports on a listener alone.
        """
        items = [DataSet.of({"ReferencedSOPClassUID": sop_class, "ReferencedSOPInstanceUID": sop})
                 for sop_class, sop in objects]  # fmt: skip
        data = DataSet.of({"TransactionUID": transaction, "ReferencedSOPSequence": items})
        request = Request(kind="N-ACTION", sop_class=COMMITMENT, sop_instance=COMMITMENT_INSTANCE,
                          syntax=EXPLICIT, payload=payload_of(data, EXPLICIT))  # fmt: skip
        with self.open_to("PACS", [Offer(abstract=COMMITMENT, syntaxes=[EXPLICIT])]) as link:
            if not link.is_open:
                return Answer(status=-1, kind=request.kind, error=link.error)
            if receiver is not None:
                link.report = partial(receiver.reported, way=SAME)
            answer = link.ask(request)
            if receiver is not None and keep_s and answer.ok:
                receiver.wait_report(transaction, keep_s)
            return answer

    def collect(self, transaction: str, receiver: Receiver, wait_s: float) -> Answer:
        """A later association: ask for an echo, and take the report that the PACS kept for us."""
        offers = [Offer(abstract=COMMITMENT, syntaxes=[EXPLICIT]),
                  Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])]  # fmt: skip
        link = self.open_to("PACS", offers)
        link.report = partial(receiver.reported, way=LATER)
        with link:
            if not link.is_open:
                return Answer(status=-1, kind="C-ECHO", error=link.error)
            answer = link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION))
            receiver.wait_report(transaction, wait_s)
            return answer

    # ---- query and retrieve

    def find(self, level: str, keys: Mapping[str, str], charset: str = "") -> list[Answer]:
        """C-FIND in the study root; the final answer last."""
        asked = DataSet.of({"SpecificCharacterSet": charset or self.model.charset,
                            "QueryRetrieveLevel": level, **keys})  # fmt: skip
        request = Request(kind="C-FIND", sop_class=STUDY_FIND, syntax=EXPLICIT,
                          payload=payload_of(asked, EXPLICIT))  # fmt: skip
        return self._once("PACS", [Offer(abstract=STUDY_FIND, syntaxes=[EXPLICIT])], request)

    def move(self, study: str, destination: str) -> list[Answer]:
        """C-MOVE of a study."""
        asked = DataSet.of({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study})
        request = Request(kind="C-MOVE", sop_class=STUDY_MOVE, syntax=EXPLICIT,
                          destination=destination, payload=payload_of(asked, EXPLICIT))  # fmt: skip
        return self._once("PACS", [Offer(abstract=STUDY_MOVE, syntaxes=[EXPLICIT])], request)

    def get(self, study: str, receiver: Receiver) -> list[Answer]:
        """C-GET of a study into a receiver, over the same association."""
        asked = DataSet.of({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study})
        request = Request(kind="C-GET", sop_class=STUDY_GET, syntax=EXPLICIT,
                          payload=payload_of(asked, EXPLICIT))  # fmt: skip
        stores = [Offer(abstract=one.abstract, syntaxes=one.syntaxes, scp=True)
                  for one in self.storage_offers()]  # fmt: skip
        with self.open_to(
            "PACS", [Offer(abstract=STUDY_GET, syntaxes=[EXPLICIT]), *stores]
        ) as link:
            if not link.is_open:
                return [Answer(status=-1, kind="C-GET", error=link.error)]
            link.store = receiver.keep
            return list(link.ask_all(request))
