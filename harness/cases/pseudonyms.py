"""Other people in the place of real ones: keyed, the same each time, and shaped like them.

What a fault hangs on stays: how many characters a name has, how many bytes each of them takes in
UTF-8 and in GB 18030, and whether its second byte in GBK is a delimiter; the digits and letters of
a number, its length and leading zeros; sex, age within six months, and the check digit of an
identity card. Without the key nobody finds the way back, and it is written nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from harness.people import REGION_PREFIX, check_character

SHIFT_WEEKS: Final = (4, 26)
"""Dates move back by so many whole weeks: the day of the week stays, and an age nearly so."""

TRIES_MAX: Final = 1000
"""Until a pseudonym is one that nobody has yet; a number of two digits has no more."""

ESCAPE: Final = re.compile(r"(\\[^\\\s]{1,20}\\|&[A-Z]{1,4}&)")
"""An escape sequence of HL7 or ASTM: it stands for a delimiter, not for a person."""

_UID: Final = re.compile(r"[0-2](?:\.[0-9]+){4,}|2\.25(?:\.[0-9]+)+")
"""A UID of PS3.5 §9, also one with leading zeros or too long; an address has fewer parts."""

_CARD: Final = re.compile(r"[1-9][0-9]{16}[0-9Xx]")
_DAY: Final = r"(?:19|20)[0-9]{2}%s(?:0[1-9]|1[0-2])%s(?:0[1-9]|[12][0-9]|3[01])"
DATE: Final = re.compile(
    r"(?<![0-9])(?:" + _DAY % ("", "") + r"(?=(?:[0-9]{2}){0,3}(?:[0-9]{3})?(?![0-9]))"
    r"|" + _DAY % ("-", "-") + r"(?![0-9])|" + _DAY % ("/", "/") + r"(?![0-9]))"
)
"""A day, alone or with a time of day behind it, the ways that HL7, ASTM and the centre write it."""


@lru_cache(maxsize=1)
def _pools() -> dict[tuple[int, int, int], str]:
    """Characters by the bytes that they take: those that can stand for each other."""
    pools: dict[tuple[int, int, int], list[str]] = {}
    for begin, end in ((0x4E00, 0x9FA6), (0x3400, 0x4DB6), (0x20000, 0x20400)):
        for number in range(begin, end):
            pools.setdefault(_kind(chr(number)), []).append(chr(number))
    return {kind: "".join(signs) for kind, signs in pools.items()}


@lru_cache(maxsize=4096)
def _kind(sign: str) -> tuple[int, int, int]:
    """Bytes in UTF-8, bytes in GB 18030, and the second of two where it is an ASCII character."""
    raw = sign.encode("gb18030")
    level = 0  # of GB 2312: what one of its levels can write, the other person's name can
    if len(raw) == 2 and raw[1] >= 0xA1:
        level = 1 if 0xB0 <= raw[0] <= 0xD7 else 2 if 0xD8 <= raw[0] <= 0xF7 else 0
    trail = raw[1] if len(raw) == 2 and raw[1] < 0x80 else level
    return len(sign.encode()), len(raw), trail


@lru_cache(maxsize=4096)
def _script(sign: str) -> str:
    """Letters of other scripts: those nearby that take as many bytes."""
    begin = ord(sign) & ~0x7F
    near = (chr(number) for number in range(begin, begin + 0x80))
    return "".join(one for one in near if one.isalnum() and _kind(one) == _kind(sign))


def is_han(sign: str) -> bool:
    """Whether a character is one that names are written with."""
    return "㐀" <= sign <= "鿿" or "\U00020000" <= sign <= "\U0003ffff"


@dataclass(slots=True)
class Pseudonyms:
    """The other people of one case.

    Args:
        key: secret of the case.
    """

    key: bytes
    known: dict[str, str] = field(default_factory=dict)
    """Original and pseudonym of everything that was asked for."""

    _taken: set[str] = field(default_factory=set)

    @property
    def days(self) -> int:
        """By how many days every date moves; negative."""
        low, high = SHIFT_WEEKS
        return -7 * (low + self._number("shift", "") % (high - low + 1))

    def of(self, text: str) -> str:
        """The pseudonym of a name, number, card or address; the same for the same text."""
        found = self.known.get(text)
        if found is None:
            found = self.known[text] = self._new(text)
            self._taken.add(found)
        return found

    def _new(self, text: str) -> str:
        if _CARD.fullmatch(text) and check_character(text[:17]) == text[17].upper():
            return next(self._cards(text))
        if "^" in text.strip("^") and any(is_han(one) for one in text):
            # However its parts are written: the same person has the same name.
            signs = iter(self.of(text.replace("^", "")))
            return "".join("^" if one == "^" else next(signs) for one in text)
        for number in range(TRIES_MAX):
            uid = _UID.fullmatch(text) is not None
            made = self._uid(text, f"{number}") if uid else self.scrambled(text, f"{number}")
            if made not in self._taken and made != text:
                return made
        return made

    def scrambled(self, text: str, salt: str = "") -> str:
        """Each letter, digit and Han character by another of its kind; everything else stays."""
        stream = self._stream(text, salt)
        rest = text.lstrip("0")  # leading zeros that get lost are a fault of their own
        parts = ESCAPE.split(rest)
        parts[::2] = ["".join(self._sign(one, stream) for one in part) for part in parts[::2]]
        return text[: len(text) - len(rest)] + "".join(parts)

    def _uid(self, text: str, salt: str) -> str:
        """Another UID with parts of the same lengths; leading zeros stay."""
        stream = self._stream(text, salt)
        first, second, *parts = text.split(".")
        made = []
        for part in parts:
            rest = part.lstrip("0")
            signs = [str(next(stream) % 10) for _ in rest]
            if rest and len(part) > 1:
                signs[0] = str(next(stream) % 9 + 1)
            made.append(part[: len(part) - len(rest)] + "".join(signs))
        return ".".join((first, second, *made))

    def _sign(self, sign: str, stream: Iterator[int]) -> str:
        if is_han(sign):
            pool = _pools()[_kind(sign)]
            return pool[next(stream) % len(pool)]
        if not sign.isalnum():
            return sign
        if not sign.isascii():
            pool = _script(sign)
            return pool[next(stream) % len(pool)]
        if sign.isdecimal():
            return str(next(stream) % 10)
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        made = alphabet[next(stream) % len(alphabet)]
        return made.lower() if sign.islower() else made

    def _cards(self, text: str) -> Iterator[str]:
        """A region that nobody lives in, the birth date moved, the sex kept, a check digit."""
        birth = self.shifted(text[6:14])
        for number in range(TRIES_MAX):
            chance = self._number("card", f"{text}{number}")
            order = chance % 500 * 2 + int(text[16]) % 2
            first = f"{REGION_PREFIX}{chance // 500 % 10_000:04d}{birth}{order:03d}"
            yield first + check_character(first)

    def shifted(self, text: str) -> str:
        """Every date in a text moved by ``days``; what is no day of the calendar stays."""
        return DATE.sub(self._moved, text)

    def _moved(self, match: re.Match[str]) -> str:
        digits = re.sub(r"[^0-9]", "", match[0])
        try:
            day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        except ValueError:
            return match[0]
        sign = match[0][4] if not match[0][4].isdecimal() else ""
        return (day + timedelta(days=self.days)).strftime(f"%Y{sign}%m{sign}%d")

    def _stream(self, text: str, salt: str) -> Iterator[int]:
        block = 0
        while True:
            raw = self._digest(salt, f"{block}:{text}")
            yield from (int.from_bytes(raw[at : at + 4], "big") for at in range(0, len(raw), 4))
            block += 1

    def _number(self, kind: str, text: str) -> int:
        return int.from_bytes(self._digest(kind, text), "big")

    def _digest(self, kind: str, text: str) -> bytes:
        message = f"{kind}\0{text}".encode("utf-8", "surrogateescape")
        return hmac.new(self.key, message, hashlib.sha256).digest()
