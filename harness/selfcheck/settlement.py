"""``medharness selfcheck settlement``: every message of a settlement, every fault, every power cut.

The exploration itself belongs to the simulators and is found by its entry point; this runs it,
writes ``settlement.json``, and prints a table a person can read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from harness.selfcheck.command import commit

GROUP: Final = "medharness.simulators"
ENTRY: Final = "explore-settlement"

SHOWN_MAX: Final = 50
"""Unexplained points that are printed; the file has all of them."""


def ways() -> dict[str, str]:
    """How a point ends, in the order of the table, and how that is called."""
    return {
        "at once": tr("at once"),
        "day end": tr("day end"),
        "person": tr("by a person"),
        "unlisted": tr("unlisted"),
        "unexplained": tr("unexplained"),
        "not met": tr("not met"),
    }


Explore = Callable[..., dict[str, Any]]


def explorer() -> Explore:
    """The exploration that is installed.

    Raises:
        InputError: none is.
    """
    for entry in entry_points(group=GROUP):
        if entry.name == ENTRY:
            found: Explore = entry.load()
            return found
    raise InputError(
        tr("no exploration of settlement is installed"), remedy=tr("install medharness again")
    )


def failures(found: Mapping[str, Any]) -> list[str]:
    """What keeps the exploration from being good; nothing where every row is explained."""
    failed = [
        tr("{point}: {why}", point=one["point"], why="; ".join(one["why"]))
        for one in found["unexplained"]
    ]
    left = found["visits_left"]
    if left:
        failed.append(
            tr(
                "{count} points leave a visit at the centre that no bill knows; the first: {point}",
                count=len(left),
                point=left[0]["point"],
            )
        )
    met = found["points"] - found["ways"]["not met"]
    if not met:
        failed.append(tr("no point was met: nothing was explored"))
    hollow = [
        action
        for action, counts in found["by_fault"].items()
        if sum(counts.values()) == counts["not met"]
    ]
    failed += [tr("the fault {action} hit nothing", action=action) for action in hollow]
    return failed


def settlement(*, quick: bool, seed: int, defects: Sequence[str], out: str, as_json: bool) -> int:
    """Explore, print the table, write the file; 0 if every row is explained, 1 if not."""
    explore = explorer()
    found = explore(
        seed=seed, quick=quick, defects=defects, say=lambda text: print(text, flush=True)
    )
    failed = failures(found)
    folder = Path(out) if out else Path("runs") / "selfcheck"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settlement.json"
    document = {
        "format": 1,
        "harness_version": __version__,
        "commit": commit(),
        "finished": RealClock().wall().isoformat(timespec="seconds"),
        "whole": not quick,
        "defects": list(defects),
        "failures": failed,
        **found,
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    for line in table(found):
        print(line)
    for text in failed[:SHOWN_MAX]:
        print(f"✘ {text}")
    print(
        tr(
            "Settlement: {points} points in {seconds:g} s, {unexplained} unexplained,"
            " {unlisted} repaired without being listed",
            points=found["points"],
            seconds=found["seconds"],
            unexplained=found["ways"]["unexplained"],
            unlisted=found["ways"]["unlisted"],
        )
    )
    print(tr("Result: {path}", path=path))
    code = 1 if failed else 0
    if as_json:
        brief = {"points": found["points"], "seconds": found["seconds"], "ways": found["ways"]}
        print(json.dumps({**brief, "failures": failed, "out": str(path), "exit_code": code}))
    return code


def table(found: Mapping[str, Any]) -> list[str]:
    """Faults downwards, ways to end across; then what the day ends listed, and what is left out."""
    names = ways()
    rows = [
        (action, *(str(counts[way]) for way in names))
        for action, counts in sorted(found["by_fault"].items(), key=lambda one: _number(one[0]))
    ]
    rows.append((tr("all"), *(str(found["ways"][way]) for way in names)))
    lines = ["\t".join(row) for row in ((tr("fault"), *names.values()), *rows)]
    lines += [
        tr(
            "{count} points: {kind}, because {cause}; repair: {repair}",
            count=row["points"],
            kind=row["class"],
            cause=row["cause"],
            repair=row["repair"],
        )
        for row in found["rows"]
    ]
    lines += [
        tr("not explored: {action}, {reason}", action=action, reason=reason)
        for action, reason in found["not_explored"].items()
    ]
    return lines


def _number(action: str) -> int:
    return int(action[1:]) if action[1:].isdigit() else -1
