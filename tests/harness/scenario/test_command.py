"""What stands between the command line and pytest; whole commands are in ``test_cli.py``."""

import contextlib
import json
import os
import signal

import pytest
from small_features import FAILS, PASSES, feature

from harness.errors import HarnessError, InputError
from harness.scenario import command, plugin
from harness.scenario.command import Request


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.feature").write_text(feature(PASSES, FAILS), encoding="utf-8")
    return tmp_path


def request(**how):
    own = {"paths": ("a.feature",), "profile": "memory", "out": "out", "lang": "en"}
    return Request(**(own | how))


def test_the_command_that_asks_for_the_same_again(here):
    (here / "site.toml").write_text("x", encoding="utf-8")
    asked = request(
        paths=(str(here / "a.feature") + ":7", "scenarios/lab"),
        profile=str(here / "site.toml"),
        defects=("one", "two"),
        tags="@a and not @b",
        label="before",
        seed=5,
    )
    assert asked.command() == [
        "medharness", "run", "a.feature:7", "scenarios/lab", "--seed", "5",
        "--profile", "site.toml", "--defect", "one", "--defect", "two",
        "--tags", "@a and not @b", "--label", "before",
    ]  # fmt: skip


def test_what_is_special_to_a_shell_comes_back_whole(here):
    command.run(request(tags="not (@x or @y)", label='a "b" $c'))
    told = json.loads((here / "out" / "run.json").read_text(encoding="utf-8"))
    assert told["label"] == 'a "b" $c'
    assert told["command"][-4:] == ["--tags", "not (@x or @y)", "--label", 'a "b" $c']


