"""XML messages in a stream: where each ends, whatever stands inside and between."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.wire.core import Core, Event, Message, Violation
from harness.wire.poct1a_core import PROBLEMS, SETTLE_S, Poct1aCore


def shown(events: list[Event]) -> list[object]:
    out: list[object] = []
    for event in events:
        if isinstance(event, Message):
            out.append(event.payload)
        else:
            assert isinstance(event, Violation)
            assert event.message == PROBLEMS[event.code]
            out.append((event.code.removeprefix("poct1a."), event.offset))
    return out


def run(*reads: bytes, limit: int = 200) -> list[object]:
    core = Poct1aCore(message_bytes_max=limit)
    assert isinstance(core, Core)
    for read in reads:
        core.receive(read, 0.0)
    core.receive_eof(0.0)
    return shown(core.events())


TRANSCRIPTS = {
    "one": (b"<A><B V='1'/></A>", [b"<A><B V='1'/></A>"]),
    "two": (b"<A></A><B.R01></B.R01 >\r\n", [b"<A></A>", b"<B.R01></B.R01 >"]),
    "self-closing": (b"<KPA.R01/>\n<A/>", [b"<KPA.R01/>", b"<A/>"]),
    "attribute with >": (b"<A V='/>'></A>", [b"<A V='/>'></A>"]),
    "declaration and comment": (b"<?xml version='1.0'?><!-- <B/> --><A></A>", [b"<A></A>"]),
    "BOM": (b"\xef\xbb\xbf<A></A>", [b"<A></A>"]),
    "end in a comment": (b"<A><!--</A>--></A>", [b"<A><!--</A>--></A>"]),
    "end in CDATA": (b"<A><![CDATA[</A>]]></A>", [b"<A><![CDATA[</A>]]></A>"]),
    "end after a comment": (b"<A><!--x-->y<!----></A>", [b"<A><!--x-->y<!----></A>"]),
    "longer name": (b"<A><AB></AB></A>", [b"<A><AB></AB></A>"]),
    "noise": (b"x y<A></A>\x06", [("noise", 0), b"<A></A>", ("noise", 10)]),
    "doctype": (b"<!DOCTYPE A><A></A>", [("doctype", 0), b"<A></A>"]),
    "cut": (b"<A></A><B>half", [b"<A></A>", ("eof-inside-message", 7)]),
    "no name": (b"<5><A></A>", [("noise", 0), b"<A></A>"]),
    "longest": (b"<A>" + b"x" * 193 + b"</A>", [b"<A>" + b"x" * 193 + b"</A>"]),
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript_however_it_is_split(name: str) -> None:
    data, expected = TRANSCRIPTS[name]

    assert run(data) == expected
    for at in range(len(data) + 1):
        assert run(data[:at], data[at:]) == expected, at
    assert run(*(data[at : at + 1] for at in range(len(data)))) == expected


def test_a_message_without_end_is_bounded_and_given_up() -> None:
    core = Poct1aCore(message_bytes_max=100)
    for _ in range(50):
        core.receive(b"<A>" + b"x" * 60, 0.0)
    assert len(core._buffer) <= 200
    assert ("message-too-long", 0) in shown(core.events())

    core = Poct1aCore()
    core.receive(b"<A>", 1.0)
    assert core.next_deadline() == 1.0 + SETTLE_S
    core.on_deadline(1.0 + SETTLE_S)
    core.receive(b"<B></B>", 9.0)
    assert shown(core.events()) == [("incomplete", 0), b"<B></B>"]
    assert core.next_deadline() is None


def test_a_start_tag_without_end_is_bounded() -> None:
    core = Poct1aCore()
    for _ in range(100):
        core.receive(b"<A V='" + b"x" * 100, 0.0)
        core.receive(b"<?" + b"x" * 100, 0.0)

    assert len(core._buffer) < 5_000
    assert shown(core.events())[0] == ("message-too-long", 0)


@given(st.lists(st.binary(max_size=40), max_size=6))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_survived(reads: list[bytes]) -> None:
    core = Poct1aCore(message_bytes_max=100)
    for read in reads:
        core.receive(read, 0.0)
    core.on_deadline(100.0)
    core.events()
    core.receive(b"<A></A>", 101.0)

    assert shown(core.events()) == [b"<A></A>"]


def test_sending() -> None:
    core = Poct1aCore()
    core.send(Message(payload=b"<A/>"), 0.0)

    assert core.data_to_send() == b"<A/>"
    with pytest.raises(LocalProtocolError):
        core.send(Event(), 0.0)
