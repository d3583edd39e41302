"""Captures of instruments with a framing of their own, read as their model file has it.

Such bytes cannot be read without knowing the instrument, and their makers' manuals have no clauses:
everything that is found is held against the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.captures.layout import config_of, core_of
from harness.captures.reading import CaptureFinding, Reading, ReadMessage
from harness.captures.sources import Stream
from harness.wire.core import Message, Violation
from harness.wire.framings_read import read
from harness.wire.framings_readers import READERS

_AFTER_S: Final = 3600.0
"""Nothing more comes: every wait of a core is over."""


def read_framed(stream: Stream, section: Mapping[str, Any]) -> Reading:
    """Everything that one direction says; any bytes will do.

    Args:
        stream: bytes of one direction, or of both.
        section: the ``[framed]`` table of a model file.

    Raises:
        ValueError: the table describes no framing.
    """
    reading = Reading(direction=stream.direction)
    encoding = str(section.get("encoding", "ascii"))
    core = core_of(config_of(section.get("framing", {})))
    core.receive(stream.data, 0.0)
    core.on_deadline(_AFTER_S)
    core.receive_eof(_AFTER_S)
    payloads: list[bytes] = []
    for event in core.events():
        if isinstance(event, Message):
            payloads.append(event.payload)
            text = event.payload.decode(encoding, errors="replace")
            reading.messages.append(ReadMessage(records=[text]))
        elif isinstance(event, Violation) and event.code != "framing.late-reply":
            reading.findings.append(_finding(event.code, event.message, event.offset))
    _keep(reading, stream.data, payloads)
    _results(reading, section, payloads, encoding)
    return reading


def _finding(code: str, message: str, offset: int) -> CaptureFinding:
    return CaptureFinding(
        against="profile", code=code, message=message, clause="framed.framing", offset=offset
    )


def _keep(reading: Reading, data: bytes, payloads: list[bytes]) -> None:
    """What stands between two messages is kept whole where something is wrong with it."""
    wrong = sorted((one.offset, one.code) for one in reading.findings)
    for begin, end in _gaps(data, payloads):
        codes = [code for offset, code in wrong if begin - 1 <= offset < max(end, begin + 1)]
        if codes:
            reading.keep(begin, codes[0], data[begin:end])
    kept = {one.why for one in reading.kept}
    if any(code not in kept for _, code in wrong):  # a message of several parts stands in none
        reading.keep(0, wrong[0][1], data)


def _gaps(data: bytes, payloads: list[bytes]) -> Iterator[tuple[int, int]]:
    done = 0
    for payload in payloads:
        at = data.find(payload, done)
        if at < 0:
            continue
        yield done, at
        done = at + len(payload)
    yield done, len(data)


def _results(
    reading: Reading, section: Mapping[str, Any], payloads: list[bytes], encoding: str
) -> None:
    """Specimens and values, where the model names a reader."""
    reader = READERS.get(str(section.get("reader", "")))
    if reader is None or not payloads:
        return
    found = read(reader, payloads, section.get("lis_setup", {}), encoding)
    for problem in found.problems:
        reading.findings.append(_finding("framed.unreadable", problem, -1))
    rows = [
        " ".join((one.barcode or one.sequence, result.code, result.value, result.unit)).rstrip()
        for one in found.specimens
        for result in one.results
    ]
    if rows:
        reading.messages.append(ReadMessage(records=rows))
