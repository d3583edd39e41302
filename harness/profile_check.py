"""What a site profile must fulfil beyond the form of each key: references, addresses, agreement.

Every problem is found, not only the first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from harness import resources
from harness.addresses import Forbidden, Resolve, numeric
from harness.errors import InputErrors
from harness.i18n import tr
from harness.link.serial_address import SerialAddress
from harness.profile_model import DEVICE_ROLES, Endpoint, Profile
from harness.profile_probes import check_probe, place_of
from harness.profile_problem import BUILT_IN_URL, Path_, Problem, nearest
from harness.profile_values import (
    LinkTransport,
    Mode,
    Transport,
    Via,
    Worker,
)
from harness.subjects import read_subjects

__all__ = [
    "BUILT_IN_URL",
    "Problem",
    "check",
    "interfaces",
    "is_loopback",
    "nearest",
    "serial_place",
]

SPOKEN = {
    "astm": {"astm", "raw"}, "hl7": {"mllp", "hllp", "http", "soap"}, "dicom": {"dicom"},
    "framed": {"framed", "raw"}, "poct1a": {"poct1a"},
}  # fmt: skip
"""What may be spoken on an interface of ``fixtures/interfaces.toml``."""


@lru_cache(maxsize=1)
def interfaces() -> Mapping[str, str]:
    """Protocol of every interface that ships, by id."""
    with resources.fixture("interfaces.toml").open("rb") as file:
        data = tomllib.load(file)
    return {entry["id"]: entry["protocol"] for entry in data["interface"]}


def check(profile: Profile, systems: set[str], folder: Path, resolve: Resolve) -> list[Problem]:
    """Everything that is wrong with a profile whose keys have the right form.

    Args:
        profile: the profile.
        systems: roles that the file names in ``[systems]``, also where their tables are wrong.
        folder: of the profile; the files that it names stand relative to it.
        resolve: addresses of a host name.
    """
    problems = list(_roles(profile, systems))
    for name, endpoint in profile.endpoints.items():
        problems += _endpoint(profile, name, endpoint, systems)
    for name, probe in profile.probes.items():
        problems += check_probe(profile, name, probe, systems)
    problems += _memory(profile)
    problems += _forbidden(profile, resolve)
    problems += _subjects(profile, folder)
    problems += _privacy(profile)
    return problems


def _roles(profile: Profile, systems: set[str]) -> Iterator[Problem]:
    """Tables by role name roles that exist; a person works a system that is there."""
    for role, system in profile.systems.items():
        if system.mode is Mode.SIMULATED and system.worked_by is Worker.PERSON:
            yield Problem(
                path=("systems", role, "worked_by"),
                message=tr("nobody sits at a simulated {role}", role=role),
                remedy=tr('take worked_by out, or say mode = "real"'),
            )
    known = systems | DEVICE_ROLES
    for table in ("limits", "encodings", "quirks"):
        for role in getattr(profile, table):
            if role not in known:
                yield Problem(path=(table, role), message=_no_role(role),
                              remedy=nearest(role, known))  # fmt: skip


def _no_role(role: str) -> str:
    return tr("no role “{role}” in [systems]", role=role)


def _endpoint(
    profile: Profile, name: str, endpoint: Endpoint, systems: set[str]
) -> Iterator[Problem]:
    where: Path_ = ("endpoints", name)
    known = systems | DEVICE_ROLES
    for key, role in (("from", endpoint.frm), ("to", endpoint.to)):
        if role not in known:
            yield Problem(path=(*where, key), message=_no_role(role),
                          remedy=nearest(role, known))  # fmt: skip
    sides = {endpoint.frm, endpoint.to}
    if sides <= known and not sides & systems:
        yield Problem(path=where, message=tr("neither side of this link is a system"),
                      remedy=tr("name one of its roles in [systems]"))  # fmt: skip
    for index, other in enumerate(endpoint.also):
        if other not in interfaces():
            yield Problem(
                path=(*where, "also", index),
                message=tr("unknown interface “{interface}”", interface=other),
                remedy=nearest(other, interfaces()),
            )
    protocol = interfaces().get(endpoint.interface)
    if protocol is None:
        yield Problem(
            path=(*where, "interface"),
            message=tr("unknown interface “{interface}”", interface=endpoint.interface),
            remedy=nearest(endpoint.interface, interfaces()),
        )
    elif str(endpoint.protocol) not in SPOKEN.get(protocol, {str(endpoint.protocol)}):
        yield Problem(
            path=(*where, "protocol"),
            message=tr("{interface} is not spoken over {protocol}", interface=endpoint.interface,
                       protocol=endpoint.protocol),
            remedy=tr("use one of: {known}", known=", ".join(sorted(SPOKEN[protocol]))),
        )  # fmt: skip
    if sides & systems and sides <= profile.systems.keys() | DEVICE_ROLES:
        # Otherwise nobody knows yet who plays what.
        yield from _address(profile, where, endpoint)
        yield from _carrier(profile, where, endpoint)


def _address(profile: Profile, where: Path_, endpoint: Endpoint) -> Iterator[Problem]:
    """Where a real system is, where we listen, and who may reach us."""
    if endpoint.transport not in {LinkTransport.TCP, LinkTransport.TLS}:
        return
    relayed = endpoint.via is Via.RELAY
    ours = profile.mode(endpoint.to) is Mode.SIMULATED
    comes_from_outside = profile.mode(endpoint.frm) is not Mode.SIMULATED
    if not ours and (not endpoint.port or "host" not in endpoint.model_fields_set):
        yield Problem(
            path=where,
            message=tr("a real {role} needs a host and a port", role=endpoint.to),
            remedy=tr("write host and port of the system's listener"),
        )
    if comes_from_outside and not (endpoint.relay_port if relayed else endpoint.port):
        key = "relay_port" if relayed else "port"
        yield Problem(
            path=where,
            message=tr("a real {role} connects here, so {key} must be fixed", role=endpoint.frm,
                       key=key),
            remedy=tr("write the port that the system is configured to connect to"),
        )  # fmt: skip
    listens = {"relay_host": relayed, "host": ours}
    for key, ours_too in listens.items():
        host = getattr(endpoint, key)
        if ours_too and not is_loopback(host) and not endpoint.expose:
            yield Problem(
                path=(*where, key),
                message=tr("other machines could reach our listener on {host}", host=host),
                remedy=tr("use 127.0.0.1, or say expose = true"),
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on that host."""
    address = numeric(host)
    return host == "localhost" if address is None else address.is_loopback


