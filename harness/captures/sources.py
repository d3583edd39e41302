"""The bytes of a capture, whichever way it was written down: as they were, as a dump, as a log.

A serial sniffer writes raw bytes, a hex dump, or a log with one line for each direction. What is
read here are bytes and nothing else: no character set is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from harness import input_files, limits
from harness.captures.serial_log import Logged, hex_text, is_log, lines_of
from harness.errors import InputError
from harness.i18n import tr

Form = Literal["raw", "hex", "log"]

FORMS: Final[tuple[Form, ...]] = ("raw", "hex", "log")

BYTES_MAX: Final = 64 * limits.MIB
"""A capture is read whole: a day of one instrument has some megabytes."""

_RAW_SIGN = re.compile(rb"[\x02\x03\x04\x05\x06\x0b\x15\x17\x1c]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """All bytes of one direction, in the order in which they were recorded.

    Attributes:
        direction: the word of the log; empty where the capture does not tell the ends apart.
        data: the bytes.
        marks: of a log: first byte of each line, its number, and when it came, seconds since 1970;
            0 where the log has no times.
    """

    direction: str
    data: bytes
    marks: tuple[tuple[int, int, float], ...] = field(default=(), compare=False)


def read_file(path: Path) -> bytes:
    """The bytes of a capture file.

    Raises:
        InputError: it cannot be read, is empty, or is longer than ``BYTES_MAX``.
    """
    data = input_files.bytes_of(path, BYTES_MAX)
    if not data:
        raise InputError(tr("the capture is empty"), where=str(path))
    return data


def form_of(data: bytes) -> Form:
    r"""How a capture is written down; control characters of a link stand in raw bytes alone.

    >>> form_of(b"\x05\x021H|\\^&\r"), form_of(b"05 02 31 48"), form_of(b">> <ENQ>\n<< <ACK>\n")
    ('raw', 'hex', 'log')
    """
    if _RAW_SIGN.search(data):
        return "raw"
    lines = [line for line in data.splitlines() if line.strip()]
    if lines and all(hex_text(line) is not None for line in lines):
        return "hex"
    if is_log(data):
        return "log"
    return "raw"


def streams(data: bytes, form: Form | None = None, day_s: float = 0.0) -> list[Stream]:
    """The bytes of each direction.

    Args:
        data: of the file.
        form: how it is written; None to see for oneself.
        day_s: beginning of the day of a log that has times of day alone; 0 where nobody knows.

    Raises:
        InputError: a line of a hex dump is none.
    """
    match form or form_of(data):
        case "raw":
            return [Stream(direction="", data=data)]
        case "hex":
            return _gathered(Logged("", line, number) for number, line in _dump(data))
        case _:
            return _gathered(lines_of(data, day_s))


def _gathered(parts: Iterable[Logged]) -> list[Stream]:
    found: dict[str, bytearray] = {}
    marks: dict[str, list[tuple[int, int, float]]] = {}
    for one in parts:
        held = found.setdefault(one.direction, bytearray())
        marks.setdefault(one.direction, []).append((len(held), one.number, one.at_s))
        held += one.data
    return [
        Stream(direction=key, data=bytes(data), marks=tuple(marks[key]))
        for key, data in found.items()
    ]


def _dump(data: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        text = hex_text(line)
        if text is None:
            raise InputError(tr("line {number} is no line of a hex dump", number=number))
        yield number, text
