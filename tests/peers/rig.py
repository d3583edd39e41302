"""Our side of a meeting with a peer: the engine over real sockets, and what it saw."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from harness.clock import RealClock
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Record, Trace
from harness.link import actor as act
from harness.link.address import Address
from harness.link.host import Host
from harness.link.tap import Connection, Delivery
from harness.link.threads import Threads
from harness.wire.core import Core, Message, Unit
from harness.wire.mllp import MllpCore
from simulators.feed.feed import Feed

PATIENCE_S: Final = 5.0
"""A peer on loopback that has not answered by then never will."""

KEEPS_S: Final = 0.5
"""A peer that has not closed so long after its first answer keeps the connection."""

BYTE_GAP_S: Final = 0.0002
"""Between two bytes: as close as the scheduler can keep apart."""

LINK: Final = "oru"


def named(link: str, conn: str, client: bool) -> Connection:
    """A connection as the trace names it: we are ``us``."""
    return Connection(
        id=conn, link=link, interface="LIS-ORU", local="us", peer="peer", client=client
    )


def bytewise(data: bytes) -> list[Delivery]:
    """Each byte travels by itself."""
    return [Delivery(data=bytes([byte]), delay_s=BYTE_GAP_S) for byte in data]


@dataclass(slots=True)
class Together:
    """Several frames travel in one write, as from an engine under load."""

    frames: int
    _held: bytes = b""

    def __call__(self, data: bytes) -> list[Delivery]:
        """Hold until there are enough."""
        self._held += data
        if self._held.count(b"\x1c\r") < self.frames:
            return []
        data, self._held = self._held, b""
        return [Delivery(data=data)]


@dataclass(slots=True)
class Outgoing:
    """A tap that changes nothing but how writes are cut."""

    cut: Callable[[bytes], list[Delivery]]

    def connects(self, connection: Connection, now: float) -> bool:
        """Always."""
        return True

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        """As it is."""
        return [unit.data]

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """Cut otherwise."""
        return self.cut(data)

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """As it came."""
        return [Delivery(data=data)]


@dataclass(slots=True)
class Burst:
    """An actor that sends several messages in one write, and leaves the rest to the trace."""

    role: str = "burst"
    _waiting: list[bytes] = field(default_factory=list)

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP."""
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Open, then send everything that was asked for."""
        match event:
            case act.Commanded():
                self._waiting = [bytes.fromhex(one) for one in event.args["payloads"]]
                return [act.Open(link=LINK, conn=f"{LINK}#1"), act.Reply(ident=event.ident)]
            case act.Opened():
                return [
                    act.Send(conn=event.conn, event=Message(payload=payload))
                    for payload in self._waiting
                ]
        return []


@dataclass(slots=True)
class Rig:
    """One meeting; ends in order or raises.

    Attributes:
        trace: what was seen.
    """

    trace: Trace = field(default_factory=lambda: Trace(RealClock()))
    runtime: Threads = field(default_factory=Threads)
    _names: itertools.count[int] = field(default_factory=itertools.count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.finish()

    def finish(self) -> None:
        """End our side in order; what the trace has stays."""
        left = self.runtime.stop()
        assert not left, f"threads that would not end: {left}"
        assert not self.runtime.errors, self.runtime.errors

    def _add(self, actor: act.Actor, tap: Outgoing | None = None) -> str:
        name = f"us{next(self._names)}"
        host = Host(actor, self.runtime.clock, named, watcher=Recorder(self.trace), tap=tap)
        self.runtime.add(name, host)
        return name

    def receiver(self, *, together: int = 1) -> int:
        """Our ``Feed`` listens with its default policy; returns the port.

        ``together`` answers leave in one write.
        """
        tap = Outgoing(Together(together)) if together > 1 else None
        name = self._add(Feed(role="us", clock=self.runtime.clock), tap)
        return self.runtime.members[name].listen(LINK).port

    def send(self, port: int, payloads: Sequence[bytes], *, split: bool = False) -> list[Any]:
        """Our ``Feed`` sends one message after the other; returns what came of each."""
        tap = Outgoing(bytewise) if split else None
        feed = Feed(role="us", clock=self.runtime.clock, answer_s=PATIENCE_S)
        name = self._add(feed, tap)
        self._route(name, port)
        outcomes, closes = [], 0
        for number, payload in enumerate(payloads):
            if number and closes == number - 1:  # it closes each time, or is asked the first time
                closes += self._ends(closes)
            args = {"link": LINK, "payload": payload.hex()}
            outcomes.append(self.runtime.command(name, "send", args, 2 * PATIENCE_S))
        return outcomes

    def _ends(self, closes: int) -> bool:
        """Whether the peer ends one more connection after its answer."""
        return self.trace.wait(lambda: self.ends_by_peer > closes, KEEPS_S)

    def burst(self, port: int, payloads: Sequence[bytes]) -> None:
        """Send all messages in one write and wait for as many answers, or the end."""
        name = self._add(Burst())
        self._route(name, port)
        args = {"payloads": [payload.hex() for payload in payloads]}
        self.runtime.command(name, "burst", args, PATIENCE_S)
        self.trace.wait(
            lambda: len(self.messages("peer")) >= len(payloads) or self.ends_by_peer > 0, PATIENCE_S
        )

    def _route(self, name: str, port: int) -> None:
        self.runtime.members[name].routes[LINK] = Address(host="127.0.0.1", port=port)

    def messages(self, frm: str) -> list[Record]:
        """Message records of one side, in their order."""
        return [one for one in self._of_kind("message") if one["frm"] == frm]

    def violations(self) -> list[Record]:
        """Where the peer broke the framing."""
        return self._of_kind("violation")

    @property
    def ends_by_peer(self) -> int:
        """Connections that ended without us ending them."""
        ours = ("by us", "stopped")
        return sum(
            one["event"] == "closed" and not one["reason"].startswith(ours)
            for one in self._of_kind("link")
        )

    def wait(self, satisfied: Callable[[], bool]) -> bool:
        """Until the trace shows it; False if it never does."""
        return self.trace.wait(satisfied, PATIENCE_S)

    def _of_kind(self, kind: str) -> list[Record]:
        return [one for one in self.trace.records if one["kind"] == kind]
