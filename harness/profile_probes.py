"""What the probes of a profile must fulfil: a question that only asks, and a place to ask it at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from harness.databases.target import SCHEMES as SQL_SCHEMES
from harness.databases.target import Kind, kind_of, scheme_of, target_of
from harness.errors import HarnessError, InputError, PermitError
from harness.i18n import tr
from harness.probes.hl7 import check_paths, check_query
from harness.probes.searches import question_of
from harness.probes.sql import check_select
from harness.profile_model import ProbeConfig, Profile
from harness.profile_problem import BUILT_IN_URL, Path_, Problem, nearest
from harness.profile_values import Mode, ProbeKind, Reach

PORTS: Final = {"http": 80, "https": 443, "mllp": 2575, "mllps": 2575}
"""Ports where a URL names none; 2575 is registered for HL7 over MLLP."""

SCHEMES: Final = {
    ProbeKind.SQL: ("builtin", *SQL_SCHEMES),
    ProbeKind.CARRIED: ("folder",),
    ProbeKind.FILES: ("folder",),
    ProbeKind.HTTP: ("http", "https"),
    ProbeKind.HL7: ("mllp", "mllps"),
    ProbeKind.PERSON: (),
    ProbeKind.DICOM: (),
}

OWNED: Final = frozenset({ProbeKind.FILES, ProbeKind.HTTP, ProbeKind.HL7, ProbeKind.PERSON,
                          ProbeKind.DICOM})  # fmt: skip
"""Kinds that always need an owner: somebody of the house must vouch for what they show. Of a system
that we do not run every kind does, and says how far it sees."""

SERVICES: Final = frozenset({"C-FIND", "C-GET", "C-MOVE", "QIDO-RS", "WADO-RS"})
"""By which an archive or a worklist is looked into (PS3.4 annexes C and K, PS3.18 §10)."""

KEYS: Final[Mapping[str, frozenset[ProbeKind]]] = {
    "rows": frozenset({ProbeKind.FILES, ProbeKind.HTTP, ProbeKind.HL7}),
    "header_env": frozenset({ProbeKind.HTTP}),
    "empty_status": frozenset({ProbeKind.HTTP}),
    "encoding": frozenset({ProbeKind.HL7}),
    "tls": frozenset({ProbeKind.HTTP, ProbeKind.HL7}),
    "control": frozenset({ProbeKind.SQL, ProbeKind.CARRIED}),
    "clock": frozenset({ProbeKind.SQL, ProbeKind.CARRIED}),
    "oracle_client": frozenset({ProbeKind.SQL}),
}
"""Keys that only some kinds have."""


def place_of(url: str) -> tuple[str, int] | None:
    """Host and port that a probe over the network opens; None for every other URL.

    Raises:
        ValueError: the port is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        return None
    return (parts.hostname or "").lower(), parts.port or PORTS[parts.scheme]


def check_probe(
    profile: Profile, name: str, probe: ProbeConfig, systems: set[str]
) -> Iterator[Problem]:
    """Everything that is wrong with one probe."""
    where: Path_ = ("probes", name)
    if probe.role not in systems:
        yield Problem(path=(*where, "role"),
                      message=tr("no role “{role}” in [systems]", role=probe.role),
                      remedy=nearest(probe.role, systems))  # fmt: skip
    for key, kinds in KEYS.items():
        if key in probe.model_fields_set and probe.kind not in kinds:
            yield Problem(path=(*where, key),
                          message=tr("a probe of kind {kind} has no {key}", kind=probe.kind,
                                     key=key), remedy=tr("take it out"))  # fmt: skip
    yield from _vouched(profile, where, probe)
    yield from _client(profile, where, probe)
    if probe.kind in {ProbeKind.SQL, ProbeKind.CARRIED}:
        yield from _selects(where, probe)
    else:
        yield from _question(where, probe)
    yield from _place(profile, where, probe, systems)


