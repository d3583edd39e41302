"""The imaging side of one scenario: devices, examinations, and what was sent.

Addresses come from the bench: a real PACS or RIS has one in the profile, the built-in ones are
started here. Every association is watched, and every whole message stands in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

from harness.errors import Blocked, HarnessError, ScenarioError
from harness.evidence.line import pack
from harness.i18n import tr
from harness.link.address import Address
from harness.link.dicom import COMMITMENT, VERIFICATION, Answer, Request
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_raw import RawPeer
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.spec import LinkSpec
from harness.link.tap import Connection, Guard
from harness.probes.dicom import FindProbe, RetrieveProbe
from harness.scenario.hospital import not_ours
from harness.scenario.world import World
from scenarios.steps.imaging_front import Front
from scenarios.steps.imaging_heard import LOOKER, overhear
from scenarios.steps.imaging_planned import Looking, Planned, by_person, renamed
from scenarios.steps.imaging_received import ReceivedProbe
from simulators.hospital.pacs import STORAGE, SYNTAXES
from simulators.modality.images import Exam, latin_name, uid
from simulators.modality.modality import Modality, Receiver
from simulators.modality.model import Model, load_model
from simulators.modality.systems import AE_TITLES, LINKS, NAME, ImagingSystems

DEVICES: Final = {
    "CT": "ct-helical",
    "老式CT": "ct-implicit-only",
    "国产CT": "ct-domestic-gbk",
    "磁共振": "mr-3t",
    "DR": "dx-room",
    "乳腺机": "mg-digital",
    "彩超": "us-cart",
    "超声动态": "us-cine",
    "不规范超声": "us-sloppy",
    "内镜": "es-tower",
    "采集工作站": "es-capture-card",
    "视频工作站": "es-video",
    "心电图机": "ecg-cart",
    "心电工作站": "ecg-pdf",
    "改造DR": "dr-retrofit",
}
"""Names of devices in sentences, and the profile each is; any profile's own name does too."""

VIDEOS: Final = {
    "1.2.840.10008.5.1.4.1.1.77.1.1.1": ("1.2.840.10008.1.2.4.102",),
}
"""Syntaxes of moving pictures that a look takes, by class."""

INBOUND: Final = "pacs-modality"
"""Link by which a PACS reaches our devices: reports of commitment, and images that are moved."""

FRONT_TITLE: Final = "MHFRONT"
LOOPBACK: Final = ("127.0.0.1", 0)

NO_TIME: Final = "无"
"""In a table: the order has no time."""

DAYS: Final = {"昨天": -1, "今天": 0, "明天": 1}

SHOWN: Final = ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber")
"""Elements of an instance that a judge sees beside its hashes."""

STUDY_COLUMNS: Final = (
    "StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "PatientSex",
    "AccessionNumber", "StudyDate", "StudyTime", "StudyDescription", "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
)  # fmt: skip
WORKLIST_COLUMNS: Final = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
    "RequestedProcedureID", "RequestedProcedureDescription", "StudyInstanceUID",
)  # fmt: skip
STEP_COLUMNS: Final = (
    "ScheduledProcedureStepID", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime", "Modality", "ScheduledProcedureStepStatus",
)  # fmt: skip


