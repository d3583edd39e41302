"""Workers that are forked after everything is read: scenarios collected once for all of them.

A worker that starts as an interpreter of its own reads the modules and collects all scenarios
anew, three seconds of a processor each; with sixteen of them that was a third of a whole run. A
forked one begins with the first scenario. Each has systems of its own, started after the fork. Who
is next is decided when a worker is free, the long ones first, so that none of them ends alone; one
worker takes the short ones meanwhile, so that whoever looks on sees from the start what comes. Only
on Linux, and only out of a process of one thread; elsewhere pytest-xdist does the same work.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, Final

import pytest

from harness import limits
from harness.errors import HarnessError
from harness.i18n import tr
from harness.scenario import interrupt
from harness.scenario.feature import Scenario
from harness.scenario.lengths import longest_first
from harness.scenario.plugin import ScenarioItem, ended
from harness.scenario.steps import load_libraries

ENDING_S: Final = 4 * limits.STOP_TIMEOUT_S
"""A worker has several systems to stop; longer, and it is killed."""


def possible() -> bool:
    """Whether this process can be forked as it is."""
    return sys.platform == "linux" and threading.active_count() == 1


@dataclass(slots=True, eq=False)
class _Worker:
    pid: int
    line: Connection[Any, Any]
    takes_short: bool
    plays: int | None = None
    over: bool = False


@dataclass
class Forked:
    """A pytest plugin of the controller: plays what was collected in ``jobs`` workers."""

    jobs: int
    _workers: list[_Worker] = field(default_factory=list)
    _tell: Callable[[Any], None] | None = None
    _problems: list[str] = field(default_factory=list)
    _alive: int = -1

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """In place of pytest's own loop; that one handles what could not be collected.

        Raises:
            HarnessError: a worker ended before its time, or left something over.
        """
        items = session.items
        if session.testsfailed or session.config.option.collectonly or not items:
            return None
        waiting = deque(longest_first([_scenario(item) for item in items]))
        try:
            self._begin(session, min(self.jobs, len(items)))
            while self._workers:
                self._turn(session, waiting)
        finally:
            self._end()
        if self._problems:
            raise HarnessError("\n".join(self._problems))
        return True

    # -- in the controller ---------------------------------------------------------------------

    def _begin(self, session: pytest.Session, number: int) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        load_libraries().read_ahead(_steps_of(session.items))
        alive, self._alive = os.pipe()
        gc.collect()
        gc.freeze()  # what is there stays: no worker looks through it again and again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until each knows who it is
        try:
            for _ in range(number):
                self._fork(session, alive)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            gc.unfreeze()
            os.close(alive)

    def _fork(self, session: pytest.Session, alive: int) -> None:
        near, far = Pipe()
        with warnings.catch_warnings():  # later Pythons count threads of libraries as well
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            near.close()
            os.close(self._alive)
            for other in self._workers:
                other.line.close()
            self._live(session, far, alive)
        far.close()
        self._workers.append(_Worker(pid, near, takes_short=not self._workers))

    def _turn(self, session: pytest.Session, waiting: deque[int]) -> None:
        """Hear what workers say, and tell those that are free what is next."""
        interrupt.check()
        for worker in self._workers:
            if worker.plays is None and not worker.over:
                self._hand_out(worker, waiting)
        said = wait([worker.line for worker in self._workers])
        for worker in [one for one in self._workers if one.line in said]:
            try:
                kind, what = worker.line.recv()
            except (EOFError, OSError):
                self._lost(session, worker)
                continue
            if kind == "report":
                report = session.config.hook.pytest_report_from_serializable(
                    config=session.config, data=what
                )
                session.config.hook.pytest_runtest_logreport(report=report)
            elif kind == "free":
                worker.plays = None
            else:
                self._problems += what
                worker.over = True
                self._leave(worker)

    def _hand_out(self, worker: _Worker, waiting: deque[int]) -> None:
        taken = waiting.pop if worker.takes_short else waiting.popleft
        worker.plays = taken() if waiting else -1
        worker.over = worker.plays < 0
        with suppress(OSError):  # it is gone, as its line tells next
            worker.line.send(worker.plays)

    def _lost(self, session: pytest.Session, worker: _Worker) -> None:
        """It ended unasked: what it played stays without a seal, and the others go on."""
        number = worker.plays
        what = "-" if number is None or number < 0 else session.items[number].nodeid
        self._problems.append(tr("a worker ended while it played {what}", what=what))
        self._leave(worker)

    def _leave(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.line.close()
        _await_end(worker.pid, ENDING_S)

    def _end(self) -> None:
        """After Ctrl-C or a failure of ours, workers are left: they stop their systems."""
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGINT)
        for worker in list(self._workers):
            self._leave(worker)
        if self._alive >= 0:
            os.close(self._alive)

    # -- in a worker ---------------------------------------------------------------------------

    def _live(self, session: pytest.Session, line: Connection[Any, Any], alive: int) -> None:
        """All of a worker's life; never returns."""
        status = 1
        try:
            _interrupt_once()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            threading.Thread(target=_end_with_controller, args=(alive,), daemon=True).start()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            as_data = session.config.hook.pytest_report_to_serializable
            self._tell = lambda report: line.send(
                ("report", as_data(config=session.config, report=report))
            )
            problems = self._play(session, line)
            line.send(("over", problems))
            status = 0
        except (EOFError, OSError, KeyboardInterrupt):
            pass  # the controller is gone, or knows of it
        finally:
            os._exit(status)

    def _play(self, session: pytest.Session, line: Connection[Any, Any]) -> list[str]:
        try:
            while (number := line.recv()) >= 0:
                item = session.items[number]
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                line.send(("free", None))
        finally:
            problem = ended(session.config)
        return [problem] if problem else []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A worker hands its reports on."""
        if self._tell is not None:
            self._tell(report)


def _scenario(item: pytest.Item) -> Scenario | None:
    return item.bound.scenario if isinstance(item, ScenarioItem) else None


def _steps_of(items: Sequence[pytest.Item]) -> dict[str, None]:
    """Ids of the steps of all scenarios, each once."""
    ours = [item for item in items if isinstance(item, ScenarioItem)]
    return dict.fromkeys(step.step.id for item in ours for step in item.bound.steps)


def _interrupt_once() -> None:
    """The first Ctrl-C ends the worker; another one must not disturb how it stops its systems."""
    before = signal.getsignal(signal.SIGINT)

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if callable(before):
            before(number, frame)

    if callable(before):
        signal.signal(signal.SIGINT, once)


def _end_with_controller(alive: int) -> None:
    """A controller that was killed takes its workers along; their systems end with their pipes."""
    os.read(alive, 1)
    os._exit(1)


def _await_end(pid: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(limits.POLL_S / 10)  # ``waitpid`` knows no timeout
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
