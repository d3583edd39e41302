"""One TCP or TLS connection: a thread reads it, any thread writes to it, the reader closes it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from harness import limits

OUT_BYTES_MAX = 2 * limits.MESSAGE_BYTES_MAX
"""Bytes waiting for a peer that does not read; beyond it the connection is given up."""


@dataclass(slots=True)
class Wire:
    """A connected socket with an outgoing queue.

    Writing happens outside the lock of the actor, so that one peer that does not read holds up
    nobody else.
    """

    sock: socket.socket
    out: list[bytes] = field(default_factory=list)
    ending: str = ""
    broken: str = ""
    _waiting: int = 0
    _sending: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.sock.settimeout(limits.SEND_TIMEOUT_S)
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def put(self, data: bytes) -> None:
        """Queue bytes; ``flush`` sends them."""
        self._waiting += len(data)
        if self._waiting > OUT_BYTES_MAX:
            self.give_up("the peer does not read")
            return
        self.out.append(data)

    def flush(self) -> None:
        """Send what is queued, then end the connection if that was asked for."""
        with self._sending:
            if self.out and not self.broken:
                pieces, self.out = self.out, []
                data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                try:
                    self.sock.sendall(data)
                except OSError as error:
                    self.give_up(str(error) or type(error).__name__)
                self._waiting = 0
            if self.ending:
                self._end()

    def _end(self) -> None:
        how, self.ending = self.ending, ""
        with contextlib.suppress(OSError):
            if how == "reset":
                self._linger_zero()
                # Wakes our reader without a FIN; its close then sends the RST.
                self.sock.shutdown(socket.SHUT_RD)
            else:
                self.sock.shutdown(socket.SHUT_RDWR)

    def _linger_zero(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def give_up(self, reason: str) -> None:
        """Mark as broken and wake the reader, which tells the actor."""
        self.broken = self.broken or reason
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def read_all(self, taken: Callable[[bytes], None]) -> str:
        """Read until the end; returns why it ended, empty for an orderly end."""
        try:
            while True:
                try:
                    data = self.sock.recv(limits.RECEIVE_CHUNK_BYTES)
                except TimeoutError:
                    continue
                if not data:
                    return self.broken
                taken(data)
        except OSError as error:
            return self.broken or str(error) or type(error).__name__
        finally:
            self.sock.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def connect(host: str, port: int) -> socket.socket:
    """A connected socket, or ``OSError``."""
    return socket.create_connection((host, port), limits.CONNECT_TIMEOUT_S)
