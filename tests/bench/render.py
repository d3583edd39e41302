"""Renders ``docs/performance.md`` from ``docs/figures.json``; nobody writes a figure by hand.

The file has ``groups``: of each its figures, and the commit, command, date and machine of the run
that took them. A group, or a figure, that was not taken is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from targets import GROUPS, Group, Shown, Target

DOCS: Final = Path(__file__).parents[2] / "docs"
FIGURES: Final = DOCS / "figures.json"
PAGE: Final = DOCS / "performance.md"
PICTURE: Final = DOCS / "performance.svg"

KEPT: Final = "kept"
NOT_KEPT: Final = "**not kept**"
NOT_TAKEN: Final = "**not taken**"
TOO_SMALL: Final = "not judged: too few"

ROWS: Final = (
    ("ours", "ours"),
    ("receiver", "our receiver, bare sender"),
    ("echo", "bare asyncio echo"),
    ("returning", "the same, memory given back"),
    ("hl7", "PyPI `hl7`"),
)


def page(figures: Mapping[str, Any]) -> str:
    """The page as it must stand."""
    lines = [
        "# Performance",
        "",
        "Written by `make bench` from `figures.json`; do not edit.",
        "",
        "![How far each figure is from its target](performance.svg)",
        "",
        "`make bench-check` takes the ratios again and fails where one became more than 15 % worse.",
        "",
    ]
    for name, group in GROUPS.items():
        lines += _group(name, group, figures["groups"].get(name))
    return "\n".join(lines)


def _group(name: str, group: Group, taken: Mapping[str, Any] | None) -> list[str]:
    lines = [f"## {group.title}", ""]
    if taken is None:
        again = f"`python tests/bench/run.py --only {name}`"
        lines += [f"Not taken yet: {again}.", ""]
    else:
        lines += [*_origin(taken), ""]
    found = {} if taken is None else taken["figures"]
    lines += ["| figure | measured | target | |", "|---|---:|---:|---|"]
    lines += [verdict(target, found) for target in group.targets]
    shown = [row for one in group.shown if (row := _shown(one, found))]
    if shown:
        lines += ["", "| beside it | measured |", "|---|---:|", *shown]
    if "ours_1" in found:
        lines += ["", *_round_trips(found)]
    return [*lines, "", group.how]


def _origin(taken: Mapping[str, Any]) -> list[str]:
    """Where the figures of a group come from."""
    machine = taken["machine"]
    return [
        f"Taken on {taken['date']} at commit `{taken['commit']}` with `{taken['command']}`:",
        f"{taken['rounds']} rounds, {taken['seconds']:g} s each.",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']},",
        f"Python {machine['python']}; load average before the first round {machine['load']:.1f}.",
    ]


def value(name: str, figures: Mapping[str, Any]) -> float | None:
    """A figure by its dotted name; None where it was not taken."""
    found: Any = figures
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return float(found)


def verdict(target: Target, figures: Mapping[str, Any]) -> str:
    """The row of a figure that has a line to keep."""
    measured = value(target.name, figures)
    sign = "≥" if target.least else "≤"
    if measured is None:
        return f"| {target.text} | | {sign} {target.limit:,g} | {NOT_TAKEN} |"
    kept = measured >= target.limit if target.least else measured <= target.limit
    words = KEPT if kept else NOT_KEPT
    if target.size is not None and (value(target.size[0], figures) or 0.0) < target.size[1]:
        words = f"{TOO_SMALL}, {target.size[1]:,.0f} wanted"
    shown = f"{measured:,.{target.digits}f}"
    return f"| {target.text} | {shown} | {sign} {target.limit:,g} | {words} |"


def _shown(one: Shown, figures: Mapping[str, Any]) -> str:
    measured = value(one.name, figures)
    return "" if measured is None else f"| {one.text} | {measured:,.{one.digits}f} |"


def _round_trips(figures: Mapping[str, Any]) -> list[str]:
    return [
        "| | 1 connection, /s | p50 ms | p99 ms | 50 connections, /s | p50 ms | p99 ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(kind, text, figures) for kind, text in ROWS if f"{kind}_1" in figures),
    ]


def _row(kind: str, text: str, figures: Mapping[str, Any]) -> str:
    cells = [text]
    for connections in (1, 50):
        one = figures[f"{kind}_{connections}"]
        cells += [f"{one['rate']:,.0f}", f"{one['p50_ms']:.2f}", f"{one['p99_ms']:.2f}"]
    return f"| {' | '.join(cells)} |"
