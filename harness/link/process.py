"""A simulated system as a process of its own, steered over a pipe.

The first line that it gets is its configuration; then it prints ``ready NAME ADDRESS`` for each
endpoint. Further lines are commands and answers, one JSON object each. When its standard input
ends, it ends: a harness that is killed leaves no process behind. No tested interface carries any
of this.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness import limits
from harness.errors import HarnessError, InputError
from harness.link.threads import Address

STDERR_LINES_MAX = 200
"""Lines of a process's error output that are kept for the report."""


@dataclass(slots=True)
class SimulatedProcess:
    """One process of a simulated system.

    Args:
        name: role, for messages.
        argv: how it is started.
        config: its first line; ``listen`` holds host and port by link.
    """

    name: str
    argv: Sequence[str]
    config: dict[str, Any]
    addresses: dict[str, Address] = field(default_factory=dict)
    _process: subprocess.Popen[str] | None = None
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    _happened: threading.Condition = field(default_factory=threading.Condition)
    _idents: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _ended: bool = False
    _stderr: list[str] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start and wait until every endpoint accepts."""
        self._ended = False
        self._answers.clear()
        self._process = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self._process,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self._process,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self._write(self.config)
        wanted = set(self.config["listen"])
        with self._happened:
            started = self._happened.wait_for(
                lambda: wanted <= set(self.addresses) or self._ended, limits.START_TIMEOUT_S
            )
        if not started or self._ended:
            self.stop()
            raise InputError(
                f"{self.name} did not start: {''.join(self._stderr)[-800:].strip()}",
                remedy=" ".join(self.argv),
            )
        # A restart must come back where its peers look for it.
        for link, address in self.addresses.items():
            self.config["listen"][link] = {"host": address.host, "port": address.port}

    def command(self, name: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """Tell the process to do something and wait for its answer."""
        ident = next(self._idents)
        self._write({"command": name, "args": dict(args), "ident": ident})
        with self._happened:
            self._happened.wait_for(lambda: ident in self._answers or self._ended, timeout_s)
            answer = self._answers.pop(ident, None)
        if answer is None:
            state = "ended" if self._ended else f"did not answer within {timeout_s:g} s"
            raise HarnessError(f"{self.name} {state} on the command {name}")
        if answer.get("error"):
            raise HarnessError(f"{self.name} refused {name}: {answer['error']}")
        return answer.get("value")

    @property
    def running(self) -> bool:
        """The process is there."""
        return self._process is not None and self._process.poll() is None

    def wait_ended(self, timeout_s: float) -> bool:
        """Wait until the process is gone, by whatever cause."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Cut its power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(limits.STOP_TIMEOUT_S)
            self._close_pipes()

    def stop(self) -> None:
        """Let it end in order; kill it if it does not."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                process.stdin = None
        try:
            process.wait(limits.STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(limits.STOP_TIMEOUT_S)
        self._close_pipes()

    def _close_pipes(self) -> None:
        process = self._process
        for reader in self._readers:
            reader.join(limits.STOP_TIMEOUT_S)
        if process is None:
            return
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue

    def _write(self, message: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise HarnessError(f"{self.name} is not running")
        try:
            process.stdin.write(json.dumps(message, ensure_ascii=False) + "\n")
            process.stdin.flush()
        except OSError as error:
            raise HarnessError(f"{self.name} is gone: {error}") from error

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            with self._happened:
                if line.startswith("ready "):
                    _, link, address = line.split()
                    host, _, port = address.rpartition(":")
                    self.addresses[link] = Address(host=host, port=int(port))
                elif line.startswith("{"):
                    answer = json.loads(line)
                    self._answers[answer["ident"]] = answer
                self._happened.notify_all()
        with self._happened:
            if process is self._process:
                self._ended = True
            self._happened.notify_all()

    def _read_errors(self, process: subprocess.Popen[str]) -> None:
        for line in process.stderr or ():
            self._stderr.append(line)
            del self._stderr[:-STDERR_LINES_MAX]


def python(module: str) -> list[str]:
    """How to start a module of ours with the running interpreter."""
    return [sys.executable, "-m", module]
