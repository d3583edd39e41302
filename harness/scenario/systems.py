"""The systems under test that we run ourselves: as processes, or as actors in the pump.

What they are comes from the entry point group ``medharness.simulators``; the engine knows only
this Protocol.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from harness import limits
from harness.clock import Clock
from harness.errors import HarnessError, InputError
from harness.link.actor import Actor
from harness.link.host import Host, Storage
from harness.link.process import SimulatedProcess, python
from harness.link.pump import Pump
from harness.link.spec import LinkSpec
from harness.link.tap import Connection
from harness.link.threads import Address

GROUP = "medharness.simulators"


class Hospital(Protocol):
    """A set of simulated systems: what an entry point ``hospital`` is."""

    roles: Sequence[str]
    listens: Mapping[str, Sequence[str]]
    module: str

    def make(self, config: Mapping[str, Any], clock: Clock) -> tuple[Actor, Storage]:
        """The actor of one role and its store."""
        ...

    def check_defects(self, idents: Sequence[str]) -> None:
        """Raise ``InputError`` for an id that no defect has."""
        ...


def built_in() -> Hospital:
    """The hospital that is installed."""
    for entry in entry_points(group=GROUP):
        if entry.name == "hospital":
            hospital: Hospital = entry.load()()
            return hospital
    raise InputError("no built-in hospital is installed", remedy="install medharness again")


@dataclass(slots=True)
class Settings:
    """How the simulated systems are set up.

    Attributes:
        folder: where their stores are.
        defects: ids that are switched on.
        answer_s: how long they wait for an acknowledgement.
        retry_s: pause before they send again.
    """

    folder: Path
    defects: Sequence[str] = ()
    answer_s: float = 1.0
    retry_s: float = 0.2
    durable: bool = True

    def config(self, role: str) -> dict[str, Any]:
        """The configuration of one role."""
        return {
            "role": role,
            "store": str(self.folder / f"{role.lower()}.sqlite"),
            "defects": list(self.defects),
            "answer_s": self.answer_s,
            "retry_s": self.retry_s,
            "durable": self.durable,
        }


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


RESTART_S = 0.3
"""How long a system that lost its power stays away: longer than a peer needs to notice."""


class Systems(Protocol):
    """Running systems, however they are run."""

    hospital: Hospital

    def start(self) -> None:
        """Start all; returns when every endpoint accepts."""
        ...

    def address(self, role: str, link: str) -> Any:
        """Where a role accepts a link."""
        ...

    def route(self, role: str, link: str, address: Any) -> None:
        """Tell a role where a link of its own leads."""
        ...

    def order(self, role: str, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen."""
        ...

    def crash_at(self, role: str, crash: Crash) -> None:
        """Let a role die at a commit, and start it again."""
        ...

    def settle(self) -> None:
        """Wait for every restart that is under way."""
        ...

    def running(self, role: str) -> bool:
        """Is it there?"""
        ...

    def kill(self, role: str) -> None:
        """Cut its power."""
        ...

    def restart(self, role: str) -> None:
        """Start it again, with its store and its addresses."""
        ...

    def stop(self) -> None:
        """End all."""
        ...


