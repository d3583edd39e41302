"""Probes that are no database: files, HTTP, HL7, a person, and SQL that a person carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.clock import RealClock
from harness.errors import ProfileError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.http_call import Caller
from harness.link.once import ask as ask_once
from harness.link.tap import Connection
from harness.permit import Permit
from harness.probes.carried import CarriedProbe
from harness.probes.files import FilesProbe
from harness.probes.hl7 import Hl7Probe
from harness.probes.http import HttpProbe
from harness.probes.pace import Pace
from harness.probes.person import PersonProbe
from harness.probes.probe import Probe
from harness.profile import Mode, ProbeConfig, ProbeKind, Profile
from harness.profile_probes import place_of
from harness.scenario.wiring_tls import over_tls
from harness.wire.core import Message
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.mllp import MllpCore

RATE_PER_S: Final = 10.0
"""Looks a second at a system that we do not run, where the profile says nothing."""


def pace_of(profile: Profile, name: str) -> Pace:
    """How often a probe may look; a system that we run ourselves may be asked at any pace."""
    probe = profile.probes[name]
    ours = profile.mode(probe.role) is Mode.SIMULATED
    return Pace(probe.rate_per_s or (0.0 if ours else RATE_PER_S))


def other_probe(profile: Profile, name: str, permit: Permit, environ: Mapping[str, str]) -> Probe:
    """A probe of any kind but SQL.

    Raises:
        PermitError: it would open a forbidden address.
        ProfileError: its certificates cannot be used, or its variable is not set.
    """
    probe = profile.probes[name]
    makers: dict[ProbeKind, Callable[[], Probe]] = {
        ProbeKind.CARRIED: lambda: _carried(profile, name, probe),
        ProbeKind.FILES: lambda: _files(profile, name, probe, environ),
        ProbeKind.HTTP: lambda: _http(profile, name, probe, permit, environ),
        ProbeKind.HL7: lambda: _hl7(profile, name, probe, permit, environ),
        ProbeKind.PERSON: lambda: _person(profile, name, probe),
    }
    return makers[probe.kind]()


def _folder(profile: Profile, name: str, environ: Mapping[str, str]) -> str:
    return profile.probe_url(name, environ).removeprefix("folder:")


def _carried(profile: Profile, name: str, probe: ProbeConfig) -> Probe:
    """A probe that a person carries; Oracle needs a table even for constants."""
    oracle = profile.quirks.get(probe.role, {}).get("database") == "oracle"
    return CarriedProbe(
        name=name,
        role=probe.role,
        folder=profile.file((probe.url or "").removeprefix("folder:")),
        query=probe.query.strip(),
        wait_s=profile.operator.wait_s,
        fresh_s=probe.timeout_s,
        columns=probe.columns,
        rows_max=probe.rows_max,
        from_nothing=" FROM dual" if oracle else "",
        reach=str(probe.reach),
    )


def _files(profile: Profile, name: str, probe: ProbeConfig, environ: Mapping[str, str]) -> Probe:
    return FilesProbe(
        name=name,
        role=probe.role,
        folder=profile.file(_folder(profile, name, environ)),
        names=probe.query.strip(),
        line=probe.rows,
        columns=probe.columns,
        rows_max=probe.rows_max,
        timeout_s=probe.timeout_s,
        reach=str(probe.reach),
        pace=pace_of(profile, name),
    )


def _person(profile: Profile, name: str, probe: ProbeConfig) -> Probe:
    return PersonProbe(
        name=name,
        role=probe.role,
        question=probe.query.strip(),
        columns=probe.columns,
        wait_s=profile.operator.wait_s,
        fresh_s=probe.timeout_s,
        reach=str(probe.reach),
    )


def _address(
    profile: Profile, name: str, permit: Permit, environ: Mapping[str, str]
) -> Address | None:
    """Where a probe over the network looks; None where its variable is not set.

    Raises:
        PermitError: it is forbidden to open it.
        ProfileError: the URL or the certificates cannot be used.
    """
    probe, url = profile.probes[name], profile.probe_url(name, environ)
    try:
        place = place_of(url)
    except ValueError:
        place = None
    if place is None or not place[0]:
        if not url:
            return None
        raise ProfileError(
            tr("no probe can look into this URL"), where=f"{profile.path}: probes.{name}"
        )
    host, port = place
    permit.require_open(host, port)
    if not url.startswith(("https:", "mllps:")):
        return Address(host=host, port=port)
    if probe.tls is None:
        raise ProfileError(
            tr("a TLS link needs a table “tls”"), where=f"{profile.path}: probes.{name}"
        )
    return over_tls(profile, name, host, port, probe.tls, environ)


def _http(
    profile: Profile, name: str, probe: ProbeConfig, permit: Permit, environ: Mapping[str, str]
) -> Probe:
    address = _address(profile, name, permit, environ)
    connection = Connection(
        id=f"{name}#1", link=name, interface="", local="probe", peer=probe.role, client=True
    )

    def send(request: HttpRequest) -> HttpResponse:
        if address is None:
            raise _unset(name, probe)
        permit.require_open(address.host, address.port)
        return Caller(address=address, wait_s=probe.timeout_s).call(connection, request)

    return HttpProbe(
        name=name,
        role=probe.role,
        send=send,
        target=probe.query.strip(),
        path=probe.rows,
        columns=probe.columns,
        header=environ.get(probe.header_env or "", ""),
        empty_status=frozenset(probe.empty_status),
        rows_max=probe.rows_max,
        reach=str(probe.reach),
        pace=pace_of(profile, name),
    )


def _hl7(
    profile: Profile, name: str, probe: ProbeConfig, permit: Permit, environ: Mapping[str, str]
) -> Probe:
    address = _address(profile, name, permit, environ)
    clock = RealClock()
    received = profile.encodings.get(probe.role)

    def send(payload: bytes) -> Sequence[bytes]:
        if address is None:
            raise _unset(name, probe)
        permit.require_open(address.host, address.port)
        events = ask_once(address, MllpCore(), Message(payload=payload), probe.timeout_s, clock,
                          lambda: None, lambda: False)  # fmt: skip
        return next(([one.payload] for one in events if isinstance(one, Message)), [])

    return Hl7Probe(
        name=name,
        role=probe.role,
        send=send,
        query=probe.query,
        segment=probe.rows,
        columns=probe.columns,
        encoding=probe.encoding or (received.receives if received else "utf-8"),
        rows_max=probe.rows_max,
        reach=str(probe.reach),
        pace=pace_of(profile, name),
    )


def _unset(name: str, probe: ProbeConfig) -> ProfileError:
    return ProfileError(
        tr("the probe {name} has no address: {variable} is not set", name=name,
           variable=probe.url_env)
    )  # fmt: skip
