"""What a scenario put in: the values that the harness drew, each under its role.

People, ids, barcodes and results follow the seed. Two runs with different seeds feed different
values into the same places: the same argument of the same command, the same field of the same
message that we play, the same expectation. A value of the system under test that is another one in
both runs, and is in each what *that* run put in at one and the same place, is no difference: the
system passes on what it was given. A value that is cut, rounded or of another patient is what
neither place explains, and stays a difference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any, Final

from harness.evidence.trace import Record

PART_CHARS_MIN: Final = 4
"""A shorter value stands in a longer text by chance; a Chinese character says as much as two."""

VALUE_CHARS_MAX: Final = 4096
"""A longer value is compared by its hash."""

LIST_CHARS_MAX: Final = 4096
"""A longer text is not looked at as a list of values."""

CUT_CHARS_MIN: Final = 6
"""A shorter end of an id, or shorter digits, are found by chance."""

_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)

_LINE: Final = r"[^,;]+,\d{1,9}(?:\.\d{1,4})?,\d{1,6}(?:\.\d{1,4})?"
_BILL: Final = re.compile(f"{_LINE}(?:;{_LINE})*", re.ASCII)
_FEN: Final = Decimal("0.01")
_INDEX: Final = re.compile(r"\[\d+\]")

_AMOUNT: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,2})?", re.ASCII)
"""Yuan; what has more places is no amount of money."""

_TIME: Final = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_WORD: Final = re.compile(r"[^\s\x00-\x1f<>\"'|^~\\&,;=]+")

Role = tuple[str, ...]
"""Where a value was put in: kind of record, who, what, which of them, and the path in it."""


def of_records(records: Sequence[Record]) -> Iterator[tuple[Role, str]]:
    """Every value of commands and of expectations, each under its role.

    What the centre's ledger or a driver was told is a command, too; an expectation holds what the
    scenario works out from what it put in (a converted result, a sum).
    """
    counts: dict[tuple[str, ...], int] = {}
    for record in records:
        if record["kind"] == "command":
            head: tuple[str, ...] = ("command", str(record["role"]), str(record["name"]))
            inside = record.get("args")
        elif record["kind"] == "expectation":
            head, inside = ("expectation", str(record["sentence"])), record.get("spec")
        else:
            continue
        counts[head] = counts.get(head, 0) + 1
        for path, value in flat(inside):
            yield (*head, str(counts[head]), *path), value


def flat(value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Texts and numbers of a JSON value with their paths."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            for path, text in flat(inner):
                yield (str(key), *path), text
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, 1):
            for path, text in flat(inner):
                yield (str(number), *path), text
    elif value is not None and not isinstance(value, bool):
        text = str(value)
        yield (), short(text)
        for number, part in enumerate(parts(text), 1):
            yield (f"part {number}",), part
        for name, amount in amounts(text):
            yield (name,), amount


def parts(text: str) -> list[str]:
    """The values of a text that is a list of them; none where it is not."""
    return re.split("[,;]", text) if "," in text and len(text) <= LIST_CHARS_MAX else []


def amounts(text: str) -> Iterator[tuple[str, str]]:
    """What a bill's lines come to, each and together: item, price and number, then a semicolon.

    Every system that is given these lines multiplies and adds; nobody tells it the result.
    """
    if not _BILL.fullmatch(text) or len(text) > LIST_CHARS_MAX:
        return
    total = Decimal(0)
    for number, line in enumerate(text.split(";"), 1):
        _, price, count = line.split(",")
        amount = (Decimal(price) * Decimal(count)).quantize(_FEN, rounding=ROUND_HALF_UP)
        total += amount
        yield f"line {number}", str(amount)
    yield "total", str(total)


def sums(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Amounts that stand in every row of a list, added up: what a system makes of the rows."""
    columns: dict[str, list[str]] = {}
    for path, value in values.items():
        if "[" in path and _AMOUNT.fullmatch(value) and "." in value:
            columns.setdefault(_INDEX.sub("", path), []).append(value)
    for path, amounts_ in columns.items():
        if len(amounts_) > 1:
            yield path, str(sum((Decimal(one) for one in amounts_), Decimal(0)))


