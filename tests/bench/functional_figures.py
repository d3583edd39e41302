"""The whole functional run: how long it takes on two cores, and what of that is our own work.

Every scenario that ships is run over TCP as ``medharness run`` does it. The processors' time of the
whole is what the operating system counts for the command and for everything below it. What the
systems under test take of it is read from ``/proc`` while they run; the rest is ours. Of a system
that is over, what the process that it came out of has counted is taken; what that one takes after
the last look is counted as ours, so our part comes out too large and never too small. It reads the
modules of the systems, once for all of them, and counts as theirs.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

CORES: Final = 2
JOBS: Final = 12
"""Workers: most of the time each of them waits. Fewer have less to begin with, and take longer."""

LOOK_S: Final = 0.2
"""Between two looks at the processes."""

SYSTEMS: Final = (
    b"simulators.hospital",
    b"simulators.modality.systems",
    b"harness.link.nursery",
)
"""Modules that the processes of the systems under test are started with, or come out of."""

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def is_system(words: Iterable[bytes]) -> bool:
    """Whether a command line starts a system under test."""
    given = list(words)
    modules = [after for word, after in itertools.pairwise(given) if word == b"-m"]
    return any(module.startswith(SYSTEMS) for module in modules)


def parent_and_ticks(stat: str) -> tuple[int, int]:
    """Parent and used ticks of a process by its ``stat`` line, whatever its name holds (proc(5)).

    What its children used is in it, once they are over and it has waited for them.
    """
    fields = stat.rpartition(")")[2].split()
    return int(fields[1]), sum(int(one) for one in fields[11:15])


def descendants(parents: dict[int, int], root: int) -> set[int]:
    """Every process below ``root``."""
    found, left = set(), [root]
    while left:
        one = left.pop()
        below = [pid for pid, parent in parents.items() if parent == one and pid not in found]
        found.update(below)
        left += below
    return found


class Looks:
    """Looks at all processes below one, and keeps the most that each system was seen to use.

    A system that came out of another one is counted with it.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self.systems: dict[int, int] = {}
        self._known: set[int] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No look any more."""
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """One look."""
        parents, ticks = {}, {}
        for folder in PROC.glob("[0-9]*"):
            try:
                stat = (folder / "stat").read_text("utf-8", "replace")
            except OSError:  # it ended meanwhile
                continue
            parents[int(folder.name)], ticks[int(folder.name)] = parent_and_ticks(stat)
        for pid in descendants(parents, self.root) - self._known:
            if self._is_system(pid):
                self._known.add(pid)
        for pid in self._known & parents.keys():
            if parents[pid] not in self._known:
                together = sum(ticks[one] for one in {pid, *descendants(parents, pid)})
                self.systems[pid] = max(self.systems.get(pid, 0), together)

    def _is_system(self, pid: int) -> bool:
        try:
            return is_system((PROC / str(pid) / "cmdline").read_bytes().split(b"\0"))
        except OSError:
            return False

    @property
    def seconds(self) -> float:
        """Of all systems together."""
        return sum(self.systems.values()) / TICKS


def shares(wall: float, total: float, systems: float, cores: int) -> dict[str, float]:
    """What became of the time that the cores had, in per cent: ours, the systems', waiting."""
    had = wall * cores
    ours = 100 * (total - systems) / had
    theirs = 100 * systems / had
    return {
        "own_percent": round(ours, 1),
        "systems_percent": round(theirs, 1),
        "waiting_percent": round(100 - ours - theirs, 1),
    }


def of_run(run: dict[str, Any]) -> dict[str, float]:
    """What a run came to, by its ``run.json``."""
    counts = run["counts"]
    played = sum(counts.values())
    return {
        "scenarios": played,
        "not_passed": played - counts.get("pass", 0),
        "scenario_s": round(sum(one["seconds"] for one in run["scenarios"]), 1),
    }


def only(cores: int) -> int:
    """Keep this process, and what it starts, to so many cores; returns how many there are then."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    os.sched_setaffinity(0, chosen)
    return len(chosen)


def measure(jobs: int = JOBS, *words: str) -> dict[str, Any]:
    """One whole run; ``words`` are handed to ``medharness run``.

    Raises:
        SystemExit: there was no run.
    """
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run"
        argv = [sys.executable, "-m", "harness", "run", "--jobs", str(jobs), "--out", str(out)]
        before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        cores = only(CORES)
        try:
            begun = time.monotonic()
            with (Path(place) / "said.txt").open("wb") as said:
                process = subprocess.Popen(
                    [*argv, *words], stdout=said, stderr=subprocess.STDOUT, cwd=place
                )
                looks = Looks(process.pid)
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.monotonic() - begun
        finally:
            if before is not None:
                os.sched_setaffinity(0, before)
        looks.stop()
        if not (out / "run.json").is_file():
            raise SystemExit((Path(place) / "said.txt").read_text("utf-8", "replace"))
        found = of_run(json.loads((out / "run.json").read_text("utf-8")))
    total = used.ru_utime + used.ru_stime
    return {
        "cores": cores,
        "jobs": jobs,
        "wall_s": round(wall, 1),
        **found,
        **shares(wall, total, looks.seconds, cores),
        "own_cpu_s": round(total - looks.seconds, 1),
        "systems_cpu_s": round(looks.seconds, 1),
        "own_of_scenario_percent": round(100 * (total - looks.seconds) / found["scenario_s"], 1),
    }


def middle(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of several runs the one whose share of our work is the median, and how far they lie apart.

    The figures of one run belong together. Of an even number the one with the larger share stands
    for all; what did not pass in any of them is counted.
    """
    ordered = sorted(runs, key=lambda run: float(run["own_percent"]))
    return {
        **ordered[len(ordered) // 2],
        "wall_s": max(run["wall_s"] for run in runs),
        "not_passed": max(run["not_passed"] for run in runs),
        "own_percent_least": ordered[0]["own_percent"],
        "own_percent_most": ordered[-1]["own_percent"],
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), *sys.argv[2:]), indent=2))
