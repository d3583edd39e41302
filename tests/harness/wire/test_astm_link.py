"""The core as its driver and its owner use it; the protocol itself is in the transcripts."""

import dataclasses

import pytest

from harness.errors import LocalProtocolError
from harness.model import Outcome
from harness.wire import astm_link as link
from harness.wire.astm_decode import decode_stream
from harness.wire.astm_events import RAW_BYTES_MAX
from harness.wire.core import Core, Event, Message, Unit, Violation

FRAME_1 = b"\x021P|1\r\x033E\r\n"
FRAME_2 = b"\x022L|1|N\r\x0305\r\n"


def instrument(**options):
    return link.AstmLinkCore(link.AstmLinkConfig(side="instrument", **options))


def host(**options):
    return link.AstmLinkCore(link.AstmLinkConfig(side="host", **options))


def names(core):
    return [one.code if isinstance(one, Violation) else type(one).__name__ for one in core.events()]


def test_it_is_a_core():
    core = host()

    assert isinstance(core, Core)
    assert core.protocol == "astm"
    assert core.state is link.State.IDLE
    assert core.next_deadline() is None
    core.on_deadline(99.0)
    core.receive(b"", 99.0)
    assert core.events() == []
    assert core.data_to_send() == b""


def test_values_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        link.AstmLinkConfig(side="host").side = "instrument"


def test_timers_are_those_of_the_standard():
    timers = link.AstmTimers()

    assert timers.enq_reply_s == 15
    assert timers.nak_backoff_s == 10
    assert timers.contention_instrument_s == 1
    assert timers.contention_host_s == 20
    assert timers.frame_reply_s == 15
    assert timers.receive_s == 30
    assert timers.interrupt_s == 15
    assert timers.reply_max_s < 15


def test_mutator_sees_every_unit():
    seen: list[Unit] = []

    def watch(unit: Unit) -> list[bytes]:
        seen.append(unit)
        return [unit.data]

    core = instrument()
    core.mutator = watch
    core.send(Message(payload=b"P|1\rL|1|N\r"), 0.0)
    core.receive(b"\x06\x15\x06\x06", 0.0)
    core.receive(b"\x05" + FRAME_1 + b"\x021" + b"\x05", 0.0)
    core.receive(b"\x021P|1\r\x0300\r\n\x04", 0.0)
    core.send(link.Busy(on=True), 0.0)
    core.receive(b"\x05", 0.0)

    assert seen == [
        Unit(kind="enq", data=b"\x05"),
        Unit(kind="frame", data=FRAME_1, payload=b"P|1\r", attempt=0),
        Unit(kind="frame", data=FRAME_1, payload=b"P|1\r", attempt=1),
        Unit(kind="frame", data=FRAME_2, payload=b"L|1|N\r", attempt=0),
        Unit(kind="eot", data=b"\x04"),
        Unit(kind="ack", data=b"\x06"),
        Unit(kind="ack", data=b"\x06"),
        Unit(kind="ack", data=b"\x06"),
        Unit(kind="nak", data=b"\x15"),
        Unit(kind="nak", data=b"\x15"),
    ]


def test_mutator_decides_what_goes_out():
    core = instrument()
    core.mutator = lambda unit: [] if unit.kind == "enq" else [unit.data, unit.data]

    core.send(Message(payload=b"P|1\r"), 0.0)
    assert core.data_to_send() == b""
    assert core.next_deadline() == 15.0
    core.receive(b"\x06", 0.0)
    assert core.data_to_send() == FRAME_1 * 2


def test_attempts_of_bids_are_counted():
    attempts = []
    core = instrument()
    core.mutator = lambda unit: attempts.append(unit.attempt) or [unit.data]

    core.send(Message(payload=b"P|1\r"), 0.0)
    core.receive(b"\x15", 0.0)
    core.on_deadline(10.0)
    assert attempts == [0, 1]


def test_messages_queue_and_go_out_one_after_the_other():
    core = instrument(timers=link.AstmTimers(gap_s=2.0))

    core.send(Message(payload=b"P|1\r"), 0.0)
    core.send(Message(payload=b"P|2\r"), 0.0)
    core.receive(b"\x06\x06", 1.0)
    assert [unit.kind for unit in decode_stream(core.data_to_send())] == ["ENQ", "FRAME", "EOT"]
    assert core.events() == [link.Delivered(payload=b"P|1\r")]
    assert core.next_deadline() == 3.0
    core.on_deadline(2.9)
    assert core.data_to_send() == b""
    core.on_deadline(3.0)
    assert core.data_to_send() == b"\x05"


