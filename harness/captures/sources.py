"""The bytes of a capture, whichever way it was written down: as they were, as a dump, as a log.

A serial sniffer writes raw bytes, a hex dump, or a log with one line for each direction. What is
read here are bytes and nothing else: no character set is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from harness import limits
from harness.errors import InputError
from harness.i18n import tr

Form = Literal["raw", "hex", "log"]

FORMS: Final[tuple[Form, ...]] = ("raw", "hex", "log")

BYTES_MAX: Final = 64 * limits.MIB
"""A capture is read whole: a day of one instrument has some megabytes."""

CONTROLS: Final = {
    b"NUL": 0, b"SOH": 1, b"STX": 2, b"ETX": 3, b"EOT": 4, b"ENQ": 5, b"ACK": 6, b"TAB": 9,
    b"LF": 10, b"VT": 11, b"CR": 13, b"DLE": 16, b"DC1": 17, b"XON": 17, b"DC2": 18, b"DC3": 19,
    b"XOFF": 19, b"DC4": 20, b"NAK": 21, b"SYN": 22, b"ETB": 23, b"CAN": 24, b"ESC": 27,
    b"FS": 28, b"GS": 29, b"RS": 30, b"US": 31,
}  # fmt: skip
"""Names of control characters (ANSI X3.4) as logs write them between ``<>`` or ``[]``."""

_NAME = re.compile(
    rb"<(?:(?P<angle>" + b"|".join(CONTROLS) + rb")|(?:0x|h)(?P<angle_hex>[0-9A-Fa-f]{2}))>"
    rb"|\[(?:(?P<square>" + b"|".join(CONTROLS) + rb")|(?:0x|h)(?P<square_hex>[0-9A-Fa-f]{2}))\]"
)

_LOG_LINE = re.compile(
    rb"^(?:\[?[0-9][0-9T:./ -]{4,25}[0-9]Z?\]?[ \t,;]*)?"
    rb"(?:(?P<sign>>>|<<|->|<-)|(?P<word>TX|RX|SENT|SEND|RECEIVED|RECV|HOST|LIS|INSTRUMENT|ANALYZER"
    rb"|\xe5\x8f\x91\xe9\x80\x81|\xe6\x8e\xa5\xe6\x94\xb6"
    rb"|\xb7\xa2\xcb\xcd|\xbd\xd3\xca\xd5)[ \t]*(?::|>|\]))"
    rb"[ \t]?(?P<rest>.*)$",
    re.IGNORECASE,
)
"""An optional time, a sign or word for the direction (发送 and 接收 in UTF-8 and GBK), the rest."""

_OFFSET = re.compile(rb"^[ \t]*[0-9A-Fa-f]{4,16}(?:[:h][ \t]*|[ \t]{2,}|[ \t](?=[0-9A-Fa-f]{2} ))")
_PAIR = re.compile(rb"(?:[0-9A-Fa-f]{2}){1,2}(?=[ \t,-]|$)")
_PAIRS = re.compile(rb"[ \t]*(?:(?:0x)?(?:[0-9A-Fa-f]{2}){1,2}[ \t,-]{1,2})*(?:0x)?"
                    rb"(?:[0-9A-Fa-f]{2}){1,2}[ \t,]*\r?")  # fmt: skip
_RAW_SIGN = re.compile(rb"[\x02\x03\x04\x05\x06\x0b\x15\x17\x1c]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """All bytes of one direction, in the order in which they were recorded.

    Attributes:
        direction: the word of the log; empty where the capture does not tell the ends apart.
        data: the bytes.
    """

    direction: str
    data: bytes


def read_file(path: Path) -> bytes:
    """The bytes of a capture file.

    Raises:
        InputError: it cannot be read, is empty, or is longer than ``BYTES_MAX``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(tr("cannot be read: {why}", why=why), where=str(path)) from error
    if not data:
        raise InputError(tr("the capture is empty"), where=str(path))
    if len(data) > BYTES_MAX:
        most = tr("the file is longer than {most} bytes", most=BYTES_MAX)
        raise InputError(most, where=str(path))
    return data


