"""One thread that reads many connections.

A thread for each connection costs a change of threads for each message, and on a busy link most of
the time goes there. What one look finds readable is handed over together, so that an actor with
fifty peers is locked, its journal written and its answers sent once for all of them. A connection
that speaks alone is read without asking which one it is, and where the system allows it, the same
thread accepts: who connects, says one thing and leaves costs no change of threads at all.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import get_ident
from time import monotonic, sleep
from typing import Final

from harness import limits
from harness.link import accepting
from harness.link.shortcut import Short
from harness.link.tcp import LINGER_S, Wire, reason_of

WIRES_MAX: Final = 256
"""Connections of one reader: half of what ``select`` on Windows can look at."""

READS_MAX: Final = 64
"""Reads handed over together: bounds how long the first answer waits for the others."""

AWAKE_S: Final = 0.0001
"""A reader looks for so long before it sleeps: a processor that was put to sleep takes as long to
come back as a message takes to be answered."""

ALONE_MAX: Final = 32
"""Reads of one connection before the others are looked at again: about a millisecond."""

ACCEPTS: Final = hasattr(selectors, "EpollSelector") or hasattr(selectors, "KqueueSelector")
"""Listeners are closed by other threads; these selectors allow that while somebody looks."""

GATHER_PART: Final = 0.125
GATHER_S: Final = 0.001
GATHER_STEP_S: Final = 0.0002
"""Where a batch ends with a wait for the disk, those who were in the last ones are waited for: for
this part of the time that the last one took, and no longer than this. Peers that answer at once
would otherwise fall apart into groups that wait for the disk in turn."""

UNRESTED_MAX: Final = 16
"""Looks without sleep before what was told, and led to nothing that leaves, is written."""

ACCEPTS_MAX: Final = 64
"""Connections taken in before those that are there are read: one at a time, and the fiftieth
window that opens while others are served would wait until fifty times all of them are answered."""

RETURNS_MAX: Final = 4
"""Connections met at their listener alone before the others are looked at again."""

_let_others_run: Final[Callable[[], None]] = getattr(os, "sched_yield", lambda: None)
"""While it looks: the peer may wait for this very processor."""

Reads = list[tuple[str, bytes]]
"""Connections, and what came over them."""

Read = tuple[str, Wire, Short | None]
"""A connection, and its short way, where it has one."""

Found = list[tuple[selectors.SelectorKey, int]]


@dataclass(slots=True, eq=False)
class Listening:
    """A listening socket.

    Args:
        sock: it.
        accepted: gets each connection; must not block.
        broken: is told why there will be no more; and once that there is no room for one more,
            when callers wait.
    """

    sock: socket.socket
    accepted: Callable[[socket.socket], None]
    broken: Callable[[OSError], None]
    _told: bool = False

    def accept(self) -> bool:
        """One connection, if somebody waits; False where there will never be one again."""
        try:
            sock, _ = self.sock.accept()
        except (BlockingIOError, TimeoutError):
            return True
        except OSError as error:
            pause_s = accepting.pause_s(error)
            if pause_s is None:
                self.broken(error)
                self.sock.close()
                return False
            if pause_s and not self._told:
                self._told = True
                self.broken(error)
            sleep(pause_s)
            return True
        self.accepted(sock)
        return True

    def run(self, wanted: Callable[[], bool]) -> None:
        """Accept in a thread of its own; the socket has a timeout."""
        while wanted() and self.accept():
            pass
        self.sock.close()


@dataclass(slots=True)
class Readers:
    """Reads TCP and TLS connections until each ends.

    Args:
        taken: gets what came; whatever it raises ends the reader.
        ended: is told that a connection is over, and why; its socket is closed already.
        gathers: a batch ends with a wait for the disk.
        rest: called before it sleeps, and now and then: time to write what led to no answer.
    """

    taken: Callable[[Reads], None]
    ended: Callable[[str, Wire, str], None]
    gathers: bool = False
    rest: Callable[[], object] = lambda: None
    _served: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    _took_s: float = 0.0
    _new: deque[Read] = field(default_factory=deque)
    _to_hear: deque[Listening] = field(default_factory=deque)
    _heard: int = 0
    _alone: Read | None = None
    _unmet: Read | None = None
    _hears: Listening | None = None
    _returns: int = 0
    _unrested: int = 0
    _thread: int = 0
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
        new = len(self._new) + (self._unmet is not None)
        return new + (len(known) - 1 - self._heard if known else 0)

    @property
    def here(self) -> bool:
        """Whether it is this thread that reads."""
        return get_ident() == self._thread

    def add(self, conn: str, wire: Wire, short: Short | None = None) -> None:
        """Read this connection, too; any thread may say so."""
        self._new.append((conn, wire, short))
        if not self.here:  # else it was accepted in this turn, and is met in it
            self._ring()

    def listen(self, listening: Listening) -> None:
        """Accept there, too; whoever closes the socket is heard at once."""
        listening.sock.settimeout(0.0)
        self._to_hear.append(listening)
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
        self._thread = get_ident()
        try:
            while not (self._stopping and self.count == 0):
                self._turn()
        finally:
            self.rest()
            self._selector.close()
            self._alarm.close()
            self._bell.close()

    def _turn(self) -> None:
        if self._alone is not None:
            if self._read_alone(*self._alone):
                return
            self._alone = None
            self._register()
        elif self._returned():
            return
        now = monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + LINGER_S
            self._sweep(now)
        found = self._ready()
        begin = monotonic()
        if self.gathers:
            found = self._gathered(found, begin)
        elif len(found) == 1 and isinstance(found[0][0].data, tuple):
            self._alone = found[0][0].data
            return
        self._read(found, begin)

    def _returned(self) -> bool:
        """Whether who just left is back already, or another one where it came from.

        Asking its listener costs a third of asking for all that may have happened.
        """
        if self._hears is None or self._returns >= RETURNS_MAX or self.gathers:
            return False
        self._returns += 1
        self._else(self._hears)
        return self._alone is not None

    def _read(self, found: Found, begin: float) -> None:
        """Read all that is readable, and hand it over together."""
        reads: Reads = []
        over: list[tuple[str, Wire, str]] = []
        for key, _ in found:
            if not isinstance(key.data, tuple):
                self._else(key.data, rush=len(found) > 1)
                continue
            conn, wire, _ = key.data
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
            if self.gathers:
                self._served = self._served[1], frozenset(conn for conn, _ in reads)
                self._took_s = monotonic() - begin
                if len(found) == 1:
                    self._alone = key.data
        for conn, wire, reason in over:  # after what came before the end
            self._over(conn, wire, reason)

    def _gathered(self, found: Found, begin: float) -> Found:
        """What is readable once those of the last two batches are there, or waited for enough."""
        awaited = self._served[0] | self._served[1]
        until = begin + min(GATHER_S, GATHER_PART * self._took_s)
        while len(awaited) > 1 and monotonic() < until:
            here = {key.data[0] for key, _ in found if isinstance(key.data, tuple)}
            if len(found) >= READS_MAX or here >= awaited:
                break
            sleep(GATHER_STEP_S)
            found = self._selector.select(0) or found
        return found

    def _read_alone(self, conn: str, wire: Wire, short: Short | None) -> bool:
        """Read the one connection that spoke last; False where it fell silent."""
        receive, left, silent_at = wire.receive, ALONE_MAX, 0.0
        while left:
            _let_others_run()
            try:
                data = receive(limits.RECEIVE_CHUNK_BYTES)
            except BlockingIOError:
                now = monotonic()
                silent_at = silent_at or now
                if now >= silent_at + AWAKE_S:
                    return False
                continue
            except OSError as error:
                self._over(conn, wire, wire.broken or reason_of(error))
                return True
            if not data:
                self._over(conn, wire, wire.broken)
                return True
            long = short is None or not short(data)
            if long and wire.lingers_until is None and not wire.broken:
                self.taken([(conn, data)])
            left, silent_at = left - 1, 0.0
        return self._still_alone(wire)

    def _still_alone(self, wire: Wire) -> bool:
        """Whether nothing else has come meanwhile, and nobody is to be let go of."""
        self._register()
        if monotonic() >= self._sweep_at:
            return False
        self.rest()
        return all(key.fileobj is wire.sock for key, _ in self._selector.select(0))

    def _ready(self) -> Found:
        """What is readable; a peer that answers at once is met before this thread goes to sleep."""
        self._hears, self._returns = None, 0
        self._unrested += 1
        if self._unrested <= UNRESTED_MAX:
            while monotonic() < self._awake_until:
                if found := self._selector.select(0):
                    return found
                _let_others_run()
        self._unrested = 0
        self.rest()
        return self._selector.select(LINGER_S)

    def _else(self, listening: Listening | None, *, rush: bool = False) -> None:
        """The bell rang, or somebody connects; ``rush``: while others are to be read."""
        if listening is None:
            with contextlib.suppress(BlockingIOError):
                while self._alarm.recv(4096):
                    pass
        elif self._accept(listening, ACCEPTS_MAX if rush else 1):
            self._hears = listening
        else:
            self._hears = None
            self._selector.unregister(listening.sock)
            self._heard -= 1
        while self._to_hear:
            one = self._to_hear.popleft()
            with contextlib.suppress(ValueError, KeyError, OSError):  # closed meanwhile
                self._selector.register(one.sock, selectors.EVENT_READ, one)
                self._heard += 1
        while self._new:
            self._register()
            self._alone = self._unmet = self._new.popleft()
        if self.gathers:
            self._register()

    def _accept(self, listening: Listening, most: int) -> bool:
        """Take in who waits there; False where nobody ever will again."""
        for _ in range(most):
            known = len(self._new)
            if not listening.accept():
                return False
            if len(self._new) == known:
                break  # nobody waits any more
        return True

    def _register(self) -> None:
        """Look at the newest connection beside the others: until now it was read alone."""
        new, self._unmet = self._unmet, None
        if new is None:
            return
        conn, wire, _ = new
        try:
            self._selector.register(wire.sock, selectors.EVENT_READ, new)
        except (ValueError, KeyError, OSError) as error:  # closed meanwhile
            if self._alone is new:
                self._alone = None
            self.ended(conn, wire, wire.broken or str(error))

    def _sweep(self, now: float) -> None:
        """Let go of connections that we ended and the peer does not."""
        keys = list(self._selector.get_map().values())
        for conn, wire, _ in (key.data for key in keys if isinstance(key.data, tuple)):
            if wire.lingers_until is not None and now >= wire.lingers_until:
                self._over(conn, wire, wire.broken)

    def _over(self, conn: str, wire: Wire, reason: str) -> None:
        if self._alone is not None and self._alone[1] is wire:
            self._alone = None
        if self._unmet is not None and self._unmet[1] is wire:
            self._unmet = None
        else:
            self._selector.unregister(wire.sock)
        wire.sock.close()
        self.ended(conn, wire, reason)
        self._awake_until = monotonic() + AWAKE_S  # who leaves may come back at once
