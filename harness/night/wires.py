"""The wiring sheet of a night: every setting of the hospital that must lead to us, and back again.

A row names a system of the hospital, never one that we play: only its people can change a setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.addresses import numeric
from harness.doctor_echo import LOOKER, device_titles
from harness.i18n import tr
from harness.profile import Endpoint, LinkTransport, Mode, Profile
from harness.profile_values import LinkProtocol, Via

SYSTEM_TITLES: Final = {"PACS": "MHPACS", "RIS": "MHRIS"}
"""AE titles of the systems that we run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One setting that is changed for the night, and must be changed back.

    Attributes:
        endpoint: of the profile.
        system: of the hospital, whose setting it is.
        setting: which one.
        during: its value for the night.
        before: its value until then; filled in by hand.
        restored: when it was put back; filled in by hand.
    """

    endpoint: str
    system: str
    setting: str
    during: str
    before: str = ""
    restored: str = ""


def wiring(profile: Profile) -> list[Wire]:
    """Every setting of the hospital that must lead to us, or let us in, for the night.

    Raises:
        InputError: the file of a device of ours cannot be read.
    """
    return [
        wire
        for name, end in profile.endpoints.items()
        if {_ours(profile, end.frm), _ours(profile, end.to)} != {True}
        for wire in _wires(profile, name, end)
    ]


def _wires(profile: Profile, name: str, end: Endpoint) -> Iterator[Wire]:
    if end.transport is LinkTransport.SERIAL:
        yield from _lines(profile, name, end)
        return
    calls_us = not _ours(profile, end.frm) and (_ours(profile, end.to) or end.via is Via.RELAY)
    called_by_us = not _ours(profile, end.to) and (_ours(profile, end.frm) or end.via is Via.RELAY)
    if calls_us:
        yield Wire(endpoint=name, system=end.frm, setting=tr("address"), during=_listening(end))
    if called_by_us:
        yield Wire(endpoint=name, system=end.to, setting=tr("IP white list"),
                   during=tr("address of this machine"))  # fmt: skip
    if end.protocol is LinkProtocol.DICOM:
        yield from _titles(profile, name, end, calls_us=calls_us, called_by_us=called_by_us)


def _lines(profile: Profile, name: str, end: Endpoint) -> Iterator[Wire]:
    """The cable of each side that is not ours goes into a port of ours.

    Of two real sides the caller ends at ``url`` and the listener at ``listen_url``, with a recorder
    between; without ``listen_url`` their own cable stays.
    """
    setting = tr("COM port")
    if _ours(profile, end.frm) or _ours(profile, end.to):
        theirs = end.to if _ours(profile, end.frm) else end.frm
        yield Wire(endpoint=name, system=theirs, setting=setting, during=end.url)
    elif end.listen_url:
        yield Wire(endpoint=name, system=end.frm, setting=setting, during=end.url)
        yield Wire(endpoint=name, system=end.to, setting=setting, during=end.listen_url)


def _titles(
    profile: Profile, name: str, end: Endpoint, *, calls_us: bool, called_by_us: bool
) -> Iterator[Wire]:
    """AE titles with their addresses: whom a system calls, and who may call it.

    A relay passes titles on as they are, so behind one a system is still called by its own title.
    """
    if calls_us and _ours(profile, end.to):
        called = end.ae_title or _own(end.to, looks=False)
        yield Wire(endpoint=name, system=end.frm, setting=tr("AE title that it calls"),
                   during=f"{called} @ {_listening(end)}")  # fmt: skip
    if called_by_us:
        ours = _ours(profile, end.frm)
        calling = _own(end.frm, looks=True) if ours else tr("AE title of {role}", role=end.frm)
        yield Wire(endpoint=name, system=end.to, setting=tr("AE titles that may call it"),
                   during=f"{calling} @ {tr('address of this machine')}")  # fmt: skip


def _own(role: str, *, looks: bool) -> str:
    """The AE titles of a role that we play; our looks call under one more, and nobody calls it.

    Which of the devices a scenario plays, its sentences say.
    """
    if role in SYSTEM_TITLES:
        return SYSTEM_TITLES[role]
    return " ".join((*sorted(device_titles()), *((LOOKER,) if looks else ())))


def _listening(end: Endpoint) -> str:
    """Where a system of the hospital reaches us; a listener on every address has none to tell."""
    relayed = end.via is Via.RELAY
    host, port = (end.relay_host, end.relay_port) if relayed else (end.host, end.port)
    address = numeric(host)
    everywhere = address is not None and address.is_unspecified
    if address is not None and address.version == 6:
        host = f"[{host}]"
    return f"{tr('address of this machine') if everywhere else host}:{port}"


def _ours(profile: Profile, role: str) -> bool:
    return profile.mode(role) is Mode.SIMULATED
