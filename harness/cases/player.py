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

from harness.captures.layout import Layout
from harness.captures.poct import ACKNOWLEDGEMENT, POCT
from harness.cases import framing_mllp, maker_places, soap
from harness.cases.acknowledging import acknowledging, acknowledging_device
from harness.cases.asking import Asking, refusal
from harness.cases.framing import WIRE, WireCore, WireDone, WireReply, summed
from harness.cases.framing_maker import WIRE as MAKER
from harness.cases.framing_mllp import HllpAsRecorded, MllpAsRecorded
from harness.cases.kept import Line
from harness.cases.maker_core import MakerCore
from harness.cases.places_xml import is_xml
from harness.cases.recorded_maker import device_about
from harness.cases.slots import Slots, stamped
from harness.cases.soap import XML
from harness.errors import InputError, PeerError
from harness.evidence import correlate, correlate_http
from harness.evidence.correlate import Summary
from harness.i18n import tr
from harness.link import actor as act
from harness.wire.astm_config import AstmLinkConfig
from harness.wire.astm_events import MessageReceived, SendFailed
from harness.wire.astm_link import AstmLinkCore
from harness.wire.core import Core, Event, Message, Violation
from harness.wire.hl7_ack import acknowledge
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import HttpBroken, HttpExhausted, HttpRequest, HttpResponse
from harness.wire.poct1a_core import Poct1aCore

PROTOCOLS: Final = {
    "mllp": "hl7", "hllp": "hl7", "astm": "astm", "http": "http", "framed": MAKER, "poct1a": POCT,
}  # fmt: skip
"""Protocol of an endpoint, and of the lines that can be played over it."""

BARE: Final = {WIRE: "astm", framing_mllp.WIRE: "hl7"}
"""Protocol of lines that have their framing, and of what stands in it."""

FRAMING: Final = "framing"
"""Kind of what is heard where a frame of HL7 is not as it should be; its code stands behind."""

IN_PIECES: Final = frozenset({WIRE, MAKER})
"""Protocols of lines that leave piece by piece."""

HEARD_MAX: Final = 1000
"""Messages of the system that a replay waits for; a system that resends for ever says no more."""

