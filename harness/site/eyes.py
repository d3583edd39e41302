"""What a desk sees with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from harness.clock import Clock
from harness.probes.probe import Probe


class Eyes(Protocol):
    """The bench of a scenario, as its desk sees it."""

    @property
    def clock(self) -> Clock:
        """Of the bench."""
        ...

    @property
    def probes(self) -> Mapping[str, Probe]:
        """By name."""
        ...

    @property
    def watched(self) -> Mapping[str, Sequence[str]]:
        """Interfaces of each link on which a relay or listener of ours stands, by link."""
        ...

    def wait(self, satisfied: Callable[[], bool], deadline: float) -> bool:
        """Let things happen."""
        ...