def test_what_is_installed_or_set_here_has_no_say(here, monkeypatch):
    (here / "conftest.py").write_text("raise RuntimeError('must not be read')", encoding="utf-8")
    (here / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n", encoding="utf-8")
    (here / "test_other.py").write_text("def test_other(): assert False", encoding="utf-8")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--maxfail=1 -k nothing")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    assert command.run(request(paths=(".",))) == 1
    told = json.loads((here / "out" / "run.json").read_text(encoding="utf-8"))
    assert told["counts"]["pass"] == told["counts"]["fail"] == 1
    assert os.environ["PYTEST_ADDOPTS"] == "--maxfail=1 -k nothing"
    assert "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ


def test_folders_that_pytest_would_not_look_into_are_run(here):
    for name in ("build", "dist", ".hidden", "venv"):
        (here / "all" / name).mkdir(parents=True)
        text = feature(PASSES.replace("small-pass", f"in-{name.strip('.')}"), name=name)
        text = text.replace("应答一致", f"应答一致于{name}")
        (here / "all" / name / "a.feature").write_text(text, encoding="utf-8")
    assert command.run(request(paths=("all",))) == 0
    told = json.loads((here / "out" / "run.json").read_text(encoding="utf-8"))
    assert told["counts"]["pass"] == 4


def test_ctrl_c_is_130_and_what_ran_is_reported(here, monkeypatch, capsys):
    run = plugin.RunSession.run

    def interrupted(self, bound):
        if bound.scenario.id == "small-fail":
            raise KeyboardInterrupt
        return run(self, bound)

    monkeypatch.setattr(plugin.RunSession, "run", interrupted)
    assert command.run(request(json=True)) == 130
    told = json.loads(capsys.readouterr().out.rstrip().rsplit("\n", 1)[-1])
    assert told["exit_code"] == 130
    assert told["counts"] == {"pass": 1, "blocked": 1}


def test_ctrl_c_that_gets_lost_in_the_last_scenario_is_130_all_the_same(here, monkeypatch):
    """A callback of a C library swallows it; there is no next scenario that would look."""
    run = plugin.RunSession.run

    def swallowed(self, bound):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return run(self, bound)

    def last_only(self, bound):
        return (swallowed if bound.scenario.id == "small-fail" else run)(self, bound)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(plugin.RunSession, "run", last_only)
    try:
        assert command.run(request()) == 130
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_while_the_systems_are_stopped_is_130_and_what_ran_is_reported(here, monkeypatch):
    """By then pytest itself does not take it any more."""

    def interrupted(self, bound=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(plugin.RunSession, "stop", interrupted)
    monkeypatch.setattr(plugin.RunSession, "run", interrupted)
    assert command.run(request()) == 130
    told = json.loads((here / "out" / "run.json").read_text(encoding="utf-8"))
    assert told["counts"]["blocked"] == 2


def test_ctrl_c_that_gets_lost_while_scenarios_are_read_stops_the_run(here, monkeypatch):
    lint = command.lint_paths

    def swallowed(paths):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return lint(paths)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(command, "lint_paths", swallowed)
    try:
        assert command.run(request()) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    told = json.loads((here / "out" / "run.json").read_text(encoding="utf-8"))
    assert told["counts"]["blocked"] == 2


def test_an_error_of_the_report_after_ctrl_c_is_130(monkeypatch):
    """Not 2: the run was stopped, and nothing was wrong with what was asked for."""

    def swallowed(self, bound):
        signal.raise_signal(signal.SIGINT)

    def refused(folder, lang):
        raise InputError("the plan is wrong")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(plugin.RunSession, "run", swallowed)
    monkeypatch.setattr(command.report, "write", refused)
    try:
        with pytest.raises(KeyboardInterrupt):
            command.run(request())
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_before_anything_ran(monkeypatch):
    def interrupted(self, scenarios):
        raise KeyboardInterrupt

    monkeypatch.setattr(plugin.RunSession, "plan", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.run(request())


@pytest.mark.parametrize("error", [RuntimeError("our bug"), OSError(28, "No space left")])
def test_a_failure_of_ours_in_a_scenario_is_70_and_names_the_traces(
    monkeypatch, capsys, error, here
):
    run = plugin.RunSession.run

    def broken(self, bound):
        if bound.scenario.id == "small-fail":
            raise error
        return run(self, bound)

    monkeypatch.setattr(plugin.RunSession, "run", broken)
    assert command.run(request()) == 70
    out = capsys.readouterr().out
    assert str(error) in out
    assert str(here / "out" / "traces") in out


def test_a_failure_of_ours_outside_of_any_scenario_is_70(monkeypatch, capsys):
    def broken(self):
        raise RuntimeError("cannot stop")

    monkeypatch.setattr(plugin.RunSession, "run", lambda self, bound: broken(self))
    assert command.run(request()) == 70
    assert "cannot stop" in capsys.readouterr().out


def test_a_failure_of_ours_before_the_plan_is_no_input_error(monkeypatch):
    def broken(self, scenarios):
        raise RuntimeError("no plan")

    monkeypatch.setattr(plugin.RunSession, "plan", broken)
    with pytest.raises(HarnessError, match="no plan") as caught:
        command.run(request())
    assert not isinstance(caught.value, InputError)


@pytest.mark.parametrize("left", [HarnessError("they do not end"), ["a thread"]])
def test_systems_that_do_not_end_are_70_and_the_report_comes(monkeypatch, capsys, here, left):
    stop = plugin.RunSession.stop
    stops = []

    def broken(self):
        stop(self)
        stops.append(1)
        if len(stops) <= 2:  # over memory each scenario has a bench of its own
            return []
        if isinstance(left, list):
            return left
        raise left

    monkeypatch.setattr(plugin.RunSession, "stop", broken)
    assert command.run(request()) == 70
    assert ("a thread" if isinstance(left, list) else "they do not end") in capsys.readouterr().out
    assert (here / "out" / "report.html").is_file()


def kept(profile):
    how = command._systems_kept(command.RunSession(request(profile=profile).options()))
    return not isinstance(how, contextlib.nullcontext)


def test_systems_come_out_of_a_nursery_where_all_are_ours_and_processes(monkeypatch):
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    assert kept("builtin")
    assert not kept("memory")

    monkeypatch.setattr(command.RunSession, "only_simulated", False)
    assert not kept("builtin")
    monkeypatch.undo()
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "counts lines in each process that starts")
    assert not kept("builtin")
