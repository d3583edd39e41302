"""One side of a POCT1-A2 conversation: its device messages, each whole with what stands before it.

There is no framing: a message ends with its root's end tag. What is no message, and one that never
ended, is kept with the message behind it, or by itself at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.captures.reading import CaptureFinding, Reading, ReadMessage
from harness.captures.sources import Stream
from harness.wire import poct1a
from harness.wire.core import Event, Message, Violation
from harness.wire.poct1a_core import Poct1aCore

POCT: Final = "poct1a"
ACKNOWLEDGEMENT: Final = "ACK.R01"

_ROOT: Final = re.compile(
    rb"\A[\x00-\x20\xef\xbb\xbf]*(?:<\?xml[^>]{0,500}\?>\s*)?"
    rb"(?:<!--(?:(?!-->).){0,2000}-->\s*)*"  # one comment each: else many would be read in 2^n ways
    rb"<(?:[A-Za-z_][\w-]{0,40}:)?[A-Z]{3}\.R[0-9]{2}[\s/>]",
    re.DOTALL,
)
_BLANK: Final = b" \t\r\n\x00"
_NEVER_S: Final = 3600.0


def is_poct(data: bytes) -> bool:
    """Whether a side begins with the root of a device message, such as HEL.R01 (POCT1-A2)."""
    return _ROOT.match(data) is not None


@dataclass(frozen=True, slots=True)
class Part:
    """One message on the line.

    Attributes:
        offset: of its first byte.
        data: with the declaration and whatever else stands before it.
        message: from its root to the end of it; the same where it never ended.
        sound: nothing else stands there.
    """

    offset: int
    data: bytes
    message: bytes
    sound: bool


def messages(data: bytes) -> Iterator[Part]:
    """Everything that one side says, message by message; no byte is left out."""
    done = 0
    for event, end in _heard(Poct1aCore(), data):
        if not isinstance(event, Message):
            continue
        begin = end - len(event.payload)
        before = data[done:begin].strip(_BLANK)
        yield Part(done, data[done:end], event.payload, not before or before.startswith(b"<?xml"))
        done = end
    rest = data[done:]
    if rest.strip(_BLANK):
        yield Part(done, rest, rest, sound=False)


def _heard(core: Poct1aCore, data: bytes) -> Iterator[tuple[Event, int]]:
    """What the core reports, and behind which byte: a message is whole with a ``>``.

    Its bytes may stand before it as well, in a message that is the same or in a comment.
    """
    begin = 0
    while begin < len(data):
        end = data.find(b">", begin) + 1 or len(data)
        core.receive(data[begin:end], 0.0)
        for event in core.events():
            yield event, end
        begin = end


def read_poct(stream: Stream) -> Reading:
    """Everything that one side says; any bytes will do."""
    reading = Reading(direction=stream.direction)
    core = Poct1aCore()
    heard = list(_heard(core, stream.data))
    core.on_deadline(_NEVER_S)
    for event, end in [*heard, *((one, len(stream.data)) for one in core.events())]:
        if isinstance(event, Violation):
            reading.findings.append(
                CaptureFinding(against="standard", code=event.code, message=event.message,
                               clause="POCT1-A2", offset=event.offset)
            )  # fmt: skip
            reading.keep(event.offset, event.code, event.raw)
        elif isinstance(event, Message):
            read = poct1a.read(event.payload)
            records = [f"{read.kind} {read.control_id}".strip() or read.problem]
            records += [
                f"{name} {' '.join(f'{key}={value}' for key, value in given.items())}"
                for name, given in read.values
                if given
            ]
            reading.messages.append(
                ReadMessage(records=records, payload=event.payload,
                            offset=end - len(event.payload))
            )  # fmt: skip
    return reading
