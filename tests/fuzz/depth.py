"""How deep the fuzz tests dig: shallow with every commit, 10,000 examples and more every night."""

from __future__ import annotations

import os

NIGHTLY_EXAMPLES = 10_000
"""What each core and codec gets from ``make fuzz``."""


def examples(every_commit: int) -> int:
    """The number of examples for a test."""
    nightly = os.environ.get("MEDHARNESS_FUZZ") == "nightly"
    return NIGHTLY_EXAMPLES if nightly else every_commit
