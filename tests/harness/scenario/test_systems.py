"""The systems that we run: over memory, and as processes."""

import threading

import pytest

from harness import limits
from harness.clock import VirtualClock
from harness.errors import Blocked, HarnessError, InputError
from harness.link.pump import Pump
from harness.link.spec import LinkSpec
from harness.scenario import hospital, systems
from harness.scenario.hospital import OnlyRoles, Settings, built_in
from harness.scenario.systems import Crash, InProcesses, InPump

SPECS = {
    name: LinkSpec(name=name, interface=name, frm=frm, to=to, protocol=protocol, relayed=False)
    for name, frm, to, protocol in (
        ("analyzer-lis", "analyzer", "LIS", "astm"),
        ("his-lis", "HIS", "LIS", "mllp"),
        ("lis-his", "LIS", "HIS", "mllp"),
    )
}

ADMIT = {"patient_id": "T1", "name": "测试甲", "sex": "F", "birth": "19800101", "id_card": ""}


def crash(told, *, number=1, after=False):
    return Crash(
        number=number,
        after=after,
        died=lambda: told.append("died"),
        back=lambda: told.append("back"),
    )


# -- which hospital --------------------------------------------------------------------------------


def test_the_installed_hospital_has_roles_and_links():
    found = built_in()
    assert set(found.roles) >= {"LIS", "HIS"}
    assert set(found.listens["LIS"]) >= {"analyzer-lis", "his-lis"}


def test_without_an_installed_hospital(monkeypatch):
    monkeypatch.setattr(hospital, "entry_points", lambda group: [])
    hospital._installed.cache_clear()
    with pytest.raises(InputError, match="no built-in hospital"):
        built_in()


def test_only_simulated_roles_are_ours(tmp_path):
    part = OnlyRoles.of(built_in(), lambda role: role == "HIS")
    assert part.roles == ("HIS",)
    assert list(part.listens) == ["HIS"]
    assert part.module == built_in().module
    with pytest.raises(InputError, match="no-such-defect"):
        part.check_defects(["no-such-defect"])
    _, store = part.make(Settings(tmp_path).config("HIS"), VirtualClock())
    store.close()


# -- over memory -----------------------------------------------------------------------------------


@pytest.fixture
def pumped(tmp_path):
    pump = Pump(VirtualClock())
    made = InPump(built_in(), Settings(tmp_path, durable=False), pump, SPECS)
    made.start()
    yield made
    pump.stop()
    made.stop()


def test_a_role_can_be_commanded_and_one_that_is_real_cannot(pumped):
    assert pumped.order("HIS", "pending", {}) == 0
    with pytest.raises(Blocked, match="PACS"):
        pumped.order("PACS", "pending", {})
    pumped.hospital = OnlyRoles.of(pumped.hospital, lambda role: role == "LIS")
    with pytest.raises(Blocked, match="HIS"):
        pumped.order("HIS", "pending", {})


def test_a_killed_role_keeps_its_store(pumped):
    pumped.order("HIS", "admit", ADMIT)
    pumped.kill("HIS")
    assert not pumped.running("HIS")
    with pytest.raises(HarnessError, match="not running"):
        pumped.kill("HIS")
    pumped.restart("HIS")
    assert pumped.running("HIS")
    assert pumped.order("HIS", "pending", {}) == 1
    pumped.restart("HIS")  # of one that runs: its power is cut first
    assert pumped.order("HIS", "pending", {}) == 1


def test_power_can_be_cut_here_and_now(pumped):
    told = []
    pumped.order("HIS", "admit", ADMIT)
    pumped.cut_power("HIS", crash(told))
    pumped.pump.wait(lambda: told == ["died"], pumped.pump.clock.now() + 1)
    assert not pumped.running("HIS")
    pumped.settle()

    assert told == ["died", "back"]
    assert pumped.order("HIS", "pending", {}) == 1


def test_a_role_that_stands_still_takes_its_time(pumped):
    clock = pumped.pump.clock
    pumped.pause("HIS", 5.0)
    assert pumped.order("HIS", "pending", {}) == 0
    assert clock.now() == 5.0

    pumped.pause("HIS", 5.0)
    pumped.settle()
    assert clock.now() == 10.0


@pytest.mark.parametrize(("after", "pending"), [(False, 0), (True, 1)])
def test_a_power_cut_comes_at_the_commit_and_the_role_is_back_a_little_later(
    pumped, after, pending
):
    pumped.pump.wait(lambda: False, 5.0)
    told = []
    pumped.crash_at("HIS", crash(told, after=after))
    with pytest.raises(HarnessError):
        pumped.pump.command("HIS", "admit", ADMIT, 0.1)
    assert told == ["died"]
    assert not pumped.running("HIS")
    pumped.settle()
    assert told == ["died", "back"]
    assert pumped.pump.clock.now() == pytest.approx(5.0 + systems.RESTART_S)
    assert pumped.order("HIS", "pending", {}) == pending


def test_a_power_cut_that_did_not_come_is_called_off(pumped):
    told = []
    pumped.crash_at("HIS", crash(told))
    pumped.call_off()
    pumped.order("HIS", "admit", ADMIT)
    assert told == []


