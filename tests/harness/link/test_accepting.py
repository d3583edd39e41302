"""A listener outlives a caller that left, and a system without room; a closed one ends."""

from __future__ import annotations

import errno
import socket
import threading
from typing import Any

import pytest

from harness import limits
from harness.errors import HarnessError
from harness.link import accepting, tcp
from harness.link.address import Address
from harness.link.passing import Passage
from harness.link.readers import Listening
from harness.link.threads import Threads
from tests.harness.link.test_threads import dial, echo, host

SCARCE = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]
PASSING = ["ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM", *SCARCE]


class Door:
    """A listening socket whose ``accept`` fails first, gives one caller, and is closed then."""

    def __init__(self, *errors: OSError) -> None:
        self.caller, self.peer = socket.socketpair()
        self.given: list[Any] = [*errors, (self.caller, ("127.0.0.1", 1)),
                                 OSError(errno.EBADF, "closed")]  # fmt: skip

    def accept(self) -> Any:
        one = self.given.pop(0)
        if isinstance(one, OSError):
            raise one
        return one

    def close(self) -> None:
        self.caller.close()
        self.peer.close()


def _error(name: str) -> OSError:
    return OSError(getattr(errno, name), name)


@pytest.mark.parametrize("name", PASSING)
def test_a_listener_takes_the_next_caller(name: str) -> None:
    door = Door(_error(name), _error(name))
    got: list[socket.socket] = []
    broken: list[OSError] = []
    listening = Listening(door, got.append, broken.append)  # type: ignore[arg-type]  # as a socket
    listening.run(lambda: True)

    assert got == [door.caller]
    assert [one.errno for one in broken][-1] == errno.EBADF
    assert len(broken) == 1 + (name in SCARCE), "what is short is told once"


@pytest.mark.parametrize("name", PASSING)
def test_a_recording_goes_on_with_the_next_caller(name: str, monkeypatch) -> None:
    door = Door(_error(name), _error(name))
    started: list[str] = []
    monkeypatch.setattr(Passage, "_start", lambda self, target, what: started.append(what))
    passage = Passage("p", Address(host="127.0.0.1", port=1), None, lambda host, port: None)  # type: ignore[arg-type]  # nothing passes
    passage._listener = door  # type: ignore[assignment]  # as a socket
    passage._accept()
    door.close()

    assert started == ["opens"]


def test_a_listener_that_breaks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Threads()
    member = runtime.add("E", host(echo(), runtime.clock))

    class Broken(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(tcp, "listen", lambda *where: Broken())
    member.listen("lab")

    with pytest.raises(HarnessError, match=r"E cannot accept lab: .*Bad file descriptor"):
        runtime.wait(lambda: False, runtime.clock.now() + 5)
    assert runtime.stop() == []


def test_a_machine_without_room_is_an_error_once_and_callers_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = Threads()
    member = runtime.add("E", host(echo(), runtime.clock))
    left = [5]

    class Short(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            if left[0]:
                left[0] -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    def listen(host: str, port: int) -> socket.socket:
        sock = Short()
        sock.bind((host, port))
        sock.listen()
        sock.setblocking(False)
        return sock

    monkeypatch.setattr(tcp, "listen", listen)
    with dial(member.listen("lab")) as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
    with pytest.raises(HarnessError, match="Too many open files"):
        runtime.wait(lambda: False, runtime.clock.now() + 5)
    assert runtime.errors == [], "it is told once"
    assert runtime.stop() == []


def test_a_port_that_was_lent_to_a_caller_is_waited_for() -> None:
    """A system that lost its power comes back while another program has its port for a moment."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        timer = threading.Timer(0.3, holder.close)
        timer.start()
        with accepting.again(lambda: tcp.listen("127.0.0.1", port), port) as sock:
            assert sock.getsockname()[1] == port
        timer.join()


def test_a_port_that_stays_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REBIND_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(OSError) as caught:
            accepting.again(lambda: tcp.listen("127.0.0.1", port), port)
    assert caught.value.errno in accepting.TAKEN
