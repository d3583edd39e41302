"""What the doctor does with probes: each is asked for what does not exist, and for the time."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.addresses import database_places
from harness.clock import CHINA
from harness.doctor_check import Check, Look, Means, Status, failed, refused, said
from harness.doctor_endpoints import reach_look
from harness.errors import HarnessError, PermitError
from harness.i18n import tr
from harness.model import Outcome
from harness.permit import Permit
from harness.probes.probe import Answer
from harness.probes.sql import SqlProbe
from harness.profile_check import BUILT_IN_URL
from harness.profile_model import ProbeConfig, Profile
from harness.profile_probes import place_of
from harness.profile_values import ProbeKind

CLOCK_WARN_S = 2.0
"""HL7 and ASTM times have whole seconds; beyond two they begin to tell another order of events."""

CLOCK_FAIL_S = 300.0
"""Kerberos (RFC 4120 §8.2) refuses beyond five minutes, and a day's end moves."""

POSTGRESQL_CLOCK = "SELECT clock_timestamp()"

_HOLE = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_POSTGRESQL = ("postgresql://", "postgres://")


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
        elif probe.kind is ProbeKind.FILES and url:
            yield Look(take=partial(_folder, profile, place, url))
        elif probe.kind in {ProbeKind.HTTP, ProbeKind.HL7} and url:
            yield from _network(place, url, permit, means)
        elif not url:
            yield said("probe", place, tr("not looked at: its database URL is not set"))
        elif url.startswith(BUILT_IN_URL):
            yield said("probe", place, tr("looks into a system that starts with the run"))
        else:
            yield from _database(place, probe, url, permit=permit, means=means, seen=seen)
    for role, system in profile.systems.items():
        if str(system.mode) != "simulated" and role not in seen:
            yield said(
                "clock",
                f"systems.{role}",
                tr("its clock cannot be read: no probe of this role tells the time"),
            )


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
    place: str, probe: ProbeConfig, url: str, *, permit: Permit, means: Means, seen: set[str]
) -> Iterator[Look]:
    """The query, the control and the clock of one probe."""
    try:
        permit.require_database(url)
        where = _where(url, means.environ)
    except PermitError as error:
        yield refused("probe", place, error)
        return
    opens = tr("{place} → {where} (read-only SELECT)", place=place, where=where)
    if url.startswith(_POSTGRESQL):
        yield Look(opens=opens, take=lambda: _account(place, probe, url))
        opens = ""
    yield Look(opens=opens, take=lambda: _query(place, probe, url))
    if probe.control:
        yield Look(take=lambda: _control(place, probe, url))
    clock = probe.clock or (POSTGRESQL_CLOCK if url.startswith(_POSTGRESQL) else "")
    if clock and probe.role not in seen:
        seen.add(probe.role)
        yield Look(take=lambda: _clock(place, probe, url, clock, means.now))


def _where(url: str, environ: Mapping[str, str]) -> str:
    """What is opened, without user and password."""
    if url.startswith(_POSTGRESQL):
        return ", ".join(f"{host}:{port}" for host, port in database_places(url, environ))
    return str(Path(url.removeprefix("sqlite:")))


def _ask(probe: ProbeConfig, url: str, query: str) -> tuple[Answer, float]:
    """Ask once; every hole is filled with NULL, which equals nothing."""
    asked = SqlProbe(
        name="doctor",
        role=probe.role,
        url=url,
        query=query,
        rows_max=probe.rows_max,
        timeout_s=probe.timeout_s,
    )
    nothing: Any = dict.fromkeys(_HOLE.findall(re.sub(r"'[^']*'", "''", query)))
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


def _account(place: str, probe: ProbeConfig, url: str) -> Sequence[Check]:
    """The rights of the account, from the database's catalogue; nothing is tried."""
    asked = SqlProbe(name="doctor", role=probe.role, url=url, query=probe.query,
                     timeout_s=probe.timeout_s)  # fmt: skip
    try:
        writes = asked.account_writes()
    except Exception as error:  # noqa: BLE001 - whatever the driver says is the finding
        text = str(error).replace(url, "…").strip().partition("\n")[0]
        remedy = tr("try the query with the same user in a database client")
        return [failed("account", place, text, remedy)]
    finally:
        asked.close()
    if writes:
        detail = tr("the account of this probe can write: {rights}", rights=", ".join(writes))
        return [failed("account", place, detail, tr("ask the DBA for an account that only reads"))]
    detail = tr("the account can only read")
    return [Check(name="account", place=place, status=Status.OK, detail=detail)]


def _query(place: str, probe: ProbeConfig, url: str) -> Sequence[Check]:
    answer, seconds = _ask(probe, url, probe.query)
    if answer.outcome is not Outcome.OK:
        return [_unanswered(place, answer, url)]
    detail = tr("answers in {ms} ms", ms=round(seconds * 1000))
    return [Check(name="probe", place=place, status=Status.OK, detail=detail)]


def _control(place: str, probe: ProbeConfig, url: str) -> Sequence[Check]:
    answer, _ = _ask(probe, url, probe.control)
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
    place: str, probe: ProbeConfig, url: str, query: str, now: Callable[[], dt.datetime]
) -> Sequence[Check]:
    """The database's time against ours, in the middle of the question."""
    before = now()
    answer, _ = _ask(probe, url, query)
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
