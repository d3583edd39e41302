"""The peers: where they are, of which version, and how each program of theirs is started."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest

HERE: Final = Path(__file__).parent
PROGRAMS: Final = HERE / "programs"
NODE: Final = HERE / "node"

START_S: Final = 20.0
"""As long as the built-in hospital may take on a slow workstation."""

STOP_S: Final = 60.0
"""A peer that does not end with its input is killed then, and the test fails."""

LINES_MAX: Final = 10_000
"""Lines of one program that are kept."""


def python_package(name: str) -> str:
    """Version of an installed distribution; empty if it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def node_package(name: str) -> str:
    """Version of a package in ``node/node_modules``; empty if it or node is missing."""
    path = NODE / "node_modules" / name / "package.json"
    if shutil.which("node") is None or not path.is_file():
        return ""
    version: str = json.loads(path.read_text("utf-8"))["version"]
    return version


def python_program(name: str, *args: str) -> list[str]:
    """How a program beside this file is started; the peers' deprecations are not ours."""
    return [sys.executable, "-W", "ignore", str(PROGRAMS / name), *args]


def node_program(name: str, *args: str) -> list[str]:
    """How a program in ``node/`` is started."""
    return ["node", str(NODE / name), *args]


@dataclass(slots=True)
class Program:
    """A running program of a peer: what it says, line by line."""

    process: subprocess.Popen[str]
    lines: queue.Queue[str] = field(default_factory=lambda: queue.Queue(LINES_MAX))
    said: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> None:
        """The body of the reading thread; an empty line marks the end."""
        for line in self.process.stdout or ():
            self.lines.put(line)
        self.lines.put("")

    def port(self) -> int:
        """The first line, ``ready PORT``."""
        word, _, number = self.lines.get(timeout=START_S).partition(" ")
        assert word == "ready", f"{self.process.args!r} did not start"
        return int(number)

    def tell(self, line: str) -> None:
        """One line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, count: int, timeout_s: float) -> list[dict[str, Any]]:
        """What it said so far, once that is ``count`` objects or the time is over."""
        while len(self.said) < count:
            try:
                line = self.lines.get(timeout=timeout_s)
            except queue.Empty:
                break
            if not line:
                break
            self.said.append(json.loads(line))
        return self.said

    def rest(self) -> list[dict[str, Any]]:
        """End it by ending its input; returns everything that it said."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(STOP_S)
        return self.hear(LINES_MAX, STOP_S)


@contextmanager
def running(argv: Sequence[str]) -> Iterator[Program]:
    """Start a program; it is gone at the end, whatever happened."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what a peer thinks of our bytes is seen on the wire
        encoding="utf-8",
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    program = Program(process)
    reader = threading.Thread(target=program.read, daemon=True)
    reader.start()
    try:
        yield program
    finally:
        process.kill()
        process.wait(STOP_S)
        reader.join(STOP_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # its input may have been unread when it died
                    continue


def needs(name: str, version: str) -> None:
    """Skip where a peer is missing, by name; fail where it must be there."""
    if version:
        return
    if os.environ.get("MEDHARNESS_REQUIRE_PEERS") == "1":
        pytest.fail(f"the peer {name} is not installed, and peers are required")
    pytest.skip(f"peer {name} is not installed")
