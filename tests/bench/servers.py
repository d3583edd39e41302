"""The receivers that are measured, one to a process: ours, a bare echo, and PyPI ``hl7``.

``python servers.py KIND [TRACE]`` prints the port once it accepts, and ends when its standard
input ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import hl7  # type: ignore[import-untyped] # not typed
from core import keep_to
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server  # type: ignore[import-untyped] # not typed
from message import END, SB

from harness.clock import RealClock
from harness.evidence.capture import Capture
from harness.link.host import Host
from harness.link.tap import Connection
from harness.link.threads import Threads
from simulators.feed.feed import Feed

HOST = "127.0.0.1"


def named(link: str, conn: str, client: bool) -> Connection:
    """A connection of the bench as the trace names it."""
    ends = ("LIS", "HIS") if client else ("HIS", "LIS")
    return Connection(
        id=conn, link=link, interface="LIS-ORU", local=ends[0], peer=ends[1], client=client
    )


def ours(trace_path: Path) -> None:
    """Our receiver with its default policy, over threads, with its journal on."""
    capture = Capture(trace_path, RealClock())
    runtime = Threads(settle=capture.settle)
    feed = Feed(role="HIS", clock=runtime.clock)
    member = runtime.add("HIS", Host(feed, runtime.clock, named, watcher=capture))
    address = member.listen("oru")
    print(address.port, flush=True)
    sys.stdin.read()
    left = runtime.stop()
    if left or runtime.errors:
        raise SystemExit(f"did not end in order: {left} {runtime.errors}")
    capture.close()


class Echo(asyncio.Protocol):
    """Gives back each frame: the least that a round trip can cost in Python."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        """Answer once the frame is whole."""
        self._waiting += data
        if self._waiting.endswith(END):
            frame, self._waiting = self._waiting, b""
            assert frame.startswith(SB)
            assert isinstance(self._transport, asyncio.WriteTransport)
            self._transport.write(frame)


async def echo() -> None:
    """The bare echo."""
    server = await asyncio.get_running_loop().create_server(Echo, HOST, 0, backlog=128)
    await _serve(server)


async def _answer(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
    """As the documentation of ``hl7`` shows it: read, acknowledge, go on."""
    try:
        while not writer.is_closing():
            message: hl7.Message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def pypi_hl7() -> None:
    """The asyncio server of PyPI ``hl7``."""
    await _serve(await start_hl7_server(_answer, HOST, 0, encoding="utf-8", backlog=128))


async def _serve(server: asyncio.Server) -> None:
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    keep_to(0)
    match sys.argv[1:]:
        case ["ours", path]:
            ours(Path(path))
        case ["echo"]:
            asyncio.run(echo())
        case ["hl7"]:
            asyncio.run(pypi_hl7())
        case other:
            raise SystemExit(f"unknown server {other}")
