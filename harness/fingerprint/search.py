"""Looks for the tokens of a sheet in what the outlets of a system show, and says how each landed.

========== ===========================================================
whole      the text is the token
trimmed    without the blanks at its ends
inside     the token stands in a longer text
case       letters changed their case
reformed   a number or a time is written otherwise: ``2000017.5``, ``1951-01-02``
re-encoded characters beyond ASCII became others (``?``, or another character set)
cut        the text ends inside the token
altered    the code is there, and something else behind it
========== ===========================================================

Every text is looked at once, and a token is found by its code, so the work grows with the text and
not with the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from harness.fingerprint.sheet import Sheet
from harness.fingerprint.tokens import (
    ALPHABET,
    CODE_CHARACTERS,
    DATES,
    NUMBERS,
    PHONES,
    STAMPS,
    TIMES,
    Token,
)

WHOLE, TRIMMED, INSIDE, CASE = "whole", "trimmed", "inside", "case"
REFORMED, RE_ENCODED, CUT, ALTERED = "reformed", "re-encoded", "cut", "altered"

HOW: Final = (WHOLE, TRIMMED, INSIDE, CASE, REFORMED, RE_ENCODED, CUT, ALTERED)
"""From unharmed to unrecognisable."""

TEXT_CHARACTERS_MAX: Final = 20_000_000
"""Of one shown text: what lies behind it is not looked at."""

_CODE = re.compile(f"(?=q([{ALPHABET}]{{{CODE_CHARACTERS}}}))", re.IGNORECASE)
_DIGITS = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?|\d+(?:[-.:/]\d+)*")
_DATE_DIGITS: Final = 8
_LEADING: Final = 24
"""Characters in front of and behind a code that are compared with the token."""


class Shown(NamedTuple):
    """One text that an outlet shows.

    ``outlet`` names the way, such as ``lis-his hl7 ORU^R01`` or ``lis-patients``; ``place`` where
    in it, such as ``PID-5.1`` or a column.
    """

    outlet: str
    place: str
    text: str


class Landing(NamedTuple):
    """Where and how a token was found."""

    path: str
    outlet: str
    place: str
    how: str


@dataclass(slots=True)
class Search:
    """The tokens of a sheet, ready to be looked for."""

    sheet: Sheet
    _codes: dict[str, Token] = field(init=False)
    _whole: dict[str, Token] = field(init=False)
    _numbers: dict[Decimal, tuple[Token, str]] = field(init=False)
    _digits: dict[str, tuple[Token, str]] = field(init=False)

    def __post_init__(self) -> None:
        self._codes, self._whole, self._numbers, self._digits = {}, {}, {}, {}
        dates: dict[str, tuple[Token, str]] = {}
        for token in self.sheet.searched:
            self._whole[token.text] = token
            if token.data_type in NUMBERS:
                number = Decimal(token.text)
                self._numbers[number] = (token, REFORMED)
                self._numbers[number.to_integral_value("ROUND_FLOOR")] = (token, CUT)
            elif token.data_type in DATES | STAMPS | TIMES | PHONES:
                digits = re.sub(r"\D", "", token.text)
                self._digits[digits] = (token, REFORMED)
                if token.data_type in STAMPS:
                    dates[digits[:_DATE_DIGITS]] = (token, CUT)
            elif found := _CODE.search(token.text):
                self._codes[found[1].lower()] = token
        self._digits = dates | self._digits

    def landings(self, shown: Iterable[Shown]) -> Iterator[Landing]:
        """Every token in every text, in the order of the texts."""
        for one in shown:
            for token, how in self._found(one.text[:TEXT_CHARACTERS_MAX]):
                yield Landing(token.path, one.outlet, one.place, how)

    def _found(self, text: str) -> Iterator[tuple[Token, str]]:
        whole = self._whole.get(text)
        if whole is not None:
            yield whole, WHOLE
            return
        for match in _CODE.finditer(text):
            token = self._codes.get(match[1].lower())
            if token is not None:
                yield token, _how(token.text, text, match.start())
        if any(character.isdecimal() for character in text):
            yield from self._in_digits(text)

    def _in_digits(self, text: str) -> Iterator[tuple[Token, str]]:
        for match in _DIGITS.finditer(text):
            alone = match[0] == text.strip()
            token = self._whole.get(match[0])
            if token is not None:
                yield token, TRIMMED if alone else INSIDE
                continue
            known = self._digits.get(re.sub(r"\D", "", match[0]))
            if known is not None:
                yield known
            elif match[0].count(".") <= 1 and re.fullmatch(r"[\d.]+", match[0]):
                number = self._numbers.get(Decimal(match[0]))
                if number is not None:
                    yield number


def _how(token: str, text: str, at: int) -> str:
    """How a token stands in a text in which its code begins at ``at``."""
    bare = token.strip()
    here = text[at : at + len(bare)]
    if here == bare:
        if text.strip() == bare:
            return TRIMMED
        return INSIDE
    if here.casefold() == bare.casefold():
        return CASE
    rest = text[at : at + len(bare) + _LEADING]
    same = _common(bare.casefold(), rest.casefold())
    if same == len(rest):
        return CUT
    if _re_encoded(bare[same:], rest[same:]):
        return RE_ENCODED
    return CUT if not rest[same].isalnum() and rest[same].isascii() else ALTERED


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


def _re_encoded(lost: str, found: str) -> bool:
    """What should stand here is beyond ASCII, and something of that kind or a filler does."""
    return bool(lost) and not lost[0].isascii() and (not found[0].isascii() or found[0] in "?%&\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMap:
    """Where each token of a message landed.

    Attributes:
        sheet: what was sent.
        landings: by path of the leaf, ``(outlet, place, how)`` in a fixed order.
        outlets: how many texts each outlet showed: one that showed nothing proves nothing.
    """

    sheet: Sheet
    landings: Mapping[str, tuple[tuple[str, str, str], ...]]
    outlets: Mapping[str, int]

    @property
    def missing(self) -> tuple[str, ...]:
        """Leaves whose token was found nowhere."""
        return tuple(one.path for one in self.sheet.searched if one.path not in self.landings)


def search(sheet: Sheet, shown: Iterable[Shown]) -> TokenMap:
    """Look through all outlets in one pass."""
    outlets: dict[str, int] = {}

    def counted() -> Iterator[Shown]:
        for one in shown:
            outlets[one.outlet] = outlets.get(one.outlet, 0) + 1
            yield one

    best: dict[str, dict[tuple[str, str], str]] = {}
    for landing in Search(sheet).landings(counted()):
        places = best.setdefault(landing.path, {})
        key = (landing.outlet, landing.place)
        known = places.get(key)
        if known is None or HOW.index(landing.how) < HOW.index(known):
            places[key] = landing.how
    order = [token.path for token in sheet.tokens]
    return TokenMap(
        sheet=sheet,
        landings={
            path: tuple(sorted((*key, how) for key, how in best[path].items()))
            for path in order
            if path in best
        },
        outlets=outlets,
    )
