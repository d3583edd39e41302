"""Records and messages from the texts of frames, with the last frame revocable.

Records are cut by frames anywhere (also inside a character), so nothing is decoded here. What a
frame completes is reported before the frame is acknowledged; if it is refused in the end,
``take_back`` undoes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from harness.wire.astm_config import AstmLinkConfig
from harness.wire.astm_events import (
    IncompleteReason,
    MessageIncomplete,
    MessageReceived,
    RecordReceived,
    violation,
)
from harness.wire.astm_frame import is_terminator
from harness.wire.core import Event

_BLANK: Final = b" \t\r\n\x00"
"""What some instruments put before a record letter or behind a message; NUL is illegal."""

_INNER: Final = frozenset({b"P", b"O", b"R", b"C", b"M", b"Q", b"S"})
"""Records that neither begin nor end a message."""

_HEADER: Final = ord("H")

_ONE_TERMINATOR: Final = re.compile(rb"[Ll](?![0-9A-Za-z])[^\r]*\r")
"""A text that is the last record, and nothing else; see ``is_terminator``."""


@dataclass(slots=True)
class Assembler:
    """Collects one message at a time.

    Args:
        config: where records end, and the longest message.
    """

    config: AstmLinkConfig
    message_ended: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _start: int = 0  # of the record at hand
    _searched: int = 0  # bytes that hold no record end
    _before: tuple[bytearray, int, int] | None = None

    def fits(self, text: bytes) -> bool:
        """Whether the message with this text would still be of an allowed length."""
        return len(self._buffer) + len(text) <= self.config.message_bytes_max

    @property
    def room(self) -> int:
        """Bytes of records that the message may still grow by, with number and ETX of a frame."""
        return self.config.message_bytes_max - len(self._buffer) - 2

    def take(self, text: bytes, *, block_ends: bool) -> list[Event]:
        """Add the text of a frame; returns what it completes, in order.

        Args:
            text: what stands between frame number and ETB or ETX.
            block_ends: the frame ended with ETX, which ends a record whether or not CR is there.
        """
        buffer, size = self._buffer, len(self._buffer)
        self._before = (buffer, size, self._start)
        self.message_ended = False
        end = self.config.record_end
        if size == self._start and text[:1] in _INNER and text.find(end) == len(text) - len(end):
            buffer += text  # one whole record in the middle of a message
            self._start = self._searched = len(buffer)
            parts = self.config.parts_reported
            return [RecordReceived(data=text[: -len(end)])] if parts else []
        events: list[Event] = []
        if 0 < size == self._start and _ONE_TERMINATOR.fullmatch(text) and end == b"\r":
            buffer += text
            self._terminated(text[:-1], len(buffer), events)
            return events
        self._buffer += text
        self._records(events)
        if block_ends and self._buffer[self._start :].strip(_BLANK):
            if self.config.record_end_in_frame:
                events.append(violation("astm.record-end-missing", raw=text[-16:]))
            self._buffer += self.config.record_end
            self._records(events)
        return events

    def add_record(self, text: bytes) -> bool:
        """As ``take`` of a whole record that is no terminator, and that nobody refuses later.

        Returns:
            False where it would be too long, or does not fit in there; then nothing has been done.
        """
        buffer = self._buffer
        size = len(buffer)
        if size != self._start or size + len(text) + 2 > self.config.message_bytes_max:
            return False
        if size and text[0] == _HEADER:  # a message before it has no end
            return False
        self.add_records(text)
        return True

    def add_records(self, texts: bytes) -> None:
        """Whole records in the middle of a message, which fit and which nobody refuses later."""
        self._buffer += texts
        self._start = self._searched = len(self._buffer)
        self._before = None
        self.message_ended = False

    def end_with(self, texts: bytes) -> bytes:
        """As ``add_records``, the last of which ends the message; returns the whole."""
        payload = bytes(self._buffer) + texts
        if self._start:
            self._begin(bytearray())
        self._before = None
        self.message_ended = True
        return payload

    def take_back(self) -> None:
        """Undo the last ``take``: its frame was refused."""
        if self._before is not None:
            self._buffer, size, self._start = self._before
            del self._buffer[size:]
            self._searched = self._start
            self._before = None

    def give_up(self) -> bytes:
        """Forget the message at hand; returns what there is of it."""
        data = bytes(self._buffer)
        if data:
            self._begin(bytearray())
        self._before = None
        return data if data.strip(_BLANK) else b""

    def _begin(self, buffer: bytearray) -> None:
        self._buffer = buffer
        self._start = self._searched = 0

    def _records(self, events: list[Event]) -> None:
        """Report every record that is complete; each turn goes past one record end."""
        end = self.config.record_end
        while (found := self._buffer.find(end, self._searched)) >= 0:
            record = bytes(self._buffer[self._start : found])
            after = found + len(end)
            if record.strip(_BLANK):
                self._record(record, after, events)
            elif self._start == 0:  # between messages
                self._begin(self._buffer[after:])
            else:
                self._start = self._searched = after
        self._searched = max(self._start, len(self._buffer) - len(end) + 1)

    def _record(self, record: bytes, after: int, events: list[Event]) -> None:
        letter = record.lstrip(_BLANK)[:1].upper()
        if letter == b"H" and self._start:
            events.append(_incomplete(bytes(self._buffer[: self._start]), "no-terminator"))
            after -= self._start
            self._begin(self._buffer[self._start :])
        if is_terminator(record):
            self._terminated(record, after, events)
            return
        if self.config.parts_reported:
            events.append(RecordReceived(data=record))
        self._start = self._searched = after

    def _terminated(self, record: bytes, after: int, events: list[Event]) -> None:
        """The message is whole; what stands behind it belongs to the next one."""
        if self.config.parts_reported:
            events.append(RecordReceived(data=record))
        events.append(MessageReceived(payload=bytes(self._buffer[:after])))
        self.message_ended = True
        self._begin(self._buffer[after:])


def _incomplete(data: bytes, reason: IncompleteReason) -> MessageIncomplete:
    return MessageIncomplete(data=data, reason=reason)
