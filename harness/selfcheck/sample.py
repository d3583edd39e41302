"""Whether what a slice shows is below a target, or may be chance."""

from __future__ import annotations

from math import comb
from typing import Final

CHANCE_MAX: Final = 0.01
"""A slice fails where a whole that just holds its target would show so little this seldom."""


def below(caught: int, of: int, least: float, *, sliced: bool) -> bool:
    """Whether fewer were caught than the target asks for.

    Args:
        caught, of: what was measured.
        least: the target, as a share.
        sliced: only a sample was measured: then the binomial tail decides, because of a dozen
            mutants one or two more that survive say nothing of thousands.
    """
    if caught >= least * of:
        return False
    if not sliced:
        return True
    missed = 1 - least
    tail = sum(
        comb(of, number) * missed**number * least ** (of - number)
        for number in range(of - caught, of + 1)
    )
    return tail < CHANCE_MAX
