"""The one room that opens serial ports (pyserial), and hands each out as a connected socket.

So the same driver serves TCP and serial lines: "connecting" is the opening of the port, and
"listening" is to hold a port open and to open it again where it went. The thread of the connection
reads the port itself; what is sent goes straight to the port, as much as it takes, and the driver
keeps the rest.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

import serial
from serial.urlhandler import protocol_socket

from harness import limits
from harness.link.serial_address import SerialAddress
from harness.link.serial_line import Flow, LineSettings, Parity

READ_S: Final = 0.5
"""One wait for bytes: how soon a port notices that it should close, or that a modem line fell."""

WRITE_BYTES: Final = 256
"""One write: on Windows it blocks until the bytes have left, which takes 0.3 s at 9600 baud."""

ROOM_S: Final = 0.05
"""How long a sender waits for room on a full port before it looks whether to go on at all."""

DRAIN_S: Final = 2.0
"""Until what was written has left the port before it closes: two frames at 9600 baud (closing a
port on Windows throws away what is still in its buffer)."""

REOPEN_S: Final = 0.5
"""Pause before a port that went is opened again: an adapter that is plugged in needs as long."""

BREAK_S: Final = 0.25
"""A break (POSIX ``tcsendbreak``): 0.25 to 0.5 s."""

DOES_NOT_READ: Final = "the peer does not read"
CABLE: Final = "cable"
"""Begins the reason of a line that ended because its port or its modem line went."""

_PARITIES: Final[dict[Parity, str]] = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}


class SerialSocket(socket.socket):
    """A serial port that looks like a connected socket to ``tcp.Wire``.

    The socket itself is one end of a pair: what the driver does to it (shut down, close) is seen
    at the other end. Bytes never pass through it.

    Attributes:
        ended: set when the port is closed.
    """

    def __init__(self, address: SerialAddress) -> None:
        self._port: Any = _opened(address)
        ours, inner = socket.socketpair()
        super().__init__(ours.family, ours.type, ours.proto, fileno=ours.detach())
        self._inner = inner
        self._inner.settimeout(0.0)
        self._ready = address.ready
        self._full_since: float | None = None
        self._writing = threading.Lock()
        self.ended = threading.Event()

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Give the port what it takes.

        Raises:
            BlockingIOError: it takes nothing now.
            OSError: it is gone, or has taken nothing for ``SEND_TIMEOUT_S``.
        """
        with self._writing:
            if self.ended.is_set():
                raise BrokenPipeError
            taken = self._write(bytes(data[:WRITE_BYTES]))
        self._full_since = None
        return taken

    def _write(self, piece: bytes) -> int:
        fileno = _fileno(self._port)
        if fileno is None:
            taken = self._port.write(piece)
            return len(piece) if taken is None else int(taken)
        try:
            # pyserial's own write waits for room and tells no one how much it has taken.
            return os.write(fileno, piece)
        except BlockingIOError:
            self._await_room(fileno)
            raise

    def _await_room(self, fileno: int) -> None:
        """The first time says so at once, further times wait a little: they are in a thread."""
        now = monotonic()
        if self._full_since is None:
            self._full_since = now
        elif now - self._full_since > limits.SEND_TIMEOUT_S:
            raise OSError(DOES_NOT_READ)
        else:
            _poll(ROOM_S, writable=fileno)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """What came; empty where the driver ended.

        Raises:
            TimeoutError: nothing came for ``READ_S``.
            OSError: the line ended by itself: its port is gone, or its modem line fell.
        """
        try:
            data = _waiting(self._port, self._inner, size)
            if data:
                return data
            if self._other_side_ended():
                _drain(self._port)
                return b""
            ready = self._ready
            if ready != "none" and not (modem_lines(self._port) or {ready: True})[ready]:
                raise OSError(f"{ready.upper()} fell")
        except BlockingIOError:
            raise TimeoutError from None
        except (OSError, TypeError, ValueError) as error:
            # pyserial lets a TypeError out where another thread closes the port under it.
            raise OSError(f"{CABLE}: {error}") from error
        raise TimeoutError

    def _other_side_ended(self) -> bool:
        try:
            return not self._inner.recv(1)
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Close the port."""
        with self._writing:
            if not self.ended.is_set():
                self.ended.set()
                with contextlib.suppress(Exception):  # a port that is gone fails in many ways
                    self._port.close()
                self._inner.close()
        super().close()

    def modem(self) -> dict[str, bool] | None:
        """CTS, DSR, RI and CD as the port shows them; None where it has no modem lines."""
        return modem_lines(self._port)

    def send_break(self, seconds: float = BREAK_S) -> None:
        """Hold the line at 0, where the port can; a pseudo-terminal swallows it."""
        with self._writing:
            self._port.send_break(seconds)


def connect(address: SerialAddress) -> SerialSocket:
    """Open a port.

    Raises:
        OSError: it is not there, is in use, or the other end does not raise its modem line.
    """
    return SerialSocket(address)


@dataclass(frozen=True, slots=True)
class Attending:
    """Holds a port open for whoever talks, and opens it again where it went.

    Args:
        address: of the port.
        serve: gets each opened port, and may return before its end or after it.
        wanted: False ends it.
    """

    address: SerialAddress
    serve: Callable[[SerialSocket], None]
    wanted: Callable[[], bool]

    def run(self, first: SerialSocket) -> None:
        """The thread; begins with a port that is open already."""
        port: SerialSocket | None = first
        while True:
            if port is not None:
                self.serve(port)
                while self.wanted() and not port.ended.wait(READ_S):
                    pass
            if not self.wanted():
                return
            port = self._again()

    def _again(self) -> SerialSocket | None:
        threading.Event().wait(REOPEN_S)
        try:
            return connect(self.address)
        except OSError:
            return None


def is_device(url: str) -> bool:
    """Whether a path such as ``/dev/serial/by-id/...`` leads to a device; nothing is opened."""
    try:
        return url.startswith("/") and stat.S_ISCHR(Path(url).stat().st_mode)
    except OSError:
        return False


def modem_lines(port: Any) -> dict[str, bool] | None:
    """CTS, DSR, RI and CD; None where the port has none (a pseudo-terminal refuses to tell)."""
    try:
        return {"cts": port.cts, "dsr": port.dsr, "ri": port.ri, "cd": port.cd}
    except (OSError, AttributeError, NotImplementedError):
        return None


class _DeviceServer(protocol_socket.Serial):
    """A device server over plain TCP: what it says as soon as it is connected is kept."""

    def reset_input_buffer(self) -> None:
        """Throw nothing away: pyserial asks for it while it opens, when bytes can be there."""


def _opened(address: SerialAddress) -> Any:
    line: LineSettings = address.line
    flow: Flow = line.flow
    options: dict[str, Any] = {} if os.name == "nt" else {"exclusive": True}
    if not address.url.startswith("rfc2217:"):  # its writes go into a socket with a timeout
        options["write_timeout"] = limits.SEND_TIMEOUT_S
    try:
        opener = _DeviceServer if address.url.startswith("socket:") else serial.serial_for_url
        port: Any = opener(
            address.url,
            baudrate=line.baud,
            bytesize=line.data_bits,
            parity=_PARITIES[line.parity],
            stopbits=line.stop_bits,
            rtscts=flow == "rtscts",
            xonxoff=flow == "xonxoff",
            timeout=READ_S,
            **options,
        )
    except OSError:
        raise
    except Exception as error:
        # pyserial lets KeyError, NotImplementedError and termios.error out: the port cannot do it.
        raise OSError(f"{address.url}: {error}") from error
    try:
        _await_ready(port, address)
    except BaseException:
        port.close()
        raise
    return port


def _await_ready(port: Any, address: SerialAddress) -> None:
    if address.ready == "none":
        return
    deadline = monotonic() + limits.CONNECT_TIMEOUT_S
    pause = threading.Event()
    while True:
        lines = modem_lines(port)
        if lines is None:
            raise OSError(f"{address.url} has no modem lines")
        if lines[address.ready]:
            return
        if monotonic() > deadline:
            raise OSError(f"{address.url}: {address.ready.upper()} stays low")
        pause.wait(ROOM_S)


def _poll(timeout_s: float, *readable: int, writable: int | None = None) -> set[int]:
    """What can be read or written, of any number; ``select`` fails above descriptor 1023."""
    poll = select.poll()
    for descriptor in readable:
        poll.register(descriptor, select.POLLIN)
    if writable is not None:
        poll.register(writable, select.POLLOUT)
    return {descriptor for descriptor, _ in poll.poll(timeout_s * 1000)}


def _waiting(port: Any, other: socket.socket, size: int) -> bytes:
    """Wait for bytes, or until ``other`` ends, and take all that came, up to one read."""
    fileno = _fileno(port)
    if fileno is None:
        return _waiting_for_pyserial(port, size)
    if fileno not in _poll(READ_S, fileno, other.fileno()):
        return b""
    data = os.read(fileno, size)
    if not data:
        raise OSError("the port is gone")
    return data


def _waiting_for_pyserial(port: Any, size: int) -> bytes:
    """The same where the system has no descriptor of the port to wait for."""
    found = bytearray(port.read(1))
    while found and len(found) < size and (more := port.in_waiting):
        found += port.read(min(more, size - len(found)))
    return bytes(found)


def _fileno(port: Any) -> int | None:
    """What the system can write to and wait for; None where there is none (Windows, RFC 2217)."""
    if os.name == "nt":
        return None
    try:
        return int(port.fileno())
    except (OSError, AttributeError, ValueError):
        return None


def _drain(port: Any) -> None:
    """Let what was written leave, within ``DRAIN_S``."""
    deadline = monotonic() + DRAIN_S
    pause = threading.Event()
    with contextlib.suppress(OSError, AttributeError, NotImplementedError):
        while port.out_waiting and monotonic() < deadline:
            pause.wait(ROOM_S)
