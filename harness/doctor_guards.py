"""Who guards each link to a real system: the gate that asks about persons, the canary of the way.

Nothing is opened for it: all of it follows from the profile, as a run will take it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from harness.doctor_check import Check, Status
from harness.doctor_privacy import privacy_checks
from harness.i18n import tr
from harness.identity import ALL_READERS
from harness.profile_model import Endpoint, Profile
from harness.profile_values import LinkProtocol, Mode, Via, Worker

RUN_BY_US: Final = frozenset({"LIS", "HIS", "PACS", "RIS", "ENGINE"})
"""Systems of the built-in hospital: processes that answer whatever reaches them."""

NOTED: Final = ("C-ECHO-RQ", "C-FIND-RQ")
"""Harmless calls over DICOM that the PACS and RIS that we run tell of."""


def guard_checks(profile: Profile, environ: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """How recordings will lie; the gate and the canary of each link at which a real system stands.

    Args:
        profile: of the site.
        environ: holds the passphrase of recordings.
    """
    yield from privacy_checks(profile, environ)
    for name, end in profile.endpoints.items():
        theirs = [profile.mode(one) is not Mode.SIMULATED for one in (end.frm, end.to)]
        if not any(theirs):
            continue
        place = f"endpoints.{name}"
        yield _gate(place, end, calls=theirs[0], answers=theirs[1])
        if profile.mode(end.frm) is Mode.REAL:
            yield _route(place, profile, end, answers=theirs[1])
            yield from _onward(place, profile, end)
    yield from _lost(profile)


def _check(name: str, place: str, detail: str, remedy: str = "") -> Check:
    status = Status.WARN if remedy else Status.OK
    return Check(name=name, place=place, status=status, detail=detail, remedy=remedy)


def _gate(place: str, end: Endpoint, *, calls: bool, answers: bool) -> Check:
    """Who asks whether a message is about somebody of ours."""
    carries = ", ".join([end.interface, *end.also])
    if not calls:
        return _check("gate", place, tr("{interfaces}: what we send to {role} is asked about before"
                                        " it leaves", interfaces=carries, role=end.to))  # fmt: skip
    if answers:
        return _check("gate", place, tr("{interfaces}: real systems speak to each other; what they"
                                        " say is theirs, nothing is refused",
                                        interfaces=carries))  # fmt: skip
    spoken = str(end.protocol)
    if end.via is Via.RELAY and spoken in ALL_READERS:
        return _check("gate", place, tr("{interfaces}: the relay reads {protocol}; a stranger's"
                                        " connection ends before {role} has the message",
                                        interfaces=carries, protocol=spoken,
                                        role=end.to))  # fmt: skip
    if end.to in RUN_BY_US or end.via is Via.RELAY:
        relay = tr('write via = "relay" and relay_port into this link')
        other = tr("let the other side use generated people and test patients only")
        remedy = relay if spoken in ALL_READERS and end.via is not Via.RELAY else other
        return _check("gate", place, tr("{interfaces}: nobody asks whom {role} is called about over"
                                        " {protocol}", interfaces=carries, role=end.to,
                                        protocol=spoken), remedy)  # fmt: skip
    if spoken in ALL_READERS or end.protocol is LinkProtocol.DICOM:
        return _check("gate", place, tr("{interfaces}: {role}, which we play, answers about nobody"
                                        " else and raises an alarm", interfaces=carries,
                                        role=end.to))  # fmt: skip
    return _check("gate", place, tr("{interfaces}: nobody asks whom {role} is called about over"
                                    " {protocol}", interfaces=carries, role=end.to,
                                    protocol=spoken),
                  tr("let the other side use generated people and test patients only"))  # fmt: skip


def _route(place: str, profile: Profile, end: Endpoint, *, answers: bool) -> Check:
    """Which harmless call must arrive before anything moves."""
    carries = {end.interface, *end.also}
    shown = ", ".join([end.interface, *end.also])
    found = [f"{name} ({one.type})" for name, one in profile.canaries.items()
             if one.frm == end.frm and one.interface in carries]  # fmt: skip
    if not found:
        return _check(
            "canary", place,
            tr("{interfaces}: no canary proves that calls of {role} reach us; every scenario of it"
               " will be blocked", interfaces=shown, role=end.frm),
            tr("name a harmless action in [canaries] of the profile"),
        )  # fmt: skip
    if answers and end.via is not Via.RELAY:
        return _check(
            "canary", place,
            tr("{interfaces}: nothing of ours stands between {role} and {other}, so no canary is"
               " seen", interfaces=shown, role=end.frm, other=end.to),
            tr('write via = "relay" and relay_port into this link'),
        )  # fmt: skip
    if _notes(end):
        noted = [name for name, one in profile.canaries.items()
                 if f"{name} ({one.type})" in found and one.type in NOTED]  # fmt: skip
        if not noted:
            return _check(
                "canary", place,
                tr("{interfaces}: {role} notes no other calls of {other} than {types}, so no"
                   " canary is seen", interfaces=shown, role=end.to, other=end.frm,
                   types=", ".join(NOTED)),
                tr('write type = "C-ECHO-RQ" into this canary'),
            )  # fmt: skip
    elif end.to in RUN_BY_US and end.via is not Via.RELAY:
        return _check(
            "canary", place,
            tr("{interfaces}: a run does not see what {role} says to {other} without a relay, so"
               " no canary is seen", interfaces=shown, role=end.frm, other=end.to),
            tr('write via = "relay" and relay_port into this link'),
        )  # fmt: skip
    return _check("canary", place, tr("{interfaces}: {canaries} must arrive in each run before"
                                      " anything moves", interfaces=shown,
                                      canaries=", ".join(found)))  # fmt: skip


def _onward(place: str, profile: Profile, end: Endpoint) -> Iterator[Check]:
    """What is written to the caller of a link may go on over it, so that way is proven first."""
    written = any(
        one.to == end.frm and profile.mode(one.frm) is not Mode.OBSERVED
        for one in profile.endpoints.values()
    )
    if not (written or profile.systems[end.frm].worked_by is Worker.PERSON):
        return
    if not end.forwards:
        yield _check("forwards", place, tr("what is written to {role} does not go on over it, says"
                                           " the profile", role=end.frm))  # fmt: skip
        return
    carries = {end.interface, *end.also}
    if not any(one.frm == end.frm and one.interface in carries
               for one in profile.canaries.values()):  # fmt: skip
        yield _check(
            "forwards", place,
            tr("what is written to {role} may go on over it: every scenario that writes there will"
               " be blocked", role=end.frm),
            tr('name a canary with interface = "{interface}" and from = "{role}", or write'
               ' forwards = false into [{place}] if {role} passes nothing on over it',
               interface=end.interface, role=end.frm, place=place),
        )  # fmt: skip


def _notes(end: Endpoint) -> bool:
    """Whether a process of ours tells which harmless calls it got."""
    return end.to in {"PACS", "RIS"} and end.protocol is LinkProtocol.DICOM


def _lost(profile: Profile) -> Iterator[Check]:
    """Canaries that prove no link at all."""
    for name, one in profile.canaries.items():
        if not any(
            end.frm == one.frm and one.interface in {end.interface, *end.also}
            for end in profile.endpoints.values()
        ):
            yield _check(
                "canary", f"canaries.{name}",
                tr("no link carries {interface} from {role}: it proves nothing",
                   interface=one.interface, role=one.frm),
                tr("mend interface or from"),
            )  # fmt: skip
