"""Text of peers made fit for a page: visible, bounded, and never able to mislead a reader."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""C0 and C1 controls but tab and line feed, zero-width and bidirectional marks, non-characters,
lone surrogates: what a page could not show, what would reorder it, what UTF-8 and XML refuse."""


def visible(text: str) -> str:
    r"""``text`` with every character that cannot be seen written so that it can.

    >>> visible("A\r\u202eB")
    'A␍⟦202E⟧B'
    """
    return text if text.isprintable() else _HIDDEN.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode "Control Pictures"
    return "␡" if code == 0x7F else f"⟦{code:04X}⟧"


def columns(text: str) -> int:
    """Width in columns of half-width characters; Chinese characters take two."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(maxsize=16384)  # a page says a few hundred different ones
def _width(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, limit: int) -> str:
    """``text`` in one visible line of at most ``limit`` columns; what is left out shows as ``…``.

    >>> cut("检验结果 ORU", 9)
    '检验结果…'
    """
    # Every character takes a column at least, so nothing after the limit can be shown anyway.
    head = text[: limit + 1]
    line = visible(" ".join(head.split("\n"))) if "\n" in head else visible(head)
    if len(head) == len(text) and columns(line) <= limit:
        return line
    at, width = 0, 1 + _width(line[0])
    while width <= limit:  # ends before the line does, which is wider than the limit
        at += 1
        width += _width(line[at])
    return line[:at].rstrip() + "…"
