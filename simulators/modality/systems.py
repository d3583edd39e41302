"""PACS and RIS of the built-in hospital, started when the first imaging scenario asks for them.

A run without imaging pays nothing for them. They stand among the probes of a bench, which ends
what stands there; asked as a probe, they show which of them run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import limits
from harness.link.address import Address
from harness.link.process import SimulatedProcess, python
from harness.model import Outcome
from harness.probes.probe import Answer
from simulators.hospital import pacs, pacs_beside, ris

NAME: Final = "imaging-systems"
"""Where they stand among the probes of a bench."""

MODULE: Final = "simulators.hospital.pacs_shell"
LINKS: Final = {"PACS": pacs.LINK, "RIS": ris.LINK}
BESIDE: Final = pacs_beside.LINKS
"""The link that each accepts beside DICOM: the web side of the PACS, the HL7 side of the RIS."""

AE_TITLES: Final = {"PACS": pacs.AE_TITLE, "RIS": ris.AE_TITLE}


@dataclass(slots=True)
class ImagingSystems:
    """The processes.

    Args:
        folder: where their stores are.
        defects: ids that are switched on.
        listeners: where they listen, by link; the others get a free port on loopback.
    """

    folder: Path
    defects: Sequence[str] = ()
    listeners: Mapping[str, Any] = field(default_factory=dict)
    name: str = NAME
    role: str = "PACS"
    _running: dict[str, SimulatedProcess] = field(default_factory=dict)

    def address(self, role: str, link: str = "") -> Address:
        """Where a role listens, over DICOM unless another link is named; started at need."""
        found = self._process(role).addresses[link or LINKS[role]]
        if not isinstance(found, Address):
            raise TypeError(f"{role} listens on {found}")
        return found

    def route(self, role: str, link: str, address: Address) -> None:
        """Tell a role where it reaches the other end of a link."""
        args = {link: {"host": address.host, "port": address.port}}
        self._process(role).command("_route", args, limits.CONTROL_TIMEOUT_S)

    def _process(self, role: str) -> SimulatedProcess:
        process = self._running.get(role)
        if process is None:
            listen = {}
            for link in (LINKS[role], BESIDE[role]):
                where = self.listeners.get(link)
                listen[link] = where.data() if where else {"host": "127.0.0.1", "port": 0}
            config = {
                "role": role,
                "store": str(self.folder / f"{role.lower()}.sqlite"),
                "defects": list(self.defects),
                "listen": listen,
            }
            process = SimulatedProcess(role, python(MODULE), config)
        if not process.running:
            process.start()
        self._running[role] = process
        return process

    def order(self, role: str, name: str, args: Mapping[str, Any]) -> Any:
        """What its user does at the screen; raises ``HarnessError`` where it refuses."""
        return self._process(role).command(name, args, limits.CONTROL_TIMEOUT_S)

    def heard(self, role: str) -> list[dict[str, str]]:
        """Harmless calls that a role got since the last time; none where it does not run."""
        process = self._running.get(role)
        if process is None or not process.running:
            return []
        found: list[dict[str, str]] = process.command("_heard", {}, limits.CONTROL_TIMEOUT_S)
        return found

    def secured(self, shown: Path, expired: Path, ca: Path, *, web: bool = False) -> int:
        """Let the PACS show a certificate over TLS, and ask for one of an authority; its port.

        Args:
            shown: the certificate.
            expired: one for a PACS that forgot to renew it.
            ca: of those who may call.
            web: over HTTPS, and not over DICOM.
        """
        args = {"certificate": str(shown), "expired": str(expired), "ca": str(ca)}
        args |= {"web": "yes"} if web else {}
        return int(self._process("PACS").command("_secure", args, limits.CONTROL_TIMEOUT_S))

    def cut(self, role: str) -> None:
        """Cut its power; it starts again, with its store and its port, when it is next needed."""
        self._process(role).kill()

    def restart(self, role: str) -> None:
        """Cut its power and start it again, with its store and its port."""
        process = self._process(role)
        process.kill()
        process.start()

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Which of them run."""
        rows = [{"role": role} for role, one in self._running.items() if one.running]
        return Answer(outcome=Outcome.OK, rows=rows)

    def close(self) -> None:
        """End them."""
        for process in self._running.values():
            process.stop()
        self._running.clear()
