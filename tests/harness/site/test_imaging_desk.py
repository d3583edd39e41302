"""An order at a RIS and an examination at a device that only persons work at, over real DICOM."""

import itertools
import socket
from datetime import datetime

import pytest
from hands import Operators, free_port, run_feature

from harness.clock import CHINA
from harness.link.dicom_scu import Association, Peer
from harness.model import Person
from simulators.hospital.ris_feed import ORDERS
from simulators.modality.images import Exam, instance
from simulators.modality.modality import Modality
from simulators.modality.model import load_model
from simulators.modality.systems import AE_TITLES, ImagingSystems

pytestmark = pytest.mark.slow

FEATURE = """# language: zh-CN
@接口-RIS-MWL
功能: 检查
  负责人: 测试组

  @REQ-IMG-001 @id-site-exam
  场景: 登记后设备看得到
    假如 RIS有以下检查预约:
      | 检查 | 患者 | 设备 |
      | 检1  | 甲   | CT   |
    当 设备查询检查“检1”的工作列表
    那么 60秒内以“UTF-8”字符集按“检查号”查询检查“检1”的工作列表应恰为:
      | 检查 |
      | 检1  |
"""

EXAMINED = """# language: zh-CN
@接口-PACS-DIMSE
功能: 检查
  负责人: 测试组

  @REQ-IMG-001 @id-site-examined
  场景: 在现场设备上检查
    假如 RIS有以下检查预约:
      | 检查 | 患者 | 设备 |
      | 检1  | 甲   | CT   |
    当 设备把检查“检1”的图像存入PACS
    那么 60秒内PACS中检查“检1”应属于患者“甲”
"""

SITE = """
format = 1
name = "影像现场"
environment = "test"
[systems.RIS]
mode = "real"
worked_by = "person"
version = "1"
[systems.PACS]
mode = "real"
version = "1"
{modality}
[endpoints.modality-ris]
interface = "RIS-MWL"
from = "modality"
to = "RIS"
protocol = "dicom"
ae_title = "{ris}"
host = "127.0.0.1"
port = {ris_port}
[endpoints.modality-pacs]
interface = "PACS-DIMSE"
from = "modality"
to = "PACS"
protocol = "dicom"
ae_title = "{pacs}"
host = "127.0.0.1"
port = {pacs_port}
[endpoints.pacs-modality]
interface = "PACS-DIMSE"
from = "PACS"
to = "modality"
protocol = "dicom"
host = "127.0.0.1"
port = {device_port}
[operator]
wait_s = {wait_s}
mints = ["RIS.patient_id", "RIS.accession", "RIS.study", "RIS.sps_id", "RIS.procedure_id"]
"""

NUMBERS = itertools.count(7_700_001)
"""Numbers of this department: every order gets a fresh one."""

DEVICE = """
[systems.modality]
mode = "real"
worked_by = "person"
version = "1"
"""

MOMENT = datetime(2026, 1, 5, 9, 0)  # noqa: DTZ001 - DICOM writes local times


