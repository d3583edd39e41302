"""Hosts that flood, hang and overwhelm a simulated analyzer: the other direction of bad input.

The instrument listens, as behind a device server. Whatever a host said before, the next one gets its
download read once and is brought one upload.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.link import actor as act
from harness.link.host import Host
from harness.link.pump import Pump
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore, MessageReceived
from harness.wire.core import Message
from simulators.analyzer import families
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.model import load_model
from tests.harness.link.parties import Party, plain, raw_core
from tests.simulators.desk import Stranger, frame, run, specimen

ENQ, ACK, NAK, EOT, ETB = b"\x05", b"\x06", b"\x15", b"\x04", b"\x17"
UPLOAD = run(*specimen("T1", "K|4.1|mmol/L|N|F"))
MANY = 10_000
CPU_S = 30
"""The named limit of ten thousand tests."""

HEAD = b"H|\\^&|||LIS|||||X||P|LIS02-A2|20260105080000\r"


def order(barcode: bytes, *codes: bytes, name: bytes = b"") -> bytes:
    """A download, typed from LIS02-A2 §6 to §8: the tests of one tube in one O record."""
    tests = b"\\".join(b"^^^" + code for code in codes)
    return (
        HEAD + b"P|1|P1|||" + name + b"\rO|1|" + barcode + b"||" + tests + b"|R||||||N\rL|1|F\r"
    )  # fmt: skip


class Ward:
    """An instrument that listens, and whoever connects to it."""

    def __init__(self) -> None:
        self.pump = Pump(VirtualClock())
        self.clock = self.pump.clock
        model = load_model("beckman-access")
        analyzer = Analyzer(
            link_config=model.link_config(), model=model, clock=self.clock, side="server"
        )
        member = self.pump.add("analyzer", Host(analyzer, self.clock, plain))
        self.route = {LINK: member.listen(LINK)}
        self.stranger = Stranger()
        self.pump.add("stranger", Host(self.stranger, self.clock, plain)).routes = self.route
        self.good = Party("good", core=self._host, react=self._connects)
        self.pump.add("good", Host(self.good, self.clock, plain)).routes = self.route

    @staticmethod
    def _host() -> AstmLinkCore:
        return AstmLinkCore(AstmLinkConfig(side="host"))

    @staticmethod
    def _connects(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Commanded):
            return [act.Open(link=LINK, conn="good#1"), act.Reply(ident=event.ident)]
        return []

    def connect(self) -> None:
        """Another stranger, over a connection of his own."""
        self.pump.command("stranger", "connect", {"link": LINK}, 5)
        self.rest(0.1)

    def say(self, data: bytes, seconds: float = 1.0) -> bytes:
        """What he hears within some seconds of saying this."""
        before = len(self.stranger.heard)
        self.pump.command("stranger", "say", {"bytes": data.hex()}, 5)
        self.rest(seconds)
        return self.stranger.heard[before:]

    def rest(self, seconds: float) -> None:
        """Time passes."""
        self.pump.wait(lambda: False, self.clock.now() + seconds)

    def orders(self) -> list[dict[str, Any]]:
        """What the instrument has read."""
        told: dict[str, Any] = self.pump.command("analyzer", "orders", {}, 5)
        return list(told["orders"])

    def tests_of(self, barcode: str) -> list[Any]:
        """Of one tube, over everything that was read."""
        return [one for one in self.orders() if one["barcode"] == barcode]


@pytest.fixture
def ward() -> Ward:
    return Ward()


def served(ward: Ward, barcode: bytes = b"T9") -> None:
    """The next host is read and brought an upload, each once."""
    ward.connect()
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, order(barcode, b"K"))) == ACK
    assert ward.say(EOT) == b""
    assert len(ward.tests_of(barcode.decode("ascii"))) == 1
    ward.pump.command("good", "connect", {}, 5)
    answer: Any = ward.pump.command("analyzer", "upload", {"payload": UPLOAD.hex()}, 600)
    assert answer["outcome"] == "ok"
    arrived = [one.event for one in ward.good.of(act.Received)]
    arrived = [one.payload for one in arrived if isinstance(one, MessageReceived)]
    assert arrived == [UPLOAD]


GOOD = frame(1, order(b"T5", b"K"))


@pytest.mark.parametrize(("said", "answer"), [
    pytest.param(GOOD[:-4] + b"00\r\n", NAK, id="wrong checksum"),
    pytest.param(frame(3, order(b"T5", b"K")), NAK, id="wrong number"),
    pytest.param(b"\0" * 64 + GOOD, ACK, id="NULs before"),
    pytest.param(b"\xff\xfe#~" * 20 + GOOD, ACK, id="noise before"),
])  # fmt: skip
def test_a_damaged_frame_is_refused_and_its_repeat_is_taken_once(
    ward: Ward, said: bytes, answer: bytes
) -> None:
    """LIS01-A2 §8.3.2 and §8.3.3; what stands before STX is no part of a frame."""
    ward.connect()
    assert ward.say(ENQ) == ACK
    assert ward.say(said) == answer
    if answer == NAK:
        assert ward.tests_of("T5") == []
        assert ward.say(GOOD) == ACK
    assert ward.say(EOT) == b""

    assert len(ward.tests_of("T5")) == 1
    served(ward)


@pytest.mark.parametrize("said", [
    pytest.param(GOOD[:40], id="half a frame"),
    pytest.param(GOOD[:30] + EOT, id="EOT inside a frame"),
    pytest.param(frame(1, order(b"T5", b"K")[:60], ETB) + EOT, id="EOT after a part"),
    pytest.param(b"\x021" + b"x" * 2_000_000, id="endless frame"),
    pytest.param(b"\x02" * 20_000, id="starts only"),
])  # fmt: skip
def test_what_never_ends_is_never_an_order_and_ends_with_its_timer(ward: Ward, said: bytes) -> None:
    """§8.5.2: 30 s after the last answer the link is neutral, and what came is discarded."""
    ward.connect()
    assert ward.say(ENQ) == ACK
    assert set(ward.say(said)) <= set(ACK + NAK)
    ward.rest(31)

    assert ward.tests_of("T5") == []
    assert ward.say(ENQ, 2) == ACK
    assert ward.say(GOOD) == ACK
    assert ward.say(EOT) == b""
    assert len(ward.tests_of("T5")) == 1
    served(ward)


def test_half_frames_held_open_by_many(ward: Ward) -> None:
    """One connection counts, the latest: each of the others is let go."""
    for _ in range(40):
        ward.connect()
        ward.say(ENQ + GOOD[:50], 0.05)

    served(ward)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [ENQ, ENQ + EOT, ENQ + b"\x021H|" + ENQ, EOT, ENQ + NAK])
def test_a_flood_of_calls(ward: Ward, unit: bytes) -> None:
    """Each call has at most one answer, and nothing becomes an order."""
    ward.connect()
    heard = ward.say(unit * 3_000)
    assert set(heard) <= set(ACK + NAK)
    assert len(heard) <= 3_000 * (unit.count(ENQ) + 1)
    ward.rest(31)

    assert ward.orders() == []
    served(ward)


def test_calls_into_its_own_call(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """§8.2.7.1: the instrument has priority; it calls again, and brings what it has."""
    ward.connect()
    calls: list[bytes] = []
    with_calls = _contending(ward.stranger.on_event, calls, 20)
    monkeypatch.setattr(ward.stranger, "on_event", with_calls)
    answer: Any = ward.pump.command("analyzer", "upload", {"payload": UPLOAD.hex()}, 600)

    assert len(calls) > 1
    assert answer["outcome"] in {"failed", "unknown"}  # nobody ever yielded
    served(ward)


Handler = Callable[[act.ActorEvent, float], list[act.Command]]


def _contending(usual: Handler, calls: list[bytes], most: int) -> Handler:
    """A host that answers every ENQ by one of its own, so often."""

    def told(event: act.ActorEvent, now: float) -> list[act.Command]:
        commands = usual(event, now)
        payload = getattr(getattr(event, "event", None), "payload", b"")
        if payload == ENQ and len(calls) < most:
            calls.append(payload)
            assert isinstance(event, act.Received)
            return [*commands, act.Send(conn=event.conn, event=Message(payload=ENQ))]
        return commands

    return told


@pytest.mark.parametrize("name", [b"\xd5", b"\xd5\xc5\xc8", "珅瑋".encode("gbk")[:3]])
def test_halves_of_characters_cost_their_own_download_at_most(ward: Ward, name: bytes) -> None:
    ward.connect()
    assert ward.say(ENQ) == ACK
    assert ward.say(frame(1, order(b"T5", b"K", name=name))) in {ACK, NAK}
    ward.say(EOT)
    ward.rest(31)

    served(ward)


@pytest.mark.slow
def test_ten_thousand_tests_in_one_download(ward: Ward) -> None:
    """Each is read once, in its order."""
    text = order(b"T5", *(b"K%d" % number for number in range(MANY)))
    pieces = [text[at : at + 60_000] for at in range(0, len(text), 60_000)]
    ward.connect()
    assert ward.say(ENQ) == ACK
    started = time.process_time()
    for number, piece in enumerate(pieces, 1):
        end = b"\x03" if number == len(pieces) else ETB
        assert ward.say(frame(number % 8, piece, end)) == ACK
    assert ward.say(EOT) == b""

    assert time.process_time() - started < CPU_S
    (read,) = ward.tests_of("T5")
    assert read["tests"] == [f"K{number}" for number in range(MANY)]
    served(ward)


@pytest.mark.parametrize("name", ["haematology", "mindray-bs", "beckman-au", "poct-glucose"])
@pytest.mark.parametrize("reset", [True, False])
def test_a_host_that_takes_each_connection_and_ends_it_is_given_up(name: str, reset: bool) -> None:
    """No upload waits for ever: it ends within ten minutes, and not as brought."""
    pump = Pump(VirtualClock())
    model = load_model(name)
    actor: Any
    if model.family == "astm":
        actor, link = Analyzer(link_config=model.link_config(), model=model, clock=pump.clock), LINK
    else:
        actor, link = families.actor(model, pump.clock), families.LINKS[model.family]

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        return [act.Close(conn=event.conn, reset=reset)] if isinstance(event, act.Opened) else []

    host = pump.add("host", Host(Party("host", core=raw_core, react=react), pump.clock, plain))
    pump.add("device", Host(actor, pump.clock, plain)).routes = {link: host.listen(link)}

    answer: Any = pump.command("device", "upload", {"payload": UPLOAD.hex()}, 600)

    assert answer["outcome"] in {"failed", "unknown"}
