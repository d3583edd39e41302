"""JPEG lossless, process 14: what DICOM calls 1.2.840.10008.1.2.4.57, and .70 with predictor 1.

ITU-T T.81: the frame header SOF3 (§B.2.2), the scan (§B.2.3), prediction (§H.1.2) and the coding of
differences (§H.1.2.2, table H.2). Written here because no codec of the extra can; read with any
predictor and table, in one scan without restarts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from harness.errors import PeerError
from harness.i18n import tr
from harness.link import dicom_huffman as huffman
from harness.link.dicom_huffman import DHT, DRI, EOI, PEEK, SOI, SOS, Table

_SOF3: Final = 0xC3
_LENGTHS: Final = (0, 1, 5, *[1] * 11, 0, 0)
_SYMBOLS: Final = tuple(range(17))
"""The table for differences of luminance (§K.3.1), made longer for 16 bits; no code of ones."""

_WHOLE: Final = 16
"""The category of the one difference that needs no further bits: 32768 (table H.2)."""

PREDICTORS: Final = range(1, 8)
_PRECISIONS: Final = range(2, 17)


def encode(
    samples: Sequence[int], rows: int, columns: int, components: int, bits: int, predictor: int = 1
) -> bytes:
    """One frame, its samples by pixel.

    Args:
        samples: ``rows * columns * components`` numbers below ``2 ** bits``.
        rows: of the frame.
        columns: of the frame.
        components: 1, or 3 for colour.
        bits: precision, 2 to 16.
        predictor: 1 to 7 (table H.1).
    """
    ids = range(1, components + 1)
    frame = struct.pack(">BHHB", bits, rows, columns, components)
    frame += b"".join(bytes((one, 0x11, 0)) for one in ids)
    table = bytes((0, *_LENGTHS, *_SYMBOLS))
    scan = bytes((components, *(part for one in ids for part in (one, 0)), predictor, 0, 0))
    body = huffman.packed(_codes(samples, columns, components, (bits, predictor)))
    heads = ((_SOF3, frame), (DHT, table), (SOS, scan))
    return b"".join([SOI, *(huffman.segment(*one) for one in heads), body, EOI])


def _codes(
    samples: Sequence[int], columns: int, components: int, how: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Value and number of bits of each code, in order."""
    table = huffman.canonical(_LENGTHS, _SYMBOLS)
    codes = {symbol: (code, length) for length, code, symbol in table}
    width, (bits, predictor) = columns * components, how
    for index, sample in enumerate(samples):
        inside, below = index % width >= components, index >= width
        if not inside:
            before = samples[index - width] if below else 1 << (bits - 1)
        elif predictor == 1 or not below:
            before = samples[index - components]
        else:
            before = _predicted(predictor, samples[index - components], samples[index - width],
                                samples[index - width - components])  # fmt: skip
        difference = (sample - before) & 0xFFFF
        if difference == 1 << 15:
            yield codes[_WHOLE]
            continue
        signed = difference - (1 << 16) if difference >> 15 else difference
        size = abs(signed).bit_length()
        yield codes[size]
        if size:
            yield signed if signed > 0 else signed + (1 << size) - 1, size


def _broken(why: str, at: int) -> PeerError:
    return huffman.broken(why, at, "ITU-T T.81 annex H")


class _Frame:
    """What the headers say."""

    def __init__(self) -> None:
        self.bits = self.rows = self.columns = self.predictor = self.shift = 0
        self.ids: list[int] = []
        self.tables: dict[int, Table] = {}
        self.used: list[Table] = []
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
    frame = _Frame()
    for marker, body, at in huffman.segments(stream):
        try:
            _header(frame, marker, body, at)
        except (IndexError, struct.error) as error:
            raise _broken(tr("a JPEG header is cut off"), at) from error
        frame.begin = at + 4 + len(body)
    return frame


def _header(frame: _Frame, marker: int, body: bytes, at: int) -> None:
    if marker == _SOF3:
        frame.bits, frame.rows, frame.columns, count = struct.unpack_from(">BHHB", body)
        frame.ids = [body[6 + 3 * one] for one in range(count)]
        whole = frame.rows and frame.columns and frame.ids and frame.bits in _PRECISIONS
        if not whole or any(body[7 + 3 * one] != 0x11 for one in range(count)):
            raise _broken(tr("this JPEG frame cannot be read"), at)
    elif huffman.is_frame(marker) or marker == DRI:
        raise _broken(tr("this JPEG frame cannot be read"), at)
    elif marker == DHT:
        frame.tables |= {number & 0x0F: table for number, table in huffman.tables(body, at)}
    elif marker == SOS:
        count = body[0]
        chosen = [body[2 + 2 * one] >> 4 for one in range(count)]
        frame.predictor, frame.shift = body[1 + 2 * count], body[3 + 2 * count] & 0x0F
        known = frame.ids and all(one in frame.tables for one in chosen)
        sound = frame.predictor in PREDICTORS and frame.shift < frame.bits
        if count != len(frame.ids) or not known or not sound:
            raise _broken(tr("this JPEG frame cannot be read"), at)
        frame.used = [frame.tables[one] for one in chosen]


def _differences(frame: _Frame, stream: bytes, count: int) -> Iterator[int]:
    raw = huffman.scan_of(stream, frame.begin)
    held, bits, at, several = 0, 0, 0, len(frame.used)
    for index in range(count):
        while bits < 2 * PEEK:  # a code and its bits
            held, bits = held << 8 | (raw[at] if at < len(raw) else 0xFF), bits + 8
            at += 1
        size, length = frame.used[index % several][held >> (bits - PEEK) & 0xFFFF]
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
