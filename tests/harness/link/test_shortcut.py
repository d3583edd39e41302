"""The shortest way of a read: the journal first, one answer, and nothing that overtakes it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.clock import RealClock
from harness.evidence.capture import Capture, expand
from harness.evidence.trace import read, unpack
from harness.link import actor as act
from harness.link.host import Host
from harness.link.shortcut import NOT_WRITTEN, shortcut
from harness.link.tap import Connection
from harness.link.tcp import Wire
from harness.link.threads import Member, Threads
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, MessageReceived
from harness.wire.core import Core, Message, RawCore

ACK = b"\x06"
TEXTS = [b"H|\\^&\r", b"P|1\r", b"R|1|^^^A|5\r", b"L|1|N\r"]


def frames() -> list[bytes]:
    """A message, typed from LIS01-A2 §8.3.1."""
    bodies = [b"%d%b\x03" % (number, text) for number, text in enumerate(TEXTS, 1)]
    return [b"\x02%b%02X\r\n" % (body, sum(body) & 0xFF) for body in bodies]


@dataclass
class Lis:
    """Takes whole messages; says what it is told to say about each."""

    role: str = "LIS"
    core: Core | None = None
    got: list[act.Received] = field(default_factory=list)
    commands: list[act.Command] = field(default_factory=list)
    error: Exception | None = None

    def open_core(self, link: str, *, client: bool) -> Core:
        return self.core or AstmLinkCore(AstmLinkConfig(side="host", parts_reported=False))

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Received) and isinstance(event.event, MessageReceived):
            self.got.append(event)
            if self.error is not None:
                raise self.error
            return self.commands
        return []


@dataclass
class Rig:
    """A member with one connection, turned by hand."""

    path: Path
    lis: Lis = field(default_factory=Lis)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.capture = Capture(self.path / "capture", RealClock())
        self.runtime = Threads(settle=self.capture.settle)
        host = Host(self.lis, self.runtime.clock, _named, watcher=self.capture, **self.options)
        self.member: Member = self.runtime.add("LIS", host)
        ours, self.peer = socket.socketpair()
        self.peer.settimeout(5)
        self.wire = Wire(ours, lambda rest: None)
        self.member.wires["a"] = self.wire
        host.opened("lab", "a", client=False)
        self.short = shortcut(self.member, "a", self.wire)

    def take(self, data: bytes) -> bytes:
        """One read the short way; what the peer gets."""
        assert self.short is not None
        assert self.short(data)
        self.peer.settimeout(0.0)
        try:
            return self.peer.recv(4096)
        except BlockingIOError:
            return b"nothing"

    def written(self) -> list[tuple[str, bytes]]:
        """Bytes in the journal, as a kill at this moment would leave it."""
        assert expand(self.path / "capture", self.path / "t.jsonl") != ""
        records = read(self.path / "t.jsonl").records
        return [(one["frm"], unpack(one["raw"])) for one in records if one["kind"] == "bytes"]


def _named(link: str, conn: str, client: bool) -> Connection:
    return Connection(id=conn, link=link, interface="", local="LIS", peer="A", client=client)


@contextmanager
def rigged(path: Path, **options: Any) -> Iterator[Rig]:
    lis = Lis(core=options.pop("core", None))
    rig = Rig(path, lis, options)
    try:
        yield rig
    finally:
        rig.peer.close()
        rig.wire.sock.close()
        assert rig.runtime.stop() == []
        rig.capture.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with rigged(tmp_path) as one:
        yield one


def test_what_came_and_what_leaves_is_written_before_it_leaves(rig: Rig) -> None:
    told: list[tuple[str, bytes]] = []
    for data in (b"\x05", *frames()):
        assert rig.take(data) == ACK
        told += [("A", data), ("LIS", ACK)]
        assert rig.written() == told
    assert rig.take(b"\x04") == b"nothing"
    assert rig.written() == told, "nothing leaves that it led to"
    assert rig.member._settled() == ""  # the reader, before it sleeps
    assert rig.written() == [*told, ("A", b"\x04")]
    assert rig.lis.got[0].event == MessageReceived(payload=b"".join(TEXTS))
    assert rig.runtime.errors == []


def test_the_order_is_kept_where_something_waits_already(rig: Rig) -> None:
    with rig.member.lock:
        rig.member.write("a", b"first")  # another thread, which has not come to send it
    assert rig.take(b"\x05") == b"first" + ACK


def test_what_the_actor_says_to_others_leaves_too(rig: Rig) -> None:
    ours, other = socket.socketpair()
    with ours, other:
        rig.lis.core = RawCore()
        rig.member.wires["b"] = Wire(ours, lambda rest: None)
        rig.member.host.opened("lab", "b", client=False)
        rig.lis.commands = [act.Send(conn="b", event=Message(payload=b"to you"))]
        for data in (b"\x05", *frames()):
            assert rig.take(data) == ACK
        other.settimeout(5)
        assert other.recv(100) == b"to you"


def test_a_connection_that_the_actor_closes_gets_its_answer_first(rig: Rig) -> None:
    rig.lis.commands = [act.Close(conn="a")]
    for data in (b"\x05", *frames()):
        assert rig.take(data) == ACK
    assert rig.peer.recv(10) == b"", "and then its end"
    assert rig.short is not None
    assert not rig.short(b"\x04"), "it is over: nothing goes the short way any more"


def test_nothing_leaves_where_it_cannot_be_written(rig: Rig) -> None:
    assert rig.take(b"\x05") == ACK

    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    rig.capture._file, file = Full(), rig.capture._file  # type: ignore[assignment] # what is used
    try:
        assert rig.take(frames()[0]) == b""
    finally:
        rig.capture._file = file
    assert rig.wire.broken == NOT_WRITTEN
    assert {type(error) for error in rig.runtime.errors} == {OSError}


def test_an_error_of_the_actor_is_told_and_the_rest_goes_on(rig: Rig) -> None:
    rig.lis.error = ValueError("odd")
    message = frames()
    for data in (b"\x05", *message[:-1]):
        assert rig.take(data) == ACK
    assert rig.take(message[-1]) == b"nothing", "nobody has taken the message"
    assert rig.runtime.errors == [rig.lis.error]
    rig.runtime.errors.clear()
    assert rig.take(b"\x04").strip(ACK) == b""
    assert rig.take(b"\x05") == ACK


def test_a_peer_that_does_not_read_gets_the_rest_later(rig: Rig) -> None:
    rest: list[Any] = []
    rig.wire.spawn = rest.append
    rig.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    try:
        while True:
            rig.wire.sock.send(b"." * 512)
    except BlockingIOError:
        pass
    assert rig.short is not None
    assert rig.short(b"\x05")
    assert len(rest) == 1
    rig.peer.settimeout(5)
    got = rig.peer.recv(1 << 20)
    rest[0]()
    while not got.endswith(ACK):
        got += rig.peer.recv(1 << 20)
    assert got.strip(b".") == ACK


def test_a_tap_sees_all_of_it(rig: Rig) -> None:
    rig.member.host.tap = object()  # type: ignore[assignment] # it must not even be asked here
    assert rig.short is not None
    assert not rig.short(b"\x05")
    rig.member.host.tap = None
    assert rig.take(b"\x05") == ACK


def test_another_watcher_is_told_as_usual(rig: Rig) -> None:
    seen: list[tuple[bytes, bool]] = []

    class Seen:
        def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
            seen.append((data, sent))

    rig.member.host.watcher = Seen()  # type: ignore[assignment] # only what is used
    assert rig.take(b"\x05") == ACK
    assert seen == [(b"\x05", False), (ACK, True)]


def test_a_broken_connection_has_no_short_way(rig: Rig) -> None:
    rig.wire.give_up("stopped")
    assert rig.short is not None
    assert not rig.short(b"\x05")


def test_a_core_that_does_not_answer_at_once_has_none(tmp_path: Path) -> None:
    with rigged(tmp_path, core=RawCore()) as rig:
        assert rig.short is None


def test_a_store_that_groups_has_none(tmp_path: Path) -> None:
    with rigged(tmp_path, grouping=object()) as rig:
        assert rig.short is None
