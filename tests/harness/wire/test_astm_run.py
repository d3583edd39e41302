"""Records that are acknowledged one by one and put together at the end of their run."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.wire import astm_link as link
from harness.wire import astm_run
from harness.wire.astm_run import RUN_BYTES_MAX, TEXT_MAX, Run
from harness.wire.core import Message


def frame(number, text, end=b"\x03"):
    body = b"%d%b%b" % (number % 8, text, end)
    return b"\x02%b%02X\r\n" % (body, sum(body) & 0xFF)


def begun(number=2, room=10_000, *, first=False):
    run = Run()
    run.begin(number, room, first=first)
    return run


def test_the_next_records_are_kept_as_they_came():
    run = begun(7)
    came = [frame(7, b"P|1\r"), frame(0, b"O|1||\xac\x7c\r"), frame(1, b"R|1|^^^A|5.1\r")]
    for at, one in enumerate(came):
        assert run.take(one, float(at))

    assert run.at == 2.0
    assert run.end() == came
    assert run.end() == []
    assert not run.take(frame(2, b"R|2\r"), 3.0), "it is over"


@pytest.mark.parametrize(
    "data",
    [
        frame(3, b"R|1\r"),  # not its number
        frame(2, b"R|1\r", b"\x17"),  # not whole
        frame(2, b"R|1"),
        frame(2, b"R|1\rR|2\r"),
        frame(2, b"R\n1\r"),
        frame(2, b"H|\\^&\r"),
        frame(2, b"L|1\r"),
        frame(2, b"X|1\r"),
        frame(2, b"R|1\r")[:-1],
        frame(2, b"R|1\r") + b"\x05",
        b"\x022R|1\r\x0300\r\n",
        frame(2, b"R|1\r").lower(),
        b"\x05",
        b"",
    ],
)
def test_anything_else_is_left_with_nothing_done(data):
    run = begun(2)
    assert not run.take(data, 1.0)
    assert run.at == 0.0
    assert run.take(frame(2, b"R|1\r"), 1.0)


@pytest.mark.parametrize("size", [TEXT_MAX, TEXT_MAX + 1])
def test_a_text_is_as_long_as_its_sum_may_be(size):
    text = b"R" + b"\xff" * (size - 2) + b"\r"
    assert begun().take(frame(2, text), 0.0) == (size == TEXT_MAX)


def test_a_run_has_an_end():
    run = begun(room=1 << 30)
    taken = 0
    while run.take(frame(2 + taken, b"R|1|" + b"5" * 200 + b"\r"), 0.0):
        taken += 1
    assert sum(map(len, run.end())) <= RUN_BYTES_MAX < (taken + 1) * 212


def test_a_message_begins_with_its_header():
    assert not begun(1, first=True).take(frame(1, b"P|1\r"), 0.0)
    assert begun(1, first=True).take(frame(1, b"H|\\^&\r"), 0.0)


@pytest.mark.parametrize(
    ("text", "last"),
    [(b"L|1|N\r", True), (b"L\r", True), (b"l|1\r", False), (b"L1|N\r", False), (b"L|1", False),
     (b"L|1\rH|\r", False), (b"L|\x07\r", False)],
)  # fmt: skip
def test_what_ends_it_is_the_last_record_of_the_message(text, last):
    run = begun()
    assert not run.ends_with(frame(2, b"L|1|N\r")), "there is nothing yet that it could end"
    assert run.take(frame(2, b"R|1\r"), 0.0)
    assert run.ends_with(frame(3, text)) is last
    assert not run.ends_with(frame(4, text))
    assert not run.ends_with(frame(3, text)[:-4] + b"0G\r\n")


GOOD = [b"H|\\^&\r", b"P|1\r", b"O|1||\xac\x7c\r", b"R|1|^^^A|5.1\r", b"L|1|N\r"]
PIECES = st.lists(
    st.one_of(
        st.sampled_from(GOOD),
        st.sampled_from([b"l|1\r", b"X|1\r", b"R|1", b"H|\\^&\rL|1\r", b"", b"R|\x00\r"]),
        st.sampled_from([b"\x05", b"\x04", b"\x04\x05", b"\x06", b"?"]),
        st.sampled_from([b"\x021P|1\r\x0300\r\n", b"\x021P|1", link.Busy(on=True)]),
        st.just(Message(payload=b"H|\\^&\rP|1\rL|1\r")),
        st.floats(0.1, 40.0),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(PIECES, st.sampled_from([60, 1 << 20]), st.booleans())
def test_both_ways_have_led_to_the_same_in_the_end(steps, most, parts):
    """Nobody looks in between, so that runs are as long as they come."""
    config = link.AstmLinkConfig(side="host", parts_reported=parts, message_bytes_max=most)
    short = link.AstmLinkCore(config)
    long = link.AstmLinkCore(config)
    long.mutator = lambda unit: [unit.data]
    told, sent, now, number = ([], []), ([], []), 0.0, 1
    for step in [b"\x05", *steps]:
        data = step
        if isinstance(step, bytes) and step.rstrip(b"?\x04\x05\x06") and step[:1] != b"\x02":
            data, number = frame(number, step), (number + 1) % 8
        number = 1 if step in {b"\x05", b"\x04\x05"} else number
        for at, core in enumerate((short, long)):
            answer = None
            if isinstance(data, float):
                core.on_deadline(now + data)
            elif isinstance(data, bytes):
                answer = core.answer_at_once(data, now)
                if answer is None:
                    core.receive(data, now)
            else:
                with contextlib.suppress(LocalProtocolError):
                    core.send(data, now)
            told[at].extend([] if answer else core.events())
            sent[at].append(answer or core.data_to_send())
        now += data if isinstance(data, float) else 0.1
    assert told[0] == told[1]
    assert sent[0] == sent[1]
    assert short.next_deadline() == long.next_deadline()
    assert (short.state, short._offset) == (long.state, long._offset)
    ends = [core._machine.receiver for core in (short, long)]
    assert len({(one.hold, one.frames, one.expected) for one in ends}) == 1
    assert len({bytes(one._assembler._buffer) for one in ends}) == 1


def test_a_long_message_goes_in_runs(monkeypatch):
    monkeypatch.setattr(astm_run, "RUN_BYTES_MAX", 100)
    core = link.AstmLinkCore(link.AstmLinkConfig(side="host", parts_reported=False))
    texts = [b"H|\\^&\r", *[b"R|%d|^^^A|5\r" % one for one in range(40)], b"L|1|N\r"]
    assert core.answer_at_once(b"\x05", 0.0) == b"\x06"
    for number, text in enumerate(texts, 1):
        assert core.answer_at_once(frame(number, text), 0.0) is not None
        assert len(core._machine.run.frames) <= 10
    assert core.events() == [link.MessageReceived(payload=b"".join(texts))]


def test_a_bid_that_follows_at_once_is_answered():
    core = link.AstmLinkCore(link.AstmLinkConfig(side="host", parts_reported=False))
    assert core.answer_at_once(b"\x05", 0.0) == b"\x06"
    for number, text in enumerate(GOOD, 1):
        assert core.answer_at_once(frame(number, text), 0.0) is not None
    assert [type(one) for one in core.events()] == [link.MessageReceived]
    assert core.data_to_send() == b"\x06"

    assert core.answer_at_once(b"\x04\x05", 1.0) == b""

    assert core.events() == [link.SessionEnded(reason="eot", frames=5)]
    assert core.data_to_send() == b"\x06"
    assert core.next_deadline() == 31.0
