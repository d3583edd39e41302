"""Bytes that mean nothing on a LIS01-A2 link, gathered into runs (§8.2, §8.3.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.wire.astm_events import RAW_BYTES_MAX
from harness.wire.astm_frame import ACK, NAK, STX


@dataclass(slots=True)
class Noise:
    """One run of bytes that mean nothing; it is reported as one violation.

    Attributes:
        offset: of its first byte since the connection opened.
        size: how many there are.
        raw: the first of them.
    """

    offset: int = 0
    size: int = 0
    raw: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes, offset: int) -> None:
        """Some more of it; ``offset`` counts where it is the first."""
        if not self.size:
            self.offset = offset
        self.size += len(data)
        self.raw += data[: RAW_BYTES_MAX - len(self.raw)]

    def code(self, *, receiving: bool) -> str:
        """Which violation it is; ``receiving`` where a frame could have stood there."""
        if self.raw[:1] == STX and not receiving:
            return "astm.frame-in-idle"
        if self.size == len(self.raw) and not self.raw.strip(ACK + NAK):
            return "astm.late-reply"
        return "astm.noise"
