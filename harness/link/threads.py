"""All actors of a process over sockets and real time: one thread a connection.

The thread that reads a connection also drives its core and its actor, under the lock of the
actor; what the actor wants sent leaves after the lock is free. Nothing here is asyncio: the serial
port and DICOM libraries block, and a loop on Windows cannot watch a COM port.
"""

from __future__ import annotations

import contextlib
import heapq
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
from harness.link import tcp
from harness.link.host import CrashPoint, Host

ACCEPT_POLL_S = 0.2
"""How soon a listener notices that it should stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a link is reached."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


LOOPBACK = Address(host="127.0.0.1", port=0)
"""Listeners bind here unless told otherwise."""


class Scheduler:
    """One thread that calls actions at their time."""

    def __init__(self, clock: RealClock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def at(self, at: float, action: Callable[[], None]) -> None:
        """Call ``action`` at that monotonic time."""
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
                self._thread.start()
            heapq.heappush(self._due, (at, next(self._order), action))
            self._wake.notify()

    def stop(self) -> None:
        """End the thread; what is not due yet never happens."""
        with self._wake:
            self._stopped = True
            self._due.clear()
            self._wake.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(limits.STOP_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and not self._ready():
                    wait_s = self._due[0][0] - self._clock.now() if self._due else None
                    self._wake.wait(wait_s)
                if self._stopped:
                    return
                action = heapq.heappop(self._due)[2]
            action()

    def _ready(self) -> bool:
        return bool(self._due) and self._due[0][0] <= self._clock.now()


@dataclass(slots=True)
class Member:
    """One host over sockets, and its ``Io``."""

    runtime: Threads
    name: str
    host: Host
    routes: dict[str, Address] = field(default_factory=dict)
    wires: dict[str, tcp.Wire] = field(default_factory=dict)
    listeners: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    stopping: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _dirty: list[tcp.Wire] = field(default_factory=list)
    _timers: dict[tuple[str, str], int] = field(default_factory=dict)

    def run(self, action: Callable[[], None]) -> None:
        """Do something with the host, serialised; then send what came of it."""
        dirty: list[tcp.Wire] = []
        try:
            with self._lock:
                if not self.stopping:
                    action()
                dirty, self._dirty = self._dirty, []
        except Exception as error:  # noqa: BLE001 - told to whoever waits; a thread has no caller
            self.runtime.failed(error)
        for wire in dirty:
            wire.flush()
        self.runtime.changed()

    # -- Io ------------------------------------------------------------------------------------

    def open(self, link: str, conn: str) -> None:
        """Connect in a thread of its own; that thread then reads."""
        self._thread(lambda: self._connect(link, conn), conn)

    def write(self, conn: str, data: bytes) -> None:
        """Queue bytes; they leave when the actor's lock is free."""
        wire = self.wires.get(conn)
        if wire is not None:
            wire.put(data)
            self._dirty.append(wire)

    def flush(self) -> None:
        """Send everything queued now."""
        for wire in self._dirty:
            wire.flush()

    def close(self, conn: str, *, reset: bool) -> None:
        """End a connection after what was queued before."""
        wire = self.wires.pop(conn, None)
        if wire is not None:
            wire.ending = "reset" if reset else "close"
            self._dirty.append(wire)

    def timer(self, key: tuple[str, str], at: float | None) -> None:
        """Only the latest setting of a timer counts."""
        turn = self._timers.get(key, 0) + 1
        self._timers[key] = turn
        if at is not None:
            self.runtime.scheduler.at(at, lambda: self.run(lambda: self._expire(key, turn)))

    def _expire(self, key: tuple[str, str], turn: int) -> None:
        if self._timers.get(key) == turn:
            self.host.expired(key)

    def later(self, at: float, action: Callable[[], None]) -> None:
        """At that real time, serialised with the host."""
        self.runtime.scheduler.at(at, lambda: self.run(action))

    def died(self) -> None:
        """The actor crashed: nothing is said good-bye to."""
        for conn in list(self.wires):
            self.close(conn, reset=True)
        self._timers.clear()
        self.runtime.died(self)

    # -- connections ---------------------------------------------------------------------------

    def listen(self, link: str, address: Address = LOOPBACK) -> Address:
        """Accept ``link`` at an address; returns it with the port that the system chose."""
        listener = tcp.listen(address.host, address.port)
        self.listeners.append(listener)
        self._thread(lambda: self._accept(link, listener, address.tls), f"accept {link}")
        port: int = listener.getsockname()[1]
        return Address(host=address.host, port=port)

    def _thread(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=f"{self.name} {name}", daemon=True)
        self.threads = [one for one in self.threads if one.is_alive()]
        self.threads.append(thread)
        thread.start()

    def _connect(self, link: str, conn: str) -> None:
        try:
            wire = self._connected(link)
        except OSError as error:
            reason = str(error) or type(error).__name__
            self.run(lambda: self.host.refused(link, conn, reason))
            return
        self.wires[conn] = wire
        self.run(lambda: self.host.opened(link, conn, client=True))
        self._read(conn, wire)

    def _connected(self, link: str) -> tcp.Wire:
        address = self.routes.get(link)
        if address is None:
            raise OSError(f"no route for {link}")
        if self.host.guard is not None:
            about = self.host.describe(link, "", True)
            self.host.guard.opens(about, address.host, address.port)
        sock = tcp.connect(address.host, address.port)
        if address.tls is not None:
            sock = address.tls.wrap_socket(sock, server_hostname=address.host)
        return tcp.Wire(sock)

    def _accept(self, link: str, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        listener.settimeout(ACCEPT_POLL_S)
        while not self.stopping:
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                break
            if len(self.wires) >= limits.CONNECTIONS_MAX:
                sock.close()
                continue
            self._thread(lambda sock=sock: self._serve(link, sock, tls), link)  # type: ignore[misc] # bound now
        listener.close()

    def _serve(self, link: str, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        if tls is not None:
            sock.settimeout(limits.CONNECT_TIMEOUT_S)
            try:
                sock = tls.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        wire = tcp.Wire(sock)
        conn = ""

        def begin() -> None:
            nonlocal conn
            conn = self.host.next_id(link)
            if self.host.admits(link, conn, client=False):
                self.wires[conn] = wire
                self.host.opened(link, conn, client=False)
            else:
                wire.ending = "reset"
                self._dirty.append(wire)

        self.run(begin)
        self._read(conn, wire)

    def _read(self, conn: str, wire: tcp.Wire) -> None:
        reason = wire.read_all(lambda data: self.run(lambda: self.host.received(conn, data)))

        def end() -> None:
            if self.wires.get(conn) is wire:
                del self.wires[conn]
                self.host.eof(conn, reason)

        self.run(end)

    def stop(self) -> list[str]:
        """End everything; returns the names of threads that are still there."""
        with self._lock:
            self.stopping = True
            wires = list(self.wires.values())
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.close()
        for wire in wires:
            wire.give_up("stopped")
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(limits.STOP_TIMEOUT_S)
        return [thread.name for thread in self.threads if thread.is_alive()]


class Threads:
    """Drives hosts over sockets and real time."""

    def __init__(self, died: Callable[[Member], None] | None = None) -> None:
        self.clock = RealClock()
        self.scheduler = Scheduler(self.clock)
        self.members: dict[str, Member] = {}
        self.errors: list[Exception] = []
        self._died = died
        self._idents = itertools.count(1)
        self._happened = threading.Condition()

    def add(self, name: str, host: Host) -> Member:
        """Bring an actor in and start it."""
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

    def died(self, member: Member) -> None:
        """A member crashed; a process shell ends its process here."""
        if self._died is not None:
            self._died(member)

    def failed(self, error: Exception) -> None:
        """Something went wrong in a thread; the next wait raises it."""
        self.errors.append(error)

    def changed(self) -> None:
        """Something happened: whoever waits looks again."""
        with self._happened:
            self._happened.notify_all()

    def wait(self, satisfied: Callable[[], bool], deadline: float) -> bool:
        """Block until ``satisfied()`` or the deadline."""
        with self._happened:
            while not satisfied():
                if self.errors:
                    raise self.errors.pop(0)
                left = deadline - self.clock.now()
                if left <= 0:
                    return satisfied()
                self._happened.wait(left)
        return True

    def command(self, name: str, order: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """Tell a member to do something and wait for its answer."""
        member = self.members[name]
        ident = next(self._idents)
        member.run(lambda: member.host.command(order, args, ident))
        answers = member.host.answers
        if not self.wait(lambda: ident in answers.values, self.clock.now() + timeout_s):
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
