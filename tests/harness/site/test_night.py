"""The plan of a night: order, budget, people, wiring sheet, points of decision; retention."""

import csv
import datetime as dt
import json

import hands
import pytest
from engine import Sentences, command_expected

from harness.cli import main
from harness.clock import CHINA
from harness.commands.night import seconds
from harness.errors import InputError
from harness.i18n import tr
from harness.night.plan import plan, write
from harness.night.purge import purge
from harness.profile import load_profile
from harness.scenario.binding import load
from harness.scenario.steps import Registry, load_libraries

FEATURES = """# language: zh-CN
功能: 夜
  负责人: 测试组
{}"""

ONE = """
  @接口-{interface} @REQ-{requirement} @id-{ident} {tags}
  场景: {ident}
    当 行动
    那么 10秒内成立
"""

SITE = """
format = 1
name = "夜"
environment = "test"
[systems.LIS]
mode = "real"
[systems.HIS]
mode = "real"
worked_by = "person"
[systems.centre]
mode = "simulated"
[endpoints.analyzer-lis]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
host = "192.0.2.10"
port = 5001
[endpoints.his-centre]
interface = "HIS-YB"
from = "HIS"
to = "centre"
protocol = "http"
port = 9001
[probes.lis]
owner = "Li, 8001"
reach = "stored"
role = "LIS"
kind = "carried"
url = "folder:dba"
query = "SELECT 1"
"""


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    return load_profile(str(path))


@pytest.fixture
def bound(tmp_path):
    wanted = [
        ("rest", "LIS-ASTM", "LAB-001", ""), ("lab-identity-x", "LIS-ASTM", "LAB-001", ""),
        ("settle", "HIS-YB", "YB-001", ""), ("first", "LIS-ASTM", "LAB-001", "@冒烟"),
        ("elsewhere", "HIS-ORD", "FEED-006", "@冒烟"),
    ]  # fmt: skip
    text = "".join(
        ONE.format(ident=ident, interface=interface, requirement=requirement, tags=tags)
        for ident, interface, requirement, tags in wanted
    )
    path = tmp_path / "night.feature"
    path.write_text(FEATURES.format(text), encoding="utf-8")
    library = Sentences().when("行动", admit).then("成立", lambda _: command_expected("x"))
    return load([path], Registry([library.library]))


def admit(world):
    """One card, where a person works at the HIS."""
    world.order("HIS", "admit", patient_id="1")


def counted(folder, site, text, **sentences):
    """The cards that the plan counts for one scenario of own sentences."""
    path = folder / "one.feature"
    head = ONE.format(interface="LIS-ASTM", requirement="LAB-001", ident="one", tags="")
    path.write_text(FEATURES.format(head.replace("    当 行动\n", text)), encoding="utf-8")
    library = Sentences().then("成立", lambda _: command_expected("x"))
    for name, act in sentences.items():
        (library.given if name.startswith("假") else library.when)(name, act)
    (item,) = plan(load([path], Registry([library.library])), site, 3600.0).items
    return item.cards, item.seconds


def test_what_our_devices_do_costs_nobody_a_minute(tmp_path, site):
    opened = []

    def upload(world):
        world.tell("a1", "upload", 1.0)
        opened.append(True)

    def call(world):
        world.guard.opens(None, "127.0.0.1", 9)
        opened.append(True)

    text = "    假如 假一\n    当 上传\n    当 呼叫\n    当 行动\n"
    assert counted(tmp_path, site, text, 假一=admit, 上传=upload, 呼叫=call, 行动=admit) == (
        2, 260.0,
    )  # fmt: skip
    assert opened == [], "nothing on paper reaches a system"


def test_a_sentence_without_a_card_and_a_broken_one_count_nothing(tmp_path, site):
    def unknown(world):
        world.order("HIS", "no-such-command")

    def broken(world):
        raise KeyError("left out before")

    text = "    当 未知\n    当 坏了\n    当 行动\n"
    assert counted(tmp_path, site, text, 未知=unknown, 坏了=broken, 行动=admit) == (1, 140.0)


def test_where_nobody_works_by_hand_there_are_no_cards(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE.replace('worked_by = "person"', 'version = "1"'), encoding="utf-8")
    text = "    当 行动\n"
    assert counted(tmp_path, load_profile(str(path)), text, 行动=admit) == (0, 20.0)


def test_the_preparation_of_a_shipped_sentence_is_two_cards(tmp_path, site):
    path = tmp_path / "own.feature"
    path.write_text(hands.FEATURE, encoding="utf-8")
    (item,) = plan(load([path], load_libraries()), site, 3600.0).items
    assert (item.cards, item.seconds) == (2, 260.0), "admission and order; the upload is ours"


