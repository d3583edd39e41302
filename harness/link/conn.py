"""What a host keeps of each of its connections, and when it is to die."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.link.lane import Lane
from harness.link.tap import Connection
from harness.wire.core import Core


@dataclass(slots=True)
class CrashPoint:
    """Die at the ``number``-th commit from now, ``before`` or ``after`` it."""

    number: int
    after: bool

    def passed(self) -> str:
        """At a commit: ``before`` or ``after`` where this is the one to die at, else nothing."""
        self.number -= 1
        return ("after" if self.after else "before") if self.number == 0 else ""


@dataclass(slots=True)
class Conn:
    """One connection of a host.

    Attributes:
        core: its protocol.
        about: as reports name it.
        answers: the short way of the core, where it has one; see ``wire.core.Answering``.
        replies: the short way of its actor; see ``reply.py``.
        deadline: when the core is asked again.
        ended: nothing comes in or goes out any more.
    """

    core: Core
    about: Connection
    answers: Callable[[bytes, float], bytes | None] | None = None
    replies: Callable[[bytes, float], bytes | None] | None = None
    out: Lane = field(default_factory=Lane)
    into: Lane = field(default_factory=Lane)
    deadline: float | None = None
    ended: bool = False
