"""More defects in how the built-in systems read HL7 and its frames; see ``inbox_flaws.py``.

Each function gives its argument back unchanged unless a defect is switched on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harness.wire.core import Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import SB, MllpCore

Defects = set[str] | frozenset[str]

MANY: Final = 1_000
"""Repetitions at which the reader that gives up does so."""

ERROR_CHARS: Final = 20
"""Room that the system that cuts has for an error text; HL7 2.4 §2.16.8.3 gives 80."""


def misread(payload: bytes, defects: Defects) -> bytes:
    """The message as a defect makes the system see it."""
    if "lis-gives-up-on-many" in defects and payload.count(b"~") > MANY:
        return b""
    if "lis-empty-line-ends" in defects:
        payload = payload.partition(b"\r\r")[0]
    if "lis-needs-carriage-return" in defects:
        payload = payload.replace(b"\n", b" ")
    if "lis-segment-order" in defects:
        payload = _without_early_visit(payload)
    if "his-ignores-hex" in defects:
        payload = re.sub(rb"\\(X[0-9A-Fa-f]+)\\", rb"\\E\\\1\\E\\", payload)
    if "his-cuts-digits" in defects:
        payload = re.sub(rb"([0-9]{14})[0-9]+", rb"\1", payload)
    return _recoded(payload, defects)


def misanswer(ack: bytes, defects: Defects) -> bytes:
    """The acknowledgement as a defect makes it."""
    message = Hl7Message.parse(ack)
    text = message.get("MSA-3") or ""
    if "lis-garbles-error-text" in defects and not text.isascii():
        return message.set("MSA-3", text.encode("ascii", "replace").decode("ascii")).raw
    if "lis-cuts-error-text" in defects and len(text) > ERROR_CHARS:
        return message.set("MSA-3", text[:ERROR_CHARS]).raw
    return ack


def _without_early_visit(payload: bytes) -> bytes:
    """PV1 is looked for behind PID only."""
    head, sign, rest = payload.partition(b"\rPID")
    return re.sub(rb"\rPV1[^\r]*", b"", head) + sign + rest


def _recoded(payload: bytes, defects: Defects) -> bytes:
    """What is left of the text where a character set is got wrong."""
    message = Hl7Message.parse(payload)
    declared = message.declared
    if "lis-unknown-charset-latin" in defects and declared == "UNICODE UTF-8":
        return _as_utf8(payload.decode("latin-1"), declared)
    if "lis-default-charset" in defects and not declared:
        return payload.decode("latin-1").encode("utf-8")
    if "lis-utf8-only" in defects and not payload.isascii():
        return _as_utf8(payload.decode("utf-8", "replace"), declared)
    if "lis-loses-rare" in defects:
        text = payload.decode(message.encoding, "replace")
        return _as_utf8(text.encode("gbk", "replace").decode("gbk"), declared)
    return payload


def _as_utf8(text: str, declared: str) -> bytes:
    """The text as UTF-8 under a header that says so."""
    return text.replace(declared or "\0", "UNICODE UTF-8", 1).encode("utf-8")


# -- cores -----------------------------------------------------------------------------------------


def receiving_core(defects: Defects) -> MllpCore:
    """The core towards the HIS."""
    if "lis-line-end-costs-frame" in defects:
        return _CostsFrame(before=b"\r\n")
    if "lis-nul-costs-frame" in defects:
        return _CostsFrame(before=b"\0")
    if "lis-frames-in-utf-16" in defects:
        return _FramesInUtf16()
    return MllpCore()


def results_core(defects: Defects) -> MllpCore:
    """The core of the HIS towards the LIS."""
    if "his-drops-double-wrap" in defects:
        return _DropsDoubleWrap()
    if "his-stores-half" in defects:
        return _TakesHalf()
    return MllpCore()


def sending_core(defects: Defects) -> MllpCore:
    """The core over which results go out and answers come back."""
    if "lis-takes-unframed" in defects:
        return _TakesUnframed()
    if "lis-needs-exact-trailer" in defects:
        return _Strict(wrong=re.compile(rb"\x1c(?!\r)."))
    if "lis-needs-final-return" in defects:
        return _Strict(wrong=re.compile(rb"[^\r\x06\x15]\x1c"))
    return MllpCore()


@dataclass(slots=True)
class _CostsFrame(MllpCore):
    """What stands in front of a frame is taken for its beginning, and the frame is lost."""

    before: bytes = b""

    def receive(self, data: bytes, now: float) -> None:
        """A read that begins with the junk is dropped."""
        if not data.startswith(self.before):
            MllpCore.receive(self, data, now)


@dataclass(slots=True)
class _Strict(MllpCore):
    """A frame that is not as the book has it is dropped."""

    wrong: re.Pattern[bytes] = re.compile(b"")

    def receive(self, data: bytes, now: float) -> None:
        """Nothing of a read with such a frame is seen."""
        if not self.wrong.search(data):
            MllpCore.receive(self, data, now)


@dataclass(slots=True)
class _TakesUnframed(MllpCore):
    """Bytes that look like a message are one, with or without a frame."""

    def receive(self, data: bytes, now: float) -> None:
        """MSH at the start of a read is enough."""
        if data.startswith(b"MSH"):
            self._events.append(Message(payload=data))
        else:
            MllpCore.receive(self, data, now)


@dataclass(slots=True)
class _DropsDoubleWrap(MllpCore):
    """A start block behind a start block makes the frame unreadable."""

    def receive(self, data: bytes, now: float) -> None:
        """The whole read is dropped."""
        if bytes([SB, SB]) not in data:
            MllpCore.receive(self, data, now)


@dataclass(slots=True)
class _TakesHalf(MllpCore):
    """What came before the connection broke is a message."""

    def receive_eof(self, now: float) -> None:
        """The half frame is handed on."""
        if self._buffer:
            self._events.append(Message(payload=bytes(self._buffer)))
        MllpCore.receive_eof(self, now)


@dataclass(slots=True)
class _FramesInUtf16(MllpCore):
    """Whole frames go through a writer of text that is set to UTF-16: SB is two bytes then."""

    def data_to_send(self) -> bytes:
        """Text, with what should never have become text around it."""
        frames = MllpCore.data_to_send(self)
        return frames.decode("gb18030", "replace").encode("utf-16-le")
