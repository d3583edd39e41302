"""The cells of 3201 from the text of a file: insutype x clr_type x setl_optins x day.

On the same path of their own as the control totals: Python, and numpy for large files, split and
add; the engine has no part in it. What is added is what 3201 compares, and the rows.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from harness.ledger import money, when
from harness.ledger.columns import TIME

if TYPE_CHECKING:
    from harness.ledger.control_blocks import Split

Cell = tuple[str, str, str, str]
"""insutype, clr_type, settling agency and day (``2026-03-02``); empty where nothing is said."""

CODES: Final = ("insutype", "clr_type", "setl_optins", "clr_optins")
"""The columns of a cell besides its day; who settles is the third, or else the fourth."""

SUMMED: Final = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
"""What 3201 compares of a cell, besides its rows."""

KEYS_MAX: Final = 10_000
"""So many keys of a file are known at once; lines with others are taken one by one."""

_NOTHING: Final = frozenset({"", "NULL", "NONE", "NAN", "-"})
_NO_CODE: Final = frozenset({"", "null", "none", "nan", "\\n", "-", "无"})
_PLAIN: Final = re.compile(when.PLAIN_SQL)
_PLAIN_CHARS: Final = len("2026-03-02 10:00:00")
_DAY_CHARS: Final = len("2026-03-02")
_WORD: Final = 8
_LAST_HOUR: Final = "24:00:00"
_CLOCK: Final = int.from_bytes(b"00:00:00", "little")
_CLOCK_MORE: Final = int.from_bytes(bytes((13, 6, 15, 10, 6, 15, 10, 6)), "little")
"""What, added to each byte of a clock, reaches 16 where the byte is too great: 29:59:59 is not."""

_HIGH: Final = 0xF0F0F0F0F0F0F0F0
_BYTE: Final = 0xFF
_HOURS: Final = 24
_BLANK, _TEE = b" T"

Worth = Callable[[str], int]


@lru_cache(maxsize=4096)
def code(text: str) -> str:
    """A code as it is compared: half-width and upper case, nothing where nothing is said."""
    if text.isascii():
        plain = text.strip(" ").upper()
        return "" if plain in _NOTHING else plain
    plain = money.tidy(text).lstrip("'`").strip().upper()
    return "" if plain.lower() in _NO_CODE or not plain.strip("0") else plain


def day(text: str) -> str:
    """The day of a settlement time; nothing where it is no time."""
    if _PLAIN.fullmatch(text):
        return _plain_day(text[:_DAY_CHARS], text[_DAY_CHARS + 1 :])
    moment = when.moment(text)
    return moment.date().isoformat() if moment else ""


def _plain_day(text: str, clock: str) -> str:
    if clock < _LAST_HOUR and clock[3] < "6" and clock[6] < "6":
        return _date(text, 0)
    return _date(text, 1) if clock == _LAST_HOUR else ""


@lru_cache(maxsize=4096)
def _date(text: str, later: int) -> str:
    if text.startswith("0000-") and not later:
        # A year that some databases write for "never", and Python does not know.
        return text if _date(f"2000{text[4:]}", 0) else ""
    try:
        return (date.fromisoformat(text) + timedelta(days=later)).isoformat()
    except (ValueError, OverflowError):
        return ""


class Cells:
    """Adds up the cells of one file.

    Args:
        names: its columns.
        worth: fen of the text of an amount.
    """

    def __init__(self, names: Sequence[str], worth: Worth) -> None:
        self.found: dict[Cell, list[int]] = {}
        self._worth = worth
        self._codes = [names.index(name) if name in names else -1 for name in CODES]
        self._time = names.index(TIME) if TIME in names else -1
        self._sums = [names.index(name) if name in names else -1 for name in SUMMED]
        self.known = _Known()

    def take(self, rows: Iterable[Sequence[str]]) -> None:
        """Lines as their cells; what a line has not is nothing."""
        places = (*self._codes, self._time)
        for row in rows:
            told = [row[place] if 0 <= place < len(row) else "" for place in places]
            amounts = [
                self._worth(row[place]) if 0 <= place < len(row) else 0 for place in self._sums
            ]
            self.add(told, 1, amounts)

    def add(self, told: Sequence[str | None], rows: int, amounts: Sequence[int]) -> None:
        """Rows of which the four codes and the time say the same.

        Args:
            told: the texts of ``CODES`` and of the time.
            rows: how many.
            amounts: fen of ``SUMMED``.
        """
        sums = self.sums_of(told)
        for place, value in enumerate((rows, *amounts)):
            sums[place] += value

    def sums_of(self, told: Sequence[str | None]) -> list[int]:
        """Rows, and fen of ``SUMMED``, of the cell that four codes and a time belong to."""
        ins, clr, settles, clears, moment = (one or "" for one in told)
        key = (code(ins), code(clr), code(settles) or code(clears), day(moment))
        return self.found.setdefault(key, [0, 0, 0, 0])

    def take_split(self, split: Split, fen: Sequence[Any], encoding: str) -> None:
        """A block of which every line is as usual.

        Args:
            split: its lines.
            fen: of each column of ``SUMMED`` that the file has, fen by row and the rows of which
                the amount is written in another way.
            encoding: of its text.
        """
        _Block(self, split, encoding).take(fen, self._codes, self._time, self._sums)


class _Known:
    """The keys that blocks of one file had so far, and the sums of their cells.

    A key is what a line's codes and day say, as integers of up to eight bytes; the same few return
    in every block. ``mixed`` are the keys as one integer each, in order.
    """

    def __init__(self) -> None:
        self.mixed: Any = None
        self.parts: Any = None
        self.sums: list[list[int]] = []


class _Block:
    """The cells of one block: rows of one key are added together by numpy, odd ones one by one."""

    def __init__(self, cells: Cells, split: Split, encoding: str) -> None:
        self._np: Any = importlib.import_module("numpy")
        self._cells, self._split, self._encoding = cells, split, encoding
        self._usual = self._np.ones(split.rows, dtype=bool)
        self._words = split.words

    def take(self, fen: Sequence[Any], codes: list[int], time: int, sums: list[int]) -> None:
        np = self._np
        parts = [self._code(place) for place in codes if place >= 0]
        parts += self._day(time) if time >= 0 else []
        for _, others in fen:
            self._usual[others] = False
        own = iter(column for column, _ in fen)
        amounts = [next(own) if place >= 0 else None for place in sums]
        rows = np.flatnonzero(self._usual)
        if len(rows):
            # A file without codes and times is one cell.
            parts = parts or [np.zeros(self._split.rows, dtype=np.uint64)]
            which = self._which(parts, rows, (*codes, time))
            self._usual[rows[which < 0]] = False
            self._add(which, rows, amounts)
        width = self._split.marks.shape[1]
        self._cells.take(
            [self._cell(row, place) for place in range(width)]
            for row in np.flatnonzero(~self._usual).tolist()
        )

    def _which(self, parts: list[Any], rows: Any, places: Sequence[int]) -> Any:
        """The number of the known key of each of these rows; -1 where two keys fall together."""
        np, known = self._np, self._cells.known
        parts = [part[rows] for part in parts] if len(rows) < self._split.rows else parts
        mixed = np.zeros(len(rows), dtype=np.uint64)
        for number, part in enumerate(parts):
            # Any odd factor will do: what it mixes up is found below.
            mixed = (mixed + part) * np.uint64(0x9E3779B97F4A7C15 + 2 * number)
        if known.mixed is None:
            self._learn(mixed[:0], mixed, parts, rows, places)
        which = self._find(mixed)
        new = known.mixed[which] != mixed
        if new.any():
            self._learn(known.mixed, mixed, parts, rows, places)
            which = self._find(mixed)
        same = np.ones(len(rows), dtype=bool)
        for part, one in zip(parts, known.parts, strict=True):
            same &= one[which] == part
        return np.where(same, which, -1)

    def _find(self, mixed: Any) -> Any:
        known = self._cells.known.mixed
        return self._np.minimum(self._np.searchsorted(known, mixed), len(known) - 1)

    def _learn(
        self, old: Any, mixed: Any, parts: list[Any], rows: Any, places: Sequence[int]
    ) -> None:
        """Take new keys among the known ones."""
        np, known = self._np, self._cells.known
        if len(old) > KEYS_MAX:
            return  # no codes and days, but something else of each line
        new, first = np.unique(mixed, return_index=True)
        fresh = ~np.isin(new, old)
        new, first = new[fresh], first[fresh]
        told = [[self._cell(row, place) for place in places] for row in rows[first].tolist()]
        order = np.argsort(np.concatenate((old, new)), kind="stable")
        sums = [*known.sums, *map(self._cells.sums_of, told)]
        before = known.parts or [part[:0] for part in parts]
        known.mixed = np.concatenate((old, new))[order]
        known.parts = [
            np.concatenate((one, part[first]))[order]
            for one, part in zip(before, parts, strict=True)
        ]
        known.sums = [sums[place] for place in order.tolist()]

    def _add(self, which: Any, rows: Any, amounts: Sequence[Any]) -> None:
        np, known = self._np, self._cells.known
        some = which >= 0
        if not some.all():
            which, rows = which[some], rows[some]
        size = len(known.sums)
        counts = np.bincount(which, minlength=size)
        # Sums of one block stay far below 2^53, up to which they are exact.
        totals = [counts.tolist()] + [
            [0] * size
            if one is None
            else np.bincount(which, weights=one[rows], minlength=size).astype(np.int64).tolist()
            for one in amounts
        ]
        for place in np.flatnonzero(counts).tolist():
            sums = known.sums[place]
            for number, column in enumerate(totals):
                sums[number] += column[place]

    def _cell(self, row: int, place: int) -> str:
        return self._split.cell(row, place, self._encoding) if place >= 0 else ""

    def _eight(self, begins: Any) -> Any:
        """Eight bytes of each row as one integer; rows too near the end are not usual."""
        np = self._np
        if not len(self._words):
            self._usual[:] = False
            return np.zeros(len(begins), dtype=np.uint64)
        self._usual &= begins < len(self._words)
        return self._words[np.minimum(begins, len(self._words) - 1)]

    def _word(self, begins: Any, length: Any) -> Any:
        """Up to eight bytes of each row as one integer."""
        np = self._np
        if not len(length) or int(length.max()) > _WORD:
            self._usual &= length <= _WORD
            length = np.minimum(length, _WORD)
        found = self._eight(begins)
        one = int(length[0]) if len(length) else 0
        if one and bool((length == one).all()):
            return found << np.uint64((_WORD - one) * _WORD)
        spare = ((_WORD - np.maximum(length, 1)) * _WORD).astype(np.uint64)
        return np.where(length > 0, found << spare, np.uint64(0))

    def _code(self, place: int) -> Any:
        begins = self._split.begins(place)
        return self._word(begins, self._split.ends(place) - begins)

    def _day(self, place: int) -> list[Any]:
        """The two words of a day; the clock only has to be one."""
        np = self._np
        begins = self._split.begins(place)
        self._usual &= self._split.ends(place) - begins == _PLAIN_CHARS
        self._usual &= begins + _PLAIN_CHARS <= len(self._split.data)
        month, after = self._eight(begins), self._eight(begins + _WORD)
        clock = self._eight(begins + _DAY_CHARS + 1) ^ np.uint64(_CLOCK)
        # A byte is a digit or the colon where nothing carries into its upper half.
        odd = (clock | (clock + np.uint64(_CLOCK_MORE))) & np.uint64(_HIGH)
        byte = np.uint64(_BYTE)
        hour = (clock & byte) * np.uint64(10) + ((clock >> np.uint64(_WORD)) & byte)
        between = (after >> np.uint64(2 * _WORD)) & byte
        self._usual &= (odd == 0) & (hour < _HOURS)
        self._usual &= (between == _BLANK) | (between == _TEE)
        return [month, after & np.uint64(0xFFFF)]