_SUMMARIES: Final[Mapping[str, Callable[[bytes], Summary]]] = {
    "hl7": correlate.hl7, "astm": correlate.astm, POCT: device_about,
}  # fmt: skip

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
        refusing: it is the refusal of something that was not refused in the recording: what else
            stands in it tells nothing.
    """

    frm: str
    link: str
    protocol: str
    kind: str
    ident: str
    corr: Mapping[str, str]
    payload: bytes
    matched: int = 0
    refusing: bool = False


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
        asking: sends requests over HTTP; None where there are none.
        layout: of an instrument with a framing of its own; None where the case has none.
    """

    system: str
    protocols: Mapping[str, str]
    said: Sequence[Line]
    replies: Mapping[int, Sequence[Line]]
    slots: Slots
    wall: datetime
    expected: frozenset[str] = frozenset()
    asking: Asking | None = None
    layout: Layout | None = None
    role: str = "case"
    heard: list[Heard] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sent: int = 0
    under_way: int = 0
    _outbox: dict[int, Line] = field(default_factory=dict)
    _conns: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, list[Line]] = field(default_factory=dict)
    _used: set[int] = field(default_factory=set)
    _opened: int = 0

    def open_core(self, link: str, *, client: bool) -> Core:
        """The core of a link's protocol, at our end of it."""
        match self.protocols[link]:
            case "astm" if any(
                one.protocol == WIRE and one.link == link for one in self._outbox.values()
            ):
                return WireCore()
            case "astm":
                return AstmLinkCore(AstmLinkConfig(side="instrument" if client else "host"))
            case "framed" if self.layout is not None:
                return MakerCore(self.layout)
            case "poct1a":
                return Poct1aCore()
            case "http":
                return HttpClientCore() if client else HttpServerCore()
        return HllpAsRecorded() if self.protocols[link] == "hllp" else MllpAsRecorded()

    def post(self, line: Line) -> None:
        """Lay a line ready; the command ``send`` with its number sends it."""
        self._outbox[line.number] = line
        self.under_way += line.protocol in IN_PIECES

    def heard_of(self, number: int) -> Callable[[], bool]:
        """Whether what stands for a recorded line has come."""
        return lambda: any(one.matched == number for one in self.heard)

    def says_more(self) -> Callable[[], bool]:
        """Whether anything new came after now; what is sent again for ever is nothing new."""
        count = self._different()
        return lambda: count < min(self._different(), HEARD_MAX)

    def _different(self) -> int:
        """Messages that came, each of its own id once."""
        return len({(one.link, one.kind, one.ident or at) for at, one in enumerate(self.heard)})

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Send what is told, answer what was answered."""
        match event:
            case act.Commanded(name="send"):
                line = self._outbox[int(event.args["line"])]
                return [*self._send(line, now), act.Reply(ident=event.ident)]
            case act.Opened():
                self._conns[event.link] = event.conn
                waiting = self._waiting.pop(event.link, [])
                return [one for line in waiting for one in self._send(line, now)]
            case act.Refused():
                self.refused.append(f"{event.link}: {event.reason}")
                self._waiting.pop(event.link, None)
                self.under_way = 0
            case act.Closed():
                self._gone(event.conn, event.link, event.reason)
            case act.Received(event=HttpExhausted() | HttpBroken() as end):
                self._gone(event.conn, event.link, getattr(end, "message", ""))
                return [act.Close(conn=event.conn)]
            case act.Received(event=HttpResponse() as answer) if self._asks(event.conn):
                return self._answered(event.conn, event.link, answer, now)
            case act.Received(event=WireReply() as reply):
                self._replied(event.link, reply)
            case act.Received(event=WireDone()):
                self.under_way -= 1
            case act.Received(event=Violation() as wrong):
                self._misframed(event.link, wrong)
            case act.Received(event=SendFailed() as failed):
                self.refused.append(f"{event.link}: {failed.reason}")
            case act.Received():
                return self._received(event.conn, event.link, event.event)
        return []

    def _send(self, line: Line, now: float) -> list[act.Command]:
        conn = self._conns.get(line.link)
        if conn is None or self._asks(conn):
            fresh = line.link not in self._waiting
            self._waiting.setdefault(line.link, []).append(line)
            self._opened += fresh
            mine = f"{line.link}#case{self._opened}"
            return [act.Open(link=line.link, conn=mine)] if fresh else []
        self.sent += 1
        if line.protocol == "http":
            return self._ask(conn, line, now)
        if line.protocol == framing_mllp.WIRE:
            return [act.Send(conn=conn, event=framing_mllp.framed(line.payload, self._today))]
        if line.protocol == MAKER:
            return [act.Send(conn=conn, event=Message(payload=self._columns(line.payload)))]
        payload = stamped(self.slots.filled(line.payload), line.protocol, self.wall)
        if line.protocol == WIRE:
            payload = summed(line.payload, payload)
        return [act.Send(conn=conn, event=Message(payload=payload))]

    def _columns(self, payload: bytes) -> bytes:
        """A line of an instrument's own framing with the values of this replay."""
        assert self.layout is not None
        return maker_places.filled(payload, self.layout, self.slots.filled)

    def _today(self, payload: bytes) -> bytes:
        """A message of HL7 with the values of this replay."""
        return stamped(self.slots.filled(payload), "hl7", self.wall)

    def _misframed(self, link: str, wrong: Violation) -> None:
        """The system frames its messages otherwise than MLLP does: what a fault may be about."""
        if PROTOCOLS[self.protocols[link]] in {"hl7", MAKER}:
            self.heard.append(
                Heard(
                    frm=self.system, link=link, protocol=framing_mllp.WIRE,
                    kind=f"{FRAMING}^{wrong.code}", ident="", corr={}, payload=wrong.raw,
                )
            )  # fmt: skip

    def _replied(self, link: str, reply: WireReply) -> None:
        """What the system answers to a piece of a session; of what it sends itself, each frame."""
        self.heard.append(
            Heard(
                frm=self.system, link=link, protocol=PROTOCOLS[self.protocols[link]],
                kind=reply.name, ident="", corr={},
                payload=reply.payload,
            )
        )  # fmt: skip

    def _asks(self, conn: str) -> bool:
        return self.asking is not None and self.asking.busy(conn)

    def _ask(self, conn: str, line: Line, now: float) -> list[act.Command]:
        if self.asking is None:
            raise InputError(
                tr("this case sends requests over HTTP, and nobody signs them"),
                remedy=tr("name whose interface it is with --province, or a bridge with --path"),
            )
        return [self.asking.ask(conn, line, now)]

    def _answered(
        self, conn: str, link: str, answer: HttpResponse, now: float
    ) -> list[act.Command]:
        """An answer to a request of ours, or what lets us in before it."""
        assert self.asking is not None
        try:
            held = self.asking.let_in(conn, answer)
        except PeerError as error:
            self.refused.append(f"{link}: {error.message}")
            self.asking.lost(conn)
            return []
        if held is not None:
            return self._ask(conn, held, now)
        about, line, payload = self.asking.answered(conn, answer)
        code = about.corr.get("code", "")
        then = line.corr.get("code") or correlate_http.code_of(line.payload) if line else ""
        refusing = then == correlate_http.DONE != code
        if refusing:
            self.refused.append(f"{about.type}: {code} {refusal(payload)}".rstrip())
        self.heard.append(
            Heard(
                frm=self.system, link=link, protocol="http", kind=about.type, ident=about.id,
                corr=about.corr, payload=payload, matched=line.number if line else 0,
                refusing=refusing,
            )
        )  # fmt: skip
        return []

    def _gone(self, conn: str, link: str, why: str) -> None:
        """A connection that ends; what was asked on it gets no answer any more."""
        if self.under_way and self.protocols.get(link) in {"astm", "framed"}:
            self.under_way = 0
            self.refused.append(f"{link}: {why or tr('closed inside a session')}")
        if self._conns.get(link) == conn:
            del self._conns[link]
        asked = self.asking.lost(conn) if self.asking is not None else ""
        if asked:
            self.refused.append(f"{asked}: {why or tr('no answer')}")

    def _received(self, conn: str, link: str, event: Event) -> list[act.Command]:
        if not isinstance(event, Message | MessageReceived):
            return []
        protocol = PROTOCOLS[self.protocols[link]]
        about = self._about(protocol, event)
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
        if protocol != POCT:  # its small numbers begin anew with each conversation
            self.slots.bind(f"theirs:{line.number}", line.ident, about.id)
        return [
            act.Send(conn=conn, event=self._reply(one, protocol, about))
            for one in self.replies.get(line.number, ())
        ]

    def _recorded(self, protocol: str, about: Summary) -> Line | None:
        """The recorded line that a message stands for: the first alike that was not used yet."""
        alike = [
            one
            for one in self.said
            if BARE.get(one.protocol, one.protocol) == protocol
            and one.kind == about.type
            and "question" not in one.corr
        ]
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
        if line.protocol == framing_mllp.WIRE:
            return framing_mllp.framed(
                line.payload, lambda raw: acknowledging(self._today(raw), about.id)
            )
        payload = stamped(self.slots.filled(line.payload), protocol, self.wall)
        if protocol == "http":
            return HttpResponse(status=200, headers=XML[:1] if is_xml(payload) else JSON,
                                payload=payload)  # fmt: skip
        if protocol == "hl7" and line.answers:
            # The answer names what was asked just now, also where the same is asked again.
            payload = acknowledging(payload, about.id)
        if protocol == POCT and line.kind == ACKNOWLEDGEMENT:
            payload = acknowledging_device(payload, about.id)
        return Message(payload=payload)

    def _about(self, protocol: str, event: Message | MessageReceived) -> Summary:
        """What a message of the system is about."""
        if isinstance(event, HttpRequest):
            return soap.about(event.payload) or correlate_http.request(event)
        if protocol == MAKER and self.layout is not None:
            known = [self.slots.text(one.corr["barcode"]) for one in self._outbox.values()
                     if one.corr.get("barcode")]  # fmt: skip
            return maker_places.about(event.payload, self.layout, known)
        return _SUMMARIES[protocol](event.payload)
