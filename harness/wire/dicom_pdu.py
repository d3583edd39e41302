"""The PDUs of the DICOM upper layer as values, both ways (PS3.8 §9.3).

Reading says what is wrong and where; writing writes what it is told, also what no standard allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Final

from harness.wire.dicom_items import ItemError, Items, decode

HEAD: Final = Struct(">BxI")
"""Type, reserved, length of what follows (PS3.8 §9.3.1)."""

_ASSOCIATE: Final = Struct(">HH16s16s32s")
_PDV: Final = Struct(">IBB")

PDV_OVERHEAD_BYTES: Final = _PDV.size
"""What each fragment costs of the maximum length (PS3.8 §9.3.5.1)."""


class PduType(IntEnum):
    """First byte of a PDU."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class PduError(ValueError):
    """A PDU that cannot be read.

    Attributes:
        clause: what it breaks.
        offset: from the first byte of the PDU.
    """

    def __init__(self, message: str, *, clause: str, offset: int = 0) -> None:
        super().__init__(message)
        self.clause = clause
        self.offset = offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Associate:
    """A-ASSOCIATE-RQ or -AC (PS3.8 §9.3.2, §9.3.3).

    Attributes:
        accepted: -AC, else -RQ.
        called: called AE title as 16 bytes on the wire, here without padding.
        calling: calling AE title.
        version: protocol version, a bit field; bit 0 is version 1.
        items: contexts and user information.
    """

    accepted: bool = False
    called: bytes = b""
    calling: bytes = b""
    version: int = 1
    items: Items = field(default_factory=Items)

    def encode(self) -> bytes:
        """The PDU."""
        fixed = _ASSOCIATE.pack(
            self.version, 0, self.called.ljust(16)[:16], self.calling.ljust(16)[:16], b""
        )
        kind = PduType.ASSOCIATE_AC if self.accepted else PduType.ASSOCIATE_RQ
        return pdu(kind, fixed + self.items.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A-ASSOCIATE-RJ (PS3.8 §9.3.4): result, source, reason, as reports name the triple."""

    result: int = 1
    source: int = 1
    reason: int = 1

    def encode(self) -> bytes:
        """The PDU."""
        return pdu(PduType.ASSOCIATE_RJ, bytes((0, self.result, self.source, self.reason)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdv:
    """One fragment of a message (PS3.8 §9.3.5.1, annex E.2).

    Attributes:
        context: presentation context id.
        command: of the command set, else of the data set.
        last: the last fragment of it.
        data: the fragment.
    """

    context: int
    command: bool
    last: bool
    data: bytes

    def encode(self) -> bytes:
        """The item."""
        return self.head(self.context, len(self.data), command=self.command, last=self.last) + (
            self.data
        )

    @staticmethod
    def head(context: int, size: int, *, command: bool, last: bool) -> bytes:
        """What stands before ``size`` bytes of a fragment."""
        return _PDV.pack(size + 2, context & 0xFF, command | last << 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """P-DATA-TF (PS3.8 §9.3.5)."""

    values: Sequence[Pdv] = ()

    def encode(self) -> bytes:
        """The PDU."""
        return pdu(PduType.DATA, b"".join(value.encode() for value in self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A-RELEASE-RQ or -RP (PS3.8 §9.3.6, §9.3.7)."""

    answer: bool = False

    def encode(self) -> bytes:
        """The PDU."""
        return pdu(PduType.RELEASE_RP if self.answer else PduType.RELEASE_RQ, bytes(4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """A-ABORT (PS3.8 §9.3.8): source 0 is the user, 2 the provider, which gives a reason."""

    source: int = 0
    reason: int = 0

    def encode(self) -> bytes:
        """The PDU."""
        return pdu(PduType.ABORT, bytes((0, 0, self.source, self.reason)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPdu:
    """Any bytes in place of a PDU, for what no class here can express."""

    data: bytes

    def encode(self) -> bytes:
        """The bytes."""
        return self.data


Pdu = Associate | Reject | Data | Release | Abort | RawPdu


def pdu(kind: int, body: bytes) -> bytes:
    """Head and body."""
    return HEAD.pack(kind, len(body)) + body


def whole_pdus(left: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take every PDU that is whole off the beginning: its type, and what follows its head."""
    while len(left) >= HEAD.size:
        kind, size = HEAD.unpack_from(left)
        if len(left) < HEAD.size + size:
            return
        body = bytes(left[HEAD.size : HEAD.size + size])
        del left[: HEAD.size + size]
        yield kind, body


def decode_pdu(kind: int, body: bytes) -> Pdu:
    """Read one PDU from its type and what follows its head.

    Raises:
        PduError: what is wrong with it.
    """
    match kind:
        case PduType.ASSOCIATE_RQ | PduType.ASSOCIATE_AC:
            return _associate(kind, body)
        case PduType.ASSOCIATE_RJ:
            _size(body, 4, "PS3.8 §9.3.4")
            return Reject(result=body[1], source=body[2], reason=body[3])
        case PduType.DATA:
            return Data(values=tuple(_values(body)))
        case PduType.RELEASE_RQ | PduType.RELEASE_RP:
            _size(body, 4, "PS3.8 §9.3.6")
            return Release(answer=kind == PduType.RELEASE_RP)
        case PduType.ABORT:
            _size(body, 4, "PS3.8 §9.3.8")
            return Abort(source=body[2], reason=body[3])
    raise PduError(f"no PDU has the type {kind:02X}H", clause="PS3.8 §9.3.1")


def _size(body: bytes, size: int, clause: str) -> None:
    if len(body) != size:
        raise PduError(
            f"{len(body)} bytes where there must be {size}", clause=clause, offset=HEAD.size
        )


def _associate(kind: int, body: bytes) -> Associate:
    clause = "PS3.8 §9.3.2" if kind == PduType.ASSOCIATE_RQ else "PS3.8 §9.3.3"
    if len(body) < _ASSOCIATE.size:
        raise PduError("it ends inside its fixed fields", clause=clause, offset=HEAD.size)
    version, _, called, calling, _ = _ASSOCIATE.unpack_from(body)
    try:
        items = decode(body[_ASSOCIATE.size :])
    except ItemError as error:
        offset = HEAD.size + _ASSOCIATE.size + error.offset
        raise PduError(str(error), clause=clause, offset=offset) from error
    return Associate(
        accepted=kind == PduType.ASSOCIATE_AC,
        called=called.strip(b" "),
        calling=calling.strip(b" "),
        version=version,
        items=items,
    )


def _values(body: bytes) -> Iterable[Pdv]:
    position = 0
    while position < len(body):
        offset = HEAD.size + position
        if len(body) - position < _PDV.size:
            raise PduError("a PDV ends inside its head", clause="PS3.8 §9.3.5.1", offset=offset)
        size, context, control = _PDV.unpack_from(body, position)
        end = position + 4 + size
        if size < 2 or end > len(body):
            message = f"a PDV of {size} bytes does not fit into its PDU"
            raise PduError(message, clause="PS3.8 §9.3.5.1", offset=offset)
        yield Pdv(
            context=context,
            command=bool(control & 1),
            last=bool(control & 2),
            data=body[position + _PDV.size : end],
        )
        position = end
