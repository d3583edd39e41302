"""What the guided fuzzer feeds, further cores: framings of makers, relays, players, TLS."""

from __future__ import annotations

import contextlib
from functools import cache, partial
from typing import Final

from fuzz_kit import CORPUS, Target, alike, cut, framed_sections, lived, picked, run_down

from harness.captures.layout import Layout, config_of, core_of
from harness.cases import framing, framing_maker
from harness.cases.maker_core import MakerCore
from harness.clock import VirtualClock
from harness.errors import InputError
from harness.link import tls
from harness.link.relay import RelayCore, RelayUnit
from harness.link.spec import LinkSpec
from harness.link.tls_core import TlsCore, TlsFailed
from harness.watch.line import Beside, Lines
from harness.wire.core import Core, Event, Message
from harness.wire.framings_blocks import BlocksConfig, BlocksCore
from harness.wire.framings_fixed import FixedCore
from harness.wire.hllp import HllpCore
from harness.wire.mllp import MllpCore
from simulators.analyzer.hl7_core import OddMllpCore
from simulators.feed import knock
from simulators.feed.core import BlockCore, FeedCore

LAYOUTS: Final = [Layout(name, section) for name, section in framed_sections().items()]
CONFIGS: Final = [config_of(one.section.get("framing", {})) for one in LAYOUTS]
BLOCKS: Final = [
    *(one for one in CONFIGS if isinstance(one, BlocksConfig)),
    BlocksConfig(block_bytes=4), BlocksConfig(block_bytes=4, replies=True, base=16),
]  # fmt: skip
"""Small blocks besides, so that a few bytes make a message."""

ROUNDS: Final = 10_000
"""More than the pieces of the longest input."""


def _passed(core: Core, data: bytes) -> list[Event]:
    """What a core that only passes on reports; cut as its first byte says."""
    return lived(core, cut(data[1:], 1 + (data[0] if data else 0)))[0]


def _relay(data: bytes) -> None:
    """No byte is lost or changed, and what is a message stands in its piece."""
    for core in (RelayCore(), RelayCore(hybrid=True)):
        units = _passed(core, data)
        assert all(isinstance(one, RelayUnit) and one.payload in one.data for one in units)
        assert b"".join(one.data for one in units if isinstance(one, RelayUnit)) == data[1:]


def _watched(data: bytes) -> None:
    """Whatever passes, our own reading of it fails at nothing but what is not the protocol."""
    way, rest = (data[0] if data else 0), data[1:]
    for protocol in ("mllp", "astm", "http"):
        spec = LinkSpec(name="l", interface="i", frm="A", to="B", protocol=protocol)
        lines = Lines({"l": spec}, VirtualClock(), {"l": 10.0})
        beside, near, far = Beside(spec, lines), ("a", 1), ("b", 2)
        beside.opened(near, far)
        for number, one in enumerate(cut(rest, 1 + way % 61)):
            ends = (near, far) if (way >> number % 8) & 1 else (far, near)
            beside.passed(*ends, one)
        beside.closed(near, far, reset=False)
        beside.closed(far, near, reset=bool(way & 1))
        lines.finish()
        account = lines.accounts["l"]
        assert not account.unread or account.unread_why.startswith("PeerError"), account.unread_why


def _knock(data: bytes) -> None:
    """What came back is kept whole, and is one of four things."""
    came = _passed(knock.KnockCore(), data)
    whole = b"".join(one.payload for one in came if isinstance(one, Message))
    assert whole == data[1:], "bytes were lost"
    assert knock.told(whole) in {knock.ALERT, knock.SERVER_HELLO, knock.FRAME, knock.NOTHING}


def _fixed(data: bytes) -> None:
    """Records of the stated size, and no byte is lost before the rest that is none."""
    size = 1 + data[0] % 8 if data else 1
    alike([partial(FixedCore, size)])(data)
    events = lived(FixedCore(size), cut(data[1:], 5))[0]
    whole = b"".join(one.payload for one in events if isinstance(one, Message))
    rest = len(data[1:]) % size
    assert whole == data[1 : len(data) - rest], "bytes were lost"


def _played(core: Core, line: bytes, heard: bytes) -> bytes:
    """A line is played while something is heard; everything that left."""
    core.send(Message(payload=line), 0.0)
    sent = [core.data_to_send()]
    for byte in cut(heard, 3):
        core.receive(byte, 0.0)
        core.events()
        sent.append(core.data_to_send())
    now = run_down(core, 0.0, ROUNDS, lambda: sent.append(core.data_to_send()))
    told = core.events()
    assert any(isinstance(one, framing.WireDone) for one in told) or heard, "it never ends"
    core.receive_eof(now)
    core.events()
    return b"".join([*sent, core.data_to_send()])


def _halves(data: bytes) -> tuple[bytes, bytes]:
    """What is played, and what is heard: in front of, and behind, the first FF FF."""
    line, _, heard = data.partition(b"\xff\xff")
    return line, heard


def _astm_wire(data: bytes) -> None:
    """A session is played to its last byte, and its sums are kept; texts lie inside it."""
    line, heard = _halves(data)
    assert b"".join(framing.pieces(line)) == line, "bytes were lost"
    assert all(0 <= begin <= end <= len(line) for begin, end in framing.texts(line))
    assert framing.summed(line, line) == line, "a sum changed"
    for one in framing.sessions(data):
        assert 0 <= one.offset <= len(data)
        framing.text_of(one.data)
    with contextlib.suppress(InputError):
        framing.summed(line, heard)
    assert _played(framing.WireCore(), line, b"") == line, "bytes were lost"
    _played(framing.WireCore(), line, heard)


def _maker(data: bytes) -> None:
    """A line is cut without a loss, comes together again, and is played to its last byte."""
    layout, rest = picked(data, LAYOUTS)
    line, heard = _halves(rest)
    units = framing_maker.units(line, layout)
    assert b"".join(one.data for one in units) == line, "bytes were lost"
    assert framing_maker.changed(line, layout, lambda text: text) == line, "a line changed"
    for one in framing_maker.said(line, layout):
        assert 0 <= one.offset <= len(line)
    assert _played(MakerCore(layout), line, b"") == line, "bytes were lost"
    _played(MakerCore(layout), line, heard)


@cache
def _contexts() -> tuple[tls.Context, tls.Context]:
    papers = CORPUS / "tls"
    server = tls.server_context(papers / "server.pem", papers / "server.key")
    return server, tls.client(papers / "ca.pem", None)


def _tls(data: bytes) -> None:
    """Whoever shakes no hands: one failure is told, nothing reaches the core inside."""
    server, client = _contexts()
    for core in (TlsCore(MllpCore(), server), TlsCore(MllpCore(), client, "localhost")):
        told = _passed(core, data)
        assert [type(one) for one in told] == [TlsFailed], "the end was not told once"


TARGETS: Final[dict[str, Target]] = {
    "hllp": alike([HllpCore, partial(HllpCore, refuses=False)], speaks=True),
    "framing-models": alike([partial(core_of, one) for one in CONFIGS], speaks=True),
    "framing-blocks": alike([partial(BlocksCore, one) for one in BLOCKS], speaks=True),
    "framing-fixed": _fixed,
    "relay": _relay,
    "watch-line": _watched,
    "astm-wire": _astm_wire,
    "framed-wire": _maker,
    "mllp-odd": alike([OddMllpCore, partial(OddMllpCore, lead_noise=b"\0", cut_trailer=True)],
                      speaks=True),
    "feed": alike([FeedCore, BlockCore], speaks=True),
    "knock": _knock,
    "tls": _tls,
}  # fmt: skip
