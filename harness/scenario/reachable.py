"""Whether the systems that a scenario needs are there: blocked or not applicable before it begins.

Systems that we run ourselves are started; a real one is looked for once a run, with a connection
that carries no byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.link import reach
from harness.permit import Permit
from harness.profile import Endpoint, LinkTransport, Mode, Profile
from harness.profile_check import serial_place

LookFor = Callable[[str, int], reach.Reached]


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a scenario cannot be judged at this site now."""

    verdict: Verdict
    reason: str


@dataclass(slots=True)
class Reachability:
    """Looks for the real systems of one profile.

    Args:
        profile: of the site.
        permit: refuses forbidden addresses.
        look: connects and closes.
    """

    profile: Profile
    permit: Permit
    look: LookFor = reach.tcp_reach
    _seen: dict[str, Obstacle | None] = field(default_factory=dict)

    def obstacle(self, interface: str) -> Obstacle | None:
        """What stands in the way of a scenario about an interface; None if nothing does.

        An interface may have several endpoints, such as two analyzers: one that is there is enough.

        Raises:
            PermitError: an address is forbidden.
        """
        found = {
            name: endpoint
            for name, endpoint in self.profile.endpoints.items()
            if interface in {endpoint.interface, *endpoint.also}
        }
        if not found:
            return Obstacle(
                verdict=Verdict.NOT_APPLICABLE,
                reason=tr("the profile has no endpoint of {interface}", interface=interface),
            )
        obstacles = [self._at(name, endpoint) for name, endpoint in found.items()]
        if None in obstacles:
            return None
        blocked = [one for one in obstacles if one and one.verdict is Verdict.BLOCKED]
        return (blocked or obstacles)[0]

    def _at(self, name: str, endpoint: Endpoint) -> Obstacle | None:
        if self.profile.mode(endpoint.to) is not Mode.REAL:
            return None
        if endpoint.transport is LinkTransport.SERIAL and serial_place(endpoint.url) is None:
            return None  # a port of this machine is opened once, by the device that uses it
        if endpoint.transport is LinkTransport.MEMORY or endpoint.single_client:
            return None  # to look would throw out who is connected
        if name not in self._seen:
            self._seen[name] = self._look(name, endpoint)
        return self._seen[name]

    def _look(self, name: str, endpoint: Endpoint) -> Obstacle | None:
        place = serial_place(endpoint.url) or (endpoint.host, endpoint.port)
        self.permit.require_open(*place)
        reached = self.look(*place)
        if reached.ok:
            return None
        required = endpoint.required and self.profile.systems[endpoint.to].required
        return Obstacle(
            verdict=Verdict.BLOCKED if required else Verdict.NOT_APPLICABLE,
            reason=tr(
                "{role} cannot be reached over {link}: {why}",
                role=endpoint.to,
                link=name,
                why=reached.reason,
            ),
        )
