"""The doorman: a message of a real system about somebody who is not ours is not answered.

A device or centre that we play must not answer for a real patient whom nobody agreed to: the
connection ends without a word, and the trace has an alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from harness.errors import PermitError
from harness.evidence import correlate, correlate_http
from harness.i18n import tr
from harness.identity import IdentityGuard
from harness.link import actor as act
from harness.link.relay import RelayUnit
from harness.profile_model import Profile
from harness.profile_values import Mode
from harness.site.route import Routes
from harness.site.strangers_stream import Reading, reading
from harness.wire.core import Core, Event, Message
from harness.wire.http1_events import HttpRequest, HttpResponse

READ: Final = frozenset({"hl7", "mllp", "hllp", "astm", "poct1a", "framed", "http", "soap"})
"""Protocols in which identities are looked for; DICOM has its own door (``link/dicom.py``)."""


@dataclass(slots=True)
class Doorman:
    """An actor before an actor.

    Args:
        inner: who would answer.
        identities: who is ours.
        protocol: what is spoken on a link; empty for a link that is not looked at.
        alarm: told of each stranger, without who it is.
        mints: real systems give numbers of their own here.
    """

    inner: act.Actor
    identities: IdentityGuard
    protocol: Callable[[str], str]
    alarm: Callable[[str], None]
    mints: bool = False

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
        if isinstance(event, act.Received):
            why = refusal(
                self.identities,
                self.protocol(event.link),
                payload_of(event.event),
                mints=self.mints,
            )
            if why:
                self.alarm(told(event.link, why))
                return [act.Close(conn=event.conn, reset=True)]
        commands = [self._sent(one) for one in self.inner.on_event(event, now)]
        self._learn(commands)
        return commands

    def _sent(self, command: act.Command) -> act.Command:
        """A call of ours about a stranger does not leave; other messages the guard has seen."""
        if not (isinstance(command, act.Send) and isinstance(command.event, HttpRequest)):
            return command
        try:
            self.identities.check("http", payload_of(command.event))
        except PermitError as error:
            link = command.conn.partition("#")[0]
            self.alarm(tr("ALARM: {link}: {why}; it is not sent", link=link, why=error.message))
            return act.Close(conn=command.conn, reset=True)
        return command

    def _learn(self, commands: list[act.Command]) -> None:
        """Codes that ours gives out will be shown to it again."""
        for one in commands:
            if isinstance(one, act.Send) and isinstance(one.event, HttpResponse):
                self.identities.learn("http", one.event.payload)


def payload_of(event: Event) -> bytes:
    """What of an event may tell who somebody is."""
    if isinstance(event, HttpRequest):
        return unquote_to_bytes(event.target) + b"\n" + event.payload
    return event.payload if isinstance(event, Message) else b""


def refusal(
    identities: IdentityGuard, protocol: str, payload: bytes, *, mints: bool = False
) -> str:
    """Why a message of a real system is not answered; empty where it may be."""
    if protocol not in READ or not payload:
        return ""
    try:
        identities.check(protocol, payload, theirs=True, mints=mints)
    except PermitError as error:
        return error.message
    return ""


def told(link: str, why: str) -> str:
    """The alarm; it does not say who it is."""
    return tr("ALARM: {link}: {why}; it is not answered", link=link, why=why)


RELAYED: Final = READ - {"hl7"}
"""Protocols whose messages a relay sees whole, or ``strangers_stream`` puts together."""


def _kinds(protocol: str, payload: bytes) -> set[str]:
    """Types of the messages in a text; none where only the whole conversation tells."""
    if protocol == "http":
        return correlate_http.numbers(payload)
    kind = correlate.hl7(payload).type if protocol in {"mllp", "hllp"} else ""
    return {kind} - {""}


@dataclass(slots=True)
class SiteDoor:
    """Who stands at the links over which real systems call systems of ours.

    Args:
        profile: of the site.
        identities: who is ours in the running scenario.
        routes: a link whose canary has not arrived yet lets that harmless call through, whomever
            it is about, and no other.
        alarm: told of each stranger; None once the scenario is over.
    """

    profile: Profile
    identities: IdentityGuard
    routes: Routes
    alarm: Callable[[str], None] | None

    def stops(self, link: str, payload: bytes) -> str:
        """Why a message of a real system must not pass; empty where it may."""
        if not self._guards(link):
            return ""
        protocol = str(self.profile.endpoints[link].protocol)
        if self.routes.awaits(link, _kinds(protocol, payload)):
            return ""
        why = refusal(self.identities, protocol, payload, mints=bool(self.profile.operator.mints))
        if why and self.alarm is not None:
            self.alarm(told(link, why))
        return why

    def learns(self, link: str, payload: bytes) -> None:
        """A code that a system of ours gives out will be shown to it again."""
        if self._guards(link):
            self.identities.learn(str(self.profile.endpoints[link].protocol), payload)

    def _guards(self, link: str) -> bool:
        end = self.profile.endpoints.get(link)
        return (
            end is not None
            and str(end.protocol) in RELAYED
            and self.profile.mode(end.frm) is not Mode.SIMULATED
            and self.profile.mode(end.to) is Mode.SIMULATED
        )


@dataclass(slots=True)
class Gate:
    """An actor before the relay: what a real system says about a stranger goes no further.

    Args:
        inner: the relay.
        door: asked for each link and piece of a real caller to a system of ours: why it must not
            pass; empty where it may. None while nobody stands there.
        learn: told what a system of ours answers on a link.
        protocol: what is spoken on a link; empty where pieces are just put together.
    """

    inner: act.Actor
    door: Callable[[str, bytes], str] | None = None
    learn: Callable[[str, bytes], None] | None = None
    protocol: Callable[[str], str] = lambda _: ""
    _seen: dict[str, Reading] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """Of the relay."""
        return self.inner.role

    @role.setter
    def role(self, role: str) -> None:
        self.inner.role = role

    def open_core(self, link: str, *, client: bool) -> Core:
        """Of the relay."""
        return self.inner.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Pass on, or end the connection at both ends."""
        match event:
            case act.Received(link=link, conn=conn, event=RelayUnit() as unit):
                if conn.endswith(FAR):  # what the system behind the relay says
                    if self.learn is not None:
                        self.learn(link, unit.payload or unit.data)
                elif self.door is not None and self._refused(link, conn, unit):
                    far = self.inner.on_event(
                        act.Closed(link=link, conn=conn, reason=STRANGER), now
                    )
                    return [*far, act.Close(conn=conn, reset=True)]
            case act.Closed(conn=conn) | act.Refused(conn=conn):
                self._seen.pop(conn, None)
        return self.inner.on_event(event, now)

    def _refused(self, link: str, conn: str, unit: RelayUnit) -> bool:
        """A message is looked at whole; of a stream, what its reader puts together."""
        if self.door is None:
            return False
        if unit.payload:
            return bool(self.door(link, unit.payload))
        if conn not in self._seen:
            self._seen[conn] = reading(self.protocol(link))
        door = self.door
        return any(door(link, text) for text in self._seen[conn].take(unit.data))


STRANGER: Final = "stranger"
FAR: Final = ">"
"""How the relay names its own connection to the system behind it."""
