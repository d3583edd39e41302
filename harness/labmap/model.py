"""An item map: what a LIS makes of each channel of an analyzer.

The conversion here works with ``Decimal`` and is the oracle of what a LIS should store; no system
that is tested uses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

FIELDS: Final = ("item", "factor", "decimals", "unit", "texts")
"""What a row says about its channel, in the order of comparison."""

DECIMALS_MAX: Final = 10
"""Decimal places that a row may ask for: more than any method resolves."""

DIGITS_MAX: Final = 30
"""Characters of a number that is converted; a longer one is text."""

_NUMBER = re.compile(r"(<=|>=|[<>≤≥])?\s*([+-]?\d+(?:\.\d+)?|[+-]?\.\d+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One channel.

    Attributes:
        channel: test code on the wire.
        item: code in the LIS.
        factor: the value is multiplied by it; 1 leaves it alone.
        decimals: decimal places of the stored value, rounded half up; None keeps what was sent.
        unit: stored unit; empty keeps what was sent.
        texts: pairs of a text as sent and as stored.
        line: where it stands in its file, from 1; 0 if it came from no file.
    """

    channel: str
    item: str
    factor: Decimal = Decimal(1)
    decimals: int | None = None
    unit: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    line: int = 0

    def shown(self, name: str) -> str:
        """A field as a person reads it."""
        if name == "texts":
            return ";".join(f"{sent}={stored}" for sent, stored in self.texts)
        value = getattr(self, name)
        if isinstance(value, Decimal):
            return format(value.normalize(), "f")
        return "" if value is None else str(value)

    def expected(self, sent: str) -> str:
        """The value that the LIS should store for ``sent``.

        A sign in front (``<``, ``>``, ``≤`` ...) stays; a text of the map is replaced; other text
        stays as it is.

        >>> ItemRow(channel="7", item="HGB", factor=Decimal(10), decimals=0).expected("<12.35")
        '<124'
        """
        text = sent.strip()
        mapped = dict(self.texts).get(text)
        if mapped is not None:
            return mapped
        found = _NUMBER.fullmatch(text) if len(text) <= DIGITS_MAX else None
        if found is None:
            return text
        number = Decimal(found[2])
        if self.factor != 1:
            number *= self.factor
            if self.decimals is None:
                return f"{found[1] or ''}{format(number.normalize(), 'f')}"
        if self.decimals is None:
            return text
        places = Decimal(1).scaleb(-self.decimals)
        rounded = number.quantize(places, rounding=ROUND_HALF_UP)
        return f"{found[1] or ''}{format(rounded, 'f')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something odd in a map that is no error: where, and what."""

    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMap:
    """A whole map.

    Attributes:
        name: file name without its folder.
        rows: in the order of the file.
        remarks: what a person should look at.
    """

    name: str
    rows: tuple[ItemRow, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def by_channel(self) -> dict[str, ItemRow]:
        """The rows by channel, which is unique."""
        return {row.channel: row for row in self.rows}
