"""``medharness doctor``: looks whether a profile fits the site, and changes nothing.

It reads certificates' dates, clocks and probes, connects and closes without a byte, and tells of
every connection before the first one opens. Addresses that the policy forbids are never opened.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from harness.addresses import Resolve
from harness.clock import RealClock
from harness.errors import HarnessError, PermitError
from harness.i18n import tr
from harness.link import reach
from harness.permit import Permit
from harness.profile_check import is_loopback, serial_place
from harness.profile_model import Endpoint, Profile, Tls
from harness.profile_values import Environment, LinkTransport, Mode, Via

CERTIFICATE_WARN_DAYS = 30
"""A hospital's certificate authority takes weeks to renew."""


class Status(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what was looked at, such as ``reach``, ``certificate``, ``probe``.
        place: key of the profile.
        status: ok, warn, fail, skipped.
        detail: what was seen.
        remedy: one next action; empty where nothing is to do.
    """

    name: str
    place: str
    status: Status
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the doctor looks with."""

    open_connection: Callable[[str, int], reach.Reached] = reach.tcp_reach
    certificate: Callable[[str, int, reach.TlsFiles], reach.Certificate] = reach.tls_certificate
    can_listen: Callable[[str, int], reach.Reached] = reach.can_listen
    ports: Callable[[], Sequence[str]] = reach.serial_ports
    resolve: Resolve = reach.resolve
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: Callable[[], dt.datetime] = RealClock().wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look that is still to be taken.

    Attributes:
        opens: what will be opened, for the announcement; empty where nothing is.
        take: takes the look.
    """

    opens: str = ""
    take: Callable[[], Sequence[Check]]


def examine(
    profile: Profile,
    *,
    announce: Callable[[str], None] = lambda _: None,
    open_connection: Callable[[str, int], reach.Reached] | None = None,
    means: Means | None = None,
) -> list[Check]:
    """Look at everything that a profile names.

    Args:
        profile: the profile.
        announce: told of every connection, before any of them opens.
        open_connection: connects and closes; default: ``reach.tcp_reach``.
        means: everything else to look with.
    """
    from harness.doctor_probes import probe_looks  # noqa: PLC0415 - it needs Check and Look

    with_ = means or Means()
    if open_connection is not None:
        with_ = Means(
            open_connection=open_connection,
            certificate=with_.certificate,
            can_listen=with_.can_listen,
            ports=with_.ports,
            resolve=with_.resolve,
            environ=with_.environ,
            now=with_.now,
        )
    permit = Permit(profile, with_.now, resolve=with_.resolve, environ=with_.environ)
    checks = [*_policy(profile, permit), *_versions(profile), *_secrets(profile, with_.environ)]
    looks: list[Look] = []
    for name, endpoint in profile.endpoints.items():
        looks += _endpoint_looks(profile, name, endpoint, permit, with_)
    looks += probe_looks(profile, permit, with_)
    for look in looks:
        if look.opens:
            announce(tr("will open: {what}", what=look.opens))
    for look in looks:
        checks += look.take()
    return checks


# -- what the profile says -------------------------------------------------------------------------


def _policy(profile: Profile, permit: Permit) -> Iterator[Check]:
    real = [role for role, system in profile.systems.items() if system.mode is not Mode.SIMULATED]
    if real and not profile.policy.forbidden_addresses:
        yield Check(
            name="policy",
            place="policy.forbidden_addresses",
            status=Status.WARN,
            detail=tr("no production address is forbidden"),
            remedy=tr("list the addresses of the production systems"),
        )
    if profile.environment is not Environment.PRODUCTION:
        return
    where = "policy.permit"
    try:
        window = permit.window()
    except PermitError as error:
        yield Check(
            name="permit",
            place=where,
            status=Status.FAIL,
            detail=error.message,
            remedy=error.remedy,
        )
        return
    if window is None:
        detail = tr("production: faults and writes are refused now")
    else:
        detail = tr("production: {allowed} until {end}", allowed=", ".join(window.allow),
                    end=window.end.isoformat())  # fmt: skip
    yield Check(name="permit", place=where, status=Status.OK, detail=detail)


def _versions(profile: Profile) -> Iterator[Check]:
    for role, system in profile.systems.items():
        if system.mode is Mode.SIMULATED:
            continue
        known = bool(system.version)
        yield Check(
            name="version",
            place=f"systems.{role}",
            status=Status.OK if known else Status.WARN,
            detail=system.version or tr("the report will not name its version"),
            remedy="" if known else tr("write the version that runs now"),
        )


def _secrets(profile: Profile, environ: Mapping[str, str]) -> Iterator[Check]:
    """Are the secrets there; none is printed."""
    for place, variable in _variables(profile):
        there = bool(environ.get(variable))
        yield Check(
            name="secret",
            place=place,
            status=Status.OK if there else Status.FAIL,
            detail=tr("{variable} is set", variable=variable) if there
            else tr("{variable} is not set", variable=variable),
            remedy="" if there else tr("set the environment variable before the run"),
        )  # fmt: skip


def _variables(profile: Profile) -> Iterator[tuple[str, str]]:
    for name, endpoint in profile.endpoints.items():
        for key in ("key_env", "key_password_env"):
            variable = getattr(endpoint.tls, key, None)
            if variable:
                yield f"endpoints.{name}.tls.{key}", variable
    for name, probe in profile.probes.items():
        if probe.url_env:
            yield f"probes.{name}.url_env", probe.url_env


# -- endpoints -------------------------------------------------------------------------------------


def _endpoint_looks(
    profile: Profile, name: str, endpoint: Endpoint, permit: Permit, means: Means
) -> Iterator[Look]:
    place = f"endpoints.{name}"
    if endpoint.transport is LinkTransport.SERIAL:
        yield _serial_look(place, endpoint, permit, means)
        return
    if endpoint.transport is LinkTransport.MEMORY:
        yield _said(place, tr("runs in memory"))
        return
    if endpoint.via is Via.RELAY:
        yield _listen_look(place, endpoint.relay_host, endpoint.relay_port, means)
    if profile.mode(endpoint.to) is Mode.SIMULATED:
        yield _listen_look(place, endpoint.host, endpoint.port, means)
        return
    try:
        permit.require_open(endpoint.host, endpoint.port)
    except PermitError as error:
        yield _refused("reach", place, error)
        return
    yield _reach_look(place, endpoint.host, endpoint.port, means)
    if endpoint.tls is not None:
        yield _certificate_look(place, profile, endpoint, endpoint.tls, means)


def _said(place: str, detail: str) -> Look:
    check = Check(name="reach", place=place, status=Status.SKIPPED, detail=detail)
    return Look(take=lambda: [check])


def _refused(name: str, place: str, error: HarnessError) -> Look:
    check = Check(
        name=name, place=place, status=Status.FAIL, detail=error.message, remedy=error.remedy
    )
    return Look(take=lambda: [check])


def _reach_look(place: str, host: str, port: int, means: Means) -> Look:
    address = f"{host}:{port}"

    def take() -> Sequence[Check]:
        reached = means.open_connection(host, port)
        if reached.ok:
            detail = tr("{address} answers in {ms} ms", address=address,
                        ms=round(reached.seconds * 1000))  # fmt: skip
            return [Check(name="reach", place=place, status=Status.OK, detail=detail)]
        return [
            Check(
                name="reach",
                place=place,
                status=Status.FAIL,
                detail=tr("{address}: {why}", address=address, why=reached.reason),
                remedy=tr("is the listener started, and does a firewall let this machine through?"),
            )
        ]

    return Look(
        opens=tr("{place} → {address} (TCP, closed without a byte)", place=place, address=address),
        take=take,
    )


def _listen_look(place: str, host: str, port: int, means: Means) -> Look:
    """We shall listen there ourselves: is the port free?"""
    if not port:
        return _said(place, tr("we listen here on a port that is chosen at the start"))

    def take() -> Sequence[Check]:
        free = means.can_listen(host, port)
        exposed = not is_loopback(host)
        detail = tr("{address} is free for our listener", address=f"{host}:{port}")
        if not free.ok:
            detail = tr("{address}: {why}", address=f"{host}:{port}", why=free.reason)
        elif exposed:
            detail += tr("; other machines can reach it")
        return [
            Check(
                name="listen",
                place=place,
                status=Status.OK if free.ok else Status.FAIL,
                detail=detail,
                remedy="" if free.ok else tr("end the program that has this port"),
            )
        ]

    return Look(take=take)


def _serial_look(place: str, endpoint: Endpoint, permit: Permit, means: Means) -> Look:
    """Is the port there; a port of this machine is never opened, it may be in use."""
    server = serial_place(endpoint.url)
    if server is not None:
        try:
            permit.require_open(*server)
        except PermitError as error:
            return _refused("reach", place, error)
        return _reach_look(place, *server, means)
    if endpoint.url.startswith("loop://"):
        return _said(place, tr("runs in memory"))

    def take() -> Sequence[Check]:
        ports = list(means.ports())
        there = endpoint.url.lower() in {port.lower() for port in ports}
        return [
            Check(
                name="serial",
                place=place,
                status=Status.OK if there else Status.FAIL,
                detail=tr("{port} is there (not opened)", port=endpoint.url) if there
                else tr("no {port}; this machine has: {ports}", port=endpoint.url,
                        ports=", ".join(ports) or "-"),
                remedy="" if there else tr("plug the adapter in, or correct the url"),
            )
        ]  # fmt: skip

    return Look(take=take)


def _certificate_look(
    place: str, profile: Profile, endpoint: Endpoint, tls: Tls, means: Means
) -> Look:
    def take() -> Sequence[Check]:
        files = _tls_files(profile, tls, means.environ)
        missing = [path for path in (files.ca, files.certificate, files.key)
                   if path is not None and not path.is_file()]  # fmt: skip
        if missing:
            return [
                Check(
                    name="certificate",
                    place=place,
                    status=Status.FAIL,
                    detail=tr("no such file: {path}", path=missing[0].name),
                    remedy=tr("put the file beside the profile, or correct its name"),
                )
            ]
        seen = means.certificate(endpoint.host, endpoint.port, files)
        return [_judged(place, seen, means.now())]

    return Look(
        opens=tr("{place} → {address} (TLS handshake only)", place=place,
                 address=f"{endpoint.host}:{endpoint.port}"),
        take=take,
    )  # fmt: skip


def _tls_files(profile: Profile, tls: Tls, environ: Mapping[str, str]) -> reach.TlsFiles:
    key = environ.get(tls.key_env or "", "")
    return reach.TlsFiles(
        ca=profile.file(tls.ca) if tls.ca else None,
        certificate=profile.file(tls.certificate) if tls.certificate else None,
        key=Path(key) if key else None,
        password=environ.get(tls.key_password_env or "", ""),
        server_name=tls.server_name or "",
    )


def _judged(place: str, seen: reach.Certificate, now: dt.datetime) -> Check:
    """The dates of a trusted certificate, or why it is not trusted."""
    status, remedy = Status.OK, ""
    if not seen.ok or seen.not_after is None:
        status = Status.FAIL
        detail = seen.reason or tr("the certificate tells no date")
        remedy = tr("look at ca, server_name and the certificate of the other side")
    else:
        days = (seen.not_after - now).days
        detail = tr("holds until {day}, {days} days", day=seen.not_after.date(), days=days)
        if days < CERTIFICATE_WARN_DAYS:
            status, remedy = Status.WARN, tr("ask for a new certificate")
    return Check(name="certificate", place=place, status=status, detail=detail, remedy=remedy)
