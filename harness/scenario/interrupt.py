"""Ctrl-C that cannot get lost.

``KeyboardInterrupt`` is raised wherever the main thread happens to be, and a callback of a C
library (a progress handler of SQLite, a finaliser) swallows it there: the run would go on as if
nobody had asked. So the wish is also kept, and looked at between scenarios and while waiting. A
system that is about to start when Ctrl-C is pressed may end by it, and seem to be what is wrong:
while somebody wishes to stop, no error of ours is told in its place.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.errors import HarnessError

_wished = threading.Event()


@contextmanager
def kept() -> Iterator[None]:
    """Remember Ctrl-C for the time of a run; elsewhere than in the main thread, do nothing.

    Raises:
        KeyboardInterrupt: in place of an error that came while somebody wished to stop.
    """
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
    except HarnessError as error:
        if _wished.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
        _wished.clear()


def wished() -> bool:
    """Whether Ctrl-C was pressed, even if it got lost."""
    return _wished.is_set()


def check() -> None:
    """Raise ``KeyboardInterrupt`` if Ctrl-C was pressed and got lost."""
    if wished():
        raise KeyboardInterrupt
