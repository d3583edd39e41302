"""What the whole test run is started with, and how it names what is run once more."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from harness.selfcheck.revision import slice_of

TESTS = Path(__file__).resolve().parents[1]
RUN = runpy.run_path(str(TESTS / "run_all.py"))
CONFTEST = runpy.run_path(str(TESTS / "conftest.py"))


def test_modules_are_compiled_once_where_the_machine_keeps_none(monkeypatch):
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    found = RUN["environment"]()

    assert "PYTHONDONTWRITEBYTECODE" not in found
    assert found["PYTHONPYCACHEPREFIX"] == str(RUN["BYTECODE"])

    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "elsewhere")
    assert RUN["environment"]()["PYTHONPYCACHEPREFIX"] == "elsewhere"


def test_a_machine_that_keeps_them_is_left_alone(monkeypatch):
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("MEDHARNESS_TESTS", "every")

    assert RUN["environment"]() == dict(os.environ)


def test_unless_it_is_told_otherwise_it_takes_a_slice(monkeypatch):
    monkeypatch.delenv("MEDHARNESS_TESTS", raising=False)

    assert RUN["environment"]()["MEDHARNESS_TESTS"] == "slice"


SLOW = [f"tests/harness/test_cli.py::test_a[{number}]" for number in range(400)]
KEPT = ["tests/test_tidy.py::test_a"]
MINUTES = ["tests/peers/test_spark.py::test_a"]
TOGETHER = ["tests/test_wheel.py::test_a", "tests/test_wheel.py::test_b"]


@pytest.mark.parametrize("how", ["slice", "half"])
def test_the_commits_together_run_every_slow_test_and_each_of_them_a_part(how):
    parts, all_of_them = CONFTEST["PARTS"][how], {*SLOW, *TOGETHER}
    if how == "slice":
        assert CONFTEST["sliced"](MINUTES, "commit", parts) == set(MINUTES)
    else:
        all_of_them.update(MINUTES)
    taken = {}
    for number in range(120):
        revision = f"commit {number}"
        off = CONFTEST["sliced"]([*KEPT, *all_of_them], revision, parts)
        taken.setdefault(slice_of(revision, parts), set()).update(all_of_them - off)
        assert off.isdisjoint(KEPT)
        assert len(off & set(TOGETHER)) in {0, len(TOGETHER)}

    assert len(taken) == parts
    assert set.union(*taken.values()) == all_of_them
    assert sum(map(len, taken.values())) == len(all_of_them)
    assert all(len(one) > len(SLOW) / parts / 2 for one in taken.values())


def test_what_takes_minutes_is_there():
    for one in CONFTEST["MINUTES"]:
        module, _, function = one.partition("::")
        text = (TESTS.parent / module).read_text("utf-8")
        assert f"def {function}" in text if function else "def test_" in text


INNER = """
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("number", range(40))
def test_slow(number):
    pass

def test_quick():
    pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_closing_line_counts_what_was_put_off(tmp_path, workers):
    (tmp_path / "conftest.py").write_bytes((TESTS / "conftest.py").read_bytes())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow: long\n", "utf-8")
    (tmp_path / "test_inner.py").write_text(INNER, "utf-8")

    def closing(how):
        words = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "loadgroup"]
        told = {**os.environ, "MEDHARNESS_TESTS": how, "PYTEST_ADDOPTS": ""}
        done = subprocess.run(
            words, cwd=tmp_path, env=told, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        found = re.search(
            r"^collected (\d+), run (\d+) .*slow-not-run (\d+)", done.stdout, re.MULTILINE
        )
        return [int(one) for one in found.groups()]

    assert closing("every") == [41, 41, 0]
    for how, most in (("slice", 15), ("half", 35)):
        collected, run, off = closing(how)
        assert collected == 41
        assert run + off == collected
        assert 1 < run < most


@pytest.mark.parametrize(
    ("nodeid", "piece"),
    [
        ("tests/test_wheel.py::test_lint_and_steps_work_there_too", "tests/test_wheel.py"),
        ("tests/harness/test_cli.py::test_a[b::c]", "tests/harness/test_cli.py::test_a[b::c]"),
        ("no/such/file.py::test_a", "no/such/file.py::test_a"),
    ],
)
def test_a_module_that_shares_a_start_is_handed_out_whole(nodeid, piece):
    assert CONFTEST["piece_of"](nodeid) == piece


@pytest.mark.parametrize(("code", "failed"), [(0, ""), (3, "mine")])
def test_a_check_that_fails_is_named_and_shown(monkeypatch, capsys, code, failed):
    words = [sys.executable, "-c", f"print('line 7 is wrong'); raise SystemExit({code})"]
    monkeypatch.setitem(RUN["CHECKS"], "mine", words)

    assert RUN["check"]("mine") == failed

    said = capsys.readouterr().out
    assert ("line 7 is wrong" in said) is bool(failed)
    assert said.startswith("mine: FAILED" if failed else "mine: ok")
