"""A listener outlives a caller that left, and a system without room; a closed one ends."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from harness.link.address import Address
from harness.link.passing import Passage
from harness.link.readers import Listening

PASSING = ["ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]


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
    assert [one.errno for one in broken] == [errno.EBADF]


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
