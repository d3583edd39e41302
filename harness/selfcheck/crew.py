"""Processes that share the work of a self-check.

What is handed out are parts of the work that know nothing of each other, and what comes back is put
together in the order in which it was handed out. So how many processes there are makes no
difference to the result, only to when it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from typing import Any, Final, TypeVar

from harness.scenario.binding import BoundScenario
from harness.selfcheck import progress, runs

WORKERS_MAX: Final = 8
"""Processes at most; each takes some 300 MB."""

CHUNK: Final = 40
"""Scenarios, or mutants, that are handed out together: enough that handing out costs nothing."""

T = TypeVar("T")
One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Crew:
    """Hands parts out; how far they are, they tell themselves.

    Args:
        pool: plays the parts.
    """

    pool: Executor

    def each(self, task: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T]:
        """What ``task`` returns for each of ``arguments``, in their order."""
        begun = [self.pool.submit(task, *one) for one in arguments]
        return [one.result() for one in begun]


def pool_of(workers: int) -> Executor:
    """Processes that play; all that they share with this one is that they tell how far they are."""
    return ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=progress.join,
        initargs=(progress.line(),),
    )


def workers(asked: int) -> int:
    """How many processes: as asked for; with 0 one a processor."""
    return max(1, min(WORKERS_MAX, asked or os.cpu_count() or 1))


def chunks(everything: Sequence[One], size: int = CHUNK) -> list[Sequence[One]]:
    """Parts of a sequence, in order."""
    return [everything[begin : begin + size] for begin in range(0, len(everything), size)]


def bound(idents: Sequence[str]) -> list[BoundScenario]:
    """Shipped scenarios by id, in the order asked for; a worker binds its own, once."""
    known = _known(runs.shipped)
    return [known[ident] for ident in idents]


def shipped() -> list[BoundScenario]:
    """Every scenario that ships, bound once in each process."""
    return list(_known(runs.shipped).values())


@lru_cache(maxsize=1)
def _known(read: Callable[[], Sequence[BoundScenario]]) -> dict[str, BoundScenario]:
    return {one.scenario.id: one for one in read()}
