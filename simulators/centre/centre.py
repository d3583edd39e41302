"""The centre as an actor: a request comes in, its changes are committed, its answer goes out.

Order is the point: what a settlement changes is in the books before the first byte of its answer
leaves, unless a fault says otherwise. Each fault that fires leaves a note with its id, the
transaction and the msgid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from harness.clock import Clock
from harness.errors import HarnessError
from harness.link import actor as act
from harness.wire.core import Core
from harness.wire.http1 import HttpLimits, HttpServerCore
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import (
    HttpExhausted,
    HttpRefusal,
    HttpRequest,
    HttpResponse,
    Misbehaviour,
)
from simulators import trouble
from simulators.centre import (
    arming,
    centre_commands,
    counter,
    refusals,
    schema_check,
    signing_in,
)
from simulators.centre import centre_faults as faults
from simulators.centre.callback import HELD_S, PAYING, Callbacks
from simulators.centre.clock import CentreClock
from simulators.centre.doorman import Doorman, alarm
from simulators.centre.gateway import Gateway, Turned
from simulators.centre.provinces import Province
from simulators.centre.transaction import OK, REFUSED, Answer, Call, Handled, Handler
from simulators.store import Store

LINK: Final = "centre"
"""The link on which hospitals connect."""

LATE_S: Final = 30.0
"""How late F5 answers unless told otherwise: beyond most clients' patience."""


@dataclass(slots=True)
class _Waiting:
    """Something that is done when its timer fires."""

    conn: str
    response: HttpResponse | None = None
    again: Call | None = None


