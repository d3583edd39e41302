"""Figures of HL7 feeds: receiver and sender beside bare ends, memory, large values, two tools."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from core import KEEPING, PINNED
from feeds_ends import certificates
from message import END, SB, message, report_of
from round_trips import CONNECTIONS, STOP_S
from servers import HOST

from harness.dialect.command import run_learn
from harness.fingerprint.compare import compare
from harness.fingerprint.make import Request, make
from harness.fingerprint.outlets import of_message
from harness.fingerprint.search import search
from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hl7_ack import acknowledge
from harness.wire.mllp import MllpCore

HERE: Final = Path(__file__).parent
PAIRS: Final = {
    "receiver": ("ours", "bare"),
    "echo": ("echo", "bare"),
    "sender": ("acks", "ours"),
    "acks": ("acks", "bare"),
}
"""Kinds of receiver and sender of each measurement; ``echo`` and ``acks`` are the bare ones."""

IDLE: Final = 500
MESSAGES: Final = int(os.environ.get("MEDHARNESS_BENCH_MESSAGES", "1000000"))
LEARNED: Final = int(os.environ.get("MEDHARNESS_BENCH_LEARNED", "100000"))
TOGETHER: Final = 50
"""Messages that are under way at a time while the memory is watched."""

SETTLED: Final = 0.1
"""Part of the messages after which a process has the size that it is to keep."""

READ_BYTES: Final = 64 * 1024
_SMALL: Final = (
    "MSH|^~\\&|LIS|A|HIS|B|20260105080000||ORU^R01^ORU_R01|{number}|P|2.4|||||CHN\r"
    "PID|1||T{number}^^^^PatientNO||TEST\rOBR|1||B{number}|K\rOBX|1|NM|K||4.1|mmol/L|||||F\r"
)


@contextmanager
def serving(kind: str, folder: Path, *more: str, pinned: bool = False) -> Iterator[tuple[int, int]]:
    """A receiver in a process of its own; gives its port and its process id."""
    argv = [sys.executable, str(HERE / "feeds_ends.py"), "serve", kind, str(folder), *more]
    environ = os.environ | KEEPING | {PINNED: "1" if pinned else "0"}
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.stdin.close()
            if process.wait(STOP_S):
                raise SystemExit(f"the server {kind} failed")


def rate(pair: str, connections: int, seconds: float, *, tls: bool) -> float:
    """Round trips a second of one pair."""
    receiver, sender = PAIRS[pair]
    more = ["tls"] if tls else []
    pinned = connections > 1
    with tempfile.TemporaryDirectory() as name:
        if tls:
            certificates(Path(name))
        with serving(receiver, Path(name), *more, pinned=pinned) as (port, _):
            argv = [sys.executable, str(HERE / "feeds_ends.py"), "send", sender, name, str(port)]
            done = subprocess.run(
                [*argv, str(connections), str(seconds), *more],
                stdout=subprocess.PIPE, encoding="utf-8", timeout=STOP_S, check=True,
                env=os.environ | KEEPING | {PINNED: "1" if pinned else "0"},
            )  # fmt: skip
    return float(json.loads(done.stdout)["rate"])


def round_trips(rounds: int, seconds: float) -> dict[str, float]:
    """All pairs in turn; each ratio is taken within its round."""
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for tls in (False, True):
            for connections in CONNECTIONS:
                rates = {pair: rate(pair, connections, seconds, tls=tls) for pair in PAIRS}
                tail = f"{'tls_' if tls else ''}{connections}"
                for pair, one in rates.items():
                    taken.setdefault(f"{pair}_{tail}_per_s", []).append(one)
                ratios = {"receiver": rates["receiver"] / rates["echo"],
                          "sender": rates["sender"] / rates["acks"]}  # fmt: skip
                for pair, ratio in ratios.items():
                    taken.setdefault(f"{pair}_{tail}_of_bare", []).append(ratio)
    return {name: statistics.median(values) for name, values in taken.items()}


# -- memory ----------------------------------------------------------------------------------------


def resident_mib(process: int) -> float:
    """What a process holds in memory, MiB."""
    for line in Path(f"/proc/{process}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the system does not say how much memory a process holds")


def _answered(line: socket.socket, count: int) -> None:
    """Read until so many frames have come."""
    seen, last = 0, b""
    while seen < count:
        data = line.recv(READ_BYTES)
        if not data:
            raise SystemExit("the receiver closed the connection")
        seen += (last + data).count(END)
        last = data[-1:]
    if seen > count:
        raise SystemExit(f"{seen} answers to {count} messages")


def idle() -> dict[str, float]:
    """Connections that have sent one message and stand still; each one answers again at the end."""
    with tempfile.TemporaryDirectory() as name, serving("ours", Path(name)) as (port, process):
        empty = resident_mib(process)
        lines = [socket.create_connection((HOST, port), STOP_S) for _ in range(IDLE)]
        for _ in range(2):
            for line in lines:
                line.sendall(SB + message() + END)
                _answered(line, 1)
            held = resident_mib(process)
        for line in lines:
            line.close()
    return {"idle_connections": IDLE, "idle_mib": held, "idle_empty_mib": empty}


def many() -> dict[str, float]:
    """The memory of our receiver after a tenth of the messages, and after all of them."""
    sizes: list[float] = []
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, serving("ours", Path(name)) as (port, process):
        with socket.create_connection((HOST, port), STOP_S) as line:
            for first in range(0, MESSAGES, TOGETHER):
                group = range(first, min(first + TOGETHER, MESSAGES))
                line.sendall(
                    b"".join(SB + _SMALL.format(number=one).encode() + END for one in group)
                )
                _answered(line, len(group))
                if first >= MESSAGES * SETTLED * (len(sizes) + 1):
                    sizes.append(resident_mib(process))
        sizes.append(resident_mib(process))
    return {
        "messages": MESSAGES,
        "messages_s": time.perf_counter() - begin,
        "memory_mib": max(sizes),
        "memory_growth": max(sizes) / sizes[0],
    }


# -- what takes processor time ---------------------------------------------------------------------


def _bare_s(frame: bytes) -> float:
    """The least: the same reads put together, the value cut out and decoded."""
    begin = time.process_time()
    buffer = bytearray()
    for at in range(0, len(frame), READ_BYTES):
        buffer += frame[at : at + READ_BYTES]
    value = bytes(buffer).partition(b"Base64^")[2].partition(b"|")[0].decode("utf-8")
    taken = time.process_time() - begin
    assert value
    return taken


def _large_s(size: int) -> float:
    """A report of ``size`` bytes through the core, answered, and its value read."""
    frame = SB + report_of(size) + END
    begin = time.process_time()
    core = MllpCore()
    for at in range(0, len(frame), READ_BYTES):
        core.receive(frame[at : at + READ_BYTES], 0.0)
    (event,) = core.events()
    assert isinstance(event, Message)
    acknowledge(event.payload, "AA", control_id=header(event.payload).control_id, time="2026")
    value = Hl7Message.parse(event.payload).get("OBX-5.5")
    taken = time.process_time() - begin
    assert value is not None
    assert len(value) == size
    return taken


def large(rounds: int) -> dict[str, float]:
    """Whether four times the bytes take four times as long, beside a bare pass over them.

    The machine itself is slower for what does not fit into its caches; the bare pass shows by how
    much. What grew with the square of the size would be four times as slow for each byte.
    """
    sizes = [5 * 1024 * 1024, 20 * 1024 * 1024]
    growth, taken = [], []
    for _ in range(rounds):
        ours = [_large_s(size) for size in sizes]
        bare = [_bare_s(SB + report_of(size) + END) for size in sizes]
        growth.append((ours[1] / bare[1]) / (ours[0] / bare[0]))
        taken.append(ours[1])
    return {"large_s": statistics.median(taken), "large_growth": statistics.median(growth)}


def fingerprint() -> dict[str, float]:
    """Made, searched in what a system sends on, and compared with the map of before, s."""
    begin = time.process_time()
    payload, sheet = make(Request(type="ORU^R01", repeats={"OBX": 20}))
    before = search(sheet, of_message("out", payload))
    after = search(sheet, of_message("out", payload))
    changes = compare(before, after)
    taken = time.process_time() - begin
    assert before.landings
    assert not changes
    return {"fingerprint_s": taken, "fingerprint_leaves": len(sheet.tokens)}


def dialect() -> dict[str, float]:
    """``medharness dialect learn`` from a recorded stream, s."""
    with tempfile.TemporaryDirectory() as name:
        stream, out = Path(name) / "traffic.hl7", Path(name) / "profile.toml"
        with stream.open("wb") as file:
            for number in range(LEARNED):
                file.write(SB + message(f"M{number:08d}") + END)
        begin = time.perf_counter()
        with redirect_stdout(StringIO()):
            run_learn([str(stream)], str(out))
        taken = time.perf_counter() - begin
        assert out.stat().st_size
    return {"learned": LEARNED, "learn_s": taken}


def measure(rounds: int, seconds: float) -> dict[str, float]:
    """Everything."""
    return {
        **round_trips(rounds, seconds), **idle(), **many(), **large(rounds), **fingerprint(),
        **dialect(),
    }  # fmt: skip


if __name__ == "__main__":
    parts = {"trips": lambda: round_trips(int(sys.argv[2]), float(sys.argv[3])), "idle": idle,
             "many": many, "large": lambda: large(5), "fingerprint": fingerprint,
             "dialect": dialect}  # fmt: skip
    print(json.dumps(parts[sys.argv[1]](), indent=1))
