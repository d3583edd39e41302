"""MLLP, the framing of HL7 v2 over TCP, as a pure machine.

A frame is ``SB payload EB CR`` with SB = 0x0B, EB = 0x1C, CR = 0x0D (HL7 2.5.1 appendix C,
"Minimal Lower Layer Protocol"; MLLP Release 2 §2.3). The receiver here takes what real peers send:
frames glued together or split anywhere, junk between them, trailers that are cut. Each deviation
becomes a ``Violation`` with a stable code and its byte offset; every message that can be told from
the noise still comes out. The events do not depend on how the bytes were split into reads.

Rules where the standard is silent:

* SB inside a frame starts a new frame; what stood before it is reported and dropped.
* EB ends a frame before CR, and also before NUL, LF, SB or a second EB, which is reported.
  EB before any other byte is reported and kept as data.
* What cannot be judged before the next byte (junk, an EB at the end of a read) is judged
  ``SETTLE_S`` later, by ``on_deadline``: a peer that waits for an answer will send no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from harness import limits
from harness.errors import LocalProtocolError
from harness.wire.core import Event, Message, Mutator, Unit, Violation, unchanged

SB: Final = 0x0B
EB: Final = 0x1C
CR: Final = 0x0D
ACK_BYTE: Final = b"\x06"
NAK_BYTE: Final = b"\x15"
TRAILER: Final = b"\x1c\r"

SETTLE_S: Final = 1.0
"""How long an open question waits for the next byte: far above a LAN's packet gaps, well below
the 5 s after which common engines give up on an answer."""

RAW_BYTES_MAX: Final = 256
"""Offending bytes kept in a violation: enough to recognise them, small enough to store."""

CLAUSE: Final = "HL7 2.5.1 appendix C §C.4.3 (MLLP)"

TEXTS: Final = {
    "mllp.junk-before-start": "Bytes outside a frame, before the start block",
    "mllp.line-end-between-frames": "Line ends between frames",
    "mllp.nul-between-frames": "NUL bytes between frames",
    "mllp.end-without-start": "An end block without a frame before it",
    "mllp.double-start": "A start block directly after a start block",
    "mllp.start-inside-frame": "A new frame started before the end block of the one before",
    "mllp.end-block-inside": "An end block inside the payload",
    "mllp.bad-trailer": "The end block is not followed by CR",
    "mllp.empty-frame": "A frame without payload",
    "mllp.frame-too-long": "The frame is longer than allowed and was dropped",
    "mllp.eof-inside-frame": "The connection closed inside a frame",
}
"""Every violation of this core: code and what it says. The texts carry no values, so that they
can be translated; offset and raw bytes stand beside them."""

_COMMITS: Final = frozenset({ACK_BYTE, NAK_BYTE})

_CUT_TRAILER = frozenset({0x00, 0x0A})
"""What follows EB in place of CR and belongs to the trailer: seen in engines after upgrades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitBlock(Event):
    """The block by which MLLP Release 2 says that a message was stored, or was not.

    Attributes:
        positive: SB ACK EB CR if true, SB NAK EB CR otherwise.
    """

    positive: bool


def framed(payload: bytes) -> bytes:
    """A payload as it goes over the wire."""
    return b"\x0b%b\x1c\r" % payload


class _State(Enum):
    IDLE = auto()
    """Outside a frame; nothing is buffered but the start of the junk."""
    FRAME = auto()
    """Inside a frame; the buffer starts with the first byte of its payload."""
    SKIP = auto()
    """Inside a frame that is too long; its bytes are dropped until it ends."""


