r"""Lines of a serial log: time, direction, bytes, in the ways that such programs write them.

Known are one line a piece with a sign or word for its direction (``>> <ENQ>``, ``TX: 05``,
``[RX] - <ACK>``), a heading with a dump below it (``Written data (COM3)``), and what pyserial's
``spy://`` writes (``000002.284 RX   0000  06``). Bytes are names of control characters, hex pairs
or the text as it stands. A line without a direction of its own goes on with the one before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from harness.clock import CHINA

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

_OFFSET = re.compile(rb"^[ \t]*[0-9A-Fa-f]{4,16}(?:[:h][ \t]*|[ \t]{2,}|[ \t](?=[0-9A-Fa-f]{2} ))")
_PAIR = re.compile(rb"(?:[0-9A-Fa-f]{2}){1,2}(?=[ \t,-]|$)")
_PAIRS = re.compile(rb"[ \t]*(?:(?:0x)?(?:[0-9A-Fa-f]{2}){1,2}[ \t,-]{1,2})*(?:0x)?"
                    rb"(?:[0-9A-Fa-f]{2}){1,2}[ \t,]*\r?")  # fmt: skip

_TIME_AND_WHERE: Final = (
    rb"^(?P<time>\[?[0-9][0-9T:.,/ -]{4,25}[0-9]Z?\]?[ \t,;]*)?(?:COM[0-9]{1,3}[ \t:]+)?"
)
_LOG_LINE: Final = re.compile(
    _TIME_AND_WHERE + rb"(?:(?P<sign>>>|<<|->|<-)|\[?(?P<word>TX|RX|SENT|SEND|RECEIVED|RECV|HOST"
    rb"|LIS|INSTRUMENT|ANALYZER|\xe5\x8f\x91\xe9\x80\x81|\xe6\x8e\xa5\xe6\x94\xb6"
    rb"|\xb7\xa2\xcb\xcd|\xbd\xd3\xca\xd5)[ \t]*(?::|>|\][ \t]*(?:-(?=[ \t]))?))"
    rb"[ \t]?(?P<rest>.*)$",
    re.IGNORECASE,
)
"""An optional time, a sign or word for the direction (发送 and 接收 in UTF-8 and GBK), the rest."""

_HEADING: Final = re.compile(
    _TIME_AND_WHERE + rb"(?P<word>Writ(?:e|ten)|Read|Sent|Received)[ \t]+data\b[^<]{0,80}$",
    re.IGNORECASE,
)
"""A piece whose dump stands below it."""

_SPIED: Final = re.compile(
    rb"^(?P<time>[0-9]{6}\.[0-9]{3})[ \t]+(?P<word>TX|RX)[ \t]+[0-9A-F]{4}[ \t]{2}(?P<rest>.*)$"
)
_SPY_NOTE: Final = re.compile(rb"^[0-9]{6}\.[0-9]{3}[ \t]+[A-Z-]")
"""What else pyserial's ``spy://`` tells: settings, and questions to the port."""

_BESIDE: Final = re.compile(
    rb"[ \t]*((?:[0-9A-Fa-f]{2}[ \t]{1,2})*[0-9A-Fa-f]{2})(?=[ \t]{2}|[ \t]*$)"
)
_PLACES: Final = {b"WRITE": "TX", b"WRITTEN": "TX", b"SENT": "TX", b"READ": "RX", b"RECEIVED": "RX"}

_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d):(\d\d)(?:[.,:](\d{1,6}))?")
_HALF_DAY_S: Final = 43_200.0
_DAY_S: Final = 86_400.0

OPPOSITE: Final = {
    ">>": "<<", "<<": ">>", "->": "<-", "<-": "->", "TX": "RX", "RX": "TX", "SENT": "RECEIVED",
    "SEND": "RECV", "RECEIVED": "SENT", "RECV": "SEND", "HOST": "INSTRUMENT", "INSTRUMENT": "HOST",
    "LIS": "ANALYZER", "ANALYZER": "LIS", "发送": "接收", "接收": "发送",
}  # fmt: skip
"""What the other end of a line is called, where a log has one direction alone."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Bytes of one line of a log.

    Attributes:
        direction: sign or word, in capitals.
        data: the bytes.
        number: of the line.
        at_s: seconds since 1970; 0 where the log has no times.
    """

    direction: str
    data: bytes
    number: int
    at_s: float = 0.0


def is_log(data: bytes) -> bool:
    """Whether a file is such a log."""
    lines = [line for line in data.splitlines() if line.strip()]
    return _NAME.search(data) is not None or any(
        one.match(line) for line in lines for one in (_LOG_LINE, _HEADING, _SPIED)
    )


