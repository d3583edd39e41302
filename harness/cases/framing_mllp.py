"""Messages of HL7 with their framing (HL7 2.5.1 §C.4.3; HLLP): byte for byte, persons apart.

A frame without its end, a doubled start, a lone CR behind it, a count that is wrong: where that is
the fault, a message that is framed anew has lost it. What a sender put on the line is cut so that
each part has one message, with what stands before it and behind; of a hybrid block the count and
the checksum are right again behind what was replaced, or wrong by as much.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from harness.captures.hl7 import read_hl7
from harness.captures.sources import Stream
from harness.wire.core import Event, Message
from harness.wire.hllp import SIZE_MAX, HllpCore, checksum, inside
from harness.wire.mllp import MllpCore

WIRE: Final = "mllp-wire"
"""Protocol of a line that is a message with its framing."""

START, END = b"\x0b", b"\x1c\r"
_BEHIND: Final = re.compile(rb"\x1c+\x00|\x1c*[\r\n]*")
"""Ends and line ends behind a message are of it, and NUL in the place of CR; the rest
is before the next."""

_HYBRID: Final = re.compile(rb"(?P<head>\x0b[DN][0-9]{2}\r)(?P<text>.*?)(?P<size>[0-9]{5})"
                            rb"(?P<sum>[0-9]{3})(?P<tail>[\x1c\r\n\x00]*)", re.DOTALL)  # fmt: skip
_HEAD: Final = re.compile(rb"\x0b[DN][0-9]{2}\r")
_TEXT: Final = re.compile(rb"[^\x00-\x1f]+")


@dataclass(frozen=True, slots=True)
class Part:
    """What a sender put on the line for one message.

    Attributes:
        offset: of its first byte in the stream.
        data: the bytes.
        begin: where the message stands in them.
        end: behind it.
    """

    offset: int
    data: bytes
    begin: int
    end: int

    @property
    def message(self) -> bytes:
        """The message without its framing."""
        return self.data[self.begin : self.end]

    @property
    def sound(self) -> bool:
        """It stands between SB and EB CR, and nothing else is there."""
        return self.data == START + self.message + END


def parts(data: bytes) -> list[Part]:
    """What one side said, message by message; nothing of it is left out but where there is none."""
    spans = [(one.offset, one.offset + len(one.payload))
             for one in read_hl7(Stream(direction="", data=data)).messages]  # fmt: skip
    if not spans:
        return []
    cuts = [0]
    for (_, end), (begin, _) in pairwise(spans):
        match = _BEHIND.match(data, end, begin)
        cuts.append(match.end() if match else end)
    cuts.append(len(data))
    found = []
    for (begin, end), (low, high) in zip(spans, pairwise(cuts), strict=True):
        hybrid = _HYBRID.fullmatch(data, low, high)
        stop = hybrid.end("text") if hybrid else end
        found.append(Part(low, data[low:high], begin - low, stop - low))
    return found


def part_of(data: bytes) -> Part:
    """A line of a case as what it is; all of it is the message where none begins."""
    found = parts(data)
    return found[0] if len(found) == 1 else Part(0, data, 0, len(data))


def spans(
    data: bytes, of_message: Callable[[bytes], list[tuple[int, int, str]]]
) -> list[tuple[int, int, str]]:
    """Where persons may stand: in the message, and in all that is text around it."""
    part = part_of(data)
    found = [(begin + part.begin, end + part.begin, kind)
             for begin, end, kind in of_message(part.message)]  # fmt: skip
    head = _HEAD.match(data)
    behind = part.end + 8 if _HYBRID.fullmatch(data) else part.end
    for low, high in ((head.end() if head else 0, part.begin), (behind, len(data))):
        found += [(one.start(), one.end(), "texts") for one in _TEXT.finditer(data, low, high)]
    return sorted(found)


def changed(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The same framing around another message."""
    part = part_of(data)
    made = data[: part.begin] + change(part.message) + data[part.end :]
    return summed(data, made)


def summed(before: bytes, after: bytes) -> bytes:
    """Count and checksum of a hybrid block as they were before: right, or wrong by as much."""
    old, new = _HYBRID.fullmatch(before), _HYBRID.fullmatch(after)
    if old is None or new is None or old["text"] == new["text"]:
        return after
    was, now = (one["head"] + one["text"] for one in (old, new))
    count = (len(now) + int(old["size"]) - len(was)) % (SIZE_MAX + 1)
    total = (checksum(now) ^ checksum(was) ^ int(old["sum"])) % 1000
    return b"%b%05d%03d%b" % (now, count, total, new["tail"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed(Message):
    """A message that leaves with the framing that it has.

    Attributes:
        data: what goes on the line.
    """

    data: bytes


def framed(line: bytes, change: Callable[[bytes], bytes]) -> Framed:
    """A line of a case, with another message in its framing."""
    made = changed(line, change)
    return Framed(payload=part_of(made).message, data=made)


class MllpAsRecorded(MllpCore):
    """Sends what is framed as it is; takes hybrid blocks as well."""

    __slots__ = ()

    def send(self, event: Event, now: float) -> None:
        """Queue it."""
        if isinstance(event, Framed):
            self._out.append(event.data)
        else:
            MllpCore.send(self, event, now)

    def events(self) -> list[Event]:
        """What happened; of a hybrid block its message."""
        return [
            Message(payload=inside(one.payload) or one.payload) if isinstance(one, Message) else one
            for one in MllpCore.events(self)
        ]


class HllpAsRecorded(HllpCore):
    """The same where the line speaks HLLP: what is not framed yet goes into a block."""

    __slots__ = ()

    def send(self, event: Event, now: float) -> None:
        """Queue it."""
        if isinstance(event, Framed):
            self._out.append(event.data)
        else:
            HllpCore.send(self, event, now)
