"""The sending half that all framings share: one unit after the other, repeated until it is taken.

On a link without replies everything leaves at once, and nobody can know whether it arrived.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from harness.errors import LocalProtocolError
from harness.model import Outcome
from harness.wire.core import Event, Unit
from harness.wire.framings_events import Delivered, SendFailed

QUEUE_MAX: Final = 10_000
"""Messages that may wait; a day's frames of a large instrument."""


@dataclass(slots=True)
class _Job:
    payload: bytes
    units: tuple[Unit, ...]
    at: int = 0
    sends: int = 0
    most_sends: int = 0
    refusals: int = 0


@dataclass(slots=True)
class Sender:
    """Sends units and waits for ACK or NAK, where the link has them.

    Args:
        mutate: what really goes out for a unit.
        replies: whether the peer answers each unit.
        reply_s: how long to wait for the answer.
        sends_max: transmissions of one unit.
        give_up: what is said after the last of them in vain.
    """

    mutate: Callable[[Unit], list[bytes]]
    replies: bool
    reply_s: float
    sends_max: int
    give_up: bytes = b""
    deadline: float | None = None
    out: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _jobs: deque[_Job] = field(default_factory=deque)

    @property
    def waits(self) -> bool:
        """Whether a reply is due."""
        return self.deadline is not None

    def queue(self, payload: bytes, units: Sequence[Unit], now: float) -> None:
        """Send a message as soon as those before it are through."""
        if len(self._jobs) >= QUEUE_MAX:
            raise LocalProtocolError("too many messages wait for the peer's replies")
        self._jobs.append(_Job(payload, tuple(units)))
        if not self.waits:
            self._go(now)

    def acknowledged(self, now: float) -> None:
        """The peer took the unit."""
        job = self._jobs[0]
        job.at += 1
        job.sends = job.refusals = 0
        self.deadline = None
        if job.at == len(job.units):
            self._jobs.popleft()
            self.events.append(
                Delivered(payload=job.payload, acknowledged=True, sends=job.most_sends)
            )
        self._go(now)

    def refused(self, now: float) -> None:
        """The peer wants the unit again."""
        self._jobs[0].refusals += 1
        self._again("refused", now)

    def overdue(self, now: float) -> None:
        """No reply came in time."""
        if self.deadline is not None and now >= self.deadline:
            self._again("no-answer", now)

    def lost(self) -> None:
        """The connection is gone; nothing that waits will be sent by this core."""
        sent, self.deadline = self.waits, None
        while self._jobs:
            job = self._jobs.popleft()
            outcome = Outcome.UNKNOWN if sent else Outcome.FAILED
            self._fail(job, "connection-lost", outcome)
            sent = False

    def _go(self, now: float) -> None:
        while self._jobs and not self.waits:
            job = self._jobs[0]
            if self.replies:
                self._transmit(job, now)
                return
            for unit in job.units:
                self.out.extend(self.mutate(unit))
            self._jobs.popleft()
            self.events.append(Delivered(payload=job.payload, acknowledged=False))

    def _transmit(self, job: _Job, now: float) -> None:
        unit = job.units[job.at]
        again = Unit(kind=unit.kind, data=unit.data, payload=unit.payload, attempt=job.sends)
        self.out.extend(self.mutate(again))
        job.sends += 1
        job.most_sends = max(job.most_sends, job.sends)
        self.deadline = now + self.reply_s

    def _again(self, reason: Literal["refused", "no-answer"], now: float) -> None:
        job = self._jobs[0]
        if job.sends < self.sends_max:
            self._transmit(job, now)
            return
        self._jobs.popleft()
        self.deadline = None
        if self.give_up:
            self.out.append(self.give_up)
        certain = job.refusals == job.sends or job.at + 1 < len(job.units)
        self._fail(job, reason, Outcome.FAILED if certain else Outcome.UNKNOWN)
        self._go(now)

    def _fail(
        self,
        job: _Job,
        reason: Literal["refused", "no-answer", "connection-lost"],
        outcome: Outcome,
    ) -> None:
        self.events.append(SendFailed(payload=job.payload, reason=reason, outcome=outcome))


class Cut(Protocol):
    """How a message becomes frames."""

    @property
    def part_end(self) -> bytes:
        """Ends all frames but the last; empty cuts nothing."""

    @property
    def part_bytes(self) -> int:
        """Text of one frame; 0 cuts nothing."""

    def frame(self, body: bytes, end: bytes = b"") -> bytes:
        """One frame; an empty end is the usual one."""


def in_parts(payload: bytes, cut: Cut) -> list[Unit]:
    """The frames of a message: one, or as many parts as it needs."""
    size = cut.part_bytes if cut.part_end and cut.part_bytes else max(len(payload), 1)
    texts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    ends = [cut.part_end] * (len(texts) - 1) + [b""]
    return [
        Unit(kind="frame", data=cut.frame(text, end), payload=text)
        for text, end in zip(texts, ends, strict=True)
    ]
