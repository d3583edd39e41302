"""A simulated analyzer over the LIS01-A2 link: uploads results, asks for orders, takes orders.

The messages are built by ``upload.py`` and ``query.py`` from a model file and read by
``orders.py``; this actor knows the link and how patient the instrument is. Its commands:

* ``upload`` (``payload`` as hex; ``memory``): bring one message; answered when it is through or
  given up. ``memory`` holds what answers a host that asks for these tubes, as hex by barcode.
* ``keep`` (``barcode``, ``payload``): the same for one tube, brought or not.
* ``query`` (``barcodes``, or ``rack`` and ``position``, or ``all``; ``control_id``, ``time``):
  ask, and wait as long as the model says; answered with what the host ordered.
* ``orders`` (``barcode`` or nothing): what is to be run, and every order that came, in order.
* ``measure`` (``barcode``; ``results``, or the instrument's bench measures; ``control_id``,
  ``time``, ``mark``): run what is ordered for a tube and bring it; answered when it is through
  with ``ran``, ``not_run`` (lay ready, not ordered) and ``unable`` (ordered, no result).
* ``runs``: what became of every tube that was run, those of an automatic run too.
* ``hang-up``: end the connection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from harness.clock import Clock, RealClock
from harness.errors import InputError
from harness.link import actor as act
from harness.model import Outcome
from harness.wire.astm_link import (
    AstmLinkConfig,
    AstmLinkCore,
    Delivered,
    MessageReceived,
    SendFailed,
)
from harness.wire.core import Core, Message
from simulators.analyzer.astm_values import OUR_TIME
from simulators.analyzer.measure import Bench, Run, Runner
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.orders import Answer, Order, OrderBook, read_orders
from simulators.analyzer.query import Asked, answered, belongs, query_message
from simulators.analyzer.recall import Memory
from simulators.analyzer.waiting import OpenQuery, Upload

LINK = "analyzer-lis"

QUEUE_MAX = 1_000
"""Messages that wait for the line; a real instrument stores a day's work."""

RECONNECT_S = 1.0
"""Pause before an instrument connects again."""

RECONNECTS_MAX: Final = 30
"""Attempts in a row to get back to a LIS that was there before: it may start anew in half a minute,
and what is not delivered is kept meanwhile."""

REPEATS_MAX = 3
"""Whole messages are sent again so often after a failure (LIS01-A2 §6.5.1.3 leaves it open)."""


ORDERS_MAX: Final = 10_000
"""Orders kept for whoever asks what came; the oldest go first."""

ANSWER: Final = "answer"
"""The timer of an open query."""

RUN: Final = "run"
"""The timer of an instrument that runs by itself what is ordered."""


