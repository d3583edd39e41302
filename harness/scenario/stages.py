"""The stages of a night: smoke first, then money and identity, then the rest.

After each stage somebody decides whether to go back, so nothing of a later stage is begun before.
"""

from __future__ import annotations

from typing import Final

from harness.scenario.feature import Scenario

SMOKE: Final = "@冒烟"
STAGES: Final = ("smoke", "money and identity", "rest")
"""In the order of the night."""

MONEY: Final = frozenset({"HIS-YB", "YB-BOOKS"})
"""Interfaces on which money moves."""

IDENTITY_WORDS: Final = ("identity", "merge", "misattrib")
"""In ids of scenarios that are about who somebody is."""


def stage_of(scenario: Scenario) -> str:
    """Which part of the night a scenario belongs to."""
    if SMOKE in scenario.tags:
        return STAGES[0]
    identity = any(word in scenario.id for word in IDENTITY_WORDS)
    return STAGES[1] if scenario.interface in MONEY or identity else STAGES[2]
