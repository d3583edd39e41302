"""Checks against vectors worked by hand, and the published check value of the CRC."""

import pytest

from harness.wire.framings_checks import (
    CheckKind,
    check_byte,
    control_bytes,
    crc16_genibus,
    plain_sum,
    twos_complement,
    xor_bcc,
)


def test_the_published_check_value_of_the_crc() -> None:
    assert crc16_genibus(b"123456789") == 0xD64E
    assert crc16_genibus(b"") == 0x0000


def test_the_crc_bit_by_bit() -> None:
    """Polynomial 1021, FFFF at the beginning, inverted at the end, highest bit first."""
    data = bytes(range(256))
    register = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            out = (register >> 15) ^ (byte >> bit & 1)
            register = (register << 1) & 0xFFFF
            if out:
                register ^= 0x1021

    assert crc16_genibus(data) == register ^ 0xFFFF


@pytest.mark.parametrize(
    ("function", "data", "wanted"),
    [
        (xor_bcc, b"DB01\x03", 0x44 ^ 0x42 ^ 0x30 ^ 0x31 ^ 0x03),  # 04
        (xor_bcc, b"DB01\x03", 0x04),
        (plain_sum, b"!000a", 0x12),  # 21+30+30+30+61 = 112
        (plain_sum, b"\x1emt\x1d", 0x1C),  # 1E+6D+74+1D = 11C
        (twos_complement, b"[88]", 0xD8),  # 5B+38+38+5D = 128, 100-28 = D8
        (twos_complement, b"", 0x00),
        (twos_complement, b"\x80\x80", 0x00),
    ],
)
def test_worked_vectors(function, data: bytes, wanted: int) -> None:
    assert function(data) == wanted


def test_kinds_by_name() -> None:
    data = b"ab"
    assert [check_byte(CheckKind(kind), data) for kind in ("none", "xor", "sum")] == [0, 3, 0xC3]
    assert check_byte(CheckKind.TWOS_COMPLEMENT, data) == 0x3D


def test_control_texts() -> None:
    assert control_bytes("<STX>A<CR><LF><h1B>") == b"\x02A\r\n\x1b"
    assert control_bytes("") == b""
    for wrong in ("<XYZ>", "\x02", "é"):
        with pytest.raises(ValueError, match="no control"):
            control_bytes(wrong)