def form_of(data: bytes) -> Form:
    r"""How a capture is written down; control characters of a link stand in raw bytes alone.

    >>> form_of(b"\x05\x021H|\\^&\r"), form_of(b"05 02 31 48"), form_of(b">> <ENQ>\n<< <ACK>\n")
    ('raw', 'hex', 'log')
    """
    if _RAW_SIGN.search(data):
        return "raw"
    lines = [line for line in data.splitlines() if line.strip()]
    if lines and all(_hex_text(line) is not None for line in lines):
        return "hex"
    if any(_LOG_LINE.match(line) for line in lines) or _NAME.search(data):
        return "log"
    return "raw"


def streams(data: bytes, form: Form | None = None) -> list[Stream]:
    """The bytes of each direction.

    Args:
        data: of the file.
        form: how it is written; None to see for oneself.

    Raises:
        InputError: a line of a hex dump is none.
    """
    match form or form_of(data):
        case "raw":
            return [Stream(direction="", data=data)]
        case "hex":
            return _gathered(("", line) for line in _dump(data))
        case _:
            return _gathered(_log(data))


def _gathered(parts: Iterable[tuple[str, bytes]]) -> list[Stream]:
    found: dict[str, bytearray] = {}
    for direction, data in parts:
        found.setdefault(direction, bytearray()).extend(data)
    return [Stream(direction=key, data=bytes(data)) for key, data in found.items()]


def _dump(data: bytes) -> Iterator[bytes]:
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        text = _hex_text(line)
        if text is None:
            raise InputError(tr("line {number} is no line of a hex dump", number=number))
        yield text


def _hex_text(line: bytes) -> bytes | None:
    """The bytes of one line of ``hexdump -C``, ``xxd`` or bare pairs; None for another line.

    A line that holds an offset alone, as ``hexdump`` ends with, has no bytes.
    """
    offset = _OFFSET.match(line)
    if offset is None:
        if re.fullmatch(rb"[ \t]*[0-9A-Fa-f]{7,16}[ \t]*", line):
            return b""
        return _pairs(line) if _PAIRS.fullmatch(line) else None
    rest = line[offset.end() :]
    # The column of characters begins behind two blanks or a bar, and may look like hex itself.
    columns = re.split(rb"[ \t]+\||[ \t]{3,}|(?<=[0-9A-Fa-f]{4})[ \t]{2,}", rest, maxsplit=1)
    return _pairs(columns[0]) if _PAIRS.fullmatch(columns[0]) else None


def _pairs(text: bytes) -> bytes:
    bare = re.sub(rb"0x|[ \t,\r-]", b"", text)
    return bytes.fromhex(bare.decode("ascii"))


def _log(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Lines of a log: those without a direction of their own go on with the one before."""
    direction, begun = "", False
    for line in re.split(rb"\r?\n", data):
        match = _LOG_LINE.match(line)
        if match is not None:
            word = match["sign"] or match["word"]
            direction, begun = word.decode("utf-8", errors="replace").upper(), True
            yield direction, _named(match["rest"])
        elif line.strip() and (begun or _NAME.search(line)) and not line.startswith(b"#"):
            yield direction, _named(line)


def _named(text: bytes) -> bytes:
    """A line of a log as bytes: names of control characters, or hex pairs, or as it stands."""
    if not _NAME.search(text) and _PAIRS.fullmatch(text) and _PAIR.search(text):
        return _pairs(text)
    return _NAME.sub(_control, text)


def _control(match: re.Match[bytes]) -> bytes:
    name = match["angle"] or match["square"]
    if name:
        return bytes([CONTROLS[name]])
    return bytes([int(match["angle_hex"] or match["square_hex"], 16)])
