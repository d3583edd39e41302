"""The ends that are measured for feeds, one to a process: ours and bare ones, plain or over TLS.

``python feeds_ends.py serve KIND FOLDER [tls]`` prints the port once it accepts, and ends when its
standard input ends. ``python feeds_ends.py send KIND FOLDER PORT CONNECTIONS SECONDS [tls]`` keeps
one message outstanding on each connection and prints what it counted.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

from core import keep_to
from load import PATIENCE_S, WARM_UP_S, Client, Load, Tally
from message import END, SB
from servers import HOST, Echo, named

from harness.clock import RealClock
from harness.evidence.capture import Capture
from harness.link.address import Address
from harness.link.host import Host
from harness.link.threads import Threads
from simulators.feed.feed import Feed

_ACK: Final = (
    b"\x0bMSH|^~\\&|HIS|H0001|LIS|H0001|20260105080000||ACK^R01^ACK|A1|P|2.4|||||CHN\rMSA|AA|%b\r"
)


def certificates(folder: Path) -> None:
    """A key and a certificate of our own for 127.0.0.1, good for a day."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "1", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def server_side(folder: Path, *, tls: bool) -> ssl.SSLContext | None:
    """What a listener shows; nothing where the link is plain."""
    if not tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


def client_side(folder: Path, *, tls: bool) -> ssl.SSLContext | None:
    """Whom a client trusts; nothing where the link is plain."""
    return ssl.create_default_context(cafile=str(folder / "certificate.pem")) if tls else None


def receiver(folder: Path, *, tls: bool) -> None:
    """Our receiver: framing, header reading, a real acknowledgement, and its journal."""
    capture = Capture(folder / "receiver.jsonl", RealClock())
    runtime = Threads(settle=capture.settle)
    member = runtime.add(
        "HIS", Host(Feed(role="HIS", clock=runtime.clock), runtime.clock, named, watcher=capture)
    )
    where = Address(host=HOST, port=0, tls=server_side(folder, tls=tls))
    print(member.listen("oru", where).port, flush=True)
    sys.stdin.read()
    left = runtime.stop()
    if left or runtime.errors:
        raise SystemExit(f"did not end in order: {left} {runtime.errors}")
    capture.close()


class Acknowledger(Echo):
    """The least that a sender needs: a fixed answer with the control id put in."""

    def data_received(self, data: bytes) -> None:
        """Answer once the frame is whole."""
        self._waiting += data
        if not self._waiting.endswith(END):
            return
        frame, self._waiting = self._waiting, b""
        assert frame.startswith(SB)
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(_ACK % frame.split(b"|", 10)[9] + END)


async def bare_server(protocol: type[Echo], folder: Path, *, tls: bool) -> None:
    """An asyncio server that keeps nothing."""
    server = await asyncio.get_running_loop().create_server(
        protocol, HOST, 0, backlog=128, ssl=server_side(folder, tls=tls)
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def our_sender(folder: Path, port: int, connections: int, seconds: float, *, tls: bool) -> Tally:
    """Our sender: checks each answer, with its journal on."""
    capture = Capture(folder / "sender.jsonl", RealClock())
    runtime = Threads(settle=capture.settle)
    begin = runtime.clock.now() + WARM_UP_S
    tally = Tally(begin, begin + seconds)
    load = Load(tally, connections)
    member = runtime.add("LIS", Host(load, runtime.clock, named, watcher=capture))
    member.routes["oru"] = Address(host=HOST, port=port, tls=client_side(folder, tls=tls))
    runtime.command("LIS", "start", {}, WARM_UP_S + seconds + PATIENCE_S)
    left = runtime.stop()
    if left or runtime.errors:
        raise SystemExit(f"did not end in order: {left} {runtime.errors}")
    capture.close()
    return tally


async def bare_sender(
    folder: Path, port: int, connections: int, seconds: float, *, tls: bool
) -> Tally:
    """Asyncio alone: looks at the last two bytes of an answer."""
    loop = asyncio.get_running_loop()
    begin = time.monotonic() + WARM_UP_S
    tally = Tally(begin, begin + seconds)
    ends = [loop.create_future() for _ in range(connections)]
    context = client_side(folder, tls=tls)
    for end in ends:
        await loop.create_connection(partial(Client, tally, end), HOST, port, ssl=context)
    await asyncio.wait_for(asyncio.gather(*ends), WARM_UP_S + seconds + PATIENCE_S)
    return tally


def main(argv: list[str]) -> None:
    """One end."""
    what, kind, name, *rest = argv
    folder, tls = Path(name), rest[-1:] == ["tls"]
    if what == "serve":
        keep_to(0)
        if kind == "ours":
            receiver(folder, tls=tls)
        else:
            protocol = {"echo": Echo, "acks": Acknowledger}[kind]
            asyncio.run(bare_server(protocol, folder, tls=tls))
        return
    keep_to(1)
    port, connections, seconds = int(rest[0]), int(rest[1]), float(rest[2])
    if kind == "ours":
        tally = our_sender(folder, port, connections, seconds, tls=tls)
    else:
        tally = asyncio.run(bare_sender(folder, port, connections, seconds, tls=tls))
    print(json.dumps(tally.summary()))


if __name__ == "__main__":
    main(sys.argv[1:])