def _carrier(profile: Profile, where: Path_, endpoint: Endpoint) -> Iterator[Problem]:
    """The keys of one transport, and no others."""
    serial = endpoint.transport is LinkTransport.SERIAL
    tls = endpoint.transport is LinkTransport.TLS
    if serial:
        yield from _serial(profile, where, endpoint)
    for key in ("url", "listen_url", "line"):
        if not serial and key in endpoint.model_fields_set:
            yield Problem(path=(*where, key), message=tr("{key} is for serial links", key=key),
                          remedy=tr('write transport = "serial", or take it out'))  # fmt: skip
    if not tls and endpoint.tls is not None:
        yield Problem(path=(*where, "tls"), message=tr("certificates are for TLS links"),
                      remedy=tr('write transport = "tls", or take it out'))  # fmt: skip
    if tls and endpoint.tls is None:
        yield Problem(path=where, message=tr("a TLS link needs a table “tls”"),
                      remedy=tr('write tls = { ca = "hospital-ca.pem" }'))  # fmt: skip
    if endpoint.tls is None:
        return
    listens = profile.mode(endpoint.to) is Mode.SIMULATED
    if listens and not (endpoint.tls.certificate and endpoint.tls.key_env):
        yield Problem(path=(*where, "tls"),
                      message=tr("where we listen with TLS we need certificate and key_env"),
                      remedy=tr("name our certificate, and the variable with its key"))  # fmt: skip
    if bool(endpoint.tls.certificate) != bool(endpoint.tls.key_env):
        yield Problem(path=(*where, "tls"),
                      message=tr("certificate and key_env belong together"),
                      remedy=tr("name our certificate, and the variable with its key"))  # fmt: skip


def _serial(profile: Profile, where: Path_, endpoint: Endpoint) -> Iterator[Problem]:
    """A line has two ends; those that we hold need a port each."""
    ours = {profile.mode(role) is Mode.SIMULATED for role in (endpoint.frm, endpoint.to)}
    pair = endpoint.url.startswith("pty://")
    if not endpoint.url:
        yield Problem(path=where, message=tr("a serial link needs a url"),
                      remedy=tr('write url = "COM3"'))  # fmt: skip
    elif pair and ours != {True}:
        yield Problem(path=(*where, "url"), message=tr("pty:// is for two sides that we run"),
                      remedy=tr('write url = "COM3"'))  # fmt: skip
    elif ours == {True} and pair == bool(endpoint.listen_url):
        yield Problem(path=where,
                      message=tr("where we run both sides, each needs a port of its own"),
                      remedy=tr('write url = "pty://", or both url and listen_url'))  # fmt: skip
    elif ours == {True, False} and endpoint.listen_url:  # of neither side: recorded in between
        yield Problem(path=(*where, "listen_url"),
                      message=tr("listen_url is for lines of which we run both sides"),
                      remedy=tr("take it out"))  # fmt: skip
    if endpoint.via is Via.RELAY:
        yield Problem(path=(*where, "via"), message=tr("no relay stands in a serial line"),
                      remedy=tr('write via = "direct"'))  # fmt: skip


