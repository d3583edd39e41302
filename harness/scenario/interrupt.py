"""Ctrl-C that cannot get lost.

``KeyboardInterrupt`` is raised wherever the main thread happens to be, and a callback of a C
library (a progress handler of SQLite, a finaliser) swallows it there: the run would go on as if
nobody had asked. So the wish is also kept, and looked at between scenarios and while waiting.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_wished = threading.Event()


@contextmanager
def kept() -> Iterator[None]:
    """Remember Ctrl-C for the time of a run; elsewhere than in the main thread, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # ignored, as for a job in the background: nobody can press Ctrl-C
        yield
        return

    def remember(number: int, frame: FrameType | None) -> None:
        _wished.set()
        before(number, frame)

    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _wished.clear()


def check() -> None:
    """Raise ``KeyboardInterrupt`` if Ctrl-C was pressed and got lost."""
    if _wished.is_set():
        raise KeyboardInterrupt
