"""HLLP of the interface engine: blocks with count and checksum, and what flaws make of them.

An old sender or receiver behind a terminal server speaks it (HL7 2.3 implementation guide, appendix
C §C.4.1). A block whose count or checksum does not fit is refused by an ``N`` block and has no
effect; a block of ours that is refused goes out again as it was, under its control id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.wire import hllp
from harness.wire.core import Event, Message, Violation
from harness.wire.hl7 import Hl7Message
from harness.wire.hllp import SIZE_MAX, HllpCore, block, checksum

FROM_HIS_HLLP: Final = "his-engine-hllp"
"""Where senders connect that speak HLLP; what they send goes the way of ``his-engine``."""

_START: Final = b"\x0b"
_SUMS: Final = 8
"""Bytes of the count and the checksum, behind the data."""

_UNLIKE: Final = frozenset({"hllp.wrong-count", "hllp.wrong-checksum"})
"""Violations of a block whose data is not what was sent."""


@dataclass(slots=True)
class Blocks(HllpCore):
    """One HLLP connection of the engine.

    Args:
        defects: switched-on defects of the engine.
    """

    defects: set[str] = field(default_factory=set)
    _refused: list[bytes] = field(default_factory=list)
    """What the one defect hands over all the same, in the order of the violations."""

    def __post_init__(self) -> None:
        self.refuses = "engine-hllp-refuses-nothing" not in self.defects

    def events(self) -> list[Event]:
        """What happened; flawed code hands over what it refused, too."""
        found: list[Event] = []
        for event in HllpCore.events(self):
            found.append(event)
            if self._refused and isinstance(event, Violation) and event.code in _UNLIKE:
                found.append(Message(payload=self._refused.pop(0)))
        return found

    def opened(self, inside: bytes) -> Event:
        """What a frame holds, each flaw in its way."""
        if inside.startswith(b"MSH") and "engine-hllp-takes-plain" in self.defects:
            return Message(payload=inside)
        if "engine-hllp-ignores-count" in self.defects:
            inside = _mended(inside, count=True)
        if "engine-hllp-ignores-checksum" in self.defects:
            inside = _mended(inside, count=False)
        event = HllpCore.opened(self, inside)
        unlike = isinstance(event, Violation) and event.code in _UNLIKE
        if unlike and "engine-hllp-keeps-refused" in self.defects:
            self._refused.append(hllp.inside(inside))
        return event

    def _block(self, payload: bytes) -> bytes:
        made = block(payload)
        if "engine-hllp-counts-characters" not in self.defects:
            return made
        codec = Hl7Message.parse(payload).encoding
        characters = len(_START + made[:-_SUMS]) - len(payload) + len(payload.decode(codec))
        return b"%b%05d%b" % (made[:-_SUMS], characters % (SIZE_MAX + 1), made[-3:])


def _mended(frame: bytes, *, count: bool) -> bytes:
    """A block whose count, or checksum, is what it should be, whatever it was."""
    body, said = frame[:-_SUMS], frame[-_SUMS:]
    if len(frame) < _SUMS or not said.isdigit():
        return frame
    whole = _START + body
    if count:
        return b"%b%05d%b" % (body, len(whole) % (SIZE_MAX + 1), said[-3:])
    return b"%b%b%03d" % (body, said[:5], checksum(whole))


def renamed(row: Mapping[str, Any]) -> tuple[str, str]:
    """The defect: what was refused goes out as a message of its own; its id and its bytes as hex.

    Another id than the first one only: later refusals leave it as it is.
    """
    ident = f"R{row['control_id'][1:]}"
    message = Hl7Message.parse(bytes.fromhex(row["payload"]))
    return ident, message.set("MSH-10", ident).raw.hex()
