"""The senders that are measured, one to a process: ours, and a bare asyncio client.

``python load.py KIND PORT CONNECTIONS SECONDS [TRACE]`` keeps one message outstanding on each
connection and prints one JSON object with what it counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from core import keep_to
from message import END, SB, message
from servers import HOST, named

from harness.clock import RealClock
from harness.evidence.capture import Capture
from harness.link import actor as act
from harness.link.address import Address
from harness.link.host import Host
from harness.link.threads import Threads
from harness.wire.core import Core, Message
from harness.wire.mllp import MllpCore

WARM_UP_S: Final = 0.5
"""Before the clock of a round starts: connections are open and caches are filled."""

PATIENCE_S: Final = 30.0
"""Beyond the length of a round: what does not end by then has hung."""

_HEAD, _TAIL = message("@").split(b"@")


@dataclass(slots=True)
class Tally:
    """Round trips inside the measured time.

    Args:
        begin: monotonic time from which they count.
        end: and until when.
    """

    begin: float
    end: float
    latencies: list[float] = field(default_factory=list)

    def done(self, sent: float, now: float) -> bool:
        """One round trip is over; says whether the round is too."""
        if self.begin <= now < self.end:
            self.latencies.append(now - sent)
        return now >= self.end

    def summary(self) -> dict[str, float]:
        """Round trips a second, and their percentiles in milliseconds."""
        ordered = sorted(self.latencies)
        if not ordered:
            raise SystemExit("no round trip was counted")
        return {
            "rate": len(ordered) / (self.end - self.begin),
            "p50_ms": 1000 * ordered[len(ordered) // 2],
            "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        }


@dataclass(slots=True)
class Load:
    """Our sender: one message outstanding on each connection, each answer checked."""

    tally: Tally
    connections: int
    role: str = "LIS"
    _sent: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    _number: int = 0
    _running: int = 0
    _ident: int = 0
    _wrong: list[str] = field(default_factory=list)

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP."""
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Send, wait for the answer, send the next."""
        match event:
            case act.Received(conn=conn, event=Message(payload=payload)):
                control_id, sent = self._sent[conn]
                if payload.partition(b"\rMSA|")[2][: len(control_id) + 3] != b"AA|" + control_id:
                    return self._failed(f"{payload!r} is no answer to {control_id!r}")
                if self.tally.done(sent, now):
                    return [act.Close(conn=conn), *self._ended()]
                return [self._next(conn, now)]
            case act.Opened(conn=conn):
                return [self._next(conn, now)]
            case act.Commanded(ident=ident):
                self._ident, self._running = ident, self.connections
                return [act.Open(link="oru", conn=f"oru#{n}") for n in range(self.connections)]
            case act.Received() | act.Refused() | act.Closed():
                return self._failed(repr(event))
        return []

    def _next(self, conn: str, now: float) -> act.Send:
        self._number += 1
        control_id = b"M%08d" % self._number
        self._sent[conn] = (control_id, now)
        return act.Send(conn=conn, event=Message(payload=_HEAD + control_id + _TAIL))

    def _failed(self, what: str) -> list[act.Command]:
        return [act.Reply(ident=self._ident, error=what)]

    def _ended(self) -> list[act.Command]:
        self._running -= 1
        return [] if self._running else [act.Reply(ident=self._ident)]


def ours(port: int, connections: int, seconds: float, trace_path: Path) -> Tally:
    """Send with our engine, with its journal on."""
    capture = Capture(trace_path, RealClock())
    runtime = Threads(settle=capture.settle)
    begin = runtime.clock.now() + WARM_UP_S
    tally = Tally(begin, begin + seconds)
    load = Load(tally, connections)
    member = runtime.add("LIS", Host(load, runtime.clock, named, watcher=capture))
    member.routes["oru"] = Address(host=HOST, port=port)
    runtime.command("LIS", "start", {}, WARM_UP_S + seconds + PATIENCE_S)
    left = runtime.stop()
    if left or runtime.errors:
        raise SystemExit(f"did not end in order: {left} {runtime.errors}")
    capture.close()
    return tally


class Client(asyncio.Protocol):
    """The bare sender: frames by the last two bytes, reads nothing of the answer."""

    def __init__(self, tally: Tally, ended: asyncio.Future[None]) -> None:
        self._tally = tally
        self._ended = ended
        self._waiting = b""
        self._number = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        self._number += 1
        self._sent = time.monotonic()
        self._transport.write(SB + _HEAD + b"M%08d" % self._number + _TAIL + END)

    def data_received(self, data: bytes) -> None:
        """Once the answer is whole, send the next."""
        self._waiting += data
        if not self._waiting.endswith(END):
            return
        self._waiting = b""
        if self._tally.done(self._sent, time.monotonic()):
            self._transport.close()
        else:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Over, in order or not."""
        if time.monotonic() < self._tally.end:
            self._ended.set_exception(exc or ConnectionError("closed too early"))
        else:
            self._ended.set_result(None)


async def bare(port: int, connections: int, seconds: float) -> Tally:
    """Send with asyncio alone."""
    loop = asyncio.get_running_loop()
    begin = time.monotonic() + WARM_UP_S
    tally = Tally(begin, begin + seconds)
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(partial(Client, tally, end), HOST, port)
    await asyncio.wait_for(asyncio.gather(*ends), WARM_UP_S + seconds + PATIENCE_S)
    return tally


if __name__ == "__main__":
    keep_to(1)
    kind, where, count, length = sys.argv[1:5]
    if kind == "ours":
        result = ours(int(where), int(count), float(length), Path(sys.argv[5]))
    else:
        result = asyncio.run(bare(int(where), int(count), float(length)))
    print(json.dumps(result.summary()))
