"""The load as Locust runs it: ``python -m locust -f`` this file, by ``medharness load``.

Locust brings master and workers, spreads its users over them, and keeps its own statistics. Its
process is changed by gevent, so no system is met from here: each worker has a crew in a process of
its own, and a user of Locust hands over the next action of its kind when it is due and waits until
the crew says that it is over. Times count from the intended start (``Arrivals``).
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust import User, events, task
from locust.runners import MasterRunner, WorkerRunner

from simulators.load.order import FOLDER, PARTS, Order

FOLDER_OF_RUN = Path(os.environ[FOLDER])
ORDER = Order.read(FOLDER_OF_RUN)
LEAD_S = 1.0
OVER = "all-actions-over"
"""Message of a worker to its master."""


class Crew:
    """The other end of the pipe."""

    def __init__(self, part: int) -> None:
        self.begin = 0.0
        parts = int(os.environ[PARTS])
        argv = [sys.executable, "-m", "simulators.load.crew_process"]
        self._process = subprocess.Popen(
            [*argv, str(FOLDER_OF_RUN), str(part), str(parts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self._due: dict[str, Iterator[tuple[int, float]]] = {
            kind: arrivals.part(part, parts) for kind, arrivals in ORDER.plan.arrivals().items()
        }
        self.roles = iter(ORDER.plan.roles(part, parts))
        self.kinds: dict[User, str] = {}
        self._left = sum(len(list(one.part(part, parts))) for one in ORDER.plan.arrivals().values())
        self._idents = itertools.count()
        self._waiting: dict[int, AsyncResult] = {}
        self._reader = gevent.spawn(self._read)
        self._ready: AsyncResult = AsyncResult()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "ready" in told:
                self._ready.set(True)
            else:
                self._waiting.pop(told["ident"]).set(told)
        lost = {"seconds": 0.0, "reason": "the process of the users has ended"}
        for result in [self._ready, *self._waiting.values()]:
            result.set(lost)

    def start(self) -> None:
        """From now on actions count."""
        if self._ready.get() is not True:
            raise SystemExit("the process of the users has ended")
        self.begin = time.monotonic() + LEAD_S
        self._write({"begin": self.begin})

    def next(self, kind: str) -> tuple[int, float] | None:
        """The next action of a kind; None where there is none any more."""
        return next(self._due[kind], None)

    def carry_out(self, kind: str, number: int, at: float) -> dict[str, Any]:
        """One action, from its intended start to its end."""
        gevent.sleep(max(0.0, self.begin + at - time.monotonic()))
        ident, result = next(self._idents), AsyncResult()
        self._waiting[ident] = result
        self._write({"ident": ident, "kind": kind, "number": number, "at": at})
        told: dict[str, Any] = result.get()
        self._left -= 1
        return told

    @property
    def idle(self) -> bool:
        """Every action of this worker is over."""
        return self._left == 0

    def _write(self, data: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(data) + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Everybody leaves."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()


CREWS: list[Crew] = []


@events.test_start.add_listener
def _begin(environment: Any, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        return
    part = runner.worker_index if isinstance(runner, WorkerRunner) else 0
    crew = Crew(part)
    crew.start()
    CREWS.append(crew)


@events.test_stop.add_listener
def _end(environment: Any, **_: Any) -> None:
    del environment
    while CREWS:
        CREWS.pop().end()


WORKERS_OVER: list[str] = []


def _over(environment: Any) -> None:
    """Nothing is left to do here: the run ends when that holds for every worker."""
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.send_message(OVER, {})
    else:
        gevent.spawn(environment.runner.quit)


def _worker_over(environment: Any, msg: Any, **_: Any) -> None:
    WORKERS_OVER.append(str(msg.node_id))
    if len(WORKERS_OVER) == int(os.environ[PARTS]):
        gevent.spawn(environment.runner.quit)


@events.init.add_listener
def _listen(environment: Any, **_: Any) -> None:
    if isinstance(environment.runner, MasterRunner):
        environment.runner.register_message(OVER, _worker_over)


class HospitalUser(User):
    """Plays one user of the plan: the next that nobody in this worker plays yet."""

    @task
    def act(self) -> None:
        """The next action of the kind; the user ends where none is left."""
        crew = CREWS[0] if CREWS else None
        if crew is None:
            self.stop()
            return
        if self not in crew.kinds:
            crew.kinds[self] = next(crew.roles, "")
        kind = crew.kinds[self]
        found = crew.next(kind) if kind else None
        if found is None:
            self.stop()
            return
        told = crew.carry_out(kind, *found)
        self.environment.events.request.fire(
            request_type=kind,
            name=kind,
            response_time=1000 * told["seconds"],
            response_length=0,
            exception=RuntimeError(told["reason"]) if told["reason"] else None,
            context={},
        )
        if crew.idle:
            _over(self.environment)