def test_the_queue_is_bounded():
    core = instrument()
    for _ in range(1000):
        core.send(Message(payload=b"P|1\r"), 0.0)

    with pytest.raises(LocalProtocolError, match="more than"):
        core.send(Message(payload=b"P|1\r"), 0.0)


def test_messages_are_bounded():
    with pytest.raises(LocalProtocolError, match="more than"):
        instrument(message_bytes_max=3).send(Message(payload=b"P|1\r"), 0.0)


def test_other_events_are_our_mistake():
    with pytest.raises(LocalProtocolError, match="Event"):
        instrument().send(Event(), 0.0)


def test_nothing_can_be_sent_after_the_end():
    core = instrument()
    core.receive_eof(0.0)

    assert core.events() == []
    with pytest.raises(LocalProtocolError, match="gone"):
        core.send(Message(payload=b"P|1\r"), 0.0)


def test_a_bid_that_is_lost_has_failed():
    core = instrument()
    core.send(Message(payload=b"P|1\r"), 0.0)
    core.receive_eof(1.0)

    assert core.events() == [
        link.SendFailed(payload=b"P|1\r", reason="connection-lost", outcome=Outcome.FAILED)
    ]


def test_noise_instead_of_a_reply_can_be_ignored():
    core = instrument(junk_is_refusal=False)
    core.send(Message(payload=b"P|1\r"), 0.0)
    core.receive(b"\x06", 0.0)
    core.data_to_send()

    core.receive(b"\r\n", 1.0)
    assert core.data_to_send() == b""
    assert core.next_deadline() == 2.0
    core.receive(b"\x06", 1.5)
    assert names(core) == ["astm.noise", "Delivered"]


def test_noise_in_line_bid_is_ignored():
    core = instrument()
    core.send(Message(payload=b"P|1\r"), 0.0)

    core.receive(b"\x04x\x06", 0.0)
    assert names(core) == ["astm.noise"]
    assert core.data_to_send() == b"\x05" + FRAME_1


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (link.NumberPolicy.SESSION, ["1", "2", "3", "1"]),
        (link.NumberPolicy.NEVER, ["1", "2", "3", "4"]),
        (link.NumberPolicy.RECORD, ["1", "1", "1", "1"]),
        (link.NumberPolicy.MESSAGE, ["1", "2", "1", "1"]),
    ],
)
def test_number_policies_of_both_halves(policy, expected):
    sender, receiver = instrument(numbers=policy), host(numbers=policy)
    wire = b""
    for payload in (b"P|1\rL|1\rP|1\r", b"L|1\r"):
        sender.send(Message(payload=payload), 0.0)
        for _ in range(10):
            said = sender.data_to_send()
            wire += said
            receiver.receive(said, 0.0)
            sender.receive(receiver.data_to_send(), 0.0)

    assert [unit.number for unit in decode_stream(wire) if unit.kind == "FRAME"] == expected
    assert names(sender) == ["Delivered", "Delivered"]
    assert [name for name in names(receiver) if name.startswith("astm")] == [
        "astm.message-incomplete"  # the first payload goes on after its L
    ]


def test_numbers_can_be_ignored():
    core = host(check_numbers=False)

    core.receive(b"\x05" + FRAME_2 + FRAME_2 + b"\x027L|1|N\r\x030A\r\n", 0.0)
    assert core.data_to_send() == b"\x06" * 4
    assert names(core).count("FrameReceived") == 3


def test_checksums_can_be_ignored():
    core = host(check_checksum=False)

    core.receive(b"\x05\x021P|1\r\x0300\r\n", 0.0)
    assert core.data_to_send() == b"\x06\x06"


def test_checksums_of_middle_frames_can_be_ignored():
    """Some hosts look at the sum of a frame that ends with ETX alone."""
    core = host(check_middle_checksum=False)
    core.receive(b"\x05\x021H|\\^&\x1700\r\n", 0.0)
    assert core.data_to_send() == b"\x06\x06"
    core.receive(b"\x022\rL|1\r\x0300\r\n", 0.0)

    assert core.data_to_send() == b"\x15"


def test_a_dialect_in_lower_case_takes_either_and_says_nothing():
    core = host(checksum=link.ChecksumKind.LOWER_CASE, check_numbers=False)
    core.receive(b"\x05\x027L|1|N\r\x030a\r\n", 0.0)
    assert core.data_to_send() == b"\x06\x06"
    core.receive(b"\x027L|1|N\r\x030A\r\n", 0.0)
    assert core.data_to_send() == b"\x06"

    assert not [one for one in names(core) if one.startswith("astm.")]


def test_lower_case_can_be_refused():
    core = host(lower_case_checksum=False)

    core.receive(b"\x05\x021P|1\r\x033e\r\n", 0.0)
    assert core.data_to_send() == b"\x06\x15"