def _vouched(profile: Profile, where: Path_, probe: ProbeConfig) -> Iterator[Problem]:
    """Who answers for what it shows, and how far it sees."""
    theirs = profile.mode(probe.role) is not Mode.SIMULATED
    if (probe.kind in OWNED or theirs) and not probe.owner:
        yield Problem(path=where, message=tr("a probe of kind {kind} needs an owner",
                                             kind=probe.kind),
                      remedy=tr('write owner = "NAME, TELEPHONE"'))  # fmt: skip
    if theirs and "reach" not in probe.model_fields_set:
        yield Problem(path=where,
                      message=tr("a probe of a system that we do not run must say how far it sees"),
                      remedy=tr('write reach = "stored", "sent" or "displayed"'))  # fmt: skip
    if probe.kind is ProbeKind.DICOM and probe.reach is not Reach.STORED:
        yield Problem(path=(*where, "reach"),
                      message=tr("a query shows what an archive holds, not what a person sees"),
                      remedy=tr('write reach = "stored"'))  # fmt: skip


def oracle_client_of(profile: Profile, name: str, url: str) -> str:
    """Folder of the Oracle client that a probe names; empty for other databases."""
    folder = profile.probes[name].oracle_client
    if not folder or kind_of(url) is not Kind.ORACLE:
        return ""
    return str(profile.file(folder).resolve())


def _client(profile: Profile, where: Path_, probe: ProbeConfig) -> Iterator[Problem]:
    """A process loads one Oracle client, and no other database needs one."""
    if not probe.oracle_client:
        return
    if probe.url and SQL_SCHEMES.get(scheme_of(probe.url)) is not Kind.ORACLE:
        yield Problem(path=(*where, "oracle_client"),
                      message=tr("only an Oracle database needs oracle_client"),
                      remedy=tr("take it out"))  # fmt: skip
    others = {one.oracle_client for one in profile.probes.values()} - {"", probe.oracle_client}
    if others:
        yield Problem(path=(*where, "oracle_client"),
                      message=tr("another probe names another Oracle client: {folder}",
                                 folder=min(others)),
                      remedy=tr("name one folder everywhere: a run loads one client"))  # fmt: skip


def _selects(where: Path_, probe: ProbeConfig) -> Iterator[Problem]:
    for key in ("query", "control", "clock"):
        text = getattr(probe, key)
        if not text and key != "query":
            continue
        try:
            check_select(text)
        except PermitError:
            yield Problem(path=(*where, key), message=tr("a probe may only SELECT"),
                          remedy=tr("write one SELECT without semicolons"))  # fmt: skip


def _question(where: Path_, probe: ProbeConfig) -> Iterator[Problem]:
    """What a probe asks that is no SELECT, and what it reads in the answer."""
    checks: dict[ProbeKind, Callable[[], None]] = {
        ProbeKind.HL7: lambda: _hl7(probe),
        ProbeKind.HTTP: lambda: _http(probe),
    }
    try:
        checks.get(probe.kind, lambda: None)()
    except HarnessError as error:
        remedy = error.remedy or tr("see docs/how-to/at-a-real-site.md, “Probes”")
        yield Problem(path=(*where, "query"), message=error.message, remedy=remedy)
    if probe.kind is ProbeKind.DICOM and not set(probe.query.split()) <= SERVICES:
        yield Problem(
            path=(*where, "query"),
            message=tr("no way to look into an archive"),
            remedy=tr("use one of: {known}", known=" ".join(sorted(SERVICES))),
        )
    if probe.kind is ProbeKind.FILES and ("/" in probe.query or "\\" in probe.query):
        yield Problem(path=(*where, "query"), message=tr("names of files hold no folder"),
                      remedy=tr("write the folder into url"))  # fmt: skip
    if probe.kind is ProbeKind.FILES and probe.rows and "(?P<" not in probe.rows:
        yield Problem(path=(*where, "rows"), message=tr("no column is named in this expression"),
                      remedy=tr("name each: (?P<value>...)"))  # fmt: skip
    if probe.kind in {ProbeKind.HL7, ProbeKind.PERSON} and not probe.columns:
        yield Problem(path=where, message=tr("a probe of kind {kind} needs columns",
                                             kind=probe.kind),
                      remedy=tr("name what it shows in [probes.NAME.columns]"))  # fmt: skip


