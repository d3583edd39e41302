"""Actions at their time, in one thread."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass

from harness import limits
from harness.clock import Clock

CANCELLED_KEPT = 1000
"""Cancelled timers that may stay in the queue until they would be due; then it is swept."""


@dataclass(slots=True, eq=False)
class Timer:
    """An action at a monotonic time."""

    at: float
    action: Callable[[], None] | None


class Scheduler:
    """One thread, started on first use, that calls actions at their time.

    An action must not raise; whoever adds it sees to that.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def add(self, timer: Timer) -> None:
        """Call its action at its time; nothing happens after ``stop``."""
        with self._wake:
            if self._stopped:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
                self._thread.start()
            heapq.heappush(self._due, (timer.at, next(self._order), timer))
            if self._due[0][2] is timer:
                self._wake.notify()

    def cancel(self, timer: Timer) -> None:
        """Do not call its action, unless that has begun already."""
        with self._wake:
            if timer.action is None:
                return
            timer.action = None
            self._cancelled += 1
            if self._cancelled > CANCELLED_KEPT:
                self._due = [entry for entry in self._due if entry[2].action is not None]
                heapq.heapify(self._due)
                self._cancelled = 0

    def stop(self) -> None:
        """End the thread; what is not due yet never happens."""
        with self._wake:
            self._stopped = True
            self._due.clear()
            self._wake.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(limits.STOP_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and not self._ready():
                    wait_s = self._due[0][0] - self._clock.now() if self._due else None
                    self._wake.wait(wait_s)
                if self._stopped:
                    return
                timer = heapq.heappop(self._due)[2]
                action, timer.action = timer.action, None
                self._cancelled -= action is None
            if action is not None:
                action()

    def _ready(self) -> bool:
        return bool(self._due) and self._due[0][0] <= self._clock.now()
