"""A PACS or RIS of the built-in hospital as the system under test of a replay, fresh each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

from harness.errors import HarnessError
from harness.link.address import Address
from harness.scenario.hospital import Crash, Hospital, OnlyRoles, Settings, not_ours


class Imaging(Protocol):
    """One such system."""

    addresses: dict[str, Address]

    def start(self) -> None:
        """Begin with an empty store."""
        ...

    def route(self, link: str, address: Address) -> None:
        """Where it reaches the other end of a link."""
        ...

    def expects(self, title: str, address: Address) -> None:
        """Where it reaches a device by its AE title."""
        ...

    def order(self, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


@runtime_checkable
class WithImaging(Protocol):
    """A hospital that has such systems."""

    def imaging(self, config: Mapping[str, Any], listeners: Mapping[str, Any]) -> Imaging | None:
        """A system by its role; None where it is none of imaging."""
        ...


@dataclass(slots=True)
class ImagingRoles:
    """``Systems`` of one PACS or RIS.

    Args:
        hospital: with that role alone.
        settings: of the replay.
        room: the system.
    """

    hospital: Hospital
    settings: Settings
    room: Imaging
    role: str
    _running: bool = field(default=False)

    @classmethod
    def of(cls, whole: Hospital, role: str, settings: Settings) -> Self | None:
        """The system of a role; None where the hospital has none that speaks DICOM."""
        if not isinstance(whole, WithImaging):
            return None
        room = whole.imaging(settings.config(role), settings.listeners)
        return None if room is None else cls(OnlyRoles(whole=whole, roles=(role,)), settings, room,
                                             role)  # fmt: skip

    def start(self) -> None:
        """Begin."""
        self.room.start()
        self._running = True

    def wake(self, role: str) -> None:
        """It is the only one."""
        raise not_ours(role)

    def address(self, role: str, link: str) -> Any:
        """Where it accepts a link."""
        found = self.room.addresses.get(link)
        if role != self.role or found is None:
            raise HarnessError(f"{role} does not listen on {link}")
        return found

    def route(self, role: str, link: str, address: Any) -> None:
        """Tell it where a link of its own leads."""
        self.room.route(link, address)

    def order(self, role: str, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen."""
        if role != self.role:
            raise not_ours(role)
        return self.room.order(name, args)

    def crash_at(self, role: str, crash: Crash) -> None:
        """Not here: a replay has no power cuts."""
        raise not_ours(role)

    def cut_power(self, role: str, crash: Crash) -> None:
        """Not here, either."""
        raise not_ours(role)

    def pause(self, role: str, seconds: float) -> None:
        """Not here, either."""
        raise not_ours(role)

    def settle(self) -> None:
        """Nothing is under way."""

    def call_off(self) -> None:
        """Nothing is to come."""

    def running(self, role: str) -> bool:
        """Whether it is there."""
        return self._running and role == self.role

    def kill(self, role: str) -> None:
        """Not here."""
        raise not_ours(role)

    def restart(self, role: str) -> None:
        """Not here."""
        raise not_ours(role)

    def stop(self) -> None:
        """End it."""
        self._running = False
        self.room.stop()
