"""Plays the other ends of a case: sends what they sent, and answers what the system asks.

As a server it is a chain of states: requests that look alike get their recorded answers one after
the other, and the last one again. What was never asked in the recording gets no answer, and is told
with the nearest that was.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.cases.kept import Line
from harness.cases.slots import Slots, stamped
from harness.evidence import correlate, correlate_http
from harness.evidence.correlate import Summary
from harness.link import actor as act
from harness.wire.astm_config import AstmLinkConfig
from harness.wire.astm_events import MessageReceived, SendFailed
from harness.wire.astm_link import AstmLinkCore
from harness.wire.core import Core, Event, Message
from harness.wire.hl7_ack import acknowledge
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.mllp import MllpCore

PROTOCOLS: Final = {"mllp": "hl7", "astm": "astm", "http": "http"}
"""Protocol of an endpoint, and of the lines that can be played over it."""

HEARD_MAX: Final = 1000
"""Messages of the system that a replay waits for; a system that resends for ever says no more."""

JSON: Final = (("Content-Type", "application/json;charset=UTF-8"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message of the system under test.

    Attributes:
        frm: its role.
        link: over which endpoint.
        protocol: of the message.
        kind: type of it.
        ident: control id, msgid.
        corr: what it is about.
        payload: its bytes.
        matched: number of the recorded line that it stands for; 0 where there is none.
    """

    frm: str
    link: str
    protocol: str
    kind: str
    ident: str
    corr: Mapping[str, str]
    payload: bytes
    matched: int = 0


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What the system said and the recording does not have.

    Attributes:
        heard: the message.
        nearest: the recorded line that is most like it; None where nothing was recorded.
    """

    heard: Heard
    nearest: Line | None


@dataclass(slots=True)
class Player:
    """The actor.

    Args:
        system: role under test.
        protocols: protocol by link.
        said: what the system said in the recording.
        replies: our recorded answers, by number of the line that they answer.
        slots: of this replay.
        wall: civil time now.
        expected: types that a fault names: they are accepted also where none was recorded, since
            that it did not come may be the very fault.
    """

    system: str
    protocols: Mapping[str, str]
    said: Sequence[Line]
    replies: Mapping[int, Sequence[Line]]
    slots: Slots
    wall: datetime
    expected: frozenset[str] = frozenset()
    role: str = "case"
    heard: list[Heard] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sent: int = 0
    _outbox: dict[int, Line] = field(default_factory=dict)
    _conns: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, list[Line]] = field(default_factory=dict)
    _used: set[int] = field(default_factory=set)
    _opened: int = 0

    def open_core(self, link: str, *, client: bool) -> Core:
        """The core of a link's protocol, at our end of it."""
        match self.protocols[link]:
            case "astm":
                return AstmLinkCore(AstmLinkConfig(side="instrument" if client else "host"))
            case "http":
                return HttpServerCore()
        return MllpCore()

    def post(self, line: Line) -> None:
        """Lay a line ready; the command ``send`` with its number sends it."""
        self._outbox[line.number] = line

    def heard_of(self, number: int) -> Callable[[], bool]:
        """Whether what stands for a recorded line has come."""
        return lambda: any(one.matched == number for one in self.heard)

    def says_more(self) -> Callable[[], bool]:
        """Whether anything came after now; not for ever, where a system says the same again."""
        count = len(self.heard)
        return lambda: count < min(len(self.heard), HEARD_MAX)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Send what is told, answer what was answered."""
        match event:
            case act.Commanded(name="send"):
                line = self._outbox[int(event.args["line"])]
                return [*self._send(line), act.Reply(ident=event.ident)]
            case act.Opened():
                self._conns[event.link] = event.conn
                waiting = self._waiting.pop(event.link, [])
                return [one for line in waiting for one in self._send(line)]
            case act.Refused():
                self.refused.append(f"{event.link}: {event.reason}")
                self._waiting.pop(event.link, None)
            case act.Closed() if self._conns.get(event.link) == event.conn:
                del self._conns[event.link]
            case act.Received(event=SendFailed() as failed):
                self.refused.append(f"{event.link}: {failed.reason}")
            case act.Received():
                return self._received(event.conn, event.link, event.event)
        return []

    def _send(self, line: Line) -> list[act.Command]:
        conn = self._conns.get(line.link)
        if conn is None:
            fresh = line.link not in self._waiting
            self._waiting.setdefault(line.link, []).append(line)
            self._opened += fresh
            mine = f"{line.link}#case{self._opened}"
            return [act.Open(link=line.link, conn=mine)] if fresh else []
        self.sent += 1
        payload = stamped(self.slots.filled(line.payload), line.protocol, self.wall)
        return [act.Send(conn=conn, event=Message(payload=payload))]

    def _received(self, conn: str, link: str, event: Event) -> list[act.Command]:
        if not isinstance(event, Message | MessageReceived):
            return []
        protocol = PROTOCOLS[self.protocols[link]]
        about = _about(protocol, event)
        line = self._recorded(protocol, about)
        self.heard.append(
            Heard(
                frm=self.system, link=link, protocol=protocol, kind=about.type, ident=about.id,
                corr=about.corr, payload=event.payload, matched=line.number if line else 0,
            )
        )  # fmt: skip
        if line is None:
            self.unmatched.append(Unmatched(self.heard[-1], self._nearest(about)))
            if protocol == "hl7" and {about.type, about.type.partition("^")[0]} & self.expected:
                answer = acknowledge(
                    event.payload, "AA", control_id=f"C{len(self.heard)}",
                    time=self.wall.strftime("%Y%m%d%H%M%S"),
                )  # fmt: skip
                return [act.Send(conn=conn, event=Message(payload=answer))]
            return []
        self._used.add(line.number)
        self.slots.bind(f"theirs:{line.number}", line.ident, about.id)
        return [
            act.Send(conn=conn, event=self._reply(one, protocol, about))
            for one in self.replies.get(line.number, ())
        ]

    def _recorded(self, protocol: str, about: Summary) -> Line | None:
        """The recorded line that a message stands for: the first alike that was not used yet."""
        alike = [one for one in self.said if one.protocol == protocol and one.kind == about.type]
        if not alike:
            return None

        def same(line: Line) -> int:
            theirs = {key: self.slots.text(value) for key, value in line.corr.items()}
            return sum(about.corr.get(key) == value for key, value in theirs.items())

        best = max(same(one) for one in alike)
        group = [one for one in alike if same(one) == best]
        return next((one for one in group if one.number not in self._used), group[-1])

    def _nearest(self, about: Summary) -> Line | None:
        """By the words of the type, then by what it is about."""

        def likeness(line: Line) -> float:
            shared = sum(about.corr.get(key) == value for key, value in line.corr.items())
            return difflib.SequenceMatcher(None, line.kind, about.type).ratio() + shared

        return max(self.said, key=likeness, default=None)

    def _reply(self, line: Line, protocol: str, about: Summary) -> Message:
        payload = stamped(self.slots.filled(line.payload), protocol, self.wall)
        if protocol == "http":
            return HttpResponse(status=200, headers=JSON, payload=payload)
        if protocol == "hl7" and line.answers:
            # The answer names what was asked just now, also where the same is asked again.
            payload = _acknowledging(payload, about.id)
        return Message(payload=payload)


def _acknowledging(payload: bytes, ident: str) -> bytes:
    start = payload.find(b"\rMSA")
    sign = payload[start + 4 : start + 5]
    end = payload.find(b"\r", start + 1)
    end = len(payload) if end < 0 else end
    fields = payload[start + 1 : end].split(sign) if start >= 0 and sign else []
    if len(fields) < 3:
        return payload
    fields[2] = ident.encode("latin-1", "replace")
    return payload[: start + 1] + sign.join(fields) + payload[end:]


def _about(protocol: str, event: Message | MessageReceived) -> Summary:
    if isinstance(event, HttpRequest):
        return correlate_http.request(event)
    return {"hl7": correlate.hl7, "astm": correlate.astm}[protocol](event.payload)