@dataclass(slots=True)
class Site:
    """See the module."""

    world: World
    exams: dict[str, Planned] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    front: Front | None = None
    implicit_reports: bool = False
    secured: tuple[str, Address] | None = None
    secured_web: Address | None = None
    """Link and address over which devices reach the PACS in TLS; None for the plain ones."""
    _count: int = 0

    # ---- the systems

    def systems(self) -> ImagingSystems:
        """PACS and RIS that we run."""
        probes: Any = self.world.bench.probes
        if NAME not in probes:
            settings = getattr(self.world.bench.systems, "settings", None)
            if settings is None:
                raise HarnessError("imaging needs processes")
            probes[NAME] = ImagingSystems(settings.folder, settings.defects, settings.listeners)
        found: ImagingSystems = probes[NAME]
        return found

    def ours(self, role: str) -> bool:
        """Whether we run this system, so that it can be commanded."""
        return LINKS[role] not in self.world.bench.addresses

    def _spec(self, role: str) -> LinkSpec:
        link = LINKS[role]
        if link not in self.world.bench.specs:
            raise Blocked(
                tr("the profile has no link to the {role}", role=role),
                remedy=f"[endpoints.{link}] ae_title = …, host = …, port = …",
            )
        return self.world.bench.specs[link]

    def order(self, role: str, name: str, /, **args: str) -> None:
        """What its user does at the screen; ``Blocked`` where the system is the site's.

        Where persons work at it the user is one of them, and gets a card.
        """
        if by_person(self.world, role):
            overhear(self.world, self.ours, self.systems)
            self.world.order(role, name, **args)
            return
        if not self.ours(role):
            raise not_ours(role)
        self.world.permit.require_write(f"{role} {name}")
        value = self.systems().order(role, name, args)
        self.world.trace.add("command", role=role, name=name, args=args, outcome="ok", value=value)

    def fresh_title(self, device: str) -> str:
        """The AE title of a device that does not listen yet.

        Raises:
            ScenarioError: it listens already.
        """
        if device in self.receivers:
            raise ScenarioError(tr("the device {device} listens already", device=device))
        return device_model(device).ae_title

    def title(self, role: str) -> str:
        """The AE title under which a system is called."""
        return self._spec(role).ae_title or AE_TITLES[role]

    def raw(self, role: str) -> RawPeer:
        """A connection to a system on which anything can be said; it is not open yet."""
        world, link = self.world, LINKS[role]
        address = world.bench.addresses.get(link) or self.systems().address(role)
        self._count += 1
        connection = self._spec(role).connection(f"{link}#{self._count}", client=True)
        return RawPeer(address, connection, world.bench.switch.watcher, world.guard)

    def opens(self, role: str, calling: str) -> Callable[[Sequence[Offer]], Association]:
        """Makes associations with a role under an AE title of ours, to look and no more."""
        return partial(self._association, role, calling, guard=Looking(self.world.guard))

    def _association(
        self, role: str, calling: str, offers: Sequence[Offer], guard: Guard | None = None
    ) -> Association:
        world, link = self.world, LINKS[role]
        spec = self._spec(role)
        if role == "PACS" and self.secured is not None:
            link, address = self.secured
            spec = world.bench.specs[link]
        else:
            address = world.bench.addresses.get(link) or self.systems().address(role)
        self._count += 1
        connection = spec.connection(f"{link}#{self._count}", client=True)
        called = spec.ae_title or AE_TITLES[role]
        peer = Peer(address=address, called=called, calling=calling)
        asked: list[Request] = []

        def told(direction: str, message: Request | Answer) -> None:
            self._tell(connection, asked, direction, message)

        return Association(peer, offers, connection=connection, watcher=world.bench.switch.watcher,
                           guard=guard or world.guard, told=told)  # fmt: skip

    def _tell(self, at: Any, asked: list[Request], way: str, message: Request | Answer) -> None:
        """One whole message, for the judges and the report."""
        ends = (at.local, at.peer) if way == "sent" else (at.peer, at.local)
        head = {"link": at.link, "interface": at.interface, "conn": at.id, "frm": ends[0],
                "to": ends[1], "protocol": "dicom"}  # fmt: skip
        if isinstance(message, Request):
            if way == "sent":
                asked[:] = [message]
            self.world.trace.add("message", **head, type=f"{message.kind}-RQ", raw=pack(b""),
                                 id=str(message.message_id), sop=message.sop_instance,
                                 bytes=len(message.payload), corr={})  # fmt: skip
            return
        counts = dict(zip(("remaining", "completed", "failed", "warning"), message.counts,
                          strict=True))  # fmt: skip
        self.world.trace.add(
            "message", **head, type=f"{message.kind}-RSP", raw=pack(b""), corr={},
            id=str(asked[0].message_id) if asked else "", status=message.shown,
            sop=asked[0].sop_instance if asked else "",
            **{name: str(count) for name, count in counts.items() if count is not None},
        )  # fmt: skip

    # ---- devices

    def modality(self, device: str) -> Modality:
        """The device of a name in sentences, with a receiver where its reports go."""
        if by_person(self.world, "modality"):  # ours must not stand in for a device of the site
            raise not_ours("modality")
        model = device_model(device)
        made = Modality(model, lambda role, offers: self._called(role, model.ae_title, offers))
        if device not in self.receivers:
            self._listen(device, made)
        return made

    def _called(self, role: str, calling: str, offers: Sequence[Offer]) -> Association:
        """A device of ours calls: what persons had to do before is done by then."""
        self.world.after_persons()
        return self._association(role, calling, offers)

    def _listen(self, device: str, modality: Modality) -> None:
        """All devices of a scenario listen on one port; a PACS calls each by its AE title."""
        if self.front is None:
            self.front = Front(strange=partial(self.world.guard.strange, INBOUND),
                               echoed=self._echoed)  # fmt: skip
            plain = (IMPLICIT,) if self.implicit_reports else (EXPLICIT, IMPLICIT)
            contexts = [(VERIFICATION, plain), (COMMITMENT, plain),
                        *((one, SYNTAXES) for one in STORAGE)]  # fmt: skip
            spec = self.world.bench.specs.get(INBOUND) or self._spec("PACS")
            listener = Listener(
                self.front,
                FRONT_TITLE,
                contexts,
                roles=[COMMITMENT],
                connection=_inbound(spec),
                watcher=self.world.bench.switch.watcher,
            )
            where = self.world.bench.listening.get(INBOUND)
            self.front.place = listener.start(*((where.host, where.port) if where else LOOPBACK))
            self.listeners.append(listener)
            self.world.bench.stands(INBOUND)
        title = modality.model.ae_title
        self.receivers[device] = self.front.receivers[title] = Receiver()
        self.places[device] = title
        if self.ours("PACS"):
            self.register(device)
        elif INBOUND not in self.world.bench.specs:
            raise Blocked(
                tr("a real PACS must know where our devices listen"),
                remedy=f'[endpoints.{INBOUND}] from = "PACS", to = "modality", port = …',
            )

    def _echoed(self) -> None:
        """A PACS called us, and wanted nothing: the harmless call that proves its way."""
        spec = self.world.bench.specs.get(INBOUND) or self._spec("PACS")
        self.world.trace.add("message", protocol="dicom", type="C-ECHO-RQ", raw=pack(b""), corr={},
                             id="", link=spec.name, interface=spec.interface, frm="PACS",
                             to="modality")  # fmt: skip
        driver: Any = self.world.bench.driver  # over sockets: no DICOM goes over memory
        driver.changed()

    def register(self, device: str) -> None:
        """Tell the built-in PACS where a device listens; a real one is told by its own set-up."""
        if self.front is None:
            raise HarnessError("no device listens yet")
        place = self.front.place
        self.order("PACS", "destination", ae=self.places[device], host=place.host,
                   port=str(place.port))  # fmt: skip

    def reported(self, report: DataSet, transaction: str, way: str) -> None:
        """Put a report of commitment into the trace, a record an instance, with its way."""
        spec = self._spec("PACS")
        for keyword, state in (("ReferencedSOPSequence", "kept"), ("FailedSOPSequence", "failed")):
            for item in report.items(keyword):
                self.world.trace.add(
                    "message", protocol="dicom", type="commitment", raw=pack(b""), corr={},
                    sop=item.text("ReferencedSOPInstanceUID"), state=state, id=transaction,
                    transaction=transaction, way=way, link=spec.name, interface=spec.interface,
                    frm="PACS", to="modality",
                )  # fmt: skip

    def close(self) -> None:
        """End what listens; says what would not end."""
        left = [name for listener in self.listeners for name in listener.stop()]
        probes: Any = self.world.bench.probes
        for name in ("pacs-studies", "pacs-instances", "ris-worklist", "modality-received"):
            probes.pop(name, None)
        if left:
            raise HarnessError(f"threads that would not end: {', '.join(left)}")

    # ---- examinations

    def plan(self, label: str, owner: str, device: str, day: str, time: str) -> Planned:
        """A new examination; nothing is told to anybody yet."""
        if label in self.exams:
            raise ScenarioError(tr("the examination {label} is prepared twice", label=label))
        world = self.world
        person = world.people.get(owner) or world.person(owner)
        model = device_model(device)
        moment = world.clock.wall() + timedelta(days=DAYS[day])
        drawn = int(world.draw("exam", label) * 10**14)
        code = f"MH{drawn:014d}"  # 16 characters: as long as (0008,0050) may be
        study = uid(world.seed, world.scenario, "study", label)
        hour = 8 + int(world.draw("hour", label) * 9)
        clock = "" if time == NO_TIME else time or f"{hour:02d}3000"
        at = {"hour": int(clock[:2] or hour), "minute": int(clock[2:4] or 0), "second": 0}
        exam = Exam(person=person, study=study, accession=code, procedure_id=f"P{code[2:]}",
                    step_id=f"S{code[2:]}", description=_description(world, label),
                    moment=moment.replace(**at, microsecond=0, tzinfo=None))  # fmt: skip
        found = Planned(exam=exam, device=device, station=model.ae_title, owner=owner,
                        date=f"{moment:%Y%m%d}", time=clock)  # fmt: skip
        self.exams[label] = found
        return found

    def schedule(self, planned: Planned, name: str = "") -> None:
        """Enter the examination at the RIS."""
        if not self.world.state.setdefault("worklist cleared", False):
            self.world.state["worklist cleared"] = True
            if not by_person(self.world, "RIS"):  # the list of a site has others on it
                self.order("RIS", "clear")
        exam, person = planned.exam, planned.exam.person
        model = device_model(planned.device)
        self.order(
            "RIS", "schedule", sps_id=exam.step_id, patient_id=person.patient_id,
            name=name or person.name, latin=latin_name(person), birth=person.birth, sex=person.sex,
            accession=exam.accession, procedure_id=exam.procedure_id, description=exam.description,
            study=exam.study, modality=model.modality, station=planned.station, date=planned.date,
            time=planned.time,
        )  # fmt: skip

    def sent_as(self, sop: str) -> DataSet | None:
        """An instance as it was sent last; None for one that nobody sent."""
        each = (one.sent[sop] for one in self.exams.values() if sop in one.sent)
        return next(each, None)

    def known(self, label: str) -> Planned:
        """An examination that was prepared."""
        if label not in self.exams:
            raise ScenarioError(tr("the examination {label} was not prepared", label=label))
        return self.exams[label]


