"""One thread that reads many connections.

A thread for each connection costs a change of threads for each message, and on a busy link most of
the time goes there. What one look finds readable is handed over together, so that an actor with
fifty peers is locked, its journal written and its answers sent once for all of them.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from harness.link.tcp import LINGER_S, Wire

WIRES_MAX: Final = 256
"""Connections of one reader: half of what ``select`` on Windows can look at."""

READS_MAX: Final = 64
"""Reads handed over together: bounds how long the first answer waits for the others."""

AWAKE_S: Final = 0.0001
"""A reader looks for so long before it sleeps: a processor that was put to sleep takes as long to
come back as a message takes to be answered."""

Reads = list[tuple[str, bytes]]
"""Connections, and what came over them."""


@dataclass(slots=True)
class Readers:
    """Reads plain TCP connections until each ends.

    Args:
        taken: gets what came; whatever it raises ends the reader.
        ended: is told that a connection is over, and why; its socket is closed already.
    """

    taken: Callable[[Reads], None]
    ended: Callable[[str, Wire, str], None]
    _new: deque[tuple[str, Wire]] = field(default_factory=deque)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _alarm: socket.socket = field(init=False)
    _bell: socket.socket = field(init=False)
    _stopping: bool = False
    _sweep_at: float = 0.0
    _awake_until: float = 0.0

    def __post_init__(self) -> None:
        self._bell, self._alarm = socket.socketpair()
        for end in (self._bell, self._alarm):
            end.settimeout(0.0)
        self._selector.register(self._alarm, selectors.EVENT_READ)

    @property
    def count(self) -> int:
        """Connections that it reads, or is about to."""
        known = self._selector.get_map()
        return len(self._new) + (len(known) - 1 if known else 0)

    def add(self, conn: str, wire: Wire) -> None:
        """Read this connection, too; any thread may say so."""
        self._new.append((conn, wire))
        self._ring()

    def stop(self) -> None:
        """End once the last connection is over."""
        self._stopping = True
        self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # full: it rings already; closed: it is over
            self._bell.send(b"\0")

    def run(self) -> None:
        """The thread."""
        try:
            while not (self._stopping and self.count == 0):
                self._turn()
        finally:
            self._selector.close()
            self._alarm.close()
            self._bell.close()

    def _turn(self) -> None:
        reads: Reads = []
        over: list[tuple[str, Wire, str]] = []
        for key, _ in self._ready():
            if key.data is None:
                self._answer_bell()
                continue
            conn, wire = key.data
            data, reason = wire.receive_ready()
            if data:
                reads.append((conn, data))
                if len(reads) == READS_MAX:
                    self.taken(reads)
                    reads = []
            elif reason is not None:
                over.append((conn, wire, reason))
        if reads:
            self.taken(reads)
            self._awake_until = monotonic() + AWAKE_S
        for conn, wire, reason in over:  # after what came before the end
            self._over(conn, wire, reason)
        now = monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + LINGER_S
            self._sweep(now)

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What is readable; a peer that answers at once is met before this thread goes to sleep."""
        while monotonic() < self._awake_until:
            if found := self._selector.select(0):
                return found
        return self._selector.select(LINGER_S)

    def _answer_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass
        while self._new:
            conn, wire = self._new.popleft()
            try:
                self._selector.register(wire.sock, selectors.EVENT_READ, (conn, wire))
            except (ValueError, KeyError, OSError) as error:  # closed meanwhile
                self.ended(conn, wire, wire.broken or str(error))

    def _sweep(self, now: float) -> None:
        """Let go of connections that we ended and the peer does not."""
        keys = list(self._selector.get_map().values())
        for conn, wire in (key.data for key in keys if key.data is not None):
            if wire.lingers_until is not None and now >= wire.lingers_until:
                self._over(conn, wire, wire.broken)

    def _over(self, conn: str, wire: Wire, reason: str) -> None:
        self._selector.unregister(wire.sock)
        wire.sock.close()
        self.ended(conn, wire, reason)
