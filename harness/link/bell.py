"""Where a thread waits until something happened in another one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.clock import Clock


@dataclass(slots=True)
class Bell:
    """Rung after every change; costs nothing while nobody waits.

    Args:
        clock: whose ``now`` deadlines are given in.
        errors: what went wrong in threads; the next wait raises the first one.
    """

    clock: Clock
    errors: list[Exception]
    _condition: threading.Condition = field(default_factory=threading.Condition)
    _waiting: int = 0

    def tell(self) -> None:
        """Whoever waits looks again."""
        if self._waiting:  # counted before the waiter looks, so none is missed
            with self._condition:
                self._condition.notify_all()

    def wait(self, satisfied: Callable[[], bool], deadline: float) -> bool:
        """Block until ``satisfied()`` or the deadline; says whether it is."""
        with self._condition:
            self._waiting += 1
            try:
                while not satisfied():
                    if self.errors:
                        raise self.errors.pop(0)
                    left = deadline - self.clock.now()
                    if left <= 0:
                        return satisfied()
                    self._condition.wait(left)
                return True
            finally:
                self._waiting -= 1
