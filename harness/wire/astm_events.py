"""What a LIS01-A2 core reports, and what its owner can ask of it beside ``Message``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harness.model import Outcome
from harness.wire.core import Event, Violation

RAW_BYTES_MAX: Final = 256
"""Offending bytes kept in a violation: a frame of E1381-95 fits."""

_STANDARD: Final = "LIS01-A2 "

PROBLEMS: Final = {
    "astm.noise": ("Bytes that mean nothing in this state", "§8.2"),
    "astm.frame-in-idle": ("A frame without ENQ before it", "§8.2"),
    "astm.late-reply": ("A reply that nobody waits for", "§8.3.4"),
    "astm.bid-too-soon": ("ENQ before the waiting time was over", "§8.2"),
    "astm.no-answer-to-enq": ("No answer to ENQ in time", "§8.5.2"),
    "astm.no-answer-to-frame": ("No answer to a frame in time", "§8.5.2"),
    "astm.unexpected-reply": ("A reply that is none of ACK, NAK and EOT", "§8.3.4"),
    "astm.enq-while-receiving": ("ENQ in the middle of a transfer", "§8.2"),
    "astm.checksum": ("The checksum does not fit the frame", "§8.3.3"),
    "astm.checksum-missing": ("The frame has no checksum", "§8.3.3"),
    "astm.checksum-lower-case": ("The checksum is in lower case", "§8.3.3"),
    "astm.frame-number": ("The frame number is neither the next nor the last one", "§8.3.2"),
    "astm.repeat-differs": ("A repeated frame has another text than the first time", "§8.3.2"),
    "astm.too-many-transmissions": ("One frame was sent more than seven times", "§8.5.1"),
    "astm.start-inside-frame": ("A new frame started before the end of the one before", "§8.3.1"),
    "astm.control-inside-frame": ("ENQ or EOT inside a frame", "§8.3.1"),
    "astm.frame-incomplete": ("A frame has no end", "§8.3.1"),
    "astm.forbidden-character": ("A character that no frame may hold", "§8.6"),
    "astm.frame-too-long": ("The frame is longer than allowed", "§8.3.1"),
    "astm.message-too-long": ("The message is longer than allowed", "§8.3.1"),
    "astm.trailer": ("CR LF is missing after the checksum", "§8.3.1"),
    "astm.record-end-missing": ("A record ends without CR before ETX", "§8.3.1"),
    "astm.receive-timeout": ("Neither frame nor EOT in time", "§8.5.2"),
    "astm.message-incomplete": ("A message has no end", "§8.5.2"),
    "astm.eof-inside-session": ("The connection closed inside a session", "§8.4"),
    "astm.input-while-waiting": ("Too much was sent without waiting for the reply", "§8.3.4"),
}
"""Every violation of this link: code, what it says, clause. The texts carry no values, so that
they can be translated; offset and raw bytes stand beside them."""


def violation(code: str, offset: int = -1, raw: bytes | bytearray = b"") -> Violation:
    """A ``Violation`` of this link."""
    message, clause = PROBLEMS[code]
    kept = bytes(raw[:RAW_BYTES_MAX])
    return Violation(code=code, message=message, clause=_STANDARD + clause, offset=offset, raw=kept)


FailReason = Literal[
    "enq-timeout", "enq-nak-limit", "six-refusals", "frame-timeout", "interrupted",
    "connection-lost",
]  # fmt: skip
EndReason = Literal["eot", "timeout", "restarted", "connection-lost"]
IncompleteReason = Literal["no-terminator", "eot", "timeout", "restarted", "connection-lost"]


# -- as a sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Event):
    """The last frame of a message was acknowledged."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailed(Event):
    """A message was given up; the core forgets it, whoever owns it may send the whole again.

    Attributes:
        payload: the whole message.
        reason: why.
        outcome: ``unknown`` where the last frame went out and no refusal of it can be trusted.
    """

    payload: bytes
    reason: FailReason
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class BidRefused(Event):
    """NAK to our ENQ, for the ``attempt``-th time in a row."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contention(Event):
    """ENQ met ENQ; we bid again, or wait for the peer, until ``until``."""

    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRepeated(Event):
    """A frame was refused and goes out again; ``attempt`` counts from 1."""

    number: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(Event):
    """The receiver answered EOT: it has taken the frame and wants the line (§8.3.5)."""

    granted: bool


# -- as a receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(Event):
    """The peer's bid was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """The peer's session is over.

    Attributes:
        reason: why.
        frames: good new frames in it; none is a keep-alive.
    """

    reason: EndReason
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReceived(Event):
    """A good new frame.

    Its records, and a message that it completes, are reported before it, so that the owner can
    store them before the frame is acknowledged. They come again if the frame is refused.

    Attributes:
        number: frame number.
        text: what stands between frame number and ETB or ETX.
        last: it ended with ETX.
        hold: what ``Accept`` and the like may name to answer this frame and no other.
    """

    number: int
    text: bytes
    last: bool
    hold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReceived(Event):
    """A whole record, reassembled, without its CR."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """A whole message, H through L, as bytes without framing."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageIncomplete(Event):
    """The beginning of a message whose end never came; it is discarded (§8.5.2)."""

    data: bytes
    reason: IncompleteReason


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateFrame(Event):
    """The frame accepted last came once more: acknowledged and discarded (§8.5.1)."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyOverdue(Event):
    """The owner did not answer a frame in time, so it was refused."""

    hold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTooLate(Event):
    """The owner answered a frame that waits no more; nothing was sent."""

    hold: int | None


# -- what the owner asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Event):
    """ACK the frame that waits; ``hold`` None means whichever it is."""

    hold: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Event):
    """NAK the frame that waits; its content is taken back."""

    hold: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt(Event):
    """Accept the frame that waits with EOT: we want the line (§8.3.5)."""

    hold: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy(Event):
    """Refuse bids with NAK from now on, or take them again (§8.2)."""

    on: bool
