"""What the Image Pixel module says must fit itself, the transfer syntax and the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.dicomcheck.finding import Finding
from harness.dicomcheck.streams import unlike
from harness.errors import PeerError
from harness.i18n import tr
from harness.link.dicom_data import DataSet, Encapsulated
from harness.link.dicom_pixels import LOSSY, NATIVE, VIDEO, Shape, streams

SECTION: Final = "PS3.3 §C.7.6.3"
_ONE: Final = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_PIXELS: Final = "(7FE0,0010)"


def wrong_pixels(data: DataSet, syntax: str) -> Iterator[Finding]:
    """Nothing for an object without pixels."""
    if "PixelData" not in data:
        return
    stored, allocated = data.number("BitsStored"), data.number("BitsAllocated")
    samples, photometric = data.number("SamplesPerPixel"), data.text("PhotometricInterpretation")
    if not 0 < stored <= allocated:
        yield _said("(0028,0101)", tr("BitsStored is not within BitsAllocated"), "§C.7.6.3.1.1")
    if data.number("HighBit") != stored - 1:
        yield _said("(0028,0102)", tr("HighBit is not BitsStored less one"), "§C.7.6.3.1.1")
    if (samples == 1) is not (photometric in _ONE):
        message = tr("{colour} with {count} samples", colour=photometric or "-", count=samples)
        yield _said("(0028,0004)", message, "§C.7.6.3.1.2")
    if syntax in LOSSY | VIDEO and data.text("LossyImageCompression") != "01":
        yield _said("(0028,2110)", tr("the syntax is lossy and the object does not say so"),
                    "§C.7.6.1.1.5")  # fmt: skip
    yield from _amount(data, syntax)


def _said(path: str, message: str, section: str) -> Finding:
    return Finding(rule="pixels", path=path, message=message, clause=f"PS3.3 {section}")


def _amount(data: DataSet, syntax: str) -> Iterator[Finding]:
    value = data.elements[0x7FE00010][1]
    frames = data.number("NumberOfFrames", 1) or 1
    if isinstance(value, Encapsulated):
        if syntax in NATIVE:
            message = tr("fragments in a native transfer syntax")
            yield Finding(rule="pixels", path=_PIXELS, message=message, clause="PS3.5 §A.4")
            return
        try:
            each = streams(value)
        except PeerError as error:
            yield Finding(rule="pixels", path=_PIXELS, message=error.message, clause="PS3.5 §A.4")
            return
        if len(each) < (1 if syntax in VIDEO else frames):
            message = tr("{count} fragments for {frames} frames", count=len(each), frames=frames)
            yield Finding(rule="pixels", path=_PIXELS, message=message, clause="PS3.5 §A.4")
            return
        yield from _streams([b"".join(each)] if frames == 1 else each, data, syntax)
        return
    bits = data.number("Rows") * data.number("Columns") * data.number("SamplesPerPixel") * frames
    due = (bits * data.number("BitsAllocated") + 7) // 8
    size = len(value) if isinstance(value, bytes) else 0
    if syntax not in NATIVE:
        message = tr("no fragments in a compressed transfer syntax")
        yield Finding(rule="pixels", path=_PIXELS, message=message, clause="PS3.5 §A.4")
    elif size != due + due % 2:
        message = tr("{size} bytes; rows, columns and frames make {due}", size=size,
                     due=due + due % 2)  # fmt: skip
        yield Finding(rule="pixels", path=_PIXELS, message=message, clause="PS3.5 §8.1.1")


def _streams(each: list[bytes], data: DataSet, syntax: str) -> Iterator[Finding]:
    """The first frame that is unlike the header; frames in several fragments begin each anew."""
    shape = Shape(
        rows=data.number("Rows"), columns=data.number("Columns"),
        samples=data.number("SamplesPerPixel", 1), allocated=data.number("BitsAllocated", 16),
        stored=data.number("BitsStored", 16),
    )  # fmt: skip
    whole = len(each) == (data.number("NumberOfFrames", 1) or 1)
    for number, stream in enumerate(each if whole else each[:1], 1):
        message = unlike(stream, shape, syntax)
        if message:
            about = tr("frame {number}: {message}", number=number, message=message)
            yield Finding(rule="pixels", path=_PIXELS, message=about, clause="PS3.5 §8.2")
            return
