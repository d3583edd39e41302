"""Defects of the built-in LIS in how it serves several connections, and several messages on one.

Without a defect every method gives back what it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.link import actor as act
from harness.wire.mllp import SB, TRAILER, MllpCore

CAP: Final = 10
"""Connections that the LIS with a limit serves: the default of the most copied engine."""

IDLE_S: Final = 5.0
"""After so long without a byte the LIS with a stale reader loses what comes next."""

BYTES_PER_S: Final = 100_000
"""How fast the LIS works that takes its time by size."""


@dataclass(slots=True)
class Lines:
    """What the connections from the HIS have in common.

    Args:
        defects: switched-on defects of the LIS.
    """

    defects: set[str]
    open: list[str] = field(default_factory=list)
    half: set[int] = field(default_factory=set)
    _held: dict[str, list[act.Command]] = field(default_factory=dict)
    _applied: int = 0

    def core(self, core: MllpCore) -> MllpCore:
        """The core of a new connection."""
        if "lis-one-reader-for-all" in self.defects:
            return _OneReader(half=self.half)
        if "lis-stale-after-idle" in self.defects:
            return _Stale()
        return core

    def opened(self, conn: str) -> list[act.Command]:
        """A connection came about."""
        self.open.append(conn)
        if "lis-ten-connections" in self.defects and len(self.open) > CAP:
            return [act.Close(conn=conn)]
        return []

    def closed(self, conn: str) -> None:
        """A connection is gone."""
        if conn in self.open:
            self.open.remove(conn)

    def fired(self, name: str) -> list[act.Command]:
        """What was put off until this timer."""
        return self._held.pop(name, [])

    def answered(self, commands: Sequence[act.Command], size: int, now: float) -> list[act.Command]:
        """What is done about one message of ``size`` bytes."""
        done = list(commands)
        if "lis-answers-at-close" in self.defects:
            return [one for one in done if not isinstance(one, act.Send)]
        if "lis-answers-newest-line" in self.defects and self.open:
            newest = self.open[-1]
            done = [
                act.Send(conn=newest, event=one.event) if isinstance(one, act.Send) else one
                for one in done
            ]
        delay_s = self._delay_s(size)
        if not delay_s:
            return done
        commits: list[Any] = [one for one in done if isinstance(one, act.Commit)]
        name = f"apply {self._applied}"
        self._held[name] = commits
        others = [one for one in done if not isinstance(one, act.Commit)]
        return [*others, act.SetTimer(name=name, at=now + delay_s)]

    def _delay_s(self, size: int) -> float:
        self._applied += 1
        if "lis-applies-last-first" in self.defects:
            return 1.0 / self._applied
        return size / BYTES_PER_S if "lis-small-overtakes-large" in self.defects else 0.0


@dataclass(slots=True)
class _OneReader(MllpCore):
    """While one connection is in the middle of a frame, no other one is read."""

    half: set[int] = field(default_factory=set)

    def receive(self, data: bytes, now: float) -> None:
        """What comes while somebody else is not done is lost."""
        if self.half - {id(self)}:
            return
        MllpCore.receive(self, data, now)
        if data[:1] == bytes([SB]) and TRAILER not in data:
            self.half.add(id(self))
        elif TRAILER in data:
            self.half.discard(id(self))


@dataclass(slots=True)
class _Stale(MllpCore):
    """The first read after a pause is lost."""

    _last: float = -1.0

    def receive(self, data: bytes, now: float) -> None:
        """Whether it was long enough ago."""
        if self._last < 0 or now - self._last < IDLE_S:
            MllpCore.receive(self, data, now)
        self._last = now
