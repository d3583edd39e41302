"""Running ``medharness`` as a program of its own, and looking for what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MARK = "MEDHARNESS_TEST_MARK"
"""Every process of a run inherits this variable, so its children can be told from others."""

WAIT_S = 120.0
"""A slow machine that does other things beside."""


def environment(mark=""):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return env | {"PYTHONUTF8": "1", MARK: mark}


def start(*words, cwd, mark):
    """Begin a command; it has a process group of its own, as a shell gives it."""
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *words],
        cwd=cwd,
        env=environment(mark) | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def medharness(*words, cwd, timeout_s=240.0):
    """Run a command to its end; returns exit code and output."""
    with start(*words, cwd=cwd, mark="") as process:
        try:
            out, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out


def wait_for(condition, timeout_s=WAIT_S):
    """Poll until it is so; False if it does not become so in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def marked(mark):
    """Ids of the processes that carry a mark and still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            env = (folder / "environ").read_bytes().split(b"\0")
            state = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in env and state != "Z":
            found.append(int(folder.name))
    return found


def sealed(folder):
    """Traces that end with a seal, by a look at their last line."""
    return [path for path in (folder / "traces").glob("*.jsonl") if _is_sealed(path)]


def _is_sealed(path):
    last = path.read_bytes().rstrip(b"\n").rsplit(b"\n", 1)[-1]
    return b'"kind":"seal"' in last and b'"sha256"' in last


def run_of(folder):
    """``run.json``."""
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))
