"""One thread reads many connections: order, ends, floods and limits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from harness.clock import RealClock
from harness.link import readers as module
from harness.link.bell import Bell
from harness.link.readers import (
    ALONE_MAX,
    READS_MAX,
    RETURNS_MAX,
    Listening,
    Readers,
    Reads,
)
from harness.link.tcp import CLOSE, RESET, Wire

LIMIT_S = 60.0


@dataclass
class Rig:
    """Connections read by one reader, and what it told."""

    turns: list[Reads] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    wires: dict[str, Wire] = field(default_factory=dict)
    peers: dict[str, socket.socket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = RealClock()
        self.bell = Bell(self.clock, [])
        self.readers = Readers(self._taken, self._ended)
        self.thread = threading.Thread(target=self.readers.run)

    def _taken(self, reads: Reads) -> None:
        self.turns.append(list(reads))
        self.bell.tell()

    def _ended(self, conn: str, wire: Wire, reason: str) -> None:
        assert wire.sock.fileno() == -1
        self.ends[conn] = reason
        self.bell.tell()

    def connect(self, conn: str) -> socket.socket:
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = socket.create_connection(server.getsockname(), LIMIT_S)
            sock, _ = server.accept()
        self.wires[conn] = Wire(sock, lambda rest: None)
        self.peers[conn] = peer
        self.readers.add(conn, self.wires[conn])
        return peer

    def came(self, conn: str) -> bytes:
        return b"".join(data for turn in self.turns for one, data in turn if one == conn)

    def wait(self, satisfied) -> None:
        assert self.bell.wait(satisfied, self.clock.now() + LIMIT_S)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    rig.thread.start()
    yield rig
    for peer in rig.peers.values():
        peer.close()
    rig.readers.stop()
    rig.thread.join(LIMIT_S)
    assert not rig.thread.is_alive()
    assert set(rig.ends) == set(rig.wires)


def test_what_came_before_the_end_is_told_before_it(rig: Rig) -> None:
    peer = rig.connect("a")
    peer.sendall(b"last words")
    peer.close()

    rig.wait(lambda: "a" in rig.ends)

    assert rig.came("a") == b"last words"
    assert rig.ends["a"] == ""


def test_many_connections_keep_their_bytes_apart(rig: Rig) -> None:
    peers = {f"c{number}": rig.connect(f"c{number}") for number in range(2 * READS_MAX)}

    for piece in range(3):
        for conn, peer in peers.items():
            peer.sendall(f"{conn}:{piece};".encode())

    rig.wait(lambda: all(rig.came(conn).count(b";") == 3 for conn in peers))
    for conn in peers:
        assert rig.came(conn) == "".join(f"{conn}:{piece};" for piece in range(3)).encode()
    assert max(len(turn) for turn in rig.turns) <= READS_MAX


def test_a_flood_on_one_does_not_starve_another(rig: Rig) -> None:
    loud, quiet = rig.connect("loud"), rig.connect("quiet")
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            loud.sendall(b"x" * 65536)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        quiet.sendall(b"hello")
        rig.wait(lambda: rig.came("quiet") == b"hello")
    finally:
        stop.set()
        thread.join(LIMIT_S)


@pytest.mark.parametrize("how", [RESET, CLOSE])
def test_a_connection_that_we_end_is_let_go_although_the_peer_keeps_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.05)
    monkeypatch.setattr("harness.link.tcp.LINGER_S", 0.05)
    rig.connect("other")
    rig.readers._ring()  # look again with the short patience
    peer = rig.connect("a")
    peer.sendall(b"1")
    rig.wait(lambda: rig.came("a") == b"1")

    rig.wires["a"].end(how)
    rig.wires["a"].flush()
    if how == CLOSE:
        assert peer.recv(10) == b""  # our FIN; we keep our side open on purpose
        peer.sendall(b"too late")
    rig.wait(lambda: "a" in rig.ends)

    assert rig.came("a") == b"1"
    assert "other" not in rig.ends


def test_giving_up_wakes_the_reader(rig: Rig) -> None:
    rig.connect("a")

    rig.wires["a"].give_up("stopped")

    rig.wait(lambda: "a" in rig.ends)
    assert rig.ends["a"] == "stopped"


def test_a_wire_closed_before_it_is_read_ends(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        rig.peers["a"] = socket.create_connection(server.getsockname(), LIMIT_S)
        sock, _ = server.accept()
    rig.wires["a"] = Wire(sock, lambda rest: None)
    sock.close()

    rig.readers.add("a", rig.wires["a"])

    rig.wait(lambda: "a" in rig.ends)


# -- one that speaks alone, and one that connects ------------------------------------------------


def test_one_that_speaks_alone_loses_nothing_and_another_is_still_heard(rig: Rig) -> None:
    loud, quiet = rig.connect("loud"), rig.connect("quiet")
    for number in range(3 * ALONE_MAX):
        loud.sendall(b"%d;" % number)
        rig.wait(lambda wanted=number: rig.came("loud").endswith(b"%d;" % wanted))
        if number == ALONE_MAX:
            quiet.sendall(b"hello")
    rig.wait(lambda: rig.came("quiet") == b"hello")
    loud.close()
    rig.wait(lambda: "loud" in rig.ends)

    assert rig.came("loud") == b"".join(b"%d;" % number for number in range(3 * ALONE_MAX))


def test_one_that_never_falls_silent_does_not_keep_another_that_we_ended(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.05)
    monkeypatch.setattr("harness.link.tcp.LINGER_S", 0.05)
    loud = rig.connect("loud")
    rig.connect("ended")
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            loud.sendall(b"x" * 4096)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        rig.wait(lambda: rig.came("loud") != b"")
        rig.wires["ended"].end(CLOSE)
        rig.wires["ended"].flush()
        rig.wait(lambda: "ended" in rig.ends)  # its peer is still there
    finally:
        stop.set()
        thread.join(LIMIT_S)


def test_one_that_is_let_go_while_it_speaks_alone_ends_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.0)
    monkeypatch.setattr("harness.link.tcp.LINGER_S", 0.0)
    peer = rig.connect("a")
    peer.sendall(b"1")
    rig.wait(lambda: rig.came("a") == b"1")
    rig.wires["a"].end(CLOSE)
    rig.wires["a"].flush()
    peer.sendall(b"2")
    rig.wait(lambda: "a" in rig.ends)

    assert rig.came("a") == b"1"


@dataclass
class Door:
    """A listener that a reader hears, and what came of it."""

    rig: Rig
    broken: list[OSError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.where = self.sock.getsockname()
        self.rig.readers.listen(Listening(self.sock, self._accepted, self._broken))

    def _accepted(self, sock: socket.socket) -> None:
        conn = f"in{len(self.rig.wires)}"
        self.rig.wires[conn] = Wire(sock, lambda rest: None)
        self.rig.readers.add(conn, self.rig.wires[conn])

    def _broken(self, error: OSError) -> None:
        self.broken.append(error)
        self.rig.bell.tell()


@pytest.mark.skipif(not module.ACCEPTS, reason="this system needs a thread to accept")
def test_who_connects_is_read_by_the_thread_that_accepted(rig: Rig) -> None:
    door = Door(rig)
    for number in range(5):
        with socket.create_connection(door.where, LIMIT_S) as peer:
            peer.sendall(b"hello")
            rig.wait(lambda conn=f"in{number}": rig.came(conn) == b"hello")
        rig.wait(lambda conn=f"in{number}": conn in rig.ends)
    assert rig.readers.count == 0
    door.sock.shutdown(socket.SHUT_RDWR)
    rig.wait(lambda: door.broken)
    door.sock.close()


@pytest.mark.skipif(not module.ACCEPTS, reason="this system needs a thread to accept")
def test_many_who_connect_at_once_are_all_read(rig: Rig) -> None:
    door = Door(rig)
    peers = [socket.create_connection(door.where, LIMIT_S) for _ in range(30)]
    for number, peer in enumerate(peers):
        peer.sendall(b"%d" % number)
    rig.wait(lambda: len(rig.turns) >= 1 and sum(len(turn) for turn in rig.turns) == 30)
    assert sorted(int(data) for turn in rig.turns for _, data in turn) == list(range(30))
    for peer in peers:
        peer.close()
    rig.wait(lambda: len(rig.ends) == 30)
    door.sock.close()  # by another thread, while the reader sleeps


@pytest.mark.skipif(not module.ACCEPTS, reason="this system needs a thread to accept")
def test_many_who_come_and_go_do_not_keep_another_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.01)
    rig = Rig()  # turned by hand
    rig.readers._thread = threading.get_ident()
    door = Door(rig)
    quiet = rig.connect("quiet")
    for _ in range(3):  # the bell; the one connection, read alone; and it falls silent
        rig.readers._turn()
    for _ in range(4 * RETURNS_MAX):
        with socket.create_connection(door.where, LIMIT_S) as peer:
            peer.sendall(b"hello")
    rig.readers._turn()  # the first of them is met, before the other one speaks
    quiet.sendall(b"me")
    while not rig.came("quiet"):
        rig.readers._turn()
        assert len(rig.ends) <= 2 * RETURNS_MAX
    quiet.close()
    while len(rig.ends) <= 4 * RETURNS_MAX:
        rig.readers._turn()
    assert rig.came("in1") == b"hello"
    door.sock.close()
    rig.readers.stop()
    rig.readers.run()


def test_a_listener_with_a_thread_of_its_own() -> None:
    got: list[socket.socket] = []
    broken: list[OSError] = []
    sock = socket.create_server(("127.0.0.1", 0))
    sock.settimeout(0.01)
    listening = Listening(sock, got.append, broken.append)
    thread = threading.Thread(target=lambda: listening.run(lambda: len(got) < 2))
    thread.start()
    peers = [socket.create_connection(sock.getsockname(), LIMIT_S) for _ in range(2)]
    thread.join(LIMIT_S)

    assert not thread.is_alive()
    assert len(got) == 2
    assert not broken
    assert sock.fileno() == -1
    for one in (*got, *peers):
        one.close()


@pytest.mark.skipif(not module.ACCEPTS, reason="this system needs a thread to accept")
@pytest.mark.parametrize("gathers", [False, True])
def test_who_connects_while_others_are_served_does_not_wait_for_a_turn_each(
    *, gathers: bool
) -> None:
    rig = Rig()  # turned by hand
    rig.readers._thread, rig.readers.gathers = threading.get_ident(), gathers
    door = Door(rig)
    busy = [rig.connect(f"busy{number}") for number in range(2)]
    rig.readers._turn()  # the bell
    peers = [socket.create_connection(door.where, LIMIT_S) for _ in range(30)]
    for peer in peers:
        peer.sendall(b"hello")
    turns = 0
    while sum(rig.came(f"in{number + 2}") == b"hello" for number in range(30)) < 30:
        for peer in busy:
            peer.sendall(b"me")
        rig.readers._turn()
        turns += 1
        assert turns <= 10
    for peer in peers:
        peer.close()
    for peer in busy:
        peer.close()
    while len(rig.ends) < 32:
        rig.readers._turn()
    door.sock.close()
    rig.readers.stop()
    rig.readers.run()
