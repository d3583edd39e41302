"""High-throughput JPEG 2000 of one kind of picture: what DICOM calls .201, .202 and .203.

A picture of one code-block whose samples all lie in the outer half of their range, so that each is
significant and has the one exponent; no wavelet, no quantisation, one cleanup pass: a small part of
ITU-T T.814, and enough to see a syntax through a PACS. Other pictures are refused. It is read by
the codec of the extra, which knows the whole.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from harness.errors import InputError
from harness.i18n import tr

SIDE_MAX: Final = 64
"""Rows or columns of a code-block of ours (ITU-T T.800 table A.18)."""

BITS: Final = range(5, 17)
"""Below five bits the first line would need other codes for its exponents."""

SOC, SIZ, CAP, COD, QCD, TLM, SOT, SOD, EOC = (
    0xFF4F, 0xFF51, 0xFF50, 0xFF52, 0xFF5C, 0xFF55, 0xFF90, 0xFF93, 0xFFD9,
)  # fmt: skip
LRCP, RPCL = 0, 2

_CODES: Final = {
    (True, 0): (0b0011011, 7, 0b1001),
    (True, 7): (0b00110, 5, 0b1111),
    (False, 5): (0b0010111, 7, 0b1001),
    (False, 7): (0b1101011, 7, 0b1111),
}
"""Of a quad whose four samples are significant and of the one exponent, by whether it stands in the
first line and by its context (T.814 annex C): the code, its length, and those of the samples whose
highest bit the code tells."""


class _Forward:
    """Bits from the least significant on; a byte of ones is followed by one of seven bits."""

    def __init__(self) -> None:
        self.made = bytearray()
        self._held = self._count = 0

    def put(self, value: int, size: int) -> None:
        """The low bits of a value (T.814 §7.1.4, MagSgn)."""
        self._held |= (value & (1 << size) - 1) << self._count
        self._count += size
        while self._count >= self._room():
            room = self._room()
            self.made.append(self._held & (1 << room) - 1)
            self._held >>= room
            self._count -= room

    def _room(self) -> int:
        return 7 if self.made[-1:] == b"\xff" else 8

    def close(self) -> bytes:
        """Filled with ones; it must not end in a byte of ones, which a reader adds."""
        if self._count:
            last = self._held | (0xFF << self._count & (1 << self._room()) - 1)
            self.made.append(last)
        if self.made[-1:] == b"\xff":
            del self.made[-1]
        return bytes(self.made)


class _Backward:
    """The codes of the quads, written from the end of the block to its front (VLC)."""

    def __init__(self) -> None:
        self.made = bytearray(b"\xff")
        self._held, self._count, self._high = 0xF, 4, True

    def put(self, value: int, size: int) -> None:
        """Bit for bit, the least significant first."""
        for at in range(size):
            self._held |= (value >> at & 1) << self._count
            self._count += 1
            if self._count == 8 or (self._count == 7 and self._high and self._held == 0x7F):
                self._flush()

    def _flush(self) -> None:
        self.made.append(self._held)
        self._high = self._held > 0x8F
        self._held = self._count = 0

    def close(self) -> bytes:
        if self._count:
            self._flush()
        return bytes(reversed(self.made))


class _Runs:
    """Events of the adaptive run length coder (MEL, T.814 §7.1.3)."""

    EXPONENTS: Final = (0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5)

    def __init__(self) -> None:
        self._bits: list[int] = []
        self._state = 0

    def hit(self) -> None:
        """An event that ends a run of none: a zero, and the length of the run in zeros."""
        self._bits += [0] * (1 + self.EXPONENTS[self._state])
        self._state = max(0, self._state - 1)

    def close(self) -> bytes:
        """From the most significant bit on: nothing but zeros here, so that no byte is stuffed."""
        return bytes((len(self._bits) + 7) // 8)


def encode(
    samples: Sequence[int], rows: int, columns: int, bits: int, *, order: int = LRCP
) -> bytes:
    """One code stream of one unsigned component.

    Args:
        samples: each a quarter of the range or more away from its middle.
        rows: even, 64 at most.
        columns: even, 64 at most.
        bits: precision, 5 to 16.
        order: of progression; with ``RPCL`` the lengths of tile parts are told in front.

    Raises:
        InputError: it is no such picture.
    """
    half = 1 << (bits - 1)
    levels = [one - half for one in samples]
    fits = 0 < rows <= SIDE_MAX and 0 < columns <= SIDE_MAX and not (rows % 2 or columns % 2)
    if not fits or bits not in BITS or any(not half // 2 < abs(one) < half for one in levels):
        raise InputError(tr("HTJ2K is written of small pictures far from the middle only"))
    packet = _packet(_block(levels, columns, bits), bits)
    size = struct.pack(">HIIIIIIIIHBBB", 0x4000, columns, rows, 0, 0, columns, rows, 0, 0, 1,
                       bits - 1, 1, 1)  # fmt: skip
    part = struct.pack(">HHHIBBH", SOT, 10, 0, 14 + len(packet), 0, 1, SOD) + packet
    heads = [
        (SIZ, size),
        (CAP, struct.pack(">IH", 0x00020000, max(0, bits - 8))),
        (COD, bytes((0, order, 0, 1, 0, 0, 4, 4, 0x40, 1))),
        (QCD, bytes((1 << 5, bits << 3))),
    ]
    if order == RPCL:
        heads.append((TLM, struct.pack(">BBHI", 0, 0x60, 0, len(part))))
    body = b"".join(struct.pack(">HH", one, len(what) + 2) + what for one, what in heads)
    return struct.pack(">H", SOC) + body + part + struct.pack(">H", EOC)


def _packet(block: bytes, bits: int) -> bytes:
    """One layer, one block: that it is there, its empty planes, its one pass and its length.

    ITU-T T.800 §B.10; a byte of ones is followed by one of seven bits.
    """
    size = max(3, len(block).bit_length())
    text = "11" + "0" * (bits - 1) + "1" + "0" + "1" * (size - 3) + "0" + f"{len(block):0{size}b}"
    made = bytearray()
    while text:
        room = 7 if made[-1:] == b"\xff" else 8
        made.append(int(text[:room].ljust(room, "0"), 2))
        text = text[room:]
    if made[-1] == 0xFF:
        made.append(0)
    return bytes(made) + block


def _block(levels: Sequence[int], columns: int, exponent: int) -> bytes:
    """The cleanup pass of a code-block (T.814 §7.1, §7.3)."""
    signs, codes, runs = _Forward(), _Backward(), _Runs()
    for top in range(0, len(levels), 2 * columns):
        first = top == 0
        for left in range(0, columns, 4):
            pair = range(left, min(left + 4, columns), 2)
            for at in pair:
                context = (0 if first else 5) if at == 0 else 7
                if first and at == 0:
                    runs.hit()  # a quad without neighbours says here that it is significant
                code, size, known = _CODES[first, context]
                codes.put(code, size)
                for number, step in enumerate((0, columns, 1, columns + 1)):
                    level = levels[top + at + step]
                    value = 2 * (abs(level) - 1) + (level < 0)
                    signs.put(value, exponent - (known >> number & 1))
            if first:
                _exponents(codes, runs, len(pair), exponent)
            else:
                codes.put((1 << len(pair)) - 1, len(pair))  # by one above the guess
    front, back = signs.close(), bytearray(runs.close() + codes.close())
    back[-1] = len(back) >> 4
    back[-2] = back[-2] & 0xF0 | len(back) & 0x0F
    return front + bytes(back)


def _exponents(codes: _Backward, runs: _Runs, count: int, exponent: int) -> None:
    """How far each exponent of the first line is above the least.

    T.814 §7.3.6: two great ones are told by an event, and are then less by two.
    """
    above = exponent - 1
    if count == 2:
        runs.hit()
        above -= 2
    several = [_prefixed(above)] * count
    for at in (0, 1):
        for one in several:
            codes.put(*one[at])


def _prefixed(above: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Prefix and suffix, each with its length (T.814 table 3)."""
    if above <= 2:
        return (1 << (above - 1), above), (0, 0)
    if above <= 4:
        return (4, 3), (above - 3, 1)
    return (0, 3), (above - 5, 5)
