"""Whether one set of durations is shifted against another: a stated test, and how large it is.

The test is Mann and Whitney's U (two-sided, normal approximation with correction for ties and for
continuity; exact by enumeration for small samples without ties). It asks nothing of the shape of
the durations, which are skewed and have outliers on every noisy machine. The size is Cliff's delta:
how much more often a duration after exceeds one before than the other way round, from -1 to 1. A
shift is named only where the samples suffice, the test is significant *and* the size is at least
``DELTA_MIN``: with many samples every difference is significant, with few every delta is large.

Sources: H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18 (1947) 50-60; the
correction for ties: S. Siegel, Nonparametric Statistics (1956), p. 125; N. Cliff, Psychological
Bulletin 114 (1993) 494-509; 0.33 is the lower limit of a medium delta (J. Romano and others, 2006).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

SAMPLES_MIN: Final = 20
"""Of each side; with fewer nothing is said."""

P_MAX: Final = 0.001
"""Significance; strict, because a comparison asks for every interface and type."""

DELTA_MIN: Final = 0.33
"""Size of the effect, either way: medium."""

EXACT_MAX: Final = 20
"""Of each side: up to here the exact distribution is counted where no two values are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What the test says.

    Attributes:
        u: pairs in which the value after is the larger one; a tie is half a pair.
        p: two-sided probability of such a U without any shift.
        delta: Cliff's delta; positive where the values after are larger.
        sizes: samples before and after.
    """

    u: float
    p: float
    delta: float
    sizes: tuple[int, int]

    @property
    def enough(self) -> bool:
        """Whether both samples suffice for a statement."""
        return min(self.sizes) >= SAMPLES_MIN

    @property
    def named(self) -> bool:
        """Whether it is to be called a shift."""
        return self.enough and self.p <= P_MAX and abs(self.delta) >= DELTA_MIN


def test(before: Sequence[float], after: Sequence[float]) -> Shift:
    """Test two samples against each other.

    Raises:
        ValueError: a sample is empty.
    """
    m, n = len(before), len(after)
    if not (m and n):
        raise ValueError("a sample is empty")
    ranks, ties = _ranks([*before, *after])
    u = sum(ranks[m:]) - n * (n + 1) / 2
    if not ties and max(m, n) <= EXACT_MAX:
        p = _exact(min(u, m * n - u), m, n)
    else:
        p = _approximate(u, m, n, ties)
    return Shift(u=u, p=p, delta=2 * u / (m * n) - 1, sizes=(m, n))


def _ranks(values: Sequence[float]) -> tuple[list[float], list[int]]:
    """Ranks from 1, equal values sharing their mean; and how many shared each shared rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    ties: list[int] = []
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for at in order[begin:end]:
            ranks[at] = (begin + 1 + end) / 2
        if end - begin > 1:
            ties.append(end - begin)
        begin = end
    return ranks, ties


def _approximate(u: float, m: int, n: int, ties: Sequence[int]) -> float:
    total = m + n
    spread = (total + 1) - sum(t**3 - t for t in ties) / (total * (total - 1))
    variance = m * n / 12 * spread
    if variance <= 0:
        return 1.0  # every value is the same
    z = max(0.0, abs(u - m * n / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def _exact(u: float, m: int, n: int) -> float:
    """Twice the share of arrangements with U or less."""
    below = sum(_arrangements(k, m, n) for k in range(int(u) + 1))
    return min(1.0, 2 * below / math.comb(m + n, m))


@lru_cache(maxsize=200_000)
def _arrangements(u: int, m: int, n: int) -> int:
    """Orders of m and n values with this U (Mann and Whitney 1947, the recurrence of §2)."""
    if u < 0 or u > m * n:
        return 0
    if not (m and n):
        return int(u == 0)
    return _arrangements(u - n, m - 1, n) + _arrangements(u, m, n - 1)
