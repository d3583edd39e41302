"""What the doctor does with endpoints: reach, certificates, free ports, serial adapters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from harness.doctor_check import Check, Look, Means, Status, failed, refused, said
from harness.errors import PermitError
from harness.i18n import tr
from harness.link import reach
from harness.link.serial_port import is_device
from harness.link.serial_pty import has_terminals
from harness.permit import Permit
from harness.profile_check import is_loopback, serial_place
from harness.profile_model import Endpoint, Profile, Tls
from harness.profile_tls import tls_files
from harness.profile_values import LinkProtocol, LinkTransport, Mode, Via

CERTIFICATE_WARN_DAYS = 30
"""A hospital's certificate authority takes weeks to renew."""

OF_ANALYZERS = frozenset({LinkProtocol.ASTM, LinkProtocol.RAW, LinkProtocol.FRAMED})
"""What is spoken where a listener often takes one client: a second one throws the first out."""


def endpoint_looks(
    profile: Profile, name: str, endpoint: Endpoint, permit: Permit, means: Means
) -> Iterator[Look]:
    """The looks that one endpoint needs."""
    place = f"endpoints.{name}"
    if endpoint.transport is LinkTransport.SERIAL:
        yield from _serial_looks(place, profile, endpoint, permit, means)
        return
    if endpoint.transport is LinkTransport.MEMORY:
        yield said("reach", place, tr("runs in memory"))
        return
    if endpoint.via is Via.RELAY:
        yield _listen_look(place, endpoint.relay_host, endpoint.relay_port, means)
    if profile.mode(endpoint.to) is Mode.SIMULATED:
        yield _listen_look(place, endpoint.host, endpoint.port, means)
        return
    try:
        permit.require_open(endpoint.host, endpoint.port)
    except PermitError as error:
        yield refused("reach", place, error)
        return
    if endpoint.single_client:
        yield _kept_shut(place)
        return
    yield from _unsaid(place, endpoint)
    yield reach_look(place, endpoint.host, endpoint.port, means)
    if endpoint.tls is not None:
        yield _certificate_look(place, profile, endpoint, endpoint.tls, means)


def reach_look(place: str, host: str, port: int, means: Means) -> Look:
    """Connect, and close without a byte."""
    address = f"{host}:{port}"

    def take() -> Sequence[Check]:
        reached = means.open_connection(host, port)
        if reached.ok:
            detail = tr("{address} answers in {ms} ms", address=address,
                        ms=round(reached.seconds * 1000))  # fmt: skip
            return [Check(name="reach", place=place, status=Status.OK, detail=detail)]
        detail = tr("{address}: {why}", address=address, why=reached.reason)
        remedy = tr("is the listener started, and does a firewall let this machine through?")
        return [failed("reach", place, detail, remedy)]

    return Look(
        opens=tr("{place} → {address} (TCP, closed without a byte)", place=place, address=address),
        take=take,
    )


def _kept_shut(place: str) -> Look:
    return said("reach", place, tr("not opened: it takes one client, who may be connected"))


def _unsaid(place: str, endpoint: Endpoint) -> Iterator[Look]:
    """A warning where nobody said whether a look would throw out who is connected."""
    if endpoint.protocol in OF_ANALYZERS and "single_client" not in endpoint.model_fields_set:
        check = Check(
            name="single-client",
            place=place,
            status=Status.WARN,
            detail=tr("nobody said whether it takes one client: a look would throw that one out"),
            remedy=tr("write single_client = true, or false where it takes several"),
        )
        yield Look(take=lambda: [check])


def _listen_look(place: str, host: str, port: int, means: Means) -> Look:
    """Where we shall listen ourselves the port must be free."""
    if not port:
        return said("reach", place, tr("we listen here on a port that is chosen at the start"))

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


def _serial_looks(
    place: str, profile: Profile, endpoint: Endpoint, permit: Permit, means: Means
) -> Iterator[Look]:
    """Both ends of a line that we hold."""
    ends = {place: endpoint.url, f"{place}.listen_url": endpoint.listen_url}
    ours = {profile.mode(role) is Mode.SIMULATED for role in (endpoint.frm, endpoint.to)} == {True}
    if not ours and any(serial_place(url) for url in ends.values()):
        yield from _unsaid(place, endpoint)
    for end, url in ends.items():
        if url:
            yield _serial_look(end, url, permit, means, single=endpoint.single_client)


def _serial_look(place: str, url: str, permit: Permit, means: Means, *, single: bool) -> Look:
    """Whether the port is there; one of this machine is never opened, it may be in use."""
    server = serial_place(url)
    if server is not None:
        try:
            permit.require_open(*server)
        except PermitError as error:
            return refused("reach", place, error)
        return _kept_shut(place) if single else reach_look(place, *server, means)
    if url.startswith("loop://"):
        return said("reach", place, tr("runs in memory"))
    if url.startswith("pty://"):
        return _pair_look(place)

    def take() -> Sequence[Check]:
        ports = list(means.ports())
        there = url.lower() in {port.lower() for port in ports} or is_device(url)
        return [
            Check(
                name="serial",
                place=place,
                status=Status.OK if there else Status.FAIL,
                detail=tr("{port} is there (not opened)", port=url) if there
                else tr("no {port}; this machine has: {ports}", port=url,
                        ports=", ".join(ports) or "-"),
                remedy="" if there else tr("plug the adapter in, or correct the url"),
            )
        ]  # fmt: skip

    return Look(take=take)


def _pair_look(place: str) -> Look:
    """A pair of pseudo-terminals is made at the start of a run, where the system has them."""
    if has_terminals():
        return said("serial", place, tr("a pair of pseudo-terminals is made at the start"))
    remedy = tr("use a pair of ports (com0com, socat) or a serial device server")
    check = failed("serial", place, tr("this system has no pseudo-terminals"), remedy)
    return Look(take=lambda: [check])


def _certificate_look(
    place: str, profile: Profile, endpoint: Endpoint, tls: Tls, means: Means
) -> Look:
    def take() -> Sequence[Check]:
        files = tls_files(profile, tls, means.environ)
        missing = [path for path in (files.ca, files.certificate, files.key)
                   if path is not None and not path.is_file()]  # fmt: skip
        if missing:
            detail = tr("no such file: {path}", path=missing[0].name)
            remedy = tr("put the file beside the profile, or correct its name")
            return [failed("certificate", place, detail, remedy)]
        seen = means.certificate(endpoint.host, endpoint.port, files)
        return [_judged(place, seen, means.now())]

    return Look(
        opens=tr("{place} → {address} (TLS handshake only)", place=place,
                 address=f"{endpoint.host}:{endpoint.port}"),
        take=take,
    )  # fmt: skip


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
