"""A picture of a load run: for each kind how many actions a second, and how long they took."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from simulators.load.plan import Group, LoadPlan
from simulators.load.tally import Tally

WIDTH: Final = 900
PANEL: Final = 190
LEFT, RIGHT, TOP, BOTTOM = 70, 70, 30, 30

POINTS_MAX: Final = 300
"""Points of a line: seconds beyond are drawn together, the worst of them."""

COLOURS: Final = {"p50": "#2a78d6", "p99": "#c2410c", "done": "#d7dce2", "limit": "#b00020"}

Second = tuple[int, int, float, float]


def draw(plan: LoadPlan, tallies: Mapping[str, Tally]) -> str:
    """The picture as SVG."""
    height = PANEL * len(plan.groups)
    panels = "".join(
        f'<g transform="translate(0 {PANEL * number})">'
        f"{''.join(_panel(group, tallies[group.kind], plan.seconds))}</g>"
        for number, group in enumerate(plan.groups)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{panels}</svg>\n"
    )


def _panel(group: Group, tally: Tally, seconds: float) -> Iterator[str]:
    points = _thinned(tally.seconds())
    if not points:
        return
    inner = PANEL - TOP - BOTTOM
    most_s = max(*(point[3] for point in points), group.p99_s)
    least_s = min(point[2] for point in points if point[2]) / 2
    busiest = max(point[1] for point in points)
    last = max(seconds, points[-1][0] + 1)

    def x(second: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * second / last

    def y(value_s: float) -> float:
        share = math.log(max(value_s, least_s) / least_s) / math.log(most_s / least_s)
        return TOP + inner * (1 - share)

    title = f"{group.kind}: {group.users} users, {group.per_s:g}/s"
    yield _text(LEFT, 18, f"{title}; p50 and p99 of each second in s, bars: actions a second")
    wide = max(1.0, (WIDTH - LEFT - RIGHT) / last)
    for second, count, _, _ in points:
        tall = inner * count / busiest
        yield (
            f'<rect x="{x(second):.1f}" y="{TOP + inner - tall:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}" fill="{COLOURS["done"]}"/>'
        )
    for name, column in (("p50", 2), ("p99", 3)):
        yield _line(points, column, x, y, COLOURS[name])
    at = y(group.p99_s)
    yield (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
        f'stroke="{COLOURS["limit"]}" stroke-dasharray="4 3"/>'
    )
    yield _text(4, at + 4, f"{group.p99_s:g} s", COLOURS["limit"])
    yield _text(4, TOP + inner, f"{least_s:.3g} s")
    yield _text(WIDTH - RIGHT + 6, TOP + 10, f"{busiest}/s")
    yield _text(LEFT, PANEL - 8, "0 s")
    yield _text(WIDTH - RIGHT - 30, PANEL - 8, f"{last:g} s")


def _thinned(seconds: Sequence[Second]) -> list[Second]:
    """At most so many points; of seconds drawn together the busiest and the slowest."""
    step = max(1, math.ceil(len(seconds) / POINTS_MAX))
    found = []
    for at in range(0, len(seconds), step):
        part = seconds[at : at + step]
        worst = (max(one[column] for one in part) for column in (1, 2, 3))
        count, middle, high = worst
        found.append((part[0][0], int(count), float(middle), float(high)))
    return found


def _line(
    points: Sequence[Second],
    column: int,
    x: Callable[[float], float],
    y: Callable[[float], float],
    colour: str,
) -> str:
    path = " ".join(f"{x(one[0] + 0.5):.1f},{y(float(one[column])):.1f}" for one in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _text(x: float, y: float, text: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}">{escape(text)}</text>'
