"""Which defects are switched on, and, for whoever measures, which of them anybody asks for.

A system asks for a defect where it would behave otherwise with it. So a run in which nobody
asked for one plays to the letter as it does with it, and need not be played again for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Final, cast

EVERYTHING: Final = "*"
"""Somebody looked at all of them at once: then each may matter."""

_watching: list[set[str]] = []
"""What is asked for is noted here; only whoever measures puts something in."""


class Noted(AbstractSet[str]):
    """The defects that are switched on; each question is noted.

    Args:
        idents: switched on.
        asked: gets each that was asked for.
    """

    def __init__(self, idents: Iterable[str], asked: set[str]) -> None:
        self._on = frozenset(idents)
        self._asked = asked

    @classmethod
    def _from_iterable(cls, it: Iterable[object]) -> set[str]:  # type: ignore[override] # a copy
        return {str(one) for one in it}

    def __contains__(self, ident: object) -> bool:
        """Whether it is switched on."""
        self._asked.add(str(ident))
        return ident in self._on

    def __iter__(self) -> Iterator[str]:
        """All that are switched on, also of a copy."""
        self._asked.add(EVERYTHING)
        return iter(self._on)

    def __len__(self) -> int:
        """How many are switched on."""
        self._asked.add(EVERYTHING)
        return len(self._on)

    def __and__(self, other: Iterable[object]) -> frozenset[str]:
        """Those of others that are switched on."""
        return frozenset(str(one) for one in other if one in self)


def switched_on(idents: Iterable[str]) -> set[str]:
    """The defects of one system, for its code to ask for."""
    if not _watching:
        return set(idents)
    return cast("set[str]", Noted(idents, _watching[-1]))


@contextmanager
def watched() -> Iterator[set[str]]:
    """Note which defects the systems ask for that are made meanwhile, in this process."""
    asked: set[str] = set()
    _watching.append(asked)
    try:
        yield asked
    finally:
        _watching.pop()
