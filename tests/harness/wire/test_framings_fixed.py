"""Records without framing: size and pauses are all there is."""

import pytest

from harness.errors import LocalProtocolError
from harness.wire.core import Core, Event, Message
from harness.wire.framings_events import Delivered, violation
from harness.wire.framings_fixed import GAP_S, FixedCore


@pytest.mark.parametrize("at", range(8))
def test_records_of_a_size_with_any_bytes(at: int) -> None:
    core = FixedCore(3)
    assert isinstance(core, Core)
    data = b"\x00\x01\x02\x03\x04\x05\x06"
    core.receive(data[:at], 0.0)
    core.receive(data[at:], 0.0)

    assert core.events() == [
        Message(payload=b"\x00\x01\x02"),
        Message(payload=b"\x03\x04\x05"),
    ]
    assert core.next_deadline() == GAP_S


def test_half_a_record_is_dropped_after_a_pause() -> None:
    core = FixedCore(2)
    core.receive(b"abc", 0.0)
    core.on_deadline(GAP_S)
    core.receive(b"de", 9.0)
    core.receive(b"f", 9.0)
    core.receive_eof(9.0)

    assert core.events() == [
        Message(payload=b"ab"),
        violation("framing.incomplete", 2, b"c"),
        Message(payload=b"de"),
        violation("framing.eof-inside-frame", 5, b"f"),
    ]


def test_sending() -> None:
    core = FixedCore(1)
    core.send(Message(payload=b"\x00\x10"), 0.0)

    assert core.data_to_send() == b"\x00\x10"
    assert core.events() == [Delivered(payload=b"\x00\x10", acknowledged=False)]
    with pytest.raises(LocalProtocolError):
        core.send(Event(), 0.0)
