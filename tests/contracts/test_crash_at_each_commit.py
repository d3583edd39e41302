"""A system that loses its power at any of its commits recovers: nothing lost, nothing invented.

The same exchange runs again and again, each time with one power cut before or after one commit of
one system. What the systems hold in the end must be what they hold without the cut.
"""

import sqlite3

import pytest

from harness.clock import VirtualClock
from harness.errors import HarnessError
from harness.link.pump import Pump
from harness.link.spec import LinkSpec
from harness.scenario.bench import Bench
from harness.scenario.hospital import Settings, built_in
from harness.scenario.systems import Crash, InPump
from simulators.analyzer.analyzer import LINK, Analyzer

pytestmark = pytest.mark.slow

SPECS = {
    name: LinkSpec(
        name=name, interface=interface, frm=frm, to=to, protocol=protocol, relayed=relayed
    )
    for name, interface, frm, to, protocol, relayed in (
        ("analyzer-lis", "LIS-ASTM", "analyzer", "LIS", "astm", False),
        ("his-lis", "HIS-ORD", "HIS", "LIS", "mllp", True),
        ("lis-his", "LIS-ORU", "LIS", "HIS", "mllp", True),
    )
}

PATIENT = {
    "patient_id": "T000000000000001",
    "name": "测试甲",
    "sex": "F",
    "birth": "19800229",
    "id_card": "",
    "ward": "W03",
    "bed": "12",
    "phone": "13900000000",
}


def astm(control_id, *results):
    """An upload, typed from LIS02-A2 §6 to §9: H, P, O, R, L."""
    records = [
        f"H|\\^&|{control_id}||X1^1.0|||||||P|1|20260105070000",
        "P|1",
        "O|1|900000000017||^^^K\\^^^NA|R|20260105070000|||||||||||||||||||F",
        *(
            f"R|{number}|^^^{item}|{value}|mmol/L||{flag}||{status}||||20260105070000"
            for number, (item, value, flag, status) in enumerate(results, 1)
        ),
        "L|1|N",
    ]
    return "".join(f"{record}\r" for record in records).encode("gb18030").hex()


FIRST = astm("M1", ("K", "7.1", "HH", "F"), ("NA", "139", "N", "F"))
CORRECTED = astm("M2", ("NA", "141", "N", "C"))

TUBE = {"patient_id": PATIENT["patient_id"], "placer": "P1", "barcode": "900000000017"}
OTHER = {"patient_id": PATIENT["patient_id"], "placer": "P2", "barcode": "900000000024"}

EXCHANGE = (
    ("HIS", "admit", PATIENT, "SELECT COUNT(*) = 1 FROM patients"),
    ("HIS", "order", TUBE | {"items": "K,NA"}, "SELECT COUNT(*) = 2 FROM orders"),
    ("HIS", "order", OTHER | {"items": "GLU"}, "SELECT COUNT(*) = 3 FROM orders"),
    ("analyzer", "upload", {"payload": FIRST}, ""),
    (
        "HIS",
        "acknowledge",
        {"barcode": TUBE["barcode"], "item": "K", "by": "王医生"},
        "SELECT COUNT(*) = 1 FROM alarms WHERE state = 'acknowledged'",
    ),
    ("analyzer", "upload", {"payload": CORRECTED}, ""),
    (
        "HIS",
        "cancel",
        OTHER | {"items": "GLU"},
        "SELECT COUNT(*) = 1 FROM orders WHERE state = 'cancelled'",
    ),
    (
        "HIS",
        "transfer",
        {"patient_id": PATIENT["patient_id"], "ward": "W09", "bed": "01"},
        "SELECT COUNT(*) = 1 FROM patients WHERE ward = 'W09'",
    ),
)
"""Role, command, arguments, and how its user sees on the screen that it was done."""

HELD = {
    "LIS": {
        "patients": "patient_id, name, sex, birth, ward, bed, phone, state",
        "orders": "placer, barcode, patient_id, item, state",
        "results": "barcode, patient_id, item, value, unit, flag, status, tested_at, version",
        "unmatched": "barcode, item, value",
        "received": "sender, control_id, answer",
        "outbox": "kind, subject, control_id, state",
    },
    "HIS": {
        "patients": "patient_id, name, sex, birth, ward, bed, phone, state",
        "orders": "placer, barcode, patient_id, item, state",
        "results": "barcode, patient_id, item, value, unit, flag, status, tested_at, version",
        "alarms": "barcode, patient_id, item, value, level, state, ward, acknowledged_by",
        "received": "sender, control_id, answer",
        "outbox": "kind, subject, control_id, state",
    },
}
"""Columns that mean something to a hospital, by table: no row numbers, no counts of tries."""


def rows(folder, role, sql):
    with sqlite3.connect(folder / f"{role.lower()}.sqlite") as database:
        found = database.execute(sql).fetchall()
    database.close()
    return found


def held(folder):
    """Everything that the systems hold in the end; a row that stands twice is there twice."""
    return {
        f"{role}.{table}": sorted(rows(folder, role, f"SELECT {columns} FROM {table}"))
        for role, tables in HELD.items()
        for table, columns in tables.items()
    }


