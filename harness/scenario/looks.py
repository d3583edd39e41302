"""When to look again at what no link tells of: soon at first, then less and less often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness import limits
from harness.scenario import interrupt
from harness.scenario.bench import Bench

GROWTH: Final = 1.15
"""So much longer is each pause than the one before, up to ``limits.POLL_MAX_S``."""


@dataclass(slots=True)
class Looks:
    """The pauses between the looks of one wait.

    A database that is looked into is somebody's: a wait of seconds looks at it a few times a
    second, and what comes at once is seen at once all the same.
    """

    bench: Bench
    _pause_s: float = limits.POLL_S

    def pause(self, end: float) -> None:
        """Let time pass until the next look, which is at ``end`` at the latest, if not before.

        Raises:
            KeyboardInterrupt: the user wants to stop.
        """
        interrupt.check()
        next_at = self.bench.clock.now() + self._pause_s
        self.bench.driver.idle(min(next_at, end))
        self._pause_s = min(self._pause_s * GROWTH, limits.POLL_MAX_S)
