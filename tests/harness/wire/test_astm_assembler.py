"""Records and messages from frames, and taking a frame back."""

import pytest

from harness.wire.astm_assembler import Assembler
from harness.wire.astm_config import AstmLinkConfig
from harness.wire.astm_events import MessageIncomplete, MessageReceived, RecordReceived


def assembler(**options):
    return Assembler(AstmLinkConfig(side="host", **options))


def take(one, text, *, block_ends=True):
    short = {RecordReceived: "R", MessageReceived: "M", MessageIncomplete: "I"}
    found = []
    for event in one.take(text, block_ends=block_ends):
        value = getattr(event, "data", None) or getattr(event, "payload", b"")
        found.append((short.get(type(event), "V"), value))
    return found


def test_a_record_over_several_frames():
    one = assembler()

    assert take(one, b"P|", block_ends=False) == []
    assert take(one, b"1", block_ends=False) == []
    assert take(one, b"\r") == [("R", b"P|1")]
    assert take(one, b"L|1\r") == [("R", b"L|1"), ("M", b"P|1\rL|1\r")]


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ((), b"P|1\r"),
        ((b"H|1\r",), b"P|1\r"),
        ((b"H|1\r",), b"L|1\r"),
        ((b"H|1\r",), b"L|1\rH|2\rP|"),
        ((b"H|1\r",), b"H|2\rP|1\r"),
        ((b"H|1\r", b"P|1\r"), b"\r\r"),
    ],
)
def test_what_is_taken_back_leaves_nothing(before, refused):
    one, other = assembler(), assembler()
    for text in before:
        take(one, text)
        take(other, text)
    take(one, refused, block_ends=False)
    one.take_back()
    one.take_back()  # again changes nothing

    assert take(one, b"C|1\rL|1\r") == take(other, b"C|1\rL|1\r")


def test_take_back_before_anything():
    one = assembler()
    one.take_back()

    assert one.give_up() == b""


def test_blank_lines_and_blanks_before_letters():
    one = assembler()

    assert take(one, b"\r\x00\r H|1\r\r") == [("R", b" H|1")]
    assert take(one, b"\n") == []
    assert take(one, b" L|1\r\r") == [("R", b"\n L|1"), ("M", b" H|1\r\r\n L|1\r")]
    assert one.give_up() == b""


def test_another_record_end():
    one = assembler(record_end=b"\r\n", record_end_in_frame=False)

    assert take(one, b"P|1") == [("R", b"P|1")]
    assert take(one, b"C|1\r", block_ends=False) == []
    assert take(one, b"\nL|1") == [("R", b"C|1"), ("R", b"L|1"), ("M", b"P|1\r\nC|1\r\nL|1\r\n")]


def test_bounds():
    one = assembler(message_bytes_max=5)
    take(one, b"P|1\r")

    assert one.fits(b"x")
    assert not one.fits(b"xx")
    assert one.give_up() == b"P|1\r"
    assert one.fits(b"xxxxx")


def test_what_was_given_up_cannot_be_taken_back():
    one = assembler()
    take(one, b"P|1\rC|1\r")

    assert one.give_up() == b"P|1\rC|1\r"
    one.take_back()
    assert take(one, b"L|1\r") == [("R", b"L|1"), ("M", b"L|1\r")]
    take(one, b"P|1\r")
    take(one, b"C|1\r")
    assert one.give_up() == b"P|1\rC|1\r"
    one.take_back()
    assert one.give_up() == b""
