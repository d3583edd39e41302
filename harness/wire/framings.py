"""Frames between control bytes, as a pure machine: the framings of instruments without ASTM.

One core serves them all, because they differ in few points: what begins and ends a frame (STX and
ETX, brackets, ``!`` and a line end, a bare line), whether a check stands before or after the end
and what it covers, whether each frame is answered. ``FramingConfig`` states these points.

Rules where the makers are silent:

* A start inside a frame begins a new frame; what stood before it is reported and dropped. Printing
  starts (``[`` and ``!``) may stand inside.
* CR, LF and NUL between frames, and the bytes of the trailer, mean nothing.
* A frame that is not completed within ``FRAME_S`` is dropped; other bytes outside a frame are
  judged ``SETTLE_S`` after the last of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from harness.errors import LocalProtocolError
from harness.wire.core import Event, Message, Mutator, Unit, unchanged
from harness.wire.framings_checks import CheckKind, check_byte
from harness.wire.framings_events import (
    Accept,
    Control,
    ControlReceived,
    Refuse,
    violation,
)
from harness.wire.framings_sender import Sender, in_parts

SETTLE_S: Final = 1.0
"""How long bytes outside a frame wait for what follows."""

FRAME_S: Final = 15.0
"""Silence inside a frame after which it is given up: the longest that ASTM allows, for want of
figures in the makers' documents."""

FRAME_BYTES_MAX: Final = 1024 * 1024
"""Longest frame that is assembled; the longest capture of this family has 54 kB."""

ACK, NAK, ENQ, EOT, SYN = 0x06, 0x15, 0x05, 0x04, 0x16
_REPLIES: Final = frozenset({ACK, NAK})
_SIGNS: Final = frozenset({ENQ, EOT, SYN})
_QUIET: Final = frozenset({0x00, 0x0A, 0x0D})


@dataclass(frozen=True, slots=True, kw_only=True)
class FramingConfig:
    """What one framing does; both sides of a link share it.

    Attributes:
        start: one byte, or nothing where a frame is a line.
        end: what ends a frame.
        part_end: what ends a part that the next frame goes on with.
        part_bytes: text of one part; a longer message is cut. 0 cuts nothing.
        trailer: what follows end and check; a peer may leave it out.
        check: how the check is computed.
        check_place: before or after the end.
        check_form: one raw byte, or two hexadecimal digits.
        check_start: the check covers the start.
        check_end: the check covers the end.
        replies: each frame is answered with ACK or NAK.
        auto_accept: the core acknowledges; else its owner does, with ``Accept`` or ``Refuse``.
        reply_s: how long a sender waits for the reply.
        sends_max: transmissions of one frame.
        give_up: what a sender says when it has given up.
        frame_bytes_max: longest frame, and longest message of several parts.
    """

    start: bytes = b"\x02"
    end: bytes = b"\x03"
    part_end: bytes = b""
    part_bytes: int = 0
    trailer: bytes = b""
    check: CheckKind = CheckKind.NONE
    check_place: Literal["before-end", "after-end"] = "after-end"
    check_form: Literal["raw", "hex", "hex-lower"] = "hex"
    check_start: bool = False
    check_end: bool = True
    replies: bool = False
    auto_accept: bool = True
    reply_s: float = 15.0
    sends_max: int = 5
    give_up: bytes = b""
    frame_bytes_max: int = FRAME_BYTES_MAX

    def __post_init__(self) -> None:
        if len(self.start) > 1 or not self.end:
            raise ValueError("a frame begins with one byte at most, and it has an end")
        if self.part_end and len(self.part_end) != len(self.end):
            raise ValueError("both ends of a frame must have the same length")

    @property
    def check_size(self) -> int:
        """Bytes of the check on the wire."""
        if self.check is CheckKind.NONE:
            return 0
        return 1 if self.check_form == "raw" else 2

    def check_of(self, body: bytes, end: bytes) -> bytes:
        """The check of a frame as it stands on the wire."""
        if self.check is CheckKind.NONE:
            return b""
        covered = (self.start if self.check_start else b"") + body
        value = check_byte(self.check, covered + (end if self.check_end else b""))
        if self.check_form == "raw":
            return bytes([value])
        return b"%02x" % value if self.check_form == "hex-lower" else b"%02X" % value

    def frame(self, body: bytes, end: bytes = b"") -> bytes:
        """One whole frame around ``body``."""
        end = end or self.end
        check = self.check_of(body, end)
        if self.check_place == "before-end":
            return self.start + body + check + end + self.trailer
        return self.start + body + end + check + self.trailer


