"""One actor with its connections: what both drivers share.

The host feeds events to the actor, carries its commands out, and lets taps, watchers and the guard
have their say. It moves no byte itself: that is the driver's ``Io``. It is not thread-safe: the
driver serialises all calls.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.clock import Clock
from harness.errors import HarnessError
from harness.link import actor as act
from harness.link.batch import Grouping
from harness.link.conn import Conn, CrashPoint
from harness.link.driver import Io, Storage
from harness.link.reply import short_reply
from harness.link.tap import Connection, Delivery, Guard, Tap, Watcher
from harness.wire.core import Message

__all__ = ["CrashPoint", "Host", "Io", "Storage"]

EVENTS_PER_CALL_MAX = 100_000
"""Events that one read may lead to besides its own; beyond it an actor is running in a circle."""


class _ActorCrashed(Exception):  # noqa: N818 - a command of the actor, not an error of ours
    """Raised through the host to end the handling of the current event."""


@dataclass(slots=True)
class Host:
    """An actor, its connections, and who watches them.

    Every event is handled to its end, with all the commands that it led to, before the next one:
    an actor is never called while it is being carried out.

    Args:
        actor: the behaviour.
        clock: gives ``now``.
        describe: ``(link, conn id, client)`` to the connection as reports name it.
        io: set by the driver.
        grouping: the store, where its commits may be grouped; see ``batch.py``.
    """

    actor: act.Actor
    clock: Clock
    describe: Callable[[str, str, bool], Connection]
    store: Storage | None = None
    tap: Tap | None = None
    watcher: Watcher | None = None
    guard: Guard | None = None
    crash_point: CrashPoint | None = None
    grouping: Grouping | None = None
    grouped: bool = False
    commits: int = 0
    io: Io = field(init=False)
    conns: dict[str, Conn] = field(default_factory=dict)
    answers: act.Answers = field(default_factory=act.Answers)
    alive: bool = True
    _ordinals: dict[str, itertools.count[int]] = field(default_factory=dict)
    _opening: set[str] = field(default_factory=set)
    _inbox: deque[act.ActorEvent] = field(default_factory=deque)
    _running: bool = False

    # -- what drivers call ---------------------------------------------------------------------

    def next_id(self, link: str) -> str:
        """A fresh connection id for an accepted connection."""
        return f"{link}#{next(self._ordinals.setdefault(link, itertools.count(1)))}"

    def start(self) -> None:
        """Let the actor look into its store."""
        self.feed(act.Started())

    def admits(self, link: str, conn: str, *, client: bool) -> bool:
        """Ask the tap whether this connection may come about."""
        if self.tap is None:
            return True
        about = self.describe(link, conn, client)
        if self.tap.connects(about, self.clock.now()):
            return True
        self._tell(about, "refused", "fault")
        return False

    def opened(self, link: str, conn: str, *, client: bool) -> None:
        """A connection is there; one that the actor closed meanwhile is ended at once."""
        if not self.alive or (client and conn not in self._opening):
            self.io.close(conn, reset=not self.alive)
            return
        self._opening.discard(conn)
        about = self.describe(link, conn, client)
        core = self.actor.open_core(link, client=client)
        if (tap := self.tap) is not None:
            core.mutator = lambda unit: tap.unit(about, unit, self.clock.now())
        replies = short_reply(self, core, about)
        self.conns[conn] = Conn(core, about, getattr(core, "answer_at_once", None), replies)
        self._tell(about, "opened", "")
        self.feed(act.Opened(conn=conn, link=link))

    def refused(self, link: str, conn: str, reason: str) -> None:
        """A connection that the actor wanted did not come about."""
        if conn in self._opening:
            self._opening.discard(conn)
            about = self.describe(link, conn, True)  # noqa: FBT003 - called by position
            self._tell(about, "failed", reason)
            self.feed(act.Refused(conn=conn, link=link, reason=reason))

    def turned_away(self, link: str, reason: str) -> None:
        """Somebody connected and never got as far as the protocol, such as by a failed TLS."""
        about = self.describe(link, self.next_id(link), False)  # noqa: FBT003 - called by position
        self._tell(about, "failed", reason)

    def received(self, conn: str, data: bytes) -> None:
        """Bytes came in."""
        state = self.conns.get(conn)
        if state is None:
            return
        now = self.clock.now()
        if self.tap is None:  # the way of nearly every message, without detours
            answer = state.answers(data, now) if state.answers is not None else None
            if leaves := self.leads_to(conn, state, data, answer, now):
                self.io.write(conn, leaves)
            return
        for delivery in self.tap.incoming(state.about, data, now):
            self._put(conn, state, delivery, arrives=True)
        state.into.move(now, self.io.later)

    def leads_to(
        self, conn: str, state: Conn, data: bytes, answer: bytes | None, now: float
    ) -> bytes:
        """What is to leave for a read, told; ``answer``: what the core said (``Answering``)."""
        if state.replies is not None and (leaves := state.replies(data, now)) is not None:
            return leaves
        watcher, about, core = self.watcher, state.about, state.core
        if watcher is not None:
            watcher.data(about, data, sent=False)
        if not answer:
            if answer is None:
                core.receive(data, now)
            self._report(conn, state)
            if state.ended or self.conns.get(conn) is not state:
                return b""
            answer = core.data_to_send()
            self._await(conn, state)
        elif state.deadline is None:  # one that moved on is looked at when the earlier comes
            self._await(conn, state)
        if answer and watcher is not None:
            watcher.data(about, answer, sent=True)
        return answer

    def eof(self, conn: str, reason: str = "") -> None:
        """The peer ended the connection, or it broke; nothing overtakes what came before."""
        if (state := self.conns.get(conn)) is not None:
            if self.tap is None and not state.into.waits:
                self._eof(conn, state, reason)
                return
            now = self.clock.now()
            state.into.put(lambda: self._eof(conn, state, reason), now)
            state.into.move(now, self.io.later)

    def expired(self, key: tuple[str, str]) -> None:
        """A timer ran out: of a connection's core, or of the actor."""
        kind, name = key
        if kind == "actor":
            self.feed(act.TimerFired(name=name))
            return
        if (state := self.conns.get(name)) is not None:
            state.deadline = None
            state.core.on_deadline(self.clock.now())
            self._drain(name, state)

    def command(self, name: str, args: Mapping[str, Any], ident: int) -> None:
        """Somebody tells the role to do something."""
        self.feed(act.Commanded(name=name, args=args, ident=ident))

    def power_off(self) -> None:
        """The actor is no more; its connections say nothing to anybody."""
        self.alive = False
        for state in self.conns.values():
            state.ended = True
        self.conns.clear()
        self._opening.clear()
        self._inbox.clear()

    def feed(self, *events: act.ActorEvent) -> None:
        """Give events to the actor and carry out what it answers.

        Raises:
            HarnessError: one event leads to more than ``EVENTS_PER_CALL_MAX`` others.
        """
        if not self.alive:
            return
        self._inbox.extend(events)
        if self._running:
            return
        self._running = True
        try:
            self._run()
        except _ActorCrashed:
            self.power_off()
            self.io.died()
        finally:
            self._inbox.clear()
            self._running = False

    def _run(self) -> None:
        # What one read brought is not counted: a flood of control characters is no circle.
        for _ in range(EVENTS_PER_CALL_MAX + len(self._inbox)):
            if not self._inbox:
                return
            for command in self.actor.on_event(self._inbox.popleft(), self.clock.now()):
                self._do(command)
        raise HarnessError(f"the actor {self.actor.role} does not come to rest")

    # -- commands ------------------------------------------------------------------------------

    def _do(self, command: act.Command) -> None:
        match command:
            case act.Send():
                self._send(command)
            case act.Commit():
                self._commit(command)
            case act.SetTimer():
                self.io.timer(("actor", command.name), command.at)
            case act.Open():
                self._open(command)
            case act.Close():
                self._close(command)
            case act.Reply():
                self.answers.values[command.ident] = command
            case act.Note():
                if self.watcher is not None:
                    self.watcher.note(self.actor.role, command.text)
            case act.Crash():
                self.io.flush()
                raise _ActorCrashed

    def _send(self, command: act.Send) -> None:
        if (state := self.conns.get(command.conn)) is None:
            return
        event = command.event
        if self.guard is not None and isinstance(event, Message):
            self.guard.payload(state.about, state.core.protocol, event.payload)
        if self.watcher is not None:
            self.watcher.event(state.about, state.core.protocol, event, sent=True)
        state.core.send(event, self.clock.now())
        self._drain(command.conn, state)

    def _commit(self, command: act.Commit) -> None:
        if self.store is None:
            raise HarnessError(f"the actor {self.actor.role} has no store")
        if not self.grouped:  # what runs ahead of its commit must get out before the crash
            self.io.flush()
        crash = "" if self.crash_point is None else self.crash_point.passed()
        if crash == "before":
            raise _ActorCrashed
        self.store.commit(command.statements)
        self.commits += 1
        if crash:
            raise _ActorCrashed

    def _open(self, command: act.Open) -> None:
        link, conn = command.link, command.conn
        if conn in self._opening or conn in self.conns:
            raise HarnessError(f"the actor {self.actor.role} opens {conn} twice")
        self._opening.add(conn)
        if self.admits(link, conn, client=True):
            self.io.open(link, conn)
        else:
            self.io.later(self.clock.now(), lambda: self._refuse(link, conn))

    def _refuse(self, link: str, conn: str) -> None:
        if conn in self._opening:
            self._opening.discard(conn)
            self.feed(act.Refused(conn=conn, link=link, reason="refused"))

    def _close(self, command: act.Close) -> None:
        conn, reset = command.conn, command.reset
        self._opening.discard(conn)
        state = self.conns.get(conn)
        if state is None:
            return
        if reset:
            self._finish(conn, state, reset=True)
        else:
            now = self.clock.now()
            self._flush(conn, state)
            state.out.put(lambda: self._finish(conn, state, reset=False), now)
            state.out.move(now, self.io.later)
        # For the actor it is closed from here on, also while a fault still holds bytes back.
        self.conns.pop(conn, None)
        self._cancel(conn, state)
        self._inbox = deque(one for one in self._inbox if getattr(one, "conn", None) != conn)

    def _finish(self, conn: str, state: Conn, *, reset: bool) -> None:
        if not state.ended:
            state.ended = True
            self._tell(state.about, "closed", "by us, reset" if reset else "by us")
            self.io.close(conn, reset=reset)

    # -- bytes ---------------------------------------------------------------------------------

    def _drain(self, conn: str, state: Conn) -> None:
        """Events to the actor, bytes to the wire, the deadline to the driver."""
        self._report(conn, state)
        if state.ended or self.conns.get(conn) is not state:
            return
        self._flush(conn, state)
        self._await(conn, state)

    def _await(self, conn: str, state: Conn) -> None:
        """Tell the driver when the core is to be asked again."""
        deadline = state.core.next_deadline()
        if deadline != state.deadline:
            state.deadline = deadline
            self.io.timer(("core", conn), deadline)

    def _report(self, conn: str, state: Conn) -> None:
        events = state.core.events()
        if not events:
            return
        if self.watcher is not None:
            for event in events:
                self.watcher.event(state.about, state.core.protocol, event, sent=False)
        link = state.about.link
        self.feed(*[act.Received(conn=conn, link=link, event=event) for event in events])

    def _flush(self, conn: str, state: Conn) -> None:
        data = state.core.data_to_send()
        if not data or self.tap is None:
            self._leaves(conn, state, data)
            return
        now = self.clock.now()
        for delivery in self.tap.outgoing(state.about, data, now):
            self._put(conn, state, delivery, arrives=False)
        state.out.move(now, self.io.later)

    def _put(self, conn: str, state: Conn, delivery: Delivery, *, arrives: bool) -> None:
        lane, act_on = (state.into, self._arrive) if arrives else (state.out, self._depart)
        lane.put(lambda: act_on(conn, state, delivery), self.clock.now(), delivery.delay_s)

    def _leaves(self, conn: str, state: Conn, data: bytes) -> None:
        if data and not state.ended:
            if self.watcher is not None:
                self.watcher.data(state.about, data, sent=True)
            self.io.write(conn, data)

    def _depart(self, conn: str, state: Conn, delivery: Delivery) -> None:
        self._leaves(conn, state, delivery.data)
        if delivery.end:
            self._end(conn, state, delivery.end)

    def _arrive(self, conn: str, state: Conn, delivery: Delivery) -> None:
        if self.conns.get(conn) is not state:
            return
        if delivery.data:
            if self.watcher is not None:
                self.watcher.data(state.about, delivery.data, sent=False)
            state.core.receive(delivery.data, self.clock.now())
            self._drain(conn, state)
        if delivery.end and self.conns.get(conn) is state:
            self._end(conn, state, delivery.end)

    def _end(self, conn: str, state: Conn, how: str) -> None:
        """A fault ends the connection: the actor learns it as it would from the network."""
        if not state.ended:
            self.io.close(conn, reset=how == "reset")
            self._gone(conn, state, "reset" if how == "reset" else "", f"by a fault: {how}")

    def _eof(self, conn: str, state: Conn, reason: str) -> None:
        if self.conns.get(conn) is state:
            state.ended = True
            state.core.receive_eof(self.clock.now())
            self._report(conn, state)
            self._gone(conn, state, reason, reason or "by the peer")

    def _gone(self, conn: str, state: Conn, reason: str, told: str) -> None:
        state.ended = True
        self._tell(state.about, "closed", told)
        if self.conns.get(conn) is state:  # else the actor closed it itself meanwhile
            del self.conns[conn]
            self._cancel(conn, state)
            self.feed(act.Closed(conn=conn, link=state.about.link, reason=reason))

    def _cancel(self, conn: str, state: Conn) -> None:
        if state.deadline is not None:
            state.deadline = None
            self.io.timer(("core", conn), None)

    # -- telling -------------------------------------------------------------------------------

    def _tell(self, about: Connection, event: str, reason: str) -> None:
        if self.watcher is not None:
            self.watcher.link(about, event, reason)
