"""Which addresses are forbidden: hosts, ``host:port`` and CIDR networks, by text and by number.

Pure: names are turned into addresses by whoever calls, through an injected ``Resolve``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import TypeAdapter, ValidationError

from harness.digits import whole_number
from harness.errors import PermitError
from harness.i18n import tr
from harness.profile_values import Host

Resolve = Callable[[str], Sequence[str]]
"""Addresses of a host name; empty where it cannot be resolved."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

POSTGRESQL_PORT = 5432
"""Default port of PostgreSQL (libpq, "PQconnectdb")."""

_HOST: TypeAdapter[str] = TypeAdapter(Host)
_REDIRECTING = frozenset({"service", "servicefile"})
_DIVERTING_ENV = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE")


def numeric(host: str) -> Address | None:
    """The IP address that a text is, an IPv4 one also where IPv6 wraps it; None for a name."""
    try:
        address: Address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.scope_id is not None:
            return ipaddress.IPv6Address(host.partition("%")[0])
    return address


def plain(host: str) -> str:
    """A host as it is compared: addresses in their short form, names in lower case."""
    address = numeric(host)
    return host.removesuffix(".").lower() if address is None else str(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden:
    """One entry of ``forbidden_addresses``.

    Attributes:
        text: as it stands in the profile.
        host: the host, or empty for a network.
        port: the port, or 0 for all.
        network: the network, or None for a host.
        known: addresses of the host's name when the profile was loaded.
    """

    text: str
    host: str = ""
    port: int = 0
    network: Network | None = None
    known: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``host``, ``host:port``, ``[v6]:port`` or ``10.0.0.0/8``; ``ValueError`` else."""
        if "/" in text:
            return cls(text=text, network=ipaddress.ip_network(text, strict=True))
        host, port = text, 0
        head, colon, tail = text.rpartition(":")
        if text.startswith("[") or (colon and ":" not in head):
            bracketed = text.startswith("[")
            if bracketed and text.endswith("]"):
                head = text
            else:
                port = whole_number(tail) or 0
                if not 0 < port <= 65535:
                    raise ValueError(text)
            host = head.removeprefix("[").removesuffix("]")
        try:
            return cls(text=text, host=plain(_HOST.validate_python(host)), port=port)
        except ValidationError:
            raise ValueError(text) from None

    def resolved(self, resolve: Resolve) -> Self:
        """The same, with the addresses that its name has now."""
        if not self.host or numeric(self.host) is not None:
            return self
        known = frozenset(plain(address) for address in resolve(self.host))
        return type(self)(text=self.text, host=self.host, port=self.port, known=known)

    def matches(self, host: str, port: int, addresses: Iterable[str] = ()) -> bool:
        """Whether this is the forbidden place, by its text or by one of its addresses."""
        if self.port and port and self.port != port:
            return False
        candidates = {plain(host), *(plain(address) for address in addresses)}
        if self.network is not None:
            found = (numeric(candidate) for candidate in candidates)
            return any(
                address is not None and address.version == self.network.version
                and address in self.network
                for address in found
            )  # fmt: skip
        return self.host in candidates or bool(self.known & candidates)


def database_places(url: str, environ: Mapping[str, str]) -> list[tuple[str, int]]:
    """Every host and port that a PostgreSQL URL leads to (libpq, "Connection URIs").

    Args:
        url: ``postgresql://...``.
        environ: libpq takes ``PGHOSTADDR`` and ``PGSERVICE`` from it behind the URL's back.

    Raises:
        PermitError: it cannot be told where the URL leads.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        # The parser's own message would repeat the URL and its password.
        raise PermitError(tr("this is not a URL")) from None
    options = dict(parse_qsl(parts.query))
    diverted = [name for name in _DIVERTING_ENV if environ.get(name)]
    if diverted or _REDIRECTING & options.keys():
        raise PermitError(
            tr("a service or PGHOSTADDR decides where this database URL leads"),
            remedy=tr("name host and port in the URL, and unset PGHOSTADDR and PGSERVICE"),
        )
    places = [_place(place) for place in unquote(parts.netloc.rpartition("@")[2]).split(",")]
    hosts = [host for key in ("hostaddr", "host") for host in options.get(key, "").split(",")]
    if any(hosts):
        places = [(host, port) for host in hosts if host for _, port in places]
    if "port" in options:
        ports = options["port"].split(",")
        places = [(host, _port(port)) for host, _ in places for port in ports]
    if any(not host or host.startswith("/") for host, _ in places):
        raise PermitError(
            tr("this database URL names no host"),
            remedy=tr("name host and port in the URL, and unset PGHOSTADDR and PGSERVICE"),
        )
    return places


def _place(text: str) -> tuple[str, int]:
    """``host``, ``host:port`` or ``[v6]:port``."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, _port(rest.removeprefix(":"))
    host, _, port = text.partition(":")
    return host, _port(port)


def _port(text: str) -> int:
    return whole_number(text) or POSTGRESQL_PORT
