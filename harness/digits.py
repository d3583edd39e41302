"""Whole numbers as others write them."""

from __future__ import annotations

from typing import Final

DIGITS_MAX: Final = 18
"""No count, port or place has more; ``int`` itself raises over some thousand digits."""


def whole_number(text: str) -> int | None:
    """The number that a text of digits alone says; None where it is no such text.

    >>> [whole_number(one) for one in ("007", "-7", "²", "", "9" * 5_000)]
    [7, None, None, None, None]
    """
    return int(text) if len(text) <= DIGITS_MAX and text.isdecimal() else None
