"""Records of a fixed size without any framing, as a pure machine (polled binary readers).

Nothing but a pause tells where a record begins. So half a record that nothing follows for
``GAP_S`` is dropped, and whoever polls is in step again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.errors import LocalProtocolError
from harness.wire.core import Event, Message, Mutator, Unit, unchanged
from harness.wire.framings_events import Delivered, violation

GAP_S: Final = 1.0
"""Pause after which the next byte begins a record: far above the pauses inside one."""


@dataclass(slots=True)
class FixedCore:
    """Both directions of one link; see ``harness.wire.core.Core``.

    Args:
        record_bytes: size of what is received; what is sent may have any size.
    """

    record_bytes: int
    mutator: Mutator = unchanged
    protocol: str = "framed"
    _buffer: bytearray = field(default_factory=bytearray)
    _offset: int = 0
    _settle_at: float | None = None
    _out: list[bytes] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        self._buffer += data
        size = self.record_bytes
        whole = len(self._buffer) // size * size
        for at in range(0, whole, size):
            self._events.append(Message(payload=bytes(self._buffer[at : at + size])))
        self._offset += whole
        del self._buffer[:whole]
        self._settle_at = now + GAP_S if self._buffer else None

    def _drop(self, code: str) -> None:
        if self._buffer:
            self._events.append(violation(code, self._offset, self._buffer))
            self._offset += len(self._buffer)
            self._buffer.clear()
        self._settle_at = None

    def receive_eof(self, now: float) -> None:
        """The peer closed its side."""
        self._drop("framing.eof-inside-frame")

    def send(self, event: Event, now: float) -> None:
        """Queue a message; nobody will ever know whether it arrived."""
        if not isinstance(event, Message):
            raise LocalProtocolError(f"a link of records cannot send {type(event).__name__}")
        unit = Unit(kind="frame", data=event.payload, payload=event.payload)
        self._out.extend(self.mutator(unit))
        self._events.append(Delivered(payload=event.payload, acknowledged=False))

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """When half a record is dropped."""
        return self._settle_at

    def on_deadline(self, now: float) -> None:
        """Drop half a record that nothing followed."""
        if self._settle_at is not None and now >= self._settle_at:
            self._drop("framing.incomplete")

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events, self._events = self._events, []
        return events
