"""A simulated HL7 analyzer: uploads results, asks for orders, takes them.

How patient it is, and what it does about silence and refusals, is in its model. Mindray's manual
lets the instrument go on after ten silent seconds: the message is then lost, and nothing at the
instrument shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from harness.clock import Clock, RealClock
from harness.i18n import tr
from harness.link import actor as act
from harness.model import Outcome
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.hl7_ack import AckError, acknowledge
from harness.wire.mllp import MllpCore
from simulators.analyzer import hl7_messages, hl7_orders, law
from simulators.analyzer.courier import Courier
from simulators.analyzer.hl7_core import OddMllpCore
from simulators.analyzer.model_hl7 import Hl7Section

LINK = "analyzer-lis-hl7"

ORDERS_MAX: Final = 10_000
"""Orders that the instrument remembers."""

FIRST_OWN_ID: Final = 800_000_001
"""MSH-10 of what the instrument says by itself; results get theirs from whoever builds them."""

_GOOD: Final = frozenset({"AA", "CA"})
_ANSWERS: Final = frozenset({"ACK", "MCF", "QCK", "ORR", "RSP"})


@dataclass(slots=True)
class _Question:
    ident: int
    barcode: str
    control_id: str
    payload: bytes
    sent: bool = False
    found: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Hl7Analyzer:
    """The actor.

    Commands: ``upload`` (``payload`` or ``payloads`` as hex) answers ``outcome``, ``detail``,
    ``tries``, ``messages``; ``query`` (``barcode``; empty asks for all) answers ``outcome``,
    ``detail``, ``orders``; ``orders`` answers all orders that ever came, and the state of LAW's
    steps; ``hang-up`` ends the connection.

    Args:
        section: what the instrument is.
        role: always ``analyzer``.
        link: the link that it keeps; it also answers on connections that the LIS opens.
        clock: dates what it says by itself.
    """

    section: Hl7Section
    role: str = "analyzer"
    link: str = LINK
    clock: Clock = field(default_factory=RealClock)
    orders: list[dict[str, Any]] = field(default_factory=list)
    work: law.WorkList = field(default_factory=law.WorkList)
    _courier: Courier = field(init=False)
    _question: _Question | None = None
    _own_ids: int = FIRST_OWN_ID

    def __post_init__(self) -> None:
        section = self.section
        self._courier = Courier(link=self.link, side=section.side, repeats=section.repeats)

    def open_core(self, link: str, *, client: bool) -> Core:
        """MLLP, with the instrument's oddities on the line that it keeps."""
        noise = bytes.fromhex(self.section.lead_noise)
        if noise or self.section.cut_trailer:
            return OddMllpCore(lead_noise=noise, cut_trailer=self.section.cut_trailer)
        return MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Keep the line open, one message after the other; answer what the LIS sends."""
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
                quiet = act.SetTimer(name="answer", at=None)
                return [*asked, quiet, *courier.gone(conn, event.reason, now)]
            case act.TimerFired(name="connect"):
                return self._go(now)
            case act.TimerFired(name="answer"):
                return self._silence(now)
            case act.TimerFired(name="order"):
                return [*self._answer(Outcome.UNKNOWN, "no order came"), *self._go(now)]
            case act.Received(event=Message(payload=payload)):
                return self._received(event.conn, payload, now)
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
                steps = [step.shown() for step in self.work.steps.values()]
                value = {"orders": list(self.orders), "steps": steps}
                return [act.Reply(ident=event.ident, value=value)]
            case "hang-up":
                asked = self._answer(Outcome.FAILED, "hung up")
                return [*asked, *self._courier.hang_up(event.ident, now)]
        return [act.Reply(ident=event.ident, error=tr("unknown command {name}", name=event.name))]

    # -- results -------------------------------------------------------------------------------

    def _go(self, now: float) -> list[act.Command]:
        """Send what is next; a stream without answers leaves all at once."""
        courier = self._courier
        question = self._question
        if question is not None and not question.sent:
            if not courier.ready:
                return courier.connect()
            question.sent = True
            return [
                act.Send(conn=courier.conn, event=Message(payload=question.payload)),
                act.SetTimer(name="order", at=now + self.section.query_s),
            ]
        commands: list[act.Command] = []
        while sent := courier.send_next():
            commands += sent
            if not courier.busy:
                break  # it is connecting
            if self.section.wait:
                commands.append(act.SetTimer(name="answer", at=now + self.section.ack_s))
                break
            commands += courier.finished(Outcome.UNKNOWN, "the instrument asks for no answer")
        return commands

    def _silence(self, now: float) -> list[act.Command]:
        """No answer in time."""
        if not self._courier.busy:
            return []
        again = self.section.on_silence == "repeat"
        return self._in_vain(Outcome.UNKNOWN, "no answer", now, again=again)

    def _in_vain(
        self, outcome: Outcome, detail: str, now: float, *, again: bool
    ) -> list[act.Command]:
        courier = self._courier
        if again and courier.may_repeat():
            courier.busy = False
            return self._go(now)
        return [*courier.finished(outcome, detail), *self._go(now)]

    def _acknowledged(self, message: Hl7Message, now: float) -> list[act.Command]:
        """MSA for the result that is on its way, or for nobody."""
        courier, job = self._courier, self._courier.head
        if job is None or not courier.busy:
            return []
        payload = job.payloads[job.at]
        if (message.get("MSA-2") or "") != Hl7Message.parse(payload).header.control_id:
            return []
        code = message.get("MSA-1") or ""
        if code == "CA" and self.section.application_ack == "AL":
            return []  # stored; the application's answer is still to come
        quiet = act.SetTimer(name="answer", at=None)
        if code in _GOOD:
            for segment in Hl7Message.parse(payload).segments("OBR"):
                self.work.done(segment.field(2) or "")
            return [quiet, *courier.finished(Outcome.OK), *self._go(now)]
        detail = f"{code} {message.get('MSA-3') or message.get('ERR-3') or ''}".strip()
        again = self.section.on_refusal == "repeat"
        return [quiet, *self._in_vain(Outcome.FAILED, detail, now, again=again)]

    # -- orders --------------------------------------------------------------------------------

    def _ask(self, event: act.Commanded, now: float) -> list[act.Command]:
        if self.section.query == "none":
            return [act.Reply(ident=event.ident, error=tr("this instrument asks for no orders"))]
        if self._question is not None:
            return [act.Reply(ident=event.ident, error=tr("the instrument is busy"))]
        barcode, control_id = str(event.args.get("barcode", "")), self._own_id()
        payload = hl7_messages.question(
            self.section, barcode, control_id=control_id, time=self.clock.wall()
        )
        self._question = _Question(event.ident, barcode, control_id, payload)
        return self._go(now)

    def _received(self, conn: str, payload: bytes, now: float) -> list[act.Command]:
        message = Hl7Message.parse(payload)
        kind = message.header.type
        family = kind.partition("^")[0]
        question = self._question
        if kind == "DSR^Q03":
            return self._displayed(conn, message, now)
        if kind == "OML^O33":
            return self._ordered(conn, message, now)
        if family in _ANSWERS:
            if question is not None and message.get("MSA-2") == question.control_id:
                return self._told(message, family, now)
            return self._acknowledged(message, now)
        if not message.header.control_id:
            return []
        error = AckError(code="200", segment="MSH", field=9)
        return [self._say(conn, self._acknowledge(message, "AR", error))]

    def _told(self, message: Hl7Message, family: str, now: float) -> list[act.Command]:
        """The answer to our question: there is work and it follows, there is none, or AE."""
        code = message.get("MSA-1") or ""
        if family == "ORR":
            if code == "AA":
                self._remember(hl7_orders.reply(message, self.section))
            return [*self._answer(Outcome.OK, "" if code == "AA" else "no order"), *self._go(now)]
        status = message.get("QAK-2") or ""
        if code not in {"AA", "CA"} or status not in {"OK", ""}:
            outcome = Outcome.OK if status == "NF" else Outcome.FAILED
            detail = "no order" if status == "NF" else f"{code} {status}".strip()
            return [*self._answer(outcome, detail), *self._go(now)]
        return [act.SetTimer(name="order", at=now + self.section.query_s)]

    def _displayed(self, conn: str, message: Hl7Message, now: float) -> list[act.Command]:
        """DSR^Q03: keep it, acknowledge it; the host sends the next after that."""
        order = hl7_orders.display(message, self.section)
        self._remember(order)
        ack = hl7_messages.acknowledgement(
            self.section,
            message.header.control_id,
            event="Q03",
            control_id=self._own_id(),
            time=self.clock.wall(),
        )
        commands = [self._say(conn, ack)]
        if self._question is None:
            return commands
        if order["more"]:
            return [*commands, act.SetTimer(name="order", at=now + self.section.query_s)]
        return [*commands, *self._answer(Outcome.OK, ""), *self._go(now)]

    def _ordered(self, conn: str, message: Hl7Message, now: float) -> list[act.Command]:
        """OML^O33: accept or refuse each step; it may be the answer to our question."""
        if self.section.dialect != "law":
            error = AckError(code="200", segment="MSH", field=9)
            return [self._say(conn, self._acknowledge(message, "AR", error))]
        answers = []
        for control, step in law.orders(message):
            code = self.work.take(control, step)
            answers.append((step, code))
            codes = [step.code] if step.code else []
            self._remember(
                {"control": control, "answer": code, "barcode": step.barcode, "step": step.step,
                 "stat": step.priority, **hl7_orders.named(codes, self.section)}
            )  # fmt: skip
        if not answers:
            error = AckError(code="100", segment="ORC")
            return [self._say(conn, self._acknowledge(message, "AE", error))]
        answer = law.order_answer(
            self.section, message, answers, control_id=self._own_id(), time=self.clock.wall()
        )
        question = self._question
        commands = [self._say(conn, answer)]
        if question is not None and any(s.barcode == question.barcode for s, _ in answers):
            commands += [*self._answer(Outcome.OK, ""), *self._go(now)]
        return commands

    def _remember(self, order: dict[str, Any]) -> None:
        if len(self.orders) < ORDERS_MAX:
            self.orders.append(order)
        question = self._question
        if question is not None and question.barcode in {"", order["barcode"]}:
            question.found.append(order)

    def _answer(self, outcome: Outcome, detail: str) -> list[act.Command]:
        question, self._question = self._question, None
        if question is None:
            return []
        value = {"outcome": outcome.value, "detail": detail, "orders": question.found}
        return [
            act.SetTimer(name="order", at=None),
            act.Reply(ident=question.ident, value=value),
        ]

    # -- saying --------------------------------------------------------------------------------

    def _own_id(self) -> str:
        self._own_ids += 1
        return str(self._own_ids - 1)

    def _acknowledge(self, message: Hl7Message, code: str, error: AckError) -> bytes:
        time = self.clock.wall().strftime("%Y%m%d%H%M%S")
        return acknowledge(message, code, control_id=self._own_id(), time=time, error=error)

    @staticmethod
    def _say(conn: str, payload: bytes) -> act.Command:
        return act.Send(conn=conn, event=Message(payload=payload))
