"""A device of the site calls a PACS and RIS of ours: its harmless call proves the way."""

import itertools
from dataclasses import dataclass

import pytest
from hands import Operators, free_port, run_feature
from test_imaging_desk import EXAMINED, MOMENT, by_hand

from harness.clock import VirtualClock
from harness.errors import Blocked
from harness.evidence.trace import Trace
from harness.link.address import Address
from harness.link.dicom import VERIFICATION, Answer, Request
from harness.link.dicom_data import IMPLICIT
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.model import Person
from harness.probes.dicom import FindProbe
from harness.profile import load_profile
from harness.site.route import Routes
from scenarios.steps.imaging_front import Front
from scenarios.steps.imaging_heard import LOOKER, overhear
from simulators.hospital.heard import KEPT, Heard
from simulators.modality.images import Exam, instance
from simulators.modality.modality import Modality
from simulators.modality.model import load_model
from simulators.modality.systems import AE_TITLES

SITE = """
format = 1
name = "影像现场"
environment = "test"
[systems.RIS]
mode = "simulated"
[systems.PACS]
mode = "simulated"
[systems.modality]
mode = "real"
worked_by = "person"
version = "1"
[endpoints.modality-ris]
interface = "RIS-MWL"
from = "modality"
to = "RIS"
protocol = "dicom"
host = "127.0.0.1"
port = {ris}
[endpoints.modality-pacs]
interface = "PACS-DIMSE"
from = "modality"
to = "PACS"
protocol = "dicom"
host = "127.0.0.1"
port = {pacs}
[canaries.verify]
interface = "PACS-DIMSE"
type = "{kind}"
from = "modality"
text = "在设备上对目的地“PACS”做一次连接测试"
wait_s = {wait_s}
[operator]
wait_s = 90.0
mints = ["modality.study"]
"""


def opened(address, called, calling, offers):
    return Association(Peer(address=address, called=called, calling=calling), offers)


def echo(address):
    """As a device does when somebody presses its connection test."""
    with opened(
        address, "PACS", "CT-ROOM-1", [Offer(abstract=VERIFICATION, syntaxes=[IMPLICIT])]
    ) as link:
        return link.ask(Request(kind="C-ECHO", sop_class=VERIFICATION)).status


class Room:
    """A device of the site: it looks into its worklist, examines, and sends one image."""

    def __init__(self, *, verify=True, elsewhere=None):
        self.ports = {"RIS": free_port(), "PACS": free_port()}
        self.verify, self.elsewhere = verify, elsewhere
        self.echoed, self.examined = [], []

    def address(self, role):
        return Address(host="127.0.0.1", port=self.ports[role])

    def profile(self, *, wait_s, kind="C-ECHO-RQ"):
        return SITE.format(ris=self.ports["RIS"], pacs=self.ports["PACS"], kind=kind, wait_s=wait_s)

    def examine(self, fields):
        model = load_model("ct-helical")
        columns = ("PatientID", "AccessionNumber", "StudyInstanceUID", "RequestedProcedureID",
                   "RequestedProcedureDescription", "PatientBirthDate", "PatientSex")  # fmt: skip
        steps = ("ScheduledProcedureStepID",)
        look = FindProbe("worklist", "RIS", lambda offers: opened(
            self.address("RIS"), AE_TITLES["RIS"], model.ae_title, offers), "WORKLIST", columns,
            steps)  # fmt: skip
        (row,) = look.ask({"AccessionNumber": fields["检查号"]}).rows
        person = Person(patient_id=row["PatientID"], name=fields["姓名"], sex=row["PatientSex"],
                        birth=row["PatientBirthDate"])  # fmt: skip
        exam = Exam(person=person, study=row["StudyInstanceUID"], accession=row["AccessionNumber"],
                    procedure_id=row["RequestedProcedureID"],
                    step_id=row["ScheduledProcedureStepID"],
                    description=row["RequestedProcedureDescription"], moment=MOMENT)  # fmt: skip
        device = Modality(model, lambda _role, offers: opened(
            self.address("PACS"), AE_TITLES["PACS"], model.ae_title, offers))  # fmt: skip
        device.store([instance(model, exam, 1)])
        self.examined.append(exam.accession)

    def work(self, address, stop):
        board, done = Operators(address), set()
        while not stop.is_set():
            for card in board.cards():
                if card["number"] in done:
                    continue
                done.add(card["number"])
                if card["workstation"] == "检查设备":
                    self.examine(dict(card["fields"]))
                elif self.verify:
                    self.echoed.append(echo(self.elsewhere or self.address("PACS")))
            stop.wait(0.05)


@pytest.mark.slow
def test_the_echo_of_a_real_device_at_our_pacs_lets_its_card_go_out(tmp_path):
    room = Room()
    conclusion, records, _ = run_feature(
        tmp_path, room.profile(wait_s=60.0), room.work, feature=EXAMINED
    )
    assert conclusion.verdict == "pass", conclusion.reasons
    assert (room.echoed, len(room.examined)) == ([0], 1)
    cards = by_hand(records)
    assert [(one["name"], one["outcome"]) for one in cards] == [
        ("canary verify", "ok"), ("examine", "ok"),
    ]  # fmt: skip
    (heard,) = [one for one in records if one["kind"] == "message" and one.get("calling")
                and one["type"] == "C-ECHO-RQ"]  # fmt: skip
    assert (heard["frm"], heard["to"], heard["link"]) == ("modality", "PACS", "modality-pacs")
    assert heard["n"] < cards[0]["n"] < cards[1]["n"]
    assert f" {heard['n']} " in cards[0]["seen"], cards[0]["seen"]


