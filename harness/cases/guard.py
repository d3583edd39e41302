"""Who may stand in a replay: the persons of the case, as its manifest has them, and nobody else.

The pseudonyms of a case lie outside the namespace of generated people. Their hashes stand in the
manifest; a message that names anybody else does not leave.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from harness.cases import dicom_persons, framing, framing_maker, framing_mllp, maker_places
from harness.cases.identity import Identity, load
from harness.cases.places import places_of
from harness.errors import PermitError
from harness.i18n import tr
from harness.identity_readers import READERS, Claim
from harness.link.tap import Connection
from harness.permit import Permit

DECODINGS = ("utf-8", "gb18030")


def claims(protocol: str, payload: bytes, identity: Identity) -> list[list[Claim]]:
    """Everybody whom a payload names, for each character set that it may be in."""
    if protocol == "dicom":
        return [[Claim(place=place, kind="text", value=value)
                 for place, value in dicom_persons.who(payload, identity)]]  # fmt: skip
    if protocol == framing_maker.WIRE:
        return [_columns(payload, identity)]
    if protocol == framing.WIRE:
        protocol, payload = "astm", framing.text_of(payload)
    elif protocol == framing_mllp.WIRE:
        protocol, payload = "hl7", framing_mllp.part_of(payload).message
    reader = READERS.get(protocol)
    found = []
    for codec in DECODINGS:
        try:
            text = payload.decode(codec)
        except UnicodeDecodeError:
            continue
        found.append(list(reader(text)) if reader else list(_members(payload, identity)))
    return found


def _columns(payload: bytes, identity: Identity) -> list[Claim]:
    """Of an instrument's own layout: what its model says who somebody is by."""
    if identity.layout is None:
        return []
    return [Claim(place=kind, kind="text", value=value)
            for kind, value in maker_places.values(payload, identity.layout)]  # fmt: skip


def _members(payload: bytes, identity: Identity) -> Iterator[Claim]:
    """Of JSON: the members that tell who somebody is."""
    codec, spans = places_of("http", payload, identity)
    for begin, end, kind in spans:
        if kind != "texts":
            value = payload[begin:end].decode(codec, "surrogateescape")
            yield Claim(place=f"@{begin}", kind="text", value=value)


def hashed(claim: Claim, salt: str) -> str:
    """How a manifest has a claim."""
    value = "".join(claim.value.split()).casefold()
    raw = f"{salt}|{claim.kind}|{value}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(raw).hexdigest()[:24]


def persons(
    pieces: Iterable[tuple[str, bytes]], salt: str, places: Identity | None = None
) -> list[str]:
    """Hashes of everybody in some payloads, for the manifest."""
    layout = places.layout if places is not None else None
    identity = dataclasses.replace(load(), layout=layout)
    return sorted(
        {
            hashed(one, salt)
            for protocol, payload in pieces
            for read in claims(protocol, payload, identity)
            for one in read
        }
    )


@dataclass(slots=True)
class CaseGuard:
    """A ``Guard`` of the links.

    Attributes:
        permit: of the profile.
        known: hashes of the persons of the case.
        salt: of these hashes.
        recorded: what a minted text was in the case.
    """

    permit: Permit
    known: frozenset[str]
    salt: str
    recorded: Callable[[bytes], bytes]
    identity: Identity = field(default_factory=load)

    def body(self, payload: bytes) -> None:
        """The same for a body over HTTP before it is signed, and may be enciphered."""
        self._look("http", payload)

    def session(self, payload: bytes) -> None:
        """The same for a session before it leaves in pieces, in which nobody can be read."""
        self._look(framing.WIRE, payload)

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        """Refuse a payload that names anybody who is not of the case."""
        if protocol != framing.WIRE:
            self._look({"mllp": "hl7"}.get(protocol, protocol), payload)

    def _look(self, name: str, payload: bytes) -> None:
        refused: Claim | None = None
        # Values of DICOM lie among lengths and tags: it is looked at as it leaves.
        own = name == framing_maker.WIRE  # and values of columns beside other columns
        then = payload if name == "dicom" or own else self.recorded(payload)
        for found in claims(name, then, self.identity):
            read = [self._then(one) for one in found] if own else found
            strange = next((one for one in read if hashed(one, self.salt) not in self.known), None)
            if strange is None:
                return
            refused = refused or strange
        raise PermitError(
            tr("{place} carries an identity that is not of this case",
               place=refused.place if refused else "?"),
            remedy=tr("take the case out of its recording again; do not edit its messages"),
        )  # fmt: skip

    def _then(self, claim: Claim) -> Claim:
        """What it was in the recording."""
        raw = self.recorded(claim.value.encode("utf-8", "surrogateescape"))
        return dataclasses.replace(claim, value=raw.decode("utf-8", "surrogateescape"))

    def opens(self, connection: Connection, host: str, port: int) -> None:
        """Refuse a forbidden address."""
        self.permit.require_open(host, port)
