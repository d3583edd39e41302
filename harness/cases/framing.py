"""Sessions of an ASTM line with their framing (LIS01-A2 §6): byte for byte, persons apart.

Where the malformed spot is the fault, a message that is framed anew has lost it. A session is all
that the sender put on the line from ENQ to EOT: frames that came again, wrong sums, missing ends.
Names and numbers in it are replaced as in any message; a sum that was right is right again behind
that, and one that was wrong is wrong by as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.wire.astm_decode import DecodedUnit, decode_stream
from harness.wire.astm_link import BACKLOG_BYTES_MAX
from harness.wire.core import Event, Message, Mutator, Unit, unchanged

WIRE: Final = "astm-wire"
"""Protocol of a line that is a session with its framing."""

REPLY_S: Final = 15.0
"""How long a sender waits for a reply (LIS01-A2 §6.5.2.1)."""

ACK, NAK, EOT, ENQ = b"\x06", b"\x15", b"\x04", b"\x05"
NONE: Final = "no reply"
_HEAD: Final = re.compile(rb"[\x00-\x20]*[0-7]?(?=[A-Za-z][|\r])")
"""What stands before a record in a frame that is none: a lost STX, or a number without it."""

_KINDS: Final = {ACK: "ACK", NAK: "NAK", EOT: "EOT", ENQ: "ENQ"}


@dataclass(frozen=True, slots=True)
class Session:
    """What a sender put on the line.

    Attributes:
        offset: of its first byte in the stream.
        data: the bytes.
        sound: everything in it is as the standard has it.
    """

    offset: int
    data: bytes
    sound: bool


def sessions(data: bytes) -> list[Session]:
    """The sessions of one direction; of both where the capture does not tell them apart.

    Replies are no part of one: of a session that was mixed with them they are left out.
    """
    found: list[Session] = []
    for part in _parts(decode_stream(data)):
        said = [one for one in part if one.kind not in {"ACK", "NAK"}]
        frames = [one for one in said if one.kind in {"FRAME", "NOISE"}]
        if not frames:
            continue
        whole = said[0].kind == "ENQ" and said[-1].kind == "EOT"
        sound = whole and all(one.sound for one in said) and not _again(frames)
        raw = b"".join(one.data for one in said)
        found.append(Session(offset=said[0].offset, data=raw, sound=sound))
    return found


def _parts(units: list[DecodedUnit]) -> Iterator[list[DecodedUnit]]:
    """Cut before each ENQ behind something else, and behind each EOT."""
    part: list[DecodedUnit] = []
    for unit in units:
        if unit.kind == "ENQ" and any(one.kind in {"FRAME", "NOISE"} for one in part):
            yield part
            part = []
        part.append(unit)
        if unit.kind == "EOT":
            yield part
            part = []
    if part:
        yield part


def _again(frames: list[DecodedUnit]) -> bool:
    return any(one.number == other.number for one, other in pairwise(frames))


def text_of(session: bytes) -> bytes:
    """The records of a session, without its framing; a frame that came again stands once."""
    return b"".join(session[begin:end] for begin, end in texts(session))


def texts(session: bytes) -> list[tuple[int, int]]:
    """Where the text of each frame stands; of one that came again only the last."""
    found: list[tuple[str, tuple[int, int]]] = []
    for one in decode_stream(session):
        if one.kind == "FRAME":
            begin = one.offset + 2
            span = (one.number, (begin, begin + len(one.text)))
            if found and found[-1][0] == one.number:
                found.pop()
            found.append(span)
        elif one.kind == "NOISE":
            begin = one.offset + record_at(one.data)
            found.append(("", (begin, one.offset + len(one.data))))
    return [span for _, span in found]


def record_at(noise: bytes) -> int:
    """Where a record begins in what is no frame; its end where none does."""
    head = _HEAD.match(noise)
    return head.end() if head else len(noise)


def summed(before: bytes, after: bytes) -> bytes:
    """The sums of ``after`` as they were in ``before``: right, wrong by as much, or absent.

    Raises:
        InputError: ``after`` has other frames, so nobody can tell which sum is which.
    """
    old, new = decode_stream(before), decode_stream(after)
    if [one.kind for one in old] != [one.kind for one in new]:
        raise InputError(tr("the framing of a session cannot be kept"),
                         remedy=tr("take the case without --framing"))  # fmt: skip
    return b"".join(_summed(*pair) for pair in zip(old, new, strict=True))


def _summed(old: DecodedUnit, new: DecodedUnit) -> bytes:
    if new.kind != "FRAME" or not old.stated or old.text == new.text:
        return new.data
    try:
        off = int(old.stated, 16) - int(old.actual, 16)
    except ValueError:  # two signs that are no sum were none before
        return new.data
    total = f"{(int(new.actual, 16) + off) & 0xFF:02X}"
    digits = total.lower() if old.stated != old.stated.upper() else total
    end = len(new.data) - len(new.trailer)
    return new.data[: end - 2] + digits.encode() + new.data[end:]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireReply(Message):
    """What the other side answered to a piece of a session; ``name`` says what it was."""

    payload: bytes = b""
    name: str = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class WireDone(Event):
    """A session is on the line to its last byte."""


@dataclass(slots=True)
class WireCore:
    """Plays sessions as they were recorded: the next piece goes when the one before is answered.

    Whatever the answer is, what was recorded follows. A session of the other side is taken as any
    instrument would: each ENQ and each frame is acknowledged.

    Args:
        reply_s: how long an answer is waited for.
    """

    reply_s: float = REPLY_S
    protocol: str = WIRE
    mutator: Mutator = unchanged
    _waiting: list[bytes | None] = field(default_factory=list)
    _out: bytearray = field(default_factory=bytearray)
    _events: list[Event] = field(default_factory=list)
    _deadline: float | None = None
    _held: bytearray = field(default_factory=bytearray)

    def send(self, event: Event, now: float) -> None:
        """Queue a session."""
        assert isinstance(event, Message)
        self._waiting += [*pieces(event.payload), None]
        if self._deadline is None:
            self._go_on(now)

    def receive(self, data: bytes, now: float) -> None:
        """A reply lets the next piece go; anything else is a session of the other side."""
        for at in range(len(data)):
            byte = data[at : at + 1]
            if self._deadline is not None and byte in {ACK, NAK, EOT}:
                self._replied(byte, now)
            else:
                self._theirs(byte)

    def _replied(self, byte: bytes, now: float) -> None:
        self._events.append(WireReply(payload=byte, name=_KINDS.get(byte, NONE)))
        self._deadline = None
        self._go_on(now)

    def _theirs(self, byte: bytes) -> None:
        if byte == ENQ:
            self._held.clear()
            self._out += ACK
        elif byte not in {EOT, ACK, NAK}:
            self._held += byte
            # What never ends is told in pieces, and not acknowledged.
            if byte == b"\n" or len(self._held) >= BACKLOG_BYTES_MAX:
                self._events.append(WireReply(payload=bytes(self._held), name="frame"))
                self._held.clear()
                self._out += ACK if byte == b"\n" else b""

    def _go_on(self, now: float) -> None:
        while self._waiting and self._deadline is None:
            piece = self._waiting.pop(0)
            if piece is None:
                self._events.append(WireDone())
                continue
            self._out += b"".join(self.mutator(Unit(kind="raw", data=piece)))
            self._deadline = None if piece == EOT else now + self.reply_s

    def receive_eof(self, now: float) -> None:
        """Nobody answers any more."""
        self._deadline = None
        self._waiting.clear()

    def data_to_send(self) -> bytes:
        """What goes out."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_deadline(self) -> float | None:
        """Until when an answer is waited for."""
        return self._deadline

    def on_deadline(self, now: float) -> None:
        """No answer: what was recorded goes on all the same."""
        if self._deadline is not None and now >= self._deadline:
            self._replied(b"", now)

    def events(self) -> list[Event]:
        """What happened."""
        found, self._events = self._events, []
        return found


def pieces(session: bytes) -> list[bytes]:
    """What goes out at once: each is answered but EOT. What is no frame goes with what follows."""
    found: list[bytes] = []
    held = b""
    for unit in decode_stream(session):
        held += unit.data
        if unit.kind in {"ENQ", "EOT", "FRAME"}:
            if unit.kind == "EOT" and held != EOT:
                found += [held[:-1], EOT]
            else:
                found.append(held)
            held = b""
    return [*found, held] if held else found
