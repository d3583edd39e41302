"""LIS01-A2 under any input, any chunking, and any schedule of losses, in virtual time."""

import itertools

from depth import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import Outcome
from harness.wire import astm_link as link
from harness.wire.astm_decode import decode_stream
from harness.wire.core import Message

# Bytes that mean something to the link are as likely as others.
SPICE = st.one_of(
    st.sampled_from([bytes([one]) for one in b"\x02\x03\x04\x05\x06\x15\x17\r\n0123LlHP|"]),
    st.sampled_from([b"\x05\x021P|1\r\x033E\r\n", b"\x022L|1|N\r\x0305\r\n", b"\x021P|1\r\x17"]),
    st.binary(max_size=8),
)
STREAM = st.lists(SPICE, max_size=40).map(b"".join)

CONFIGS = st.builds(
    link.AstmLinkConfig,
    side=st.sampled_from(["instrument", "host"]),
    cut=st.sampled_from(link.CutPolicy),
    frame_text_max=st.integers(1, 40),
    receive_text_max=st.sampled_from([5, 63_993]),
    message_bytes_max=st.sampled_from([30, 1 << 20]),
    block_end=st.sampled_from(link.BlockEnd),
    numbers=st.sampled_from(link.NumberPolicy),
    check_numbers=st.booleans(),
    checksum=st.sampled_from(link.ChecksumKind),
    check_checksum=st.booleans(),
    trailer=st.sampled_from(link.Trailer),
    record_end=st.sampled_from([b"\r", b"\n", b"\r\n"]),
    record_end_in_frame=st.booleans(),
    junk_is_refusal=st.booleans(),
    on_interrupt=st.sampled_from(link.InterruptPolicy),
    request_interrupt=st.booleans(),
    on_enq=st.sampled_from(link.EnqPolicy),
    eot_ends_message=st.booleans(),
    restart_receive_timer=st.booleans(),
    auto_accept=st.booleans(),
    busy=st.booleans(),
)
WISHES = st.sampled_from(
    [
        Message(payload=b"H|\\^&\rP|1\rL|1\r"),
        Message(payload=b""),
        link.Accept(),
        link.Refuse(),
        link.Interrupt(),
        link.Accept(hold=1),
        link.Busy(on=True),
        link.Busy(on=False),
    ]
)
STEPS = st.lists(st.one_of(STREAM, WISHES, st.floats(0.1, 40.0)), max_size=12)


@settings(max_examples=examples(200), deadline=None)
@given(CONFIGS, STEPS, st.booleans())
def test_nothing_raises_and_memory_is_bounded(config, steps, eof):
    core, now = link.AstmLinkCore(config), 0.0
    for step in steps:
        if isinstance(step, bytes):
            core.receive(step, now)
        elif isinstance(step, float):
            now += step
            core.on_deadline(now)
        else:
            core.send(step, now)
        due = core.next_deadline()
        assert due is None or due > now
        core.events()
        core.data_to_send()
        assert len(core._backlog) <= link.BACKLOG_BYTES_MAX
        assert len(core._reader._body) <= config.receive_text_max + 2
        room = config.message_bytes_max + config.receive_text_max
        assert len(core._machine.receiver._assembler._buffer) <= room
    if eof:
        core.receive_eof(now)
        assert core.next_deadline() is None
        assert core.state is link.State.IDLE


@settings(max_examples=examples(200), deadline=None)
@given(CONFIGS, STREAM, st.lists(st.integers(1, 10), min_size=1, max_size=10))
def test_events_do_not_depend_on_the_reads(config, data, sizes):
    whole, parts = link.AstmLinkCore(config), link.AstmLinkCore(config)
    whole.receive(data, 0.0)
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            break
        parts.receive(data[at : at + size], 0.0)
        at += size
    for core in (whole, parts):
        core.on_deadline(1.0)  # judges what waits for a next byte
        core.receive_eof(2.0)

    assert parts.events() == whole.events()
    assert parts.data_to_send() == whole.data_to_send()


RECORDS = st.lists(
    st.text(st.characters(codec="gb18030", exclude_categories=["Cc", "Cs"]), max_size=30),
    max_size=12,
)


@settings(max_examples=examples(150), deadline=None)
@given(
    RECORDS,
    st.sampled_from(link.CutPolicy),
    st.sampled_from(link.BlockEnd),
    st.integers(1, 60),
    st.integers(1, 70),
)
def test_a_message_arrives_whatever_the_cut_and_the_reads(records, cut, block_end, text_max, size):
    lines = ["H|\\^&", *(f"C|{record}" for record in records), "L|1|N"]
    payload = "".join(f"{line}\r" for line in lines).encode("gb18030")
    options = {"cut": cut, "block_end": block_end, "frame_text_max": text_max}
    sender = link.AstmLinkCore(link.AstmLinkConfig(side="instrument", **options))
    receiver = link.AstmLinkCore(link.AstmLinkConfig(side="host"))
    sender.send(Message(payload=payload), 0.0)
    wire = b""
    while said := sender.data_to_send():
        wire += said
        for at in range(0, len(said), size):
            receiver.receive(said[at : at + size], 0.0)
        sender.receive(receiver.data_to_send(), 0.0)

    assert sender.events() == [link.Delivered(payload=payload)]
    received = receiver.events()
    assert [one for one in received if isinstance(one, link.MessageReceived)] == [
        link.MessageReceived(payload=payload)
    ]
    units = decode_stream(wire)
    assert all(unit.sound for unit in units)
    assert b"".join(unit.text for unit in units) == payload
    frames = [unit for unit in units if unit.kind == "FRAME"]
    assert [int(unit.number) for unit in frames] == [n % 8 for n in range(1, len(frames) + 1)]
    assert frames[-1].end == "ETX"


