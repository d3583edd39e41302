"""What a host needs: of the driver that moves its bytes, and of the store of its actor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Storage(Protocol):
    """What a host needs of the store of an actor."""

    def commit(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Carry the statements out in one durable transaction."""
        ...


class Io(Protocol):
    """What a driver does for a host."""

    def open(self, link: str, conn: str) -> None:
        """Begin to open; the outcome comes back through ``opened`` or ``refused``."""
        ...

    def write(self, conn: str, data: bytes) -> None:
        """Put bytes on the wire."""
        ...

    def flush(self) -> None:
        """Return once everything written so far is with the operating system."""
        ...

    def close(self, conn: str, *, reset: bool) -> None:
        """End a connection."""
        ...

    def timer(self, key: tuple[str, str], at: float | None) -> None:
        """Call ``expired(key)`` at that time; None cancels."""
        ...

    def later(self, at: float, action: Callable[[], None]) -> None:
        """Call ``action`` at that time, serialised with everything else of this host."""
        ...

    def died(self) -> None:
        """The actor crashed: drop every connection without ceremony."""
        ...
