"""Which value of one run stands for which of the other, where both are new each time.

The relation is one to one: the control id that ``MSA-2`` names is still the one that was sent. It
is built pair by pair, in the order of the messages, and never hides a field that is missing or that
holds another kind of value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.upgrade.placeholders import kind_of

RELATED_CHARS_MIN: Final = 6
"""Shorter values at learned places are equal or not by chance."""

_LOOSE: Final = ("time", "decimal")
"""Two times or measured values of a run are equal or not by chance: only their kind is compared."""


@dataclass(slots=True)
class Names:
    """The pairs of a scenario.

    >>> names = Names()
    >>> names.differ("M1", "M7", strict=True)
    >>> names.differ("M1", "M8", strict=True)
    ('<serial 1>', '<serial 2>')
    >>> names.differ("20260105", "20260203", strict=True)
    """

    _forth: dict[str, str] = field(default_factory=dict)
    _back: dict[str, str] = field(default_factory=dict)
    _old: dict[str, str] = field(default_factory=dict)
    _new: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def differ(self, old: str, new: str, *, strict: bool) -> tuple[str, str] | None:
        """None where ``new`` may stand for ``old``; otherwise their placeholders.

        Args:
            old: a value that is not empty.
            new: a value that is not empty.
            strict: the place is an id by its standard, so that short ones count, too.
        """
        kind, other = kind_of(old), kind_of(new)
        if kind != other and {kind, other} & {"time", "text"}:
            return self._shown(old, kind, self._old), self._shown(new, other, self._new)
        if kind == "text":
            return None if old == new else (old, new)  # nothing that anybody counts or stamps
        if kind in _LOOSE or not (strict or min(len(old), len(new)) >= RELATED_CHARS_MIN):
            return None
        if self._forth.get(old, new) == new and self._back.get(new, old) == old:
            if old not in self._forth:
                self._forth[old], self._back[new] = new, old
                self._old[old] = self._new[new] = self._next(kind)
            return None
        return self._shown(old, kind, self._old), self._shown(new, other, self._new)

    def holds(self, old: str, new: str) -> bool:
        """Whether this pair is known from a place where values are new each time."""
        return self._forth.get(old) == new

    def _shown(self, value: str, kind: str, known: dict[str, str]) -> str:
        if kind == "time":
            return "<time>"
        if kind == "text":
            return value
        if value not in known:
            known[value] = self._next(kind)
        return known[value]

    def _next(self, kind: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"<{kind} {self._counts[kind]}>"