class Hospital:
    """The built-in hospital over memory, with a person at its screens."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.pump = Pump(VirtualClock())
        settings = Settings(folder, durable=False)
        self.systems = InPump(built_in(), settings, self.pump, SPECS)
        self.bench = Bench(self.pump, self.systems, SPECS, {})
        self.bench.start()
        self.bench.join("analyzer", Analyzer(), (LINK,))
        self.rest()

    def rest(self):
        """Wait until nobody has anything to deliver."""
        for _ in range(200):
            self.systems.settle()
            try:
                if not any(self.systems.order(role, "pending", {}) for role in ("LIS", "HIS")):
                    return
            except HarnessError:  # its power went while it was asked
                continue
            self.pump.wait(lambda: False, self.pump.clock.now() + 0.5)
        raise AssertionError("a message is never delivered")

    def do(self, role, command, args, shown):
        """What a person does: where no answer comes, look, and repeat what is not there."""
        for _ in range(3):
            if role == "analyzer":
                answer = self.pump.command(role, command, args, 300.0)
                if answer["outcome"] == "ok":
                    return
                continue
            try:
                self.systems.order(role, command, args)
            except HarnessError:
                self.systems.settle()
            if rows(self.folder, role, shown) == [(1,)]:
                return
        raise AssertionError(f"{role} never did {command}")

    def run(self):
        for role, command, args, shown in EXCHANGE:
            self.do(role, command, args, shown)
            self.rest()
        return held(self.folder)


def with_power_cut(folder, role, number, *, after):
    """The exchange with one power cut; returns what is held, and whether the cut came."""
    hospital = Hospital(folder)
    told = []
    cut = Crash(
        number=number,
        after=after,
        died=lambda: told.append("died"),
        back=lambda: told.append("back"),
    )
    hospital.systems.crash_at(role, cut)
    try:
        return hospital.run(), told
    finally:
        hospital.bench.stop()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What is held without a cut, and how many commits each system took."""
    hospital = Hospital(tmp_path_factory.mktemp("clean") / "hospital")
    before = {role: hospital.pump.members[role].host.commits for role in ("LIS", "HIS")}
    result = hospital.run()
    after = {role: hospital.pump.members[role].host.commits for role in ("LIS", "HIS")}
    hospital.bench.stop()
    return result, {role: after[role] - before[role] for role in after}


def test_the_exchange_itself_does_what_it_says(undisturbed):
    """Typed by hand, so that the comparison below is with something that is right."""
    result, commits = undisturbed
    patient = PATIENT["patient_id"]
    both = [
        ("900000000017", patient, "K", "7.1", "mmol/L", "HH", "F", "20260105070000", 1),
        ("900000000017", patient, "NA", "139", "mmol/L", "N", "F", "20260105070000", 1),
        ("900000000017", patient, "NA", "141", "mmol/L", "N", "C", "20260105070000", 2),
    ]
    assert result["LIS.results"] == result["HIS.results"] == both
    assert result["LIS.orders"] == [
        ("P1", "900000000017", patient, "K", "ordered"),
        ("P1", "900000000017", patient, "NA", "ordered"),
        ("P2", "900000000024", patient, "GLU", "cancelled"),
    ]
    assert result["HIS.orders"] == result["LIS.orders"]
    assert result["HIS.alarms"] == [
        ("900000000017", patient, "K", "7.1", "HH", "acknowledged", "W03", "王医生")
    ]
    assert [row[4:6] for row in result["LIS.patients"]] == [("W09", "01")]
    assert result["LIS.unmatched"] == []
    assert [row[3] for row in result["HIS.outbox"]] == ["accepted"] * 5
    assert [row[3] for row in result["LIS.outbox"]] == ["accepted"] * 2
    assert len(result["LIS.received"]) == 5
    assert len(result["HIS.received"]) == 2
    assert min(commits.values()) > 5


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("role", ["LIS", "HIS"])
def test_a_power_cut_at_any_commit_changes_nothing(tmp_path, undisturbed, role, after):
    expected, commits = undisturbed
    differing = {}
    for number in range(1, commits[role] + 1):
        found, told = with_power_cut(tmp_path / str(number), role, number, after=after)
        assert told == ["died", "back"], f"the cut at commit {number} did not come"
        differing |= {
            (number, name): (found[name], expected[name])
            for name in expected
            if found[name] != expected[name]
        }
    assert differing == {}


def test_the_comparison_notices_a_loss(tmp_path, undisturbed):
    """A LIS that accepts before it stores loses results at some commit; this must be seen."""
    expected, commits = undisturbed
    lost = []
    for number in range(1, commits["LIS"] + 1):
        folder = tmp_path / str(number)
        hospital = Hospital(folder)
        hospital.systems.settings.defects = ("lis-accepts-before-storing",)
        hospital.systems.restart("LIS")
        cut = Crash(number=number, after=False, died=lambda: None, back=lambda: None)
        hospital.systems.crash_at("LIS", cut)
        try:
            found = hospital.run()
        except AssertionError:
            found = held(folder)
        hospital.bench.stop()
        if found["LIS.results"] != expected["LIS.results"]:
            lost.append(number)
    assert lost
