"""Route proof: nothing is moved on an interface before a harmless call of it has arrived at us.

A restored test database often still points at the live centre. So before the first action of a
scenario whose calls come from a real system, a canary (9001, C-ECHO, a query) must arrive at our
own endpoint in this run; otherwise every scenario of that interface is blocked. What is written to
a real system may go on over its other links, too (results of a restored LIS to the live HIS), so
each of them is proven before the first write, unless the profile says that it passes nothing on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from harness.errors import Blocked
from harness.i18n import tr
from harness.profile_model import Canary, Endpoint, Profile
from harness.profile_values import Mode
from harness.site.cards import Form


@dataclass(slots=True)
class Routes:
    """What was proven in a run, by link: interfaces of one line go the same way.

    Args:
        profile: of the site.
    """

    profile: Profile
    proven: set[str] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)

    def links(self, interface: str, caller: str = "") -> list[str]:
        """Links over which a real system calls, and that carry an interface.

        Args:
            interface: of the scenario, or of a card.
            caller: only links from this role to what we play or run ourselves.
        """
        profile = self.profile
        return [
            name
            for name, one in profile.endpoints.items()
            if interface in {one.interface, *one.also} and profile.mode(one.frm) is Mode.REAL
            and (not caller or (one.frm == caller and profile.mode(one.to) is Mode.SIMULATED))
        ]  # fmt: skip

    def onward(self, role: str) -> list[str]:
        """Links over which a real system may pass on what is written to it.

        Args:
            role: that is written to.
        """
        profile = self.profile
        return [
            name
            for name, one in profile.endpoints.items()
            if one.frm == role and one.forwards and profile.mode(role) is Mode.REAL
        ]

    def written(self, interface: str) -> list[str]:
        """Real systems that something is written to over an interface."""
        profile = self.profile
        return list(dict.fromkeys(
            one.to
            for one in profile.endpoints.values()
            if interface in {one.interface, *one.also} and profile.mode(one.to) is Mode.REAL
            and profile.mode(one.frm) is not Mode.OBSERVED
        ))  # fmt: skip

    def awaits(self, link: str, kinds: Collection[str]) -> bool:
        """Whether messages are nothing but the harmless call that is still to arrive over a link.

        Args:
            link: of the profile.
            kinds: types of the messages, such as 9001 or QBP^Q22.
        """
        if link in self.proven or link in self.lost:
            return False
        end = self.profile.endpoints[link]
        harmless = {
            one.type
            for one in self.profile.canaries.values()
            if one.interface in {end.interface, *end.also} and one.frm == end.frm
        }
        return bool(kinds) and harmless.issuperset(kinds)

    def open(
        self, interface: str, caller: str = "", writes: Sequence[str] = ()
    ) -> list[tuple[str, str, Canary]]:
        """What is still to arrive before anything moves: link, name and canary.

        Args:
            interface: as ``links`` has it.
            caller: as ``links`` has it.
            writes: roles that are written to besides those at the far end of the interface.

        Raises:
            Blocked: the profile has no canary for a link, or one did not arrive in this run.
        """
        found = []
        own = self.links(interface, caller)
        roles = [*writes, *([] if caller else self.written(interface))]
        onward = [link for role in roles for link in self.onward(role)]
        for link in dict.fromkeys([*own, *onward]):
            if link in self.lost:
                raise Blocked(self.lost[link])
            if link in self.proven:
                continue
            end = self.profile.endpoints[link]
            canaries = [(link, name, one) for name, one in self.profile.canaries.items()
                        if one.interface in {end.interface, *end.also}
                        and one.frm == end.frm]  # fmt: skip
            if not canaries:
                raise _unproven(link, end, passes_on=link not in own)
            found += canaries
        return found

    def missed(self, link: str, name: str) -> Blocked:
        """A canary did not arrive: the link is blocked for the rest of the run."""
        self.lost[link] = tr(
            "the canary {name} did not arrive, so calls over {link} may go to another system",
            name=name, link=link,
        )  # fmt: skip
        remedy = tr("look at the address in the settings of the system under test")
        return Blocked(self.lost[link], remedy=remedy)


def _unproven(link: str, end: Endpoint, *, passes_on: bool) -> Blocked:
    """No canary is named for a link."""
    if not passes_on:
        return Blocked(
            tr("nothing proves that calls of {role} over {link} reach us", role=end.frm, link=link),
            remedy=tr("name a harmless action in [canaries] of the profile"),
        )
    return Blocked(
        tr("what is written to {role} may go on over {link}, and nothing proves that this reaches"
           " us", role=end.frm, link=link),
        remedy=tr('name a canary with interface = "{interface}" and from = "{role}", or write'
                  ' forwards = false into [endpoints.{link}] if {role} passes nothing on over it',
                  interface=end.interface, role=end.frm, link=link),
    )  # fmt: skip


def form_of(name: str, canary: Canary) -> Form:
    """The card that asks a person for a canary."""
    return Form(
        role=canary.frm,
        command=f"canary {name}",
        workstation=tr("route proof"),
        text=canary.text or tr("do what makes it send {type}", type=canary.type),
        fields={},
        interface=canary.interface,
        match={"type": canary.type},
    )
