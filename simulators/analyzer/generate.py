"""A generated run of an analyzer: a person, a specimen and plausible results, all from a seed."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from harness import people, resources
from simulators.analyzer.upload import Result, Tested

ITEMS_MAX = 5
"""Results of one specimen: a short panel."""


def run(seed: int) -> Tested:
    """One specimen with results inside their reference range.

    Args:
        seed: the same seed gives the same specimen, person and values.
    """
    catalogue = _catalogue()
    codes = [code for code, item in catalogue.items() if item.get("low") and item.get("high")]
    return Tested(
        barcode=people.barcode(seed, 0),
        person=people.generate(seed, 0),
        results=[
            Result(
                item=code, value=value(seed, code, catalogue[code]), unit=catalogue[code]["unit"]
            )
            for code in codes[:ITEMS_MAX]
        ],
    )


def bench(seed: int) -> Callable[[str, str], Result | None]:
    """Measures whatever the catalogue has with a reference range: ``measure.Bench``.

    Args:
        seed: the same seed, barcode and item give the same value.
    """
    catalogue = _catalogue()

    def measure(barcode: str, code: str) -> Result | None:
        item = catalogue.get(code, {})
        if not (item.get("low") and item.get("high")):
            return None
        return Result(item=code, value=value(seed, f"{barcode}|{code}", item), unit=item["unit"])

    return measure


def _catalogue() -> dict[str, Any]:
    text = resources.fixture("catalogues", "lab_items.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def value(seed: int, code: str, item: Mapping[str, Any]) -> str:
    """A value between both ends of the range, with the decimals of the item."""
    step = Decimal(1).scaleb(-int(item["decimals"]))
    low, high = Decimal(item["low"]), Decimal(item["high"])
    count = int((high - low) / step) + 1
    digest = hashlib.sha256(f"run|{seed}|{code}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") % count
    return str((low + drawn * step).quantize(step))
