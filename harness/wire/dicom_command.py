"""DIMSE command sets (PS3.7 §6.3, annex E): group 0000 in implicit little endian, both ways.

A command set is a mapping from element to value, so that a message can lack an element, repeat a
message id or name a class that does not exist: what peers send, and what a test must send.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from struct import Struct
from typing import Final

Value = int | str | bytes
Command = Mapping[int, Value]
"""Element number of group 0000, and its value."""

GROUP_LENGTH, AFFECTED_CLASS, REQUESTED_CLASS = 0x0000, 0x0002, 0x0003
FIELD, MESSAGE_ID, RESPONDED_TO = 0x0100, 0x0110, 0x0120
DESTINATION, PRIORITY, DATA_SET_TYPE = 0x0600, 0x0700, 0x0800
STATUS, OFFENDING, COMMENT, ERROR_ID = 0x0900, 0x0901, 0x0902, 0x0903
AFFECTED_INSTANCE, REQUESTED_INSTANCE, EVENT_TYPE, ACTION_TYPE = 0x1000, 0x1001, 0x1002, 0x1008
REMAINING, COMPLETED, FAILED, WARNING = 0x1020, 0x1021, 0x1022, 0x1023
ORIGINATOR, ORIGINATOR_ID = 0x1030, 0x1031

NO_DATA_SET: Final = 0x0101
"""Of ``DATA_SET_TYPE``: none follows; any other value says that one does (PS3.7 §9.1)."""

COMMAND_BYTES_MAX: Final = 64 * 1024
"""A command set is a few hundred bytes; an attribute list makes it longer."""

_UID: Final = frozenset({AFFECTED_CLASS, REQUESTED_CLASS, AFFECTED_INSTANCE, REQUESTED_INSTANCE})
_TEXT: Final = frozenset({DESTINATION, COMMENT, ORIGINATOR})
_SHORT: Final = frozenset(
    {FIELD, MESSAGE_ID, RESPONDED_TO, PRIORITY, DATA_SET_TYPE, STATUS, ERROR_ID, EVENT_TYPE,
     ACTION_TYPE, REMAINING, COMPLETED, FAILED, WARNING, ORIGINATOR_ID}
)  # fmt: skip

_HEAD: Final = Struct("<HHI")
_US: Final = Struct("<H")
_UL: Final = Struct("<I")


class Service(IntEnum):
    """``FIELD`` of a request; of its answer with 8000H added (PS3.7 table E.1-1)."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150
    C_CANCEL = 0x0FFF


RESPONSE: Final = 0x8000


class CommandError(ValueError):
    """A command set that cannot be read; ``offset`` counts from its first byte."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def encode(command: Command, *, group_length: bool = True) -> bytes:
    """A command set, its elements in order.

    Args:
        command: elements; an own ``GROUP_LENGTH`` is written as it is.
        group_length: put the right one in front where ``command`` has none.
    """
    body = b"".join(_element(number, command[number]) for number in sorted(command))
    if group_length and GROUP_LENGTH not in command:
        return _element(GROUP_LENGTH, len(body)) + body
    return body


def _element(number: int, value: Value) -> bytes:
    if isinstance(value, int):
        data = (_UL if number == GROUP_LENGTH else _US).pack(value)
    elif isinstance(value, bytes):
        data = value
    else:
        data = value.encode("latin-1")
        data += (b"\0" if number in _UID else b" ") * (len(data) % 2)
    return _HEAD.pack(0, number, len(data)) + data


def decode(data: bytes) -> dict[int, Value]:
    """The elements of a command set; those that are not known come as bytes.

    Raises:
        CommandError: an element of another group, out of order, of a wrong length or cut off.
    """
    found: dict[int, Value] = {}
    position, before = 0, -1
    while position < len(data):
        if len(data) - position < _HEAD.size:
            raise CommandError("the command set ends inside an element", position)
        group, number, size = _HEAD.unpack_from(data, position)
        begin = position + _HEAD.size
        if group:
            raise CommandError(f"element ({group:04X},{number:04X}) in a command set", position)
        if begin + size > len(data):
            raise CommandError(f"element (0000,{number:04X}) is longer than its set", position)
        if number <= before:
            raise CommandError(f"element (0000,{number:04X}) is out of order", position)
        found[number] = _value(number, data[begin : begin + size], position)
        position, before = begin + size, number
    return found


def _value(number: int, data: bytes, offset: int) -> Value:
    form = _UL if number == GROUP_LENGTH else _US if number in _SHORT else None
    if form is not None:
        if len(data) != form.size:
            raise CommandError(f"element (0000,{number:04X}) has {len(data)} bytes", offset)
        value: int = form.unpack(data)[0]
        return value
    if number in _UID or number in _TEXT:
        return data.rstrip(b"\0 ").decode("latin-1")
    return data
