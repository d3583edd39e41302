"""Seeds of scenarios that need real time and sockets, such as DICOM: over TCP, several at once.

Each worker has a hospital of its own that stays through all seeds, as in a run of many scenarios.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.evidence.trace import read
from harness.scenario.binding import BoundScenario
from harness.scenario.session import RunSession, SessionOptions
from harness.selfcheck import crew, imaging_payloads, progress
from harness.selfcheck.flake import PROFILE
from harness.selfcheck.seeds import SeedResult, Seen, seen, together

PART: Final = "seeds_apart"
"""Under which it is told how far this is."""

WORKERS: Final = 3 * (os.cpu_count() or 1)
"""Processes; half of the time each of them waits."""


def over_seeds(scenarios: Sequence[BoundScenario], seeds: Sequence[int]) -> list[SeedResult]:
    """Run every scenario with every seed on the clean hospital, over TCP."""
    idents = [one.scenario.id for one in scenarios]
    return together(idents, len(seeds), dealt(idents, seeds)) if idents else []


def dealt(
    idents: Sequence[str], seeds: Sequence[int], *, part: str = PART, defects: Sequence[str] = ()
) -> list[list[Seen]]:
    """What runs showed; the scenarios are dealt to processes.

    Args:
        idents: scenarios, at least one.
        seeds: each scenario runs with each.
        part: under which it is told how far this is.
        defects: of the hospital.
    """
    workers = min(WORKERS, len(idents))
    with crew.pool_of(workers) as pool:
        begun = [
            pool.submit(play, idents[one::workers], seeds, part, defects) for one in range(workers)
        ]
        return [one.result() for one in begun]


def play(
    idents: Sequence[str], seeds: Sequence[int], part: str = PART, defects: Sequence[str] = ()
) -> list[Seen]:
    """Play scenarios with one seed after the other against one hospital."""
    found: list[Seen] = []
    with tempfile.TemporaryDirectory(prefix="medharness-seeds-") as name:
        options = SessionOptions(
            profile=PROFILE, seed=seeds[0], folder=Path(name), defects=tuple(defects)
        )
        session = RunSession(options)
        try:
            for seed in seeds:
                folder = Path(name) / str(seed)
                session.options = replace(session.options, seed=seed, folder=folder)
                for bound in progress.tracked(
                    part, crew.bound(idents), lambda one: one.scenario.id
                ):
                    conclusion = session.run(bound)
                    trace = read(folder / "traces" / f"{bound.scenario.id}.jsonl")
                    more = imaging_payloads.values(trace.records)
                    found.append(seen(bound.scenario.id, seed, conclusion, trace.records, more))
                shutil.rmtree(folder)  # twenty times every image would fill the disk
        finally:
            session.stop()
    return found