class Department:
    """RIS and PACS of the site, with a person at the registration desk and one at the device."""

    def __init__(self, systems):
        self.systems = systems
        self.registered, self.seen = {}, []
        self.number = next(NUMBERS)

    def profile(self, *, modality="", wait_s=90.0):
        ports = {role: self.systems.address(role).port for role in ("RIS", "PACS")}
        return SITE.format(modality=modality, wait_s=wait_s, ris=AE_TITLES["RIS"],
                           pacs=AE_TITLES["PACS"], ris_port=ports["RIS"],
                           pacs_port=ports["PACS"], device_port=free_port())  # fmt: skip

    def register(self, fields, **changed):
        """The RIS gives every number itself."""
        order = {
            "sps_id": f"SPS{self.number}", "patient_id": f"R{self.number}", "name": fields["姓名"],
            "latin": fields["拼音"], "birth": fields["出生日期"], "sex": fields["性别"],
            "accession": f"ACC{self.number}", "procedure_id": f"RP{self.number}",
            "description": fields["检查项目"], "study": f"1.2.826.0.1.3680043.10.1510.{self.number}",
            "modality": fields["设备类型"], "station": fields["设备AE"], "date": fields["日期"],
            "time": fields["时间"],
        } | changed  # fmt: skip
        self.systems.order("RIS", "schedule", order)
        self.registered[fields["姓名"]] = order

    def examine(self, fields, **changed):
        """The device takes what its worklist says, and sends one series."""
        order = self.registered[fields["姓名"]] | changed
        person = Person(patient_id=order["patient_id"], name=order["name"], sex=order["sex"],
                        birth=order["birth"])  # fmt: skip
        exam = Exam(person=person, study=order["study"], accession=order["accession"],
                    procedure_id=order["procedure_id"], step_id=order["sps_id"],
                    description=order["description"], moment=MOMENT)  # fmt: skip
        model = load_model("ct-helical")
        peer = Peer(address=self.systems.address("PACS"), called=AE_TITLES["PACS"],
                    calling=model.ae_title)  # fmt: skip
        device = Modality(model, lambda _role, offers: Association(peer, offers))
        device.store([instance(model, exam, 1)])

    def work(self, address, stop):
        board, done = Operators(address), set()
        while not stop.is_set():
            for card in board.cards():
                fields = dict(card["fields"])
                waits = card["workstation"] == "检查设备" and "检查号" not in fields
                if card["number"] in done or waits:
                    continue
                done.add(card["number"])
                board.post("/take", card=card["number"], operator="登记员乙")
                self.seen.append((card["workstation"], fields))
                if card["workstation"] == "RIS登记台":
                    self.register(fields)
                elif card["workstation"] == "检查设备":
                    self.examine(fields)
            stop.wait(0.05)


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    """One RIS and one PACS for all tests; each test has numbers of its own."""
    made = ImagingSystems(tmp_path_factory.mktemp("theirs"))
    yield made
    made.close()


@pytest.fixture
def department(systems):
    return Department(systems)


def by_hand(records):
    return [one for one in records if one["kind"] == "command" and one.get("card")]


def test_what_the_ris_gave_is_captured_from_its_worklist(tmp_path, department):
    conclusion, records, _ = run_feature(
        tmp_path, department.profile(), department.work, feature=FEATURE
    )
    assert conclusion.verdict == "pass", conclusion.reasons
    (card,) = by_hand(records)
    assert (card["name"], card["outcome"]) == ("schedule", "ok")
    number = department.number
    assert card["captured"] == {
        "patient_id": f"R{number}", "accession": f"ACC{number}", "sps_id": f"SPS{number}",
        "study": f"1.2.826.0.1.3680043.10.1510.{number}", "procedure_id": f"RP{number}",
    }  # fmt: skip
    assert "检查号" not in department.seen[0][1], "what the RIS gives is not entered"


def test_a_step_of_somebody_else_proves_nothing(tmp_path, department):
    def work(address, stop):
        board = Operators(address)
        while not stop.is_set():
            for card in board.cards():
                if card["workstation"] == "RIS登记台" and not department.registered:
                    department.register(dict(card["fields"]), name="另一人")
            stop.wait(0.05)

    conclusion, records, _ = run_feature(
        tmp_path, department.profile(wait_s=3.0), work, feature=FEATURE
    )
    assert conclusion.verdict == "blocked"
    assert "RIS登记台" in conclusion.reasons[0]
    assert [one["outcome"] for one in by_hand(records)] == ["unknown"]


def test_an_examination_at_a_device_of_the_site_is_seen_in_its_pacs(tmp_path, department):
    text = department.profile(modality=DEVICE)
    conclusion, records, _ = run_feature(tmp_path, text, department.work, feature=EXAMINED)
    assert conclusion.verdict == "pass", conclusion.reasons
    assert [(one["name"], one["outcome"]) for one in by_hand(records)] == [
        ("schedule", "ok"), ("examine", "ok"),
    ]  # fmt: skip
    assert department.seen[1][1]["检查号"] == f"ACC{department.number}"


def test_an_examination_under_another_number_proves_nothing(tmp_path, department):
    plain = department.examine
    department.examine = lambda fields: plain(fields, accession="ACC-OTHER")
    text = department.profile(modality=DEVICE, wait_s=4.0)
    conclusion, records, _ = run_feature(tmp_path, text, department.work, feature=EXAMINED)
    assert conclusion.verdict == "blocked"
    last = by_hand(records)[-1]
    assert (last["name"], last["outcome"]) == ("examine", "unknown")


