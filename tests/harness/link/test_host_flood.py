"""A flood of control characters is a peer that broke its protocol, not an actor in a circle."""

from __future__ import annotations

from harness.clock import VirtualClock
from harness.link import host as host_module
from harness.link.actor import Received
from harness.link.host import Host
from harness.link.tap import Connection
from harness.wire.core import Message, RawCore


class OneByOne(RawCore):
    """Reports each byte of a read as an event of its own."""

    def receive(self, data, now):
        self._events.extend(Message(payload=bytes((one,))) for one in data)


class Counter:
    role = "counter"

    def __init__(self):
        self.seen = 0

    def open_core(self, link, *, client):
        return OneByOne()

    def on_event(self, event, now):
        self.seen += isinstance(event, Received)
        return []


class NoIo:
    def timer(self, key, at): ...

    def later(self, at, action): ...

    def flush(self): ...


def test_every_event_of_one_read_is_handled(monkeypatch):
    monkeypatch.setattr(host_module, "EVENTS_PER_CALL_MAX", 50)
    actor = Counter()

    def describe(link, conn, client):
        return Connection(id=conn, link=link, interface="X", local="a", peer="b", client=client)

    host = Host(actor, VirtualClock(), describe)
    host.io = NoIo()
    host.opened("line", "line#1", client=False)

    host.received("line#1", b"\x05" * 1000)

    assert actor.seen == 1000
