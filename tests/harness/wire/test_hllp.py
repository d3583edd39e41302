"""HLLP against blocks that were counted by hand."""

from __future__ import annotations

import pytest

from harness.wire.core import Message, Violation
from harness.wire.hllp import BlockRefused, HllpCore

# SB "D23" CR "MSH|" : 0B 44 32 33 0D 4D 53 48 7C, nine bytes; their exclusive or is 0x69 = 105.
TYPED = b"\x0bD23\rMSH|00009105\x1c\r"


def xor_by_hand(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return value


def test_the_typed_block() -> None:
    assert xor_by_hand(TYPED[:9]) == 105
    core = HllpCore()
    core.send(Message(payload=b"MSH|"), 0.0)
    assert core.data_to_send() == TYPED
    core.receive(TYPED, 0.0)
    assert core.events() == [Message(payload=b"MSH|")]
    assert core.data_to_send() == b""


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (TYPED.replace(b"00009", b"00008"), "hllp.wrong-count", "C"),
        (TYPED.replace(b"105", b"106"), "hllp.wrong-checksum", "X"),
        (TYPED.replace(b"MSH|", b"MSHx"), "hllp.wrong-checksum", "X"),
        (b"\x0bMSH|plain mllp\x1c\r", "hllp.no-block-type", "G"),
    ],
)
def test_a_damaged_block_is_refused_and_not_delivered(data: bytes, code: str, reason: str) -> None:
    core = HllpCore()
    core.receive(data, 0.0)
    (event,) = core.events()
    assert isinstance(event, Violation)
    assert event.code == code
    other = HllpCore()
    other.receive(core.data_to_send(), 0.0)
    assert other.events() == [BlockRefused(reason=reason)]
    assert other.data_to_send() == b""


def test_what_is_refused_is_not_refused_in_turn_and_splits_do_not_matter() -> None:
    core = HllpCore(refuses=False)
    for byte in TYPED * 3:
        core.receive(bytes([byte]), 0.0)
    assert core.events() == [Message(payload=b"MSH|")] * 3
    core.receive(b"\x0bx\x1c\r", 0.0)
    assert len(core.events()) == 1
    assert core.data_to_send() == b""


@pytest.mark.parametrize("size", [0, 1, 99_990, 99_999, 200_000])
def test_any_size_goes_there_and_back(size: int) -> None:
    core = HllpCore()
    core.send(Message(payload=b"x" * size), 0.0)
    core.receive(core.data_to_send(), 0.0)
    assert core.events() == [Message(payload=b"x" * size)]
