"""Money from text, exactly: no float is ever made.

What is read: ``12``, ``12.3``, ``12.30``, ``-12.30``, ``+12.30``, ``1,234.50`` (well-formed groups
of three), full-width digits, a leading yuan sign, zeros beyond the second decimal. What is
refused: ``1e3`` (a spreadsheet has already rounded it), a third decimal that is not zero,
misplaced commas, anything else.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Final

PLAIN_SQL: Final = r"-?[0-9]{1,14}(\.[0-9]{1,2})?"
"""What the engine reads by itself (16,2 of the interface)."""

_MONEY: Final = re.compile(r"([+-]?)(\d{1,14}|\d{1,3}(?:,\d{3}){1,4})(?:\.(\d*))?")
_NOTHING: Final = frozenset({"", "null", "none", "nan", "\\n", "-"})

FEN: Final = 100


def is_nothing(text: str | None) -> bool:
    """Whether a cell holds no value; exports write ``null`` or nothing."""
    return text is None or tidy(text).lower() in _NOTHING


def tidy(text: str) -> str:
    """Half-width, without blanks around it, the invisible ones included."""
    half = unicodedata.normalize("NFKC", text)
    return "".join(char for char in half if unicodedata.category(char) != "Cf").strip()


def fen(text: str) -> int | None:
    """The amount in fen, or ``None`` where the text is no exact amount."""
    found = _MONEY.fullmatch(tidy(text).lstrip("`'¥￥").strip())
    if found is None:
        return None
    sign, whole, decimals = found[1], found[2].replace(",", ""), found[3] or ""
    if decimals[2:].strip("0"):
        return None
    value = int(whole) * FEN + int((decimals + "00")[:2])
    return -value if sign == "-" else value


def rough(text: str) -> int | None:
    """What a refused amount would be worth in fen, for the sum of the rejected rows only."""
    exact = fen(text)
    if exact is not None:
        return exact
    try:
        value = Decimal(tidy(text).replace(",", ""))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) >= Decimal(10) ** 14:
        return None
    return int((value * FEN).to_integral_value())


def yuan(amount_fen: int) -> str:
    """``-6100`` is ``-61.00``."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), FEN)
    return f"{sign}{whole}.{rest:02d}"
