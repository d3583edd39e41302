"""What became worse since the figures that are stored: only ratios travel between machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from render import value
from targets import Group, Target

ALLOWED: Final = 0.15
"""The part by which a ratio may be worse than the stored one."""

SIZES: Final = ("csv_rows", "parquet_rows", "peer_rows", "ledger_rows")
"""Figures that say how much was measured."""

KINDS: Final = ("processor", "cores", "system", "python")
"""What makes one machine another one, for a ratio."""


def is_ratio(target: Target) -> bool:
    """A ratio names both of its sides: ``ours / other``. Everything else depends on the machine."""
    return " / " in target.text


def worse(group: Group, stored: Mapping[str, Any], taken: Mapping[str, Any]) -> list[str]:
    """A line for each ratio that fell behind by more than ``ALLOWED``, or was not taken again.

    Ratios of few rows are none of many rows: where a size differs, nothing was compared.

    Args:
        group: whose ratios.
        stored: its figures as they stand in the file.
        taken: its figures of now.
    """
    found = [
        f"{name}: {taken[name]}, {stored[name]} is stored"
        for name in SIZES
        if name in stored and taken.get(name, stored[name]) != stored[name]
    ]
    for target in group.targets:
        before = value(target.name, stored) if is_ratio(target) else None
        if before is None:
            continue
        now = value(target.name, taken)
        if now is None:
            found.append(f"{target.text}: not taken, {before:.2f} is stored")
        elif _lost(target, before, now) > ALLOWED:
            found.append(f"{target.text}: {now:.2f}, {before:.2f} is stored")
    return found


def elsewhere(stored: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What to bear in mind where the stored figures are of another machine; empty where not.

    A ratio travels further than a time, and not everywhere: how long a processor takes to wake
    weighs more on the peer that sleeps.
    """
    other = [str(stored.get(one)) for one in KINDS if stored.get(one) != here.get(one)]
    return f" (on another machine: {', '.join(other)})" if other else ""


def compared(group: Group, stored: Mapping[str, Any]) -> int:
    """How many ratios of a group can be compared at all."""
    return sum(1 for one in group.targets if is_ratio(one) and value(one.name, stored) is not None)


def _lost(target: Target, before: float, now: float) -> float:
    """The part that was lost; negative where it became better."""
    better, poorer = (before, now) if target.least else (now, before)
    return (better - poorer) / before
