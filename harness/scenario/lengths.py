"""Which scenarios to begin first, so that none of them runs on when all others are over.

How long a scenario will take is not known; that it may take long is: it says so by its tags, and by
the times that its sentences name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harness.scenario.feature import Scenario

_SLOW: Final = {"@slow": 10.0, "@extended": 2.0}
"""What a tag adds, in seconds."""

_TIME: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(秒|分钟)")


def expected_s(scenario: Scenario) -> float:
    """A rough length in seconds: for an order, and for nothing else."""
    named = sum(
        float(number) * (60 if unit == "分钟" else 1)
        for sentence in scenario.sentences
        for number, unit in _TIME.findall(sentence.text)
    )
    return named + sum(more for tag, more in _SLOW.items() if tag in scenario.tags)


def longest_first(scenarios: Sequence[Scenario | None]) -> list[int]:
    """Numbers of the scenarios in the order to begin them; as they stand among equals."""
    length = [0.0 if one is None else expected_s(one) for one in scenarios]
    return sorted(range(len(length)), key=lambda number: -length[number])
