"""JPEG extended, process 4: twelve bits of grey, what DICOM calls 1.2.840.10008.1.2.4.51.

ITU-T T.81: blocks of 8 x 8 (§A.3), quantisation (§A.3.4) and Huffman codes of the coefficients
(§F.1.2) in a frame SOF1 (§B.2.2). Written here because no codec of the extra holds twelve bits;
read with any tables, sequential, one component, with or without restarts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from harness.errors import InputError, PeerError
from harness.i18n import tr
from harness.link import dicom_huffman as huffman
from harness.link.dicom_huffman import DHT, DQT, DRI, EOI, PEEK, SOI, SOS, Table

SOF0, SOF1 = 0xC0, 0xC1
BITS: Final = 12
STEP: Final = 8
"""Each coefficient is written in so great steps: half of it is lost at most."""

_SIDE: Final = 8
_BLOCK: Final = 64
_RUN, _SIZE_MAX = 15, 15
_ZRL: Final = 0xF0

_AC: Final = (0x00, _ZRL, *(run << 4 | size for run in range(16) for size in range(1, 15)))
_DC_LENGTHS: Final = (0, 0, 0, 0, 16, *[0] * 11)
_AC_LENGTHS: Final = (*[0] * 7, len(_AC), *[0] * 8)
"""Codes of one length, for a table may be any that fits (§C.1): five bits for the sixteen
categories of a first coefficient, eight for the 226 of the others (tables F.6 and F.7)."""


def _zigzag() -> tuple[int, ...]:
    """Place of each coefficient in the order of figure A.6."""
    places = [(row, column) for row in range(_SIDE) for column in range(_SIDE)]
    places.sort(key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]))
    return tuple(row * _SIDE + column for row, column in places)


_ORDER: Final = _zigzag()


def _base() -> tuple[tuple[float, ...], ...]:
    """The cosines of §A.3.3, by frequency, with the weight of each."""
    rows = []
    for frequency in range(_SIDE):
        weight = math.sqrt(0.125) if frequency == 0 else 0.5
        rows.append(
            tuple(weight * math.cos((2 * x + 1) * frequency * math.pi / 16) for x in range(_SIDE))
        )
    return tuple(rows)


_BASE: Final = _base()
_TURNED: Final = tuple(zip(*_BASE, strict=True))


def _transformed(block: Sequence[float], base: Sequence[Sequence[float]]) -> list[float]:
    """Both directions at once: columns of one pass are rows of the next."""
    for _ in range(2):
        rows = [block[at : at + _SIDE] for at in range(0, _BLOCK, _SIDE)]
        block = [sum(map(float.__mul__, one, row)) for one in base for row in rows]
    return list(block)


def encode(samples: Sequence[int], rows: int, columns: int) -> bytes:
    """One frame of twelve bits.

    Raises:
        InputError: a sample has more bits.
    """
    if any(one >> BITS for one in samples):
        raise InputError(tr("JPEG Extended holds twelve bits a sample"))
    frame = struct.pack(">BHHB", BITS, rows, columns, 1) + bytes((1, 0x11, 0))
    tables = bytes((0, *_DC_LENGTHS, *range(16))) + bytes((0x10, *_AC_LENGTHS, *_AC))
    heads = (
        (DQT, bytes((0, *[STEP] * _BLOCK))),
        (SOF1, frame),
        (DHT, tables),
        (SOS, bytes((1, 1, 0, 0, _BLOCK - 1, 0))),
    )
    body = huffman.packed(_codes(samples, rows, columns))
    return b"".join([SOI, *(huffman.segment(*one) for one in heads), body, EOI])


def _blocks(samples: Sequence[int], rows: int, columns: int) -> Iterator[list[float]]:
    """Row by row; what is beyond an edge is the last that is within (§A.2.4)."""
    for top in range(0, rows, _SIDE):
        below = [min(top + one, rows - 1) * columns for one in range(_SIDE)]
        for left in range(0, columns, _SIDE):
            beside = [min(left + one, columns - 1) for one in range(_SIDE)]
            yield [float(samples[down + right] - (1 << (BITS - 1)))
                   for down in below for right in beside]  # fmt: skip


def _codes(samples: Sequence[int], rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Value and number of bits of each code, in order (§F.1.2)."""
    kept = {symbol: at for at, symbol in enumerate(_AC)}
    before = 0
    for block in _blocks(samples, rows, columns):
        turned = _transformed(block, _BASE)
        levels = [round(turned[at] / STEP) for at in _ORDER]
        size = abs(levels[0] - before).bit_length()
        yield size, 5
        yield _additional(levels[0] - before, size)
        before, run = levels[0], 0
        for level in levels[1:]:
            if not level:
                run += 1
                continue
            while run > _RUN:
                yield kept[_ZRL], 8
                run -= _RUN + 1
            size = abs(level).bit_length()
            yield kept[run << 4 | size], 8
            yield _additional(level, size)
            run = 0
        if run:
            yield kept[0], 8


