"""A simulated HL7 system: sends messages and waits for answers, receives and acknowledges.

As a sender it keeps one message outstanding and tells the outcome of each. As a receiver it
follows a ``Policy``. It stores nothing: what it saw is in the trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.clock import Clock
from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hl7_ack import acknowledge
from harness.wire.mllp import MllpCore
from simulators.feed.policy import Policy, Rule

ANSWER_S = 5.0
"""How long a sender waits for an answer: the default of the most copied engine."""


@dataclass(slots=True)
class _Order:
    ident: int
    payload: bytes
    control_id: str
    sent: bool = False


@dataclass(slots=True)
class Feed:
    """The actor.

    Args:
        role: the role that it plays, such as ``HIS``.
        clock: civil time for its acknowledgements.
        policy: how it acknowledges.
        answer_s: how long it waits for an answer.
    """

    role: str
    clock: Clock
    policy: Policy = field(default_factory=Policy)
    answer_s: float = ANSWER_S
    _conn: str = ""
    _opened: int = 0
    _order: _Order | None = None
    _answers: int = 0
    _stamped: str = ""
    _stamp_until: float = -1.0
    _late: dict[str, tuple[str, bytes, Rule]] = field(default_factory=dict)

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP; faults of the framing are planned on the link, not here."""
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Send on command, answer by policy."""
        match event:
            case act.Commanded():
                return self._commanded(event, now)
            case act.Opened(conn=self._conn):
                return self._go(now)
            case act.Refused(conn=self._conn):
                self._conn = ""
                return self._done(Outcome.FAILED, event.reason)
            case act.Closed(conn=self._conn) if self._conn:
                self._conn = ""
                return self._done(Outcome.UNKNOWN, event.reason or "closed before the answer")
            case act.TimerFired(name="answer"):
                return self._done(Outcome.UNKNOWN, "no answer")
            case act.TimerFired(name=name) if name in self._late:
                return self._answer(*self._late.pop(name))
            case act.Received(event=Message() as message):
                return self._received(event.conn, message.payload, now)
        return []

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        if event.name == "send":
            return self._send(event, now)
        if event.name == "hang-up":
            conn, self._conn = self._conn, ""
            told = self._done(Outcome.UNKNOWN, "hung up before the answer")
            return [act.Close(conn=conn), *told, act.Reply(ident=event.ident)]
        return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]

    # -- sending -------------------------------------------------------------------------------

    def _send(self, event: act.Commanded, now: float) -> list[act.Command]:
        """Send one message (``payload`` as hex) over ``link`` and wait for its answer."""
        if self._order is not None:
            return [act.Reply(ident=event.ident, error="the message before is not answered yet")]
        payload = bytes.fromhex(str(event.args["payload"]))
        self._order = _Order(event.ident, payload, header(payload).control_id)
        if self._conn:
            return self._go(now)
        self._opened += 1
        link = str(event.args["link"])
        self._conn = f"{link}#{self.role}{self._opened}"
        return [act.Open(link=link, conn=self._conn)]

    def _go(self, now: float) -> list[act.Command]:
        order = self._order
        if order is None or order.sent:
            return []
        order.sent = True
        return [
            act.Send(conn=self._conn, event=Message(payload=order.payload)),
            act.SetTimer(name="answer", at=now + self.answer_s),
        ]

    def _done(self, outcome: Outcome, detail: str, code: str = "") -> list[act.Command]:
        order, self._order = self._order, None
        if order is None:
            return []
        value = {"outcome": outcome.value, "detail": detail, "code": code}
        return [
            act.SetTimer(name="answer", at=None),
            act.Reply(ident=order.ident, value=value),
        ]

    # -- receiving -----------------------------------------------------------------------------

    def _received(self, conn: str, payload: bytes, now: float) -> list[act.Command]:
        if conn == self._conn:
            return self._answered(payload)
        rule = self.policy.decide(conn, payload)
        if rule.delay_s <= 0:
            return self._answer(conn, payload, rule)
        self._answers += 1
        name = f"late {self._answers}"
        self._late[name] = (conn, payload, rule)
        return [act.SetTimer(name=name, at=now + rule.delay_s)]

    def _answer(self, conn: str, payload: bytes, rule: Rule) -> list[act.Command]:
        """What the rule makes of one delivery."""
        match rule.action:
            case "silence":
                return []
            case "close":
                return [act.Close(conn=conn)]
            case "garbage":
                return [act.Send(conn=conn, event=Message(payload=b"NO HL7\r"))]
            case "foreign-id":
                ack = Hl7Message.parse(self._ack(payload, rule.code)).set("MSA-2", "OTHER")
                return [act.Send(conn=conn, event=Message(payload=ack.raw))]
            case "accept-first":
                codes = ["CA", rule.code]
            case "twice":
                codes = [rule.code, rule.code]
            case _:
                codes = [rule.code]
        acks = [self._ack(payload, code) for code in codes]
        return [act.Send(conn=conn, event=Message(payload=ack)) for ack in acks]

    def _ack(self, payload: bytes, code: str) -> bytes:
        self._answers += 1
        control_id = f"F{self._answers:08d}"
        return acknowledge(payload, code, control_id=control_id, time=self._stamp())

    def _stamp(self) -> str:
        """MSH-7; written out once a second."""
        now = self.clock.now()
        if now >= self._stamp_until:
            wall = self.clock.wall()
            self._stamped = wall.strftime("%Y%m%d%H%M%S")
            self._stamp_until = now + 1 - wall.microsecond / 1_000_000
        return self._stamped

    def _answered(self, payload: bytes) -> list[act.Command]:
        answer = Hl7Message.parse(payload)
        order = self._order
        if order is None or answer.get("MSA-2") != order.control_id:
            return []
        code = answer.get("MSA-1") or ""
        if code == "CA":
            return []
        outcome = Outcome.OK if code == "AA" else Outcome.FAILED
        return self._done(outcome, answer.get("MSA-3") or "", code)
