"""What the doctor does with probes: each is asked for what does not exist, and for the time."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.clock import CHINA
from harness.databases import oracle_client
from harness.databases.holes import named
from harness.databases.target import Kind, kind_of, target_of
from harness.doctor_check import Check, Look, Means, Status, failed, refused, said
from harness.doctor_endpoints import reach_look
from harness.errors import HarnessError, InputError, PermitError
from harness.i18n import tr
from harness.model import Outcome
from harness.permit import Permit
from harness.probes.probe import Answer
from harness.probes.sql import SqlProbe
from harness.profile_check import BUILT_IN_URL
from harness.profile_model import ProbeConfig, Profile
from harness.profile_probes import oracle_client_of, place_of
from harness.profile_values import LinkProtocol, ProbeKind

CLOCK_WARN_S = 2.0
"""HL7 and ASTM times have whole seconds; beyond two they begin to tell another order of events."""

CLOCK_FAIL_S = 300.0
"""Kerberos (RFC 4120 §8.2) refuses beyond five minutes, and a day's end moves."""

CLOCKS: Final[Mapping[Kind, str]] = {
    Kind.POSTGRESQL: "SELECT clock_timestamp()",
    Kind.ORACLE: "SELECT TO_CHAR(SYSTIMESTAMP, 'YYYY-MM-DD HH24:MI:SSTZH:TZM') AS now FROM dual",
    Kind.SQL_SERVER: "SELECT CONVERT(varchar(33), SYSDATETIMEOFFSET(), 126) AS now",
    Kind.MYSQL: "SELECT CONCAT(UTC_TIMESTAMP(6), '+00:00') AS now",
}
"""What asks each kind of database for its time, with its zone."""


def probe_looks(profile: Profile, permit: Permit, means: Means) -> Iterator[Look]:
    """The looks that probes need, and one sentence on each clock that cannot be read."""
    seen: set[str] = set()
    for name, probe in profile.probes.items():
        place = f"probes.{name}"
        url = profile.probe_url(name, means.environ)
        if probe.kind is ProbeKind.CARRIED:
            yield said("probe", place, tr("a person carries it: nothing is opened"))
        elif probe.kind is ProbeKind.PERSON:
            yield said("probe", place, tr("a person looks: nothing is opened"))
        elif probe.kind is ProbeKind.DICOM:
            yield said("probe", place, tr("sentences look over the endpoints of {role}",
                                          role=probe.role))  # fmt: skip
        elif probe.kind is ProbeKind.FILES and url:
            yield Look(take=partial(_folder, profile, place, url))
        elif probe.kind in {ProbeKind.HTTP, ProbeKind.HL7} and url:
            yield from _network(place, url, permit, means)
        elif not url:
            yield said("probe", place, tr("not looked at: its database URL is not set"))
        elif url.startswith(BUILT_IN_URL):
            yield said("probe", place, tr("looks into a system that starts with the run"))
        else:
            yield from _database(profile, name, url, permit=permit, means=means, seen=seen)
    yield from _unowned(profile)
    for role, system in profile.systems.items():
        if str(system.mode) != "simulated" and role not in seen:
            yield said(
                "clock",
                f"systems.{role}",
                tr("its clock cannot be read: no probe of this role tells the time"),
            )


def _unowned(profile: Profile) -> Iterator[Look]:
    """Archives of the site into which sentences look, and nobody answers for what they show."""
    declared = {one.role for one in profile.probes.values() if one.kind is ProbeKind.DICOM}
    asked = {one.to for one in profile.endpoints.values() if one.protocol is LinkProtocol.DICOM}
    for role in sorted(asked.intersection(profile.theirs) - declared):
        check = Check(name="probe", place=f"systems.{role}", status=Status.WARN,
                      detail=tr("sentences look over the endpoints of {role}", role=role),
                      remedy=tr('name who answers for it: [probes.NAME] kind = "dicom", owner = …'),
                      )  # fmt: skip
        yield Look(take=partial(_told, check))


def _told(check: Check) -> Sequence[Check]:
    return [check]


def _folder(profile: Profile, place: str, url: str) -> Sequence[Check]:
    """Whether the folder of exports is there; what lies in it may come with the run."""
    folder = profile.file(url.removeprefix("folder:"))
    if not folder.is_dir():
        detail = tr("there is no folder {folder}", folder=folder.name)
        return [failed("probe", place, detail, tr("let the system export there, or mend url"))]
    detail = tr("{count} files", count=sum(one.is_file() for one in folder.iterdir()))
    return [Check(name="probe", place=place, status=Status.OK, detail=detail)]


def _network(place: str, url: str, permit: Permit, means: Means) -> Iterator[Look]:
    """A service is reached and left without a byte: nothing is asked before the run."""
    try:
        found = place_of(url)
        if found is None:
            raise ValueError(url)
        permit.require_open(*found)
    except ValueError:
        problem = failed("probe", place, tr("no probe can look into this URL"))
        yield Look(take=lambda: [problem])
        return
    except PermitError as error:
        yield refused("probe", place, error)
        return
    yield reach_look(place, *found, means)


