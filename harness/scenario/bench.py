"""The bench: running systems, the relays between them, and room for the devices that we play.

Over TCP one bench serves a worker for its whole run, and its scenarios are kept apart by the ids
that they generate. Over memory each scenario gets a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness import limits
from harness.clock import Clock
from harness.errors import Blocked
from harness.i18n import tr
from harness.link.actor import Actor
from harness.link.host import Host, Storage
from harness.link.relay import Relay
from harness.link.spec import LinkSpec
from harness.link.tap import Connection, Delivery, Guard, Tap, Watcher
from harness.probes.probe import Probe
from harness.scenario.serial_lines import SerialLines
from harness.scenario.systems import Systems
from harness.site.strangers import Gate
from harness.wire.core import Event, Unit

ASLEEP = "ENGINE"
"""The role that runs only where a scenario puts it in line: the interface engine."""


class Door(Protocol):
    """Who stands at the links over which real systems call systems of ours."""

    alarm: Callable[[str], None] | None

    def stops(self, link: str, payload: bytes) -> str:
        """Why a message must not pass; empty where it may."""
        ...

    def learns(self, link: str, payload: bytes) -> None:
        """Take in what a system of ours answers."""
        ...


class Member(Protocol):
    """One actor in a driver."""

    routes: dict[str, Any]

    def listen(self, link: str, *address: Any) -> Any:
        """Accept a link, at an address if one is given; returns its address."""
        ...


class Driver(Protocol):
    """``Pump`` or ``Threads``."""

    clock: Any
    members: Any

    def add(self, name: str, host: Host) -> Any:
        """Bring an actor in and start it."""
        ...

    def remove(self, name: str) -> list[str]:
        """Take it away; returns what would not end."""
        ...

    def wait(self, satisfied: Callable[[], bool], deadline: float) -> bool:
        """Let things happen until ``satisfied()`` or the deadline."""
        ...

    def idle(self, deadline: float) -> None:
        """Let things happen until the deadline."""
        ...

    def command(self, name: str, order: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """Tell an actor to do something and wait for its answer."""
        ...

    def stop(self) -> list[str]:
        """End everything."""
        ...


class Switch:
    """Watcher and tap of the relays: they belong to whichever scenario is running."""

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self.tap: Tap | None = None
        self.door: Door | None = None

    def stops(self, link: str, payload: bytes) -> str:
        """Why a message of a real system to one of ours must not pass; empty where it may.

        The door of the last scenario stays until the next one begins.
        """
        return "" if self.door is None else self.door.stops(link, payload)

    def learns(self, link: str, payload: bytes) -> None:
        """Tell the door what a system of ours answers."""
        if self.door is not None:
            self.door.learns(link, payload)

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """Pass on to the running scenario."""
        if self.watcher is not None:
            self.watcher.link(connection, event, reason)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Pass on to the running scenario."""
        if self.watcher is not None:
            self.watcher.data(connection, data, sent=sent)

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """Pass on to the running scenario."""
        if self.watcher is not None:
            self.watcher.event(connection, protocol, event, sent=sent)

    def note(self, role: str, text: str) -> None:
        """Pass on to the running scenario."""
        if self.watcher is not None:
            self.watcher.note(role, text)

    def connects(self, connection: Connection, now: float) -> bool:
        """Ask the faults of the running scenario."""
        return self.tap is None or self.tap.connects(connection, now)

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        """Ask the faults of the running scenario."""
        return [unit.data] if self.tap is None else self.tap.unit(connection, unit, now)

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Ask the faults of the running scenario."""
        if self.tap is None:
            return (Delivery(data=data),)
        return self.tap.outgoing(connection, data, now)

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Ask the faults of the running scenario."""
        if self.tap is None:
            return (Delivery(data=data),)
        return self.tap.incoming(connection, data, now)


