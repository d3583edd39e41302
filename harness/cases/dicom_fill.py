"""Other pixels of the same geometry, and other bytes in place of everything that is no text.

* Native pixels: a keyed pattern with no more bits than are stored, as long as before.
* RLE and JPEG lossless (1.2.840.10008.1.2.4.70): the same pattern, encoded anew in the syntax that
  it had, so every decoder reads it.
* Other members of the JPEG family: every marker segment that says how large the image is and how it
  was coded stays; segments with words in them become zeros, and the coded bytes noise. The length
  stays; what a decoder makes of it is noise, or an error.
* Streams of moving pictures, documents, waveforms, overlays and other bulk: noise, as long as
  before; the first eight bytes of a document or a stream stay, they say what it is.

What was equal stays equal, what differed differs: the pattern hangs on the key and the original.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Final

from harness.digits import whole_number
from harness.errors import HarnessError
from harness.link import dicom_pixels
from harness.link.dicom_data import tag_of
from harness.link.dicom_pixels import JPEG_LOSSLESS, RLE, Shape
from harness.wire.dicom_tree import Node, Tree

PIXELS: Final = 0x7FE00010
DOCUMENT: Final = 0x00420011

ENCODED_MAX: Final = 1 << 20
"""Samples of a frame that is encoded anew; larger ones become noise as the rest of the family."""

KEPT_HEAD: Final = 8
TILE: Final = 4096
"""Bytes of the pattern before it comes again."""

_LOOKUPS: Final = frozenset(range(0x00281101, 0x00283100)) | {0x00020001}
"""Lookup tables and palettes: how values are shown, of every image of a device."""

_ITEM: Final = b"\xfe\xff\x00\xe0"
END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_WORDY: Final = frozenset({0xFE, *range(0xE1, 0xF0)})
"""COM and APP1 to APP15 of JPEG (ITU-T T.81 table B.1); APP0 is JFIF's head."""

_ALONE: Final = frozenset({0x01, 0xD8, 0xD9, *range(0xD0, 0xD8)})
_SOS: Final = 0xDA
_J2K: Final = b"\xff\x4f\xff\x51"
_J2K_DATA: Final = 0x93
_J2K_COMMENT: Final = 0x64


def noise(raw: bytes, key: bytes) -> bytes:
    """As many other bytes; the same for the same."""
    seed = hmac.new(key, hashlib.sha256(raw).digest(), hashlib.sha256).digest()
    return hashlib.shake_128(seed).digest(len(raw))


def shape_of(tree: Tree) -> Shape | None:
    """What the Image Pixel module of a data set says; None where it does not."""

    def number(keyword: str, default: int) -> int:
        node = tree.find(tag_of(keyword))
        value = node.value if node is not None else b""
        if node is not None and node.vr == "IS":
            told = whole_number(value.decode("ascii", "replace").strip(" \0"))
            return default if told is None else told
        return int(struct.unpack_from("<H", value)[0]) if len(value) >= 2 else default

    rows, columns = number("Rows", 0), number("Columns", 0)
    if not rows or not columns:
        return None
    allocated = number("BitsAllocated", 16)
    photometric = tree.find(tag_of("PhotometricInterpretation"))
    return Shape(
        rows=rows, columns=columns, samples=number("SamplesPerPixel", 1), allocated=allocated,
        stored=number("BitsStored", allocated), signed=bool(number("PixelRepresentation", 0)),
        frames=max(number("NumberOfFrames", 1), 1),
        photometric=photometric.value.decode("ascii", "replace").strip() if photometric else "",
        planar=number("PlanarConfiguration", 0),
    )  # fmt: skip


def fill(node: Node, shape: Shape | None, syntax: str, key: bytes, depth: int) -> None:
    """Put other bytes into an element of bulk.

    Args:
        node: the element.
        shape: of the image that it belongs to.
        syntax: transfer syntax of the data set.
        key: secret of the case.
        depth: of the element; only those outside of sequences may change in length.
    """
    raw = node.value
    if node.tag in _LOOKUPS:
        return
    if node.tag == PIXELS and node.fragments:
        anew = _encoded(raw, shape, syntax, key) if depth == 0 else None
        node.body = anew if anew is not None else _fragments(raw, key)
    elif node.tag == PIXELS and shape is not None:
        node.body = pattern(raw, shape, key)
    elif node.tag == DOCUMENT:
        node.body = raw[:KEPT_HEAD] + noise(raw, key)[KEPT_HEAD:]
    else:
        node.body = noise(raw, key)


