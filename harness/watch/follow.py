"""From one line to another: what a system took in must come out, once, and in its order.

A message is found again by its id; where the system in between gives new ids, by its type and its
subject, in their order. What comes out without having come in is judged only if it repeats what
came out before: a system has messages of its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from harness.watch.account import EXAMPLES_MAX, Trouble
from harness.watch.facts import Sent


@dataclass(slots=True)
class _In:
    number: int
    sent: Sent
    at: float
    accepted: bool = False
    out: bool = False


@dataclass(slots=True)
class Follow:
    """Two lines of one system.

    Args:
        before: link on which messages go in.
        after: link on which they come out.
        late_s: they come out within this.
        kinds: what types begin with that are passed on; all where empty.
    """

    before: str
    after: str
    late_s: float
    kinds: tuple[str, ...] = ()
    entered: int = 0
    left: int = 0
    lost: int = 0
    duplicated: int = 0
    late: int = 0
    reordered: int = 0
    open: int = 0
    own: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    _known: dict[str, _In] = field(default_factory=dict)
    _pending: dict[tuple[str, str], deque[_In]] = field(default_factory=dict)
    _out_keys: set[str] = field(default_factory=set)
    _out_contents: dict[str, str] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def offered(self, sent: Sent, now: float) -> None:
        """A message reached the system; it may come out before its answer has passed."""
        if sent.key in self._known or sent.repeatable:
            return
        if self.kinds and not sent.kind.startswith(self.kinds):
            return
        one = _In(len(self._known) + 1, sent, now)
        self._known[sent.key] = one
        self._pending.setdefault((sent.kind, sent.subject), deque()).append(one)

    def accepted(self, key: str, now: float) -> None:
        """The system took it; from now on it owes it."""
        one = self._known.get(key)
        if one is not None and not one.accepted:
            one.accepted, one.at = True, now
            self.entered += 1

    def came_out(self, sent: Sent, now: float) -> None:
        """The system sent a message; one that is sent again under its id is asked elsewhere."""
        if sent.key in self._out_keys:
            return
        self._out_keys.add(sent.key)
        one = self._match(sent)
        if one is None:
            if sent.content and self._out_contents.get(sent.content):
                self._trouble("duplicated", sent, now)
            else:
                self.own += 1
            return
        one.out = True
        self.left += 1
        self._out_contents[sent.content] = sent.key
        if now - one.at > self.late_s:
            self._trouble("late", sent, now)
        if one.number < self._last.get(sent.subject, 0):
            self._trouble("reordered", sent, now)
        self._last[sent.subject] = max(one.number, self._last.get(sent.subject, 0))

    def _match(self, sent: Sent) -> _In | None:
        by_id = self._known.get(sent.key)
        if by_id is not None:
            return None if by_id.out else by_id
        waiting = self._pending.get((sent.kind, sent.subject), deque())
        while waiting and waiting[0].out:
            waiting.popleft()
        # The content tells most: a repeat of what is out already must not stand for the next one.
        if self._out_contents.get(sent.content):
            same = next((one for one in waiting if one.sent.content == sent.content), None)
            return same if same is not None and not same.out else None
        return waiting[0] if waiting else None

    def finish(self, now: float) -> None:
        """What never came out."""
        for one in self._known.values():
            if one.out or not one.accepted:
                continue
            if now - one.at <= self.late_s:
                self.open += 1
            else:
                self._trouble("lost", one.sent, one.at)

    def _trouble(self, what: str, sent: Sent, now: float) -> None:
        setattr(self, what, getattr(self, what) + 1)
        if sum(one.what == what for one in self.troubles) < EXAMPLES_MAX:
            self.troubles.append(Trouble(what=what, at=now, key=sent.key, kind=sent.kind))

    def data(self) -> dict[str, Any]:
        """For the report."""
        return {
            "before": self.before, "after": self.after, "entered": self.entered,
            "left": self.left, "lost": self.lost, "duplicated": self.duplicated,
            "late": self.late, "reordered": self.reordered, "open": self.open, "own": self.own,
            "troubles": [{"what": one.what, "at_s": round(one.at, 3), "key": one.key,
                          "kind": one.kind} for one in self.troubles],
        }  # fmt: skip
