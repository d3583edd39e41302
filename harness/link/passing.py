"""A relay that only passes on: every byte as it came, written down before it goes on.

It knows no protocol, so nothing that breaks one can stop it. Each connection has two threads, one a
direction; an end that closes, or tears down, is passed on as well. Where the journal cannot be
written any more, the traffic of the site goes on, and what is missing is counted.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from harness.link import accepting, serial_port, tcp
from harness.link.address import Address
from harness.link.serial_address import SerialAddress

READ_BYTES: Final = 63 * 1024
"""A piece of this length fits into one packet of the journal: 65,535 bytes with its headers."""

STOP_S: Final = 5.0
"""Until the threads of a relay that was told to stop are gone."""

SERIAL_POLL_S: Final = 0.001
"""One character at 9600 baud: a serial port has no news faster than that."""

End = tuple[str, int]


class Journal(Protocol):
    """Where a relay writes what passes, before it goes on; it may be called by many threads."""

    def opened(self, source: End, target: End) -> None:
        """A connection begins."""
        ...

    def passed(self, source: End, target: End, data: bytes) -> None:
        """Bytes are about to go from one end to the other; never raises."""
        ...

    def closed(self, source: End, target: End, *, reset: bool) -> None:
        """One end says no more."""
        ...


@dataclass(slots=True, eq=False)
class Passage:
    """One mirrored port, or one serial line between two ports.

    Args:
        name: of the endpoint.
        target: where the system really is.
        journal: told of everything.
        permit: asked before the target is opened; raises where that is forbidden.
        turned_away: is told who could not be passed on, and why.
        refused: the same, for people.
        deaf: why nobody can connect any more; empty while somebody can.
    """

    name: str
    target: Address | SerialAddress
    journal: Journal
    permit: Callable[[str, int], object]
    turned_away: Callable[[End, str], None] = lambda _end, _why: None
    refused: list[str] = field(default_factory=list)
    deaf: str = ""
    connections: int = 0
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: bool = False
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def listen(self, address: Address) -> Address:
        """Accept connections; returns where."""
        listener = self._listener = tcp.listen(address.host, address.port)
        self._start(self._accept, "accept")
        return Address(host=address.host, port=listener.getsockname()[1])

    def attend(self, near: SerialAddress) -> None:
        """Stand between two serial ports: the one of the device, and the one of the system."""
        assert isinstance(self.target, SerialAddress)
        one = serial_port.connect(near)
        other = serial_port.connect(self.target)
        self._pair(one, other, (near.url, 1), (self.target.url, 2))

    def stop(self) -> list[str]:
        """End everything; returns threads that would not end."""
        self._stopping = True
        with self._lock:
            socks = [*self._open, *([self._listener] if self._listener else [])]
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                sock.close()
        for thread in self._threads:
            thread.join(STOP_S)
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _start(self, target: Callable[[], None], what: str) -> None:
        name = f"{self.name} {what} {next(self._numbers)}"
        thread = threading.Thread(target=target, name=name, daemon=True)
        with self._lock:
            self._threads = [one for one in self._threads if one.is_alive()]
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        assert self._listener is not None
        while not self._stopping:
            try:
                near, source = self._listener.accept()
            except OSError as error:
                pause_s = accepting.pause_s(error)
                if pause_s is None:
                    self.deaf = "" if self._stopping else f"{self.name}: {error}"
                    return
                time.sleep(pause_s)
                continue
            self._start(lambda near=near, source=source: self._serve(near, source[:2]), "opens")  # type: ignore[misc]  # bound at once

    def _serve(self, near: socket.socket, source: End) -> None:
        """Open the real system, then pass on both ways; a refusal is passed on as one."""
        assert isinstance(self.target, Address)
        target = (self.target.host, self.target.port)
        try:
            self.permit(*target)
            far = tcp.connect(*target)
            far.settimeout(None)
        except Exception as error:  # noqa: BLE001 - the one who called sees the line torn down
            self.refused.append(f"{self.name}: {error}")
            why = tcp.reason_of(error) if isinstance(error, OSError) else str(error)
            self.turned_away(source, why)
            _tear(near)
            return
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pair(near, far, source, target)

    def _pair(self, near: socket.socket, far: socket.socket, source: End, target: End) -> None:
        with self._lock:
            self._open |= {near, far}
            self.connections += 1
        self.journal.opened(source, target)
        done = threading.Semaphore(0)
        self._start(lambda: self._pass(near, far, source, target, done), "there")
        self._start(lambda: self._pass(far, near, target, source, done), "back")
        self._start(lambda: self._end(near, far, done), "ends")

    def _end(self, near: socket.socket, far: socket.socket, done: threading.Semaphore) -> None:
        """Both directions are over."""
        done.acquire()
        done.acquire()
        for sock in (near, far):
            with contextlib.suppress(OSError):
                sock.close()
        with self._lock:
            self._open -= {near, far}

    def _pass(
        self,
        frm: socket.socket,
        to: socket.socket,
        source: End,
        target: End,
        done: threading.Semaphore,
    ) -> None:
        """One direction, until its end."""
        reset = False
        try:
            while data := self._read(frm):
                self.journal.passed(source, target, data)
                self._write(to, data)
        except ConnectionResetError:
            reset = True
        except OSError:
            reset = not self._stopping
        self.journal.closed(source, target, reset=reset)
        if reset:
            _tear(to)
        else:
            with contextlib.suppress(OSError):
                to.shutdown(socket.SHUT_WR)
        done.release()

    def _read(self, sock: socket.socket) -> bytes:
        """What comes next; a serial port without news says so, and is asked again."""
        while not self._stopping:
            try:
                return sock.recv(READ_BYTES)
            except (BlockingIOError, TimeoutError):
                time.sleep(SERIAL_POLL_S)
        return b""

    def _write(self, sock: socket.socket, data: bytes) -> None:
        """All of it; a serial port takes what it can and is asked again."""
        if not isinstance(sock, serial_port.SerialSocket):
            sock.sendall(data)
            return
        while data and not self._stopping:
            try:
                data = data[sock.send(data) :]
            except BlockingIOError:
                time.sleep(SERIAL_POLL_S)


def _tear(sock: socket.socket) -> None:
    """Close with a reset, as the other end did; whoever reads from it wakes up first."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        sock.close()