@dataclass(slots=True)
class InProcesses:
    """Each role a process with sockets of its own."""

    hospital: Hospital
    settings: Settings
    _processes: dict[str, SimulatedProcess] = field(default_factory=dict)
    _revivers: list[threading.Thread] = field(default_factory=list)
    _stopping: bool = False

    def start(self) -> None:
        """Start all."""
        for role in self.hospital.roles:
            config = self.settings.config(role)
            config["listen"] = {
                link: {"host": "127.0.0.1", "port": 0} for link in self.hospital.listens[role]
            }
            self._processes[role] = SimulatedProcess(role, python(self.hospital.module), config)
            self._processes[role].start()

    def address(self, role: str, link: str) -> Address:
        """Where a role accepts a link."""
        return self._processes[role].addresses[link]

    def route(self, role: str, link: str, address: Any) -> None:
        """Tell a role where a link of its own leads, now and after a restart."""
        process = self._processes[role]
        where = {"host": address.host, "port": address.port}
        process.config.setdefault("routes", {})[link] = where
        process.command("_route", {link: where}, limits.CONTROL_TIMEOUT_S)

    def order(self, role: str, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen."""
        return self._processes[role].command(name, args, limits.CONTROL_TIMEOUT_S)

    def crash_at(self, role: str, crash: Crash) -> None:
        """Let a role die at a commit; a thread waits for that and starts it again."""
        process = self._processes[role]
        args = {"number": crash.number, "after": crash.after}
        process.command("_crash_at", args, limits.CONTROL_TIMEOUT_S)

        def revive() -> None:
            if not process.wait_ended(limits.CRASH_TIMEOUT_S) or self._stopping:
                return
            crash.died()
            time.sleep(RESTART_S)
            self.restart(role)
            crash.back()

        thread = threading.Thread(target=revive, name=f"revive {role}", daemon=True)
        self._revivers.append(thread)
        thread.start()

    def settle(self) -> None:
        """Wait for every restart that is under way."""
        for thread in self._revivers:
            if not self._stopping:
                thread.join(limits.START_TIMEOUT_S if self._dead(thread) else 0)
        self._revivers = [thread for thread in self._revivers if thread.is_alive()]

    def _dead(self, _: threading.Thread) -> bool:
        return any(not process.running for process in self._processes.values())

    def running(self, role: str) -> bool:
        """Is the process there?"""
        return self._processes[role].running

    def kill(self, role: str) -> None:
        """SIGKILL, or what stands for it."""
        self._processes[role].kill()

    def restart(self, role: str) -> None:
        """Start again with the same store and ports."""
        process = self._processes[role]
        if process.running:
            process.kill()
        else:
            process.stop()
        process.start()

    def stop(self) -> None:
        """End all."""
        self._stopping = True
        for process in self._processes.values():
            process.stop()


@dataclass(slots=True)
class InPump:
    """Each role an actor in the pump, over memory and virtual time."""

    hospital: Hospital
    settings: Settings
    pump: Pump
    specs: Mapping[str, LinkSpec]
    _routes: dict[str, dict[str, str]] = field(default_factory=dict)
    _stores: dict[str, Storage] = field(default_factory=dict)

    def start(self) -> None:
        """Start all."""
        for role in self.hospital.roles:
            self._start(role)

    def _start(self, role: str) -> None:
        actor, store = self.hospital.make(self.settings.config(role), self.pump.clock)
        self._stores[role] = store

        def describe(link: str, conn: str, client: bool) -> Connection:  # noqa: FBT001 - by position
            return self.specs[link].connection(conn, client=client)

        member = self.pump.add(role, Host(actor, self.pump.clock, describe, store=store))
        member.routes = self._routes.setdefault(role, {})
        for link in self.hospital.listens[role]:
            member.listen(link)

    def address(self, role: str, link: str) -> str:
        """Where a role accepts a link."""
        return f"memory:{role}/{link}"

    def route(self, role: str, link: str, address: Any) -> None:
        """Tell a role where a link of its own leads, now and after a restart."""
        self._routes.setdefault(role, {})[link] = str(address)

    def order(self, role: str, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen."""
        return self.pump.command(role, name, args, limits.CONTROL_TIMEOUT_S)

    def crash_at(self, role: str, crash: Crash) -> None:
        """Let a role die at a commit, and start it again a little later."""

        def died() -> None:
            crash.died()
            self.pump.schedule(RESTART_S, back)

        def back() -> None:
            self.restart(role)
            crash.back()

        self.pump.crash_at(role, crash.number, after=crash.after, died=died)

    def settle(self) -> None:
        """Restarts are events of the pump: whoever waits for them lets it run."""
        self.pump.wait(
            lambda: all(self.running(role) for role in self.hospital.roles),
            self.pump.clock.now() + limits.START_TIMEOUT_S,
        )

    def running(self, role: str) -> bool:
        """Is the actor alive?"""
        member = self.pump.members.get(role)
        return member is not None and member.host.alive

    def kill(self, role: str) -> None:
        """Cut its power; its store is all that is left."""
        if role not in self.pump.members:
            raise HarnessError(f"{role} is not running")
        self.pump.remove(role)
        self._close(role)

    def restart(self, role: str) -> None:
        """A new actor on the old store."""
        if role in self.pump.members:
            self.pump.remove(role)
            self._close(role)
        self._start(role)

    def _close(self, role: str) -> None:
        store: Any = self._stores.pop(role, None)
        if store is not None:
            store.close()

    def stop(self) -> None:
        """End all."""
        for role in list(self._stores):
            self._close(role)
