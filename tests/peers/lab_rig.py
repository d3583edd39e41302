"""Our side of a meeting with a lab peer: analyzers that upload, and the built-in LIS that receives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from harness.link.address import Address
from harness.link.host import Host
from harness.link.tap import Connection, Delivery
from harness.link.threads import Threads
from harness.wire.core import Unit
from simulators.analyzer.analyzer import LINK, Analyzer
from simulators.analyzer.model import load_model
from simulators.hospital.built_in import BuiltInHospital
from simulators.shell import plain
from simulators.store import Store

SITE: Final = Path(__file__).parent / "python" / "build"

UPLOAD_S: Final = 20.0
"""A peer on loopback that has not taken an upload by then never will: our patience is set below."""

SHORT_S: Final = 1.0
"""Our timers in a meeting; those of the standard are tested over the virtual clock."""


def site_package(name: str) -> str:
    """Version of a package in ``python/build``; empty if it is missing."""
    found = sorted(SITE.glob(f"{name.replace('-', '_')}-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


@dataclass(slots=True)
class Damage:
    """A tap: the first transmission of the frame that holds ``text`` has a wrong checksum."""

    text: bytes
    done: bool = False

    def connects(self, connection: Connection, now: float) -> bool:
        """Always."""
        return True

    def unit(self, connection: Connection, unit: Unit, now: float) -> list[bytes]:
        """One digit of the checksum becomes another, once."""
        if self.done or unit.kind != "frame" or self.text not in unit.data:
            return [unit.data]
        self.done = True
        last = unit.data[-3:-2]
        return [unit.data[:-3] + (b"0" if last != b"0" else b"1") + unit.data[-2:]]

    def outgoing(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """As it is."""
        return [Delivery(data=data)]

    def incoming(self, connection: Connection, data: bytes, now: float) -> Sequence[Delivery]:
        """As it came."""
        return [Delivery(data=data)]


@dataclass(slots=True)
class LabRig:
    """One meeting; ends in order or raises."""

    runtime: Threads = field(default_factory=Threads)
    stores: list[Store] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        left = self.runtime.stop()
        for store in self.stores:
            store.close()
        assert not left, f"threads that would not end: {left}"
        assert not self.runtime.errors, self.runtime.errors

    def upload(
        self, port: int, model: str, payloads: Sequence[bytes], damage: bytes = b""
    ) -> list[dict[str, Any]]:
        """Our analyzer brings one message after the other over one connection."""
        config = load_model(model).link_config()
        waits = dict.fromkeys(("enq_reply_s", "frame_reply_s", "nak_backoff_s"), SHORT_S)
        config = replace(config, timers=replace(config.timers, **waits))
        actor = Analyzer(link_config=config, repeats=0)
        tap = Damage(damage) if damage else None
        member = self.runtime.add("analyzer", Host(actor, self.runtime.clock, plain, tap=tap))
        member.routes[LINK] = Address(host="127.0.0.1", port=port)
        return [
            self.runtime.command("analyzer", "upload", {"payload": one.hex()}, UPLOAD_S)
            for one in payloads
        ]

    def lis(self, folder: Path) -> tuple[int, Store]:
        """The built-in LIS listens; returns its port and its store."""
        config = {"role": "LIS", "store": str(folder / "lis.sqlite"), "durable": False}
        actor, store = BuiltInHospital().make(config, self.runtime.clock)
        self.stores.append(store)
        member = self.runtime.add("LIS", Host(actor, self.runtime.clock, plain, store=store))
        return member.listen(LINK, Address(host="127.0.0.1", port=0)).port, store


def results_of(records: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Specimen, test, value, unit of each R record, split by hand (LIS02-A2 §8, §9)."""
    found, specimen = [], ""
    for fields in records:
        if fields[0] == "O":
            specimen = fields[2].strip("^ ")
        elif fields[0] == "R":
            code = re.sub(r"\^+", "^", fields[2]).strip("^")
            found.append((specimen, code, fields[3], fields[4]))
    return found


def name_of(records: Sequence[Sequence[str]]) -> str:
    """P.6 of the first patient."""
    patients = (fields for fields in records if fields[0] == "P" and len(fields) > 5)
    return next((fields[5].strip("^") for fields in patients), "")
