"""Takes figures, writes ``docs/figures.json`` and renders ``docs/performance.md`` from it.

``python tests/bench/run.py [--only GROUP]... [--rounds N] [--seconds S]``: without ``--only`` every
group is taken. What is taken replaces that group in the file, the others stay as they are; each
group is written as soon as it is there. With ``--check`` nothing is written: each group that the
file has is taken again, and a ratio that became more than 15 % worse ends the command with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import check
import plot
import render
from targets import GROUPS

ROUNDS: Final = 5
SECONDS: Final = 2.0
"""Of each kind in each round, after a warm-up of half a second."""


Measure = Callable[[int, float], dict[str, Any]]


def _engine(rounds: int, seconds: float) -> dict[str, Any]:
    return {
        "codec": import_module("codec_figures").measure(rounds),
        "binding": import_module("binding_figures").measure(rounds),
        **import_module("round_trips").measure(rounds, seconds),
    }


def _feeds(rounds: int, seconds: float) -> dict[str, Any]:
    return dict(import_module("feeds_figures").measure(rounds, seconds))


def _lab(rounds: int, seconds: float) -> dict[str, Any]:
    return dict(import_module("lab_figures").measure(rounds, seconds))


def _serial(rounds: int, seconds: float) -> dict[str, Any]:
    """Its length is part of what it shows, and once is enough: thousands of frames are timed."""
    return dict(import_module("serial_figures").measure())


def _settlement(rounds: int, seconds: float) -> dict[str, Any]:
    return dict(import_module("settlement_figures").measure(rounds, seconds))


def _ledger(rounds: int, seconds: float) -> dict[str, Any]:
    """One round, always: its sizes make minutes of it."""
    return dict(import_module("ledger_figures").measure())


def _upgrade(rounds: int, seconds: float) -> dict[str, Any]:
    """Always at its whole size: two runs of 500 scenarios with 50,000 messages."""
    return dict(import_module("upgrade_figures").measure(rounds, 1.0))


def _imaging(rounds: int, seconds: float) -> dict[str, Any]:
    """Its size is 500 slices a sender and round."""
    return dict(import_module("imaging_figures").measure(rounds))


def _relay(rounds: int, seconds: float) -> dict[str, Any]:
    """A thousand round trips and 64 MiB a round."""
    return dict(import_module("relay_figures").measure(rounds))


def _cases(rounds: int, seconds: float) -> dict[str, Any]:
    """Every seeded defect once, over 100,000 messages."""
    return dict(import_module("cases_figures").figures())


def _functional(rounds: int, seconds: float) -> dict[str, Any]:
    """Every scenario that ships, in each round: there is no less of it."""
    figures = import_module("functional_figures")
    return dict(figures.middle([figures.measure() for _ in range(rounds)]))


def _load(rounds: int, seconds: float) -> dict[str, Any]:
    """Ten minutes, and what has to be prepared before: its length is part of what it shows."""
    return dict(import_module("load_figures").measure())


def _soak(rounds: int, seconds: float) -> dict[str, Any]:
    """Always at its whole size: answers are lost once in thousands."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "soak"))
    stores = import_module("stores")
    return dict(stores.figures(stores.measure()))


MEASURES: Final[dict[str, Measure]] = {
    "engine": _engine,
    "feeds": _feeds,
    "lab": _lab,
    "serial": _serial,
    "settlement": _settlement,
    "ledger": _ledger,
    "imaging": _imaging,
    "upgrade": _upgrade,
    "relay": _relay,
    "cases": _cases,
    "functional": _functional,
    "load": _load,
    "soak": _soak,
}
"""Each imports what it measures by itself: one group does not need what another one needs."""


def _commit() -> str:
    """The commit that was measured; ``+`` where the tree differs from it."""
    root = str(render.DOCS.parent)
    head = subprocess.run(
        ["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        ["git", "-C", root, "status", "--porcelain", "--", "harness", "simulators", "tests/bench"],
        capture_output=True,
        text=True,
        check=False,
    )
    return (head.stdout.strip()[:12] or "unknown") + ("+" if changed.stdout.strip() else "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _machine() -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(load, 2),
    }


def origin(command: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Where the figures that are about to be taken come from."""
    return {
        "commit": _commit(),
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "rounds": rounds,
        "seconds": seconds,
    }


def take(name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """One group, and where its figures come from."""
    before = origin(f"python tests/bench/run.py --only {name}", rounds, seconds)
    return before | {"figures": MEASURES[name](rounds, seconds)}


def merge(name: str, taken: dict[str, Any]) -> None:
    """Put a group in its place in the file, and render the page."""
    known = {}
    if render.FIGURES.exists():
        known = json.loads(render.FIGURES.read_text("utf-8")).get("groups", {})
    known[name] = taken
    figures = {"groups": {one: known[one] for one in GROUPS if one in known}}
    text = json.dumps(figures, ensure_ascii=False, indent=2) + "\n"
    render.FIGURES.write_text(text, "utf-8", newline="\n")
    render.PAGE.write_text(render.page(figures), "utf-8", newline="\n")
    render.PICTURE.write_text(plot.picture(figures), "utf-8", newline="\n")


def compare(names: list[str], rounds: int, seconds: float) -> int:
    """Take groups again beside what is stored; 1 where a ratio became worse, or none was there."""
    known = json.loads(render.FIGURES.read_text("utf-8"))["groups"]
    lost, beside = [], 0
    for name in names:
        group = known.get(name, {})
        stored = group.get("figures", {})
        compared = check.compared(GROUPS[name], stored)
        if compared:  # a group without a ratio is not taken for nothing
            beside += compared
            worse = check.worse(GROUPS[name], stored, MEASURES[name](rounds, seconds))
            there = check.elsewhere(group.get("machine", {}), _machine()) if worse else ""
            lost += [f"{one}{there}" for one in worse]
    print(f"{beside} ratios compared, {len(lost)} worse", *lost, sep="\n")
    return 1 if lost or not beside else 0


def main() -> int:
    """Measure, write, render; or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=list(GROUPS), metavar="GROUP")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--check", action="store_true", help="compare with what is stored")
    options = parser.parse_args()
    names = list(options.only or GROUPS)
    if options.check:
        return compare(names, options.rounds, options.seconds)
    for name in names:
        merge(name, take(name, options.rounds, options.seconds))
    print(render.PAGE.read_text("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
