"""JPEG lossless, process 14 with selection value 1: what DICOM calls 1.2.840.10008.1.2.4.70.

ITU-T T.81: the frame header SOF3 (§B.2.2), the scan (§B.2.3), prediction (§H.1.2) and the coding of
differences (§H.1.2.2, table H.2). Written here because no codec of the extra can write it; read
with any predictor and table, in one scan without restarts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from harness.errors import PeerError
from harness.i18n import tr

_SOI, _EOI, _SOF3, _DHT, _SOS = 0xD8, 0xD9, 0xC3, 0xC4, 0xDA
_LENGTHS: Final = (0, 1, 5, *[1] * 11, 0, 0)
_SYMBOLS: Final = tuple(range(17))
"""The table for differences of luminance (§K.3.1), made longer for 16 bits; no code of ones."""

_PEEK: Final = 16
_WHOLE: Final = 16
"""The category of the one difference that needs no further bits: 32768 (table H.2)."""

_TABLES_MAX: Final = 4
_PREDICTORS: Final = range(1, 8)
_PRECISIONS: Final = range(2, 17)


def encode(samples: Sequence[int], rows: int, columns: int, components: int, bits: int) -> bytes:
    """One frame, its samples by pixel.

    Args:
        samples: ``rows * columns * components`` numbers below ``2 ** bits``.
        rows: of the frame.
        columns: of the frame.
        components: 1, or 3 for colour.
        bits: precision, 2 to 16.
    """
    ids = range(1, components + 1)
    frame = struct.pack(">BHHB", bits, rows, columns, components)
    frame += b"".join(bytes((one, 0x11, 0)) for one in ids)
    table = bytes((0, *_LENGTHS, *_SYMBOLS))
    scan = bytes((components, *(part for one in ids for part in (one, 0)), 1, 0, 0))
    body = _packed(_codes(samples, columns, components, bits))
    heads = ((_SOF3, frame), (_DHT, table), (_SOS, scan))
    return b"".join(
        [bytes((0xFF, _SOI)), *(_segment(*one) for one in heads), body, bytes((0xFF, _EOI))]
    )


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _codes(
    samples: Sequence[int], columns: int, components: int, bits: int
) -> Iterator[tuple[int, int]]:
    """Value and number of bits of each code, in order."""
    codes = {symbol: (code, length) for length, code, symbol in _canonical(_LENGTHS, _SYMBOLS)}
    width = columns * components
    for index, sample in enumerate(samples):
        if index % width >= components:
            before = samples[index - components]
        else:
            before = samples[index - width] if index >= width else 1 << (bits - 1)
        difference = (sample - before) & 0xFFFF
        if difference == 1 << 15:
            yield codes[_WHOLE]
            continue
        signed = difference - (1 << 16) if difference >> 15 else difference
        size = abs(signed).bit_length()
        yield codes[size]
        if size:
            yield signed if signed > 0 else signed + (1 << size) - 1, size


def _packed(codes: Iterable[tuple[int, int]]) -> bytes:
    """Bits in bytes, a byte of ones followed by a zero (§F.1.2.3), the rest filled with ones."""
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


def _canonical(lengths: Sequence[int], symbols: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Length, code and symbol of each entry (§C.2)."""
    code, at = 0, 0
    for length, count in enumerate(lengths, 1):
        for symbol in symbols[at : at + count]:
            yield length, code, symbol
            code += 1
        at += count
        code <<= 1


@lru_cache(maxsize=8)
def _lookup(lengths: tuple[int, ...], symbols: tuple[int, ...]) -> list[tuple[int, int]]:
    """Symbol and length by the next sixteen bits; length 0 where they are no code."""
    found = [(0, 0)] * (1 << _PEEK)
    for length, code, symbol in _canonical(lengths, symbols):
        begin, count = code << (_PEEK - length), 1 << (_PEEK - length)
        if begin + count > len(found):
            raise _broken(tr("a table of codes is too full"), 0)
        found[begin : begin + count] = [(symbol, length)] * count
    return found


def _broken(why: str, at: int) -> PeerError:
    return PeerError(why, offset=at, clause="ITU-T T.81 annex H")


class _Frame:
    """What the headers say."""

    def __init__(self) -> None:
        self.bits = self.rows = self.columns = self.predictor = self.shift = 0
        self.ids: list[int] = []
        self.tables: dict[int, list[tuple[int, int]]] = {}
        self.used: list[list[tuple[int, int]]] = []
        self.begin = 0


def decode(stream: bytes) -> tuple[list[int], int, int, int, int]:
    """Samples by pixel, rows, columns, components and precision of one frame.

    Raises:
        PeerError: it is no such stream, or cut off.
    """
    frame = _headers(stream)
    count = frame.rows * frame.columns * len(frame.ids)
    samples = _samples(frame, stream, count)
    return samples, frame.rows, frame.columns, len(frame.ids), frame.bits


