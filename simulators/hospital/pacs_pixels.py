"""What a PACS with defects does to compressed objects on their way out."""

from __future__ import annotations

import struct
from typing import Final

from harness.link.dicom_data import (
    DEFLATED,
    DataSet,
    Encapsulated,
    inflate,
    read,
    tag_of,
    written,
)
from harness.link.dicom_pixels import EXTENDED, LOSSY, RLE, VIDEO, fragments, streams

_PIXELS: Final = tag_of("PixelData")
_COLOURS: Final = 3

DEFECTS: Final = frozenset({"pacs-clears-lossy-flag", "pacs-swaps-rle-planes",
                            "pacs-cuts-last-fragment", "pacs-drops-geometry",
                            "pacs-writes-local-dates", "pacs-splits-video",
                            "pacs-says-eight-bits"})  # fmt: skip
"""What is done to objects that are read for it."""


def sent(body: bytes, syntax: str, defects: set[str]) -> bytes:
    """The object as it goes out."""
    if "pacs-inflates-deflated" in defects and syntax == DEFLATED:
        return inflate(body)
    if defects.isdisjoint(DEFECTS):
        return body
    data = read(body, syntax)
    changed = _header(data, defects)
    if "pacs-clears-lossy-flag" in defects and syntax in LOSSY:
        data.set("LossyImageCompression", "00")
        changed = True
    if "pacs-swaps-rle-planes" in defects and syntax == RLE:
        changed |= _swap_planes(data)
    if "pacs-says-eight-bits" in defects and syntax == EXTENDED:
        for name, bits in (("BitsAllocated", 8), ("BitsStored", 8), ("HighBit", 7)):
            data.set(name, bits)
        changed = True
    if "pacs-splits-video" in defects and syntax in VIDEO:
        changed |= _split(data)
    if "pacs-cuts-last-fragment" in defects:
        changed |= _cut_last(data)
    return written(data, syntax) if changed else body


def _header(data: DataSet, defects: set[str]) -> bool:
    before = dict(data.elements)
    if "pacs-drops-geometry" in defects:
        data.drop("ImagePositionPatient")
        data.drop("ImageOrientationPatient")
    date = data.text("StudyDate")
    if "pacs-writes-local-dates" in defects and date.isdecimal():
        data.set("StudyDate", f"{date[:4]}-{date[4:6]}-{date[6:]}")
    return data.elements != before


def _swap_planes(data: DataSet) -> bool:
    """The first and the last plane of colour are taken for each other."""
    value = data.elements[_PIXELS][1]
    if not isinstance(value, Encapsulated) or data.number("SamplesPerPixel") != _COLOURS:
        return False
    frames = []
    for one in streams(value):
        head = list(struct.unpack_from("<16I", one))
        body, count = one[64:], head[0]
        cuts = [offset - 64 for offset in head[1 : count + 1]] + [len(body)]
        planes = [body[cuts[at] : cuts[at + 1]] for at in range(count)][::-1]
        offsets, at = [], 64
        for plane in planes:
            offsets.append(at)
            at += len(plane)
        frames.append(struct.pack("<16I", count, *offsets, *[0] * (15 - count)) + b"".join(planes))
    data.elements[_PIXELS] = ("OB", fragments(frames))
    return True


def _split(data: DataSet) -> bool:
    """One stream as if it were pictures (PS3.5 §8.2.7 has one fragment and an empty table)."""
    value = data.elements.get(_PIXELS, ("", b""))[1]
    if not isinstance(value, Encapsulated):
        return False
    whole = b"".join(streams(value))
    half = len(whole) // 4 * 2
    data.elements[_PIXELS] = ("OB", fragments([whole[:half], whole[half:]]))
    return True


def _cut_last(data: DataSet) -> bool:
    """The end of the last frame is left out."""
    value = data.elements.get(_PIXELS, ("", b""))[1]
    if not isinstance(value, Encapsulated):
        return False
    each = streams(value)
    each[-1] = each[-1][: len(each[-1]) // 2]
    data.elements[_PIXELS] = ("OB", fragments(each))
    return True
