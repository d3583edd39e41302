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

from harness.ledger.columns import AMOUNTS, KNOWN, TIME

if TYPE_CHECKING:
    from harness.ledger.sniff import Dialect

BLOCK_BYTES: Final = 1 << 20
"""Small enough that a block and what is made of it stay in the cache of the processor."""

LINE_BYTES_MAX: Final = 1 << 20
"""A longer line is left to the way that names it."""

_DELIMITERS: Final = frozenset(",\t;")
"""Bytes that no character of GBK or UTF-8 contains; ``|`` is half of some."""

_ENCODINGS: Final = frozenset({"utf-8", "utf-8-sig", "gb18030", "gbk", "ascii"})

_BOM: Final = b"\xef\xbb\xbf"
_NEWLINE, _RETURN, _POINT, _MINUS, _ZERO, _NINE = 10, 13, 46, 45, 48, 9
_DECIMALS: Final = 2
_WORD: Final = 8
"""Bytes that are read as one integer; so many digits before the point are as usual."""

_HIGH: Final = 0xF0F0F0F0F0F0F0F0
_AMOUNT: Final = int.from_bytes(b"00000.00", "little")
_AMOUNT_MORE: Final = int.from_bytes(bytes((6, 6, 6, 6, 6, 15, 6, 6)), "little")
"""What, added to each byte, reaches 16 where it is no digit, or not the point in its place."""

_SHORT: Final = 2 * _WORD
"""A block of fewer bytes is not worth an array."""

_ODD: Final = b"\"'`=\\"
"""Characters that programs put around ids, or that stand for nothing."""

_BLANK: Final = 32
_ASCII_LAST: Final = 0x7F

Column = tuple[Any, Any]
"""Fen of an amount by row, 0 where it is not written as usual; and the numbers of those rows."""


def usable(dialect: Dialect) -> bool:
    """Whether blocks of such a file can be split as bytes here."""
    return (
        dialect.delimiter in _DELIMITERS
        and dialect.encoding.lower() in _ENCODINGS
        and dialect.width > 1
        and importlib.util.find_spec("numpy") is not None
    )


def begins_plain(path: Path, dialect: Dialect) -> bool:
    """Whether the first block of a file is written so plainly that the rest may be, too."""
    first = next(blocks(path), b"")
    own = first[first.find(b"\n") + 1 :] if dialect.header else first
    sums = Sums(dialect)
    split = sums.split(own) if own else None
    return split is not None and sums.plain(split, sums.add(split))


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


class Split:
    """A block of lines of one width, and where their cells stand.

    Args:
        block: the bytes.
        data: the same as an array.
        marks: where each cell is followed by its delimiter or newline, a row a line.
        ends: where each line ends, without its carriage return.
    """

    def __init__(self, block: bytes, data: Any, marks: Any, ends: Any) -> None:
        self.block = block
        self.data = data
        self.marks = marks
        self._ends = ends
        self._words: Any = None

    @property
    def words(self) -> Any:
        """Eight bytes from each place of the block as one integer."""
        if self._words is None:
            np = importlib.import_module("numpy")
            count = max(0, len(self.block) - _WORD + 1)
            self._words = np.ndarray((count,), dtype="<u8", buffer=self.block, strides=(1,))
        return self._words

    @property
    def rows(self) -> int:
        """Lines of the block."""
        return len(self.marks)

    def begins(self, place: int) -> Any:
        """Where the cells of a column begin."""
        if place:
            return self.marks[:, place - 1] + 1
        found = self.marks[:, -1] + 1
        found[1:] = found[:-1]
        found[0] = 0
        return found

    def ends(self, place: int) -> Any:
        """Where they end."""
        last = place == self.marks.shape[1] - 1
        return self._ends if last else self.marks[:, place]

    def cell(self, row: int, place: int, encoding: str) -> str:
        """The text of one cell."""
        begin = int(self.marks[row, place - 1]) + 1 if place else 0
        if not place and row:
            begin = int(self.marks[row - 1, -1]) + 1
        return str(self.block[begin : int(self.ends(place)[row])], encoding, "replace")


