"""The cashier of the built-in HIS: an actor that settles with the centre, one connection a message.

A message is written into the log before it leaves. What was under way when the HIS died is unknown
when it comes back, and is found out about. A bill has one flow at a time, whatever channel asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.clock import Clock
from harness.errors import HarnessError, InputError
from harness.link import actor as act
from harness.wire.core import Core
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import HttpBroken, HttpRequest, HttpResponse
from harness.wire.json_exact import dumps
from simulators.centre.provinces import Province
from simulators.hospital import cashier_bills as bills
from simulators.hospital import cashier_books as books
from simulators.hospital.cashier_client import SETTLING, Client
from simulators.hospital.cashier_day import DayEnd
from simulators.hospital.cashier_flows import Flows
from simulators.hospital.cashier_manner import Manner
from simulators.hospital.cashier_model import (
    AT_WORK,
    PENDING,
    UNKNOWN,
    Ask,
    Bill,
    Flow,
    Outcome,
    Save,
    Statement,
    Wait,
)
from simulators.hospital.cashier_repair import Repair
from simulators.hospital.his_insurance import Around, emptied
from simulators.hospital.outbox import Timing
from simulators.store import Store, insert

LINK: Final = "his-centre"
"""The link to the centre; we connect."""

PREFIX: Final = "yb-"
"""Connections and timers of ours begin with it."""

PATIENCE: Final = 3.0
"""How many times the answer time of an HL7 message the centre gets: it computes and commits."""

BRIEF_S: Final = 0.2
"""What a HIS waits that takes every answer for quick."""

BEGIN_S: Final = 0.05
"""Between an order and its first message: whoever ordered is answered before anything happens."""

ANSWER_CHARS_MAX: Final = 40_000
"""Of an answer that the log keeps: what the interface allows."""


@dataclass(slots=True)
class _Call:
    """One message on its way."""

    key: str
    ask: Ask
    msgid: str
    request: HttpRequest
    done: bool = False


@dataclass(slots=True)
class Cashier:
    """The settlement part of a HIS."""

    store: Store
    clock: Clock
    defects: set[str]
    timing: Timing
    province: Province
    role: str = "HIS"
    flows: Flows = field(init=False)
    around: Around = field(init=False)
    client: Client = field(init=False)
    _running: dict[str, Flow] = field(default_factory=dict)
    _calls: dict[str, _Call] = field(default_factory=dict)
    _turn: int = 0

    def __post_init__(self) -> None:
        written = self.store.rows("SELECT COUNT(*) AS n FROM yb_log")[0]["n"]
        self.client = Client(self.province, self.defects, sequence=int(written))
        self.flows = Flows(
            store=self.store,
            wall=self.clock.wall,
            defects=self.defects,
            pause_s=self.timing.retry_s,
            reversible=self.province.books_policy().reversible,
        )
        self.around = Around(self.flows)

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP, as the client."""
        return HttpClientCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The whole behaviour."""
        match event:
            case act.Started():
                return self._started(now)
            case act.Opened(conn=conn) if conn in self._calls:
                return [act.Send(conn=conn, event=self._calls[conn].request)]
            case act.Received(conn=conn, event=HttpResponse() as response) if conn in self._calls:
                call = self._calls[conn]
                return self._ended(conn, self.client.outcome(call.ask, call.msgid, response), now)
            case act.Received(conn=conn, event=HttpBroken() as broken) if conn in self._calls:
                return self._lost(conn, broken.message, now)
            case act.Closed(conn=conn) | act.Refused(conn=conn) if conn in self._calls:
                return self._lost(conn, event.reason or "closed", now)
            case act.TimerFired(name=name) if name.startswith(f"{PREFIX}answer|"):
                return self._lost(name.partition("|")[2], "no answer in time", now)
            case act.TimerFired(name=name) if name.startswith(f"{PREFIX}wait|"):
                return self._resumed(name.partition("|")[2], None, now)
            case act.Commanded():
                return self._commanded(event, now)
        return []

    def concerns(self, event: act.ActorEvent) -> bool:
        """Whether an event is about us."""
        match event:
            case act.Opened(conn=conn) | act.Refused(conn=conn) | act.Closed(conn=conn):
                return conn.startswith(PREFIX)
            case act.Received(conn=conn):
                return conn.startswith(PREFIX)
            case act.TimerFired(name=name):
                return name.startswith(PREFIX)
            case act.Commanded(name=name):
                return name.startswith(PREFIX)
        return False

    # -- what its users do ---------------------------------------------------------------------

    def pending(self) -> int:
        """Flows that are not at their end."""
        return len(self._running)

    def begin(self, key: str, flow: Flow, now: float) -> list[act.Command]:
        """Let a flow begin that nobody ordered, unless one of that key is at work."""
        return self._begun(key, flow, now)[0]

    def abandon(self) -> None:
        """Give up every flow; their bills stay where they are."""
        self._running.clear()
        self._calls.clear()

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        args = {name: str(value) for name, value in event.args.items()}
        try:
            commands, accepted = self._obeyed(event.name.removeprefix(PREFIX), args, now)
        except KeyError as error:
            return [act.Reply(ident=event.ident, error=f"{event.name}: missing {error}")]
        except HarnessError as error:
            return [act.Reply(ident=event.ident, error=f"{event.name}: {error.message}")]
        return [*commands, act.Reply(ident=event.ident, value={"accepted": accepted})]

    def _obeyed(
        self, name: str, args: Mapping[str, str], now: float
    ) -> tuple[list[act.Command], bool]:
        match name:
            case "bill":
                return [
                    act.Commit(
                        statements=bills.new(self.store, self.clock.wall(), self.defects, args)
                    )
                ], True
            case "settle":
                return self._settle(args, now)
            case "refund":
                return self._refund(args, now)
            case "reset":
                self.abandon()
                self.client.manner = Manner()
                return [act.Commit(statements=[*books.emptied(), *emptied()])], True
            case "manner":
                self.client.manner = Manner.of(args)
                return [], True
            case "day":
                day = args.get("day") or books.stamp(self.clock.wall())[:10]
                return self._begun(f"day {day}", DayEnd(self.flows).run(day), now)
            case "repair":
                return self._begun(f"repair {args['bill_no']}", Repair(self.flows).run(args), now)
        return self._begun(*self.around.begun(name, args), now)

    def _bill(self, args: Mapping[str, str]) -> Bill:
        bill = books.read_bill(self.store, args["bill_no"])
        if bill is None:
            raise InputError(f"no bill {args['bill_no']}")
        return bill

    def _settle(self, args: Mapping[str, str], now: float) -> tuple[list[act.Command], bool]:
        """One settlement a bill, however often and from wherever it is asked for."""
        bill = self._bill(args)
        channel = args.get("channel", "window")
        key = bill.bill_no
        free = bill.state in {"open", "failed"}
        if "his-yb-double-click" in self.defects and bill.channel in {"", channel}:
            key, free = self._next_key(key), True
        if "his-yb-guards-by-channel" in self.defects:
            key, free = f"{key} {channel}", free or bill.channel != channel
        if not free or key in self._running:
            return [], False
        bill.seek = bill.state == "failed"
        bill.channel = channel
        mark = books.update_row(
            "yb_bill", {"bill_no": bill.bill_no}, {"channel": channel, "state": "settling"}
        )
        flow = self.flows.settle(bill)
        if bill.seek:  # what was refused may stand at the centre all the same
            flow = self.flows.settle_again(bill, *bills.last_message(self.store, bill))
        return self._begun(key, self._marked(mark, flow), now)

    @staticmethod
    def _marked(mark: Statement, flow: Flow) -> Flow:
        yield Save(statements=[mark])
        yield from flow

    def _next_key(self, key: str) -> str:
        self._turn += 1
        return f"{key} {self._turn}"

    def _refund(self, args: Mapping[str, str], now: float) -> tuple[list[act.Command], bool]:
        """``keep`` names the lines that stay, by number; without it everything is refunded."""
        bill = self._bill(args)
        kept = {int(one) for one in args.get("keep", "").split(",") if one}
        keep = [line for line in bill.lines if line.line in kept]
        if bill.state != "settled" or bill.bill_no in self._running:
            return [], False
        return self._begun(bill.bill_no, self.around.taken_back(bill, keep), now)

    # -- flows ---------------------------------------------------------------------------------

    def _begun(self, key: str, flow: Flow, now: float) -> tuple[list[act.Command], bool]:
        if key in self._running:
            return [], False
        self._running[key] = flow
        return [act.SetTimer(name=f"{PREFIX}wait|{key}", at=now + BEGIN_S)], True

    def _resumed(self, key: str, value: Any, now: float) -> list[act.Command]:
        """Let a flow go on until it has to wait."""
        flow = self._running.get(key)
        if flow is None:
            return []
        commands: list[act.Command] = []
        while True:
            try:
                step = flow.send(value)
            except StopIteration:
                del self._running[key]
                return commands
            value = None
            match step:
                case Save(statements=statements):
                    # It goes on once they are committed: what it reads next is what it wrote.
                    commands.append(act.Commit(statements=statements))
                    return [*commands, act.SetTimer(name=f"{PREFIX}wait|{key}", at=now)]
                case Wait(seconds=seconds):
                    commands.append(act.SetTimer(name=f"{PREFIX}wait|{key}", at=now + seconds))
                    return commands
                case Ask():
                    return [*commands, *self._sent(key, step, now)]

    def _sent(self, key: str, ask: Ask, now: float) -> list[act.Command]:
        """Into the log, and out."""
        at = self.clock.wall()
        msgid = ask.msgid or self.client.msgid(at)
        self._turn += 1
        conn = f"{PREFIX}{ask.infno}#{self._turn}"
        channel = ask.bill.channel if ask.bill and ask.channel == "window" else ask.channel
        ask = Ask(
            infno=ask.infno,
            nodes=ask.nodes,
            bill=ask.bill,
            msgid=msgid,
            channel=channel or "window",
        )
        self._calls[conn] = _Call(key, ask, msgid, self.client.request(ask, msgid, at))
        patience_s = self.timing.answer_s * PATIENCE
        if "his-yb-waits-briefly" in self.defects and ask.infno in SETTLING:
            patience_s = BRIEF_S
        log: list[act.Command] = [act.Commit(statements=[self._log(ask, msgid, at)])]
        if "his-yb-no-log" in self.defects:
            log = []
        return [
            *log,
            act.SetTimer(name=f"{PREFIX}answer|{conn}", at=now + patience_s),
            act.Open(link=LINK, conn=conn),
        ]

    def _log(self, ask: Ask, msgid: str, at: Any) -> Statement:
        row = {
            "msgid": msgid,
            "infno": ask.infno,
            "bill_no": ask.bill.bill_no if ask.bill else "",
            "opter": ask.channel,
            "request": dumps(ask.nodes),
            "state": PENDING,
            "answer": "",
            "err_msg": "",
            "sent_at": books.stamp(at),
            "answered_at": "",
        }
        return insert("yb_log", row)

    def _lost(self, conn: str, why: str, now: float) -> list[act.Command]:
        call = self._calls.get(conn)
        if call is None:
            return []
        out = Outcome(state=UNKNOWN, msgid=call.msgid, err_msg=why)
        return self._ended(conn, out, now)

    def _ended(self, conn: str, out: Outcome, now: float) -> list[act.Command]:
        """What became of a message goes into the log before the flow goes on."""
        call = self._calls.pop(conn)
        changed = {
            "state": out.state,
            "answer": "" if out.output is None else dumps(out.output)[:ANSWER_CHARS_MAX],
            "err_msg": out.err_msg,
            "answered_at": books.stamp(self.clock.wall()),
        }
        key = {"msgid": call.msgid, "infno": call.ask.infno, "state": PENDING}
        return [
            act.SetTimer(name=f"{PREFIX}answer|{conn}", at=None),
            act.Close(conn=conn, reset=out.state == UNKNOWN),
            act.Commit(statements=[books.update_row("yb_log", key, changed)]),
            *self._resumed(call.key, out, now),
        ]

    # -- after a crash -------------------------------------------------------------------------

    def _started(self, now: float) -> list[act.Command]:
        """Fill an empty mapping table; what was pending is unknown now."""
        commands: list[act.Command] = []
        if not self.store.rows("SELECT 1 AS n FROM yb_map LIMIT 1"):
            commands.append(act.Commit(statements=books.mapping_rows()))
        for key, flow in self.around.left():
            commands += self._begun(key, flow, now)[0]
        lost = ("UPDATE yb_log SET state = ? WHERE state = ?", (UNKNOWN, PENDING))
        at_work = self.store.rows(
            "SELECT bill_no FROM yb_bill WHERE state IN (?, ?, ?) ORDER BY bill_no", AT_WORK
        )
        if not at_work:
            return commands
        commands.append(act.Commit(statements=[lost]))
        for row in at_work:
            bill = books.read_bill(self.store, row["bill_no"])
            if bill is not None:
                last, infno = bills.last_message(self.store, bill)
                commands += self._begun(bill.bill_no, self.flows.recover(bill, last, infno), now)[0]
        return commands
