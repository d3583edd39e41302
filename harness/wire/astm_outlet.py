"""What a side of LIS01-A2 puts on the line, on its way past the mutator."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.wire.core import Mutator, Unit, unchanged


@dataclass(slots=True)
class Outlet:
    """Where units go out.

    It belongs to no core: a machine that knew its core would leave a circle of objects behind with
    every connection, and who connects anew for each message would pay for their collection.

    Attributes:
        mutator: sees each unit: ``enq``, ``frame``, ``eot``, ``ack``, ``nak``.
        waiting: what has not been fetched.
    """

    mutator: Mutator = unchanged
    waiting: list[bytes] = field(default_factory=list)

    def put(self, unit: Unit) -> None:
        """Show a unit to the mutator, and queue what really goes out."""
        self.waiting.extend(self.mutator(unit))

    def taken(self) -> bytes:
        """All that waits; afterwards nothing does."""
        waiting = self.waiting
        if not waiting:
            return b""
        data = b"".join(waiting)
        waiting.clear()
        return data


class Mutated:
    """A core with an outlet, whose mutator is that of the core."""

    __slots__ = ()
    _outlet: Outlet

    @property
    def mutator(self) -> Mutator:
        """See ``Outlet``."""
        return self._outlet.mutator

    @mutator.setter
    def mutator(self, mutator: Mutator) -> None:
        self._outlet.mutator = mutator
