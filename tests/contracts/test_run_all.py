"""What the whole test run is started with, and how it names what is run once more."""

import os
import runpy
import sys
from pathlib import Path

import pytest

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

    assert RUN["environment"]() == dict(os.environ)


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
