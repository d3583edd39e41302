"""Pixels in and out of their transfer syntaxes (PS3.5 §8.2, annexes A.4 and G).

What codecs of others cannot do is done by those beside this: RLE, JPEG lossless, JPEG of twelve
bits, and enough of HTJ2K to write. The rest of the JPEG family goes through pydicom and the codecs
of the extra ``imaging-codecs`` where they are installed; ``InputError`` says where they are not.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import InputError, PeerError
from harness.i18n import tr
from harness.link import dicom_extended, dicom_ht, dicom_lossless, dicom_rle
from harness.link.dicom_data import DEFLATED, EXPLICIT, IMPLICIT, Encapsulated

RLE: Final = "1.2.840.10008.1.2.5"
BASELINE: Final = "1.2.840.10008.1.2.4.50"
EXTENDED: Final = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS_ANY: Final = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS: Final = "1.2.840.10008.1.2.4.70"
JPEG_LS: Final = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR: Final = "1.2.840.10008.1.2.4.81"
JPEG_2000: Final = "1.2.840.10008.1.2.4.90"
JPEG_2000_LOSSY: Final = "1.2.840.10008.1.2.4.91"
HTJ2K: Final = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL: Final = "1.2.840.10008.1.2.4.202"
HTJ2K_LOSSY: Final = "1.2.840.10008.1.2.4.203"
HIGH_THROUGHPUT: Final = frozenset({HTJ2K, HTJ2K_RPCL, HTJ2K_LOSSY})

VIDEO: Final = frozenset(
    {f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109)}
    | {f"1.2.840.10008.1.2.4.{number}.1" for number in range(100, 107)}
)
"""MPEG-2, H.264 and HEVC: one stream for all frames, in one fragment or, ``.1``, in several
(PS3.5 §8.2.5 to §8.2.8, §A.4.5 to §A.4.8)."""

NATIVE: Final = frozenset({EXPLICIT, IMPLICIT, DEFLATED})
LOSSY: Final = frozenset({BASELINE, EXTENDED, JPEG_LS_NEAR, JPEG_2000_LOSSY})
"""Those that always lose; ``HTJ2K_LOSSY`` may hold either, as ours does, which loses nothing."""

OWN: Final = frozenset({RLE, EXTENDED, JPEG_LOSSLESS_ANY, JPEG_LOSSLESS})
"""Done without a codec of others."""

CODECS: Final = {BASELINE: "PIL", JPEG_LS: "jpeg_ls", JPEG_LS_NEAR: "jpeg_ls",
                 JPEG_2000: "openjpeg", JPEG_2000_LOSSY: "openjpeg",
                 **dict.fromkeys(HIGH_THROUGHPUT, "openjpeg")}  # fmt: skip
"""Module that a syntax needs beside pydicom."""

EXTRA: Final = "imaging-codecs"

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"

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
    while value[at : at + 4] == _ITEM and at + 8 <= len(value):
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


# ---- one frame


def _encode_one(frame: bytes, shape: Shape, syntax: str) -> bytes:
    if syntax == RLE:
        return dicom_rle.encode(frame, shape.columns, shape.samples, shape.allocated // 8)
    if syntax in {JPEG_LOSSLESS, JPEG_LOSSLESS_ANY}:
        predictor = 1 if syntax == JPEG_LOSSLESS else ANY_PREDICTOR
        return dicom_lossless.encode(_stored(frame, shape), shape.rows, shape.columns,
                                     shape.samples, _precision(shape), predictor)  # fmt: skip
    if syntax == EXTENDED:
        if shape.signed or shape.samples != 1 or shape.stored != dicom_extended.BITS:
            raise InputError(tr("JPEG Extended holds grey of twelve bits without a sign"))
        return dicom_extended.encode(_stored(frame, shape), shape.rows, shape.columns)
    if syntax in HIGH_THROUGHPUT:
        if shape.signed or shape.samples != 1:
            raise InputError(tr("HTJ2K is written of grey without a sign only"))
        order = dicom_ht.RPCL if syntax == HTJ2K_RPCL else dicom_ht.LRCP
        return dicom_ht.encode(_stored(frame, shape), shape.rows, shape.columns, shape.stored,
                               order=order)  # fmt: skip
    return _with_codec(syntax, frame, shape)


def _decode_one(data: bytes, shape: Shape, syntax: str) -> bytes:
    if syntax == RLE:
        pixels = shape.rows * shape.columns
        return dicom_rle.decode(data, pixels, shape.samples, shape.allocated // 8)
    if syntax in {JPEG_LOSSLESS, JPEG_LOSSLESS_ANY}:
        samples, rows, columns, components, bits = dicom_lossless.decode(data)
        return _raw(samples, (rows, columns, components, bits), shape)
    if syntax == EXTENDED and shape.samples == 1:
        samples, rows, columns, bits = dicom_extended.decode(data)
        return _raw(samples, (rows, columns, 1, bits), shape)
    return _through_codec(syntax, data, shape)


ANY_PREDICTOR: Final = 6
"""Of the selection values that only the syntax without one may hold (T.81 table H.1)."""

_WORDS: Final = {8: "B", 16: "H"}


def _precision(shape: Shape) -> int:
    """Every bit of a sample where it has a sign, else those that are stored."""
    return shape.allocated if shape.signed else max(shape.stored, 2)


def _stored(frame: bytes, shape: Shape) -> tuple[int, ...]:
    word = _WORDS[shape.allocated]
    samples = struct.unpack(f"<{len(frame) // (shape.allocated // 8)}{word}", frame)
    if any(one >> _precision(shape) for one in samples):
        raise InputError(tr("a pixel has more bits than are stored"))
    return samples


def _raw(samples: Sequence[int], said: tuple[int, int, int, int], shape: Shape) -> bytes:
    """Samples as bytes, where the stream says what the header does."""
    *size, bits = said
    if size != [shape.rows, shape.columns, shape.samples]:
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
    losses: dict[str, dict[str, Any]] = {
        JPEG_2000_LOSSY: {"j2k_psnr": [LOSSY_DB]},
        JPEG_LS_NEAR: {"jls_error": NEAR},
    }
    try:
        return bytes(get_encoder(syntax).encode(frame, **_options(shape), **losses.get(syntax, {})))
    except (ValueError, RuntimeError, NotImplementedError) as error:
        raise InputError(str(error)) from error


LOSSY_DB: Final = 45
"""Signal to noise of lossy JPEG 2000."""

NEAR: Final = 2
"""How far a sample of near-lossless JPEG-LS may be off (ITU-T T.87 §A.2.1)."""


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
