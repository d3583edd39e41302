"""The centre's own civil time: the driver's clock, shifted, and its maintenance window."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone

from harness.clock import CHINA, Clock
from harness.errors import InputError
from harness.i18n import tr


@dataclass(slots=True)
class CentreClock:
    """Civil time that can be set: midnight, month end, a window of 30 minutes.

    Args:
        clock: of the driver.
        zone: of the centre.
    """

    clock: Clock
    zone: timezone = CHINA
    offset: timedelta = field(default_factory=timedelta)
    closed: bool = False
    window: tuple[time, time] | None = None

    def wall(self) -> datetime:
        """What the centre takes for now."""
        now = self.clock.wall()
        if now.tzinfo is not self.zone:
            now = now.astimezone(self.zone)
        return now + self.offset if self.offset else now

    def set(self, text: str) -> None:
        """Now is that time: ``yyyy-MM-dd HH:mm:ss`` of the centre.

        Raises:
            InputError: no such time.
        """
        try:
            wanted = datetime.fromisoformat(text)
        except ValueError as error:
            raise InputError(tr("not a time: “{text}”", text=text)) from error
        wanted = wanted.replace(tzinfo=self.zone) if wanted.tzinfo is None else wanted
        self.offset = wanted - self.clock.wall()

    def advance(self, seconds: float) -> None:
        """Move on, or back, by so many seconds."""
        self.offset += timedelta(seconds=seconds)

    def nightly(self, begin: str, end: str) -> None:
        """Closed every day from ``HH:MM`` to ``HH:MM``, also across midnight.

        Raises:
            InputError: no such time.
        """
        try:
            self.window = (time.fromisoformat(begin), time.fromisoformat(end))
        except ValueError as error:
            raise InputError(tr("not a time: “{text}”", text=f"{begin} {end}")) from error

    def in_maintenance(self) -> bool:
        """Whether the centre is closed now."""
        if self.closed or self.window is None:
            return self.closed
        begin, end = self.window
        now = self.wall().time()
        return begin <= now < end if begin <= end else now >= begin or now < end
