"""Route proof: nothing is moved on an interface before a harmless call of it has arrived at us.

A restored test database often still points at the live centre. So before the first action of a
scenario whose calls come from a real system, a canary (9001, C-ECHO, a query) must arrive at our
own endpoint in this run; otherwise every scenario of that interface is blocked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from harness.errors import Blocked
from harness.i18n import tr
from harness.profile_model import Canary, Profile
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

    def open(self, interface: str, caller: str = "") -> list[tuple[str, str, Canary]]:
        """What is still to arrive before anything moves: link, name and canary.

        Args:
            interface: as ``links`` has it.
            caller: as ``links`` has it.

        Raises:
            Blocked: the profile has no canary for a link, or one did not arrive in this run.
        """
        found = []
        for link in self.links(interface, caller):
            if link in self.lost:
                raise Blocked(self.lost[link])
            if link in self.proven:
                continue
            end = self.profile.endpoints[link]
            canaries = [(link, name, one) for name, one in self.profile.canaries.items()
                        if one.interface in {end.interface, *end.also}
                        and one.frm == end.frm]  # fmt: skip
            if not canaries:
                raise Blocked(
                    tr("nothing proves that calls of {role} over {link} reach us",
                       role=end.frm, link=link),
                    remedy=tr("name a harmless action in [canaries] of the profile"),
                )  # fmt: skip
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
