"""A run that is killed at any moment leaves evidence that can be judged, and nothing else."""

import json
import os
import signal
import sys

import pytest
from commands import marked, medharness, run_of, sealed, start, wait_for

from harness.evidence.conclude import conclude
from harness.evidence.trace import read

pytestmark = [
    pytest.mark.slow,
    pytest.mark.untraced,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows"),
]

PROFILES = [("memory", 25), ("builtin", 3)]


def cut(folder, profile, traces, mark, number):
    """Start a run of everything and send it a signal once some traces are sealed."""
    words = ("run", "--profile", profile, "--out", str(folder), "--lang", "en")
    with start(*words, cwd=folder.parent, mark=mark) as process:
        try:
            assert wait_for(lambda: len(sealed(folder)) >= traces), process.stdout.read()
            assert process.poll() is None, "it ended before it could be killed"
            assert len(marked(mark)) >= (1 if profile == "memory" else 3)
            process.send_signal(number)
            out, _ = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out


@pytest.mark.parametrize(("profile", "traces"), PROFILES)
def test_what_was_sealed_stands_and_the_rest_is_named(tmp_path, profile, traces):
    folder = tmp_path / "run"
    mark = f"kill-{os.getpid()}-{profile}"

    code, _ = cut(folder, profile, traces, mark, signal.SIGKILL)

    assert code == -signal.SIGKILL
    assert wait_for(lambda: not marked(mark), 20.0), "a process of the hospital is left"
    assert not (folder / "run.json").exists()
    whole = sealed(folder)
    for path in whole:
        found = read(path)
        assert found.sealed, found.damage
        assert conclude(found.records).verdict == found.verdict == "pass"
    for path in set((folder / "traces").glob("*.jsonl")) - set(whole):
        lines = path.read_bytes().split(b"\n")
        if len(lines) > 1:  # killed before its first line was written: nothing to read
            assert len(read(path).records) == len(lines) - 1
            assert not read(path).sealed

    planned = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["scenarios"]
    code, out = medharness("report", str(folder), "--lang", "en", cwd=tmp_path)

    assert code == 3
    assert (folder / "report.html").is_file()
    verdicts = {one["id"]: one["verdict"] for one in run_of(folder)["scenarios"]}
    assert list(verdicts) == [one["id"] for one in planned]
    assert {ident for ident, verdict in verdicts.items() if verdict == "pass"} == {
        path.stem for path in whole
    }
    begun = {path.stem for path in (folder / "traces").glob("*.jsonl")}
    for one in planned:
        if one["id"] not in begun:
            assert verdicts[one["id"]] == "blocked"
            assert one["name"] in out
    assert "not run" in out


@pytest.mark.parametrize(("profile", "traces"), PROFILES)
def test_ctrl_c_reports_what_ran_and_leaves_nothing(tmp_path, profile, traces):
    folder = tmp_path / "run"
    mark = f"stop-{os.getpid()}-{profile}"

    code, out = cut(folder, profile, traces, mark, signal.SIGINT)

    assert code == 130
    assert "stopped by the user" in out
    assert "Traceback" not in out
    assert wait_for(lambda: not marked(mark), 20.0), "a process of the hospital is left"
    run = run_of(folder)
    assert run["verdict"] == "inconclusive" or run["verdict"] == "blocked"
    assert run["counts"]["pass"] >= traces
    assert run["counts"]["blocked"] > 0
    assert (folder / "report.html").is_file()
    assert (folder / "junit.xml").is_file()


def test_ctrl_c_with_workers_reports_what_ran_and_leaves_nothing(tmp_path):
    folder = tmp_path / "run"
    mark = f"workers-{os.getpid()}"
    # Else one of the two plays the longest for a minute.
    words = ("run", "--jobs", "2", "--tags", "not @slow", "--out", str(folder), "--lang", "en")
    with start(*words, cwd=tmp_path, mark=mark) as process:
        try:
            assert wait_for(lambda: len(sealed(folder)) >= 4)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            out, _ = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, out
    assert wait_for(lambda: not marked(mark), 20.0), "a process is left"
    assert run_of(folder)["counts"]["pass"] >= 4