def test_smoke_then_money_and_identity_then_the_rest(bound, site):
    made = plan(bound, site, 3600.0)
    assert [one.ident for one in made.items] == ["first", "lab-identity-x", "settle", "rest"]
    assert made.apart == ("elsewhere",)
    assert all(one.cards == 1 and one.seconds == 140.0 for one in made.items)
    assert len(made.people) == 4
    stages = [one.after for one in made.decisions]
    assert stages == ["smoke", "money and identity", "rest", ""]
    assert [one.minute for one in made.decisions] == [3, 7, 10, 30]


def test_what_does_not_fit_is_named_and_what_was_measured_counts(bound, site):
    made = plan(bound, site, 300.0, measured={"first": 1.0}, rollback_s=60.0)
    assert [(one.ident, one.fits) for one in made.items] == [
        ("first", True), ("lab-identity-x", True), ("settle", False), ("rest", False),
    ]  # fmt: skip
    assert [one.measured for one in made.items] == [True, False, False, False]
    assert made.items[0].seconds == 121.0
    assert made.decisions[-1].minute == 4


def test_the_wiring_sheet_names_what_points_at_us_and_is_never_overwritten(bound, site, tmp_path):
    write(plan(bound, site, 3600.0), tmp_path / "night")
    with (tmp_path / "night" / "wiring.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [tuple(one.values()) for one in rows] == [
        ("analyzer-lis", "LIS", tr("IP white list"), "", tr("address of this machine"), ""),
        ("his-centre", "HIS", tr("address"), "", "127.0.0.1:9001", ""),
    ]
    with pytest.raises(InputError):
        write(plan(bound, site, 3600.0), tmp_path / "night")


def test_nothing_to_plan_is_an_error(site):
    with pytest.raises(InputError):
        plan([], site, 60.0)


@pytest.mark.parametrize(("text", "wanted"), [("90m", 5400.0), ("2h", 7200.0), ("15", 900.0)])
def test_times(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "0m", "m", "1.5h", "90s", "-1m"])
def test_no_times(text):
    with pytest.raises(InputError):
        seconds(text)


def test_the_command_plans_what_ships(tmp_path, capsys):
    out = tmp_path / "night"
    code = main(["plan", "scenarios/lab/upload.feature", "--out", str(out), "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert told["fits"] > 0
    assert {one.name for one in out.iterdir()} == {
        "night.csv", "batches.csv", "decisions.csv", "wiring.csv",
    }  # fmt: skip


# -- retention -------------------------------------------------------------------------------------

NOW = dt.datetime(2026, 7, 1, tzinfo=CHINA)


@pytest.fixture
def runs(tmp_path):
    base = tmp_path / "runs"
    for name, started in {
        "old": "2026-01-01T00:00:00+08:00", "new": "2026-06-30T00:00:00+08:00",
    }.items():  # fmt: skip
        (base / name / "traces").mkdir(parents=True)
        (base / name / "plan.json").write_text(json.dumps({"started": started}), encoding="utf-8")
    (base / "no run").mkdir()
    (base / "no run" / "plan.json").write_text("{}", encoding="utf-8")
    return base


def test_only_runs_older_than_the_retention_go(runs):
    (runs / "old" / "carried").mkdir()
    (runs / "old" / "carried" / "stay-0001.csv.sealed").write_bytes(b"what a person carried")
    assert [one.name for one in purge(runs, 90, really=False, now=NOW)] == ["old"]
    assert (runs / "old").is_dir()
    purge(runs, 90, really=True, now=NOW)
    assert sorted(one.name for one in runs.iterdir()) == ["new", "no run"]


def test_a_link_is_not_followed(runs, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (runs / "old").rename(elsewhere)
    try:
        (runs / "old").symlink_to(elsewhere, target_is_directory=True)
    except OSError:
        pytest.skip("this account may not make links")
    assert purge(runs, 90, really=True, now=NOW) == []
    assert (elsewhere / "plan.json").is_file()


def test_the_command_lists_before_it_removes(runs, tmp_path, capsys):
    site = tmp_path / "site.toml"
    text = SITE + "[privacy]\nretention_days = 1\n"
    site.write_text(text, encoding="utf-8")
    assert main(["purge", str(runs), "--profile", str(site)]) == 0
    assert (runs / "old").is_dir()
    assert main(["purge", str(runs), "--profile", str(site), "--yes", "--json"]) == 0
    assert not (runs / "old").exists()
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["removed"] is True
    assert main(["purge", str(tmp_path / "none")]) == 2
