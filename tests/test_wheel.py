"""The wheel alone is enough: what ships is found inside it, far from any checkout."""

import json
import os
import site
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from depth import sized, tags_of

from harness.selfcheck.runs import shipped

pytestmark = [pytest.mark.slow, pytest.mark.untraced]

ROOT = Path(__file__).resolve().parents[1]

DEPENDENCIES = sysconfig.get_path("purelib")


def checked(*words, cwd, **more):
    """Run a program; its output is the message where it fails."""
    done = subprocess.run(
        words,
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
        **more,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment():
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONPYCACHEPREFIX")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))
    }
    return kept | {"PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built without a network from the sources as they are."""
    out = tmp_path_factory.mktemp("wheel")
    checked(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(out),
        str(ROOT),
        cwd=out,
        env=environment(),
    )
    (made,) = out.glob("medharness-*.whl")
    return made


@pytest.fixture(scope="module")
def python(tmp_path_factory, wheel):
    """An environment with the wheel; third-party packages are those of this one.

    They come in by a ``.pth`` file: its folders are searched after the environment's own, and the
    ``.pth`` files inside them, such as that of an editable install, are not read.
    """
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    made = binaries / ("python.exe" if os.name == "nt" else "python")
    purelib = Path(
        checked(
            str(made),
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
            cwd=folder,
            env=environment(),
        ).strip()
    )
    checked(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--no-compile",
        "--target",
        str(purelib),
        str(wheel),
        cwd=folder,
        env=environment(),
    )
    (purelib / "dependencies.pth").write_text(f"{DEPENDENCIES}\n", encoding="utf-8")
    return made


def test_the_wheel_holds_what_a_run_needs_and_no_tests(wheel):
    from zipfile import ZipFile

    names = ZipFile(wheel).namelist()
    assert any(name.startswith("scenarios/") and name.endswith(".feature") for name in names)
    for part in ("requirements.toml", "interfaces.toml", "profiles/builtin.toml"):
        assert f"harness/shipped/fixtures/{part}" in names
    for part in ("harness/scenario/run.ini", "harness/locale/zh_CN.po", "harness/py.typed"):
        assert part in names
    assert "harness/report/templates/report.html.j2" in names
    assert [name for name in names if name.startswith(("tests/", "docs/"))] == []
    assert [name for name in names if name.endswith(".pyc")] == []


def test_everything_is_found_inside_the_wheel(python, tmp_path):
    code = (
        "import json, harness, scenarios, simulators; from harness import resources;"
        "print(json.dumps([harness.__file__, scenarios.__file__, simulators.__file__,"
        " str(resources.scenarios_folder()), str(resources.fixtures_folder())]))"
    )
    found = json.loads(checked(str(python), "-c", code, cwd=tmp_path, env=environment()))
    inside = python.parents[1].resolve()
    for path in found:
        assert Path(path).resolve().is_relative_to(inside), path
        assert not Path(path).resolve().is_relative_to(ROOT), path


SLICES = sized(8, 1)
"""Each commit plays one over memory; together, and every night, they play all of the core."""


def core():
    """Words that choose every so-manieth scenario, beginning with the commit's own."""
    found = [one for one in shipped() if not {"@slow", "@extended"} & {*one.scenario.tags}]
    return "--profile", "memory", "--tags", tags_of(found, SLICES)


@pytest.mark.parametrize("words", [core, lambda: ("--tags", "@冒烟", "--jobs", "2")])
def test_the_scenarios_that_ship_run_in_an_empty_folder(python, tmp_path, words):
    out = checked(
        str(python), "-m", "harness", "run", "--json", *words(), cwd=tmp_path, env=environment()
    )
    told = json.loads(out.rstrip().rsplit("\n", 1)[-1])
    assert told["verdict"] == "pass"
    assert told["counts"]["pass"] > 3
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    run = json.loads((Path(told["out"]) / "run.json").read_text(encoding="utf-8"))
    assert {one["file"].split("/")[0] for one in run["scenarios"]} == {"scenarios"}
    text = (Path(told["out"]) / "report.html").read_text(encoding="utf-8")
    for place in (str(python.parents[1]), str(ROOT), str(tmp_path), *site.getsitepackages()):
        assert place not in text


def test_lint_and_steps_work_there_too(python, tmp_path):
    words = (str(python), "-m", "harness")
    lint = checked(*words, "lint", "--json", cwd=tmp_path, env=environment())
    assert json.loads(lint.rstrip().rsplit("\n", 1)[-1])["problems"] == 0
    steps = checked(*words, "steps", "--json", cwd=tmp_path, env=environment())
    assert len(json.loads(steps)["steps"]) > 20
