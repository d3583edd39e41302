"""HLLP for the built-in systems: the links that a profile says so of speak it in place of MLLP.

What a system keeps and decides is the same; only the blocks on the wire have a type, a count and a
checksum (HL7 2.3 implementation guide, appendix C §C.4.1). Defects that read or write frames of
MLLP in their own way have no effect on such a link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.link import actor as act
from harness.link.actor import Actor
from harness.wire.core import Core
from harness.wire.hllp import HllpCore


@dataclass(slots=True)
class Hybrid:
    """An actor with other cores on some links.

    Args:
        actor: whose behaviour it is.
        links: that speak HLLP.
    """

    actor: Actor
    links: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        """Everything else is the actor's own."""
        return getattr(self.actor, name)

    def open_core(self, link: str, *, client: bool) -> Core:
        """HLLP where the profile says so."""
        return HllpCore() if link in self.links else self.actor.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The actor's."""
        return self.actor.on_event(event, now)
