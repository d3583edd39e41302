"""The cores of a simulated HL7 system: MLLP or HLLP, and bytes that are no frame."""

from __future__ import annotations

from dataclasses import dataclass

from harness.wire.core import Event
from harness.wire.hllp import HllpCore
from harness.wire.mllp import MllpCore


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes(Event):
    """Bytes that go out as they are: a part of a frame, or what was never one."""

    data: bytes


@dataclass(slots=True)
class FeedCore(MllpCore):
    """``MllpCore``, which also sends ``Bytes``."""

    def send(self, event: Event, now: float) -> None:
        """Frame a message; put bytes behind it as they are."""
        if isinstance(event, Bytes):
            self._out.append(event.data)
        else:
            MllpCore.send(self, event, now)


@dataclass(slots=True)
class BlockCore(HllpCore):
    """``HllpCore``, which also sends ``Bytes``."""

    def send(self, event: Event, now: float) -> None:
        """Put a message into a block; put bytes behind it as they are."""
        if isinstance(event, Bytes):
            self._out.append(event.data)
        else:
            HllpCore.send(self, event, now)
