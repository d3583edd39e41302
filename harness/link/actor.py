"""Actors: behaviour without I/O.

An actor is told what happened and answers with commands. It knows no socket, thread or clock, so
``pump.py`` can drive it over memory and virtual time, where every schedule replays, and
``threads.py`` over sockets, with the same outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.wire.core import Core, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A connection is there: one that the actor opened, or one that it accepted."""

    conn: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A connection that the actor wanted could not be opened."""

    conn: str
    link: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The core of a connection reported something."""

    conn: str
    link: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A connection is gone; ``reason`` is empty when it ended in order."""

    conn: str
    link: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A timer that the actor set ran out."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The actor begins, for the first time or after a crash: time to look into its store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """Somebody tells the role to do something; answered by ``Reply`` with the same ``ident``."""

    name: str
    args: Mapping[str, Any]
    ident: int = 0


ActorEvent = Opened | Refused | Received | Closed | TimerFired | Started | Commanded


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open a connection of a link; answered by ``Opened`` or ``Refused`` with this ``conn``."""

    link: str
    conn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Give an event to the core of a connection; one that is gone meanwhile swallows it."""

    conn: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """End a connection; ``reset`` tears it down without ceremony."""

    conn: str
    reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Fire ``name`` at ``at`` (monotonic seconds); None cancels it."""

    name: str
    at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Change the store in one transaction, before the next command is carried out.

    Attributes:
        statements: SQL with ``?`` holes, and the values.
    """

    statements: Sequence[tuple[str, Sequence[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answer a ``Commanded``."""

    ident: int
    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Die here and now, as a power cut would; what was sent before is already on the wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Put a line into the journal, where there is one."""

    text: str


Command = Open | Send | Close | SetTimer | Commit | Reply | Crash | Note


class Actor(Protocol):
    """A behaviour that a driver runs."""

    role: str

    def open_core(self, link: str, *, client: bool) -> Core:
        """The protocol core for a new connection of ``link``."""
        ...

    def on_event(self, event: ActorEvent, now: float) -> list[Command]:
        """What to do about what happened."""
        ...


@dataclass(slots=True)
class Answers:
    """Replies of an actor to the commands of a person or a step, for whoever waits for them."""

    values: dict[int, Reply] = field(default_factory=dict)

    def take(self, ident: int) -> Reply | None:
        """The answer to command ``ident``, once."""
        return self.values.pop(ident, None)
