"""What came together is committed together, and nothing of it is answered before."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from harness.link import actor as act
from harness.link.host import Host
from harness.link.tap import Connection
from harness.link.threads import Threads
from harness.wire.core import Core, Message, RawCore
from tests.harness.link.parties import until


def named(link: str, conn: str, client: bool) -> Connection:
    return Connection(id=conn, link=link, interface="", local="A", peer="B", client=client)


class Grouped:
    """A store that can hold commits together, and says in which order things happened."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.fails = False

    def begin(self) -> None:
        self.happened.append("begin")

    def commit(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        self.happened.append("commit")

    def end(self) -> None:
        self.happened.append("end")
        if self.fails:
            raise OSError(28, "No space left on device")


@dataclass
class Booker:
    """Commits, then answers; what is odd trips it."""

    role: str = "A"

    def open_core(self, link: str, *, client: bool) -> Core:
        return RawCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Received(conn=conn, event=Message(payload=payload)):
                if payload == b"trip":
                    raise ValueError("tripped")
                commit = act.Commit(statements=[("x", ())])
                return [commit, act.Send(conn=conn, event=Message(payload=b"done"))]
        return []


@pytest.mark.parametrize("fails", [False, True])
def test_what_came_together_is_committed_together(fails: bool) -> None:
    runtime, store = Threads(), Grouped()
    booker = Host(Booker(), runtime.clock, named, store=store, grouping=store)
    member = runtime.add("A", booker)
    address = member.listen("x")
    with contextlib.ExitStack() as stack:
        peers = [
            stack.enter_context(socket.create_connection((address.host, address.port), 5))
            for _ in range(3)
        ]
        until(lambda: len(member.wires) == 3, "three connections")
        store.fails = fails
        ends = {wire.sock.getpeername(): conn for conn, wire in member.wires.items()}
        conns = [ends[peer.getsockname()] for peer in peers]
        member._taken([(conns[0], b"1"), (conns[1], b"trip"), (conns[2], b"3")])

        assert store.happened == ["begin", "commit", "commit", "end"]
        answers = [peers[index].recv(100) for index in (0, 2)]
        assert answers == ([b"", b""] if fails else [b"done", b"done"])
        errors = [type(error) for error in runtime.errors]
        assert errors == ([ValueError, OSError] if fails else [ValueError])
    runtime.errors.clear()
    assert runtime.stop() == []


def test_a_crash_at_a_commit_is_never_grouped() -> None:
    runtime, store = Threads(), Grouped()
    member = runtime.add("A", Host(Booker(), runtime.clock, named, store=store, grouping=store))
    address = member.listen("x")
    with socket.create_connection((address.host, address.port), 5) as peer:
        until(lambda: len(member.wires) == 1, "a connection")
        runtime.crash_at("A", 1, after=True)
        peer.sendall(b"1")
        until(lambda: not member.host.alive, "it died")
    assert store.happened == ["commit"]
    runtime.stop()
