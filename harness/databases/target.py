"""What a database URL says: kind, places, account; told once, for the policy and for the driver.

The forms are those of SQLAlchemy 2.0 ("Database URLs" and the pages of the dialects), so that
probes, snapshots and reconciliation write the same. What a driver would take from elsewhere (a
TNS name, an ODBC source, a socket, a file of options, an environment variable) is refused, because
nobody could tell where it leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from harness.addresses import database_places
from harness.databases import oracle_names
from harness.errors import PermitError
from harness.i18n import tr


class Kind(StrEnum):
    """Databases that a probe can look into."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    ORACLE = "oracle"
    SQL_SERVER = "mssql"
    MYSQL = "mysql"


SCHEMES: Final[Mapping[str, Kind]] = {
    "sqlite": Kind.SQLITE,
    "postgresql": Kind.POSTGRESQL,
    "postgresql+psycopg": Kind.POSTGRESQL,
    "postgres": Kind.POSTGRESQL,
    "oracle": Kind.ORACLE,
    "oracle+oracledb": Kind.ORACLE,
    "mssql": Kind.SQL_SERVER,
    "mssql+pymssql": Kind.SQL_SERVER,
    "mysql": Kind.MYSQL,
    "mysql+pymysql": Kind.MYSQL,
    "mariadb": Kind.MYSQL,
    "mariadb+pymysql": Kind.MYSQL,
}
"""Kind by scheme; another driver of the same database may lead elsewhere, so it is none."""

PORTS: Final = {Kind.ORACLE: oracle_names.PORT, Kind.SQL_SERVER: 1433, Kind.MYSQL: 3306}
"""Registered ports (IANA): where a URL names none."""

_OPTIONS: Final = {
    Kind.ORACLE: frozenset({"service_name", "dsn"}),
    Kind.SQL_SERVER: frozenset({"charset", "tds_version"}),
    Kind.MYSQL: frozenset({"charset", "ssl_ca"}),
}
"""Options of a URL that lead nowhere."""

_DIVERTING: Final = {Kind.SQL_SERVER: ("TDSHOST", "TDSQUERY", "FREETDS", "FREETDSCONF")}
"""FreeTDS User Guide, "Environment variables": these decide which server a name is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One database.

    Attributes:
        kind: what answers there.
        url: as it was given; may hold a password.
        places: every host and port.
        dsn: Oracle's whole descriptor.
    """

    kind: Kind
    url: str = field(repr=False)
    places: tuple[tuple[str, int], ...] = ()
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    dsn: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def hidden(self, text: str) -> str:
        """A driver's words without the URL and its password: two lines, the cause is the second."""
        for secret in (self.url, self.password):
            if secret:
                text = text.replace(secret, "…")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return " ".join(line for line in lines[:2] if not line.startswith("Help:"))


def scheme_of(url: str) -> str:
    """What stands before the colon, in lower case; empty for a path, also one with a drive."""
    scheme, colon, _ = url.partition(":")
    return scheme.lower() if colon and len(scheme) > 1 and "/" not in scheme else ""


def kind_of(url: str) -> Kind:
    """Which database a URL or path names.

    Raises:
        PermitError: a URL of none that is known here: nobody can tell where it leads.
    """
    scheme = scheme_of(url)
    if scheme in SCHEMES:
        return SCHEMES[scheme]
    if "://" in url:
        raise PermitError(
            tr("nobody can tell where a URL that begins with {scheme} leads", scheme=scheme[:30]),
            remedy=tr("use one of: {known}", known=", ".join(f"{one}://" for one in SCHEMES)),
        )
    return Kind.SQLITE


def target_of(url: str, environ: Mapping[str, str], *, timeout_s: float = 0.0) -> Target:
    """Read a URL.

    Args:
        url: or the path of a SQLite file.
        environ: some drivers take addresses from it behind the URL's back.
        timeout_s: to connect; Oracle's descriptors hold it.

    Raises:
        PermitError: it cannot be told where it leads.
    """
    kind = kind_of(url)
    if kind is Kind.SQLITE:
        return Target(kind=kind, url=url)
    if kind is Kind.POSTGRESQL:
        return Target(kind=kind, url=url, places=tuple(database_places(url, environ)))
    if diverted := [name for name in _DIVERTING.get(kind, ()) if environ.get(name)]:
        raise PermitError(
            tr("{name} decides where this database URL leads", name=diverted[0]),
            remedy=tr("unset {name}", name=diverted[0]),
        )
    parts = _parts(url)
    options = dict(parts.query)
    unknown = [name for name, value in options.items()
               if name not in _OPTIONS[kind] or not isinstance(value, str)]  # fmt: skip
    if unknown:
        raise PermitError(
            tr("the option {name} of a database URL may lead elsewhere", name=unknown[0][:40]),
            remedy=tr("use one of: {known}", known=", ".join(sorted(_OPTIONS[kind]))),
        )
    dsn, places = _oracle(parts, options, timeout_s) if kind is Kind.ORACLE else _host(kind, parts)
    return Target(
        kind=kind,
        url=url,
        places=tuple(places),
        user=parts.username or "",
        password=str(parts.password or ""),
        database=parts.database or "",
        dsn=dsn,
        options=options,
    )


def _parts(url: str) -> Any:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - most probes need none of it
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - as above

    try:
        return make_url(url)
    except (SQLAlchemyError, ValueError):
        # Their own messages may repeat the URL and its password.
        raise PermitError(tr("this is not a URL")) from None


def _no_host() -> PermitError:
    return PermitError(
        tr("this database URL names no host"),
        remedy=tr("name host and port in the URL"),
    )


def _host(kind: Kind, parts: Any) -> tuple[str, list[oracle_names.Place]]:
    host = parts.host or ""
    if not host or any(sign in host for sign in "/,;()= "):
        raise _no_host()
    if "\\" in host:
        raise PermitError(
            tr("a named instance answers at a port that only its own machine tells"),
            remedy=tr("write the port of the instance: HOST:PORT"),
        )
    return "", [(host, parts.port or PORTS[kind])]


def _oracle(
    parts: Any, options: dict[str, str], timeout_s: float
) -> tuple[str, list[oracle_names.Place]]:
    """A descriptor of our own wherever host and name are given; else the one of the URL."""
    host, sid = parts.host or "", parts.database or ""
    service, dsn = options.get("service_name", ""), options.get("dsn", "")
    if dsn or host.startswith("("):
        if bool(dsn) == bool(host) or parts.port or sid or service:
            raise PermitError(
                tr("this database URL says twice where it leads"),
                remedy=tr("write oracle+oracledb://USER:PASSWORD@(DESCRIPTION=...) alone"),
            )
        return oracle_names.read(dsn or host)
    if not host:
        raise _no_host()
    if bool(sid) == bool(service):
        raise PermitError(
            tr("a TNS name decides where this database URL leads, or two names contradict"),
            remedy=tr("write oracle+oracledb://USER:PASSWORD@HOST:1521/?service_name=NAME"),
        )
    places = [(host, parts.port or oracle_names.PORT)]
    made = oracle_names.descriptor(
        places, service=service, sid=sid, timeout_s=max(1, round(timeout_s)) if timeout_s else 0
    )
    return made, places
