"""What a watcher gathers is written before anything that it led to leaves."""

from __future__ import annotations

import socket
from pathlib import Path

from harness.clock import RealClock
from harness.evidence.capture import Capture, expand
from harness.evidence.trace import read
from harness.link.host import Host
from harness.link.tap import Connection
from harness.link.threads import Threads
from simulators.feed.feed import Feed
from tests.harness.link.parties import oru


def named(link: str, conn: str, client: bool) -> Connection:
    return Connection(id=conn, link=link, interface="", local="HIS", peer="LIS", client=client)


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
