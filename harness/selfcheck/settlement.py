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
from harness.digits import whole_number
from harness.errors import InputError
from harness.i18n import tr
from harness.selfcheck.progress import Progress, shown
from harness.selfcheck.revision import commit

GROUP: Final = "medharness.simulators"
ENTRY: Final = "explore-settlement"

PART: Final = "settlement"
"""Under which it is told how far this is."""

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
        "never fired": tr("never fired"),
        "no power cut": tr("no power cut"),
    }


NOT_EXPLORED: Final = ("never fired", "no power cut")
"""Ways of points in which nothing was explored; they are counted apart."""


def evidence() -> dict[str, str]:
    """What must have happened at all for the exploration to mean anything, and how it is called."""
    return {
        "fired": tr("the fault fired, as the centre noted it"),
        "cut": tr("the HIS lost its power"),
        "named": tr("rows were on one side only, and the day end named each with cause and repair"),
        "converged": tr("rows were on one side only, and after the repair the books agreed"),
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
    failed += [
        tr(
            "{point}: repaired, and on no list: {why}",
            point=one["point"],
            why="; ".join(one["why"]),
        )
        for one in found["unlisted"]
    ]
    if found["points"] == sum(found["ways"][way] for way in NOT_EXPLORED):
        failed.append(tr("no point was met: nothing was explored"))
    if found["whole"]:
        failed += [
            tr("the fault {action} hit nothing", action=action)
            for action, counts in found["by_fault"].items()
            if sum(counts.values()) == sum(counts[way] for way in NOT_EXPLORED)
        ]
        failed += [
            tr("it never happened that {what}", what=what)
            for name, what in evidence().items()
            if not found["shown"][name]
        ]
    return failed


def settlement(
    *, quick: bool, seed: int, defects: Sequence[str], out: str, as_json: bool, jobs: int = 1
) -> int:
    """Explore, print the table, write the file; 0 if every row is explained, 1 if not."""
    explore = explorer()
    with shown() as progress:
        found = explore(seed=seed, quick=quick, defects=defects, jobs=jobs, tell=telling(progress))
    found = {**found, "whole": not quick}
    failed = failures(found)
    folder = Path(out) if out else Path("runs") / "selfcheck"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settlement.json"
    document = {
        "format": 1,
        "harness_version": __version__,
        "commit": commit(),
        "finished": RealClock().wall().isoformat(timespec="seconds"),
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
            "Settlement: {points} points in {seconds:g} s with {jobs} workers,"
            " {unexplained} unexplained, {unlisted} repaired without being listed",
            points=found["points"],
            seconds=found["seconds"],
            jobs=found["jobs"],
            unexplained=found["ways"]["unexplained"],
            unlisted=found["ways"]["unlisted"],
        )
    )
    print(tr("Result: {path}", path=path))
    code = 1 if failed else 0
    if as_json:
        brief = {name: found[name] for name in ("points", "seconds", "jobs", "ways", "shown")}
        print(json.dumps({**brief, "failures": failed, "out": str(path), "exit_code": code}))
    return code


def telling(progress: Progress) -> Callable[[int, int, str], None]:
    """Passes on how far the exploration is."""
    known = [0, 0]

    def tell(done: int, points: int, what: str) -> None:
        progress.expect(PART, tr("points of settlement"), points - known[1])
        progress.tell(PART, done - known[0], what)
        known[:] = [done, points]

    return tell


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
        tr("{count} points: {what}", count=found["shown"][name], what=what)
        for name, what in evidence().items()
    ]
    if found["never_fired"]:
        lines.append(
            tr(
                "{count} points are not explored, because the fault found nothing to do there;"
                " the first: {point}",
                count=len(found["never_fired"]),
                point=found["never_fired"][0],
            )
        )
    return lines


def _number(action: str) -> int:
    number = whole_number(action[1:])
    return -1 if number is None else number