def _headers(stream: bytes) -> _Frame:
    frame, at = _Frame(), 2
    if stream[:2] != bytes((0xFF, _SOI)):
        raise _broken(tr("no JPEG stream"), 0)
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker, size = stream[at + 1], int.from_bytes(stream[at + 2 : at + 4], "big")
        body = stream[at + 4 : at + 2 + size]
        if len(body) != size - 2:
            break
        try:
            _header(frame, marker, body, at)
        except (IndexError, struct.error) as error:
            raise _broken(tr("a JPEG header is cut off"), at) from error
        at += 2 + size
        if marker == _SOS:
            frame.begin = at
            return frame
    raise _broken(tr("a JPEG header is cut off"), at)


def _header(frame: _Frame, marker: int, body: bytes, at: int) -> None:
    if marker == _SOF3:
        frame.bits, frame.rows, frame.columns, count = struct.unpack_from(">BHHB", body)
        frame.ids = [body[6 + 3 * one] for one in range(count)]
        whole = frame.rows and frame.columns and frame.ids and frame.bits in _PRECISIONS
        if not whole or any(body[7 + 3 * one] != 0x11 for one in range(count)):
            raise _broken(tr("this JPEG frame cannot be read"), at)
    elif (0xC0 <= marker <= 0xCF and marker != _DHT) or marker == 0xDD:
        raise _broken(tr("this JPEG frame cannot be read"), at)
    elif marker == _DHT:
        position = 0
        while position < len(body):
            number, lengths = body[position] & 0x0F, tuple(body[position + 1 : position + 17])
            position += 17 + sum(lengths)
            symbols = tuple(body[position - sum(lengths) : position])
            if number >= _TABLES_MAX or len(lengths) != 16 or len(symbols) != sum(lengths):
                raise _broken(tr("a table of codes is cut off"), at)
            frame.tables[number] = _lookup(lengths, symbols)
    elif marker == _SOS:
        count = body[0]
        chosen = [body[2 + 2 * one] >> 4 for one in range(count)]
        frame.predictor, frame.shift = body[1 + 2 * count], body[3 + 2 * count] & 0x0F
        known = all(one in frame.tables for one in chosen)
        if count != len(frame.ids) or not known or frame.predictor not in _PREDICTORS:
            raise _broken(tr("this JPEG frame cannot be read"), at)
        frame.used = [frame.tables[one] for one in chosen]


def _differences(frame: _Frame, stream: bytes, count: int) -> Iterator[int]:
    end = stream.rfind(bytes((0xFF, _EOI)))
    raw = stream[frame.begin : end if end > 0 else len(stream)].replace(b"\xff\0", b"\xff")
    held, bits, at, several = 0, 0, 0, len(frame.used)
    for index in range(count):
        while bits < 2 * _PEEK:  # a code and its bits
            held, bits = held << 8 | (raw[at] if at < len(raw) else 0xFF), bits + 8
            at += 1
        size, length = frame.used[index % several][held >> (bits - _PEEK) & 0xFFFF]
        bits -= length
        if not length or size > _WHOLE:
            raise _broken(tr("the JPEG stream has no such code"), frame.begin + at)
        if size == _WHOLE:
            yield 1 << 15
        elif size:
            bits -= size
            value = held >> bits & (1 << size) - 1
            yield value if value >> (size - 1) else value - (1 << size) + 1
        else:
            yield 0
        held &= (1 << bits) - 1
        if at - bits // 8 > len(raw):
            raise _broken(tr("the JPEG stream is cut off"), frame.begin + len(raw))


def _samples(frame: _Frame, stream: bytes, count: int) -> list[int]:
    found: list[int] = []
    step, first = len(frame.ids), 1 << (frame.bits - frame.shift - 1)
    width = frame.columns * step
    mask = (1 << frame.bits) - 1
    for index, difference in enumerate(_differences(frame, stream, count)):
        left = found[index - step] if index % width >= step else None
        above = found[index - width] if index >= width else None
        if left is None:
            predicted = first if above is None else above
        elif above is None:
            predicted = left
        else:
            predicted = _predicted(frame.predictor, left, above, found[index - width - step])
        found.append((predicted + difference) & 0xFFFF)
    return [(one << frame.shift) & mask for one in found]


def _predicted(predictor: int, left: int, above: int, corner: int) -> int:
    """Table H.1."""
    if predictor == 1:
        return left
    return {
        2: above,
        3: corner,
        4: left + above - corner,
        5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }[predictor]
