"""Associations of a recording that nobody has asked for yet: their bytes are kept, and not read.

Of a hundred thousand messages a case needs a dozen. An association whose PDUs come as PS3.8 has
them is walked and not read: it says how many messages there are and which bytes they hold, which is
enough to know whether a number can stand in it. One that is malformed anywhere, cut off or deflated
is no such association: it is read at once, so that what cannot be taken is counted as before.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Generic, TypeVar

from harness import limits
from harness.captures.conversations import Conversation
from harness.link.dicom_data import DEFLATED
from harness.wire import dicom_command
from harness.wire.dicom_command import CommandError
from harness.wire.dicom_pdu import HEAD, Associate, PduError, PduType, decode_pdu
from harness.wire.dicom_upper import PDU_BYTES_MAX

T = TypeVar("T")

_PDV: Final = struct.Struct(">IBB")
_LENGTHS: Final = tuple(struct.Struct(form) for form in ("<H", "<I", ">H", ">I"))
_PAD: Final = b" \0"
PADDING_MAX: Final = 64
VALUE_MAX: Final = 1024
"""No number of a matter has more bytes, with all its padding."""

_COMMAND: Final = 1
_LAST: Final = 2
_RELEASE_BYTES: Final = 4

_START, _ASKED, _OPEN, _LEAVING, _OVER = range(5)

_MOVES: Final[dict[tuple[int, int, int], int]] = {
    (PduType.ASSOCIATE_RQ, 0, _START): _ASKED,
    (PduType.ASSOCIATE_AC, 1, _ASKED): _OPEN,
    (PduType.RELEASE_RQ, 0, _OPEN): _LEAVING,
    (PduType.RELEASE_RP, 1, _LEAVING): _OVER,
    (PduType.ABORT, 0, _OPEN): _OVER,
    (PduType.ABORT, 1, _OPEN): _OVER,
}
"""PDU, who sends it, where the association is, and where it is then (PS3.8 table 9-10)."""


class _Odd(Exception):  # noqa: N818 - the association is to be read, nothing is wrong with us
    """Something that only whoever reads it can tell."""


@lru_cache(maxsize=256)
def _agreed(kind: int, body: bytes) -> frozenset[int]:
    """The contexts that an acceptance accepts; devices say the same each time.

    Raises:
        _Odd: it cannot be read, or data sets come deflated: no number can be looked for in them.
    """
    try:
        pdu = decode_pdu(kind, body)
    except PduError as error:
        raise _Odd from error
    if not isinstance(pdu, Associate):
        raise _Odd
    accepted = [one for one in pdu.items.contexts if one.result == 0]
    if pdu.accepted and any(DEFLATED in one.transfer_syntaxes for one in accepted):
        raise _Odd
    return frozenset(one.id for one in accepted)


@dataclass(slots=True)
class _Side:
    """What one side has under way."""

    buffer: bytes = b""
    context: int = 0
    command: bool = True
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class _Walk:
    """One association, PDU by PDU."""

    state: int = _START
    contexts: frozenset[int] = frozenset()
    messages: int = 0
    said: list[bytes] = field(default_factory=list)
    sides: tuple[_Side, _Side] = field(default_factory=lambda: (_Side(), _Side()))

    def take(self, index: int, data: bytes) -> None:
        """Bytes of one side."""
        side = self.sides[index]
        data = side.buffer + data if side.buffer else data
        at = 0
        while len(data) - at >= HEAD.size:
            kind, length = HEAD.unpack_from(data, at)
            end = at + HEAD.size + length
            if length > PDU_BYTES_MAX:
                raise _Odd
            if end > len(data):
                break
            self._pdu(index, kind, data[at + HEAD.size : end])
            at = end
        side.buffer = data[at:]

    def _pdu(self, index: int, kind: int, body: bytes) -> None:
        if kind == PduType.DATA and self.state == _OPEN:
            self._data(self.sides[index], body)
            return
        after = _MOVES.get((kind, index, self.state))
        if after is None:
            raise _Odd
        if kind in {PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC}:
            self.contexts = _agreed(kind, body)
            self.said.append(body)
        elif len(body) != _RELEASE_BYTES:
            raise _Odd
        self.state = after

    def _data(self, side: _Side, body: bytes) -> None:
        at = 0
        while at < len(body):
            if len(body) - at < _PDV.size:
                raise _Odd
            size, context, control = _PDV.unpack_from(body, at)
            end = at + 4 + size
            if size < 2 or end > len(body) or context not in self.contexts:
                raise _Odd
            self._fragment(side, context, control, body[at + _PDV.size : end])
            at = end

    def _fragment(self, side: _Side, context: int, control: int, data: bytes) -> None:
        command = bool(control & _COMMAND)
        if command is not side.command or (side.pieces and side.context != context):
            raise _Odd
        side.context = context
        side.pieces.append(data)
        side.size += len(data)
        if side.size > (dicom_command.COMMAND_BYTES_MAX if command else limits.MESSAGE_BYTES_MAX):
            raise _Odd
        if not control & _LAST:
            return
        whole = side.pieces[0] if len(side.pieces) == 1 else b"".join(side.pieces)
        side.pieces, side.size = [], 0
        self.said.append(whole)
        side.command = not command or not _with_data(whole)
        self.messages += side.command

    def whole(self) -> bool:
        """Whether nothing is under way on either side."""
        return all(one.command and not one.buffer and not one.pieces for one in self.sides)


def _with_data(command: bytes) -> bool:
    """Whether a data set follows a command set."""
    try:
        found = dicom_command.decode(command)
    except CommandError as error:
        raise _Odd from error
    absent = dicom_command.NO_DATA_SET
    return found.get(dicom_command.DATA_SET_TYPE, absent) != absent


def walk(talk: Conversation) -> tuple[int, bytes] | None:
    """How many messages an association has, and all that is said in it.

    Args:
        talk: both sides.

    Returns:
        None where something in it is not as it should be: it must be read to tell what.
    """
    found = _Walk()
    chunks = [
        (one.at_s, index, number, one.data)
        for index, side in enumerate((talk.client, talk.server))
        for number, one in enumerate(side.chunks)
    ]
    chunks.sort()
    try:
        for _, index, _, data in chunks:
            found.take(index, data)
    except _Odd:
        return None
    if talk.client.gaps or talk.server.gaps or not found.whole():
        return None
    return found.messages, b"\0".join(found.said)


def _is_value(data: bytearray, begin: int, end: int) -> bool:
    """Whether a length in front says that an element ends behind this, padding apart (PS3.5 §7.1).

    A number that was cut off is the beginning of a thousand others.
    """
    for start in range(begin, max(begin - PADDING_MAX, 0), -1):
        for form in _LENGTHS:
            at = start - form.size
            length = form.unpack_from(data, at)[0] if at >= 0 else 0
            if length >= end - start and not data[end : start + min(length, VALUE_MAX)].strip(_PAD):
                return True
        if data[start - 1] not in _PAD:
            return False
    return False


@dataclass(slots=True)
class _Unread(Generic[T]):
    """One association."""

    begin_s: float
    end_s: float
    ends: frozenset[str]
    messages: int
    read: Callable[[], Sequence[T]]
    found: Sequence[T] | None = None


@dataclass(slots=True)
class Unread(Generic[T]):
    """The associations of a recording; each is read once, when it is asked for."""

    _talks: list[_Unread[T]] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _said: bytearray = field(default_factory=bytearray)

    def add(
        self, talk: Conversation, ends: frozenset[str], read: Callable[[], Sequence[T]]
    ) -> bool:
        """Keep an association for later; False where it must be read now."""
        walked = walk(talk)
        if walked is None:
            return False
        times = [one.at_s for side in (talk.client, talk.server) for one in side.chunks]
        self._starts.append(len(self._said))
        self._said += walked[1] + b"\0"
        self._talks.append(_Unread(min(times), max(times), ends, walked[0], read))
        return True

    def __len__(self) -> int:
        """Associations, read or not."""
        return len(self._talks)

    @property
    def messages(self) -> int:
        """Of all associations, read or not."""
        return sum(one.messages for one in self._talks)

    def was_read(self, number: int) -> Sequence[T]:
        """The messages of an association, as numbered by ``add``; none while it is unread."""
        return self._talks[number].found or ()

    def holding(self, needles: Iterable[bytes], *, whole: bool = False) -> list[T]:
        """The messages of the associations in which one of these stands, and that were unread.

        Args:
            needles: bytes; empty ones stand nowhere.
            whole: each is the whole value of an element, padding apart.
        """
        return [
            one
            for needle in needles
            if needle
            for number in self._with(needle, whole=whole)
            for one in self._read(self._talks[number])
        ]

    def _with(self, needle: bytes, *, whole: bool) -> list[int]:
        numbers: list[int] = []
        at = self._said.find(needle)
        while at >= 0:
            if whole and not _is_value(self._said, at, at + len(needle)):
                at = self._said.find(needle, at + 1)
                continue
            number = bisect_right(self._starts, at) - 1
            numbers.append(number)
            after = number + 1
            at = self._said.find(needle, self._starts[after]) if after < len(self._starts) else -1
        return numbers

    def between(
        self, first_s: float, last_s: float, ends: frozenset[frozenset[str]] | None = None
    ) -> list[T]:
        """The messages of unread associations that touch a time, and of some ends; None for all."""
        return [
            each
            for one in self._talks
            if one.begin_s <= last_s and one.end_s >= first_s
            if ends is None or one.ends in ends
            for each in self._read(one)
        ]

    @staticmethod
    def _read(one: _Unread[T]) -> Sequence[T]:
        if one.found is not None:
            return ()
        one.found = one.read()
        return one.found
