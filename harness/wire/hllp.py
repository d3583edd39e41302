"""Hybrid Lower Layer Protocol: MLLP with a block type, a byte count and a checksum.

Still met behind terminal servers on serial lines (HL7 2.3 implementation guide, appendix C §C.4.1).
A block is ``SB type version CR data count checksum EB CR``: type ``D`` (data) or ``N`` (refused),
two digits of version, five digits of how many bytes there are from SB to the end of the data, and
three digits of their exclusive or. Frames are cut by ``MllpCore``; what stands inside is judged
here, and what does not fit is reported and not delivered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from harness.wire.core import Event, Message, Violation
from harness.wire.mllp import RAW_BYTES_MAX, MllpCore

VERSION: Final = b"23"
SIZE_MAX: Final = 99_999
"""What five digits can say; of a longer block they are the last five."""

CLAUSE: Final = "HL7 2.3 implementation guide C.4.1 (HLLP)"

TEXTS: Final = {
    "hllp.no-block-type": "The block does not begin with its type and version",
    "hllp.wrong-count": "The byte count is not the number of bytes in the block",
    "hllp.wrong-checksum": "The checksum is not that of the block",
    "hllp.refused": "The peer refused a block",
}

_BLOCK = re.compile(rb"([DN])([0-9]{2})\r(.*)([0-9]{5})([0-9]{3})", re.DOTALL)
_START: Final = b"\x0b"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRefused(Event):
    """The peer sent an ``N`` block: what we sent last did not reach it whole.

    Attributes:
        reason: its data: ``C`` wrong count, ``X`` wrong checksum, ``B`` too long, ``G`` other.
    """

    reason: str


def checksum(data: bytes) -> int:
    """The exclusive or of all bytes."""
    return reduce(xor, data, 0)


def block(payload: bytes, kind: bytes = b"D") -> bytes:
    """What stands between SB and EB for a payload."""
    body = kind + VERSION + b"\r" + payload
    whole = _START + body
    return b"%b%05d%03d" % (body, len(whole) % (SIZE_MAX + 1), checksum(whole))


def inside(frame: bytes) -> bytes:
    """The message of a data block that stood between SB and EB; empty where there is none."""
    read = _BLOCK.fullmatch(frame)
    return read[3] if read is not None and read[1] == b"D" else b""


@dataclass(slots=True)
class HllpCore(MllpCore):
    """Both directions of one HLLP connection; see ``harness.wire.core.Core``.

    Attributes:
        refuses: answer a damaged block by an ``N`` block, as the protocol wants it.
    """

    protocol: str = "mllp"  # what is read of a message, and who may send it, is the same
    refuses: bool = True

    def send(self, event: Event, now: float) -> None:
        """Put a message into a block; anything else as MLLP has it."""
        if isinstance(event, Message):
            event = Message(payload=self._block(event.payload))
        MllpCore.send(self, event, now)

    def events(self) -> list[Event]:
        """What happened; messages are those of whole blocks."""
        return [
            self.opened(event.payload) if isinstance(event, Message) else event
            for event in MllpCore.events(self)
        ]

    def _block(self, payload: bytes) -> bytes:
        return block(payload)

    def opened(self, inside: bytes) -> Event:
        """What a frame holds: a message, a refusal, or a violation, which is answered."""
        read = _BLOCK.fullmatch(inside)
        if read is None:
            return self._damaged("hllp.no-block-type", inside, b"G")
        kind, _, payload, count, check = read.groups()
        whole = _START + inside[:-8]
        if int(count) != len(whole) % (SIZE_MAX + 1):
            return self._damaged("hllp.wrong-count", inside, b"C")
        if int(check) != checksum(whole):
            return self._damaged("hllp.wrong-checksum", inside, b"X")
        if kind == b"N":
            return BlockRefused(reason=payload.decode("latin-1"))
        return Message(payload=payload)

    def _damaged(self, code: str, inside: bytes, reason: bytes) -> Event:
        if self.refuses:
            self._out.append(_START + block(reason, b"N") + b"\x1c\r")
        return Violation(code=code, message=TEXTS[code], clause=CLAUSE, raw=inside[:RAW_BYTES_MAX])
