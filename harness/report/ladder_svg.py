"""Draws a ladder as SVG: slices that fit on a page, so that print never cuts an arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from harness.i18n import tr
from harness.report.ladder import LABEL_COLUMNS, Ladder, Row
from harness.report.text import columns, cut
from harness.report.words import role_name

SLICE_PX: Final = 760
"""Height of one slice: on A4, scaled to the width of the page, it stays under 200 mm."""

TIME_PX: Final = 96
"""Room for the civil time on the left."""

LANE_PX: Final = 236
"""Between two lifelines: a message type and a barcode stand on an arrow without being cut."""

EDGE_PX: Final = 84
"""Right and left of the outer lifelines: half a role's name or note."""

HEAD_PX: Final = 42
CLOCK_COLUMNS: Final = 12
"""``HH:MM:SS.mmm``."""

COLUMN_PX: Final = 7.0
"""A half-width character at 12 px in the fonts of the page, taken wide."""

HEIGHTS: Final = {
    "message": 42,
    "fault": 42,
    "probe": 38,
    "violation": 38,
    "note": 28,
    "link": 22,
    "step": 30,
    "gap": 26,
    "more": 26,
}

BOLT_PX: Final = 16
"""More room above an arrow with a lightning, so that its label stands clear of it."""

_BOLT: Final = "M3,-13 L-6,2 L-1,2 L-4,13 L6,-3 L1,-3 Z"
"""A lightning mark around its own middle, 26 px high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Canvas:
    """Where things stand on one ladder."""

    roles: tuple[str, ...]
    link: Callable[[int], str]

    @property
    def width(self) -> int:
        lanes = max(0, len(self.roles) - 1)
        return TIME_PX + 2 * EDGE_PX + lanes * LANE_PX

    def x(self, role: str) -> int:
        at = self.roles.index(role) if role in self.roles else 0
        return TIME_PX + EDGE_PX + at * LANE_PX


def svg(ladder: Ladder, link: Callable[[int], str]) -> list[Markup]:
    """The slices of a ladder, top to bottom; each repeats the heads of the lifelines.

    Args:
        ladder: what is drawn.
        link: id of the element with the details of a record, or empty where there is none.
    """
    canvas = _Canvas(roles=ladder.roles, link=link)
    return [_slice(canvas, rows) for rows in _slices(ladder.rows)]


def _height(row: Row) -> int:
    return HEIGHTS[row.kind] + (BOLT_PX if row.kind == "fault" or row.bolts else 0)


def _slices(rows: Sequence[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    height = HEAD_PX
    for row in rows:
        if part and height + _height(row) > SLICE_PX:
            yield part
            part, height = [], HEAD_PX
        part.append(row)
        height += _height(row)
    if part:
        yield part


def _slice(canvas: _Canvas, rows: Sequence[Row]) -> Markup:
    height = HEAD_PX + sum(_height(row) for row in rows) + 10
    label = escape(tr("message sequence"))
    size = f'viewBox="0 0 {canvas.width} {height}" width="{canvas.width}" height="{height}"'
    parts = [f'<svg class="ladder" {size} role="img" aria-label="{label}">']
    parts += [_lifeline(canvas, role, height) for role in canvas.roles]
    y = HEAD_PX
    for row in rows:
        parts.append(_row(canvas, row, y))
        y += _height(row)
    parts.append("</svg>")
    return Markup("\n").join(Markup(part) for part in parts)  # noqa: S704  # all escaped below


def _lifeline(canvas: _Canvas, role: str, height: int) -> str:
    x = canvas.x(role)
    shown = cut(role_name(role), 20)
    name = escape(shown)
    wide = max(64, int(columns(shown) * COLUMN_PX * 1.15) + 24)
    return (
        f'<line class="life" x1="{x}" y1="34" x2="{x}" y2="{height}"/>'
        f'<rect class="role" x="{x - wide / 2:g}" y="6" width="{wide}" height="28" rx="5"/>'
        f'<text class="role" x="{x}" y="25">{name}</text>'
    )


def _row(canvas: _Canvas, row: Row, top: int) -> str:
    draw = {
        "message": _arrow,
        "fault": _arrow,
        "probe": _note,
        "violation": _note,
        "note": _note,
        "link": _small,
        "step": _band,
        "gap": _fold,
        "more": _fold,
    }[row.kind]
    body = draw(canvas, row, top)
    if row.clock and row.kind != "step":
        middle = top + _height(row) / 2 + 4
        clock = escape(cut(row.clock, CLOCK_COLUMNS))
        body = f'<text class="time" x="{TIME_PX - 8}" y="{middle:g}">{clock}</text>{body}'
    target = canvas.link(row.n) or next(
        (found for number in row.faults if (found := canvas.link(number))), ""
    )
    if not target:
        return f"<g>{body}</g>"
    box = (
        f'<rect class="hit" x="{TIME_PX}" y="{top}" width="{canvas.width - TIME_PX}"'
        f' height="{_height(row)}"/>'
    )
    return (
        f'<a href="#{escape(target)}" data-detail="{escape(target)}"'
        f' aria-label="{escape(cut(row.label, LABEL_COLUMNS))}">{box}{body}</a>'
    )


def _arrow(canvas: _Canvas, row: Row, top: int) -> str:
    if row.frm not in canvas.roles or row.to not in canvas.roles or row.frm == row.to:
        return _band(canvas, row, top)
    start, end = canvas.x(row.frm), canvas.x(row.to)
    y, way = top + _height(row) - 14, 1 if end > start else -1
    room = int((abs(end - start) - 24) / COLUMN_PX)
    classes = " ".join(
        ["arrow", *(["light"] if row.light else []), *(["broken"] if row.broken else [])]
    )
    middle = (start + end) / 2
    parts = [f'<g class="{classes}">']
    if row.broken:
        stop = start + (end - start) * 0.72
        parts.append(f'<line x1="{start}" y1="{y}" x2="{stop:g}" y2="{y}"/>')
        parts.append(_cross(stop, y))
    else:
        parts.append(f'<line x1="{start}" y1="{y}" x2="{end - 9 * way}" y2="{y}"/>')
        parts.append(
            f'<polygon points="{end},{y} {end - 10 * way},{y - 5} {end - 10 * way},{y + 5}"/>'
        )
    bolts = row.bolts or ((row.label,) if row.kind == "fault" else ())
    above = 17 if bolts else 7
    if row.kind == "message":
        label = escape(cut(row.label, room))
        parts.append(f'<text class="label" x="{middle:g}" y="{y - above}">{label}</text>')
    parts.append("</g>")
    if bolts:
        own = row.kind == "fault"
        left = min(start, end) + abs(end - start) * 0.2  # so that its name has room to the right
        parts.append(_bolt(middle if own else left, y, ", ".join(bolts), room, above=own))
    return "".join(parts)


def _cross(x: float, y: int) -> str:
    return (
        f'<path class="cross" d="M{x - 6:g},{y - 6} L{x + 6:g},{y + 6}'
        f' M{x - 6:g},{y + 6} L{x + 6:g},{y - 6}"/>'
    )


def _bolt(x: float, y: int, label: str, room: int, *, above: bool) -> str:
    """The lightning on the arrow, and which fault it is."""
    if above:
        text = f'<text class="bolt" x="{x:g}" y="{y - 15}">{escape(cut(label, room))}</text>'
    else:
        text = (
            f'<text class="bolt side" x="{x + 12:g}" y="{y + 12}">'
            f"{escape(cut(label, max(6, room * 2 // 3)))}</text>"
        )
    return f'<path class="bolt" transform="translate({x:g},{y})" d="{_BOLT}"/>{text}'


def _note(canvas: _Canvas, row: Row, top: int) -> str:
    """A box on the lifeline of a role, or across all of them where it belongs to none."""
    role = row.to if row.kind == "violation" and row.to in canvas.roles else row.frm
    if role not in canvas.roles:
        return _band(canvas, row, top)
    label = cut(row.label, int((LANE_PX - 24) / COLUMN_PX))
    wide = max(80, columns(label) * COLUMN_PX + 22)
    x = min(max(canvas.x(role), TIME_PX + wide / 2), canvas.width - wide / 2 - 1)
    height = HEIGHTS[row.kind] - 10
    middle = top + 5 + height / 2 + 4
    return (
        f'<g class="{row.kind}"><rect x="{x - wide / 2:g}" y="{top + 5}" width="{wide:g}"'
        f' height="{height}" rx="3"/><text x="{x:g}" y="{middle:g}">{escape(label)}</text></g>'
    )


def _small(canvas: _Canvas, row: Row, top: int) -> str:
    """A link event: small, between its two roles."""
    known = [canvas.x(role) for role in (row.frm, row.to) if role in canvas.roles]
    middle = sum(known) / len(known) if known else canvas.width / 2
    room = int((LANE_PX if len(canvas.roles) > 1 else canvas.width) / COLUMN_PX * 1.1)
    return (
        f'<text class="small" x="{middle:g}" y="{top + 14}">{escape(cut(row.label, room))}</text>'
    )


def _band(canvas: _Canvas, row: Row, top: int) -> str:
    """Text across all lifelines: a sentence, or an event that belongs to no lifeline."""
    height = HEIGHTS[row.kind] - 8
    room = int((canvas.width - TIME_PX - 24) / COLUMN_PX)
    mark = "⚡ " if row.kind == "fault" else ""
    kind = "fault" if row.kind == "fault" else "step"
    left = 0 if row.kind == "step" else TIME_PX
    return (
        f'<g class="band {kind}"><rect x="{left}" y="{top + 4}" width="{canvas.width - left}"'
        f' height="{height}"/><text x="{left + 10}" y="{top + 4 + height / 2 + 4:g}">'
        f"{mark}{escape(cut(row.label, room))}</text></g>"
    )


def _fold(canvas: _Canvas, row: Row, top: int) -> str:
    """Folded silence or rows: a dotted line across, with what it stands for."""
    y = top + HEIGHTS[row.kind] / 2
    x = TIME_PX + (canvas.width - TIME_PX) / 2
    return (
        f'<g class="fold"><line x1="{TIME_PX}" y1="{y:g}" x2="{canvas.width}" y2="{y:g}"/>'
        f'<text x="{x:g}" y="{y + 4:g}">{escape(cut(row.label, LABEL_COLUMNS))}</text></g>'
    )
