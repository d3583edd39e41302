"""What the links offer to those who watch and to those who tamper.

The links own these Protocols; the recorder of a run and the faults implement them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.wire.core import Event, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection as both ends and the reports name it.

    Attributes:
        id: ``link#ordinal``; the ordinal counts the connections of that link in this scenario.
        link: name of the endpoint in the profile.
        interface: id from ``fixtures/interfaces.toml``.
        local: role on our side of it.
        peer: role on the other side.
        client: we opened it.
    """

    id: str
    link: str
    interface: str
    local: str
    peer: str
    client: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What really happens on the wire in place of one write.

    Attributes:
        data: bytes to pass on.
        delay_s: after the delivery before it.
        end: ``""`` goes on, ``close`` ends in order (FIN), ``reset`` tears down (RST).
    """

    data: bytes = b""
    delay_s: float = 0.0
    end: str = ""


class Tap(Protocol):
    """Where faults reach into a link. Every method is called by the thread that moves the bytes."""

    def connects(self, connection: Connection, now: float) -> bool:
        """Whether this connection may come about."""
        ...

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        """What goes out in place of one protocol unit."""
        ...

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """What happens in place of one write."""
        ...

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """What happens in place of one read."""
        ...


class Watcher(Protocol):
    """Who is told what happened on a link: the recorder of a run."""

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """A connection ``opened``, ``closed``, was ``refused`` or ``failed``."""
        ...

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Bytes went over the wire."""
        ...

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A core reported or was asked to send a protocol event."""
        ...

    def note(self, role: str, text: str) -> None:
        """An actor has something worth reading in the journal."""
        ...


@runtime_checkable
class Gathering(Protocol):
    """A watcher that takes what leaves together in one go."""

    def together(
        self, connection: Connection, data: bytes, sizes: Sequence[int], *, sent: bool
    ) -> None:
        """As ``Watcher.data`` for each part of these sizes in turn."""
        ...


class Guard(Protocol):
    """Who must agree before the first byte of what we originate leaves."""

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        """Raise ``PermitError`` where the payload carries an identity that is not ours."""
        ...

    def opens(self, connection: Connection, host: str, port: int) -> None:
        """Raise ``PermitError`` where this address must not be reached."""
        ...
