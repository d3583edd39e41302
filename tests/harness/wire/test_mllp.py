"""Transcripts of MLLP: bytes in, events out (HL7 2.5.1 appendix C, MLLP Release 2 §2.3)."""

import time

import pytest

from harness.errors import LocalProtocolError
from harness.wire.core import Core, Event, Message, Unit, Violation
from harness.wire.mllp import RAW_BYTES_MAX, SETTLE_S, TEXTS, CommitBlock, MllpCore


def shown(events: list[Event]) -> list[object]:
    """Events as short tuples: payloads, commit signs, or (code, offset)."""
    out: list[object] = []
    for event in events:
        if isinstance(event, Message):
            out.append(event.payload)
        elif isinstance(event, CommitBlock):
            out.append(event.positive)
        else:
            assert isinstance(event, Violation)
            assert event.message == TEXTS[event.code]
            assert event.clause
            assert len(event.raw) <= RAW_BYTES_MAX
            out.append((event.code.removeprefix("mllp."), event.offset))
    return out


def run(*reads: bytes, eof: bool = False, limit: int = 1000) -> list[object]:
    core = MllpCore(max_message_bytes=limit)
    for read in reads:
        core.receive(read, 0.0)
    if eof:
        core.receive_eof(0.0)
    return shown(core.events())


