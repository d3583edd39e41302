"""Exploring settlement: every message, every fault, every power cut, and what the books say then.

Points are independent, so they are dealt to workers; what comes of them does not depend on how many
there are.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from harness import follow
from harness.faults.plan import keyed
from simulators.exploration.findings import document
from simulators.exploration.play import Ended, Explorer
from simulators.exploration.points import STORIES, Point, points
from simulators.hospital import defects as catalogue

QUICK_SHARE: Final = 0.03
"""Of all points, how many a quick exploration takes; which, the seed decides."""

DEALT: Final = 25
"""Points that a worker takes at a time."""

_worker: list[Explorer] = []
"""The explorer of a worker process."""


def explore(
    *,
    seed: int = 1,
    quick: bool = False,
    defects: Sequence[str] = (),
    jobs: int = 1,
    tell: Callable[[int, int, str], None] = lambda *_: None,
) -> dict[str, Any]:
    """Every point, or a slice; what came of it as plain data.

    Args:
        seed: of everything.
        quick: a slice.
        defects: of the HIS; without any, unexplained points are errors of the program.
        jobs: worker processes.
        tell: is told how many points are done, of how many, and the last of them.

    Raises:
        InputError: no such defect.
        HarnessError: a story itself does not end well on the clean HIS.
    """
    catalogue.check(list(defects))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(
        prefix="medharness-explore-", ignore_cleanup_errors=True
    ) as name:
        explorer = Explorer(Path(name), seed, frozenset(defects))
        flows = {story.name: explorer.messages(story) for story in STORIES}
        every = [point for story in STORIES for point in points(story, flows[story.name])]
        if quick:
            every = [one for one in every if keyed(seed, "explore", one.name) < QUICK_SHARE]
        ended: list[Ended] = []
        tell(0, len(every), "")
        for some in _played(explorer, every, jobs):
            ended += some
            tell(len(ended), len(every), some[-1].point.name)
    return document(ended, flows, seed=seed, jobs=jobs, seconds=time.monotonic() - started)


def _played(explorer: Explorer, every: Sequence[Point], jobs: int) -> Iterator[list[Ended]]:
    """How the points ended, in their order, some at a time."""
    dealt = [every[nth : nth + DEALT] for nth in range(0, len(every), DEALT)]
    if jobs <= 1:
        for some in dealt:
            yield [explorer.play(point) for point in some]
        return
    with ProcessPoolExecutor(
        max_workers=jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(str(explorer.folder), explorer.seed, explorer.defects),
    ) as pool:
        yield from pool.map(_play, dealt)


def _begin(folder: str, seed: int, defects: frozenset[str]) -> None:
    """A worker plays in a folder of its own, and ends with whom it plays for."""
    follow.parent()
    own = tempfile.mkdtemp(prefix="worker-", dir=folder)
    _worker[:] = [Explorer(Path(own), seed, defects)]


def _play(some: Sequence[Point]) -> list[Ended]:
    return [_worker[0].play(point) for point in some]
