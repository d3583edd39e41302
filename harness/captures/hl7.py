"""HL7 captures: MLLP blocks where they are, messages where a block is missing its ends."""

from __future__ import annotations

import re
from typing import Final

from harness.captures.reading import CaptureFinding, Reading, ReadMessage
from harness.captures.sources import Stream
from harness.wire.hl7 import Hl7Message

_BEGIN: Final = re.compile(rb"(?:\x0b|(?<=[\r\n])|\A)(?=MSH[^A-Za-z0-9\s])")
_END: Final = re.compile(rb"\x1c\r?|\r\r\Z")

_TEXTS: Final = {
    "mllp.no-start": "A message without VT before it",
    "mllp.no-end": "A message without FS behind it",
    "mllp.no-return": "FS without CR behind it",
    "mllp.noise": "Bytes between the messages",
}
"""HL7 2.5.1 §C.4.3."""


def read_hl7(stream: Stream, **_: object) -> Reading:
    """Everything that one direction says; any bytes will do."""
    reading, data = Reading(direction=stream.direction), stream.data
    starts = list(_BEGIN.finditer(data))
    _noise(reading, 0, data[: starts[0].start()] if starts else data)
    for at, match in enumerate(starts):
        limit = starts[at + 1].start() if at + 1 < len(starts) else len(data)
        end = _END.search(data, match.end(), limit)
        stop = limit if end is None else end.start()
        if not match[0]:
            _find(reading, "mllp.no-start", match.end())
        if end is None or end[0][:1] != b"\x1c":
            _find(reading, "mllp.no-end", stop)
        elif end[0] == b"\x1c":
            _find(reading, "mllp.no-return", stop)
        reading.messages.append(_message(data[match.end() : stop], match.end()))
        after = stop if end is None else end.end()
        _noise(reading, after, data[after:limit])
    return reading


def _message(payload: bytes, offset: int) -> ReadMessage:
    message = Hl7Message.parse(payload)
    texts = payload.decode(message.encoding, errors="replace")
    rows = [row for row in re.split(r"[\r\n]+", texts) if row]
    findings = [
        CaptureFinding(against="standard", code=one.code, message=one.message,
                       clause=one.path or "HL7",
            offset=one.offset,
            expected=one.expected,
            actual=one.actual)
        for one in message.findings
    ]  # fmt: skip
    return ReadMessage(records=rows, findings=findings, payload=payload, offset=offset)


def _noise(reading: Reading, offset: int, data: bytes) -> None:
    if data.strip(b"\r\n"):
        _find(reading, "mllp.noise", offset)
    reading.keep(offset, "mllp.noise", data)


def _find(reading: Reading, code: str, offset: int) -> None:
    reading.findings.append(
        CaptureFinding(against="standard", code=code, message=_TEXTS[code],
                       clause="HL7 2.5.1 §C.4.3", offset=offset)
    )  # fmt: skip
