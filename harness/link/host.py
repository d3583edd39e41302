"""One actor with its connections: what both drivers share.

The host feeds events to the actor, carries its commands out, and lets taps, watchers and the guard
have their say. It moves no byte itself: that is the driver's ``Io``. It is not thread-safe: the
driver serialises all calls.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.clock import Clock
from harness.errors import PermitError
from harness.link import actor as act
from harness.link.tap import Connection, Delivery, Guard, Tap, Watcher
from harness.wire.core import Core, Message, Unit

EVENTS_PER_CALL_MAX = 100_000
"""Commands that one outside event may lead to; beyond it an actor is running in a circle."""


class Storage(Protocol):
    """What a host needs of the store of an actor."""

    def commit(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Carry the statements out in one durable transaction."""
        ...


class Io(Protocol):
    """What a driver does for a host."""

    def open(self, link: str, conn: str) -> None:
        """Begin to open; the outcome comes back through ``opened`` or ``refused``."""
        ...

    def write(self, conn: str, data: bytes) -> None:
        """Put bytes on the wire."""
        ...

    def flush(self) -> None:
        """Return once everything written so far is with the operating system."""
        ...

    def close(self, conn: str, *, reset: bool) -> None:
        """End a connection."""
        ...

    def timer(self, key: tuple[str, str], at: float | None) -> None:
        """Call ``expired(key)`` at that time; None cancels."""
        ...

    def later(self, at: float, action: Callable[[], None]) -> None:
        """Call ``action`` at that time, serialised with everything else of this host."""
        ...

    def died(self) -> None:
        """The actor crashed: drop every connection without ceremony."""
        ...


class ActorCrashed(Exception):  # noqa: N818 - a command of the actor, not an error of ours
    """Raised through the host to end the handling of the current event."""


@dataclass(slots=True)
class CrashPoint:
    """Die at the ``number``-th commit from now, ``before`` or ``after`` it."""

    number: int
    after: bool


@dataclass(slots=True)
class _Conn:
    core: Core
    about: Connection
    busy_out: float = 0.0
    busy_in: float = 0.0
    deadline: float | None = None
    ended: bool = False


