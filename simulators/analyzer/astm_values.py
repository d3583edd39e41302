"""How an instrument writes numbers, times, coded values and curves, as its model says."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
import zlib
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from simulators.analyzer.model_astm import Attached, ResultLine, Values

OUR_TIME: Final = "%Y%m%d%H%M%S"
"""How everybody above this module writes a time."""

OUR_BIRTH: Final = "%Y%m%d"
"""How ``Person.birth`` is written."""

_NUMBER = re.compile(r"(?P<sign>[<>]=?)? ?(?P<digits>-?\d+(?:\.\d+)?)")


def is_number(text: str) -> bool:
    """A number, with or without ``<`` and ``>`` before it."""
    return _NUMBER.fullmatch(text) is not None


def written_value(text: str, flag: str, values: Values, line: ResultLine) -> tuple[str, str]:
    """Value and flag as the instrument writes them.

    Args:
        text: with a point as decimal mark; ``<`` or ``>`` before it where it is outside the scale.
        flag: in the words of the standard.
        values: dialect.
        line: which record; it may scale the value.
    """
    flag = values.flags.get(flag, flag)
    if not text:
        return values.missing, flag
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text, flag
    sign = match["sign"] or ""
    digits = _digits(_scaled(Decimal(match["digits"]), line), values)
    if sign and values.sign == "flag":
        return digits, values.flags.get(sign, sign)
    blank = " " if sign and values.sign == "value-blank" else ""
    return f"{sign}{blank}{digits}".rjust(values.width, values.fill), flag


def _scaled(number: Decimal, line: ResultLine) -> Decimal:
    if Decimal(line.factor) == 1 and line.decimals is None:
        return number
    product = number * Decimal(line.factor)
    places = line.decimals if line.decimals is not None else -int(number.as_tuple().exponent)
    return product.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _digits(number: Decimal, values: Values) -> str:
    if values.implied_decimals is not None:
        whole = number.scaleb(values.implied_decimals).quantize(Decimal(1), ROUND_HALF_UP)
        return str(int(whole))
    text = f"{number:f}"
    return text.replace(".", values.decimal_mark).rjust(values.width, values.fill)


def written_time(text: str, layout: str) -> str:
    """A time of ours, ``YYYYMMDDHHMMSS``, as the instrument writes it; empty stays empty."""
    return datetime.strptime(text, OUR_TIME).strftime(layout) if text else ""  # noqa: DTZ007


def written_birth(text: str, layout: str) -> str:
    """A date of birth, ``YYYYMMDD``; what is none goes out as it is."""
    if layout == OUR_BIRTH:
        return text
    try:
        return datetime.strptime(text, OUR_BIRTH).strftime(layout)  # noqa: DTZ007
    except ValueError:
        return text


def curve(seed: str, points: int) -> list[float]:
    """A plausible histogram: two bells whose place and height come from ``seed``."""
    digest = hashlib.sha256(f"curve|{seed}".encode()).digest()
    first, second = 0.2 + digest[0] / 1275, 0.6 + digest[1] / 1275
    height = 40 + digest[2] % 60
    return [
        round(height * (_bell(at / points, first) + _bell(at / points, second) / 2), 3)
        for at in range(points)
    ]


def _bell(at: float, middle: float) -> float:
    return math.exp(-((at - middle) ** 2) / 0.005)


def packed(data: list[float], packing: str) -> str:
    """A curve as the text of a field.

    ``floats-deflate-base64`` is little-endian 32-bit floats, deflated with a zlib head;
    ``bytes-base64`` one byte a point; ``numbers`` decimal numbers parted by commas.
    """
    if packing == "numbers":
        return ",".join(str(round(one)) for one in data)
    if packing == "bytes-base64":
        raw = bytes(min(255, max(0, round(one))) for one in data)
    else:
        raw = zlib.compress(struct.pack(f"<{len(data)}f", *data))
    return base64.b64encode(raw).decode("ascii")


def images(attached: Attached, barcode: str) -> list[dict[str, str]]:
    """The values of each record that an ``attached`` entry makes: one without, or one a curve."""
    if not attached.images:
        return [{}]
    return [
        {
            "image_name": name,
            "image": packed(curve(f"{barcode}|{name}", attached.points), attached.packing),
        }
        for name in attached.images
    ]
