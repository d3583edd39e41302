"""Sockets of an association: waiting for them, filling a buffer from them, writing to them."""

from __future__ import annotations

import contextlib
import socket


class Bell:
    """Wakes a thread that waits for a socket: the library has something to say, or it is over.

    The library asks its queues a thousand times a second instead, in every association that is
    open: a morning's idle modalities cost a core that way.
    """

    def __init__(self) -> None:
        self._ring, self.ear = socket.socketpair()
        for one in (self._ring, self.ear):
            one.settimeout(0)

    def set(self) -> None:
        """Wake it."""
        with contextlib.suppress(OSError):  # full: it is awake anyway; closed: it is over
            self._ring.send(b"\0")

    def heard(self) -> None:
        """Forget what was rung."""
        with contextlib.suppress(OSError):
            self.ear.recv(4096)

    def close(self) -> None:
        """Nobody waits any more."""
        self._ring.close()
        self.ear.close()


def filled(wire: socket.socket, size: int, more: int = 0) -> bytearray:
    """So many bytes into one buffer, and up to ``more`` that are there with them.

    Fewer at the end of the connection.
    """
    came, done = bytearray(size + more), 0
    with memoryview(came) as view:
        while done < size:
            count = wire.recv_into(view[done:])
            if not count:
                break
            done += count
    del came[done:]
    return came


def put(wire: socket.socket, data: bytes) -> None:
    """Write all of it; the timeout of the socket is for each part that the peer takes.

    ``sendall`` would count it from the first byte, and give up a slow line that goes on well.
    """
    view = memoryview(data)
    while view:
        view = view[wire.send(view) :]
