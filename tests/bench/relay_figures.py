"""The recorder beside a plain TCP relay (socat), its journal on: round trips and throughput.

Both ends and both relays are processes of their own, over loopback.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
MESSAGE: Final = b"x" * 500
ROUND_TRIPS: Final = 1000
MIB: Final = 1 << 20
PIECE: Final = b"y" * 65536
LIMIT_S: Final = 60.0

_SYSTEM: Final = "import relay_figures; relay_figures.system()"
_RELAY: Final = "import relay_figures, sys; relay_figures.relay(int(sys.argv[1]), sys.argv[2])"


def system() -> None:
    """Answers a small message with itself, and a large one with one byte."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer, args=(sock,), daemon=True).start()


def _answer(sock: socket.socket) -> None:
    with contextlib.suppress(OSError), sock:
        while data := sock.recv(65536):
            sock.sendall(data if len(data) <= len(MESSAGE) else b"k")


def relay(port: int, path: str) -> None:
    """Ours, with its journal."""
    from harness.captures.journal import PcapJournal
    from harness.link.address import Address
    from harness.link.passing import Passage

    journal = PcapJournal(Path(path))
    journal.open()
    target = Address(host="127.0.0.1", port=port)
    passage = Passage("relay", target, journal, lambda _host, _port: None)
    print(passage.listen(Address(host="127.0.0.1", port=0)).port, flush=True)
    threading.Event().wait()


def measure(rounds: int = 3, mib: int = 64) -> dict[str, Any]:
    """Medians over the rounds, and ours over socat's.

    Raises:
        FileNotFoundError: socat is not installed.
    """
    if shutil.which("socat") is None:
        raise FileNotFoundError("socat")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        port = _port_of(stack, _SYSTEM)
        ours = _port_of(stack, _RELAY, str(port), f"{name}/recording.pcap")
        theirs = _socat(stack, port)
        ways = {"direct": port, "ours": ours, "socat": theirs}
        taken: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, at in ways.items():
                taken[way].append((*_round_trips(at), _throughput(at, mib)))
    figures: dict[str, Any] = {}
    for way, rows in taken.items():
        median, high, speed = (statistics.median(column) for column in zip(*rows, strict=True))
        figures |= {f"{way}_ms": median, f"{way}_p99_ms": high, f"{way}_mib_per_s": speed}
    figures["added_ms"] = figures["ours_ms"] - figures["direct_ms"]
    figures["round_trip_of_socat"] = figures["ours_ms"] / figures["socat_ms"]
    figures["throughput_of_socat"] = figures["ours_mib_per_s"] / figures["socat_mib_per_s"]
    return figures


def _port_of(stack: contextlib.ExitStack, code: str, *words: str) -> int:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": str(ROOT)},
    )
    stack.callback(process.wait, LIMIT_S)
    stack.callback(process.kill)
    assert process.stdout is not None
    stack.callback(process.stdout.close)
    return int(process.stdout.readline())


def _socat(stack: contextlib.ExitStack, port: int) -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        at = int(free.getsockname()[1])
    process = subprocess.Popen(
        ["socat", f"TCP-LISTEN:{at},fork,reuseaddr,bind=127.0.0.1,nodelay",
         f"TCP:127.0.0.1:{port},nodelay"]
    )  # fmt: skip
    stack.callback(process.wait, LIMIT_S)
    stack.callback(process.kill)
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", at), LIMIT_S).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return at


def _round_trips(port: int) -> tuple[float, float]:
    """Median and 99th percentile in ms."""
    took = []
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ROUND_TRIPS):
            begun = time.perf_counter()
            sock.sendall(MESSAGE)
            got = 0
            while got < len(MESSAGE):
                got += len(sock.recv(65536))
            took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    return took[len(took) // 2], took[len(took) * 99 // 100]


def _throughput(port: int, mib: int) -> float:
    """MiB/s until the last byte has arrived and the other side has closed."""
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as sock:
        reader = threading.Thread(target=_drain, args=(sock,), daemon=True)
        reader.start()
        begun = time.perf_counter()
        for _ in range(mib * MIB // len(PIECE)):
            sock.sendall(PIECE)
        sock.shutdown(socket.SHUT_WR)
        reader.join(LIMIT_S)
        return mib / (time.perf_counter() - begun)


def _drain(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
