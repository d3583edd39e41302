"""What analyzers without ASTM have in common: a connection to keep, and messages to bring over it.

An upload is one order of a person or step and may be several messages; they leave in order, and
the order is answered when the last is through. One message that fails does not hold up the rest:
instruments go on, and what was lost shows at the LIS.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from harness.i18n import tr
from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Message

QUEUE_MAX: Final = 1_000
"""Uploads that wait for the line; a real instrument stores a day's work."""

MESSAGES_MAX: Final = 10_000
"""Messages of one upload."""

RECONNECTS_MAX: Final = 30
"""Attempts in a row to get back to a LIS that was there before: it may start anew meanwhile."""

RECONNECT_S: Final = 1.0
"""Pause before an instrument connects again."""

_WORSE: Final = {Outcome.OK: 0, Outcome.UNKNOWN: 1, Outcome.FAILED: 2}


@dataclass(slots=True)
class Job:
    """One upload on its way.

    Attributes:
        ident: of the command.
        payloads: its messages.
        at: the one that is next.
        tries: transmissions of that one.
    """

    ident: int
    payloads: tuple[bytes, ...]
    at: int = 0
    tries: int = 0
    most_tries: int = 0
    outcome: Outcome = Outcome.OK
    detail: str = ""

    def note(self, outcome: Outcome, detail: str) -> None:
        """How one message ended; the worst counts, and the first of the worst is told."""
        if _WORSE[outcome] > _WORSE[self.outcome]:
            self.outcome, self.detail = outcome, detail
        self.at += 1
        self.tries = 0

    def answer(self) -> act.Reply:
        """What whoever asked is told."""
        return act.Reply(
            ident=self.ident,
            value={
                "outcome": self.outcome.value,
                "detail": self.detail,
                "tries": self.most_tries,
                "messages": len(self.payloads),
            },
        )


@dataclass(slots=True)
class Courier:
    """Keeps one connection of ``link`` and the uploads that go over it.

    Args:
        link: which link.
        side: who opens the connection.
        repeats: further sends of one message, and further attempts to connect.
    """

    link: str
    side: Literal["client", "server"] = "client"
    repeats: int = 2
    conn: str = ""
    ready: bool = False
    busy: bool = False
    jobs: deque[Job] = field(default_factory=deque)
    _opened: int = 0
    _refused: int = 0
    _fruitless: int = 0
    """Connections in a row over which no message got through."""
    _met: bool = False

    def add(self, event: act.Commanded) -> str:
        """Queue an upload (``payload``, or ``payloads``, as hex); returns what is wrong with it."""
        if len(self.jobs) >= QUEUE_MAX:
            return tr("the instrument's memory is full")
        payloads = payloads_of(event.args)
        if not 0 < len(payloads) <= MESSAGES_MAX:
            return tr("an upload has 1 to {most} messages", most=MESSAGES_MAX)
        self.jobs.append(Job(event.ident, payloads))
        return ""

    @property
    def head(self) -> Job | None:
        """The upload that is on its way."""
        return self.jobs[0] if self.jobs else None

    def connect(self) -> list[act.Command]:
        """Ask for the connection where it is ours to open."""
        if self.conn or self.side == "server":
            return []
        self._opened += 1
        self.conn = f"{self.link}#{self._opened}"
        return [act.Open(link=self.link, conn=self.conn)]

    def opened(self, conn: str) -> bool:
        """A connection is there; false where it is not the one that counts."""
        if self.side == "server":
            self.conn = conn
        elif conn != self.conn:
            return False
        self.ready, self._refused, self.busy, self._met = True, 0, False, True
        return True

    def next_payload(self) -> bytes | None:
        """What is to be sent now; it counts as a try."""
        job = self.head
        if job is None or self.busy or not self.ready:
            return None
        self.busy = True
        job.tries += 1
        job.most_tries = max(job.most_tries, job.tries)
        return job.payloads[job.at]

    def send_next(self) -> list[act.Command]:
        """Connect, or send what is next."""
        if self.head is None:
            return []
        if not self.ready:
            return self.connect()
        payload = self.next_payload()
        if payload is None:
            return []
        return [act.Send(conn=self.conn, event=Message(payload=payload))]

    def may_repeat(self) -> bool:
        """Whether the message at hand may be sent once more."""
        return self.head is not None and self.head.tries <= self.repeats

    def finished(self, outcome: Outcome, detail: str = "") -> list[act.Command]:
        """The message at hand is through, or given up; answers where it was the last one."""
        job = self.head
        if job is None or not self.busy:
            return []
        self.busy = False
        self._fruitless = 0
        job.note(outcome, detail)
        if job.at < len(job.payloads):
            return []
        self.jobs.popleft()
        return [job.answer()]

    def give_up(self, outcome: Outcome, detail: str) -> list[act.Command]:
        """End the whole upload at hand, whatever of it is still to be sent."""
        if not self.jobs:
            return []
        job = self.jobs.popleft()
        self.busy = False
        self._fruitless = 0
        while job.at < len(job.payloads):
            job.note(outcome, detail)
        return [job.answer()]

    def gone(self, conn: str, reason: str, now: float) -> list[act.Command]:
        """The connection is gone, or did not come about; what was being sent is sent again."""
        if conn != self.conn or not conn:
            return []
        was_ready, self.conn, self.ready = self.ready, "", False
        told: list[act.Command] = []
        if self.busy and not self.may_repeat():
            told = self.finished(Outcome.UNKNOWN, reason or "connection lost")
        self.busy = False
        if not was_ready:
            self._refused += 1
            patience = max(self.repeats, RECONNECTS_MAX) if self._met else self.repeats
            if self.jobs and self._refused > patience:
                self._refused = 0
                told += self.give_up(Outcome.FAILED, reason)
        elif self.jobs:
            self._fruitless += 1
            if self._fruitless > RECONNECTS_MAX:
                said = Outcome.UNKNOWN if self.jobs[0].tries else Outcome.FAILED
                told += self.give_up(said, reason or "connection lost")
        if self.side == "client":
            told.append(act.SetTimer(name="connect", at=now + RECONNECT_S))
        return told

    def leave(self, now: float) -> list[act.Command]:
        """End the connection; what is not delivered goes over the next one."""
        conn, self.conn = self.conn, ""
        self.ready = self.busy = False
        closing: list[act.Command] = [act.Close(conn=conn)] if conn else []
        return [*closing, act.SetTimer(name="connect", at=now + RECONNECT_S)]

    def hang_up(self, ident: int, now: float) -> list[act.Command]:
        """End the connection because somebody says so."""
        return [*self.leave(now), act.Reply(ident=ident)]


def payloads_of(args: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The messages of a command, given as hex under ``payloads`` or ``payload``."""
    many = args.get("payloads")
    texts = many if isinstance(many, list | tuple) else [args.get("payload", "")]
    return tuple(bytes.fromhex(str(text)) for text in texts if text)
