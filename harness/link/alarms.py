"""The timers of one host over real time, cheap where they are set again and again.

A link sets its timer anew with each frame, and nearly none ever runs out. So a timer that is moved
to a later time, or taken back, is left where it is: when it rings, it looks when it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.link.scheduler import Scheduler, Timer

Key = tuple[str, str]


@dataclass(slots=True)
class _Alarm:
    """What rings, and when it is wanted: later than that, or not at all (None)."""

    timer: Timer
    wanted: float | None


@dataclass(slots=True)
class Alarms:
    """Not thread-safe: all calls come from within ``run``.

    Args:
        scheduler: rings.
        now: the time, in seconds.
        run: does something serialised with the host.
        expired: is told the key of a timer that ran out.
    """

    scheduler: Scheduler
    now: Callable[[], float]
    run: Callable[[Callable[[], None]], None]
    expired: Callable[[Key], None]
    _set: dict[Key, _Alarm] = field(default_factory=dict)

    def set(self, key: Key, at: float | None) -> None:
        """Only the latest setting of a timer counts; None takes it back."""
        alarm = self._set.get(key)
        if alarm is not None:
            if at is None or at >= alarm.timer.at:
                alarm.wanted = at
                return
            self.scheduler.cancel(alarm.timer)
        if at is not None:
            self._add(key, at)

    def _add(self, key: Key, at: float) -> None:
        timer = Timer(at, lambda: self.run(lambda: self.ring(key, timer)))
        self._set[key] = _Alarm(timer, at)
        self.scheduler.add(timer)

    def ring(self, key: Key, timer: Timer) -> None:
        """Its time has come, unless it was moved or taken back meanwhile."""
        alarm = self._set.get(key)
        if alarm is None or alarm.timer is not timer:
            return
        del self._set[key]
        if alarm.wanted is None:
            return
        if alarm.wanted > self.now():
            self._add(key, alarm.wanted)
        else:
            self.expired(key)

    def forget(self, key: Key) -> None:
        """It will not be set again: leave nothing of it in the queue of the scheduler."""
        alarm = self._set.pop(key, None)
        if alarm is not None:
            self.scheduler.cancel(alarm.timer)

    def clear(self) -> None:
        """Forget all."""
        for key in list(self._set):
            self.forget(key)
