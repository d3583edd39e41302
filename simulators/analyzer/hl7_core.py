"""MLLP as odd instruments write it: noise before the first block, blocks without their end."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.wire.core import Event, Mutator, Unit, unchanged
from harness.wire.mllp import TRAILER, MllpCore


@dataclass(slots=True)
class OddMllpCore:
    """An ``MllpCore`` whose units are changed before anybody else may change them.

    Args:
        lead_noise: goes out before the first unit of the connection.
        cut_trailer: blocks end with CR CR in place of FS CR.
    """

    lead_noise: bytes = b""
    cut_trailer: bool = False
    mutator: Mutator = unchanged
    protocol: str = "mllp"
    _inner: MllpCore = field(default_factory=MllpCore)
    _begun: bool = False

    def __post_init__(self) -> None:
        self._inner.mutator = self._written

    def _written(self, unit: Unit, /) -> list[bytes]:
        data = unit.data
        if self.cut_trailer and data.endswith(TRAILER):
            data = data[: -len(TRAILER)] + b"\r\r"
        if not self._begun:
            data = self.lead_noise + data
            self._begun = True
        return self.mutator(
            Unit(kind=unit.kind, data=data, payload=unit.payload, attempt=unit.attempt)
        )

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; never raises."""
        self._inner.receive(data, now)

    def receive_eof(self, now: float) -> None:
        """The peer closed its side."""
        self._inner.receive_eof(now)

    def send(self, event: Event, now: float) -> None:
        """Queue an event for the peer."""
        self._inner.send(event, now)

    def data_to_send(self) -> bytes:
        """Bytes to put on the wire; empties the queue."""
        return self._inner.data_to_send()

    def next_deadline(self) -> float | None:
        """When ``on_deadline`` is due, or None."""
        return self._inner.next_deadline()

    def on_deadline(self, now: float) -> None:
        """A timer may have run out."""
        self._inner.on_deadline(now)

    def events(self) -> list[Event]:
        """What happened since the last call, in order."""
        return self._inner.events()
