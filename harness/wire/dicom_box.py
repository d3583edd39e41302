"""One DIMSE message as a file: PS3.10 around its data set, so that any DICOM program opens it.

The command set, and of a request also the association that it came over, stand in the private
information of the meta header (0002,0102), in DICOM's own encoding: eight bytes that name the
association, the A-ASSOCIATE-RQ, and a P-DATA-TF with the command set. The data set is as it was on
the wire; of a message without one there is none.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.wire import dicom_command
from harness.wire.dicom_pdu import HEAD, Associate, Data, PduError, PduType, Pdv, decode_pdu

CREATOR: Final = "2.25.207811423.1"
"""Of our private information (0002,0100)."""

IMPLICIT: Final = "1.2.840.10008.1.2"
_PREAMBLE: Final = b"\0" * 128 + b"DICM"
_INSTANCE: Final = (dicom_command.AFFECTED_INSTANCE, dicom_command.REQUESTED_INSTANCE)
_CLASS: Final = (dicom_command.AFFECTED_CLASS, dicom_command.REQUESTED_CLASS)
_NAME_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxed:
    """One message.

    Attributes:
        association: eight characters that the messages of one association have in common.
        context: presentation context id.
        command: elements of group 0000.
        syntax: transfer syntax of the data set; empty where none was agreed.
        body: the encoded data set; empty where there is none.
        asked: the request for the association; None in an answer.
    """

    association: str
    context: int
    command: Mapping[int, dicom_command.Value] = field(default_factory=dict)
    syntax: str = ""
    body: bytes = b""
    asked: Associate | None = None

    @property
    def number(self) -> int:
        """``FIELD`` of the command set; 0 where it has none."""
        found = self.command.get(dicom_command.FIELD, 0)
        return found if isinstance(found, int) else 0

    @property
    def is_answer(self) -> bool:
        """Whether it answers a request."""
        return bool(self.number & dicom_command.RESPONSE)

    @property
    def service(self) -> str:
        """``C-STORE``; of an unknown one its number."""
        try:
            name = dicom_command.Service(self.number & ~dicom_command.RESPONSE).name
        except ValueError:
            return f"{self.number:04X}H"
        return name.replace("_", "-")

    @property
    def kind(self) -> str:
        """``C-STORE-RQ``; of an answer ``C-STORE-RSP^0000``, with its status."""
        if not self.is_answer:
            return f"{self.service}-RQ"
        status = self.command.get(dicom_command.STATUS)
        return (
            f"{self.service}-RSP^{status:04X}" if isinstance(status, int) else f"{self.service}-RSP"
        )

    @property
    def explicit(self) -> bool:
        """Whether the data set has value representations."""
        return self.syntax not in {IMPLICIT, ""}

    def text(self, *numbers: int) -> str:
        """The first of some elements of the command set that is there, as text."""
        found = (self.command.get(one) for one in numbers)
        return next((str(one) for one in found if isinstance(one, str | int) and one != ""), "")

    @property
    def sop_class(self) -> str:
        """Affected or requested SOP class."""
        return self.text(*_CLASS)

    @property
    def instance(self) -> str:
        """Affected or requested SOP instance."""
        return self.text(*_INSTANCE)

    def encode(self) -> bytes:
        """The file."""
        name = self.association.encode("ascii", "replace").ljust(_NAME_BYTES)[:_NAME_BYTES]
        pdv = Pdv(context=self.context, command=True, last=True,
                  data=dicom_command.encode(self.command))  # fmt: skip
        private = name + (self.asked.encode() if self.asked else b"") + Data(values=(pdv,)).encode()
        rest = b"".join(
            (
                _long(0x0001, b"OB", b"\0\1"),
                _short(0x0002, self.sop_class),
                _short(0x0003, self.instance),
                _short(0x0010, self.syntax or IMPLICIT),
                _short(0x0012, CREATOR),
                _short(0x0100, CREATOR),
                _long(0x0102, b"OB", private),
            )
        )
        size = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(rest))
        return _PREAMBLE + size + rest + self.body


def _short(number: int, uid: str) -> bytes:
    data = uid.encode("ascii", "replace")
    data += b"\0" * (len(data) % 2)
    return struct.pack("<HH2sH", 2, number, b"UI", len(data)) + data


def _long(number: int, vr: bytes, data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    return struct.pack("<HH2sHI", 2, number, vr, 0, len(data)) + data


def decode(data: bytes, *, whole: bool = True) -> Boxed:
    """Read what ``encode`` wrote.

    Args:
        data: the file.
        whole: read the request for the association as well.

    Raises:
        ValueError: it is something else.
    """
    if not is_box(data) or len(data) < len(_PREAMBLE) + 12:  # it may end before the length
        raise ValueError("no DIMSE message in a file")
    (size,) = struct.unpack_from("<I", data, len(_PREAMBLE) + 8)
    begin = len(_PREAMBLE) + 12
    elements = dict(_elements(data[begin : begin + size]))
    if elements.get(0x0100, b"").rstrip(b"\0") != CREATOR.encode():
        raise ValueError("no DIMSE message in a file")
    private = elements.get(0x0102, b"")
    asked, pdv = _private(private[_NAME_BYTES:], whole=whole)
    return Boxed(
        association=private[:_NAME_BYTES].decode("ascii", "replace").strip(),
        context=pdv.context,
        command=dicom_command.decode(pdv.data),
        syntax=elements.get(0x0010, b"").rstrip(b"\0").decode("ascii", "replace"),
        body=data[begin + size :],
        asked=asked,
    )


def is_box(data: bytes) -> bool:
    """Whether bytes are a file of PS3.10 with a meta header."""
    begin = len(_PREAMBLE)
    return data[128:begin] == b"DICM" and data[begin : begin + 8] == b"\2\0\0\0UL\4\0"


def _elements(meta: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at + 8 <= len(meta):
        _, number, vr = struct.unpack_from("<HH2s", meta, at)
        if vr == b"OB":
            (size,) = struct.unpack_from("<I", meta.ljust(at + 12, b"\0"), at + 8)
            begin = at + 12
        else:
            (size,) = struct.unpack_from("<H", meta, at + 6)
            begin = at + 8
        found.append((int(number), meta[begin : begin + size]))
        at = begin + int(size)
    return found


def _private(data: bytes, *, whole: bool) -> tuple[Associate | None, Pdv]:
    """The request for the association, where it is there, and the command set."""
    asked: Associate | None = None
    at = 0
    while at + HEAD.size <= len(data):
        kind, size = HEAD.unpack_from(data, at)
        if kind == PduType.ASSOCIATE_RQ and not whole:
            at += HEAD.size + size
            continue
        try:
            pdu = decode_pdu(kind, data[at + HEAD.size : at + HEAD.size + size])
        except PduError as error:
            raise ValueError(str(error)) from error
        if isinstance(pdu, Associate):
            asked = pdu
        elif isinstance(pdu, Data) and pdu.values:
            return asked, pdu.values[0]
        at += HEAD.size + size
    raise ValueError("no command set")
