"""TLS around another core, as a pure machine: it runs over memory as well as over sockets.

The handshake and the records are made by OpenSSL between two buffers (``ssl.MemoryBIO``), so that
bytes go in and come out as with any core. What goes wrong with certificates or versions comes out
as ``TlsFailed``; the alert that OpenSSL wrote about it still leaves (RFC 8446 §6.2).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from harness.link.tls import Context
from harness.wire.core import Core, Event, Mutator

READ_BYTES: Final = 64 * 1024
"""Plain bytes taken out at a time: four records of the longest kind (RFC 8446 §5.1)."""

CLAUSE: Final = "RFC 8446 §4.4, §6.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFailed(Event):
    """No trust, no common version, or no TLS at all: nothing was and nothing will be exchanged.

    Attributes:
        reason: what OpenSSL says of it.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsUnclosed(Event):
    """The connection ended without ``close_notify``: what came last may have been cut off.

    RFC 8446 §6.1 and RFC 5246 §7.2.1. HL7 frames show by themselves whether they are whole, so the
    end is told and nothing else follows from it.
    """

    reason: str = "closed without close_notify"


@dataclass(slots=True)
class TlsCore:
    """A core whose bytes are carried by TLS.

    Args:
        inner: the protocol that is carried.
        context: certificates, and whom to trust.
        server_name: whom a client expects to meet; None plays the server.
    """

    inner: Core
    context: Context
    server_name: str | None = None
    _into: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    _out: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    _tls: ssl.SSLObject = field(init=False)
    _events: list[Event] = field(default_factory=list)
    _ready: bool = False
    _over: bool = False
    _told_end: bool = False
    protocol: str = field(init=False)

    def __post_init__(self) -> None:
        self.protocol = self.inner.protocol
        self._tls = self.context.wrap_bio(
            self._into, self._out,
            server_side=self.server_name is None, server_hostname=self.server_name,
        )  # fmt: skip
        self._tried(self._shake)  # a client says the first word

    @property
    def mutator(self) -> Mutator:
        """Of what is carried: a fault acts on messages, not on records of TLS."""
        return self.inner.mutator

    @mutator.setter
    def mutator(self, mutator: Mutator) -> None:
        self.inner.mutator = mutator

    @property
    def ready(self) -> bool:
        """Whether hands are shaken: what was queued before that has left now."""
        return self._ready

    def receive(self, data: bytes, now: float) -> None:
        """Take records; what they carry goes to the inner core."""
        if self._over:
            return
        self._into.write(data)
        if not self._ready:
            self._tried(self._shake)
        if self._ready:
            self._tried(lambda: self._read(now))

    def _shake(self) -> None:
        self._tls.do_handshake()
        self._ready = True

    def _read(self, now: float) -> None:
        while data := self._tls.read(READ_BYTES):
            self.inner.receive(data, now)
        self._told_end = True  # read to the end: close_notify came

    def _tried(self, step: Callable[[], None]) -> None:
        """One step; where it wants more bytes it goes on when they are there."""
        try:
            step()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self._over = True
            self._events.append(TlsFailed(reason=_reason(error)))

    def receive_eof(self, now: float) -> None:
        """The peer is gone, before or after the handshake."""
        if not self._ready and not self._over:
            self._over = True
            self._events.append(TlsFailed(reason="closed inside the handshake"))
        elif self._ready and not self._over and not self._told_end:
            self._events.append(TlsUnclosed())
        self.inner.receive_eof(now)

    def send(self, event: Event, now: float) -> None:
        """Queue an event; before the handshake is over it waits."""
        self.inner.send(event, now)

    def data_to_send(self) -> bytes:
        """Records so far: of the handshake, an alert, or what the inner core wants sent."""
        if self._ready and not self._over and (data := self.inner.data_to_send()):
            self._tried(lambda: self._write(data))
        return self._out.read()

    def _write(self, data: bytes) -> None:
        self._tls.write(data)

    def next_deadline(self) -> float | None:
        """Of the inner core."""
        return self.inner.next_deadline()

    def on_deadline(self, now: float) -> None:
        """Of the inner core."""
        self.inner.on_deadline(now)

    def events(self) -> list[Event]:
        """What the inner core reports, and a failure of TLS behind it."""
        events, self._events = self._events, []
        return [*self.inner.events(), *events]


def _reason(error: ssl.SSLError) -> str:
    """``certificate verify failed: certificate has expired``, without the places in OpenSSL."""
    told = getattr(error, "verify_message", "")
    name = (error.reason or "TLS failed").replace("_", " ").lower()
    return f"{name}: {told}" if told else name
