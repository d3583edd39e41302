"""What ``medharness centre probe`` takes from a site profile, and what the profile allows it.

The endpoint that leads to the centre gives address and certificates. What is peculiar to the
centre and to the hospital in its register stands in ``[quirks.centre]``; secrets stand in the
environment, and their variables' names there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from harness.errors import InputError, PermitError
from harness.i18n import tr
from harness.identity import IdentityGuard
from harness.identity_readers import Claim
from harness.link.address import Address
from harness.model import Person
from harness.permit import Permit
from harness.profile_model import Endpoint, Profile
from harness.profile_values import Environment, LinkProtocol, Mode
from harness.scenario.wiring import addresses
from harness.subjects import read_subjects
from harness.wire.http1_events import HttpRequest, HttpResponse
from simulators.bridge.caller import House
from simulators.bridge.exchange import exchange
from simulators.centre.provinces import Province, load_province

ROLE: Final = "centre"
WHAT: Final = "centre probe"
"""What a permit names: ``write:centre probe``."""

SECRETS: Final = ("access_key", "secret_key", "username", "password")
"""Of the gateway: ``access_key_env`` and so on name the variables that hold them."""

HOUSE_KEYS: Final[Mapping[str, str]] = {
    "fixmedins_code": "code",
    "fixmedins_name": "name",
    "region": "region",
    "recer_sys_code": "receiver",
    "infver": "version",
    "opter_type": "opter_type",
    "opter": "opter",
    "opter_name": "opter_name",
    "mac": "mac",
    "ip": "ip",
}
"""Keys of ``[quirks.centre]`` and what they are of the house that calls."""

TIMEOUT_S: Final = 20.0
"""For one answer, where ``[limits.centre] answer_s`` says nothing; clients in the field wait 10 s
to 180 s."""

_CLAIMS: Final = re.compile(
    r'"(certno|mdtrt_cert_no|psn_name|patn_name|brdy|card_no|tel)"\s*:\s*"([^"\\]*)"'
)


def claims(text: str) -> Iterator[Claim]:
    """Every identity in a message of the settlement interface, by the names of its fields."""
    for found in _CLAIMS.finditer(text):
        if found[2]:
            value = re.sub(r"\D", "", found[2])[:8] if found[1] == "brdy" else found[2]
            kind = "birth" if found[1] == "brdy" else "text"
            yield Claim(place=found[1], kind=kind, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCentre:
    """The centre of a site, and who calls it.

    Attributes:
        name: of the endpoint.
        address: where it is, after the policy allowed it.
        province: its rules, with the site's own keys and path.
        house: the hospital in the centre's register.
        who: the test person.
        subjects: people that the site has signed for.
        timeout_s: for one answer.
    """

    name: str
    address: Address
    province: Province
    house: House
    who: Person
    subjects: tuple[Person, ...]
    timeout_s: float

    def guard(self, *more: Person) -> Callable[[bytes], None]:
        """Refuses a message that speaks of anybody but the test person and ``more``."""
        watch = IdentityGuard(
            (self.who, *more), subjects=self.subjects, readers={"insurance": claims}
        )
        return lambda message: watch.check("insurance", message)

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """One request and its answer."""
        return exchange(self.address, request, self.timeout_s)


def site_centre(
    profile: Profile, now: Callable[[], datetime], *, write: bool, endpoint: str, fallback: Person
) -> SiteCentre:
    """The centre that a profile leads to, if the profile allows the look.

    Args:
        profile: of the site.
        now: civil time with a zone.
        write: whether a visit is to be settled and taken back.
        endpoint: its name; empty takes the only one.
        fallback: a generated person, where the site has signed for nobody.

    Raises:
        PermitError: the address is forbidden; production without a permit, or with ``write``.
        InputError: there is no such endpoint, or its settings cannot be used.
    """
    name, where = _endpoint(profile, endpoint)
    if write and profile.environment is Environment.PRODUCTION:
        raise PermitError(
            tr("a visit is settled and taken back in a test environment only"),
            where=str(profile.path),
            remedy=tr("leave --write out, or point the profile at the joint-test environment"),
        )
    permit = Permit(profile, now)
    permit.require_write(WHAT)
    found = permit.require_open(where.host, where.port)
    address = addresses(profile, os.environ)[name]
    if found:
        server_name = address.server_name or address.host
        address = replace(address, host=found[0], server_name=server_name)
    quirks = dict(profile.quirks.get(ROLE, {}))
    subjects = _subjects(profile)
    return SiteCentre(
        name=name,
        address=address,
        province=_province(profile, quirks),
        house=_house(quirks),
        who=subjects[0] if subjects else fallback,
        subjects=subjects,
        timeout_s=float(profile.limits.get(ROLE, {}).get("answer_s", TIMEOUT_S)),
    )


def _endpoint(profile: Profile, wanted: str) -> tuple[str, Endpoint]:
    known = {
        name: one
        for name, one in profile.endpoints.items()
        if one.to == ROLE and one.protocol is LinkProtocol.HTTP
    }
    if wanted:
        known = {name: one for name, one in known.items() if name == wanted}
    if len(known) != 1:
        raise InputError(
            tr("{count} endpoints lead to the centre over HTTP", count=len(known)),
            where=str(profile.path),
            remedy=tr("name one with --endpoint"),
        )
    if profile.mode(ROLE) is Mode.SIMULATED:
        raise InputError(
            tr("the centre of this profile is simulated"),
            where=str(profile.path),
            remedy=tr('say mode = "real" in [systems.centre], with its host and port'),
        )
    return next(iter(known.items()))


def _subjects(profile: Profile) -> tuple[Person, ...]:
    listed = profile.test_subjects
    return () if listed is None else read_subjects(profile.file(listed.list), listed.sha256)


def _province(profile: Profile, quirks: Mapping[str, Any]) -> Province:
    name = str(quirks.get("province", ""))
    if not name:
        raise InputError(
            tr("the profile does not say which province the centre belongs to"),
            where=str(profile.path),
            remedy=tr('write province = "hunan" (or a file) into [quirks.centre]'),
        )
    province = load_province(
        str(profile.file(name)) if name.endswith(".toml") else name,
        str(quirks.get("specification", "")),
    )
    changed: dict[str, Any] = {}
    for secret in SECRETS:
        variable = str(quirks.get(f"{secret}_env", ""))
        if variable:
            if variable not in os.environ:
                raise InputError(
                    tr("the environment variable {name} is not set", name=variable),
                    where=str(profile.path),
                )
            changed[secret] = os.environ[variable]
    if "path" in quirks:
        changed["path"] = str(quirks["path"])
    gateway = province.gateway.model_copy(update=changed)
    return province.model_copy(update={"gateway": gateway})


def _house(quirks: Mapping[str, Any]) -> House:
    return House(**{ours: str(quirks[name]) for name, ours in HOUSE_KEYS.items() if name in quirks})