def pattern(raw: bytes, shape: Shape, key: bytes, size: int = 0) -> bytes:
    """Native pixels, ``size`` bytes of them or as many as there were."""
    size = size or len(raw)
    seed = noise(raw, key)[:32].ljust(32, b"\0")
    room = min(TILE, size + size % 2)
    tile = hashlib.shake_128(key + seed).digest(room)
    if shape.allocated == 16:
        stored = max(shape.stored - shape.signed, 1)  # a positive number in every case
        mask = (1 << min(stored, 16)) - 1
        words = struct.unpack(f"<{room // 2}H", tile)
        tile = struct.pack(f"<{room // 2}H", *(one & mask for one in words))
    elif shape.allocated == 8:
        mask = (1 << max(min(shape.stored - shape.signed, 8), 1)) - 1
        tile = bytes(one & mask for one in tile)
    return (tile * (size // max(room, 1) + 1))[:size]


def _encoded(raw: bytes, shape: Shape | None, syntax: str, key: bytes) -> bytes | None:
    """The pattern in the syntax that the pixels had; None where that is not to be done."""
    if shape is None or syntax not in {RLE, JPEG_LOSSLESS} or shape.allocated not in {8, 16}:
        return None
    frame = shape.frame_bytes
    if frame // (shape.allocated // 8) > ENCODED_MAX:
        return None
    try:
        if len(dicom_pixels.streams(raw + END)) != shape.frames:
            return None  # the number of fragments may be the very fault
        pixels = pattern(raw, shape, key, frame * shape.frames)
        return bytes(dicom_pixels.encode(pixels, shape, syntax))[: -len(END)]
    except (HarnessError, ValueError, struct.error):
        return None


def _fragments(raw: bytes, key: bytes) -> bytes:
    """Each fragment behind the offset table by one of its length."""
    out, at, number = [], 0, 0
    while raw[at : at + 4] == _ITEM:
        (size,) = struct.unpack_from("<I", raw, at + 4)
        data = raw[at + 8 : at + 8 + size]
        out += [raw[at : at + 8], data if number == 0 else coded(data, key)]
        at, number = at + 8 + size, number + 1
    return b"".join([*out, noise(raw[at:], key)])


def coded(data: bytes, key: bytes) -> bytes:
    """A coded image: what says how it is coded, and noise."""
    if data[:4] == _J2K:
        return _segments(data, key, start=2, last=_J2K_DATA, wordy=frozenset({_J2K_COMMENT}))
    if data[:3] == b"\xff\xd8\xff":
        return _segments(data, key, start=2, last=_SOS, wordy=_WORDY)
    return data[:KEPT_HEAD] + noise(data, key)[KEPT_HEAD:]


def _segments(data: bytes, key: bytes, *, start: int, last: int, wordy: frozenset[int]) -> bytes:
    """Marker segments up to the coded bytes; those never look like a marker."""
    out, at = bytearray(data[:start]), start
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _ALONE:
            out += data[at : at + 2]
            at += 2
            continue
        bare = marker == _J2K_DATA and last == _J2K_DATA
        size = 0 if bare else struct.unpack_from(">H", data, at + 2)[0]
        end = min(at + 2 + size, len(data))
        body = data[at + 4 : end]
        out += data[at : end if bare else at + 4]
        out += b"" if bare else bytes(len(body)) if marker in wordy else body
        at = end
        if marker == last:
            break
    rest = data[at:]
    out += bytes(one & 0x7F for one in noise(rest, key))
    if rest.endswith((b"\xff\xd9", b"\xff\xd9\0")):
        end = rest.rindex(b"\xff\xd9") - len(rest)
        out[end : end + 2 or None] = b"\xff\xd9"
    return bytes(out)
