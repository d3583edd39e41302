"""A distance between looks: a system that serves patients is not asked as fast as it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Lets a look begin only so often.

    Args:
        per_s: at most so many looks a second; 0 for no limit.
        now: seconds that only grow.
        pause: waits so many seconds; a test has no need to.
    """

    per_s: float = 0.0
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Come back when the next look may begin."""
        if not self.per_s:
            return
        with self._lock:
            left = self._free_at - self.now()
            if left > 0:
                self.pause(left)
            self._free_at = self.now() + 1.0 / self.per_s
