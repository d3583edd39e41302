"""What a watcher gathers is written before anything that it led to leaves."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path

from harness.clock import RealClock
from harness.evidence.capture import Capture, expand
from harness.evidence.trace import read
from harness.link import actor as act
from harness.link.host import Host
from harness.link.tap import Connection
from harness.link.threads import Threads
from harness.wire.core import Core, RawCore
from simulators.feed.feed import Feed
from tests.harness.link.parties import oru


def named(link: str, conn: str, client: bool) -> Connection:
    return Connection(id=conn, link=link, interface="", local="HIS", peer="LIS", client=client)


@dataclass
class Silent:
    role: str = "LIS"

    def open_core(self, link: str, *, client: bool) -> Core:
        return RawCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        return []


def frame(payload: bytes) -> bytes:
    return b"\x0b" + payload + b"\x1c\r"


def test_when_an_answer_is_here_both_messages_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    recorder = Capture(path, RealClock())
    runtime = Threads(settle=recorder.settle)
    feed = Feed(role="HIS", clock=runtime.clock)
    member = runtime.add("HIS", Host(feed, runtime.clock, named, watcher=recorder))
    address = member.listen("oru")
    with socket.create_connection((address.host, address.port), 5) as peer:
        for number in range(3):
            peer.sendall(frame(oru(number, "S1")))
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += peer.recv(4096)

            # the file as a kill at this moment would leave it
            assert expand(path, tmp_path / "t.jsonl") != "", "it is not closed yet"
            kinds = [one["kind"] for one in read(tmp_path / "t.jsonl").records]
            assert kinds.count("message") == 2 * (number + 1)
            assert b"MSA|AA|" in answer
    assert runtime.stop() == []
    assert runtime.errors == []
    recorder.close()


def test_what_leads_to_no_answer_is_in_the_file_once_its_reader_sleeps(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    recorder = Capture(path, RealClock())
    runtime = Threads(settle=recorder.settle)
    member = runtime.add("LIS", Host(Silent(), runtime.clock, named, watcher=recorder))
    address = member.listen("lab")

    def kinds() -> list[str]:
        """Of the file as a kill at this moment would leave it."""
        expand(path, tmp_path / "t.jsonl")
        return [one["kind"] for one in read(tmp_path / "t.jsonl").records]

    deadline = time.monotonic() + 30
    with socket.create_connection((address.host, address.port), 5) as peer:
        while "link" not in kinds():
            assert time.monotonic() < deadline, "that it connected is not written"
        peer.sendall(b"never answered")
        while "bytes" not in kinds():
            assert time.monotonic() < deadline, "what it said is not written"
    while kinds().count("link") < 2:
        assert time.monotonic() < deadline, "that it left is not written"
    assert runtime.stop() == []
    assert runtime.errors == []
    recorder.close()


def test_nothing_leaves_where_it_cannot_be_written() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    runtime = Threads()
    feed = Feed(role="HIS", clock=runtime.clock)
    member = runtime.add("HIS", Host(feed, runtime.clock, named))
    address = member.listen("oru")
    with socket.create_connection((address.host, address.port), 5) as peer:
        assert runtime.wait(lambda: len(member.wires) == 1, runtime.clock.now() + 5)
        runtime.settle = full  # from here on nothing can be written
        peer.sendall(frame(oru(1, "S1")))
        assert runtime.wait(lambda: bool(runtime.errors), runtime.clock.now() + 5)
        assert peer.recv(4096) == b"", "the connection is given up, and no answer leaves"
    assert runtime.stop() == []
    assert {type(error) for error in runtime.errors} == {OSError}
