"""Probes: read-only looks at the system under test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a probe saw.

    Attributes:
        outcome: ``ok`` (also with no row), ``failed`` (refused), ``unknown`` (no answer).
        rows: what was there, as text; None for NULL.
        error: why it could not look.
        by: who looked, where a person did.
    """

    outcome: Outcome
    rows: Sequence[Mapping[str, str | None]] = field(default_factory=tuple)
    error: str = ""
    by: str = ""


def reach_of(probe: Probe) -> str:
    """How far a probe sees; one that does not say so shows what is stored."""
    return str(getattr(probe, "reach", "") or "stored")


def by_hand(probe: Probe) -> bool:
    """Whether a person looks: waiting for one says nothing about how fast a system is."""
    return bool(getattr(probe, "by_hand", False))


class Probe(Protocol):
    """A way to look. There is no method that changes anything."""

    @property
    def name(self) -> str:
        """Name in the profile."""
        ...

    @property
    def role(self) -> str:
        """Whose data it shows."""
        ...

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Look once."""
        ...

    def close(self) -> None:
        """Let go of what it looks through."""
        ...
