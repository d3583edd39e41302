"""Cards of several scenarios at once: what passes meanwhile is told apart by whom it is about.

While persons work at the cards of a batch, each message belongs to the scenario whose people or
specimens it names, and to no other. An answer belongs to what was asked last on its connection,
and what goes over a connection before a message is known to whom it leads belongs to that message.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from harness import limits
from harness.clock import Clock
from harness.evidence.trace import Trace
from harness.identity import DECODINGS
from harness.link.relay import RelayUnit
from harness.link.tap import Connection, Watcher
from harness.site.desk import Desk
from harness.site.strangers import FAR, payload_of
from harness.wire.core import Event

HELD_MAX: Final = 2_000
"""Records of one connection that wait for a message; later ones are let go."""

TOKEN_CHARS_MIN: Final = 2
"""Of a name; nothing shorter tells one person from another."""


class Door(Protocol):
    """Who lets messages of real systems in."""

    alarm: Callable[[str], None] | None

    def stops(self, link: str, payload: bytes) -> str:
        """Why a message must not pass; empty where it may."""
        ...

    def learns(self, link: str, payload: bytes) -> None:
        """Take in what a system of ours answers."""
        ...


@dataclass(slots=True)
class Begun:
    """A scenario whose first cards were handed out before its turn.

    Args:
        ident: of the scenario.
        names: what its people and specimens are called: names, numbers, identity cards, barcodes.
        trace: its journal, open already.
        desk: with its cards.
        recorder: writes into its journal.
        door: lets in what speaks of its people.
    """

    ident: str
    names: frozenset[str]
    trace: Trace
    desk: Desk
    recorder: Watcher
    door: Door | None = None

    def speaks(self, texts: Sequence[str]) -> bool:
        """Whether a message names one of its people or specimens, or a number given to them."""
        known = {*self.names, *self.desk.theirs()}
        return any(stands_in(one, text) for one in known for text in texts)


def stands_in(name: str, text: str) -> bool:
    """Whether a name stands in a text as a word of its own."""
    if len(name) < TOKEN_CHARS_MIN:
        return False
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def apart(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether no name of some is, or stands inside, one of the others', or the other way round."""
    known = list(others)
    return not any(one in other or other in one for one in some for other in known)


def texts_of(payload: bytes) -> list[str]:
    """A payload as each character set shows it that can."""
    found = []
    for encoding in DECODINGS:
        with contextlib.suppress(UnicodeDecodeError):
            found.append(payload.decode(encoding))
    return found


