"""Who must agree before a byte of ours leaves: whom it is about, where it goes, what is proven."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.errors import PeerError, PermitError
from harness.i18n import tr
from harness.identity import IdentityGuard
from harness.identity_dicom import dicom_claims
from harness.link.dicom import Request
from harness.link.dicom_data import read
from harness.link.tap import Connection
from harness.permit import Permit
from harness.site.strangers import told


@dataclass(slots=True)
class OriginGuard:
    """Lets only our own people, and only permitted addresses, through."""

    identities: IdentityGuard
    permit: Permit
    alarm: Callable[[str], None] = lambda _: None
    proves: Callable[[], None] | None = None
    """At a site with real systems: lets a harmless call arrive before a device of ours moves."""
    _thread: int = field(default_factory=threading.get_ident)

    def payload(
        self,
        connection: Connection,
        protocol: str,
        payload: bytes,
    ) -> None:
        """Refuse a payload with an identity that is not ours."""
        try:
            if protocol.startswith("dicom "):
                self._data_set(protocol.removeprefix("dicom "), payload)
            else:
                self.identities.check({"mllp": "hl7"}.get(protocol, protocol), payload)
        except PermitError as error:
            self.alarm(tr("ALARM: {link}: {why}; it is not sent", link=connection.link,
                          why=error.message))  # fmt: skip
            raise

    def opens(
        self,
        connection: Connection,
        host: str,
        port: int,
    ) -> None:
        """Refuse a forbidden address; first of all let the way of the real callers be proven.

        Devices on pynetdicom and callers over HTTP open their connections in the scenario's own
        thread, without ``World.tell``; actors open theirs in the driver's, after it.
        """
        self.permit.require_open(host, port)
        if self.proves is not None and threading.get_ident() == self._thread:
            self.proves()

    def strange(self, link: str, request: Request) -> bool:
        """Whether a request of a real system to a device of ours is about a stranger: an alarm."""
        if self.proves is None or not request.payload:
            return False
        try:
            self.identities.check_claims(dicom_claims(request.data()))
        except (PermitError, PeerError) as error:
            self.alarm(told(link, error.message))
            return True
        return False

    def _data_set(self, syntax: str, payload: bytes) -> None:
        """Whom a data set is about, where real systems are; elsewhere all of them are made up.

        Raises:
            PermitError: somebody else, or nobody can tell.
        """
        if self.proves is None:
            return
        try:
            claims = list(dicom_claims(read(payload, syntax)))
        except PeerError as error:
            raise PermitError(
                tr("nobody can tell whose identity a payload of {protocol} carries",
                   protocol="DICOM")
            ) from error  # fmt: skip
        self.identities.check_claims(claims)
