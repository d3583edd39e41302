"""``medharness record``: stands in line at a site and writes down what passes, unchanged.

The profile says where: each endpoint with ``via = "relay"`` and a ``relay_port`` is mirrored there,
and passed on to ``host`` and ``port``. A serial endpoint is stood between, from ``url`` (the
device's port) to ``listen_url`` (the system's).
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.captures.journal import Ends, PcapJournal
from harness.clock import RealClock
from harness.errors import InputError
from harness.i18n import tr
from harness.inline.lines import until_asked
from harness.link.address import Address
from harness.link.passing import End, Passage
from harness.link.serial_address import SerialAddress
from harness.link.serial_line import LineSettings
from harness.permit import Permit
from harness.profile import LinkTransport, Profile, Via, load_profile
from harness.profile_model import Endpoint
from harness.site import at_rest, vault

POLL_S: Final = 0.2
"""Ctrl-C is heard so soon; on Windows a wait without end hears none."""


@dataclass(slots=True)
class Recording:
    """A running recording.

    Args:
        profile: of the site.
        folder: gets ``recording.pcap``, ``recording.ends`` and at the end ``recording.json``.
        durable: every piece is on the disk before it goes on.
    """

    profile: Profile
    folder: Path
    durable: bool = False
    journal: PcapJournal = field(init=False)
    ready: dict[str, str] = field(default_factory=dict)
    passages: list[Passage] = field(default_factory=list)
    _began: str = ""

    def __post_init__(self) -> None:
        self.journal = PcapJournal(self.folder / "recording.pcap", self.durable)

    def start(self) -> None:
        """Listen at every mirrored port.

        Raises:
            InputError: no endpoint is to be mirrored, the folder is in use, a port is taken.
            PermitError: a listener would be open to others unasked.
        """
        permit = Permit(self.profile, RealClock().wall)
        mirrored = {name: one for name, one in self.profile.endpoints.items() if _mirrored(one)}
        if not mirrored:
            raise InputError(
                tr("no endpoint of the profile is to be mirrored"),
                where=str(self.profile.path),
                remedy=tr('write via = "relay", relay_port, host and port'),
            )
        closed = self.journal.path.with_name(self.journal.path.name + vault.SUFFIX)
        if closed.exists():  # sealing this one would write over that one
            raise InputError(tr("an encrypted recording is here already"), where=str(closed),
                             remedy=tr("name another folder"))  # fmt: skip
        for endpoint in mirrored.values():
            if endpoint.transport is not LinkTransport.SERIAL:
                permit.require_listen(endpoint.relay_host, expose=endpoint.expose)
                permit.require_open(endpoint.host, endpoint.port)
        self.journal.open()
        self._began = _now()
        roles = {_target(one): (one.frm, one.to) for one in mirrored.values()}
        roles |= {_device(one): (one.to, one.frm) for one in mirrored.values() if one.listen_url}
        ends = Ends(self.folder / "recording.ends", self.journal, roles)
        try:
            for name, endpoint in mirrored.items():
                self._mirror(name, endpoint, ends, permit)
        except OSError as error:
            self.stop()
            raise InputError(
                tr("{name} cannot be opened: {why}", name=name, why=error.strerror or error),
                remedy=tr("is the port taken by another program?"),
            ) from error

    def _mirror(self, name: str, endpoint: Endpoint, ends: Ends, permit: Permit) -> None:
        if endpoint.transport is LinkTransport.SERIAL:
            passage = Passage(name, _serial(endpoint, endpoint.listen_url), ends, _freely)
            self.passages.append(passage)
            passage.attend(_serial(endpoint, endpoint.url))
            self.ready[name] = f"{endpoint.url} <> {endpoint.listen_url}"
            return
        target = Address(host=endpoint.host, port=endpoint.port)
        passage = Passage(name, target, ends, permit.require_open)
        self.passages.append(passage)
        where = passage.listen(Address(host=endpoint.relay_host, port=endpoint.relay_port))
        self.ready[name] = f"{where.host}:{where.port}"

    def stop(self) -> list[str]:
        """End it, and note when; returns threads that would not end."""
        left = [thread for one in self.passages for thread in one.stop()]
        self.journal.close()
        times = {"format": 1, "started": self._began, "ended": _now()}
        with contextlib.suppress(OSError):  # the age of the file then tells what ``purge`` asks
            (self.folder / vault.TIMES).write_text(json.dumps(times), encoding="utf-8")
        return left

    @property
    def refused(self) -> list[str]:
        """Connections that could not be passed on."""
        return [one for passage in self.passages for one in passage.refused]


def run(profile: str, out: str, *, durable: bool, as_json: bool) -> int:
    """Record until Ctrl-C; then encrypt it, unless the profile says who accepts it plain.

    Returns:
        0, or 3 where bytes passed that could not be written down, or it could not be encrypted.

    Raises:
        InputError: nothing can be recorded, or the passphrase is missing.
    """
    site = load_profile(profile)
    words = at_rest.words_of(site)  # refused now, not after the day
    recording = Recording(site, Path(out), durable)
    with until_asked() as stopped:
        recording.start()
        for name, address in recording.ready.items():
            print(f"ready {name} {address}", flush=True)
        told = ""
        while not stopped.wait(POLL_S):
            if recording.journal.trouble != told:
                told = recording.journal.trouble
                print(tr("cannot be written: {why}; the traffic goes on, the recording does not",
                         why=told), flush=True)  # fmt: skip
        recording.stop()
        return _end(recording, as_json=as_json, words=words)  # a second Ctrl-C leaves none plain


def _end(recording: Recording, *, as_json: bool, words: str = "") -> int:
    journal = recording.journal
    trouble = at_rest.close(recording.folder, words) if words else ""
    sealed = bool(words) and not trouble
    path = journal.path.with_name(journal.path.name + vault.SUFFIX) if sealed else journal.path
    for one in recording.refused:
        print(tr("not passed on: {what}", what=one))
    print(tr("{pieces} pieces of {count} connections recorded in {path}", pieces=journal.pieces,
             count=sum(one.connections for one in recording.passages), path=path))  # fmt: skip
    if journal.lost:
        print(tr("{count} bytes passed and were not recorded: {why}", count=journal.lost,
                 why=journal.trouble))  # fmt: skip
    if sealed:
        print(tr("the recording is encrypted; medharness unseal opens it"))
    if trouble:
        print(tr("it could not be encrypted and is plain: {why}; medharness seal {folder}",
                 why=trouble, folder=recording.folder))  # fmt: skip
    code = 3 if journal.lost or trouble else 0
    if as_json:
        print(json.dumps({"recording": str(path), "pieces": journal.pieces,
                          "lost": journal.lost, "refused": recording.refused, "sealed": sealed,
                          "exit_code": code}, ensure_ascii=False))  # fmt: skip
    return code


def _now() -> str:
    return RealClock().wall().isoformat(timespec="seconds")


def _mirrored(endpoint: Endpoint) -> bool:
    if endpoint.transport is LinkTransport.SERIAL:
        return bool(endpoint.url and endpoint.listen_url)
    return endpoint.via is Via.RELAY and bool(endpoint.port)


def _target(endpoint: Endpoint) -> End:
    if endpoint.transport is LinkTransport.SERIAL:
        return (endpoint.listen_url, 2)
    return (endpoint.host, endpoint.port)


def _device(endpoint: Endpoint) -> End:
    return (endpoint.url, 1)


def _freely(_host: str, _port: int) -> None:
    """A serial port is no address."""


def _serial(endpoint: Endpoint, url: str) -> SerialAddress:
    line = endpoint.line
    settings = LineSettings() if line is None else LineSettings(
        baud=line.baud, data_bits=line.data_bits, parity=line.parity, stop_bits=line.stop_bits,
        flow=line.flow,
    )  # fmt: skip
    return SerialAddress(url=url, line=settings, ready=line.ready if line else "none")
