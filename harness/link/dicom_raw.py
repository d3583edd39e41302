"""A connection on which anything can be said: DICOM's upper layer without a library's manners.

It moves the bytes of ``harness.wire.dicom_upper`` over a socket of its own, for associations that
no library would ask for. Each wait has a limit, so that a peer that falls silent is an answer too.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from harness.link.address import Address
from harness.link.dicom import require_open
from harness.link.tap import Connection, Guard, Watcher
from harness.wire.core import Event
from harness.wire.dicom_events import DimseReceived, PduReceived, SendPdu
from harness.wire.dicom_pdu import Abort, Associate, Pdu, Reject, Release
from harness.wire.dicom_upper import UpperLayerCore

WAIT_S: Final = 3.0
"""For each answer, where a caller names no other limit."""

_CHUNK: Final = 65536
_ENDS: Final = (Abort, Reject)


@dataclass(slots=True)
class RawPeer:
    """One connection that we open; use it as a context manager.

    Args:
        address: of the listener.
        connection: how the journal names it.
        watcher: is shown every byte.
        guard: asked before the address is opened.

    Where TLS comes to no handshake the connection is over at once, and ``untrusted`` says why.
    """

    address: Address
    connection: Connection | None = None
    watcher: Watcher | None = None
    guard: Guard | None = None
    core: UpperLayerCore = field(default_factory=lambda: UpperLayerCore(patient=True))
    over: bool = False
    untrusted: str = ""
    """Why no handshake of TLS came about; empty where it did."""
    refusal: Reject | None = None
    """What an association was rejected with."""
    longest: int = 0
    """Longest PDU that came, in bytes without its head: what an announced maximum speaks of."""
    _wire: socket.socket | None = None
    _came: list[Event] = field(default_factory=list)

    def __enter__(self) -> Self:
        require_open(self.guard, self.connection, self.address.host, self.address.port)
        try:
            self._wire = self._dialled()
        except ssl.SSLError as error:
            self.over, self.untrusted = True, getattr(error, "verify_message", "") or str(error)
            if self.watcher is not None and self.connection is not None:
                self.watcher.link(self.connection, "failed", self.untrusted)
            return self
        if self.watcher is not None and self.connection is not None:
            self.watcher.link(self.connection, "opened", "")
        return self

    def _dialled(self) -> socket.socket:
        """Connected, and through the handshake where the address has one."""
        place = (self.address.host, self.address.port)
        wire = socket.create_connection(place, WAIT_S)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.address.tls is None:
            return wire
        name = self.address.server_name or self.address.host
        try:
            return self.address.tls.wrap_socket(wire, server_hostname=name)
        except OSError:
            wire.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._wire is not None:
            self._wire.close()
            if self.watcher is not None and self.connection is not None:
                self.watcher.link(self.connection, "closed", "")

    # ---- saying

    def say(self, event: Event | Pdu) -> None:
        """Send a PDU or a message, whatever the state; nothing where the peer is gone."""
        now = time.monotonic()
        self.core.send(event if isinstance(event, Event) else SendPdu(pdu=event), now)
        data = self.core.data_to_send()
        if self._wire is None or self.over:
            return
        try:
            self._wire.sendall(data)
        except OSError:
            self.over = True
            return
        if self.watcher is not None and self.connection is not None:
            self.watcher.data(self.connection, data, sent=True)

    # ---- hearing

    def _hear(self, deadline: float) -> bool:
        """Take what comes until the deadline; False where nothing did."""
        left = deadline - time.monotonic()
        if self._wire is None or self.over or left <= 0:
            return False
        self._wire.settimeout(left)
        try:
            data = self._wire.recv(_CHUNK)
        except TimeoutError:
            return False
        except OSError:
            data = b""
        now = time.monotonic()
        if data:
            if self.watcher is not None and self.connection is not None:
                self.watcher.data(self.connection, data, sent=False)
            self.core.receive(data, now)
        else:
            self.over = True
            self.core.receive_eof(now)
        for event in self.core.events():
            if isinstance(event, PduReceived):
                self.longest = max(self.longest, event.size - 6)
            self._came.append(event)
        return True

    def _next(self, kinds: tuple[type[Pdu], ...], timeout_s: float) -> Pdu | DimseReceived | None:
        """The next PDU of these kinds, or the next whole message; None where none came."""
        deadline = time.monotonic() + timeout_s
        while True:
            while self._came:
                event = self._came.pop(0)
                if isinstance(event, DimseReceived):
                    return event
                if isinstance(event, PduReceived) and isinstance(event.pdu, kinds):
                    return event.pdu
            if not self._hear(deadline):
                return None

    def associate(self, request: Associate, timeout_s: float = WAIT_S) -> Associate | str:
        """Ask for an association: the acceptance, or a word for what came in its place."""
        self.say(request)
        found = self._next((Associate, *_ENDS), timeout_s)
        if isinstance(found, Associate) and found.accepted:
            return found
        self.refusal = found if isinstance(found, Reject) else None
        return self._word(found)

    def message(self, timeout_s: float = WAIT_S) -> DimseReceived | str:
        """The next whole message, or a word for what came in its place."""
        found = self._next((*_ENDS, Release), timeout_s)
        return found if isinstance(found, DimseReceived) else self._word(found)

    def release(self, timeout_s: float = WAIT_S) -> str:
        """Ask for the release: ``released``, or what came in its place."""
        self.say(Release())
        found = self._next((*_ENDS, Release), timeout_s)
        released = isinstance(found, Release) and found.answer
        return "released" if released else self._word(found)

    def _word(self, found: Pdu | DimseReceived | None) -> str:
        match found:
            case Reject():
                return f"rejected {found.result},{found.source},{found.reason}"
            case Abort():
                return "aborted"
            case Release():
                return "released"
            case DimseReceived():
                return "message"
        return "closed" if self.over else "silent"

    def reset(self) -> None:
        """Close at once, without a word."""
        if self._wire is not None:
            with contextlib.suppress(OSError):
                self._wire.shutdown(socket.SHUT_RDWR)
        self.over = True
