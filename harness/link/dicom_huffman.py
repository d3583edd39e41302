"""What the processes of JPEG share: segments, tables of codes, and bits in bytes.

ITU-T T.81: marker segments (§B.1.1), tables of codes (§B.2.4.2, §C.2), and a byte of ones in the
coded data, which a zero follows (§F.1.2.3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from harness.errors import PeerError
from harness.i18n import tr

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"
DHT, SOS, DQT, DRI = 0xC4, 0xDA, 0xDB, 0xDD
_FRAMES: Final = range(0xC0, 0xD0)
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8), 0xFF})
"""Markers without a length (table B.1), and a byte that fills (§B.1.1.2)."""

PEEK: Final = 16
"""Bits of the longest code."""

TABLES_MAX: Final = 4

Table = list[tuple[int, int]]
"""Symbol and length by the next sixteen bits; length 0 where they are no code."""


def broken(why: str, at: int, clause: str = "ITU-T T.81") -> PeerError:
    """The stream is not what the standard has."""
    return PeerError(why, offset=at, clause=clause)


def is_frame(marker: int) -> bool:
    """Whether it opens a frame; the tables of codes have their marker among these."""
    return marker in _FRAMES and marker != DHT


def segment(marker: int, body: bytes) -> bytes:
    """Marker, length, body."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def segments(stream: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, body and place of each, up to that which opens the scan.

    Raises:
        PeerError: it is no JPEG stream, or is cut off before the scan.
    """
    if stream[:2] != SOI:
        raise broken(tr("no JPEG stream"), 0)
    at = 2
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        if stream[at + 1] in _BARE:
            at += 1 if stream[at + 1] == 0xFF else 2
            continue
        marker, size = stream[at + 1], int.from_bytes(stream[at + 2 : at + 4], "big")
        body = stream[at + 4 : at + 2 + size]
        if len(body) != size - 2:
            break
        yield marker, body, at
        at += 2 + size
        if marker == SOS:
            return
    raise broken(tr("a JPEG header is cut off"), at)


def scan_of(stream: bytes, begin: int) -> bytes:
    """The coded bytes behind the headers, without the zeros that follow bytes of ones."""
    end = stream.rfind(EOI)
    return stream[begin : end if end > 0 else len(stream)].replace(b"\xff\0", b"\xff")


def packed(codes: Iterable[tuple[int, int]]) -> bytes:
    """Values with their number of bits as bytes; the rest is filled with ones (§F.1.2.3)."""
    made, held, count = bytearray(), 0, 0
    for value, size in codes:
        held, count = held << size | value, count + size
        while count >= 8:
            count -= 8
            byte = held >> count & 0xFF
            made.append(byte)
            if byte == 0xFF:
                made.append(0)
        held &= (1 << count) - 1
    if count:
        byte = held << (8 - count) | (1 << (8 - count)) - 1
        made += bytes((byte, 0)) if byte == 0xFF else bytes((byte,))
    return bytes(made)


def canonical(lengths: Sequence[int], symbols: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Length, code and symbol of each entry (§C.2)."""
    code, at = 0, 0
    for length, count in enumerate(lengths, 1):
        for symbol in symbols[at : at + count]:
            yield length, code, symbol
            code += 1
        at += count
        code <<= 1


@lru_cache(maxsize=16)
def lookup(lengths: tuple[int, ...], symbols: tuple[int, ...]) -> Table:
    """A table to read by.

    Raises:
        PeerError: more codes than their lengths leave room for.
    """
    found = [(0, 0)] * (1 << PEEK)
    for length, code, symbol in canonical(lengths, symbols):
        begin, count = code << (PEEK - length), 1 << (PEEK - length)
        if begin + count > len(found):
            raise broken(tr("a table of codes is too full"), 0)
        found[begin : begin + count] = [(symbol, length)] * count
    return found


def tables(body: bytes, at: int) -> Iterator[tuple[int, Table]]:
    """Class and number (``class << 4 | number``) and content of each table of a segment.

    Raises:
        PeerError: a table is cut off or cannot be.
    """
    position = 0
    while position < len(body):
        number, lengths = body[position], tuple(body[position + 1 : position + 17])
        position += 17 + sum(lengths)
        symbols = tuple(body[position - sum(lengths) : position])
        known = number & 0x0F < TABLES_MAX and number >> 4 < 2
        if not known or len(lengths) != 16 or len(symbols) != sum(lengths):
            raise broken(tr("a table of codes is cut off"), at)
        yield number, lookup(lengths, symbols)
