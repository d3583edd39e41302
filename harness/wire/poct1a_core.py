"""POCT1-A2 over a stream, as a pure machine: where one XML message ends and the next begins.

There is no framing: a message begins with its root element and ends with that element's end tag.
So bytes are looked at only as far as that takes; whether the inside is sound is for ``poct1a``.
End tags inside comments and CDATA sections do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from harness.errors import LocalProtocolError
from harness.wire.core import Event, Message, Mutator, Unit, Violation, unchanged
from harness.wire.poct1a import MESSAGE_BYTES_MAX

SETTLE_S: Final = 5.0
"""Silence inside a message after which it is given up; devices send a message in one go."""

RAW_BYTES_MAX: Final = 256

HEAD_BYTES_MAX: Final = 4096
"""Longest start tag of a root element, and longest declaration or comment before it."""

PROBLEMS: Final = {
    "poct1a.noise": "Bytes outside a message",
    "poct1a.doctype": "A document type declaration, which no device message has",
    "poct1a.message-too-long": "The message is longer than allowed and was dropped",
    "poct1a.incomplete": "A message has no end",
    "poct1a.eof-inside-message": "The connection closed inside a message",
}
"""Every violation of this core: code and what it says."""

_BLANK: Final = frozenset(b" \t\r\n\x00\xef\xbb\xbf")
_ROOT: Final = re.compile(rb"<([A-Za-z_][A-Za-z0-9_.:\-]{0,63})(?=[\s/>])")
_TAG_END: Final = re.compile(rb"\"[^\"]*\"|'[^']*'|[\"'>]")


@dataclass(slots=True)
class Poct1aCore:
    """Both directions of one conversation; see ``harness.wire.core.Core``."""

    message_bytes_max: int = MESSAGE_BYTES_MAX
    mutator: Mutator = unchanged
    protocol: str = "poct1a"
    _buffer: bytearray = field(default_factory=bytearray)
    _offset: int = 0  # of the first byte of the buffer
    _end: re.Pattern[bytes] | None = None  # what ends the message at hand
    _searched: int = 0
    _until: bytes = b""
    _noise: bytearray = field(default_factory=bytearray)
    _noise_offset: int = -1
    _settle_at: float | None = None
    _out: list[bytes] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)

    # ---- receiving

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        self._buffer += data
        while self._buffer and self._step():
            pass
        waiting = self._buffer or self._noise_offset >= 0
        self._settle_at = now + SETTLE_S if waiting else None

    def _step(self) -> bool:
        """Act on the beginning of the buffer; false if more bytes are needed."""
        if self._end is not None:
            return self._inside()
        byte = self._buffer[0]
        if byte in _BLANK and self._noise_offset < 0:
            self._use(1)
            return True
        if byte != 0x3C:
            return self._junk()
        self._report_noise()
        if len(self._buffer) < 4:
            return False
        if self._buffer[1:2] == b"?":
            return self._to(b"?>")
        if self._buffer[:4] == b"<!--":
            return self._to(b"-->")
        if self._buffer[1:2] == b"!":
            return self._to(b">", "poct1a.doctype")
        return self._root()

    def _junk(self) -> bool:
        """Bytes that begin no message, up to the next ``<``."""
        found = self._buffer.find(b"<", 1)
        size = len(self._buffer) if found < 0 else found
        if self._noise_offset < 0:
            self._noise_offset = self._offset
        self._noise += self._buffer[: min(size, RAW_BYTES_MAX - len(self._noise))]
        self._use(size)
        return True

    def _to(self, end: bytes, code: str = "") -> bool:
        """Pass over a declaration or a comment."""
        limit = min(HEAD_BYTES_MAX, self.message_bytes_max)
        found = self._buffer.find(end, 0, limit)
        if found < 0:
            if len(self._buffer) <= limit:
                return False
            self._violate("poct1a.message-too-long", self._offset, self._buffer)
            self._use(limit)
            return True
        if code:
            self._violate(code, self._offset, self._buffer[:found])
        self._use(found + len(end))
        return True

    def _root(self) -> bool:
        """A root element begins here, unless the name is none."""
        found = _ROOT.match(self._buffer)
        if found is None:
            if len(self._buffer) < 70 and not re.search(rb"[\s/>]", self._buffer[1:]):
                return False
            return self._junk()
        name = re.escape(found[1])
        self._end = re.compile(rb"<!--|<!\[CDATA\[|(?P<end></" + name + rb"\s*>)")
        self._until = b""
        self._searched = 0
        return True

    def _inside(self) -> bool:
        """Look for the end of the message at hand."""
        if self._searched == 0:
            closed = self._self_closing()
            if closed is None:
                return self._grow(HEAD_BYTES_MAX)
            if closed:
                self._deliver(closed)
                return True
        assert self._end is not None
        while True:
            if self._until:  # inside a comment or a CDATA section
                at = self._buffer.find(self._until, self._searched)
                if at < 0:
                    self._searched = max(len(self._buffer) - 2, self._searched)
                    return self._grow()
                self._searched, self._until = at + 3, b""
            found = self._end.search(self._buffer, self._searched)
            if found is None:
                self._searched = max(len(self._buffer) - 80, self._searched)
                return self._grow()
            if found["end"] is not None:
                self._deliver(found.end())
                return True
            self._searched = found.end()
            self._until = b"-->" if found[0] == b"<!--" else b"]]>"

    def _self_closing(self) -> int | None:
        """Where ``<NAME/>`` ends; 0 for an ordinary start tag; None if it is not whole yet."""
        at = 0
        while (found := _TAG_END.search(self._buffer, at)) is not None:
            if found.end() > HEAD_BYTES_MAX:
                return None
            if found[0] == b">":
                self._searched = found.end()
                return found.end() if self._buffer[found.start() - 1 : found.start()] == b"/" else 0
            if len(found[0]) == 1:
                return None  # a value whose end has not come yet
            at = found.end()
        return None

    def _grow(self, limit: int = MESSAGE_BYTES_MAX) -> bool:
        """More bytes are needed; not without end."""
        if len(self._buffer) <= min(limit, self.message_bytes_max):
            return False
        self._violate("poct1a.message-too-long", self._offset, self._buffer)
        self._use(len(self._buffer))
        self._end = None
        return True

    def _deliver(self, end: int) -> None:
        if end > self.message_bytes_max:
            self._violate("poct1a.message-too-long", self._offset, self._buffer)
        else:
            self._events.append(Message(payload=bytes(self._buffer[:end])))
        self._end = None
        self._use(end)

    def _use(self, size: int) -> None:
        self._offset += size
        del self._buffer[:size]

    def _report_noise(self) -> None:
        if self._noise_offset >= 0:
            self._violate("poct1a.noise", self._noise_offset, self._noise)
            self._noise.clear()
            self._noise_offset = -1

    def _violate(self, code: str, offset: int, raw: bytes | bytearray) -> None:
        kept = bytes(raw[:RAW_BYTES_MAX])
        self._events.append(Violation(code=code, message=PROBLEMS[code], offset=offset, raw=kept))

    def _drop(self, code: str) -> None:
        self._report_noise()
        if self._buffer:
            self._violate(code, self._offset, self._buffer)
            self._use(len(self._buffer))
        self._end = None
        self._settle_at = None

    def receive_eof(self, now: float) -> None:
        """The peer closed its side."""
        self._drop("poct1a.eof-inside-message")

    # ---- sending, time and events

    def send(self, event: Event, now: float) -> None:
        """Queue a message as it is; it frames itself."""
        if not isinstance(event, Message):
            raise LocalProtocolError(f"POCT1-A cannot send {type(event).__name__}")
        unit = Unit(kind="message", data=event.payload, payload=event.payload)
        self._out.extend(self.mutator(unit))

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """When an open message is given up."""
        return self._settle_at

    def on_deadline(self, now: float) -> None:
        """Judge what nothing followed."""
        if self._settle_at is not None and now >= self._settle_at:
            self._drop("poct1a.incomplete")

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events, self._events = self._events, []
        return events
