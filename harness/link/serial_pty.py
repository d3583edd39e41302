"""Serial lines without hardware: pairs of pseudo-terminals with a cable between them.

Each cable has two ends that programs open as serial ports, and between them a line that is as slow
as its settings say. One thread moves the bytes of all cables. POSIX only: on Windows a pair of
ports needs a driver (com0com) or a device server, and ``Cables`` says so.
"""

from __future__ import annotations

import contextlib
import heapq
import importlib
import itertools
import os
import selectors
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from harness import limits
from harness.errors import InputError
from harness.i18n import tr
from harness.link.serial_address import SerialAddress
from harness.link.serial_line import Direction, LineSettings

__all__ = ["Cable", "Cables", "has_terminals"]

READ_BYTES: Final = 4096
"""One read from a terminal: its whole line buffer (Linux ``N_TTY_BUF_SIZE``)."""

FULL_S: Final = 0.02
"""When to try again where nobody reads the other end."""


"""A cable stays out until it is plugged in."""


@dataclass(slots=True, eq=False)
class _Half:
    """One direction: from the master of one terminal to the master of the other."""

    source: int
    target: int
    line: Direction
    ready: bytearray = field(default_factory=bytearray)
    planned: bool = False


@dataclass(slots=True, eq=False)
class Cable:
    """Two ends and the line between them.

    Attributes:
        near: where one side opens it: for the role that connects.
        far: where the other side opens it: for the role that listens.
    """

    near: SerialAddress
    far: SerialAddress
    halves: tuple[_Half, _Half]
    _fds: tuple[int, ...]
    _owner: Cables

    def pull(self) -> None:
        """Take it out: silence both ways."""
        self._change(lambda line, now: line.pull(now))

    def plug(self) -> None:
        """Put it in again."""
        self._change(lambda line, now: line.plug(now))

    def _change(self, action: Callable[[Direction, float], None]) -> None:
        def both(now: float) -> None:
            for half in self.halves:
                action(half.line, now)

        self._owner.change(both)

    def noise(self, data: bytes, *, to_far: bool = True) -> None:
        """Bytes that nobody sent."""
        half = self.halves[0 if to_far else 1]
        self._owner.change(lambda now: half.line.put(data, now))

    @property
    def lost(self) -> int:
        """Bytes that a pulled cable swallowed."""
        return sum(half.line.lost for half in self.halves)

    @property
    def passed(self) -> int:
        """Bytes that arrived, both ways."""
        return sum(half.line.passed for half in self.halves)

    def close(self) -> None:
        """Give the terminals back; for ``Cables`` only."""
        for descriptor in self._fds:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class Cables:
    """All cables of a run, and the thread that moves their bytes."""

    def __init__(self) -> None:
        _require_terminals()
        self.cables: list[Cable] = []
        self._halves: list[_Half] = []
        self._selector = selectors.DefaultSelector()
        self._plan: list[tuple[float, int, _Half]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._alarm, self._bell = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(self._bell, False)
        self._selector.register(self._alarm, selectors.EVENT_READ, None)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="serial cables", daemon=True)
        self._thread.start()

    def add(self, line: LineSettings | None = None) -> Cable:
        """Make a cable whose both ends are set alike.

        The terminals themselves stay at eight bits without parity, which is all that every system
        lets them have; what seven bits and a slow line do is done by the cable.

        Raises:
            InputError: the system has no pseudo-terminal left.
        """
        settings = line or LineSettings()
        try:
            one, other = os.openpty(), os.openpty()
        except OSError as error:
            raise InputError(
                tr("no pseudo-terminal can be made: {reason}", reason=error.strerror),
                remedy=tr("use a pair of ports (com0com, socat) or a serial device server"),
            ) from error
        for master, slave in (one, other):
            _raw(slave)
            os.set_blocking(master, False)
        near, far = (
            SerialAddress(url=os.ttyname(slave), line=LineSettings(baud=settings.baud))
            for _, slave in (one, other)
        )
        halves = (
            _Half(one[0], other[0], Direction(settings)),
            _Half(other[0], one[0], Direction(settings)),
        )
        # The slaves stay open here: without an opener the master of a terminal reports EIO.
        cable = Cable(near, far, halves, (*one, *other), self)
        with self._lock:
            self.cables.append(cable)
            for half in halves:
                self._selector.register(half.source, selectors.EVENT_READ, half)
        self._ring()
        return cable

    def change(self, action: Callable[[float], None]) -> None:
        """Do something to lines, between two moves of bytes."""
        with self._lock:
            now = monotonic()
            action(now)
            for cable in self.cables:
                for half in cable.halves:
                    self._look_again(half, now)
        self._ring()

    def stop(self) -> list[str]:
        """End the thread and give the terminals back; returns the thread where it would not end."""
        self._stopping = True
        self._ring()
        self._thread.join(limits.STOP_TIMEOUT_S)
        if self._thread.is_alive():
            return [self._thread.name]
        self._selector.close()
        for cable in self.cables:
            cable.close()
        self.cables.clear()
        for descriptor in (self._alarm, self._bell):
            os.close(descriptor)
        return []

    # -- the thread ----------------------------------------------------------------------------

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # full: it rings already
            os.write(self._bell, b"\0")

    def _run(self) -> None:
        while not self._stopping:
            found = self._selector.select(self._wait_s())
            now = monotonic()
            with self._lock:
                for key, _ in found:
                    if key.data is None:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._alarm, READ_BYTES)
                    else:
                        self._take(key.data, now)
                self._move(now)

    def _wait_s(self) -> float | None:
        with self._lock:
            return max(0.0, self._plan[0][0] - monotonic()) if self._plan else None

    def _look_again(self, half: _Half, now: float) -> None:
        """Plan the next look at a direction, once: others must not hand its bytes over early."""
        due = now + FULL_S if half.ready else half.line.next_due()
        if due is not None and not half.planned:
            half.planned = True
            heapq.heappush(self._plan, (due, next(self._order), half))

    def _take(self, half: _Half, now: float) -> None:
        """What a program wrote enters the line, as far as the line has room."""
        room = min(READ_BYTES, half.line.room())
        if not room:
            return
        with contextlib.suppress(BlockingIOError):
            data = os.read(half.source, room)
            half.line.put(_through(data, half.line.settings), now)
            self._look_again(half, now)

    def _move(self, now: float) -> None:
        """What has arrived goes to the program at the other end, as far as it takes it."""
        while self._plan and self._plan[0][0] <= now:
            half = heapq.heappop(self._plan)[2]
            half.planned = False
            half.ready += half.line.due(now)
            if half.ready:
                with contextlib.suppress(BlockingIOError):
                    written = os.write(half.target, half.ready)
                    del half.ready[:written]
            self._look_again(half, now)


def _through(data: bytes, line: LineSettings) -> bytes:
    """What a line with these settings at both ends leaves of bytes."""
    return data if line.data_bits == 8 else bytes(byte & 0x7F for byte in data)


def has_terminals() -> bool:
    """Whether this system has pseudo-terminals; Windows has none."""
    return hasattr(os, "openpty")


def _require_terminals() -> None:
    if not has_terminals():
        raise InputError(
            tr("this system has no pseudo-terminals"),
            remedy=tr("use a pair of ports (com0com, socat) or a serial device server"),
        )


def _raw(descriptor: int) -> None:
    """Bytes as they are: no echo, no line editing, no translation of CR."""
    tty: Any = importlib.import_module("tty")  # POSIX only, so not imported with this module
    tty.setraw(descriptor)
