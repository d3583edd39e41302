"""Numbered blocks: hand-made messages, damaged blocks, repeated blocks, any split."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.wire.core import Core, Event, Message, Violation
from harness.wire.framings import FRAME_S
from harness.wire.framings_blocks import BlocksConfig, BlocksCore
from harness.wire.framings_events import Control, ControlReceived, Delivered, SendFailed

SMALL = BlocksConfig(block_bytes=9)
REPLYING = BlocksConfig(block_bytes=9, replies=True, reply_s=5.0, sends_max=2)
FIRST = b"\x0201123456789D64E\x03"  # the published check value
SECOND = b"\x0202123456789D64E\x03"


def shown(events: list[Event]) -> list[object]:
    out: list[object] = []
    for event in events:
        match event:
            case Message(payload=payload):
                out.append(payload)
            case ControlReceived(byte=byte):
                out.append(byte)
            case Violation(code=code, offset=offset):
                out.append((code.removeprefix("framing."), offset))
    return out


def run(config: BlocksConfig, *reads: bytes) -> tuple[list[object], bytes]:
    core = BlocksCore(config)
    assert isinstance(core, Core)
    for read in reads:
        core.receive(read, 0.0)
    core.receive_eof(0.0)
    return shown(core.events()), core.data_to_send()


TWICE = b"123456789" * 2
TRANSCRIPTS = {
    "two blocks": (SMALL, b"02" + FIRST + SECOND, [TWICE], b""),
    "line ends between": (SMALL, b"02\r\n" + FIRST + b"\r\n" + SECOND, [TWICE], b""),
    "two messages": (SMALL, (b"01" + FIRST) * 2, [b"123456789"] * 2, b""),
    "sign": (SMALL, b"\x1601" + FIRST, [0x16, b"123456789"], b""),
    "not announced": (SMALL, FIRST, [("block-count", 0)], b""),
    "wrong CRC": (
        SMALL, b"01" + FIRST.replace(b"D64E", b"D64F"),
        [("check", 2), ("blocks-missing", 19)], b"",
    ),
    "one missing": (SMALL, b"02" + FIRST, [("blocks-missing", 19)], b""),
    "wrong order": (
        SMALL, b"02" + SECOND + FIRST, [("block-number", 2), ("blocks-missing", 36)], b"",
    ),
    "cut": (
        SMALL, b"01" + FIRST[:-1], [("eof-inside-frame", 2), ("blocks-missing", 18)], b"",
    ),
    "noise": (SMALL, b"xy" + b"01" + FIRST, [("noise", 0), b"123456789"], b""),
    "answered": (REPLYING, b"01" + FIRST, [b"123456789"], b"\x06\x06"),
    "repeated after NAK": (
        REPLYING, b"01" + FIRST.replace(b"D64E", b"0000") + FIRST,
        [("check", 2), b"123456789"], b"\x06\x15\x06",
    ),
    "repeated though taken": (
        REPLYING, b"02" + FIRST + FIRST + SECOND, [TWICE], b"\x06\x06\x06\x06",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript_however_it_is_split(name: str) -> None:
    config, data, events, said = TRANSCRIPTS[name]

    assert run(config, data) == (events, said)
    for at in range(len(data) + 1):
        assert run(config, data[:at], data[at:]) == (events, said), at


@given(st.binary(min_size=1, max_size=600).filter(lambda data: not data.endswith(b" ")))
@settings(max_examples=60, deadline=None)
def test_what_is_sent_is_read_by_hand_and_by_the_core(payload: bytes) -> None:
    sender, receiver = BlocksCore(), BlocksCore()
    sender.send(Message(payload=payload), 0.0)
    wire = sender.data_to_send()
    count = int(wire[:2])
    blocks = [wire[2 + 264 * at :][:264] for at in range(count)]
    assert len(wire) == 2 + 264 * count
    assert b"".join(block[3:259] for block in blocks).rstrip(b" ") == payload
    receiver.receive(wire, 0.0)

    assert receiver.events() == [Message(payload=payload)]
    assert sender.events() == [Delivered(payload=payload, acknowledged=False)]


def test_a_sender_waits_for_each_reply() -> None:
    core = BlocksCore(REPLYING)
    core.send(Message(payload=TWICE), 0.0)
    assert core.data_to_send() == b"02"
    core.receive(b"\x06", 0.0)
    assert core.data_to_send() == FIRST
    core.receive(b"\x15", 0.0)
    assert core.data_to_send() == FIRST
    core.receive(b"\x06", 0.0)
    assert core.data_to_send() == SECOND
    core.receive(b"\x06\x06", 0.0)
    assert core.events()[0] == Delivered(payload=TWICE, acknowledged=True, sends=2)

    core.send(Message(payload=b"x"), 0.0)
    for at in (5.0, 10.0):
        core.on_deadline(at)
    assert [e.reason for e in core.events() if isinstance(e, SendFailed)] == ["no-answer"]


def test_limits() -> None:
    core = BlocksCore(SMALL)
    for wrong in (b"", b"x" * 9 * 100):
        with pytest.raises(LocalProtocolError):
            core.send(Message(payload=wrong), 0.0)
    with pytest.raises(LocalProtocolError):
        core.send(Event(), 0.0)
    core.send(Control(byte=0x16), 0.0)
    assert core.data_to_send() == b"\x16"
    for _ in range(20):
        core.receive(b"02\x02x" * 300, 0.0)
        core.events()
    assert len(core._buffer) + len(core._payload) < 100
    core.on_deadline(FRAME_S)
    assert core.next_deadline() is None


def test_hexadecimal_digits() -> None:
    config = BlocksConfig(block_bytes=1, base=16)
    sender, receiver = BlocksCore(config), BlocksCore(config)
    sender.send(Message(payload=b"abcdefghijkl"), 0.0)
    wire = sender.data_to_send()
    receiver.receive(wire, 0.0)

    assert wire.startswith(b"0C\x0201a")
    assert receiver.events() == [Message(payload=b"abcdefghijkl")]
