"""``medharness simulate modality``: one examination in the foreground, step by step.

``--model list`` connects nowhere and lists the devices.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from harness import people
from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dicom import COMMITMENT, PENDING, Answer
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from simulators import foreground
from simulators.modality import drop
from simulators.modality.images import Exam, instance, uid
from simulators.modality.modality import Modality, Receiver
from simulators.modality.model import Model, known_models, load_model

_TARGET: Final = re.compile(r"([\x21-\x7e]{1,16}?)@([^@:\s]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})")

KEEP_S: Final = 2.0
"""So long the association of a request for commitment stays open for its report."""

REPORT_S: Final = 5.0
"""So long a report of commitment is waited for afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A peer of the command line: ``AET@HOST:PORT``."""

    title: str
    address: Address


def read_target(text: str) -> Target:
    """Read ``AET@HOST:PORT``.

    Raises:
        InputError: it is none.
    """
    found = _TARGET.fullmatch(text)
    if found is None or not 0 < int(found[3]) <= foreground.PORT_MAX:
        raise InputError(tr("not a DICOM peer: {text}", text=text),
                         remedy="AET@HOST:PORT, PACS1@127.0.0.1:104")  # fmt: skip
    host = found[2].strip("[]")
    return Target(title=found[1], address=Address(host=host, port=int(found[3])))


@dataclass(slots=True)
class Run:
    """One examination and how each of its steps ended."""

    model: Model
    targets: Mapping[str, Target]
    seed: int
    drop: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)

    def play(self, receiver: Receiver) -> bool:
        """Worklist, performed step, images, safekeeping, end; False where one step failed."""
        device = Modality(self.model, self._open)
        exam = self._exam(device)
        performed = uid("mpps", self.seed, exam.study)
        if "RIS" in self.targets and self.model.mpps != "none":
            self._step("N-CREATE", [device.begin(performed, [exam])])
        objects = self._store(device, exam)
        if self.model.commitment:
            transaction = uid("transaction", self.seed, exam.study)
            listed = [(self.model.sop_class, one.text("SOPInstanceUID")) for one in objects]
            asked = device.commit(transaction, listed, receiver, KEEP_S)
            self._step("N-ACTION", [asked])
            # There are archives that report over an association of theirs once ours is over.
            report = receiver.wait_report(transaction, REPORT_S)
            failed = report.items("FailedSOPSequence") if report else objects
            word = tr("no report") if report is None else f"{len(failed)} / {len(objects)}"
            self.steps.append(("N-EVENT-REPORT", "0000" if not failed else word))
        if "RIS" in self.targets and self.model.mpps == "full":
            self._step("N-SET", [device.finish(performed, exam)])
        return all(shown == "0000" for _, shown in self.steps)

    def _store(self, device: Modality, exam: Exam) -> list[DataSet]:
        """Its own images, or those that were dropped; what was not taken stays in the folder."""
        if not self.drop:
            count = range(1, self.model.images + 1)
            objects = [instance(self.model, exam, number) for number in count]
            self._step("C-STORE", list(device.store(objects).values()))
            return objects
        found, waiting = drop.look(Path(self.drop))
        objects = drop.objects(self.model, exam, found)
        answers = Modality(drop.sender(self.model), self._open).store(objects)
        self._step("C-STORE", list(answers.values()))
        for one, data in zip(found, objects, strict=True):
            if answers[data.text("SOPInstanceUID")].ok:
                drop.taken(one)
        told = tr("{sent} of {all} sent, {waiting} not yet whole", all=len(found),
                  sent=sum(one.ok for one in answers.values()), waiting=len(waiting))  # fmt: skip
        foreground.say(f"{self.drop}: {told}")
        return objects

    def _open(self, role: str, offers: Sequence[Offer]) -> Association:
        model, target = self.model, self.targets[role]
        peer = Peer(address=target.address, called=target.title, calling=model.ae_title,
                    max_pdu=model.max_pdu, acse_s=model.acse_s, dimse_s=model.dimse_s)  # fmt: skip
        return Association(peer, offers)

    def _step(self, name: str, answers: Sequence[Answer]) -> None:
        wrong = [one.shown for one in answers if not one.ok]
        self.steps.append((name, wrong[0] if wrong else "0000"))

    def _exam(self, device: Modality) -> Exam:
        """Generated people only: a worklist is asked for, and never taken a patient from."""
        person = people.generate(self.seed, 0)
        now = RealClock().wall().replace(tzinfo=None)
        moment = datetime(now.year, now.month, now.day, now.hour, now.minute, now.second)  # noqa: DTZ001
        study = uid("study", self.seed, moment)
        exam = Exam(
            person=person,
            study=study,
            accession=f"MH{self.seed}",
            procedure_id=f"P{self.seed}",
            step_id="",
            description="测试检查",
            moment=moment,
        )
        if "RIS" not in self.targets:
            return exam
        keys = {"ScheduledStationAETitle": self.model.ae_title, "Modality": self.model.modality}
        answers = device.worklist({}, keys)
        self._step("C-FIND", answers[-1:])
        for answer in answers:
            if answer.status in PENDING:
                found = answer.data()
                if people.is_generated(person) and found.text("PatientID") == person.patient_id:
                    step = found.items("ScheduledProcedureStepSequence")[0]
                    return Exam(
                        person=person,
                        study=found.text("StudyInstanceUID"),
                        accession=found.text("AccessionNumber"),
                        procedure_id=found.text("RequestedProcedureID"),
                        step_id=step.text("ScheduledProcedureStepID", found.character_sets),
                        description=found.text("RequestedProcedureDescription"),
                        moment=moment,
                    )
        return exam


def modality(args: argparse.Namespace) -> int:
    """Do one examination as a device and tell how each step ended.

    Takes ``model``, ``pacs`` and ``ris`` (``AET@HOST:PORT``; ``ris`` may be empty), ``host`` and
    ``port`` of our own listener, ``drop`` (a folder of JPEG files), ``seed``, ``expose``, ``json``.

    Returns:
        0 where every step succeeded, else 1.

    Raises:
        InputError: an unknown device, no such peer, an address that is not loopback, a drop folder
            that is not there or holds no JPEG.
    """
    if args.model == "list":
        for name in known_models():
            foreground.say(f"{name}  {load_model(name).title}")
        return foreground.finish({"models": known_models()}, 0, as_json=args.json)
    model = load_model(args.model)
    given = {"PACS": args.pacs, "RIS": args.ris}
    targets = {role: read_target(text) for role, text in given.items() if text}
    if "PACS" not in targets:
        raise InputError(tr("a modality needs a PACS"), remedy="--pacs AET@HOST:PORT")
    for target in targets.values():
        foreground.check_host(target.address.host, expose=getattr(args, "expose", False))
    foreground.check_host(args.host, expose=getattr(args, "expose", False))
    if getattr(args, "drop", ""):
        drop.sender(model)
        if not drop.look(Path(args.drop))[0]:
            raise InputError(tr("no whole JPEG file in the folder"), where=args.drop)
    receiver = Receiver()
    listener = Listener(receiver, model.ae_title, [(COMMITMENT, (EXPLICIT, IMPLICIT))],
                        roles=[COMMITMENT])  # fmt: skip
    address = listener.start(args.host, args.port)
    foreground.say(f"ready {model.ae_title} {address.host}:{address.port}")
    run = Run(model, targets, args.seed, getattr(args, "drop", ""))
    try:
        good = run.play(receiver)
    finally:
        listener.stop()
    for name, shown in run.steps:
        foreground.say(f"{name} {shown}")
    return foreground.finish({"steps": dict(run.steps)}, 0 if good else 1, as_json=args.json)
