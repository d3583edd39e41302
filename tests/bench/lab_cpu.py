"""Where the time of one frame goes: processor time of both ends in one thread, without any wait.

Ours and the bare responder take the same frames over the same kind of loopback connection; what
the sender alone costs is taken off both. The core and the journal are parts of ours.
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from harness.clock import RealClock
from harness.evidence.capture import Capture
from harness.link import actor as act
from harness.link import readers
from harness.link.host import Host
from harness.link.shortcut import shortcut
from harness.link.tap import Connection
from harness.link.threads import Threads
from harness.wire.core import Core
from simulators.shell import plain

ENQ, ACK, EOT = b"\x05", b"\x06", b"\x04"
LINK: Final = "analyzer-lis"
MESSAGES: Final = 300
TRIES: Final = 7
"""The least of these counts: what disturbs a measurement only ever adds."""


def measure(frames: Sequence[bytes], actor: Callable[[], act.Actor]) -> dict[str, float]:
    """Microseconds a frame, ENQ counted as one."""
    bytes_of = [ENQ, *frames]
    trips = MESSAGES * len(bytes_of)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            "bare_frame_us": _least(lambda: _bare(bytes_of)) - _least(lambda: _sender(bytes_of)),
            "receiver_frame_us": _least(lambda: _ours(bytes_of, actor(), folder))
            - _least(lambda: _sender(bytes_of)),
            "core_frame_us": _least(lambda: _core(bytes_of, actor().open_core(LINK, client=False))),
            "journal_frame_us": _least(lambda: _journal(bytes_of, folder)),
        }
    return {name: seconds / trips * 1e6 for name, seconds in found.items()}


def _least(run: Callable[[], float]) -> float:
    return min(run() for _ in range(TRIES))


def _pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    for one in (near, far):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


def _sender(pieces: Sequence[bytes]) -> float:
    """What the sender costs: it sends, and takes one byte that is there already."""
    near, far = _pair()
    with near, far:
        far.sendall(ACK * MESSAGES * len(pieces))
        begin = time.process_time()
        for _ in range(MESSAGES):
            for piece in pieces:
                near.sendall(piece)
                near.recv(1)
            near.sendall(EOT)
        taken = time.process_time() - begin
        near.shutdown(socket.SHUT_WR)
        while far.recv(65_536):
            pass
    return taken


def _bare(pieces: Sequence[bytes]) -> float:
    near, far = _pair()
    with near, far:
        begin = time.process_time()
        for _ in range(MESSAGES):
            for piece in pieces:
                near.sendall(piece)
                far.recv(65_536)
                far.sendall(ACK)
                near.recv(16)
            near.sendall(EOT)
            far.recv(65_536)
        return time.process_time() - begin


@contextmanager
def _one_read_each() -> Iterator[None]:
    """A reader takes one read and does not wait for the next one, or for others."""
    with (
        patch.object(readers, "ALONE_MAX", 1),
        patch.object(readers.Readers, "_still_alone", lambda _, wire: True),
        patch.object(readers, "_let_others_run", lambda: None),
    ):
        yield


def _ours(pieces: Sequence[bytes], actor: act.Actor, folder: Path) -> float:
    """Our receiver, turned by hand in this thread."""
    near, far = _pair()
    capture = Capture(folder / "whole", RealClock())
    runtime = Threads(settle=capture.settle)
    host = Host(actor, runtime.clock, plain, watcher=capture)
    member = runtime.add(actor.role, host)
    wire = member._wire(far)
    member.wires["1"] = wire
    host.opened(LINK, "1", client=False)
    reader = readers.Readers(member._taken, member._ended)
    reader._thread = threading.get_ident()
    reader.add("1", wire, shortcut(member, "1", wire))
    reader._else(None)
    alone = reader._alone
    assert alone is not None
    try:
        with near, _one_read_each():
            begin = time.process_time()
            for _ in range(MESSAGES):
                for piece in pieces:
                    near.sendall(piece)
                    reader._read_alone(*alone)
                    if near.recv(16) != ACK:
                        raise SystemExit("not acknowledged")
                near.sendall(EOT)
                reader._read_alone(*alone)
            taken = time.process_time() - begin
        reader.stop()
        reader.run()
    finally:
        left = runtime.stop()
        capture.close()
    if left or runtime.errors:
        raise SystemExit(f"did not end in order: {left} {runtime.errors}")
    return taken


def _core(pieces: Sequence[bytes], core: Any) -> float:
    """The protocol alone, as a host asks it."""
    plain_core: Core = core
    begin = time.process_time()
    for _ in range(MESSAGES):
        for piece in (*pieces, EOT):
            answer = core.answer_at_once(piece, 1.0)
            if answer is None:
                plain_core.receive(piece, 1.0)
            if not answer:
                plain_core.events()
                plain_core.data_to_send()
                plain_core.next_deadline()
    return time.process_time() - begin


def _journal(pieces: Sequence[bytes], folder: Path) -> float:
    """Each frame and its ACK, written before the ACK would leave."""
    capture = Capture(folder / "journal", RealClock())
    about = Connection(id="1", link=LINK, interface="", local="", peer="", client=False)
    begin = time.process_time()
    for _ in range(MESSAGES):
        for piece in pieces:
            capture.data(about, piece, sent=False)
            capture.data(about, ACK, sent=True)
            capture.settle()
        capture.data(about, EOT, sent=False)
        capture.settle()
    taken = time.process_time() - begin
    capture.close()
    return taken
