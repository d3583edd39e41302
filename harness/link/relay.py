"""The relay: stands in line between two systems, passes every byte on, and says what passed.

It originates nothing. Whole MLLP messages are passed as one unit, so that a planned fault can
act on a message; what never becomes a message is passed on as it came after ``HOLD_S``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness import limits
from harness.link import actor as act
from harness.wire.core import Core, Event, Message, Mutator, Unit, unchanged
from harness.wire.hllp import inside

HOLD_S = 0.5
"""How long an unfinished message is held back: above any gap inside one on a hospital LAN."""

START, END = b"\x0b", b"\x1c\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayUnit(Event):
    """What is passed on as one piece: ``payload`` is empty where no message was recognised."""

    data: bytes
    payload: bytes = b""


@dataclass(slots=True)
class RelayCore:
    """Cuts a stream into messages and the bytes between them, losing none.

    Attributes:
        hybrid: frames are blocks of HLLP, which hold a message between their type and their count.
    """

    hybrid: bool = False
    protocol: str = "relay"
    mutator: Mutator = field(default=unchanged)
    _buffer: bytearray = field(default_factory=bytearray)
    _searched: int = 0
    _deadline: float | None = None
    _events: list[Event] = field(default_factory=list)
    _out: bytearray = field(default_factory=bytearray)

    def receive(self, data: bytes, now: float) -> None:
        """Cut what came; hold an unfinished rest."""
        self._buffer += data
        while True:
            at = self._buffer.find(END, max(0, self._searched - 1))
            if at < 0:
                break
            piece = bytes(self._buffer[: at + 2])
            del self._buffer[: at + 2]
            self._searched = 0
            start = piece.rfind(START)
            payload = piece[start + 1 : -2] if start >= 0 else b""
            if self.hybrid:
                payload = inside(payload)
            self._events.append(RelayUnit(data=piece, payload=payload))
        self._searched = len(self._buffer)
        if len(self._buffer) > limits.MESSAGE_BYTES_MAX:
            self._release()
        self._deadline = now + HOLD_S if self._buffer else None

    def receive_eof(self, now: float) -> None:
        """Nothing more comes: pass the rest on."""
        self._release()

    def send(self, event: Event, now: float) -> None:
        """Put a unit on the wire as it came, unless a fault has its say."""
        if isinstance(event, RelayUnit):
            kind = "message" if event.payload else "raw"
            unit = Unit(kind=kind, data=event.data, payload=event.payload)
            for piece in self.mutator(unit):
                self._out += piece
        elif isinstance(event, Message):
            self._out += event.payload

    def data_to_send(self) -> bytes:
        """Bytes queued so far."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """When the unfinished rest is passed on."""
        return self._deadline

    def on_deadline(self, now: float) -> None:
        """The rest has waited long enough."""
        if self._deadline is not None and now >= self._deadline:
            self._release()

    def events(self) -> list[Event]:
        """Units since the last call."""
        events, self._events = self._events, []
        return events

    def _release(self) -> None:
        self._deadline = None
        if self._buffer:
            self._events.append(RelayUnit(data=bytes(self._buffer)))
            self._buffer.clear()
        self._searched = 0


@dataclass(slots=True)
class _Pair:
    other: str
    ready: bool
    waiting: list[Event] = field(default_factory=list)


_WAITING_MAX = 10_000
"""Units kept for a side that is still being opened."""


@dataclass(slots=True)
class Relay:
    """The actor: pairs each accepted connection with one of its own to the real receiver."""

    role: str = "relay"
    hybrid: frozenset[str] = frozenset()
    """Links that speak HLLP."""
    _pairs: dict[str, _Pair] = field(default_factory=dict)

    def open_core(self, link: str, *, client: bool) -> Core:
        """Both sides only pass on."""
        return RelayCore(hybrid=link in self.hybrid)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Pass on what came, and every end of a connection too."""
        match event:
            case act.Opened():
                return self._opened(event)
            case act.Received():
                return self._received(event)
            case act.Closed() | act.Refused():
                pair = self._pairs.pop(event.conn, None)
                if pair is None:
                    return []
                self._pairs.pop(pair.other, None)
                return [act.Close(conn=pair.other, reset=bool(event.reason))]
            case act.Commanded(name="cut"):
                return [*self._cut(str(event.args["link"])), act.Reply(ident=event.ident)]
        return []

    def _cut(self, link: str) -> list[act.Command]:
        """End every connection of a link, so that its systems connect anew."""
        cut = [conn for conn in self._pairs if conn.startswith(f"{link}#")]
        for conn in cut:
            del self._pairs[conn]
        return [act.Close(conn=conn) for conn in cut]

    def _opened(self, event: act.Opened) -> list[act.Command]:
        pair = self._pairs.get(event.conn)
        if pair is None:
            far = f"{event.conn}>"
            self._pairs[event.conn] = _Pair(far, ready=False)
            self._pairs[far] = _Pair(event.conn, ready=True)
            return [act.Open(link=event.link, conn=far)]
        near = self._pairs[pair.other]
        near.ready = True
        waiting, near.waiting = near.waiting, []
        return [act.Send(conn=event.conn, event=unit) for unit in waiting]

    def _received(self, event: act.Received) -> list[act.Command]:
        pair = self._pairs.get(event.conn)
        if pair is None:
            return []
        if pair.ready:
            return [act.Send(conn=pair.other, event=event.event)]
        if len(pair.waiting) >= _WAITING_MAX:  # an end is seen; a hole in the stream is not
            del self._pairs[event.conn], self._pairs[pair.other]
            return [act.Close(conn=event.conn, reset=True), act.Close(conn=pair.other)]
        pair.waiting.append(event.event)
        return []