def test_our_own_device_does_not_stand_in_for_one_of_the_site(tmp_path, department):
    text = department.profile(modality=DEVICE)
    conclusion, _, _ = run_feature(tmp_path, text, department.work, feature=FEATURE)
    assert conclusion.verdict == "blocked"
    assert "modality" in conclusion.reasons[0]


ORDERED = """# language: zh-CN
@接口-RIS-ORD
功能: 检查
  负责人: 测试组

  @REQ-IMG-001 @id-site-ordered
  场景: HIS 的申请进入工作列表
    假如 患者“甲”的姓名类别为“普通”
    当 HIS经HL7为患者“甲”在设备“CT”上申请检查“检1”
    那么 60秒内以“UTF-8”字符集按“检查号”查询检查“检1”的工作列表应恰为:
      | 检查 |
      | 检1  |
"""

HIS = """
[systems.HIS]
mode = "real"
worked_by = "person"
version = "1"
[endpoints.his-ris]
interface = "RIS-ORD"
from = "HIS"
to = "RIS"
protocol = "mllp"
via = "relay"
relay_port = {relay_port}
host = "127.0.0.1"
port = {orders_port}
[canaries.update]
interface = "RIS-ORD"
type = "ADT^A08"
from = "HIS"
text = "改一次自检患者的电话"
wait_s = 60.0
"""


class Doctor:
    """A HIS of the site: it numbers its patients and orders itself, and speaks HL7 to the RIS."""

    def __init__(self, department, port):
        self.department, self.port, self.count = department, port, itertools.count(1)

    def send(self, kind, *segments):
        now = f"{datetime.now(CHINA):%Y%m%d%H%M%S}"
        head = (
            f"MSH|^~\\&|HIS|H|RIS|H|{now}||{kind}|C{next(self.count)}|P|2.5.1|||||CHN|UNICODE UTF-8"
        )
        body = "\r".join([head, *segments]) + "\r"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line:
            line.sendall(b"\x0b" + body.encode() + b"\x1c\r")
            got = b""
            while b"\x1c\r" not in got:
                got += line.recv(4096)
        return got.decode()

    def order(self, fields):
        number = self.department.number
        return self.send(
            "OMI^O23^OMI_O23",
            f"PID|1||R{number}^^^HIS||{fields['姓名']}||{fields['出生日期']}|{fields['性别']}",
            "PV1|1|O", f"ORC|NW|HP{number}",
            f"TQ1|1||||||{fields['日期']}{fields['时间']}",
            f"OBR|1|HP{number}||RP{number}^{fields['检查项目']}",
            f"IPC|ACC{number}|RP{number}|1.2.826.0.1.3680043.10.1510.{number}|SPS{number}"
            f"|{fields['设备类型']}||||MHCT1",
            "OBX|1|PN|N||" + fields["拼音"],
        )  # fmt: skip

    def work(self, address, stop):
        board, done = Operators(address), set()
        while not stop.is_set():
            for card in board.cards():
                if card["number"] in done:
                    continue
                done.add(card["number"])
                fields = dict(card["fields"])
                self.department.seen.append((card["workstation"], fields))
                if card["workstation"] == "医生站":
                    self.order(fields)
                else:
                    self.send("ADT^A08^ADT_A01", "EVN|A08", "PID|1||0||自检", "PV1|1|O")
            stop.wait(0.05)


def test_an_order_of_a_his_is_seen_to_pass_and_its_numbers_are_used(tmp_path, department):
    relay = free_port()
    orders = department.systems.address("RIS", ORDERS).port
    text = department.profile() + HIS.format(relay_port=relay, orders_port=orders)
    text = text.replace("mints = [", 'mints = ["HIS.patient_id", "HIS.accession", "HIS.study",'
                        ' "HIS.sps_id", "HIS.procedure_id", ')  # fmt: skip
    doctor = Doctor(department, relay)
    conclusion, records, _ = run_feature(tmp_path, text, doctor.work, feature=ORDERED)
    card = by_hand(records)[-1]
    assert (card["name"], card["outcome"]) == ("exam-order", "ok"), conclusion.reasons
    number = department.number
    assert (card["captured"]["accession"], card["captured"]["sps_id"]) == (
        f"ACC{number}", f"SPS{number}",
    )  # fmt: skip
    assert conclusion.verdict == "pass", conclusion