def _additional(value: int, size: int) -> tuple[int, int]:
    """The bits that tell a value within its category (§F.1.2.1)."""
    return (value if value > 0 else value + (1 << size) - 1), size


class _Frame:
    """What the headers say."""

    def __init__(self) -> None:
        self.bits = self.rows = self.columns = self.number = self.restart = self.begin = 0
        self.steps: dict[int, tuple[int, ...]] = {}
        self.tables: dict[int, Table] = {}
        self.used: tuple[Table, Table] = ([], [])


def decode(stream: bytes) -> tuple[list[int], int, int, int]:
    """Samples, rows, columns and precision of one frame.

    Raises:
        PeerError: it is no such stream, or cut off.
    """
    frame = _Frame()
    for marker, body, at in huffman.segments(stream):
        try:
            _header(frame, marker, body, at)
        except (IndexError, struct.error) as error:
            raise _broken(tr("a JPEG header is cut off"), at) from error
        frame.begin = at + 4 + len(body)
    if frame.number not in frame.steps:
        raise _broken(tr("this JPEG frame cannot be read"), frame.begin)
    return _samples(frame, stream), frame.rows, frame.columns, frame.bits


def _broken(why: str, at: int) -> PeerError:
    return huffman.broken(why, at, "ITU-T T.81 annex F")


def _header(frame: _Frame, marker: int, body: bytes, at: int) -> None:
    if marker in {SOF0, SOF1}:
        frame.bits, frame.rows, frame.columns, several = struct.unpack_from(">BHHB", body)
        frame.number = body[8]
        if not (frame.rows and frame.columns and several == 1 and frame.bits in {8, BITS}):
            raise _broken(tr("this JPEG frame cannot be read"), at)
    elif huffman.is_frame(marker):
        raise _broken(tr("this JPEG frame cannot be read"), at)
    elif marker == DRI:
        (frame.restart,) = struct.unpack_from(">H", body)
    elif marker == DHT:
        frame.tables |= dict(huffman.tables(body, at))
    elif marker == DQT:
        position = 0
        while position < len(body):
            wide, number = body[position] >> 4, body[position] & 0x0F
            form = f">{_BLOCK}{'H' if wide else 'B'}"
            frame.steps[number] = struct.unpack_from(form, body, position + 1)
            position += 1 + struct.calcsize(form)
    elif marker == SOS:
        first, others = body[2] >> 4, body[2] & 0x0F | 0x10
        known = first in frame.tables and others in frame.tables
        if not (frame.rows and body[0] == 1 and known):
            raise _broken(tr("this JPEG frame cannot be read"), at)
        frame.used = frame.tables[first], frame.tables[others]


