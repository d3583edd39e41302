r"""Delimiters and escape sequences of LIS02-A2 records (§5.4).

Text is unescaped exactly once when it is read and escaped exactly once when it is written.
Highlighting (``&H&``, ``&N&``) and local sequences (``&Z..&``) have no plain text that they could
stand for: reading keeps them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

SIGNS_CACHED: Final = 64
"""Patterns kept compiled; a site has a handful of delimiter sets."""

DELETE: Final = '""'
"""A field with this text deletes the stored value; an empty one leaves it (LIS02-A2 §5.4.9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The delimiters of one message, each one character (LIS02-A2 §5.4).

    Attributes:
        field: the character after H.
        repeat: the first of H.2, and so on in the order of the standard.
    """

    field: str = "|"
    repeat: str = "\\"
    component: str = "^"
    escape: str = "&"

    @classmethod
    def of_header(cls, text: str) -> Self | None:
        """Those that a header record names; None if it names no four different ones."""
        head, declared = text[1:2], text[2:].partition(text[1:2] or "|")[0]
        signs = head + declared[:3]
        usable = len(set(signs)) == 4 and signs.isascii() and signs.isprintable()
        if not usable or " " in signs:
            return None
        return cls(field=signs[0], repeat=signs[1], component=signs[2], escape=signs[3])

    @property
    def declaration(self) -> str:
        """H.2."""
        return self.repeat + self.component + self.escape


STANDARD: Final = Signs()
r"""``|``, ``\``, ``^`` and ``&``, which nearly everybody uses."""


@lru_cache(maxsize=SIGNS_CACHED)
def _sequences(signs: Signs) -> re.Pattern[str]:
    sign = re.escape(signs.escape)
    return re.compile(f"{sign}(?:([FSRE])|X([0-9A-Fa-f]+)){sign}")


@lru_cache(maxsize=SIGNS_CACHED)
def _specials(signs: Signs) -> re.Pattern[str]:
    characters = re.escape(signs.field + signs.declaration)
    return re.compile(f"[{characters}\\x00-\\x1f\\x7f]")


def unescape(text: str, signs: Signs, codec: str) -> str:
    r"""Plain text of a value; hexadecimal data is decoded with ``codec`` (LIS02-A2 §5.4.7).

    What is no escape sequence, such as the lone ampersand of ``A&B``, stays as it is.

    >>> unescape("1&F&2 &X0A& &E& A&B", STANDARD, "ascii")
    '1|2 \n & A&B'
    """
    if signs.escape not in text:
        return text
    meaning = {"F": signs.field, "S": signs.component, "R": signs.repeat, "E": signs.escape}

    def plain(match: re.Match[str]) -> str:
        if match[1]:
            return meaning[match[1]]
        try:
            return bytes.fromhex(match[2]).decode(codec)
        except ValueError:  # an odd number of digits, or bytes that are no text of the codec
            return match[0]

    return _sequences(signs).sub(plain, text)


def escape(text: str, signs: Signs = STANDARD) -> str:
    r"""Plain text as it may stand in a field (LIS02-A2 §5.4.7).

    Control characters become hexadecimal data, so that a line break cannot end the record.

    >>> escape("5|6^7\r")
    '5&F&6&S&7&X0D&'
    """
    letters = {signs.field: "F", signs.component: "S", signs.repeat: "R", signs.escape: "E"}
    sign = signs.escape

    def written(match: re.Match[str]) -> str:
        letter = letters.get(match[0]) or f"X{ord(match[0]):02X}"
        return f"{sign}{letter}{sign}"

    return _specials(signs).sub(written, text)
