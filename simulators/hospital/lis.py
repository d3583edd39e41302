"""The built-in LIS: analyzers over four protocols, the HIS over HL7, laboratory staff by command.

It keeps everything in its store, commits before it acknowledges, and forgets nothing when it
crashes. Its defects are switched on by id; see ``defects.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.clock import Clock
from harness.errors import HarnessError
from harness.link import actor as act
from harness.wire.astm_link import AstmLinkConfig, AstmLinkCore
from harness.wire.core import Core, Message
from harness.wire.hl7 import Hl7Message
from harness.wire.mllp import MllpCore
from harness.wire.poct1a_core import Poct1aCore
from simulators.hospital import (
    adt,
    critical,
    inbox_flaws,
    lis_flaws,
    lis_flaws_guess,
    lis_framed,
    lis_poct,
    messages,
)
from simulators.hospital.inbox import Inbox, Refusal, Statement
from simulators.hospital.lis_astm import AstmAnalyzers
from simulators.hospital.lis_framed import FramedAnalyzers
from simulators.hospital.lis_hl7 import Hl7Analyzers
from simulators.hospital.lis_lines import Lines
from simulators.hospital.lis_poct import PoctAnalyzers
from simulators.hospital.lis_users import Users
from simulators.hospital.outbox import Outbox, Timing
from simulators.store import Store

ANALYZER, ANALYZER_HL7, ORDERS, RESULTS = "analyzer-lis", "analyzer-lis-hl7", "his-lis", "lis-his"
"""Links: analyzers connect to us over ASTM and over HL7, the HIS connects to us, we to the HIS."""

ANALYZER_FRAMED, ANALYZER_POCT = lis_framed.LINK, lis_poct.LINK
"""Links of the instruments with a framing of their own, and of POCT1-A2 devices."""


@dataclass(slots=True)
class Lis:
    """The actor of the LIS."""

    store: Store
    clock: Clock
    defects: set[str] = field(default_factory=set)
    timing: Timing = field(default_factory=Timing)
    link_config: AstmLinkConfig = field(
        default_factory=lambda: AstmLinkConfig(side="host", auto_accept=False)
    )
    role: str = "LIS"
    outbox: Outbox = field(init=False)
    inbox: Inbox = field(init=False)
    astm: AstmAnalyzers = field(init=False)
    hl7: Hl7Analyzers = field(init=False)
    framed: FramedAnalyzers = field(init=False)
    poct: PoctAnalyzers = field(init=False)
    users: Users = field(init=False)
    lines: Lines = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(RESULTS, self.store, self.timing, self.defects, "lis")
        self.inbox = Inbox("LIS", self.store, self.defects, "lis")
        self.astm = AstmAnalyzers(self.store, self.outbox, self.defects, self._stamp)
        self.hl7 = Hl7Analyzers(self.store, self.outbox, self.defects, self._stamp)
        self.framed = FramedAnalyzers(self.store, self.outbox, self.defects, self._stamp)
        self.poct = PoctAnalyzers(self.store, self.outbox, self.defects, self._stamp)
        self.lines = Lines(self.defects)
        self.users = Users(self.store, self.outbox, self.defects, self._stamp)

    def open_core(self, link: str, *, client: bool) -> Core:
        """ASTM towards most analyzers, MLLP towards the HIS and analyzers that speak HL7."""
        if link == ANALYZER_FRAMED:
            return self.framed.open_core()
        if link == ANALYZER_POCT:
            return Poct1aCore()
        if link == ANALYZER:
            return AstmLinkCore(lis_flaws.link_config(self.link_config, self.defects))
        if link == ORDERS:
            return self.lines.core(inbox_flaws.receiving_core(self.defects))
        return inbox_flaws.sending_core(self.defects) if link == RESULTS else MllpCore()

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """The whole behaviour."""
        match event:
            case act.Started():
                self.astm.started()
                return [self.outbox.soon(now), *self._watch(now)]
            case act.Opened(conn=conn, link=link) if link == ANALYZER and self.astm.deaf:
                return [act.Close(conn=conn)]
            case act.Received(link=link) if link == ANALYZER:
                return self._watched(self.astm.on_event(event, now), now)
            case act.Received(conn=conn, link=link, event=Message() as message) if (
                link == ANALYZER_HL7
            ):
                return self._watched(self.hl7.take(conn, message.payload, now), now)
            case act.Received(link=link) if link == ANALYZER_FRAMED:
                return self._watched(self.framed.on_event(event, now), now)
            case act.Received(link=link) if link == ANALYZER_POCT:
                return self._watched(self.poct.on_event(event, now), now)
            case act.Received(link=link, event=Message() as message) if link == ORDERS:
                done = self.inbox.take(event.conn, message, self._apply, self._stamp())
                done = self.lines.answered(done, len(message.payload), now)
                return [*self._watched(done, now), *self.astm.push_soon(now)]
            case act.Opened(conn=conn, link=link) if link == ORDERS:
                return self.lines.opened(conn)
            case act.Closed(conn=conn, link=link) if link == ORDERS:
                self.lines.closed(conn)
                return []
            case act.TimerFired(name=name) if name.startswith("apply "):
                return self.lines.fired(name)
            case act.Closed(conn=conn, link=link) if link not in {ORDERS, RESULTS}:
                for part in (self.astm, self.hl7, self.framed, self.poct):
                    part.forget(conn)
                return []
            case act.TimerFired(name="worklist"):
                return self.astm.push(now)
            case act.TimerFired(name="critical"):
                return self._turn(now)
            case act.Commanded():
                return self._commanded(event, now)
        commands = self.outbox.on_event(event, now)
        if isinstance(event, act.Received) and event.link == RESULTS:
            return self._watched(commands, now)
        return commands

    def _stamp(self) -> str:
        return messages.stamp(self.clock.wall())

    # -- 危急值 ----------------------------------------------------------------------------------

    def _watched(self, commands: list[act.Command], now: float) -> list[act.Command]:
        """What is committed may begin, change or end an event: look again after it."""
        commits = any(isinstance(command, act.Commit) for command in commands)
        if not commits or not self.store.rows("SELECT 1 AS n FROM critical_rule LIMIT 1"):
            return commands
        return [*commands, act.SetTimer(name="critical", at=now)]

    def _turn(self, now: float) -> list[act.Command]:
        statements = critical.turn(self.store, self.defects, self._stamp())
        if not statements:
            return self._watch(now)
        return [
            act.Commit(statements=statements),
            self.outbox.soon(now),
            act.SetTimer(name="critical", at=now),
        ]

    def _watch(self, now: float) -> list[act.Command]:
        wait_s = critical.wait_s(self.store, self._stamp())
        return [] if wait_s is None else [act.SetTimer(name="critical", at=now + wait_s)]

    # -- HIS -----------------------------------------------------------------------------------

    def _apply(self, message: Hl7Message) -> list[Statement]:
        kind = f"{message.get('MSH-9.1') or ''}^{message.get('MSH-9.2') or ''}"
        if kind.startswith("ADT^"):
            return adt.apply(message, self.store, self.defects, "lis")
        if kind == "OML^O21":
            statements = adt.apply_order(message, self.store, self.defects)
            return lis_flaws_guess.ordered(statements, self.defects)
        if kind == "ORA^R41":
            return critical.answered(self.store, message, self._stamp())
        if "lis-accepts-unknown-types" in self.defects:
            return []
        raise Refusal("AR", "200", f"unsupported message {kind}")

    # -- whoever runs us -----------------------------------------------------------------------

    def _commanded(self, event: act.Commanded, now: float) -> list[act.Command]:
        if event.name == "pending":
            return [act.Reply(ident=event.ident, value=self.outbox.pending())]
        if event.name == "abandon":
            commit = act.Commit(statements=[self.outbox.abandon()])
            return [commit, act.Reply(ident=event.ident)]
        if event.name == "ask_results":
            return self.astm.ask_results(event)
        if event.name == "indicators":
            rows = self.store.rows(critical.INDICATORS_SQL)
            counts = {name: int(value) for name, value in rows[0].items()}
            return [act.Reply(ident=event.ident, value=counts | critical.indicators(rows))]
        try:
            statements = self.users.order(event.name, event.args)
        except KeyError as error:
            return [act.Reply(ident=event.ident, error=f"{event.name}: missing {error}")]
        except (HarnessError, ValueError) as error:
            return [act.Reply(ident=event.ident, error=f"{event.name}: {error}")]
        if statements is None:
            error_text = f"the LIS knows no command {event.name}"
            return [act.Reply(ident=event.ident, error=error_text)]
        done: list[act.Command] = [
            act.Commit(statements=statements),
            act.Reply(ident=event.ident),
            self.outbox.soon(now),
        ]
        return [*self._watched(done, now), *self.astm.push_soon(now)]
