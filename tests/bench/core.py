"""Keeps each measured process on a core of its own, where many connections keep it busy.

All kinds alike. With one connection the two ends wait for each other, and the system places them
best by itself.
"""

from __future__ import annotations

import os
from typing import Final

PINNED: Final = "MEDHARNESS_BENCH_PINNED"
"""Set to 1 in the environment of the processes that are to keep to a core."""


_KEPT_BYTES: Final = 64 * 1024 * 1024
_DEFAULT_BYTES: Final = 128 * 1024
_THRESHOLDS: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")

KEEPING: Final = dict.fromkeys(_THRESHOLDS, str(_KEPT_BYTES))
"""For the environment of every measured process: freed memory stays with the process.

``asyncio`` reads into a new buffer of 256 KiB each time. Whether the C library gives it back to the
system after each read, and asks for it again before the next one, depends on how the heap happens
to lie: the length of a path is enough, and the bare echo is three times slower in one case.
"""

RETURNING: Final = dict.fromkeys(_THRESHOLDS, str(_DEFAULT_BYTES))
"""The other case: the thresholds that the C library documents as its own, held fast."""


def keep_to(number: int) -> None:
    """Stay on one core, where the system can be asked for that and has more than one.

    Two processes that wake each other are otherwise moved about, and a process of many threads
    under one interpreter lock pays for each hand-over between cores: about half of its speed.
    """
    if os.environ.get(PINNED) == "1" and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[number % len(cores)]})
