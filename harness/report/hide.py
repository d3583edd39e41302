"""Finds a personal value in a text however it is written there, and blanks it.

What counts as the value:

* a name in parts (``Ce^Shi``, ``Ce Shi``), a name of three Han characters or more also with blanks
  between them, and JSON or XML escapes in place of its characters;
* in letters of ASCII only as a word of its own, small or capital: ``Fang`` is not in ``Fangzhou``;
  Chinese has no blanks between words, so there a name is hidden inside another word as well;
* a number with separators, and with a prefix (``ID9999…``, ``8613900000017``).

A value that is also a word of this program (somebody is called ``金额``, a test patient ``测试``)
is hidden only where it stands alone: else no sentence of the report could be read any more.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Final

from harness.i18n import CATALOGUE

BLANK: Final = "*"

HAN_MIN: Final = 2
ASCII_MIN: Final = 4
"""Characters; what is shorter would hide innocent text."""

SPACED_MIN: Final = 3
"""Characters that are not ASCII, of a name that may have blanks between them; a shorter one would
be found in two words that stand side by side."""

NUMBER_MIN: Final = 11
"""Digits; so long a number is found also inside of a longer one: a mobile phone behind 86."""

PHONE_MIN: Final = 7
"""Digits of a number that may have separators: a telephone without its area."""

ORDINARY_MAX: Final = 12
"""Characters; no word is longer."""

_BETWEEN: Final = r"[\^=&~]*"
_BLANKS: Final = r"[ \t\u3000\^=&~]*"
_WORDS: Final = r"[ \t\u3000\^=&~,.\-]*"
_DIGITS: Final = r"[ .\-]?"
_SQUEEZED: Final = re.compile(r"[ \t\u3000\^=&~,.\-]+")
_ESCAPES: Final = re.compile(r"(?:\\{1,8}u[0-9A-Fa-f]{4})+")
_REFERENCE: Final = re.compile(r"(?:&(?:amp;)*)?#(?:x[0-9A-Fa-f]{1,6}|[0-9]{2,7});")
_LIKE_NUMBER: Final = re.compile(r"\+?[0-9][0-9 .()\-]*[0-9Xx]")

_NUMBERS: Final = re.compile(
    r"(?<!\d)(?:\d{17}[\dXx]|\d{15}|(?:86)?1[3-9]\d{9}"
    r"|\d{6}([ \-])(?:\d{8}|\d{4}\1\d{4})\1\d{3}[\dXx]|1[3-9]\d([ \-])\d{4}\2\d{4})(?!\d)"
)
"""Identity card of 18 characters (GB 11643-1999) or of 15, mobile number of 11 digits; also in
the groups in which people write them."""

ESCAPED: Final = re.compile(
    r"\\{1,8}u(?!00[0-7])[0-9A-Fa-f]{4}|&(?:amp;)*#(?:x(?:[89A-Fa-f][0-9A-Fa-f]|[0-9A-Fa-f]{3,6})"
    r"|(?:12[89]|1[3-9][0-9]|[2-9][0-9]{2}|[0-9]{4,7}));"
)
"""A character that is not ASCII, written as JSON or XML may write it."""


def long_enough(value: str) -> bool:
    """Whether a value can be looked for in texts."""
    return len(value) >= (ASCII_MIN if value.isascii() else HAN_MIN)


def blanked(value: str) -> str:
    """Every character but the separators of components, so that the shape can still be seen."""
    return re.sub(r"[^\^~&]", BLANK, value)


def numbers(text: str) -> str:
    """``text`` with the last four characters alone of what looks like a card or a mobile phone."""
    return _NUMBERS.sub(lambda match: BLANK * (len(match[0]) - 4) + match[0][-4:], text)


@lru_cache(maxsize=1)
def _said() -> str:
    return CATALOGUE.read_text(encoding="utf-8").lower()


@lru_cache(maxsize=8192)
def ordinary(value: str) -> bool:
    """Whether a value is also a word that this program's own texts say."""
    if len(value) > ORDINARY_MAX or not value.isalpha():
        return False
    if not value.isascii():
        return value in _said()
    return re.search(rf"(?<![a-z]){value.lower()}(?![a-z])", _said()) is not None


def squeezed(text: str) -> str:
    """A text as values are searched in it first: no separators, no escapes, capitals."""
    if "\\u" in text:
        text = _ESCAPES.sub(_unescaped, text)
    if "#" in text:
        text = _REFERENCE.sub(lambda match: html.unescape("&#" + match[0].rpartition("#")[2]), text)
    return _SQUEEZED.sub("", text).upper()


def _unescaped(match: re.Match[str]) -> str:
    units = re.findall(r"[0-9A-Fa-f]{4}", match[0])
    return bytes.fromhex("".join(units)).decode("utf-16-be", "replace")


@lru_cache(maxsize=8192)
def pattern(value: str) -> re.Pattern[str]:
    """Where a value stands in a text."""
    digits = re.sub(r"\D", "", value)
    if len(digits) >= PHONE_MIN and _LIKE_NUMBER.fullmatch(value):
        inner = _DIGITS.join([*digits, *(["X"] if value[-1:] in "Xx" else [])])
        closed = len(digits) < NUMBER_MIN
        return re.compile(rf"(?<!\d){inner}(?!\d)" if closed else inner, re.IGNORECASE)
    if value.isascii():
        inner = _WORDS.join(re.escape(one) for one in re.split(_SQUEEZED, value) if one)
        beside = r"[\w ]" if ordinary(value) else "[A-Za-z0-9]"
        return re.compile(rf"(?<!{beside}){inner}(?!{beside})", re.IGNORECASE)
    han = sum(not one.isascii() for one in value)
    between = _BLANKS if han >= SPACED_MIN else _BETWEEN
    inner = between.join(_character(one) for one in value if not one.isspace())
    return re.compile(rf"(?<!\w){inner}(?!\w)" if ordinary(value) else inner, re.IGNORECASE)


def _character(one: str) -> str:
    if one.isascii():
        return re.escape(one)
    units = one.encode("utf-16-be", "replace").hex()
    escaped = "".join(rf"\\{{1,8}}u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return rf"(?:{re.escape(one)}|{escaped}|&(?:amp;)*#x0*{ord(one):x};|&(?:amp;)*#0*{ord(one)};)"
