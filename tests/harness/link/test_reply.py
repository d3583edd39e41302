"""The short way of a message: the same bytes, the same journal, and only where it may be taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.evidence.capture import Capture, expand
from harness.evidence.trace import read, unpack
from harness.link import actor as act
from harness.link.host import Host
from harness.link.tap import Connection
from harness.wire.core import Core, Event
from harness.wire.mllp import CommitBlock, MllpCore
from simulators.feed.feed import Feed
from simulators.feed.policy import Policy, Rule


def message(number: int, kind: str = "ORU^R01") -> bytes:
    head = rf"MSH|^~\&|LIS|A|HIS|B|20260105080000||{kind}|M{number}|P|2.4"
    return f"{head}\rPID|1||T{number}\r".encode("ascii")


def frame(payload: bytes) -> bytes:
    """HL7 2.5.1 appendix C: SB, payload, EB, CR."""
    return b"\x0b" + payload + b"\x1c\r"


@dataclass
class Line:
    """What a driver does, as far as it is needed: it keeps what leaves."""

    out: list[bytes] = field(default_factory=list)

    def write(self, conn: str, data: bytes) -> None:
        self.out.append(data)

    def timer(self, key: tuple[str, str], at: float | None) -> None:
        """Nobody waits."""

    def close(self, conn: str, *, reset: bool) -> None:
        """Nothing to close."""


@dataclass
class Asked:
    """An actor in front of a feed: counts what it is asked, and has no short way."""

    feed: Feed
    role: str = "HIS"
    events: list[act.ActorEvent] = field(default_factory=list)

    def open_core(self, link: str, *, client: bool) -> Core:
        return self.feed.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        self.events.append(event)
        return self.feed.on_event(event, now)


@dataclass
class Quick(Asked):
    """The same with the short way of the feed."""

    error: Exception | None = None

    def reply_at_once(self, conn: str, payload: bytes) -> bytes | None:
        if self.error is not None:
            raise self.error
        return self.feed.reply_at_once(conn, payload)


class Rig:
    """A host with one connection, turned by hand."""

    def __init__(
        self, path: Path, kind: type[Asked], *, rules: list[Rule] | None = None, **options: Any
    ) -> None:
        self.path, self.clock = path, VirtualClock()
        path.mkdir()
        self.capture = Capture(path / "capture", self.clock)
        self.actor = kind(Feed(role="HIS", clock=self.clock, policy=Policy(rules=rules or [])))
        options = {"watcher": self.capture} | options
        self.host = Host(self.actor, self.clock, named, **options)
        self.line = Line()
        self.host.io = self.line  # type: ignore[assignment] # only what is used
        self.host.opened("oru", "a", client=False)

    @property
    def asked(self) -> int:
        """How often the actor was asked about a message."""
        return sum(isinstance(one, act.Received) for one in self.actor.events)

    def take(self, *reads: bytes) -> list[bytes]:
        for data in reads:
            self.host.received("a", data)
        return self.line.out

    def told(self) -> list[tuple[Any, ...]]:
        """The journal: what, by whom, the bytes, and what the message is about."""
        self.capture.settle()
        expand(self.path / "capture", self.path / "t.jsonl")
        return [
            (one["kind"], one.get("frm"), unpack(one["raw"]) if "raw" in one else b"",
             str(one.get("correlation")))
            for one in read(self.path / "t.jsonl").records
            if one["kind"] not in {"open", "link"}
        ]  # fmt: skip


def named(link: str, conn: str, client: bool) -> Connection:
    return Connection(id=conn, link=link, interface="", local="HIS", peer="LIS", client=client)


ODD: dict[str, tuple[bytes, ...]] = {
    "one": (frame(message(1)),),
    "three": tuple(frame(message(number)) for number in range(3)),
    "two in one read": (frame(message(1)) + frame(message(2)), frame(message(3))),
    "cut in two": (frame(message(1))[:20], frame(message(1))[20:], frame(message(2))),
    "junk before": (b"junk", frame(message(1)), frame(message(2))),
    "a commit block": (b"\x0b\x06\x1c\r", frame(message(1))),
    "an empty frame": (b"\x0b\x1c\r", frame(message(1))),
    "no header": (frame(b"PID|1\r"), frame(message(1))),
    "an end inside": (frame(b"MSH|^~\\&|\x1cX"), frame(message(1))),
    "trailer cut off": (frame(message(1))[:-1], frame(message(2))),
}


@pytest.mark.parametrize("name", ODD)
def test_both_ways_say_and_write_the_same(tmp_path: Path, name: str) -> None:
    short, long = Rig(tmp_path / "short", Quick), Rig(tmp_path / "long", Asked)
    assert short.take(*ODD[name]) == long.take(*ODD[name])
    assert short.told() == long.told()
    assert long.told(), "something was written"
    short.capture.close()
    long.capture.close()


def test_offsets_go_on_behind_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "one", Quick)
    rig.take(frame(message(1)), b"\x0b\x1c\r")
    assert rig.asked == 1, "the message was answered at once, the empty frame was not"
    (event,) = [one.event for one in rig.actor.events if isinstance(one, act.Received)]
    assert getattr(event, "offset", -1) == len(frame(message(1)))
    rig.capture.close()


@pytest.mark.parametrize(("byte", "positive"), [(b"\x06", True), (b"\x15", False)])
def test_a_commit_block_is_no_message(tmp_path: Path, byte: bytes, positive: bool) -> None:
    rig = Rig(tmp_path / "one", Quick)
    assert rig.take(b"\x0b" + byte + b"\x1c\r") == []
    (event,) = [one.event for one in rig.actor.events if isinstance(one, act.Received)]
    assert event == CommitBlock(positive=positive)
    rig.capture.close()


def test_a_plain_message_asks_nobody(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "one", Quick)
    (answer,) = rig.take(frame(message(7)))
    assert answer.startswith(b"\x0bMSH|")
    assert b"\rMSA|AA|M7\r" in answer
    assert rig.asked == 0
    rig.capture.close()


def test_a_rule_is_asked(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "one", Quick, rules=[Rule(code="AE")])
    (answer,) = rig.take(frame(message(1)))
    assert b"\rMSA|AE|M1\r" in answer
    assert rig.asked == 1
    rig.capture.close()


class Blind:
    """A watcher that must be told of each step."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def link(self, connection: Connection, event: str, reason: str) -> None:
        self.seen.append(event)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        self.seen.append("data")

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        self.seen.append("event")

    def note(self, role: str, text: str) -> None:
        self.seen.append("note")


