"""Benefit plans: who pays what, read from ``fixtures/centre/policy/*.toml``.

Amounts are integer fen, ratios ten-thousandths. The figures that ship are examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness import input_files, resources
from harness.errors import InputError
from harness.i18n import tr
from simulators.centre.calc_money import RATIO_ONE

ENDLESS_FEN = 10**14
"""A band without an upper end."""

_AMOUNTS = ("cap", "above_cap", "serious_from", "aid_cap")
_RATIOS = ("above", "civil", "company", "serious", "aid", "veteran", "other", "hospital")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One benefit plan; amounts in fen, ratios in ten-thousandths.

    Attributes:
        deductibles: one a year (outpatient) or one a stay: first, second, every later one.
        bands: (upper end of the in-scope amount above the deductible, part the pool pays).
        cap: what the pool pays at most in a year.
        above: part that the large-amount fund pays beyond the cap, up to ``above_cap`` a year.
        civil: part of the rest without the deductible that the civil servants' fund pays.
        company: the same for company supplementary insurance.
        serious: part of a year's own in-scope costs above ``serious_from``.
        aid: part of what then remains that medical aid pays, up to ``aid_cap`` a year.
        veteran: part of what then remains that the fund of disabled servicemen pays.
        other: part of what then remains that other funds pay.
        hospital: part of the price above the limit that the hospital bears.
    """

    deductibles: tuple[int, ...]
    bands: tuple[tuple[int, int], ...]
    cap: int
    above: int = 0
    above_cap: int = 0
    civil: int = 0
    company: int = 0
    serious: int = 0
    serious_from: int = 0
    aid: int = 0
    aid_cap: int = 0
    veteran: int = 0
    other: int = 0
    hospital: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefits:
    """All plans of a region.

    Attributes:
        kinds: medical type to kind of benefit.
        clr_types: medical type to clearing type.
        funds: insutype or amount field to the type of fund.
        plans: by (insutype, kind, level of the hospital); level ``*`` stands for all others.
    """

    kinds: Mapping[str, str]
    clr_types: Mapping[str, str]
    funds: Mapping[str, str]
    plans: Mapping[tuple[str, str, str], Plan]

    def plan(self, insutype: str, kind: str, level: str) -> Plan | None:
        """The plan of a visit, or None where nobody pays."""
        return self.plans.get((insutype, kind, level)) or self.plans.get((insutype, kind, "*"))


def load(path: Path) -> Benefits:
    """Read a benefit file.

    Raises:
        InputError: a figure is missing, is no text, or has digits that money does not have.
    """
    data = input_files.toml_of(path)
    try:
        kinds = {code: str(row["kind"]) for code, row in data["med_type"].items()}
        clr_types = {code: str(row["clr_type"]) for code, row in data["med_type"].items()}
        plans = {
            (str(row["insutype"]), str(row["kind"]), str(row["level"])): _plan(row)
            for row in data["plan"]
        }
        funds = {code: str(fund) for code, fund in data["funds"].items()}
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
        raise InputError(
            tr("the benefit plan cannot be read: {reason}", reason=error),
            where=str(path),
            remedy=tr("compare it with fixtures/centre/policy/example.toml"),
        ) from error
    return Benefits(
        kinds=MappingProxyType(kinds),
        clr_types=MappingProxyType(clr_types),
        funds=MappingProxyType(funds),
        plans=MappingProxyType(plans),
    )


@lru_cache(maxsize=1)
def example() -> Benefits:
    """The plan that ships."""
    return load(resources.fixture("centre", "policy", "example.toml"))


def _plan(row: Mapping[str, Any]) -> Plan:
    values: dict[str, Any] = {name: _fixed(row[name], 100) for name in _AMOUNTS if name in row}
    values |= {name: _ratio(row[name]) for name in _RATIOS if name in row}
    values["deductibles"] = tuple(_fixed(one, 100) for one in row["deductibles"])
    values["bands"] = tuple(
        (_fixed(end, 100) if end else ENDLESS_FEN, _ratio(ratio)) for end, ratio in row["bands"]
    )
    if not values["deductibles"] or not values["bands"]:
        raise ValueError("deductibles and bands may not be empty")
    ends = [end for end, _ in values["bands"]]
    if ends != sorted(set(ends)) or ends[-1] != ENDLESS_FEN:
        raise ValueError("bands must rise and end without an upper end")
    return Plan(**values)


def _ratio(value: object) -> int:
    ratio = _fixed(value, RATIO_ONE)
    if ratio > RATIO_ONE:
        raise ValueError(f"a part above one: {value}")
    return ratio


def _fixed(value: object, one: int) -> int:
    """A figure written as text; a float would already have lost its digits."""
    if not isinstance(value, str):
        raise TypeError(f"write the figure as text: {value!r}")
    number = Decimal(value) * one
    if number < 0 or number != number.to_integral_value():
        raise ValueError(f"not a figure with so many decimals: {value}")
    return int(number)