def test_eight_refusals_of_one_frame_are_a_violation():
    core = host()
    core.receive(b"\x05", 0.0)

    core.receive(b"\x021P|1\r\x0300\r\n" * 7, 0.0)
    assert "astm.too-many-transmissions" not in names(core)
    core.receive(b"\x021P|1\r\x0300\r\n", 0.0)
    assert "astm.too-many-transmissions" in names(core)


def test_a_message_that_is_too_long_is_refused():
    core = host(message_bytes_max=8)

    core.receive(b"\x05" + FRAME_1 + FRAME_2, 0.0)
    assert core.data_to_send() == b"\x06\x06\x15"
    assert names(core)[-1] == "astm.message-too-long"


def test_the_whole_message_is_known_before_its_last_frame_is_answered():
    core = host(auto_accept=False)
    core.receive(b"\x05" + FRAME_1, 0.0)
    core.send(link.Accept(), 0.0)
    core.data_to_send()

    core.receive(FRAME_2, 0.0)
    assert link.MessageReceived(payload=b"P|1\rL|1|N\r") in core.events()
    assert core.data_to_send() == b""


def test_input_while_a_frame_waits_is_bounded():
    core = host(auto_accept=False)
    core.receive(b"\x05" + FRAME_1, 0.0)
    core.events()

    for _ in range(10):
        core.receive(b"\x00" * 50_000, 0.0)
        assert len(core._backlog) <= link.BACKLOG_BYTES_MAX
    assert names(core) == ["astm.input-while-waiting"]
    core.send(link.Accept(), 0.0)
    core.receive(FRAME_2, 0.0)
    noise, *rest = core.events()
    assert noise.code == "astm.noise"
    assert len(noise.raw) == RAW_BYTES_MAX
    assert noise.offset == 1 + len(FRAME_1)
    assert isinstance(rest[-1], link.FrameReceived)
    core.send(link.Accept(), 0.0)
    core.receive(b"?\x04", 0.0)
    assert core.events()[0].offset == 1 + len(FRAME_1) + 500_000 + len(FRAME_2)


def test_one_read_larger_than_what_may_wait():
    core = host(auto_accept=False)

    core.receive(b"\x05" + FRAME_1 + b"\x00" * 200_000 + FRAME_2, 0.0)
    assert "astm.input-while-waiting" in names(core)
    core.send(link.Accept(), 0.0)
    core.receive(FRAME_2, 0.0)
    assert "MessageReceived" in names(core)


def test_memory_of_a_frame_that_never_ends_is_bounded():
    core = host(receive_text_max=1000)
    core.receive(b"\x05\x02", 0.0)
    for _ in range(100):
        core.receive(b"x" * 1000, 0.0)
        assert len(core._reader._body) <= 1002
    core.receive(b"\x0300\r\n", 0.0)
    assert "astm.frame-too-long" in names(core)


def test_a_character_cut_in_half_by_a_frame_is_whole_again():
    name = "张三".encode("gbk")  # D5 C5 C8 FD: cut after D5
    sender, receiver = instrument(frame_text_max=9), host()
    sender.send(Message(payload=b"P|1||||x" + name + b"\rL|1|N\r"), 0.0)
    for _ in range(10):
        receiver.receive(sender.data_to_send(), 0.0)
        sender.receive(receiver.data_to_send(), 0.0)

    records = [one.data for one in receiver.events() if isinstance(one, link.RecordReceived)]
    assert records[0].decode("gbk") == "P|1||||x张三"


def test_the_longest_frame_of_lis01_a2_and_one_more():
    core = host()
    body = b"1M|1|" + b"x" * (63_993 - 5) + b"\r\x17"
    longer = b"1M|1|" + b"x" * (63_993 - 4) + b"\r\x17"

    core.receive(b"\x05\x02" + longer + link.checksum(longer) + b"\r\n", 0.0)
    assert core.data_to_send() == b"\x06\x15"
    assert names(core) == ["SessionOpened", "astm.frame-too-long"]
    core.receive(b"\x02" + body + link.checksum(body) + b"\r\n", 0.0)
    assert core.data_to_send() == b"\x06"


def test_a_long_run_is_noise_whatever_it_begins_with():
    core = host()

    core.receive(b"\x06" * RAW_BYTES_MAX + b"\x05", 0.0)
    core.receive(b"\x04" + b"\x06" * RAW_BYTES_MAX + b"x\x05", 0.0)
    assert names(core) == [
        "astm.late-reply", "SessionOpened", "SessionEnded", "astm.noise", "SessionOpened",
    ]  # fmt: skip
