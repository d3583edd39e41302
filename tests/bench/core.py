"""Keeps each measured process on a core of its own, all kinds alike."""

from __future__ import annotations

import os


def keep_to(number: int) -> None:
    """Stay on one core, where the system can be asked for that and has more than one.

    Two processes that wake each other are otherwise moved about, and a process of many threads
    under one interpreter lock pays for each hand-over between cores: about half of its speed.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[number % len(cores)]})
