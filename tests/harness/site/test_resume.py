"""Going on with a run: what is left runs, what failed runs again, every attempt stays visible."""

import json
import shutil

import pytest

from harness.cli import main

FEATURE = "scenarios/lab/upload.feature"


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A run over memory in which a defect made one scenario fail."""
    folder = tmp_path_factory.mktemp("resume") / "run"
    code = main(["run", f"{FEATURE}:7", f"{FEATURE}:24", "--profile", "memory",
                 "--defect", "lis-drops-unit", "--out", str(folder)])  # fmt: skip
    assert code in {0, 1}
    return folder


@pytest.fixture
def run(failed, tmp_path):
    return shutil.copytree(failed, tmp_path / "run")


def scenarios(folder):
    data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return {one["id"]: one for one in data["scenarios"]}


def resume(folder, *more):
    return main(["run", "--resume", str(folder), "--profile", "memory", *more])


def no_defect(folder):
    """What the hospital mended in between."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan["defects"] = []
    (folder / "plan.json").write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")


@pytest.mark.slow
def test_a_scenario_without_a_seal_runs_and_nothing_else(run):
    first = next(iter(scenarios(run)))
    path = run / "traces" / f"{first}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    others = {one.name: one.read_bytes() for one in path.parent.glob("*.jsonl") if one != path}

    resume(run)

    assert (run / "attempts" / "1" / "traces" / path.name).is_file()
    assert {name: (path.parent / name).read_bytes() for name in others} == others
    assert any("cut off" in one for one in scenarios(run)[first]["reasons"])
    assert set(scenarios(run)) == {one.stem for one in path.parent.glob("*.jsonl")}


@pytest.mark.slow
def test_what_failed_runs_again_and_both_attempts_are_told(run):
    bad = [ident for ident, one in scenarios(run).items() if one["verdict"] == "fail"]
    assert bad, "the defect must have failed something"
    no_defect(run)

    assert resume(run, "--rerun-failed") == 0

    for ident in bad:
        assert scenarios(run)[ident]["verdict"] == "pass"
        assert any("fail" in one for one in scenarios(run)[ident]["reasons"])
        assert (run / "attempts" / "1" / "traces" / f"{ident}.jsonl").is_file()


def test_a_run_that_is_whole_has_nothing_left(run, capsys):
    assert resume(run) == 2
    assert "--rerun-failed" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--tags", "@x"], ["--out", "x"], [FEATURE]])
def test_resume_takes_no_other_choice(run, more, capsys):
    assert resume(run, *more) == 2
    assert "--resume" in capsys.readouterr().err


def test_another_profile_or_no_run_is_refused(run, tmp_path, capsys):
    assert main(["run", "--resume", str(run), "--profile", "builtin"]) == 2
    assert main(["run", "--resume", str(tmp_path), "--profile", "memory"]) == 2
    assert main(["run", "--rerun-failed"]) == 2
    assert not (run / "attempts").exists()
