"""What the doctor does with DICOM: the echo matrix, calling AE title by called one.

Every AE title that our devices and our looks call with asks every DICOM listener of the site for
one C-ECHO (PS3.4 annex A), one after the other, so that a device that a PACS or RIS does not know
shows before its scenarios fail. Nothing is stored. What is not asked is said, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness import input_files, resources
from harness.doctor_check import Cell, Check, Look, Means, Status, failed, said
from harness.doctor_echo_words import remedy_of, words_of
from harness.errors import HarnessError, PermitError
from harness.i18n import tr
from harness.link.address import Address
from harness.link.reach import client_context
from harness.link.tap import Connection
from harness.permit import Permit
from harness.profile_model import DEVICE_ROLES, Endpoint, Profile
from harness.profile_tls import tls_files
from harness.profile_values import LinkProtocol, LinkTransport, Mode

NAME: Final = "echo"

LOOKER: Final = "MHPROBE"
"""AE title of our own looks into a PACS or RIS: no scenario about images judges without them."""

IMAGING: Final = frozenset({"PACS", "RIS"})
"""A site that has one of them is told where nobody was asked."""

SILENT_MAX: Final = 3
"""Calls without an answer after which a listener is asked no more: each waits its whole limit."""

UNHEARD: Final = frozenset({"silent", "closed", "not-reached"})
"""Ends without a word of DICOM."""


def echo_looks(profile: Profile, permit: Permit, means: Means) -> Iterator[Look]:
    """One look a DICOM endpoint: it takes a row of calls, and comes to checks with cells."""
    ends = {name: one for name, one in profile.endpoints.items()
            if one.protocol is LinkProtocol.DICOM}  # fmt: skip
    if not ends and IMAGING & profile.systems.keys():
        yield said(NAME, "endpoints", tr("no DICOM endpoint: no C-ECHO was asked"))
    for name, endpoint in ends.items():
        place = f"endpoints.{name}"
        reason = _unasked(profile, endpoint)
        if reason:
            yield said(NAME, place, tr("no C-ECHO: {reason}", reason=reason))
            continue
        try:
            permit.require_open(endpoint.host, endpoint.port)
        except PermitError as error:
            yield said(NAME, place, tr("no C-ECHO: {reason}", reason=error.message))
            continue
        if not endpoint.ae_title.strip():
            yield _untitled(place)
            continue
        row = _Row(profile, name, endpoint, permit, means)
        yield Look(opens=row.announced(), take=row.take)


def _unasked(profile: Profile, endpoint: Endpoint) -> str:
    """Why nobody is asked there; empty where somebody is."""
    if endpoint.transport is LinkTransport.MEMORY:
        return tr("runs in memory")
    if profile.mode(endpoint.to) is Mode.SIMULATED:
        if endpoint.to in DEVICE_ROLES:
            return tr("we listen here ourselves: {role} has to call us", role=endpoint.frm)
        return tr("{role} starts with the run", role=endpoint.to)
    if profile.mode(endpoint.to) is Mode.OBSERVED:
        return tr("{role} is only watched", role=endpoint.to)
    if endpoint.single_client:
        return tr("it takes one client, who may be connected")
    return ""


def _untitled(place: str) -> Look:
    check = Check(name=NAME, place=place, status=Status.WARN,
                  detail=tr("no C-ECHO: nobody said which AE title is called there"),
                  remedy=tr("write ae_title = …, as the system itself has it"))  # fmt: skip
    return Look(take=lambda: [check])


@lru_cache(maxsize=1)
def device_titles() -> tuple[str, ...]:
    """AE titles of the devices that ship, each once, in the order of their files.

    Raises:
        InputError: the file of a device cannot be read.
    """
    paths = sorted(resources.fixture("modalities").glob("*.toml"))
    found = [(one, input_files.toml_of(one).get("ae_title")) for one in paths]
    named = [input_files.shaped(str, title, f"{one} ae_title") for one, title in found]
    return tuple(dict.fromkeys(named))


def callers() -> tuple[str, ...]:
    """AE titles that we call with: our looks first, then those of the devices."""
    return (LOOKER, *device_titles())


@dataclass(frozen=True, slots=True)
class _Gate:
    """Asks the site's policy again when the address opens: a name may lead elsewhere by then."""

    permit: Permit

    def payload(self, connection: Connection, protocol: str, payload: bytes) -> None:
        """C-ECHO carries nobody."""

    def opens(self, connection: Connection, host: str, port: int) -> None:
        """Refuse a forbidden address."""
        self.permit.require_open(host, port)