TRANSCRIPTS = {
    "one frame": (b"\x0bMSH|A\r\x1c\r", [b"MSH|A\r"]),
    "two glued": (b"\x0bA\x1c\r\x0bB\x1c\r", [b"A", b"B"]),
    "LF between": (b"\x0bA\x1c\r\n\x0bB\x1c\r", [b"A", ("line-end-between-frames", 4), b"B"]),
    "CR LF between": (b"\x0bA\x1c\r\r\n\x0bB\x1c\r", [b"A", ("line-end-between-frames", 4), b"B"]),
    "NUL between": (b"\x0bA\x1c\r\0\0\x0bB\x1c\r", [b"A", ("nul-between-frames", 4), b"B"]),
    "NUL and LF": (b"\0\n\x0bB\x1c\r", [("nul-between-frames", 0), b"B"]),
    "log line first": (b"12:00 connected\r\n\x0bA\x1c\r", [("junk-before-start", 0), b"A"]),
    "blanks first": (b"  \x0bA\x1c\r", [("junk-before-start", 0), b"A"]),
    "double wrapping": (
        b"\x0b\x0bA\x1c\r\x1c\r\x0bB\x1c\r",
        [("double-start", 1), b"A", ("end-without-start", 5), b"B"],
    ),
    "three starts": (b"\x0b\x0b\x0bA\x1c\r", [("double-start", 1), b"A"]),
    "two ends": (
        b"\x0bA\x1c\x1c\r\x0bB\x1c\r",
        [b"A", ("bad-trailer", 2), ("end-without-start", 3), b"B"],
    ),
    "second start": (b"\x0bhalf\x0bB\x1c\r", [("start-inside-frame", 0), b"B"]),
    "no CR": (b"\x0bA\x1c\x0bB\x1c\r", [b"A", ("bad-trailer", 2), b"B"]),
    "NUL for CR": (b"\x0bA\x1c\0\x0bB\x1c\r", [b"A", ("bad-trailer", 2), b"B"]),
    "LF for CR": (b"\x0bA\x1c\n\x0bB\x1c\r", [b"A", ("bad-trailer", 2), b"B"]),
    "EB in payload": (b"\x0bA\x1cB\x1cC\x1c\r", [("end-block-inside", 2), b"A\x1cB\x1cC"]),
    "EB in two payloads": (
        b"\x0bA\x1cB\x1c\r\x0bC\x1cD\x1c\r",
        [("end-block-inside", 2), b"A\x1cB", ("end-block-inside", 8), b"C\x1cD"],
    ),
    "empty frame": (b"\x0b\x1c\r\x0bA\x1c\r", [("empty-frame", 0), b"A"]),
    "stored": (b"\x0b\x06\x1c\r", [True]),
    "not stored, glued": (b"\x0b\x15\x1c\r\x0bA\x1c\r", [False, b"A"]),
    "commit byte in a message": (b"\x0b\x06A\x1c\r", [b"\x06A"]),
    "too long": (b"\x0b" + b"x" * 11 + b"\x1c\r\x0bB\x1c\r", [("frame-too-long", 0), b"B"]),
    "too long, EB inside": (
        b"\x0b" + b"x" * 11 + b"\x1cy\x1c\r\x0bB\x1c\r",
        [("frame-too-long", 0), b"B"],
    ),
    "too long, no end": (
        b"\x0b" + b"x" * 11 + b"\x0bB\x1c\r",
        [("frame-too-long", 0), ("start-inside-frame", 0), b"B"],
    ),
    "longest allowed": (b"\x0b" + b"x" * 10 + b"\x1c\r", [b"x" * 10]),
    "too long only by what follows an EB": (
        b"\x0b" + b"x" * 8 + b"\x1c" + b"y" * 8 + b"\x1c\r\x0bB\x1c\r",
        [("end-block-inside", 9), ("frame-too-long", 0), b"B"],
    ),
    "eof in frame": (b"\x0bA\x1c\r\x0bhalf", [b"A", ("eof-inside-frame", 4)]),
    "eof before CR": (b"\x0bA\x1c", [b"A", ("bad-trailer", 2)]),
    "eof in too long": (b"\x0b" + b"x" * 11, [("frame-too-long", 0), ("eof-inside-frame", 0)]),
    "eof in too long before CR": (
        b"\x0b" + b"x" * 11 + b"\x1c",
        [("frame-too-long", 0), ("bad-trailer", 12)],
    ),
    "eof after junk": (b"MSH|answer without framing\r", [("junk-before-start", 0)]),
    "eof after start": (b"\x0b", [("eof-inside-frame", 0)]),
    "eof": (b"", []),
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript_in_one_read(name):
    data, expected = TRANSCRIPTS[name]

    assert run(data, eof=True, limit=10) == expected


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript_does_not_depend_on_the_reads(name):
    data, expected = TRANSCRIPTS[name]

    for at in range(len(data) + 1):
        assert run(data[:at], data[at:], eof=True, limit=10) == expected, at
    assert run(*(data[at : at + 1] for at in range(len(data))), eof=True, limit=10) == expected


def test_message_comes_out_the_instant_it_is_complete():
    core = MllpCore()

    core.receive(b"\x0bA\x1c", 0.0)
    assert core.events() == []
    core.receive(b"\r", 0.0)
    assert core.events() == [Message(payload=b"A")]
    assert core.events() == []
    assert core.next_deadline() is None


def test_fifty_frames_in_one_read():
    frames = b"".join(b"\x0bM%d\x1c\r" % number for number in range(50))

    assert run(frames) == [b"M%d" % number for number in range(50)]


def test_every_split_of_a_4_kb_message():
    payload = b"MSH|^~\\&|LIS\r" + b"OBX|1|TX|||" + b"x" * 4000 + b"\r"
    data = b"\x0b" + payload + b"\x1c\r"

    for at in range(1, len(data)):
        assert run(data[:at], data[at:], limit=5000) == [payload]


def test_junk_is_judged_when_nothing_follows():
    core = MllpCore()

    core.receive(b"MSA|AA|1\r", 10.0)
    assert core.events() == []
    assert core.next_deadline() == 10.0 + SETTLE_S
    core.on_deadline(10.0 + SETTLE_S / 2)
    assert core.events() == []
    core.on_deadline(10.0 + SETTLE_S)
    assert shown(core.events()) == [("junk-before-start", 0)]
    assert core.next_deadline() is None
    core.receive(b"\x0bA\x1c\r", 12.0)
    assert core.events() == [Message(payload=b"A")]


def test_message_without_trailer_cr_is_delivered_when_nothing_follows():
    core = MllpCore()

    core.receive(b"\x0bA\x1c\r\x0bB\x1c", 5.0)
    assert core.events() == [Message(payload=b"A")]
    assert core.next_deadline() == 5.0 + SETTLE_S
    core.on_deadline(6.5)
    assert shown(core.events()) == [b"B", ("bad-trailer", 6)]
    core.receive(b"\r\x0bC\x1c\r", 7.0)
    assert shown(core.events()) == [("line-end-between-frames", 7), b"C"]


def test_deadline_ends_the_skipping_of_a_long_frame():
    core = MllpCore(max_message_bytes=2)

    core.receive(b"\x0bxxx\x1c", 0.0)
    core.on_deadline(SETTLE_S)
    core.receive(b"\x0bA\x1c\r", 2.0)
    assert shown(core.events()) == [("frame-too-long", 0), ("bad-trailer", 4), b"A"]


def test_long_junk_is_kept_only_in_part():
    core = MllpCore()

    for _ in range(100):
        core.receive(b"\0" * 100, 0.0)
    core.receive(b"\x0bA\x1c\r", 0.0)
    violation, message = core.events()
    assert isinstance(violation, Violation)
    assert violation.code == "mllp.junk-before-start"
    assert violation.raw == b"\0" * RAW_BYTES_MAX
    assert message == Message(payload=b"A")


def test_offsets_go_on_after_the_fast_path():
    assert run(b"\x0bA\x1c\r", b"\x0bB\x1c\r", b"?\x0bC\x1c\r") == [
        b"A",
        b"B",
        ("junk-before-start", 8),
        b"C",
    ]


def test_memory_of_a_frame_that_never_ends_is_bounded():
    core = MllpCore(max_message_bytes=1000)

    core.receive(b"\x0b", 0.0)
    for _ in range(1000):
        core.receive(b"x" * 1000, 0.0)
        assert len(core._buffer) <= 2000
    core.receive(b"\x1c\r\x0bA\x1c\r", 0.0)
    assert shown(core.events()) == [("frame-too-long", 0), b"A"]


def test_send_frames_and_drains():
    core = MllpCore()

    core.send(Message(payload=b"MSH|1\r"), 0.0)
    assert core.data_to_send() == b"\x0bMSH|1\r\x1c\r"
    assert core.data_to_send() == b""
    core.send(CommitBlock(positive=True), 0.0)
    core.send(CommitBlock(positive=False), 0.0)
    core.send(Message(payload=b"\x0b\x1c\r"), 0.0)
    assert core.data_to_send() == b"\x0b\x06\x1c\r\x0b\x15\x1c\r\x0b\x0b\x1c\r\x1c\r"


def test_mutator_sees_each_unit_and_decides():
    seen: list[Unit] = []

    def twice(unit: Unit) -> list[bytes]:
        seen.append(unit)
        return [unit.data, b"?"]

    core = MllpCore(mutator=twice)
    core.send(Message(payload=b"A"), 0.0)
    core.send(CommitBlock(positive=False), 0.0)
    assert core.data_to_send() == b"\x0bA\x1c\r?\x0b\x15\x1c\r?"
    assert seen == [
        Unit(kind="message", data=b"\x0bA\x1c\r", payload=b"A"),
        Unit(kind="nak", data=b"\x0b\x15\x1c\r", payload=b"\x15"),
    ]


def test_send_of_anything_else_is_our_mistake():
    with pytest.raises(LocalProtocolError, match="Event"):
        MllpCore().send(Event(), 0.0)


def test_it_is_a_core():
    core = MllpCore()

    assert isinstance(core, Core)
    assert core.protocol == "mllp"
    core.on_deadline(99.0)
    assert core.events() == []
    assert core.next_deadline() is None


@pytest.mark.slow
def test_20_mb_in_reads_of_64_kib_is_fast():
    payload = b"x" * 20_000_000
    data = b"\x0b" + payload + b"\x1c\r"
    core = MllpCore()

    begin = time.process_time()
    for at in range(0, len(data), 65536):
        core.receive(data[at : at + 65536], 0.0)
    seconds = time.process_time() - begin
    assert core.events() == [Message(payload=payload)]
    assert seconds < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("flood", [b"\x0bA", b"\x1cA", b"\x0b", b"\x1c"])
def test_floods_of_framing_bytes_take_linear_time(flood):
    def cost(times: int) -> float:
        core = MllpCore()
        data = b"\x0b" + flood * times
        begin = time.process_time()
        core.receive(data, 0.0)
        return time.process_time() - begin

    small = min(cost(30_000) for _ in range(3))
    assert min(cost(120_000) for _ in range(2)) < 8 * small  # 4 in linear, 16 in quadratic time