def _database(
    profile: Profile, name: str, url: str, *, permit: Permit, means: Means, seen: set[str]
) -> Iterator[Look]:
    """The client, the account, the query, the control and the clock of one probe."""
    probe, place = profile.probes[name], f"probes.{name}"
    try:
        permit.require_database(url)
        where = _where(url, means.environ)
        client = oracle_client_of(profile, name, url)
    except PermitError as error:
        yield refused("probe", place, error)
        return
    if client and (problem := _client(place, client)) is not None:
        yield Look(take=lambda: [problem])
        return
    kind = kind_of(url)
    ask = partial(_ask, probe, url, client)
    opens = tr("{place} → {where} (read-only SELECT)", place=place, where=where)
    if kind is not Kind.SQLITE:
        yield Look(opens=opens, take=lambda: _account(place, probe, url, client))
        opens = ""
    yield Look(opens=opens, take=lambda: _query(place, probe, url, ask))
    if probe.control:
        yield Look(take=lambda: _control(place, probe, url, ask))
    clock = probe.clock or CLOCKS.get(kind, "")
    if clock and probe.role not in seen:
        seen.add(probe.role)
        yield Look(take=lambda: _clock(place, probe, url, partial(ask, clock), means.now))


def _client(place: str, folder: str) -> Check | None:
    """Whether the site's Oracle client is there and has our bits; it is not loaded yet."""
    try:
        oracle_client.check(folder)
    except InputError as error:
        return failed("probe", place, f"{error.where}: {error.message}", error.remedy)
    return None


def _where(url: str, environ: Mapping[str, str]) -> str:
    """What is opened, without user and password."""
    if kind_of(url) is Kind.SQLITE:
        return str(Path(url.removeprefix("sqlite:")))
    return ", ".join(f"{host}:{port}" for host, port in target_of(url, environ).places)


Ask = Callable[[str], tuple[Answer, float]]
"""Runs one query of a probe: the answer, and seconds."""


def _probe(probe: ProbeConfig, url: str, client: str, query: str) -> SqlProbe:
    return SqlProbe(name="doctor", role=probe.role, url=url, query=query, rows_max=probe.rows_max,
                    timeout_s=probe.timeout_s, client=client)  # fmt: skip


def _ask(probe: ProbeConfig, url: str, client: str, query: str) -> tuple[Answer, float]:
    """Ask once; every hole is filled with NULL, which equals nothing."""
    try:
        asked = _probe(probe, url, client, query)
    except HarnessError as error:  # what this kind of database would take for more than a look
        return Answer(outcome=Outcome.FAILED, error=str(error)), 0.0
    nothing: Any = dict.fromkeys(named(query))
    began = time.monotonic()
    try:
        answer = asked.ask(nothing)
    except HarnessError as error:
        answer = Answer(outcome=Outcome.FAILED, error=str(error))
    finally:
        asked.close()
    return answer, time.monotonic() - began


def _unanswered(place: str, answer: Answer, url: str) -> Check:
    error = answer.error.replace(url, "…").strip().partition("\n")[0]
    return failed(
        "probe", place, error, tr("try the query with the same user in a database client")
    )


def _account(place: str, probe: ProbeConfig, url: str, client: str) -> Sequence[Check]:
    """The rights of the account, from the database's catalogue; nothing is tried."""
    asked = _probe(probe, url, client, "SELECT 1 AS one")
    try:
        writes = asked.account_writes()
    except Exception as error:  # noqa: BLE001 - whatever the driver says is the finding
        text = asked.said(error).replace(url, "…").strip().partition("\n")[0]
        remedy = tr("try the query with the same user in a database client")
        return [failed("account", place, text, remedy)]
    finally:
        asked.close()
    if writes:
        detail = tr("the account of this probe can write: {rights}", rights=", ".join(writes))
        return [failed("account", place, detail, tr("ask the DBA for an account that only reads"))]
    detail = tr("the account can only read")
    return [Check(name="account", place=place, status=Status.OK, detail=detail)]


def _query(place: str, probe: ProbeConfig, url: str, ask: Ask) -> Sequence[Check]:
    answer, seconds = ask(probe.query)
    if answer.outcome is not Outcome.OK:
        return [_unanswered(place, answer, url)]
    detail = tr("answers in {ms} ms", ms=round(seconds * 1000))
    return [Check(name="probe", place=place, status=Status.OK, detail=detail)]


def _control(place: str, probe: ProbeConfig, url: str, ask: Ask) -> Sequence[Check]:
    answer, _ = ask(probe.control)
    if answer.outcome is not Outcome.OK:
        return [_unanswered(f"{place}.control", answer, url)]
    sees = bool(answer.rows)
    return [
        Check(
            name="probe",
            place=f"{place}.control",
            status=Status.OK if sees else Status.WARN,
            detail=tr("shows {count} rows", count=len(answer.rows)),
            remedy="" if sees else tr("a probe that sees nothing proves nothing: look at rights"),
        )
    ]


def _clock(
    place: str,
    probe: ProbeConfig,
    url: str,
    ask: Callable[[], tuple[Answer, float]],
    now: Callable[[], dt.datetime],
) -> Sequence[Check]:
    """The database's time against ours, in the middle of the question."""
    before = now()
    answer, _ = ask()
    middle = before + (now() - before) / 2
    where = f"systems.{probe.role}"
    if answer.outcome is not Outcome.OK:
        return [_unanswered(f"{place}.clock", answer, url)]
    text = next((value for row in answer.rows for value in row.values() if value), "")
    try:
        theirs = dt.datetime.fromisoformat(text)
    except ValueError:
        return [
            failed(
                "clock",
                f"{place}.clock",
                tr("no time in the answer: {text}", text=text[:40]),
                tr("let the query give YYYY-MM-DD HH:MM:SS"),
            )
        ]
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=CHINA)
    offset = (theirs - middle).total_seconds()
    status = Status.OK
    if abs(offset) > CLOCK_WARN_S:
        status = Status.FAIL if abs(offset) > CLOCK_FAIL_S else Status.WARN
    return [
        Check(
            name="clock",
            place=where,
            status=status,
            detail=tr("{offset} s from this machine", offset=f"{offset:+.1f}"),
            remedy="" if status is Status.OK else tr("set both clocks by the same time source"),
        )
    ]