@dataclass(slots=True)
class MllpCore:
    """Both directions of one MLLP connection; see ``harness.wire.core.Core``.

    ``send`` takes ``Message`` and ``CommitBlock``; it frames any payload as it is, also one that
    holds framing bytes: sending such a payload is a legitimate test.

    Attributes:
        max_message_bytes: longest payload that is assembled.
        mutator: sees each framed unit (kind ``message``; commit blocks ``ack`` and ``nak``).
    """

    max_message_bytes: int = limits.MESSAGE_BYTES_MAX
    mutator: Mutator = unchanged
    protocol: str = "mllp"
    _state: _State = _State.IDLE
    _buffer: bytearray = field(default_factory=bytearray)
    _offset: int = 0  # of the first byte that is neither consumed nor dropped
    _searched: int = 0  # bytes of the frame that hold neither SB nor EB to act on
    _next_eb: int = -1  # where the next EB stands in the read at hand, once looked for
    _frame_offset: int = 0  # of the SB of the frame at hand
    _doubled: bool = False
    _eb_inside: bool = False
    _junk: bytearray = field(default_factory=bytearray)
    _junk_offset: int = 0
    _junk_size: int = 0
    _settle_at: float | None = None
    _out: list[bytes] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)

    # ---- receiving

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        payload = self.whole(data)
        if payload is not None:
            self._offset += len(data)
            self._events.append(Message(payload=payload))
        elif data:
            self._receive(data, now)

    def whole(self, data: bytes) -> bytes | None:
        """The payload of a read that is one frame, with nothing odd about it and nothing before it.

        None for any other read, and for a commit block (SB ACK EB CR). Nothing is taken: that is
        ``receive``, or ``passed`` where the payload was all that anybody wanted.
        """
        size = len(data)
        if (
            self._state is _State.IDLE
            and not self._junk_size
            and 4 <= size <= self.max_message_bytes + 3
            and data[0] == SB
            and data.find(EB) == size - 2
            and data[-1] == CR
            and data.rfind(SB) == 0
            and (size > 4 or data[1:2] not in _COMMITS)
        ):
            return data[1:-2]
        return None

    def passed(self, data: bytes) -> None:
        """Take a read whose payload ``whole`` gave, without an event."""
        self._offset += len(data)

    def _receive(self, data: bytes, now: float) -> None:
        buffer: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            buffer = self._buffer
        used = self._scan(buffer, now)
        self._offset += used
        if buffer is self._buffer:
            del self._buffer[:used]
        else:
            self._buffer += memoryview(data)[used:]

    def _scan(self, buffer: bytes | bytearray, now: float) -> int:
        """Act on every start and end in ``buffer``; returns how many bytes are done with.

        Each turn goes past at least one SB or EB, or returns; so the loop ends, in linear time.
        """
        self._next_eb = -1
        position = 0
        while True:
            if self._state is _State.IDLE:
                position = self._scan_junk(buffer, position, now)
                if position == len(buffer):
                    return position
            step = self._scan_frame(buffer, position, now)
            if step is None:
                return len(buffer) - self._kept if self._state is _State.SKIP else position
            position = step

    @property
    def _kept(self) -> int:
        """While skipping, only an EB whose next byte is unknown stays in the buffer."""
        return 0 if self._settle_at is None else 1

    def _scan_junk(self, buffer: bytes | bytearray, position: int, now: float) -> int:
        """Pass over what stands before SB; afterwards a frame is open unless all was junk."""
        start = buffer.find(SB, position)
        end = len(buffer) if start < 0 else start
        if end > position:
            if not self._junk_size:
                self._junk_offset = self._offset + position
                self._settle_at = now + SETTLE_S
            self._junk_size += end - position
            room = RAW_BYTES_MAX - len(self._junk)
            self._junk += buffer[position : min(end, position + room)]
        if start < 0:
            return end
        self._report_junk()
        self._open_frame(self._offset + start)
        return start + 1

    def _open_frame(self, offset: int) -> None:
        self._state = _State.FRAME
        self._frame_offset = offset
        self._searched = 0
        self._doubled = self._eb_inside = False
        self._settle_at = None

    def _close_frame(self) -> None:
        self._state = _State.IDLE
        self._searched = 0
        self._settle_at = None

    def _scan_frame(self, buffer: bytes | bytearray, begin: int, now: float) -> int | None:
        """Find the next byte of the frame to act on; None if more bytes are needed."""
        position = begin + self._searched
        if self._next_eb < position:  # else a flood of SB would search the same bytes again
            end = buffer.find(EB, position)
            self._next_eb = len(buffer) if end < 0 else end
        limit = self._next_eb
        start = buffer.find(SB, position, limit)
        reach = limit if start < 0 else start
        if self._state is _State.FRAME and reach - begin > self.max_message_bytes:
            kept = begin + min(RAW_BYTES_MAX, self.max_message_bytes)
            self._violate("mllp.frame-too-long", self._frame_offset, buffer[begin:kept])
            self._state = _State.SKIP
        if start >= 0:
            return self._restart(buffer, begin, start)
        if limit + 1 < len(buffer):
            return self._end(buffer, begin, limit)
        self._searched = 0 if self._state is _State.SKIP else limit - begin
        self._settle_at = now + SETTLE_S if limit < len(buffer) else None
        return None

    def _restart(self, buffer: bytes | bytearray, begin: int, start: int) -> int:
        """SB inside a frame: resynchronise on it."""
        if start == begin and self._state is _State.FRAME:
            if not self._doubled:
                self._violate("mllp.double-start", self._offset + start, b"\x0b")
            self._doubled = True
            self._frame_offset = self._offset + start
            return start + 1
        raw = (
            b"" if self._state is _State.SKIP else buffer[begin : min(start, begin + RAW_BYTES_MAX)]
        )
        self._violate("mllp.start-inside-frame", self._frame_offset, raw)
        self._open_frame(self._offset + start)
        return start + 1

    def _end(self, buffer: bytes | bytearray, begin: int, end: int) -> int:
        """EB with a byte behind it: the end of the frame, or a forbidden byte of the payload."""
        follower = buffer[end + 1]
        if follower == CR:
            self._deliver(buffer, begin, end)
            return end + 2
        if follower in {SB, EB} or follower in _CUT_TRAILER:
            self._deliver(buffer, begin, end)
            self._violate("mllp.bad-trailer", self._offset + end, buffer[end : end + 2])
            return end + 2 if follower in _CUT_TRAILER else end + 1
        if self._state is _State.SKIP:
            self._searched = 0
            return end + 1
        if not self._eb_inside:
            self._violate("mllp.end-block-inside", self._offset + end, buffer[end : end + 2])
        self._eb_inside = True
        self._searched = end + 1 - begin
        return begin

    def _deliver(self, buffer: bytes | bytearray, begin: int, end: int) -> None:
        """Hand over the payload and leave the frame."""
        skipped = self._state is _State.SKIP
        self._close_frame()
        if skipped:
            return
        with memoryview(buffer) as view:  # one copy, however large
            payload = bytes(view[begin:end])
        if payload in {ACK_BYTE, NAK_BYTE}:
            self._events.append(CommitBlock(positive=payload == ACK_BYTE))
        elif payload:
            self._events.append(Message(payload=payload))
        else:
            self._violate("mllp.empty-frame", self._frame_offset, b"\x0b\x1c")

    def _report_junk(self) -> None:
        """One violation for the whole run of bytes outside a frame."""
        if not self._junk_size:
            return
        raw = bytes(self._junk)
        if self._junk_size > len(raw) or raw.strip(b"\x00\r\n\x1c"):
            code = "mllp.junk-before-start"
        elif EB in raw:
            code = "mllp.end-without-start"
        elif 0 in raw:
            code = "mllp.nul-between-frames"
        else:
            code = "mllp.line-end-between-frames"
        self._violate(code, self._junk_offset, raw)
        self._junk.clear()
        self._junk_size = 0
        self._settle_at = None

    def _violate(self, code: str, offset: int, raw: bytes | bytearray) -> None:
        self._events.append(
            Violation(code=code, message=TEXTS[code], clause=CLAUSE, offset=offset, raw=bytes(raw))
        )

    def _settle(self) -> None:
        """Judge what waited for a byte that does not come."""
        self._report_junk()
        if self._state is _State.IDLE or self._settle_at is None:
            return
        end = len(self._buffer) - 1  # the EB that waited
        offset = self._offset + end
        self._deliver(self._buffer, 0, end)
        self._violate("mllp.bad-trailer", offset, b"\x1c")
        self._offset += len(self._buffer)
        self._buffer.clear()

    def receive_eof(self, now: float) -> None:
        """The peer closed its side: what is open now can never be completed."""
        self._settle()
        if self._state is not _State.IDLE:
            self._violate("mllp.eof-inside-frame", self._frame_offset, self._buffer[:RAW_BYTES_MAX])
            self._offset += len(self._buffer)
            self._buffer.clear()
            self._close_frame()

    # ---- sending

    def send(self, event: Event, now: float) -> None:
        """Frame and queue a ``Message`` or a ``CommitBlock``; ``LocalProtocolError`` else."""
        if isinstance(event, Message):
            kind, payload = "message", event.payload
        elif isinstance(event, CommitBlock):
            kind = "ack" if event.positive else "nak"
            payload = ACK_BYTE if event.positive else NAK_BYTE
        else:
            raise LocalProtocolError(f"MLLP cannot send {type(event).__name__}")
        frame = framed(payload)
        if self.mutator is unchanged:
            self._out.append(frame)
            return
        self._out.extend(self.mutator(Unit(kind=kind, data=frame, payload=payload)))

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

    # ---- time and events

    def next_deadline(self) -> float | None:
        """When an open question is judged without the next byte, or None."""
        return self._settle_at

    def on_deadline(self, now: float) -> None:
        """Judge junk, or an EB without CR, that nothing followed for ``SETTLE_S``."""
        if self._settle_at is not None and now >= self._settle_at:
            self._settle()

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events, self._events = self._events, []
        return events
