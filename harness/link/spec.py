"""One link as the engine wires it: who connects to whom, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

from harness.link.tap import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """One endpoint of the profile, without its address.

    Attributes:
        name: name of the endpoint in the profile.
        interface: id from ``fixtures/interfaces.toml``.
        frm: role that connects.
        to: role that listens.
        protocol: ``astm`` or ``mllp``.
        relayed: we stand in line.
        ae_title: of the listening system (DICOM); empty for that of the built-in one.
        path: where its web services begin (DICOMweb); empty for the usual place.
    """

    name: str
    interface: str
    frm: str
    to: str
    protocol: str
    relayed: bool = False
    ae_title: str = ""
    path: str = ""

    def connection(self, conn: str, *, client: bool) -> Connection:
        """A connection of this link, held at the connecting or the listening end.

        A relay holds both: towards each system it stands in the place of the other one, so the
        ends are named the same way.
        """
        local, peer = (self.frm, self.to) if client else (self.to, self.frm)
        return Connection(
            id=conn, link=self.name, interface=self.interface, local=local, peer=peer, client=client
        )
