"""What came over several connections at once, given to an actor in one go.

Where the store of the actor can group, all that the batch commits reaches the disk together, and
each answer of the batch waits for it: one wait for the disk in place of one for each message, and
still nothing leaves before it is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from harness.link.host import Host


class Grouping(Protocol):
    """A store that can hold several commits together."""

    def begin(self) -> None:
        """What is committed from now on waits for ``end``; what is read sees it."""
        ...

    def end(self) -> None:
        """Make all of it durable; if this raises, none of it is there."""
        ...


def take(
    host: Host, reads: Sequence[tuple[str, bytes]], failed: Callable[[Exception], None]
) -> str:
    """Hand each read to the host; what goes wrong with one is told, and the others go on.

    Returns:
        Why nothing of the batch may be answered; empty where it may.
    """
    group = host.grouping if host.crash_point is None else None
    if group is not None:
        group.begin()
        host.grouped = True
    try:
        for conn, data in reads:
            try:
                host.received(conn, data)
            except Exception as error:  # noqa: BLE001 - told to whoever waits
                failed(error)
    finally:
        host.grouped = False
    if group is None:
        return ""
    try:
        group.end()
    except Exception as error:  # noqa: BLE001 - as above; the answers must not leave
        failed(error)
        return "the store cannot be written"
    return ""