@dataclass(slots=True)
class FramingCore:
    """Both directions of one link; see ``harness.wire.core.Core``.

    ``send`` takes ``Message`` (one frame each), ``Control``, ``Accept`` and ``Refuse``. It reports
    ``Message``, ``ControlReceived``, ``Violation``, ``Delivered`` and ``SendFailed``. A payload
    that holds framing bytes goes out as it is: sending such a payload is a legitimate test.
    """

    config: FramingConfig = field(default_factory=FramingConfig)
    mutator: Mutator = unchanged
    protocol: str = "framed"
    _sender: Sender = field(init=False)
    _marks: re.Pattern[bytes] = field(init=False)
    _quiet: frozenset[int] = field(init=False)
    _buffer: bytearray = field(default_factory=bytearray)
    _offset: int = 0  # of the first byte of the buffer
    _open: bool = False  # the buffer begins with the first byte behind the start
    _skip: bool = False
    _searched: int = 0
    _frame_offset: int = 0
    _doubled: bool = False
    _parts: bytearray = field(default_factory=bytearray)
    _noise: bytearray = field(default_factory=bytearray)
    _noise_offset: int = -1
    _last: int = 0  # bytes of the frame that waits for its owner
    _held: bool = False
    _settle_at: float | None = None
    _out: list[bytes] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = self.config
        self._sender = Sender(
            mutate=lambda unit: self.mutator(unit),  # noqa: PLW0108 - it may be set later
            replies=config.replies,
            reply_s=config.reply_s,
            sends_max=config.sends_max,
            give_up=config.give_up,
            out=self._out,
            events=self._events,
        )
        marks = [config.end, config.part_end]
        if config.start and config.start < b" " and config.start != config.end:
            marks.append(config.start)
        self._marks = re.compile(b"|".join(re.escape(mark) for mark in marks if mark))
        self._quiet = _QUIET | (frozenset(config.trailer) - _SIGNS - _REPLIES)

    # ---- receiving

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        if self._held and len(self._buffer) + len(data) > self.config.frame_bytes_max:
            self._violate("framing.input-while-waiting", self._offset, data)
            return
        self._buffer += data
        self._advance(now)

    def _advance(self, now: float) -> None:
        """Act on all that can be judged; each turn consumes bytes, or ends."""
        position = 0  # consumed so far: deleting once keeps a flood of short frames linear
        while not self._held:
            before = position, self._open
            position = self._inside(position) if self._open else self._outside(position, now)
            if (position, self._open) == before:
                break
        self._offset += position
        del self._buffer[:position]
        if self._open or self._parts:
            self._settle_at = now + FRAME_S
        elif not self._noise:
            self._settle_at = None

    def _outside(self, position: int, now: float) -> int:
        """Pass over what stands between frames; opens a frame at a start."""
        buffer, start = self._buffer, self.config.start
        while position < len(buffer):
            byte = buffer[position]
            if byte in _REPLIES:
                self._reply(byte, position, now)
            elif byte in _SIGNS:
                self._report_noise()
                self._events.append(ControlReceived(byte=byte))
            elif start and byte == start[0]:
                self._open_frame(self._offset + position)
                return position + 1
            elif byte not in self._quiet:
                if not start:
                    self._open_frame(self._offset + position)
                    return position
                if self._noise_offset < 0:
                    self._noise_offset = self._offset + position
                    self._settle_at = now + SETTLE_S
                if len(self._noise) < 256:
                    self._noise.append(byte)
            position += 1
        return position

    def _reply(self, byte: int, position: int, now: float) -> None:
        self._report_noise()
        if not self._sender.waits:
            self._violate("framing.late-reply", self._offset + position, bytes([byte]))
        elif byte == ACK:
            self._sender.acknowledged(now)
        else:
            self._sender.refused(now)

    def _open_frame(self, offset: int) -> None:
        self._report_noise()
        self._open, self._skip, self._doubled = True, False, False
        self._searched = 0
        self._frame_offset = offset

    def _inside(self, begin: int) -> int:
        """Look for the end of the frame; returns what is consumed."""
        buffer, config = self._buffer, self.config
        found = self._marks.search(buffer, begin + self._searched)
        reach = len(buffer) if found is None else found.start()
        if not self._skip and reach - begin > config.frame_bytes_max:
            kept = buffer[begin : begin + min(256, config.frame_bytes_max)]
            self._violate("framing.frame-too-long", self._frame_offset, kept)
            self._skip = True
        if found is None:
            overlap = len(config.end) - 1
            self._searched = max(len(buffer) - begin - overlap, 0)
            if self._skip:  # nothing of it is needed but half an end
                self._searched, done = 0, max(len(buffer) - overlap, begin)
                return done
            return begin
        if found[0] == config.start:
            raw = b"" if self._skip else buffer[begin : min(reach, begin + 256)]
            if reach > begin or self._skip or not self._doubled:  # a flood is told of once
                self._violate("framing.start-inside-frame", self._frame_offset, raw)
            doubled = reach == begin and not self._skip
            self._open_frame(self._offset + reach)
            self._doubled = doubled
            return reach + 1
        self._searched = reach - begin
        behind = found.end()
        size = config.check_size if config.check_place == "after-end" else 0
        if len(buffer) - behind < size:
            return begin
        check = bytes(buffer[behind : behind + size])
        if size == 2 and not _is_hex(check):
            check = b""
        self._open = False
        self._close(bytes(buffer[begin:reach]), found[0], check)
        return behind + len(check)

    def _close(self, body: bytes, end: bytes, check: bytes) -> None:
        """A frame is complete: judge its check and hand it over."""
        config = self.config
        if self._skip:
            self._answer(good=False)
            return
        if config.check_place == "before-end" and config.check_size:
            body, check = body[: -config.check_size], body[-config.check_size :]
            if config.check_size == 2 and not _is_hex(check):
                check = b""
        wanted = config.check_of(body, end)
        if check.upper() != wanted.upper() if config.check_size == 2 else check != wanted:
            code = "framing.check" if check else "framing.check-missing"
            self._violate(code, self._frame_offset, config.start + body + end + check)
            self._answer(good=False)
            return
        if len(self._parts) + len(body) > config.frame_bytes_max:
            self._violate("framing.message-too-long", self._frame_offset, body)
            self._parts.clear()
            self._answer(good=False)
            return
        self._parts += body
        if end == config.part_end:
            self._answer(good=True, whole=False)
            return
        self._events.append(Message(payload=bytes(self._parts)))
        self._last = len(body)
        self._answer(good=True)
        if not self._held:
            self._parts.clear()

    def _answer(self, *, good: bool, whole: bool = True) -> None:
        if not self.config.replies:
            return
        if good and whole and not self.config.auto_accept:
            self._held = True
            return
        self._say(good=good)

    def _say(self, *, good: bool) -> None:
        kind, byte = ("ack", ACK) if good else ("nak", NAK)
        self._out.extend(self.mutator(Unit(kind=kind, data=bytes([byte]))))

    def _report_noise(self) -> None:
        if self._noise_offset >= 0:
            self._violate("framing.noise", self._noise_offset, self._noise)
            self._noise.clear()
            self._noise_offset = -1
        self._settle_at = None

    def _violate(self, code: str, offset: int, raw: bytes | bytearray) -> None:
        self._events.append(violation(code, offset, raw))

    def _drop(self, code: str) -> None:
        """The frame at hand will never be complete."""
        if self._held:
            return
        self._report_noise()
        if self._open:
            ended = self._marks.match(self._buffer, self._searched) is not None
            self._violate(
                "framing.check-missing" if ended else code, self._frame_offset, self._buffer
            )
            self._offset += len(self._buffer)
            self._buffer.clear()
            self._open = False
            if ended:
                self._answer(good=False)
        elif self._parts:
            self._violate(code, self._frame_offset, self._parts)
        self._parts.clear()

    def receive_eof(self, now: float) -> None:
        """The peer closed its side: what is open now can never be completed."""
        self._held = False
        self._drop("framing.eof-inside-frame")
        self._sender.lost()

    # ---- sending

    def send(self, event: Event, now: float) -> None:
        """Queue a message, a control byte, or the reply to the frame that waits."""
        match event:
            case Message(payload=payload):
                self._sender.queue(payload, in_parts(payload, self.config), now)
            case Control(byte=byte):
                self._out.extend(self.mutator(Unit(kind="control", data=bytes([byte]))))
            case Accept() | Refuse():
                if self._held:
                    self._release(isinstance(event, Accept), now)
            case _:
                raise LocalProtocolError(f"a framed link cannot send {type(event).__name__}")

    def _release(self, good: bool, now: float) -> None:  # noqa: FBT001 - what the owner said
        """The owner answered the frame that waited; go on with what came meanwhile."""
        self._held = False
        del self._parts[0 if good else len(self._parts) - self._last :]
        self._say(good=good)
        self._advance(now)

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    # ---- time and events

    def next_deadline(self) -> float | None:
        """The earliest of: a reply is overdue, bytes outside or inside a frame are judged."""
        times = [at for at in (self._sender.deadline, self._settle_at) if at is not None]
        return min(times, default=None)

    def on_deadline(self, now: float) -> None:
        """Judge what nothing followed; repeat what was not answered."""
        if self._settle_at is not None and now >= self._settle_at:
            self._settle_at = None
            self._drop("framing.incomplete")
        self._sender.overdue(now)

    def events(self) -> list[Event]:
        """What happened since the last call, in order; empties the queue."""
        events = list(self._events)
        self._events.clear()
        return events


def _is_hex(data: bytes) -> bool:
    return len(data) == 2 and all(byte in b"0123456789ABCDEFabcdef" for byte in data)
