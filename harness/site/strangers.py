"""The doorman: a message of a real system about somebody who is not ours is not answered.

A device or centre that we play must not answer for a real patient whom nobody agreed to: the
connection ends without a word, and the trace has an alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.errors import PermitError
from harness.i18n import tr
from harness.identity import IdentityGuard
from harness.link import actor as act
from harness.wire.core import Core, Message

READ: Final = frozenset({"hl7", "mllp", "astm"})
"""Protocols in which identities are looked for; the others are passed on."""


@dataclass(slots=True)
class Doorman:
    """An actor before an actor.

    Args:
        inner: who would answer.
        identities: who is ours.
        protocol: what is spoken on a link; empty for a link that is not looked at.
        alarm: told of each stranger, without who it is.
    """

    inner: act.Actor
    identities: IdentityGuard
    protocol: Callable[[str], str]
    alarm: Callable[[str], None]

    @property
    def role(self) -> str:
        """Of the one behind."""
        return self.inner.role

    @role.setter
    def role(self, role: str) -> None:
        self.inner.role = role

    def open_core(self, link: str, *, client: bool) -> Core:
        """Of the one behind."""
        return self.inner.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Pass on what speaks of our people, or of nobody."""
        if isinstance(event, act.Received) and isinstance(event.event, Message):
            protocol = self.protocol(event.link)
            if protocol in READ:
                try:
                    self.identities.check(protocol, event.event.payload)
                except PermitError as error:
                    self.alarm(
                        tr("ALARM: {link}: {why}; it is not answered", link=event.link,
                           why=error.message)
                    )  # fmt: skip
                    return [act.Close(conn=event.conn, reset=True)]
        return self.inner.on_event(event, now)
