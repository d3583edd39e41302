"""HLLP of the interface engine and of who plays against it: damaged blocks, refusals, flaws."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.errors import InputError
from harness.link import actor as act
from harness.link.host import Host
from harness.link.pump import Pump
from harness.link.tap import Connection
from harness.wire.core import Event, Message, Violation
from harness.wire.hl7 import Hl7Message
from harness.wire.hllp import BlockRefused, HllpCore
from simulators.feed import blocks
from simulators.feed.burst import Burst
from simulators.feed.core import BlockCore, Bytes
from simulators.feed.feed import Feed
from simulators.feed.parallel import Parallel
from simulators.feed.policy import Policy, Rule
from simulators.hospital import schema
from simulators.hospital.interface_engine import Engine
from simulators.hospital.interface_engine_hllp import FROM_HIS_HLLP, Blocks
from simulators.hospital.outbox import Outbox, Timing
from simulators.store import open_store
from tests.simulators.test_interface_engine import Bench, adt

PEIS = "engine-peis"
LIMIT_S = 60.0
CARD = b"110101199003071233"
PAYLOAD = b"MSH|^~\\&|HIS|T|E|H|2026||ADT^A04|M1|P|2.4\rPID|||P1~%b\r" % CARD


def named(link: str, conn: str, client: bool) -> Connection:
    return Connection(id=conn, link=link, interface="", local="", peer="", client=client)


def sums(frame: bytes) -> tuple[bool, bool]:
    """Whether count and checksum of a frame fit, by hand (HL7 2.3 guide §C.4.1)."""
    counted, said = frame[:-10], frame[-10:-2]
    return int(said[:5]) == len(counted), int(said[5:]) == reduce(xor, counted)


def whole(payload: bytes) -> bytes:
    core = HllpCore()
    core.send(Message(payload=payload), 0.0)
    return core.data_to_send()


# -- what a line does to a block -------------------------------------------------------------------


@pytest.mark.parametrize("spot", [0.0, 0.3, 0.77, 0.999])
def test_two_equal_bytes_that_got_lost_show_in_the_count_alone(spot: float) -> None:
    frame = blocks.lost_pair(PAYLOAD, CARD, spot)

    assert sums(whole(PAYLOAD)) == (True, True)
    assert sums(frame) == (False, True)
    assert len(frame) == len(whole(PAYLOAD)) - 2


@pytest.mark.parametrize("spot", [0.0, 0.5, 0.999])
def test_a_byte_that_changed_shows_in_the_checksum_alone(spot: float) -> None:
    frame = blocks.changed(PAYLOAD, CARD, spot)

    assert sums(frame) == (True, False)
    assert sum(a != b for a, b in zip(frame, whole(PAYLOAD), strict=True)) == 1
    assert sums(blocks.changed(PAYLOAD.replace(CARD, b"X"), b"X", spot)) == (True, False)


def test_what_cannot_be_damaged_so_is_said() -> None:
    with pytest.raises(InputError, match="相同的字节"):
        blocks.lost_pair(PAYLOAD, b"1", 0.5)
    with pytest.raises(InputError, match="中没有"):
        blocks.changed(PAYLOAD, b"elsewhere", 0.5)
    assert blocks.plain(PAYLOAD, b"", 0.0) == b"\x0b%b\x1c\r" % PAYLOAD


# -- the blocks of the engine ----------------------------------------------------------------------


def met(frame: bytes, *defects: str) -> tuple[list[Event], bytes]:
    """What the engine makes of a frame, and what it answers by itself."""
    core = Blocks(defects=set(defects))
    core.receive(frame, 0.0)
    found = core.events()
    refusal = HllpCore()
    refusal.receive(core.data_to_send(), 0.0)
    said = [one.reason for one in refusal.events() if isinstance(one, BlockRefused)]
    return found, "".join(said).encode()


DAMAGED = {
    b"C": blocks.lost_pair(PAYLOAD, CARD, 0.4),
    b"X": blocks.changed(PAYLOAD, CARD, 0.4),
    b"G": blocks.plain(PAYLOAD, CARD, 0.4),
}


@pytest.mark.parametrize("reason", list(DAMAGED))
def test_a_damaged_block_is_refused_with_its_reason_and_not_handed_over(reason: bytes) -> None:
    found, said = met(DAMAGED[reason])

    assert [type(one) for one in found] == [Violation]
    assert said == reason


@pytest.mark.parametrize(
    ("defect", "reason"),
    [
        ("engine-hllp-ignores-count", b"C"),
        ("engine-hllp-ignores-checksum", b"X"),
        ("engine-hllp-takes-plain", b"G"),
    ],
)
def test_each_flaw_takes_its_damage_and_refuses_the_others(defect: str, reason: bytes) -> None:
    for kind, frame in DAMAGED.items():
        found, said = met(frame, defect)
        taken = [type(one) for one in found] == [Message]
        assert (taken, said) == ((True, b"") if kind == reason else (False, kind))


def test_a_flaw_refuses_nothing_and_another_keeps_what_it_refused() -> None:
    found, said = met(DAMAGED[b"C"], "engine-hllp-refuses-nothing")
    assert ([type(one) for one in found], said) == ([Violation], b"")

    frames = DAMAGED[b"X"] + whole(PAYLOAD) + DAMAGED[b"C"]
    found, said = met(frames, "engine-hllp-keeps-refused")
    kinds = [type(one) for one in found]
    assert kinds == [Violation, Message, Message, Violation, Message]
    assert [len(one.payload) for one in found if isinstance(one, Message)] == [
        len(PAYLOAD), len(PAYLOAD), len(PAYLOAD) - 2,
    ]  # fmt: skip
    assert said == b"XC"


def test_a_flaw_counts_characters_where_there_are_bytes() -> None:
    payload = adt()
    for defects, fits in ((set(), True), ({"engine-hllp-counts-characters"}, False)):
        core = Blocks(defects=defects)
        core.send(Message(payload=payload), 0.0)
        assert sums(core.data_to_send()) == (fits, True)


# -- a sender, the engine, and a receiver ----------------------------------------------------------


class Site:
    """An engine behind its HLLP entrance, who sends to it, and an old receiver behind it."""

    def __init__(self, folder: Path, *defects: str, policy: Policy | None = None) -> None:
        self.pump = Pump()
        self.store = open_store(str(folder / "engine.sqlite"), schema.ENGINE, durable=False)
        engine = Engine(self.store, self.pump.clock, set(defects), Timing(),
                        hybrid=frozenset({FROM_HIS_HLLP, PEIS}))  # fmt: skip
        member = self.pump.add("ENGINE", Host(engine, self.pump.clock, named, store=self.store))
        sender = self.pump.add("HIS", Host(blocks.BlockSender("HIS"), self.pump.clock, named))
        sender.routes[FROM_HIS_HLLP] = member.listen(FROM_HIS_HLLP)
        feed = Feed("PEIS", self.pump.clock, policy or Policy(), hybrid=True)
        member.routes[PEIS] = self.pump.add("PEIS", Host(feed, self.pump.clock, named)).listen(PEIS)
        self.pump.command("ENGINE", "switch", {"link": PEIS, "state": "on"}, LIMIT_S)

    def send(self, first: bytes = b"", ident: str = "M1") -> Mapping[str, Any]:
        args = {"link": FROM_HIS_HLLP, "payload": adt(ident).hex(), "first": first.hex()}
        value: Mapping[str, Any] = self.pump.command("HIS", "send", args, LIMIT_S)
        return value

    def queued(self, seconds: float = 5.0) -> list[tuple[str, str, int]]:
        """Control id, state and tries of what goes to the old receiver."""
        self.pump.wait(lambda: False, self.pump.clock.now() + seconds)
        rows = self.store.rows("SELECT * FROM queue WHERE link = ?", (PEIS,))
        return [(row["control_id"], row["state"], row["tries"]) for row in rows]


def damaged(kind: str) -> bytes:
    return blocks.DAMAGES[kind](adt().replace(b"C1^", CARD + b"^"), CARD, 0.5)


@pytest.mark.parametrize(("kind", "reason"), [("lost-pair", "C"), ("changed", "X"), ("plain", "G")])
def test_a_refused_block_comes_again_and_counts_once(
    tmp_path: Path, kind: str, reason: str
) -> None:
    site = Site(tmp_path)
    value = site.send(damaged(kind))

    assert (value["outcome"], value["code"], value["refusals"]) == ("ok", "AA", reason)
    assert site.queued() == [("M1", "accepted", 1)]
    (row,) = site.store.rows("SELECT payload FROM queue WHERE link = ?", (PEIS,))
    sent = Hl7Message.parse(bytes.fromhex(row["payload"]))
    assert sent.get("PID-3[2].1") == "C1"


def test_where_nothing_is_refused_the_sender_waits_and_sends_again(tmp_path: Path) -> None:
    site = Site(tmp_path, "engine-hllp-refuses-nothing")
    begun = site.pump.clock.now()
    value = site.send(damaged("changed"))

    assert (value["outcome"], value["refusals"]) == ("ok", "")
    assert site.pump.clock.now() - begun >= blocks.ANSWER_S


@pytest.mark.parametrize(
    ("defect", "queued"),
    [
        ("", [("M1", "accepted", 2)]),
        ("engine-hllp-refusal-is-answer", [("M1", "accepted", 1)]),
        ("engine-hllp-renames-refused", [("R1", "accepted", 2)]),
    ],
)
def test_what_becomes_of_a_refused_message(
    tmp_path: Path, defect: str, queued: list[tuple[str, str, int]]
) -> None:
    policy = Policy([Rule(action="block-refused", occurrences=(1,))])
    site = Site(tmp_path, *([defect] if defect else []), policy=policy)
    site.send()

    assert site.queued() == queued


def test_who_counts_characters_is_refused_for_ever(tmp_path: Path) -> None:
    site = Site(tmp_path, "engine-hllp-counts-characters")
    site.send()
    ((ident, state, tries),) = site.queued(30.0)

    assert (ident, state) == ("M1", "pending")
    assert tries > 2


def test_the_engine_keeps_its_connection_after_a_refusal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.gets(adt())
    (conn,) = {conn for conn, _ in bench.sent if conn.startswith("engine-lis#")}
    refusal = act.Received(conn=conn, link="engine-lis", event=BlockRefused(reason="X"))
    commands = bench.do(refusal)
    assert not any(isinstance(one, act.Close) for one in commands)
    bench.due(5.0)

    assert len(bench.forwarded()) == 2
    assert len(set(bench.forwarded())) == 1


# -- who else speaks it ----------------------------------------------------------------------------


def test_an_outbox_sends_a_refused_block_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "his.sqlite"), schema.HIS, durable=False)
    outbox = Outbox("his-lis", store, Timing(), set(), "his")
    outbox.conn, outbox.waiting, outbox.waiting_id = "c1", 1, "M1"
    refused = act.Received(conn="c1", link="his-lis", event=BlockRefused(reason="X"))
    commands = outbox.on_event(refused, 1.0)

    assert act.SetTimer(name="answer", at=None) in commands
    assert act.SetTimer(name="retry", at=2.0) in commands
    assert not any(isinstance(one, act.Close | act.Commit) for one in commands)
    assert outbox.on_event(refused, 1.5) == [], "nothing is outstanding any more"


def test_a_played_sender_tells_a_refusal(tmp_path: Path) -> None:
    feed = Feed("HIS", VirtualClock(), hybrid=True)
    order = act.Commanded(name="send", args={"link": "l", "payload": PAYLOAD.hex()}, ident=7)
    (opening,) = feed.on_event(order, 0.0)
    assert isinstance(opening, act.Open)
    feed.on_event(act.Opened(conn=opening.conn, link="l"), 0.0)
    refused = act.Received(conn=opening.conn, link="l", event=BlockRefused(reason="C"))
    (told,) = (one for one in feed.on_event(refused, 0.1) if isinstance(one, act.Reply))

    assert told.value["outcome"] == "failed"
    assert told.value["detail"].endswith(": C")


@pytest.mark.parametrize("action", ["odd-trailer", "split"])
def test_odd_answers_have_a_block_in_their_frame(action: str) -> None:
    feed = Feed("HIS", VirtualClock(), Policy([Rule(action=action)]), hybrid=True)
    asked = act.Received(conn="in#1", link="l", event=Message(payload=PAYLOAD))
    commands = feed.on_event(asked, 0.0)
    timers = [one.name for one in commands if isinstance(one, act.SetTimer)]
    commands = [*commands, *(more for name in timers
                             for more in feed.on_event(act.TimerFired(name=name), 9.0))]  # fmt: skip
    pieces = [one.event.data for one in commands
              if isinstance(one, act.Send) and isinstance(one.event, Bytes)]  # fmt: skip
    frame = b"".join(pieces)

    assert frame[:4] == b"\x0bD23"
    assert frame[-1:] == {"odd-trailer": b"\0", "split": b"\r"}[action]
    assert sums(frame) == (True, True)


def test_senders_of_many_messages_put_them_into_blocks() -> None:
    for core in (
        Burst("HIS", hybrid=True).open_core("l", client=True),
        Parallel("HIS", hybrid=True).open_core("l", client=True),
    ):
        core.send(Message(payload=PAYLOAD), 0.0)
        assert core.data_to_send() == whole(PAYLOAD)
    many = Parallel("HIS", hybrid=True)
    args = {"link": "l", "payload": PAYLOAD.hex(), "half": "yes"}
    begun = many.on_event(act.Commanded(name="parallel", args=args, ident=1), 0.0)
    (conn,) = (one.conn for one in begun if isinstance(one, act.Open))
    (half,) = many.on_event(act.Opened(conn=conn, link="l"), 0.0)
    assert isinstance(half, act.Send)
    assert isinstance(half.event, Bytes)
    assert whole(PAYLOAD).startswith(half.event.data)
    assert len(half.event.data) > len(PAYLOAD) // 2


def test_a_sender_of_blocks_gives_up_in_the_end() -> None:
    sender = blocks.BlockSender("HIS")
    order = act.Commanded(name="send", args={"link": "l", "payload": PAYLOAD.hex()}, ident=3)
    (opening,) = sender.on_event(order, 0.0)
    assert isinstance(opening, act.Open)
    assert sender.on_event(act.Refused(conn="other", link="l", reason="x"), 0.0) == []
    sender.on_event(act.Opened(conn=opening.conn, link="l"), 0.0)
    for _ in range(blocks.SENT_MAX - 1):
        assert any(isinstance(one, act.Send)
                   for one in sender.on_event(act.TimerFired(name="answer"), 1.0))  # fmt: skip
    (told,) = (one for one in sender.on_event(act.TimerFired(name="answer"), 2.0)
               if isinstance(one, act.Reply))  # fmt: skip
    assert (told.ident, told.value["outcome"]) == (3, "unknown")
    (odd,) = sender.on_event(act.Commanded(name="hop", args={}, ident=4), 3.0)
    assert isinstance(odd, act.Reply)
    assert odd.error


@pytest.mark.parametrize("event", ["closed", "refused"])
def test_a_sender_of_blocks_tells_the_end_of_its_connection(event: str) -> None:
    sender = blocks.BlockSender("HIS")
    order = act.Commanded(name="send", args={"link": "l", "payload": PAYLOAD.hex()}, ident=3)
    (opening,) = sender.on_event(order, 0.0)
    assert isinstance(opening, act.Open)
    conn = opening.conn
    ended: dict[str, act.ActorEvent] = {"closed": act.Closed(conn=conn, link="l", reason=""),
             "refused": act.Refused(conn=conn, link="l", reason="nobody there")}  # fmt: skip
    (told,) = (one for one in sender.on_event(ended[event], 1.0) if isinstance(one, act.Reply))

    assert told.value["outcome"] == {"closed": "unknown", "refused": "failed"}[event]


def test_the_core_of_a_played_system_sends_bytes_as_they_are() -> None:
    core = BlockCore()
    core.send(Bytes(data=b"half"), 0.0)
    core.send(Message(payload=b"MSH|"), 0.0)

    assert core.data_to_send() == b"half\x0bD23\rMSH|00009105\x1c\r"