def test_addresses_and_routes(pumped):
    assert pumped.address("LIS", "his-lis") == "memory:LIS/his-lis"
    pumped.route("HIS", "his-lis", pumped.address("LIS", "his-lis"))
    pumped.order("HIS", "admit", ADMIT)
    assert pumped.pump.wait(lambda: pumped.order("HIS", "pending", {}) == 0, 20.0)


# -- as processes ----------------------------------------------------------------------------------


@pytest.fixture
def processes(tmp_path):
    before = set(threading.enumerate())
    made = InProcesses(OnlyRoles.of(built_in(), lambda role: role == "HIS"), Settings(tmp_path))
    made.start()
    yield made
    made.stop()
    assert not made.running("HIS")
    assert set(threading.enumerate()) <= before


@pytest.mark.slow
def test_a_process_dies_at_its_commit_and_comes_back_with_its_store(processes):
    address = processes.address("HIS", "lis-his")
    told = []
    processes.crash_at("HIS", crash(told, after=True))
    with pytest.raises(HarnessError):
        processes.order("HIS", "admit", ADMIT)
    processes.settle()
    assert told == ["died", "back"]
    assert processes.running("HIS")
    assert processes.address("HIS", "lis-his") == address
    assert processes.order("HIS", "pending", {}) == 1
    processes.settle()


@pytest.mark.slow
def test_a_cut_that_did_not_come_does_not_hit_the_next_scenario(processes):
    told = []
    processes.crash_at("HIS", crash(told))
    processes.settle()  # nothing is under way, so nothing is waited for
    processes.call_off()
    processes.order("HIS", "admit", ADMIT)
    processes.settle()
    assert processes.running("HIS")
    assert told == []
    assert processes.order("HIS", "pending", {}) == 1


@pytest.mark.slow
def test_killed_and_restarted(processes):
    processes.order("HIS", "admit", ADMIT)
    processes.kill("HIS")
    assert not processes.running("HIS")
    processes.restart("HIS")
    assert processes.order("HIS", "pending", {}) == 1
    processes.restart("HIS")
    assert processes.order("HIS", "pending", {}) == 1


def test_a_role_that_is_not_ours_has_no_process(tmp_path):
    made = InProcesses(built_in(), Settings(tmp_path))
    for act in (
        lambda: made.order("LIS", "pending", {}),
        lambda: made.crash_at("LIS", crash([])),
    ):
        with pytest.raises(Blocked, match="LIS"):
            act()


class FakeProcess:
    """A process that dies and starts as it is told, without one."""

    name = "LIS"

    def __init__(self, *, refuses=False, starts=True):
        self.ended = threading.Event()
        self.refuses = refuses
        self.starts = starts
        self.commands = []

    @property
    def running(self):
        return not self.ended.is_set()

    def wait_ended(self, timeout_s):
        return self.ended.wait(timeout_s)

    def command(self, name, args, timeout_s):
        self.commands.append(name)
        if self.refuses:
            raise HarnessError("no answer")

    def stop(self):
        self.ended.set()

    def start(self):
        if not self.starts:
            raise InputError("LIS did not start")
        self.ended.clear()


def faked(tmp_path, monkeypatch, **how):
    monkeypatch.setattr(systems, "RESTART_S", 0.0)
    made = InProcesses(built_in(), Settings(tmp_path))
    process = FakeProcess(**how)
    made._processes["LIS"] = process
    return made, process


def test_a_system_that_does_not_come_back_is_an_error_of_ours(tmp_path, monkeypatch):
    made, process = faked(tmp_path, monkeypatch, starts=False)
    told = []
    made.crash_at("LIS", crash(told))
    process.ended.set()
    with pytest.raises(HarnessError, match="did not come back: LIS did not start"):
        made.settle()
    assert told == ["died"]
    made.stop()


def test_a_cut_that_comes_while_it_is_called_off_counts(tmp_path, monkeypatch):
    made, process = faked(tmp_path, monkeypatch)
    told = []
    made.crash_at("LIS", crash(told))

    def dies(name, args, timeout_s):
        process.ended.set()
        raise HarnessError("gone")

    process.command = dies
    made.call_off()
    assert told == ["died", "back"]
    made.stop()


def test_a_system_that_refuses_to_call_off_is_an_error(tmp_path, monkeypatch):
    made, process = faked(tmp_path, monkeypatch)
    made.crash_at("LIS", crash([]))
    process.refuses = True
    with pytest.raises(HarnessError, match="no answer"):
        made.call_off()
    made.stop()


def test_a_cut_is_not_waited_for_without_end(tmp_path, monkeypatch):
    made, _ = faked(tmp_path, monkeypatch)
    monkeypatch.setattr(limits, "CRASH_TIMEOUT_S", 0.0)
    monkeypatch.setattr(limits, "POLL_S", 0.0)
    made.crash_at("LIS", crash([]))
    (revival,) = made._revivals
    revival.thread.join(60)
    assert not revival.thread.is_alive()
    made.settle()
    assert made._revivals == []
    made.stop()


def test_stopping_ends_who_waits_for_a_cut(tmp_path, monkeypatch):
    made, process = faked(tmp_path, monkeypatch)
    told = []
    made.crash_at("LIS", crash(told))
    (revival,) = made._revivals
    made.stop()
    assert not revival.thread.is_alive()
    assert told == []
    assert not process.running
