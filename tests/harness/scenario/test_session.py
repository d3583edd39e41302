"""One run in one worker: what is refused, the plan on disk, systems up and down again."""

import json
import threading

import pytest
from engine import Sentences, command_expected, play

from harness import resources
from harness.clock import RealClock
from harness.errors import HarnessError, InputError, PermitError
from harness.evidence.verdict import Verdict
from harness.link.process import SimulatedProcess, python
from harness.scenario import session as module
from harness.scenario.hospital import Settings
from harness.scenario.session import RunSession, SessionOptions, refuse_used, run_folder
from simulators.feed.feed import Feed

TEXT = "    当 行动\n    那么 10秒内成立\n"


def sentences(do=lambda world: world.order("HIS", "pending")):
    return Sentences().when("行动", do).then("成立", lambda world: command_expected("pending"))


def options(folder, **how):
    return SessionOptions(**({"profile": "memory", "seed": 1, "folder": folder} | how))


# -- the folder ------------------------------------------------------------------------------------


def test_a_folder_of_its_own_for_each_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moment = RealClock().wall()
    monkeypatch.setattr(module.RealClock, "wall", lambda self: moment)
    first = run_folder("")
    first.mkdir(parents=True)
    second = run_folder("")
    assert first.parent == second.parent == tmp_path / "runs"
    assert second.name == f"{first.name}-2"
    assert run_folder("there") == tmp_path / "there"


def test_a_folder_that_holds_something_is_refused(tmp_path):
    refuse_used(tmp_path / "new")
    refuse_used(tmp_path)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for used in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError):
            refuse_used(used)


# -- what is refused -------------------------------------------------------------------------------


def test_good_options_are_not_refused(tmp_path):
    RunSession(options(tmp_path / "run", tags="@冒烟", defects=("lis-drops-unit",))).check()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "how", [{"tags": "("}, {"defects": ("no-such",)}, {"profile": "nowhere"}], ids=str
)
def test_bad_options_are_refused(tmp_path, how):
    with pytest.raises(InputError):
        RunSession(options(tmp_path / "run", **how)).check()


def test_a_defect_is_a_fault_and_production_permits_none(tmp_path):
    profile = tmp_path / "site.toml"
    text = resources.fixture("profiles", "memory.toml").read_text(encoding="utf-8")
    profile.write_text(text.replace('"test"', '"production"'), encoding="utf-8")
    RunSession(options(tmp_path / "run", profile=str(profile))).check()
    with pytest.raises(PermitError):
        RunSession(
            options(tmp_path / "run", profile=str(profile), defects=("lis-drops-unit",))
        ).check()


def test_tags_choose(tmp_path):
    own = RunSession(options(tmp_path, tags="@a and not @b"))
    assert own.wants(["@a"])
    assert not own.wants(["@a", "@b"])


# -- the plan --------------------------------------------------------------------------------------


def test_the_plan_is_written_once(tmp_path):
    folder = tmp_path / "run"
    RunSession(options(folder, label="before", defects=("lis-drops-unit",))).plan([])
    first = (folder / "plan.json").read_bytes()
    RunSession(options(folder, label="after")).plan([])
    assert (folder / "plan.json").read_bytes() == first
    plan = json.loads(first)
    assert plan["label"] == "before"
    assert plan["profile"]["transport"] == "memory"
    assert plan["defects"] == ["lis-drops-unit"]
    assert {one["role"] for one in plan["systems"]} == {"LIS", "HIS", "ENGINE", "centre"}
    assert plan["requirements"]
    assert plan["interfaces"]
    assert [path.name for path in folder.iterdir()] == ["plan.json"]


# -- systems ---------------------------------------------------------------------------------------


def scratch_folders(monkeypatch, tmp_path):
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    return lambda: list(tmp_path.glob("medharness-*"))


def test_two_runs_over_memory_leave_no_thread_and_no_file(tmp_path, monkeypatch):
    left = scratch_folders(monkeypatch, tmp_path)
    before = set(threading.enumerate())
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        assert play(folder, TEXT, sentences())[0].verdict is Verdict.PASS
    assert set(threading.enumerate()) == before
    assert left() == []


