"""The hospital that we run ourselves, as the engine sees it.

What it is comes from the entry point group ``medharness.simulators``; the engine knows only this
Protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, Self

from harness.clock import Clock
from harness.errors import Blocked, InputError
from harness.i18n import tr
from harness.link.actor import Actor
from harness.link.address import Address
from harness.link.host import Storage
from harness.link.serial_address import SerialAddress

GROUP = "medharness.simulators"


class Hospital(Protocol):
    """A set of simulated systems: what an entry point ``hospital`` is."""

    @property
    def roles(self) -> Sequence[str]:
        """Roles that it has."""
        ...

    @property
    def listens(self) -> Mapping[str, Sequence[str]]:
        """Links that each role accepts."""
        ...

    @property
    def module(self) -> str:
        """What runs one role as a process."""
        ...

    def make(self, config: Mapping[str, Any], clock: Clock) -> tuple[Actor, Storage]:
        """The actor of one role and its store."""
        ...

    def check_defects(self, idents: Sequence[str]) -> None:
        """Raise ``InputError`` for an id that no defect has."""
        ...

    def switches(self, release: int) -> Sequence[str]:
        """What is switched on in a release; ``InputError`` where there is no such one."""
        ...


def built_in() -> Hospital:
    """The hospital that is installed."""
    return _installed()()


@cache
def _installed() -> Callable[[], Hospital]:
    """Looked up once: every scenario asks, and each look reads what all packages offer."""
    for entry in entry_points(group=GROUP):
        if entry.name == "hospital":
            made: Callable[[], Hospital] = entry.load()
            return made
    raise InputError("no built-in hospital is installed", remedy="install medharness again")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyRoles:
    """A hospital of which some roles are real: those are not started, and not commanded."""

    whole: Hospital
    roles: Sequence[str]

    @classmethod
    def of(cls, whole: Hospital, ours: Callable[[str], bool]) -> Self:
        """The roles of ``whole`` that ``ours`` takes."""
        return cls(whole=whole, roles=tuple(role for role in whole.roles if ours(role)))

    @property
    def listens(self) -> Mapping[str, Sequence[str]]:
        """Links that each role accepts."""
        return {role: self.whole.listens[role] for role in self.roles}

    @property
    def module(self) -> str:
        """What runs one role as a process."""
        return self.whole.module

    def make(self, config: Mapping[str, Any], clock: Clock) -> tuple[Actor, Storage]:
        """The actor of one role and its store."""
        return self.whole.make(config, clock)

    def check_defects(self, idents: Sequence[str]) -> None:
        """Raise ``InputError`` for an id that no defect has."""
        self.whole.check_defects(idents)

    def switches(self, release: int) -> Sequence[str]:
        """What is switched on in a release."""
        return self.whole.switches(release)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A power cut that is to come, and who is told.

    Attributes:
        number: of the commit, counted from now.
        after: die after the commit, not before it.
        died: called when the role is gone.
        back: called when it accepts again.
    """

    number: int
    after: bool
    died: Callable[[], None]
    back: Callable[[], None]


def with_role(hospital: Hospital, role: str) -> OnlyRoles:
    """The hospital and one more of its roles, which runs only where it is asked for."""
    whole = hospital.whole if isinstance(hospital, OnlyRoles) else hospital
    return OnlyRoles(whole=whole, roles=(*hospital.roles, role))


def not_ours(role: str) -> Blocked:
    """What a command to a system of the site is answered with."""
    return Blocked(tr("{role} is not run by us, so it cannot be commanded", role=role))


@dataclass(slots=True)
class Settings:
    """How the simulated systems are set up.

    Attributes:
        folder: where their stores are.
        defects: ids that are switched on.
        answer_s: how long they wait for an acknowledgement.
        retry_s: pause before they send again.
        durable: every commit is on the disk before it returns.
        listeners: where they listen, by link; the others get a free port on loopback.
        hybrid: links that speak HLLP.
    """

    folder: Path
    defects: Sequence[str] = ()
    answer_s: float = 1.0
    retry_s: float = 0.2
    durable: bool = True
    listeners: Mapping[str, Address | SerialAddress] = field(default_factory=dict)
    hybrid: Sequence[str] = ()

    def config(self, role: str) -> dict[str, Any]:
        """The configuration of one role."""
        return {
            "role": role,
            "store": str(self.folder / f"{role.lower()}.sqlite"),
            "defects": list(self.defects),
            "answer_s": self.answer_s,
            "retry_s": self.retry_s,
            "durable": self.durable,
            "hybrid": list(self.hybrid),
        }
