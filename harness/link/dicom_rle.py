"""RLE: a frame as planes of bytes, each row of each packed (PS3.5 annex G)."""

from __future__ import annotations

import struct
from typing import Final

from harness.errors import PeerError
from harness.i18n import tr

_HEAD: Final = struct.Struct("<16I")


def _segments(samples: int, width: int) -> list[int]:
    """Where the bytes of each segment begin: by sample, the most significant first (§G.2)."""
    return [sample * width + width - 1 - byte
            for sample in range(samples) for byte in range(width)]  # fmt: skip


def encode(frame: bytes, columns: int, samples: int, width: int) -> bytes:
    """One frame.

    Args:
        frame: colour by pixel.
        columns: of the frame; a run does not cross a row (§G.3.1).
        samples: 1, or 3 for colour.
        width: bytes of a sample.
    """
    packed = []
    for begin in _segments(samples, width):
        plane, out = frame[begin :: samples * width], bytearray()
        for at in range(0, len(plane), columns):
            out += _pack_bits(plane[at : at + columns])
        packed.append(bytes(out + b"\0" * (len(out) % 2)))
    offsets, at = [], _HEAD.size
    for one in packed:
        offsets.append(at)
        at += len(one)
    head = _HEAD.pack(len(packed), *offsets, *[0] * (15 - len(packed)))
    return head + b"".join(packed)


def _pack_bits(row: bytes) -> bytes:
    out, at, literal = bytearray(), 0, bytearray()
    while at < len(row):
        run = 1
        while run < 128 and at + run < len(row) and row[at + run] == row[at]:
            run += 1
        if run > 2 or (run == 2 and not literal):
            _flush(out, literal)
            out += bytes((257 - run, row[at]))
        else:
            literal += row[at : at + run]
        at += run
    _flush(out, literal)
    return bytes(out)


def _flush(out: bytearray, literal: bytearray) -> None:
    for at in range(0, len(literal), 128):
        piece = literal[at : at + 128]
        out.append(len(piece) - 1)
        out += piece
    literal.clear()


def decode(data: bytes, pixels: int, samples: int, width: int) -> bytes:
    """The frame of so many pixels, colour by pixel.

    Raises:
        PeerError: it is no such frame, or too short.
    """
    if len(data) < _HEAD.size:
        raise PeerError(tr("an RLE header is cut off"), clause="PS3.5 §G.5")
    count, *offsets = _HEAD.unpack_from(data)
    wanted = _segments(samples, width)
    if count != len(wanted):
        raise PeerError(tr("{count} RLE segments, {due} were due", count=count, due=len(wanted)),
                        clause="PS3.5 §G.2")  # fmt: skip
    ends = [*offsets[1:count], len(data)]
    step = samples * width
    out = bytearray(pixels * step)
    for begin, at, end in zip(wanted, offsets, ends, strict=False):
        out[begin::step] = _unpack_bits(data[at:end], pixels)
    return bytes(out)


def _unpack_bits(data: bytes, size: int) -> bytes:
    out, at = bytearray(), 0
    while at < len(data) and len(out) < size:
        count = data[at]
        if count < 128:
            out += data[at + 1 : at + 2 + count]
            at += 2 + count
        elif count > 128:
            out += data[at + 1 : at + 2] * (257 - count)
            at += 2
        else:
            at += 1
    if len(out) < size:
        raise PeerError(tr("an RLE segment is too short"), clause="PS3.5 §G.3.2")
    return bytes(out[:size])
