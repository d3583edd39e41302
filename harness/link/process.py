"""A simulated system as a process of its own, steered over a pipe.

The first line that it gets is its configuration; then it prints ``ready NAME ADDRESS`` for each
endpoint. Further lines are commands and answers, one JSON object each. When its standard input
ends, it ends: a harness that is killed leaves no process behind. No tested interface carries any
of this.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness import limits
from harness.errors import HarnessError, InputError
from harness.i18n import tr
from harness.link import nursery
from harness.link.address import Address
from harness.link.nursery import python
from harness.link.serial_address import SerialAddress

__all__ = ["SimulatedProcess", "python"]

STDERR_LINES_MAX = 200
"""Lines of a process's error output that are kept for the report."""

STDERR_SHOWN_CHARS = 800
"""How much of it a message shows: the end of a traceback."""

_READY = re.compile(r"ready (?P<link>\S+) (?P<host>\S+):(?P<port>\d{1,5})")

_READY_SERIAL = re.compile(r"ready (?P<link>\S+) (serial:|socket://|rfc2217://)\S+")


Running = subprocess.Popen[str] | nursery.Child


@dataclass(slots=True)
class SimulatedProcess:
    """One process of a simulated system.

    Args:
        name: role, for messages.
        argv: how it is started.
        config: its first line; ``listen`` holds an address by link.
    """

    name: str
    argv: Sequence[str]
    config: dict[str, Any]
    addresses: dict[str, Address | SerialAddress] = field(default_factory=dict)
    _process: Running | None = None
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    _waited: set[int] = field(default_factory=set)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _happened: threading.Condition = field(default_factory=threading.Condition)
    _idents: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _ended: bool = False
    _starts: int = 0
    _stderr: list[str] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start, anew if it runs already, and wait until every endpoint accepts.

        Raises:
            InputError: it cannot be started, or ends or stays silent before it is ready; says what
                it wrote to its error output.
        """
        self.stop()  # one that has ended by itself still has its pipes
        with self._happened:
            self._ended = False
            self._starts += 1  # who waits for an answer of the one before waits in vain
            self._happened.notify_all()
        self._answers.clear()
        self._stderr.clear()
        before, self.addresses = self.addresses, {}
        try:
            self._launch()
            ready = self._await_ready(set(self.config["listen"]))
        except (OSError, HarnessError) as error:
            ready, trouble = False, str(error)
        else:
            trouble = "" if ready else f"not ready within {limits.START_TIMEOUT_S:g} s"
        if not ready:
            self.stop()
            self.addresses = before
            said = "".join(self._stderr)[-STDERR_SHOWN_CHARS:].strip()
            raise InputError(
                tr("{name} did not start: {reason}", name=self.name, reason=said or trouble),
                remedy=" ".join(self.argv),
            )
        # A restart must come back where its peers look for it.
        for link, address in self.addresses.items():
            self.config["listen"][link] = address.data()

    def _launch(self) -> None:
        self._process = None
        process = nursery.launched(self.argv) or _alone(self.argv)
        self._readers = [
            threading.Thread(target=self._read, args=(process,), daemon=True),
            threading.Thread(target=self._read_errors, args=(process,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        with self._writing:  # nobody's order comes before the configuration
            self._process = process
            self._put(process, self.config)

    def _await_ready(self, wanted: set[str]) -> bool:
        with self._happened:
            self._happened.wait_for(
                lambda: wanted <= set(self.addresses) or self._ended, limits.START_TIMEOUT_S
            )
            return wanted <= set(self.addresses) and not self._ended

    def command(self, name: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """Tell the process to do something and wait for its answer.

        Raises:
            HarnessError: it is gone, does not answer in time, or refuses.
        """
        ident = next(self._idents)
        with self._happened:
            self._waited.add(ident)
            starts = self._starts
        try:
            self._write({"command": name, "args": dict(args), "ident": ident})
            with self._happened:
                self._happened.wait_for(
                    lambda: ident in self._answers or self._ended or self._starts != starts,
                    timeout_s,
                )
        finally:
            with self._happened:
                self._waited.discard(ident)
                answer = self._answers.pop(ident, None)
        if answer is None:
            gone = self._ended or self._starts != starts
            state = "ended" if gone else f"did not answer within {timeout_s:g} s"
            raise HarnessError(f"{self.name} {state} on the command {name}")
        if answer.get("error"):
            raise HarnessError(f"{self.name} refused {name}: {answer['error']}")
        return answer.get("value")

    @property
    def pid(self) -> int:
        """Number of the process; 0 before its first start."""
        return 0 if self._process is None else self._process.pid

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

    def cut_power(self) -> None:
        """Kill it without waiting: whoever notices, or starts it again, cleans up."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """Let it end in order; kill it if it does not."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
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
                with contextlib.suppress(OSError):  # what could not be written no one waits for
                    pipe.close()

    def _write(self, message: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.closed:
            raise HarnessError(f"{self.name} is not running")
        try:
            with self._writing:
                self._put(process, message)
        except (OSError, ValueError) as error:  # ValueError: closed by another thread meanwhile
            raise HarnessError(f"{self.name} is gone: {error}") from error

    def _put(self, process: Running, message: Mapping[str, Any]) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(message, ensure_ascii=False) + "\n")
        process.stdin.flush()

    def _read(self, process: Running) -> None:
        for line in process.stdout or ():
            with self._happened:
                self._take(line)
                self._happened.notify_all()
        with self._happened:
            if process is self._process:
                self._ended = True
            self._happened.notify_all()

    def _take(self, line: str) -> None:
        """``ready LINK ADDRESS``, an answer, or something that the process says to nobody."""
        serial = _READY_SERIAL.fullmatch(line.strip())
        if serial:
            link = serial["link"]
            self.addresses[link] = SerialAddress.of(self.config["listen"][link])
            return
        ready = _READY.fullmatch(line.strip())
        if ready:
            self.addresses[ready["link"]] = Address(host=ready["host"], port=int(ready["port"]))
            return
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(answer, dict) and answer.get("ident") in self._waited:
            self._answers[answer["ident"]] = answer

    def _read_errors(self, process: Running) -> None:
        for line in process.stderr or ():
            self._stderr.append(line)
            del self._stderr[:-STDERR_LINES_MAX]


def _alone(argv: Sequence[str]) -> subprocess.Popen[str]:
    """A process of its own, which Ctrl-C at the terminal does not reach: who started it ends it."""
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        env=os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # as above, on Windows
    )
