"""A relay that cuts connections in the middle of whatever goes over them, by key.

It knows no protocol. While ``cutting`` is off it only hands bytes on.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import struct
import threading
from typing import Final

from harness.faults.plan import keyed
from harness.link.address import Address

READ_BYTES: Final = 65_536
POLL_S: Final = 0.2
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset: what is on the way is gone."""


def bytes_until_cut(seed: int, name: str, number: int, mean_bytes: float) -> int:
    """After how many bytes, both ways together, connection ``number`` is cut."""
    draw = max(1e-12, 1.0 - keyed(seed, "cut", name, number))
    return max(1, int(-math.log(draw) * mean_bytes))


class Cutter:
    """Listens on loopback and connects on.

    Args:
        name: of the link, for the keys.
        target: where it leads.
        seed: of the cuts.
        mean_bytes: how much goes over a connection until it is cut, on average.
    """

    def __init__(self, name: str, target: Address, *, seed: int, mean_bytes: float) -> None:
        self.name, self.seed, self.mean_bytes = name, seed, mean_bytes
        self.cutting = False
        self.cuts = self.connections = 0
        self._target = (target.host, target.port)
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(POLL_S)
        self._threads = [threading.Thread(target=self._accept, name=f"cutter {name}")]
        self._threads[0].start()

    @property
    def address(self) -> Address:
        """Where to connect instead of the target."""
        host, port = self._listener.getsockname()[:2]
        return Address(host=host, port=port)

    def close(self) -> None:
        """Cut everything and end."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            limit = bytes_until_cut(self.seed, self.name, self.connections, self.mean_bytes)
            thread = threading.Thread(target=self._relay, args=(near, limit))
            self._threads.append(thread)
            thread.start()
            self._threads = [one for one in self._threads if one.is_alive()]

    def _relay(self, near: socket.socket, limit: int) -> None:
        try:
            far = socket.create_connection(self._target, 30)
        except OSError:  # its power is off: nobody is there
            near.close()
            return
        with near, far, selectors.DefaultSelector() as selector:
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            with contextlib.suppress(OSError):
                self._pump(near, far, selector, limit)

    def _pump(
        self,
        near: socket.socket,
        far: socket.socket,
        selector: selectors.BaseSelector,
        limit: int,
    ) -> None:
        passed = 0
        while not self._over.is_set():
            for key, _ in selector.select(POLL_S):
                data = key.fileobj.recv(READ_BYTES)
                if not data:
                    return
                if self.cutting and passed + len(data) >= limit:
                    kept = data[: limit - passed]
                    key.data.sendall(kept)
                    self.cuts += 1
                    for one in (near, far):
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return
                passed += len(data)
                key.data.sendall(data)
