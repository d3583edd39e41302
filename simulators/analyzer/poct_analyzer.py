"""A simulated POCT1-A2 device: says hello, tells what it holds, and gives it when it is asked.

The conversation: HEL.R01, DST.R01, then the station directs (set the time, lists of operators and
patients, REQ.R01 or START_CONTINUOUS), then OBS.R01 and OBS.R02 each with its acknowledgement,
EOT.R01 and, outside the continuous mode, END.R01.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from harness.clock import Clock, RealClock
from harness.i18n import tr
from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.poct1a import DmlMessage, acknowledgement, read
from harness.wire.poct1a_core import Poct1aCore
from simulators.analyzer import poct_messages
from simulators.analyzer.courier import Courier
from simulators.analyzer.model_poct1a import Poct1aSection

LINK = "analyzer-lis-poct"

FIRST_OWN_ID: Final = 800_000_001
"""Control id of what the device says by itself; results get theirs from whoever builds them."""

LISTED_MAX: Final = 10_000
"""Directives of the station that the device remembers."""

What = Literal["hello", "status", "result", "topic", "end", "alive"]
"""What waits for its acknowledgement."""


@dataclass(slots=True)
class PoctAnalyzer:
    """The actor.

    Commands: ``upload`` (``payload`` or ``payloads`` as hex) answers ``outcome``, ``detail``,
    ``tries``, ``messages``; ``heard`` answers what the station directed; ``hang-up`` ends the
    connection.

    Args:
        section: what the device is.
        role: always ``analyzer``.
        link: the link that it keeps.
        clock: dates what it says by itself.
    """

    section: Poct1aSection
    role: str = "analyzer"
    link: str = LINK
    clock: Clock = field(default_factory=RealClock)
    heard: list[dict[str, str]] = field(default_factory=list)
    _courier: Courier = field(init=False)
    _awaited: tuple[What, str, bytes] | None = None  # what, its control id, as it was sent
    _tries: int = 0
    _may_send: bool = False
    _continuous: bool = False
    _own_ids: int = FIRST_OWN_ID

    def __post_init__(self) -> None:
        section = self.section
        self._courier = Courier(link=self.link, side=section.side, repeats=section.repeats)

    def open_core(self, link: str, *, client: bool) -> Core:
        """XML messages one after the other."""
        return Poct1aCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Lead the conversation as far as it is the device's turn."""
        courier = self._courier
        match event:
            case act.Commanded():
                return self._commanded(event, now)
            case act.Opened(conn=conn):
                if not courier.opened(conn):
                    return []
                self._reset()
                return self._own("hello", poct_messages.hello, now)
            case act.Refused(conn=conn) | act.Closed(conn=conn):
                if conn != courier.conn:
                    return []
                self._reset()
                quiet = act.SetTimer(name="answer", at=None)
                return [quiet, *courier.gone(conn, event.reason, now)]
            case act.TimerFired(name="connect"):
                return self._go(now)
            case act.TimerFired(name="answer"):
                return self._silence(now)
            case act.TimerFired(name="alive") if self._continuous:
                return self._idle(now)
            case act.Received(conn=courier.conn, event=Message(payload=payload)):
                return self._received(read(payload), now)
        return []

    def _reset(self) -> None:
        self._awaited, self._tries = None, 0
        self._may_send = self._continuous = False

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        if event.name == "upload":
            problem = self._courier.add(event)
            if problem:
                return [act.Reply(ident=event.ident, error=problem)]
            return self._go(now)
        if event.name == "heard":
            return [act.Reply(ident=event.ident, value={"heard": list(self.heard)})]
        if event.name == "hang-up":
            self._reset()
            quiet = act.SetTimer(name="answer", at=None)
            return [quiet, *self._courier.hang_up(event.ident, now)]
        return [act.Reply(ident=event.ident, error=tr("unknown command {name}", name=event.name))]

    # -- speaking ------------------------------------------------------------------------------

    def _go(self, now: float) -> list[act.Command]:
        """Connect where there is something to tell; send the next observation where that is on."""
        courier = self._courier
        if courier.head is not None and not courier.ready:
            return courier.connect()
        if self._awaited is not None:
            return []
        if not self._may_send:
            if courier.head is None:
                return []
            return [act.SetTimer(name="answer", at=now + self.section.answer_s)]
        payload = courier.next_payload()
        if payload is not None:
            return self._say("result", read(payload).control_id, payload, now)
        if self._continuous:
            return self._rest(now)
        self._may_send = False
        return self._own("topic", self._end_of_topic, now)

    def _end_of_topic(self, section: Poct1aSection, *, control_id: str, time: Any) -> bytes:
        return poct_messages.end_of_topic(section, "OBS", control_id=control_id, time=time)

    def _status(self, section: Poct1aSection, *, control_id: str, time: Any) -> bytes:
        waiting = sum(len(job.payloads) - job.at for job in self._courier.jobs)
        return poct_messages.status(section, waiting, control_id=control_id, time=time)

    def _goodbye(self, section: Poct1aSection, *, control_id: str, time: Any) -> bytes:
        return poct_messages.goodbye(section, "NRM", control_id=control_id, time=time)

    def _own(self, what: What, build: Callable[..., bytes], now: float) -> list[act.Command]:
        """Say something that is not an observation."""
        control_id = self._own_id()
        payload = build(self.section, control_id=control_id, time=self.clock.wall())
        self._tries = 0
        return self._say(what, control_id, payload, now)

    def _own_id(self) -> str:
        self._own_ids += 1
        return str(self._own_ids - 1)

    def _say(self, what: What, control_id: str, payload: bytes, now: float) -> list[act.Command]:
        self._awaited = (what, control_id, payload)
        self._tries += 1
        return [
            act.Send(conn=self._courier.conn, event=Message(payload=payload)),
            act.SetTimer(name="answer", at=now + self.section.answer_s),
        ]

    def _rest(self, now: float) -> list[act.Command]:
        if not self.section.keep_alive_s:
            return []
        return [act.SetTimer(name="alive", at=now + self.section.keep_alive_s)]

    def _idle(self, now: float) -> list[act.Command]:
        if self._awaited is not None or self._courier.busy:
            return self._rest(now)
        return self._own("alive", poct_messages.keep_alive, now)

    # -- listening -----------------------------------------------------------------------------

    def _received(self, message: DmlMessage, now: float) -> list[act.Command]:
        if message.problem:
            self._hear("unreadable", message.problem)
            return []
        if message.kind == "ACK.R01":
            return self._acknowledged(message, now)
        self._hear(message.kind, message.get("DTV.command_cd") or message.get("REQ.request_cd"))
        answer = acknowledgement(
            message.control_id,
            control_id=self._own_id(),
            time=poct_messages.stamp(self.clock.wall()),
        )
        told: list[act.Command] = [act.Send(conn=self._courier.conn, event=Message(payload=answer))]
        match message.kind:
            case "REQ.R01":
                self._may_send = True
            case "DTV.R01" if message.get("DTV.command_cd") == "START_CONTINUOUS":
                self._may_send = self._continuous = self.section.continuous
            case "END.R01":
                return [*told, *self._bye(now)]
        return [*told, *self._go(now)]

    def _hear(self, kind: str, detail: str) -> None:
        if len(self.heard) < LISTED_MAX:
            self.heard.append({"kind": kind, "detail": detail})

    def _acknowledged(self, message: DmlMessage, now: float) -> list[act.Command]:
        if self._awaited is None or message.get("ACK.ack_control_id") != self._awaited[1]:
            self._hear(message.kind, "an acknowledgement that nobody waits for")
            return []
        what = self._awaited[0]
        quiet = act.SetTimer(name="answer", at=None)
        if message.get("ACK.type_cd") != "AA":
            return [quiet, *self._in_vain(Outcome.FAILED, message.get("ACK.type_cd"), now)]
        self._awaited, self._tries = None, 0
        match what:
            case "hello":
                return self._own("status", self._status, now)
            case "status":  # the station's turn: it directs, or stays silent
                return [act.SetTimer(name="answer", at=now + self.section.answer_s)]
            case "result":
                return [quiet, *self._courier.finished(Outcome.OK), *self._go(now)]
            case "topic":
                return self._own("end", self._goodbye, now)
            case "end":
                return self._bye(now)
            case "alive":
                return [quiet, *self._rest(now)]

    def _silence(self, now: float) -> list[act.Command]:
        """Nothing came in time: an acknowledgement, or a direction of the station."""
        if self._awaited is not None:
            return self._in_vain(Outcome.UNKNOWN, "no answer", now)
        if self._may_send or self._courier.head is None:
            return []
        told = self._courier.give_up(Outcome.FAILED, "the station asked for nothing")
        return [*told, *self._go(now)]

    def _in_vain(self, outcome: Outcome, detail: str, now: float) -> list[act.Command]:
        """Refused, or not answered: say it again, or give up."""
        assert self._awaited is not None
        what, control_id, payload = self._awaited
        if self._tries <= self.section.repeats:
            if what == "result" and self._courier.head is not None:
                job = self._courier.head
                job.most_tries = max(job.most_tries, self._tries + 1)
            return self._say(what, control_id, payload, now)
        self._awaited, self._tries = None, 0
        if what == "result":
            return [*self._courier.finished(outcome, detail), *self._go(now)]
        told = self._courier.give_up(outcome, f"{what}: {detail}") if what != "end" else []
        return [*told, *self._bye(now)]

    def _bye(self, now: float) -> list[act.Command]:
        """Leave; what came meanwhile goes over the next connection."""
        self._reset()
        return [act.SetTimer(name="answer", at=None), *self._courier.leave(now)]
