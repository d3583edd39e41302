"""Transcripts of the framings: bytes in, events out, however the bytes were split."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.model import Outcome
from harness.wire.core import Core, Event, Message, Unit, Violation
from harness.wire.framings import FRAME_S, SETTLE_S, FramingConfig, FramingCore
from harness.wire.framings_checks import CheckKind
from harness.wire.framings_events import (
    PROBLEMS,
    Accept,
    Control,
    ControlReceived,
    Delivered,
    Refuse,
    SendFailed,
)

PLAIN = FramingConfig(trailer=b"\r\n", frame_bytes_max=40)
OLYMPUS = FramingConfig(check=CheckKind.XOR, check_form="raw", frame_bytes_max=40)
CORNING = FramingConfig(check=CheckKind.TWOS_COMPLEMENT, check_place="before-end", check_end=False)
ARRAY = FramingConfig(
    start=b"[", end=b"]", trailer=b"\r\n", check=CheckKind.TWOS_COMPLEMENT, check_start=True
)
VITROS = FramingConfig(
    start=b"!", end=b"\r\n", check=CheckKind.SUM, check_place="before-end", check_start=True,
    check_end=False,
)  # fmt: skip
VIDAS = FramingConfig(end=b"\x1d", check=CheckKind.SUM, check_form="hex-lower")
LINES = FramingConfig(start=b"", end=b"\r\n", frame_bytes_max=40)
PARTS = FramingConfig(part_end=b"\x17", frame_bytes_max=12)


def shown(events: list[Event]) -> list[object]:
    """Events as short values: payloads, control bytes, or (code, offset)."""
    out: list[object] = []
    for event in events:
        match event:
            case Message(payload=payload):
                out.append(payload)
            case ControlReceived(byte=byte):
                out.append(byte)
            case Violation(code=code, offset=offset, raw=raw):
                assert event.message == PROBLEMS[code]
                assert len(raw) <= 256
                out.append((code.removeprefix("framing."), offset))
            case _:
                out.append(event)
    return out


def run(config: FramingConfig, *reads: bytes) -> list[object]:
    core = FramingCore(config)
    assert isinstance(core, Core)
    for read in reads:
        core.receive(read, 0.0)
    core.receive_eof(0.0)
    return shown(core.events())


# Checks worked by hand: 44^31^03 = 76 "v"; 41+42 = 83, 100-83 = 7D; 5B+38+38+5D = 128 -> D8;
# 21+30+68 = B9; 1E+6D+1D = A8.
TRANSCRIPTS = {
    "one": (PLAIN, b"\x02A\x03\r\n", [b"A"]),
    "back to back": (PLAIN, b"\x02A\x03\x02B\x03", [b"A", b"B"]),
    "empty": (PLAIN, b"\x02\x03", [b""]),
    "noise around": (
        PLAIN, b"\0\0x?\r\x02A\x03\r\nzz\x02B\x03", [("noise", 2), b"A", ("noise", 10), b"B"],
    ),
    "start inside": (PLAIN, b"\x02half\x02B\x03", [("start-inside-frame", 0), b"B"]),
    "three starts": (PLAIN, b"\x02\x02\x02A\x03", [("start-inside-frame", 0), b"A"]),
    "signs": (PLAIN, b"\x05\x02A\x03\x04\x06", [5, b"A", 4, ("late-reply", 5)]),
    "cut off": (PLAIN, b"\x02A\x03\x02half", [b"A", ("eof-inside-frame", 3)]),
    "too long": (
        PLAIN, b"\x02" + b"x" * 41 + b"\x03\x02B\x03", [("frame-too-long", 0), b"B"],
    ),
    "longest": (PLAIN, b"\x02" + b"x" * 40 + b"\x03", [b"x" * 40]),
    "too long without end": (
        PLAIN, b"\x02" + b"x" * 90 + b"\x02B\x03",
        [("frame-too-long", 0), ("start-inside-frame", 0), b"B"],
    ),
    "olympus": (OLYMPUS, b"\x02D1\x03v\x02D1\x03v", [b"D1", b"D1"]),
    "olympus, wrong": (OLYMPUS, b"\x02D2\x03v\x02D1\x03v", [("check", 0), b"D1"]),
    "olympus, cut": (OLYMPUS, b"\x02D1\x03", [("check-missing", 0)]),
    "corning": (CORNING, b"\x02AB7D\x03", [b"AB"]),
    "corning, lower case": (CORNING, b"\x02AB7d\x03", [b"AB"]),
    "corning, wrong": (CORNING, b"\x02AC7D\x03\x02AB7D\x03", [("check", 0), b"AB"]),
    "corning, none": (CORNING, b"\x02A\x03", [("check-missing", 0)]),
    "array": (ARRAY, b"[88]D8\r\n[88]D8\r\n", [b"88", b"88"]),
    "array, none": (ARRAY, b"[88]\r\n[88]D8\r\n", [("check-missing", 0), b"88"]),
    "vitros": (VITROS, b"!0hB9\r\n!0hB9\r\n", [b"0h", b"0h"]),
    "vitros, altered": (VITROS, b"!1hB9\r\n", [("check", 0)]),
    "vidas": (VIDAS, b"\x02\x1em\x1da8", [b"\x1em"]),
    "lines": (LINES, b"\r\na,b\r\nc\r\nrest", [b"a,b", b"c", ("eof-inside-frame", 10)]),
    "lines, CR inside": (LINES, b"a\rb\r\n", [b"a\rb"]),
    "parts": (PARTS, b"\x02AB\x17\x02CD\x03\x02E\x03", [b"ABCD", b"E"]),
    "parts, too long": (
        PARTS, b"\x02" + b"A" * 10 + b"\x17\x02" + b"B" * 10 + b"\x03\x02E\x03",
        [("message-too-long", 12), b"E"],
    ),
    "parts, cut": (PARTS, b"\x02AB\x17", [("eof-inside-frame", 0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript(name: str) -> None:
    config, data, expected = TRANSCRIPTS[name]

    assert run(config, data) == expected


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript_does_not_depend_on_the_reads(name: str) -> None:
    config, data, expected = TRANSCRIPTS[name]

    for at in range(len(data) + 1):
        assert run(config, data[:at], data[at:]) == expected, at
    assert run(config, *(data[at : at + 1] for at in range(len(data)))) == expected


ALL = {"plain": PLAIN, "olympus": OLYMPUS, "corning": CORNING, "array": ARRAY, "vidas": VIDAS}


@given(st.sampled_from(sorted(ALL)), st.lists(st.binary(max_size=60), max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_survived_and_the_next_frame_is_read(name: str, reads: list[bytes]) -> None:
    core = FramingCore(ALL[name])
    for number, read in enumerate(reads):
        core.receive(read, float(number))
    core.on_deadline(1000.0)
    assert core.next_deadline() is None
    core.events()
    core.receive(ALL[name].frame(b"D1"), 1001.0)
    got = shown(core.events())

    assert got == [b"D1"]


def decoded(config: FramingConfig, wire: bytes) -> list[bytes]:
    """What stands in the frames, by a reading of its own: no check, no state."""
    out = []
    while wire:
        start = wire.index(config.start)
        end = wire.index(config.end, start)
        body = wire[start + 1 : end]
        size = 0 if config.check is CheckKind.NONE else 1 if config.check_form == "raw" else 2
        if size and config.check_place == "before-end":
            body = body[:-size]
            size = 0
        out.append(body)
        wire = wire[end + len(config.end) + size + len(config.trailer) :]
    return out


@given(
    st.sampled_from(sorted(ALL)),
    st.lists(st.text(alphabet="ABCabc019 .,|", max_size=30).map(str.encode), max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_what_is_sent_is_read_by_both_readers(name: str, bodies: list[bytes]) -> None:
    config = ALL[name]
    sender, receiver = FramingCore(config), FramingCore(config)
    for body in bodies:
        sender.send(Message(payload=body), 0.0)
    wire = sender.data_to_send()
    receiver.receive(wire, 0.0)

    assert decoded(config, wire) == bodies
    assert shown(receiver.events()) == bodies
    assert [e.acknowledged for e in sender.events() if isinstance(e, Delivered)] == [False] * len(
        bodies
    )


@pytest.mark.parametrize("name", ["olympus", "corning", "array", "vidas"])
def test_every_altered_bit_of_a_checked_frame_is_noticed(name: str) -> None:
    """One flipped bit in what the check covers never passes: all of them find single errors."""
    config = ALL[name]
    wire = config.frame(b"D1,5.6")
    for at in range(1, 7):
        for bit in range(8):
            bad = bytearray(wire)
            bad[at] ^= 1 << bit
            got = run(config, bytes(bad))
            assert not any(isinstance(one, bytes) for one in got), (at, bit, got)


def test_an_unfinished_frame_is_given_up() -> None:
    core = FramingCore(PLAIN)
    core.receive(b"\x02half", 5.0)
    assert core.next_deadline() == 5.0 + FRAME_S
    core.on_deadline(5.0 + FRAME_S)
    core.receive(b"\x02A\x03", 30.0)
    assert shown(core.events()) == [("incomplete", 0), b"A"]

    core.receive(b"??", 40.0)
    assert core.next_deadline() == 40.0 + SETTLE_S
    core.on_deadline(41.0)
    assert shown(core.events()) == [("noise", 8)]


REPLYING = FramingConfig(
    check=CheckKind.XOR, check_form="raw", replies=True, reply_s=5.0, sends_max=3, give_up=b"\x04"
)


def test_frames_are_answered() -> None:
    core = FramingCore(REPLYING)
    core.receive(b"\x02D1\x03v\x02D2\x03v", 0.0)

    assert core.data_to_send() == b"\x06\x15"
    assert shown(core.events()) == [b"D1", ("check", 5)]


def test_the_owner_answers() -> None:
    config = FramingConfig(replies=True, auto_accept=False, part_end=b"\x17", frame_bytes_max=20)
    core = FramingCore(config)
    core.receive(b"\x02A\x17\x02B\x03\x02C\x03", 0.0)
    assert (core.data_to_send(), shown(core.events())) == (b"\x06", [b"AB"])
    core.receive(b"z" * 30, 0.0)
    assert shown(core.events()) == [("input-while-waiting", 6)]

    core.send(Refuse(), 0.0)
    assert (core.data_to_send(), shown(core.events())) == (b"\x15", [b"AC"])
    core.send(Accept(), 0.0)
    core.send(Accept(), 0.0)
    assert core.data_to_send() == b"\x06"


def test_a_sender_repeats_and_gives_up() -> None:
    core = FramingCore(REPLYING)
    attempts: list[int] = []

    def note(unit: Unit, /) -> list[bytes]:
        attempts.append(unit.attempt)
        return [unit.data]

    core.mutator = note
    core.send(Message(payload=b"D1"), 0.0)
    core.send(Message(payload=b"D2"), 0.0)
    assert core.data_to_send() == b"\x02D1\x03v"
    assert core.next_deadline() == 5.0
    core.on_deadline(5.0)
    core.receive(b"\x15", 6.0)
    assert core.data_to_send() == b"\x02D1\x03v" * 2
    core.receive(b"\x15", 7.0)
    assert core.data_to_send() == b"\x04\x02D2\x03u"
    assert core.events() == [SendFailed(payload=b"D1", reason="refused", outcome=Outcome.UNKNOWN)]
    assert attempts == [0, 1, 2, 0]

    core.receive(b"\x06", 8.0)
    assert core.events() == [Delivered(payload=b"D2", acknowledged=True, sends=1)]
    core.send(Message(payload=b"D3"), 9.0)
    core.send(Message(payload=b"D4"), 9.0)
    core.receive_eof(9.0)
    assert [(e.payload, e.outcome.value) for e in core.events() if isinstance(e, SendFailed)] == [
        (b"D3", "unknown"),
        (b"D4", "failed"),
    ]


def test_what_it_cannot_send() -> None:
    core = FramingCore(PLAIN)
    core.send(Control(byte=5), 0.0)
    assert core.data_to_send() == b"\x05"
    with pytest.raises(LocalProtocolError):
        core.send(Event(), 0.0)
    with pytest.raises(ValueError, match="one byte"):
        FramingConfig(start=b"ab")
    with pytest.raises(ValueError, match="same length"):
        FramingConfig(part_end=b"ab")


@pytest.mark.parametrize("junk", [b"x", b"\x02", b"\x02x"])
def test_a_flood_is_bounded(junk: bytes) -> None:
    core = FramingCore(PLAIN)
    for _ in range(50):
        core.receive(junk * 2_000, 0.0)
        core.events()

    assert len(core._buffer) <= 41 + 1
