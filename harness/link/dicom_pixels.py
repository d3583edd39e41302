"""Pixels in and out of their transfer syntaxes (PS3.5 §8.2, annexes A.4 and G).

RLE and the native syntaxes are done here, JPEG lossless in ``dicom_lossless``. The rest of the JPEG
family goes through pydicom and the codecs of the extra ``imaging-codecs`` where they are installed;
``InputError`` says where they are not.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import InputError, PeerError
from harness.i18n import tr
from harness.link import dicom_lossless
from harness.link.dicom_data import DEFLATED, EXPLICIT, IMPLICIT, Encapsulated

RLE: Final = "1.2.840.10008.1.2.5"
BASELINE: Final = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS: Final = "1.2.840.10008.1.2.4.70"
JPEG_LS: Final = "1.2.840.10008.1.2.4.80"
JPEG_2000: Final = "1.2.840.10008.1.2.4.90"
JPEG_2000_LOSSY: Final = "1.2.840.10008.1.2.4.91"

VIDEO: Final = frozenset(
    {f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109)}
    | {f"1.2.840.10008.1.2.4.{number}.1" for number in range(100, 107)}
)
"""MPEG-2, H.264 and HEVC: one stream for all frames, in one fragment or, ``.1``, in several
(PS3.5 §8.2.5 to §8.2.8, §A.4.5 to §A.4.8)."""

NATIVE: Final = frozenset({EXPLICIT, IMPLICIT, DEFLATED})
LOSSY: Final = frozenset({BASELINE, JPEG_2000_LOSSY})

OWN: Final = frozenset({RLE, JPEG_LOSSLESS})
"""Done without a codec of others."""

CODECS: Final = {BASELINE: "PIL", JPEG_LS: "jpeg_ls", JPEG_2000: "openjpeg",
                 JPEG_2000_LOSSY: "openjpeg"}  # fmt: skip
"""Module that a syntax needs beside pydicom."""

EXTRA: Final = "imaging-codecs"

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_HEAD: Final = struct.Struct("<16I")

DECODED_MAX: Final = 256 * 1024 * 1024
"""Bytes that one object may decode to: a few bytes of RLE make a great many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the Image Pixel module says of the pixels (PS3.3 §C.7.6.3)."""

    rows: int
    columns: int
    samples: int = 1
    allocated: int = 16
    stored: int = 16
    signed: bool = False
    frames: int = 1
    photometric: str = "MONOCHROME2"
    planar: int = 0

    @property
    def frame_bytes(self) -> int:
        """Of one frame in a native syntax."""
        return self.rows * self.columns * self.samples * (self.allocated // 8)


def available(syntax: str) -> bool:
    """Whether we can encode and decode a syntax here."""
    if syntax in NATIVE or syntax in OWN:
        return True
    names = [CODECS.get(syntax, ""), "numpy"]
    return all(bool(one) and importlib.util.find_spec(one) is not None for one in names)


def encode(pixels: bytes, shape: Shape, syntax: str) -> bytes:
    """Native pixels in a transfer syntax: the value of (7FE0,0010).

    Raises:
        InputError: a codec is missing, or the syntax cannot hold such pixels.
    """
    if syntax in NATIVE:
        return pixels
    size = shape.frame_bytes
    frames = [pixels[at : at + size] for at in range(0, size * shape.frames, size)]
    return fragments([_encode_one(one, shape, syntax) for one in frames])


def fragments(frames: Sequence[bytes]) -> Encapsulated:
    """Frames behind an offset table, one fragment a frame (PS3.5 §A.4)."""
    even = [one + b"\0" * (len(one) % 2) for one in frames]
    offsets, at = [], 0
    for one in even:
        offsets.append(at)
        at += 8 + len(one)
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    items = [table, *even]
    return Encapsulated(b"".join(_ITEM + struct.pack("<I", len(one)) + one for one in items) + _END)


def whole_stream(stream: bytes) -> Encapsulated:
    """A moving picture: an empty offset table and one fragment (PS3.5 §8.2.7)."""
    even = stream + b"\0" * (len(stream) % 2)
    items = (b"", even)
    return Encapsulated(b"".join(_ITEM + struct.pack("<I", len(one)) + one for one in items) + _END)


def streams(value: bytes) -> list[bytes]:
    """The fragments behind the offset table.

    Raises:
        PeerError: it is no sequence of fragments.
    """
    found, at = [], 0
    while value[at : at + 4] == _ITEM:
        (size,) = struct.unpack_from("<I", value, at + 4)
        found.append(value[at + 8 : at + 8 + size])
        at += 8 + size
    if value[at : at + 8] != _END or not found:
        raise PeerError(tr("the pixels are not in fragments"), offset=at, clause="PS3.5 §A.4")
    return found[1:]


def decode(value: bytes, shape: Shape, syntax: str) -> bytes:
    """The native pixels of a value of (7FE0,0010), colour by pixel.

    Raises:
        PeerError: it cannot be decoded.
        InputError: a codec is missing.
    """
    if syntax in NATIVE:
        return _by_pixel(value, shape) if shape.planar else value
    if shape.frame_bytes * shape.frames > DECODED_MAX:
        raise PeerError(tr("the pixels would take too much room"), clause="PS3.3 §C.7.6.3")
    each = streams(value)
    if len(each) != shape.frames:
        each = [b"".join(each)] if shape.frames == 1 else each
    if len(each) != shape.frames:
        raise PeerError(tr("frames and fragments differ in number"), clause="PS3.5 §A.4")
    return b"".join(_decode_one(one, shape, syntax) for one in each)


def _by_pixel(value: bytes, shape: Shape) -> bytes:
    size, width = shape.frame_bytes, shape.allocated // 8
    plane, out = size // shape.samples, bytearray()
    for begin in range(0, size * shape.frames, size):
        frame = value[begin : begin + size]
        planes = [frame[at : at + plane] for at in range(0, size, plane)]
        for at in range(0, plane, width):
            for one in planes:
                out += one[at : at + width]
    return bytes(out)


# ---- RLE (PS3.5 annex G)


def _encode_one(frame: bytes, shape: Shape, syntax: str) -> bytes:
    if syntax == RLE:
        return _rle(frame, shape)
    if syntax == JPEG_LOSSLESS:
        return _lossless(frame, shape)
    return _with_codec(syntax, frame, shape)


def _segments(shape: Shape) -> list[int]:
    """Where the bytes of each segment begin: by sample, the most significant first (§G.2)."""
    width = shape.allocated // 8
    return [sample * width + width - 1 - byte
            for sample in range(shape.samples) for byte in range(width)]  # fmt: skip


def _rle(frame: bytes, shape: Shape) -> bytes:
    step = shape.samples * (shape.allocated // 8)
    packed = []
    for begin in _segments(shape):
        plane, out = frame[begin::step], bytearray()
        for at in range(0, len(plane), shape.columns):  # a run does not cross a row (§G.3.1)
            out += _pack_bits(plane[at : at + shape.columns])
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


def _unpack_rle(data: bytes, shape: Shape) -> bytes:
    if len(data) < _HEAD.size:
        raise PeerError(tr("an RLE header is cut off"), clause="PS3.5 §G.5")
    count, *offsets = _HEAD.unpack_from(data)
    wanted = _segments(shape)
    if count != len(wanted):
        raise PeerError(tr("{count} RLE segments, {due} were due", count=count, due=len(wanted)),
                        clause="PS3.5 §G.2")  # fmt: skip
    ends = [*offsets[1:count], len(data)]
    step = shape.samples * (shape.allocated // 8)
    out = bytearray(shape.frame_bytes)
    for begin, at, end in zip(wanted, offsets, ends, strict=False):
        out[begin::step] = _unpack_bits(data[at:end], shape.rows * shape.columns)
    return bytes(out)


def _decode_one(data: bytes, shape: Shape, syntax: str) -> bytes:
    if syntax == RLE:
        return _unpack_rle(data, shape)
    if syntax == JPEG_LOSSLESS:
        return _from_lossless(data, shape)
    return _through_codec(syntax, data, shape)


# ---- JPEG lossless


_WORDS: Final = {8: "B", 16: "H"}


def _lossless(frame: bytes, shape: Shape) -> bytes:
    """Every bit of a sample where it has a sign, else those that are stored."""
    word = _WORDS[shape.allocated]
    samples = struct.unpack(f"<{len(frame) // (shape.allocated // 8)}{word}", frame)
    bits = shape.allocated if shape.signed else max(shape.stored, 2)
    if any(one >> bits for one in samples):
        raise InputError(tr("a pixel has more bits than are stored"))
    return dicom_lossless.encode(samples, shape.rows, shape.columns, shape.samples, bits)


def _from_lossless(data: bytes, shape: Shape) -> bytes:
    samples, rows, columns, components, bits = dicom_lossless.decode(data)
    if (rows, columns, components) != (shape.rows, shape.columns, shape.samples):
        raise PeerError(tr("the JPEG frame and the header differ in size"), clause="PS3.5 §8.2.1")
    if bits > shape.allocated:
        raise PeerError(tr("a pixel has more bits than are allocated"), clause="PS3.5 §8.2.1")
    return struct.pack(f"<{len(samples)}{_WORDS[shape.allocated]}", *samples)


# ---- the JPEG family


def _need(syntax: str) -> None:
    if syntax not in CODECS:
        raise InputError(tr("no codec for the transfer syntax {syntax}", syntax=syntax))
    if not available(syntax):
        raise InputError(
            tr("no codec for the transfer syntax {syntax}", syntax=syntax),
            remedy=f"pip install medharness[{EXTRA}]",
        )


def _options(shape: Shape) -> dict[str, Any]:
    return {
        "rows": shape.rows, "columns": shape.columns, "samples_per_pixel": shape.samples,
        "bits_allocated": shape.allocated, "bits_stored": shape.stored,
        "pixel_representation": int(shape.signed), "number_of_frames": 1,
        "photometric_interpretation": shape.photometric, "planar_configuration": 0,
    }  # fmt: skip


def _with_codec(syntax: str, frame: bytes, shape: Shape) -> bytes:
    _need(syntax)
    from pydicom.pixels.encoders.base import get_encoder  # noqa: PLC0415 - only with the extra

    if syntax == BASELINE:
        return _baseline(frame, shape)
    more: dict[str, Any] = {"j2k_psnr": [LOSSY_DB]} if syntax == JPEG_2000_LOSSY else {}
    try:
        return bytes(get_encoder(syntax).encode(frame, **_options(shape), **more))
    except (ValueError, RuntimeError, NotImplementedError) as error:
        raise InputError(str(error)) from error


LOSSY_DB: Final = 45
"""Signal to noise of lossy JPEG 2000."""


def _baseline(frame: bytes, shape: Shape) -> bytes:
    """Eight bits a sample only (PS3.5 §8.2.1); colour is written as YBR_FULL_422."""
    from io import BytesIO  # noqa: PLC0415 - with the next one

    from PIL import Image  # noqa: PLC0415 - the extra

    if shape.allocated != 8:
        raise InputError(tr("JPEG Baseline holds eight bits a sample"))
    mode = "RGB" if shape.samples == 3 else "L"
    out = BytesIO()
    image = Image.frombytes(mode, (shape.columns, shape.rows), frame)
    image.save(out, "JPEG", quality=90, **({"subsampling": 1} if mode == "RGB" else {}))
    return out.getvalue()


def _through_codec(syntax: str, data: bytes, shape: Shape) -> bytes:
    _need(syntax)
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415 - only with the extra

    options = {**_options(shape), "pixel_keyword": "PixelData"}
    whole = fragments([data])
    try:
        buffer, _ = get_decoder(syntax).as_buffer(bytes(whole), raw=True, **options)
    except (ValueError, RuntimeError, NotImplementedError, AttributeError) as error:
        raise PeerError(str(error), clause="PS3.5 §8.2") from error
    return bytes(buffer)
