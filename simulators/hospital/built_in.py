"""The built-in hospital as the engine sees it: which roles it has and how each is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.clock import Clock
from harness.errors import InputError
from harness.link.actor import Actor
from simulators.hospital import (
    defects,
    his_callback,
    interface_engine,
    lis,
    releases,
    schema,
    switches,
)
from simulators.hospital.his_settle import whole_his
from simulators.hospital.hybrid import Hybrid
from simulators.hospital.lis import Lis
from simulators.hospital.outbox import Timing
from simulators.store import Store, open_store

ROLES = ("LIS", "HIS")
IMAGING = ("PACS", "RIS")
"""Roles that speak DICOM, on its library's threads: they are started where somebody asks."""


class BuiltInHospital:
    """A LIS and a HIS, with switchable defects."""

    roles: Sequence[str] = ROLES
    listens: Mapping[str, Sequence[str]] = {
        "LIS": (
            lis.ANALYZER,
            lis.ORDERS,
            lis.ANALYZER_HL7,
            lis.ANALYZER_FRAMED,
            lis.ANALYZER_POCT,
        ),
        "HIS": (lis.RESULTS, his_callback.LINK),
        interface_engine.ROLE: interface_engine.LISTENS,  # runs only where it is put in line
    }
    module = "simulators.hospital"

    def make(self, config: Mapping[str, Any], clock: Clock) -> tuple[Actor, Store]:
        """The actor of one role and its store.

        Args:
            config: ``role``, ``store`` (path or URL), ``durable``, ``defects``, ``answer_s``,
                ``retry_s``, ``hybrid`` (links that speak HLLP).
            clock: of the driver that will run it.
        """
        role = config["role"]
        if role not in self.listens:
            raise InputError(f"the built-in hospital has no {role}")
        tables = {
            "LIS": schema.LIS,
            "HIS": (*schema.HIS, *schema.HIS_SETTLE),
            interface_engine.ROLE: schema.ENGINE,
        }[role]
        store = open_store(config["store"], tables, durable=bool(config.get("durable", True)))
        timing = Timing(
            answer_s=float(config.get("answer_s", 5.0)), retry_s=float(config.get("retry_s", 1.0))
        )
        switched_on = switches.switched_on(config.get("defects", ()))
        links = frozenset(config.get("hybrid", ()))
        if role == interface_engine.ROLE:
            rules = str(config.get("rules", ""))
            return interface_engine.make(store, clock, switched_on, timing, rules, links), store
        make = Lis if role == "LIS" else whole_his
        actor = releases.of_release(make(store, clock, switched_on, timing), role, switched_on)
        return Hybrid(actor, links) if links else actor, store

    def imaging(self, config: Mapping[str, Any], listeners: Mapping[str, Any]) -> Any:
        """A PACS or RIS inside this process, not started yet; ``None`` for another role."""
        if config["role"] not in IMAGING:
            return None
        # Only where one is wanted: it brings the library of DICOM along.
        from simulators.hospital.imaging_inside import Inside  # noqa: PLC0415 - as above

        return Inside(config, listeners)

    def check_defects(self, idents: Sequence[str]) -> None:
        """Refuse an id that no defect has."""
        defects.check(idents)

    def switches(self, release: int) -> Sequence[str]:
        """What is switched on in a release."""
        return releases.switches(release)
