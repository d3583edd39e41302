"""The systems that a load run meets: those of the built-in hospital, each a process of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from harness import limits
from harness.link.address import Address
from harness.link.process import SimulatedProcess, python
from simulators.centre import centre
from simulators.hospital import lis
from simulators.hospital.built_in import BuiltInHospital
from simulators.modality.systems import LINKS, MODULE
from simulators.store import Store, open_store

PACS: Final = "PACS"
CENTRE: Final = "centre"

MODULES: Final = {
    "LIS": BuiltInHospital.module,
    "HIS": BuiltInHospital.module,
    PACS: MODULE,
    CENTRE: "simulators.centre",
}

LISTENS: Final = {
    "LIS": (lis.ANALYZER, lis.ORDERS),
    "HIS": (lis.RESULTS,),
    PACS: (LINKS[PACS],),
    CENTRE: (centre.LINK,),
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the systems accept, by role and link."""

    addresses: Mapping[str, Address]

    def at(self, role: str, link: str = "") -> Address:
        """Where a role accepts; its first link where none is named."""
        return self.addresses[f"{role} {link or LISTENS[role][0]}"]

    def data(self) -> dict[str, Any]:
        """For another process."""
        return {name: address.data() for name, address in self.addresses.items()}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data`` wrote."""
        return cls(
            {name: Address(host=one["host"], port=int(one["port"])) for name, one in data.items()}
        )


@dataclass(slots=True)
class Ward:
    """The running systems.

    Args:
        folder: where their stores are; it must be empty.
        seed: of the people whom the centre knows.
        defects: that are switched on.
    """

    folder: Path
    seed: int
    defects: tuple[str, ...] = ()
    _processes: dict[str, SimulatedProcess] = field(default_factory=dict)

    def start(self) -> None:
        """Start all, and tell the LIS where the HIS takes results.

        Raises:
            InputError: one does not start.
        """
        for role, module in MODULES.items():
            config: dict[str, Any] = {
                "role": role,
                "store": str(self._store_at(role)),
                "seed": self.seed,
                "defects": list(self.defects),
                "listen": {link: {"host": "127.0.0.1", "port": 0} for link in LISTENS[role]},
            }
            self._processes[role] = SimulatedProcess(role, python(module), config)
            self._processes[role].start()
        where = self.places.at("HIS").data()
        order = {lis.RESULTS: where}
        self._processes["LIS"].command("_route", order, limits.CONTROL_TIMEOUT_S)

    def _store_at(self, role: str) -> Path:
        return self.folder / f"{role.lower()}.sqlite"

    @property
    def places(self) -> Places:
        """Where they accept."""
        found = {}
        for role, one in self._processes.items():
            for link, address in one.addresses.items():
                assert isinstance(address, Address)
                found[f"{role} {link}"] = address
        return Places(found)

    def pending(self, role: str) -> int:
        """Messages that a role has not yet brought to where they belong."""
        return int(self._processes[role].command("pending", {}, limits.CONTROL_TIMEOUT_S))

    def books(self, role: str) -> Store:
        """A look into the store of a role, for whoever closes it."""
        return open_store(str(self._store_at(role)), [])

    @property
    def gone(self) -> list[str]:
        """Roles that have ended by themselves."""
        return [role for role, one in self._processes.items() if not one.running]

    def memory_kib(self) -> dict[str, int]:
        """Resident memory of each process where the system tells it, else nothing."""
        found = {}
        for role, one in self._processes.items():
            status = Path(f"/proc/{one.pid}/status")
            lines = status.read_text("ascii").splitlines() if status.is_file() else []
            for line in itertools.islice(lines, 100):
                if line.startswith("VmRSS:"):
                    found[role] = int(line.split()[1])
        return found

    def stop(self) -> None:
        """End all."""
        for one in self._processes.values():
            one.stop()
        self._processes.clear()
