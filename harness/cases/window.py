"""A time window of a recording, and what stood near a matter and is none of its messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.cases.recorded import Recorded
from harness.clock import CHINA
from harness.errors import InputError
from harness.i18n import tr

LISTED_MAX: Final = 20
"""Lines on the screen; ``--json`` has all of them."""

EXAMPLE: Final = "2026-01-05T08:00:00"


@dataclass(frozen=True, slots=True)
class Window:
    """From and until, in seconds since 1970, both included.

    Attributes:
        begin: None for the beginning of the recording.
        end: None for its end.
    """

    begin: float | None = None
    end: float | None = None

    @property
    def open(self) -> bool:
        """Whether everything lies in it."""
        return self.begin is None and self.end is None

    def has(self, one: Recorded) -> bool:
        """Whether a message lies in it; one without a time lies in none."""
        if self.open:
            return True
        after = self.begin is None or one.at_s >= self.begin
        return bool(one.at_s) and after and (self.end is None or one.at_s <= self.end)


def window(begin: str, end: str) -> Window:
    """Read a window as a person writes it.

    Args:
        begin: ISO 8601; without an offset it is civil time in China; empty for none.
        end: the same; a day alone means until its end.

    Raises:
        InputError: it is no time, or the end lies before the beginning.
    """
    found = Window(_moment(begin, "--from"), _moment(end, "--to", last=True))
    if found.begin is not None and found.end is not None and found.end < found.begin:
        raise InputError(tr("the window ends before it begins"), where=f"{begin} .. {end}",
                         remedy="--from, --to")  # fmt: skip
    return found


def _moment(text: str, option: str, *, last: bool = False) -> float | None:
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(tr("not a time: {text}", text=text),
                         remedy=f"{option} {EXAMPLE}") from error  # fmt: skip
    if at.tzinfo is None:
        at = at.replace(tzinfo=CHINA)
    if last and len(text.strip()) == len("2026-01-05"):
        at += timedelta(days=1, microseconds=-1)
    return at.timestamp()


def told(near: Sequence[Recorded]) -> Iterator[str]:
    """Each message that was not matched, without what is in it."""
    for one in near:
        at = datetime.fromtimestamp(one.at_s, UTC).astimezone(CHINA) if one.at_s else None
        time = f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"
        yield f"{time} {one.frm} > {one.to or '-'} {one.protocol} {one.kind or '-'}"
