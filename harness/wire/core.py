"""The shape that every protocol core has.

A core is a pure machine: bytes and the time go in, events and bytes come out. It knows no socket,
clock, thread or log, and not which side of a system under test it plays. A driver calls it in this
order: ``receive`` (or ``receive_eof``, ``on_deadline``, ``send``), then ``events``, then
``data_to_send``, then ``next_deadline``. ``receive`` never raises: what the peer did wrong comes
out as an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of everything that a core reports and of everything that it is asked to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """One whole message of the protocol, as bytes without framing.

    ``send(Message(...))`` frames and queues it; a received one comes out of ``events()``.
    """

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation(Event):
    """The peer broke the framing; the core went on.

    Attributes:
        code: stable id such as ``mllp.junk-before-start``.
        message: what was seen, for a person.
        clause: the clause that it breaks.
        offset: byte offset since the connection opened.
        raw: the offending bytes, cut to a few hundred.
    """

    code: str
    message: str
    clause: str = ""
    offset: int = -1
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One piece that a core is about to put on the wire, offered to its mutator.

    Attributes:
        kind: ``message`` (MLLP), ``frame``, ``enq``, ``eot``, ``ack``, ``nak`` (ASTM), ``raw``.
        data: the bytes as the standard wants them.
        payload: the message or record text inside, without framing; what identity is read from.
        attempt: 0 for the first transmission, then counted up.
    """

    kind: str
    data: bytes
    payload: bytes = b""
    attempt: int = 0


class Mutator(Protocol):
    """Gets each unit and returns what really goes out: ``[unit.data]`` leaves it as it is."""

    def __call__(self, unit: Unit, /) -> list[bytes]:
        """What goes out in place of one unit."""
        ...


def unchanged(unit: Unit, /) -> list[bytes]:
    """The mutator of a core that nobody tampers with."""
    return [unit.data]


@runtime_checkable
class Core(Protocol):
    """What a driver needs from a protocol core. ``now`` is monotonic seconds."""

    protocol: str
    mutator: Mutator

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        ...

    def receive_eof(self, now: float) -> None:
        """The peer closed its side."""
        ...

    def send(self, event: Event, now: float) -> None:
        """Queue an event for the peer; ``LocalProtocolError`` where the state forbids it."""
        ...

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        ...

    def next_deadline(self) -> float | None:
        """When ``on_deadline`` is due, or None."""
        ...

    def on_deadline(self, now: float) -> None:
        """A timer of this core may have run out."""
        ...

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        ...


@runtime_checkable
class Answering(Protocol):
    """A core that has a short way for what nearly every read is."""

    def answer_at_once(self, data: bytes, now: float) -> bytes | None:
        """As ``receive``, told in one go where all that comes of ``data`` is one answer.

        Called only after ``events`` and ``data_to_send`` were emptied. With an answer a deadline
        may have moved to a later time, never to an earlier one; there may be one where there was
        none.

        Returns:
            The answer. Empty where more, or less, came of it: it was received, and ``events`` and
            the like say what came. None where nothing has been done.
        """
        ...


@dataclass(slots=True)
class RawCore:
    """No protocol: each read is a ``Message`` of kind ``raw``, each message goes out as it is."""

    protocol: str = "raw"
    mutator: Mutator = unchanged
    _out: bytearray = field(default_factory=bytearray)
    _events: list[Event] = field(default_factory=list)

    def receive(self, data: bytes, now: float) -> None:
        """Report what came."""
        self._events.append(Message(payload=data))

    def receive_eof(self, now: float) -> None:
        """Nothing is buffered, so nothing is lost."""

    def send(self, event: Event, now: float) -> None:
        """Queue the payload."""
        if isinstance(event, Message):
            for piece in self.mutator(Unit(kind="raw", data=event.payload, payload=event.payload)):
                self._out += piece

    def data_to_send(self) -> bytes:
        """Bytes queued so far."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """A raw link has no timers."""
        return None

    def on_deadline(self, now: float) -> None:
        """A raw link has no timers."""

    def events(self) -> list[Event]:
        """Reads since the last call."""
        events, self._events = self._events, []
        return events
