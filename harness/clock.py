"""Real and virtual time.

Every wait in the project asks a ``Clock``, so that a 30-second timer of LIS01-A2 runs at once over
the memory link and truthfully over a socket.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

CHINA = timezone(timedelta(hours=8))
"""Civil time of the sites; fixed, because China has one zone and no daylight saving."""

VIRTUAL_EPOCH = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
"""Where a virtual clock starts: a Monday, 08:00 in China."""


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...

    def wall(self) -> datetime:
        """Civil time, always with a zone."""
        ...


class RealClock:
    """The machine's own clock."""

    now = staticmethod(time.monotonic)
    """Monotonic seconds of this machine."""

    def wall(self) -> datetime:
        """Civil time in China."""
        return datetime.now(CHINA)


class VirtualClock:
    """A clock that moves only when it is told to.

    Args:
        epoch: civil time at ``now() == 0``.
    """

    def __init__(self, epoch: datetime = VIRTUAL_EPOCH) -> None:
        self._epoch = epoch
        self._now = 0.0

    def now(self) -> float:
        """Seconds since the epoch of this clock."""
        return self._now

    def wall(self) -> datetime:
        """Civil time in China at the virtual now."""
        return (self._epoch + timedelta(seconds=self._now)).astimezone(CHINA)

    def advance_to(self, now: float) -> None:
        """Move forward; time never runs back."""
        self._now = max(self._now, now)