@pytest.mark.slow
def test_two_runs_over_tcp_leave_no_thread_and_no_file(tmp_path, monkeypatch):
    left = scratch_folders(monkeypatch, tmp_path)
    before = set(threading.enumerate())

    def upload(world):
        world.order("HIS", "admit", patient_id=world.person("甲").patient_id, name="测试", sex="F",
                    birth="19800101", id_card="")  # fmt: skip
        world.order("HIS", "pending")

    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        conclusion, _ = play(folder, TEXT, sentences(upload), profile="builtin")
        assert conclusion.verdict is Verdict.PASS, conclusion.reasons
    assert set(threading.enumerate()) == before
    assert left() == []


@pytest.mark.slow
def test_a_system_that_ended_unasked_is_there_again_for_the_next_scenario(tmp_path):
    own = RunSession(options(tmp_path / "run", profile="builtin"))
    lost = []

    def kill(world):
        if not lost:
            lost.append(True)
            world.bench.systems.kill("LIS")
        world.order("LIS", "pending")

    try:
        first, _ = play(tmp_path, TEXT, sentences(kill), session=own)
        second, _ = play(tmp_path, TEXT, sentences(kill), session=own)
    finally:
        own.stop()
    assert first.verdict is Verdict.ERROR
    assert second.verdict is Verdict.PASS, second.reasons


def test_systems_that_do_not_start_block_every_scenario(tmp_path, monkeypatch):
    tries = []

    def start(self):
        tries.append(1)
        raise HarnessError("LIS did not start: no room")

    monkeypatch.setattr(module.Bench, "start", start)
    own = RunSession(options(tmp_path / "run"))
    for _ in range(2):
        conclusion, _ = play(tmp_path, TEXT, sentences(), session=own)
        assert conclusion.verdict is Verdict.BLOCKED
        assert conclusion.reasons == ("LIS did not start: no room",)
    assert len(tries) == 1
    own.stop()


def test_a_scenario_without_its_interface_is_not_applicable(tmp_path):
    profile = tmp_path / "site.toml"
    profile.write_text(
        'format = 1\nname = "小"\nenvironment = "test"\ntransport = "memory"\n'
        '[systems.LIS]\nmode = "simulated"\n',
        encoding="utf-8",
    )
    conclusion, records = play(tmp_path, TEXT, sentences(), profile=str(profile))
    assert conclusion.verdict is Verdict.NOT_APPLICABLE
    assert [one["kind"] for one in records] == ["open", "note", "seal"]


REAL = """
format = 1
name = "真实的 LIS"
environment = "test"
transport = "tcp"
[systems.LIS]
mode = "real"
product = "示例"
version = "1"
[systems.HIS]
mode = "simulated"
[endpoints.his-lis]
interface = "HIS-ORD"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "{host}"
port = {port}
[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
port = 16789
forwards = false
"""


@pytest.mark.slow
def test_a_real_system_is_talked_to_and_neither_started_nor_commanded(tmp_path):
    """Another process stands for the real LIS; the run knows nothing but its address."""
    config = Settings(tmp_path).config("LIS")
    config["listen"] = {"his-lis": {"host": "127.0.0.1", "port": 0}}
    lis = SimulatedProcess("LIS", python("simulators.hospital"), config)
    lis.start()
    try:
        address = lis.addresses["his-lis"]
        profile = tmp_path / "site.toml"
        profile.write_text(REAL.format(host=address.host, port=address.port), encoding="utf-8")

        def ask(world):
            assert list(world.bench.systems.hospital.roles) == ["HIS"]
            world.join("测试端HIS", Feed("HIS", world.clock), "his-lis")
            payload = b"MSH|^~\\&|HIS|H|LIS|H|20260105080000||QRY^A19|C1|P|2.5.1\r"
            world.tell("测试端HIS", "send", 5.0, link="his-lis", payload=payload.hex())
            world.order("HIS", "pending")

        conclusion, records = play(tmp_path, TEXT, sentences(ask), profile=str(profile))
        assert conclusion.verdict is Verdict.PASS, conclusion.reasons
        assert any(one["kind"] == "message" and one["frm"] == "LIS" for one in records)
        assert lis.running
    finally:
        lis.stop()
