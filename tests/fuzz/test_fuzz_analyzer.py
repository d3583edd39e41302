"""Our instruments under a host that says anything: they stay up, and the next session works."""

from __future__ import annotations

from depth import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import VirtualClock
from harness.link import actor as act
from harness.link.host import Host
from harness.link.pump import Pump
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore
from harness.wire.core import Message
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.model import load_model
from tests.harness.link.parties import Party, plain, raw_core
from tests.simulators.desk import frame, run, specimen

MODELS = ["haematology", "snibe-maglumi", "roche-cobas-e411", "mindray-cl-astm"]
UPLOAD = run(*specimen("T1", "K|4.1|mmol/L|N|F"))
ORDER = b"H|\\^&|||LIS|||||X||P|LIS02-A2|20260105080000\rP|1|P1\rO|1|T1||^^^K|R||||||N\rL|1|F\r"
PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"\x05", b"\x04", b"\x06", b"\x15", b"\x02", b"\x03", b"\r\n", b"\0"]),
        st.sampled_from([frame(1, ORDER), frame(2, b"L|1\r"), b"\x05" + frame(1, ORDER) + b"\x04"]),
        st.sampled_from([b"\x05" * 50, b"\x06" * 50, b"\x15" * 50, "姓名|^".encode("gb18030")[1:]]),
        st.binary(max_size=30),
    ),
    max_size=10,
)


class Line:
    """An instrument, and whoever it connects to: first a host that says bytes as they are."""

    def __init__(self, name: str) -> None:
        self.pump = Pump(VirtualClock())
        model = load_model(name)
        analyzer = Analyzer(
            link_config=model.link_config(), model=model, clock=self.pump.clock, repeats=1
        )
        self.pump.add("analyzer", Host(analyzer, self.pump.clock, plain))

    def host(self, party: Party) -> None:
        """From here on this one takes its connections."""
        member = self.pump.add("host", Host(party, self.pump.clock, plain))
        self.pump.members["analyzer"].routes = {LINK: member.listen(LINK)}

    def uploads(self) -> str:
        """What becomes of one upload."""
        args = {"payload": UPLOAD.hex()}
        value = self.pump.command("analyzer", "upload", args, 4_000.0)
        return str(value["outcome"])


def sayer(pieces: list[bytes]) -> Party:
    """Answers every read by the next piece, and then by nothing."""
    left = list(pieces)

    def react(event: act.ActorEvent, now: float) -> list[act.Command]:
        if isinstance(event, act.Opened | act.Received) and left:
            return [act.Send(conn=event.conn, event=Message(payload=left.pop(0)))]
        return []

    return Party("host", core=raw_core, react=react)


def standard() -> Party:
    """A host that follows LIS01-A2."""
    return Party("host", core=lambda: AstmLinkCore(AstmLinkConfig(side="host")))


@given(name=st.sampled_from(MODELS), pieces=PIECES)
@settings(max_examples=examples(60), deadline=None)
def test_after_any_host_the_next_upload_arrives_once(name, pieces):
    line = Line(name)
    line.host(sayer(pieces))
    assert line.uploads() in {"ok", "failed", "unknown"}

    good = standard()
    line.host(good)
    assert line.uploads() == "ok"
    arrived = [
        event.event.payload for event in good.of(act.Received) if hasattr(event.event, "payload")
    ]
    assert arrived.count(UPLOAD) == 1
