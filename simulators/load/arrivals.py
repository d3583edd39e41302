"""When each user wants to do what: an open loop.

The times follow from the plan and the seed alone. A system that answers late does not make its
users come later, and each latency counts from the moment that was intended: what a closed loop
hides (a stall that keeps everybody from asking) shows here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """The intended starts of one group of users.

    Attributes:
        kind: of the users.
        users: how many share the rate.
        per_s: actions a second of all of them together.
        seconds: how long they come.
        seed: draws where in its slot each action lies.
    """

    kind: str
    users: int
    per_s: float
    seconds: float
    seed: int

    @property
    def total(self) -> int:
        """Actions of all users; at least one."""
        return max(1, math.floor(self.per_s * self.seconds))

    def part(self, part: int = 0, parts: int = 1) -> Iterator[tuple[int, float]]:
        """Number and intended start (s from the beginning) of every ``parts``-th action, in order.

        Who is free takes the next one: that somebody is late keeps nobody else from coming.
        """
        for number in range(part, self.total, parts):
            yield number, (number + self._drawn(number)) / self.per_s

    def _drawn(self, number: int) -> float:
        text = f"{self.seed}|{self.kind}|{number}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") / 2**32
