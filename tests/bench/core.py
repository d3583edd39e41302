"""Keeps each measured process on a core of its own, where many connections keep it busy.

All kinds alike. With one connection the two ends wait for each other, and the system places them
best by itself.
"""

from __future__ import annotations

import os
from typing import Final

PINNED: Final = "MEDHARNESS_BENCH_PINNED"
"""Set to 1 in the environment of the processes that are to keep to a core."""


def keep_to(number: int) -> None:
    """Stay on one core, where the system can be asked for that and has more than one.

    Two processes that wake each other are otherwise moved about, and a process of many threads
    under one interpreter lock pays for each hand-over between cores: about half of its speed.
    """
    if os.environ.get(PINNED) == "1" and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[number % len(cores)]})
