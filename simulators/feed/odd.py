"""Answers that are written as peers are known to write them, and no standard has it.

Each is a positive or negative answer of a played receiver; what the sender makes of it is the test.
Rows of the HL7 fault catalogue stand beside each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from harness.wire.core import Event, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.hllp import block
from harness.wire.mllp import framed
from simulators.feed.core import Bytes


def _set(ack: bytes, **fields: str) -> Message:
    message = Hl7Message.parse(ack)
    for name, text in fields.items():
        message = message.set(name.replace("_", "-"), text)
    return Message(payload=message.raw)


def _not_swapped(ack: bytes) -> Message:
    message = Hl7Message.parse(ack)
    names = [message.get(f"MSH-{number}") or "" for number in (3, 4, 5, 6)]
    return _set(ack, MSH_3=names[2], MSH_4=names[3], MSH_5=names[0], MSH_6=names[1])


SHAPES: Final[Mapping[str, Callable[[bytes], Event]]] = {
    "unframed": lambda ack: Bytes(data=ack),  # hl7-07
    "odd-trailer": lambda ack: Bytes(data=b"\x0b%b\x1c\0" % ack),  # hl7-09
    "commit-block": lambda _: Bytes(data=b"\x0b\x06\x1c\r"),  # hl7-22: MLLP release 2 §2.3.2
    "block-refused": lambda _: Bytes(data=framed(block(b"X", b"N"))),  # HLLP: wrong checksum
    "not-swapped": _not_swapped,  # hl7-32
    "other-version": lambda ack: _set(ack, MSH_12="2.3"),  # hl7-33
    "no-trigger": lambda ack: _set(ack, MSH_9="ACK"),  # hl7-33
    "no-final-return": lambda ack: Message(payload=ack.removesuffix(b"\r")),  # hl7-34
    "same-id": lambda ack: _set(ack, MSH_10="1"),  # hl7-35
}
"""What each action makes of the answer as it should be."""

FRAMED: Final = frozenset({"odd-trailer"})
"""Those that write the frame themselves: they are given what stands in it, a block for HLLP."""
