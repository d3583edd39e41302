"""What a figure of the page is, and what it must keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure with the line that it must keep.

    Attributes:
        name: where it stands among the figures of its group, parts joined by a dot.
        text: what it is.
        digits: after the decimal point.
        limit: the line.
        least: the figure must be at least that; otherwise at most.
        size: name and least value of the figure without which it says nothing: the number of rows.
    """

    name: str
    text: str
    digits: int
    limit: float
    least: bool = False
    size: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure without a line."""

    name: str
    text: str
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Figures that are taken together.

    Attributes:
        title: of its part of the page.
        targets: what must be kept.
        shown: what stands beside that.
        how: how it was measured.
    """

    title: str
    targets: tuple[Target, ...]
    shown: tuple[Shown, ...] = ()
    how: str
