"""All actors of a scenario in one thread, over memory and a virtual clock.

Every schedule replays: what happens next is decided by time and the order of asking alone. A wait
of thirty seconds costs as long as what happens in it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.clock import VirtualClock
from harness.errors import HarnessError
from harness.link.host import CrashPoint, Host

STEPS_MAX = 2_000_000
"""Events that one wait may handle before it is taken for an endless loop."""


@dataclass(order=True, slots=True)
class _Due:
    at: float
    order: int
    action: Callable[[], None] = field(compare=False)


@dataclass(slots=True)
class _End:
    """One end of a memory connection."""

    member: Member
    conn: str
    other: _End | None = None


@dataclass(slots=True)
class Member:
    """One host in the pump, and its ``Io``."""

    pump: Pump
    name: str
    host: Host
    routes: dict[str, str] = field(default_factory=dict)
    ends: dict[str, _End] = field(default_factory=dict)
    timers: dict[tuple[str, str], int] = field(default_factory=dict)
    on_death: Callable[[], None] = lambda: None
    still_until: float = float("-inf")
    """Until then it stands still: what comes to it waits, in order."""

    def listen(self, link: str) -> str:
        """Accept ``link``; returns the address for the routes of others."""
        address = f"memory:{self.name}/{link}"
        self.pump.listeners[address] = (self, link)
        return address

    def open(self, link: str, conn: str) -> None:
        """Connect to whoever listens where our route for ``link`` points."""
        self.pump.soon(lambda: self.pump.connect(self, link, conn))

    def write(self, conn: str, data: bytes) -> None:
        """Pass bytes to the other end, in order."""
        end = self.ends.get(conn)
        if end is not None and end.other is not None:
            other = end.other
            self.pump.soon(lambda: self.pump.arrive(other, data))

    def flush(self) -> None:
        """Memory has no queue of its own."""

    def close(self, conn: str, *, reset: bool) -> None:
        """Tell the other end, after what was written before."""
        end = self.ends.pop(conn, None)
        if end is not None and end.other is not None:
            other = end.other
            self.pump.soon(lambda: self.pump.hang_up(other, "reset" if reset else ""))

    def timer(self, key: tuple[str, str], at: float | None) -> None:
        """Only the latest setting of a timer counts."""
        self.timers.pop(key, None)
        if at is not None:
            turn = next(self.pump.turns)
            self.timers[key] = turn
            self.pump.schedule(at, lambda: self._expire(key, turn))

    def _expire(self, key: tuple[str, str], turn: int) -> None:
        if self.timers.get(key) == turn and not self.pump.waits(
            self, lambda: self._expire(key, turn)
        ):
            del self.timers[key]
            self.host.expired(key)

    def later(self, at: float, action: Callable[[], None]) -> None:
        """At that virtual time."""
        self.pump.schedule(at, action)

    def died(self) -> None:
        """The other ends see a reset; timers of a dead actor never fire, and nobody listens."""
        for conn in list(self.ends):
            self.close(conn, reset=True)
        self.timers.clear()
        on_death, self.on_death = self.on_death, lambda: None
        on_death()
        self.pump.deafen(self)


class Pump:
    """Drives hosts over memory and a virtual clock."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.members: dict[str, Member] = {}
        self.listeners: dict[str, tuple[Member, str]] = {}
        self.turns = itertools.count(1)
        self._due: list[_Due] = []
        self._order = itertools.count()
        self._idents = itertools.count(1)

    def add(self, name: str, host: Host) -> Member:
        """Bring an actor in; it starts when the pump next runs. A name that exists is replaced."""
        if name in self.members:
            self.remove(name)
        member = Member(self, name, host)
        host.io = member
        self.members[name] = member
        self.soon(host.start)
        return member

    def remove(self, name: str) -> list[str]:
        """Take an actor away, as if its power was cut; memory leaves nothing behind."""
        member = self.members.pop(name)
        member.host.power_off()
        member.on_death = lambda: None  # taken away, not crashed
        member.died()
        return []

    def deafen(self, member: Member) -> None:
        """Nobody reaches this member any more."""
        self.listeners = {
            address: entry for address, entry in self.listeners.items() if entry[0] is not member
        }

    def crash_at(
        self, name: str, number: int, *, after: bool, died: Callable[[], None] = lambda: None
    ) -> None:
        """Let a member die at its ``number``-th commit from now, and tell ``died``."""
        member = self.members[name]
        member.host.crash_point = CrashPoint(number, after)
        member.on_death = died

    def schedule(self, at: float, action: Callable[[], None]) -> None:
        """Do something at a virtual time; equal times keep the order of asking.

        The time is absolute: a sum of now and a delay may round to just before it.
        """
        at = max(at, self.clock.now())
        heapq.heappush(self._due, _Due(at, next(self._order), action))

    def soon(self, action: Callable[[], None]) -> None:
        """Do something now, after everything that was asked for before."""
        self.schedule(self.clock.now(), action)

    def waits(self, member: Member, action: Callable[[], None]) -> bool:
        """Whether a member stands still; then the action comes when it goes on."""
        if self.clock.now() >= member.still_until:
            return False
        self.schedule(member.still_until, action)
        return True

    def connect(self, member: Member, link: str, conn: str) -> None:
        """Bring a connection about, or refuse it."""
        if not member.host.alive:
            return
        found = self.listeners.get(member.routes.get(link, ""))
        if found is None:
            member.host.refused(link, conn, "refused")
            return
        listener, listened = found
        if self.waits(listener, lambda: self.connect(member, link, conn)):
            return
        accepted = listener.host.next_id(listened)
        if not listener.host.admits(listened, accepted, client=False):
            member.host.refused(link, conn, "refused")
            return
        ours, theirs = _End(member, conn), _End(listener, accepted)
        ours.other, theirs.other = theirs, ours
        member.ends[conn], listener.ends[accepted] = ours, theirs
        listener.host.opened(listened, accepted, client=False)
        member.host.opened(link, conn, client=True)

    def arrive(self, end: _End, data: bytes) -> None:
        """Bytes reach the other end, if it is still there."""
        if self.waits(end.member, lambda: self.arrive(end, data)):
            return
        if end.member.ends.get(end.conn) is end:
            end.member.host.received(end.conn, data)

    def hang_up(self, end: _End, reason: str) -> None:
        """The other end learns that its peer is gone."""
        if self.waits(end.member, lambda: self.hang_up(end, reason)):
            return
        if end.member.ends.pop(end.conn, None) is end:
            end.member.host.eof(end.conn, reason)

    def wait(self, satisfied: Callable[[], bool], deadline: float) -> bool:
        """Run until ``satisfied()`` or the deadline; time passes only as far as needed."""
        for _ in range(STEPS_MAX):
            if satisfied():
                return True
            if not self._due or self._due[0].at > deadline:
                self.clock.advance_to(deadline)
                return satisfied()
            due = heapq.heappop(self._due)
            self.clock.advance_to(due.at)
            due.action()
        raise HarnessError("the actors do not come to rest")

    def idle(self, deadline: float) -> None:
        """Let time pass."""
        self.wait(lambda: False, deadline)

    def command(self, name: str, order: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """Tell a member to do something and wait for its answer."""
        host = self.members[name].host
        ident = next(self._idents)
        member = self.members[name]

        def tell() -> None:
            if not self.waits(member, tell):
                host.command(order, args, ident)

        self.soon(tell)
        answers = host.answers
        if not self.wait(lambda: ident in answers.values, self.clock.now() + timeout_s):
            raise HarnessError(f"{name} did not answer to {order} within {timeout_s:g} s")
        reply = answers.take(ident)
        if reply is None or reply.error:
            raise HarnessError(f"{name} refused {order}: {reply.error if reply else ''}")
        return reply.value

    def stop(self) -> list[str]:
        """End everything; memory leaves nothing behind."""
        for name in list(self.members):
            self.remove(name)
        self._due.clear()
        return []