@dataclass(frozen=True, slots=True)
class _Row:
    """The calls to one called AE title."""

    profile: Profile
    name: str
    endpoint: Endpoint
    permit: Permit
    means: Means

    @property
    def place(self) -> str:
        """Key of the profile."""
        return f"endpoints.{self.name}"

    @property
    def needed(self) -> bool:
        """Scenarios call here with our titles; elsewhere systems call each other."""
        return self.endpoint.frm in DEVICE_ROLES

    @property
    def titles(self) -> Sequence[str]:
        """With which we call: where the devices are the site's own, only our looks do."""
        theirs = self.needed and self.profile.mode(self.endpoint.frm) is not Mode.SIMULATED
        return (LOOKER,) if theirs else callers()

    def announced(self) -> str:
        """What will be opened."""
        end = self.endpoint
        return tr("{place} → {address} (C-ECHO to {called}, as {callers})", place=self.place,
                  address=f"{end.host}:{end.port}", called=end.ae_title,
                  callers=" ".join(self.titles))  # fmt: skip

    def take(self) -> Sequence[Check]:
        """Ask, and judge what came."""
        try:
            address = self._address()
        except (OSError, ValueError) as error:
            remedy = tr("put the file beside the profile, or correct its name")
            why = tr("the certificates of {name} cannot be used: {why}", name=self.name, why=error)
            return [failed(NAME, self.place, why, remedy)]
        cells = [*self._asked(address)]
        return [*self._checks(cells)]

    def _address(self) -> Address:
        end = self.endpoint
        if end.tls is None:
            return Address(host=end.host, port=end.port)
        files = tls_files(self.profile, end.tls, self.means.environ)
        return Address(host=end.host, port=end.port, tls=client_context(files),
                       server_name=files.server_name)  # fmt: skip

    def _asked(self, address: Address) -> Iterator[Cell]:
        unheard = 0
        for number, calling in enumerate(self.titles, 1):
            if unheard >= SILENT_MAX:
                yield self._cell(calling, "not-asked")
                continue
            cell = self._call(address, calling, number)
            # Where nobody listens no title is better than another.
            unheard += SILENT_MAX if cell.came == "not-reached" else cell.came in UNHEARD
            yield cell

    def _call(self, address: Address, calling: str, number: int) -> Cell:
        end = self.endpoint
        connection = Connection(id=f"{self.name}#echo{number}", link=self.name, peer=end.to,
                                interface=end.interface, local=end.frm, client=True)  # fmt: skip
        try:
            found = self.means.echo(address, end.ae_title, calling, connection, _Gate(self.permit))
        except (OSError, HarnessError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            return self._cell(calling, "not-reached", why=why)
        cell = self._cell(calling, str(found.came), why=found.why, ms=round(found.seconds * 1000),
                          triple=found.triple, result=found.result)  # fmt: skip
        if found.came == "accepted" and found.status != 0:
            return self._cell(calling, "failed", status=found.status, ms=cell.ms)
        return cell

    def _cell(
        self,
        calling: str,
        came: str,
        *,
        why: str = "",
        ms: int | None = None,
        triple: tuple[int, int, int] | None = None,
        result: int | None = None,
        status: int | None = None,
    ) -> Cell:
        heard = came not in UNHEARD | {"not-asked"}
        return Cell(calling=calling, called=self.endpoint.ae_title, place=self.place, came=came,
                    ms=ms if heard else None, triple=triple, result=result, status=status,
                    words=words_of(came, why=why, triple=triple, result=result,
                                   status=status))  # fmt: skip

    def _checks(self, cells: Sequence[Cell]) -> Iterator[Check]:
        """One check for those who were accepted, and one for each other end of a call.

        The check that comes first carries the cells of all.
        """
        groups: dict[str, list[Cell]] = {}
        for cell in cells:
            groups.setdefault("" if cell.came == "accepted" else cell.words, []).append(cell)
        good = groups.pop("", [])
        if good:
            times = [one.ms or 0 for one in good]
            detail = tr("{called} takes {count} of {all} AE titles of ours, in {low} to {high} ms",
                        called=self.endpoint.ae_title, count=len(good), all=len(cells),
                        low=min(times), high=max(times))  # fmt: skip
            yield Check(name=NAME, place=self.place, status=Status.OK, detail=detail, cells=cells)
        for index, group in enumerate(groups.values()):
            more = () if good or index else cells
            yield self._other(group, more, alone=not good)

    def _other(self, group: Sequence[Cell], cells: Sequence[Cell], *, alone: bool) -> Check:
        """What came of some calls that were not accepted; ``alone`` where none of the row was."""
        titles = [one.calling for one in group]
        first = group[0]
        stranger = first.triple == (1, 1, 3)
        if first.came == "not-asked":
            status = Status.SKIPPED
        elif stranger and not self.needed:
            status = Status.OK  # these systems call each other: none of our scenarios calls here
        else:
            grave = self.needed and LOOKER in titles
            status = Status.FAIL if grave or alone else Status.WARN
        detail = tr("{called} to {callers}: {words}", called=self.endpoint.ae_title,
                    callers=" ".join(titles), words=first.words)  # fmt: skip
        remedy = ""
        if status in {Status.WARN, Status.FAIL}:
            remedy = remedy_of(first, titles, place=self.place, role=self.endpoint.to)
        return Check(name=NAME, place=self.place, status=status, detail=detail, remedy=remedy,
                     cells=cells)  # fmt: skip
