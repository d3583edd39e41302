"""Messages over DICOM as values at tags: what was asked, and what was answered.

A trace holds the bytes of an association and says, message by message, what went over it. Here the
bytes are put together to data sets again (PS3.8 §9.3.5), so that an answer of a worklist is
compared element by element, and an image by the hash of its pixels. How the two sides agreed on an
association is read off the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.errors import PeerError
from harness.evidence.line import unpack
from harness.evidence.trace import Record
from harness.link.dicom_data import IMPLICIT, DataSet, decode, walk
from harness.upgrade.given import short
from harness.wire.dicom_command import DATA_SET_TYPE, NO_DATA_SET, CommandError, Value
from harness.wire.dicom_command import decode as command_of
from harness.wire.dicom_pdu import (
    Abort,
    Associate,
    Data,
    Pdu,
    PduError,
    PduType,
    Pdv,
    Reject,
    decode_pdu,
    whole_pdus,
)

Values = Mapping[str, str]

_BINARY: Final = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN"})


_BEGINS: Final = bytes((PduType.ASSOCIATE_RQ, 0))
"""The first bytes of a connection over DICOM (PS3.8 §9.3.2)."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one side said about an association.

    Attributes:
        record: of the bytes that it ended in.
        pdu: a request, an answer, or the end by force.
    """

    record: Record
    pdu: Associate | Reject | Abort


@dataclass(frozen=True, slots=True)
class Read:
    """What the bytes of a scenario hold.

    Attributes:
        data_sets: by number of a message's record, the values of its data set.
        said: about associations, in order.
        connections: over DICOM.
    """

    data_sets: Mapping[int, Values]
    said: Sequence[Said]
    connections: frozenset[str]


@dataclass(slots=True)
class _Side:
    """One direction of one connection."""

    left: bytearray = field(default_factory=bytearray)
    command: bytearray = field(default_factory=bytearray)
    data: bytearray = field(default_factory=bytearray)
    context: int = 0
    open: bool = False
    messages: list[tuple[int, bytes]] = field(default_factory=list)


def read(records: Sequence[Record]) -> Read:
    """Data sets and associations of a scenario; both empty where nothing went over DICOM."""
    ours = connections(records)
    said: list[Said] = []
    sides: dict[tuple[str, str], _Side] = {}
    syntaxes: dict[tuple[str, int], str] = {}
    named: dict[tuple[str, str], list[int]] = {}
    for record in records:
        key = (str(record.get("conn", "")), str(record.get("frm", "")))
        if record["kind"] == "message" and record.get("protocol") == "dicom":
            named.setdefault(key, []).append(int(record["n"]))
        elif record["kind"] == "bytes" and key[0] in ours:
            side = sides.setdefault(key, _Side())
            side.left += unpack(record["raw"])
            pdus = _pdus(side, key[0], syntaxes)
            said += [
                Said(record, pdu) for pdu in pdus if isinstance(pdu, Associate | Reject | Abort)
            ]
    found: dict[int, Values] = {}
    for key, numbers in named.items():
        messages = sides[key].messages if key in sides else []
        if len(messages) == len(numbers):
            for number, (context, data) in zip(numbers, messages, strict=True):
                syntax = syntaxes.get((key[0], context), IMPLICIT)
                found[number] = _values(data, explicit=syntax != IMPLICIT)
    return Read(data_sets=found, said=said, connections=ours)


def connections(records: Sequence[Record]) -> frozenset[str]:
    """Connections over DICOM: they say so, or begin as one does, though nothing came of them."""
    found, begun = set(), set()
    for record in records:
        conn = str(record.get("conn", ""))
        if record["kind"] == "message" and record.get("protocol") == "dicom":
            found.add(conn)
        elif record["kind"] == "bytes" and conn not in begun:
            begun.add(conn)
            if unpack(record["raw"]).startswith(_BEGINS):
                found.add(conn)
    return frozenset(found)


def values(record: Record, data: Values) -> Iterator[tuple[str, str]]:
    """What one message says: its status, where it is an answer, and its data set."""
    if record.get("status"):
        yield "@status", str(record["status"])
    yield from data.items()


def _pdus(side: _Side, conn: str, syntaxes: dict[tuple[str, int], str]) -> Iterator[Pdu]:
    """Take every whole PDU off the bytes of one direction."""
    for kind, body in whole_pdus(side.left):
        try:
            pdu = decode_pdu(kind, body)
        except PduError:
            continue  # broken on purpose: the trace itself says what came of it
        if isinstance(pdu, Associate) and pdu.accepted:
            for context in pdu.items.contexts:
                if context.result == 0 and context.transfer_syntaxes:
                    syntaxes[conn, context.id] = context.transfer_syntaxes[0]
        elif isinstance(pdu, Data):
            for value in pdu.values:
                _fragment(side, value)
        yield pdu


def _fragment(side: _Side, value: Pdv) -> None:
    (side.command if value.command else side.data).extend(value.data)
    side.context = value.context
    if not value.last:
        return
    if value.command and _has_data(bytes(side.command)):
        return
    side.messages.append((side.context, bytes(side.data)))
    side.command.clear()
    side.data.clear()


def _has_data(command: bytes) -> bool:
    try:
        kind: Value = command_of(command).get(DATA_SET_TYPE, NO_DATA_SET)
    except CommandError:
        return False
    return kind != NO_DATA_SET


def _values(data: bytes, *, explicit: bool) -> Values:
    try:
        read = decode(data, explicit=explicit)
    except PeerError:
        return {"payload": short(data.decode("latin-1"))}
    return dict(_elements(read))


def _elements(data: DataSet) -> Iterator[tuple[str, str]]:
    """Paths with the numbers of items, values as text, pixels and what is binary by its hash."""
    sets = data.character_sets
    for path, tag, vr, value in walk(data):
        if isinstance(value, bytes):
            holder = DataSet({tag: (vr, value)})
            text = value.decode("latin-1") if vr in _BINARY else holder.text(tag, sets)
            yield path, _hashed(text) if vr in _BINARY else short(text)
        elif isinstance(value, str | int | float):
            yield path, short(str(value))


def _hashed(text: str) -> str:
    digest = hashlib.sha256(text.encode("latin-1")).hexdigest()
    return f"{len(text)} bytes, SHA-256 {digest}"
