"""The channels of an analyzer model, alike for all families: what it measures, and how finely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.analyzer.model import AnalyzerModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One test of an instrument.

    Attributes:
        item: of the LIS.
        code: of the instrument.
        power: a value of ours times ten to this power is the instrument's.
        decimals: that the instrument writes; None writes all.
    """

    item: str
    code: str
    power: int = 0
    decimals: int | None = None

    def kept(self, decimals: int) -> int:
        """Decimals of a value in our unit that survive the instrument, at most ``decimals``."""
        if self.decimals is None:
            return decimals
        return max(min(decimals, self.decimals + self.power), 0)


def channels(model: AnalyzerModel) -> list[Measured]:
    """The tests of a model in the order of its file; none for an ASTM model that names none."""
    if model.family == "astm":
        return [Measured(item=item, code=code) for item, code in model.values.channels.items()]
    section = getattr(model, model.family)
    if model.family == "poct1a":
        tests: Mapping[str, Any] = section.analytes
    else:
        tests = section.channels
    return [
        Measured(
            item=item,
            code=one.code,
            power=getattr(one, "factor", 0) - getattr(one, "exponent", 0),
            decimals=one.decimals,
        )
        for item, one in tests.items()
    ]


def item_map(
    measured: Sequence[Measured], catalogue: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """The rows that a LIS needs to get our values and units back, as ``configure_analyzer`` has it.

    Args:
        measured: tests of the instrument.
        catalogue: units and decimals by item.
    """
    rows = []
    for one in measured:
        item = catalogue.get(one.item, {})
        row = {"channel": one.code, "item": one.item, "unit": str(item.get("unit", ""))}
        if one.decimals is not None and item.get("low"):
            row["decimals"] = str(one.kept(int(item["decimals"])))
        if one.power:
            row["factor"] = f"{Decimal(1).scaleb(-one.power):f}"
        rows.append(row)
    return rows


def sender(model: AnalyzerModel) -> str:
    """The name under which a LIS knows the instrument; a framed one is known by its port."""
    if model.family == "hl7":
        return str(model.hl7.sending_app or model.hl7.sending_facility)
    if model.family == "poct1a":
        return str(model.poct1a.model)
    if model.family == "framed":
        return model.name
    return model.sender.partition("^")[0].strip()  # H.5.1
