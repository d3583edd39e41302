"""The account of one line: every message by its id, and what became of it.

Stated rules, so that a number means the same in every report:

* **lost**: came from its sender and was never accepted, under this id or under another one with the
  same content, until the watch ended; what is younger than the limit is *open*, not lost. A message
  that the receiver refused is *refused*, which is an answer.
* **duplicated**: came again after it had been accepted, under its own id, or with the same content
  under a new one. What is sent again *before* an answer is a repeat, as it should be.
* **late**: its answer took longer than the limit, counted from the last time that it was sent. ASTM
  is answered frame by frame: there a frame (or ENQ) is late whose reply took longer.
* **reordered**: a new message of a subject that its sender dates before the one that came before
  it. Messages that are sent again are not asked.
* **outage**: from the first sign that the listener does not serve (refuses a connection, ends one
  with a question open, or leaves a message without an answer beyond the limit) until it accepts a
  connection or answers again. What nobody tried is no outage: it counts what senders felt.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.watch.facts import Answered, Asked, Fact, Replied, Sent

KEYS_MAX: Final = 200_000
"""Accepted messages that a line remembers: a day of a busy interface."""

WAITS_MAX: Final = 100_000
"""Latest answers that percentiles are taken of: memory must not grow with the length of a watch."""

_SHARES: Final = (0.5, 0.95, 0.99)

EXAMPLES_MAX: Final = 20
"""Of each kind of trouble that a report names."""


@dataclass(slots=True)
class _Message:
    sent: Sent
    first: float
    last: float
    conn: str
    times: int = 1
    accepted: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One example. ``at`` is in seconds of the watch; ``key`` an id, nothing of a person."""

    what: str
    at: float
    key: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time without service, in seconds of the watch."""

    begin: float
    end: float
    reason: str

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end - self.begin


@dataclass(slots=True)
class Account:
    """One direction of one line.

    Args:
        late_s: an answer takes at most so long.
        answers: the protocol answers each message; without it only connections are judged.
        by_part: parts are answered by themselves (ASTM): their answers are timed.
        unread: connections that were read no further, because our own reading failed.
        unread_why: how, the first time.
    """

    late_s: float
    answers: bool = True
    by_part: bool = False
    messages: int = 0
    repeats: int = 0
    refused: int = 0
    duplicated: int = 0
    late: int = 0
    reordered: int = 0
    lost: int = 0
    open: int = 0
    connections: int = 0
    unread: int = 0
    unread_why: str = ""
    down_at_end: bool = False
    outages: list[Outage] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=WAITS_MAX))
    _known: OrderedDict[str, _Message] = field(default_factory=OrderedDict)
    _contents: OrderedDict[str, bool] = field(default_factory=OrderedDict)
    _newest: dict[tuple[str, str], str] = field(default_factory=dict)
    _waiting: OrderedDict[str, _Message] = field(default_factory=OrderedDict)
    _down: tuple[float, str] | None = None
    _parts: dict[str, tuple[float, str]] = field(default_factory=dict)
    """By connection, since when a part waits for its answer, and which."""

    @property
    def timed(self) -> bool:
        """Whether answers are timed; without a reader of the protocol none is seen."""
        return self.answers

    # -- what passes

    def take(self, fact: Fact, conn: str, now: float) -> None:
        """A message, a part of one, or the answer to either."""
        match fact:
            case Answered():
                self._answered(fact, now)
            case Sent():
                self._sent(fact, conn, now)
            case Asked():
                self._parts[conn] = (now, fact.kind)
            case Replied():
                self._replied(conn, now)

    def _sent(self, sent: Sent, conn: str, now: float) -> None:
        known = self._known.get(sent.key)
        if known is not None:
            self._again(known, conn, now)
            return
        self.messages += 1
        message = _Message(sent, now, now, conn)
        self._known[sent.key] = message
        if sent.content and not sent.repeatable and self._contents.get(sent.content):
            self._trouble("duplicated", sent, now)
        if not self.answers:
            message.accepted = True
        else:
            self._waiting[sent.key] = message
        self._ordered(sent, now)
        while len(self._known) > KEYS_MAX:
            key, oldest = self._known.popitem(last=False)
            if not oldest.accepted:
                self._known[key] = oldest
                break
            self._contents.pop(oldest.sent.content, None)

    def _again(self, known: _Message, conn: str, now: float) -> None:
        if known.accepted and not known.sent.repeatable:
            self._trouble("duplicated", known.sent, now)
        else:
            self.repeats += 1
        known.last, known.conn = now, conn
        known.times += 1
        if self.answers:
            self._waiting[known.sent.key] = known

    def _ordered(self, sent: Sent, now: float) -> None:
        sender, stamp = sent.order
        if not stamp or not sent.subject or sent.repeatable:
            return
        whose = (sender, sent.subject)
        newest = self._newest.get(whose, "")
        if len(stamp) == len(newest) and stamp < newest:
            self._trouble("reordered", sent, now)
        else:
            self._newest[whose] = stamp
        if len(self._newest) > KEYS_MAX:
            self._newest.pop(next(iter(self._newest)))

    def _answered(self, answer: Answered, now: float) -> None:
        self._up(now)
        message = self._waiting.pop(answer.key, None)
        if message is None:
            return
        if not self.by_part:
            self._waited(now - message.last, message.sent, now)
        if answer.good:
            message.accepted, message.refused = True, False
            self._contents[message.sent.content] = True
        else:
            message.refused = True
            self.refused += 1

    def _replied(self, conn: str, now: float) -> None:
        self._up(now)
        asked = self._parts.pop(conn, None)
        if asked is not None:
            since, kind = asked
            self._waited(now - since, Sent(key=conn, kind=kind), now)

    def _waited(self, wait: float, whose: Sent, now: float) -> None:
        self.waits.append(wait)
        if wait > self.late_s:
            self._trouble("late", whose, now)

    # -- connections

    def opened(self, now: float) -> None:
        """The listener took a connection."""
        self.connections += 1
        self._up(now)

    def failed(self, reason: str, now: float) -> None:
        """The listener did not take one."""
        self._fell(now, reason or "refused")

    def closed(self, conn: str, now: float, *, by_listener: bool) -> None:
        """A connection ended; with a question open that is the listener's fault."""
        part = self._parts.pop(conn, None)
        open_ones = any(one.conn == conn for one in self._waiting.values())
        if by_listener and (part is not None or open_ones):
            self._fell(now, "closed with a question open")

    def blind(self, conn: str, why: str) -> None:
        """Nobody reads this connection any more: what waits there is neither lost nor late."""
        self.unread += 1
        self.unread_why = self.unread_why or why
        self._parts.pop(conn, None)
        for key in [key for key, one in self._waiting.items() if one.conn == conn]:
            del self._waiting[key]

    def tick(self, now: float) -> None:
        """Notice what was not answered in time."""
        oldest = next(iter(self._waiting.values()), None)
        since = [] if oldest is None else [oldest.last]
        since += [at for at, _ in self._parts.values()]
        if since and now - min(since) > self.late_s:
            self._fell(min(since), "no answer")

    def _fell(self, at: float, reason: str) -> None:
        if self._down is None:
            self._down = (at, reason)

    def _up(self, now: float) -> None:
        if self._down is not None:
            begin, reason = self._down
            self._down = None
            self.outages.append(Outage(begin=begin, end=now, reason=reason))

    def _trouble(self, what: str, sent: Sent, now: float) -> None:
        setattr(self, what, getattr(self, what) + 1)
        if sum(one.what == what for one in self.troubles) < EXAMPLES_MAX:
            self.troubles.append(Trouble(what=what, at=now, key=sent.key, kind=sent.kind))

    # -- the end

    @property
    def down(self) -> bool:
        """Whether it is out of service now."""
        return self._down is not None

    @property
    def waiting(self) -> int:
        """Messages, or parts of them, without an answer now."""
        return len(self._waiting) + len(self._parts)

    def finish(self, now: float) -> None:
        """Judge what is left; after it nothing may be taken."""
        self.tick(now)
        for message in self._waiting.values():
            if message.accepted or self._contents.get(message.sent.content):
                continue
            if now - message.last <= self.late_s:
                self.open += 1
            else:
                self._trouble("lost", message.sent, message.last)
        if self._down is not None:
            self.down_at_end = True
            self._up(now)

    def outage_s(self) -> float:
        """Seconds without service."""
        return sum(one.seconds for one in self.outages)

    def percentiles(self) -> tuple[float, float, float]:
        """Median, 95th and 99th percentile of the answers, in seconds; zeros without answers."""
        if not self.waits:
            return (0.0, 0.0, 0.0)
        ordered, last = sorted(self.waits), len(self.waits) - 1
        median, p95, p99 = (ordered[min(last, int(len(ordered) * one))] for one in _SHARES)
        return median, p95, p99

    def data(self) -> dict[str, Any]:
        """For the report."""
        median, p95, p99 = self.percentiles()
        return {
            "timed": self.timed,
            "messages": self.messages, "lost": self.lost, "duplicated": self.duplicated,
            "late": self.late, "reordered": self.reordered, "refused": self.refused,
            "repeats": self.repeats, "open": self.open, "connections": self.connections,
            "unread": self.unread, "unread_why": self.unread_why,
            "outage_s": round(self.outage_s(), 3), "down_at_end": self.down_at_end,
            "outages": [{"begin_s": round(one.begin, 3), "end_s": round(one.end, 3),
                         "reason": one.reason} for one in self.outages],
            "median_ms": round(1000 * median, 3), "p95_ms": round(1000 * p95, 3),
            "p99_ms": round(1000 * p99, 3),
            "troubles": [{"what": one.what, "at_s": round(one.at, 3), "key": one.key,
                          "kind": one.kind} for one in self.troubles],
        }  # fmt: skip


def worst(accounts: Sequence[Account]) -> bool:
    """Whether any of them lost, repeated, delayed or reordered anything."""
    return any(one.lost or one.duplicated or one.late or one.reordered for one in accounts)
