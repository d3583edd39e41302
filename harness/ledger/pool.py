"""A process for what would only take turns with everything else here."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

from harness import follow


class Pool:
    """One process for control totals, started only for large files."""

    def __init__(self) -> None:
        self._executor: Executor | None = None
        self.waits: list[Any] = []

    def __call__(self) -> Executor:
        """The process, started by who asks first."""
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                max_workers=2, mp_context=context, initializer=follow.parent
            )
        return self._executor

    def settle(self) -> None:
        """Take over the control totals that were made meanwhile."""
        for wait in self.waits:
            wait()

    def close(self) -> None:
        """End the process."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
