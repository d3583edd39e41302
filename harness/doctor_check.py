"""The words of the doctor: a look that is still to be taken, and the check that it comes to."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from harness.addresses import Resolve
from harness.clock import RealClock
from harness.errors import HarnessError
from harness.link import reach


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


def said(name: str, place: str, detail: str) -> Look:
    """A look that is not taken, and why."""
    check = Check(name=name, place=place, status=Status.SKIPPED, detail=detail)
    return Look(take=lambda: [check])


def failed(name: str, place: str, detail: str, remedy: str = "") -> Check:
    """A check that failed."""
    return Check(name=name, place=place, status=Status.FAIL, detail=detail, remedy=remedy)


def refused(name: str, place: str, error: HarnessError) -> Look:
    """A look that the policy forbids."""
    check = failed(name, place, error.message, error.remedy)
    return Look(take=lambda: [check])
