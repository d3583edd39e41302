"""The short way through LIS01-A2 does what the long one does, and is taken by no other link."""

import contextlib
import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.wire import astm_link as link
from harness.wire.astm_frame import checksum
from harness.wire.astm_quick import may_be_short
from harness.wire.core import Answering, Message

OTHERWISE = {
    "numbers": link.NumberPolicy.NEVER,
    "check_numbers": False,
    "checksum": link.ChecksumKind.WITH_START,
    "check_checksum": False,
    "trailer": link.Trailer.CR,
    "record_end": b"\n",
    "record_end_in_frame": False,
    "request_interrupt": True,
    "auto_accept": False,
}


def frame(number, text, end=b"\x03"):
    body = b"%d%b%b" % (number % 8, text, end)
    return b"\x02%b%02X\r\n" % (body, sum(body) & 0xFF)


def seen(core):
    machine = core._machine
    return (
        core.data_to_send(), core.events(), core.state, core.next_deadline(), core._offset,
        machine.receiver.hold, machine.receiver.frames, machine.receiver.expected,
        bytes(machine.receiver._assembler._buffer), machine.link_free_at,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(OTHERWISE))
def test_a_dialect_of_its_own_goes_the_long_way(name):
    assert may_be_short(link.AstmLinkConfig(side="host"))
    assert not may_be_short(link.AstmLinkConfig(side="host", **{name: OTHERWISE[name]}))


def test_a_switch_that_nobody_has_thought_of_goes_the_long_way(monkeypatch):
    new = dataclasses.field(default=False)
    new.name = "new"
    monkeypatch.setattr("harness.wire.astm_quick._ASIDE", (new,))

    class Config:
        new = True

    assert not may_be_short(Config())


@given(st.binary(max_size=1200))
def test_the_sum_is_the_sum_at_any_length(data):
    assert checksum(data) == b"%02X" % (sum(data) % 256)


def test_the_sum_of_the_largest_frame_of_the_largest_bytes():
    assert checksum(b"\xff" * 64_000) == b"%02X" % (255 * 64_000 % 256)


