"""The words of the doctor: a look that is still to be taken, and the check that it comes to."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from harness.addresses import Resolve
from harness.clock import RealClock
from harness.errors import HarnessError
from harness.link import reach
from harness.link.address import Address
from harness.link.tap import Connection, Guard

if TYPE_CHECKING:
    from harness.link.dicom_echo import Echoed

ECHO_S: Final = 5.0
"""For each answer of a C-ECHO: a PACS looks its callers up in a database, and in a name server."""


class Status(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One call of the echo matrix.

    Attributes:
        calling: AE title under which we called.
        called: AE title that we called.
        place: endpoint of the profile.
        came: ``accepted``, or in what else it ended.
        words: the same for a person.
        ms: until the answer; None where none came.
        triple: result, source and reason of a rejection (PS3.8 §9.3.4).
        result: of a context that was refused (PS3.8 §9.3.3.2).
        status: of a C-ECHO that failed.
    """

    calling: str
    called: str
    place: str
    came: str
    words: str
    ms: int | None = None
    triple: tuple[int, int, int] | None = None
    result: int | None = None
    status: int | None = None

    def data(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what was looked at, such as ``reach``, ``certificate``, ``probe``.
        place: key of the profile.
        status: ok, warn, fail, skipped.
        detail: what was seen.
        remedy: one next action; empty where nothing is to do.
        cells: of the echo matrix, where it has some.
    """

    name: str
    place: str
    status: Status
    detail: str
    remedy: str = ""
    cells: Sequence[Cell] = ()


def _echo(
    address: Address, called: str, calling: str, connection: Connection, guard: Guard
) -> Echoed:
    from harness.link.dicom_echo import echo  # noqa: PLC0415 - its library is slow to load

    return echo(address, called=called, calling=calling, connection=connection, guard=guard,
                wait_s=ECHO_S)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the doctor looks with."""

    open_connection: Callable[[str, int], reach.Reached] = reach.tcp_reach
    certificate: Callable[[str, int, reach.TlsFiles], reach.Certificate] = reach.tls_certificate
    can_listen: Callable[[str, int], reach.Reached] = reach.can_listen
    ports: Callable[[], Sequence[str]] = reach.serial_ports
    echo: Callable[[Address, str, str, Connection, Guard], Echoed] = _echo
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