@pytest.mark.slow
def test_a_device_that_still_points_elsewhere_examines_nobody(tmp_path):
    """Its echo is answered, by another PACS: nobody is asked to examine, nothing is sent."""
    listener = Listener(Front(), "OTHER", [(VERIFICATION, (IMPLICIT,))])
    room = Room(elsewhere=listener.start("127.0.0.1", 0))
    try:
        conclusion, records, _ = run_feature(
            tmp_path, room.profile(wait_s=3.0), room.work, feature=EXAMINED
        )
    finally:
        listener.stop()
    assert room.echoed == [0], "it was answered, by somebody else"
    assert conclusion.verdict == "blocked"
    assert "verify" in str(conclusion.reasons)
    assert room.examined == []
    assert [one["name"] for one in by_hand(records)] == ["canary verify"]


# -- the parts, without a process


@dataclass
class Caller:
    calling: str = "CT-ROOM-1 "


class Answers:
    def serve(self, request, session):
        return [Answer(status=0)]


def test_harmless_calls_are_noted_and_answered_as_before():
    heard = Heard(Answers())
    for kind in ("C-ECHO", "C-STORE", "C-FIND", "C-MOVE", "N-CREATE"):
        answers = list(heard.serve(Request(kind=kind, sop_class=VERIFICATION), Caller()))
        assert [one.status for one in answers] == [0]
    assert heard.take() == [{"kind": "C-ECHO", "calling": "CT-ROOM-1"},
                            {"kind": "C-FIND", "calling": "CT-ROOM-1"}]  # fmt: skip
    assert heard.take() == []


def test_a_department_that_polls_all_night_fills_no_memory():
    heard = Heard(Answers())
    for _ in range(KEPT + 5):
        heard.serve(Request(kind="C-FIND", sop_class=VERIFICATION), Caller())
    assert len(heard.take()) == KEPT


class Systems:
    def __init__(self, *calls):
        self.calls = list(calls)
        self.started = []

    def address(self, role):
        self.started.append(role)

    def heard(self, role):
        if role != "PACS":
            return []
        found, self.calls = self.calls, []
        return found


class Bench:
    def __init__(self, profile):
        self.specs = {name: _Spec(name, one.interface, one.frm)
                      for name, one in profile.endpoints.items()}  # fmt: skip
        self.watched, self.ears = {}, []

    def stands(self, link):
        self.watched[link] = ()


@dataclass
class _Spec:
    name: str
    interface: str
    frm: str


@dataclass
class _Permit:
    profile: object


class _World:
    def __init__(self, profile):
        self.bench, self.permit = Bench(profile), _Permit(profile)
        self.trace = Trace(VirtualClock())


PORTS = itertools.count(40_001)


def world_of(folder, **changed):
    text = SITE.format(ris=next(PORTS), pacs=next(PORTS), kind="C-ECHO-RQ", wait_s=1.0)
    for old, new in changed.items():
        text = text.replace(f'[systems.{old}]\nmode = "real"\nworked_by = "person"', new)
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return _World(load_profile(folder / "site.toml"))


def call(kind, calling="CT-ROOM-1"):
    return {"kind": kind, "calling": calling}


def test_only_what_was_called_after_the_card_and_not_by_us_is_told(tmp_path):
    world = world_of(tmp_path)
    systems = Systems(call("C-ECHO"))
    overhear(world, lambda _: True, lambda: systems)
    overhear(world, lambda _: True, lambda: systems)  # a second card listens no second time
    assert set(systems.started) == {"PACS", "RIS"}
    assert len(world.bench.ears) == 2
    systems.calls += [call("C-FIND", LOOKER), call("C-ECHO"), call("C-FIND")]
    for take in world.bench.ears:
        take()
    told = [(one["type"], one["frm"]) for one in world.trace.records if one["kind"] == "message"]
    assert told == [("C-ECHO-RQ", "modality"), ("C-FIND-RQ", "modality")]


def test_systems_that_we_do_not_run_and_devices_of_ours_are_not_listened_to(tmp_path):
    world = world_of(tmp_path)
    systems = Systems()
    overhear(world, lambda _: False, lambda: systems)
    assert (systems.started, world.bench.ears, dict(world.bench.watched)) == ([], [], {})
    ours = world_of(tmp_path, modality='[systems.modality]\nmode = "simulated"')
    overhear(ours, lambda _: True, lambda: systems)
    assert (systems.started, ours.bench.ears) == ([], [])


def test_a_way_is_proven_for_the_caller_of_a_card_alone(tmp_path):
    profile = world_of(tmp_path).permit.profile
    routes = Routes(profile)
    assert [link for link, _, _ in routes.open("PACS-DIMSE", "modality")] == ["modality-pacs"]
    assert routes.open("PACS-DIMSE", "HIS") == []
    with pytest.raises(Blocked, match="canaries"):
        routes.open("RIS-MWL", "modality")
