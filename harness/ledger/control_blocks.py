"""Control totals of a large text file, block by block with numpy where that is installed.

The same sums as ``control``, on the same path of their own: bytes are split where the delimiter
stands and digits are added as integers; nothing of the engine is used. Only what is entirely as
usual is added this way: lines of one width without a quotation mark, amounts like 12.30. Any other
block goes the slow way, line by line, so both ways come to the same totals.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from harness.ledger.sniff import Dialect

BLOCK_BYTES: Final = 4 << 20
LINE_BYTES_MAX: Final = 1 << 20
"""A longer line is left to the way that names it."""

_DELIMITERS: Final = frozenset(",\t;")
"""Bytes that no character of GBK or UTF-8 contains; ``|`` is half of some."""

_ENCODINGS: Final = frozenset({"utf-8", "utf-8-sig", "gb18030", "gbk", "ascii"})
_DIGITS_MAX: Final = 14
"""Digits of an amount: the sum of a block stays within 64 bits."""

_BOM: Final = b"\xef\xbb\xbf"
_NEWLINE, _RETURN, _POINT, _MINUS, _ZERO, _NINE = 10, 13, 46, 45, 48, 9
_DECIMALS: Final = 2


def usable(dialect: Dialect) -> bool:
    """Whether blocks of such a file can be split as bytes here."""
    return (
        dialect.delimiter in _DELIMITERS
        and dialect.encoding.lower() in _ENCODINGS
        and dialect.width > 1
        and importlib.util.find_spec("numpy") is not None
    )


def blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line; the last one as the file ends."""
    with path.open("rb") as stream:
        rest = _without_mark(stream)
        while piece := stream.read(BLOCK_BYTES):
            whole = rest + piece
            cut = whole.rfind(b"\n") + 1
            if cut:
                yield whole[:cut]
            rest = whole[cut:]
        if rest:
            yield rest


def _without_mark(stream: BinaryIO) -> bytes:
    head = stream.read(len(_BOM))
    return b"" if head == _BOM else head


class Sums:
    """Adds up blocks of one file.

    Args:
        dialect: how it is written.
        places: which cells of a line are amounts.
    """

    def __init__(self, dialect: Dialect, places: tuple[int, ...]) -> None:
        self._np: Any = importlib.import_module("numpy")
        self._mark = ord(dialect.delimiter)
        self._width = dialect.width
        self._places = places

    def split(self, block: bytes) -> tuple[Any, Any, Any] | None:
        """The bytes, and begin and end of every cell; ``None``: not all lines are as usual."""
        np = self._np
        if b'"' in block or not block.endswith(b"\n"):
            return None
        data = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(data == _NEWLINE)
        marks = np.flatnonzero(data == self._mark)
        count = len(ends)
        begins = np.empty(count, dtype=np.int64)
        begins[0] = 0
        begins[1:] = ends[:-1] + 1
        returns = (ends > begins) & (data[ends - 1] == _RETURN)
        if block.count(b"\r") != int(returns.sum()) or len(marks) != count * (self._width - 1):
            return None
        ends = ends - returns
        marks = marks.reshape(count, self._width - 1)
        first, last = marks[:, 0], marks[:, -1]
        if (
            (first < begins).any()
            or (last >= ends).any()
            or int((ends - begins).max()) > (LINE_BYTES_MAX)
        ):
            return None
        heads = data[begins]
        plain = ((heads >= _ZERO) & (heads <= _ZERO + _NINE)) | (
            ((heads | 32) >= ord("a")) & ((heads | 32) <= ord("z")) & ((heads | 32) != ord("t"))
        )
        if not plain.all():
            return None
        cells = np.empty((count, self._width + 1), dtype=np.int64)
        cells[:, 0], cells[:, 1:-1], cells[:, -1] = begins, marks + 1, ends + 1
        return data, cells[:, :-1], cells[:, 1:] - 1

    def add(self, split: tuple[Any, Any, Any]) -> list[tuple[int, Any]]:
        """Fen of each amount column where it is written as usual, and the rows where it is not."""
        data, begins, ends = split
        return [self._column(data, begins[:, p], ends[:, p]) for p in self._places]

    def _column(self, data: Any, begins: Any, ends: Any) -> tuple[int, Any]:
        np = self._np
        minus = data[np.minimum(begins, len(data) - 1)] == _MINUS
        begins = begins + minus
        digits = ends - begins - 1
        usual = (digits > _DECIMALS) & (digits <= _DIGITS_MAX)
        usual &= data[np.maximum(ends - _DECIMALS - 1, 0)] == _POINT
        value = np.zeros(len(begins), dtype=np.int64)
        place = ends - 1
        for power in range(int(digits[usual].max()) if usual.any() else 0):
            inside = usual & (place >= begins)
            digit = np.where(inside, data[place], _ZERO) - np.uint8(_ZERO)
            usual &= digit <= _NINE
            value += digit.astype(np.int64) * 10**power
            place = place - (2 if power + 1 == _DECIMALS else 1)
        value = np.where(minus, -value, value)
        return int(value[usual].sum()), np.flatnonzero(~usual)
