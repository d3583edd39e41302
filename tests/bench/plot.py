"""The picture of the figures: how far each one is from the line that it must keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from render import value
from targets import GROUPS, Target

WIDTH: Final = 960
ROW: Final = 22
LABEL: Final = 480
"""Width of the texts; the bars have what is left of it."""

SPAN: Final = 100.0
"""The bars end at a hundred times the line, and begin at a hundredth."""

KEPT: Final = "#2f6f4f"
MISSED: Final = "#b3261e"


def margin(target: Target, measured: float) -> float | None:
    """How many times better than its line a figure is; None where there is no such number."""
    if target.limit <= 0 or measured <= 0:
        return None
    return measured / target.limit if target.least else target.limit / measured


def _x(times: float) -> float:
    """Where a margin stands, on a logarithmic scale."""
    inside = min(max(times, 1 / SPAN), SPAN)
    part = (math.log10(inside) + math.log10(SPAN)) / (2 * math.log10(SPAN))
    return LABEL + part * (WIDTH - LABEL - 60)


def _bar(top: int, target: Target, measured: float, times: float) -> list[str]:
    left, right = sorted((_x(1), _x(times)))
    colour = KEPT if times >= 1 else MISSED
    shown = f"{measured:,.{target.digits}f}"
    wide = max(right - left, 1)
    return [
        f'<text x="{LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(target.text)}</text>',
        f'<rect x="{left:.1f}" y="{top + 4}" width="{wide:.1f}" height="14" fill="{colour}"/>',
        f'<text x="{right + 4:.1f}" y="{top + 15}">{shown}</text>',
    ]


def picture(figures: Mapping[str, Any]) -> str:
    """An SVG with one bar for each figure that was taken: to the right of the line it is kept."""
    rows: list[str] = []
    top = 30
    for name, group in GROUPS.items():
        taken = figures["groups"].get(name, {}).get("figures", {})
        bars = [
            (target, measured, times)
            for target in group.targets
            if (measured := value(target.name, taken)) is not None
            and (times := margin(target, measured)) is not None
        ]
        if not bars:
            continue
        rows.append(f'<text x="8" y="{top + 15}" font-weight="bold">{escape(group.title)}</text>')
        for target, measured, times in bars:
            top += ROW
            rows += _bar(top, target, measured, times)
        top += ROW + 8
    line = f'<path d="M{_x(1):.1f} 22V{top}" stroke="#444" stroke-dasharray="3 3"/>'
    marks = [
        f'<text x="{_x(times):.1f}" y="16" text-anchor="middle">{text}</text>'
        for times, text in ((0.1, "10 times worse"), (1, "target"), (10, "10 times better"))
    ]
    size = f'viewBox="0 0 {WIDTH} {top + 10}" width="{WIDTH}"'
    font = 'font-family="sans-serif" font-size="12"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
            f'<rect width="{WIDTH}" height="{top + 10}" fill="#fff"/>',
            *marks,
            *rows,
            line,
            "</svg>",
            "",
        ]
    )
