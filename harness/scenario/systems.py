"""The systems under test that we run ourselves: as processes, or as actors in the pump."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness import limits
from harness.errors import HarnessError, ProfileError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.host import Host, Storage
from harness.link.process import SimulatedProcess, python
from harness.link.pump import Pump
from harness.link.serial_address import SerialAddress
from harness.link.spec import LinkSpec
from harness.link.tap import Connection
from harness.scenario.hospital import Crash, Hospital, Settings, not_ours, with_role

__all__ = ["Crash", "InProcesses", "InPump", "Systems"]


RESTART_S = 0.3
"""How long a system that lost its power stays away: longer than a peer needs to notice."""

GONE_S = 1.0
"""Until a process whose pipe has closed is gone; the operating system needs milliseconds."""


class Systems(Protocol):
    """Running systems, however they are run."""

    hospital: Hospital
    settings: Settings

    def start(self) -> None:
        """Start all; returns when every endpoint accepts."""
        ...

    def wake(self, role: str) -> None:
        """Start a role that runs only where a scenario needs it; nothing where it runs."""
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

    def cut_power(self, role: str, crash: Crash) -> None:
        """Let a role die here and now, and start it again."""
        ...

    def pause(self, role: str, seconds: float) -> None:
        """Let a role stand still: it is there, takes nothing in, and answers nobody."""
        ...

    def settle(self) -> None:
        """Wait for every restart and pause that is under way."""
        ...

    def call_off(self) -> None:
        """Forget power cuts that did not come: the next scenario has not asked for them."""
        ...

    def running(self, role: str) -> bool:
        """Whether it is there."""
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


@dataclass(slots=True, eq=False)
class _Revival:
    """Waits in a thread of its own until a process lost its power, and starts it again."""

    process: SimulatedProcess
    crash: Crash
    restart: Callable[[], None]
    thread: threading.Thread = field(init=False)
    called_off: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    trouble: Exception | None = None

    def __post_init__(self) -> None:
        name = f"revive {self.process.name}"
        self.thread = threading.Thread(target=self._watch, name=name, daemon=True)

    def _watch(self) -> None:
        deadline = time.monotonic() + limits.CRASH_TIMEOUT_S
        while not self.process.wait_ended(limits.POLL_S):
            if self.called_off.is_set() or time.monotonic() > deadline:
                return
        self.begun.set()
        if self.called_off.is_set():
            return
        try:
            self.crash.died()
            time.sleep(RESTART_S)
            self.restart()
            self.crash.back()
        except (HarnessError, OSError) as error:
            self.trouble = error

    def finish(self) -> None:
        """Wait for the restart, if the power was cut."""
        if self.begun.is_set() or self.process.wait_ended(limits.POLL_S):
            self.thread.join(limits.START_TIMEOUT_S)


@dataclass(slots=True)
class InProcesses:
    """Each role a process with sockets of its own."""

    hospital: Hospital
    settings: Settings
    _processes: dict[str, SimulatedProcess] = field(default_factory=dict)
    _revivals: list[_Revival] = field(default_factory=list)
    _still_until: float = float("-inf")

    def _listen_at(self, link: str) -> dict[str, Any]:
        where = self.settings.listeners.get(link)
        if where is None:
            return {"host": "127.0.0.1", "port": 0}
        if getattr(where, "tls", None) is not None:
            raise ProfileError(
                tr("a system that we run as a process does not listen with TLS"),
                where=f"endpoints.{link}",
                remedy=tr("take transport and tls out of this endpoint"),
            )
        return where.data()

    def start(self) -> None:
        """Start all."""
        for role in self.hospital.roles:
            self._start(role)

    def _start(self, role: str) -> None:
        config = self.settings.config(role)
        config["listen"] = {link: self._listen_at(link) for link in self.hospital.listens[role]}
        self._processes[role] = SimulatedProcess(role, python(self.hospital.module), config)
        self._processes[role].start()

    def wake(self, role: str) -> None:
        """Start one more."""
        if role not in self.hospital.roles:
            self.hospital = with_role(self.hospital, role)
            self._start(role)

    def address(self, role: str, link: str) -> Address | SerialAddress:
        """Where a role accepts a link."""
        return self._processes[role].addresses[link]

    def route(self, role: str, link: str, address: Any) -> None:
        """Tell a role where a link of its own leads, now and after a restart."""
        process = self._processes[role]
        where = address.data()
        process.config.setdefault("routes", {})[link] = where
        process.command("_route", {link: where}, limits.CONTROL_TIMEOUT_S)

    def order(self, role: str, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen."""
        if role not in self._processes:
            raise not_ours(role)
        process = self._processes[role]
        try:
            return process.command(name, args, limits.CONTROL_TIMEOUT_S)
        except HarnessError:
            if any(revival.process is process for revival in self._revivals):
                # Its pipe may have closed a moment before the operating system lets it go.
                process.wait_ended(GONE_S)
            raise

    def crash_at(self, role: str, crash: Crash) -> None:
        """Let a role die at a commit; a thread waits for that and starts it again."""
        if role not in self._processes:
            raise not_ours(role)
        process = self._processes[role]
        args = {"number": crash.number, "after": crash.after}
        process.command("_crash_at", args, limits.CONTROL_TIMEOUT_S)
        self._revive(role, crash)

    def _revive(self, role: str, crash: Crash) -> None:
        revival = _Revival(self._processes[role], crash, lambda: self.restart(role))
        self._revivals.append(revival)
        revival.thread.start()

    def cut_power(self, role: str, crash: Crash) -> None:
        """Kill it; a thread starts it again."""
        if role not in self._processes:
            raise not_ours(role)
        self._revive(role, crash)
        self._processes[role].cut_power()

    def pause(self, role: str, seconds: float) -> None:
        """Returns when it stands still."""
        if role not in self._processes:
            raise not_ours(role)
        args = {"seconds": seconds}
        self._processes[role].command("_pause", args, limits.CONTROL_TIMEOUT_S)
        self._still_until = max(self._still_until, time.monotonic() + seconds)

    def settle(self) -> None:
        """Wait for every restart and pause that is under way; raises what went wrong in one."""
        time.sleep(max(0.0, self._still_until - time.monotonic()))
        for revival in self._revivals:
            revival.finish()
        done = [revival for revival in self._revivals if not revival.thread.is_alive()]
        self._revivals = [revival for revival in self._revivals if revival not in done]
        for revival in done:
            if revival.trouble is not None:
                raise HarnessError(f"a system did not come back: {revival.trouble}")

    def call_off(self) -> None:
        """Forget power cuts that did not come: the next scenario has not asked for them."""
        for revival in self._revivals:
            try:
                revival.process.command("_call_off", {}, limits.CONTROL_TIMEOUT_S)
            except HarnessError:
                if revival.process.running:
                    raise
                # It lost its power at this very moment: the cut did come after all.
                continue
            revival.called_off.set()
            revival.thread.join(limits.STOP_TIMEOUT_S)
        self.settle()

    def running(self, role: str) -> bool:
        """Whether the process is there."""
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
        for revival in self._revivals:
            revival.called_off.set()
            revival.thread.join(limits.STOP_TIMEOUT_S)
        self._revivals.clear()
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

    def wake(self, role: str) -> None:
        """Start one more."""
        if role not in self.hospital.roles:
            self.hospital = with_role(self.hospital, role)
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
        if role not in self.hospital.roles:
            raise not_ours(role)
        return self.pump.command(role, name, args, limits.CONTROL_TIMEOUT_S)

    def crash_at(self, role: str, crash: Crash) -> None:
        """Let a role die at a commit, and start it again a little later."""
        died = self._died(role, crash)
        self.pump.crash_at(role, crash.number, after=crash.after, died=died)

    def _died(self, role: str, crash: Crash) -> Callable[[], None]:
        def back() -> None:
            self.restart(role)
            crash.back()

        def died() -> None:
            crash.died()
            self.pump.schedule(self.pump.clock.now() + RESTART_S, back)

        return died

    def cut_power(self, role: str, crash: Crash) -> None:
        """Let it die before whatever comes next reaches it."""
        member, died = self.pump.members[role], self._died(role, crash)

        def strike() -> None:
            member.host.power_off()
            member.on_death = died
            member.died()

        self.pump.soon(strike)

    def pause(self, role: str, seconds: float) -> None:
        """Whatever comes to it waits until then."""
        self.pump.members[role].still_until = self.pump.clock.now() + seconds

    def settle(self) -> None:
        """Restarts and pauses are events of the pump: whoever waits for them lets it run."""
        still = [member.still_until for member in self.pump.members.values()]
        if max(still, default=0.0) > self.pump.clock.now():
            self.pump.wait(lambda: False, max(still))
        self.pump.wait(
            lambda: all(self.running(role) for role in self.hospital.roles),
            self.pump.clock.now() + limits.START_TIMEOUT_S,
        )

    def call_off(self) -> None:
        """Forget power cuts that did not come."""
        for member in self.pump.members.values():
            member.host.crash_point = None

    def running(self, role: str) -> bool:
        """Whether the actor is alive."""
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