def _memory(profile: Profile) -> Iterator[Problem]:
    """Over memory everything is ours; over sockets nothing is in memory."""
    in_memory = profile.transport is Transport.MEMORY
    for role, system in profile.systems.items():
        if in_memory and system.mode is not Mode.SIMULATED:
            yield Problem(path=("systems", role, "mode"),
                          message=tr("a {mode} system cannot be reached over memory",
                                     mode=system.mode),
                          remedy=tr('write transport = "tcp"'))  # fmt: skip
    for name, endpoint in profile.endpoints.items():
        if in_memory != (endpoint.transport is LinkTransport.MEMORY):
            yield Problem(path=("endpoints", name, "transport"),
                          message=tr("the profile's transport is {one}, this link's is {other}",
                                     one=profile.transport, other=endpoint.transport),
                          remedy=tr("make both memory, or none"))  # fmt: skip


def _forbidden(profile: Profile, resolve: Resolve) -> Iterator[Problem]:
    """Forbidden addresses are refused in every environment, before anything is opened."""
    entries: list[Forbidden] = []
    for text in profile.policy.forbidden_addresses:
        try:
            entries.append(Forbidden.parse(text).resolved(resolve))
        except ValueError:
            yield Problem(path=("policy", "forbidden_addresses"),
                          message=tr("“{text}” is no host, host:port or network", text=text[:80]),
                          remedy=tr("write it as {example}",
                                    example="10.1.2.3, his.local:1521, 10.8.0.0/16"))  # fmt: skip
    for name, endpoint in profile.endpoints.items():
        for key, host, port in _opened(endpoint):
            addresses = resolve(host) if entries and numeric(host) is None else ()
            for entry in entries:
                if entry.matches(host, port, addresses):
                    yield Problem(
                        path=("endpoints", name, key),
                        message=tr("{host} is forbidden by “{entry}”", host=host, entry=entry.text),
                        remedy=tr("point this link at the test system"),
                    )
    for name, probe in profile.probes.items():
        try:
            place = place_of(probe.url or "")
        except ValueError:
            continue  # told where the URL is checked
        if place is None:
            continue
        addresses = resolve(place[0]) if entries and numeric(place[0]) is None else ()
        for entry in entries:
            if entry.matches(*place, addresses):
                yield Problem(
                    path=("probes", name, "url"),
                    message=tr("{host} is forbidden by “{entry}”", host=place[0], entry=entry.text),
                    remedy=tr("point this probe at the test system"),
                )


def _opened(endpoint: Endpoint) -> Iterator[tuple[str, str, int]]:
    """Key, host and port of every address of an endpoint."""
    if endpoint.transport in {LinkTransport.TCP, LinkTransport.TLS}:
        yield "host", endpoint.host, endpoint.port
    for key in ("url", "listen_url"):
        place = serial_place(getattr(endpoint, key))
        if place is not None:
            yield key, *place


def serial_place(url: str) -> tuple[str, int] | None:
    """Host and port of a device server behind a serial URL; None for a port of this machine."""
    return SerialAddress(url=url).place


def _subjects(profile: Profile, folder: Path) -> Iterator[Problem]:
    subjects = profile.test_subjects
    if subjects is None:
        return
    try:
        read_subjects(folder / subjects.list, subjects.sha256)
    except InputErrors as errors:
        for problem in errors.problems:
            yield Problem(path=("test_subjects", "list"), message=problem.message,
                          remedy=problem.remedy, file=problem.where)  # fmt: skip


def _privacy(profile: Profile) -> Iterator[Problem]:
    """Either there is a passphrase, or somebody does without one."""
    if profile.privacy.key_env and profile.privacy.plain:
        yield Problem(path=("privacy", "plain"),
                      message=tr("traces are encrypted, or somebody accepts them plain, not both"),
                      remedy=tr("take one of them out"))  # fmt: skip