class _Bits:
    """Codes and values out of the coded bytes."""

    def __init__(self, raw: bytes, begin: int) -> None:
        self._raw, self._begin = raw, begin
        self._held = self._count = self._at = 0

    def _more(self, size: int) -> None:
        while self._count < size:
            byte = self._raw[self._at] if self._at < len(self._raw) else 0xFF
            self._held, self._count = self._held << 8 | byte, self._count + 8
            self._at += 1

    def symbol(self, table: Table) -> int:
        """The next by a table."""
        self._more(PEEK)
        symbol, length = table[self._held >> (self._count - PEEK) & 0xFFFF]
        if not length:
            raise _broken(tr("the JPEG stream has no such code"), self._begin + self._at)
        self._take(length)
        return symbol

    def value(self, size: int) -> int:
        """The value within a category (§F.2.2.1)."""
        if not size:
            return 0
        self._more(size)
        found = self._take(size)
        return found if found >> (size - 1) else found - (1 << size) + 1

    def _take(self, size: int) -> int:
        self._count -= size
        found = self._held >> self._count
        self._held &= (1 << self._count) - 1
        if self._at - self._count // 8 > len(self._raw):
            raise _broken(tr("the JPEG stream is cut off"), self._begin + len(self._raw))
        return found


def _parts(frame: _Frame, stream: bytes) -> Iterator[_Bits]:
    """One of bits a restart interval (§B.2.1): a marker cannot stand in coded bytes."""
    end = stream.rfind(EOI)
    raw, begin = stream[frame.begin : end if end > 0 else len(stream)], 0
    at = raw.find(b"\xff")
    while at >= 0:
        if raw[at + 1 : at + 2] and 0xD0 <= raw[at + 1] <= 0xD7:
            yield _Bits(raw[begin:at].replace(b"\xff\0", b"\xff"), frame.begin + begin)
            begin = at + 2
        at = raw.find(b"\xff", at + 2)
    yield _Bits(raw[begin:].replace(b"\xff\0", b"\xff"), frame.begin + begin)


def _samples(frame: _Frame, stream: bytes) -> list[int]:
    """Row by row of blocks: no more is held than was coded."""
    across, down = -(-frame.columns // _SIDE), -(-frame.rows // _SIDE)
    found: list[int] = []
    made = _decoded(frame, stream)
    for _ in range(down):
        lines: list[list[int]] = [[] for _ in range(_SIDE)]
        for _ in range(across):
            block = next(made)
            for at, line in enumerate(lines):
                line.extend(block[at * _SIDE : (at + 1) * _SIDE])
        for line in lines:
            found += line[: frame.columns]
    return found[: frame.rows * frame.columns]


def _decoded(frame: _Frame, stream: bytes) -> Iterator[list[int]]:
    """Block after block, until the stream is at its end."""
    top, half = (1 << frame.bits) - 1, 1 << (frame.bits - 1)
    for bits in _parts(frame, stream):
        before = 0
        for _ in range(frame.restart) if frame.restart else count():
            levels = _coefficients(frame, bits)
            before += levels[0]
            levels[0] = before * frame.steps[frame.number][0]
            made = _transformed([float(one) for one in levels], _TURNED)
            yield [min(max(round(one) + half, 0), top) for one in made]
    raise _broken(tr("the JPEG stream is cut off"), len(stream))


def _coefficients(frame: _Frame, bits: _Bits) -> list[int]:
    """Of one block by place; the first is yet a difference, and in steps (§F.2.2)."""
    (first, others), steps = frame.used, frame.steps[frame.number]
    levels = [0] * _BLOCK
    size = bits.symbol(first)
    if size > _SIZE_MAX:
        raise _broken(tr("the JPEG stream has no such code"), frame.begin)
    levels[0] = bits.value(size)
    at = 1
    while at < _BLOCK:
        symbol = bits.symbol(others)
        run, size = symbol >> 4, symbol & 0x0F
        if not size and run != _RUN:
            break
        at += run
        if at >= _BLOCK:
            raise _broken(tr("a block has too many coefficients"), frame.begin)
        levels[_ORDER[at]] = bits.value(size) * steps[at]
        at += 1
    return levels
