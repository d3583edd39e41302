"""The objects of a device with other pixels, and in a compressed transfer syntax.

The pixels are those that codecs get wrong: both extremes side by side, every value once, nothing
but one value, noise; in two's complement the sign changes from pixel to pixel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from harness.errors import InputError
from harness.i18n import tr
from harness.link.dicom_data import DataSet
from harness.link.dicom_pixels import (
    BASELINE,
    EXTENDED,
    JPEG_2000_LOSSY,
    JPEG_LS_NEAR,
    LOSSY,
    NATIVE,
    RLE,
    Shape,
    encode,
)

_COLOURS: Final = 3
METHODS: Final = {BASELINE: "ISO_10918_1", EXTENDED: "ISO_10918_1", JPEG_LS_NEAR: "ISO_14495_1",
                  JPEG_2000_LOSSY: "ISO_15444_1"}  # fmt: skip
"""(0028,2114) of a lossy syntax (PS3.3 §C.7.6.1.1.5.1)."""


def shape_of(data: DataSet) -> Shape:
    """What the Image Pixel module says."""
    return Shape(
        rows=data.number("Rows"), columns=data.number("Columns"),
        samples=data.number("SamplesPerPixel", 1), allocated=data.number("BitsAllocated", 16),
        stored=data.number("BitsStored", 16), signed=bool(data.number("PixelRepresentation")),
        frames=data.number("NumberOfFrames", 1), planar=data.number("PlanarConfiguration"),
        photometric=data.text("PhotometricInterpretation").strip(),
    )  # fmt: skip


def _extremes(index: int, top: int, _: bytes) -> int:
    return top if index % 2 else 0


def _ramp(index: int, top: int, _: bytes) -> int:
    return index % (top + 1)


def _flat(_: int, top: int, __: bytes) -> int:
    return top


def _noise(index: int, top: int, noise: bytes) -> int:
    at = index * 2 % (len(noise) - 1)
    return (noise[at] << 8 | noise[at + 1]) & top


def _outer(index: int, top: int, noise: bytes) -> int:
    """Dark or light, and nothing between: each a quarter of the range or more from its middle."""
    drawn, quarter = _noise(index, top, noise), (top + 1) // 4
    return 1 + drawn % max(quarter - 1, 1) + (drawn >> (top.bit_length() - 1)) * 3 * quarter


PATTERNS: Final[Mapping[str, Callable[[int, int, bytes], int]]] = {
    "extremes": _extremes,
    "ramp": _ramp,
    "flat": _flat,
    "noise": _noise,
    "outer": _outer,
}

DRAWN: Final = frozenset({"noise", "outer"})
"""Those that the UID draws from end to end."""


def fill(data: DataSet, pattern: str) -> None:
    """Give an object these pixels; a part of them is drawn by its UID in each pattern.

    Raises:
        InputError: no such pattern.
    """
    if pattern not in PATTERNS:
        raise InputError(tr("no pixel pattern {name}; known: {known}", name=pattern,
                            known=", ".join(PATTERNS)))  # fmt: skip
    shape, draw = shape_of(data), PATTERNS[pattern]
    count = shape.frame_bytes * shape.frames // (shape.allocated // 8)
    noise = hashlib.shake_128(data.text("SOPInstanceUID").encode("ascii")).digest(4 * count + 8)
    top = (1 << shape.stored) - 1
    values = [draw(index, top, noise) for index in range(count)]
    for index in range(0 if pattern in DRAWN else min(8, count)):  # no two objects are alike
        values[index] = noise[index] & top
    half = 1 << (shape.stored - 1)
    if shape.signed:
        mask = (1 << shape.allocated) - 1
        values = [(value - 2 * half if value >= half else value) & mask for value in values]
    width = shape.allocated // 8
    raw = b"".join(value.to_bytes(width, "little") for value in values)
    data.set("PixelData", raw + b"\0" * (len(raw) % 2), "OW" if width == 2 else "OB")


def compress(data: DataSet, syntax: str) -> None:
    """Put an object's native pixels into a transfer syntax, with what its header must then say.

    Raises:
        InputError: no codec, or the syntax cannot hold such pixels.
    """
    raw = data.raw("PixelData")
    shape = shape_of(data)
    if syntax in NATIVE:
        return
    value = encode(raw[: shape.frame_bytes * shape.frames], shape, syntax)
    data.set("PixelData", value, "OB")
    if syntax == RLE and shape.samples == _COLOURS:
        data.set("PlanarConfiguration", 1)  # RLE is by plane (PS3.5 §G.2)
    if syntax == BASELINE and shape.samples == _COLOURS:
        data.set("PhotometricInterpretation", "YBR_FULL_422")
    if syntax in LOSSY:
        data.set("LossyImageCompression", "01")
        data.set("LossyImageCompressionRatio", f"{len(raw) / len(value):.2f}")
        data.set("LossyImageCompressionMethod", METHODS[syntax])
