"""A day of imaging as a site would record it: orders, worklist, steps, images, safekeeping.

Two people are examined at the built-in RIS and PACS over real sockets. What goes over the lines is
recorded as a trace or as a network capture; nothing here knows how either is read. Orders come over
HL7, or are entered at the screen of the RIS.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.captures.journal import PcapJournal
from harness.clock import RealClock
from harness.evidence import correlate, trace
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Trace
from harness.link.address import LOOPBACK
from harness.link.dicom import COMMITMENT
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Peer
from harness.link.tap import Connection
from harness.people import generate
from simulators.hospital import ris_orders
from simulators.hospital.imaging_inside import Inside
from simulators.hospital.pacs import STORAGE, SYNTAXES
from simulators.modality.images import Exam, instance, latin_name, uid
from simulators.modality.modality import Modality, Receiver
from simulators.modality.model import load_model

MOMENT = datetime(2026, 1, 5, 8, 30)  # noqa: DTZ001 - as a device writes it
LINKS = {"RIS": "modality-ris", "PACS": "modality-pacs"}
PORTS = {"RIS": 104, "PACS": 11112, "modality": 4006, "HIS": 2575}
HOSTS = {"RIS": "10.2.0.2", "PACS": "10.2.0.3", "modality": "10.2.0.4", "HIS": "10.2.0.1"}


class Both:
    """Writes what passes into a trace and into a capture."""

    def __init__(self, book: Trace, journal: PcapJournal | None) -> None:
        self.recorder, self.journal = Recorder(book), journal
        self.ports = 40000
        self.ends: dict[str, tuple[Any, Any]] = {}

    def link(self, connection: Connection, event: str, reason: str) -> None:
        self.recorder.link(connection, event, reason)
        if self.journal is None:
            return
        ends = self._ends(connection)
        if event == "opened":
            self.journal.opened(*ends)
        elif event == "closed":
            self.journal.closed(*ends, reset=False)
            self.journal.closed(*ends[::-1], reset=False)
            del self.ends[connection.id]

    def _ends(self, at: Connection) -> tuple[Any, Any]:
        if at.id not in self.ends:
            self.ports += 1
            frm, to = (at.local, at.peer) if at.client else (at.peer, at.local)
            self.ends[at.id] = ((HOSTS[frm], self.ports), (HOSTS[to], PORTS[to]))
        return self.ends[at.id]

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        self.recorder.data(connection, data, sent=sent)
        if self.journal is not None:
            ends = self._ends(connection)
            self.journal.passed(*(ends if sent is connection.client else ends[::-1]), data)

    def event(self, *_: Any, **__: Any) -> None:
        """Nothing: DICOM has no cores here."""

    def note(self, role: str, text: str) -> None:
        """Nothing."""


class Day:
    """The day; see the module."""

    def __init__(self, folder: Path, defects: Sequence[str], *, capture: bool) -> None:
        folder.mkdir(parents=True)
        self.path = folder / ("day.pcap" if capture else "day.jsonl")
        self.book = Trace(RealClock(), None if capture else self.path)
        journal = PcapJournal(self.path) if capture else None
        if journal is not None:
            journal.open()
        self.journal = journal
        self.both = Both(self.book, journal)
        self.count = 0
        self.systems = {
            role: Inside({"role": role, "store": str(folder / f"{role}.sqlite"),
                          "defects": list(defects), "durable": False})
            for role in ("RIS", "PACS")
        }  # fmt: skip

    def open_to(self, role: str, offers: Any) -> Association:
        self.count += 1
        link = LINKS[role]
        at = Connection(id=f"{link}#{self.count}", link=link, interface="", local="modality",
                        peer=role, client=True)  # fmt: skip
        peer = Peer(address=self.systems[role].addresses[link], called=f"MH{role}", calling="MHCT1")
        return Association(peer, offers, connection=at, watcher=self.both)

    def order(self, exam: Exam, placer: str, *, screen: bool) -> None:
        """Over MLLP, with its answer; or at the screen."""
        person = exam.person
        row = {"patient_id": person.patient_id, "name": person.name, "birth": person.birth,
               "sex": person.sex, "latin": latin_name(person), "placer": placer,
               "accession": exam.accession, "procedure_id": exam.procedure_id,
               "description": exam.description, "study": exam.study, "sps_id": exam.step_id,
               "modality": "CT", "station": "MHCT1", "date": f"{exam.moment:%Y%m%d}",
               "time": f"{exam.moment:%H%M%S}"}  # fmt: skip
        if screen:
            args = {name: value for name, value in row.items() if name != "placer"}
            self.systems["RIS"].order("schedule", args)
            self.book.add("command", role="RIS", name="schedule", args=args, outcome="ok")
            return
        sent = ris_orders.order("NW", row, control_id=f"ORD{placer}", time="20260105080000",
                                charset="GB 18030-2000")  # fmt: skip
        at = Connection(id=f"his-ris#{placer}", link="his-ris", interface="", local="HIS",
                        peer="RIS", client=True)  # fmt: skip
        address = self.systems["RIS"].addresses["his-ris"]
        with socket.create_connection((address.host, address.port), 10) as wire:
            self.both.link(at, "opened", "")
            wire.sendall(b"\x0b" + sent + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += wire.recv(65536)
        for payload, mine in ((sent, True), (answer[1:-2], False)):
            self.both.data(at, b"\x0b" + payload + b"\x1c\r", sent=mine)
            about = correlate.hl7(payload)
            self.book.add("message", link="his-ris", frm="HIS" if mine else "RIS",
                          to="RIS" if mine else "HIS", protocol="hl7", type=about.type,
                          id=about.id, corr=about.corr, raw=trace.pack(payload))  # fmt: skip
        self.both.link(at, "closed", "")

    def examine(self, device: Modality, exam: Exam, listening: Receiver) -> None:
        """All that is done for one examination, and some of it twice."""
        day = {"ScheduledProcedureStepStartDate": f"{exam.moment:%Y%m%d}"}
        device.worklist({}, day)
        device.worklist({"AccessionNumber": exam.accession}, day)
        step = uid("step", exam.study)
        device.begin(step, [exam])
        objects = [instance(device.model, exam, number) for number in (1, 2)]
        device.store(objects)
        device.store(objects[:1])
        told = [(one.text("SOPClassUID"), one.text("SOPInstanceUID")) for one in objects]
        transaction = uid("transaction", exam.study)
        device.commit(transaction, told)
        listening.wait_report(transaction, 2.0)
        device.commit(transaction, told)
        device.finish(step, exam)
        device.finish(step, exam)
        device.find("STUDY", {"StudyInstanceUID": exam.study, "PatientName": "", "PatientID": "",
                              "AccessionNumber": "", "StudyDate": "", "StudyTime": "",
                              "NumberOfStudyRelatedInstances": ""})  # fmt: skip

    def run(self, seed: int, *, screen: bool) -> None:
        self.book.add("open", format=trace.FORMAT,
                      systems=[{"role": role} for role in ("RIS", "PACS")])  # fmt: skip
        model = load_model("ct-domestic-gbk")
        device, receiver = Modality(model, self.open_to), Receiver()
        inbound = Connection(id="pacs-modality#1", link="pacs-modality", interface="",
                             local="modality", peer="PACS", client=False)  # fmt: skip
        contexts = [(COMMITMENT, (EXPLICIT, IMPLICIT)), *((one, SYNTAXES) for one in STORAGE)]
        listener = Listener(receiver, model.ae_title, contexts, roles=[COMMITMENT],
                            connection=inbound, watcher=self.both)  # fmt: skip
        where = listener.start(LOOPBACK.host, LOOPBACK.port)
        for one in self.systems.values():
            one.start()
            one.expects("MHCT1", where)
        exams = [exam_of(seed, number) for number in (1, 2)]
        try:
            for number, exam in enumerate(exams):
                self.order(exam, f"{seed:04d}{number:04d}77", screen=screen)
            for exam in exams:
                self.examine(device, exam, receiver)
        finally:
            for one in self.systems.values():
                one.stop()
            listener.stop()
        self.book.seal("pass")
        if self.journal is not None:
            self.journal.close()


def exam_of(seed: int, number: int) -> Exam:
    """Of the first person or the second."""
    code = f"MH{number:04d}{seed:06d}{number:04d}"  # also when it is cut, it is another one
    return Exam(person=generate(seed, number), study=uid("study", seed, number), accession=code,
                procedure_id=f"P{code[2:]}", step_id=f"S{code[2:]}", description="胸部平扫",
                moment=MOMENT)  # fmt: skip


def recorded(
    folder: Path, defects: Sequence[str] = (), seed: int = 1, *, capture: bool = False,
    screen: bool = False,
) -> Path:  # fmt: skip
    """The recording of a day with defects switched on."""
    day = Day(folder, defects, capture=capture)
    day.run(seed, screen=screen)
    return day.path
