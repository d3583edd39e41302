"""A simulated analyzer over the LIS01-A2 link: uploads results, and repeats what was refused.

The message itself is built by ``upload.py`` from a model file; this actor knows the link and how
patient the instrument is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from harness.link import actor as act
from harness.model import Outcome
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, Delivered, SendFailed
from harness.wire.core import Core, Message

LINK = "analyzer-lis"

QUEUE_MAX = 1_000
"""Messages that wait for the line; a real instrument stores a day's work."""

RECONNECT_S = 1.0
"""Pause before an instrument connects again."""

REPEATS_MAX = 3
"""Whole messages are sent again so often after a failure (LIS01-A2 §6.5.1.3 leaves it open)."""


@dataclass(slots=True)
class _Upload:
    ident: int
    payload: bytes
    tries: int = 0


@dataclass(slots=True)
class Analyzer:
    """The actor.

    Args:
        role: always ``analyzer``.
        link_config: the instrument's side of the link.
        repeats: whole-message repeats after a failure, and attempts to connect after a refusal.
    """

    role: str = "analyzer"
    link_config: AstmLinkConfig = field(default_factory=lambda: AstmLinkConfig(side="instrument"))
    repeats: int = REPEATS_MAX
    _conn: str = ""
    _opened: int = 0
    _refused: int = 0
    _ready: bool = False
    _queue: deque[_Upload] = field(default_factory=deque)
    _sending: bool = False

    def open_core(self, link: str, *, client: bool) -> Core:
        """The instrument's side of LIS01-A2."""
        return AstmLinkCore(self.link_config)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Keep the line open, send one message after the other."""
        match event:
            case act.Commanded(name="upload"):
                return self._upload(event)
            case act.Commanded(name="hang-up"):
                return self._hang_up(event.ident, now)
            case act.Commanded():
                return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
            case act.Opened(conn=self._conn):
                self._ready, self._refused = True, 0
                return self._next()
            case act.Refused(conn=self._conn) | act.Closed(conn=self._conn) if self._conn:
                return self._lost(event.reason, now)
            case act.TimerFired(name="connect"):
                return self._next()
            case act.Received(event=Delivered()):
                return self._finished(Outcome.OK, "")
            case act.Received(event=SendFailed() as failure):
                return self._failed(failure.outcome, failure.reason)
        return []

    def _upload(self, event: act.Commanded) -> list[act.Command]:
        """Queue one message (``payload`` as hex)."""
        if len(self._queue) >= QUEUE_MAX:
            return [act.Reply(ident=event.ident, error="the instrument's memory is full")]
        self._queue.append(_Upload(event.ident, bytes.fromhex(str(event.args["payload"]))))
        return self._next()

    def _next(self) -> list[act.Command]:
        if not self._queue or self._sending:
            return []
        if not self._conn:
            self._opened += 1
            self._conn = f"{LINK}#{self._opened}"
            return [act.Open(link=LINK, conn=self._conn)]
        if not self._ready:
            return []
        self._sending = True
        self._queue[0].tries += 1
        return [act.Send(conn=self._conn, event=Message(payload=self._queue[0].payload))]

    def _finished(self, outcome: Outcome, detail: str) -> list[act.Command]:
        if not self._sending:
            return []
        self._sending = False
        upload = self._queue.popleft()
        value = {"outcome": outcome.value, "detail": detail, "tries": upload.tries}
        return [act.Reply(ident=upload.ident, value=value), *self._next()]

    def _failed(self, outcome: Outcome, detail: str) -> list[act.Command]:
        """The link gave up on the message: repeat the whole of it, or tell the operator."""
        if not self._sending or detail == "connection-lost":
            return []
        if self._queue[0].tries <= self.repeats:
            self._sending = False
            return self._next()
        return self._finished(outcome, detail)

    def _lost(self, reason: str, now: float) -> list[act.Command]:
        """The connection is gone: what was being sent stays at the head of the queue."""
        opened, self._conn, self._ready = self._ready, "", False
        if self._sending and self._queue[0].tries > self.repeats:
            return self._finished(Outcome.UNKNOWN, reason or "connection lost")
        self._sending = False
        if not opened:
            self._refused += 1
            if self._queue and self._refused > self.repeats:
                self._refused, self._sending = 0, True
                return self._finished(Outcome.FAILED, reason)
        return [act.SetTimer(name="connect", at=now + RECONNECT_S)]

    def _hang_up(self, ident: int, now: float) -> list[act.Command]:
        """End the connection; what is not delivered goes over the next one."""
        conn, self._conn, self._ready, self._sending = self._conn, "", False, False
        return [
            act.Close(conn=conn),
            act.Reply(ident=ident),
            act.SetTimer(name="connect", at=now + RECONNECT_S),
        ]
