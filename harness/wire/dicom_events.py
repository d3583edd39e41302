"""What goes in and out of an association: PDUs and whole messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
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
    for head, pieces in _runs(message, pdu_bytes):
        for piece in pieces:
            yield head, piece


def grouped(message: SendDimse, pdu_bytes: int, most: int) -> Iterator[tuple[bytes, list[int]]]:
    """The same PDUs as they leave: at most ``most`` together, and the size of each.

    A slice of half a megabyte is thirty of them; a step in Python for each would cost as much as
    sending it.
    """
    parts: list[bytes | memoryview] = []
    sizes: list[int] = []
    for head, pieces in _runs(message, pdu_bytes):
        done = 0
        while done < len(pieces):
            now = pieces[done : done + most - len(sizes)]
            done += len(now)
            parts.extend(chain.from_iterable(zip(repeat(head), now, strict=False)))
            sizes += [len(head) + len(now[0])] * len(now)
            if len(sizes) == most:
                yield b"".join(parts), sizes
                parts, sizes = [], []
    if sizes:
        yield b"".join(parts), sizes


def _runs(message: SendDimse, pdu_bytes: int) -> Iterator[tuple[bytes, list[memoryview]]]:
    """Fragments of one size with the head that each of them has."""
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
            yield full, [view[begin : begin + room] for begin in range(0, count - room, room)]
        if count:
            rest = view[(count - 1) // room * room :]
            yield _head(context, len(rest), command=is_command, last=True), [rest]


def _head(context: int, size: int, *, command: bool, last: bool) -> bytes:
    """What stands before a fragment of that size (PS3.8 §9.3.5)."""
    head = Pdv.head(context, size, command=command, last=last)
    return HEAD.pack(PduType.DATA, len(head) + size) + head


def cut(message: SendDimse, pdu_bytes: int) -> list[bytes]:
    """The same as bytes, one for each PDU."""
    return [head + piece for head, piece in fragments(message, pdu_bytes)]
