"""Small actors and watchers for tests of the drivers; not a test module."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.link import actor as act
from harness.link.host import Host
from harness.link.tap import Connection, Delivery
from harness.wire.core import Core, Event, Message, RawCore, Unit
from harness.wire.mllp import MllpCore


def plain(link: str, conn: str, client: bool) -> Connection:
    """A connection described by its id alone."""
    return Connection(id=conn, link=link, interface="I", local="", peer="", client=client)


def oru(number: int | str, specimen: str = "S1", control: str = "") -> bytes:
    """A small result, typed from HL7 2.5.1 §7.3.1."""
    control = control or f"C{number}"
    return (
        f"MSH|^~\\&|AN|LAB|LIS|LAB|20260105080000||ORU^R01^ORU_R01|{control}|P|2.5.1\r"
        f"PID|1||P{number}\rOBR|1||{specimen}\rOBX|1|NM|WBC||5.{number}\r"
    ).encode("ascii")


@dataclass
class Party:
    """Keeps everything that it is told; what it does is given by functions."""

    role: str = "A"
    core: Callable[[], Core] = MllpCore
    react: Callable[[act.ActorEvent, float], Sequence[act.Command]] = lambda event, now: []
    seen: list[tuple[float, act.ActorEvent]] = field(default_factory=list)

    def open_core(self, link: str, *, client: bool) -> Core:
        return self.core()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        self.seen.append((now, event))
        return list(self.react(event, now))

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for _, event in self.seen if isinstance(event, kind)]

    @property
    def payloads(self) -> list[bytes]:
        return [e.event.payload for e in self.of(act.Received) if isinstance(e.event, Message)]


def acker(role: str = "LIS", *, store: bool = False) -> Party:
    """Answers every message by ``ACK:`` and its payload, after a commit where it has a store."""

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(event=Message(payload=payload)):
                commit = [act.Commit(statements=[("INSERT INTO got VALUES (?)", [payload.hex()])])]
                answer = act.Send(conn=event.conn, event=Message(payload=b"ACK:" + payload))
                return [*(commit if store else []), answer]
        return []

    return Party(role=role, react=react)


@dataclass
class Sender:
    """Sends messages one after the other, each when the one before is answered."""

    role: str
    link: str
    messages: list[bytes]
    answer_s: float = 30.0
    connections: int = 0
    outcomes: list[str] = field(default_factory=list)
    events: list[act.ActorEvent] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    ident: int = 0
    keep_going: bool = True

    @property
    def conn(self) -> str:
        return f"{self.link}#{self.role}{self.connections}"

    def open_core(self, link: str, *, client: bool) -> Core:
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        self.events.append(event)
        match event:
            case act.Commanded(name="send"):
                self.ident = event.ident
                return self._open()
            case act.Opened():
                return self._next(now)
            case act.Received(event=Message(payload=payload)):
                return self._over(payload[:3].decode("ascii"), now)
            case act.TimerFired(name="answer"):
                return self._over("timeout", now)
            case act.Refused() | act.Closed():
                self.outcomes.append(event.reason or "closed")
                self.at.append(now)
                del self.messages[:1]
                cancel = act.SetTimer(name="answer", at=None)
                return [cancel, *(self._open() if self.messages else self._done())]
        return []

    def _open(self) -> list[act.Command]:
        self.connections += 1
        return [act.Open(link=self.link, conn=self.conn)]

    def _next(self, now: float) -> list[act.Command]:
        if not self.messages:
            return [act.Close(conn=self.conn), *self._done()]
        return [
            act.Send(conn=self.conn, event=Message(payload=self.messages[0])),
            act.SetTimer(name="answer", at=now + self.answer_s),
        ]

    def _done(self) -> list[act.Command]:
        return [act.Reply(ident=self.ident, value=list(self.outcomes))]

    def _over(self, outcome: str, now: float) -> list[act.Command]:
        self.outcomes.append(outcome)
        self.at.append(now)
        del self.messages[:1]
        return [act.SetTimer(name="answer", at=None), *self._next(now)]


@dataclass
class Journal:
    """A watcher that keeps lines."""

    lines: list[str] = field(default_factory=list)

    def link(self, connection: Connection, event: str, reason: str) -> None:
        self.lines.append(f"{connection.id} {event} {reason}".strip())

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        self.lines.append(f"{connection.id} {'>' if sent else '<'} {data!r}")

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        self.lines.append(f"{connection.id} {'sends' if sent else 'gets'} {type(event).__name__}")

    def note(self, role: str, text: str) -> None:
        self.lines.append(f"{role}: {text}")


@dataclass
class Tamper:
    """A tap made of functions."""

    may: Callable[[Connection], bool] = lambda connection: True
    on_unit: Callable[[Unit], list[bytes]] = lambda unit: [unit.data]
    out: Callable[[bytes], Sequence[Delivery]] = lambda data: (Delivery(data=data),)
    into: Callable[[bytes], Sequence[Delivery]] = lambda data: (Delivery(data=data),)

    def connects(self, connection: Connection, now: float) -> bool:
        return self.may(connection)

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        return self.on_unit(unit)

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        return self.out(data)

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        return self.into(data)


class MemoryStore:
    """A store that remembers what was committed."""

    def __init__(self) -> None:
        self.committed: list[tuple[str, Sequence[Any]]] = []

    def commit(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        self.committed += list(statements)


def raw_core() -> Core:
    """No framing."""
    return RawCore()


def host(actor: Any, clock: Any, **fields: Any) -> Host:
    """A host that describes its connections plainly."""
    return Host(actor, clock, plain, **fields)


def until(satisfied: Callable[[], bool], what: str = "", timeout_s: float = 5.0) -> None:
    """Wait for another thread; fails where it does not come about."""
    deadline = time.monotonic() + timeout_s
    while not satisfied():
        assert time.monotonic() < deadline, f"never came about: {what}"
        time.sleep(0.001)


Args = Mapping[str, Any]
