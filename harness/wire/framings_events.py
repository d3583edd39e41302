"""What the cores of the framings report, and what their owner can ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harness.model import Outcome
from harness.wire.core import Event, Violation

RAW_BYTES_MAX: Final = 256
"""Offending bytes kept in a violation: enough to recognise them, small enough to store."""

PROBLEMS: Final = {
    "framing.noise": "Bytes outside a frame",
    "framing.check": "The check does not fit the frame",
    "framing.check-missing": "The frame has no check",
    "framing.start-inside-frame": "A new frame started before the end of the one before",
    "framing.frame-too-long": "The frame is longer than allowed and was dropped",
    "framing.incomplete": "A frame has no end",
    "framing.eof-inside-frame": "The connection closed inside a frame",
    "framing.message-too-long": "The message is longer than allowed and was dropped",
    "framing.late-reply": "A reply that nobody waits for",
    "framing.input-while-waiting": "Too much was sent without waiting for the reply",
    "framing.block-count": "The announcement of the blocks is no number",
    "framing.block-number": "A block has another number than the next",
    "framing.block-size": "A block does not end where it should",
    "framing.blocks-missing": "The message ended before its last block",
}
"""Every violation of these cores: code and what it says. The texts carry no values, so that they
can be translated; offset and raw bytes stand beside them."""


def violation(code: str, offset: int = -1, raw: bytes | bytearray = b"") -> Violation:
    """A ``Violation`` of these cores; their makers' manuals have no clause that could be cited."""
    kept = bytes(raw[:RAW_BYTES_MAX])
    return Violation(code=code, message=PROBLEMS[code], offset=offset, raw=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlReceived(Event):
    """A control byte outside a frame that is no reply: ENQ, EOT, SYN."""

    byte: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Event):
    """A message went out.

    Attributes:
        payload: the whole message.
        acknowledged: the peer said so; on a link without replies nobody can know.
        sends: transmissions that its most often sent frame took.
    """

    payload: bytes
    acknowledged: bool
    sends: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailed(Event):
    """A message was given up.

    Attributes:
        payload: the whole message.
        reason: ``refused`` (NAK each time), ``no-answer`` or ``connection-lost``.
        outcome: ``unknown`` where the last transmission was not refused.
    """

    payload: bytes
    reason: Literal["refused", "no-answer", "connection-lost"]
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Event):
    """ACK the frame that waits for its owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Event):
    """NAK the frame that waits for its owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Event):
    """Send one control byte outside a frame."""

    byte: int
