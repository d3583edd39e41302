"""What a UART hears; the expected bytes are worked out by hand from the levels of the line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.link.serial_bits import diagnose, heard, levels, parity_bit
from harness.link.serial_line import LineSettings

PLAIN = LineSettings.parse("9600 8N1")
ZHANG = b"\xd5\xc5"  # 张 in GBK


def line(text: str) -> LineSettings:
    return LineSettings.parse(text)


def test_the_levels_of_one_character() -> None:
    # "A" is 0x41: start 0, then 1000001 from the lowest bit on, even parity 0, stop 1
    assert levels(b"A", line("9600 7E1")) == [0, 1, 0, 0, 0, 0, 0, 1, 0, 1]
    assert levels(b"A", line("9600 8O2")) == [0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("parity", "ones", "bit"),
    [("even", 3, 1), ("even", 4, 0), ("odd", 3, 0), ("odd", 4, 1), ("mark", 0, 1), ("space", 1, 0)],
)
def test_parity_bits(parity: str, ones: int, bit: int) -> None:
    assert parity_bit(ones, parity) == bit  # type: ignore[arg-type]


def test_a_seven_bit_receiver_makes_two_letters_of_a_surname() -> None:
    assert heard(ZHANG, PLAIN, line("9600 7N1")).data == b"UE"


def test_the_parity_of_a_seven_bit_sender_stands_in_the_eighth_bit() -> None:
    # "A" has two ones: parity 0; "C" has three: parity 1, so 0x43 becomes 0xC3
    got = heard(b"AC", line("9600 7E1"), PLAIN)

    assert got.data == b"A\xc3"
    assert (got.parity_errors, got.framing_errors) == (0, 0)


def test_a_second_stop_bit_and_a_stop_bit_that_is_a_parity_bit_do_no_harm() -> None:
    assert heard(b"abc\xd5", line("9600 8N2"), PLAIN).data == b"abc\xd5"
    assert heard(b"abc\xd5", line("9600 8E1"), PLAIN).data == b"abc\xd5"


@pytest.mark.parametrize(
    ("on_error", "data"),
    [("keep", b"C"), ("drop", b""), ("nul", b"\0"), ("question", b"?"), ("mark", b"\xff\x00C")],
)
def test_what_drivers_make_of_a_parity_error(on_error: str, data: bytes) -> None:
    got = heard(b"C", line("9600 7E1"), line("9600 7O1"), on_error)  # type: ignore[arg-type]

    assert got.data == data
    assert got.parity_errors == 1


def test_a_receiver_at_half_the_speed() -> None:
    # "U" is 0x55: 0 1010 1010 1, then idle. Half as fast, the receiver looks at bit times 3, 5, 7
    # and 9 of it, all of them 1, and at the idle line after that.
    assert heard(b"U", PLAIN, line("4800 8N1")).data == b"\xff"


def test_noise_of_a_faster_receiver_is_a_framing_error() -> None:
    got = heard(b"\x00", line("1200 8N1"), PLAIN)  # nine bit times low: 72 of the receiver's

    assert got.data == b"\x00"
    assert got.framing_errors == 1


@given(
    data=st.binary(max_size=60),
    bits=st.sampled_from([7, 8]),
    parity=st.sampled_from(["none", "even", "odd", "mark", "space"]),
    stops=st.sampled_from([1, 2]),
)
def test_ends_that_are_set_alike_understand_each_other(
    data: bytes, bits: int, parity: str, stops: int
) -> None:
    settings = LineSettings(data_bits=bits, parity=parity, stop_bits=stops)  # type: ignore[arg-type]
    got = heard(data, settings, settings)

    assert got.data == (data if bits == 8 else bytes(byte & 0x7F for byte in data))
    assert (got.parity_errors, got.framing_errors) == (0, 0)


@given(st.binary(min_size=1, max_size=60))
def test_a_seven_bit_receiver_strips_the_eighth_bit(data: bytes) -> None:
    assert heard(data, PLAIN, line("9600 7N1")).data == bytes(byte & 0x7F for byte in data)


@given(st.text(alphabet="张伟王芳李娜刘洋陈静", min_size=1, max_size=8))
def test_the_checksum_does_not_see_a_stripped_bit_in_gb2312_names(name: str) -> None:
    # Both bytes of a GB2312 character have the eighth bit, so an even number of 0x80 goes missing
    # and the sum modulo 256 stays: LIS01-A2 §8.3.3 cannot help here.
    data = name.encode("gb2312")
    stripped = heard(data, PLAIN, line("9600 7N1")).data

    assert stripped != data
    assert sum(stripped) % 256 == sum(data) % 256


@pytest.mark.parametrize(
    ("sends", "receives", "verdict"),
    [
        ("9600 8N1", "9600 7N1", "seven-bit"),
        ("9600 7E1", "9600 8N1", "parity-even"),
        ("9600 7O1", "9600 8N1", "parity-odd"),
        ("9600 7M1", "9600 8N1", "parity-mark"),
        ("9600 8N1", "4800 8N1", "baud 2:1"),
        ("1200 8N1", "9600 8N1", "baud 1:8"),
        ("9600 8N1", "9600 8N1", ""),
    ],
)
def test_the_cause_is_told_from_what_came(sends: str, receives: str, verdict: str) -> None:
    sent = "P|1||MH1|||张伟|R|1".encode("gb18030")

    assert diagnose(sent, heard(sent, line(sends), line(receives)).data) == verdict


def test_other_causes() -> None:
    assert diagnose(b"abc", b"\xff\x00abc") == "noise"
    assert diagnose(b"abc", b"ab") == "cut"
    assert diagnose(b"abc", b"xyz") == ""
    assert diagnose(b"", b"x") == ""
