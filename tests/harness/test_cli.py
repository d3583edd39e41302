"""The command line as a user meets it: exit codes, texts in both languages, JSON, refusals."""

import argparse
import importlib
import json
import os
import pkgutil
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import harness.commands
from harness import cli, i18n
from harness.commands import scenarios
from harness.errors import HarnessError

SMALL = Path(__file__).resolve().parent / "scenario" / "small_features.py"
COMMANDS = ("run", "lint", "steps", "init", "doctor", "simulate", "report", "selfcheck")


F = runpy.run_path(str(SMALL))  # no test folder is a package, so by its path
feature, line_of = F["feature"], F["line_of"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder as the current one, and the language restored."""
    before = i18n.current()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    i18n.use(before)


@pytest.fixture
def medharness(capsys):
    """Run a command; returns exit code, standard output and error output."""

    def run(*words):
        try:
            code = cli.main(list(words))
        except SystemExit as ended:  # argparse ends --help and --version so
            code = ended.code
        done = capsys.readouterr()
        return code, done.out, done.err

    return run


def write(name, *scenarios, title="小样"):
    text = feature(*scenarios, name=title)
    Path(name).write_text(text, encoding="utf-8")
    return text


def last_json(out):
    return json.loads(out.rstrip("\n").rsplit("\n", 1)[-1])


def run_json(folder="out"):
    return json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))


# -- exit codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "verdict", "code"),
    [
        ("PASSES", "pass", 0),
        ("FAILS", "fail", 1),
        ("NEVER_FIRES", "inconclusive", 3),
        ("STEP_RAISES", "error", 70),
    ],
)
def test_the_exit_code_is_that_of_the_verdict(medharness, scenario, verdict, code):
    write("a.feature", F[scenario])
    found, out, _ = medharness(
        "run", "a.feature", "--profile", "memory", "--out", "out", "--json", "--lang", "en"
    )
    assert found == code
    told = last_json(out)
    assert told == {
        "verdict": verdict,
        "counts": {verdict: 1},
        "out": str(Path("out").resolve()),
        "exit_code": code,
    }
    assert run_json()["verdict"] == verdict


def test_the_gravest_verdict_decides_and_every_file_is_written(medharness):
    write("a.feature", F["PASSES"], F["ROWS"], F["FAILS"], F["NEVER_FIRES"])
    code, out, _ = medharness(
        "run", "a.feature", "--profile", "memory", "--out", "out", "--lang", "en"
    )
    assert code == 1
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "evidence.zip",
        "junit.xml",
        "plan.json",
        "report.html",
        "run.json",
        "traces",
    ]
    assert run_json()["counts"]["pass"] == 3
    assert "5 scenarios" in out
    assert "HIS-ORD hl7 MSA-1: expected AR, got AA" in out
    assert "the planned fault F1 never fired" in out


def test_verbose_tells_findings_as_they_come(medharness):
    write("a.feature", F["FAILS"])
    args = ("run", "a.feature", "--profile", "memory", "--lang", "en")
    _, quiet, _ = medharness(*args, "--out", "one")
    _, loud, _ = medharness(*args, "--out", "two", "-v")
    assert "AR ≠ AA" in loud
    assert "AR ≠ AA" not in quiet


def test_an_unreachable_system_blocks(medharness):
    write("a.feature", F["PASSES"])
    Path("site.toml").write_text(UNREACHABLE, encoding="utf-8")
    code, _, _ = medharness("run", "a.feature", "--profile", "site.toml", "--out", "out")
    assert code == 3
    (scenario,) = run_json()["scenarios"]
    assert scenario["verdict"] == "blocked"
    assert "LIS" in scenario["reasons"][0]


# Port 9 of this machine: discard (RFC 863), which no system runs by default any more.
UNREACHABLE = """
format = 1
name = "够不着的医院"
environment = "test"
transport = "tcp"
[systems.LIS]
mode = "real"
product = "示例 LIS"
version = "1"
[systems.HIS]
mode = "simulated"
[privacy]
plain = "王主任，信息科"
[endpoints.his-lis]
interface = "HIS-ORD"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = 9
"""


# -- refusals: nothing runs ------------------------------------------------------------------------


def refused(medharness, *words):
    code, out, err = medharness("run", *words, "--profile", "memory", "--out", "out")
    assert code == 2, (out, err)
    assert not Path("out").exists()
    return err


def test_all_problems_of_all_files_are_told_at_once(medharness):
    first = write(
        "a.feature",
        F["PASSES"].replace("@REQ-FEED-006", "@REQ-FEED-999"),
        F["JUDGES_NOTHING"],
        title="甲",
    )
    second = write("b.feature", F["FAILS"].replace("向LIS发送", "给LIS送去"), title="乙")
    err = refused(medharness, "a.feature", "b.feature", "--lang", "en")
    for where in (
        f"a.feature:{line_of(first, '应答一致')}: unknown requirement: @REQ-FEED-999",
        f"a.feature:{line_of(first, '什么也不判断')}: ",
        f"b.feature:{line_of(second, '给LIS送去')}: no step knows this sentence",
    ):
        assert where in err


def test_an_unknown_defect_is_refused_with_what_was_meant(medharness):
    write("a.feature", F["PASSES"])
    assert "lis-drops-unit" in refused(medharness, "a.feature", "--defect", "lis-drop-unit")


def test_a_tag_expression_that_cannot_be_read_is_refused(medharness):
    write("a.feature", F["PASSES"])
    assert "@a and" in refused(medharness, "a.feature", "--tags", "@a and")


@pytest.mark.parametrize("jobs", ["0", "-1", "65", "two"])
def test_jobs_out_of_bounds_are_refused(medharness, jobs):
    write("a.feature", F["PASSES"])
    refused(medharness, "a.feature", "--jobs", jobs)


def test_real_systems_are_not_shared_by_workers(medharness):
    write("a.feature", F["PASSES"])
    Path("site.toml").write_text(UNREACHABLE, encoding="utf-8")
    code, _, err = medharness(
        "run", "a.feature", "--profile", "site.toml", "--jobs", "2", "--lang", "en"
    )
    assert code == 2
    assert "real systems" in err


@pytest.mark.parametrize("args", [("--tags", "@没有"), ("--tags", "not @冒烟")])
def test_no_scenario_chosen_is_refused(medharness, args):
    write("a.feature", F["PASSES"])
    assert "no scenario" in refused(medharness, "a.feature", *args, "--lang", "en")


def test_a_line_without_a_scenario_is_refused(medharness):
    write("a.feature", F["PASSES"])
    assert "no scenario" in refused(medharness, "a.feature:999", "--lang", "en")


def test_every_path_that_leads_nowhere_is_told(medharness):
    err = refused(medharness, "one.feature", "two", "scenarios/none.feature:3")
    assert "one.feature" in err
    assert "two" in err
    assert "scenarios/none.feature" in err


def test_an_unknown_profile_is_refused(medharness):
    write("a.feature", F["PASSES"])
    code, _, err = medharness("run", "a.feature", "--profile", "nowhere.toml", "--lang", "en")
    assert code == 2
    assert "nowhere.toml" in err


@pytest.mark.parametrize("name", ["out", "file"])
def test_a_run_folder_that_holds_something_is_refused(medharness, name):
    write("a.feature", F["PASSES"])
    Path("out").mkdir()
    Path("out/old").write_text("x", encoding="utf-8")
    Path("file").write_text("x", encoding="utf-8")
    code, _, err = medharness("run", "a.feature", "--profile", "memory", "--out", name)
    assert code == 2
    assert name in err
    assert Path("out/old").read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(
    "words", [(), ("nothing",), ("run", "--nonsense"), ("report",), ("run", "--see", "5")]
)
def test_a_wrong_command_line_is_refused(medharness, words):
    code, _, err = medharness(*words)
    assert code == 2
    assert "medharness" in err or not words


def test_a_wrong_command_line_is_json_too(medharness):
    code, out, _ = medharness("report", "--json", "--lang", "en")
    assert code == 2
    assert last_json(out)["exit_code"] == 2
    assert "RUN" in last_json(out)["error"]


# -- the plan and the way back ---------------------------------------------------------------------


def test_no_path_of_this_machine_stands_in_a_report(medharness, here):
    Path("sub").mkdir()
    write("sub/a.feature", F["ROWS"])
    profile = Path("sub/site.toml").resolve()
    profile.write_text(MEMORY_HIS_LIS, encoding="utf-8")
    medharness("run", str(Path("sub").resolve()), "--profile", str(profile), "--out", "out")
    assert [one["file"] for one in run_json()["scenarios"]] == ["sub/a.feature"] * 2
    assert run_json()["command"][:3] == ["medharness", "run", "sub"]
    for name in ("plan.json", "run.json", "junit.xml", "report.html"):
        assert str(here) not in (Path("out") / name).read_text(encoding="utf-8"), name
    for path in Path("out/traces").iterdir():
        assert str(here) not in path.read_text(encoding="utf-8")


MEMORY_HIS_LIS = """
format = 1
name = "小医院"
environment = "test"
transport = "memory"
[systems.LIS]
mode = "simulated"
[systems.HIS]
mode = "simulated"
[endpoints.his-lis]
interface = "HIS-ORD"
from = "HIS"
to = "LIS"
protocol = "mllp"
transport = "memory"
via = "relay"
[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
transport = "memory"
via = "relay"
"""


def reproduced(medharness, junit):
    """Run the line that a report gives; returns what came of it."""
    line = next(text for text in junit.splitlines() if "medharness run " in text)
    words = shlex.split(line[line.index("medharness run ") :].split("<")[0])
    medharness(*words[1:], "--out", "again")
    return run_json("again")


def test_the_line_that_reproduces_a_row_runs_that_row(medharness):
    text = write("a.feature", F["PASSES"], F["ROWS"].replace("| AE ", "| AA "))
    medharness("run", "a.feature", "--profile", "memory", "--out", "out", "--seed", "7")
    again = reproduced(medharness, Path("out/junit.xml").read_text(encoding="utf-8"))
    (scenario,) = again["scenarios"]
    assert scenario["line"] == line_of(text, "没有患者号的登记")
    assert scenario["verdict"] == "fail"
    first = next(one for one in run_json()["scenarios"] if one["verdict"] == "fail")
    assert scenario["seed"] == first["seed"]
    assert scenario["findings"] == first["findings"]


@pytest.mark.slow
def test_a_scenario_that_ships_is_reproduced_from_anywhere(medharness):
    ship = ("run", "scenarios/lab/upload.feature", "--defect", "lis-drops-unit")
    code, _, _ = medharness(*ship, "--profile", "memory", "--out", "out")
    assert code == 1
    again = reproduced(medharness, Path("out/junit.xml").read_text(encoding="utf-8"))
    (scenario,) = again["scenarios"]
    assert scenario["file"] == "scenarios/lab/upload.feature"
    assert scenario["verdict"] == "fail"


def test_two_default_run_folders_of_one_second_do_not_mix(medharness):
    write("a.feature", F["PASSES"])
    for _ in range(2):
        assert medharness("run", "a.feature", "--profile", "memory")[0] == 0
    folders = list(Path("runs").iterdir())
    assert len(folders) == 2
    assert all((folder / "run.json").is_file() for folder in folders)


# -- report ----------------------------------------------------------------------------------------


def test_report_renders_again_and_keeps_the_verdict(medharness):
    write("a.feature", F["PASSES"], F["FAILS"])
    medharness("run", "a.feature", "--profile", "memory", "--out", "out")
    before = Path("out/run.json").read_bytes()
    Path("out/report.html").unlink()
    code, out, _ = medharness("report", "out", "--json", "--lang", "en")
    assert code == 1
    assert last_json(out)["verdict"] == "fail"
    assert Path("out/report.html").is_file()
    assert Path("out/run.json").read_bytes() == before


def test_report_names_what_did_not_run(medharness):
    write("a.feature", F["PASSES"], F["ROWS"])
    medharness("run", "a.feature", "--profile", "memory", "--out", "out")
    Path("out/traces/small-pass.jsonl").unlink()
    code, out, _ = medharness("report", "out", "--lang", "en")
    assert code == 3
    assert "应答一致" in out
    assert "not run" in out


def test_report_of_no_run_folder_is_refused(medharness, here):
    code, _, err = medharness("report", str(here), "--lang", "en")
    assert code == 2
    assert "not a run folder" in err


# -- lint, steps, init, doctor ---------------------------------------------------------------------


def test_lint_tells_problems_and_exits_2(medharness):
    write("a.feature", F["JUDGES_NOTHING"])
    code, out, _ = medharness("lint", "a.feature", "--lang", "en", "--json")
    assert code == 2
    assert "a.feature:7: " in out
    assert last_json(out) == {"scenarios": 1, "problems": 1, "exit_code": 2}


def test_lint_of_good_scenarios_exits_0(medharness):
    write("a.feature", F["PASSES"], F["ROWS"])
    code, out, _ = medharness("lint", "a.feature", "--json")
    assert code == 0
    assert last_json(out) == {"scenarios": 3, "problems": 0, "exit_code": 0}


def test_lint_counts_what_ships_by_pillar(medharness):
    code, out, _ = medharness("lint", "--counts", "--json", "--lang", "en")
    told = last_json(out)
    pillars = ["lab", "feeds", "imaging", "insurance", "ledger"]
    assert code == 0
    assert list(told["scenarios"]) == pillars
    assert list(told["fault_classes"]) == pillars
    assert told["scenarios"]["lab"]["total"] > 5
    assert told["scenarios"]["feeds"]["total"] > 5
    assert set(told["scenarios"]["lab"]) == {"total", "counting"}
    assert set(told["fault_classes"]["lab"]) == {"listed", "provoked", "detected"}


def test_steps_prints_the_catalogue(medharness):
    code, out, _ = medharness("steps", "--lang", "en")
    assert code == 0
    assert out.startswith("# Step catalogue")
    code, out, _ = medharness("steps", "--json")
    assert {step["id"] for step in last_json(out)["steps"]} >= {"faults.frame", "faults.message"}


def test_init_writes_a_profile_once(medharness):
    code, out, _ = medharness("init", "site.toml", "--json")
    assert code == 0
    assert last_json(out) == {"written": "site.toml", "exit_code": 0}
    before = Path("site.toml").read_bytes()
    assert medharness("init", "site.toml")[0] == 2
    assert Path("site.toml").read_bytes() == before


def test_doctor_looks_at_a_profile(medharness):
    code, out, _ = medharness("doctor", "--profile", "memory", "--json")
    assert code == 0
    told = last_json(out)
    assert told["exit_code"] == 0
    assert all(set(row) >= {"name", "status", "detail"} for row in told["checks"])


def test_doctor_fails_where_a_system_cannot_be_reached(medharness):
    Path("site.toml").write_text(UNREACHABLE, encoding="utf-8")
    code, out, _ = medharness("doctor", "--profile", "site.toml", "--json")
    assert code == 1
    assert "fail" in {row["status"] for row in last_json(out)["checks"]}


def test_a_simulator_that_is_not_installed_is_refused(medharness):
    code, _, err = medharness("simulate", "coffee-machine", "--lang", "en")
    assert code == 2
    assert "coffee-machine" in err


# -- languages and help ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_in_both_languages(medharness, command):
    code, english, _ = medharness(command, "--help", "--lang=en")
    assert code == 0
    assert english.startswith(f"usage: medharness {command} ")
    assert english.isascii() or command == "run", "only the sample of a tag is Chinese"
    code, chinese, _ = medharness(command, "--help", "--lang", "zh-CN")
    assert code == 0
    assert f"medharness {command} " in chinese
    described = english.split("\n\n")[1]
    assert described.strip()
    assert described not in chinese


def test_version(medharness):
    code, out, _ = medharness("--version")
    assert code == 0
    assert out.startswith("medharness ")


def test_the_language_of_a_run_is_chosen(medharness):
    write("a.feature", F["FAILS"])
    args = ("run", "a.feature", "--profile", "memory")
    _, english, _ = medharness(*args, "--out", "en", "--lang", "en")
    _, chinese, _ = medharness(*args, "--out", "zh", "--lang", "zh-CN")
    assert "Verdict: ✘ failed" in english
    assert "结论：✘ 不通过" in chinese
    assert run_json("en")["lang"] == "en"
    assert run_json("zh")["lang"] == "zh-CN"


def test_the_language_comes_from_the_machine_otherwise(medharness, monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert "no such file" in medharness("lint", "nowhere")[2]
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "no such file" not in medharness("lint", "nowhere")[2]
    assert medharness("lint", "nowhere", "--lang", "xx")[0] == 2


# -- the last resorts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped by the user"),
        (HarnessError("broken", where="here:1"), 70, "here:1: broken"),
        (ZeroDivisionError("by us"), 70, "ZeroDivisionError: by us"),
    ],
)
def test_whatever_is_raised_gets_its_code_and_its_json(medharness, monkeypatch, raised, code, said):
    def fail(_):
        raise raised

    monkeypatch.setattr(scenarios, "_steps", fail)
    found, out, err = medharness("steps", "--json", "--lang", "en")
    assert found == code
    assert said in err
    assert last_json(out)["exit_code"] == code
    assert said in last_json(out)["error"]


def test_it_is_a_module_too():
    done = subprocess.run(
        [sys.executable, "-m", "harness", "--version"],
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith("medharness ")


@pytest.mark.parametrize("group", list(cli.GROUPS))
def test_each_group_adds_the_commands_that_are_said_of_it(group):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    importlib.import_module(f"harness.commands.{group}").add(commands)

    assert tuple(commands.choices) == tuple(cli.GROUPS[group])


def test_every_module_of_commands_is_a_group():
    names = {one.name for one in pkgutil.iter_modules(harness.commands.__path__)}

    assert names == {"common", *cli.GROUPS}


def test_a_command_imports_what_it_does_and_not_what_others_do():
    """What it costs every user of every command to start; in a process of its own."""
    code = (
        "import sys\nfrom harness.cli import main\n"
        "try: main(['lint', '--help'])\nexcept SystemExit: pass\n"
        "import simulators.hospital.__main__\n"
        "print(*sorted({'harness.commands.cases', 'harness.cases.replay', 'duckdb', 'pydicom',"
        " 'pynetdicom', 'numpy', 'hl7apy', 'sqlalchemy', 'harness.commands.scenarios'}"
        " & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )

    assert done.stdout.splitlines()[-1] == "harness.commands.scenarios"
