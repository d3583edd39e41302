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

KEY_COLUMNS: Final = re.compile(
    r"(?i)^(x_)?(init_)?(setl_id|mdtrt_id|msgid|medins_setl_id|invono)$|结算编号|就诊编号|发票号"
)
"""Numbers by which a bill is found at the centre; some centres give them 18 digits too."""

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
"""Check character of an identity number by the weighted sum modulo 11 (GB 11643-1999, 4.2)."""

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
        return value.replace(tzinfo=None).isoformat(" ", "seconds")
    return "" if value is None else str(value)


def masked(column: str, value: str) -> str:
    """A value without what tells who the person is: ``张**``, ``****1234``."""
    if not value:
        return value
    if NAME_COLUMNS.search(column):
        return value[0] + "*" * max(1, len(value) - 1)
    if NUMBER_COLUMNS.search(column):
        return _hidden(value)
    if KEY_COLUMNS.search(column):
        return _hidden(value) if _is_identity(value) else value
    return masked_text(value)


def _hidden(value: str) -> str:
    return "*" * max(0, len(value) - ID_TAIL) + value[-ID_TAIL:]


def _is_identity(value: str) -> bool:
    """Whether a number is the identity number of a person: date of birth and check character."""
    if not re.fullmatch(
        r"\d{6}(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]", value
    ):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == value[-1].upper()


def masked_text(text: str) -> str:
    """Running text with identity and mobile numbers hidden up to their last four characters."""
    return _NUMBERS.sub(lambda one: "*" * (len(one[0]) - ID_TAIL) + one[0][-ID_TAIL:], text)
