"""Plays what an instrument with a framing of its own put on the line, as it was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.captures.layout import Layout
from harness.cases.framing import NONE, WireDone, WireReply
from harness.cases.framing_maker import WIRE, pieces
from harness.wire.core import Event, Message, Mutator, Unit, Violation, unchanged
from harness.wire.framings import FramingCore
from harness.wire.framings_blocks import BlocksCore

LATE: Final = "framing.late-reply"
"""What the core of the framing calls a reply to what did not go through it."""

_KINDS: Final = {b"\x06": "ACK", b"\x15": "NAK"}


@dataclass(slots=True)
class MakerCore:
    """Puts lines of a case on the wire piece by piece, and hears messages of the other side.

    Where the framing has replies, the next piece goes when the one before is answered, whatever
    the answer is, or is not answered in time. Messages of the other side are taken as the
    instrument would: each frame that fits is acknowledged.
    """

    layout: Layout
    protocol: str = WIRE
    mutator: Mutator = unchanged
    _inner: FramingCore | BlocksCore = field(init=False)
    _waiting: list[bytes | None] = field(default_factory=list)
    _out: bytearray = field(default_factory=bytearray)
    _events: list[Event] = field(default_factory=list)
    _deadline: float | None = None

    def __post_init__(self) -> None:
        self._inner = self.layout.core()

    def send(self, event: Event, now: float) -> None:
        """Queue a line."""
        assert isinstance(event, Message)
        self._waiting += [*pieces(event.payload, self.layout), None]
        if self._deadline is None:
            self._go_on(now)

    def receive(self, data: bytes, now: float) -> None:
        """A reply lets the next piece go; anything else is of the other side."""
        self._inner.receive(data, now)
        self._heard(now)

    def _heard(self, now: float) -> None:
        for event in self._inner.events():
            if isinstance(event, Violation) and event.code == LATE:
                if self._deadline is not None:
                    self._replied(event.raw, now)
            else:
                self._events.append(event)
        self._out += self._inner.data_to_send()

    def _replied(self, byte: bytes, now: float) -> None:
        self._events.append(WireReply(payload=byte, name=_KINDS.get(byte, NONE)))
        self._deadline = None
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        while self._waiting and self._deadline is None:
            piece = self._waiting.pop(0)
            if piece is None:
                self._events.append(WireDone())
                continue
            self._out += b"".join(self.mutator(Unit(kind="raw", data=piece)))
            config = self.layout.config
            self._deadline = now + config.reply_s if config.replies else None

    def receive_eof(self, now: float) -> None:
        """Nobody answers any more."""
        self._deadline = None
        self._waiting.clear()
        self._inner.receive_eof(now)
        self._heard(now)

    def data_to_send(self) -> bytes:
        """What goes out."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """When an answer is overdue, or the other side's frame is given up."""
        times = [one for one in (self._deadline, self._inner.next_deadline()) if one is not None]
        return min(times, default=None)

    def on_deadline(self, now: float) -> None:
        """No answer: what was recorded goes on all the same."""
        if self._deadline is not None and now >= self._deadline:
            self._replied(b"", now)
        self._inner.on_deadline(now)
        self._heard(now)

    def events(self) -> list[Event]:
        """What happened."""
        found, self._events = self._events, []
        return found