@dataclass(slots=True)
class Analyzer:
    """The actor.

    Args:
        role: always ``analyzer``.
        link_config: the instrument's side of the link.
        repeats: whole-message repeats after a failure, and attempts to connect to a LIS that was
            never there.
        model: what it asks and how it reads orders; None for one that only uploads.
        side: ``server`` waits for the LIS to connect; one connection counts, the latest.
        clock: dates the results of what it runs.
        bench: measures what is ordered; None where whoever commands brings the results.
    """

    role: str = "analyzer"
    link_config: AstmLinkConfig = field(default_factory=lambda: AstmLinkConfig(side="instrument"))
    repeats: int = REPEATS_MAX
    model: AnalyzerModel | None = None
    side: Literal["client", "server"] = "client"
    clock: Clock = field(default_factory=RealClock)
    bench: Bench | None = None
    _book: OrderBook = field(default_factory=OrderBook)
    _runner: Runner | None = None
    _memory: Memory = field(init=False)
    _got: deque[Order] = field(default_factory=lambda: deque(maxlen=ORDERS_MAX))
    _refused_answers: list[str] = field(default_factory=list)
    _query: OpenQuery | None = None
    _conn: str = ""
    _opened: int = 0
    _refused: int = 0
    _met: bool = False
    _ready: bool = False
    _queue: deque[Upload] = field(default_factory=deque)
    _sending: bool = False

    def __post_init__(self) -> None:
        self._memory = Memory(self.model)
        if self.model is not None:
            self._runner = Runner(self.model, self._book, self.clock, self.bench)

    def open_core(self, link: str, *, client: bool) -> Core:
        """The instrument's side of LIS01-A2."""
        return AstmLinkCore(self.link_config)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Keep the line open, send one message after the other."""
        match event:
            case act.Commanded(name="upload"):
                return self._upload(event)
            case act.Commanded(name="keep"):
                self._memory.keep({event.args["barcode"]: event.args["payload"]})
                return [act.Reply(ident=event.ident)]
            case act.Commanded(name="query"):
                return self._ask(event)
            case act.Commanded(name="orders"):
                return [self._orders(event)]
            case act.Commanded(name="measure"):
                return self._measure(event)
            case act.Commanded(name="runs"):
                log = self._runner.log if self._runner is not None else ()
                return [act.Reply(ident=event.ident, value={"runs": list(log)})]
            case act.Commanded(name="hang-up"):
                return self._hang_up(event.ident, now)
            case act.Commanded():
                return [act.Reply(ident=event.ident, error=f"unknown command {event.name}")]
            case act.Opened(conn=conn) if conn == self._conn or self.side == "server":
                return self._opened_by(conn)
            case act.Refused(conn=self._conn) | act.Closed(conn=self._conn) if self._conn:
                return self._lost(event.reason, now)
            case act.TimerFired(name="connect"):
                return self._next()
            case act.TimerFired(name="answer"):
                return self._unanswered()
            case act.TimerFired(name="run"):
                return self._run_due(now)
            case act.Received(event=Delivered()):
                return self._delivered(now)
            case act.Received(event=MessageReceived(payload=payload)):
                return self._host(payload, now)
            case act.Received(event=SendFailed() as failure):
                return self._failed(failure.outcome, failure.reason)
        return []

    def _opened_by(self, conn: str) -> list[act.Command]:
        """A connection is there; where the LIS opens them, a new one takes the old one's place."""
        stale = self._conn not in {"", conn}
        left: list[act.Command] = [act.Close(conn=self._conn)] if stale else []
        if stale:
            self._sending = False
        self._conn, self._ready, self._refused, self._met = conn, True, 0, True
        return [*left, *self._next()]

    def _upload(self, event: act.Commanded) -> list[act.Command]:
        """Queue one message (``payload`` as hex)."""
        if len(self._queue) >= QUEUE_MAX:
            return [act.Reply(ident=event.ident, error="the instrument's memory is full")]
        self._memory.keep(event.args.get("memory", {}))
        self._queue.append(Upload(event.ident, bytes.fromhex(str(event.args["payload"]))))
        return self._next()

    def _next(self) -> list[act.Command]:
        if not self._queue or self._sending:
            return []
        if not self._conn:
            if self.side == "server":
                return []
            self._opened += 1
            self._conn = f"{LINK}#{self._opened}"
            return [act.Open(link=LINK, conn=self._conn)]
        if not self._ready:
            return []
        self._sending = True
        self._queue[0].tries += 1
        return [act.Send(conn=self._conn, event=Message(payload=self._queue[0].payload))]

    def _finished(self, outcome: Outcome, detail: str) -> list[act.Command]:
        if not self._sending:
            return []
        self._sending = False
        upload = self._queue.popleft()
        if upload.query is not None:  # the query itself could not be brought
            failed = [self._close_query(upload.query, outcome, detail)]
            return [*failed, *self._next()]
        value = {"outcome": outcome.value, "detail": detail, "tries": upload.tries}
        if upload.run is not None and self._runner is not None:
            value |= self._runner.finished(upload.run, outcome.value, detail)
        if not upload.ident:  # nobody waits: a query that is taken back, an automatic run
            return self._next()
        return [act.Reply(ident=upload.ident, value=value), *self._next()]

    def _failed(self, outcome: Outcome, detail: str) -> list[act.Command]:
        """The link gave up on the message: repeat the whole of it, or tell the operator."""
        if not self._sending or detail == "connection-lost":
            return []
        if self._queue[0].tries <= self.repeats:
            self._sending = False
            return self._next()
        return self._finished(outcome, detail)

    def _lost(self, reason: str, now: float) -> list[act.Command]:
        """The connection is gone: what was being sent stays at the head of the queue."""
        opened, self._conn, self._ready = self._ready, "", False
        if self._sending and self._queue[0].tries > self.repeats:
            return self._finished(Outcome.UNKNOWN, reason or "connection lost")
        self._sending = False
        if not opened:
            self._refused += 1
            patience = max(self.repeats, RECONNECTS_MAX) if self._met else self.repeats
            if self._queue and self._refused > patience:
                self._refused, self._sending = 0, True
                return self._finished(Outcome.FAILED, reason)
        return [act.SetTimer(name="connect", at=now + RECONNECT_S)]

    # -- query and orders

    def _ask(self, event: act.Commanded) -> list[act.Command]:
        """Queue a query and wait for what the host orders."""
        if self.model is None or self._query is not None:
            why = "this instrument has no model" if self.model is None else "a query is open"
            return [act.Reply(ident=event.ident, error=why)]
        if len(self._queue) >= QUEUE_MAX:
            return [act.Reply(ident=event.ident, error="the instrument's memory is full")]
        args, query = event.args, self.model.query
        asked = Asked(
            barcodes=tuple(str(one) for one in args.get("barcodes", ())),
            rack=str(args.get("rack", "")),
            position=str(args.get("position", "")),
            every=bool(args.get("all", False)),
        )
        control_id, time = str(args.get("control_id", "")), str(args.get("time", ""))
        cancel = b""
        try:
            payload = query_message(self.model, asked, control_id=control_id, time=time)
            if query is not None and query.cancel:
                cancel = query_message(
                    self.model, asked, control_id=control_id, time=time, status=query.cancel
                )
        except (InputError, ValueError) as error:
            return [act.Reply(ident=event.ident, error=str(error))]
        retries = 0 if query is None else query.retries
        self._query = OpenQuery(event.ident, asked, payload, cancel, retries)
        return self._bring(self._query)

    def _bring(self, query: OpenQuery) -> list[act.Command]:
        query.tries += 1
        query.waits = False
        self._queue.append(Upload(query.ident, query.payload, query=query))
        return self._next()

    def _delivered(self, now: float) -> list[act.Command]:
        """A message is through; after a query the instrument waits for its answer."""
        query = self._queue[0].query if self._sending and self._queue else None
        if query is None or self.model is None or self.model.query is None:
            return self._finished(Outcome.OK, "")
        self._sending = False
        self._queue.popleft()
        query.waits = True
        wait = act.SetTimer(name=ANSWER, at=now + self.model.query.reply_s)
        return [wait, *self._next()]

    def _host(self, payload: bytes, now: float) -> list[act.Command]:
        """The host sent a message: an answer, or orders that nobody asked for."""
        if self.model is None:
            return []
        kept = self._memory.answers(payload, time=self.clock.wall().strftime(OUR_TIME))
        if kept is not None:
            room = QUEUE_MAX - len(self._queue)
            self._queue.extend(Upload(0, one) for one in kept[: max(room, 0)])
            return self._next()
        answer, query = read_orders(self.model, payload), self._query
        answers = query is not None and query.waits and belongs(answer, query.asked)
        dialect = self.model.orders
        if answer.refused or not (answers or (dialect is not None and dialect.pushed)):
            del self._refused_answers[:-9]
            self._refused_answers.append(answer.refused or "not-asked-for")
            return []
        for order in answer.orders:
            self._book.take(order)
            self._got.append(order)
        planned = self._plan(answer, now)
        if query is None or not answers:
            if query is not None:
                query.foreign += answer.orders[: ORDERS_MAX - len(query.foreign)]
            return planned
        stop = act.SetTimer(name=ANSWER, at=None)
        return [*planned, stop, self._close_query(query, Outcome.OK, "", answer)]

    def _unanswered(self) -> list[act.Command]:
        """The host was silent for as long as the instrument waits."""
        query = self._query
        if query is None or not query.waits:
            return []
        if query.tries <= query.retries:
            return self._bring(query)
        reply = self._close_query(query, Outcome.FAILED, "no-answer")
        if query.cancel:
            self._queue.append(Upload(0, query.cancel))
        return [reply, *self._next()]

    def _close_query(
        self, query: OpenQuery, outcome: Outcome, detail: str, answer: Answer | None = None
    ) -> act.Reply:
        self._query = None
        value = {"outcome": outcome.value, "detail": detail, "tries": query.tries}
        told = answered(answer or Answer(), query.asked, query.foreign)
        return act.Reply(ident=query.ident, value=value | told)

    def _orders(self, event: act.Commanded) -> act.Reply:
        """What came so far, and what is to be run for a tube."""
        barcode = str(event.args.get("barcode", ""))
        value = {
            "tests": self._book.tests(barcode) if barcode else [],
            "orders": [one.as_dict() for one in self._got if not barcode or one.barcode == barcode],
            "refused": list(self._refused_answers),
        }
        return act.Reply(ident=event.ident, value=value)

    # -- what is ordered is run

    def _measure(self, event: act.Commanded) -> list[act.Command]:
        """Run one tube and queue its results."""
        if self._runner is None:
            return [act.Reply(ident=event.ident, error="this instrument has no model")]
        if len(self._queue) >= QUEUE_MAX:
            return [act.Reply(ident=event.ident, error="the instrument's memory is full")]
        try:
            found, payload = self._runner.measure(event.args)
        except (InputError, ValueError) as error:
            return [act.Reply(ident=event.ident, error=str(error))]
        return self._bring_run(event.ident, found, payload)

    def _bring_run(self, ident: int, found: Run, payload: bytes) -> list[act.Command]:
        if payload:
            self._memory.measured(found.tested, time=found.time)
            self._queue.append(Upload(ident, payload, run=found))
            return self._next()
        assert self._runner is not None
        entry = self._runner.finished(found, Outcome.FAILED.value, "nothing-to-send")
        return [act.Reply(ident=ident, value=entry | {"tries": 0})] if ident else []

    def _plan(self, answer: Answer, now: float) -> list[act.Command]:
        """An instrument that runs by itself does so a while after the order."""
        at = None if self._runner is None else self._runner.ordered(answer.orders, now)
        return [] if at is None else [act.SetTimer(name=RUN, at=at)]

    def _run_due(self, now: float) -> list[act.Command]:
        """Some runs have ended; what was cancelled meanwhile was not run."""
        if self._runner is None:
            return []
        commands: list[act.Command] = []
        barcodes, after = self._runner.due(now)
        for barcode in barcodes:
            if len(self._queue) >= QUEUE_MAX:
                commands.append(act.Note(text="the instrument's memory is full"))
                break
            try:
                found, payload = self._runner.measure({"barcode": barcode}, automatic=True)
            except (InputError, ValueError) as error:
                commands.append(act.Note(text=str(error)))
                continue
            commands += self._bring_run(0, found, payload)
        return commands if after is None else [*commands, act.SetTimer(name=RUN, at=after)]

    def _hang_up(self, ident: int, now: float) -> list[act.Command]:
        """End the connection; what is not delivered goes over the next one."""
        conn, self._conn, self._ready, self._sending = self._conn, "", False, False
        return [
            act.Close(conn=conn),
            act.Reply(ident=ident),
            act.SetTimer(name="connect", at=now + RECONNECT_S),
        ]
