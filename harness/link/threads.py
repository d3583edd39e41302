"""All actors of a process over sockets and real time.

One thread reads many plain connections (``readers.py``), a TLS connection has its own. The thread
that reads a connection also drives its core and its actor, under the lock of the actor. What the
actor wants sent leaves after the lock is free, and what a peer does not take at once leaves in a
thread of its own. Nothing here is asyncio: the serial port and DICOM libraries
block, and a loop on Windows cannot watch a COM port.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness import limits
from harness.clock import RealClock
from harness.errors import HarnessError
from harness.link import serial_port, tcp
from harness.link.address import LOOPBACK, Address
from harness.link.alarms import Alarms
from harness.link.batch import take
from harness.link.bell import Bell
from harness.link.dial import dial
from harness.link.host import CrashPoint, Host
from harness.link.readers import ACCEPTS, WIRES_MAX, Listening, Readers, Reads
from harness.link.scheduler import Scheduler, Timer
from harness.link.serial_address import SerialAddress
from harness.link.shortcut import NOT_WRITTEN, shortcut
from harness.link.team import Team

ACCEPT_POLL_S = 0.2
"""How soon a listener notices that it should stop."""


@dataclass(slots=True)
class Member:
    """One host over sockets, and its ``Io``."""

    runtime: Threads
    name: str
    host: Host
    routes: dict[str, Address | SerialAddress] = field(default_factory=dict)
    wires: dict[str, tcp.Wire] = field(default_factory=dict)
    stopping: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    dirty: list[tcp.Wire] = field(default_factory=list)
    _listeners: list[socket.socket] = field(default_factory=list)
    _team: Team = field(default_factory=Team)
    _sockets: set[tcp.Wire] = field(default_factory=set)
    _readers: list[Readers] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _alarms: Alarms = field(init=False)

    def __post_init__(self) -> None:
        scheduler, clock = self.runtime.scheduler, self.runtime.clock
        self._alarms = Alarms(scheduler, clock.now, self.run, self.host.expired)

    def run(self, *actions: Callable[[], None]) -> None:
        """Do something with the host, serialised; then send what came of it."""
        with self.lock:
            for action in actions:
                try:
                    if not self.stopping:
                        action()
                except Exception as error:  # noqa: BLE001 - told to whoever waits; a thread has no caller
                    self.runtime.failed(error)
            dirty = self.gathered()
        self.leave(dirty)

    def _taken(self, reads: Reads) -> None:
        """As ``run``, for what came over several connections at once."""
        with self.lock:
            lost = "" if self.stopping else take(self.host, reads, self.runtime.failed)
            dirty = self.gathered()
        self.leave(dirty, lost)

    def gathered(self) -> list[tcp.Wire]:
        """Wires that were written to under the lock; ``leave`` sends once it is free."""
        dirty, self.dirty = self.dirty, []
        return dirty

    def leave(self, dirty: list[tcp.Wire], lost: str = "") -> None:
        """Send what waits, once all that led to it is written; ``lost`` says why nothing may."""
        rests = any(one.here for one in self._readers)  # it writes before it sleeps
        if dirty or self.host.answers.values or not rests:
            lost = self._settled() or lost
        for wire in dirty:
            if lost:
                wire.give_up(lost)
            else:
                wire.flush()
        if self.host.answers.values:
            self.runtime.answered()
        self.runtime.changed()

    def _settled(self) -> str:
        """Write what was told; why nothing may leave, where that does not succeed."""
        try:
            self.runtime.settle()
        except Exception as error:  # noqa: BLE001 - as in ``run``
            self.runtime.failed(error)
            return NOT_WRITTEN
        return ""

    # -- Io ------------------------------------------------------------------------------------

    def open(self, link: str, conn: str) -> None:
        """Connect in a thread of its own; that thread then reads."""
        self._thread(lambda: self._connect(link, conn), conn)

    def write(self, conn: str, data: bytes) -> None:
        """Queue bytes; they leave when the actor's lock is free."""
        wire = self.wires.get(conn)
        if wire is not None:
            wire.put(data)
            self.dirty.append(wire)

    def flush(self) -> None:
        """Hand everything queued to the operating system, as far as the peers take it."""
        self.runtime.settle()
        for wire in self.dirty:
            wire.flush()

    def close(self, conn: str, *, reset: bool) -> None:
        """End a connection after what was queued before."""
        wire = self.wires.pop(conn, None)
        if wire is not None:
            wire.end(tcp.RESET if reset else tcp.CLOSE)
            self.dirty.append(wire)
            self._alarms.forget(("core", conn))

    def timer(self, key: tuple[str, str], at: float | None) -> None:
        """Only the latest setting of a timer counts."""
        self._alarms.set(key, at)

    def later(self, at: float, action: Callable[[], None]) -> None:
        """At that real time, serialised with the host."""
        self.runtime.scheduler.add(Timer(at, lambda: self.run(action)))

    def died(self) -> None:
        """The actor crashed: nothing is said good-bye to, and nobody listens any more."""
        for conn in list(self.wires):
            self.close(conn, reset=True)
        self._alarms.clear()
        self._deafen()
        self.runtime.died(self)

    def _deafen(self) -> None:
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # where it works, accept() ends at once
            listener.close()
        self._listeners.clear()

    # -- connections ---------------------------------------------------------------------------

    def listen(self, link: str, address: Address = LOOPBACK) -> Address:
        """Accept ``link`` at an address; returns it with the port that the system chose."""
        listener = tcp.listen(address.host, address.port)
        self._listeners.append(listener)
        port: int = listener.getsockname()[1]
        waiting = Listening(
            listener,
            accepted=lambda sock: self._arrived(link, sock, address.tls),
            broken=lambda error: self._deaf(link, error),
        )
        if ACCEPTS:
            self._reading(lambda readers: readers.listen(waiting))
        else:
            listener.settimeout(ACCEPT_POLL_S)
            self._thread(lambda: waiting.run(lambda: self.host.alive), f"accept {link}")
        return Address(host=address.host, port=port)

    def attend(self, link: str, address: SerialAddress) -> SerialAddress:
        """Hold a serial port open for ``link``, and open it again where it went."""
        port = serial_port.connect(address)
        attending = serial_port.Attending(
            address,
            serve=lambda sock: self._serve(link, sock, None),
            wanted=lambda: self.host.alive and not self.stopping,
        )
        self._thread(lambda: attending.run(port), f"attend {link}")
        return address

    def _thread(self, target: Callable[[], None], name: str) -> None:
        self._team.start(target, f"{self.name} {name}", self.runtime.failed)

    def _wire(self, sock: socket.socket) -> tcp.Wire:
        wire = tcp.Wire(sock, lambda rest: self._thread(rest, "sends"))
        with self._guard:
            self._sockets.add(wire)
            stopping = self.stopping
        if stopping:
            wire.give_up("stopped")
        return wire

    def _connect(self, link: str, conn: str) -> None:
        try:
            wire = self._wire(self._connected(link))
        except OSError as error:
            reason = tcp.reason_of(error)
            self.run(lambda: self.host.refused(link, conn, reason))
            return

        def begin() -> None:
            self.wires[conn] = wire
            self.host.opened(link, conn, client=True)

        self.run(begin)
        self._watch(conn, wire)

    def _connected(self, link: str) -> socket.socket:
        address = self.routes.get(link)
        if address is None:
            raise OSError(f"no route for {link}")
        if self.host.guard is not None and address.place is not None:
            about = self.host.describe(link, "", True)  # noqa: FBT003 - called by position
            self.host.guard.opens(about, *address.place)
        return dial(address)

    def _arrived(self, link: str, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Somebody connected; only a handshake needs a thread of its own."""
        if len(self._sockets) >= limits.CONNECTIONS_MAX:
            sock.close()
        elif tls is not None:
            self._thread(lambda: self._serve(link, sock, tls), link)
        else:
            self._serve(link, sock, None)

    def _deaf(self, link: str, error: OSError) -> None:
        """Nobody can connect, which is an error unless it was meant; perhaps never again."""
        if self.host.alive:
            self.runtime.failed(HarnessError(f"{self.name} cannot accept {link}: {error}"))

    def _serve(self, link: str, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        if tls is not None:
            sock.settimeout(limits.CONNECT_TIMEOUT_S)
            try:
                sock = tls.wrap_socket(sock, server_side=True)
            except OSError as error:
                sock.close()
                reason = str(error)
                self.run(lambda: self.host.turned_away(link, reason))
                return
        wire = self._wire(sock)
        conn = ""

        def begin() -> None:
            nonlocal conn
            conn = self.host.next_id(link)
            self.wires[conn] = wire
            if self.host.admits(link, conn, client=False):
                self.host.opened(link, conn, client=False)
            else:
                self.close(conn, reset=True)

        self.run(begin)
        self._watch(conn, wire)

    def _watch(self, conn: str, wire: tcp.Wire) -> None:
        """Read it to its end: serial lines in this thread, others in one for many."""
        if not wire.shared:
            reason = wire.read_all(lambda data: self._taken([(conn, data)]))
            self._ended(conn, wire, reason)
            return
        short = shortcut(self, conn, wire)
        self._reading(lambda readers: readers.add(conn, wire, short))

    def _reading(self, given: Callable[[Readers], None]) -> None:
        """Give a reader that has room something to read; start one where none has."""
        with self._guard:
            readers = next((one for one in self._readers if one.count < WIRES_MAX), None)
            if readers is not None:
                given(readers)
                return
            gathers = self.host.grouping is not None
            readers = Readers(self._taken, self._ended, gathers, self._settled)
            given(readers)
            if self.stopping:
                readers.stop()  # nobody will tell it later
            else:
                self._readers.append(readers)
        self._thread(readers.run, "reads")

    def _ended(self, conn: str, wire: tcp.Wire, reason: str) -> None:
        with self._guard:
            self._sockets.discard(wire)

        def end() -> None:
            if self.wires.get(conn) is wire:
                del self.wires[conn]
                self.host.eof(conn, reason)
                self._alarms.forget(("core", conn))

        self.run(end)

    def stop(self) -> list[str]:
        """End everything; returns the names of threads that are still there."""
        with self.lock:
            self.stopping = True
            self.host.power_off()
        self._deafen()
        with self._guard:
            readers, self._readers = self._readers, []
        for one in readers:
            one.stop()
        deadline = self.runtime.clock.now() + limits.CONNECT_TIMEOUT_S + limits.STOP_TIMEOUT_S
        while (left := self._team.left()) and self.runtime.clock.now() < deadline:
            with self._guard:
                wires = list(self._sockets)
            for wire in wires:
                wire.give_up("stopped")
            left[0].join(ACCEPT_POLL_S)
        return [thread.name for thread in left]


class Threads:
    """Drives hosts over sockets and real time.

    Args:
        died: called where an actor crashed: a process shell ends its process there.
        settle: called before anything leaves: a watcher that gathers what it is told writes here.
    """

    def __init__(
        self,
        died: Callable[[Member], None] = lambda _: None,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.settle = settle
        self.clock = RealClock()
        self.scheduler = Scheduler(self.clock)
        self.members: dict[str, Member] = {}
        self.errors: list[Exception] = []
        self.died = died
        self._idents = itertools.count(1)
        self._happened = Bell(self.clock, self.errors)
        self.changed = self._happened.tell
        self._answered = Bell(self.clock, self.errors)  # whoever gave a command looks again
        self.answered = self._answered.tell

    def add(self, name: str, host: Host) -> Member:
        """Bring an actor in and start it. A name that exists is replaced."""
        if name in self.members:
            self.remove(name)
        member = Member(self, name, host)
        host.io = member
        self.members[name] = member
        member.run(host.start)
        return member

    def remove(self, name: str) -> list[str]:
        """Take an actor away; returns threads that would not end."""
        return self.members.pop(name).stop()

    def crash_at(self, name: str, number: int, *, after: bool) -> None:
        """Let a member die at its ``number``-th commit from now."""
        self.members[name].host.crash_point = CrashPoint(number, after)

    def failed(self, error: Exception) -> None:
        """Something went wrong in a thread; the next wait raises it."""
        self.errors.append(error)
        self.answered()
        self.changed()

    def wait(self, satisfied: Callable[[], bool], deadline: float) -> bool:
        """Block until ``satisfied()`` or the deadline."""
        return self._happened.wait(satisfied, deadline)

    def idle(self, deadline: float) -> None:
        """Let time pass; nobody is woken for what happens meanwhile, but for errors."""
        self._answered.wait(lambda: False, deadline)

    def command(self, name: str, order: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """Tell a member to do something and wait for its answer."""
        member = self.members[name]
        ident = next(self._idents)
        member.run(lambda: member.host.command(order, args, ident))
        answers = member.host.answers
        deadline = self.clock.now() + timeout_s
        # Not ``wait``: a load of messages must not wake us for each one.
        if not self._answered.wait(lambda: ident in answers.values, deadline):
            raise HarnessError(f"{name} did not answer to {order} within {timeout_s:g} s")
        reply = answers.take(ident)
        if reply is None or reply.error:
            raise HarnessError(f"{name} refused {order}: {reply.error if reply else ''}")
        return reply.value

    def stop(self) -> list[str]:
        """End everything; returns what would not end."""
        left = [thread for name in list(self.members) for thread in self.remove(name)]
        self.scheduler.stop()
        return left
