"""Draws a bridge as SVG: totals as bars, each step as an arrow with its sum and its rows.

Narrow on purpose: 380 units wide, so that it reads on a telephone as it stands and prints on A4.
The totals are thousands of times larger than the steps; their bars begin with a break mark and
share one scale with the steps beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

from harness.i18n import tr
from harness.ledger.report_bridge import Arrow
from harness.ledger.report_text import yuan

WIDTH: Final = 380
ROW_PX: Final = 44
"""A line of text, and the bar below it."""

LEFT: Final = 34
RIGHT: Final = 372
BAR_PX: Final = 12
ARROWS_MAX: Final = 40
"""Steps drawn; the table below the picture has all of them."""

NAME_COLUMNS: Final = 28
"""Half-width columns of a name beside its amount."""


def draw(arrows: Sequence[Arrow], residual_fen: int) -> Markup:
    """The picture of a bridge; the residual is its last line."""
    shown = list(arrows)
    if len(shown) > ARROWS_MAX:
        shown = [*shown[: ARROWS_MAX - 1], shown[-1]]
    levels = _levels(shown)
    low, high = min(min(pair) for pair in levels), max(max(pair) for pair in levels)
    span = max(1, high - low)

    def x(fen: int) -> float:
        return round(LEFT + 40 + (fen - low) * (RIGHT - LEFT - 40) / span, 1)

    height = ROW_PX * (len(shown) + 1) + 8
    title = tr("bridge from one total to the other, in yuan")
    parts = [
        (
            f'<svg class="bridge" viewBox="0 0 {WIDTH} {height}" role="img"'
            f' aria-label="{escape(title)}"><title>{escape(title)}</title>'
        )
    ]
    for place, (arrow, (before, after)) in enumerate(zip(shown, levels, strict=True)):
        parts.append(_row(arrow, ROW_PX * place, x(before), x(after)))
    parts.extend((_residual(residual_fen, ROW_PX * len(shown)), "</svg>"))
    return Markup("".join(parts))  # noqa: S704 - every text above is escaped


def _levels(arrows: Sequence[Arrow]) -> list[tuple[int, int]]:
    """Where each arrow begins and ends, in fen."""
    at = arrows[0].level or 0
    pairs = []
    for arrow in arrows:
        after = at + arrow.fen if arrow.level is None else arrow.level
        pairs.append((at if arrow.level is None else after, after))
        at = after
    return pairs


def _row(arrow: Arrow, top: int, before: float, after: float) -> str:
    amount = yuan(arrow.level) if arrow.level is not None else yuan(arrow.fen, sign=True)
    kind = "total" if arrow.level is not None else "up" if arrow.fen > 0 else "down"
    rows = tr("{count} rows", count=f"{arrow.rows:,}") if arrow.rows else ""
    y = top + 24
    head = (
        f'<text class="name" x="4" y="{top + 17}">{escape(_cut(arrow.name))}'
        f'<tspan class="rows" dx="6">{escape(rows)}</tspan></text>'
        f'<text class="amount" x="{RIGHT + 4}" y="{top + 17}">{amount}</text>'
    )
    if kind == "total":
        bar = (
            f'<path d="M4,{y} h18 l-4,{BAR_PX / 2:g} l8,0 l-4,{BAR_PX / 2:g} H4 Z"/>'
            f'<path d="M28,{y} H{after} v{BAR_PX} H24 l8,-{BAR_PX / 2:g} l-8,0 Z"/>'
        )
    else:
        bar = _arrow(before, after, y)
    return f'<g class="{kind}">{head}{bar}</g>'


def _arrow(before: float, after: float, y: int) -> str:
    """From one level to the next; always at least as long as its head."""
    way = 1 if after >= before else -1
    if abs(after - before) < 8:
        after = before + 8 * way
    neck, middle = round(after - 7 * way, 1), y + BAR_PX / 2
    return (
        f'<path d="M{before},{y + 2} H{neck} V{y - 1} L{after},{middle:g} L{neck},{y + BAR_PX + 1}'
        f' V{y + BAR_PX - 2} H{before} Z"/>'
    )


def _residual(fen: int, top: int) -> str:
    kind = "even" if fen == 0 else "odd"
    return (
        f'<g class="{kind}"><line x1="4" x2="{RIGHT + 4}" y1="{top + 2}" y2="{top + 2}"/>'
        f'<text class="name" x="4" y="{top + 22}">{escape(tr("not explained"))}</text>'
        f'<text class="amount" x="{RIGHT + 4}" y="{top + 22}">{yuan(fen)}</text></g>'
    )


def _cut(text: str) -> str:
    """At most ``NAME_COLUMNS`` half-width columns; a Chinese character takes two."""
    kept: list[str] = []
    room = NAME_COLUMNS
    for char in text:
        room -= 2 if ord(char) > 0x2E7F else 1
        if room < 0:
            return "".join(kept[:-1]) + "…"
        kept.append(char)
    return text
