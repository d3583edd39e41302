"""Where persons stand in a session of an ASTM line, also where its frames are spoilt.

Frames cut records anywhere, come again with other bytes, or lose their ends; so each frame is read
in the record that it goes on with. Where nobody can tell which record that is, and where a spoilt
byte may have moved the fields, whatever may tell who somebody is counts as if it did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from harness.cases.framing import record_at, sessions
from harness.wire.astm_decode import DecodedUnit, decode_stream

Span = tuple[int, int, str]
OfText = Callable[[bytes], list[Span]]

_RECORD: Final = re.compile(rb"[HPOQRCMSLhpoqrcmsl]\|")
_HEADER: Final = re.compile(rb"[Hh]([^\w\s])[^\w\s]{3}")
_PLAIN: Final = b"H|\\^&"

_MANY: Final = re.compile(
    rb"[\x80-\xff][\x30-\xff]+|(?!(?:19|20)[0-9]{6}(?:[0-9]{4,6})?(?![0-9A-Za-z]))"
    rb"[0-9A-Za-z]*[0-9]{5,}[0-9A-Za-z]*"
)
"""Han signs, and numbers that are no time."""

_WORD: Final = re.compile(rb"[0-9A-Za-z\x80-\xff]{2,}")


@dataclass(slots=True)
class _Walk:
    """Through the frames of one session."""

    of_text: OfText
    header: bytes
    found: list[Span] = field(default_factory=list)
    open_: bytes | None = b""
    """The record so far that the next frame goes on with; None where nobody can tell."""

    before: bytes | None = b""
    """The same in front of the last frame: where it comes again, it goes on with that."""

    number: str = ""

    def frame(self, unit: DecodedUnit) -> None:
        """One frame, in the record that it goes on with."""
        follows = {"", self.number, str((int(self.number or "0") + 1) % 8)}
        if unit.number == self.number:
            self.open_ = self.before
        elif unit.number not in follows:
            self.open_ = None
        self.before = self.open_
        self.number = unit.number if unit.number in "01234567" else ""
        self.text(unit.text, unit.offset + 2)

    def noise(self, unit: DecodedUnit) -> None:
        """What is no frame: a record, if it begins as one."""
        begin = record_at(unit.data)
        if begin == len(unit.data):
            self.found.append((unit.offset, unit.offset + begin, "texts"))
        else:
            self.open_ = self.before = b""
            self.text(unit.data[begin:], unit.offset + begin)
        self.open_, self.number = None, ""

    def text(self, data: bytes, offset: int) -> None:
        """Bytes of records; what goes on with an unknown one is hidden up to its end."""
        if self.open_ is None or not (self.open_ or _RECORD.match(data)):
            end = data.find(b"\r") + 1 or len(data)
            self.found.append((offset, offset + end, "texts"))
            self.open_ = b"" if data[:end].endswith(b"\r") else None
            data, offset = data[end:], offset + end
            if self.open_ is None:
                return
        head = self.header + b"\r" + self.open_
        for begin, end, kind in self.of_text(head + data):
            if end > len(head):
                low = max(begin, len(head)) - len(head)
                self.found.append((offset + low, offset + end - len(head), kind))
        self.open_ = (self.open_ + data).rpartition(b"\r")[2]


def spans(session: bytes, of_text: OfText) -> list[Span]:
    """Places in the bytes of a session.

    Args:
        session: from ENQ to EOT, or a part of it.
        of_text: the places in records that stand on their own.
    """
    units = decode_stream(session)
    named = next((found for one in units if (found := _HEADER.match(one.text))), None)
    walk = _Walk(of_text, named[0] if named else _PLAIN)
    for one in units:
        if one.kind == "FRAME":
            walk.frame(one)
        elif one.kind == "NOISE":
            walk.noise(one)
    if not all(one.sound for one in sessions(session)):
        walk.found += _suspects(units, walk.found)
    return sorted(walk.found)


def _suspects(units: list[DecodedUnit], known: list[Span]) -> Iterator[Span]:
    """Of a session that is not sound: what may tell who somebody is, wherever it stands."""
    for one in units:
        if one.kind not in {"FRAME", "NOISE"}:
            continue
        data, offset = (one.text, one.offset + 2) if one.kind == "FRAME" else (one.data, one.offset)
        spoilt = one.kind == "NOISE" or not one.sound
        for record in re.finditer(rb"[^\r\n]+", data):
            of_person = spoilt and b"P" in record[0][:3].upper()
            for match in (_WORD if of_person else _MANY).finditer(record[0]):
                begin = offset + record.start() + match.start()
                end = offset + record.start() + match.end()
                if not any(low < end and high > begin for low, high, _ in known):
                    yield begin, end, "texts"
