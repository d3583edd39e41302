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
        view, count = memoryview(data), len(data)
        if count > room:  # all but the last have one head
            full = _head(context, room, command=is_command, last=False)
            for begin in range(0, count - room, room):
                yield full, view[begin : begin + room]
        if count:
            rest = view[(count - 1) // room * room :]
            yield _head(context, len(rest), command=is_command, last=True), rest


def _head(context: int, size: int, *, command: bool, last: bool) -> bytes:
    """What stands before a fragment of that size (PS3.8 §9.3.5)."""
    head = Pdv.head(context, size, command=command, last=last)
    return HEAD.pack(PduType.DATA, len(head) + size) + head


def cut(message: SendDimse, pdu_bytes: int) -> list[bytes]:
    """The same as bytes, one for each PDU."""
    return [head + piece for head, piece in fragments(message, pdu_bytes)]
