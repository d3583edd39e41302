"""What goes in and out of an association: PDUs and whole messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.wire import dicom_command
from harness.wire.core import Event
from harness.wire.dicom_pdu import HEAD, PDV_OVERHEAD_BYTES, Pdu, PduType, Pdv

PIECE_BYTES_MAX: Final = 256 * 1024
"""A fragment where the peer knows no maximum; what the largest common default is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PduReceived(Event):
    """One PDU came; ``size`` is its length on the wire."""

    pdu: Pdu
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DimseReceived(Event):
    """One whole message came: its command set and, where it has one, its data set.

    Attributes:
        context: presentation context id.
        command: elements of group 0000.
        payload: the encoded data set, or empty.
        fragments: PDVs that it came in.
    """

    context: int
    command: dict[int, dicom_command.Value]
    payload: bytes
    fragments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPdu(Event):
    """Send one PDU, whatever the state."""

    pdu: Pdu


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDimse(Event):
    """Send one message, cut into PDUs that the peer takes.

    Attributes:
        context: presentation context id.
        command: elements of group 0000.
        payload: encoded data set; empty sends none.
        pdu_bytes: maximum length in place of what the peer announced.
    """

    context: int
    command: dicom_command.Command
    payload: bytes = b""
    pdu_bytes: int = 0


def fragments(message: SendDimse, pdu_bytes: int) -> Iterator[tuple[bytes, memoryview]]:
    """The P-DATA-TF PDUs of one message: what stands before each fragment, and the fragment.

    None is longer than ``pdu_bytes``; 0 is without limit. The payload is not copied.
    """
    context = message.context
    room = pdu_bytes - PDV_OVERHEAD_BYTES if pdu_bytes else PIECE_BYTES_MAX
    room = max(room - room % 2, 2)
    for is_command, data in (
        (True, dicom_command.encode(message.command)),
        (False, message.payload),
    ):
        view = memoryview(data)
        for begin in range(0, len(data), room):
            piece = view[begin : begin + room]
            last = begin + room >= len(data)
            head = Pdv.head(context, len(piece), command=is_command, last=last)
            yield HEAD.pack(PduType.DATA, len(head) + len(piece)) + head, piece


def cut(message: SendDimse, pdu_bytes: int) -> list[bytes]:
    """The same as bytes, one for each PDU."""
    return [head + piece for head, piece in fragments(message, pdu_bytes)]
