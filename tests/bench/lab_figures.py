"""A message of ten results over LIS01-A2: ours beside a bare blocking responder and open peers.

Receivers get the same bare sender: ENQ, frame by frame, EOT, and the next frame only after the
answer to the one before. Senders get the same bare responder. ``persistent`` keeps one connection;
``anew`` connects for each message, as the client of PyPI ``astm`` always does. Each receiver is a
process of its own; ours keeps its journal. ``python lab_figures.py serve KIND`` is such a receiver.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lab_cpu

from harness.clock import RealClock
from harness.evidence.capture import Capture
from harness.link import actor as act
from harness.link.address import Address
from harness.link.host import Host
from harness.link.threads import Threads
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, CutPolicy
from harness.wire.core import Core
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.shell import plain

HERE: Final = Path(__file__).parent
PROGRAMS: Final = HERE.parent / "peers" / "programs"
SITE: Final = HERE.parent / "peers" / "python" / "build"

ENQ, ACK, EOT = b"\x05", b"\x06", b"\x04"
HOST: Final = "127.0.0.1"
TIMEOUT_S: Final = 10.0
WARM_UP_S: Final = 0.3
STOP_S: Final = 20.0
LOOKS_S: Final = 0.0002
"""A sender looks for so long: two or three times what a receiver takes for a frame."""

PEERS: Final = {"astm": "astm_server.py", "labmcp-astm-lis": "labmcp_server.py"}
"""Open receivers; measured where they are installed."""


def records() -> list[bytes]:
    """Ten results of one specimen, typed from LIS02-A2."""
    lines = ["H|\\^&|1||SIM^1|||||||P|LIS2-A|20260105080000", "P|1",
             "O|1|B2601050001||^^^CBC|R|20260105080000"]  # fmt: skip
    lines += [f"R|{number}|^^^T{number:02d}|5.{number:02d}|g/L||N||F" for number in range(1, 11)]
    return [f"{line}\r".encode("ascii") for line in [*lines, "L|1|N"]]


POLICIES: Final = ("records", "cut", "whole")
"""One record a frame, the text cut at 240 characters wherever records end, all in one frame."""


def frames(policy: str = "records") -> list[bytes]:
    """The message as frames (LIS01-A2 §8.3.1): computed here, with no code of ours."""
    texts = records()
    if policy != "records":
        whole, size = b"".join(texts), 240 if policy == "cut" else 63_993
        texts = [whole[at : at + size] for at in range(0, len(whole), size)]
    found = []
    for number, text in enumerate(texts, 1):
        end = b"\x03" if policy == "records" or number == len(texts) else b"\x17"
        body = b"%d%b%b" % (number % 8, text, end)
        found.append(b"\x02%b%02X\r\n" % (body, sum(body) & 0xFF))
    return found


HOST_SIDE: Final = AstmLinkConfig(side="host", parts_reported=False)
"""An owner who takes whole messages."""


# -- receivers -------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """Takes every message; the core acknowledges."""

    role: str = "LIS"

    def open_core(self, link: str, *, client: bool) -> Core:
        """The host's side of LIS01-A2."""
        return AstmLinkCore(HOST_SIDE)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Everything is in the journal already."""
        return []


def serve_ours() -> None:
    """Our receiver over threads, with its journal on."""
    with tempfile.TemporaryDirectory() as folder:
        capture = Capture(Path(folder, "trace.jsonl"), RealClock())
        runtime = Threads(settle=capture.settle)
        host = Host(Receiver(), runtime.clock, plain, watcher=capture)
        address = runtime.add("LIS", host).listen(LINK, Address(host=HOST, port=0))
        print(f"ready {address.port}", flush=True)
        sys.stdin.read()
        left = runtime.stop()
        capture.close()
        if left or runtime.errors:
            raise SystemExit(f"did not end in order: {left} {runtime.errors}")


def serve_bare() -> None:
    """The least: one thread, one connection at a time, an ACK for whatever comes but EOT."""
    listener = socket.create_server((HOST, 0))
    print(f"ready {listener.getsockname()[1]}", flush=True)
    threading.Thread(target=_answer, args=(listener,), daemon=True).start()
    sys.stdin.read()


def _answer(listener: socket.socket) -> None:
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock:
            while data := sock.recv(65_536):
                if data != EOT:
                    sock.sendall(ACK)


@contextmanager
def receiver(kind: str) -> Iterator[int]:
    """A receiver in a process of its own; gives its port."""
    own = [sys.executable, str(HERE / "lab_figures.py"), "serve", kind]
    argv = own
    if kind in PEERS:
        argv = [sys.executable, "-W", "ignore", str(PROGRAMS / PEERS[kind]), "utf-8"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[1])
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        try:
            yield port
        finally:
            process.stdin.close()
            process.wait(STOP_S)
            drain.join(STOP_S)


# -- the sender ------------------------------------------------------------------------------------


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection((HOST, port), TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


def _answer_of(sock: socket.socket) -> bytes:
    """What comes next. It looks for a while before it sleeps: its waking is no part of a receiver.

    Where both processors are busy it must sleep, or it takes the receiver's own from it.
    """
    until = time.perf_counter() + LOOKS_S
    while time.perf_counter() < until:
        try:
            return sock.recv(16)
        except BlockingIOError:
            pass
    if not select.select([sock], [], [], TIMEOUT_S)[0]:
        raise SystemExit("no answer")
    return sock.recv(16)


def _bring(sock: socket.socket, message: list[bytes]) -> None:
    """One message, fully acknowledged."""
    for piece in (ENQ, *message):
        sock.sendall(piece)
        answer = _answer_of(sock)
        if answer != ACK:
            raise SystemExit(f"not acknowledged: {answer!r}")
    sock.sendall(EOT)


def rate(kind: str, seconds: float, *, anew: bool, policy: str = "records") -> float:
    """Messages a second."""
    message = frames(policy)
    with receiver(kind) as port:
        kept = None if anew else _connect(port)

        def bring() -> None:
            sock = kept or _connect(port)
            _bring(sock, message)
            if kept is None:
                sock.close()

        found = _repeated(bring, seconds)
        if kept is not None:
            kept.close()
        return found


def sending_rate(kind: str, seconds: float, *, anew: bool) -> float:
    """Messages a second that a sender brings to the bare responder."""
    with receiver("bare") as port:
        if kind == "ours":
            return _our_analyzer(port, seconds, anew=anew)
        return _astm_client(port, seconds)


def _our_analyzer(port: int, seconds: float, *, anew: bool) -> float:
    """Our analyzer with its journal on."""
    order = {"payload": b"".join(records()).hex()}
    with tempfile.TemporaryDirectory() as folder:
        capture = Capture(Path(folder, "trace.jsonl"), RealClock())
        runtime = Threads(settle=capture.settle)
        config = AstmLinkConfig(side="instrument", cut=CutPolicy.ONE_RECORD_A_FRAME)
        host = Host(Analyzer(link_config=config), runtime.clock, plain, watcher=capture)
        member = runtime.add("analyzer", host)
        member.routes[LINK] = Address(host=HOST, port=port)

        def bring() -> None:
            answer = runtime.command("analyzer", "upload", order, TIMEOUT_S)
            if answer["outcome"] != "ok":
                raise SystemExit(f"our upload: {answer}")
            if anew:
                runtime.command("analyzer", "hang-up", {}, TIMEOUT_S)

        found = _repeated(bring, seconds)
        left = runtime.stop()
        capture.close()
        if left or runtime.errors:
            raise SystemExit(f"did not end in order: {left} {runtime.errors}")
        return found


def _astm_client(port: int, seconds: float) -> float:
    """The client of PyPI ``astm``, as its documentation starts it."""
    fields = [record.decode("ascii").rstrip("\r").split("|") for record in records()]
    argv = [sys.executable, "-W", "ignore", str(PROGRAMS / "astm_client.py")]
    order = {"port": port, "records": fields, "encoding": "utf-8", "chunk": None, "bulk": False}
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        written, said = process.stdin, process.stdout
        said.readline()

        def bring() -> None:
            written.write(json.dumps(order) + "\n")
            written.flush()
            answer = json.loads(said.readline())
            if not all(answer.get("accepted", [False])):
                raise SystemExit(f"the peer: {answer}")

        found = _repeated(bring, seconds)
        written.close()
        process.wait(STOP_S)
        return found


def _repeated(bring: Callable[[], None], seconds: float) -> float:
    """How often a second, after a warm-up."""
    count, begun = 0, time.perf_counter()
    started = begun
    while (now := time.perf_counter()) - begun < WARM_UP_S + seconds:
        if now - begun < WARM_UP_S:
            count, started = 0, now
        bring()
        count += 1
    return count / (time.perf_counter() - started)


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """All kinds in turn, round after round; ratios within a round, medians of the rounds."""
    peers = [name for name in PEERS if list(SITE.glob(f"{name.replace('-', '_')}-*.dist-info"))]
    taken: dict[str, list[float]] = {}

    def note(name: str, value: float) -> float:
        taken.setdefault(name, []).append(value)
        return value

    for _ in range(rounds):
        bare = 0.0
        for policy in reversed(POLICIES):
            kept = {
                kind: note(f"{kind}_{policy}_per_s", rate(kind, seconds, anew=False, policy=policy))
                for kind in ("ours", "bare")
            }
            bare = kept["bare"]
            note(f"{policy}_of_bare", kept["ours"] / bare)
        anew = {
            kind: note(f"{kind}_anew_per_s", rate(kind, seconds, anew=True))
            for kind in ("ours", "bare", *peers)
        }
        note("ours_of_bare_anew", anew["ours"] / anew["bare"])
        for peer in peers:
            note(f"ours_of_{peer}_anew", anew["ours"] / anew[peer])
            note(f"bare_of_{peer}_anew", anew["bare"] / anew[peer])
        sends = {
            anew_: note(
                f"our_sender_{'anew' if anew_ else 'persistent'}_per_s",
                sending_rate("ours", seconds, anew=anew_),
            )
            for anew_ in (False, True)
        }
        note("our_sender_of_bare", sends[False] / bare)
        if "astm" in peers:
            theirs = note("astm_sender_anew_per_s", sending_rate("astm", seconds, anew=True))
            note("our_sender_anew_of_astm", sends[True] / theirs)
    found: dict[str, Any] = {
        name: round(statistics.median(values), 2) for name, values in taken.items()
    }
    parts = lab_cpu.measure(frames(), Receiver)
    found |= {name: round(value, 2) for name, value in parts.items()}
    return found | {"frames": len(frames()), "results": 10, "peers": peers}


def main() -> None:
    """Serve, or measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    if options.words[:1] == ["serve"]:
        {"ours": serve_ours, "bare": serve_bare}[options.words[1]]()
    else:
        print(json.dumps(measure(options.rounds, options.seconds), indent=2))


if __name__ == "__main__":
    main()
