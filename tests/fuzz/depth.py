"""How deep tests dig: shallow with every commit, 10,000 examples and the whole every night.

``MEDHARNESS_FUZZ=nightly`` sets the examples of the fuzz tests, ``MEDHARNESS_TESTS=whole`` plays all
of what a commit plays a slice of. What a test claims is the same; how often it looks differs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from harness.scenario.binding import BoundScenario
from harness.selfcheck.revision import commit, slice_of

T = TypeVar("T")

NIGHTLY_EXAMPLES = 10_000
"""What each core and codec gets from ``make fuzz``."""


def whole() -> bool:
    """Is everything played, as every night, and not a slice?"""
    return os.environ.get("MEDHARNESS_TESTS") == "whole"


def sized(every_commit: int, every_night: int) -> int:
    """How many of something a test takes."""
    return every_night if whole() else every_commit


def nightly() -> bool:
    """Does ``make fuzz`` run it?"""
    return os.environ.get("MEDHARNESS_FUZZ") == "nightly"


def examples(every_commit: int) -> int:
    """The number of examples for a test."""
    return NIGHTLY_EXAMPLES if nightly() else every_commit


def tags_of(scenarios: Iterable[BoundScenario], slices: int) -> str:
    """Words for ``--tags`` that choose every so-manieth scenario, an outline with all its rows.

    The id of a row is no tag; that of its outline is.
    """
    tags = dict.fromkeys(
        tag for one in scenarios for tag in one.scenario.tags if tag.startswith("@id-")
    )
    return " or ".join(some(tags, slices))


def some(everything: Iterable[T], slices: int) -> list[T]:
    """Every so-manieth, beginning with the one that the commit chooses; every night all."""
    found = list(everything)
    return found if whole() else found[slice_of(commit(), slices) :: slices]
