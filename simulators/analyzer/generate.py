"""A generated run of an analyzer: a person, a specimen and plausible results, all from a seed."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from harness import people, resources
from simulators.analyzer.channels import Measured, channels
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.upload import Result, Tested

ITEMS_MAX = 5
"""Results of one specimen: a short panel."""


def catalogue() -> dict[str, dict[str, Any]]:
    """The lab items that ship."""
    path = resources.fixture("catalogues", "lab_items.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def run(seed: int, model: AnalyzerModel | None = None) -> Tested:
    """One specimen with results inside their reference range.

    Args:
        seed: the same seed gives the same specimen, person and values.
        model: the instrument; without one, and for an ASTM model, which sends what it has no
            channel for under our own name, the panel is the beginning of the catalogue.
    """
    items = catalogue()
    if model is None or model.family == "astm":
        usual = [code for code, item in items.items() if item.get("low") and item.get("high")]
        measured: Sequence[Measured] = [Measured(item=code, code=code) for code in usual]
    else:
        measured = [one for one in channels(model) if _drawable(items.get(one.item, {}))]
    return Tested(
        barcode=people.barcode(seed, 0),
        person=people.generate(seed, 0),
        results=[_result(seed, one, items[one.item]) for one in measured[:ITEMS_MAX]],
    )


def bench(seed: int) -> Callable[[str, str], Result | None]:
    """Measures whatever of the catalogue can be drawn: a ``measure.Bench``.

    Args:
        seed: the same seed, barcode and item give the same value.
    """
    items = catalogue()

    def measure(barcode: str, code: str) -> Result | None:
        item = items.get(code, {})
        if not (item.get("low") and item.get("high")):
            return None
        return Result(item=code, value=value(seed, f"{barcode}|{code}", item), unit=item["unit"])

    return measure


def _drawable(item: Mapping[str, Any]) -> bool:
    return bool(item.get("low") or item.get("texts"))


def _result(seed: int, one: Measured, item: Mapping[str, Any]) -> Result:
    """A value that the instrument can write without loss."""
    texts = item.get("texts")
    if texts:
        value_ = str(texts[_drawn(seed, one.item) % len(texts)])
    else:
        value_ = value(seed, one.item, {**item, "decimals": one.kept(int(item["decimals"]))})
    return Result(item=one.item, value=value_, unit=item["unit"])


def value(seed: int, code: str, item: Mapping[str, Any]) -> str:
    """A value between both ends of the range, with the decimals of the item."""
    step = Decimal(1).scaleb(-int(item["decimals"]))
    low, high = Decimal(item["low"]), Decimal(item["high"])
    count = int((high - low) / step) + 1
    return str((low + _drawn(seed, code) % count * step).quantize(step))


def _drawn(seed: int, code: str) -> int:
    digest = hashlib.sha256(f"run|{seed}|{code}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
