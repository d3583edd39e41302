"""MLLP under noise: nothing raises, nothing is lost, and the reads do not matter."""

import itertools

from depth import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire.core import Message, Violation
from harness.wire.mllp import RAW_BYTES_MAX, CommitBlock, MllpCore

STREAM = st.lists(
    st.one_of(
        st.sampled_from(
            [b"\x0b", b"\x1c", b"\r", b"\n", b"\0", b"\x1c\r", b"\x06", b"\x15", b"A", b"MSH|"]
        ),
        st.binary(max_size=6),
    ),
    max_size=30,
).map(b"".join)


def events(reads: list[bytes], limit: int = 12) -> list[object]:
    core = MllpCore(max_message_bytes=limit)
    for read in reads:
        core.receive(read, 0.0)
        assert len(core._buffer) <= limit + max(len(read), 1)
    core.receive_eof(0.0)
    assert core.next_deadline() is None
    return list(core.events())


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(each, len(data)) for each in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


@given(data=STREAM, cuts=st.lists(st.integers(0, 120), max_size=8))
@settings(max_examples=examples(120), deadline=None)
def test_events_do_not_depend_on_the_reads(data, cuts):
    whole = events([data])

    assert events(cut(data, cuts)) == whole
    for event in whole:
        if isinstance(event, Violation):
            assert 0 <= event.offset <= len(data)
            assert len(event.raw) <= RAW_BYTES_MAX


@given(data=STREAM, payload=st.binary(min_size=2, max_size=12))
@settings(max_examples=examples(120), deadline=None)
def test_a_good_frame_after_any_noise_comes_out(data, payload):
    payload = payload.replace(b"\x0b", b"x").replace(b"\x1c", b"x")

    last = events([data + b"\x0b" + payload + b"\x1c\r"])[-1]

    assert last == Message(payload=payload)


@given(
    payloads=st.lists(st.binary(min_size=2, max_size=12), max_size=8),
    cuts=st.lists(st.integers(0, 120), max_size=6),
)
@settings(max_examples=examples(120), deadline=None)
def test_what_is_sent_is_what_is_received(payloads, cuts):
    payloads = [each.replace(b"\x0b", b"x").replace(b"\x1c", b"x") for each in payloads]
    sender = MllpCore()
    for payload in payloads:
        sender.send(Message(payload=payload), 0.0)
    sender.send(CommitBlock(positive=True), 0.0)

    received = events(cut(sender.data_to_send(), cuts))

    assert received == [*(Message(payload=each) for each in payloads), CommitBlock(positive=True)]


@given(data=STREAM, moments=st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=examples(120), deadline=None)
def test_deadlines_at_any_moment_lose_no_later_frame(data, moments):
    core = MllpCore(max_message_bytes=12)
    now = 0.0
    for at, piece in enumerate(cut(data, moments)):
        now = at * 10.0
        core.receive(piece, now)
        deadline = core.next_deadline()
        if deadline is not None:
            assert deadline > now
            core.on_deadline(deadline)
            assert core.next_deadline() is None
    core.receive(b"\x0bMSH|\x1c\r", now + 5.0)

    assert core.events()[-1] == Message(payload=b"MSH|")