TEXTS = st.sampled_from(
    [b"H|\\^&\r", b"P|1\r", b"O|1||\xac\x7c\r", b"R|1|^^^A|5.1\r", b"L|1|N\r", b"l|1\r", b"X|1\r",
     b"R|1", b"part", b"\r", b"P|1\rO|1\r", b"H|\\^&\rL|1\r", b"", b" \r", b"C\n\r", b"R|\x00\r"]
)  # fmt: skip
FRAMES = st.builds(frame, st.integers(0, 7), TEXTS, st.sampled_from([b"\x03", b"\x17"]))
STEPS = st.lists(
    st.one_of(
        TEXTS,  # the next frame, with this text
        TEXTS,
        FRAMES,
        st.sampled_from([b"\x05", b"\x04", b"\x06", b"\x15", b"\x04\x05", b"\x06\x06", b"?"]),
        st.sampled_from([b"\x021P|1\r\x033e\r\n", b"\x021P|1\r\x0300\r\n", b"\x021P|1"]),
        st.just(Message(payload=b"H|\\^&\rP|1\rR|1|" + b"5" * 300 + b"\rL|1\r")),
        st.just(link.Busy(on=True)),
        st.just(link.Busy(on=False)),
        st.floats(0.1, 40.0),
    ),
    max_size=30,
)
CONFIGS = st.builds(
    link.AstmLinkConfig,
    side=st.sampled_from(["instrument", "host"]),
    cut=st.sampled_from(link.CutPolicy),
    receive_text_max=st.sampled_from([5, 63_993]),
    message_bytes_max=st.sampled_from([20, 1 << 20]),
    block_end=st.sampled_from(link.BlockEnd),
    eot_ends_message=st.booleans(),
    restart_receive_timer=st.booleans(),
    parts_reported=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(CONFIGS, STEPS)
def test_both_ways_lead_to_the_same(config, steps):
    short = link.AstmLinkCore(config)
    long = link.AstmLinkCore(config)
    long.mutator = lambda unit: [unit.data]
    assert isinstance(short, Answering)
    now = 0.0
    for step in [b"\x05", *steps]:
        data = step
        if isinstance(step, bytes) and step not in {b"\x05", b"\x04", b"\x06", b"\x15"}:
            starts = step[:1] in {b"\x02", b"?", b"\x04", b"\x06"}
            data = step if starts else frame(short._machine.receiver.expected, step)
        if isinstance(data, bytes):
            assert long.answer_at_once(data, now) is None
            long.receive(data, now)
            answer = short.answer_at_once(data, now)
            if answer is None:
                short.receive(data, now)
                answer = b""
        else:
            answer = b""
            for core in (short, long):
                if isinstance(data, float):
                    core.on_deadline(now + data)
                else:
                    with contextlib.suppress(LocalProtocolError):  # too long for both
                        core.send(data, now)
            now += data if isinstance(data, float) else 0.0
        before, after = seen(short), seen(long)
        assert (answer + before[0], *before[1:]) == after


def message(results):
    texts = [b"H|\\^&\r", b"P|1\r", b"O|1||B1\r"]
    texts += [b"R|%d|^^^A|%d\r" % (one, one) for one in range(1, results + 1)]
    return [*texts, b"L|1|N\r"]


def test_a_whole_message_goes_the_short_way_but_for_its_end():
    core = link.AstmLinkCore(link.AstmLinkConfig(side="host", parts_reported=False))
    texts = message(10)
    assert core.answer_at_once(b"\x05", 1.0) == b"\x06"
    for number, text in enumerate(texts[:-1], 1):
        assert core.answer_at_once(frame(number, text), 1.0) == b"\x06"
    assert core.answer_at_once(frame(len(texts), texts[-1]), 1.0) == b"", "more comes of it"

    assert core.events() == [link.MessageReceived(payload=b"".join(texts))]
    assert core.data_to_send() == b"\x06"


def test_what_is_sent_goes_the_short_way_but_for_its_end():
    core = link.AstmLinkCore(
        link.AstmLinkConfig(side="instrument", cut=link.CutPolicy.ONE_RECORD_A_FRAME)
    )
    texts = message(3)
    core.send(Message(payload=b"".join(texts)), 0.0)
    assert core.data_to_send() == b"\x05"
    core.receive(b"\x06", 0.0)
    assert core.data_to_send() == frame(1, texts[0])
    for number, text in enumerate(texts[1:], 2):
        assert core.answer_at_once(b"\x06", 0.0) == frame(number, text)
    assert core.answer_at_once(b"\x06", 0.0) is None
    core.receive(b"\x06", 0.0)

    assert core.data_to_send() == b"\x04"
    assert core.events() == [link.Delivered(payload=b"".join(texts))]


def test_a_frame_that_is_not_good_is_left_to_the_long_way():
    rng = random.Random(3)
    core = link.AstmLinkCore(link.AstmLinkConfig(side="host", parts_reported=False))
    assert core.answer_at_once(b"\x05", 0.0) == b"\x06"
    good = frame(1, b"P|1\r")
    for at in range(len(good)):
        broken = bytearray(good)
        broken[at] ^= 1 << rng.randrange(8)
        assert core.answer_at_once(bytes(broken), 0.0) is None
    for other in (good[:-1], good + b"\n", b"x" + good, frame(2, b"P|1\r")):
        assert core.answer_at_once(other, 0.0) is None
    assert core.answer_at_once(good, 0.0) == b"\x06"


@pytest.mark.parametrize("parts", [True, False])
def test_one_transmission_too_many_is_reported_also_where_it_is_good(parts):
    core = link.AstmLinkCore(link.AstmLinkConfig(side="host", parts_reported=parts))
    good = frame(1, b"H|\\^&\r")
    wrong = good[:-4] + b"zz\r\n"
    for data in (b"\x05", *[wrong] * 7, good):  # LIS01-A2 §8.5.1: six, or seven, are allowed
        if not core.answer_at_once(data, 1.0):
            core.receive(data, 1.0)
        sent, codes = core.data_to_send(), [getattr(one, "code", "") for one in core.events()]
    assert sent == b"\x06"
    assert "astm.too-many-transmissions" in codes
