"""One wire over a pair of connected sockets."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator

import pytest

from harness.link.tcp import CLOSE, KEEP_ALIVE_S, Wire, connect, listen, reason_of


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    """Our end and the peer's."""
    with listen("127.0.0.1", 0) as listener:
        ours = connect("127.0.0.1", listener.getsockname()[1])
        peer, _ = listener.accept()
    started: list[Callable[[], None]] = []
    with ours, peer:
        yield Wire(ours, started.append), peer


def test_bytes_leave_in_the_order_in_which_they_were_put(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    for piece in (b"a", b"b", b"c"):
        wire.put(piece)
    wire.end(CLOSE)
    wire.flush()
    wire.flush()
    peer.settimeout(5)

    assert peer.recv(10) == b"abc"
    assert peer.recv(10) == b""


def test_what_may_leave_at_once_does_so_behind_what_waits(
    pair: tuple[Wire, socket.socket],
) -> None:
    wire, peer = pair
    peer.settimeout(5)
    assert wire.send_at_once(b"a")
    assert peer.recv(10) == b"a"
    wire.put(b"b")
    assert not wire.send_at_once(b"c")
    wire.end(CLOSE)
    assert not wire.send_at_once(b"d")
    wire.flush()

    assert peer.recv(10) == b"bcd"
    assert peer.recv(10) == b""


def test_a_broken_wire_takes_nothing_more(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    wire.put(b"queued")
    wire.give_up("the cable")
    wire.give_up("later")
    wire.put(b"more")
    wire.flush()
    peer.settimeout(5)

    assert peer.recv(10) == b""
    assert wire.broken == "the cable"
    assert wire.read_all(lambda data: None) == "the cable"


def test_a_peer_that_is_gone_breaks_the_wire(pair: tuple[Wire, socket.socket]) -> None:
    wire, peer = pair
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    wire.sock.shutdown(socket.SHUT_WR)
    wire.put(b"x")
    wire.flush()

    assert wire.broken == "reset"  # EPIPE


def test_a_socket_that_was_closed_meanwhile(pair: tuple[Wire, socket.socket]) -> None:
    wire, _ = pair
    wire.sock.close()

    assert wire._ready(1, 5.0)  # at once: the call that follows says what is wrong


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionResetError(errno.ECONNRESET, "x"), "reset"),
        (ConnectionAbortedError(errno.ECONNABORTED, "x"), "reset"),
        (BrokenPipeError(errno.EPIPE, "x"), "reset"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refused"),
        (OSError("no route"), "no route"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_reasons_are_the_same_words_on_every_system(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason


def test_listening_on_ipv6_where_there_is_one() -> None:
    try:
        listener = listen("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with listener, connect("::1", listener.getsockname()[1]) as sock:
        assert sock.family == socket.AF_INET6


def test_silent_connections_are_looked_after_at_both_ends() -> None:
    listener = listen("127.0.0.1", 0)
    ours = connect(*listener.getsockname())
    theirs, _ = listener.accept()
    for sock in (ours, theirs):
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            kept = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            assert kept == KEEP_ALIVE_S
    for sock in (ours, theirs, listener):
        sock.close()
