"""What passes on the lines of a window is read beside; a reader never holds a byte back.

The relay of scenarios holds a message back until it is whole, so that a fault can act on it. In an
upgrade window nothing may act: each read goes on as it came (``link.passing``), and the readers see
a copy. A reader that fails reads no more of that connection; the bytes pass all the same.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from harness.clock import Clock
from harness.link.passing import End
from harness.link.spec import LinkSpec
from harness.link.tap import Connection
from harness.watch.account import Account
from harness.watch.facts import Answered, Asked, Fact, Sent
from harness.watch.follow import Follow
from harness.watch.reading import Reader, reader_of
from harness.wire.core import Event

FORTH, BACK = "", " ←"
"""What stands behind the name of a link for each direction in a report."""


@dataclass(slots=True)
class Lines:
    """Is told what happens on every line, and keeps the accounts (a ``Watcher``).

    Args:
        specs: the lines by name.
        clock: gives the seconds.
        late_s: the limit of an answer, by link.
        follows: pairs of lines.
        probed: links that probes go over, whose answers are seen though nothing else is read.
    """

    specs: Mapping[str, LinkSpec]
    clock: Clock
    late_s: Mapping[str, float]
    follows: tuple[Follow, ...] = ()
    probed: frozenset[str] = frozenset()
    accounts: dict[str, Account] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _began: float = field(init=False)
    _readers: dict[str, Reader | None] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    """Connections of which the sender said its last."""
    _over: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._began = self.clock.now()
        for name in self.specs:
            self._account(name, FORTH)

    def now(self) -> float:
        """Seconds of the watch."""
        return self.clock.now() - self._began

    def _account(self, link: str, way: str) -> Account:
        name = link + way
        if name not in self.accounts:
            protocol = self.specs[link].protocol
            self.accounts[name] = Account(
                late_s=self.late_s[link], by_part=protocol == "astm",
                answers=reader_of(protocol) is not None or link in self.probed,
            )  # fmt: skip
        return self.accounts[name]

    # -- what links tell

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection came, went or failed; the far side is the listener's."""
        name = connection.link
        if name not in self.specs or self._over:
            return
        conn = connection.id.removesuffix(">")
        with self._lock, self._beside(name, conn):
            account, now = self._account(name, FORTH), self.now()
            far = connection.client
            if event == "opened" and far:
                account.opened(now)
            elif event in {"failed", "refused"} and far:
                account.failed(reason, now)
            elif event == "closed" and not far:
                self._left.add(conn)  # what was asked may still be answered (a half-closed line)
            elif event == "closed":
                self._ended(name, conn, now)
                account.closed(conn, now, by_listener=conn not in self._left)
                self._left.discard(conn)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes passed: looked at where they came in."""
        if sent or connection.link not in self.specs or self._over:
            return
        conn = connection.id.removesuffix(">")
        with self._lock, self._beside(connection.link, conn):
            if conn not in self._readers:
                self._readers[conn] = reader_of(self.specs[connection.link].protocol)
            reader = self._readers[conn]
            if reader is not None:
                now = self.now()
                for forth, fact in reader.data(data, self.clock.now(), forth=not connection.client):
                    self._take(connection.link, conn, forth, fact, now)

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """Read from the bytes instead."""

    def note(self, role: str, text: str) -> None:
        """Something of the relay."""
        self.notes.append(text)

    @contextmanager
    def _beside(self, link: str, conn: str) -> Iterator[None]:
        """Whatever a reader or an account fails at, the bytes pass; that it failed is told."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - real traffic waits for this to return
            if conn in self._readers:
                self._readers[conn] = None
            for way in (FORTH, BACK) if link + BACK in self.accounts else (FORTH,):
                self._account(link, way).blind(conn, f"{type(error).__name__}: {error}")

    # -- accounts

    def _ended(self, link: str, conn: str, now: float) -> None:
        reader = self._readers.pop(conn, None)
        if reader is not None:
            for forth, fact in reader.ended():
                self._take(link, conn, forth, fact, now)

    def _take(self, link: str, conn: str, forth: bool, fact: Fact, now: float) -> None:  # noqa: FBT001 - the direction, as everywhere here
        # An answer that goes back belongs to the account of what went forth.
        way = FORTH if forth is isinstance(fact, Sent | Asked) else BACK
        self.take(link, way, fact, conn, now)

    def take(self, link: str, way: str, fact: Fact, conn: str, now: float) -> None:
        """One fact; whoever else finds facts on a line, such as a prober, tells them here."""
        with self._lock:
            self._account(link, way).take(fact, conn, now)
            if way == FORTH and self.follows:
                self._followed(link, fact, now)

    def _followed(self, link: str, fact: Fact, now: float) -> None:
        for follow in self.follows:
            if link == follow.before:
                if isinstance(fact, Sent):
                    follow.offered(fact, now)
                elif isinstance(fact, Answered) and fact.good:
                    follow.accepted(fact.key, now)
            if link == follow.after and isinstance(fact, Sent):
                follow.came_out(fact, now)

    def tick(self) -> None:
        """Notice what was not answered in time."""
        with self._lock:
            for account in self.accounts.values():
                account.tick(self.now())

    def finish(self) -> None:
        """Judge what is left; of what passes from now on nothing is read."""
        with self._lock:
            self._over = True
            for account in self.accounts.values():
                account.finish(self.now())
            for follow in self.follows:
                follow.finish(self.now())


UNREAD: Final = frozenset({"dicom", "soap", "raw", "framed", "poct1a"})
"""Protocols of which a watch tells connections apart and no messages."""


@dataclass(slots=True)
class Beside:
    """Tells what passes on one line (a journal of a ``Passage``).

    Args:
        spec: the line.
        lines: are told.
    """

    spec: LinkSpec
    lines: Lines
    _conns: dict[End, str] = field(default_factory=dict)
    """Connections by the end of who called, until both sides said their last."""
    _half: set[End] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def opened(self, source: End, target: End) -> None:
        """A connection that the system took."""
        conn = self._conns[source] = f"{self.spec.name}#{next(self._numbers)}"
        self.lines.link(self.spec.connection(conn, client=False), "opened", "")
        self.lines.link(self.spec.connection(f"{conn}>", client=True), "opened", "")

    def passed(self, source: End, target: End, data: bytes) -> None:
        """Bytes are about to go from one end to the other."""
        self.lines.data(self._end(source, target), data, sent=False)

    def closed(self, source: End, target: End, *, reset: bool) -> None:
        """One end says no more."""
        one = self._end(source, target)
        caller = target if one.client else source
        with self._lock:
            over = caller in self._half
            if over:
                self._half.discard(caller)
                self._conns.pop(caller, None)
            else:
                self._half.add(caller)
        if one.client or not over:  # who called and leaves behind the system says nothing new
            self.lines.link(one, "closed", "reset" if reset else "")

    def turned_away(self, source: End, why: str) -> None:
        """The system did not take a connection."""
        conn = f"{self.spec.name}#{next(self._numbers)}"
        self.lines.link(self.spec.connection(f"{conn}>", client=True), "refused", why)

    def _end(self, source: End, target: End) -> Connection:
        """The connection at whose end bytes came in: who called, or the system."""
        if source in self._conns:
            return self.spec.connection(self._conns[source], client=False)
        return self.spec.connection(f"{self._conns.get(target, '')}>", client=True)
