"""PACS or RIS of the built-in hospital inside this process: fresh for each replay of a case.

The same services as ``pacs_shell`` runs in a process of their own; a replay needs them empty each
time, and a process takes a second to begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.link.address import LOOPBACK, Address
from harness.link.dicom_scp import Listener
from simulators.hospital import pacs, pacs_beside, ris
from simulators.hospital.pacs_beside import Beside
from simulators.hospital.pacs_shell import make
from simulators.store import Store

LINKS: Mapping[str, str] = {"PACS": pacs.LINK, "RIS": ris.LINK}


@dataclass(slots=True)
class Inside:
    """One of both.

    Args:
        config: as a process of it gets it: ``role``, ``store``, ``defects``, ``durable``.
        listeners: where it listens, by link; a free port on loopback otherwise.

    Attributes:
        addresses: where it listens, by link.
    """

    config: Mapping[str, Any]
    listeners: Mapping[str, Any] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)
    _service: Any = None
    _listener: Listener | None = None
    _store: Store | None = None
    _beside: Beside | None = None

    def start(self) -> None:
        """Begin with an empty store."""
        role = str(self.config["role"])
        self._service, self._listener, self._store = make(self.config)
        self._beside = Beside(self._service, self._store)
        for link, side in ((LINKS[role], self._listener), (pacs_beside.LINKS[role], self._beside)):
            where = self.listeners.get(link, LOOPBACK)
            self.addresses[link] = side.start(where.host, where.port)

    def route(self, link: str, address: Address) -> None:
        """Where it reaches the other end of a link of HL7."""
        if self._beside is not None:
            self._beside.route(link, address)

    def expects(self, title: str, address: Address) -> None:
        """Where it reaches a device by its AE title; nothing at a RIS, which calls nobody."""
        if self.config["role"] == "PACS":
            args = {"ae": title, "host": address.host, "port": str(address.port)}
            self.order("destination", args)

    def order(self, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen; raises ``HarnessError`` where it refuses."""
        if self._service is None or name.startswith("_"):
            raise HarnessError(f"unknown command {name}")
        return self._service.command(name, args)

    def stop(self) -> None:
        """End it."""
        if self._listener is None or self._beside is None or self._store is None:
            return
        self._beside.stop()
        self._listener.stop()
        self._service.stop()
        self._store.close()
        self._listener = None
