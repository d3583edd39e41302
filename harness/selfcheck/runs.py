"""Running scenarios for the self-check: over memory and virtual time, without pytest around."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import resources
from harness.evidence.conclude import Conclusion
from harness.evidence.trace import Record, read
from harness.scenario.binding import BoundScenario, load
from harness.scenario.gherkin import feature_files
from harness.scenario.runner import Prepare
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One scenario that was run."""

    bound: BoundScenario
    conclusion: Conclusion
    records: Sequence[Record]


def shipped() -> list[BoundScenario]:
    """Every scenario that ships, bound."""
    files, _ = feature_files([resources.scenarios_folder()])
    return load(files, load_libraries())


def play(
    scenarios: Sequence[BoundScenario],
    *,
    seed: int,
    defects: Sequence[str] = (),
    prepare: Prepare | None = None,
) -> list[Played]:
    """Run scenarios over memory; each has a hospital of its own, and ``prepare`` may tamper."""
    with tempfile.TemporaryDirectory(prefix="medharness-selfcheck-") as name:
        options = SessionOptions(
            profile="memory", seed=seed, folder=Path(name), defects=tuple(defects)
        )
        session = RunSession(options, prepare=prepare)
        played = []
        for bound in scenarios:
            conclusion = session.run(bound)
            trace = read(Path(name) / "traces" / f"{bound.scenario.id}.jsonl")
            played.append(Played(bound=bound, conclusion=conclusion, records=trace.records))
        return played
