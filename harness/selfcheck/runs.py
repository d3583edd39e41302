"""Running scenarios for the self-check: over memory and virtual time, without pytest around."""

from __future__ import annotations

import hashlib
import sqlite3
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
from harness.scenario.world import World
from harness.selfcheck.progress import tracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One scenario that was run."""

    bound: BoundScenario
    conclusion: Conclusion
    records: Sequence[Record]
    stores: Stores

    @property
    def stores_hash(self) -> str:
        """By which two states of the stores are compared: a hash is easily handed on."""
        return hashlib.sha256(repr(sorted(self.stores.items())).encode()).hexdigest()


Stores = dict[str, dict[str, list[tuple[object, ...]]]]
"""Every row of every table of every system, by role and table, without what is volatile."""

BOOKKEEPING = frozenset({"received", "outbox", "sqlite_sequence"})
"""Tables that no user of a system ever sees."""

VOLATILE_COLUMNS = frozenset({"payload", "control_id", "digest", "tries"})


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
    verdict_only: bool = False,
    part: str = "",
) -> list[Played]:
    """Run scenarios over memory; each has a hospital of its own, and ``prepare`` may tamper.

    With ``verdict_only`` neither records nor stores are read: nobody wants to see them. ``part`` is
    the part of a self-check that is told how far this is.
    """
    with tempfile.TemporaryDirectory(prefix="medharness-selfcheck-") as name:
        options = SessionOptions(
            profile="memory", seed=seed, folder=Path(name), defects=tuple(defects)
        )
        stores: list[Stores] = []

        def begin(world: World) -> None:
            if not verdict_only:
                world.at_end.append(lambda: stores.append(_dump(world)))
            if prepare is not None:
                prepare(world)

        session = RunSession(options, prepare=begin)
        played = []
        for bound in tracked(part, scenarios, lambda one: one.scenario.id):
            stores.clear()
            conclusion = session.run(bound)
            place = Path(name) / "traces" / f"{bound.scenario.id}.jsonl"
            played.append(
                Played(
                    bound=bound,
                    conclusion=conclusion,
                    records=() if verdict_only else read(place).records,
                    stores=stores[0] if stores else {},
                )
            )
        return played


def _dump(world: World) -> Stores:
    """The stores as the scenario leaves them; where they stand on the disk is no part of that."""
    found: Stores = {}
    folder = str(world.bench.systems.settings.folder)
    for probe in world.bench.probes.values():
        url = getattr(probe, "url", "")
        if url.endswith(".sqlite") and probe.role not in found:
            found[probe.role] = _tables(url, folder)
    return found


def _tables(path: str, folder: str) -> dict[str, list[tuple[object, ...]]]:
    db = sqlite3.connect(path)
    try:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        tables: dict[str, list[tuple[object, ...]]] = {}
        for table in sorted(set(names) - BOOKKEEPING):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(column for column in columns if column not in VOLATILE_COLUMNS)
            rows = db.execute(f"SELECT {kept} FROM {table}").fetchall()
            tables[table] = [tuple(_elsewhere(value, folder) for value in row) for row in rows]
        return tables
    finally:
        db.close()


def _elsewhere(value: object, folder: str) -> object:
    """A value without the folder of this run: a setting may name a file in it."""
    return value.replace(folder, "") if isinstance(value, str) else value