class Line:
    """Two cores, a wire that follows a schedule of mishaps, and owners that repeat what failed."""

    STEPS_MAX = 5000
    REPEATS_MAX = 3

    def __init__(self, fates):
        self.fates = iter(fates)
        self.now = 0.0
        self.cores = {
            side: link.AstmLinkCore(link.AstmLinkConfig(side=side, frame_text_max=12))
            for side in ("instrument", "host")
        }
        for core in self.cores.values():
            core.mutator = self.mishap
        self.sent = {side: [] for side in self.cores}
        self.outcomes = {side: [] for side in self.cores}
        self.received = {side: [] for side in self.cores}

    def mishap(self, unit):
        match next(self.fates, "pass"):
            case "drop":
                return []
            case "garble":  # what a receiver can tell: a lost control character, a bad checksum
                return [b"?" if len(unit.data) == 1 else unit.data[:-3] + b"?" + unit.data[-2:]]
        return [unit.data]

    def send(self, side, payload):
        self.sent[side].append(payload)
        self.cores[side].send(Message(payload=payload), self.now)

    def collect(self):
        for side, core in self.cores.items():
            for event in core.events():
                if isinstance(event, link.MessageReceived):
                    self.received[side].append(event.payload)
                elif isinstance(event, link.Delivered):
                    self.outcomes[side].append((event.payload, Outcome.OK))
                elif isinstance(event, link.SendFailed):
                    self.outcomes[side].append((event.payload, event.outcome))
                    if self.sent[side].count(event.payload) < self.REPEATS_MAX:
                        self.send(side, event.payload)

    def run(self):
        """Until both rest: everything that can still happen has happened."""
        one, other = self.cores.values()
        for _ in range(self.STEPS_MAX):
            self.collect()
            said, heard = one.data_to_send(), other.data_to_send()
            if said or heard:
                other.receive(said, self.now)
                one.receive(heard, self.now)
                continue
            due = [at for core in self.cores.values() if (at := core.next_deadline()) is not None]
            if not due:
                return
            self.now = max(self.now, min(due))
            for core in self.cores.values():
                core.on_deadline(self.now)
        raise AssertionError("the line does not come to rest")


FATES = st.lists(st.sampled_from(["pass", "pass", "pass", "drop", "garble"]), max_size=60)


def payloads(side, count):
    return [f"H|\\^&|{side}{n}\rR|1|a long result value\rL|1\r".encode() for n in range(count)]


def check_account(line, sender, receiver):
    """Delivered means received once, failed means not received, unknown either; nothing is lost."""
    for payload in set(line.sent[sender]):
        outcomes = [one for what, one in line.outcomes[sender] if what == payload]
        received = line.received[receiver].count(payload)
        certain = outcomes.count(Outcome.OK)

        assert len(outcomes) == line.sent[sender].count(payload)  # every send is accounted for
        assert certain <= 1
        assert certain <= received <= certain + outcomes.count(Outcome.UNKNOWN)
        assert certain == 1 or len(outcomes) == Line.REPEATS_MAX  # or the owner knows it failed


@settings(max_examples=examples(200), deadline=None)
@given(FATES, st.integers(1, 3))
def test_one_direction_delivers_exactly_once_or_reports(fates, count):
    line = Line(fates)
    for payload in payloads("i", count):
        line.send("instrument", payload)
    line.run()

    check_account(line, "instrument", "host")


@settings(max_examples=examples(200), deadline=None)
@given(FATES, st.integers(1, 2), st.integers(1, 2))
def test_both_directions_with_contention(fates, ours, theirs):
    line = Line(fates)
    for payload in payloads("i", ours):
        line.send("instrument", payload)
    for payload in payloads("h", theirs):
        line.send("host", payload)
    line.run()

    check_account(line, "instrument", "host")
    check_account(line, "host", "instrument")


def test_a_line_without_mishaps_needs_no_time_but_the_contention():
    line = Line([])
    line.send("instrument", payloads("i", 1)[0])
    line.send("host", payloads("h", 1)[0])
    line.run()

    assert line.now == 1.0  # the instrument bids again after 1 s, the host right after its session
    assert line.outcomes["host"] == [(payloads("h", 1)[0], Outcome.OK)]


def test_the_account_can_fail():
    line = Line([])
    line.send("instrument", payloads("i", 1)[0])
    line.run()
    line.received["host"].clear()

    try:
        check_account(line, "instrument", "host")
    except AssertionError:
        return
    raise AssertionError("a lost message was not noticed")