def _inbound(spec: LinkSpec) -> Connection:
    """What comes to our devices, as the journal names it."""
    return Connection(id=f"{INBOUND}#1", link=INBOUND, interface=spec.interface, local="modality",
                      peer="PACS", client=False)  # fmt: skip


def device_model(device: str) -> Model:
    """The profile of a device as sentences name it."""
    return load_model(DEVICES.get(device, device))


def _description(world: World, label: str) -> str:
    parts = ("胸部平扫", "颅脑增强", "腹部超声", "膝关节正侧位", "乳腺筛查", "冠脉重建")
    return parts[int(world.draw("description", label) * len(parts))]


def site(world: World) -> Site:
    """The imaging side of this scenario, with its probes."""
    found: Site | None = world.state.get("imaging")
    if found is None:
        found = world.state["imaging"] = Site(world)
        world.at_end.append(found.close)
        world.captures.append(partial(renamed, found.exams))
        probes: Any = world.bench.probes
        probes["pacs-studies"] = FindProbe(
            "pacs-studies", "PACS", found.opens("PACS", LOOKER), "STUDY", STUDY_COLUMNS
        )
        probes["pacs-instances"] = RetrieveProbe(
            "pacs-instances", "PACS", found.opens("PACS", LOOKER),
            [Offer(abstract=one, syntaxes=[syntax]) for one in STORAGE
             for syntax in (EXPLICIT, IMPLICIT, *VIDEOS.get(one, ()))], SHOWN, found.sent_as,
        )  # fmt: skip
        probes["ris-worklist"] = FindProbe(
            "ris-worklist", "RIS", found.opens("RIS", LOOKER), "WORKLIST", WORKLIST_COLUMNS,
            STEP_COLUMNS,
        )  # fmt: skip
        probes["modality-received"] = ReceivedProbe(found.receivers, found.sent_as, SHOWN)
    return found