class Strict:
    """A guard that lets everything pass, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        self.asked += 1

    def opens(self, connection: Connection, host: str, port: int) -> None:
        """Nothing is opened here."""


def _mutated(rig: Rig) -> None:
    core = rig.host.conns["a"].core
    assert isinstance(core, MllpCore)
    core.mutator = lambda unit: [unit.data + b"!"]


def _watched(rig: Rig) -> None:
    rig.host.watcher = Blind()


@pytest.mark.parametrize("change", [_mutated, _watched])
def test_who_changes_or_watches_later_sees_it(
    tmp_path: Path, change: Callable[[Rig], None]
) -> None:
    rig = Rig(tmp_path / "one", Quick)
    rig.take(frame(message(1)))
    assert rig.asked == 0
    change(rig)
    rig.take(frame(message(2)))
    assert rig.asked == 1
    if isinstance(rig.host.watcher, Blind):
        assert rig.host.watcher.seen == ["data", "event", "event", "data"]
    else:
        assert rig.line.out[-1].endswith(b"\x1c\r!")
    rig.capture.close()


def test_a_guard_agrees_to_each_answer(tmp_path: Path) -> None:
    guard = Strict()
    rig = Rig(tmp_path / "one", Quick, guard=guard)
    rig.take(frame(message(1)))
    assert (guard.asked, rig.asked) == (1, 1)
    rig.capture.close()


def test_an_answer_to_our_own_message_is_no_message(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "one", Quick)
    rig.actor.feed._conn = "a"
    assert rig.take(frame(message(1))) == []
    assert rig.asked == 1
    rig.capture.close()


def test_what_goes_wrong_is_told_with_the_message_in_the_journal(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "one", Quick)
    assert isinstance(rig.actor, Quick)
    rig.actor.error = ValueError("no answer")
    (answer,) = rig.take(frame(message(1)))
    assert b"\rMSA|AA|M1\r" in answer, "the long way has another answer"
    assert [one[0] for one in rig.told()][:2] == ["bytes", "message"]
    assert rig.asked == 1
    rig.capture.close()


def test_a_core_that_makes_something_else_of_a_frame_has_none(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "one", Quick)
    rig.actor.feed.hybrid = True
    rig.host.opened("oru", "b", client=False)
    assert rig.host.conns["a"].replies is not None
    assert rig.host.conns["b"].replies is None
    rig.capture.close()
