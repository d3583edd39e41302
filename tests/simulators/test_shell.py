"""The shell around a system: it is steered by lines, and one bad command or message ends nothing."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import limits
from harness.errors import HarnessError
from harness.link.process import SimulatedProcess, python
from simulators import trouble
from simulators.hospital.built_in import BuiltInHospital
from simulators.shell import CRASHED, Shell, plain

Said = tuple[list[str], list[dict[str, Any]]]
Run = Callable[..., Said]

PERSON = {"patient_id": "P1", "name": "测试甲", "sex": "F", "birth": "19800229"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a HIS to the end of its input; its ready lines and its answers."""

    def one(*orders: tuple[str, dict[str, Any]], **config: Any) -> Said:
        first = {
            "role": "HIS", "store": str(tmp_path / "his.sqlite"), "durable": False,
            "listen": {"lis-his": {"host": "127.0.0.1", "port": 0}},
        } | config  # fmt: skip
        lines = [json.dumps(first)]
        lines += [
            json.dumps({"ident": number, "command": name, "args": args})
            for number, (name, args) in enumerate(orders, 1)
        ]
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
        before = set(threading.enumerate())
        assert Shell(BuiltInHospital().make).run() == 0
        assert set(threading.enumerate()) <= before
        out = capsys.readouterr().out.splitlines()
        ready = [line for line in out if line.startswith("ready ")]
        return ready, [json.loads(line) for line in out if not line.startswith("ready ")]

    return one


def test_it_is_ready_and_answers_by_number(run: Run) -> None:
    ready, answers = run(("admit", PERSON), ("pending", {}), ("dance", {}))

    assert ready[0].startswith("ready lis-his 127.0.0.1:")
    assert answers[:2] == [{"ident": 1, "value": None}, {"ident": 2, "value": 1}]
    assert answers[2]["error"] == "HIS refused dance: the HIS knows no command dance"


def test_routes_defects_and_power_cuts_are_set_by_command(run: Run) -> None:
    where = {"his-lis": {"host": "127.0.0.1", "port": 1}}
    _, answers = run(
        ("_route", where),
        ("_defects", {"ids": ["his-cuts-name"]}),
        ("_crash_at", {"number": 99, "after": True}),
        ("_call_off", {}),
        ("admit", PERSON),
        routes=where,
    )

    assert [answer.get("error", "") for answer in answers] == [""] * 5


def test_a_command_that_breaks_is_answered_and_survived(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[BaseException] = []
    monkeypatch.setattr(trouble, "tell", lambda who, error: told.append(error))
    _, answers = run(
        ("admit", PERSON | {"patient_id": "\ud800"}), ("_crash_at", {}), ("pending", {})
    )

    assert answers[0]["error"].startswith("UnicodeEncodeError: ")
    assert answers[1] == {"ident": 2, "error": "KeyError: 'number'"}
    assert answers[2] == {"ident": 3, "value": 0}
    assert {type(error) for error in told} == {UnicodeEncodeError, KeyError}


def test_an_error_of_before_is_not_that_of_the_next_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hurt(trouble.OutspokenThreads):
        def __init__(self, **rest: Any) -> None:
            super().__init__(**rest)
            self.errors.append(ValueError("a stranger's message"))

    monkeypatch.setattr(trouble, "OutspokenThreads", Hurt)
    _, answers = run(("pending", {}))

    assert answers == [{"ident": 1, "value": 0}]


def test_threads_that_stay_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = trouble.OutspokenThreads.stop
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    monkeypatch.setattr(trouble.OutspokenThreads, "stop", lambda self: [*stop(self), "HIS sends"])
    run()

    assert said.getvalue() == "threads that would not end: HIS sends\n"


def test_without_a_configuration_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    assert Shell(BuiltInHospital().make).run() == 2


def test_a_connection_of_a_system_has_nothing_to_report() -> None:
    about = plain("lis-his", "lis-his#1", client=False)  # type: ignore[call-arg] # by position

    assert (about.id, about.link, about.client) == ("lis-his#1", "lis-his", False)


def test_errors_of_threads_are_told_and_kept_within_bounds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runtime = trouble.OutspokenThreads()
    for number in range(trouble.ERRORS_KEPT + 10):
        runtime.failed(ValueError(f"number {number}"))
    runtime.stop()

    assert "error: ValueError: number 0\n" in capsys.readouterr().err
    assert len(runtime.errors) <= trouble.ERRORS_KEPT + 1
    assert str(runtime.errors[-1]) == f"number {trouble.ERRORS_KEPT + 9}"


@pytest.mark.slow
@pytest.mark.parametrize(("after", "held"), [(False, 0), (True, 1)])
def test_a_power_cut_ends_the_process_at_its_commit(tmp_path: Path, after: bool, held: int) -> None:
    store = tmp_path / "his.sqlite"
    config = {
        "role": "HIS", "store": str(store),
        "listen": {"lis-his": {"host": "127.0.0.1", "port": 0}},
    }  # fmt: skip
    process = SimulatedProcess("HIS", python("simulators.hospital"), config)
    process.start()
    try:
        process.command("_crash_at", {"number": 1, "after": after}, limits.CONTROL_TIMEOUT_S)
        with pytest.raises(HarnessError, match="ended on the command admit"):
            process.command("admit", PERSON, limits.CONTROL_TIMEOUT_S)
        assert process.wait_ended(5)
        assert process._process is not None
        assert process._process.returncode == CRASHED
        with sqlite3.connect(store) as database:
            rows = database.execute("SELECT COUNT(*) FROM patients").fetchall()
        database.close()
        assert rows == [(held,)]
    finally:
        process.stop()
