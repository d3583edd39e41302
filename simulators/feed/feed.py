"""A simulated HL7 system: sends messages and waits for answers, receives and acknowledges.

As a sender it keeps one message outstanding and tells the outcome of each. As a receiver it
follows a ``Policy``. It stores nothing: what it saw is in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from harness.clock import Clock
from harness.link import actor as act
from harness.link.tls import Context
from harness.link.tls_core import TlsCore, TlsFailed
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message, header
from harness.wire.hl7_ack import acknowledge
from harness.wire.hllp import BlockRefused, block
from harness.wire.mllp import framed
from simulators.feed.aftermath import Aftermath, Reaction
from simulators.feed.core import BlockCore, Bytes, FeedCore
from simulators.feed.odd import FRAMED, SHAPES
from simulators.feed.policy import AT_ONCE, LATE_S, PIECE_GAP_S, Policy, Rule

CUT_S: Final = 0.5
"""Between half a message and the end of its connection, and between two looks whether it left."""

ANSWER_S = 5.0
"""How long a sender waits for an answer: the default of the most copied engine."""


@dataclass(slots=True)
class _Order:
    ident: int
    payload: bytes
    control_id: str
    sent: bool = False
    part: int = 0
    """Send so many bytes of its frame and hang up; 0 sends the whole."""


@dataclass(slots=True)
class Feed:
    """The actor.

    Args:
        role: the role that it plays, such as ``HIS``.
        clock: civil time for its acknowledgements.
        policy: how it acknowledges.
        answer_s: how long it waits for an answer.
        observer: is told what senders did after an answer; the journal of the link if None.
        hybrid: speaks HLLP, with counts and checksums.
        tls: certificates, where it speaks TLS, and whom it trusts.
        expects: the name that whoever it connects to must show over TLS.
        accept_is_done: ``CA`` ends the wait of the sender: the application answers elsewhere.
    """

    role: str
    clock: Clock
    policy: Policy = field(default_factory=Policy)
    answer_s: float = ANSWER_S
    observer: Callable[[str], None] | None = None
    accept_is_done: bool = False
    hybrid: bool = False
    tls: Context | None = None
    expects: str = "127.0.0.1"
    _conn: str = ""
    _secured: TlsCore | None = None
    _opened: int = 0
    _order: _Order | None = None
    _answers: int = 0
    _timers: int = 0
    _stamped: str = ""
    _stamp_until: float = -1.0
    aftermath: Aftermath = field(default_factory=Aftermath)
    _late: dict[str, list[act.Command]] = field(default_factory=dict)
    _before: bytes = b""
    _held: tuple[str, bytes] | None = None

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP; answers of a policy may also be bytes without a frame."""
        core: Core = BlockCore() if self.hybrid else FeedCore()
        if self.tls is None:
            return core
        secured = TlsCore(core, self.tls, self.expects if client else None)
        if client:
            self._secured = secured
        return secured

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Send on command, answer by policy."""
        match event:
            case act.Received(event=Message() as message):  # first: nearly every event is one
                return self._received(event.conn, message.payload, now)
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
            case act.Closed() if self.policy.scripted:
                return self._noted(self.aftermath.closed(event.conn, now))
            case act.TimerFired(name="cut") if self._conn:
                return self._cut(now)
            case act.TimerFired(name="answer"):
                return self._done(Outcome.UNKNOWN, "no answer")
            case act.TimerFired(name=name) if name in self._late:
                return self._late.pop(name)
            case act.Received(event=TlsFailed() as failed):
                return self._untrusted(event.conn, failed.reason)
            case act.Received(conn=self._conn, event=BlockRefused() as refused) if self._conn:
                return self._done(Outcome.FAILED, f"the block was refused: {refused.reason}")
        return []

    def reply_at_once(self, conn: str, payload: bytes) -> bytes | None:
        """As ``on_event``, where no rule looks at messages; see ``harness.link.reply``."""
        if conn == self._conn or self.policy.rules:
            return None
        self._before = payload
        return self._ack(payload, AT_ONCE.code)

    def _cut(self, now: float) -> list[act.Command]:
        """End a connection in a message; before hands are shaken nothing of it has left."""
        if self._secured is not None and not self._secured.ready:
            return [act.SetTimer(name="cut", at=now + CUT_S)]
        conn, self._conn = self._conn, ""
        return [act.Close(conn=conn), *self._done(Outcome.UNKNOWN, "cut off by us")]

    def _untrusted(self, conn: str, reason: str) -> list[act.Command]:
        """TLS failed: nothing was exchanged, which the sender knows for certain."""
        if conn != self._conn:
            return [act.Close(conn=conn)]
        self._conn = ""
        return [act.Close(conn=conn), *self._done(Outcome.FAILED, f"TLS: {reason}")]

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        if event.name in {"send", "cut"}:
            return self._send(event, now)
        if event.name == "observed":
            value = [asdict(one) for one in self.aftermath.reactions]
            return [act.Reply(ident=event.ident, value=value)]
        if event.name == "hang-up":
            conn, self._conn = self._conn, ""
            told = self._done(Outcome.UNKNOWN, "hung up before the answer")
            return [act.Close(conn=conn), *told, act.Reply(ident=event.ident)]
        return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]

    # -- sending -------------------------------------------------------------------------------

    def _send(self, event: act.Commanded, now: float) -> list[act.Command]:
        """Send one message (``payload`` as hex) over ``link`` and wait for its answer.

        ``cut`` sends nine tenths of its frame, and ends the connection without a farewell.
        """
        if self._order is not None:
            return [act.Reply(ident=event.ident, error="the message before is not answered yet")]
        payload = bytes.fromhex(str(event.args["payload"]))
        part = len(payload) * 9 // 10 if event.name == "cut" else 0
        self._order = _Order(event.ident, payload, header(payload).control_id, part=part)
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
        if order.part:
            begun = (b"\x0b" + order.payload)[: order.part]
            return [act.Send(conn=self._conn, event=Bytes(data=begun)),
                    act.SetTimer(name="cut", at=now + CUT_S)]  # fmt: skip
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
        told = self._observed(conn, payload, rule, now) if self.policy.scripted else []
        if rule.action == "again-later":
            again = self._answer(conn, payload, AT_ONCE)
            return [*told, *again, *self._later(self._answer(conn, payload, AT_ONCE),
                                                now + (rule.delay_s or LATE_S))]  # fmt: skip
        if rule.action == "split":
            return [*told, *self._split(conn, payload, rule, now + rule.delay_s)]
        if rule.delay_s > 0:
            return [*told, *self._later(self._answer(conn, payload, rule), now + rule.delay_s)]
        return [*told, *self._answer(conn, payload, rule)]

    def _observed(self, conn: str, payload: bytes, rule: Rule, now: float) -> list[act.Command]:
        """Note what the sender made of the answer before, and remember this one."""
        identity = self.policy.identity(conn, payload)
        reactions = self.aftermath.delivered(conn, identity, payload, now)
        self.aftermath.answered(conn, identity, payload, rule.text, now)
        return self._noted(reactions)

    def _noted(self, reactions: Sequence[Reaction]) -> list[act.Command]:
        if self.observer is None:
            return [act.Note(text=text) for one in reactions for text in one.texts]
        for one in reactions:
            for text in one.texts:
                self.observer(text)
        return []

    def _later(self, commands: list[act.Command], at: float) -> list[act.Command]:
        """Carry commands out at a time."""
        self._timers += 1
        name = f"late {self._timers}"
        self._late[name] = commands
        return [act.SetTimer(name=name, at=at)]

    def _split(self, conn: str, payload: bytes, rule: Rule, at: float) -> list[act.Command]:
        """A whole answer, one byte at a time."""
        frame = framed(self._inside(self._ack(payload, rule.code)))
        timers: list[act.Command] = []
        for index in range(len(frame)):
            piece = act.Send(conn=conn, event=Bytes(data=frame[index : index + 1]))
            timers += self._later([piece], at + index * PIECE_GAP_S)
        return timers

    def _inside(self, ack: bytes) -> bytes:
        """What stands in the frame of an answer."""
        return block(ack) if self.hybrid else ack

    def _answer(self, conn: str, payload: bytes, rule: Rule) -> list[act.Command]:
        """What the rule makes of one delivery."""
        before, self._before = self._before, payload
        match rule.action:
            case "answer":
                return [act.Send(conn=conn, event=Message(payload=self._ack(payload, rule.code)))]
            case "silence":
                return []
            case action if action in SHAPES:
                given = self._ack(payload, rule.code)
                given = self._inside(given) if action in FRAMED else given
                return [act.Send(conn=conn, event=SHAPES[action](given))]
            case "close" | "reset":
                return [act.Close(conn=conn, reset=rule.action == "reset")]
            case "garbage":
                return [act.Send(conn=conn, event=Message(payload=b"NO HL7\r"))]
            case "free-text":
                return [act.Send(conn=conn, event=Bytes(data=b"ERROR 500\r\n"))]
            case "empty":
                return [act.Send(conn=conn, event=Bytes(data=b"\x0b\x1c\r"))]
            case "bare":
                bare = f"MSA|{rule.code}|{header(payload).control_id}\r".encode("latin-1")
                return [act.Send(conn=conn, event=Message(payload=bare))]
            case "foreign-id":
                ack = Hl7Message.parse(self._ack(payload, rule.code)).set("MSA-2", "OTHER")
                return [act.Send(conn=conn, event=Message(payload=ack.raw))]
            case "answer-of-before" if before:
                acks = [self._ack(before, rule.code)]
            case "swapped":
                return self._swapped(conn, payload, rule)
            case "accept-first":
                acks = [self._ack(payload, code) for code in ("CA", rule.code)]
            case "twice":
                acks = [self._ack(payload, rule.code) for _ in range(2)]
            case _:
                acks = [self._ack(payload, rule.code)]
        sends: list[act.Command] = [act.Send(conn=conn, event=Message(payload=ack)) for ack in acks]
        return [*sends, act.Close(conn=conn)] if rule.action == "close-after" else sends

    def _swapped(self, conn: str, payload: bytes, rule: Rule) -> list[act.Command]:
        """The first of two waits; then each sender gets the answer to the other's message."""
        if self._held is None:
            self._held = (conn, payload)
            return []
        (first, waiting), self._held = self._held, None
        return [
            act.Send(conn=first, event=Message(payload=self._ack(payload, rule.code))),
            act.Send(conn=conn, event=Message(payload=self._ack(waiting, rule.code))),
        ]

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
        if code == "CA" and not self.accept_is_done:
            return []
        outcome = Outcome.OK if code in {"AA", "CA"} else Outcome.FAILED
        return self._done(outcome, answer.get("MSA-3") or "", code)
