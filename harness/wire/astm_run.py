"""A run of records before the last one of a message: acknowledged singly, put together at its end.

All that a receiver must know before it acknowledges such a frame is that it is the next one, has
nothing odd about it, and fits (LIS01-A2 §8.3, §8.6). What it says is looked at once something else
comes: the last record, a timer, or anything that is not the next frame of the run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from zlib import adler32

from harness.wire.astm_frame import BLOCK, HEX

_NEXT: Final = tuple(
    re.compile(rb"\x02%d[PORCMQS][^\x00-\x1f]{,%d}\r\x03[0-9A-F]{2}\r\n" % (number, BLOCK - 4))
    for number in range(8)
)
"""By frame number: a frame that is one whole record, neither the first nor the last one."""

_FIRST: Final = re.compile(rb"\x021H[^\x00-\x1f]{,%d}\r\x03[0-9A-F]{2}\r\n" % (BLOCK - 4))
"""The frame that a session and a message begin with."""

_LAST: Final = re.compile(rb"\x02[0-7]L(?:\|[^\x00-\x1f]{,%d})?\r\x03[0-9A-F]{2}\r\n" % (BLOCK - 5))
"""The frame that a message ends with."""

TEXT_MAX: Final = BLOCK - 2
"""The longest text of such a frame: with number and ETX its sum is taken in one go."""

_ZERO: Final = ord("0")

RUN_BYTES_MAX: Final = 16_384
"""A run is put together after so much of it: what waits stays small beside a message."""


@dataclass(slots=True)
class Run:
    """The frames that were acknowledged and wait.

    Attributes:
        wanted: the shape of the next frame; None while there is no run.
        frames: as they came.
        at: when the last one was acknowledged.
    """

    wanted: re.Pattern[bytes] | None = None
    frames: list[bytes] = field(default_factory=list)
    at: float = 0.0
    _number: int = 0
    _room: int = 0

    def begin(self, number: int, room: int, *, first: bool = False) -> None:
        """A session was opened, or a record was put in its place; the next one may follow.

        Args:
            number: of the next frame.
            room: bytes that the message may still grow by.
            first: a message begins.
        """
        self._number, self._room = number, min(room, RUN_BYTES_MAX)
        self.wanted = _FIRST if first else _NEXT[number]

    def take(self, data: bytes, now: float) -> bool:
        """Keep a read that is the next frame of the run; False with nothing done where not."""
        wanted, room = self.wanted, self._room - len(data)
        if (
            wanted is None
            or wanted.fullmatch(data) is None
            or room < 0
            or HEX[adler32(data[1:-4], 0) & 0xFF] != data[-4:-2]  # see ``checksum``
        ):
            return False
        self.frames.append(data)
        self.at = now
        self._room = room
        self._number = number = (self._number + 1) & 7
        self.wanted = _NEXT[number]
        return True

    def ends_with(self, data: bytes) -> bool:
        """Whether a read is the frame that follows the run and ends its message."""
        found = _LAST.fullmatch(data)
        return (
            found is not None
            and data[1] - _ZERO == self._number
            and len(data) <= self._room
            and bool(self.frames)
            and HEX[adler32(data[1:-4], 0) & 0xFF] == data[-4:-2]
        )

    def end(self) -> list[bytes]:
        """There is no run any more; returns what it kept."""
        self.wanted = None
        frames, self.frames = self.frames, []
        return frames
