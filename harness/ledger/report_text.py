"""Amounts, moments and names as people read them in the reconciliation reports."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

NAME_COLUMNS: Final = re.compile(
    r"(?i)^(x_)?(psn_|patient_|pat_|opter_|crter_|dr_)?(name|xm|hzxm)$|姓名|经办人|收费员"
)
"""Columns that hold a person's name."""

NUMBER_COLUMNS: Final = re.compile(
    r"(?i)^(x_)?(certno|id_?card|sfzh|phone|tel|mobile)$|身份证|证件|电话|手机"
)
"""Columns that hold an identity or telephone number."""

ID_TAIL: Final = 4
"""Characters of an identity number that stay readable."""

_NUMBERS: Final = re.compile(r"(?<![0-9A-Za-z])(?:\d{17}[\dXx]|1[3-9]\d{9})(?![0-9A-Za-z])")
"""An identity card of 18 characters (GB 11643-1999) or a mobile number in running text."""


def yuan(fen: int | None, *, sign: bool = False) -> str:
    """Fen as yuan with two decimals and thousands: ``-1,234.05``; empty for None."""
    if fen is None:
        return ""
    head = "-" if fen < 0 else "+" if sign and fen > 0 else ""
    whole, cents = divmod(abs(fen), 100)
    return f"{head}{whole:,}.{cents:02d}"


def plain_yuan(fen: int) -> str:
    """Fen as yuan without thousands, as files carry it."""
    return yuan(fen).replace(",", "")


def moment(value: Any) -> str:
    """A time to the second; anything else as its text."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


def masked(column: str, value: str) -> str:
    """A value without what tells who the person is: ``张**``, ``****1234``."""
    if not value:
        return value
    if NAME_COLUMNS.search(column):
        return value[0] + "*" * max(1, len(value) - 1)
    if NUMBER_COLUMNS.search(column):
        return "*" * max(0, len(value) - ID_TAIL) + value[-ID_TAIL:]
    return masked_text(value)


def masked_text(text: str) -> str:
    """Running text with identity and mobile numbers hidden up to their last four characters."""
    return _NUMBERS.sub(lambda one: "*" * (len(one[0]) - ID_TAIL) + one[0][-ID_TAIL:], text)
