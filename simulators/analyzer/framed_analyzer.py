"""A simulated analyzer with a framing of its own: uploads, asks for orders, or waits to be polled.

Most of these links cannot say whether a message arrived: an upload over them ends ``unknown``,
and only the LIS can tell. What the messages hold is built by ``framed_build``.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from harness.clock import Clock, RealClock
from harness.i18n import tr
from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.framings import FramingCore
from harness.wire.framings_blocks import BlocksCore
from harness.wire.framings_checks import control_bytes
from harness.wire.framings_events import Delivered, SendFailed
from harness.wire.framings_fixed import FixedCore
from simulators.analyzer.courier import Courier
from simulators.analyzer.framed_build import Seat, questions
from simulators.analyzer.model_framed import FramedSection

LINK = "analyzer-lis-framed"

ORDERS_MAX: Final = 10_000
"""Order frames that the instrument remembers."""

UNACKNOWLEDGED: Final = "the link has no acknowledgement"


@dataclass(slots=True)
class _Question:
    ident: int
    frames: deque[bytes]
    """What is still to be said; the last of it only after the order, or in vain."""
    orders: list[dict[str, object]] = field(default_factory=list)
    settled: bool = False

    @property
    def waits(self) -> bool:
        """Nothing more is said until an order comes."""
        return len(self.frames) <= 1 and not self.settled


@dataclass(slots=True)
class FramedAnalyzer:
    """The actor.

    Commands: ``upload`` (``payload`` or ``payloads`` as hex) answers ``outcome``, ``detail``,
    ``tries``, ``messages``; ``query`` (``barcode``, and ``rack``, ``position``, ``sequence``)
    answers ``outcome``, ``detail`` and ``orders``; ``orders`` answers all that ever came;
    ``hang-up`` ends the connection.

    Args:
        section: what the instrument is.
        role: always ``analyzer``.
        link: the link that it keeps.
        repeats: whole-message repeats, and attempts to connect after a refusal.
        clock: dates what it asks.
    """

    section: FramedSection
    role: str = "analyzer"
    link: str = LINK
    repeats: int = 3
    clock: Clock = field(default_factory=RealClock)
    orders: list[dict[str, object]] = field(default_factory=list)
    _courier: Courier = field(init=False)
    _question: _Question | None = None
    _polled: bool = False

    def __post_init__(self) -> None:
        self._courier = Courier(link=self.link, side=self.section.side, repeats=self.repeats)

    def open_core(self, link: str, *, client: bool) -> Core:
        """The instrument's side of its framing."""
        framing = self.section.framing
        if framing.kind == "blocks":
            return BlocksCore(framing.blocks())
        if framing.kind == "fixed":
            return FixedCore(framing.fixed_bytes)
        return FramingCore(framing.delimited())

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Keep the line open, send one message after the other."""
        courier = self._courier
        match event:
            case act.Commanded():
                return self._commanded(event, now)
            case act.Opened(conn=conn):
                return self._go(now) if courier.opened(conn) else []
            case act.Refused(conn=conn) | act.Closed(conn=conn):
                if conn != courier.conn:
                    return []
                asked = self._answer(Outcome.FAILED, event.reason or "connection lost")
                return [*asked, *courier.gone(conn, event.reason, now)]
            case act.TimerFired(name="connect"):
                return self._go(now)
            case act.TimerFired(name="order"):
                return self._settle(now)
            case act.Received(conn=courier.conn, event=Delivered() as sent):
                return self._sent(sent, now)
            case act.Received(conn=courier.conn, event=SendFailed() as failure):
                return self._failed(failure, now)
            case act.Received(conn=courier.conn, event=Message(payload=payload)):
                return self._told(payload, now)
        return []

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        match event.name:
            case "upload":
                problem = self._courier.add(event)
                if problem:
                    return [act.Reply(ident=event.ident, error=problem)]
                return self._go(now)
            case "query":
                return self._ask(event, now)
            case "orders":
                return [act.Reply(ident=event.ident, value={"orders": list(self.orders)})]
            case "hang-up":
                asked = self._answer(Outcome.FAILED, "hung up")
                return [*asked, *self._courier.hang_up(event.ident, now)]
        return [act.Reply(ident=event.ident, error=tr("unknown command {name}", name=event.name))]

    # -- sending -------------------------------------------------------------------------------

    def _go(self, now: float) -> list[act.Command]:
        """Send what is next: a question goes before results, a polled reader waits."""
        courier = self._courier
        if self._question is not None:
            if not courier.ready:
                return courier.connect()
            if not self._question.frames:
                return [*self._answer(Outcome.UNKNOWN, "no order came"), *courier.send_next()]
            if not courier.busy and not self._question.waits:
                courier.busy = True
                frame = self._question.frames[0]
                return [act.Send(conn=courier.conn, event=Message(payload=frame))]
            return []
        if self.section.query == "poll" and not self._polled:
            return courier.connect() if courier.head is not None else []
        return courier.send_next()

    def _sent(self, sent: Delivered, now: float) -> list[act.Command]:
        courier = self._courier
        if self._question is not None:
            courier.busy = False
            self._question.frames.popleft()
            if self._question.waits:
                if not self._question.orders:
                    return [act.SetTimer(name="order", at=now + self.section.query_s)]
                self._question.settled = True
            return self._go(now)
        self._polled = False
        if courier.head is not None:
            courier.head.most_tries = max(courier.head.most_tries, sent.sends)
        outcome = Outcome.OK if sent.acknowledged else Outcome.UNKNOWN
        told = courier.finished(outcome, "" if sent.acknowledged else UNACKNOWLEDGED)
        return [*told, *self._go(now)]

    def _failed(self, failure: SendFailed, now: float) -> list[act.Command]:
        """The link gave up on a frame: nobody repeats it here, for the core already has."""
        if failure.reason == "connection-lost":
            return []  # the end of the connection is told as well
        if self._question is not None:
            self._courier.busy = False
            return [*self._answer(failure.outcome, failure.reason), *self._go(now)]
        if self._courier.head is not None:
            self._courier.head.most_tries = self.section.framing.sends_max
        told = self._courier.finished(failure.outcome, failure.reason)
        return [*told, *self._go(now)]

    # -- orders --------------------------------------------------------------------------------

    def _ask(self, event: act.Commanded, now: float) -> list[act.Command]:
        args = event.args
        seat = Seat(
            rack=str(args.get("rack") or "0001"),
            position=str(args.get("position") or "01"),
            sequence=str(args.get("sequence") or "0001"),
        )
        frames = questions(
            self.section, str(args.get("barcode", "")), time=self.clock.wall(), seat=seat
        )
        if not frames:
            return [act.Reply(ident=event.ident, error=tr("this instrument asks for no orders"))]
        if self._question is not None or self._courier.busy:
            return [act.Reply(ident=event.ident, error=tr("the instrument is busy"))]
        self._question = _Question(event.ident, deque(frames))
        return self._go(now)

    def _told(self, payload: bytes, now: float) -> list[act.Command]:
        """The host says something: an order, or a poll."""
        if self.section.query == "poll" and payload == control_bytes(self.section.poll):
            self._polled = True
            return self._go(now)
        order = read_order(payload.decode(self.section.encoding, errors="replace"), self.section)
        if order is None:
            return []
        if len(self.orders) < ORDERS_MAX:
            self.orders.append(order)
        if self._question is None:
            return []
        self._question.orders.append(order)
        return self._settle(now) if self._question.waits and not self._courier.busy else []

    def _settle(self, now: float) -> list[act.Command]:
        """The order came, or never will: say the last of the question, then answer."""
        if self._question is None:
            return []
        self._question.settled = True
        return [act.SetTimer(name="order", at=None), *self._go(now)]

    def _answer(self, outcome: Outcome, detail: str) -> list[act.Command]:
        question, self._question = self._question, None
        if question is None:
            return []
        if question.orders:
            outcome, detail = Outcome.OK, ""
        value = {"outcome": outcome.value, "detail": detail, "orders": question.orders}
        return [
            act.SetTimer(name="order", at=None),
            act.Reply(ident=question.ident, value=value),
        ]


def read_order(text: str, section: FramedSection) -> dict[str, object] | None:
    """An ``S`` frame of the host: the tube, then test numbers; None for anything else.

    An ``S`` frame that holds no readable tube is an order that the instrument refuses to know.
    """
    width = int(section.lis_setup.get("id_width", 20))
    head = re.match(rf"S (\d{{4}})(\d{{2}}) (.{{4}})(.{{{width}}})([ E])", text)
    if head is None:
        return None
    size = int(section.lis_setup.get("test_width", 2))
    codes = re.findall(rf".{{{size}}}", text[head.end() :])
    known = {channel.code: item for item, channel in section.channels.items()}
    return {
        "barcode": head[4].strip(),
        "rack": head[1],
        "position": head[2],
        "codes": codes,
        "tests": [known[code] for code in codes if code in known],
        "unknown": [code for code in codes if code not in known],
    }