def _hl7(probe: ProbeConfig) -> None:
    check_query(probe.query)
    if not probe.rows.isalnum() or len(probe.rows) != 3:
        raise InputError(tr("rows must name the segment that is a row, such as OBX"))
    check_paths(list(probe.columns.values()))


EMPTY: Final = frozenset({400, 404, 410, 422})
"""Statuses by which a service may say that it has no such thing; the others say that nobody was let
in, or that something went wrong (RFC 9110 §15.5)."""


def _http(probe: ProbeConfig) -> None:
    if wrong := [one for one in probe.empty_status if one not in EMPTY]:
        raise InputError(
            tr("a service cannot say by status {status} that it has no rows", status=wrong[0]),
            remedy=tr("use one of: {known}", known=", ".join(map(str, sorted(EMPTY)))),
        )
    question_of(probe.query)


def _place(
    profile: Profile, where: Path_, probe: ProbeConfig, systems: set[str]
) -> Iterator[Problem]:
    if not SCHEMES[probe.kind]:
        if probe.url or probe.url_env:
            yield Problem(path=where, message=tr("a probe of kind {kind} has no {key}",
                                                 kind=probe.kind, key="url"),
                          remedy=tr("take it out"))  # fmt: skip
        return
    if (probe.url is None) == (probe.url_env is None):
        yield Problem(path=where, message=tr("a probe needs one of url and url_env"),
                      remedy=tr("a database with a password goes into url_env"))  # fmt: skip
    if probe.url is None:
        return
    scheme = probe.url.partition(":")[0]
    if probe.kind in {ProbeKind.CARRIED, ProbeKind.SQL} and (
        (probe.kind is ProbeKind.CARRIED) != (scheme == "folder")
    ):
        yield Problem(path=(*where, "url"), message=tr("a carried probe has a folder"),
                      remedy=tr('write kind = "carried" and url = "folder:PATH"'))  # fmt: skip
        return
    known = SCHEMES[probe.kind]
    if scheme not in known or not _whole(probe):
        examples = {"folder": "folder:PATH", "builtin": "builtin:ROLE", "sqlite": "sqlite:PATH"}
        told = ", ".join(examples.get(one, f"{one}://HOST:PORT") for one in known)
        yield Problem(path=(*where, "url"), message=tr("no probe can look into this URL"),
                      remedy=tr("use one of: {known}", known=told))  # fmt: skip
    if probe.kind is ProbeKind.SQL and scheme in known:
        yield from _target(where, probe.url)
    if scheme in {"https", "mllps"} and probe.tls is None:
        yield Problem(path=where, message=tr("a TLS link needs a table “tls”"),
                      remedy=tr('write tls = { ca = "hospital-ca.pem" }'))  # fmt: skip
    role = probe.url.removeprefix(BUILT_IN_URL)
    if scheme == "builtin" and not _runs(profile, role, systems):
        yield Problem(path=(*where, "url"),
                      message=tr("we do not run a {role} in this profile", role=role),
                      remedy=tr("use one of: {known}", known="sqlite:PATH, url_env"))  # fmt: skip


def _target(where: Path_, url: str) -> Iterator[Problem]:
    """Whether it can be told where the URL of a server leads; PostgreSQL's may be a socket."""
    if SQL_SCHEMES.get(scheme_of(url)) in {None, Kind.SQLITE, Kind.POSTGRESQL}:
        return
    try:
        target_of(url, {})
    except PermitError as error:
        yield Problem(path=(*where, "url"), message=tr("no probe can look into this URL"),
                      remedy=f"{error.message}; {error.remedy}")  # fmt: skip


def _whole(probe: ProbeConfig) -> bool:
    """A URL over the network names a host, and nothing behind the port."""
    parts = urlsplit(probe.url or "")
    if parts.scheme not in PORTS:
        return True
    try:
        return bool(parts.hostname) and (parts.port or 1) > 0 and parts.path in {"", "/"}
    except ValueError:
        return False


def _runs(profile: Profile, role: str, systems: set[str]) -> bool:
    known = profile.systems.get(role)
    return role in systems and (known is None or known.mode is Mode.SIMULATED)