@dataclass(slots=True)
class Parted:
    """The watcher of the links while scenarios wait for their turn.

    Args:
        begun: those that wait.
        current: recorder of the scenario whose turn it is; None while a batch is worked at.
        nobodys: messages that named nobody of the batch, and followed none that did.
    """

    begun: list[Begun] = field(default_factory=list)
    current: Watcher | None = None
    nobodys: int = 0
    _held: dict[str, list[Callable[[Watcher], None]]] = field(default_factory=dict)
    _last: dict[str, list[Watcher]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def around(self, current: Watcher | None) -> Parted:
        """Whose turn it is now; what an earlier question belongs to is remembered."""
        with self._lock:
            self.current = current
        return self

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """To the scenario whose turn it is; else it waits for a message of its connection."""
        self._hold(connection, lambda one: one.link(connection, event, reason), answer=False)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """As ``link``; what comes back goes where the last message went."""
        answer = not _calls(connection, sent=sent)
        self._hold(connection, lambda one: one.data(connection, data, sent=sent), answer=answer)

    def note(self, role: str, text: str) -> None:
        """To the scenario whose turn it is."""
        if self.current is not None:
            self.current.note(role, text)

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """A message goes to the scenarios that it speaks of; what is no message, as ``link``."""
        payload = event.payload if isinstance(event, RelayUnit) else payload_of(event)

        def tell(one: Watcher) -> None:
            one.event(connection, protocol, event, sent=sent)

        if not payload:
            self._hold(connection, tell, answer=not _calls(connection, sent=sent))
            return
        texts = texts_of(payload)
        key = _key(connection)
        with self._lock:
            owners = [one.recorder for one in self.begun if one.speaks(texts)]
            if owners:
                self._last[key] = owners
            elif _calls(connection, sent=sent):
                self._last.pop(key, None)
            else:
                owners = self._last.get(key, [])  # an answer, to whoever was spoken of
            owners = owners or ([self.current] if self.current is not None else [])
            held = self._held.pop(key, [])
            self.nobodys += not owners
        for one in owners:
            for action in (*held, tell):
                action(one)

    def _hold(
        self, connection: Connection, tell: Callable[[Watcher], None], *, answer: bool
    ) -> None:
        key = _key(connection)
        with self._lock:
            owners = [self.current] if self.current is not None else []
            if not owners and answer:
                owners = self._last.get(key, [])
            if not owners:
                held = self._held.setdefault(key, [])
                if len(held) < HELD_MAX:
                    held.append(tell)
        for one in owners:
            tell(one)


def _key(connection: Connection) -> str:
    """Both connections of a relay are one way."""
    return connection.id.removesuffix(FAR)


def _calls(connection: Connection, *, sent: bool) -> bool:
    """Whether this direction is that of the caller: what comes back is an answer."""
    return sent == connection.client


@dataclass(slots=True)
class Doors:
    """The door while scenarios wait: what speaks of their people passes, too.

    Args:
        own: of the scenario whose turn it is; None while a batch is worked at.
        parted: those that wait.
        shout: told of a stranger where it is nobody's turn.
    """

    own: Door | None
    parted: Parted
    shout: Callable[[str], None] | None = None

    @property
    def alarm(self) -> Callable[[str], None] | None:
        """Of the scenario whose turn it is."""
        return self.shout if self.own is None else self.own.alarm

    @alarm.setter
    def alarm(self, alarm: Callable[[str], None] | None) -> None:
        if self.own is not None:
            self.own.alarm = alarm

    def stops(self, link: str, payload: bytes) -> str:
        """Why a message must not pass: it speaks of nobody's people alone."""
        for one in self._waiting():
            if not one.stops(link, payload):
                return ""
        if self.own is not None:
            return self.own.stops(link, payload)
        for one in self._waiting()[:1]:  # asked again, aloud
            one.alarm = self.shout
            try:
                return one.stops(link, payload)
            finally:
                one.alarm = None
        return ""

    def learns(self, link: str, payload: bytes) -> None:
        """Everybody takes in what a system of ours answers."""
        for one in (*self._waiting(), *([self.own] if self.own is not None else [])):
            one.learns(link, payload)

    def _waiting(self) -> list[Door]:
        return [one.door for one in self.parted.begun if one.door is not None]


@dataclass(slots=True)
class Batch:
    """Desks of several scenarios whose cards are open together.

    Args:
        desks: of the scenarios.
        clock: of the bench.
        wait: lets things happen until something holds, or a time.
        wait_s: of the profile; each card that is done begins it anew.
    """

    desks: Sequence[Desk]
    clock: Clock
    wait: Callable[[Callable[[], bool], float], bool]
    wait_s: float
    _done: int = 0

    def finish(self) -> bool:
        """Wait until every card is done, or until for the time of the profile none was."""
        deadline = self.clock.now() + self.wait_s
        while not self._all():
            if self.clock.now() >= deadline:
                return False
            polls = any(one.polls() for one in self.desks)
            until = self.clock.now() + limits.POLL_S if polls else deadline
            if self.wait(self._more, min(until, deadline)):
                deadline = self.clock.now() + self.wait_s
                self._done = self._count()
        return True

    def _count(self) -> int:
        return sum(one.look() for one in self.desks)

    def _more(self) -> bool:
        return self._count() > self._done

    def _all(self) -> bool:
        self._done = max(self._done, self._count())
        return all(one.idle for one in self.desks)
