"""From the value that an analyzer sends to the one that the LIS keeps: whole numbers only.

Rounding is half up, as laboratories print it; a sign in front of a number stays.
"""

from __future__ import annotations

import re
from typing import Final

from simulators.hospital.lis_driver import Driver, Item

VALUE_WIDTH_NARROW: Final = 8
"""Width of the value column under the defect ``lis-narrow-value-column``."""

DIGITS_MAX: Final = 30
"""A longer text is no measured number."""

_NUMBER = re.compile(r"(<=|>=|[<>≤≥])?\s*([+-]?)(\d*)(?:\.(\d+))?", re.ASCII)


def converted(text: str, item: Item, driver: Driver, defects: set[str]) -> str:
    """The value to keep."""
    value = _mapped(text, item, driver, defects)
    if "lis-drops-comparator" in defects:
        value = value.lstrip("<>≥≤ ")
    if "lis-narrow-value-column" in defects:
        value = value[:VALUE_WIDTH_NARROW]
    return value


def _mapped(text: str, item: Item, driver: Driver, defects: set[str]) -> str:
    if driver.decimal_comma == "yes":
        point = "" if "lis-comma-as-thousands" in defects else "."
        text = text.replace(",", point)
    texts = {} if "lis-ignores-text-map" in defects else dict(item.texts)
    if text.strip() in texts:
        return texts[text.strip()]
    factor = "1" if "lis-ignores-factor" in defects else item.factor
    if "lis-integer-factor" in defects:
        factor = factor.partition(".")[0]
    decimals = "" if "lis-ignores-decimals" in defects else item.decimals
    if factor in {"", "1"} and not decimals:
        return text
    return _calculated(text, factor, decimals, cut="lis-cuts-decimals" in defects)


def _calculated(text: str, factor: str, decimals: str, *, cut: bool) -> str:
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= DIGITS_MAX else None
    times = _NUMBER.fullmatch(factor)
    if found is None or times is None or not (found[3] or found[4]):
        return text.strip()
    number = int(f"{found[3]}{found[4] or ''}") * int(f"{times[3] or '0'}{times[4] or ''}")
    scale = len(found[4] or "") + len(times[4] or "")
    sign = "-" if found[2] == "-" else ""
    if not decimals:
        digits = _pointed(number, scale)
        return f"{found[1] or ''}{sign}{digits.rstrip('0').rstrip('.') if scale else digits}"
    places = int(decimals)
    if scale > places:
        divisor = int(10 ** (scale - places))
        number = (number + (0 if cut else divisor // 2)) // divisor
    else:
        number *= int(10 ** (places - scale))
    return f"{found[1] or ''}{sign}{_pointed(number, places)}"


def _pointed(number: int, scale: int) -> str:
    digits = str(number).rjust(scale + 1, "0")
    return f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
