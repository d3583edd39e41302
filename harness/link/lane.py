"""One direction of a connection: what happens on it, in order, each at its time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.errors import HarnessError

ACTIONS_MAX = 1_000_000
"""Actions that may wait: a message of 1 MiB in slices of one byte."""

Later = Callable[[float, Callable[[], None]], None]
"""Calls an action at a time; see ``Io.later``."""


@dataclass(slots=True)
class Lane:
    """A queue in which nothing overtakes, also where a driver comes late.

    Attributes:
        busy_until: when the last action that was put is due.
    """

    busy_until: float = 0.0
    _actions: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)
    _waiting: bool = False

    @property
    def waits(self) -> bool:
        """Whether anything is left to happen."""
        return bool(self._actions)

    def put(self, action: Callable[[], None], now: float, delay_s: float = 0.0) -> None:
        """Queue an action, ``delay_s`` after the one before it.

        Raises:
            HarnessError: more than ``ACTIONS_MAX`` are waiting.
        """
        if len(self._actions) >= ACTIONS_MAX:
            raise HarnessError(f"more than {ACTIONS_MAX} deliveries wait on one connection")
        self.busy_until = max(now, self.busy_until) + delay_s
        self._actions.append((self.busy_until, action))

    def move(self, now: float, later: Later) -> None:
        """Do what is due, and ask to be called again for the rest."""
        while self._actions and self._actions[0][0] <= now:
            self._actions.popleft()[1]()
        if self._actions and not self._waiting:
            self._waiting = True
            at = self._actions[0][0]
            later(at, lambda: self._wake(at, later))

    def _wake(self, at: float, later: Later) -> None:
        self._waiting = False
        self.move(at, later)