@dataclass(slots=True)
class Host:
    """An actor, its connections, and who watches them.

    Args:
        actor: the behaviour.
        clock: gives ``now``.
        describe: ``(link, conn id, client)`` to the connection as reports name it.
        io: set by the driver.
    """

    actor: act.Actor
    clock: Clock
    describe: Callable[[str, str, bool], Connection]
    store: Storage | None = None
    tap: Tap | None = None
    watcher: Watcher | None = None
    guard: Guard | None = None
    crash_point: CrashPoint | None = None
    commits: int = 0
    io: Io = field(init=False)
    conns: dict[str, _Conn] = field(default_factory=dict)
    answers: act.Answers = field(default_factory=act.Answers)
    alive: bool = True
    _ordinals: dict[str, itertools.count[int]] = field(default_factory=dict)

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
        if self.watcher is not None:
            self.watcher.link(about, "refused", "fault")
        return False

    def opened(self, link: str, conn: str, *, client: bool) -> None:
        """A connection is there."""
        about = self.describe(link, conn, client)
        core = self.actor.open_core(link, client=client)
        if self.tap is not None:
            tap = self.tap
            core.mutator = lambda unit: self._mutate(tap, about, unit)
        self.conns[conn] = _Conn(core, about)
        if self.watcher is not None:
            self.watcher.link(about, "opened", "")
        self.feed(act.Opened(conn=conn, link=link))

    def refused(self, link: str, conn: str, reason: str) -> None:
        """A connection that the actor wanted did not come about."""
        if self.watcher is not None:
            self.watcher.link(self.describe(link, conn, True), "failed", reason)
        self.feed(act.Refused(conn=conn, link=link, reason=reason))

    def received(self, conn: str, data: bytes) -> None:
        """Bytes came in."""
        state = self.conns.get(conn)
        if state is None or state.ended:
            return
        if self.tap is None:
            self._take(conn, state, data)
            return
        deliveries = self.tap.incoming(state.about, data, self.clock.now())
        state.busy_in = self._deliver(
            deliveries, state.busy_in, lambda delivery: self._arrive(conn, state, delivery)
        )

    def eof(self, conn: str, reason: str = "") -> None:
        """The peer ended the connection, or it broke."""
        state = self.conns.pop(conn, None)
        if state is None:
            return
        state.core.receive_eof(self.clock.now())
        self._drain(conn, state)
        self._gone(conn, state, reason)

    def expired(self, key: tuple[str, str]) -> None:
        """A timer ran out: of a connection's core, or of the actor."""
        kind, name = key
        if kind == "actor":
            self.feed(act.TimerFired(name=name))
            return
        state = self.conns.get(name)
        if state is not None:
            state.deadline = None
            state.core.on_deadline(self.clock.now())
            self._drain(name, state)

    def command(self, name: str, args: Mapping[str, Any], ident: int) -> None:
        """Somebody tells the role to do something."""
        self.feed(act.Commanded(name=name, args=args, ident=ident))

    def feed(self, event: act.ActorEvent) -> None:
        """Give an event to the actor and carry out what it answers."""
        if not self.alive:
            return
        try:
            for command in self.actor.on_event(event, self.clock.now()):
                self._do(command)
        except ActorCrashed:
            self.alive = False
            self.conns.clear()
            self.io.died()

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
                raise ActorCrashed

    def _send(self, command: act.Send) -> None:
        state = self.conns.get(command.conn)
        if state is None or state.ended:
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
            raise PermitError(f"the actor {self.actor.role} has no store")
        # What was sent before is on the wire: an acknowledgement that runs ahead of its commit
        # must be able to get out before the crash that exposes it.
        self.io.flush()
        point = self.crash_point
        due = False
        if point is not None:
            point.number -= 1
            due = point.number == 0
        if due and point is not None and not point.after:
            raise ActorCrashed
        self.store.commit(command.statements)
        self.commits += 1
        if due:
            raise ActorCrashed

    def _open(self, command: act.Open) -> None:
        if self.admits(command.link, command.conn, client=True):
            self.io.open(command.link, command.conn)
            return
        refusal = act.Refused(conn=command.conn, link=command.link, reason="refused")
        self.io.later(self.clock.now(), lambda: self.feed(refusal))

    def _close(self, command: act.Close) -> None:
        state = self.conns.pop(command.conn, None)
        if state is None:
            return
        if self.watcher is not None:
            self.watcher.link(state.about, "closed", "by us, reset" if command.reset else "by us")
        self.io.close(command.conn, reset=command.reset)

    # -- bytes ---------------------------------------------------------------------------------

    def _mutate(self, tap: Tap, about: Connection, unit: Unit) -> list[bytes]:
        return tap.unit(about, unit, self.clock.now())

    def _take(self, conn: str, state: _Conn, data: bytes) -> None:
        if self.watcher is not None:
            self.watcher.data(state.about, data, sent=False)
        state.core.receive(data, self.clock.now())
        self._drain(conn, state)

    def _drain(self, conn: str, state: _Conn) -> None:
        """Events to the actor, bytes to the wire, the deadline to the driver."""
        core = state.core
        queue = deque(core.events())
        handled = 0
        while queue:
            event = queue.popleft()
            handled += 1
            if handled > EVENTS_PER_CALL_MAX:
                raise PermitError(f"the actor {self.actor.role} does not come to rest")
            if self.watcher is not None:
                self.watcher.event(state.about, core.protocol, event, sent=False)
            self.feed(act.Received(conn=conn, link=state.about.link, event=event))
            queue.extend(core.events())
        data = core.data_to_send()
        if data:
            self._write(conn, state, data)
        deadline = core.next_deadline()
        if deadline != state.deadline and self.alive:
            state.deadline = deadline
            self.io.timer(("core", conn), deadline)

    def _write(self, conn: str, state: _Conn, data: bytes) -> None:
        if self.tap is None:
            self._put(conn, state, data)
            return
        deliveries = self.tap.outgoing(state.about, data, self.clock.now())
        state.busy_out = self._deliver(
            deliveries, state.busy_out, lambda delivery: self._depart(conn, state, delivery)
        )

    def _put(self, conn: str, state: _Conn, data: bytes) -> None:
        if self.watcher is not None:
            self.watcher.data(state.about, data, sent=True)
        self.io.write(conn, data)

    def _deliver(
        self, deliveries: Sequence[Delivery], busy_until: float, act_on: Callable[[Delivery], None]
    ) -> float:
        """Carry deliveries out in their order and at their time; returns when the last is due."""
        now = self.clock.now()
        at = max(now, busy_until)
        for delivery in deliveries:
            at += delivery.delay_s
            if at <= now:
                act_on(delivery)
            else:
                self.io.later(at, lambda due=delivery: act_on(due))  # type: ignore[misc] # bound now
        return at

    def _depart(self, conn: str, state: _Conn, delivery: Delivery) -> None:
        if state.ended or conn not in self.conns:
            return
        if delivery.data:
            self._put(conn, state, delivery.data)
        if delivery.end:
            self._end(conn, state, delivery.end)

    def _arrive(self, conn: str, state: _Conn, delivery: Delivery) -> None:
        if state.ended or conn not in self.conns:
            return
        if delivery.data:
            self._take(conn, state, delivery.data)
        if delivery.end:
            self._end(conn, state, delivery.end)

    def _end(self, conn: str, state: _Conn, how: str) -> None:
        """A fault ends the connection: the actor learns it as it would from the network."""
        state.ended = True
        self.io.flush()
        self.io.close(conn, reset=how == "reset")
        self.conns.pop(conn, None)
        self._gone(conn, state, how)

    def _gone(self, conn: str, state: _Conn, reason: str) -> None:
        if self.watcher is not None:
            self.watcher.link(state.about, "closed", reason or "by the peer")
        self.feed(act.Closed(conn=conn, link=state.about.link, reason=reason))
