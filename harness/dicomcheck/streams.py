"""What the header of a compressed stream says must fit the transfer syntax and the object's header.

A stream of another process than the syntax names is read by one viewer and refused by the next; one
of another size or depth is drawn wrong (PS3.5 §8.2, §A.4).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.errors import PeerError
from harness.i18n import tr
from harness.link import dicom_huffman as huffman
from harness.link import dicom_pixels as px

_SOC_SIZ: Final = b"\xff\x4f\xff\x51"
_CAP, _COD, _TLM, _SOT = 0xFF50, 0xFF52, 0xFF55, 0xFF90
_HIGH_THROUGHPUT: Final = 1 << 17
"""Bit 15 of the parts that CAP tells of (ITU-T T.800 §A.5.2, T.814 §A.3)."""

_LOSSLESS, _SOF55 = 0xC3, 0xF7
_RPCL: Final = 2


@dataclass(slots=True)
class Head:
    """What a stream says of itself.

    Attributes:
        process: ``baseline``, ``extended``, ``lossless``, ``JPEG-LS``, ``J2K``, ``HTJ2K``, or the
            marker of its frame.
        size: rows, columns, components.
        bits: precision of a sample.
        choice: predictor of a lossless stream, nearness of JPEG-LS, 1 of a reversible JPEG 2000.
        order: of progression, of JPEG 2000.
        told: the lengths of tile parts stand in front, of JPEG 2000.
    """

    process: str
    size: tuple[int, int, int]
    bits: int
    choice: int = 0
    order: int = 0
    told: bool = False


_NAMES: Final = {0xC0: "baseline", 0xC1: "extended", _LOSSLESS: "lossless", _SOF55: "JPEG-LS"}

_HOLDS: Final[dict[str, Callable[[Head], bool]]] = {
    px.BASELINE: lambda head: head.process == "baseline",
    px.EXTENDED: lambda head: head.process in {"baseline", "extended"},
    px.JPEG_LOSSLESS_ANY: lambda head: head.process == "lossless",
    px.JPEG_LOSSLESS: lambda head: head.process == "lossless" and head.choice == 1,
    px.JPEG_LS: lambda head: head.process == "JPEG-LS" and not head.choice,
    px.JPEG_LS_NEAR: lambda head: head.process == "JPEG-LS",
    px.JPEG_2000: lambda head: head.process == "J2K" and head.choice == 1,
    px.JPEG_2000_LOSSY: lambda head: head.process == "J2K",
    px.HTJ2K: lambda head: head.process == "HTJ2K" and head.choice == 1,
    px.HTJ2K_RPCL: lambda head: head.process == "HTJ2K" and head.choice == 1
    and head.order == _RPCL and head.told,
    px.HTJ2K_LOSSY: lambda head: head.process == "HTJ2K",
}  # fmt: skip
"""What a stream of each syntax must say (PS3.5 §8.2.1, §8.2.3, §8.2.4, §A.4)."""


def head_of(stream: bytes) -> Head:
    """The header of one frame.

    Raises:
        PeerError: it is neither JPEG, JPEG-LS nor JPEG 2000, or is cut off.
    """
    try:
        return _jpeg_2000(stream) if stream[:4] == _SOC_SIZ else _jpeg(stream)
    except (struct.error, IndexError) as error:
        raise PeerError(tr("a JPEG header is cut off"), clause="PS3.5 §8.2") from error


def _jpeg(stream: bytes) -> Head:
    head = Head("", (0, 0, 0), 0)
    for marker, body, at in huffman.segments(stream):
        if huffman.is_frame(marker) or marker == _SOF55:
            bits, rows, columns, components = struct.unpack_from(">BHHB", body)
            name = _NAMES.get(marker, f"SOF {marker:02X}")
            head = Head(name, (rows, columns, components), bits)
        elif marker == huffman.SOS:
            if not head.process:
                raise huffman.broken(tr("this JPEG frame cannot be read"), at)
            head.choice = body[1 + 2 * body[0]]
    return head


def _jpeg_2000(stream: bytes) -> Head:
    right, lower, left, upper = struct.unpack_from(">4I", stream, 8)
    components, depth = struct.unpack_from(">HB", stream, 40)
    head = Head("J2K", (lower - upper, right - left, components), (depth & 0x7F) + 1)
    at = 4 + int.from_bytes(stream[4:6], "big")
    while at + 4 <= len(stream):
        marker, size = struct.unpack_from(">HH", stream, at)
        if marker == _SOT or marker < 0xFF00:
            break
        if marker == _CAP and struct.unpack_from(">I", stream, at + 4)[0] & _HIGH_THROUGHPUT:
            head.process = "HTJ2K"
        elif marker == _COD:
            head.order, head.choice = stream[at + 5], stream[at + 13]
        head.told = head.told or marker == _TLM
        at += 2 + size
    return head


def unlike(stream: bytes, shape: px.Shape, syntax: str) -> str:
    """Why a frame does not fit; empty where it does, or where its syntax is not known here."""
    if syntax not in _HOLDS:
        return ""
    try:
        head = head_of(stream)
    except PeerError as error:
        return error.message
    if not _HOLDS[syntax](head):
        return tr("a stream of {process} ({choice}), which the transfer syntax does not hold",
                  process=head.process, choice=head.choice)  # fmt: skip
    if head.size != (shape.rows, shape.columns, shape.samples):
        return tr("the stream has {stream} (rows, columns, samples), the header {header}",
                  stream=head.size, header=(shape.rows, shape.columns, shape.samples))  # fmt: skip
    if not shape.stored <= head.bits <= shape.allocated:
        return tr("the stream has {bits} bits a sample, the header {stored} in {allocated}",
                  bits=head.bits, stored=shape.stored, allocated=shape.allocated)  # fmt: skip
    return ""
