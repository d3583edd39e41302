"""A moving picture in H.264 that any decoder shows, and whose every sample is known.

Each picture is an IDR picture of macroblocks of the type I_PCM, whose samples stand in the stream
as they are (ITU-T H.264 §7.3.5, §7.4.5): nothing is predicted, transformed or lost, so a byte that
an archive changes is a pixel that changes. Only the headers are coded: High Profile at Level 4.1,
as 1.2.840.10008.1.2.4.102 asks (PS3.5 §8.2.7), in the byte stream format (annex B).
"""

from __future__ import annotations

import hashlib
from typing import Final

SYNTAX: Final = "1.2.840.10008.1.2.4.102"
METHOD: Final = "ISO_14496_10"
"""(0028,2114) of it (PS3.3 §C.7.6.1.1.5.1)."""

BLOCK: Final = 16
"""Rows and columns of a macroblock."""

_START: Final = b"\0\0\0\1"
_SPS, _PPS, _IDR = 0x67, 0x68, 0x65
"""The byte in front of each unit: importance 3 and the type (§7.3.1)."""

_HIGH, _LEVEL = 100, 41
_I_PCM, _I_ONLY = 25, 7
"""Types of a macroblock in an I slice (table 7-11) and of the slices of a picture (table 7-6)."""

_LOW, _SPAN = 16, 220
"""Samples of video keep away from both ends (Rec. ITU-R BT.601)."""


class _Bits:
    """Bits of one unit, and the codes that they are written in."""

    def __init__(self) -> None:
        self._bits: list[str] = []
        self._done = bytearray()

    def fixed(self, value: int, size: int) -> None:
        """``u(n)``."""
        self._bits.append(f"{value:0{size}b}")

    def counted(self, *values: int) -> None:
        """``ue(v)``, Exp-Golomb (§9.1); of zero, ``se(v)`` is the same."""
        for value in values:
            code = f"{value + 1:b}"
            self._bits.append("0" * (len(code) - 1) + code)

    def aligned(self, samples: bytes) -> None:
        """Zeros up to a byte, then bytes as they are (``pcm_alignment_zero_bit``)."""
        self._pack("0")
        self._done += samples

    def _pack(self, filler: str) -> None:
        text = "".join(self._bits)
        text += filler * (-len(text) % 8)
        self._bits.clear()
        self._done += int(text, 2).to_bytes(len(text) // 8, "big") if text else b""

    def unit(self, head: int) -> bytes:
        """The unit behind its start code, with the bits that end it (§7.3.2.11)."""
        self._bits.append("1")
        self._pack("0")
        return _START + bytes((head,)) + _prevented(bytes(self._done))


def _prevented(body: bytes) -> bytes:
    """No start code within: a three behind two zeros where less would follow (§7.4.1.1)."""
    made, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            made.append(3)
            zeros = 0
        made.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(made)


def _sequence(rows: int, columns: int) -> bytes:
    bits = _Bits()
    for byte in (_HIGH, 0, _LEVEL):
        bits.fixed(byte, 8)
    bits.counted(0, 1, 0, 0)  # set 0, 4:2:0, 8 bits of luminance and of chrominance
    bits.fixed(0, 2)  # no bypass, no matrices of its own
    bits.counted(0, 2, 1)  # 4 bits of frame number, order as it comes, one reference
    bits.fixed(0, 1)  # no gaps
    bits.counted(columns // BLOCK - 1, rows // BLOCK - 1)
    bits.fixed(0b1100, 4)  # frames only, direct 8x8, no cropping, no VUI
    return bits.unit(_SPS)


def _picture_set() -> bytes:
    bits = _Bits()
    bits.counted(0, 0)  # set 0, of sequence 0
    bits.fixed(0, 2)  # CAVLC, no order in fields
    bits.counted(0, 0, 0)  # one group, one reference each way
    bits.fixed(0, 3)  # no weights
    bits.counted(0, 0, 0)  # quantisation 26, and no offset
    bits.fixed(0b100, 3)  # slices say how they are deblocked; not constrained; not redundant
    return bits.unit(_PPS)


def _picture(number: int, blocks: list[bytes]) -> bytes:
    bits = _Bits()
    bits.counted(0, _I_ONLY, 0)  # from the first macroblock on, picture set 0
    bits.fixed(0, 4)  # frame number
    bits.counted(number % 2)  # two IDR pictures in a row differ
    bits.fixed(0, 2)  # earlier ones are shown; no long term
    bits.counted(0, 1)  # quantisation as it is, and no deblocking
    for block in blocks:
        bits.counted(_I_PCM)
        bits.aligned(block)
    return bits.unit(_IDR)


def planes(about: str, number: int, rows: int, columns: int) -> tuple[bytes, bytes, bytes]:
    """The samples of one picture: luminance, and both of chrominance at half the size.

    Luminance is a ramp that moves with the picture, with a swatch that ``about`` draws.
    """
    noise = hashlib.shake_128(f"{about}|{number}".encode()).digest(rows * columns // 2)
    luminance = bytearray(
        _LOW + (row + column + 4 * number) % _SPAN
        for row in range(rows) for column in range(columns)
    )  # fmt: skip
    swatch = min(rows, columns) // 2
    for row in range(swatch):
        for column in range(swatch):
            luminance[row * columns + column] = _LOW + noise[row * swatch + column] % _SPAN
    quarter = rows * columns // 4
    both = bytes(_LOW + one % _SPAN for one in noise[: 2 * quarter])
    return bytes(luminance), both[:quarter], both[quarter:]


def _block(plane: bytes, width: int, row: int, column: int, side: int) -> bytes:
    begin = row * side * width + column * side
    return b"".join(plane[begin + one * width :][:side] for one in range(side))


def stream(about: str, rows: int, columns: int, pictures: int) -> bytes:
    """The whole stream, of an even number of bytes.

    Args:
        about: draws the swatch.
        rows: of a picture; whole macroblocks.
        columns: of a picture; whole macroblocks.
        pictures: how many.

    Raises:
        ValueError: a side that is no multiple of 16.
    """
    if rows % BLOCK or columns % BLOCK:
        raise ValueError(f"{rows} by {columns} are no whole macroblocks")
    units = [_sequence(rows, columns), _picture_set()]
    for number in range(pictures):
        luminance, blue, red = planes(about, number, rows, columns)
        blocks = [
            _block(luminance, columns, row, column, BLOCK)
            + _block(blue, columns // 2, row, column, BLOCK // 2)
            + _block(red, columns // 2, row, column, BLOCK // 2)
            for row in range(rows // BLOCK)
            for column in range(columns // BLOCK)
        ]
        units.append(_picture(number, blocks))
    whole = b"".join(units)
    return whole + b"\0" * (len(whole) % 2)  # zeros may follow a unit (§B.1.1)
