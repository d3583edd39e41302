"""From the profile to what a bench is built of: links, addresses, probes, test patients."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.databases import oracle_client
from harness.link.address import Address
from harness.link.spec import LinkSpec
from harness.link.tap import Connection
from harness.model import Person
from harness.permit import Permit
from harness.probes.probe import Probe
from harness.probes.sql import SqlProbe
from harness.profile import LinkTransport, Mode, ProbeKind, Profile, Via
from harness.profile_probes import oracle_client_of
from harness.scenario.wiring_probes import other_probe, pace_of
from harness.scenario.wiring_tls import over_tls, presented
from harness.subjects import read_subjects

BUILT_IN_URL = "builtin:"
"""A probe URL of this form looks into the store of a system that we run ourselves."""


@dataclass(frozen=True, slots=True)
class AddressGate:
    """Lets a relay open permitted addresses only; what it passes on is not its own."""

    permit: Permit

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        """A relay originates nothing."""

    def opens(self, connection: Connection, host: str, port: int) -> None:
        """Refuse a forbidden address."""
        self.permit.require_open(host, port)


def link_specs(profile: Profile) -> dict[str, LinkSpec]:
    """Every link of the profile by name."""
    return {
        name: LinkSpec(
            name=name,
            interface=endpoint.interface,
            frm=endpoint.frm,
            to=endpoint.to,
            protocol=str(endpoint.protocol),
            relayed=endpoint.via is Via.RELAY,
            ae_title=endpoint.ae_title,
            path=endpoint.path,
        )
        for name, endpoint in profile.endpoints.items()
    }


def addresses(profile: Profile, environ: Mapping[str, str]) -> dict[str, Address]:
    """Where the links to systems lead that we do not run, with TLS where the profile says so.

    Raises:
        ProfileError: the certificates of a link cannot be used.
    """
    return {
        name: _address(profile, name, environ)
        for name, endpoint in profile.endpoints.items()
        if profile.mode(endpoint.to) is not Mode.SIMULATED and endpoint.port
    }


def listeners(
    profile: Profile, permit: Permit, environ: Mapping[str, str] | None = None
) -> dict[str, Address]:
    """Where the systems that we run listen; port 0 is chosen by the operating system.

    Raises:
        PermitError: other machines could reach a listener, and the profile does not say so.
        ProfileError: the certificate of a listener cannot be used.
    """
    found = {}
    for name, endpoint in profile.endpoints.items():
        serial = endpoint.transport is LinkTransport.SERIAL
        if profile.mode(endpoint.to) is Mode.SIMULATED and not serial:
            permit.require_listen(endpoint.host, expose=endpoint.expose)
            tls = presented(profile, name, os.environ if environ is None else environ)
            found[name] = Address(host=endpoint.host, port=endpoint.port, tls=tls)
    return found


def relays(profile: Profile, permit: Permit) -> dict[str, Address]:
    """Where our relays listen, for systems that connect to a fixed address.

    Raises:
        PermitError: other machines could reach a relay, and the profile does not say so.
    """
    found = {}
    for name, endpoint in profile.endpoints.items():
        if endpoint.via is Via.RELAY:
            permit.require_listen(endpoint.relay_host, expose=endpoint.expose)
            found[name] = Address(host=endpoint.relay_host, port=endpoint.relay_port)
    return found


def _address(profile: Profile, name: str, environ: Mapping[str, str]) -> Address:
    endpoint = profile.endpoints[name]
    if endpoint.tls is None:
        return Address(host=endpoint.host, port=endpoint.port)
    return over_tls(profile, name, endpoint.host, endpoint.port, endpoint.tls, environ)


def probes(
    profile: Profile, folder: Path, permit: Permit, environ: Mapping[str, str]
) -> dict[str, Probe]:
    """Every probe of the profile by name; none that the policy forbids to open.

    Args:
        profile: of the site.
        folder: where the stores of the systems are that we run.
        permit: refuses forbidden databases.
        environ: holds the URLs that the profile only names.

    Raises:
        InputError: the Oracle client that a probe names cannot be loaded by us.
        PermitError: a probe would open a forbidden address.
    """
    found: dict[str, Probe] = {}
    for name, probe in profile.probes.items():
        if probe.kind is ProbeKind.DICOM:
            continue  # sentences of imaging look over the endpoints of the role
        if probe.kind is not ProbeKind.SQL:
            found[name] = other_probe(profile, name, permit, environ)
            continue
        url = profile.probe_url(name, environ)
        if url.startswith(BUILT_IN_URL):
            url = str(folder / f"{url.removeprefix(BUILT_IN_URL).lower()}.sqlite")
        else:
            permit.require_database(url)
        client = oracle_client_of(profile, name, url)
        if client:
            oracle_client.check(client)
        found[name] = SqlProbe(
            name=name,
            role=probe.role,
            url=url,
            query=probe.query.strip(),
            rows_max=probe.rows_max,
            timeout_s=probe.timeout_s,
            columns=probe.columns,
            verify=True,
            reach=str(probe.reach),
            pace=pace_of(profile, name),
            client=client,
        )
    return found


def subjects(profile: Profile) -> tuple[Person, ...]:
    """The signed test patients; ``InputErrors`` where the list is not the one that was signed."""
    signed = profile.test_subjects
    if signed is None:
        return ()
    return read_subjects(profile.file(signed.list), signed.sha256)
