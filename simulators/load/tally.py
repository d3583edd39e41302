"""What came of the actions of one kind of users: counts, latencies, and a line for each second."""

from __future__ import annotations

import bisect
import math
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

STEP: Final = 1.02
"""Each class of latencies ends 2 % above the one before: percentiles are that exact."""

LEAST_S: Final = 0.000_01

REASONS_MAX: Final = 50
"""Different reasons that are kept; the rest is counted under ``others``."""

OTHERS: Final = "others"

QUANTILES: Final = (0.5, 0.9, 0.95, 0.99, 1.0)


def _class_of(seconds: float) -> int:
    return max(0, math.ceil(math.log(max(seconds, LEAST_S) / LEAST_S) / math.log(STEP)))


def _end_of(number: int) -> float:
    return LEAST_S * float(STEP**number)


@dataclass(slots=True)
class Tally:
    """Thread-safe.

    Attributes:
        done: actions that the other side confirmed.
        failed: why others were not, and how many.
    """

    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    _classes: Counter[int] = field(default_factory=Counter)
    _by_second: dict[int, Counter[int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, intended_s: float, ended_s: float, reason: str = "") -> None:
        """One action: when it was to begin, when it was over, and why it failed, if it did."""
        with self._lock:
            if reason:
                known = reason in self.failed or len(self.failed) < REASONS_MAX
                self.failed[reason if known else OTHERS] += 1
                return
            self.done += 1
            number = _class_of(ended_s - intended_s)
            self._classes[number] += 1
            self._by_second.setdefault(int(intended_s), Counter())[number] += 1

    @property
    def failures(self) -> int:
        """Actions that were not confirmed."""
        return sum(self.failed.values())

    def quantile(self, share: float) -> float:
        """Seconds within which this share was done; 0 where nothing was."""
        return _quantile(self._classes, share)

    def seconds(self) -> list[tuple[int, int, float, float]]:
        """For each second: how many began in it, and their median and 99th percentile."""
        return [
            (second, classes.total(), _quantile(classes, 0.5), _quantile(classes, 0.99))
            for second, classes in sorted(self._by_second.items())
        ]

    def data(self) -> dict[str, Any]:
        """For another process."""
        return {
            "done": self.done,
            "failed": dict(self.failed),
            "by_second": {
                str(second): {str(number): count for number, count in classes.items()}
                for second, classes in self._by_second.items()
            },
        }

    def merge(self, data: dict[str, Any]) -> None:
        """Add what another process counted."""
        with self._lock:
            self.done += int(data["done"])
            self.failed.update(data["failed"])
            for second, classes in data["by_second"].items():
                told = Counter({int(number): int(count) for number, count in classes.items()})
                self._classes.update(told)
                self._by_second.setdefault(int(second), Counter()).update(told)


def _quantile(classes: Counter[int], share: float) -> float:
    numbers = sorted(classes)
    if not numbers:
        return 0.0
    sums, total = [], 0
    for number in numbers:
        total += classes[number]
        sums.append(total)
    return _end_of(numbers[bisect.bisect_left(sums, share * total - 1e-9)])
