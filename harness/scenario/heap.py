"""What the collector of garbage need not look through again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settled() -> Iterator[None]:
    """What is there now stays: looking through it takes a tenth of the time of reading scenarios.

    What comes to be inside is looked through as ever.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
