"""What an exploration found, as plain data: how points ended, and that it was not empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from simulators.exploration.play import NEVER_FIRED, NO_CUT, UNEXPLAINED, UNLISTED, WAYS, Ended
from simulators.exploration.points import CUTS, FAULTS


def document(
    ended: Sequence[Ended],
    flows: Mapping[str, Sequence[str]],
    *,
    seed: int,
    jobs: int,
    seconds: float,
) -> dict[str, Any]:
    """All of it.

    Args:
        ended: every point that was played.
        flows: messages of each story.
        seed: of the exploration.
        jobs: worker processes.
        seconds: that it took.
    """
    rows = Counter(row for one in ended for row in one.rows)
    return {
        "seed": seed,
        "points": len(ended),
        "seconds": round(seconds, 1),
        "jobs": jobs,
        "ways": _ways(ended),
        "shown": shown(ended),
        "flows": {name: list(sent) for name, sent in flows.items()},
        "faults": len(FAULTS),
        "power_cuts": list(CUTS),
        "by_fault": _grouped(ended, lambda one: one.point.fault.action if one.point.fault else "-"),
        "by_message": _grouped(ended, lambda one: one.point.infno),
        "by_story": _grouped(ended, lambda one: one.point.story.name),
        "rows": [
            {"class": kind, "cause": cause, "repair": repair, "points": count}
            for (kind, cause, repair), count in sorted(rows.items())
        ],
        "unexplained": _listed(ended, UNEXPLAINED),
        "unlisted": _listed(ended, UNLISTED),
        "visits_left": [
            {"point": one.point.name, "visits": list(one.visits)} for one in ended if one.visits
        ],
        "never_fired": [one.point.name for one in ended if one.way == NEVER_FIRED],
        "no_power_cut": [one.point.name for one in ended if one.way == NO_CUT],
    }


def shown(ended: Iterable[Ended]) -> dict[str, int]:
    """What really happened, over all points; an exploration in which one of these is 0 is empty."""
    counts = Counter[str]()
    for one in ended:
        counts["fired"] += one.fired
        counts["cut"] += bool(one.point.cut) and one.way not in {NEVER_FIRED, NO_CUT}
        counts["loose"] += bool(one.loose)
        counts["named"] += one.named
        counts["converged"] += one.converged
    return {name: counts[name] for name in ("fired", "cut", "loose", "named", "converged")}


def _listed(ended: Sequence[Ended], way: str) -> list[dict[str, Any]]:
    return [{"point": one.point.name, "why": list(one.why)} for one in ended if one.way == way]


def _ways(ended: Iterable[Ended]) -> dict[str, int]:
    counts = Counter(one.way for one in ended)
    return {way: counts[way] for way in WAYS}


def _grouped(ended: Sequence[Ended], key: Callable[[Ended], str]) -> dict[str, dict[str, int]]:
    names = sorted({key(one) for one in ended})
    return {name: _ways(one for one in ended if key(one) == name) for name in names}
