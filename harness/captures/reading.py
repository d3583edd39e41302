"""What a capture says, whatever its protocol: messages with their records, findings, kept bytes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Against = Literal["standard", "profile", "capture"]
"""Whether a finding breaks the standard, or differs from what was agreed with this instrument, or
the capture itself lacks something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFinding:
    """One thing that is not as it should be.

    Attributes:
        against: what it is held against.
        code: stable id.
        message: what it means, in English; a key of the catalogue.
        clause: of the standard, or the key of the model file.
        offset: of the bytes in their stream; -1 where it is about a message.
        record: number of the record in its message from 1; 0 where it is about no record.
        expected: what should stand there, where that is one value.
        actual: what stands there.
    """

    against: Against
    code: str
    message: str
    clause: str
    offset: int = -1
    record: int = 0
    expected: str = ""
    actual: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Bytes that are part of no message: nothing of a capture is thrown away.

    Attributes:
        offset: in the stream.
        why: code of the finding that tells why.
        data: the bytes.
    """

    offset: int
    why: str
    data: bytes


@dataclass(slots=True, kw_only=True)
class ReadMessage:
    """One message of a capture.

    Attributes:
        records: text of each record or segment.
        findings: what is not as the standard of the records has it.
        payload: its bytes without framing; of HTTP the body.
        offset: of its first byte in the stream; -1 where it cannot be told.
    """

    records: list[str]
    findings: list[CaptureFinding] = field(default_factory=list)
    payload: bytes = b""
    offset: int = -1


@dataclass(slots=True, kw_only=True)
class Reading:
    """Everything that one direction of a capture says.

    Attributes:
        direction: as the log names it; empty where the capture does not tell.
        messages: in order.
        findings: about the link.
        kept: bytes that are part of no message.
    """

    direction: str = ""
    messages: list[ReadMessage] = field(default_factory=list)
    findings: list[CaptureFinding] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def keep(self, offset: int, why: str, data: bytes) -> None:
        """Set bytes aside."""
        if data:
            self.kept.append(Kept(offset=offset, why=why, data=data))

    @property
    def all_findings(self) -> list[CaptureFinding]:
        """Of the link and of every message."""
        return [*self.findings, *(one for message in self.messages for one in message.findings)]

    def data(self) -> dict[str, Any]:
        """As plain values, for ``--json``."""
        return {
            "direction": self.direction,
            "messages": [
                {"records": one.records, "findings": [asdict(it) for it in one.findings]}
                for one in self.messages
            ],
            "findings": [asdict(one) for one in self.findings],
            "kept": [
                {"offset": one.offset, "why": one.why, "hex": one.data.hex(" ")}
                for one in self.kept
            ],
        }