@dataclass(slots=True)
class Bench:
    """What a scenario works with.

    Args:
        driver: of the actors that we play.
        systems: the systems under test that we run.
        specs: links by name.
        probes: by name.
        addresses: of links to systems that we do not run.
        relays: where our relays listen, for systems that are set to a fixed address; the others
            get a free port on loopback.
        gate: asked before a relay opens an address; it originates nothing, so only that.
        lines: serial lines of this run.
        listening: where roles that we play listen, by link; the others get a free port.
        persons: who works by hand at the systems (``Persons``); None where nobody does.
        carried: interfaces that each link carries.
    """

    driver: Driver
    systems: Systems
    specs: Mapping[str, LinkSpec]
    probes: Mapping[str, Probe]
    addresses: Mapping[str, Any] = field(default_factory=dict)
    relays: Mapping[str, Any] = field(default_factory=dict)
    gate: Guard | None = None
    lines: SerialLines = field(default_factory=SerialLines)
    listening: Mapping[str, Any] = field(default_factory=dict)
    switch: Switch = field(default_factory=Switch)
    persons: Any = None
    carried: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ears: list[Callable[[], None]] = field(default_factory=list)
    """Take in what processes of ours noted, and no link of ours shows; of this scenario."""
    _served: list[str] = field(default_factory=list)
    _stores: list[Any] = field(default_factory=list)
    _joined: list[str] = field(default_factory=list)
    _redirected: list[str] = field(default_factory=list)
    _lines_held: dict[str, str] = field(default_factory=dict)
    _ways: dict[str, Any] = field(default_factory=dict)
    _interposed: list[str] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        """Of the driver."""
        clock: Clock = self.driver.clock
        return clock

    def _hybrid(self) -> frozenset[str]:
        return frozenset(name for name, spec in self.specs.items() if spec.protocol == "hllp")

    def _spoken(self, link: str) -> str:
        return self.specs[link].protocol if link in self.specs else ""

    def start(self) -> None:
        """Start the systems, stand in line where the profile says so, and wire all up."""
        self.systems.start()
        host = Host(
            Gate(Relay(hybrid=self._hybrid()), self.switch.stops, self.switch.learns, self._spoken),
            self.clock,
            self._describe,
            tap=self.switch,
            watcher=self.switch,
            guard=self.gate,
        )
        relay: Member = self.driver.add("relay", host)
        for spec in self.specs.values():
            if spec.relayed and ASLEEP not in {spec.frm, spec.to}:
                relay.routes[spec.name] = self.address(spec)
                listening = self._ways[spec.name] = self._relay_listens(relay, spec.name)
                if spec.frm in self.systems.hospital.roles:
                    self.systems.route(spec.frm, spec.name, listening)

    def revive(self) -> None:
        """Start systems again that ended unasked: one scenario must not take the others along."""
        for role in self.systems.hospital.roles:
            if not self.systems.running(role):
                self.systems.restart(role)

    @property
    def watched(self) -> Mapping[str, Sequence[str]]:
        """Interfaces of the links on which something of ours stands and sees every message."""
        seen = {*self._ways, *self._served}
        return {link: names for link, names in self.carried.items() if link in seen}

    def interpose(self, into: Mapping[str, str], out: Mapping[str, str]) -> None:
        """Put the system that is asleep into the way of others, until the scenario ends.

        Args:
            into: link of a sender that we run, and the link by which it gets there instead.
            out: link by which the system goes on, and the link whose receiver it reaches.
        """
        self.systems.wake(ASLEEP)
        relay: Member = self.driver.members["relay"]
        for link, far in out.items():
            relay.routes[link] = self.address(self.specs[far])
            self.systems.route(ASLEEP, link, self._way(relay, link))
        for own, link in into.items():
            relay.routes[link] = self.systems.address(ASLEEP, link)
            self.systems.route(self.specs[own].frm, own, self._way(relay, link))
            self._interposed.append(own)
            self._cut(own)

    def _way(self, relay: Member, link: str) -> Any:
        """Where our relay listens for a link; asked once."""
        if link not in self._ways:
            self._ways[link] = self._relay_listens(relay, link)
        return self._ways[link]

    def _relay_listens(self, relay: Member, link: str) -> Any:
        where = self.relays.get(link)
        return relay.listen(link) if where is None else relay.listen(link, where)

    def address(self, spec: LinkSpec) -> Any:
        """Where the listening role of a link is."""
        return self.addresses.get(spec.name) or self.systems.address(spec.to, spec.name)

    def _describe(self, link: str, conn: str, client: bool) -> Connection:  # noqa: FBT001 - by position
        return self.specs[link].connection(conn, client=client)

    def join(
        self,
        name: str,
        actor: Actor,
        links: Sequence[str],
        guard: Guard | None = None,
        *,
        watched: bool = True,
        store: Storage | None = None,
    ) -> None:
        """Bring in a device that we play, connecting over ``links``, for this scenario.

        A device behind a relay is not watched: the relay shows what passes, once. A store that it
        brings is closed when it leaves.

        Raises:
            Blocked: a serial line has room for one device, and it is taken.
        """
        for link in links:
            self._take_line(link, name)
        host = Host(
            actor,
            self.clock,
            self._describe,
            store=store,
            tap=self.switch.tap,
            watcher=self.switch.watcher if watched else None,
            guard=guard,
        )
        member: Member = self.driver.add(name, host)
        for link in links:
            member.routes[link] = self.address(self.specs[link])
        self._joined.append(name)
        if store is not None:
            self._stores.append(store)

    def serve(self, link: str, name: str) -> None:
        """Let a joined role accept a link, and tell the system that connects where, if we run it.

        No relay stands in between: the role itself is watched.
        """
        member: Member = self.driver.members[name]
        where = self.listening.get(link)
        address = member.listen(link) if where is None else member.listen(link, where)
        self._served.append(link)
        frm = self.specs[link].frm
        if frm in self.systems.hospital.roles:
            self.systems.route(frm, link, address)

    def stands(self, link: str) -> None:
        """A device of ours that is no member accepts a link by itself, and shows what comes."""
        self._served.append(link)

    def _take_line(self, link: str, name: str) -> None:
        holder = self._lines_held.setdefault(link, name) if link in self.lines.near else name
        if holder != name:
            raise Blocked(
                tr("the serial line {link} is taken by {holder}", link=link, holder=holder),
                remedy=tr("use one analyzer in a scenario over a serial line"),
            )

    def look(self, probe: Probe) -> None:
        """Add a probe of the running scenario, which takes it away again at its end."""
        self.probes = {**self.probes, probe.name: probe}

    def look_away(self, name: str) -> None:
        """Take such a probe away."""
        self.probes = {one: probe for one, probe in self.probes.items() if one != name}

    def redirect(self, link: str, name: str) -> None:
        """Let a joined device stand in for the listening role of a relayed link."""
        relay: Member = self.driver.members["relay"]
        member: Member = self.driver.members[name]
        relay.routes[link] = member.listen(link)
        self._redirected.append(link)
        self._cut(link)

    def _cut(self, link: str) -> None:
        self.driver.command("relay", "cut", {"link": link}, limits.CONTROL_TIMEOUT_S)

    def end(self) -> list[str]:
        """Take this scenario's devices away; returns what would not end."""
        relay: Member = self.driver.members["relay"]
        for link in self._redirected:
            relay.routes[link] = self.address(self.specs[link])
            self._cut(link)
        for own in self._interposed:
            self.systems.route(self.specs[own].frm, own, self._ways[own])
        for link, spec in self.specs.items():
            if self._interposed and spec.relayed and ASLEEP in {spec.frm, spec.to}:
                self._cut(link)
        self._interposed.clear()
        self._served.clear()
        self.ears.clear()
        left = [thread for name in self._joined for thread in self.driver.remove(name)]
        self._joined.clear()
        for store in self._stores:
            store.close()
        self._stores.clear()
        self._lines_held.clear()
        self._redirected.clear()
        self.switch.watcher = self.switch.tap = None
        if self.switch.door is not None:
            self.switch.door.alarm = None  # the journal that it wrote into is closed
        return left

    def stop(self) -> list[str]:
        """End everything; returns what would not end."""
        left = self.driver.stop()
        for probe in self.probes.values():
            probe.close()
        self.systems.stop()
        return [*left, *self.lines.stop()]
