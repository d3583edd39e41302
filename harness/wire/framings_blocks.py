"""Numbered blocks of one size, as a pure machine (Coulter MAXM), and records of a fixed size.

A message is announced by its number of blocks; then follow the blocks: STX, two digits, the data,
four digits of CRC-16 over the data alone, ETX. The last block is filled with blanks, so a payload
that ends in blanks loses them. Facts on which the captures are silent are configuration: the base
of the digits, and whether each block is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.errors import LocalProtocolError
from harness.wire.core import Event, Message, Mutator, Unit, unchanged
from harness.wire.framings import ACK, ENQ, EOT, FRAME_S, NAK, SETTLE_S, SYN
from harness.wire.framings_checks import crc16_genibus
from harness.wire.framings_events import Control, ControlReceived, violation
from harness.wire.framings_sender import Sender

STX, ETX = 0x02, 0x03
BLOCKS_MAX: Final = 99
"""Two digits number the blocks."""

_AROUND: Final = 1 + 2 + 4 + 1
_QUIET: Final = frozenset(b"\x00\r\n ")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksConfig:
    """What both sides agree on.

    Attributes:
        block_bytes: data of one block.
        base: of the announcement and of the numbers: 10, or 16.
        replies: each block is answered with ACK or NAK.
        reply_s: how long a sender waits for the reply.
        sends_max: transmissions of one block.
    """

    block_bytes: int = 256
    base: int = 10
    replies: bool = False
    reply_s: float = 15.0
    sends_max: int = 5

    def digits(self, number: int) -> bytes:
        """Two digits."""
        return b"%02X" % number if self.base == 16 else b"%02d" % number

    def pieces(self, payload: bytes) -> list[bytes]:
        """The announcement, then the blocks, as they stand on the wire."""
        size = self.block_bytes
        data = [payload[at : at + size].ljust(size) for at in range(0, len(payload), size)]
        if not 0 < len(data) <= BLOCKS_MAX:
            raise LocalProtocolError(f"a message has 1 to {BLOCKS_MAX} blocks, not {len(data)}")
        blocks = [
            b"\x02%b%b%04X\x03" % (self.digits(number), block, crc16_genibus(block))
            for number, block in enumerate(data, 1)
        ]
        return [self.digits(len(data)), *blocks]


@dataclass(slots=True)
class BlocksCore:
    """Both directions of a link of blocks; see ``harness.wire.core.Core``."""

    config: BlocksConfig = field(default_factory=BlocksConfig)
    mutator: Mutator = unchanged
    protocol: str = "framed"
    _sender: Sender = field(init=False)
    _buffer: bytearray = field(default_factory=bytearray)
    _offset: int = 0
    _count: int = 0  # blocks announced; 0 outside a message
    _number: int = 0  # of the last good block
    _broken: bool = False
    _payload: bytearray = field(default_factory=bytearray)
    _noise: bytearray = field(default_factory=bytearray)
    _noise_offset: int = -1
    _settle_at: float | None = None
    _out: list[bytes] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sender = Sender(
            mutate=lambda unit: self.mutator(unit),  # noqa: PLW0108 - it may be set later
            replies=self.config.replies,
            reply_s=self.config.reply_s,
            sends_max=self.config.sends_max,
            out=self._out,
            events=self._events,
        )

    # ---- receiving

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        self._buffer += data
        position = 0
        while position < len(self._buffer):
            used = self._step(position, now)
            if not used:
                break
            position += used
        self._offset += position
        del self._buffer[:position]
        if self._count or self._buffer:
            self._settle_at = now + FRAME_S
        elif self._noise_offset >= 0:
            self._settle_at = now + SETTLE_S
        else:
            self._settle_at = None

    def _step(self, at: int, now: float) -> int:
        """Act on what begins at ``at``; returns the bytes used, 0 if more are needed."""
        byte = self._buffer[at]
        if byte in {ACK, NAK}:
            self._reply(byte, at, now)
        elif byte in {ENQ, EOT, SYN}:
            self._report_noise()
            self._events.append(ControlReceived(byte=byte))
        elif byte == STX:
            return self._block(at)
        elif self._number_of(self._buffer[at : at + 1]) is not None and not self._count:
            return self._announced(at)
        elif byte not in _QUIET:
            if self._noise_offset < 0:
                self._noise_offset = self._offset + at
            if len(self._noise) < 256:
                self._noise.append(byte)
        return 1

    def _reply(self, byte: int, at: int, now: float) -> None:
        if not self._sender.waits:
            self._violate("framing.late-reply", at, bytes([byte]))
        elif byte == ACK:
            self._sender.acknowledged(now)
        else:
            self._sender.refused(now)

    def _number_of(self, digits: bytes | bytearray) -> int | None:
        text = digits.decode("latin-1")
        if not text or any(char not in "0123456789ABCDEFabcdef"[: self._signs] for char in text):
            return None
        return int(text, self.config.base)

    @property
    def _signs(self) -> int:
        return 22 if self.config.base == 16 else 10

    def _announced(self, at: int) -> int:
        if len(self._buffer) - at < 2:
            return 0
        count = self._number_of(self._buffer[at : at + 2])
        self._report_noise()
        if not count:
            self._violate("framing.block-count", at, self._buffer[at : at + 2])
            return 1
        self._count, self._number, self._broken = count, 0, False
        self._payload.clear()
        self._answer(good=True)
        return 2

    def _block(self, at: int) -> int:
        size = self.config.block_bytes + _AROUND
        if len(self._buffer) - at < size:
            return 0
        self._report_noise()
        block = bytes(self._buffer[at : at + size])
        if block[-1] != ETX:
            self._violate("framing.block-size", at, block)
            self._bad()
            return 1
        self._judge(at, block)
        return size

    def _judge(self, at: int, block: bytes) -> None:
        """A block of the right size: its place in the message, its number, its CRC."""
        data, crc = block[3:-5], block[-5:-1]
        if not self._count:
            self._violate("framing.block-count", at, block[:3])
            self._answer(good=False)
        elif crc.upper() != b"%04X" % crc16_genibus(data):
            self._violate("framing.check", at, block)
            self._bad()
        elif self._number and self._number_of(block[1:3]) == self._number:
            self._answer(good=True)  # our ACK was lost: taken already
        elif self._number_of(block[1:3]) != self._number + 1:
            self._violate("framing.block-number", at, block[:3])
            self._bad()
        else:
            self._number += 1
            self._payload += data
            if self._number == self._count:
                self._finish()
            self._answer(good=True)

    def _bad(self) -> None:
        """A block is wrong: it comes again where blocks are answered, else the message is lost."""
        self._broken = self._broken or not self.config.replies
        self._answer(good=False)

    def _finish(self) -> None:
        if not self._broken:
            self._events.append(Message(payload=bytes(self._payload).rstrip(b" ")))
        self._count = 0
        self._payload.clear()

    def _answer(self, *, good: bool) -> None:
        if self.config.replies:
            kind, byte = ("ack", ACK) if good else ("nak", NAK)
            self._out.extend(self.mutator(Unit(kind=kind, data=bytes([byte]))))

    def _report_noise(self) -> None:
        if self._noise_offset >= 0:
            self._events.append(violation("framing.noise", self._noise_offset, self._noise))
            self._noise.clear()
            self._noise_offset = -1

    def _violate(self, code: str, at: int, raw: bytes | bytearray) -> None:
        self._events.append(violation(code, self._offset + at, raw))

    def _drop(self, code: str) -> None:
        self._report_noise()
        if self._buffer:
            self._violate(code, 0, self._buffer)
            self._offset += len(self._buffer)
            self._buffer.clear()
        if self._count:
            self._violate("framing.blocks-missing", 0, self._payload)
            self._count = 0
            self._payload.clear()

    def receive_eof(self, now: float) -> None:
        """The peer closed its side."""
        self._drop("framing.eof-inside-frame")
        self._sender.lost()

    # ---- sending

    def send(self, event: Event, now: float) -> None:
        """Queue a message or a control byte."""
        match event:
            case Message(payload=payload):
                units = [
                    Unit(kind="frame", data=piece, payload=payload)
                    for piece in self.config.pieces(payload)
                ]
                self._sender.queue(payload, units, now)
            case Control(byte=byte):
                self._out.extend(self.mutator(Unit(kind="control", data=bytes([byte]))))
            case _:
                raise LocalProtocolError(f"a link of blocks cannot send {type(event).__name__}")

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    # ---- time and events

    def next_deadline(self) -> float | None:
        """When a reply is overdue, or an open message is given up."""
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
