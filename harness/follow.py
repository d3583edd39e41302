"""A process that works for another one ends when that one is gone, however it went."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import wait


def parent() -> None:
    """End with the process that started this one by ``multiprocessing``; elsewhere do nothing.

    A pool whose owner was killed would otherwise finish what was handed out, and then wait for
    good. What this process started itself ends with its pipes.
    """
    owner = multiprocessing.parent_process()
    if owner is not None:
        threading.Thread(target=_end_with, args=(owner.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