def lines_of(data: bytes, day_s: float = 0.0) -> Iterator[Logged]:
    """The bytes of every line that has any.

    Args:
        data: of the file.
        day_s: beginning of the day where the log has times of day alone, seconds since 1970; 0
            where nobody knows: then such times tell nothing.
    """
    clock = _Clock(day_s)
    direction, begun, dumped = "", False, False
    for number, line in enumerate(re.split(rb"\r?\n", data), 1):
        spied = _SPIED.match(line)
        if spied is not None:
            yield Logged(spied["word"].decode(), _column(spied["rest"]) or b"", number,
                         clock.of(spied["time"]))  # fmt: skip
            continue
        heading = _HEADING.match(line)
        if heading is not None:
            direction, begun, dumped = _PLACES[heading["word"].upper()], True, True
            clock.of(heading["time"])
            continue
        match = _LOG_LINE.match(line)
        if match is not None:
            word = match["sign"] or match["word"]
            direction, begun, dumped = _decoded(word).upper(), True, False
            yield Logged(direction, _named(match["rest"]), number, clock.of(match["time"]))
        elif line.startswith(b"#") or not line.strip() or _SPY_NOTE.match(line):
            continue
        elif dumped and (column := _column(line)) is not None:
            yield Logged(direction, column, number, clock.at_s)
        elif begun or _NAME.search(line):
            yield Logged(direction, _named(line), number, clock.at_s)


def _decoded(word: bytes) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return word.decode("gb18030", errors="replace")


def _column(line: bytes) -> bytes | None:
    """The pairs of a dump, whatever stands beside them; None where there are none."""
    known = hex_text(line)
    if known is not None:
        return known
    found = _BESIDE.match(line)
    return pairs(found[1]) if found else None


class _Clock:
    """Times of a log, one line after the other."""

    def __init__(self, day_s: float) -> None:
        self.at_s = 0.0
        self._day_s = day_s
        self._last: float | None = None

    def of(self, raw: bytes | None) -> float:
        """When a line came; where it does not say, when the one before did."""
        text = (raw or b"").decode("ascii", "replace").strip("[] \t,;")
        if re.fullmatch(r"[0-9]{6}\.[0-9]{3}", text):  # since the program began
            self.at_s = self._day_s + float(text) if self._day_s else 0.0
            return self.at_s
        clock = _CLOCK.search(text)
        if clock is None:
            return self.at_s
        hours, minutes, seconds = (int(one) for one in clock.groups()[:3])
        within = hours * 3600 + minutes * 60 + seconds + float(f"0.{clock[4] or 0}")
        day = _day(text[: clock.start()])
        if day is not None:
            self.at_s = day + within
        elif self._day_s:
            if self._last is not None and within < self._last - _HALF_DAY_S:
                self._day_s += _DAY_S
            self._last = within
            self.at_s = self._day_s + within
        return self.at_s


def _day(text: str) -> float | None:
    """The beginning of a day in China; None where none is named, or it may be either of two."""
    first, last = _YEAR_FIRST.search(text), _YEAR_LAST.search(text)
    if first is not None:
        year, month, day = (int(one) for one in first.groups())
    elif last is not None:
        one, two, year = int(last[1]), int(last[3]), int(last[4])
        if last[2] != "." and one <= 12 and two <= 12 and one != two:
            return None
        day, month = (one, two) if last[2] == "." or one > 12 or one == two else (two, one)
    else:
        return None
    try:
        return datetime(year, month, day, tzinfo=CHINA).timestamp()
    except ValueError:
        return None


def hex_text(line: bytes) -> bytes | None:
    """The bytes of one line of ``hexdump -C``, ``xxd`` or bare pairs; None for another line.

    A line that holds an offset alone, as ``hexdump`` ends with, has no bytes.
    """
    offset = _OFFSET.match(line)
    if offset is None:
        if re.fullmatch(rb"[ \t]*[0-9A-Fa-f]{7,16}[ \t]*", line):
            return b""
        return pairs(line) if _PAIRS.fullmatch(line) else None
    rest = line[offset.end() :]
    # The column of characters begins behind two blanks or a bar, and may look like hex itself.
    columns = re.split(rb"[ \t]+\||[ \t]{3,}|(?<=[0-9A-Fa-f]{4})[ \t]{2,}", rest, maxsplit=1)
    return pairs(columns[0]) if _PAIRS.fullmatch(columns[0]) else None


def pairs(text: bytes) -> bytes:
    """The bytes of hex pairs, whatever stands between them."""
    bare = re.sub(rb"0x|[ \t,\r-]", b"", text)
    return bytes.fromhex(bare.decode("ascii"))


def _named(text: bytes) -> bytes:
    """A line of a log as bytes: names of control characters, or hex pairs, or as it stands."""
    if not _NAME.search(text) and _PAIRS.fullmatch(text) and _PAIR.search(text):
        return pairs(text)
    return _NAME.sub(_control, text)


def _control(match: re.Match[bytes]) -> bytes:
    name = match["angle"] or match["square"]
    if name:
        return bytes([CONTROLS[name]])
    return bytes([int(match["angle_hex"] or match["square_hex"], 16)])
