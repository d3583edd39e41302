"""Money and ratios of the centre: integer fen inside, ``Decimal`` yuan at the seams.

Rounding rule of every product in this room: half up to the fen, away from zero, once a product and
never on a sum (the interface names no rule; half up is what hospitals expect, and it is stated
here so that a centre that does otherwise shows).
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from harness.wire.json_exact import NUMBER_CHARS_MAX
from simulators.centre.rules import Refusal

RATIO_ONE = 10_000
"""A ratio of 1: ratios have four decimals (``N5,4``)."""

PRICE_ONE = 1_000_000
"""A unit price of one yuan: prices have six decimals (``N16,6``)."""

COUNT_ONE = 10_000
"""A quantity of one: quantities have four decimals (``N16,4``)."""

AMOUNT_MAX_FEN = 10**15
"""Above this a value does not fit ``N16,2``."""

_PLAIN = re.compile(r"-?[0-9]{1,12}\.[0-9]{2}")


def half_up(numerator: int, denominator: int) -> int:
    """The quotient, rounded half away from zero."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    top, bottom = abs(numerator), abs(denominator)
    return sign * ((2 * top + bottom) // (2 * bottom))


def share(fen: int, ratio: int) -> int:
    """A part of an amount; ``ratio`` in ten-thousandths."""
    return half_up(fen * ratio, RATIO_ONE)


def line_total(price: int, count: int) -> int:
    """Fen of a unit price (millionths of a yuan) times a quantity (ten-thousandths)."""
    return half_up(price * count, PRICE_ONE * COUNT_ONE // 100)


def scaled(value: object, one: int, name: str) -> int:
    """A JSON number or text as an integer of ``1/one``; digits beyond that are rounded half up.

    Raises:
        Refusal: it is no number, or none that the field can hold.
    """
    if value is None or value == "":
        return 0
    found = None if isinstance(value, bool | list | dict) else _scaled(value, one)
    if found is None:
        raise Refusal("not_a_number", name=name)
    return found


@lru_cache(maxsize=16_384)
def _scaled(value: object, one: int) -> int | None:
    """The same for a single value; equal numbers scale alike, however they are written."""
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    # Huge exponents are looked at before anything is multiplied.
    if (
        not number.is_finite()
        or number.adjusted() > 15
        or number.adjusted() < -NUMBER_CHARS_MAX
        or abs(number) * one >= AMOUNT_MAX_FEN * one // 100
    ):
        return None
    return int((number * one).to_integral_value(rounding=ROUND_HALF_UP))


def fen(value: object, name: str = "") -> int:
    """A JSON amount in yuan as fen.

    Raises:
        Refusal: it is no amount.
    """
    if type(value) is str and _PLAIN.fullmatch(value):  # a file has hundred thousands of them
        return int(value[:-3] + value[-2:])
    return scaled(value, 100, name)


def yuan_text(amount_fen: int) -> str:
    """Fen as yuan with two decimals, as files have it."""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole}.{rest:02d}"


@lru_cache(maxsize=16_384)
def yuan(amount_fen: int) -> Decimal:
    """Fen as yuan with two decimals."""
    return Decimal(int(amount_fen)).scaleb(-2)


@lru_cache(maxsize=4096)
def ratio_text(ratio: int) -> Decimal:
    """A ratio of ten-thousandths as ``N5,4``."""
    return Decimal(int(ratio)).scaleb(-4)
