"""Defects in how the built-in systems read and answer HL7: what a bad codec makes of good bytes.

Each function gives its argument back unchanged unless a defect is switched on.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final

from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_encoding import BOM
from harness.wire.mllp import SB, TRAILER, MllpCore
from simulators.hospital import inbox_flaws_more as more

Defects = set[str] | frozenset[str]

BUFFER_BYTES: Final = 64 * 1024
"""What the receiver that cuts has room for: the buffer of the most copied engine."""

MEDIUM_BYTES: Final = 16 * 1024 * 1024
"""What a column of the type ``MEDIUMTEXT`` has room for."""

STANDARD_HEAD: Final = b"MSH|^~\\&|"

KNOWN_SEGMENTS: Final = frozenset(
    {b"MSH", b"EVN", b"PID", b"PV1", b"MRG", b"ORC", b"OBR", b"OBX", b"NTE"}
)


def misread(payload: bytes, defects: Defects, conn: str, codecs: MutableMapping[str, str]) -> bytes:
    """The message as a defect makes the system see it.

    Args:
        payload: as it came.
        defects: that are switched on.
        conn: over which it came.
        codecs: the character set of the first message of each connection, for the one defect.
    """
    if "lis-refuses-bom" in defects and payload.startswith(BOM):
        return payload[len(BOM) + 1 :]
    if "lis-refuses-truncation-sign" in defects and payload[8:9] not in {b"|", b""}:
        return payload[4:]
    if "lis-ignores-hl7-delimiters" in defects:
        payload = _with_standard_head(payload)
    if "lis-charset-of-first-message" in defects:
        payload = _in_first_charset(payload, conn, codecs)
    if "lis-cuts-hl7-at-bytes" in defects:
        payload = _split_on_bytes(payload)
    if "lis-stops-at-unknown-segment" in defects:
        payload = _to_unknown_segment(payload)
    if "his-cuts-large" in defects:
        payload = payload[:BUFFER_BYTES]
    if "his-cuts-at-16-mib" in defects:
        payload = payload[:MEDIUM_BYTES]
    if "his-keeps-escapes" in defects:
        payload = re.sub(rb"\\([FSTR]|X[0-9A-F]+)\\", rb"\\E\\\1\\E\\", payload)
    return more.misread(payload, defects)


def _with_standard_head(payload: bytes) -> bytes:
    """The separators of the header are not looked at: the message reads as one field."""
    return STANDARD_HEAD + payload[len(STANDARD_HEAD) :]


def _in_first_charset(payload: bytes, conn: str, codecs: MutableMapping[str, str]) -> bytes:
    """A connection keeps the character set of its first message."""
    codec = codecs.setdefault(conn, Hl7Message.parse(payload).encoding)
    return _as_utf8(payload, payload.decode(codec, "replace"))


def _split_on_bytes(payload: bytes) -> bytes:
    """Cut at separator bytes first and decoded after: half of a Chinese character is lost."""
    codec = Hl7Message.parse(payload).encoding
    pieces = re.split(rb"([|^~\\&\r])", payload)
    return _as_utf8(payload, "".join(piece.decode(codec, "ignore") for piece in pieces))


def _as_utf8(payload: bytes, text: str) -> bytes:
    """The text as UTF-8 under a header that says so."""
    declared = Hl7Message.parse(payload).declared
    return text.replace(declared or "\0", "UNICODE UTF-8", 1).encode("utf-8")


def _to_unknown_segment(payload: bytes) -> bytes:
    """Everything from the first segment on that the table of segments does not have is lost."""
    rows = payload.split(b"\r")
    for index, row in enumerate(rows):
        if row and row[:3] not in KNOWN_SEGMENTS:
            return b"\r".join([*rows[:index], b""])
    return payload


def misanswer(ack: bytes, defects: Defects) -> bytes:
    """The acknowledgement as a defect makes it."""
    if "lis-ack-not-swapped" in defects:
        message = Hl7Message.parse(ack)
        ours, theirs = (message.get(f"MSH-{field}") or "" for field in (3, 5))
        ack = message.set("MSH-3", theirs).set("MSH-5", ours).raw
    if "lis-ack-other-version" in defects:
        ack = Hl7Message.parse(ack).set("MSH-12", "2.3").raw
    if "lis-ack-without-trigger" in defects:
        ack = Hl7Message.parse(ack).set("MSH-9", "ACK").raw
    if "lis-ack-same-id" in defects:
        ack = Hl7Message.parse(ack).set("MSH-10", "1").raw
    return more.misanswer(ack, defects)


# -- cores -----------------------------------------------------------------------------------------


def receiving_core(defects: Defects) -> MllpCore:
    """The core towards the HIS."""
    if "lis-first-of-glued" in defects:
        return _FirstOfRead()
    if "lis-stuck-after-junk" in defects:
        return _StuckAfterJunk()
    if "lis-replays-buffer" in defects:
        return _ReplaysBuffer()
    return more.receiving_core(defects)


def sending_core(defects: Defects) -> MllpCore:
    """The core over which results go out and answers come back."""
    return _ReadsOnce() if "lis-reads-answer-once" in defects else more.sending_core(defects)


@dataclass(slots=True)
class _FirstOfRead(MllpCore):
    """One read, one message: what else was in it is dropped."""

    def receive(self, data: bytes, now: float) -> None:
        """Only the first frame of a read is seen."""
        end = data.find(TRAILER)
        MllpCore.receive(self, data if end < 0 else data[: end + len(TRAILER)], now)


@dataclass(slots=True)
class _StuckAfterJunk(MllpCore):
    """A read that does not begin with a frame is dropped as a whole."""

    def receive(self, data: bytes, now: float) -> None:
        """Junk in front of a frame costs the frame."""
        if self._buffer or data[:1] == bytes([SB]):
            MllpCore.receive(self, data, now)


@dataclass(slots=True)
class _ReplaysBuffer(MllpCore):
    """The buffer is never emptied: each read brings the first message of the connection again."""

    _first: bytes = b""

    def receive(self, data: bytes, now: float) -> None:
        """The first message, and then what came."""
        known = self._first
        MllpCore.receive(self, data, now)
        for event in self._events:
            if isinstance(event, Message):
                self._first = self._first or event.payload
                break
        if known:
            self._events.insert(0, Message(payload=known))


@dataclass(slots=True)
class _ReadsOnce(MllpCore):
    """An answer is what the first read of it brings; the rest is not waited for."""

    def receive(self, data: bytes, now: float) -> None:
        """A part of a frame is no answer."""
        if data.endswith(TRAILER) and data[:1] == bytes([SB]):
            MllpCore.receive(self, data, now)
