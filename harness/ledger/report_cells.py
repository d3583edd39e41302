"""The cells of 3201 for people: which day of which category differs, and which hides differences.

A cell whose two sums are equal although rows of it differ is worse than one that does not balance:
3201 says that it is right. Table, picture and terminal say so by name, from ``totals.json`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from harness.i18n import tr
from harness.ledger import money
from harness.ledger.class_words import word

Cell = Mapping[str, Any]

WIDTH: Final = 380
SQUARE_PX: Final = 11
DAYS_A_LINE: Final = 31
"""Days beside each other; further ones stand below."""

CATEGORIES_MAX: Final = 30
"""Categories drawn, those that differ before all others; the table has every cell that differs."""

TERMINAL_MAX: Final = 5
_LEFT: Final = 4
_LINE_PX: Final = 14
_TEXT_PX: Final = 18


def table(totals: Mapping[str, Any]) -> tuple[str, Sequence[str], list[Sequence[Any]]]:
    """Name, heads and a row for each cell that differs or hides a difference."""
    name = tr("cells of 3201 that differ, by day")
    heads = (
        "insutype", "clr_type", "setl_optins", tr("day"), tr("HIS amount"), tr("centre amount"),
        tr("HIS minus centre"), tr("rows that differ"), tr("cancels out"), tr("steps"),
    )  # fmt: skip
    rows: list[Sequence[Any]] = [
        (
            one["insutype"], one["clr_type"], one["setl_optins"], one["day"],
            _fen(one["his"]), _fen(one["centre"]), _fen(one["delta"]), str(one["differences"]),
            tr("yes") if one["offsetting"] else "", "; ".join(_steps(one)),
        )
        for one in totals.get("cells", [])
        if _state(one) != "even"
    ]  # fmt: skip
    if rows and (left := totals.get("cells_left_out", 0)):
        rows.append((tr("and {count} more cells", count=left), *[""] * (len(heads) - 1)))
    return name, heads, rows


def _steps(one: Cell) -> Iterator[str]:
    for step in one.get("steps", []):
        if step["his"] != step["centre"] or word(step["class"]).difference:
            yield f"{word(step['class']).name} {step['his']} → {step['centre']}"


def for_terminal(totals: Mapping[str, Any]) -> list[str]:
    """A line for each cell that balances only because differences cancel out."""
    hidden = [one for one in totals.get("cells", []) if one["offsetting"]]
    lines = [
        tr(
            "3201 would balance in {cell} although {count} rows differ: they cancel out",
            cell=" ".join((*_category(one), one["day"])),
            count=one["differences"],
        )
        for one in hidden[:TERMINAL_MAX]
    ]
    if len(hidden) > TERMINAL_MAX:
        lines.append(tr("and {count} more cells", count=len(hidden) - TERMINAL_MAX))
    return lines


def picture(totals: Mapping[str, Any]) -> Markup:
    """Days and categories as squares; nothing where there is no cell."""
    by_category: dict[tuple[str, ...], dict[str, Cell]] = {}
    for one in totals.get("cells", []):
        by_category.setdefault(_category(one), {})[one["day"]] = one
    if not by_category:
        return Markup()
    ranked = sorted(by_category, key=lambda one: (_calm(by_category[one]), one))
    shown, left = sorted(ranked[:CATEGORIES_MAX]), len(ranked) - CATEGORIES_MAX
    days = sorted({day for one in by_category.values() for day in one})
    top, parts = 4, []
    for category in shown:
        parts.append(_text(" · ".join(category) or "–", top))
        top += _TEXT_PX
        for begin in range(0, len(days), DAYS_A_LINE):
            few = days[begin : begin + DAYS_A_LINE]
            parts += [
                _square(by_category[category][day], day, place, top)
                for place, day in enumerate(few)
                if day in by_category[category]
            ]
            top += _LINE_PX
    ends = " – ".join(dict.fromkeys((days[0], days[-1])))
    parts.append(_text(ends + (f" · {_more(left)}" if left > 0 else ""), top + 4))
    title = tr("the cells of 3201 by day: red differs, yellow hides differences that cancel out")
    head = Markup(
        '<svg class="cells" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>'
    ).format(WIDTH, top + _TEXT_PX + 8, title, title)
    return Markup().join((head, *parts, Markup("</svg>")))


def _more(count: int) -> str:
    return tr("and {count} more categories without a difference here", count=count)


def _calm(days: Mapping[str, Cell]) -> bool:
    return all(_state(one) == "even" for one in days.values())


def _category(one: Cell) -> tuple[str, ...]:
    return tuple(one[name] for name in ("insutype", "clr_type", "setl_optins") if one[name])


def _state(one: Cell) -> str:
    if one["offsetting"]:
        return "hides"
    even = one["delta"] == one["fund_delta"] == one["acct_delta"] == "0.00"
    return "even" if even and not one["differences"] else "differs"


def _text(text: str, top: int) -> Markup:
    return Markup('<text x="{}" y="{}">{}</text>').format(_LEFT, top + 13, text)


def _square(one: Cell, day: str, place: int, top: int) -> Markup:
    told = tr(
        "{day}: HIS minus centre {delta}, {count} rows differ",
        day=day or "–",
        delta=one["delta"],
        count=one["differences"],
    )
    return Markup(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
    ).format(_state(one), _LEFT + place * (SQUARE_PX + 1), top, SQUARE_PX, SQUARE_PX, told)


def _fen(text: str) -> int:
    return money.fen(str(text)) or 0
