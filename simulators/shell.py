"""The shell around an actor that makes it a process of its own.

Reads its configuration and then commands from standard input, prints ``ready LINK ADDRESS`` for
each endpoint and one JSON answer a command, and ends when the input ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness import limits
from harness.clock import Clock
from harness.errors import HarnessError
from harness.link import accepting
from harness.link.actor import Actor
from harness.link.address import Address, read_address
from harness.link.host import CrashPoint, Host
from harness.link.serial_address import SerialAddress
from harness.link.tap import Connection
from harness.link.threads import Member, Threads
from simulators import trouble
from simulators.store import Store, grouping

Make = Callable[[Mapping[str, Any], Clock], tuple[Actor, Store]]
"""Builds the actor and its store from the configuration."""

CRASHED = 137
"""Exit code of a simulated power cut, as a killed process has it on POSIX."""


def plain(link: str, conn: str, client: bool) -> Connection:  # noqa: FBT001 - called by position
    """A connection as a system under test sees it: nothing to report, so little to say."""
    return Connection(id=conn, link=link, interface="", local="", peer="", client=client)


@dataclass(slots=True)
class Shell:
    """One actor over sockets, steered by lines.

    Args:
        make: the actor and its store.
        grouped: commits that come together share one wait for the disk, as a busy system does it.
    """

    make: Make
    grouped: bool = False

    def run(self) -> int:
        """Serve until standard input ends."""
        first = sys.stdin.readline()
        if not first.strip():
            return 2
        config = json.loads(first)
        runtime = trouble.OutspokenThreads(died=_power_cut)
        actor, store = self.make(config, runtime.clock)
        group = grouping(store) if self.grouped else None
        host = Host(actor, runtime.clock, plain, store=store, grouping=group)
        member = runtime.add(actor.role, host)
        _route(member, config.get("routes", {}))
        for link, where in config["listen"].items():
            say(f"ready {link} {_accept(member, link, where)}")
        for line in sys.stdin:
            order = json.loads(line)
            say(json.dumps(self._obey(runtime, member, actor, order), ensure_ascii=False))
        left = runtime.stop()
        store.close()
        if left:
            sys.stderr.write(f"threads that would not end: {', '.join(left)}\n")
        return 0

    def _obey(
        self, runtime: Threads, member: Member, actor: Actor, order: Mapping[str, Any]
    ) -> dict[str, Any]:
        name, args = order["command"], order["args"]
        answer: dict[str, Any] = {"ident": order["ident"]}
        runtime.errors.clear()  # told when they happened, and not the fault of this command
        try:
            match name:
                case "_route":
                    _route(member, args)
                case "_defects":
                    _switch(actor, args["ids"])
                case "_crash_at":
                    member.host.crash_point = CrashPoint(int(args["number"]), bool(args["after"]))
                case "_pause":
                    _stand_still(member, float(args["seconds"]))
                case "_call_off":
                    member.host.crash_point = None
                case _:
                    timeout_s = limits.CONTROL_TIMEOUT_S
                    answer["value"] = runtime.command(actor.role, name, args, timeout_s)
        except HarnessError as error:
            answer["error"] = error.message
        except Exception as error:  # noqa: BLE001 - a command must not end the process
            trouble.tell(actor.role, error)
            answer["error"] = f"{type(error).__name__}: {error}"
        return answer


def _route(member: Member, routes: Mapping[str, Any]) -> None:
    for link, where in routes.items():
        member.routes[link] = read_address(where)


def _accept(member: Member, link: str, where: Mapping[str, Any]) -> Address | SerialAddress:
    address = read_address(where)
    if isinstance(address, SerialAddress):
        return member.attend(link, address)
    return accepting.again(lambda: member.listen(link, address), address.port)


def _switch(actor: Actor, idents: list[str]) -> None:
    """The set is shared with the parts of the actor, so it is changed and not replaced."""
    defects: set[str] = actor.defects  # type: ignore[attr-defined] # systems under test have it
    defects.clear()
    defects.update(idents)


def _stand_still(member: Member, seconds: float) -> None:
    """Hold the actor for so long; returns once it is held.

    What peers send stays with the operating system meanwhile, and is read afterwards.
    """
    held = threading.Event()

    def hold() -> None:
        held.set()
        time.sleep(seconds)

    threading.Thread(target=member.run, args=(hold,), daemon=True).start()
    held.wait(limits.CONTROL_TIMEOUT_S)


def _power_cut(member: Member) -> None:
    for wire in member.wires.values():
        wire.flush()
    os._exit(CRASHED)


def say(line: str) -> None:
    """One line to whoever runs us."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