def short(value: str) -> str:
    """A long value by its length and hash: an image in OBX-5, a scanned report."""
    if len(value) <= VALUE_CHARS_MAX:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{len(value)} characters, SHA-256 {digest}"


def words(text: str) -> Iterator[tuple[str, str]]:
    """The words of a message that no reader takes apart, numbered."""
    for number, word in enumerate(_WORD.findall(text), 1):
        yield f"word {number}", word


def _weight(value: str) -> int:
    return len(value) + sum(one > "\u2e7f" for one in value)


def _same_way(given: tuple[str, str], shown: tuple[str, str]) -> bool:
    """Whether both shown values come from the given ones by one way of writing."""
    (one, other), (old, new) = given, shown
    if min(len(old), len(new)) >= CUT_CHARS_MIN:
        if old == one[-len(old) :] and new == other[-len(new) :]:  # without its first characters
            return len(one) - len(old) == len(other) - len(new)
        if _digits(one) == old and _digits(other) == new:  # a time without its marks
            return True
    places = _places(old)
    if places is None or places != _places(new):
        return False
    if not places and _fen(one) == old and _fen(other) == new:
        return True
    return _rounded(one, places) == old and _rounded(other, places) == new


def _digits(value: str) -> str:
    """A time without its marks and its offset; empty for what is none."""
    time = _TIME.fullmatch(value)
    return "" if time is None else "".join(part for part in time.groups() if part)


def _fen(value: str) -> str:
    """An amount in yuan as a whole number of fen; empty for what is no amount."""
    return str(int(Decimal(value) * 100)) if _AMOUNT.fullmatch(value) else ""


def _places(value: str) -> int | None:
    """Decimal places of a number; None for anything else."""
    if not _NUMBER.fullmatch(value):
        return None
    return len(value.partition(".")[2])


def _rounded(value: str, places: int) -> str:
    if (_places(value) or 0) <= places:
        return ""
    step = Decimal(1).scaleb(-places)
    return str(Decimal(value).quantize(step, rounding=ROUND_HALF_UP))


@dataclass(frozen=True)
class Given:
    """What two runs of one scenario put in.

    Attributes:
        before: role to value in the run before.
        after: role to value in the run after.
    """

    before: Mapping[Role, str] = field(default_factory=dict)
    after: Mapping[Role, str] = field(default_factory=dict)
    _known: dict[tuple[str, str], bool] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def drawn(self) -> Mapping[tuple[str, str], Role]:
        """Pairs of values that were put in at one place, and differ."""
        pairs: dict[tuple[str, str], Role] = {}
        for role, old in self.before.items():
            new = self.after.get(role)
            if new is not None and old != new and old and new:
                pairs.setdefault((old, new), role)
        return pairs

    @cached_property
    def _parts(self) -> list[tuple[str, str]]:
        """Pairs that may stand inside a longer text, the longest first."""
        long = [pair for pair in self.drawn if min(map(_weight, pair)) >= PART_CHARS_MIN]
        return sorted(long, key=lambda pair: -len(pair[0]))

    def explains(self, old: str, new: str) -> bool:
        """Whether each value is what its own run put in, whole or written in one and the same way.

        The way must be the same in both runs: a value that was passed on whole and is cut now, or
        was rounded and is not any more, stays a difference.
        """
        if not self.drawn:
            return False
        if (old, new) not in self._known:
            self._known[old, new] = self._works_out(old, new)
        return self._known[old, new]

    def _works_out(self, old: str, new: str) -> bool:
        if (old, new) in self.drawn or self._as_parts(old, new):
            return True
        return any(_same_way(pair, (old, new)) for pair in self.drawn)

    def _as_parts(self, old: str, new: str) -> bool:
        for ours, theirs in self._parts:
            if ours in old and theirs in new:
                old, new = old.replace(ours, "\0"), new.replace(theirs, "\0")
                if old == new:
                    return True
        return False
