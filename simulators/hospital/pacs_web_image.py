"""A picture of one frame as PNG (ISO/IEC 15948): eight bits, the whole range of values."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from harness.link.dicom_data import DataSet

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB = 0, 2


def png(data: DataSet, frame: bytes) -> bytes:
    """One frame; gray values of more than eight bits keep their highest eight.

    Args:
        data: header of the object.
        frame: its native pixels.
    """
    rows, columns = data.number("Rows"), data.number("Columns")
    samples = data.number("SamplesPerPixel", 1)
    if data.number("BitsAllocated", 8) == 16:
        down = max(0, data.number("BitsStored", 16) - 8)
        top = (1 << data.number("BitsStored", 16)) - 1
        words = struct.unpack(f"<{len(frame) // 2}H", frame[: len(frame) // 2 * 2])
        frame = bytes((word & top) >> down & 0xFF for word in words)
    width = columns * samples
    lines = b"".join(b"\0" + frame[at : at + width] for at in range(0, rows * width, width))
    colour = _RGB if samples == 3 else _GRAY
    head = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
