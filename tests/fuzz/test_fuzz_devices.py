"""HL7, framed and POCT1-A instruments and their LIS under noise, in both directions.

Whatever was said before, the next peer is served, and what was acknowledged stands once.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from depth import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.link import actor as act
from harness.link.host import Host
from harness.wire.core import Message
from simulators.analyzer import families, generate
from simulators.analyzer.model import load_model
from tests.harness.link.parties import Party, plain, raw_core
from tests.simulators.test_every_model import Lab

MODELS = [
    "mindray-bs", "roche-cobas-law", "snibe-maglumi-hl7", "dirui-bf6900",
    "beckman-au", "coulter-maxm", "abbott-aeroset", "siemens-dimension", "vitros-750",
    "poct-glucose",
]  # fmt: skip
PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x15", b"\x17", b"\0"]),
        st.sampled_from([b"\x0b", b"\x1c\r", b"\x0bMSH|^~\\&|\x1c\r", b"\x0b\x1c\r", b"[", b"!"]),
        st.sampled_from([
            b"\x0bMSH|^~\\&|LIS|H|X|Y|20260105||ACK^R01|1|P|2.3.1\rMSA|AE|1\r\x1c\r",
            b"\x0bMSH|^~\\&|X|H|LIS|Y|20260105||ORU^R01|1|P|2.4\rOBR|1||T1\rOBX|1|NM|K||4\r\x1c\r",
            b"\x02S 000101 0001" + b"T1".rjust(20) + b"E01\x03", b"\x02N\x1c6A\x03",
            b"<ACK.R01><HDR/></ACK.R01>", b"<REQ.R01>", b"</", b"<?xml", "姓|^".encode("gbk")[1:],
        ]),
        st.binary(max_size=40),
        st.integers(1, 300).map(lambda count: b"\x05" * count),
    ),
    max_size=8,
)  # fmt: skip


class Bench(Lab):
    """The LIS, set up for one instrument, with what it has to store."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder)
        self.model = load_model(name)
        self.tested = generate.run(5, self.model)
        self.order(self.tested)
        self.set_up(self.model, self.tested)
        self.link = families.LINKS[self.model.family]

    def rest(self, seconds: float) -> None:
        self.pump.wait(lambda: False, self.pump.clock.now() + seconds)

    def stands_once(self) -> None:
        """Every result, once, with its value."""
        found = [row[:2] for row in self.stored(self.tested.barcode)]
        assert found == sorted((one.item, one.value) for one in self.tested.results)


def talker(pieces: list[bytes], link: str) -> Party:
    """Connects, says one piece after each read and turn, and leaves."""
    left = list(pieces)

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        match event:
            case act.Commanded():
                return [act.Open(link=link, conn="noise#1"), act.Reply(ident=event.ident)]
            case act.Opened(conn=conn):
                return [act.SetTimer(name="next", at=now + 0.1)] if left else [act.Close(conn=conn)]
            case act.TimerFired(name="next") if left:
                said = act.Send(conn="noise#1", event=Message(payload=left.pop(0)))
                return [said, act.SetTimer(name="next", at=now + 0.1)]
            case act.TimerFired(name="next"):
                return [act.Close(conn="noise#1", reset=len(pieces) % 2 == 0)]
        return []

    return Party("noise", core=raw_core, react=react)


@pytest.mark.slow
@given(name=st.sampled_from(MODELS), pieces=PIECES)
@settings(max_examples=examples(40), deadline=None)
def test_after_any_instrument_the_next_is_served_and_what_was_acknowledged_stands(name, pieces):
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), name)
        try:
            bench.play(bench.model, bench.tested)
            bench.rest(60)
            bench.stands_once()
            noise = bench.pump.add(
                "noise", Host(talker(pieces, bench.link), bench.pump.clock, plain)
            )
            noise.routes[bench.link] = bench.member.listen(bench.link)
            bench.pump.command("noise", "go", {}, 5)
            bench.rest(60)
            bench.stands_once()

            second = generate.run(6, bench.model)
            bench.tested = second
            bench.order(second, nth=2)
            bench.play(bench.model, second)
            bench.rest(60)
            bench.stands_once()
        finally:
            bench.store.close()


@pytest.mark.slow
@given(name=st.sampled_from(MODELS), pieces=PIECES)
@settings(max_examples=examples(40), deadline=None)
def test_after_any_host_the_instrument_brings_its_results_once(name, pieces):
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), name)
        left = list(pieces)

        def react(event: act.ActorEvent, now: float) -> list[act.Command]:
            if isinstance(event, act.Opened | act.Received):
                if left:
                    return [act.Send(conn=event.conn, event=Message(payload=left.pop(0)))]
                return [act.Close(conn=event.conn, reset=True)]
            return []

        try:
            bad = bench.pump.add(
                "bad", Host(Party("bad", core=raw_core, react=react), bench.pump.clock, plain)
            )
            actor = families.actor(bench.model, bench.pump.clock)
            device = bench.pump.add("device", Host(actor, bench.pump.clock, plain))
            device.routes[bench.link] = bad.listen(bench.link)
            sent = families.payloads(
                bench.model, [bench.tested], first_id=1, time=bench.pump.clock.wall()
            )
            args = {"payloads": [one.hex() for one in sent]}
            first = bench.pump.command("device", "upload", args, 4_000)
            assert first["outcome"] in {"ok", "failed", "unknown"}
            bench.pump.command("device", "hang-up", {}, 60)
            device.routes[bench.link] = bench.member.listen(bench.link)
            bench.pump.command("device", "upload", args, 4_000)
            bench.rest(60)
            bench.stands_once()
        finally:
            bench.store.close()