class Sums:
    """Adds up blocks of one file.

    Args:
        dialect: how it is written.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._np: Any = importlib.import_module("numpy")
        np = self._np
        names = dialect.names
        self._mark = ord(dialect.delimiter)
        self._width = dialect.width
        self.places = tuple(names.index(name) for name in AMOUNTS if name in names)
        """Which cells of a line are amounts."""
        self._time = names.index(TIME) if TIME in names else -1
        self._known = np.array(
            [name in KNOWN for name in names] + [True] * (self._width > len(names))
        )
        self._heads = np.zeros(256, dtype=bool)
        for char in b"0123456789ABCDEFGHIJKLMNOPQRSUVWXYZabcdefghijklmnopqrsuvwxyz":
            self._heads[char] = True  # no line that sums up begins so; one may with a T
        self._heads[self._mark] = True
        self._odd = np.zeros(256, dtype=bool)
        self._odd[:_BLANK] = self._odd[_ASCII_LAST:] = True
        self._odd[list(_ODD)] = True
        self._odd[[_NEWLINE, _RETURN, self._mark]] = False

    def split(self, block: bytes) -> Split | None:
        """Where the cells of a block stand; ``None``: not all its lines are as usual."""
        np = self._np
        if b'"' in block or not block.endswith(b"\n"):
            return None
        data = np.frombuffer(block, dtype=np.uint8)
        newlines = data == _NEWLINE
        marks = np.flatnonzero(newlines | (data == self._mark))
        if len(marks) % self._width:
            return None
        marks = marks.reshape(-1, self._width)
        ends = marks[:, -1]
        # Newlines at the end of each row and nowhere else.
        if not newlines[ends].all() or int(np.count_nonzero(newlines)) != len(ends):
            return None
        if b"\r" in block:
            returns = data[ends - 1] == _RETURN
            returns &= marks[:, -2] < ends - 1
            if block.count(b"\r") != int(returns.sum()):
                return None
            ends = ends - returns
        split = Split(block, data, marks, ends)
        begins = split.begins(0)
        if int((ends - begins).max()) > LINE_BYTES_MAX or not self._heads[data[begins]].all():
            return None
        return split

    def add(self, split: Split) -> list[Column]:
        """Fen of each amount column, row by row, and the rows where it is not written as usual."""
        return [
            self._column(split.data, split.words, split.begins(p), split.ends(p))
            for p in self.places
        ]

    def _column(self, data: Any, words: Any, begins: Any, ends: Any) -> Column:
        """First all as amounts of up to eight characters, then what else there is."""
        np = self._np
        if len(data) < _SHORT:
            return np.zeros(len(begins), dtype=np.int64), np.arange(len(begins))
        fen, others = self._short(data, words, begins, ends)
        if len(others):
            fen[others], odd = self._long(data, words, begins[others], ends[others])
            others = others[odd]
        return fen, others

    def _short(self, data: Any, words: Any, begins: Any, ends: Any) -> Column:
        """Amounts up to 99999.99: one integer of eight bytes each, as if zeros stood before it."""
        np, one = self._np, self._np.uint64
        minus = data[begins] == _MINUS
        length = ends - begins - minus if minus.any() else ends - begins
        usual = (length > _DECIMALS + 1) & (length <= _WORD) & (ends >= _WORD)
        if not usual.all():
            ends, length = np.where(usual, ends, _WORD), np.where(usual, length, _WORD)
        before = ((_WORD - length) * _WORD).astype(one)
        value = (words[ends - _WORD] ^ one(_AMOUNT)) >> before << before
        usual &= ((value | (value + one(_AMOUNT_MORE))) & one(_HIGH)) == 0
        # The point goes; what is left are eight digits, as below.
        value = ((value & one(0xFFFFFFFFFF)) << one(8)) | (value >> one(48) << one(48))
        fen = self._number(value).view(np.int64)
        if minus.any():
            fen = np.where(minus, -fen, fen)
        return np.where(usual, fen, 0), np.flatnonzero(~usual)

    def _number(self, value: Any) -> Any:
        """Neighbours are put together: eight digits are four pairs, two fours, one number."""
        one = self._np.uint64
        value = (value * one(2561)) >> one(8) & one(0x00FF00FF00FF00FF)
        value = (value * one(6553601)) >> one(16) & one(0x0000FFFF0000FFFF)
        return (value * one(42949672960001)) >> one(32)

    def _long(self, data: Any, words: Any, begins: Any, ends: Any) -> Column:
        """Digits are added eight at a time: what stands before the number counts as zeros."""
        np = self._np
        minus = data[np.minimum(begins, len(data) - 1)] == _MINUS
        point = ends - _DECIMALS - 1
        length = point - begins - minus
        usual = (length > 0) & (length <= _WORD) & (point >= _WORD)
        point = np.where(usual, point, _WORD)
        usual &= data[point] == _POINT
        before = ((_WORD - np.where(usual, length, 1)) * _WORD).astype(np.uint64)
        value = (words[point - _WORD] ^ np.uint64(0x3030303030303030)) >> before << before
        usual &= ((value | (value + np.uint64(0x0606060606060606))) & np.uint64(_HIGH)) == 0
        value = self._number(value)
        tenth, cent = data[point + 1] - np.uint8(_ZERO), data[point + 2] - np.uint8(_ZERO)
        usual &= (tenth <= _NINE) & (cent <= _NINE)
        fen = value.astype(np.int64) * 100 + tenth * np.int64(10) + cent
        fen = np.where(usual, np.where(minus, -fen, fen), 0)
        return fen, np.flatnonzero(~usual)

    def plain(self, split: Split, sums: list[Column]) -> bool:
        """Whether an engine that reads with types reads every known cell as its text says.

        Amounts like 12.30 or nothing, times like 2026-03-02 10:00:00 or nothing, and ids and codes
        of ASCII without the characters that programs put around them.
        """
        for place, (_, others) in zip(self.places, sums, strict=True):
            if (split.begins(place)[others] != split.ends(place)[others]).any():
                return False
        return self._times(split) and not self._strange(split)

    def _times(self, split: Split) -> bool:
        np = self._np
        if self._time < 0 or len(split.block) < _SHORT:
            return self._time < 0
        begins, ends = split.begins(self._time), split.ends(self._time)
        filled = begins[ends > begins]
        length = len("2026-03-02 10:00:00")
        if len(filled) != int(((ends - begins) == length).sum()):
            return False
        words = split.words
        fine = np.ones(len(filled), dtype=bool)
        for offset, shape in ((0, b"0000-00-"), (8, b"00 00:00"), (11, b"00:00:00")):
            pattern = np.frombuffer(shape, dtype="<u8")[0]
            # A digit may be up to nine, anything else has to be the same.
            more = np.frombuffer(bytes(6 if c == _ZERO else 15 for c in shape), dtype="<u8")[0]
            value = words[filled + offset] ^ pattern
            fine &= ((value | (value + more)) & np.uint64(_HIGH)) == 0
        return bool(fine.all())

    def _strange(self, split: Split) -> bool:
        """Whether a known column has a byte that ids and codes usually have not."""
        np = self._np
        block = split.block
        if block.isascii() and not any(bytes([c]) in block for c in _ODD):
            usual = split.marks.size if self._mark < _BLANK else split.rows
            usual += block.count(b"\r") if b"\r" in block else 0
            if int(np.count_nonzero(split.data < _BLANK)) == usual and b"\x7f" not in block:
                return False
        found = np.flatnonzero(self._odd[split.data])
        columns = np.searchsorted(split.marks.ravel(), found) % self._width
        return bool(self._known[columns].any())
