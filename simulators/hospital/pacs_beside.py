"""What runs in the process of PACS and RIS beside DICOM: web, TLS, and HL7.

Web and HL7 are actors, so the drivers of ``harness.link`` run them. All share the store of the
DICOM side, and its defects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import limits
from harness.clock import Clock
from harness.link.actor import Actor
from harness.link.address import Address
from harness.link.host import Host
from harness.link.threads import Member
from simulators.hospital import pacs_web, ris_feed
from simulators.hospital.pacs import Pacs
from simulators.hospital.pacs_tls import Secured, context_of
from simulators.hospital.pacs_web import PacsWeb
from simulators.hospital.ris import Ris
from simulators.hospital.ris_feed import RisFeed
from simulators.shell import plain
from simulators.store import Store
from simulators.trouble import OutspokenThreads

LINKS: Final[Mapping[str, str]] = {"PACS": pacs_web.LINK, "RIS": ris_feed.ORDERS}
"""The link that each role accepts beside DICOM."""


STALE: Final = "pacs-https-shows-expired"
"""The defect of a web server whose certificate nobody renewed."""


@dataclass(slots=True)
class Beside:
    """The actors of one role.

    Args:
        service: the DICOM side.
        store: of both.
    """

    service: Any
    store: Store
    _runtime: OutspokenThreads = field(default_factory=OutspokenThreads)
    _member: Member | None = None
    _secured: Secured | None = None

    def start(self, host: str, port: int) -> Address:
        """Accept the link of this role; returns its address with the port that was given."""
        return self._started().listen(LINKS[self.service.role], Address(host=host, port=port))

    def route(self, link: str, address: Address) -> None:
        """Where this role reaches another one."""
        self._started().routes[link] = address
        self._push()

    def _started(self) -> Member:
        if self._member is None:
            clock = self._runtime.clock
            host = Host(self._actor(clock), clock, plain, store=self.store)
            self._member = self._runtime.add(self.service.role, host)
        return self._member

    def _actor(self, clock: Clock) -> Actor:
        if isinstance(self.service, Ris):
            feed = RisFeed(self.service, clock)
            self.service.told, self.service.nudge = feed.told, self._push
            return feed
        if not isinstance(self.service, Pacs):
            raise TypeError(type(self.service).__name__)
        return PacsWeb(self.service)

    def _push(self) -> None:
        """Let the HL7 side send what waits; the web side has nothing to send."""
        if isinstance(self.service, Ris):
            role = self.service.role
            self._runtime.command(role, "push", {}, limits.CONTROL_TIMEOUT_S)

    def secure(self, args: Mapping[str, Any]) -> int:
        """Let the PACS listen over TLS as well; see ``pacs_tls``.

        Args:
            args: ``certificate``, ``expired`` and ``ca`` as paths; ``web``: HTTPS, on a port of its
                own each time.
        """
        if not isinstance(self.service, Pacs):
            raise TypeError(type(self.service).__name__)
        if args.get("web"):
            names = ("certificate", "expired", "ca")
            files = {name: Path(str(args[name])) for name in names}
            at = Address(
                host="127.0.0.1", port=0, tls=context_of(files, self.service.defects, STALE)
            )
            return self._started().listen(LINKS[self.service.role], at).port
        self._secured = self._secured or Secured(self.service)
        return self._secured.start(args)

    def stop(self) -> list[str]:
        """End them; returns what would not end."""
        left = self._secured.stop() if self._secured is not None else []
        return [*left, *(self._runtime.stop() if self._member is not None else [])]
