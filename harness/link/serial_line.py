"""A serial line as it behaves in time: how fast bytes leave, and what a pulled cable swallows.

Pure: bytes and ``now`` go in, bytes that have arrived come out. A character takes a start bit, its
data bits, a parity bit where there is one, and its stop bits (LIS01-A2 §5.1). When each byte has
arrived is computed from when its burst began, never from when somebody last looked, so lateness of
a driver does not add up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from harness.errors import HarnessError

Parity = Literal["none", "even", "odd", "mark", "space"]
Flow = Literal["none", "rtscts", "xonxoff"]

PARITIES: Final[tuple[Parity, ...]] = ("none", "even", "odd", "mark", "space")
FLOWS: Final[tuple[Flow, ...]] = ("none", "rtscts", "xonxoff")

BACKLOG_BYTES_MAX: Final = 64 * 1024
"""Bytes that may wait on one direction: the largest LIS01-A2 frame, which takes 67 s at 9600."""

SLICE_S: Final = 0.25
"""Bytes that have arrived are handed over so often while more of their burst are under way: a frame
of 247 bytes at 9600 baud in one piece, so that a hundred lines do not keep a processor busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How one end of a line is set (LIS01-A2 §5.2: 9600 baud, 8 bits, no parity, 1 stop bit).

    Attributes:
        baud: bits a second.
        data_bits: 7 or 8.
        parity: of the parity bit; ``none`` for no such bit.
        stop_bits: 1 or 2.
        flow: who holds the sender back.
    """

    baud: int = 9600
    data_bits: int = 8
    parity: Parity = "none"
    stop_bits: int = 1
    flow: Flow = "none"

    def __post_init__(self) -> None:
        wrong = (
            self.baud <= 0
            or self.data_bits not in {7, 8}
            or self.parity not in PARITIES
            or self.stop_bits not in {1, 2}
            or self.flow not in FLOWS
        )
        if wrong:
            raise ValueError(f"no settings of a serial line: {self}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``9600 7E1``, ``9600,8,N,1`` or ``4800``; ``ValueError`` where it is none."""
        words = text.replace(",", " ").split()
        frame = "".join(words[1:]).upper() or "8N1"
        parities: dict[str, Parity] = {one[0].upper(): one for one in PARITIES}
        if not words or len(frame) != 3 or frame[1] not in parities:
            raise ValueError(f"no settings of a serial line: {text!r}")
        return cls(
            baud=int(words[0]),
            data_bits=int(frame[0]),
            parity=parities[frame[1]],
            stop_bits=int(frame[2]),
        )

    def __str__(self) -> str:
        return f"{self.baud} {self.data_bits}{self.parity[0].upper()}{self.stop_bits}"

    @property
    def bits_per_char(self) -> int:
        """Bits that one character takes on the line, with start, parity and stop bits."""
        return 1 + self.data_bits + (self.parity != "none") + self.stop_bits

    @property
    def char_s(self) -> float:
        """Seconds that one character takes."""
        return self.bits_per_char / self.baud


@dataclass(slots=True)
class _Burst:
    """Bytes that leave one behind the other; the first one begins at ``begin_s``."""

    begin_s: float
    data: bytes
    passed: int = 0


@dataclass(slots=True)
class Direction:
    """One direction of a line.

    Args:
        settings: of the sender.

    Attributes:
        lost: bytes that a pulled cable swallowed.
        passed: bytes that have arrived.
    """

    settings: LineSettings = field(default_factory=LineSettings)
    lost: int = 0
    passed: int = 0
    waiting: int = 0
    _bursts: deque[_Burst] = field(default_factory=deque)
    _free_at: float = float("-inf")
    _pulled: list[tuple[float, float]] = field(default_factory=list)

    def room(self) -> int:
        """Bytes that ``put`` takes now."""
        return BACKLOG_BYTES_MAX - self.waiting

    def put(self, data: bytes, now: float) -> None:
        """The sender writes; its bytes follow those that are still under way.

        Raises:
            HarnessError: more than ``BACKLOG_BYTES_MAX`` would be under way.
        """
        if not data:
            return
        if len(data) > self.room():
            raise HarnessError(f"more than {BACKLOG_BYTES_MAX} bytes wait on one serial line")
        begin_s = max(now, self._free_at)
        self._free_at = begin_s + len(data) * self.settings.char_s
        self.waiting += len(data)
        self._bursts.append(_Burst(begin_s, data))

    def hold(self, seconds: float, now: float) -> None:
        """The line is held, as by a break: what follows begins so much later."""
        self._free_at = max(now, self._free_at) + seconds

    def pull(self, begin_s: float, seconds: float = float("inf")) -> None:
        """The cable is out from then on: bytes that would arrive meanwhile never do."""
        self._pulled.append((begin_s, begin_s + seconds))

    def plug(self, now: float) -> None:
        """The cable is in again."""
        self._pulled = [(begin, min(end, now)) for begin, end in self._pulled if begin < now]

    def due(self, now: float) -> bytes:
        """Bytes that have arrived since the last call."""
        found = bytearray()
        char_s = self.settings.char_s
        while self._bursts:
            burst = self._bursts[0]
            arrived = _whole_chars(now - burst.begin_s, char_s, len(burst.data))
            if arrived > burst.passed:
                found += self._surviving(burst, arrived, char_s)
                self.waiting -= arrived - burst.passed
                burst.passed = arrived
            if burst.passed < len(burst.data):
                break
            self._bursts.popleft()
        if not self._bursts:
            self._pulled = [one for one in self._pulled if one[1] > now]
        self.passed += len(found)
        return bytes(found)

    def _surviving(self, burst: _Burst, until: int, char_s: float) -> bytes:
        data = burst.data[burst.passed : until]
        if not self._pulled:
            return data
        kept = bytes(
            byte
            for index, byte in enumerate(data, burst.passed + 1)
            if not self._is_out(burst.begin_s + index * char_s)
        )
        self.lost += len(data) - len(kept)
        return kept

    def _is_out(self, at: float) -> bool:
        return any(begin <= at < end for begin, end in self._pulled)

    def next_due(self) -> float | None:
        """When to look again: after a slice of what is under way, or exactly at its end."""
        if not self._bursts:
            return None
        burst, char_s = self._bursts[0], self.settings.char_s
        step = max(1, int(SLICE_S / char_s))
        return burst.begin_s + min(burst.passed + step, len(burst.data)) * char_s


def _whole_chars(seconds: float, char_s: float, most: int) -> int:
    """Characters that fit into a time; a billionth of one may be missing, by rounding."""
    return max(0, min(most, int(seconds / char_s + 1e-6)))
