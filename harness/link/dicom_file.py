"""Files of PS3.10 §7: preamble, meta header, data set. DICOMweb carries objects in this form."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from harness.errors import PeerError
from harness.i18n import tr
from harness.link.dicom_data import EXPLICIT, DataSet, decode, encode, read

PREAMBLE: Final = b"\0" * 128 + b"DICM"
_CLAUSE: Final = "PS3.10 §7.1"
_GROUP_LENGTH: Final = 0x00020000
_LONG: Final = frozenset({b"OB", b"UN"})
"""Value representations of the meta header with a length of four bytes."""

IMPLEMENTATION: Final = "2.25.207811423"
VERSION_NAME: Final = "MEDHARNESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file, read.

    Attributes:
        meta: group 0002.
        body: the encoded data set behind it.
    """

    meta: DataSet
    body: bytes

    @property
    def syntax(self) -> str:
        """Transfer syntax of the body."""
        return self.meta.text("TransferSyntaxUID")

    def data(self) -> DataSet:
        """The data set; ``PeerError`` where it cannot be read."""
        return read(self.body, self.syntax)


def read_file(data: bytes) -> File:
    """Take a file apart.

    Raises:
        PeerError: there is no preamble, or the meta header cannot be read.
    """
    if data[128:132] != PREAMBLE[128:]:
        raise PeerError(tr("no preamble with DICM"), clause=_CLAUSE)
    at = 132
    while at + 8 <= len(data) and data[at : at + 2] == b"\x02\0":
        at += _size(data, at)
    if at > len(data):
        raise PeerError(tr("the file ends inside its meta header"), offset=at, clause=_CLAUSE)
    meta = decode(data[132:at], explicit=True)
    if not meta.text("TransferSyntaxUID"):
        raise PeerError(tr("the meta header names no transfer syntax"), clause=_CLAUSE)
    return File(meta=meta, body=data[at:])


def _size(data: bytes, at: int) -> int:
    """Bytes of one element of the meta header."""
    if data[at + 4 : at + 6] in _LONG:
        return 12 + int(struct.unpack_from("<I", data.ljust(at + 12, b"\0"), at + 8)[0])
    return 8 + int(struct.unpack_from("<H", data, at + 6)[0])


def write_file(body: bytes, sop_class: str, sop: str, syntax: str = EXPLICIT) -> bytes:
    """A file around an encoded data set."""
    meta = DataSet.of(
        {
            "FileMetaInformationVersion": b"\0\1",
            "MediaStorageSOPClassUID": sop_class,
            "MediaStorageSOPInstanceUID": sop,
            "TransferSyntaxUID": syntax,
            "ImplementationClassUID": IMPLEMENTATION,
            "ImplementationVersionName": VERSION_NAME,
        }
    )
    rest = encode(meta, explicit=True)
    length = DataSet()
    length.set(_GROUP_LENGTH, len(rest), "UL")
    return PREAMBLE + encode(length, explicit=True) + rest + body
