"""Which fault fires on what: planned by a scenario, decided by a keyed hash.

A decision depends on (seed, scenario, link, sender, business identity, occurrence of that identity,
fault) and on nothing else: not on a shared generator, and not on the order in which threads happen
to run. So the same seed gives the same faults over memory and over eight TCP connections.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import HarnessError

LAYERS = frozenset({"transport", "link", "message", "process"})

FAULTS_MAX = 100
"""Faults that one scenario may plan; a person could not read the report of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When a fault fires.

    Attributes:
        kind: kind of unit (``message``, ``frame``, ``ack``, ``connect``, ``reply`` ...); empty
            takes every kind.
        holds: texts that the business identity must contain, such as a barcode or ``ORU^R01``.
        occurrences: which occurrences of one identity, counted from 1; empty takes all.
        probability: of firing at all, drawn by the keyed hash; for load and self-check only.
    """

    kind: str = ""
    holds: tuple[str, ...] = ()
    occurrences: tuple[int, ...] = (1,)
    probability: float = 1.0

    def takes(self, kind: str, identity: str, occurrence: int) -> bool:
        """Whether this trigger looks at that unit."""
        if self.kind and self.kind != kind:
            return False
        if self.occurrences and occurrence not in self.occurrences:
            return False
        return all(text in identity for text in self.holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planned fault.

    Attributes:
        id: unique in the scenario.
        fault_class: row of the fault catalogue, such as ``lab-05`` or ``hl7-37``.
        layer: ``transport``, ``link``, ``message`` or ``process``.
        action: what is done; see ``harness.faults.catalogue``.
        link: name of the endpoint.
        sender: role whose units are hit.
        trigger: when it fires.
        parameters: of the action, as text.
        until_healed: stays on until the scenario heals it; otherwise each firing heals itself.
    """

    id: str
    fault_class: str
    layer: str
    action: str
    link: str
    sender: str
    trigger: Trigger = field(default_factory=Trigger)
    parameters: Mapping[str, str] = field(default_factory=dict)
    until_healed: bool = False

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise ValueError(f"unknown layer {self.layer!r}")
        if not 0.0 <= self.trigger.probability <= 1.0:
            raise ValueError(f"no probability: {self.trigger.probability}")


def keyed(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    text = "\x1f".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(slots=True)
class Plan:
    """The faults of one scenario, and how often each identity came by; thread-safe."""

    seed: int
    scenario: str
    faults: list[Fault] = field(default_factory=list)
    healed: set[str] = field(default_factory=set)
    _counts: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Plan one more fault."""
        if any(one.id == fault.id for one in self.faults):
            raise HarnessError(f"the fault {fault.id} is planned twice")
        if len(self.faults) >= FAULTS_MAX:
            raise HarnessError(f"a scenario may plan {FAULTS_MAX} faults")
        self.faults.append(fault)

    def heal(self, ident: str) -> None:
        """From here on this fault does nothing."""
        self.healed.add(ident)

    def count(self, link: str, sender: str, kind: str, identity: str) -> int:
        """The how-manieth time this identity comes by; counted from 1."""
        key = (link, sender, kind, identity)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1
            return self._counts[key]

    def due(
        self, *, link: str, sender: str, kind: str, identity: str, occurrence: int
    ) -> list[Fault]:
        """The faults that fire on this occurrence of this identity, in the order of planning."""
        return [
            fault
            for fault in self.faults
            if fault.link == link
            and fault.sender == sender
            and fault.id not in self.healed
            and fault.trigger.takes(kind, identity, occurrence)
            and self._drawn(fault, identity, occurrence)
        ]

    def _drawn(self, fault: Fault, identity: str, occurrence: int) -> bool:
        if fault.trigger.probability >= 1.0:
            return True
        draw = keyed(
            self.seed, self.scenario, fault.link, fault.sender, identity, occurrence, fault.id
        )
        return draw < fault.trigger.probability
