"""How often a scenario comes to something else than the time before: the flake rate.

Scenarios that pass are played again over TCP in random order: by one worker, by four, and by four
while other processes take all the processors. Each run that does not pass is a flake.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from harness import follow
from harness.evidence.conclude import Conclusion
from harness.evidence.verdict import Verdict
from harness.faults.plan import keyed
from harness.scenario.session import RunSession, SessionOptions
from harness.selfcheck import crew, progress

RATE_MAX: Final = 0.001
"""Flakes of all runs that are borne."""

BURNERS: Final = os.cpu_count() or 1
"""Processes that do nothing but take the processors: one each."""

PROFILE: Final = "builtin"
"""TCP and real time: over memory and virtual time nothing can come at another moment."""

FOLDER: Final = "flakes"
"""Below that of the self-check: the trace of every flake, for a flake is a defect to be found."""

SLOW: Final = "@slow"
"""Scenarios that wait for minutes are left out."""

_BLOB: Final = re.compile(r'"blob":"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How scenarios are repeated.

    Attributes:
        workers: processes, each with a hospital of its own.
        loaded: whether other processes take the processors meanwhile.
        repeats: how often everything is played.
    """

    workers: int
    loaded: bool
    repeats: int = 1

    @property
    def name(self) -> str:
        """As a folder is called."""
        return f"{self.workers}-loaded" if self.loaded else str(self.workers)


WHOLE: Final[tuple[Manner, ...]] = (
    Manner(workers=1, loaded=False),
    Manner(workers=4, loaded=False),
    Manner(workers=4, loaded=True),
)
QUICK: Final[tuple[Manner, ...]] = (Manner(workers=2, loaded=True),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One scenario, once."""

    scenario: str
    verdict: str
    reasons: tuple[str, ...] = ()
    trace: str = ""


@dataclass(slots=True, kw_only=True)
class Flakes:
    """What repeating showed.

    Attributes:
        runs: how many judged anything; what does not apply is not counted.
        flaky: those that did not pass, each with the manner in which it was played.
    """

    runs: int = 0
    flaky: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Flakes of all runs."""
        return len(self.flaky) / self.runs if self.runs else 0.0

    def add(self, manner: Manner, repeat: int, runs: Sequence[Run]) -> None:
        """Count one round."""
        judged = [one for one in runs if one.verdict != Verdict.NOT_APPLICABLE.value]
        self.runs += len(judged)
        self.flaky += [
            asdict(one) | {"workers": manner.workers, "loaded": manner.loaded, "repeat": repeat}
            for one in judged
            if one.verdict != Verdict.PASS.value
        ]

    def data(self) -> dict[str, Any]:
        """For ``selfcheck.json``."""
        return {"runs": self.runs, "rate": self.rate, "flaky": self.flaky}


def measure(
    idents: Sequence[str],
    manners: Sequence[Manner],
    *,
    seed: int,
    folder: Path,
    profile: str = PROFILE,
) -> Flakes:
    """Repeat scenarios in every manner; ``folder`` keeps the traces of those that did not pass."""
    found = Flakes()
    for manner in manners:
        for repeat in range(manner.repeats):
            order = shuffled(idents, seed, manner, repeat)
            kept = folder / FOLDER / manner.name / str(repeat)
            with _burning(BURNERS if manner.loaded else 0):
                found.add(manner, repeat, _played(order, manner.workers, seed, profile, kept))
    return found


def shuffled(idents: Sequence[str], seed: int, manner: Manner, repeat: int) -> list[str]:
    """Another order each time, and the same for the same seed."""
    key = (seed, manner.workers, int(manner.loaded), repeat)
    return sorted(idents, key=lambda ident: keyed(*key, ident))


def _played(order: Sequence[str], workers: int, seed: int, profile: str, kept: Path) -> list[Run]:
    with crew.pool_of(workers) as pool:
        begun = [
            pool.submit(play, order[worker::workers], seed, profile, kept)
            for worker in range(workers)
        ]
        return [run for one in begun for run in one.result()]


def play(idents: Sequence[str], seed: int, profile: str, kept: Path) -> list[Run]:
    """Play scenarios one after the other against one hospital, in the order given."""
    with tempfile.TemporaryDirectory(prefix="medharness-flake-") as name:
        session = RunSession(SessionOptions(profile=profile, seed=seed, folder=Path(name)))
        each = progress.tracked("flakes", crew.bound(idents), lambda one: one.scenario.id)
        try:
            return [_told(session.run(one), one.scenario.id, Path(name), kept) for one in each]
        finally:
            session.stop()


def _told(conclusion: Conclusion, ident: str, folder: Path, kept: Path) -> Run:
    """What became of a scenario; of one that did not pass the trace is kept, too."""
    reasons = [
        *conclusion.reasons,
        *(f"{one.place}: {one.message} ({one.expected} / {one.actual})"
          for one in conclusion.findings),
    ]  # fmt: skip
    run = Run(scenario=ident, verdict=conclusion.verdict.value, reasons=tuple(reasons))
    path = folder / "traces" / f"{ident}.jsonl"
    if conclusion.verdict in {Verdict.PASS, Verdict.NOT_APPLICABLE} or not path.is_file():
        return run
    return replace(run, trace=_copied(path, kept).as_posix())


def _copied(path: Path, kept: Path) -> Path:
    (kept / "blobs").mkdir(parents=True, exist_ok=True)
    for digest in _BLOB.findall(path.read_text(encoding="utf-8")):
        shutil.copyfile(path.parent / "blobs" / digest, kept / "blobs" / digest)
    return Path(shutil.copyfile(path, kept / path.name))


@contextmanager
def _burning(count: int) -> Iterator[None]:
    """Processes that take the processors as long as this lasts."""
    context = get_context("spawn")
    burners = [context.Process(target=_burn, daemon=True) for _ in range(count)]
    for one in burners:
        one.start()
    try:
        yield
    finally:
        for one in burners:
            one.terminate()
            one.join()


def _burn() -> None:
    follow.parent()
    number = 1
    while True:
        number = number * 3 % 1_000_003