@dataclass(slots=True)
class Centre:
    """The actor of one centre.

    Args:
        province: its rules.
        handlers: transactions with behaviour, by number.
        store: its books.
        clock: of the driver.
        seed: of keyed faults.
        calls_back: tell hospitals of payments by mobile phone (6302), over ``callback.LINK``.
        door: lets in calls about test persons alone; None where another gate stands before us.
    """

    province: Province
    handlers: Mapping[str, Handler]
    store: Store
    clock: Clock
    seed: int = 0
    limits: HttpLimits = field(default_factory=HttpLimits)
    role: str = "centre"
    calls_back: bool = False
    door: Doorman | None = None
    gateway: Gateway = field(init=False)
    time: CentreClock = field(init=False)
    book: faults.FaultBook = field(init=False)
    callbacks: Callbacks = field(init=False)
    answered: int = 0
    alarms: int = 0
    spent_after: dict[str, str] = field(default_factory=dict)
    """Persons whose account is spent elsewhere, and after which transaction."""
    _waiting: dict[str, _Waiting] = field(default_factory=dict)
    _last: HttpResponse | None = None
    _turn: int = 0

    def __post_init__(self) -> None:
        self.gateway = Gateway(self.province)
        self.time = CentreClock(self.clock, self.province.zone())
        self.book = faults.FaultBook(self.seed)
        self.callbacks = Callbacks(self.store, self.time, self.book)

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP, as the server; as the client where we call a hospital."""
        return HttpClientCore() if client else HttpServerCore(limits=self.limits)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The whole behaviour."""
        if self.callbacks.waiting and self.callbacks.concerns(event):
            return list(self.callbacks.on_event(event, now))
        match event:
            case act.Received(conn=conn, event=HttpRequest() as request):
                return self._guarded(conn, request, now)
            case act.Received(conn=conn, event=HttpRefusal() as refusal):
                return self._broken(conn, refusal)
            case act.Received(conn=conn, event=HttpExhausted()):
                return [act.Close(conn=conn)]
            case act.Opened(conn=conn):
                return self._opened(conn)
            case act.TimerFired(name=name):
                return self._fired(name, now)
            case act.Commanded():
                return [centre_commands.obey(self, event)]
        return []

    def _opened(self, conn: str) -> list[act.Command]:
        fault = self.book.due_on_connect()
        if fault is None:
            return []
        note = act.Note(text=f"fault {fault.id} {fault.action} connect")
        # A handshake that fails ends in order; a refused connection is reset.
        return [note, act.Close(conn=conn, reset=fault.action == "F0")]

    def _broken(self, conn: str, refusal: HttpRefusal) -> list[act.Command]:
        text = refusals.text(self.province.texts, "http", detail=refusal.code)
        answer = refusals.gateway_error(refusal.status, refusal.status, text)
        note = act.Note(text=f"turned away: {refusal.code}")
        return [note, act.Send(conn=conn, event=answer)]

    def _guarded(self, conn: str, request: HttpRequest, now: float) -> list[act.Command]:
        """A request that trips us costs its sender an answer, and nobody else anything."""
        try:
            return self._request(conn, request, now)
        except Turned as turned:
            note = act.Note(text=f"turned away: {turned.cause}")
            return [note, act.Send(conn=conn, event=turned.response)]
        except Exception as error:  # noqa: BLE001 - one request must not end the centre
            trouble.tell(self.role, error)
            answer = self.gateway.refusal("internal", self.time.wall())
            note = act.Note(text=f"internal error: {type(error).__name__}")
            return [note, act.Send(conn=conn, event=answer)]

    def _request(self, conn: str, request: HttpRequest, now: float) -> list[act.Command]:
        at = self.time.wall()
        if self.time.in_maintenance():
            raise Turned(self.gateway.refusal("maintenance", at), "maintenance")
        call = self.gateway.admit(request, at)
        if self.door is not None and (place := self.door.stranger(call, self.store)):
            return self._turned_off(conn, call, place)
        fault = self.book.due(call)
        if fault is None:
            return self._answered(conn, call, self.handle(call), now)
        text = f"fault {fault.id} {fault.action} {call.infno} {call.msgid}"
        return [act.Note(text=text), *self._faulty(conn, call, fault, now)]

    def _turned_off(self, conn: str, call: Call, place: str) -> list[act.Command]:
        """Nothing about a stranger is done, and what is told is what an unknown person is told."""
        note, row = alarm(call, place)
        self.alarms += 1
        refusal = self.gateway.refusal("stranger", call.at)
        return [
            act.Note(text=note),
            act.Commit(statements=[row]),
            act.Send(conn=conn, event=refusal),
        ]

    # -- one transaction -----------------------------------------------------------------------

    def handle(self, call: Call) -> Handled:
        """What a call leads to, without a fault."""
        if call.infno in signing_in.NUMBERS:
            return signing_in.handle(call, self.store, self.province.texts)
        if self.province.sign_in == "required" and not signing_in.valid(call, self.store):
            text = refusals.text(self.province.texts, "sign_in", opter=call.opter)
            return Handled(answer=Answer(infcode=REFUSED, err_msg=text))
        handler = self.handlers.get(call.infno)
        if handler is not None:
            handled = handler(call, self.store)
            if handled.answer.infcode == OK:
                return handled
            return arming.again(call, self.store, handler, handled)
        transaction = self.gateway.transaction(call.infno)
        output = schema_check.shaped(self.gateway.spec, transaction, call.input, call.at)
        return Handled(answer=Answer(output=output, modelled=False))

    def _answered(self, conn: str, call: Call, handled: Handled, now: float) -> list[act.Command]:
        response = self.gateway.respond(handled.answer, call, self.time.wall())
        done = self._committed(call, handled, now)
        if call.infno == PAYING and self.callbacks.first:  # F20: told before it is answered
            return [*done, self._later(_Waiting(conn, response=response), now + HELD_S)]
        return [*done, self._send(conn, response)]

    def _committed(self, call: Call, handled: Handled, now: float) -> list[act.Command]:
        commands: list[act.Command] = []
        if not handled.answer.modelled:
            commands.append(act.Note(text=f"unmodelled {call.infno} {call.msgid}"))
        if handled.note:
            commands.append(act.Note(text=handled.note))
        if handled.statements:
            commands.append(act.Commit(statements=handled.statements))
            if self.calls_back and call.infno == PAYING:
                commands += self.callbacks.after(call, handled, now)
        if self.spent_after and (elsewhere := counter.spent(self, call)):
            commands.append(act.Note(text=f"spent elsewhere after {call.infno} {call.msgid}"))
            commands.append(act.Commit(statements=elsewhere))
        return commands

    def _send(self, conn: str, response: HttpResponse) -> act.Command:
        self._last = response
        self.answered += 1
        return act.Send(conn=conn, event=response)

    # -- faults --------------------------------------------------------------------------------

    def _faulty(
        self, conn: str, call: Call, fault: faults.CentreFault, now: float
    ) -> list[act.Command]:
        """Everything that goes wrong before, at or after the commit."""
        early = self._early(conn, call, fault)
        if early is not None:
            return early
        if fault.action == "F13":
            seconds = float(fault.parameters.get("seconds", "86400"))
            call = replace(call, at=call.at + timedelta(seconds=seconds))
        handled = self.handle(call)
        how = fault.parameters.get("how", "")
        idle = fault.action in {"F9", "F13"} and not handled.statements
        if fault.action == "F9" or (fault.action == "F15" and how == "remains"):
            handled = replace(handled, statements=())
        done = self._committed(call, handled, now)
        if fault.action == "F3" or (fault.action == "F15" and how == "timeout"):
            return [*done, act.Close(conn=conn, reset=True)]
        if fault.action == "F10":
            return [*done, self._later(_Waiting(conn, again=call), now)]
        changed = self._changed(handled.answer, fault)
        response = self._spoiled(call, changed, fault)
        spoilt = response is self._last if fault.action == "F11" else changed != handled.answer
        if fault.action in faults.CHANGES_ANSWER and how not in faults.WHOLE:
            idle = not spoilt
        elif how == "gbk":
            idle = response.payload.isascii()
        if idle:
            # Nothing in this answer could be spoiled: a scenario must not count on it.
            self.book.missed(fault)
            done.append(act.Note(text=f"fault {fault.id} found nothing to change"))
        if fault.action == "F5":
            late_s = float(fault.parameters.get("seconds", LATE_S))
            return [*done, self._later(_Waiting(conn, response=response), now + late_s)]
        after: Sequence[act.Command] = ()
        if fault.action == "F4":
            after = [act.Close(conn=conn, reset=fault.parameters.get("end", "reset") == "reset")]
        return [*done, act.Send(conn=conn, event=response), *after]

    def _early(self, conn: str, call: Call, fault: faults.CentreFault) -> list[act.Command] | None:
        """What happens before a handler is asked; None where one is."""
        at = self.time.wall()
        how = fault.parameters.get("how", "")
        response: HttpResponse | None = None
        match fault.action:
            case "F1":
                return []
            case "F2":
                return [act.Close(conn=conn, reset=True)]
            case "F14":
                cause = how or "expired"
                if cause == "token":
                    self.gateway.doorkeeper.forget_tokens()
                text = refusals.text(self.province.texts, cause)
                response = refusals.gateway_error(401, 401, text)
            case "F22":
                text = refusals.text(self.province.texts, "rate")
                response = refusals.gateway_error(429, 429, text)
            case "F21":
                response = self.gateway.refusal("maintenance", at)
            case "F16":
                response = self.gateway.refusal("already_undone", at)
            case "F15" if how in {"", "refused"}:
                response = self.gateway.refusal("undo_refused", at)
            case "F17" if how == "expired":
                response = self.gateway.refusal("file_gone", at)
        return None if response is None else [act.Send(conn=conn, event=response)]

    def _changed(self, answer: Answer, fault: faults.CentreFault) -> Answer:
        """The answer with what the fault changes in it."""
        how = fault.parameters.get("how", "")
        match fault.action:
            case "F7" if how not in faults.WHOLE:
                output = faults.misrepresented(answer.output, how or "missing")
                return replace(answer, output=output)
            case "F17" if answer.file is not None:
                return replace(answer, file=faults.spoiled_file(answer.file, how or "empty"))
            case "F18":
                codes = self.province.books_policy().total_rslt
                return replace(answer, output=faults.turned_round(answer.output, *codes))
            case "F19":
                wanted = fault.parameters.get("identity", "I1")
                return replace(answer, output=faults.broken_amounts(answer.output, wanted))
        return answer

    def _spoiled(self, call: Call, answer: Answer, fault: faults.CentreFault) -> HttpResponse:
        """The answer as the fault leaves it."""
        at, how = self.time.wall(), fault.parameters.get("how", "")
        match fault.action:
            case "F6":
                return refusals.error_page(int(fault.parameters.get("status", "502")))
            case "F8":
                return self.gateway.refusal("fault", at)
        response = self.gateway.respond(answer, call, at)
        match fault.action:
            case "F4":
                half = len(response.payload) // 2
                cut = int(fault.parameters.get("bytes", half))
                return replace(response, misbehaviour=Misbehaviour(cut_after=cut))
            case "F7" if how in faults.REWRITTEN:
                return replace(response, payload=faults.rewritten(response.payload, how))
            case "F7" if how == "encoding":
                return replace(response, payload=faults.reencoded(response.payload))
            case "F11" if self._last is not None:
                return self._last
            case "F12":
                every_s = float(fault.parameters.get("seconds", "1"))
                drip = Misbehaviour(
                    drip_bytes=int(fault.parameters.get("bytes", "8")), drip_every_s=every_s
                )
                return replace(response, misbehaviour=drip)
        return response

    def _later(self, waiting: _Waiting, at: float) -> act.Command:
        self._turn += 1
        name = f"answer#{self._turn}"
        self._waiting[name] = waiting
        return act.SetTimer(name=name, at=at)

    def _fired(self, name: str, now: float) -> list[act.Command]:
        waiting = self._waiting.pop(name, None)
        if waiting is None:
            return []
        if waiting.again is not None:
            return self._answered(waiting.conn, waiting.again, self.handle(waiting.again), now)
        if waiting.response is None:
            raise HarnessError("nothing waits")
        return [self._send(waiting.conn, waiting.response)]
